// Package check is readiness: everything that can be known to be wrong before anything starts, as findings with codes.
// It only reads. Run answers one Question with one Report; a Guard looks again right before each trigger.
package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// Severity is how much a finding matters.
type Severity string

// The severities. An error keeps a release from starting.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is one thing that a person must know before a release. Its field names are a contract.
type Finding struct {
	Code      string   `json:"code"` // of Rules
	Severity  Severity `json:"severity"`
	Component string   `json:"component,omitempty"` // "" when it is about the whole release
	Where     string   `json:"where,omitempty"`     // file:line:column, a repository and branch, a project, a URL
	What      string   `json:"what"`
	Do        string   `json:"do,omitempty"`

	kind fault.Kind // of an error: its exit code
}

// Report is what Run found, the gravest first. Its field names are a contract.
type Report struct {
	Findings   []Finding `json:"findings"`
	Components int       `json:"components"` // that were checked: those still to be triggered
	Requests   int       `json:"requests"`   // made to CircleCI and GitHub; the caller of Run counts them

	began time.Time            // when Run began
	first map[plan.StepID]bool // the steps of the first wave that Run checked
}

// Count is how many findings have this severity.
func (r Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// skipped makes warnings of the errors with these codes, so that they keep nothing from starting.
func skipped(findings []Finding, codes []string) []Finding {
	all := slices.Clone(findings)
	for n, f := range all {
		if f.Severity == Error && slices.Contains(codes, f.Code) {
			all[n].Severity = Warning
			all[n].Do = "skipped by --skip-check: it does not keep the release from starting"
		}
	}
	return all
}

// Err is the fault that the errors add up to, nil when there are none. Of several kinds the first of Auth, Invalid, Remote
// counts: whoever may not read everything finds errors that are none.
func (r Report) Err() error {
	kinds := map[fault.Kind]bool{}
	for _, f := range r.Findings {
		if f.Severity == Error {
			kinds[cmp.Or(f.kind, fault.Invalid)] = true
		}
	}
	for _, kind := range []fault.Kind{fault.Auth, fault.Invalid, fault.Remote} {
		if kinds[kind] {
			return fault.New(kind, "check", "the check found %s", count(r.Count(Error), "error")).
				Hint("%s says what each code means", fault.Next{Action: fault.Rules})
		}
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sorted puts the gravest first and what belongs together side by side, and leaves out what was found twice. It is never nil:
// JSON has an empty list for no finding.
func sorted(findings []Finding) []Finding {
	grave := []Severity{Error, Warning, Note}
	all := append([]Finding{}, findings...)
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(grave, a.Severity), slices.Index(grave, b.Severity)), cmp.Compare(indexOf(a.Code), indexOf(b.Code)),
			cmp.Compare(a.Component, b.Component), cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What),
		)
	})
	return slices.Compact(all)
}

// ErrSkip tells whether --skip-check may be given a code: nil, or the fault (kind Usage) that says why not.
func ErrSkip(code string) error {
	n := indexOf(code)
	if n == len(rules) {
		return fault.New(fault.Usage, "usage", "--skip-check: there is no check %q", code).Hint("%s lists the codes", fault.Next{Action: fault.Rules})
	}
	if why := rules[n].Never; why != "" {
		return fault.New(fault.Usage, "usage", "--skip-check: %s cannot be skipped: %s", code, why)
	}
	return nil
}
