package doctor

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/circleci"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// answers is a CircleCI that says the same every time, by the end of the path.
type answers map[string]string

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	for end, body := range a {
		if strings.HasSuffix(req.URL.Path, end) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
		}
	}
	return nil, fmt.Errorf("nobody answers %s", req.URL)
}

// TestPipelinesOfALostJournal: on a busy branch the pipeline of a run whose journal is lost is found behind however many others.
func TestPipelinesOfALostJournal(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	pipeline := func(number int, trigger string) string {
		return fmt.Sprintf(`{"id":"p%d","number":%d,"project_slug":"gh/acme/api","state":"created","created_at":%q,"trigger":{"type":%q,"received_at":%[3]q,"actor":{"login":"bot"}},"vcs":{"branch":"1.2.x"}}`,
			number, number, began.Add(time.Duration(number)*time.Minute).Format(time.RFC3339), trigger)
	}
	var items []string
	for n := mostListed + 10; n > 1; n-- {
		items = append(items, pipeline(n, "webhook"))
	}
	items = append(items, pipeline(1, "api"))
	ci := circleci.New(circleci.Options{Host: "https://circleci.com", Token: "t", HTTP: &http.Client{Transport: answers{
		"/gh/acme/api/pipeline": `{"items":[` + strings.Join(items, ",") + `]}`,
		"/pipeline/p1":          pipeline(1, "api"),
		"/pipeline/p1/workflow": `{"items":[{"id":"w","name":"release","status":"running","created_at":"2026-01-02T03:01:00Z"}]}`,
	}}})
	m, err := manifest.Parse("release.json", []byte(`{"name":"Acme","version":"3.9.4-SNAPSHOT","components":[],"buildDependencies":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	f := plainFacts()
	if err := (Sources{CI: ci, Manifest: m, Began: began}).pipelines(t.Context(), "gh/acme/api", circleci.User{Login: "bot"}, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Others) != 1 || f.Others[0].ID != "p1" || f.Others[0].State != circleci.Running {
		t.Errorf("found %+v", f.Others)
	}
}
