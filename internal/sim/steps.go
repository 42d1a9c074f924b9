package sim

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The output of steps is only in the older API (contracts/circleci.md 1.13, general knowledge, not re-read).

type buildItem struct {
	Number   int64        `json:"build_num"`
	Status   string       `json:"status"`
	Branch   string       `json:"branch,omitempty"`
	Steps    []stepItem   `json:"steps"`
	Messages []jobMessage `json:"messages,omitempty"`
}

type stepItem struct {
	Name    string       `json:"name"`
	Actions []actionItem `json:"actions"`
}

type actionItem struct {
	Index     int    `json:"index"`
	Name      string `json:"name"`
	Status    string `json:"status"`
	ExitCode  *int   `json:"exit_code"`
	HasOutput bool   `json:"has_output"`
	OutputURL string `json:"output_url,omitempty"`
}

// readSteps answers a job by its number: one step of preparation, and its work. Only finished work has output. A job that
// was refused has a message instead.
func (s *Sim) readSteps(c *call) answer {
	p := s.ensureProject(c.args[0], c.now)
	if p == nil {
		return noProject()
	}
	w, job := s.job(p, number(c.args[1]), c.now)
	if w == nil {
		return fail(http.StatusNotFound, "Build not found")
	}
	if refused := w.refusals(job); len(refused) > 0 {
		refused[0].Level = "error"
		return reply(http.StatusOK, buildItem{Number: job.Number, Status: job.Status, Branch: w.pipeline.ref.branch, Steps: []stepItem{}, Messages: refused})
	}
	work := make([]actionItem, w.containers(job.Number))
	for n := range work {
		work[n] = s.work(c, w, job, n)
	}
	ready := 0
	spin := actionItem{Name: "Spin up environment", Status: string(Success), ExitCode: &ready}
	return reply(http.StatusOK, buildItem{
		Number: job.Number, Status: job.Status, Branch: w.pipeline.ref.branch,
		Steps: []stepItem{{spin.Name, []actionItem{spin}}, {job.Name, work}},
	})
}

// work is what a job does in one of its containers, of which the last decides.
func (s *Sim) work(c *call, w *workflow, job jobItem, container int) actionItem {
	work := actionItem{Index: container, Name: job.Name, Status: job.Status}
	if job.StoppedAt == nil || job.Status == string(Canceled) {
		return work
	}
	code := 0
	if container < w.containers(job.Number)-1 {
		work.Status = string(Success)
	} else if job.Status != string(Success) {
		code = 1
	}
	work.ExitCode, work.HasOutput = &code, true
	work.OutputURL = fmt.Sprintf("%s/output/%s/%d?container=%d&signature=%s", c.base, w.id, job.Number, container, s.signature(w, job.Number))
	return work
}

// containers is how many a job runs in side by side.
func (w *workflow) containers(job int64) int {
	if job != w.firstJob+1 {
		return 1
	}
	return max(w.Containers, 1)
}

// job returns the job of that number and its workflow, or nil while no such job has started.
func (s *Sim) job(p *project, n int64, now time.Time) (*workflow, jobItem) {
	if n < 1 || n > int64(len(p.jobs)) {
		return nil, jobItem{}
	}
	w := p.jobs[n-1]
	if s.workflow(w.id, now) == nil {
		return nil, jobItem{}
	}
	which := []string{firstJob, lastJob, otherJob}[n-w.firstJob]
	for _, j := range s.jobs(w, now) {
		if j.ID == s.jobID(w, which) && j.StartedAt != nil {
			j.Number = n // lists omit the number of a cancelled job, which it nevertheless keeps
			return w, j
		}
	}
	return nil, jobItem{}
}

func (s *Sim) signature(w *workflow, job int64) string { return s.uuid("signature", w.id, job) }

type lineItem struct {
	Type    string `json:"type"`
	Time    string `json:"time"`
	Message string `json:"message"`
}

// readOutput answers a signed link like a storage service: it refuses a request that also has a token, which proves that
// the client sends no token there.
func (s *Sim) readOutput(c *call) answer {
	w := s.workflow(c.args[0], c.now)
	switch n := number(c.args[1]); {
	case c.token != "" || c.query.Has("circle-token"):
		return fail(http.StatusBadRequest, "Only one way to authenticate is allowed: the link is signed, and there is a token")
	case w == nil || c.query.Get("signature") != s.signature(w, n):
		return fail(http.StatusForbidden, "The signature does not fit")
	default:
		return s.output(w, n, int(number(c.query.Get("container"))), c.now)
	}
}

func (s *Sim) output(w *workflow, n int64, container int, now time.Time) answer {
	_, job := s.job(w.pipeline.project, n, now)
	last := n == w.firstJob+1
	if job.StoppedAt == nil || last && w.OutputGone {
		return fail(http.StatusNotFound, "No such output")
	}
	text := "[INFO] BUILD SUCCESS\n"
	switch {
	case container < w.containers(n)-1:
	case last && w.Output != "":
		text = w.Output
	case job.Status != string(Success):
		text = "[ERROR] Failed to execute goal on project " + w.pipeline.project.slug + "\n[INFO] BUILD FAILURE\n\nExited with code exit status 1\n"
	}
	if last {
		var lines strings.Builder
		for i := range w.OutputLines {
			fmt.Fprintf(&lines, "[INFO] line %d\n", i+1)
		}
		text = lines.String() + text
	}
	return reply(http.StatusOK, []lineItem{{Type: "out", Time: *job.StoppedAt, Message: text}})
}
