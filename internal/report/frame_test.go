package report_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// bigPlan has waves of 1, 3, 50, 2 and 1 components; some have long names, one is written in wide characters.
func bigPlan() *plan.Plan {
	p := &plan.Plan{Product: "Gravitee.io", Version: "3.10.0", Branch: "3.10.x"}
	for i, size := range []int{1, 3, 50, 2, 1} {
		w := plan.Wave{Group: i + 1}
		for n := range size {
			name := fmt.Sprintf("gravitee-w%d-component-%02d", i+1, n+1)
			switch {
			case n%10 == 4:
				name += "-with-a-rather-long-name"
			case n == 5:
				name = "部品-全角文字"
			}
			w.Steps = append(w.Steps, plan.Step{Component: name, Version: fmt.Sprintf("1.%d.0", n), Project: "gh/gravitee-io/" + name, Branch: "master"})
		}
		p.Waves = append(p.Waves, w)
	}
	return p
}

func bigID(p *plan.Plan, wave, n int) plan.StepID {
	st := p.Waves[wave-1].Steps[n-1]
	return plan.ID(st.Component, st.Version)
}

// bigStory is in the middle of the wave of 50: two failed, one is on hold, 20 run, 17 have succeeded, 10 wait.
func bigStory(t *testing.T) *story {
	p := bigPlan()
	all := func(wave int) (ids []plan.StepID) {
		for n := range p.Waves[wave-1].Steps {
			ids = append(ids, bigID(p, wave, n+1))
		}
		return ids
	}
	s := newStory(t).at("10:00:00", begin()[0], run.Event{Type: run.Planned, Plan: p, Driver: &run.Driver{ID: "one"}})
	for wave := 1; wave <= 2; wave++ {
		for _, id := range all(wave) {
			s.at(fmt.Sprintf("10:0%d:01", wave), intent(1, id), triggered(id), observed("running", id))
			s.at(fmt.Sprintf("10:0%d:50", wave), succeeded(id))
		}
	}
	for n, id := range all(3) {
		switch {
		case n < 17:
			s.at("10:05:00", intent(1, id), triggered(id), succeeded(id))
		case n < 39:
			s.at("10:05:00", intent(1, id), triggered(id), observed("running", id))
		case n == 39:
			s.at("10:05:00", intent(1, id), triggered(id), held(id))
		}
	}
	return s.at("10:07:00", bigFailure(bigID(p, 3, 20)), bigFailure(bigID(p, 3, 30)))
}

func bigFailure(id plan.StepID) run.Event {
	return run.Event{
		Type: run.Failed, Steps: []plan.StepID{id}, Code: "pipeline-failed", Reason: "workflow release failed", Workflow: "release",
		Job: "integration-tests", URL: link(id) + "/workflows/2f1c7d1e-8f1a-4f58-9d3c-0f6f0a4a7a11",
		Output: []string{"[INFO] Tests run: 2, Failures: 1", "[ERROR] BUILD FAILURE"},
	}
}

func clockAt(t *testing.T, clock string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateTime, "2026-03-04 "+clock)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// earlier is the durations of an earlier run: slightly longer than those of this one, for all but the last component.
func earlier(p *plan.Plan) run.Expectation {
	took := map[string][]time.Duration{}
	for i, st := range p.Steps() {
		took[st.Component] = []time.Duration{2*time.Minute + time.Duration(i)*5*time.Second}
	}
	delete(took, p.Steps()[len(p.Steps())-1].Component)
	return run.Expectation{Took: took}
}

func TestFrame(t *testing.T) {
	scenes := map[string]struct {
		state *run.State
		view  report.View
	}{
		"first":    {firstSession(t).state, report.View{Now: clockAt(t, "11:12:00"), Began: clockAt(t, "10:00:00")}},
		"big":      {bigStory(t).state, report.View{Now: clockAt(t, "10:07:30"), Began: clockAt(t, "10:00:00"), Expected: earlier(bigPlan())}},
		"finished": {secondSession(t).state, report.View{Now: clockAt(t, "13:20:32"), Began: clockAt(t, "12:01:00"), Expected: earlier(thePlan())}},
	}
	for name, scene := range scenes {
		for _, size := range [][2]int{{80, 24}, {200, 50}, {40, 15}} {
			for suffix, color := range map[string]bool{"": false, "-color": true} {
				t.Run(fmt.Sprintf("%s/%dx%d%s", name, size[0], size[1], suffix), func(t *testing.T) {
					v := scene.view
					v.Width, v.Height, v.Color = size[0], size[1], color
					lines := report.Frame(scene.state, v)
					fits(t, lines, size[0], size[1])
					text := strings.ReplaceAll(strings.Join(lines, "\n"), "\x1b", "␛") // so that it can be read
					golden(t, fmt.Sprintf("frame-%s-%dx%d%s.txt", name, size[0], size[1], suffix), text+"\n")
				})
			}
		}
	}
}

func fits(t *testing.T, lines []string, columns, height int) {
	t.Helper()
	if len(lines) > height {
		t.Errorf("%d lines on a terminal of %d", len(lines), height)
	}
	for _, line := range lines {
		if w := report.Width(line); w > columns {
			t.Errorf("%d columns on a terminal of %d: %q", w, columns, line)
		}
	}
}

