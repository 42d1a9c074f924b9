package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/run"
)

// Code says how the facts of a component, or of the release, fit together. The words are a contract.
type Code string

// The codes. Those of a component stand in the order in which they are looked for.
const (
	NotRead         Code = "not-read"
	Twice           Code = "stands-twice"
	NoVersion       Code = "no-version"
	NoSince         Code = "no-since"
	NotRecorded     Code = "not-recorded"
	OpenedAgain     Code = "opened-again"
	NoProof         Code = "no-proof"
	WrongPoms       Code = run.WrongPoms
	EndedUnseen     Code = "ended-unseen"
	RunsAgain       Code = "runs-again"
	Unknown         Code = "unknown"
	Interrupted     Code = "interrupted"
	Forgotten       Code = "forgotten"
	PipelineRunning Code = "pipeline-running"
	TaggedFailed    Code = "tagged-but-failed"
	Released        Code = "released-not-recorded"
	ReleasedUnknown Code = "released-unknown"
	ClaimedCode     Code = "claimed-elsewhere"
	WrongVersion    Code = "wrong-version"
	OtherVersion    Code = "other-version"
	TagMissing      Code = "tag-missing"
	Agrees          Code = "agrees"

	JournalLost      Code = "journal-lost"
	ProductTagged    Code = "product-tagged"
	NoProductVersion Code = "no-product-version"
)

// Row is the judgement of one component.
type Row struct {
	Facts
	Code Code   `json:"code"`
	What string `json:"what,omitempty"` // what probably happened
	Do   string `json:"do,omitempty"`
	Edit string `json:"edit,omitempty"` // the version that release.json should say; "" where that is not for certain
	Mend bool   `json:"mend,omitempty"` // the entries that go, or a since that is none, can be removed
}

// rule is one row of the truth table. A rule without tell has nothing to say.
type rule struct {
	code  Code
	holds func(Facts) bool
	tell  func(Facts) (what, do string)
	edit  func(Facts) string // nil: release.json is not what is wrong, or a person must look first
}

// judge finds the first rule that holds: it decides.
func judge(f Facts) Row {
	for _, r := range table() {
		if !r.holds(f) {
			continue
		}
		row := Row{Facts: f, Code: r.code}
		if r.tell != nil {
			row.What, row.Do = r.tell(f)
		}
		if r.edit != nil {
			row.Edit = r.edit(f)
		}
		row.Mend = r.code == Twice && !f.Unclear || f.NoSince && (r.code == NoSince || row.Edit != "")
		return row
	}
	return Row{Facts: f, Code: Agrees}
}

// table says what the facts of a component mean. "Own" is the pipeline of the run's journal, "others" are those that the API
// triggered on the same branch since the run began:
//
//	release.json  tag    journal               CircleCI             means
//	twice         any    any                   any                  stands-twice: edit, unless one that goes is open
//	no version    yes    any                   any                  no-version: edit, as the version of an earlier release.json
//	no version    no     any                   any                  no-version: edit, if that was open
//	since null    any    any                   any                  no-since: edit
//	open          any    begun, and driven     any                  agrees: its driver acts
//	open          any    succeeded             any                  not-recorded: gio release records it
//	open          any    recorded              any                  opened-again; tagged: edit
//	open          no     failed for its proof  own succeeded        no-proof: look, then gio resolve
//	open          any    unknown for its poms  any                  wrong-poms: gio resolve
//	open          any    not succeeded         own succeeded        ended-unseen: gio release sees it
//	open          any    failed                own runs             runs-again: gio release watches it
//	open          any    running, held         own runs             agrees
//	open          any    unknown               any                  unknown: gio resolve
//	open          any    intended              any                  interrupted: gio release looks it up
//	open          any    lost                  others, or a tag     forgotten: the rebuilt journal knows it
//	open          any    never started         others run           pipeline-running: wait
//	open          yes    failed, or others did                      tagged-but-failed: look, then gio resolve
//	open          yes    never started         none runs            released-not-recorded: edit
//	open          no     never started         others succeeded     released-unknown: look, then gio resolve
//	open          no     running, held         own failed           ended-unseen
//	open          no     of another run        any                  claimed-elsewhere: wait
//	open          no     never started         none, branch differs wrong-version: edit; other-version where it cannot be
//	open          no     else                                       agrees
//	released      no     any                   any                  tag-missing: look
//	released      yes    any                   any                  agrees
func table() []rule {
	return slices.Concat([]rule{
		{NotRead, func(f Facts) bool { return f.Err != nil }, tellNotRead, nil},
		{Twice, func(f Facts) bool { return len(f.Again) > 0 }, tellTwice, nil},
		{NoVersion, func(f Facts) bool { return f.Void }, tellNoVersion, func(f Facts) string { return f.Would }},
		{NoSince, func(f Facts) bool { return f.NoSince }, tellNoSince, nil},
	}, journaled(), unjournaled(), []rule{
		{TagMissing, func(f Facts) bool { return !f.Open && f.untagged() }, tellTagMissing, nil},
	})
}

