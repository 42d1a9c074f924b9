package run

import (
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/plan"
)

// Schema is the newest version of the journal's lines. It increases with each new kind of line that an older gio would
// misunderstand; every gio refuses a newer schema than its own. A journal has the oldest one that can say what it holds, so that an
// older gio goes on with it where it can.
const Schema = 2

// The versions.
const (
	schemaWaves = 1
	schemaGraph = 2 // a step may start before the waves before its own have succeeded, or be released with build files that are wrong
)

// SchemaOf returns the oldest schema that can hold a plan.
func SchemaOf(p *plan.Plan) int {
	if p == nil {
		return schemaWaves
	}
	poms := slices.ContainsFunc(p.Steps(), func(st plan.Step) bool { return st.Proof.Poms != "" })
	if p.IsByGraph() || poms {
		return schemaGraph
	}
	return schemaWaves
}

// Type says what kind of fact an event is.
type Type string

// The facts.
const (
	Opened    Type = "opened"    // first line of a journal: which run it holds
	Raised    Type = "raised"    // what follows needs a newer schema than the journal began with
	Planned   Type = "planned"   // a driver begins or resumes with this plan
	Intent    Type = "intent"    // a pipeline is about to be triggered; one line for each POST
	Triggered Type = "triggered" // the pipeline exists and belongs to the run
	Observed  Type = "observed"  // the pipeline was read and is not finished: running or held
	Succeeded Type = "succeeded" // the pipeline succeeded, by the rule of promise 3
	Failed    Type = "failed"    // the attempt is over without success
	Unknown   Type = "unknown"   // gio cannot know whether a pipeline was created
	Resolved  Type = "resolved"  // a person's answer
	Skipped   Type = "skipped"   // not started in this session, and why
	Recording Type = "recording" // a push to the release repository is about to be made
	Recorded  Type = "recorded"  // the push has arrived
	Stopped   Type = "stopped"   // the driver ended before the run did
)

// Event is one fact, one line of a journal. Only the fields of its type are set.
type Event struct {
	Run  string    `json:"run"`  // the run's identity: "release/3.9.4"
	Seq  int64     `json:"seq"`  // 1, 2, 3, … without a gap
	Time time.Time `json:"time"` // the driver's clock, UTC
	Type Type      `json:"type"`

	Header *Header    `json:"header,omitempty"` // opened, raised
	Plan   *plan.Plan `json:"plan,omitempty"`   // planned
	Driver *Driver    `json:"driver,omitempty"` // planned, resolved

	Steps []plan.StepID `json:"steps,omitempty"` // several share one pipeline, or one reason

	// Intent: what is needed to find the pipeline if the answer is lost (contracts/circleci.md 6).
	Send    int    `json:"send,omitempty"`    // 1 begins an attempt; 2, 3, … repeat it after an answer that left it open
	After   int64  `json:"after,omitempty"`   // newest pipeline number of the project before
	Project string `json:"project,omitempty"` // CircleCI's slug
	Branch  string `json:"branch,omitempty"`

	Pipeline *Pipeline `json:"pipeline,omitempty"` // triggered, resolved
	Adopted  bool      `json:"adopted,omitempty"`  // triggered: found by looking it up
	Cancel   string    `json:"cancel,omitempty"`   // triggered: id of a second pipeline that must be cancelled

	Commit   string `json:"commit,omitempty"`   // succeeded: the commit of the pipeline, where CircleCI says it
	Status   string `json:"status,omitempty"`   // observed: CircleCI's word; resolved: the answer
	Held     bool   `json:"held,omitempty"`     // observed: waits for an approval
	Code     string `json:"code,omitempty"`     // failed, stopped: a fault's code; unknown: of what is not about a lost answer
	Reason   string `json:"reason,omitempty"`   // failed, unknown, skipped, stopped: a sentence for a person; observed: why it cannot succeed any more; succeeded: a warning
	Workflow string `json:"workflow,omitempty"` // failed, observed: its name
	Job      string `json:"job,omitempty"`      // failed, observed with a reason: its name
	URL      string `json:"url,omitempty"`      // failed, observed: link to the cause
	// Output, of failed, is the last lines that the failing step printed, where CircleCI gives them: plain text. Views show
	// it, and no journal keeps it, since it may contain anything.
	Output []string `json:"-"`

	Record *Record `json:"record,omitempty"` // recording, recorded
}

// givesPipeline reports whether the event says in which pipeline its steps run.
func (e Event) givesPipeline() bool {
	return e.Type == Triggered || e.Type == Resolved && e.Status == AnswerPipeline
}

// Header says which run a journal holds. A driver with another host or branch is refused: the facts would be about other
// pipelines.
type Header struct {
	Schema   int    `json:"schema"`
	Kind     Kind   `json:"kind"`
	Manifest string `json:"manifest"` // path of release.json in the release repository
	Product  string `json:"product"`  // the manifest's name
	Version  string `json:"version"`  // product version to release: "3.9.4"
	Host     string `json:"host"`     // CircleCI's: "https://circleci.com"
	Branch   string `json:"branch"`   // the release branch
}

// Name returns the name that people use for the run.
func (h Header) Name() Name { return Name{h.Kind, h.Version} }

// Run returns the identity that every event of the run carries: its Name as text.
func (h Header) Run() string { return h.Name().String() }

// Flags returns those of its Name.
func (h Header) Flags() string { return h.Name().Flags() }

// Driver is the process that appends to the journal: one at a time.
type Driver struct {
	ID    string `json:"id"`              // random, new with every process
	Login string `json:"login,omitempty"` // the token's user on CircleCI
	Job   string `json:"job,omitempty"`   // link of the CircleCI job gio runs in
	Gio   string `json:"gio,omitempty"`   // gio's version
}

// Pipeline is the pipeline in which a step runs.
type Pipeline struct {
	ID     string `json:"id"`
	Number int64  `json:"number,omitempty"`
	URL    string `json:"url,omitempty"`
}

// The answers of Resolved, in Event.Status.
const (
	AnswerPipeline     = "pipeline"      // it is this pipeline: watch it like any other
	AnswerReleased     = "released"      // it was released, however
	AnswerNotTriggered = "not-triggered" // nothing was created, or it must be released again
)

// WrongPoms is the Code of an Unknown that is about no pipeline: the step is released, and its build files name what is not.
const WrongPoms = "wrong-poms"

// Record is one push to the release repository.
type Record struct {
	Commit   string            `json:"commit,omitempty"` // the commit with the released versions
	Finished bool              `json:"finished,omitempty"`
	Refs     map[string]string `json:"refs,omitempty"`    // pushed refs: name to object
	Steps    []plan.StepID     `json:"steps,omitempty"`   // whose success it records
	Refused  []plan.StepID     `json:"refused,omitempty"` // not recorded, because somebody else has changed them
}
