// Package fault is the error type of gio: a kind, a stable code, a sentence, and what to do next.
package fault

import (
	"errors"
	"fmt"
)

// Kind sorts faults by what the caller can do about them. Its value is the exit code of the command
// line (`gio help exit-codes`); other edges have a table of their own.
type Kind int

// The kinds. The numbers are the exit codes that scripts rely on and never change.
const (
	Internal       Kind = 1  // unexpected: a defect of gio or of the machine
	Usage          Kind = 2  // the command line is wrong
	Auth           Kind = 3  // not authenticated, or not allowed
	Remote         Kind = 4  // a remote API or Git server failed
	NotFound       Kind = 5  // the thing named does not exist, or the token cannot see it
	Cancelled      Kind = 6  // the user said no
	Invalid        Kind = 7  // invalid input, a conflict, or refused by a check
	Timeout        Kind = 8  // a time limit was reached
	Decision       Kind = 9  // gio cannot know and asks a person: `gio resolve`
	PipelineFailed Kind = 10 // a pipeline failed
	Stopped        Kind = 11 // stopped, detached or driven elsewhere: run the same command again
)

var meanings = map[Kind]string{
	0:              "done",
	Internal:       "unexpected error",
	Usage:          "wrong usage",
	Auth:           "not authenticated or not allowed",
	Remote:         "a remote API failed",
	NotFound:       "not found",
	Cancelled:      "cancelled",
	Invalid:        "invalid input, conflict, or refused by a check",
	Timeout:        "timed out",
	Decision:       "needs a decision (gio resolve)",
	PipelineFailed: "a pipeline failed",
	Stopped:        "stopped, detached or driven elsewhere: run again",
}

// Kinds lists every kind in the order of the numbers.
func Kinds() []Kind {
	return []Kind{Internal, Usage, Auth, Remote, NotFound, Cancelled, Invalid, Timeout, Decision, PipelineFailed, Stopped}
}

// String returns the meaning in a few words, as `exit N: meaning` prints it. Kind 0 is "done".
func (k Kind) String() string {
	if m, ok := meanings[k]; ok {
		return m
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Fault is an error that a person can act on. Functions return it as error, never as *Fault, so that
// a nil stays a nil.
type Fault struct {
	Kind    Kind
	Code    string // stable, lower case with dashes: "manifest-syntax"
	Message string // what happened, to what; one sentence, no secrets
	Hints   []Hint // what to do next, most useful first
	Cause   error  // may be nil
}

// New makes a fault. The message is formatted like fmt.Sprintf.
func New(kind Kind, code, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Hint adds a line that says what to do next, formatted like fmt.Sprintf. An argument may be a Next, which each edge renders
// in its own way.
func (f *Fault) Hint(format string, args ...any) *Fault {
	f.Hints = append(f.Hints, Hint{format, args})
	return f
}

// Because sets the cause, which Error appends to the message.
func (f *Fault) Because(err error) *Fault {
	f.Cause = err
	return f
}

// Error returns the message and, after a colon, the cause. It and Unwrap accept a nil receiver, so that a defect is reported
// and not hidden by a panic.
func (f *Fault) Error() string {
	if f == nil {
		return "a fault without content: this is a defect of gio"
	}
	if f.Cause != nil {
		return f.Message + ": " + f.Cause.Error()
	}
	return f.Message
}

// Unwrap gives the cause to errors.Is and errors.As.
func (f *Fault) Unwrap() error {
	if f == nil {
		return nil
	}
	return f.Cause
}

// KindOf returns the kind of the outermost fault in err, Internal for any other error and 0 for nil.
func KindOf(err error) Kind {
	if err == nil {
		return 0
	}
	if f, ok := errors.AsType[*Fault](err); ok && f != nil {
		return f.Kind
	}
	return Internal
}

// CodeOf returns the code of the outermost fault in err, or "".
func CodeOf(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok && f != nil {
		return f.Code
	}
	return ""
}

// Is reports whether err holds a fault of that code.
func Is(err error, code string) bool { return err != nil && CodeOf(err) == code }

// precedence orders several faults: the operator must see first what only a person can fix.
var precedence = []Kind{Auth, Decision, PipelineFailed, Timeout, Stopped}

// Worst returns the error among errs that decides the exit code: the first of 3, 9, 10, 8, 11, else the first error of any
// other kind. It is nil when all are nil.
func Worst(errs ...error) error {
	for _, kind := range precedence {
		for _, err := range errs {
			if err != nil && KindOf(err) == kind {
				return err
			}
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
