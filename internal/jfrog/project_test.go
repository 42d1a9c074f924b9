package jfrog

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// TestProject: which project a request means, by what it says, whose token it has, and the server's default.
func TestProject(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key, repository, token, byDefault string
		want, code                        string
	}{
		{"", "", "", "", "", "no-default-project"},
		{"", "", "", "apim", "apim", ""},
		{"", "", "ae", "apim", "ae", ""},
		{"", "", "ae", "", "ae", ""},
		{"cockpit", "", "ae", "apim", "cockpit", ""}, // the ledger refuses the token
		{"default", "", "", "", "", "no-default-project"},
		{"default", "", "", "apim", "apim", ""},
		{"default", "", "ae", "apim", "apim", ""},
		{"default", "", "ae", "", "ae", ""},
		{"", "release-bundles-v2", "ae", "apim", "apim", ""},
		{"", "release-bundles-v2", "ae", "", "ae", ""},
		{"", "artifactory-build-info", "", "apim", "apim", ""},
		{"", "ae-release-bundles-v2", "", "apim", "ae", ""},
		{"", "apim-release-bundles-v2", "", "apim", "apim", ""},
		{"", "ae-build-info", "", "apim", "ae", ""},
		{"ae", "ae-release-bundles-v2", "", "apim", "ae", ""},
		{"apim", "release-bundles-v2", "", "apim", "apim", ""},
		{"default", "release-bundles-v2", "", "apim", "apim", ""},
		{"ae", "release-bundles-v2", "", "apim", "", "other-key"},
		{"ae", "apim-release-bundles-v2", "", "apim", "", "other-key"},
		{"", "libs", "", "apim", "", "invalid-repository-key"},
		{"", "-release-bundles-v2", "", "apim", "", "invalid-repository-key"},
	} {
		a, c := API{DefaultProject: test.byDefault}, ledger.Caller{Token: ledger.Token{Project: test.token}}
		if got, err := a.project(c, test.key, test.repository); got != test.want || fault.CodeOf(err) != test.code {
			t.Errorf("%+v: %q, %v", test, got, err)
		}
	}
}

// TestKeys: the keys that are answered name the project that they are of.
func TestKeys(t *testing.T) {
	t.Parallel()
	a := API{DefaultProject: "apim"}
	for project, keys := range map[string][2]string{
		"apim": {"release-bundles-v2", "artifactory-build-info"}, "ae": {"ae-release-bundles-v2", "ae-build-info"},
	} {
		if got := [2]string{a.bundlesOf(project), a.buildsOf(project)}; got != keys {
			t.Errorf("%s: %s, want %s", project, got, keys)
		}
		for _, key := range keys {
			if got, err := a.project(ledger.Caller{}, "", key); got != project || err != nil {
				t.Errorf("%s is of %s, %v", key, got, err)
			}
		}
	}
}
