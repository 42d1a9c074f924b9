package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// The subjects of the commits, as the history of release repositories knows them.
func finishedSubject(version string) string {
	return fmt.Sprintf("Prepare Release (%s): Release finished completed without errors", version)
}

func partialSubject(version string) string {
	return fmt.Sprintf("Prepare Release (%s-SNAPSHOT): Some components failed to be released, persisting successfully released components", version)
}

const (
	nextPatchSubject = "prepare next patch version"
	nextMinorSubject = "prepare next minor version"
)

func startTag(version string) string { return version + "_START" }
func tagRef(name string) string      { return "refs/tags/" + name }
func branchRef(name string) string   { return "refs/heads/" + name }

// begin proves the right to push, sets the tag that marks the start, unless it exists, and notes the plan. All come
// before the first trigger: a run that cannot be recorded must not begin. A dry run records nothing.
func (r *Release) begin(ctx context.Context, planned run.Event) error {
	if r.Options.DryRun {
		return r.rec.note(ctx, planned, noteStart)
	}
	if err := r.Repo.ProvePush(ctx); err != nil {
		return err
	}
	name := startTag(r.Plan.Version)
	if _, exists := r.Repo.Refs()[tagRef(name)]; exists || len(r.Plan.Waves) == 0 {
		return r.rec.note(ctx, planned, noteStart)
	}
	tag, err := r.Repo.Tag(name, r.Repo.Head(), r.startMessage())
	if err != nil {
		return err
	}
	err = r.rec.addWith(ctx, planned, func(ctx context.Context, also ...gitrepo.Update) error {
		return r.Repo.Push(ctx, append(also, gitrepo.Update{Ref: tagRef(name), New: tag}))
	})
	switch {
	case errors.Is(err, gitrepo.ErrMoved): // another one set it meanwhile
		if err := r.Repo.Fetch(ctx); err != nil {
			return err
		}
		return r.rec.note(ctx, planned, noteStart)
	case fault.Is(err, "push-refused"):
		return fault.New(fault.Auth, "cannot-tag", "the release repository refused the tag %s: nothing was started", name).Because(err).
			Hint("let the token's user create tags there, then run the same command again")
	}
	return err
}

// startMessage says, where the journal came into the repository with the tag, whose it is.
func (r *Release) startMessage() string {
	message := fmt.Sprintf("%s %s: release started", r.Plan.Product, r.Plan.Version)
	if r.rec.inRepository() {
		message += "\n\n" + r.trailer()
	}
	return message
}

func (r *Release) trailer() string {
	return fmt.Sprintf("Gio-Run: release/%s of %s", r.Plan.Version, r.Path)
}

// lost refuses a run that gio began and that no journal knows: what it started may still run, or be released. A tag that
// somebody else set, the system before gio for instance, says nothing of the kind.
func (r *Release) lost(ctx context.Context) error {
	name := startTag(r.Plan.Version)
	if _, exists := r.Repo.Refs()[tagRef(name)]; !exists || r.State().Seq > 0 || r.Options.DryRun {
		return nil
	}
	message, err := r.Repo.TagMessage(ctx, name)
	if err != nil || !slices.Contains(strings.Split(message, "\n"), r.trailer()) {
		return err
	}
	return fault.New(fault.Invalid, "journal-lost", "gio has begun %s, as its tag %s says, but the journal of that run is gone: what it started may run or be released", r.Plan.Version, name).
		Hint("`gio doctor --fix` rebuilds it from what the repositories and CircleCI say").
		Hint("or put the ref back from a clone that has it (gio help journal)").
		Hint("when it is certain that nothing was started: `git push --delete origin %s`, then run the same command again", name)
}

// draft is one push to the release repository, made against its newest commit.
type draft struct {
	record   run.Record
	updates  []gitrepo.Update
	open     []string // components that are still to be released, so that the product is not finished
	conflict []string // why records are refused, or the product cannot be finished
	blocked  error    // the support branch is in the way of finishing the product
}

