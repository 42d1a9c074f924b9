package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// TestNamed: the beginning of an id finds a deployment as long as no other one begins with it that the caller may see.
func TestNamed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		next := 0
		w.NewID = func() string { next++; return fmt.Sprintf("01938f2a-7c31-7%021d", next) }
		d := w.deploy(1)
		for _, prefix := range []string{d.ID, "01938f2a", "01938f2a-7c31-7"} {
			g, err := w.Gate(t.Context(), by(ledger.Reader, ""), prefix)
			if err != nil || g.Deployment.ID != d.ID || g.Environment.Name != "qa" {
				t.Errorf("%s: %+v, %v", prefix, g, err)
			}
		}
		for _, other := range []string{"01938f2b", "01938f2", "", "01938F2A", "01938f2a%", strings.Repeat("0", 40)} {
			_, err := w.Gate(t.Context(), by(ledger.Admin, ""), other)
			refused(t, other, err, fault.NotFound, "no-deployment")
		}
		_, err := w.Gate(t.Context(), by(ledger.Admin, "other"), d.ID)
		refused(t, "a token of another project", err, fault.NotFound, "no-deployment")
		w.deploy(2)
		_, err = w.Gate(t.Context(), by(ledger.Admin, ""), "01938f2a")
		refused(t, "two", err, fault.Invalid, "several-deployments")
	})
}

// TestDifferences: a declaration is compared word by word, in the words of its file.
func TestDifferences(t *testing.T) {
	t.Parallel()
	w := empty(t, storetest.SQLite(t))
	w.Connections = map[string]ledger.Kind{"ci": ledger.CircleCI, "hook": ledger.Webhook}
	d := ledger.Declaration{
		Project: ledger.Project{Name: "acme", Repository: "acme/shop", Build: &ledger.Trigger{Connection: "ci", Project: "gh/acme/shop", Branch: "main"}},
		Environments: []ledger.Environment{
			{Name: "qa", Kind: ledger.CircleCI, Deploy: &ledger.Trigger{
				Connection: "ci", Project: "gh/acme/deploy", Branch: "main", Parameters: ledger.Parameters{"n": int64(7), "text": "7", "on": true, "version": "{{.Version}}"},
			}},
			{Name: "edge", Kind: ledger.Webhook, Deploy: &ledger.Trigger{Connection: "hook"}, Requires: ledger.Requirements{Approvals: 2, Previous: "qa"}},
		},
	}
	apply := func(want ...string) {
		t.Helper()
		changes, err := w.Apply(t.Context(), storetest.Admin(), d, false)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range changes {
			got = append(got, fmt.Sprintf("%s: %s > %s", c.What, c.From, c.To))
		}
		same(t, got, want)
	}
	apply("project:  > acme", "build.connection:  > ci", "build.project:  > gh/acme/shop", "build.branch:  > main",
		"environment qa:  > development, circleci", "deploy.connection of qa:  > ci", "deploy.project of qa:  > gh/acme/deploy", "deploy.branch of qa:  > main",
		"deploy.parameters.n of qa:  > 7", "deploy.parameters.on of qa:  > true", `deploy.parameters.text of qa:  > "7"`, "deploy.parameters.version of qa:  > {{.Version}}",
		"environment edge:  > development, webhook", "deploy.connection of edge:  > hook", "requires.approvals of edge:  > 2", "requires.previous of edge:  > qa")
	apply()
	d.Project.Build = nil
	d.Environments[0].Deploy.Parameters = ledger.Parameters{"n": "7", "on": true, "text": "7"}
	d.Environments[1].Requires = ledger.Requirements{}
	apply("build.connection: ci > ", "build.project: gh/acme/shop > ", "build.branch: main > ",
		`deploy.parameters.n of qa: 7 > "7"`, "deploy.parameters.version of qa: {{.Version}} > ",
		"requires.approvals of edge: 2 > ", "requires.previous of edge: qa > ")
}
