package engine

import (
	"cmp"
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

// begin proves the right to push, sets the tag that marks the start, unless it exists, and notes the plan, all before the first
// trigger: a run that cannot be recorded must not begin. A dry run records nothing.
func (r *Release) begin(ctx context.Context, planned run.Event) error {
	if r.Options.DryRun {
		return r.rec.note(ctx, planned, noteStart)
	}
	if err := r.Repo.ProvePush(ctx); err != nil {
		return err
	}
	name := r.Plan.StartTag()
	if _, exists := r.Repo.Refs()[plan.TagRef(name)]; exists || len(r.Plan.Waves) == 0 {
		return r.rec.note(ctx, planned, noteStart)
	}
	err := r.rec.addWith(ctx, planned, func(ctx context.Context, also ...gitrepo.Update) error {
		tag, err := r.Repo.Tag(name, r.Repo.Head(), r.startMessage(len(also) > 0))
		if err != nil {
			return err
		}
		return r.Repo.Push(ctx, append(also, gitrepo.Update{Ref: plan.TagRef(name), New: tag}))
	})
	switch {
	case errors.Is(err, gitrepo.ErrMoved): // another one set it meanwhile
		if err := r.Repo.Fetch(ctx); err != nil {
			return err
		}
		message, err := r.Repo.TagMessage(ctx, name)
		if err := cmp.Or(err, r.refuseOthersStart(message)); err != nil {
			return err
		}
		return r.rec.note(ctx, planned, noteStart)
	case fault.Is(err, "push-refused"):
		return fault.New(fault.Auth, "cannot-tag", "the release repository refused the tag %s: nothing was started", name).Because(err).
			Hint("let the token's user create tags there, then %s", fault.Again())
	}
	return err
}

// startMessage says which run began when its journal comes into the repository in one push with the tag. Whoever finds such a
// tag without the journal knows that the journal was lost.
func (r *Release) startMessage(withJournal bool) string {
	message := fmt.Sprintf("%s %s: release started", r.Plan.Product, r.Plan.Version)
	if withJournal {
		message += "\n\n" + r.trailer()
	}
	return message
}

// trailerFormat names a run in the message of its start tag: version, path of release.json.
const trailerFormat = "Gio-Run: release/%s of %s"

func (r *Release) trailer() string { return fmt.Sprintf(trailerFormat, r.Plan.Version, r.Path) }

// refuseLost refuses a run that gio began and that no journal knows: what it started may still run, or be released. A tag that
// somebody else set, the system before gio for instance, says nothing of the kind.
func (r *Release) refuseLost(ctx context.Context) error {
	if r.State().Seq > 0 || r.Options.DryRun {
		return nil
	}
	for _, name := range r.startTags() {
		message, err := r.Repo.TagMessage(ctx, name)
		if err != nil {
			return err
		}
		if slices.Contains(strings.Split(message, "\n"), r.trailer()) {
			return r.lost(name)
		}
		if name == r.Plan.StartTag() {
			if err := r.refuseOthersStart(message); err != nil {
				return err
			}
		}
	}
	return nil
}

// startTags are the tags that may mark the start of this version, by whatever product_tag: it may have been changed since.
func (r *Release) startTags() []string {
	var names []string
	for ref := range r.Repo.Refs() {
		name, isTag := strings.CutPrefix(ref, plan.TagRef(""))
		if isTag && (name == r.Plan.StartTag() || strings.HasSuffix(name, plan.StartTag("")) && strings.Contains(name, r.Plan.Version)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// lost is the fault of a run whose start has this tag, and whose journal is gone.
func (r *Release) lost(name string) error {
	f := fault.New(fault.Invalid, "journal-lost", "gio has begun %s, as its tag %s says, but the journal of that run is gone: what it started may run or be released", r.Plan.Version, name)
	doctor := fault.Next{Action: fault.Doctor, Args: []string{"--fix"}}
	if name == r.Plan.StartTag() {
		f = f.Hint("%s rebuilds it from what the repositories and CircleCI say", doctor)
	} else {
		f = f.Hint("set product_tag of gio.yaml back to what it was then, and %s rebuilds it from what the repositories and CircleCI say", doctor)
	}
	return f.Hint("put the ref back from a clone that has it, or let the server show it (gio help journal)").
		Hint("when it is certain that nothing was started: `git push --delete origin %s`, then %s", name, fault.Again())
}

// draft is one push to the release repository, made against its newest commit.
type draft struct {
	head     gitrepo.Hash // of the release branch: what is read and what the commits are on, also when the repository is fetched anew meanwhile
	record   run.Record
	updates  []gitrepo.Update
	open     []string // components that are still to be released, so that the product is not finished
	conflict []string // why records are refused, or the product cannot be finished
	blocked  error    // the support branch or the product's tag is in the way of finishing the product
}

// record writes what succeeded, and the end of the release, into the release repository: commits, tag and journal in one
// atomic push, made anew when somebody else pushed meanwhile. What cannot be pushed stays in the journal, and the same command
// tries again.
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
		if err := r.Repo.Fetch(ctx); fault.Is(err, "branch-missing") {
			return r.branchGone(err)
		} else if err != nil {
			return err
		}
		// It may have arrived, and somebody else's push on top of it before it was read back.
		if err := r.settleRecording(ctx); err != nil || r.State().Finished {
			return err
		}
	}
}

// branchGone is the fault of a release branch that vanished during the run.
func (r *Release) branchGone(err error) error {
	return fault.New(fault.Stopped, "branch-gone", "the branch %s is gone since the run began: it was renamed or deleted. Nothing is lost, the journal keeps what succeeded", r.Options.Branch).
		Because(err).
		Hint("if it was renamed, check the new branch out, then %s: the run goes on there once you agree", fault.Again()).
		Hint("if it was deleted, push it back, then %s", fault.Again())
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

// settleRecording finds out what became of a push when its driver died before it noted that. The push was atomic: one of its
// refs speaks for all.
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
	d := draft{head: r.Repo.Head()}
	data, err := r.Repo.ReadFile(d.head, r.Path)
	if err != nil {
		return d, err
	}
	m, err := manifest.Parse(r.Path, data)
	if err != nil {
		return d, fault.New(fault.Invalid, "broken-meanwhile", "somebody broke release.json during the run; nothing is recorded").Because(err).
			Hint("fix it on branch %s, then %s: the journal keeps what succeeded", r.Options.Branch, fault.Again())
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
		free := r.refuseRefs(ctx, released)
		switch {
		case !m.Open() || m.ReleaseVersion() != r.Plan.Version:
			d.conflict = append(d.conflict, fmt.Sprintf("%s: the product version is now %s, so that %s cannot be finished", m.VersionAt, m.Version, r.Plan.Version))
		case fault.KindOf(free) == fault.Invalid: // what succeeded is recorded all the same
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
	commit, err := r.Repo.Commit(d.head, r.Path, released.Bytes(), plan.PartialSubject(r.Plan.Version))
	if err != nil {
		return d, err
	}
	d.record.Commit = string(commit)
	d.update(plan.BranchRef(r.Options.Branch), d.head, commit)
	return d, nil
}

// choose says which components to edit. What somebody else has changed in the same way is recorded already. When somebody has
// changed a component in another way, its record is refused, unless the change is older than this session's plan: then it is
// what the operator wants.
func (d *draft) choose(m *manifest.Manifest, p *plan.Plan, steps []run.Step) []string {
	planned := map[plan.StepID]bool{}
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
		case planned[st.ID]:
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
	commit, err := r.Repo.Commit(d.head, r.Path, final.Bytes(), plan.FinishedSubject(r.Plan.Version))
	if err != nil {
		return err
	}
	d.record.Commit, d.record.Finished = string(commit), true
	if _, exists := r.Repo.Refs()[plan.TagRef(r.Plan.ProductTag())]; !exists { // else it is this run's, and holds the same
		tag, err := r.Repo.Tag(r.Plan.ProductTag(), commit, fmt.Sprintf("%s %s", r.Plan.Product, r.Plan.Version))
		if err != nil {
			return err
		}
		d.update(plan.TagRef(r.Plan.ProductTag()), "", tag)
	}
	return r.prepareNext(d, final, commit)
}

// prepareNext puts the next versions on top of the released commit.
func (r *Release) prepareNext(d *draft, released *manifest.Manifest, commit gitrepo.Hash) error {
	if r.NoNext {
		d.update(plan.BranchRef(r.Options.Branch), d.head, commit)
		return nil
	}
	subject := plan.NextPatchSubject
	if r.next.SupportBranch != "" {
		support, err := r.commitVersion(released, commit, r.next.SupportVersion, plan.NextPatchSubject)
		if err != nil {
			return err
		}
		ref := plan.BranchRef(r.next.SupportBranch)
		d.update(ref, r.Repo.Refs()[ref], support)
		subject = plan.NextMinorSubject
	}
	next, err := r.commitVersion(released, commit, r.next.Version, subject)
	if err != nil {
		return err
	}
	d.update(plan.BranchRef(r.Options.Branch), d.head, next)
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

// unrecorded is the fault of a run whose pipelines have all succeeded and whose product is not finished; nil when all is
// recorded.
func (r *Release) unrecorded(d draft) error {
	if len(d.conflict) > 0 {
		return fault.New(fault.Invalid, "record-conflict", "somebody else changed release.json during the run, and gio does not overwrite it:\n  %s", strings.Join(d.conflict, "\n  ")).
			Hint("make release.json say what is true on branch %s, then %s", r.Options.Branch, fault.Again())
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
			Hint("what succeeded is recorded; %s to release them and finish %s", fault.Again(), r.Plan.Version)
	}
	return nil
}
