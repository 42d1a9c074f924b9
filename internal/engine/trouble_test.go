package engine_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/sim"
)

// told is what the engine tells of trouble, and when.
type told struct {
	mu    sync.Mutex
	began time.Time
	lines []string
	after []time.Duration
}

func (o *told) listen(w *world) {
	o.began = time.Now()
	w.edit = func(r *engine.Release) {
		r.Trouble = func(sentence string) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.lines, o.after = append(o.lines, sentence), append(o.after, time.Since(o.began))
		}
	}
}

// TestLookUpIsTold: a look-up for an answer that was lost is told when it begins, each time.
func TestLookUpIsTold(t *testing.T) {
	t.Parallel()
	for kind, times := range map[sim.FaultKind]int{sim.ErrorAfter: 1, sim.ErrorBefore: 2} {
		inBubble(t, product("a b"), sim.Scenario{Faults: []sim.Fault{onTrigger(kind, times)}}, func(t *testing.T, w *world) {
			var o told
			o.listen(w)
			wantKind(t, w.release(), 0)
			want := "b 1.2.3: whether its trigger made a pipeline is not known: looking for it, up to 60 s"
			if len(o.lines) != times || strings.ReplaceAll(strings.Join(o.lines, ""), want, "") != "" {
				t.Errorf("%s: %q", kind, o.lines)
			}
		})
	}
}

// TestUnreadableIsTold: answers that cannot be read are told within seconds, by what is wrong with them, and end as they did.
func TestUnreadableIsTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lasts time.Duration
		kind  fault.Kind
		lines int
	}{"for ever": {time.Hour, fault.Remote, 10}, "for a while": {90 * time.Second, 0, 2}, "for a moment": {2 * time.Second, 0, 0}} {
		f := sim.Fault{Match: sim.Match{Endpoint: "workflows", Project: "b"}, Kind: sim.Answer, Status: 200, Body: `{"items":[{"id":"w","status":{"is":"success"}}]}`, For: tt.lasts}
		s := sim.Scenario{Faults: []sim.Fault{f}}
		s.Default.Duration = 10 * time.Minute
		inWildBubble(t, product("a b"), s, func(t *testing.T, w *world) {
			var o told
			o.listen(w)
			wantKind(t, w.release(), tt.kind)
			if len(o.lines) != tt.lines {
				t.Fatalf("%s: %q", name, o.lines)
			}
			for _, line := range o.lines {
				if !strings.HasPrefix(line, "b 1.2.3: how its pipeline stands cannot be read, still trying for about ") || !strings.Contains(line, "items.status holds an object") {
					t.Errorf("%s: %s", name, line)
				}
			}
			if tt.lines > 0 && o.after[0] > 30*time.Second {
				t.Errorf("%s: told after %s", name, o.after[0])
			}
			if st := w.state().Step(stepID("a")); st.Status != run.HasSucceeded {
				t.Errorf("%s: a is %s", name, st.Status)
			}
		})
	}
}

// TestUnreadableLookUpIsTold: so are answers that cannot be read while gio looks for a pipeline.
func TestUnreadableLookUpIsTold(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Faults: []sim.Fault{
		onTrigger(sim.ErrorAfter, 1),
		{Match: sim.Match{Endpoint: "project-pipelines", Project: "b"}, Kind: sim.Answer, Status: 200, Body: `{"items":{"none":true}}`, Nth: 2, For: 3 * time.Minute},
	}}
	inWildBubble(t, product("a b"), s, func(t *testing.T, w *world) {
		var o told
		o.listen(w)
		wantKind(t, w.release(), 0)
		if len(o.lines) < 3 || !strings.HasPrefix(o.lines[1], "b 1.2.3: what its trigger made cannot be read, still trying for about ") || w.pipelinesOf("b") != 1 {
			t.Errorf("%q, %d pipelines", o.lines, w.pipelinesOf("b"))
		}
	})
}
