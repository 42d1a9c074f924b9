package circleci

import (
	"net/http"
	"strings"
	"testing"
)

// Only the job itself tells that it has ended: by its status and the time at which it stopped.
func TestJobEnded(t *testing.T) {
	t.Parallel()
	failed := fixture(t, "job_failed.json")
	change := func(old, to string) string {
		if !strings.Contains(failed, old) {
			t.Fatalf("no %s in the fixture", old)
		}
		return strings.ReplaceAll(failed, old, to)
	}
	stopped := `"stopped_at": "2026-08-20T10:25:25Z"`
	for name, tt := range map[string]struct {
		status int
		answer string
		want   bool
	}{
		"failed":         {200, failed, true},
		"cancelled":      {200, change(`"failed"`, `"canceled"`), true},
		"running":        {200, strings.ReplaceAll(change(stopped, `"stopped_at": null`), `"failed"`, `"running"`), false},
		"stopping":       {200, change(`"failed"`, `"running"`), false},
		"not stopped":    {200, change(stopped, `"stopped_at": null`), false},
		"never begun":    {200, change(`"failed"`, `"not_run"`), false},
		"unknown word":   {200, change(`"failed"`, `"resting"`), false},
		"another number": {200, change(`"number": 128`, `"number": 129`), false},
		"unknown":        {404, fixture(t, "error_404.json"), false},
		"no job":         {200, `{}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r := client(t, answer(tt.status, tt.answer))
			if got := c.JobEnded(t.Context(), c.Host()+"/gh/acme/widget/128"); got != tt.want {
				t.Errorf("ended: %t", got)
			}
			if got := r.all(); len(got) != 1 || got[0].method != http.MethodGet || got[0].path != "/api/v2/project/gh/acme/widget/job/128" {
				t.Errorf("asked for %+v", got)
			}
		})
	}
}

func TestJobLinks(t *testing.T) {
	t.Parallel()
	id := "circleci/f22b6566-597d-46d5-ba74-99ef5bb3d85c/84996744-a854-4f5e-aea3-04e2851dc1d2"
	for link, want := range map[string]string{
		"https://circleci.com/gh/acme/release/123":                                         "gh/acme/release",
		"https://circleci.com/bitbucket/acme/release/123/":                                 "bitbucket/acme/release",
		"https://circleci.com/" + id + "/123":                                              id,
		"https://app.circleci.com/jobs/github/acme/release/123":                            "github/acme/release",
		"https://app.circleci.com/pipelines/github/acme/release/7/workflows/fda0/jobs/123": "github/acme/release",
		"https://app.circleci.com/pipelines/" + id + "/7/workflows/fda0/jobs/123":          id,

		"https://elsewhere.example/gh/acme/release/123":                  "",
		"https://circleci.com.elsewhere.example/gh/acme/release/123":     "",
		"http://circleci.com/gh/acme/release/123":                        "",
		"https://circleci.com/svn/acme/release/123":                      "",
		"https://circleci.com/gh/acme/release/0":                         "",
		"https://circleci.com/gh/acme/release/last":                      "",
		"https://circleci.com/gh/acme/123":                               "",
		"https://app.circleci.com/pipelines/github/acme/release/123":     "",
		"https://app.circleci.com/pipelines/github/acme/release/7/a/b/c": "",
		"":      "",
		"://":   "",
		"notes": "",
	} {
		slug, number, ok := New(Options{Host: "https://circleci.com"}).parseJobLink(link)
		if ok != (want != "") || ok && (slug != want || number != 123) {
			t.Errorf("%q is job %d of %q, %t; want %q", link, number, slug, ok, want)
		}
	}
}
