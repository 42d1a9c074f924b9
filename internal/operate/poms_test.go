package operate

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/engine"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/sim"
)

// TestPomsAfterAnError: where one of the others could not be read, all are read the next time.
func TestPomsAfterAnError(t *testing.T) {
	t.Parallel()
	files := map[string]sim.Branch{"master": {Files: map[string]string{"pom.xml": "<project><groupId>acme</groupId><artifactId>api</artifactId></project>"}}}
	s := sim.New(sim.Scenario{GitHub: &sim.GitHub{
		Repositories: map[string]sim.Repository{"acme/api": {Branches: files}},
		Faults:       []sim.Fault{{Match: sim.Match{Endpoint: "contents", Project: "acme/api"}, Kind: sim.Answer, Status: 403, Body: `{"message":"not today"}`, Times: 1}},
	}})
	defer s.Close()
	hub, err := github.New(github.Options{URL: sim.URL + "/api/v3", Token: "a-token", HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	r := &engine.Release{}
	r.Plan = &plan.Plan{Waves: []plan.Wave{{Steps: []plan.Step{{Component: "api", Version: "1", Repository: "acme/api", Branch: "master"}}}}}
	p := &pomReader{hub: hub, r: r, manifest: func() (*manifest.Manifest, error) { return &manifest.Manifest{}, nil }}
	if _, err := p.others(t.Context(), plan.Step{Component: "gateway"}); err == nil {
		t.Error("the first answer is no error")
	}
	all, err := p.others(t.Context(), plan.Step{Component: "gateway"})
	if err != nil || len(all) != 1 || len(all[0].Files) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}
