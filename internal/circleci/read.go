package circleci

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// User is the owner of the token.
type User struct {
	ID, Login, Name string

	ServerTime time.Time // CircleCI's clock when it answered, in whole seconds; the local clock when the answer has no date
}

// Project is a project of CircleCI.
type Project struct {
	Slug          string
	Name          string
	DefaultBranch string
}

// Settings are those settings of a project that a release depends on (contracts/circleci.md 1.2).
type Settings struct {
	Autocancel bool // a newer pipeline of a branch cancels the older ones, unless it is the default branch
}

// PipelineState says how far CircleCI has processed a pipeline's configuration. It says nothing about success.
type PipelineState string

// The states of contracts/circleci.md 1.5. There may be others.
const (
	PipelineCreated      PipelineState = "created" // configuration processed
	PipelineErrored      PipelineState = "errored" // final
	PipelineSetupPending PipelineState = "setup-pending"
	PipelineSetup        PipelineState = "setup"
	PipelinePending      PipelineState = "pending"
)

// PipelineError is one of the errors that kept a pipeline from running.
type PipelineError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Pipeline is one pipeline. Fields that CircleCI omits are zero.
type Pipeline struct {
	ID         string
	Number     int64  // counts within the project
	Project    string // slug
	State      PipelineState
	Errors     []PipelineError
	Branch     string // of vcs, else of trigger_parameters.git
	Revision   string
	Trigger    string // "api", "webhook", "explicit", "scheduled_pipeline", and others
	Actor      string // login
	CreatedAt  time.Time
	ReceivedAt time.Time // when the trigger arrived; a little before CreatedAt
}

// Workflow is one workflow of a pipeline. Fields that CircleCI omits are zero: expired workflows have no ID.
type Workflow struct {
	ID            string
	Name          string
	Status        Status
	Setup         bool   // the setup workflow of a dynamic configuration
	Pipeline      string // id
	Number        int64  // of the pipeline
	Project       string // slug
	CreatedAt     time.Time
	StoppedAt     time.Time
	AutoReruns    int // how many automatic re-runs came before this one
	MaxAutoReruns int
}

// Job is one job of a workflow. A blocked, cancelled or approval job has no Number, and may have no times.
type Job struct {
	ID         string
	Name       string
	Type       string // "build", "approval", and others
	Status     string // CircleCI's word: contracts/circleci.md 1.8
	Number     int64
	Project    string // slug
	StartedAt  time.Time
	StoppedAt  time.Time
	ApprovalID string // of an approval job: the id that Approve needs
	// Dependencies are the ids of the jobs that must succeed before it begins.
	Dependencies []string
}

// Me reads the owner of the token.
func (c *Client) Me(ctx context.Context) (User, error) {
	var w struct{ ID, Login, Name text }
	k := call{method: http.MethodGet, path: "/me", subject: "the token's user"}
	header, err := c.get(ctx, k, &w)
	if fault.KindOf(err) == fault.NotFound { // every CircleCI has it
		return User{}, fault.New(fault.Remote, "circleci-host", "%s: there is no CircleCI at %s: it answered 404", k, transport.RedactText(c.host)).
			Hint("CIRCLE_HOST looks like %s", defaultHost)
	}
	if err != nil {
		return User{}, err
	}
	u := User{ID: string(w.ID), Login: string(w.Login), Name: string(w.Name), ServerTime: serverTime(header)}
	if u.Login == "" {
		return User{}, missing(k, "login")
	}
	return u, nil
}

// Project reads a project by its slug (gh/org/repo).
func (c *Client) Project(ctx context.Context, slug string) (Project, error) {
	_, w, err := c.readProject(ctx, slug)
	return w.project(), err
}

func (c *Client) readProject(ctx context.Context, slug string) (k call, w wireProject, err error) {
	path, err := projectPath(slug)
	if err != nil {
		return k, w, err
	}
	k = call{method: http.MethodGet, path: path, subject: "project " + slug}
	if _, err := c.get(ctx, k, &w); err != nil {
		return k, wireProject{}, err
	}
	if w.Slug == "" {
		return k, wireProject{}, missing(k, "project")
	}
	return k, w, nil
}

