package circleci

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

// strange are values of other types than the known one.
var strange = []string{`{"a":[1]}`, `[{"b":"c"}]`, `7`, `true`, `"word"`, `null`}

// TestStrangePipelines: a field of another type than the known one is as good as missing, and everything else is read.
func TestStrangePipelines(t *testing.T) {
	t.Parallel()
	for _, odd := range strange {
		for _, field := range []string{
			`"trigger":%s`, `"trigger":{"type":"api","actor":%s}`, `"trigger":{"received_at":%s}`, `"trigger":{"actor":{"login":%s}}`,
			`"vcs":%s`, `"vcs":{"revision":%s}`, `"vcs":{"commit":%s}`, `"trigger_parameters":%s`, `"trigger_parameters":{"git":%s}`, `"created_at":%s`, `"number":%s`, `"project_slug":%s`,
		} {
			synctest.Test(t, func(t *testing.T) {
				body := fmt.Sprintf(`{"id":"p","state":"created",`+field+`}`, odd)
				c, _ := client(t, answer(200, body))
				p, err := c.Pipeline(t.Context(), "p")
				if err != nil || p.ID != "p" || p.State != PipelineCreated {
					t.Errorf("%s: %+v, %v", body, p, err)
				}
			})
		}
	}
}

// TestStrangeNeighbours: what stands beside a strange field in the same object is read.
func TestStrangeNeighbours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := client(t, answer(200, `{"id":"p","trigger":{"type":"api","actor":{"login":"bot","avatar_url":{}},"received_at":[]},"vcs":{"branch":"3.9.x","revision":{}}}`))
		p, err := c.Pipeline(t.Context(), "p")
		if err != nil || p.Trigger != "api" || p.Actor != "bot" || p.Branch != "3.9.x" || p.Revision != "" {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// TestStrangeErrors: what a pipeline says of its errors is an error whatever its type, and is told in CircleCI's order.
func TestStrangeErrors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`[{"type":"config","message":"third"},{"type":"config","message":"second"},{"type":"config","message":"first"}]`: "config: third; config: second; config: first",
		`["plain","second"]`:              "plain; second",
		`"all in one"`:                    "all in one",
		`{"message":"one object"}`:        "one object",
		`[{"type":{},"message":"typed"}]`: "typed",
		`[{"text":"other"}]`:              `{"text":"other"}`,
		`[{"message":["a"]}]`:             `{"message":["a"]}`,
		`[]`:                              "",
		`null`:                            "",
		`""`:                              "",
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, answer(200, `{"id":"p","state":"created","errors":`+body+`}`))
			p, err := c.Pipeline(t.Context(), "p")
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			v := Judge(p, []Workflow{{ID: "w", Name: "release", Status: StatusSuccess}})
			if want == "" && v.State != Succeeded || want != "" && (v.State != Failed || v.Reason != "the pipeline errored: "+want) {
				t.Errorf("%s: %s, %s", body, v.State, v.Reason)
			}
		})
	}
}

// TestStrangeJudgement: a field by which gio judges makes the answer unreadable, and the error names it: no verdict is guessed.
func TestStrangeJudgement(t *testing.T) {
	t.Parallel()
	for field, says := range map[string]string{
		`"status":{"name":"success"}`: "its field items.status holds an object", `"tag":["setup"]`: "its field items.tag holds an array",
		`"name":7`: "its field items.name holds a number", `"id":{}`: "its field items.id holds an object",
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, answer(200, `{"items":[{`+field+`}]}`))
			ws, err := c.Workflows(t.Context(), "p")
			if ws != nil || fault.KindOf(err) != fault.Remote || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, %v", field, ws, err)
			}
		})
	}
	for _, odd := range strange {
		for _, field := range []string{`"stopped_at":%s`, `"created_at":%s`, `"pipeline_number":%s`, `"project_slug":%s`, `"auto_rerun_number":%s`, `"max_auto_reruns":%s`, `"started_by":%s`} {
			synctest.Test(t, func(t *testing.T) {
				c, _ := client(t, answer(200, fmt.Sprintf(`{"items":[{"id":"w","name":"release","status":"success",`+field+`}]}`, odd)))
				ws, err := c.Workflows(t.Context(), "p")
				if err != nil || len(ws) != 1 || ws[0].Status != StatusSuccess {
					t.Errorf("%s %s: %+v, %v", field, odd, ws, err)
				}
			})
		}
	}
}

// TestStrangeReads: the other answers, too, lose only the field.
func TestStrangeReads(t *testing.T) {
	t.Parallel()
	for body, tt := range map[string]struct {
		read func(context.Context, *Client) (any, error)
		want any
	}{
		`{"id":{},"login":"bot","name":[]}`: {
			func(ctx context.Context, c *Client) (any, error) {
				u, err := c.Me(ctx)
				u.ServerTime = time.Time{}
				return u, err
			}, User{Login: "bot"},
		},
		`{"slug":"gh/acme/widget","name":{},"vcs_info":[]}`: {
			func(ctx context.Context, c *Client) (any, error) { return c.Project(ctx, testSlug) }, Project{Slug: testSlug},
		},
		`{"advanced":{"autocancel_builds":"yes"}}`: {
			func(ctx context.Context, c *Client) (any, error) { return c.Settings(ctx, testSlug) }, Settings{},
		},
		`{"items":[{"id":"j","name":{},"type":[],"status":"failed","started_at":{},"dependencies":"x"}]}`: {
			func(ctx context.Context, c *Client) (any, error) { return c.Jobs(ctx, "w") }, []Job{{ID: "j", Status: "failed"}},
		},
		`{"items":[{"name":"release","metrics":{"duration_metrics":[]}},{"name":"build","metrics":7}]}`: {
			func(ctx context.Context, c *Client) (any, error) { return c.WorkflowTimings(ctx, testSlug) }, []WorkflowTiming{{Name: "release"}, {Name: "build"}},
		},
		`{"items":[{"status":"success","duration":60,"is_approval":"no","created_at":{}}]}`: {
			func(ctx context.Context, c *Client) (any, error) {
				return c.WorkflowDurations(ctx, testSlug, "release")
			}, []time.Duration{time.Minute},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, answer(200, body))
			got, err := tt.read(t.Context(), c)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
			}
		})
	}
}