// journaled are the rules for what the journal knows more about than release.json.
func journaled() []rule {
	open := func(statuses ...run.Status) func(Facts) bool {
		return func(f Facts) bool { return f.Open && slices.Contains(statuses, f.Step.Status) }
	}
	return []rule{
		{Agrees, func(f Facts) bool {
			return f.Open && f.Driven && f.Step.Status != run.Pending && f.Step.Status != run.WasSkipped
		}, nil, nil},
		{NotRecorded, func(f Facts) bool { return open(run.HasSucceeded)(f) && !f.Step.Recorded }, tellNotRecorded, nil},
		{OpenedAgain, open(run.HasSucceeded), tellOpenedAgain, whenTagged},
		{NoProof, func(f Facts) bool {
			return open(run.HasFailed)(f) && f.Step.Code == string(NoProof) && f.own(circleci.Succeeded) && f.Tag == ""
		}, tellNoProof, nil},
		{WrongPoms, func(f Facts) bool { return open(run.IsUnknown)(f) && f.Step.Code == run.WrongPoms }, tellWrongPoms, nil},
		{EndedUnseen, func(f Facts) bool { return f.Open && f.own(circleci.Succeeded) }, tellEndedUnseen, nil},
		{RunsAgain, func(f Facts) bool { return open(run.HasFailed)(f) && f.ownRuns() }, tellRunsAgain, nil},
		{Agrees, func(f Facts) bool { return f.Open && f.ownRuns() }, nil, nil},
		{Unknown, open(run.IsUnknown), tellUnknown, nil},
		{Interrupted, open(run.Intended), tellInterrupted, nil},
		{Forgotten, func(f Facts) bool { return f.Open && f.Lost && conclude(f).kind != toStart }, tellForgotten, nil},
	}
}

// unjournaled are the rules for what happened without the journal, or contradicts it.
func unjournaled() []rule {
	return []rule{
		{PipelineRunning, func(f Facts) bool { return f.Open && len(f.running()) > 0 }, tellRunning, nil},
		{TaggedFailed, func(f Facts) bool { return f.Open && f.Tag != "" && f.failed() }, tellTaggedFailed, nil},
		{Released, func(f Facts) bool { return f.Open && f.Tag != "" }, tellReleased, whenTagged},
		{ReleasedUnknown, func(f Facts) bool { return f.Open && f.Step.Attempt == 0 && len(f.green()) > 0 }, tellReleasedUnknown, nil},
		{EndedUnseen, func(f Facts) bool { return f.Open && f.own(circleci.Failed) && f.Step.Status != run.HasFailed }, tellEndedUnseen, nil},
		{ClaimedCode, func(f Facts) bool { return f.Open && f.Claimed != "" }, tellClaimed, nil},
		{WrongVersion, func(f Facts) bool { return f.mismatch() && f.Would != "" && f.Step.Attempt == 0 }, tellWrongVersion, func(f Facts) string { return f.Would }},
		{OtherVersion, Facts.mismatch, tellOtherVersion, nil},
	}
}

func whenTagged(f Facts) string {
	if f.Tag == "" {
		return ""
	}
	return f.Released()
}

func (f Facts) untagged() bool { return f.TagRead && f.Tag == "" }

func (f Facts) mismatch() bool { return f.Open && f.untagged() && !f.fits() }

func (f Facts) own(state circleci.State) bool { return f.Own != nil && f.Own.State == state }

