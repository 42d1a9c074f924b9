package doctor

import (
	"fmt"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Edit is the version that release.json should say of a component, and since which product version; "" leaves that alone.
type Edit struct{ Component, Version, Since string }

// Fix is what can be fixed without a person who looks first.
type Fix struct {
	Edits   []Edit   // of release.json
	Mend    []string // components of which entries or a since go
	Rebuild bool     // the lost journal is to be rebuilt, for release.json with the edits made
	Partial bool     // the journal is lost, but not all components were examined: this report is not enough to rebuild it
}

// Empty tells whether there is nothing to do.
func (f Fix) Empty() bool { return !f.EditsManifest() && !f.Rebuild }

// EditsManifest tells whether release.json is to be edited.
func (f Fix) EditsManifest() bool { return len(f.Edits)+len(f.Mend) > 0 }

// Fix is what can be fixed of what the report says.
func (r *Report) Fix() Fix {
	f := Fix{Rebuild: r.Lost && r.All, Partial: r.Lost && !r.All}
	for _, row := range r.Components {
		if row.Edit != "" {
			f.Edits = append(f.Edits, Edit{row.Component, row.Edit, row.sinceOfEdit()})
		}
		if row.Mend {
			f.Mend = append(f.Mend, row.Component)
		}
	}
	return f
}

// sinceOfEdit is the product version that an edit records the component with: this one, when it was to be released at that version.
func (r Row) sinceOfEdit() string {
	if r.Open && r.Edit == r.Released() {
		return r.Product
	}
	return ""
}

// Verdict is the fault of what disagrees, "disagree", after what Fix says was done (fixed) or not; else that of what could
// not be read; nil when all agree.
func (r *Report) Verdict(fixed bool) error {
	fix, left := r.Fix(), r.disagreements()
	if fixed {
		left -= r.settledBy(fix)
	}
	if left == 0 {
		return r.unread()
	}
	f := fault.New(fault.Invalid, "disagree", "release.json, tags, CircleCI and the journal disagree about %s", count(left, "thing"))
	if !fixed && (r.Lost || !fix.Empty()) {
		f = f.Hint("%s shows what it can fix, and asks", fault.Next{Action: fault.Doctor, Args: []string{"--fix"}})
	}
	return f
}

// disagreements counts the components whose facts do not fit together, and what is wrong with the release as a whole.
func (r *Report) disagreements() int {
	n := len(r.Product)
	for _, row := range r.Components {
		if row.Code != Agrees && row.Code != NotRead {
			n++
		}
	}
	return n
}

// settledBy counts the disagreements that a fix settles. What a rebuilt journal leaves to a person is not settled.
func (r *Report) settledBy(f Fix) int {
	n := 0
	if f.Rebuild {
		n++ // that the journal was lost
	}
	for _, row := range r.Components {
		if row.Edit != "" || row.Mend {
			n++
		} else if f.Rebuild && row.Code == Forgotten && conclude(row.Facts).kind != unclear {
			n++
		}
	}
	return n
}

// unread is the fault of what could not be read, nil when all could.
func (r *Report) unread() error {
	var errs []error
	for _, row := range r.Components {
		errs = append(errs, row.Err)
	}
	return fault.Worst(errs...)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
