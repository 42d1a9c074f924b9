package journal

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// retryFor is how long a note keeps others from retrying the same workflow: its request has at most half a minute, and is looked up
// for one. After that CircleCI shows a newer workflow, or there is none.
const retryFor = 3 * time.Minute

// retryNote is a file below retries/: who has had a component's failed workflow run again.
type retryNote struct {
	Workflow string    `json:"workflow"` // id of the failed one
	Driver   string    `json:"driver"`   // id of whoever noted it
	Login    string    `json:"login,omitempty"`
	Time     time.Time `json:"time"`
}

func (k key) retry(component string) string {
	return "retries/" + k.dir() + k.run + "/" + url.PathEscape(component) + ".json"
}

// NoteRetryGit notes that the failed workflow of a component of h's run is about to be run again. It does so on the very commit at
// which may, which gets the run as it is there, finds nothing against it: of two that want the same, one has it. Faults: Stopped
// "retried-elsewhere"; what may returns; "journal-push", and those of the repository.
func NoteRetryGit(ctx context.Context, repo Repository, h run.Header, component, workflow string, by run.Driver, may func([]run.Event, run.Lease) error) error {
	k := keyOf(h)
	t := &tries{name: k.run, until: time.Now().Add(pushPatience), pause: pushPause}
	note := retryNote{Workflow: workflow, Driver: by.ID, Login: by.Login, Time: time.Now().UTC()}
	for {
		tip, err := repo.Fetch(ctx)
		if err != nil {
			return err
		}
		if noted, err := mayRetry(repo, tip, k, component, note, may); noted || err != nil {
			return err
		}
		refused := pushRetry(ctx, repo, tip, k.retry(component), k.run+": "+component+" is run again", note)
		if refused == nil {
			return nil
		}
		kind := fault.KindOf(refused)
		if now, err := repo.Fetch(ctx); err == nil && now != tip {
			kind = 0 // somebody else was faster, or it arrived after all
		}
		if err := t.waitForNext(ctx, kind, refused); err != nil {
			return err
		}
	}
}

// mayRetry tells whether the note is there already, since its push arrived and the answer did not.
func mayRetry(repo Repository, tip string, k key, component string, note retryNote, may func([]run.Event, run.Lease) error) (noted bool, err error) {
	lease, err := readLease(repo, tip, k)
	if err != nil {
		return false, err
	}
	events, err := readEvents(repo, tip, k)
	if err != nil {
		return false, err
	}
	if err := may(events, lease); err != nil {
		return false, err
	}
	data, err := repo.Read(tip, k.retry(component))
	if err != nil || data == nil {
		return false, err
	}
	var last retryNote
	if json.Unmarshal(data, &last) != nil {
		return false, nil
	}
	if last.Driver == note.Driver && last.Workflow == note.Workflow {
		return true, nil
	}
	if last.Workflow == note.Workflow && time.Since(last.Time) < retryFor {
		return false, fault.New(fault.Stopped, "retried-elsewhere", "%s has just been run again by %s, at %s", component, last.Login, last.Time.Format(time.RFC3339)).
			Hint("%s shows how it goes", fault.Next{Action: fault.Watch, Run: k.run})
	}
	return false, nil
}

func pushRetry(ctx context.Context, repo Repository, tip, path, subject string, n retryNote) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	commit, err := repo.Commit(tip, map[string][]byte{path: data}, subject)
	if err != nil {
		return err
	}
	return repo.Push(ctx, tip, commit)
}
