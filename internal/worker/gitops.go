package worker

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitops"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/render"
)

const (
	// mostBeside bounds how many effects go in one push with the one whose turn it is.
	mostBeside = 100
	// mostMoves bounds how often a push is prepared anew because the branch has moved meanwhile.
	mostMoves = 10
)

// unchanged is Gimlet's text for somebody who deploys what is there already; its clients know it.
const unchanged = "No changes made to the gitops state. Maybe this is the current version already?"

// hand is an effect whose commit goes in a push: that of the drive which has the target, or one beside it.
type hand struct {
	*drive
	kept   int // entries of its journal
	intent gitops.Intent
	rest   time.Duration // ended, or how long it rests
	over   bool          // nothing more is done about it now
	end    func()        // of the renewing of its lease; nil where somebody else does that
}

// gitOps commits what an effect wants in the repository of its environment, and in the same push what else waits for the branch. An intent
// is in the journal before its push; whoever takes the effect over makes the identical commit, and finds it where it has arrived.
func (d *drive) gitOps(ctx context.Context, entries []ledger.Entry) (rest time.Duration, err error) {
	repo, err := d.Repositories.of(ctx, d.effect.Intent.App.Desired)
	if err != nil {
		return d.hopeless(ctx, len(entries) > 0, err)
	}
	if _, err := repo.Fetch(ctx); err != nil { // for the variables of the environment
		return d.hopeless(ctx, len(entries) > 0, err)
	}
	first := &hand{drive: d}
	all := []*hand{first}
	first.take(ctx, repo, entries)
	if !first.over {
		all = append(all, d.beside(ctx, repo)...)
	}
	err = push(ctx, repo, all)
	for _, h := range all[1:] {
		h.leave(ctx)
	}
	return first.rest, err
}

// beside takes the effects that wait for the same branch. What cannot be taken now waits for its own turn.
func (d *drive) beside(ctx context.Context, repo *gitops.Repository) (all []*hand) {
	began := time.Now()
	taken, err := d.Ledger.TakeBeside(ctx, d.lease.lease, mostBeside)
	if err != nil && ctx.Err() == nil {
		d.Fail(ctx, err)
	}
	for _, t := range taken {
		h := &hand{drive: &drive{Worker: d.Worker, effect: t.Effect, lease: newHeld(t.Lease, d.renew, began, t.Effect.Cancel)}}
		h.end = h.lease.keep(ctx, func(error) {})                     // who lost its lease can write nothing
		if t.Effect.Intent.Connection != d.effect.Intent.Connection { // another secret may let it do less, or more
			h.over = true
			all = append(all, h)
			continue
		}
		h.take(ctx, repo, t.Journal)
		all = append(all, h)
	}
	return all
}

// leave hands back what has not ended.
func (h *hand) leave(ctx context.Context) {
	h.end()
	if h.rest == ended {
		return
	}
	if ctx.Err() != nil {
		h.rest = 0
	}
	last, cancel := lastly(ctx)
	defer cancel()
	_ = h.Ledger.GiveBack(last, h.lease.lease, h.rest) // what cannot be handed back is taken when its lease has run out
}

// take reads the intent that was kept, or makes one.
func (h *hand) take(ctx context.Context, repo *gitops.Repository, entries []ledger.Entry) {
	h.kept = len(entries)
	var err error
	switch {
	case h.kept > 0: // what may have been pushed is not canceled
		if err = json.Unmarshal([]byte(entries[h.kept-1].Text), &h.intent); err != nil {
			h.ends(h.doubt(ctx, fault.New(fault.Internal, "damaged-journal", "entry %d of a journal cannot be read", h.kept).Because(err)))
		}
		return
	case h.lease.wantsStop():
		h.ends(h.finish(ctx, canceledBefore))
		return
	}
	if h.intent.Wish, err = h.wish(ctx, repo); err != nil {
		h.ends(h.hopeless(ctx, false, err))
	}
}

