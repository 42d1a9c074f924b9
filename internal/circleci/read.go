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
)

// User is the owner of the token.
type User struct {
	ID    string `json:"id"`
	Login string `json:"login"`
	Name  string `json:"name"`

	ServerTime time.Time `json:"-"` // CircleCI's clock at the answer; see Newest
}

// Project is a project as CircleCI knows it.
type Project struct {
	Slug          string
	Name          string
	DefaultBranch string
}

// Settings are those settings of a project that a release depends on (contracts/circleci.md 1.2).
type Settings struct {
	Autocancel bool // a newer pipeline of a branch cancels the older ones, unless it is the default branch
}

// PipelineState is how far CircleCI has read a pipeline's configuration. It says nothing about success.
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

// Pipeline is one pipeline. What CircleCI left out is zero.
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

// Workflow is one workflow of a pipeline. What CircleCI left out is zero: expired ones have no ID.
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

// Job is one job of a workflow. A blocked, cancelled or approval job has no Number, and maybe no times.
type Job struct {
	ID         string
	Name       string
	Type       string // "build", "approval", and others
	Status     string // as CircleCI says it: contracts/circleci.md 1.8
	Number     int64
	Project    string // slug
	StartedAt  time.Time
	StoppedAt  time.Time
	ApprovalID string // of an approval job: what an approval needs
}

// Me reads who owns the token.
func (c *Client) Me(ctx context.Context) (User, error) {
	var u User
	k := call{method: http.MethodGet, path: "/me", subject: "the token's user"}
	header, err := c.get(ctx, k, &u)
	if err != nil {
		return User{}, err
	}
	u.ServerTime = serverTime(header)
	if u.Login == "" {
		return User{}, lacks(k, "login")
	}
	return u, nil
}

// Project reads a project by its slug (gh/org/repo).
func (c *Client) Project(ctx context.Context, slug string) (Project, error) {
	path, err := projectPath(slug)
	if err != nil {
		return Project{}, err
	}
	var w wireProject
	k := call{method: http.MethodGet, path: path, subject: "project " + slug}
	if _, err := c.get(ctx, k, &w); err != nil {
		return Project{}, err
	}
	if w.Slug == "" {
		return Project{}, lacks(k, "project")
	}
	return w.project(), nil
}

// Settings reads what a project is set to do.
func (c *Client) Settings(ctx context.Context, slug string) (Settings, error) {
	path, err := projectPath(slug, "settings")
	if err != nil {
		return Settings{}, err
	}
	var w struct {
		Advanced *struct {
			Autocancel bool `json:"autocancel_builds"`
		} `json:"advanced"`
	}
	k := call{method: http.MethodGet, path: path, subject: "project " + slug}
	if _, err := c.get(ctx, k, &w); err != nil {
		return Settings{}, err
	}
	if w.Advanced == nil {
		return Settings{}, lacks(k, "settings")
	}
	return Settings{Autocancel: w.Advanced.Autocancel}, nil
}

// Pipeline reads a pipeline by its id.
func (c *Client) Pipeline(ctx context.Context, id string) (Pipeline, error) {
	path, err := escape("pipeline", id)
	if err != nil {
		return Pipeline{}, err
	}
	return c.readPipeline(ctx, call{method: http.MethodGet, path: path, subject: "pipeline " + id})
}

// PipelineByNumber reads a pipeline by its number within a project.
func (c *Client) PipelineByNumber(ctx context.Context, slug string, number int64) (Pipeline, error) {
	n := strconv.FormatInt(number, 10)
	path, err := projectPath(slug, "pipeline", n)
	if err != nil {
		return Pipeline{}, err
	}
	return c.readPipeline(ctx, call{method: http.MethodGet, path: path, subject: "pipeline " + n + " of " + slug})
}

func (c *Client) readPipeline(ctx context.Context, k call) (Pipeline, error) {
	var w wirePipeline
	if _, err := c.get(ctx, k, &w); err != nil {
		return Pipeline{}, err
	}
	if w.ID == "" {
		return Pipeline{}, lacks(k, "pipeline")
	}
	return w.pipeline(), nil
}

// Pipelines reads a project's pipelines, newest first, on one branch or, with branch "", on all. Pages
// are read as they are needed; an error is the last thing that comes.
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
// order, which is newest first as far as anybody knows (contracts/circleci.md 1.6). Pages are read as they are needed; an
// error is the last thing that comes.
func (c *Client) Mine(ctx context.Context, organization string) iter.Seq2[Pipeline, error] {
	k := call{
		method: http.MethodGet, path: "/pipeline", subject: "organization " + organization,
		query: url.Values{"org-slug": {organization}, "mine": {"true"}},
	}
	asSent := func(items []wirePipeline) []wirePipeline { return items }
	return func(yield func(Pipeline, error) bool) { c.eachPipeline(ctx, k, asSent, yield) }
}

