package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Action is what a person can do next, as data: a command line offers it as a command, a page as a button, an API as a link.
type Action string

// The recurring actions. Other hints are prose.
const (
	Resume  Action = "resume"  // continue the run
	Repeat  Action = "repeat"  // do once more what was just done
	Watch   Action = "watch"   // follow a run that somebody else drives
	Status  Action = "status"  // show the standing of a run
	History Action = "history" // list the runs
	Resolve Action = "resolve" // answer what gio cannot know about a component's pipeline
	Approve Action = "approve" // approve the job that a component's pipeline waits for
	Cancel  Action = "cancel"  // cancel the pipelines of a run, or of a component
	Check   Action = "check"   // find out what is wrong before anything starts
	Plan    Action = "plan"    // show what would run
	Prepare Action = "prepare" // edit release.json; Args say what
	Doctor  Action = "doctor"  // find out why release.json, tags, pipelines and journal disagree; Args may fix it
	Rules   Action = "rules"   // explain the findings of a check
)

// Next is a next step: an action and its subject.
type Next struct {
	Action    Action
	Run       string   // KIND/VERSION; "" is the release of the version in release.json
	Component string   // "" is the whole run, or the only component that can be meant
	Args      []string // further arguments, in the words of the command line
}

// Again is the step that does once more what was just done.
func Again() Next { return Next{Action: Repeat} }

// String is the step as a command of gio, in a sentence: the form for who has no other. What drives a trigger are words, as no
// journal holds its command line.
func (n Next) String() string {
	kind, version, _ := strings.Cut(n.Run, "/")
	switch n.Action {
	case Repeat:
		return "run the same command again"
	case Rules:
		return "`gio help findings`"
	case Resume:
		return resumed(kind, version)
	case Watch, Status, History, Resolve, Approve, Cancel, Check, Plan, Prepare, Doctor:
	}
	words := []string{"gio", string(n.Action)}
	if n.Component != "" {
		words = append(words, n.Component)
	} else if n.Action == Resolve || n.Action == Approve {
		words = append(words, "COMPONENT")
	}
	words = append(words, n.Args...)
	switch kind {
	case "", "release":
	case "dry":
		words = append(words, "--dry-run")
	default:
		words = append(words, "--run", n.Run)
	}
	return "`" + strings.Join(words, " ") + "`"
}

// resumed is what drives a run of a kind on.
func resumed(kind, version string) string {
	switch kind {
	case "dry":
		return "`gio release --dry-run=server`"
	case "stage":
		return "`gio stage " + version + " --dry-run=false`"
	case "trigger":
		return "the command that began it"
	}
	return "`gio release`"
}

// Hint is one line that says what to do next. It may contain next steps.
type Hint struct {
	format string
	args   []any
}

// String is the line with its next steps as commands.
func (h Hint) String() string { return fmt.Sprintf(h.format, h.args...) }

// Render returns the line with each of its next steps rendered.
func (h Hint) Render(render func(Next) string) string { return Render(render, h.format, h.args...) }

// Render is fmt.Sprintf with every argument that is a Next rendered.
func Render(render func(Next) string, format string, args ...any) string {
	rendered := make([]any, len(args))
	for i, arg := range args {
		rendered[i] = arg
		if next, ok := arg.(Next); ok {
			rendered[i] = render(next)
		}
	}
	return fmt.Sprintf(format, rendered...)
}

// HintLines are the hints of the outermost fault in err and of its causes, in that order: as Rendered has them, else with
// their next steps as commands.
func HintLines(err error) []string {
	if r, ok := errors.AsType[*rendered](err); ok {
		return r.lines
	}
	return hintLines(err, Hint.String)
}

// Rendered returns err with its hints rendered for an edge, otherwise unchanged; nil for nil.
func Rendered(err error, render func(Next) string) error {
	if err == nil {
		return nil
	}
	return &rendered{err, hintLines(err, func(h Hint) string { return h.Render(render) })}
}

type rendered struct {
	error
	lines []string
}

// Unwrap returns the error itself, for errors.Is and errors.As.
func (r *rendered) Unwrap() error { return r.error }

func hintLines(err error, text func(Hint) string) []string {
	var all []string
	for f, ok := errors.AsType[*Fault](err); ok && f != nil; f, ok = errors.AsType[*Fault](f.Cause) {
		for _, h := range f.Hints {
			all = append(all, text(h))
		}
	}
	return all
}
