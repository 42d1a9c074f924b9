package prepare_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/prepare"
)

// TestMessage: what each change is called in a commit's subject.
func TestMessage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		changes []prepare.Change
		want    string
	}{
		{[]prepare.Change{{Action: prepare.SetProduct, From: "3.9.3", To: "3.9.4-SNAPSHOT"}}, "product version 3.9.4-SNAPSHOT"},
		{[]prepare.Change{{Action: prepare.Open, Component: "a", From: "1.0.0", To: "1.0.1-SNAPSHOT"}}, "open a 1.0.1-SNAPSHOT"},
		{[]prepare.Change{{Action: prepare.Take, Component: "a", From: "1.0.0", To: "1.0.1"}, {Action: prepare.Record, Component: "b", To: "2.0.0"}}, "take a 1.0.1, record b 2.0.0"},
		{[]prepare.Change{{Action: prepare.Add, Component: "a", To: "1.0.0"}, {Action: prepare.Regroup, Component: "b", From: "1", To: "2"}}, "add a 1.0.0, regroup b"},
		{[]prepare.Change{{Action: prepare.Remove, Component: "[skip ci]", From: "1.0.0"}}, "remove (skip ci)"}, // else no pipeline would run
	}
	for _, tt := range tests {
		e := &prepare.Edit{After: parse(t, release), Changes: tt.changes}
		if got, want := e.Message(), "Prepare 3.9.4: "+tt.want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestLongMessage: a subject of up to 100 characters lists the changes; a longer one counts them, and the body lists them.
func TestLongMessage(t *testing.T) {
	t.Parallel()
	take := func(component string) prepare.Change {
		return prepare.Change{Action: prepare.Take, Component: component, To: "1.0.0"}
	}
	fits := strings.Repeat("x", 100-len("Prepare 3.9.4: take  1.0.0"))
	var mixed []prepare.Change
	for i, action := range []prepare.Action{prepare.Regroup, prepare.Remove, prepare.Add, prepare.Record, prepare.Take, prepare.Open, prepare.SetProduct} {
		for n := range i%3 + 1 {
			mixed = append(mixed, prepare.Change{Action: action, Component: fmt.Sprintf("component-%d", n), To: "1.0.0"})
		}
	}
	long := parse(t, strings.Replace(release, "3.9.4-SNAPSHOT", "3.9.4-"+strings.Repeat("y", 80)+"-SNAPSHOT", 1))
	tests := []struct {
		m       *manifest.Manifest
		changes []prepare.Change
		subject string
	}{
		{parse(t, release), []prepare.Change{take(fits)}, "Prepare 3.9.4: take " + fits + " 1.0.0"},
		{parse(t, release), []prepare.Change{take(fits + "x")}, "Prepare 3.9.4: take 1 component"},
		{parse(t, release), mixed, "Prepare 3.9.4: open 3 components, take 2, record 1, add 3, remove 2, group 1"},
		{long, []prepare.Change{{Action: prepare.SetProduct, To: long.Version}}, "Prepare " + long.ReleaseVersion() + ": product version"},
	}
	for _, tt := range tests {
		e := &prepare.Edit{After: tt.m, Changes: tt.changes}
		subject, body, listed := strings.Cut(e.Message(), "\n\n")
		if subject != tt.subject {
			t.Errorf("got  %s\nwant %s", subject, tt.subject)
		}
		if n := len(strings.Split(body, "\n")); listed == (len(subject) == 100) || listed && n != len(tt.changes) {
			t.Errorf("%s: %d lines below the subject of %d characters", subject, n, len(subject))
		}
	}
}