// ends notes what came of a hand.
func (h *hand) ends(rest time.Duration, err error) {
	h.over, h.rest = true, rest
	if err != nil && fault.KindOf(err) != fault.Stopped {
		h.Fail(context.Background(), err)
	}
}

// hopeless ends an effect of which nothing was sent and that cannot be done, with the reason; what may come right is tried again.
func (d *drive) hopeless(ctx context.Context, begun bool, why error) (rest time.Duration, err error) {
	switch kind := fault.KindOf(why); {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case !begun && (kind == fault.Invalid || kind == fault.Auth || kind == fault.NotFound):
		return d.finish(ctx, failed(why))
	}
	return d.wait(ctx, why)
}

func failed(why error) ledger.Outcome {
	return ledger.Outcome{State: ledger.EffectFailed, Status: ledger.Failure, Message: why.Error()}
}

// wish is what an effect wants of the repository.
func (h *hand) wish(ctx context.Context, repo *gitops.Repository) (gitops.Wish, error) {
	a := h.effect.Intent.App
	w := gitops.Wish{
		Effect: h.effect.ID, App: a.App, Place: placeOf(h.effect.Intent), Author: gitops.Gimlet(), Committer: gitops.Gimlet(), Time: h.Ledger.Now().Truncate(time.Second).UTC(),
	}
	switch a.Action {
	case ledger.RollBackApp:
		w.Kind, w.To = gitops.Rollback, a.To
	case ledger.DeleteApp:
		w.Kind, w.By = gitops.Delete, a.By
	case ledger.DeployApp:
		files, err := h.render(ctx, repo)
		if err != nil {
			return w, err
		}
		w.Kind, w.Files = gitops.Deploy, files
		w.Release = &gitops.Release{App: a.App, Env: w.Place.Env, ArtifactID: a.Shipment, TriggeredBy: a.By}
		if a.Revision != nil {
			w.Release.Version = gitops.VersionOf(*a.Revision)
		}
	}
	return w, nil
}

// render makes the files of an app. The variables of the environment, which its repository has, come before those of the shipment.
func (h *hand) render(ctx context.Context, repo *gitops.Repository) (map[string][]byte, error) {
	a := h.effect.Intent.App
	own, err := repo.Variables(ctx, placeOf(h.effect.Intent))
	if err != nil {
		return nil, err
	}
	values := maps.Clone(a.Vars)
	maps.Copy(values, own)
	f, err := render.Parse(a.File)
	if err != nil {
		return nil, err
	}
	if f.Preview {
		f = render.Preview(f)
	}
	if f, err = f.Resolve(ctx, render.Variables{Values: values, Dropped: a.Dropped}); err != nil {
		return nil, err
	}
	return render.Files(ctx, f, h.Kubernetes, h.Charts)
}

// placeOf is where an environment is in its repository.
func placeOf(i ledger.Intent) gitops.Place {
	return gitops.Place{Path: i.App.Path, Alone: i.App.PerEnvironment, Env: i.Environment}
}

// push brings all hands as far as they go: together, and those that were refused together one by one, so that only what the repository does
// not take fails. Its error is that of the first, who has the target.
func push(ctx context.Context, repo *gitops.Repository, all []*hand) error {
	err := together(ctx, repo, all)
	for _, h := range stillOpen(all) {
		if err == nil {
			err = together(ctx, repo, []*hand{h})
		}
	}
	return err
}

