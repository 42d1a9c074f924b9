package prepare

import (
	"cmp"
	"fmt"
	"strings"
)

const subjectWidth = 100 // bytes; a longer subject counts the changes instead of listing them

// Message is the commit's: "Prepare 3.9.5: open gateway 1.30.5-SNAPSHOT, take common 1.20.1". Where that gets too
// long the subject counts the changes, and the body lists them.
func (e *Edit) Message() string {
	var parts []string
	for _, c := range e.Changes {
		parts = append(parts, c.phrase())
	}
	head := "Prepare " + e.After.ReleaseVersion() + ": "
	subject := head + strings.Join(parts, ", ")
	if len(subject) > subjectWidth {
		subject = head + e.counted() + "\n\n" + strings.Join(parts, "\n")
	}
	return strings.NewReplacer("[", "(", "]", ")").Replace(subject) // "[skip ci]" in a name would keep pipelines from running
}

func (c Change) phrase() string {
	switch c.Action {
	case SetProduct:
		return "product version " + c.To
	case Regroup:
		return "regroup " + c.Component
	case Since:
		return fmt.Sprintf("%s since %s", c.Component, c.To)
	case Rename:
		return fmt.Sprintf("rename %s to %s", c.From, c.To)
	case Remove, Relocate, Mend:
		return fmt.Sprintf("%s %s", c.Action, c.Component)
	case Open, Take, Record, Add:
	}
	return fmt.Sprintf("%s %s %s", c.Action, c.Component, c.To)
}

// counted is "open 12 components, take 2".
func (e *Edit) counted() string {
	var parts []string
	for _, action := range []Action{Open, Take, Record, Add, Remove, Regroup, Rename, Since, Relocate, Mend} {
		n := 0
		for _, c := range e.Changes {
			if c.Action == action {
				n++
			}
		}
		switch {
		case n == 0:
		case len(parts) == 0:
			parts = append(parts, fmt.Sprintf("%s %s", action, count(n, "component")))
		default:
			parts = append(parts, fmt.Sprintf("%s %d", action, n))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "product version")
}
