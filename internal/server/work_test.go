package server

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// Each connection serves those of its kind alone: the token of one system goes to no client of another.
func TestConnectionsByKind(t *testing.T) {
	t.Parallel()
	l := &ledger.Ledger{}
	connections := map[string]Connection{
		"ci":      {Kind: ledger.CircleCI, URL: "https://ci.example.org"},
		"deploys": {Kind: ledger.Webhook, URL: "https://hooks.example.org"},
		"git":     {Kind: ledger.Git, URL: "https://git.example.org"},
	}
	w, watching := newWorker(l, connections, zerolog.Nop()), newWatcher(l, connections, zerolog.Nop())
	got := strings.Join([]string{
		strings.Join(slices.Sorted(maps.Keys(w.CircleCI)), " "), strings.Join(slices.Sorted(maps.Keys(w.Webhooks)), " "),
		strings.Join(slices.Sorted(maps.Keys(watching.Hosts)), " "), strings.Join(slices.Sorted(maps.Values(l.Hosts)), " "),
	}, "; ")
	if got != "ci; deploys; git; https://ci.example.org https://git.example.org" || w.Version == "" {
		t.Errorf("%s, version %q", got, w.Version)
	}
}
