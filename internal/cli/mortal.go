package cli

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// errKilled is what everything answers to a driver that was killed.
var errKilled = errors.New("gio was killed")

// mortal kills drivers of a rehearsal, each at one of the moments that were asked for: from then on nothing that it does
// reaches CircleCI or its journal.
type mortal struct {
	projects map[string]string // by component

	mu      sync.Mutex
	due     map[string]moment       // by component
	written map[string]bool         // components whose intent the driver has written
	kill    context.CancelCauseFunc // ends the driver
	died    *report.Killed          // nil while it lives
}

func newMortal(crashes map[string]moment, p *plan.Plan) *mortal {
	m := &mortal{projects: map[string]string{}, due: maps.Clone(crashes)}
	for _, st := range p.Steps() {
		m.projects[st.Component] = st.Project
	}
	return m
}

// next is the driver that follows, which kill ends.
func (m *mortal) next(kill context.CancelCauseFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kill, m.died, m.written = kill, nil, map[string]bool{}
}

// death says when the driver was killed, nil for one that was not.
func (m *mortal) death() *report.Killed {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.died
}

// reached tells that it is this moment for a component, which may kill the driver.
func (m *mortal) reached(component string, at moment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.written[component] = m.written[component] || at == atIntent
	if due, asked := m.due[component]; asked && due == at && m.died == nil {
		delete(m.due, component)
		m.died = &report.Killed{Component: component, At: string(at)}
		m.kill(errKilled)
	}
}

// sent tells that a trigger with this path has reached CircleCI.
func (m *mortal) sent(path string) {
	for component, project := range m.projects {
		if strings.Contains(path, "/project/"+project+"/pipeline") && m.intends(component) {
			m.reached(component, atSent)
		}
	}
}

func (m *mortal) intends(component string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.written[component]
}

func (m *mortal) alive() error {
	if m.death() != nil {
		return errKilled
	}
	return nil
}

// mortalJournal is the journal of a driver that may be killed after a write.
type mortalJournal struct {
	engine.Journal
	*mortal
}

// Append writes events, unless the driver is dead.
func (j mortalJournal) Append(ctx context.Context, events ...run.Event) error {
	if err := j.alive(); err != nil {
		return err
	}
	if err := j.Journal.Append(ctx, events...); err != nil {
		return err
	}
	for _, e := range events {
		for _, id := range e.Steps {
			j.reached(id.Component(), momentOf(e.Type))
		}
	}
	return j.alive()
}

// momentOf is the moment right after an event was written, "" for none.
func momentOf(t run.Type) moment {
	switch t {
	case run.Intent:
		return atIntent
	case run.Triggered:
		return atRuns
	case run.Succeeded, run.Failed:
		return atEnd
	default:
		return ""
	}
}

// mortalWire is the way to CircleCI of a driver that may be killed after a trigger was sent.
type mortalWire struct {
	next http.RoundTripper
	*mortal
}

// RoundTrip sends a request, unless the driver is dead.
func (w mortalWire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := w.alive(); err != nil {
		return nil, err
	}
	res, err := w.next.RoundTrip(req)
	if req.Method != http.MethodPost || req.Context().Err() != nil {
		return res, err
	}
	if w.sent(req.URL.Path); w.alive() == nil { // whatever the answer, and were it lost
		return res, err
	}
	if err == nil {
		_ = res.Body.Close() // nobody reads it any more
	}
	return nil, errKilled
}
