package check

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/fault"
)

const tryAgain = "try again; `gio release --skip-check " + NotChecked + "` goes on without"

// failure is something that could not be checked, and why.
type failure struct {
	what, component string // component is "" when it is about the whole release
	err             error
}

// addFailure notes that something could not be checked. That GitHub refuses the token is a finding of its own, the same one
// however often it is noted.
func (i *inspection) addFailure(what, component string, err error) {
	if refusesToken(err) {
		i.add(Finding{Code: GitHubToken, Where: "GITHUB_TOKEN", What: "GitHub answered 401: the token is wrong, expired or revoked", Do: firstHint(err)})
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failures = append(i.failures, failure{what, component, err})
}

func refusesToken(err error) bool { return fault.Is(err, "github-unauthorized") }

// addFailures adds one finding for all that could not be checked for the same reason, whichever components it is about.
func (i *inspection) addFailures() {
	slices.SortFunc(i.failures, func(a, b failure) int {
		return cmp.Or(cmp.Compare(a.what, b.what), cmp.Compare(fault.CodeOf(a.err), fault.CodeOf(b.err)), cmp.Compare(a.component, b.component))
	})
	for n, f := range i.failures {
		if n > 0 && f.like(i.failures[n-1]) {
			continue // it is in the finding of that one
		}
		var components []string
		for _, other := range i.failures[n:] {
			if f.like(other) && other.component != "" {
				components = append(components, other.component)
			}
		}
		i.add(f.finding(slices.Compact(components)))
	}
}

// like tells whether two failures are said in one finding.
func (f failure) like(other failure) bool {
	return f.what == other.what && fault.CodeOf(f.err) == fault.CodeOf(other.err)
}

func (f failure) finding(components []string) Finding {
	of := ""
	if len(components) > 0 {
		of = " of " + abbreviated(components)
	}
	if circleci.IsCut(f.err) { // what was read was checked
		return Finding{
			Code: NotChecked, Severity: Warning, What: fmt.Sprintf("checked in part only: %s%s: %s", f.what, of, oneLine(f.err)),
			Do: "look on CircleCI for older pipelines that still run",
		}
	}
	return Finding{
		Code: NotChecked, Severity: Error, kind: kindOf(f.err), What: fmt.Sprintf("not checked: %s%s: %s", f.what, of, oneLine(f.err)),
		Do: f.remedy(),
	}
}

// between are the codes of what stands between gio and a server: to try again does not help.
var between = []string{"proxy-refused", "proxy-unreachable", "certificate-unknown", "certificate", "circleci-page", "github-page"}

func (f failure) remedy() string {
	if slices.Contains(between, fault.CodeOf(f.err)) {
		return cmp.Or(firstHint(f.err), tryAgain)
	}
	return tryAgain
}

// kindOf is the kind of what keeps a check from being made: Auth, or Remote for everything else.
func kindOf(err error) fault.Kind {
	if kind := fault.KindOf(err); kind == fault.Auth {
		return kind
	}
	return fault.Remote
}

// abbreviated lists names, of more than four the first three.
func abbreviated(names []string) string {
	if len(names) <= 4 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}

// oneLine is an error without its line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// firstHint is the first hint of an error, "" when it has none.
func firstHint(err error) string {
	if hints := hintsOf(err); len(hints) > 0 {
		return hints[0]
	}
	return ""
}

// hintsOf are those of the outermost fault in err that has any.
func hintsOf(err error) []string {
	for f, ok := errors.AsType[*fault.Fault](err); ok; f, ok = errors.AsType[*fault.Fault](f.Cause) {
		if len(f.Hints) > 0 {
			var lines []string
			for _, h := range f.Hints {
				lines = append(lines, h.String())
			}
			return lines
		}
	}
	return nil
}
