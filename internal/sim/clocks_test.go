package sim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// date returns how far the Date header of an answer is ahead, and whether there is one.
func (t tester) date(path string) (time.Duration, bool) {
	t.Helper()
	answer, err := t.client.Do(t.request("GET", path, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.Header.Get("Date") == "" {
		return 0, false
	}
	at, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		t.Fatal(err)
	}
	return at.Sub(time.Now().Truncate(time.Second)), true
}

// ahead returns how far a time of an answer is ahead of another.
func (t tester) ahead(text string, of time.Time) time.Duration {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.Sub(of.Truncate(time.Millisecond))
}

func TestClocksApart(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Clocks: &sim.Clocks{
		Date:     []sim.Drift{{By: 2 * time.Minute}, {After: time.Minute, By: -3 * time.Hour}, {After: 2 * time.Minute}},
		Received: []sim.Drift{{After: time.Minute, By: time.Hour}},
		Created:  []sim.Drift{{By: -time.Hour}},
	}}
	bubble(t, s, func(t tester) {
		var ids []string
		start := time.Now()
		for i, want := range []time.Duration{2 * time.Minute, -3 * time.Hour, 0} {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Minute)))
			got, _ := t.date("/me")
			t.equal("Date", got, want)
			answer := t.call("POST", widget+"/pipeline", "", 201)
			t.equal("created_at of the trigger", t.ahead(answer.text("created_at"), time.Now()), -time.Hour+35*time.Millisecond)
			ids = append(ids, answer.text("id"))
		}
		for i, want := range []time.Duration{0, time.Hour, time.Hour} {
			p, made := t.get("/pipeline/"+ids[i]), start.Add(time.Duration(i)*time.Minute)
			t.equal("received_at", t.ahead(p.text("trigger", "received_at"), made), want)
			t.equal("created_at", t.ahead(p.text("created_at"), made), -time.Hour+35*time.Millisecond)
			t.equal("updated_at", p.text("updated_at"), p.text("created_at"))
		}
		t.equal("the truth", t.sim.Pipelines()[0].CreatedAt, start.Add(35*time.Millisecond))
	})
}

func TestClockOfWorkflows(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{Clocks: &sim.Clocks{Workflows: []sim.Drift{{By: time.Hour}, {After: time.Second, By: -time.Hour}}}}
	bubble(t, s, func(t tester) {
		start, id := time.Now(), t.trigger("")
		time.Sleep(time.Minute)
		w := t.only(id)
		t.equal("status", w.text("status"), "success")
		t.equal("created_at", t.ahead(w.text("created_at"), start), time.Hour)
		t.equal("stopped_at", t.ahead(w.text("stopped_at"), start), -time.Hour+2*time.Second)
		jobs := t.get("/workflow/" + w.text("id") + "/job").items()
		t.equal("a job began", t.ahead(jobs[0].text("started_at"), start), time.Hour)
		t.equal("a job ended", t.ahead(jobs[1].text("stopped_at"), start), -time.Hour+2*time.Second)
	})
}

func TestRetryAfterIsByTheClockOfTheDate(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{
		Clocks: &sim.Clocks{Date: []sim.Drift{{By: time.Hour}}},
		Faults: []sim.Fault{{Kind: sim.Throttle, RetryAfter: 30 * time.Second, RetryAsDate: true}},
	}
	bubble(t, s, func(t tester) {
		answer, err := t.client.Do(t.request("GET", "/me", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		t.equal("Retry-After", answer.Header.Get("Retry-After"), "Sat, 01 Jan 2000 01:00:31 GMT")
	})
}

func TestNoDate(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Clocks: &sim.Clocks{NoDate: true}}, func(t tester) {
		if d, is := t.date("/me"); is {
			t.Errorf("the answer is dated, %v ahead", d)
		}
	})
}

func TestClocksByChance(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Chaos: &sim.Chaos{Clocks: 3 * time.Hour, NoDate: 0.25}}, func(t tester) {
		dates, records, undated := map[time.Duration]bool{}, map[time.Duration]bool{}, 0
		for range 200 {
			d, is := t.date("/me")
			if !is {
				undated++
				continue
			}
			dates[d] = true
		}
		for range 20 {
			start := time.Now()
			p := t.get("/pipeline/" + t.trigger(""))
			t.equal("read again", t.get("/pipeline/"+p.text("id")), p)
			records[t.ahead(p.text("trigger", "received_at"), start)] = true
			records[t.ahead(p.text("created_at"), start.Add(35*time.Millisecond))] = true
		}
		t.equal("machines", []int{len(dates), len(records)}, []int{4, 4})
		if undated < 30 || undated > 70 {
			t.Errorf("%d of 200 answers have no date, want a quarter", undated)
		}
		for d := range records {
			if d.Abs() > 3*time.Hour {
				t.Errorf("a clock is off by %v", d)
			}
		}
	})
}
