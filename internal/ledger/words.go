package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Project is what is built and deployed together.
type Project struct {
	Name       string
	Repository string    // org/name; for good
	Build      *Trigger  // what builds a candidate that is to be built; nil where nothing does
	Releases   *Releases // where gio releases it; nil where it does not
	Bundle     []Mapping // what the box of a candidate is made of; none: nobody makes it
}

// Trigger is a pipeline on CircleCI. In branch and parameters {{.Version}}, {{.Candidate}}, {{.Commit}}, {{.DeploymentID}} and
// {{.Previous}} stand for what is deployed.
type Trigger struct {
	Connection string     `json:"connection"` // of the server's settings
	Project    string     `json:"project"`    // CircleCI's slug
	Branch     string     `json:"branch"`
	Definition string     `json:"definition,omitempty"` // of a GitHub App project
	Parameters Parameters `json:"parameters,omitempty"`
}

// Parameters are those of a pipeline: string, int64 or bool.
type Parameters map[string]any

// UnmarshalJSON keeps whole numbers whole.
func (p *Parameters) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var read map[string]any
	if err := d.Decode(&read); err != nil {
		return err
	}
	for name, value := range read {
		number, is := value.(json.Number)
		if !is {
			continue
		}
		whole, err := number.Int64()
		if err != nil {
			return fmt.Errorf("the parameter %.100q is no whole number", name)
		}
		read[name] = whole
	}
	*p = read
	return nil
}

// Tier groups environments, and does nothing else.
type Tier string

// The tiers.
const (
	Production  Tier = "production"
	Staging     Tier = "staging"
	Development Tier = "development"
)

// Kind is how an environment is deployed.
type Kind string

// The kinds.
const (
	None     Kind = "none"     // others deploy, and report
	CircleCI Kind = "circleci" // a pipeline deploys
	Webhook  Kind = "webhook"  // who gets a signed request deploys, and reports
	GitOps   Kind = "gitops"   // a commit in a Git repository deploys, app by app; Flux applies it
)

// Environment is where a project runs. It belongs to one project.
type Environment struct {
	ID, Project, Name string
	Tier              Tier
	Kind              Kind
	Deploy            *Trigger // of kind CircleCI; of kind Webhook with a connection only
	GitOps            *Desired // of kind GitOps
	Requires          Requirements
	Hold              string // id of the rollback that keeps policies from it; "" for none
	Shelved           bool   // there are repositories of it, to which bundles are promoted; read only
}

// Requirements are what must hold before a deployment begins.
type Requirements struct {
	Approvals int    `json:"approvals,omitempty"` // by that many persons
	Previous  string `json:"previous,omitempty"`  // the environment of the same project where the candidate must run, or its bundle be
	Signed    bool   `json:"signed,omitempty"`    // there is a bundle of it, whose signature is good
}

// Version names a candidate: the version of its release, and its number among the tries at it, from 1.
type Version struct {
	Release string
	Number  int64
}

// String returns RELEASE-rcN.
func (v Version) String() string { return fmt.Sprintf("%s-rc%d", v.Release, v.Number) }

var candidate = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._+-]{0,99})-rc([1-9][0-9]{0,8})$`)

// ParseVersion reads RELEASE-rcN; N is positive and has no leading zeros. Its fault is invalid-candidate.
func ParseVersion(text string) (Version, error) {
	parts := candidate.FindStringSubmatch(text)
	if parts == nil {
		return Version{}, fault.New(fault.Invalid, "invalid-candidate", "%.120q is not the version of a candidate", text).
			Hint("write the version of the release and -rcN, as in 3.9.4-rc1")
	}
	n, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return Version{}, fault.New(fault.Internal, "invalid-candidate", "%q", text).Because(err)
	}
	return Version{parts[1], n}, nil
}

// CandidateState says whether a candidate can be deployed.
type CandidateState string

// The states.
const (
	Building    CandidateState = "building"
	Ready       CandidateState = "ready"
	BuildFailed CandidateState = "failed"
	Blocked     CandidateState = "blocked" // by a person: it is not deployed any more
)

// Candidate is one try at a release: one commit, which never changes.
type Candidate struct {
	ID, Project string
	Version     Version
	Commit      string
	Author      string // of the commit, where it is known; may not approve it
	State       CandidateState
	Message     string // why it failed or is blocked
	CreatedAt   time.Time
	CreatedBy   string
}

// Status is what is said of a deployment. The words are Aviator's.
type Status string

// The statuses.
const (
	Pending    Status = "pending"
	InProgress Status = "in_progress"
	Success    Status = "success"
	Failure    Status = "failure"
	Canceling  Status = "canceling"
	Canceled   Status = "canceled"
	Error      Status = "error"
	Unknown    Status = "unknown"
)

// Statuses lists all of them.
func Statuses() []Status {
	return []Status{Pending, InProgress, Success, Failure, Canceling, Canceled, Error, Unknown}
}

// Active tells that a deployment has not ended, as far as it is said.
func (s Status) Active() bool { return s == Pending || s == InProgress || s == Canceling }

// Ended tells that a deployment has ended, and how is known.
func (s Status) Ended() bool {
	return s == Success || s == Failure || s == Canceled || s == Error
}

// Deployment makes an environment run a candidate or, app by app, what was shipped.
type Deployment struct {
	ID          string
	Environment string      // id
	Candidate   Version     // zero of an app
	From        Version     // what ran there before; zero for nothing
	Status      Status      // what is said
	Effect      EffectState // what is done
	Reported    bool        // the status is somebody's word, and stays
	Message     string      // why it waits or failed
	Actor       string      // who asked for it
	Restores    string      // id of the deployment that a rollback restores; "" for no rollback
	Forced      string      // why it passes freezes; "" for not
	Link        string      // to what deploys it
	AppDeployment
	StartedAt time.Time
	EndedAt   time.Time // zero: it has not ended
}

// waits tells that it has not begun: the ledger has started nothing, and those who deploy have not said that they did.
func (d Deployment) waits() bool {
	return d.Effect == EffectWanted || d.Effect == NoEffect && d.Status == Pending
}

// open tells that it has not ended, in word or in deed.
func (d Deployment) open() bool {
	return d.Status.Active() || d.Effect == EffectWanted || d.Effect.Slot()
}

// Event is one fact of the ledger's history.
type Event struct {
	ID       string
	Position int64 // in the history, from 1; 0 before it is sealed
	Time     time.Time
	Project  string
	Type     string // "candidate.created"
	Subject  string // id of what it is about
	Actor    string
	Dialect  string
	Address  string // of the client
	Data     map[string]string
}

// Head is the end of the history: its newest position, and the hash over all up to there.
type Head struct {
	Position int64
	Hash     string // "" at position 0
}
