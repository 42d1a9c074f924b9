package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/sim"
)

// says returns which of branch, trigger type, actor and received_at a pipeline says.
func says(p object) string {
	var list []string
	for name, value := range map[string]string{
		"actor": p.text("trigger", "actor", "login"), "branch": p.text("vcs", "branch"), "received": p.text("trigger", "received_at"), "type": p.text("trigger", "type"),
	} {
		if value != "" && value != "unknown" {
			list = append(list, name)
		}
	}
	return fmt.Sprint(slices.Sorted(slices.Values(list)))
}

func TestSilentPipelines(t *testing.T) {
	t.Parallel()
	field := func(p object, name string) any {
		inner, _ := p["trigger"].(map[string]any)
		value, ok := inner[name]
		if !ok {
			return "absent"
		}
		return value
	}
	tests := []struct {
		silence sim.Silence
		says    string
	}{
		{sim.Silence{}, "[actor branch received type]"},
		{sim.Silence{Nulls: []string{"vcs", "trigger.actor"}}, "[received type]"},
		{sim.Silence{Nulls: []string{"trigger.actor.login"}, Without: []string{"vcs"}}, "[received type]"},
		{sim.Silence{Without: []string{"vcs.branch", "trigger.type", "trigger.received_at"}}, "[actor]"},
		{sim.Silence{Without: []string{"trigger", "trigger.type"}, Nulls: []string{"trigger_parameters"}}, "[branch]"},
	}
	for _, test := range tests {
		run := sim.Run{Silence: test.silence}
		bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{run}}}, func(t tester) {
			id := t.trigger("")
			p := t.get("/pipeline/" + id)
			t.equal("says", says(p), test.says)
			t.equal("by number", t.get(widget+"/pipeline/1"), p)
			t.equal("in the list", t.get(widget + "/pipeline").items()[0], p)
			if _, ok := p["trigger_parameters"]; ok {
				t.Error("null for what would not be there")
			}
			t.equal("the truth", t.sim.Pipelines()[0].Trigger+" "+t.sim.Pipelines()[0].Actor, "api release-bot")
			t.equal("the next one", says(t.get("/pipeline/"+t.trigger(""))), tests[0].says)
		})
	}
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Silence: sim.Silence{Nulls: []string{"trigger.actor"}, Without: []string{"trigger.type"}}}}}}, func(t tester) {
		p := t.get("/pipeline/" + t.trigger(""))
		t.equal("null and absent", []any{field(p, "actor"), field(p, "type")}, []any{nil, "absent"})
		t.equal("number", p["number"], any(1.0))
	})
}

func TestSilenceByChance(t *testing.T) {
	t.Parallel()
	listed := sim.Run{Silence: sim.Silence{Without: []string{"updated_at"}}}
	s := sim.Scenario{Chaos: &sim.Chaos{Silent: 0.2}, Default: sim.Project{Runs: []sim.Run{listed}}}
	bubble(t, s, func(t tester) {
		t.equal("what the scenario says is not drawn", says(t.get("/pipeline/"+t.trigger(""))), "[actor branch received type]")
		seen, silent := map[string]bool{}, 0
		for range 400 {
			if s := says(t.get("/pipeline/" + t.trigger(""))); s != "[actor branch received type]" {
				silent++
				seen[s] = true
			}
		}
		if silent < 60 || silent > 100 || len(seen) < 12 {
			t.Errorf("%d of 400 pipelines are silent, in %d ways", silent, len(seen))
		}
	})
}

func TestLatePipeline(t *testing.T) {
	t.Parallel()
	bubble(t, sim.Scenario{Default: sim.Project{Runs: []sim.Run{{Late: 75 * time.Second}}}}, func(t tester) {
		id := t.trigger("")
		t.equal("the next has the next number", t.get("/pipeline/" + t.trigger(""))["number"], any(2.0))
		time.Sleep(75*time.Second - time.Nanosecond)
		for _, path := range []string{"/pipeline/" + id, "/pipeline/" + id + "/workflow", "/pipeline/" + id + "/config", widget + "/pipeline/1"} {
			t.call("GET", path, "", 404)
		}
		t.equal("list", t.numbers(widget+"/pipeline"), "2")
		t.equal("mine", t.numbers(widget+"/pipeline/mine"), "2")
		t.equal("organization", t.numbers("/pipeline?org-slug=gh/acme"), "2")
		t.equal("the truth", len(t.sim.Pipelines()), 2)
		time.Sleep(time.Nanosecond)
		t.equal("status", t.only(id).text("status"), "success")
		t.equal("by number", t.get(widget+"/pipeline/1").text("id"), id)
		t.equal("list", t.numbers(widget+"/pipeline"), "2 1")
	})
}

