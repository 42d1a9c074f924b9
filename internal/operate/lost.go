package operate

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// openedAt is when a product version was opened for development: when the newest version before it was tagged. Without
// such a tag, by the template of product tags, it is the time of the release branch's newest commit, at which it was open for certain.
func openedAt(ctx context.Context, repo *gitrepo.Repo, productTag, version string) (time.Time, error) {
	v, err := manifest.ParseVersion(version)
	if err != nil {
		return time.Time{}, nil // whoever plans says what is wrong with it
	}
	var ref string
	var newest *semver.Version
	for name := range repo.Refs() {
		tag, isTag := strings.CutPrefix(name, "refs/tags/")
		earlier, err := manifest.ParseVersion(plan.VersionOfTag(productTag, tag))
		if isTag && err == nil && earlier.LessThan(v) && (newest == nil || earlier.GreaterThan(newest)) {
			ref, newest = name, earlier
		}
	}
	if ref == "" {
		return repo.MadeAt(repo.Head()), nil
	}
	if err := repo.Fetch(ctx, ref); err != nil {
		return time.Time{}, err
	}
	return repo.MadeAt(repo.Refs()[ref]), nil
}

// pipelinesKnown tells of a pipeline whether a run of the journal has it, and knows that it has succeeded. It reads the journal
// when it is first asked. A run that cannot be read has none.
func pipelinesKnown(ctx context.Context, repo *gitrepo.Repo) func(pipeline string) (owned, over bool) {
	states := sync.OnceValue(func() []*run.State { return allStates(ctx, repo) })
	return func(pipeline string) (owned, over bool) {
		for _, s := range states() {
			if id, ok := s.Owner(pipeline); ok {
				return true, succeededIn(s, id, pipeline)
			}
		}
		return false, false
	}
}

func succeededIn(s *run.State, id plan.StepID, pipeline string) bool {
	st := s.Step(id)
	return st.Pipeline.ID == pipeline && st.Status == run.HasSucceeded
}

func allStates(ctx context.Context, repo *gitrepo.Repo) []*run.State {
	ref := repo.Ref(journal.GitRef)
	tip, err := ref.Fetch(ctx)
	if err != nil {
		return nil
	}
	now := refAt{Ref: ref, tip: tip}
	runs, err := journal.ListGit(ctx, now)
	if err != nil {
		return nil
	}
	var states []*run.State
	for _, l := range runs {
		if s, _, err := stateOf(ctx, now, l.Header); err == nil && s != nil {
			states = append(states, s)
		}
	}
	return states
}
