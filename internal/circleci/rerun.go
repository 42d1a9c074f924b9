package circleci

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// RerunWithin is how long after its creation CircleCI re-runs a workflow (contracts/circleci.md 1.10).
const RerunWithin = 90 * 24 * time.Hour

// RerunFailed asks CircleCI, with one POST that is never sent again, to run what failed in a workflow once more, with what follows
// it: that makes a new workflow of the same name in the same pipeline, on the same commit. It returns its id, "" where CircleCI does
// not say. Its error is always a *TriggerError; after an Uncertain one the workflows of the pipeline tell (contracts/circleci.md 6).
func (c *Client) RerunFailed(ctx context.Context, workflow string) (id string, err error) {
	path, err := escape("workflow", workflow, "rerun")
	if err != nil {
		return "", &TriggerError{Outcome: Refused, Err: err}
	}
	k := call{method: http.MethodPost, path: path, subject: "workflow " + workflow}
	failed, body := c.send(ctx, k, []byte(`{"from_failed":true}`))
	if failed.Err != nil {
		return "", failed
	}
	var answer struct {
		Workflow text `json:"workflow_id"`
	}
	if json.Unmarshal(body, &answer) != nil { // it was accepted
		return "", nil
	}
	return string(answer.Workflow), nil
}

// Failures returns the workflows that have failed and that can be run again from what failed: of each name the newest, where that
// has failed and CircleCI does not run it again by itself. The newest comes first.
func Failures(workflows []Workflow) []Workflow {
	failures := slices.DeleteFunc(newestOfEveryName(withoutLateSetup(workflows)), func(w Workflow) bool {
		return w.ID == "" || w.Status != StatusFailed || phaseOf(w) != lost
	})
	slices.SortFunc(failures, func(a, b Workflow) int { return byPhase(b, a) })
	return failures
}

// Successor returns the newest workflow of the name of w, unless it was there before.
func Successor(w Workflow, before, now []Workflow) (next Workflow, found bool) {
	for _, o := range newestOfEveryName(now) {
		known := slices.ContainsFunc(before, func(b Workflow) bool { return b.ID == o.ID })
		if o.Name == w.Name && o.Setup == w.Setup && o.ID != "" && !known {
			return o, true
		}
	}
	return Workflow{}, false
}
