package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/rehearse"
)

const (
	usualHold    = 10 * time.Minute // until somebody approves
	mostAttempts = 9                // of one component in a rehearsal
)

// whatIfs reads the flags.
func (o rehearseOptions) whatIfs() (w rehearse.WhatIfs, err error) {
	w.Fails, err = eachOf("fail", o.fail, "@", 1, func(value string) (int, error) {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > mostAttempts {
			return 0, fmt.Errorf("the @ needs a number from 1 to %d", mostAttempts)
		}
		return n, nil
	})
	if err != nil {
		return w, err
	}
	w.Holds, err = eachOf("hold", o.hold, "=", usualHold, func(value string) (time.Duration, error) {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 || d > 24*time.Hour {
			return 0, errors.New("the = needs a time such as 30m, at most 24h")
		}
		return d, nil
	})
	if err != nil {
		return w, err
	}
	w.Answers, err = eachOf("fault", o.fault, "=", rehearse.Lost, oneOf(rehearse.Answers()))
	if err != nil {
		return w, err
	}
	w.Crashes, err = eachOf("crash", o.crash, "=", rehearse.AtSent, oneOf(rehearse.Moments()))
	return w, err
}

// oneOf makes a function that reads a word of a list.
func oneOf[T ~string](all []T) func(string) (T, error) {
	return func(value string) (T, error) {
		var words []string
		for _, one := range all {
			if words = append(words, string(one)); value == string(one) {
				return one, nil
			}
		}
		return "", fmt.Errorf("the = needs one of %s", strings.Join(words, ", "))
	}
}

// eachOf reads the values of a flag: COMPONENT, or COMPONENT, a sign and a value.
func eachOf[T any](flag string, values []string, sign string, otherwise T, read func(string) (T, error)) (map[string]T, error) {
	all := map[string]T{}
	for _, value := range values {
		component, text, given := strings.Cut(value, sign)
		all[component] = otherwise
		if !given {
			continue
		}
		var err error
		if all[component], err = read(text); err != nil {
			return nil, fault.New(fault.Usage, "usage", "--%s %s: %s", flag, value, err)
		}
	}
	return all, nil
}