// record brings what succeeded, and the end of the release, into the release repository: one commit
// and its company in one atomic push, made anew when somebody else pushed meanwhile. What cannot be
// pushed stays in the journal, and the same command tries again.
func (r *Release) record(ctx context.Context) error {
	for try := 1; ; try++ {
		d, err := r.draft(ctx)
		if err != nil {
			return err
		}
		if len(d.record.Steps)+len(d.updates) == 0 {
			return r.unrecorded(d)
		}
		err = r.push(ctx, d)
		if err == nil {
			return r.unrecorded(d)
		}
		if !errors.Is(err, gitrepo.ErrMoved) || try == recordRetries {
			return err
		}
		if err := r.Clock.Sleep(ctx, time.Duration(try)*100*time.Millisecond); err != nil {
			return err
		}
		if err := r.Repo.Fetch(ctx); err != nil {
			return err
		}
		// It may have arrived, and somebody else's push on top of it before it was read back.
		if err := r.settleRecording(ctx); err != nil || r.State().Finished {
			return err
		}
	}
}

// push writes down what is about to be pushed, pushes, and writes down that it is there: with the push itself, where the
// journal lies in the same repository.
func (r *Release) push(ctx context.Context, d draft) error {
	recorded := run.Event{Type: run.Recorded, Record: &d.record}
	if len(d.updates) == 0 {
		return r.rec.add(ctx, recorded)
	}
	if err := r.rec.add(ctx, run.Event{Type: run.Recording, Record: &d.record}); err != nil {
		return err
	}
	return r.rec.addWith(ctx, recorded, func(ctx context.Context, also ...gitrepo.Update) error {
		return r.Repo.Push(ctx, slices.Concat(d.updates, also))
	})
}

// settleRecording finds out what became of a push whose outcome no driver lived to note. It was
// atomic: one of its refs tells for all.
func (r *Release) settleRecording(ctx context.Context) error {
	pushed := r.State().Recording
	if pushed == nil {
		return nil
	}
	refs := r.Repo.Refs()
	for ref, object := range pushed.Refs {
		if string(refs[ref]) == object {
			return r.rec.add(ctx, run.Event{Type: run.Recorded, Record: pushed})
		}
	}
	return nil // it never arrived, or the branch has moved on: the next draft finds what is missing
}

// draft plans the push against the branch's newest commit.
func (r *Release) draft(ctx context.Context) (draft, error) {
	d := draft{}
	data, err := r.Repo.ReadFile(r.Repo.Head(), r.Path)
	if err != nil {
		return d, err
	}
	m, err := manifest.Parse(r.Path, data)
	if err != nil {
		return d, fault.New(fault.Invalid, "broken-meanwhile", "release.json was broken by somebody during the run; nothing is recorded").Because(err).
			Hint("mend it on branch %s, then run the same command again: the journal keeps what succeeded", r.Options.Branch)
	}
	edit := d.choose(m, r.Plan, r.State().ToRecord())
	released, err := m.Release(edit, r.Plan.Version)
	if err != nil {
		return d, err
	}
	for _, c := range released.Components {
		if c.Open() {
			d.open = append(d.open, c.Name)
		}
	}
	if len(d.open) == 0 && len(d.conflict) == 0 && !r.Plan.Partial {
		free := r.supportFree(ctx)
		switch {
		case !m.Open() || m.ReleaseVersion() != r.Plan.Version:
			d.conflict = append(d.conflict, fmt.Sprintf("%s: the product version is now %s, so that %s cannot be finished", m.VersionAt, m.Version, r.Plan.Version))
		case fault.Is(free, "support-branch-exists"): // what succeeded is recorded all the same
			d.blocked = free
		case free != nil:
			return d, free
		default:
			return d, r.finish(&d, released)
		}
	}
	if len(edit) == 0 {
		return d, nil
	}
	commit, err := r.Repo.Commit(r.Repo.Head(), r.Path, released.Bytes(), partialSubject(r.Plan.Version))
	if err != nil {
		return d, err
	}
	d.record.Commit = string(commit)
	d.update(branchRef(r.Options.Branch), r.Repo.Head(), commit)
	return d, nil
}

// choose says which components are to be edited. The same change made by somebody else is recorded
// already; another one refuses the record of its component, unless it was there before this session
// planned: then it is what the operator wants.
func (d *draft) choose(m *manifest.Manifest, p *plan.Plan, steps []run.Step) []string {
	planned := map[string]bool{}
	for _, st := range p.Steps() {
		planned[st.ID()] = true
	}
	var edit []string
	for _, st := range steps {
		why := d.whyNot(m, p.Version, st)
		switch {
		case why == "":
			d.record.Steps = append(d.record.Steps, st.ID)
			if c, _ := m.Component(st.ID.Component()); c.Open() {
				edit = append(edit, c.Name)
			}
		case planned[string(st.ID)]:
			d.record.Refused = append(d.record.Refused, st.ID)
			d.conflict = append(d.conflict, why)
		}
	}
	return edit
}

