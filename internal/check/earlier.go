package check

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// codesOf maps the codes of faults to those of findings. Every other fault is about the release repository.
var codesOf = map[string]string{
	"dependency-cycle": DependencyCycle, "needed-left-out": DependencyLeftOut,
	"manifest-syntax": Manifest, "manifest-shape": Manifest, "manifest-invalid": Manifest,
	"wrong-branch": WrongBranch, "stale-checkout": StaleCheckout, "tag-exists": ProductTagExists, "tag-stale": ProductTagExists, "tag-shared": ProductTagExists, "support-branch-exists": SupportBranch,
	"next-unknown": NextVersion, "invalid-next": NextVersion,
	"invalid-parameter": Configuration, "invalid-repository": Configuration, "no-main-branch": Configuration, "unknown-component": Configuration,
	"invalid-product-tag": Configuration,
	"ref-in-the-way":      RefInTheWay,
	"no-token":            Token,
	"damaged-journal":     JournalDamaged, "newer-journal": JournalDamaged,
}

// OfFault gives a fault of planning or preparing a release as findings, for Question.Earlier. It gives none for a defect of gio,
// for a usage error, and for what CircleCI answered: Run says that in full.
func OfFault(err error) []Finding {
	kind, code := fault.KindOf(err), fault.CodeOf(err)
	if err == nil || kind == fault.Internal || kind == fault.Usage || code == "project" || strings.HasPrefix(code, "circleci-") {
		return nil
	}
	f := Finding{Code: cmp.Or(codesOf[code], ReleaseRepository), Do: strings.Join(hintsOf(err), "; or ")}
	if slices.Contains(between, code) { // which of the servers it is about stands in its words
		f.Code, f.Severity = NotChecked, Error
	}
	if kind == fault.Auth {
		f.kind = fault.Auth
	} else if kind != fault.Remote {
		f.kind = fault.Invalid
	}
	if f.Code == Manifest {
		f.Do = cmp.Or(f.Do, "correct it there")
		return eachLine(f, err.Error())
	}
	f.Where, f.What = splitPosition(oneLine(err))
	return []Finding{f}
}

// eachLine makes a finding of every line of a text. Of several lines the first only says how many there are.
func eachLine(f Finding, text string) []Finding {
	lines := strings.Split(text, "\n")
	if len(lines) > 1 {
		lines = lines[1:]
	}
	var all []Finding
	for _, line := range lines {
		f.Where, f.What = splitPosition(line)
		all = append(all, f)
	}
	return all
}

var positioned = regexp.MustCompile(`^(\S+:\d+:\d+): (.*)$`)

// splitPosition splits "release.json:3:5: text" before the text.
func splitPosition(line string) (where, what string) {
	if m := positioned.FindStringSubmatch(line); m != nil {
		return m[1], m[2]
	}
	return "", line
}

// OfWarnings gives the warnings of a plan as findings, for Question.Earlier.
func OfWarnings(warnings []string) []Finding {
	var all []Finding
	for _, w := range warnings {
		f := Finding{Code: ManifestOdd}
		f.Where, f.What = splitPosition(w)
		all = append(all, f)
	}
	return all
}
