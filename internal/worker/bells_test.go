package worker_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// What CircleCI tells of a pipeline, to whichever replica, lets who watches it look at once.
func TestWoken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		late := map[bool]time.Duration{}
		for _, told := range []bool{false, true} {
			path := url
			if !told {
				path = storetest.SQLite(t)
			}
			synctest.Test(t, func(t *testing.T) {
				const takes = 20*time.Minute + 7*time.Second
				w := newWorld(t, path, sim.Scenario{Projects: map[string]sim.Project{"deploy": {Runs: []sim.Run{{Duration: takes}}}}})
				defer w.close()
				d := w.deploy("qa", 1)
				end := w.work()
				defer func() { end() }()
				for len(w.sim.Pipelines()) == 0 {
					time.Sleep(time.Second)
				}
				began := w.sim.Pipelines()[0]
				time.Sleep(10 * time.Minute)
				if err := w.Delivered(context.Background(), sim.URL, "another one"); err != nil {
					t.Fatal(err)
				}
				over := time.Now()
				for w.sim.Pipelines()[0].Outcome != "success" {
					time.Sleep(100 * time.Millisecond)
					over = time.Now()
				}
				if told {
					if err := w.Delivered(context.Background(), sim.URL, began.ID); err != nil {
						t.Fatal(err)
					}
				}
				for w.deployment(d.ID).Effect == ledger.EffectRunning {
					time.Sleep(100 * time.Millisecond)
				}
				late[told] = time.Since(over)
			})
		}
		if late[true] > 3*time.Second || late[false] <= late[true] {
			t.Errorf("it ended %v after the pipeline when CircleCI told so, and %v without", late[true], late[false])
		}
	})
}

// While CircleCI tells when pipelines end, one that runs is hardly read, and its end is known all the same.
func TestToldIsHardlyRead(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		long := sim.Run{Duration: 4*time.Minute + 50*time.Second}
		w := newWorld(t, url, runs(long, long))
		defer w.close()
		defer w.work()()
		var requests []int
		for n := range int64(2) {
			before := len(w.sim.Requests())
			d := w.deploy("qa", n+1)
			time.Sleep(time.Second)
			for w.sim.Pipelines()[n].Outcome != "success" {
				time.Sleep(100 * time.Millisecond)
			}
			over := time.Now()
			if err := w.Delivered(context.Background(), sim.URL, w.sim.Pipelines()[n].ID); err != nil {
				t.Fatal(err)
			}
			for !w.ended(d.ID)() {
				time.Sleep(100 * time.Millisecond)
			}
			if late := time.Since(over); late > 2*time.Second {
				t.Errorf("the end of pipeline %d is known %v later", n+1, late)
			}
			requests = append(requests, len(w.sim.Requests())-before)
		}
		if requests[1] > 8 || requests[0] < 2*requests[1] {
			t.Errorf("%d requests before CircleCI had told anything, then %d", requests[0], requests[1])
		}
	})
}

// One that ends before it would be read first is read when CircleCI tells so.
func TestToldAtOnce(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, url, runs(sim.Run{Duration: time.Minute}, sim.Run{Duration: time.Second}))
		defer w.close()
		defer w.work()()
		for n := range int64(2) {
			before := len(w.sim.Requests())
			d := w.deploy("qa", n+1)
			for len(w.sim.Pipelines()) == int(n) || w.sim.Pipelines()[n].Outcome != "success" {
				time.Sleep(10 * time.Millisecond)
			}
			triggered := len(w.sim.Requests())
			if n == 1 && triggered != before+4 { // who, which branch, the newest, the trigger
				t.Errorf("%d requests before it has ended", triggered-before)
			}
			if err := w.Delivered(context.Background(), sim.URL, w.sim.Pipelines()[n].ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1100 * time.Millisecond) // a worker asks each second what CircleCI has told
			if len(w.sim.Requests()) == triggered {
				t.Errorf("pipeline %d is not read", n+1)
			}
			for !w.ended(d.ID)() {
				time.Sleep(100 * time.Millisecond)
			}
		}
	})
}