// Settings reads a project's settings.
func (c *Client) Settings(ctx context.Context, slug string) (Settings, error) {
	path, err := projectPath(slug, "settings")
	if err != nil {
		return Settings{}, err
	}
	var w struct {
		Advanced *struct {
			Autocancel flag `json:"autocancel_builds"`
		} `json:"advanced"`
	}
	k := call{method: http.MethodGet, path: path, subject: "project " + slug}
	if _, err := c.get(ctx, k, &w); err != nil {
		return Settings{}, err
	}
	if w.Advanced == nil {
		return Settings{}, missing(k, "settings")
	}
	return Settings{Autocancel: bool(w.Advanced.Autocancel)}, nil
}

// Pipeline reads a pipeline by its id.
func (c *Client) Pipeline(ctx context.Context, id string) (Pipeline, error) {
	path, err := escape("pipeline", id)
	if err != nil {
		return Pipeline{}, err
	}
	k := call{method: http.MethodGet, path: path, subject: "pipeline " + id}
	p, err := c.readPipeline(ctx, k)
	if err == nil && isForeign(p.ID, id) {
		return Pipeline{}, c.foreign(k, "pipeline", p.ID)
	}
	return p, err
}

// PipelineByNumber reads a pipeline by its number within a project.
func (c *Client) PipelineByNumber(ctx context.Context, slug string, number int64) (Pipeline, error) {
	n := strconv.FormatInt(number, 10)
	path, err := projectPath(slug, "pipeline", n)
	if err != nil {
		return Pipeline{}, err
	}
	k := call{method: http.MethodGet, path: path, subject: "pipeline " + n + " of " + slug}
	p, err := c.readPipeline(ctx, k)
	if err == nil && p.Number != 0 && p.Number != number { // its slug says nothing: a project may have several
		return Pipeline{}, c.foreign(k, "pipeline", strconv.FormatInt(p.Number, 10))
	}
	return p, err
}

func (c *Client) readPipeline(ctx context.Context, k call) (Pipeline, error) {
	var w wirePipeline
	if _, err := c.get(ctx, k, &w); err != nil {
		return Pipeline{}, err
	}
	if w.ID == "" {
		return Pipeline{}, missing(k, "pipeline")
	}
	return w.pipeline(), nil
}

// Pipelines reads a project's pipelines, newest first, on one branch or, with branch "", on all. It reads pages as they
// are needed; an error ends the sequence, as IsCut tells after a part of it.
func (c *Client) Pipelines(ctx context.Context, slug, branch string) iter.Seq2[Pipeline, error] {
	return func(yield func(Pipeline, error) bool) {
		k, err := listCall(slug, branch)
		if err != nil {
			yield(Pipeline{}, err)
			return
		}
		c.eachPipeline(ctx, k, newestFirst, yield)
	}
}

// Mine reads the pipelines of a whole organization (gh/org) that the token's user triggered, or pushed, in CircleCI's
// order, which in practice is newest first (contracts/circleci.md 1.6). It reads pages as they are needed; an error ends the
// sequence.
func (c *Client) Mine(ctx context.Context, organization string) iter.Seq2[Pipeline, error] {
	k := call{
		method: http.MethodGet, path: "/pipeline", subject: "organization " + organization,
		query: url.Values{"org-slug": {organization}, "mine": {"true"}},
	}
	asSent := func(items []wirePipeline) []wirePipeline { return items }
	return func(yield func(Pipeline, error) bool) { c.eachPipeline(ctx, k, asSent, yield) }
}

