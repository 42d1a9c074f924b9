package run

import (
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Schema is the version of the journal's lines. It rises when a line that an older gio would
// misunderstand is added; a newer schema than its own is refused by every gio.
const Schema = 1

// StepID names a step for good: "component@version", the version being the one to be released.
type StepID string

// ID is the StepID of a component's version.
func ID(component, version string) StepID { return StepID(component + "@" + version) }

// Component is the part before the "@".
func (id StepID) Component() string {
	component, _, _ := strings.Cut(string(id), "@")
	return component
}

// Version is the part behind the "@".
func (id StepID) Version() string {
	_, version, _ := strings.Cut(string(id), "@")
	return version
}

// Type says what kind of fact an event is.
type Type string

// The facts.
const (
	Opened    Type = "opened"    // first line of a journal: whose run this is
	Planned   Type = "planned"   // a driver begins or resumes with this plan
	Intent    Type = "intent"    // a pipeline is about to be triggered; one line for each POST
	Triggered Type = "triggered" // the pipeline exists and is ours
	Observed  Type = "observed"  // the pipeline was read and is not finished: running or held
	Succeeded Type = "succeeded" // CircleCI says so by the rule of promise 3
	Failed    Type = "failed"    // the attempt is over without success
	Unknown   Type = "unknown"   // gio cannot know whether a pipeline was created
	Resolved  Type = "resolved"  // a person's answer
	Skipped   Type = "skipped"   // nothing was started in this session, and why
	Recording Type = "recording" // a push to the release repository is about to be made
	Recorded  Type = "recorded"  // the release repository holds it
	Stopped   Type = "stopped"   // the driver left before the end
)

// Event is one fact, one line of a journal. Only the fields that its type names are set.
type Event struct {
	Run  string    `json:"run"`  // the run's identity: "release/3.9.4"
	Seq  int64     `json:"seq"`  // 1, 2, 3, … without a gap
	Time time.Time `json:"time"` // the driver's clock, UTC
	Type Type      `json:"type"`

	Header *Header    `json:"header,omitempty"` // opened
	Plan   *plan.Plan `json:"plan,omitempty"`   // planned
	Driver *Driver    `json:"driver,omitempty"` // planned, resolved

	Steps []StepID `json:"steps,omitempty"` // several share one pipeline, or one reason

	// Intent: what is needed to find the pipeline if the answer is lost (contracts/circleci.md 6).
	Send    int    `json:"send,omitempty"`    // 1 begins an attempt; 2 and 3 follow an answer that left it open
	After   int64  `json:"after,omitempty"`   // newest pipeline number of the project before
	Project string `json:"project,omitempty"` // CircleCI's slug
	Branch  string `json:"branch,omitempty"`
	// ServerTime is CircleCI's clock (its Date header): of the intent, or of the session's beginning.
	ServerTime time.Time `json:"server_time,omitzero"`

	Pipeline *Pipeline `json:"pipeline,omitempty"` // triggered, resolved
	Adopted  bool      `json:"adopted,omitempty"`  // triggered: found by looking it up
	Cancel   string    `json:"cancel,omitempty"`   // triggered: id of a second pipeline that must be cancelled

	Commit   string `json:"commit,omitempty"`   // succeeded: what the pipeline was started on, where CircleCI says it
	Status   string `json:"status,omitempty"`   // observed: CircleCI's word; resolved: the answer
	Held     bool   `json:"held,omitempty"`     // observed: waits for an approval
	Code     string `json:"code,omitempty"`     // failed, stopped: a fault's code
	Reason   string `json:"reason,omitempty"`   // failed, unknown, skipped, stopped: a sentence for a person
	Workflow string `json:"workflow,omitempty"` // failed, observed: its name
	Job      string `json:"job,omitempty"`      // failed: its name
	URL      string `json:"url,omitempty"`      // failed, observed: where to look
	// Output is the last lines that the failing job printed, where CircleCI gives them: plain text.
	Output []string `json:"-"` // failed: the last lines of the failing step; shown, but kept nowhere: they may hold anything

	Record *Record `json:"record,omitempty"` // recording, recorded
}

// givesPipeline tells whether the event says in which pipeline its steps run.
func (e Event) givesPipeline() bool {
	return e.Type == Triggered || e.Type == Resolved && e.Status == AnswerPipeline
}

// Header tells whose run a journal holds. Another host or branch is refused: its facts would be
// about other pipelines.
type Header struct {
	Schema   int    `json:"schema"`
	Kind     string `json:"kind"`     // "release"
	Manifest string `json:"manifest"` // path of release.json in the release repository
	Product  string `json:"product"`  // the manifest's name
	Version  string `json:"version"`  // product version to be released: "3.9.4"
	Host     string `json:"host"`     // CircleCI's: "https://circleci.com"
	Branch   string `json:"branch"`   // the release branch
}

// Run is the identity that every event of the run carries.
func (h Header) Run() string { return h.Kind + "/" + h.Version }

// Flags are what a command about a run, such as gio status, needs to be about this one; a release needs none, in the checkout
// of its version.
func (h Header) Flags() string {
	switch h.Kind {
	case "release":
		return ""
	case "dry":
		return " --dry-run"
	}
	return " --run " + h.Run()
}

// Driver is who appends: one at a time.
type Driver struct {
	ID    string `json:"id"`              // random, new with every process
	Login string `json:"login,omitempty"` // the token's user on CircleCI
	Job   string `json:"job,omitempty"`   // link of the CircleCI job gio runs in
	Gio   string `json:"gio,omitempty"`   // gio's version
}

// Pipeline is where a step runs.
type Pipeline struct {
	ID     string `json:"id"`
	Number int64  `json:"number,omitempty"`
	URL    string `json:"url,omitempty"`
}

// The answers of Resolved, in Event.Status.
const (
	AnswerPipeline     = "pipeline"      // it is this pipeline: watched like any other
	AnswerReleased     = "released"      // it was released, however
	AnswerNotTriggered = "not-triggered" // nothing was created, or it must be released again
)

// Record is one push to the release repository.
type Record struct {
	Commit   string            `json:"commit,omitempty"` // the commit that holds the released versions
	Finished bool              `json:"finished,omitempty"`
	Refs     map[string]string `json:"refs,omitempty"`    // what was pushed: ref to object
	Steps    []StepID          `json:"steps,omitempty"`   // whose success it records
	Refused  []StepID          `json:"refused,omitempty"` // changed by somebody else meanwhile
}
