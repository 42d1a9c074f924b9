package check

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/needs"
	"github.com/gravitee-lab/gio/internal/plan"
)

// Files are what the components of a release are built by, as GitHub has it: the file with the version, and those of its modules.
// Each is read once, and again when it is asked about later. The zero value asks nobody.
type Files struct {
	GitHub   *github.Client
	NoGitHub string           // why GitHub is nil
	Declared []needs.Declared // gio.yaml's

	mu     sync.Mutex
	known  map[plan.StepID]sources
	edges  []needs.Need // of all that is known
	broken map[string]error
	of     []plan.StepID // whose edges these are; nil: they must be computed anew
}

// sources are the files of a step that say whom it needs.
type sources struct {
	step       plan.Step
	read       time.Time
	version    stated
	versionErr error
	files      []needs.File
	err        error // why there are none
}

// get gives the files of a step, which were read a moment ago.
func (f *Files) get(ctx context.Context, st plan.Step) sources {
	f.mu.Lock()
	known, ok := f.known[st.ID()]
	f.mu.Unlock()
	if ok && time.Since(known.read) < freshFor {
		return known
	}
	s := sources{step: st, read: time.Now()}
	if s.version, s.versionErr = readVersion(ctx, f.GitHub, st.Repository, st.Branch); s.versionErr == nil && s.version.file != "" {
		s.files, s.err = f.GitHub.WithModules(ctx, st.Repository, st.Branch, needs.File{Path: s.version.file, Data: s.version.data})
	}
	f.keep(s, known)
	return s
}

func (f *Files) keep(s, before sources) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[plan.StepID]sources{}
	}
	f.known[s.step.ID()] = s
	same := slices.EqualFunc(s.files, before.files, func(a, b needs.File) bool { return a.Path == b.Path && bytes.Equal(a.Data, b.Data) })
	if !same || len(s.files) == 0 {
		f.of = nil
	}
}

// Needs tells what each of some steps needs among others, all of which may be released by the run. It reads the files of those
// that it is asked about, and of the others what it could not read before. Its only error is the cause of a context that ended.
func (f *Files) Needs(ctx context.Context, of, among []plan.Step) (map[plan.StepID]plan.Found, error) {
	found := map[plan.StepID]plan.Found{}
	if f.GitHub == nil {
		for _, st := range of {
			found[st.ID()] = plan.Found{Unread: fault.New(fault.Remote, NotChecked, "%s", f.NoGitHub)}
		}
		return found, nil
	}
	f.mu.Lock()
	missing := slices.DeleteFunc(slices.Clone(among), func(st plan.Step) bool {
		s, known := f.known[st.ID()]
		known = known && cmp.Or(s.versionErr, s.err, f.broken[st.Component]) == nil
		return known || slices.ContainsFunc(of, func(asked plan.Step) bool { return asked.ID() == st.ID() })
	})
	f.mu.Unlock()
	forEach(slices.Concat(of, missing), func(_ int, st plan.Step) { f.get(ctx, st) })
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.compute(among)
	for _, st := range of {
		found[st.ID()] = f.found(st, among)
	}
	return found, nil
}

// compute finds the edges among steps, unless it has. With mu.
func (f *Files) compute(among []plan.Step) {
	var ids []plan.StepID
	var components []needs.Component
	for _, st := range among {
		ids = append(ids, st.ID())
		components = append(components, needs.Component{Name: st.Component, Version: st.Version, Files: f.known[st.ID()].files})
	}
	if f.of != nil && slices.Equal(ids, f.of) {
		return
	}
	all := needs.Of(components, f.Declared...)
	f.of, f.edges, f.broken = ids, all.Needs, map[string]error{}
	for _, u := range all.Unread {
		if u.Other == "" {
			f.broken[u.Component] = u.Err
		}
	}
}

// found is what the files of a step say. What is built from the same branch is no need: nothing says which comes first. With mu.
func (f *Files) found(st plan.Step, among []plan.Step) plan.Found {
	steps := map[string]plan.Step{}
	for _, other := range among {
		steps[other.Component] = other
	}
	said := plan.Found{Unread: f.unread(st)}
	for _, n := range f.edges {
		to := steps[n.To]
		oneBuild := to.Repository == st.Repository && to.Branch == st.Branch
		twice := slices.ContainsFunc(said.Needs, func(has plan.Need) bool { return has.Step == to.ID() })
		if n.From != st.Component || !n.Binds() || oneBuild || twice {
			continue
		}
		need := plan.Need{Step: to.ID(), Reason: plan.NeedNamed, Artifact: n.Artifact, Named: n.Named, File: n.Place.File, Line: n.Place.Line}
		if n.Class == needs.Stated {
			need.Reason = plan.NeedSetting
		}
		said.Needs = append(said.Needs, need)
	}
	return said
}

// unread is why the files of a step may not say all. With mu.
func (f *Files) unread(st plan.Step) error {
	s := f.known[st.ID()]
	switch err := cmp.Or(s.versionErr, s.err, f.broken[st.Component]); {
	case err != nil:
		return err
	case len(s.files) == 0:
		return fault.New(fault.NotFound, VersionUnknown, "%s has no file that says whom it needs on branch %s", st.Repository, st.Branch)
	}
	return nil
}

// checkFree lists the components of later groups that need nothing of the run, where it goes by the graph: they start at once, and
// what they need is perhaps only in no file.
func (i *inspection) checkFree() {
	if i.Plan == nil {
		return
	}
	var free []string
	for _, st := range i.Plan.Free() {
		free = append(free, fmt.Sprintf("%s (group %d)", st.Component, st.Group))
	}
	if len(free) > 0 {
		i.add(Finding{
			Code: OrderNoEdge, What: "no file of them names another component of the run, so that they start at once: " + strings.Join(free, ", "),
			Do: "where that is wrong, write what they need into gio.yaml, needs:",
		})
	}
}
