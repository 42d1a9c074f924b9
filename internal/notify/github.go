package notify

import (
	"context"
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/run"
)

// StatusContext distinguishes gio's commit statuses from those of others.
const StatusContext = "gio/release"

// CommitStatus shows a run on commits of the release repository: on the one on which it began, and on that of the released
// product.
type CommitStatus struct {
	Client *github.Client
	Repo   string // org/name
	Head   string // the commit on which the session begins
}

// Receiver returns the receiver that sets the statuses.
func (c CommitStatus) Receiver() Receiver {
	t := &statuses{CommitStatus: c}
	return Receiver{name: "GitHub commit status on " + c.Repo, deliver: t.deliver}
}

type statuses struct {
	CommitStatus
	begun    bool
	released string // commit of the finished product
}

func (t *statuses) deliver(ctx context.Context, m Moment) error {
	for _, e := range m.Events {
		if e.Type == run.Recorded && e.Record.Finished {
			t.released = e.Record.Commit
		}
	}
	if t.begun && !m.Over {
		return nil
	}
	s := github.Status{Context: StatusContext, URL: m.State.Driver.Job}
	s.State, s.Description = verdict(m)
	for _, commit := range []string{t.Head, t.released} {
		if commit == "" {
			continue
		}
		if err := t.Client.SetStatus(ctx, t.Repo, commit, s); err != nil {
			return hinted(err, "notify.github.status in gio.yaml needs a token that may write commit statuses (repo:status)")
		}
	}
	t.begun = true
	return nil
}

// verdict returns GitHub's word for the standing of a session, and a sentence.
func verdict(m Moment) (state, sentence string) {
	version := m.State.Header.Version
	switch {
	case !m.Over:
		return "pending", "the release of " + version + " runs"
	case m.Err == nil && m.State.Finished:
		return "success", version + " is released"
	case m.Err == nil:
		return "pending", version + " is not finished: components were left out"
	case fault.KindOf(m.Err) == fault.PipelineFailed:
		return "failure", oneLine(m.Err)
	case fault.KindOf(m.Err) == fault.Stopped:
		return "pending", oneLine(m.Err)
	}
	return "error", oneLine(m.Err)
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// Releases publishes a GitHub release for the tag of a product that is released.
type Releases struct {
	Client *github.Client
	Repo   string                                                                              // org/name
	Notes  func(ctx context.Context, s *run.State, commit string) (markdown string, err error) // of the release commit
}

// Receiver returns the receiver that publishes the releases.
func (r Releases) Receiver() Receiver {
	return Receiver{name: "GitHub release on " + r.Repo, deliver: r.deliver}
}

// deliver publishes the releases that the events record. It does not change one that already exists.
func (r Releases) deliver(ctx context.Context, m Moment) error {
	for _, e := range m.Events {
		if e.Type != run.Recorded || !e.Record.Finished {
			continue
		}
		notes, err := r.Notes(ctx, m.State, e.Record.Commit)
		if err != nil {
			return err
		}
		head := m.State.Header
		_, err = r.Client.CreateRelease(ctx, r.Repo, github.Release{
			Tag: m.State.ProductTag(), Name: fmt.Sprintf("%s %s", head.Product, head.Version), Notes: notes,
			Prerelease: strings.Contains(head.Version, "-"),
		})
		if err != nil && !fault.Is(err, "release-exists") {
			return hinted(err, "notify.github.release in gio.yaml needs a token that may write the contents of the repository")
		}
	}
	return nil
}

// hinted adds the hint when the token may lack a right.
func hinted(err error, hint string) error {
	kind := fault.KindOf(err)
	if kind != fault.Auth && kind != fault.NotFound {
		return err
	}
	return fault.New(kind, fault.CodeOf(err), "GitHub refused it").Because(err).Hint("%s", hint)
}
