package operate

import (
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/run"
)

// underOldName returns the header by which the journal of a run that began on a branch of another name is opened: with that name,
// where the remote no longer has such a branch. Of any other run it is h itself.
func underOldName(repo *gitrepo.Repo, events []run.Event, h run.Header) run.Header {
	state, err := run.Fold(events)
	if err != nil { // whoever opens the journal says what is wrong with it
		return h
	}
	if old := engine.RenamedFrom(repo, state, h.Branch); old != "" {
		h.Branch = old
	}
	return h
}

// refuseRenamed refuses to go on with a run under another branch's name before somebody has agreed.
func refuseRenamed(old, name string, h run.Header) error {
	return fault.New(fault.Invalid, "branch-renamed", "the run of %s %s began on branch %s, which the remote no longer has: it was probably renamed to %s; nothing is lost",
		h.Product, h.Version, old, name).
		Hint("to go on with the run on %s, where nobody can be asked, add --yes", name)
}
