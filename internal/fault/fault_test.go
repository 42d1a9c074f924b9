package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFault(t *testing.T) {
	t.Parallel()
	err := error(New(Invalid, "manifest-syntax", "release.json:%d:%d: broken", 3, 9).
		Hint("mend line %d", 3).Hint("or %s", "restore it").Because(fs.ErrNotExist))
	if got, want := err.Error(), "release.json:3:9: broken: file does not exist"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	f, ok := errors.AsType[*Fault](fmt.Errorf("during check: %w", err))
	if !ok {
		t.Fatal("no fault")
	}
	if diff := cmp.Diff([]string{"mend line 3", "or restore it"}, HintLines(f)); diff != "" {
		t.Error(diff)
	}
}

// typedNil makes the mistake of a function that returns *Fault: an error that is not nil and contains nothing.
func typedNil() error {
	var f *Fault
	return f
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	auth := New(Auth, "no-token", "no token")
	tests := []struct {
		name string
		err  error
		kind Kind
		code string
	}{
		{"nil", nil, 0, ""},
		{"a fault", auth, Auth, "no-token"},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", auth)), Auth, "no-token"},
		{"the outermost of two", New(Remote, "api", "failed").Because(auth), Remote, "api"},
		{"the outermost of two, wrapped between", New(Remote, "api", "failed").Because(fmt.Errorf("b: %w", auth)), Remote, "api"},
		{"joined: the first", errors.Join(errors.New("x"), auth, New(Remote, "api", "failed")), Auth, "no-token"},
		{"any other error", errors.New("x"), Internal, ""},
		{"any other error, wrapped", fmt.Errorf("a: %w", fs.ErrNotExist), Internal, ""},
		{"a typed nil", typedNil(), Internal, ""},
		{"a typed nil, wrapped", fmt.Errorf("a: %w", typedNil()), Internal, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := KindOf(tt.err); got != tt.kind {
				t.Errorf("kind %v, want %v", got, tt.kind)
			}
			if got := CodeOf(tt.err); got != tt.code {
				t.Errorf("code %q, want %q", got, tt.code)
			}
			if Is(tt.err, "no-token") != (tt.code == "no-token") || Is(tt.err, "other") {
				t.Errorf("Is does not agree with the code %q", tt.code)
			}
		})
	}
	if Is(nil, "") {
		t.Error("nil has a code")
	}
}

// TestTypedNil: a defect must be reported, not hidden by a panic at the exit.
func TestTypedNil(t *testing.T) {
	t.Parallel()
	err := typedNil()
	if err.Error() == "" || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q", err)
	}
	if got := Worst(nil, err); got == nil {
		t.Error("a defect became success")
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	// From worst on; the rest have no order of their own.
	order := []error{
		New(Auth, "a", "a"), New(Decision, "b", "b"), New(PipelineFailed, "c", "c"), New(Timeout, "d", "d"), New(Stopped, "e", "e"),
	}
	plain := []error{New(Remote, "f", "f"), New(Invalid, "g", "g"), New(Cancelled, "h", "h"), New(NotFound, "i", "i"), New(Usage, "j", "j"), errors.New("k")}
	for i, worse := range order {
		for _, better := range append(append([]error{nil}, order[i+1:]...), plain...) {
			for _, errs := range [][]error{{worse, better}, {better, worse}, {nil, better, nil, worse}} {
				if got := Worst(errs...); got != worse { //nolint:errorlint // the very one that was given
					t.Errorf("of %v: %v, want %v", errs, got, worse)
				}
			}
		}
	}
	for _, first := range plain {
		for _, second := range plain {
			if got := Worst(nil, first, second); got != first { //nolint:errorlint // the very one that was given
				t.Errorf("of %v and %v: %v", first, second, got)
			}
		}
	}
	wrapped := fmt.Errorf("wave 2: %w", order[1])
	if got := Worst(order[2], wrapped); got != wrapped { //nolint:errorlint // the very one that was given
		t.Errorf("a wrapped one: %v", got)
	}
	if got := Worst(order[1], New(Decision, "z", "z")); got != order[1] { //nolint:errorlint // the very one that was given
		t.Errorf("of two of a kind: %v", got)
	}
	if err := Worst(); err != nil {
		t.Errorf("of none: %v", err)
	}
	if err := Worst(nil, nil); err != nil {
		t.Errorf("of nils: %v", err)
	}
}

// TestKinds: scripts rely on the numbers.
func TestKinds(t *testing.T) {
	t.Parallel()
	want := []string{
		"done", "unexpected error", "wrong usage", "not authenticated or not allowed", "a remote API failed", "not found", "cancelled",
		"invalid input, conflict, or refused by a check", "timed out", "needs a decision (gio resolve)", "a pipeline failed",
		"stopped, detached or driven elsewhere: run again",
	}
	got := []string{Kind(0).String()}
	for i, k := range Kinds() {
		if int(k) != i+1 {
			t.Errorf("%v is number %d, want %d", k, int(k), i+1)
		}
		got = append(got, k.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Kind(42).String(); got != "kind 42" {
		t.Errorf("an unknown kind is %q", got)
	}
}

// TestNext: a next step reads as a command of gio about its run; an edge may render it in another way, and the error stays what
// it was.
func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		next Next
		want string
	}{
		{Again(), "run the same command again"},
		{Next{Action: Rules}, "`gio help findings`"},
		{Next{Action: Resume}, "`gio release`"},
		{Next{Action: Resume, Run: "release/3.9.4"}, "`gio release`"},
		{Next{Action: Resume, Run: "dry/3.9.4"}, "`gio release --dry-run=server`"},
		{Next{Action: Resume, Run: "dry"}, "`gio release --dry-run=server`"},
		{Next{Action: Resume, Run: "stage/3.9.4"}, "`gio stage 3.9.4 --dry-run=false`"},
		{Next{Action: Resume, Run: "trigger/docs.1"}, "the command that began it"},
		{Next{Action: Status}, "`gio status`"},
		{Next{Action: Status, Run: "release/3.9.4"}, "`gio status`"},
		{Next{Action: Status, Run: "dry/3.9.4", Args: []string{"--refresh"}}, "`gio status --refresh --dry-run`"},
		{Next{Action: Resolve, Args: []string{"--pipeline N"}}, "`gio resolve COMPONENT --pipeline N`"},
		{Next{Action: Approve, Component: "api", Run: "stage/3.9.4"}, "`gio approve api --run stage/3.9.4`"},
	} {
		if got := c.next.String(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.next, got, c.want)
		}
	}
	cause := New(NotFound, "no-run", "no run").Hint("%s lists them", Next{Action: History})
	err := New(Invalid, "broken", "it is broken").Hint("wait %d minutes, then %s", 3, Again()).Because(cause)
	want := []string{"wait 3 minutes, then run the same command again", "`gio history` lists them"}
	if diff := cmp.Diff(want, HintLines(fmt.Errorf("wrapped: %w", err))); diff != "" {
		t.Error(diff)
	}
	shown := Rendered(err, func(n Next) string { return "[" + string(n.Action) + "]" })
	if diff := cmp.Diff([]string{"wait 3 minutes, then [repeat]", "[history] lists them"}, HintLines(shown)); diff != "" {
		t.Error(diff)
	}
	if KindOf(shown) != Invalid || CodeOf(shown) != "broken" || !errors.Is(shown, cause) || Rendered(nil, Next.String) != nil {
		t.Errorf("%v is another error", shown)
	}
}
