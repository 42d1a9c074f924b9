package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/run"
)

// fact changes one thing about a component that is open at 1.2.3-SNAPSHOT, and that everybody says the same of.
type fact func(*Facts)

func plainFacts() Facts {
	return Facts{
		Component: "api", Version: "1.2.3-SNAPSHOT", Open: true, Repository: "acme/api", Branch: "1.2.x", Product: "3.9.4",
		TagRead: true, File: "pom.xml", Stated: "1.2.3-SNAPSHOT", Step: run.Step{ID: "api@1.2.3", Status: run.Pending},
	}
}

func is(status run.Status) fact {
	return func(f *Facts) { f.Step.Status, f.Step.Attempt = status, 1 }
}

func tagged(f *Facts)   { f.Tag, f.Stated = "v1.2.3", "1.2.4-SNAPSHOT" }
func misnamed(f *Facts) { f.Step.Code, f.Step.Reason = "wrong-poms", "pom.xml names a SNAPSHOT" }

func unproven(f *Facts) { f.Step.Code, f.Step.Reason = "no-proof", "the tag is not there" }
func untried(f *Facts)  { f.Step.Attempt = 0 }
func recorded(f *Facts) { f.Step.Recorded = true }

// inPipeline: a person named the pipeline after the journal of its attempt was lost.
func inPipeline(f *Facts) { f.Step.Pipeline.ID = "own" }

func marked(f *Facts)  { f.Version, f.Open, f.Stated = "1.2.3", false, "" }
func lost(f *Facts)    { f.Lost = true }
func driven(f *Facts)  { f.Driven = true }
func claimed(f *Facts) { f.Claimed = "release/3.10.0" }
func blind(f *Facts)   { f.TagRead, f.File, f.Stated = false, "", "" }
func unread(f *Facts)  { f.Err = errors.New("no\nanswer") }

func void(f *Facts)      { f.Version, f.Open, f.Stated, f.Void = "", false, "", true }
func sinceless(f *Facts) { f.NoSince = true }

func again(unclear bool) fact {
	return func(f *Facts) {
		f.Again, f.Stays, f.Unclear = []string{"release.json:9:17 (1.0.0)"}, "release.json:7:17 (1.2.3)", unclear
	}
}

func was(version, would string) fact {
	return func(f *Facts) { f.Was, f.WasTag, f.Would = version, "3.9.4_START", would }
}

func own(state circleci.State) fact {
	return func(f *Facts) { f.Own = &Pipeline{ID: "own", Number: 7, URL: "u", State: state} }
}

func notMine(f *Facts) { f.Others[0].Mine = false }

func other(state circleci.State) fact {
	return func(f *Facts) {
		f.Others = append(f.Others, Pipeline{ID: "other", Number: 8, URL: "u", Login: "bot", State: state, Mine: true})
	}
}

func says(file, version, would string) fact {
	return func(f *Facts) { f.File, f.Stated, f.Would = file, version, would }
}