func (f Facts) ownRuns() bool { return f.Own != nil && !f.Own.Ended() }

// failed tells whether the newest attempt that anybody knows of has failed. A step that gio refused to start had none.
func (f Facts) failed() bool {
	tried := f.Step.Attempt > 0 || f.Step.Pipeline.ID != ""
	if f.Step.Status == run.HasFailed && tried || f.own(circleci.Failed) {
		return true
	}
	return len(f.Others) > 0 && f.Others[0].State == circleci.Failed
}

// running are the other pipelines that have not ended.
func (f Facts) running() []Pipeline {
	return slices.DeleteFunc(slices.Clone(f.Others), Pipeline.Ended)
}

// green are the other pipelines of the token's user that have succeeded.
func (f Facts) green() []Pipeline {
	return slices.DeleteFunc(slices.Clone(f.Others), func(p Pipeline) bool { return !p.Mine || p.State != circleci.Succeeded })
}

func tellReleasedUnknown(f Facts) (what, do string) {
	return fmt.Sprintf("pipeline %s is green, and the journal does not know that anything was started: it was put back to an older state, or the pipeline released something else", f.green()[0]),
		fmt.Sprintf("look, then `gio resolve %s --released`, or `gio release --skip-check released-unknown`, which starts a new pipeline", f.Component)
}

func tellNotRead(f Facts) (what, do string) {
	return "it could not be compared: " + strings.Join(strings.Fields(f.Err.Error()), " "), ""
}

func tellTwice(f Facts) (what, do string) {
	what = fmt.Sprintf("it stands twice in release.json: at %s, and again at %s", f.Stays, strings.Join(f.Again, ", "))
	if f.Unclear {
		return what, fmt.Sprintf("`gio prepare %s=VERSION` keeps one entry, with the right version", f.Component)
	}
	return what, fmt.Sprintf("release.json: keep %s (`gio doctor --fix`)", f.Stays)
}

func tellNoVersion(f Facts) (what, do string) {
	what = "release.json says no version: a tool that did not know it wrote null, or somebody removed it"
	do = fmt.Sprintf("`gio prepare %s=VERSION` sets it", f.Component)
	if f.Was == "" {
		return what, do
	}
	what += fmt.Sprintf("; at %s it was %s", f.WasTag, f.Was)
	if f.Tag != "" {
		what += fmt.Sprintf(", and the tag %s exists", f.Tag)
	}
	if f.Would != "" {
		do = fmt.Sprintf("release.json: %s (`gio doctor --fix`)", f.Would)
	}
	return what, do
}

func tellNoSince(Facts) (what, do string) {
	return "its since in release.json is no version", "remove it (`gio doctor --fix`)"
}

func tellNotRecorded(f Facts) (what, do string) {
	return fmt.Sprintf("%s was released by this run, and release.json does not say so yet", f.Released()), "`gio release` records it"
}

func tellOpenedAgain(f Facts) (what, do string) {
	what = fmt.Sprintf("%s was released and recorded by this run; somebody opened it again", f.Released())
	if f.Tag != "" {
		return what, f.record() + "; to release it again, delete the tag and `gio resolve " + f.Component + " --not-triggered`"
	}
	return what, fmt.Sprintf("`gio resolve %s --not-triggered` releases it again, `gio release` records it as released", f.Component)
}

func tellNoProof(f Facts) (what, do string) {
	return fmt.Sprintf("%s (pipeline %s)", f.Step.Reason, f.Own), fmt.Sprintf("if it is published, `gio resolve %s --released`; else `gio release` starts a new pipeline", f.Component)
}

func tellWrongPoms(f Facts) (what, do string) {
	anew := fmt.Sprintf("`gio resolve %s --not-triggered`", f.Component)
	if f.Tag != "" {
		anew = fmt.Sprintf("delete the tag %s, then %s", f.Tag, anew)
	}
	return f.Step.Reason, fmt.Sprintf("if it may stay so, `gio resolve %s --released`; to release it anew, %s", f.Component, anew)
}

func tellEndedUnseen(f Facts) (what, do string) {
	return fmt.Sprintf("pipeline %s has %s, and the journal does not say so: somebody re-ran it on CircleCI, or the driver had left", f.Own, f.Own.State),
		"`gio release` sees it and goes on"
}

