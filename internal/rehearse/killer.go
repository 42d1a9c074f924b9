package rehearse

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// errKilled is the error of everything that a killed driver does.
var errKilled = errors.New("gio was killed")

// killer kills drivers of a rehearsal, each at one of the requested moments: from then on nothing that it does reaches CircleCI
// or its journal.
type killer struct {
	projects map[string]string // by component

	mu      sync.Mutex
	due     map[string]Moment       // moments still to come, by component
	written map[string]bool         // components whose intent the driver has written
	kill    context.CancelCauseFunc // ends the driver
	killed  *Killed                 // nil while it lives
}

func newKiller(crashes map[string]Moment, p *plan.Plan) *killer {
	k := &killer{projects: map[string]string{}, due: maps.Clone(crashes)}
	for _, st := range p.Steps() {
		k.projects[st.Component] = st.Project
	}
	return k
}

// begin makes the killer ready for the next driver, which kill ends.
func (k *killer) begin(kill context.CancelCauseFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kill, k.killed, k.written = kill, nil, map[string]bool{}
}

// killedAt says when the driver was killed; nil while it lives.
func (k *killer) killedAt() *Killed {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.killed
}

// reach notes that a component has reached a moment, and kills the driver if this moment is due.
func (k *killer) reach(component string, at Moment) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.written[component] = k.written[component] || at == AtIntent
	if due, ok := k.due[component]; ok && due == at && k.killed == nil {
		delete(k.due, component)
		k.killed = &Killed{Component: component, At: at}
		k.kill(errKilled)
	}
}

// noteSent notes that a trigger with this path has reached CircleCI.
func (k *killer) noteSent(path string) {
	for component, project := range k.projects {
		if strings.Contains(path, "/project/"+project+"/pipeline") && k.hasIntent(component) {
			k.reach(component, AtSent)
		}
	}
}

func (k *killer) hasIntent(component string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.written[component]
}

func (k *killer) errIfKilled() error {
	if k.killedAt() != nil {
		return errKilled
	}
	return nil
}

// killedJournal is the journal of a driver that may be killed after a write.
type killedJournal struct {
	engine.Journal
	*killer
}

// Append writes events, unless the driver is dead.
func (j killedJournal) Append(ctx context.Context, events ...run.Event) error {
	return j.write(events, func() error { return j.Journal.Append(ctx, events...) })
}

// AppendWith writes events together with a push, unless the driver is dead.
func (j killedJournal) AppendWith(ctx context.Context, push journal.Push, events ...run.Event) error {
	return j.write(events, func() error { return j.Journal.AppendWith(ctx, push, events...) })
}

func (j killedJournal) write(events []run.Event, do func() error) error {
	if err := j.errIfKilled(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	for _, e := range events {
		for _, id := range e.Steps {
			j.reach(id.Component(), momentOf(e.Type))
		}
	}
	return j.errIfKilled()
}

// momentOf returns the moment right after an event was written; "" for none.
func momentOf(t run.Type) Moment {
	switch t {
	case run.Intent:
		return AtIntent
	case run.Triggered:
		return AtRunning
	case run.Succeeded, run.Failed:
		return AtEnded
	default:
		return ""
	}
}

// killedWire is the transport of a driver that may be killed after a trigger was sent.
type killedWire struct {
	next http.RoundTripper
	*killer
}

// RoundTrip sends a request, unless the driver is dead.
func (w killedWire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := w.errIfKilled(); err != nil {
		return nil, err
	}
	res, err := w.next.RoundTrip(req)
	if req.Method != http.MethodPost || req.Context().Err() != nil {
		return res, err
	}
	if w.noteSent(req.URL.Path); w.errIfKilled() == nil { // whatever the answer, and even if it was lost
		return res, err
	}
	if err == nil {
		_ = res.Body.Close() // nobody reads it any more
	}
	return nil, errKilled
}