func TestFatesByChance(t *testing.T) {
	t.Parallel()
	s := sim.Scenario{
		Chaos: &sim.Chaos{Fates: []sim.Fate{
			{Share: 0.2, Run: sim.Run{Outcome: sim.Failed}},
			{Share: 0.1, Run: sim.Run{Silence: sim.Silence{Nulls: []string{"vcs", "trigger.actor"}}}},
		}},
		Default: sim.Project{Runs: []sim.Run{{Outcome: sim.Canceled}}},
	}
	bubble(t, s, func(t tester) {
		count := map[string]int{}
		for range 401 {
			p := t.get("/pipeline/" + t.trigger(""))
			if says(p) != "[actor branch received type]" {
				count["silent"]++
			}
		}
		time.Sleep(time.Hour)
		for _, p := range t.sim.Pipelines() {
			count[p.Outcome]++
		}
		if count["failed"] < 60 || count["failed"] > 100 || count["silent"] < 25 || count["silent"] > 55 || count["canceled"] != 1 {
			t.Errorf("of 401 pipelines came to: %v", count)
		}
	})
}

func TestLoadOfClocksSilenceAndFates(t *testing.T) {
	t.Parallel()
	const text = `
clocks:
  date: [{by: 8s}, {after: 1m, by: -3h}]
  received: [{after: 10s, by: 5m}]
chaos: {silent: 0.1, clocks: 3h, no_date: 0.5, fates: [{share: 0.1, run: {late: 75s}}]}
default:
  runs:
    - {nulls: [vcs, trigger.actor], without: [trigger.type], late: 2m, outcome: failed}
`
	want := sim.Scenario{
		Clocks: &sim.Clocks{Date: []sim.Drift{{By: 8 * time.Second}, {After: time.Minute, By: -3 * time.Hour}}, Received: []sim.Drift{{After: 10 * time.Second, By: 5 * time.Minute}}},
		Chaos:  &sim.Chaos{Silent: 0.1, Clocks: 3 * time.Hour, NoDate: 0.5, Fates: []sim.Fate{{Share: 0.1, Run: sim.Run{Late: 75 * time.Second}}}},
		Default: sim.Project{Runs: []sim.Run{{
			Silence: sim.Silence{Nulls: []string{"vcs", "trigger.actor"}, Without: []string{"trigger.type"}}, Late: 2 * time.Minute, Outcome: sim.Failed,
		}}},
	}
	got, err := sim.Load("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tester{T: t}.equal("scenario", got, want)
}

func TestLoadRefusesClocksSilenceAndFates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"clocks: {date: [{after: -1s}]}":                                 "clocks: date[0]: after must not be negative",
		"clocks: {created: [{after: 1m}, {after: 1m}]}":                  "clocks: created[1]: each step comes after the one before, this one at 1m0s",
		"clocks: {no_date: true, date: [{by: 1s}]}":                      "clocks: no_date excludes date",
		"default: {runs: [{nulls: [number]}]}":                           `default: runs[0]: a pipeline cannot be silent about "number", but about [vcs `,
		"default: {runs: [{late: -1s}]}":                                 "runs[0]: late must not be negative",
		"default: {runs: [{skip_ci: true, late: 1s}]}":                   "a run with skip_ci makes no pipeline",
		"chaos: {silent: 2}":                                             "chaos: silent is 0 to 1, it is 2",
		"chaos: {rate: -1, silent: 0.1}":                                 "chaos: rate is more than 0 and at most 1, it is -1",
		"chaos: {rate: 0.1, no_date: .nan}":                              "chaos: no_date is 0 to 1",
		"chaos: {rate: 0.1, clocks: -1s}":                                "chaos: clocks must not be negative",
		"chaos: {clocks: 9000h}":                                         "chaos: clocks is at most 8760h",
		"chaos: {fates: [{share: 0.6, run: {}}, {share: 0.6, run: {}}]}": "chaos: the shares of fates are at most 1 together",
		"chaos: {fates: [{share: -1, run: {}}]}":                         "chaos: fates[0]: share is 0 to 1",
		"chaos: {fates: [{share: 0.1, run: {errors: [x]}}]}":             "chaos: fates[0]: run: errors belong to the outcome errored",
		"chaos: {fates: [{share: 0.1, run: {colour: red}}]}":             `unknown key "colour"`,
	} {
		_, err := sim.Load("s.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v\nwant %s", text, err, want)
		}
	}
}
