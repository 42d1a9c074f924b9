// Package check is readiness: everything that can be known to be wrong before anything starts, as findings with codes.
// It only reads.
package check

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Severity is how much a finding matters.
type Severity string

// The severities. An error keeps a release from starting.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is one thing that a person should know before a release. Its field names are a contract.
type Finding struct {
	Code      string   `json:"code"` // of Rules
	Severity  Severity `json:"severity"`
	Component string   `json:"component,omitempty"` // "" when it is about the whole release
	Where     string   `json:"where,omitempty"`     // file:line:column, a repository and branch, a project, a URL
	What      string   `json:"what"`
	Do        string   `json:"do,omitempty"`

	kind fault.Kind // of an error: its exit code
}

// Report is what a check has found, the gravest first. Its field names are a contract.
type Report struct {
	Findings   []Finding `json:"findings"`
	Components int       `json:"components"` // that were checked: those still to be triggered
	Requests   int       `json:"requests"`   // made to CircleCI and GitHub
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

// Skip makes warnings of the errors with these codes, so that they keep nothing from starting. ErrSkip says which codes it may
// be given.
func (r *Report) Skip(codes []string) {
	for i, f := range r.Findings {
		if f.Severity == Error && slices.Contains(codes, f.Code) {
			r.Findings[i].Severity = Warning
			r.Findings[i].Do = "--skip-check: it does not keep the release from starting"
		}
	}
	r.sort()
}

// Err is the fault that the errors add up to, nil without any. Of several kinds the first of Auth, Invalid, Remote
// counts: who is not allowed to look sees the rest wrong.
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
				Hint("`gio help findings` says what each code means")
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

// sort puts the gravest first, and what belongs together side by side.
func (r *Report) sort() {
	rank := map[Severity]int{Error: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(rank[a.Severity], rank[b.Severity]), cmp.Compare(place(a.Code), place(b.Code)),
			cmp.Compare(a.Component, b.Component), cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What),
		)
	})
	r.Findings = slices.CompactFunc(r.Findings, func(a, b Finding) bool { return a == b })
}

// ErrSkip tells whether --skip-check may be given this code: nil, or the fault (kind Usage) that says why not.
func ErrSkip(code string) error {
	i := place(code)
	if i == len(rules) {
		return fault.New(fault.Usage, "usage", "--skip-check: there is no check %q", code).Hint("`gio help findings` lists the codes")
	}
	if why := rules[i].Never; why != "" {
		return fault.New(fault.Usage, "usage", "--skip-check: %s cannot be skipped: %s", code, why)
	}
	return nil
}

// OfFault is what a fault of planning and preparing a release means as findings; none for what is no finding: a defect, a usage
// error, and what asking CircleCI came to, which Run says in full.
func OfFault(err error) []Finding {
	kind, code := fault.KindOf(err), fault.CodeOf(err)
	if err == nil || kind == fault.Internal || kind == fault.Usage || code == "project" || strings.HasPrefix(code, "circleci-") {
		return nil
	}
	known := map[string]string{
		"manifest-syntax": Manifest, "manifest-shape": Manifest, "manifest-invalid": Manifest, "wrong-branch": WrongBranch,
		"stale-checkout": StaleCheckout, "tag-exists": ProductTagExists, "support-branch-exists": SupportBranch,
		"next-unknown": NextVersion, "invalid-next": NextVersion,
		"invalid-parameter": Configuration, "invalid-repository": Configuration, "no-main-branch": Configuration, "unknown-component": Configuration,
		"no-token":        Token,
		"damaged-journal": JournalDamaged, "newer-journal": JournalDamaged,
	}
	f := Finding{Code: cmp.Or(known[code], ReleaseRepository), Do: strings.Join(hintsOf(err), "; or ")}
	if kind == fault.Auth {
		f.kind = fault.Auth
	} else if kind != fault.Remote {
		f.kind = fault.Invalid
	}
	if f.Code == Manifest {
		f.Do = cmp.Or(f.Do, "correct it there")
		return problems(f, err.Error())
	}
	f.Where, f.What = placed(oneLine(err))
	return []Finding{f}
}

// problems makes a finding of every line that says a place.
func problems(f Finding, text string) []Finding {
	lines := strings.Split(text, "\n")
	if len(lines) > 1 { // the first one counts them
		lines = lines[1:]
	}
	var all []Finding
	for _, line := range lines {
		f.Where, f.What = placed(line)
		all = append(all, f)
	}
	return all
}

var position = regexp.MustCompile(`^(\S+:\d+:\d+): (.*)$`)

// placed splits "release.json:3:5: text".
func placed(line string) (where, what string) {
	if m := position.FindStringSubmatch(line); m != nil {
		return m[1], m[2]
	}
	return "", line
}

// OfWarnings are the warnings of a plan as findings.
func OfWarnings(warnings []string) []Finding {
	var all []Finding
	for _, w := range warnings {
		f := Finding{Code: ManifestOdd}
		f.Where, f.What = placed(w)
		all = append(all, f)
	}
	return all
}