// whyNot says why the success of a step cannot be recorded, "" where it can or is.
func (d *draft) whyNot(m *manifest.Manifest, version string, st run.Step) string {
	name, released := st.ID.Component(), st.ID.Version()
	c, exists := m.Component(name)
	switch {
	case m.ReleaseVersion() != version:
		return fmt.Sprintf("%s: the product version is now %s", m.VersionAt, m.Version)
	case !exists:
		return fmt.Sprintf("%s %s was released, but the component is no longer in %s", name, released, m.File)
	case c.ReleaseVersion() != released:
		return fmt.Sprintf("%s: %s %s was released, but it is %s now", c.VersionAt, name, released, c.Version)
	}
	return ""
}

// finish adds what ends the product's release: its version, its tag and the next versions.
func (r *Release) finish(d *draft, m *manifest.Manifest) error {
	final, err := m.SetVersion(r.Plan.Version)
	if err != nil {
		return err
	}
	commit, err := r.Repo.Commit(r.Repo.Head(), r.Path, final.Bytes(), finishedSubject(r.Plan.Version))
	if err != nil {
		return err
	}
	d.record.Commit, d.record.Finished = string(commit), true
	if _, exists := r.Repo.Refs()[tagRef(r.Plan.Version)]; !exists { // a re-opened version keeps its tag
		tag, err := r.Repo.Tag(r.Plan.Version, commit, fmt.Sprintf("%s %s", r.Plan.Product, r.Plan.Version))
		if err != nil {
			return err
		}
		d.update(tagRef(r.Plan.Version), "", tag)
	}
	return r.prepareNext(d, final, commit)
}

// prepareNext puts the next versions on top of the released commit.
func (r *Release) prepareNext(d *draft, released *manifest.Manifest, commit gitrepo.Hash) error {
	if r.NoNext {
		d.update(branchRef(r.Options.Branch), r.Repo.Head(), commit)
		return nil
	}
	subject := nextPatchSubject
	if r.next.SupportBranch != "" {
		support, err := r.commitVersion(released, commit, r.next.SupportVersion, nextPatchSubject)
		if err != nil {
			return err
		}
		ref := branchRef(r.next.SupportBranch)
		d.update(ref, r.Repo.Refs()[ref], support)
		subject = nextMinorSubject
	}
	next, err := r.commitVersion(released, commit, r.next.Version, subject)
	if err != nil {
		return err
	}
	d.update(branchRef(r.Options.Branch), r.Repo.Head(), next)
	return nil
}

func (r *Release) commitVersion(m *manifest.Manifest, parent gitrepo.Hash, version, subject string) (gitrepo.Hash, error) {
	next, err := m.SetVersion(version)
	if err != nil {
		return "", err
	}
	return r.Repo.Commit(parent, r.Path, next.Bytes(), subject)
}

func (d *draft) update(ref string, old, to gitrepo.Hash) {
	d.updates = append(d.updates, gitrepo.Update{Ref: ref, Old: old, New: to})
	if d.record.Refs == nil {
		d.record.Refs = map[string]string{}
	}
	d.record.Refs[ref] = string(to)
}

// unrecorded is the fault of a run whose pipelines all succeeded and whose product is yet not
// finished; nil where that is as it should be.
func (r *Release) unrecorded(d draft) error {
	if len(d.conflict) > 0 {
		return fault.New(fault.Invalid, "record-conflict", "release.json was changed by somebody else during the run, and gio does not overwrite it:\n  %s", strings.Join(d.conflict, "\n  ")).
			Hint("make release.json say what is true on branch %s, then run the same command again", r.Options.Branch)
	}
	if d.blocked != nil {
		return d.blocked
	}
	planned := map[string]bool{}
	for _, st := range r.Plan.Steps() {
		planned[st.Component] = true
	}
	var added []string
	for _, name := range d.open {
		if !planned[name] && !r.Plan.Partial {
			added = append(added, name)
		}
	}
	if len(added) > 0 {
		return fault.New(fault.Stopped, "more-to-release", "somebody added components to be released during the run: %s", strings.Join(added, ", ")).
			Hint("what succeeded is recorded; run the same command again to release them and finish %s", r.Plan.Version)
	}
	return nil
}
