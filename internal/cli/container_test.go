package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/fault"
)

func TestRewriteContainer(t *testing.T) {
	t.Parallel()
	const dry, released = "release --dry-run=server", "release --dry-run=false"
	for _, test := range []struct{ args, want string }{
		// As the real jobs write it; the last word of a line may be an empty variable.
		{"-s mvn_release --dry-run", dry},
		{"-s mvn_release --dry-run false", released},
		{"-s mvn_release --dry-run --branch 3.9.x", dry + " --branch=3.9.x"},
		{"-s mvn_release --dry-run false --branch 3.9.x", released + " --branch=3.9.x"},
		{"-s mvn_release --dry-run --branch", dry},
		{"-s mvn_release --dry-run false --branch", released},
		{"-s mvn_release --dry-run false --branch ''", released},
		{"-s mvn_nexus_staging --dry-run false", "stage --dry-run=false"},
		{"-s mvn_nexus_staging", "stage --dry-run=client"},
		{"-s mvn_nexus_staging --dry-run --branch 3.9.x", "stage --dry-run=client --branch=3.9.x"},
		{"-s bom --dry-run", "bom --write"},

		// The other ways to write it.
		{"-s mvn_release", dry},
		{"-s mvn_release -d", dry},
		{"-s mvn_release -d true", dry},
		{"-s mvn_release -d false", released},
		{"-s mvn_release -d=false", released},
		{"-s mvn_release --dry-run=true", dry},
		{"-s mvn_release --no-dry-run", released},
		{"--cicd-stage mvn_release --no-dry-run", released},
		{"--cicd-stage=mvn_release --dry-run=false --branch=master", released + " --branch=master"},
		{"-d false --branch --cicd-stage mvn_release", released},
		{"-s mvn_release --dry-run false --no-dry-run", released},
		{"-s bom", "bom --write"},
		{"-s bom --dry-run false --branch 3.9.x", "bom --write --branch=3.9.x"},
		{"-s bom --dry-run --branch", "bom --write"},

		// What must not decide by accident.
		{"-s mvn_release --dry-run ''", "usage"},
		{"-s mvn_release --dry-run=", "usage"},
		{"-s mvn_release --dry-run no", "usage"},
		{"-s mvn_release --dry-run --no-dry-run", "usage"},
		{"-s mvn_release --no-dry-run=true", "usage"},
		{"-s mvn_release --no-dry-run true", "usage"},
		{"-s mvn_release --dry-run true --dry-run false", "usage"},
		{"-s mvn_release -s mvn_nexus_staging", "usage"},
		{"-s mvn_release 3.9.x", "usage"},
		{"-s mvn_release --verbose", "usage"},
		{"-s", "usage"},
		{"-s ''", "usage"},
		{"-s --dry-run false", "usage"},
		{"-s MVN_RELEASE", "usage"},
		{"-s release_bundle", "stage-not-there"},
		{"-s docker_release", "stage-not-there"},
		{"-s rpm_release", "stage-not-there"},
		{"-s doc_release", "stage-not-there"},
		{"-s demos_release", "stage-not-there"},
		{"-s social_announcements", "stage-not-there"},
		{"-s trigger", "trigger --wait --dry-run=client"},
		{"-s trigger --dry-run false --branch", "trigger --wait --dry-run=false"},
		{"-s pull_req", "pull-request --dry-run=client"},
		{"-s pull_req --no-dry-run --branch fix-1", "pull-request --dry-run=false --branch=fix-1"},
	} {
		args := strings.Fields(test.args)
		for i := range args {
			args[i] = strings.Trim(args[i], "'")
		}
		got, container, err := rewriteContainer(args)
		said := strings.Join(got, " ")
		if err != nil {
			said = fault.CodeOf(err)
		}
		if said != test.want || !container || err != nil && fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %q (%v), container %t, want %q", test.args, said, err, container, test.want)
		}
	}
}

// What is no container form stays as it is.
func TestRewriteContainerLeavesOthers(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "release", "release -s mvn_release", "--help", "--verbose release --dry-run=server", "resolve x --dry-run"} {
		args := strings.Fields(line)
		got, container, err := rewriteContainer(args)
		if diff := cmp.Diff(args, got); diff != "" || container || err != nil {
			t.Errorf("%q: container %t, %v, -want +got:\n%s", line, container, err, diff)
		}
	}
}

// What README.md says to those who come from the orchestrator: every variable that is ignored, and only command lines that
// there are.
func TestReadmeOfTheContainerForm(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Coming from the Gravitee orchestrator\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, name := range ignoredVariables() {
		if !strings.Contains(section, "`"+name+"`") {
			t.Errorf("it does not name %s", name)
		}
	}
	lines := regexp.MustCompile("`(gio|-s) ([^`]+)`").FindAllStringSubmatch(section, -1)
	if len(lines) < 10 {
		t.Fatalf("it has %d command lines", len(lines))
	}
	for _, line := range lines {
		args := strings.Fields(line[2])
		if line[1] == "-s" {
			if args, _, err = rewriteContainer(append([]string{"-s"}, args...)); err != nil {
				t.Errorf("%s: %v", line[0], err)
				continue
			}
		}
		command, rest, err := newRootCommand(&environment{}).Find(args)
		if err != nil {
			t.Errorf("%s: %v", line[0], err)
			continue
		}
		command.InitDefaultHelpFlag()
		if err := command.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", line[0], err)
		}
	}
}