// TestTable goes through the table row by row: the code, a word of what is said, and the edit.
func TestTable(t *testing.T) {
	t.Parallel()
	const releases, runs, failed = circleci.Succeeded, circleci.Running, circleci.Failed
	tests := []struct {
		name  string
		facts []fact
		code  Code
		say   string
		edit  string
	}{
		{"nothing has begun", nil, Agrees, "", ""},
		{"no version file", []fact{says("", "", "")}, Agrees, "", ""},
		{"npm has no snapshots", []fact{says("package.json", "1.2.3", "")}, Agrees, "", ""},
		{"without GitHub", []fact{blind}, Agrees, "", ""},
		{"unread", []fact{unread, tagged}, NotRead, "no answer", ""},
		{"unread, released", []fact{marked, unread}, NotRead, "no answer", ""},

		{"twice", []fact{again(false)}, Twice, "at release.json:7:17 (1.2.3), and again at release.json:9:17 (1.0.0)", ""},
		{"twice, and open again", []fact{again(true)}, Twice, "`gio prepare api=VERSION` keeps one entry", ""},
		{"twice and void", []fact{void, again(false)}, Twice, "keep release.json:7:17 (1.2.3) (`gio doctor --fix`)", ""},
		{"no version", []fact{void}, NoVersion, "`gio prepare api=VERSION` sets it", ""},
		{"no version, unread", []fact{void, unread}, NotRead, "no answer", ""},
		{"no version, tagged", []fact{void, was("1.2.3-SNAPSHOT", "1.2.3"), tagged}, NoVersion, "at 3.9.4_START it was 1.2.3-SNAPSHOT, and the tag v1.2.3 exists", "1.2.3"},
		{"no version, not tagged", []fact{void, was("1.2.3-SNAPSHOT", "1.2.3-SNAPSHOT")}, NoVersion, "release.json: 1.2.3-SNAPSHOT (`gio doctor --fix`)", "1.2.3-SNAPSHOT"},
		{"no version, was another one", []fact{void, was("1.2.3", "")}, NoVersion, "`gio prepare api=VERSION` sets it", ""},
		{"no since", []fact{sinceless}, NoSince, "remove it (`gio doctor --fix`)", ""},
		{"no since, no version", []fact{sinceless, void}, NoVersion, "`gio prepare api=VERSION` sets it", ""},

		{"driven", []fact{is(run.Intended), driven}, Agrees, "", ""},
		{"driven, released meanwhile", []fact{is(run.Running), own(releases), driven, tagged}, Agrees, "", ""},
		{"driven, somebody else's release", []fact{driven, tagged}, Released, "by hand", "1.2.3"},
		{"succeeded", []fact{is(run.HasSucceeded)}, NotRecorded, "`gio release` records it", ""},
		{"succeeded and tagged", []fact{is(run.HasSucceeded), tagged}, NotRecorded, "`gio release` records it", ""},
		{"opened again", []fact{is(run.HasSucceeded), recorded}, OpenedAgain, "--not-triggered` releases it again", ""},
		{"opened again, tagged", []fact{is(run.HasSucceeded), recorded, tagged}, OpenedAgain, "delete the tag", "1.2.3"},
		{"wrong poms", []fact{is(run.IsUnknown), misnamed, tagged, own(releases)}, WrongPoms, "pom.xml names a SNAPSHOT -> if it may stay so, `gio resolve api --released`; to release it anew, delete the tag v1.2.3, then `gio resolve api --not-triggered`", ""},
		{"green without its tag", []fact{is(run.HasFailed), unproven, own(releases)}, NoProof, "the tag is not there (pipeline #7 (u)) -> if it is published", ""},
		{"its tag came late", []fact{is(run.HasFailed), unproven, own(releases), tagged}, EndedUnseen, "`gio release` sees it", ""},
		{"re-run, green", []fact{is(run.HasFailed), own(releases), tagged}, EndedUnseen, "pipeline #7 (u) has succeeded", ""},
		{"green, driver gone", []fact{is(run.Running), own(releases)}, EndedUnseen, "`gio release` sees it", ""},
		{"known after all", []fact{is(run.IsUnknown), own(releases)}, EndedUnseen, "`gio release` sees it", ""},
		{"re-run, running", []fact{is(run.HasFailed), own(runs)}, RunsAgain, "watches it", ""},
		{"running", []fact{is(run.Running), own(runs)}, Agrees, "", ""},
		{"held", []fact{is(run.OnHold), own(circleci.OnHold), tagged}, Agrees, "", ""},
		{"unknown", []fact{is(run.IsUnknown)}, Unknown, "gio resolve api --pipeline N` or `--not-triggered", ""},
		{"unknown, tagged", []fact{is(run.IsUnknown), tagged}, Unknown, "gio resolve api --released", ""},
		{"intended", []fact{is(run.Intended), other(runs)}, Interrupted, "looks the pipeline up", ""},

		{"lost, running", []fact{lost, other(runs)}, Forgotten, "watches it", ""},
		{"lost, tagged", []fact{lost, tagged}, Forgotten, "records it", ""},
		{"lost, green and no tag", []fact{lost, other(releases)}, Forgotten, "gio resolve api", ""},
		{"lost, failed", []fact{lost, other(failed)}, Agrees, "", ""},
		{"lost, nothing", []fact{lost}, Agrees, "", ""},

		{"somebody else's runs", []fact{other(runs)}, PipelineRunning, "#8 by bot (u) is running on 1.2.x", ""},
		{"somebody else's runs, tagged", []fact{other(circleci.OnHold), tagged}, PipelineRunning, "wait", ""},
		{"a green one that nobody knows", []fact{other(releases)}, ReleasedUnknown, "gio resolve api --released", ""},
		{"a green one that nobody knows, begun", []fact{other(releases), is(run.HasFailed)}, Agrees, "", ""},
		{"somebody else's is green", []fact{other(releases), notMine}, Agrees, "", ""},
		{"failed", []fact{is(run.HasFailed), own(failed)}, Agrees, "", ""},
		{"failed, tagged", []fact{is(run.HasFailed), own(failed), tagged}, TaggedFailed, "gio resolve api --released", ""},
		{"failed unseen, tagged", []fact{is(run.Running), own(failed), tagged}, TaggedFailed, "gio resolve api --released", ""},
		{"refused by CircleCI, tagged", []fact{is(run.HasFailed), tagged}, TaggedFailed, "gio resolve api --released", ""},
		{"adopted without an attempt, failed, tagged", []fact{is(run.HasFailed), untried, inPipeline, tagged}, TaggedFailed, "gio resolve api --released", ""},
		{"refused for its tag", []fact{is(run.HasFailed), untried, tagged}, Released, "by hand", "1.2.3"},
		{"failed elsewhere, tagged", []fact{other(failed), tagged}, TaggedFailed, "gio prepare api=1.2.3", ""},
		{"green after a failure elsewhere, tagged", []fact{other(releases), other(failed), tagged}, Released, "by hand", "1.2.3"},
		{"tagged", []fact{tagged}, Released, "1.2.x says 1.2.4-SNAPSHOT already", "1.2.3"},
		{"tagged, skipped", []fact{is(run.WasSkipped), tagged}, Released, "release.json: 1.2.3, since 3.9.4", "1.2.3"},
		{"tagged, branch not moved", []fact{tagged, says("pom.xml", "1.2.3-SNAPSHOT", "")}, Released, "exists in acme/api: it was", "1.2.3"},
		{"tagged by another run", []fact{tagged, claimed}, Released, "by hand", "1.2.3"},
		{"failed unseen", []fact{is(run.Running), own(failed)}, EndedUnseen, "has failed", ""},
		{"another run's", []fact{claimed}, ClaimedCode, "release/3.10.0 is open here", ""},
		{"mistyped", []fact{says("pom.xml", "1.2.4-SNAPSHOT", "1.2.4-SNAPSHOT")}, WrongVersion, "pom.xml of 1.2.x says 1.2.4-SNAPSHOT", "1.2.4-SNAPSHOT"},
		{"mistyped, and tried", []fact{is(run.HasFailed), own(failed), says("pom.xml", "1.2.4-SNAPSHOT", "1.2.4-SNAPSHOT")}, OtherVersion, "gio prepare api", ""},
		{"another branch's version", []fact{says("pom.xml", "1.3.0-SNAPSHOT", "")}, OtherVersion, "gio.yaml", ""},

		{"released", []fact{marked, tagged}, Agrees, "", ""},
		{"released, without GitHub", []fact{marked, blind}, Agrees, "", ""},
		{"released, no tag", []fact{marked}, TagMissing, "gio prepare api=1.2.3-SNAPSHOT", ""},
		{"released, and runs", []fact{marked, is(run.Running)}, TagMissing, "in this run it is running", ""},
		{"released, and failed", []fact{marked, is(run.HasFailed)}, TagMissing, "in this run it failed", ""},
	}
	reached := map[Code]bool{}
	for _, tt := range tests {
		f := plainFacts()
		for _, change := range tt.facts {
			change(&f)
		}
		row := judge(f)
		reached[row.Code] = true
		if row.Code != tt.code || !strings.Contains(row.What+" -> "+row.Do, tt.say) || row.Edit != tt.edit {
			t.Errorf("%s: %s %q, edit %q\nwant %s %q, edit %q", tt.name, row.Code, row.What+" -> "+row.Do, row.Edit, tt.code, tt.say, tt.edit)
		}
		if said := row.What != ""; said == (row.Code == Agrees) || strings.Contains(row.What+row.Do, "\n") {
			t.Errorf("%s: %s says %q -> %q", tt.name, row.Code, row.What, row.Do)
		}
	}
	for _, r := range table() {
		if !reached[r.code] {
			t.Errorf("no test comes to %s", r.code)
		}
	}
}