// eachPipeline yields the pipelines of a list, each page put in order.
func (c *Client) eachPipeline(ctx context.Context, k call, order func([]wirePipeline) []wirePipeline, yield func(Pipeline, error) bool) {
	for p, err := range pages[wirePipeline](ctx, c, k) {
		if err != nil {
			yield(Pipeline{}, err)
			return
		}
		for _, w := range order(p.Items) {
			if !yield(w.pipeline(), nil) {
				return
			}
		}
	}
}

// newestFirst sorts a page: CircleCI's order is what everybody relies on and nobody promises
// (contracts/circleci.md 1.6).
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

// Newest reads the number of a project's newest pipeline, 0 when there is none, and CircleCI's clock at
// that moment (whole seconds; the local clock when the answer has no date).
func (c *Client) Newest(ctx context.Context, slug string) (number int64, serverTime time.Time, err error) {
	k, err := listCall(slug, "")
	if err != nil {
		return 0, time.Time{}, err
	}
	for p, err := range pages[wirePipeline](ctx, c, k) {
		if err != nil {
			return 0, time.Time{}, err
		}
		for _, w := range p.Items {
			number = max(number, int64(w.Number))
		}
		serverTime = p.date
		break
	}
	return number, serverTime, nil
}

// Workflows reads all workflows of a pipeline, in CircleCI's order, which means nothing.
func (c *Client) Workflows(ctx context.Context, pipelineID string) ([]Workflow, error) {
	path, err := escape("pipeline", pipelineID, "workflow")
	if err != nil {
		return nil, err
	}
	var all []Workflow
	for p, err := range pages[wireWorkflow](ctx, c, call{method: http.MethodGet, path: path, subject: "pipeline " + pipelineID}) {
		if err != nil {
			return nil, err
		}
		for _, w := range p.Items {
			all = append(all, w.workflow())
		}
	}
	return all, nil
}

// Jobs reads all jobs of a workflow.
func (c *Client) Jobs(ctx context.Context, workflowID string) ([]Job, error) {
	path, err := escape("workflow", workflowID, "job")
	if err != nil {
		return nil, err
	}
	var all []Job
	for p, err := range pages[wireJob](ctx, c, call{method: http.MethodGet, path: path, subject: "workflow " + workflowID}) {
		if err != nil {
			return nil, err
		}
		for _, w := range p.Items {
			all = append(all, w.job())
		}
	}
	return all, nil
}

// CancelWorkflow asks CircleCI, once, to cancel a workflow. CircleCI does it some time later.
func (c *Client) CancelWorkflow(ctx context.Context, id string) error {
	path, err := escape("workflow", id, "cancel")
	if err != nil {
		return err
	}
	return c.post(ctx, call{method: http.MethodPost, path: path, subject: "workflow " + id})
}

// Cancel cancels every workflow of a pipeline that is not final, the held ones too: there is no way to
// cancel a pipeline itself (contracts/circleci.md 1.9). It tries them all and joins the errors.
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

// page is one answer of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next_page_token"`
	date  time.Time
}

// pages reads a list page by page. A token that comes a second time would go round for ever: it is an error.
func pages[T any](ctx context.Context, c *Client, k call) iter.Seq2[page[T], error] {
	return func(yield func(page[T], error) bool) {
		seen := map[string]bool{}
		query := url.Values{}
		for key, values := range k.query {
			query[key] = values
		}
		k.query = query
		for {
			p, err := readPage[T](ctx, c, k)
			if err == nil && seen[p.Next] {
				err = fault.New(fault.Remote, "circleci-pages", "%s: CircleCI's list does not end: a page names one that was read before", k)
			}
			if !yield(p, err) || err != nil || p.Next == "" {
				return
			}
			seen[p.Next] = true
			query.Set("page-token", p.Next)
		}
	}
}

func readPage[T any](ctx context.Context, c *Client, k call) (page[T], error) {
	var p page[T]
	header, err := c.get(ctx, k, &p)
	if err != nil {
		return p, err
	}
	if p.Items == nil {
		// An empty list is []. Read as one, any other answer would say that nothing was ever triggered.
		return p, lacks(k, "list")
	}
	p.date = serverTime(header)
	return p, nil
}

// serverTime is CircleCI's clock when it answered, in whole seconds; the local one when the answer has no date.
func serverTime(header http.Header) time.Time {
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Now()
	}
	return at
}
