package sim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

type triggerBody struct {
	Branch     string                     `json:"branch"`
	Tag        string                     `json:"tag"`
	Parameters map[string]json.RawMessage `json:"parameters"`
}

type runBody struct {
	Definition string                     `json:"definition_id"`
	Config     gitRef                     `json:"config"`
	Checkout   gitRef                     `json:"checkout"`
	Parameters map[string]json.RawMessage `json:"parameters"`
}

type gitRef struct {
	Branch string `json:"branch"`
	Tag    string `json:"tag"`
}

type creationItem struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Number    int64  `json:"number"`
	CreatedAt string `json:"created_at"`
}

// trigger is the older endpoint (contracts/circleci.md 1.3).
func (s *Sim) trigger(c *call) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	if p.app() {
		return fail(http.StatusBadRequest, "This endpoint does not serve projects of the GitHub App")
	}
	var body triggerBody
	if err := c.decode(&body); err != nil {
		return fail(http.StatusBadRequest, "Unexpected request body provided")
	}
	return s.start(p, ref{body.Branch, body.Tag}, body.Parameters, p.SkipStatus, c.now)
}

// triggerRun is the recommended endpoint (contracts/circleci.md 1.4). Unlike the older endpoint it refuses broken
// JSON and an unknown definition_id.
func (s *Sim) triggerRun(c *call) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	var body runBody
	if err := c.decode(&body); err != nil || c.json && len(c.body) > 0 && !json.Valid(c.body) {
		return fail(http.StatusBadRequest, "Unexpected request body provided")
	}
	if !s.defines(p, body.Definition) {
		return fail(http.StatusNotFound, "Entity not found")
	}
	at := cmp.Or(body.Config, body.Checkout)
	return s.start(p, ref{at.Branch, at.Tag}, body.Parameters, http.StatusOK, c.now)
}

// start triggers a pipeline, unless the commit message contains [skip ci]: then the answer has a message and no id.
func (s *Sim) start(p *project, at ref, params map[string]json.RawMessage, skipStatus int, now time.Time) answer {
	if at == (ref{}) {
		at.branch = p.DefaultBranch
	}
	values, err := readParameters(params)
	switch {
	case at.branch != "" && at.tag != "":
		return fail(http.StatusBadRequest, "branch and tag are mutually exclusive")
	case at.branch != "" && !p.has(at.branch):
		return fail(http.StatusBadRequest, "Branch not found")
	case err != nil:
		return fail(http.StatusBadRequest, err.Error())
	}
	if p.skips(at) {
		return reply(skipStatus, message{skipped})
	}
	run := s.nextRun(p)
	if run.SkipCI {
		return reply(skipStatus, message{skipped})
	}
	made := s.launch(p, at, s.scenario.Login, values, run, now)
	return reply(http.StatusCreated, creationItem{ID: made.id, State: "pending", Number: made.number, CreatedAt: millis(s.createdAt(made))})
}

// launch creates an API pipeline. Parameters that do not fit the declaration do not fail the request: they make the
// pipeline errored (contracts/circleci.md 1.3).
func (s *Sim) launch(p *project, at ref, login string, values map[string]any, fate Run, now time.Time) *pipeline {
	if complaints := p.complaints(values); len(complaints) > 0 {
		fate = Run{Outcome: Errored, Errors: complaints}
	}
	s.settle(now) // the commit that this pipeline builds contains the releases before
	made := s.add(p, at, now)
	made.trigger, made.actor, made.parameters = "api", login, values
	s.schedule(made, fate)
	made.supersede()
	s.pipelines = append(s.pipelines, made)
	if s.hub != nil && made.isRelease() {
		s.hub.unsettled = append(s.hub.unsettled, made)
	}
	return made
}

// skipped is CircleCI's text (contracts/circleci.md 1.4).
const skipped = "Ignoring pipeline due to CI skip in the commit"

func (p *project) skips(at ref) bool {
	return !p.app() && (on(p.SkipCI) || at.branch != "" && slices.Contains(p.SkipBranches, at.branch))
}

// nextRun uses up the next entry of Runs; after the last one everything succeeds, unless chaos has another fate.
func (s *Sim) nextRun(p *project) Run {
	p.triggered++
	if p.triggered > len(p.Runs) {
		return s.drawSilence(p, s.drawFate(p))
	}
	return s.drawSilence(p, p.Runs[p.triggered-1])
}

func (p *project) has(branch string) bool {
	return len(p.Branches) == 0 || branch == p.DefaultBranch || slices.Contains(p.Branches, branch)
}

// Limits of parameters (contracts/circleci.md 1.3).
const (
	parametersLimit = 100
	keyLimit        = 128
	valueLimit      = 512
)

// readParameters parses the values and keeps their types: string, bool, int64.
func readParameters(params map[string]json.RawMessage) (map[string]any, error) {
	if len(params) > parametersLimit {
		return nil, fmt.Errorf("too many parameters: %d, at most %d are allowed", len(params), parametersLimit)
	}
	values := map[string]any{}
	for name, text := range params {
		v, err := readParameter(text)
		if err == nil && utf8.RuneCountInString(name) > keyLimit {
			err = errors.New("its name is too long")
		}
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		values[name] = v
	}
	return values, nil
}

func readParameter(text json.RawMessage) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		if utf8.RuneCountInString(v) > valueLimit {
			return nil, errors.New("its value is too long")
		}
		return v, nil
	case bool:
		return v, nil
	case json.Number:
		return v.Int64()
	}
	return nil, errors.New("a value is a string, a boolean or an integer")
}

// complaints returns a pipeline's errors about parameters that do not fit the declaration.
func (p *project) complaints(values map[string]any) []string {
	if p.Parameters == nil {
		return nil
	}
	var undeclared, wrong []string
	for name, v := range values {
		declared, ok := p.Parameters[name]
		if !ok {
			undeclared = append(undeclared, name)
		} else if kind := kindOf(v); kind != declared {
			wrong = append(wrong, fmt.Sprintf("Type error for argument %s: expected type: %s, actual value: %q (type %s)", name, declared, fmt.Sprint(v), kind))
		}
	}
	slices.Sort(undeclared)
	slices.Sort(wrong)
	if len(undeclared) > 0 {
		wrong = append(wrong, "Unexpected argument(s): "+strings.Join(undeclared, ", "))
	}
	return wrong
}

func kindOf(v any) string {
	switch v.(type) {
	case bool:
		return "boolean"
	case string:
		return "string"
	}
	return "integer"
}
