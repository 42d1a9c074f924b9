package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	drySpeed    = 100                   // times real time
	dryPipeline = 20 * time.Millisecond // real time that a simulated pipeline takes: a reading or two
	dryProbe    = 10 * time.Second      // within which CircleCI, or the remote, must answer the first request
	drySeed     = 0x6472                // no other simulator makes the same ids
)

// Observer sees what a real run would do, in order. Each function must be set.
type Observer struct {
	Request func(method, url string, body []byte)              // to CircleCI
	Push    func(repo *gitrepo.Repo, updates []gitrepo.Update) // to the release repository
}

// DryEnds opens the ends of a client dry run: nothing but GET and HEAD leaves, and Git only reads remotes. What cannot be read
// is imagined, and Tell says so. Use the returned setup for the run: its workspace may have assumptions filled in. Close the
// ends.
func DryEnds(ctx context.Context, s operate.Setup, inRepository bool, o Observer) (operate.Setup, operate.Ends, error) {
	d := &dry{Setup: s, observer: o}
	if inRepository {
		if err := d.openRepository(ctx); err != nil {
			return s, operate.Ends{}, err
		}
	}
	if err := d.openCircleCI(ctx); err != nil {
		return s, operate.Ends{}, err
	}
	return d.Setup, operate.Ends{CI: d.ci, Repo: d.repo, Dry: &operate.DryEnds{
		Clock: engine.FastClock(drySpeed), Imagined: d.imagined, Online: d.online, OpenJournal: d.openJournal, Close: d.sim.Close,
	}}, nil
}

// dry makes the ends of a dry run.
type dry struct {
	operate.Setup
	observer Observer
	ci       *circleci.Client
	sim      *sim.Sim
	repo     *gitrepo.Repo

	online   bool // CircleCI answers reads
	imagined bool // the remote could not be read
}

// openRepository reads the remote. When that fails, the checkout's release.json stands for it.
func (d *dry) openRepository(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, 2*dryProbe)
	defer cancel()
	repo, err := d.Repository(soon, d.push)
	kind := fault.KindOf(err)
	if kind == fault.Remote || kind == fault.Auth || fault.Is(err, "no-remote") {
		d.tell("the release repository could not be read, the checkout's release.json stands for it: %s", oneLine(err))
		repo, err = d.imagine()
		d.imagined = true
	}
	d.repo = repo
	return err
}

func (d *dry) push(updates []gitrepo.Update) { d.observer.Push(d.repo, updates) }

func (d *dry) tell(format string, args ...any) {
	if d.Tell != nil {
		d.Tell(format, args...)
	}
}

func (d *dry) imagine() (*gitrepo.Repo, error) {
	m, err := d.Manifest()
	if err != nil {
		return nil, err
	}
	var assumptions []string
	d.Workspace, assumptions = d.WithAssumptions(m)
	for _, assumption := range assumptions {
		if d.Warn != nil {
			d.Warn(assumption)
		}
	}
	o := gitrepo.Options{URL: d.Checkout.RemoteURL, Branch: d.Branch.Value, DryPush: d.push}
	return gitrepo.Imagine(o, d.Checkout.MainBranch, d.Path, d.Local)
}

// openCircleCI makes the client: CircleCI answers reads where there is a token and CircleCI can be reached; the simulator answers
// everything else.
func (d *dry) openCircleCI(ctx context.Context) error {
	found, err := d.CircleCI()
	if err != nil && !fault.Is(err, "no-token") {
		return err
	}
	w := &wire{onWrite: d.observer.Request}
	if err == nil {
		err = probe(ctx, found)
	}
	switch {
	case err == nil:
		d.online = true
		w.real = transport.New(transport.Options{Base: transport.ReadOnly(nil), Version: d.Options().Version, Log: d.Wire.Log}).Transport
	case fault.KindOf(err) == fault.Auth && !fault.Is(err, "no-token"):
		return err // a real run would end here, too
	default:
		d.tell("CircleCI is not asked, the simulator stands for all of it: %s", oneLine(err))
	}
	d.sim = sim.New(sim.Scenario{Seed: drySeed, Default: sim.Project{
		DefaultBranch: d.defaultBranch(), Duration: dryPipeline, WorkflowDelay: time.Millisecond,
	}})
	w.sim = d.sim.Transport()
	host := cmp.Or(found.Host.Value, d.CircleCIHost())
	d.ci = circleci.New(circleci.Options{Host: host, Token: cmp.Or(found.Token, "none"), Secrets: d.Secrets(), HTTP: &http.Client{Transport: w}})
	return nil
}

// defaultBranch returns the default branch of the simulator's projects.
func (d *dry) defaultBranch() string {
	if d.repo == nil {
		return ""
	}
	return d.repo.DefaultBranch()
}

// probe asks CircleCI once who we are, without the patience of a real run.
func probe(ctx context.Context, found config.CircleCI) error {
	once := &http.Client{Transport: transport.ReadOnly(nil), Timeout: dryProbe}
	_, err := circleci.New(circleci.Options{Host: found.Host.Value, Token: found.Token, HTTP: once}).Me(ctx)
	return err
}

// openJournal opens a journal in memory that begins with the events of the real one, so that what has succeeded is not triggered
// again.
func (d *dry) openJournal(ctx context.Context, h run.Header) (engine.Journal, []run.Event, error) {
	events, err := d.initialEvents(ctx, h)
	return &journal.Memory{}, events, err
}

// initialEvents returns the events of the run's journal, and events by which everything that runs or may run succeeds.
func (d *dry) initialEvents(ctx context.Context, h run.Header) ([]run.Event, error) {
	if d.imagined {
		return nil, nil
	}
	events, err := operate.Peek(ctx, d.repo, h)
	if err != nil {
		return nil, err
	}
	state, err := run.Fold(events)
	if err != nil {
		return nil, err
	}
	var runs, lost []plan.StepID
	for _, st := range state.Steps() {
		if st.Status == run.Intended {
			lost = append(lost, st.ID)
			d.tell("%s may run already, its answer was lost: gio would look it up; here it is assumed to succeed", st.ID)
		} else if d.stillRuns(ctx, st) {
			runs = append(runs, st.ID)
			d.tell("%s runs already (%s): gio would watch it; here it is assumed to succeed", st.ID, st.Pipeline.URL)
		}
	}
	for _, e := range []run.Event{{Type: run.Succeeded, Steps: runs}, {Type: run.Resolved, Status: run.AnswerReleased, Steps: lost}} {
		if len(e.Steps) > 0 {
			state.Seq++
			e.Run, e.Seq, e.Time = h.Run(), state.Seq, time.Now().UTC()
			events = append(events, e)
		}
	}
	return events, nil
}

// stillRuns reports whether the pipeline of an earlier driver's step has not ended. A dry run does not wait for it.
func (d *dry) stillRuns(ctx context.Context, st run.Step) bool {
	noted := st.Status == run.Running || st.Status == run.OnHold
	if !noted && (st.Status != run.HasFailed || st.Pipeline.ID == "") {
		return false
	}
	if !d.online {
		return noted
	}
	workflows, err := d.ci.Workflows(ctx, st.Pipeline.ID)
	if err != nil {
		return noted
	}
	p, err := d.ci.Pipeline(ctx, st.Pipeline.ID)
	if err != nil {
		return noted
	}
	state := circleci.Judge(p, workflows).State
	return state == circleci.Running || state == circleci.OnHold || state == circleci.Waiting && noted
}

// insightOf says where a duration of Insights comes from.
func insightOf(i engine.Insight) string {
	return fmt.Sprintf("Insights: %s of %s", count(len(i.Took), "run"), i.Workflow)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
