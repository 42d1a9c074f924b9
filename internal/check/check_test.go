package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// What a configuration declares is held against what is sent.
func TestParameters(t *testing.T) {
	t.Parallel()
	const action = "gio_action: {type: string, default: \"\"}"
	for _, tt := range []struct {
		name, config string
		send         map[string]any
		dry          bool
		want         []string // severity and code
	}{
		{"as it should be", action, map[string]any{"gio_action": "release"}, false, nil},
		{"a setup configuration", action + "}\nsetup: true\nx: {y: z", map[string]any{"gio_action": "release"}, false, nil},
		{"boolean", "a: {type: boolean, default: true}", map[string]any{"a": false}, false, nil},
		{"boolean, sent as a string", "a: {type: boolean, default: true}", map[string]any{"a": "false"}, false, []string{"error parameter-type"}},
		{"integer", "a: {type: integer, default: 1}", map[string]any{"a": int64(3)}, false, nil},
		{"integer, sent as a boolean", "a: {type: integer, default: 1}", map[string]any{"a": true}, false, []string{"error parameter-type"}},
		{"string, sent as an integer", "a: {type: string, default: x}", map[string]any{"a": int64(3)}, false, []string{"error parameter-type"}},
		{"enum", "a: {type: enum, enum: [x, 3.1, true], default: x}", map[string]any{"a": "3.1"}, false, nil},
		{"enum without the value", "a: {type: enum, enum: [x, y], default: x}", map[string]any{"a": "z"}, false, []string{"error parameter-type"}},
		{"enum, sent as a boolean", "a: {type: enum, enum: [x, true], default: x}", map[string]any{"a": true}, false, []string{"error parameter-type"}},
		{"a type of the years to come", "a: {type: secret, default: x}", map[string]any{"a": "z"}, false, nil},
		{"undeclared", action, map[string]any{"gio_action": "release", "dry_run": false}, false, []string{"error parameter-undeclared"}},
		{"defaulted", action + ", p: {type: string, default: x}", map[string]any{"gio_action": "release"}, false, []string{"error parameter-defaulted"}},
		{"defaulted in a dry run", action + ", p: {type: string, default: x}", map[string]any{"gio_action": "release"}, true, []string{"warning parameter-defaulted"}},
		{"no default", action + ", p: {type: string}", map[string]any{"gio_action": "release"}, false, []string{"error parameter-defaulted"}},
		{"no YAML", "]", map[string]any{}, false, []string{"error config-unreadable"}},
		{"no mapping", action + "}\nparameters: {b: [", map[string]any{}, false, []string{"error config-unreadable"}},
	} {
		c := &Check{DryRun: tt.dry}
		c.parameters(plan.Step{Component: "api", Parameters: tt.send}, "", []byte("version: 2.1\nparameters: {"+tt.config+"}\njobs: {build: {steps: [run: << pipeline.id >>]}}"))
		var got []string
		for _, f := range c.findings {
			got = append(got, string(f.Severity)+" "+f.Code)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestSkipsCI(t *testing.T) {
	t.Parallel()
	long := string(make([]rune, 250))
	for message, want := range map[string]bool{
		"work": false, "docs [skip ci]": true, "[ci skip] docs": true, "title\n\nbody [skip ci]": true, "[skip  ci]": false,
		long + "[skip ci]": false, "title\n\n" + long + "[ci skip]": false, long + "\n\n[ci skip]": true, "": false,
	} {
		if got := skipsCI(message); got != want {
			t.Errorf("skipsCI(%q) = %v", message, got)
		}
	}
}

// Whatever a release would be refused for is a finding.
func TestOfFault(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  *fault.Fault
		want []Finding
		kind fault.Kind // the exit code of a report of it
	}{
		{fault.New(fault.Invalid, "support-branch-exists", "the branch exists").Hint("release from it"), []Finding{{Code: SupportBranch, What: "the branch exists", Do: "release from it"}}, fault.Invalid},
		{fault.New(fault.Invalid, "next-unknown", "r.json:1:2: it cannot be counted"), []Finding{{Code: NextVersion, Where: "r.json:1:2", What: "it cannot be counted"}}, 0},
		{fault.New(fault.Invalid, "damaged-journal", "it cannot be true"), []Finding{{Code: JournalDamaged, What: "it cannot be true"}}, fault.Invalid},
		{fault.New(fault.Auth, "git-auth", "it lets nobody in"), []Finding{{Code: ReleaseRepository, What: "it lets nobody in"}}, fault.Auth},
		{fault.New(fault.Remote, "git-remote", "it does not answer"), []Finding{{Code: ReleaseRepository, What: "it does not answer"}}, fault.Remote},
		{fault.New(fault.NotFound, "branch-missing", "no such branch"), []Finding{{Code: ReleaseRepository, What: "no such branch"}}, fault.Invalid},
		{fault.New(fault.NotFound, "project", "Run says it"), nil, 0},
		{fault.New(fault.Auth, "circleci-unauthorized", "Run says it"), nil, 0},
		{fault.New(fault.Internal, "x", "a defect"), nil, 0},
	} {
		got := OfFault(tt.err)
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Finding{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.err.Code, diff)
		}
		r, err := (&Check{Plan: &plan.Plan{}}).Run(t.Context(), got...)
		if err != nil || fault.KindOf(r.Err()) != tt.kind {
			t.Errorf("%s: %v, want exit %d", tt.err.Code, r.Err(), tt.kind)
		}
	}
}

// What keeps a version from being released twice cannot be skipped, and the fault says why.
func TestErrSkip(t *testing.T) {
	t.Parallel()
	for _, code := range []string{TagExists, ProductTagExists, PipelineRunning, Manifest, "no-such-code"} {
		if err := ErrSkip(code); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", code, err)
		}
	}
	r := Report{Findings: []Finding{{Code: VersionMismatch, Severity: Error, kind: fault.Invalid}}}
	if err := ErrSkip(VersionMismatch); err != nil {
		t.Error(err)
	}
	if r.Skip([]string{VersionMismatch}); r.Err() != nil || r.Count(Warning) != 1 {
		t.Errorf("%+v", r)
	}
}

// A code names one thing, and an error says how a command ends.
func TestRules(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.Code] || r.Means == "" || len(r.Means) > 63 || r.Severity == Error && r.Kind == 0 || r.Severity != Error && r.Never != "" {
			t.Errorf("%+v", r)
		}
		seen[r.Code] = true
	}
}
