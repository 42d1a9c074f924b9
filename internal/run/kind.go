package run

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the purpose of a run. It decides which component versions the run claims, whether it records what succeeded, and
// which flags name it. Journals contain the words: they never change.
type Kind string

// The kinds.
const (
	Release Kind = "release"
	DryRun  Kind = "dry"   // gio release --dry-run=server: the pipelines run with a parameter that says so
	Staging Kind = "stage" // of a released version
	Trigger Kind = "trigger"
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Release, DryRun, Staging, Trigger} }

// Records reports whether the run's successes, and in the end its product, are recorded in the release repository.
func (k Kind) Records() bool { return k == Release }

// Claims reports whether the run claims each component version that it starts, so that no other claiming run starts it too.
// A staging claims separately from a release, since what it stages was released before.
func (k Kind) Claims() bool { return k == Release || k == DryRun || k == Staging }

// KeepsClaims reports whether a success keeps its claim for good: the version is then released, or staged.
func (k Kind) KeepsClaims() bool { return k == Release || k == Staging }

// Numbered reports whether the runs of one name are numbered: name.1, name.2.
func (k Kind) Numbered() bool { return k == Trigger }

// Name is the name of a run for people and commands: KIND/VERSION, as in release/3.9.4 or trigger/release-3.9.x.2.
type Name struct {
	Kind    Kind
	Version string
}

// ParseName parses KIND/VERSION.
func ParseName(text string) (Name, error) {
	kind, version, _ := strings.Cut(text, "/")
	if !slices.Contains(Kinds(), Kind(kind)) || version == "" {
		return Name{}, fmt.Errorf("%q is not KIND/VERSION as in gio history: stage/3.9.4, trigger/NAME", text)
	}
	return Name{Kind(kind), version}, nil
}

// String returns KIND/VERSION; "" for the zero Name.
func (n Name) String() string {
	if n.Kind == "" {
		return ""
	}
	return string(n.Kind) + "/" + n.Version
}

// Flags returns the flags with which a command about a run, such as gio status, selects this one; a release needs none in
// the checkout of its version.
func (n Name) Flags() string {
	switch n.Kind {
	case Release:
		return ""
	case DryRun:
		return " --dry-run"
	case Staging, Trigger:
	}
	return " --run " + n.String()
}
