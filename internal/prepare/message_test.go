package prepare_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/prepare"
)

func TestMessage(t *testing.T) {
	t.Parallel()
	m, err := manifest.Parse("release.json", []byte(`{"name":"S","version":"3.9.5-SNAPSHOT","components":[],"buildDependencies":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	e := &prepare.Edit{After: m, Changes: []prepare.Change{
		{Action: prepare.SetProduct, To: "3.9.5-SNAPSHOT"},
		{Action: prepare.Open, Component: "a", From: "1.0.0", To: "1.0.1-SNAPSHOT"},
		{Action: prepare.Remove, Component: "[skip ci]"},
	}}
	if got, want := e.Message(), "Prepare 3.9.5: product version 3.9.5-SNAPSHOT, open a 1.0.1-SNAPSHOT, remove (skip ci)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for i := range 12 {
		e.Changes = append(e.Changes, prepare.Change{Action: prepare.Take, Component: fmt.Sprintf("component-%d", i), To: "1.0.0"})
	}
	subject, rest, _ := strings.Cut(e.Message(), "\n\n")
	if want := "Prepare 3.9.5: open 1 component, take 12, remove 1"; subject != want {
		t.Errorf("got  %s\nwant %s", subject, want)
	}
	if lines := strings.Split(rest, "\n"); len(lines) != len(e.Changes) || lines[3] != "take component-0 1.0.0" {
		t.Errorf("below the subject:\n%s", rest)
	}
}