// eachPipeline yields the pipelines of a list, each page in the given order, and those of a list that is read anew once.
func (c *Client) eachPipeline(ctx context.Context, k call, order func([]wirePipeline) []wirePipeline, yield func(Pipeline, error) bool) {
	told := map[string]bool{}
	for p, err := range pages[wirePipeline](ctx, c, k) {
		if err != nil {
			yield(Pipeline{}, err)
			return
		}
		for _, w := range order(p.Items) {
			if told[w.ID] {
				continue
			}
			told[w.ID] = w.ID != ""
			if !yield(w.pipeline(), nil) {
				return
			}
		}
	}
}

// newestFirst sorts a page, because CircleCI promises no order (contracts/circleci.md 1.6).
func newestFirst(items []wirePipeline) []wirePipeline {
	slices.SortStableFunc(items, func(a, b wirePipeline) int { return cmp.Compare(b.Number, a.Number) })
	return items
}

func listCall(slug, branch string) (call, error) {
	path, err := projectPath(slug, "pipeline")
	query := url.Values{}
	if branch != "" {
		query.Set("branch", branch)
	}
	return call{method: http.MethodGet, path: path, query: query, subject: "project " + slug}, err
}

// Newest reads the number of a project's newest pipeline, 0 when there is none.
func (c *Client) Newest(ctx context.Context, slug string) (number int64, err error) {
	k, err := listCall(slug, "")
	if err != nil {
		return 0, err
	}
	for p, err := range pages[wirePipeline](ctx, c, k) {
		if err != nil {
			return 0, err
		}
		for _, w := range p.Items {
			number = max(number, int64(w.Number))
		}
		break
	}
	return number, nil
}

// Workflows reads all workflows of a pipeline, in CircleCI's arbitrary order. Workflows of another pipeline are an error.
func (c *Client) Workflows(ctx context.Context, pipelineID string) ([]Workflow, error) {
	path, err := escape("pipeline", pipelineID, "workflow")
	if err != nil {
		return nil, err
	}
	k := call{method: http.MethodGet, path: path, subject: "pipeline " + pipelineID}
	items, err := whole[wireWorkflow](ctx, c, k)
	if err != nil {
		return nil, err
	}
	var all []Workflow
	for _, w := range items {
		if isForeign(string(w.PipelineID), pipelineID) {
			return nil, c.foreign(k, "pipeline", string(w.PipelineID))
		}
		all = append(all, w.workflow())
	}
	return all, nil
}

// Jobs reads all jobs of a workflow. Jobs that say that they are another workflow's are an error.
func (c *Client) Jobs(ctx context.Context, workflowID string) ([]Job, error) {
	path, err := escape("workflow", workflowID, "job")
	if err != nil {
		return nil, err
	}
	k := call{method: http.MethodGet, path: path, subject: "workflow " + workflowID}
	items, err := whole[wireJob](ctx, c, k)
	if err != nil {
		return nil, err
	}
	var all []Job
	for _, w := range items {
		if isForeign(string(w.Workflow), workflowID) {
			return nil, c.foreign(k, "workflow", string(w.Workflow))
		}
		all = append(all, w.job())
	}
	return all, nil
}

// CancelWorkflow asks CircleCI, once, to cancel a workflow. CircleCI does so some time later.
func (c *Client) CancelWorkflow(ctx context.Context, id string) error {
	path, err := escape("workflow", id, "cancel")
	if err != nil {
		return err
	}
	return c.post(ctx, call{method: http.MethodPost, path: path, subject: "workflow " + id})
}

// Cancel cancels every workflow of a pipeline that is not final, including held ones: the API cannot cancel a pipeline
// itself (contracts/circleci.md 1.9). It tries them all and joins the errors.
func (c *Client) Cancel(ctx context.Context, pipelineID string) error {
	workflows, err := c.Workflows(ctx, pipelineID)
	if err != nil {
		return err
	}
	var failed []error
	for _, w := range workflows {
		if w.ID != "" && !w.Status.final() {
			failed = append(failed, c.CancelWorkflow(ctx, w.ID))
		}
	}
	return errors.Join(failed...)
}