// TestFrameFits: whatever the size, no line is wider and no frame is higher than the terminal; colour changes
// nothing but the colour; and from 40x15 on it shows what failed.
func TestFrameFits(t *testing.T) {
	t.Parallel()
	s, colors := bigStory(t).state, regexp.MustCompile("\x1b\\[[0-9;]*m")
	v := report.View{Now: clockAt(t, "10:07:30"), Began: clockAt(t, "10:00:00"), Expected: earlier(bigPlan())}
	for columns := 1; columns <= 210; columns += 13 {
		for height := 1; height <= 90; height += 6 {
			v.Width, v.Height, v.Color = columns, height, false
			lines := report.Frame(s, v)
			fits(t, lines, columns, height)
			v.Color = true
			if got := colors.ReplaceAllString(strings.Join(report.Frame(s, v), "\n"), ""); got != strings.Join(lines, "\n") {
				t.Fatalf("%dx%d: with colour it says\n%s\nwithout\n%s", columns, height, got, strings.Join(lines, "\n"))
			}
			if n := strings.Count(strings.Join(lines, "\n"), "FAILED"); columns >= 40 && height >= 15 && n != 2 {
				t.Fatalf("%dx%d tells %d of 2 failures", columns, height, n)
			}
		}
	}
}

// BenchmarkFrame is a frame of 10,000 components in 100 waves.
func BenchmarkFrame(b *testing.B) {
	p := &plan.Plan{Product: "Gravitee.io", Version: "3.10.0", Branch: "3.10.x"}
	took := map[string][]time.Duration{}
	for range 100 {
		var w plan.Wave
		for range 100 {
			name := fmt.Sprintf("component-%d", len(took))
			took[name] = []time.Duration{time.Minute}
			w.Steps = append(w.Steps, plan.Step{Component: name, Version: "1.0.0"})
		}
		p.Waves = append(p.Waves, w)
	}
	s := &run.State{}
	for i, e := range []run.Event{begin()[0], {Type: run.Planned, Plan: p}} {
		e.Seq = int64(i + 1)
		if err := s.Apply(e); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		report.Frame(s, report.View{Width: 80, Height: 24, Expected: run.Expectation{Took: took}})
	}
}

// TestFrameOfHostileNames: no text from release.json or CircleCI moves the cursor.
func TestFrameOfHostileNames(t *testing.T) {
	t.Parallel()
	p := thePlan()
	p.Product = "Evil\x1b[2J\u202e\r\nproduct"
	e := run.Event{Type: run.Failed, Steps: []plan.StepID{parent}, Workflow: "re\x1b]0;x\alease", Job: "jo\nb", URL: "https://ci/\x1b[5A"}
	s := newStory(t).at("10:00:00", begin()[0], run.Event{Type: run.Planned, Plan: p}).at("10:00:01", intent(1, parent), triggered(parent), e)
	lines := report.Frame(s.state, report.View{Width: 100, Height: 24, Now: clockAt(t, "10:01:00"), Began: clockAt(t, "10:00:00")})
	lines = append(lines, s.lines...)
	var b strings.Builder
	if err := report.Summary(&b, s.state, "`gio release`", false); err != nil {
		t.Fatal(err)
	}
	for _, line := range append(lines, strings.Split(b.String(), "\n")...) {
		if strings.ContainsAny(line, "\x1b\a\r\n\u202e") {
			t.Errorf("%q", line)
		}
	}
}

// TestFrameOfAResumedRun: a component that failed in an earlier session is pending again and no failure of this one.
func TestFrameOfAResumedRun(t *testing.T) {
	t.Parallel()
	s := bigStory(t).at("11:00:00", run.Event{Type: run.Planned, Plan: bigPlan(), Driver: &run.Driver{ID: "two"}})
	for began, want := range map[string]bool{"10:00:00": true, "11:00:00": false} {
		v := report.View{Width: 200, Height: 50, Now: clockAt(t, "11:00:01"), Began: clockAt(t, began)}
		text := strings.Join(report.Frame(s.state, v), "\n")
		if got := strings.Contains(text, "FAILED") && strings.Contains(text, "stops after this wave"); got != want {
			t.Errorf("a session that began at %s tells of a failure: %v\n%s", began, got, text)
		}
	}
}

func TestFrameOfNothing(t *testing.T) {
	t.Parallel()
	if lines := report.Frame(&run.State{}, report.View{Width: 80, Height: 24}); lines != nil {
		t.Errorf("%q", lines)
	}
	if lines := report.Frame(bigStory(t).state, report.View{}); lines != nil {
		t.Errorf("%q", lines)
	}
}

func TestWidth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "abc": 3, "✓ ok": 4, "部品": 4, "e\u0301": 1, "\x1b[1;31mred\x1b[0m": 3, "…": 1, "ｆｕｌｌ": 8,
	} {
		if got := report.Width(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	s, l := bigStory(t), report.NewLines(false)
	got := l.Heartbeat(s.state, clockAt(t, "10:08:30"), earlier(bigPlan()))
	first := firstSession(t)
	got = append(got, l.Heartbeat(first.state, clockAt(t, "10:08:30"), run.Expectation{})...)
	got = append(got, l.Heartbeat(secondSession(t).state, clockAt(t, "10:08:30"), run.Expectation{})...) // nothing runs
	got = append(got, l.Heartbeat(&run.State{}, clockAt(t, "10:08:30"), run.Expectation{})...)
	golden(t, "heartbeat.txt", strings.Join(got, "\n")+"\n")
}

// TestColor: lines and summary differ from those without colour only by the colour.
func TestColor(t *testing.T) {
	s := newStory(t)
	s.teller = report.NewLines(true)
	s.at("10:00:00", begin()...).at("10:00:01", intent(1, parent), triggered(parent), bigFailure(parent))
	var b strings.Builder
	if err := report.Summary(&b, s.state, "`gio release --branch 3.9.x`", true); err != nil {
		t.Fatal(err)
	}
	golden(t, "color.txt", strings.ReplaceAll(strings.Join(s.lines, "\n")+"\n"+b.String(), "\x1b", "␛"))
}