// TestConclude holds what a rebuilt journal may say: what is not certain is a question.
func TestConclude(t *testing.T) {
	t.Parallel()
	const green, runs, failed = circleci.Succeeded, circleci.Running, circleci.Failed
	theirs := func(f *Facts) { f.Others[0].Mine = false }
	tests := []struct {
		name   string
		facts  []fact
		want   kind
		reason string
	}{
		{"nothing", nil, toStart, ""},
		{"failed", []fact{other(failed)}, toStart, ""},
		{"tagged", []fact{tagged}, released, ""},
		{"tagged and green", []fact{tagged, other(green)}, released, ""},
		{"tagged, green after a failure", []fact{tagged, other(green), other(failed)}, released, ""},
		{"tagged and runs", []fact{tagged, other(runs)}, adopted, ""},
		{"tagged and failed", []fact{tagged, other(failed)}, unclear, "the tag v1.2.3 exists, but pipeline #8 failed"},
		{"runs", []fact{other(runs)}, adopted, ""},
		{"runs after a failure", []fact{other(runs), other(failed)}, adopted, ""},
		{"waits for an approval", []fact{other(circleci.OnHold)}, adopted, ""},
		{"another user's", []fact{other(runs), theirs}, unclear, "triggered by bot"},
		{"two", []fact{other(runs), other(green)}, unclear, "several"},
		{"green without a tag", []fact{other(green)}, unclear, "dry run"},
		{"green, without GitHub", []fact{blind, other(green)}, adopted, ""},
	}
	for _, tt := range tests {
		f := plainFacts()
		for _, change := range slices.Concat([]fact{lost}, tt.facts) {
			change(&f)
		}
		if got := conclude(f); got.kind != tt.want || !strings.Contains(got.reason, tt.reason) || (got.reason == "") != (tt.reason == "") {
			t.Errorf("%s: %v %q, want %v %q", tt.name, got.kind, got.reason, tt.want, tt.reason)
		}
	}
}