func tellRunsAgain(f Facts) (what, do string) {
	return fmt.Sprintf("pipeline %s had failed and is %s: somebody re-ran it on CircleCI", f.Own, f.Own.State), "`gio release` watches it to its end"
}

func tellUnknown(f Facts) (what, do string) {
	what = "gio cannot know whether a pipeline was started: " + f.Step.Reason
	if f.Tag != "" {
		return fmt.Sprintf("%s; the tag %s exists", what, f.Tag), fmt.Sprintf("look at CircleCI, then `gio resolve %s --released` or `--pipeline N`", f.Component)
	}
	return what, fmt.Sprintf("look at CircleCI, then `gio resolve %s --pipeline N` or `--not-triggered`", f.Component)
}

func tellInterrupted(Facts) (what, do string) {
	return "the driver ended while it was starting the pipeline", "`gio release` looks the pipeline up before it starts another one"
}

func tellRunning(f Facts) (what, do string) {
	return fmt.Sprintf("pipeline %s is %s on %s and is not this run's: it may be releasing %s", list(f.running()), f.running()[0].State, f.Branch, f.Released()),
		"wait until it has ended, then `gio doctor` again"
}

func tellTaggedFailed(f Facts) (what, do string) {
	what = fmt.Sprintf("the tag %s exists in %s, but the newest attempt to release it failed: it failed after it had set the tag, or somebody finished it by hand", f.Tag, f.Repository)
	if f.Step.Status == run.HasFailed || f.Own != nil {
		return what, fmt.Sprintf("if it is published, `gio resolve %s --released`; else delete the tag, then `gio release`", f.Component)
	}
	return what, fmt.Sprintf("if it is published, `gio prepare %s=%s`; else delete the tag, then `gio release`", f.Component, f.Released())
}

func tellReleased(f Facts) (what, do string) {
	what = fmt.Sprintf("the tag %s exists in %s", f.Tag, f.Repository)
	if f.Stated != "" && !f.fits() {
		what += fmt.Sprintf(" and %s says %s already", f.Branch, f.Stated)
	}
	return what + ": it was released by hand, or release.json was not written", f.record()
}

// record says how release.json is edited when the version was released.
func (f Facts) record() string {
	return fmt.Sprintf("release.json: %s, since %s (`gio doctor --fix`)", f.Released(), f.Product)
}

func tellClaimed(f Facts) (what, do string) {
	return fmt.Sprintf("%s is open here, too, and releases %s", f.Claimed, f.Released()),
		fmt.Sprintf("wait until it has: `gio prepare %s=%s` takes it then", f.Component, f.Released())
}

func tellWrongVersion(f Facts) (what, do string) {
	return fmt.Sprintf("%s of %s says %s: release.json was mistyped, or the branch has moved on", f.File, f.Branch, f.Stated),
		fmt.Sprintf("release.json: %s (`gio doctor --fix`)", f.Would)
}

func tellOtherVersion(f Facts) (what, do string) {
	return fmt.Sprintf("%s of %s says %s: the branch or the version is wrong", f.File, f.Branch, f.Stated),
		fmt.Sprintf("write the right version into release.json (`gio prepare %s`), or the right branch into gio.yaml", f.Component)
}

func tellTagMissing(f Facts) (what, do string) {
	what = fmt.Sprintf("release.json says that %s is released, and %s has no such tag", f.Version, f.Repository)
	switch {
	case f.Step.Open():
		what += "; in this run it is " + string(f.Step.Status)
	case f.Step.Status == run.HasFailed:
		what += "; in this run it failed"
	}
	return what + ": it was recorded too early, or somebody deleted the tag",
		fmt.Sprintf("check whether it is published; if not, `gio prepare %s=%s` opens it again", f.Component, f.Version+snapshot)
}

// String names a pipeline for people.
func (p Pipeline) String() string {
	if p.Login == "" {
		return fmt.Sprintf("#%d (%s)", p.Number, p.URL)
	}
	return fmt.Sprintf("#%d by %s (%s)", p.Number, p.Login, p.URL)
}

func list(pipelines []Pipeline) string {
	var all []string
	for _, p := range pipelines {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}