// together pushes hands by one push. Those that were refused together are still open when it returns.
func together(ctx context.Context, repo *gitops.Repository, all []*hand) error {
	unclear := false // whether the last push arrived
	for range mostMoves {
		open := stillOpen(all)
		if len(open) == 0 {
			return nil
		}
		chain, whole, err := settle(ctx, repo, open)
		settled := err == nil
		if settled && whole && len(chain) > 0 && surelyOurs(ctx, open) {
			err = repo.Push(ctx, chain)
		}
		refused := settled && (fault.Is(err, "push-refused") || fault.KindOf(err) == fault.Auth)
		switch {
		case err == nil || errors.Is(err, gitrepo.ErrMoved): // what arrived is found
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case refused && len(chain) > 1 && fault.KindOf(err) != fault.Auth:
			return nil
		case refused:
			endAll(open, func(h *hand) (time.Duration, error) { return h.finish(ctx, failed(err)) })
		case settled && !unclear: // what arrived is found, and what did not is sent again
			unclear = true
		default:
			endAll(open, func(h *hand) (time.Duration, error) { return h.hopeless(ctx, h.kept > 0, err) })
		}
	}
	endAll(stillOpen(all), func(h *hand) (time.Duration, error) {
		return h.wait(ctx, fault.New(fault.Remote, "branch-moves", "the branch of %s moves all the time", h.effect.Intent.App.Repository))
	})
	return nil
}

// surelyOurs tells whether a push may be sent: a driver that slept, as in a machine that was suspended, asks for its leases first. Whose
// is lost is over.
func surelyOurs(ctx context.Context, open []*hand) bool {
	all := true
	for _, h := range open {
		if h.lease.isFresh() {
			continue
		}
		if err := h.lease.renew(ctx); err != nil {
			h.ends(0, err)
			all = false
		}
	}
	return all
}

// endAll does the same with all that is open.
func endAll(open []*hand, end func(*hand) (time.Duration, error)) {
	for _, h := range open {
		if !h.over {
			h.ends(end(h))
		}
	}
}

func stillOpen(all []*hand) (open []*hand) {
	for _, h := range all {
		if !h.over {
			open = append(open, h)
		}
	}
	return open
}

// settle says what is to be pushed, once every new intent is in its journal. It is not whole where one could not be kept, as by a driver
// that lost its lease: then the others are planned without it.
func settle(ctx context.Context, repo *gitops.Repository, open []*hand) (chain []gitops.Intent, whole bool, err error) {
	intents := make([]gitops.Intent, len(open))
	for i, h := range open {
		intents[i] = h.intent
	}
	standings, err := repo.Settle(ctx, intents)
	if err != nil {
		return nil, false, err
	}
	whole = true
	for i, s := range standings {
		if !open[i].goOn(ctx, s) {
			whole = false
		}
	}
	return gitops.Chain(standings), whole, nil
}

// goOn does what follows from how the intent of a hand stands. It is false for one that must not be pushed with the others.
func (h *hand) goOn(ctx context.Context, s gitops.Standing) bool {
	h.intent = s.Intent
	switch s.State {
	case gitops.Landed:
		h.ends(h.finish(ctx, ledger.Outcome{State: ledger.EffectDone, Status: ledger.Success, Hash: string(s.Intent.Hash())}))
	case gitops.Unchanged:
		h.ends(h.finish(ctx, h.unchanged()))
	case gitops.Refused:
		h.ends(h.finish(ctx, failed(s.Err)))
	case gitops.Planned:
		if !s.Fresh {
			return true
		}
		err := h.keep(ctx)
		switch {
		case fault.Is(err, "canceled"):
			h.ends(h.finish(ctx, canceledBefore))
		case err != nil:
			h.ends(0, err)
		}
		return err == nil
	case gitops.Waiting:
	}
	return true
}

// unchanged is the outcome where there was nothing to commit.
func (h *hand) unchanged() ledger.Outcome {
	if a := h.effect.Intent.App; a.Action == ledger.DeployApp && a.By != ledger.ByPolicy {
		return ledger.Outcome{State: ledger.EffectFailed, Status: ledger.Failure, Message: unchanged}
	}
	return ledger.Outcome{State: ledger.EffectDone, Status: ledger.Success}
}

// keep writes the intent into the journal of its effect.
func (h *hand) keep(ctx context.Context) error {
	began := time.Now()
	text, err := json.Marshal(h.intent)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := h.Ledger.Intend(ctx, h.lease.lease, ledger.Entry{Seq: int64(h.kept + 1), Text: string(text)}); err != nil {
		return err
	}
	h.kept++
	h.lease.confirm(began, false)
	return nil
}
