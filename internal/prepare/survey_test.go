package prepare_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/prepare"
	"github.com/gravitee-lab/gio/internal/sim"
)

func TestSurvey(t *testing.T) {
	t.Parallel()
	onMain := func(files ...string) map[string]sim.Branch {
		b := sim.Branch{Files: map[string]string{}}
		for i := 0; i < len(files); i += 2 {
			b.Files[files[i]] = files[i+1]
		}
		return branches("main", b)
	}
	const pipeline = ".circleci/config.yml"
	world := repositories{
		"acme/b-maven":     {Version: "1.4.0-SNAPSHOT"},
		"acme/a-support":   {Version: "1.4.2-SNAPSHOT"}, // the default branch counts
		"acme/npm":         {Branches: onMain(pipeline, "version: 2.1", "package.json", `{"version": "2.0.1"}`)},
		"acme/odd":         {Branches: onMain(pipeline, "version: 2.1", "package.json", `{"version": "two"}`)},
		"acme/unfit":       {Branches: onMain(pipeline, "version: 2.1", "package.json", `{"version": "two-SNAPSHOT"}`)},
		"acme/nearly":      {Branches: onMain(pipeline, "version: 2.1", "package.json", `{"version": "1.2.0-SNAPSHOT.1"}`)},
		"acme/broken":      {Branches: onMain(pipeline, "version: 2.1", "pom.xml", "<project/>")},
		"acme/archived":    {Version: "1.0.0-SNAPSHOT", Archived: true},
		"acme/no-pipeline": {Branches: onMain("package.json", `{"version": "1.0.0"}`)},
		"acme/no-version":  {Branches: onMain(pipeline, "version: 2.1")},
		"acme/empty":       {Empty: true},
		"other/stranger":   {Version: "1.4.0-SNAPSHOT"},
	}
	got, err := prepare.Survey(t.Context(), prepare.Organization{Name: "acme", GitHub: hub(t, world)})
	if err != nil {
		t.Fatal(err)
	}
	want := prepare.Surveyed{
		Components: []prepare.Setting{{Component: "a-support", Version: "1.5.0-SNAPSHOT"}, {Component: "b-maven", Version: "1.4.0-SNAPSHOT"}, {Component: "npm", Version: "2.0.1"}, {Component: "odd", Version: "two"}},
		Skipped:    []string{"acme/broken: pom.xml has no version", `acme/nearly: package.json: "1.2.0-SNAPSHOT.1" cannot be the version of nearly: it is a misspelled SNAPSHOT: write "1.2.0-SNAPSHOT"`, "acme/unfit: package.json says two-SNAPSHOT, which is not of the form X.Y.Z-SNAPSHOT"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSurveyFails(t *testing.T) {
	t.Parallel()
	world := repositories{"acme/a": {Version: "1.4.0-SNAPSHOT"}, "acme/b": {Version: "1.4.0-SNAPSHOT"}}
	denied := func(endpoint, path string) sim.Fault {
		return sim.Fault{Kind: sim.Answer, Status: 401, Times: -1, Match: sim.Match{Endpoint: endpoint, Path: path}}
	}
	for _, f := range []sim.Fault{denied("org-repositories", ""), denied("contents", "b/.*config.yml"), denied("contents", "b/.*pom.xml")} {
		got, err := prepare.Survey(t.Context(), prepare.Organization{Name: "acme", GitHub: hub(t, world, f)})
		wantFault(t, err, fault.Auth, "github-unauthorized")
		if len(got.Components) > 0 {
			t.Errorf("%s: found %v", f.Match.Path, got.Components)
		}
	}
	_, err := prepare.Survey(t.Context(), prepare.Organization{Name: "nobody", GitHub: hub(t, world)})
	if fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	_, err = prepare.Survey(t.Context(), prepare.Organization{Name: "acme", NoGitHub: "there is none"})
	wantFault(t, err, fault.Invalid, "no-github", "acme cannot be looked up: there is none")
}
