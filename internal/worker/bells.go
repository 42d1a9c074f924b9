package worker

import (
	"context"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// heardWithin is for how long what was told of a pipeline is asked for: much longer than any transaction that notes it lasts.
const heardWithin = 2 * time.Minute

// bells wake those who watch pipelines when CircleCI has told something of one, to whichever replica it did.
type bells struct {
	mu    sync.Mutex
	bells map[ledger.Delivery]chan struct{} // by host and pipeline, of what is watched
	heard map[ledger.Delivery]int64         // counts, by host and pipeline
	last  map[string]time.Time              // when CircleCI has told something, by host
}

// of is closed at the next ringing of a pipeline.
func (b *bells) of(host, pipeline string) <-chan struct{} {
	key := ledger.Delivery{Host: host, Pipeline: pipeline}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bells == nil {
		b.bells = map[ledger.Delivery]chan struct{}{}
	}
	if b.bells[key] == nil {
		b.bells[key] = make(chan struct{})
	}
	return b.bells[key]
}

// toldLately is for how long CircleCI counts as one that tells of pipelines, after it has.
const toldLately = 24 * time.Hour

// tells whether CircleCI tells of pipelines these days.
func (b *bells) tells(host string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, ever := b.last[host]
	return ever && time.Since(last) < toldLately
}

// forget ends the watching of a pipeline.
func (b *bells) forget(host, pipeline string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.bells, ledger.Delivery{Host: host, Pipeline: pipeline})
}

// quiet tells that nobody watches.
func (b *bells) quiet() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.bells) == 0
}

// ring wakes those of whose pipelines more was told than the last time.
func (b *bells) ring(told []ledger.Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	heard := map[ledger.Delivery]int64{}
	if b.last == nil {
		b.last = map[string]time.Time{}
	}
	for _, d := range told {
		key := ledger.Delivery{Host: d.Host, Pipeline: d.Pipeline}
		heard[key] = d.Count
		if b.heard[key] != d.Count {
			b.last[d.Host] = time.Now()
		}
		if bell := b.bells[key]; bell != nil && b.heard[key] != d.Count {
			close(bell)
			delete(b.bells, key) // who goes on asks for another
		}
	}
	b.heard = heard
}

// listen rings for what was told lately.
func (w *Worker) listen(ctx context.Context) error {
	if w.bells.quiet() {
		return nil
	}
	told, err := w.Ledger.Deliveries(ctx, heardWithin)
	if err == nil {
		w.bells.ring(told)
	}
	return err
}
