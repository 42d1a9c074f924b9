package server

import (
	"encoding/json"
	"regexp"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// revision ends with the hash of a commit: main@sha1:HASH, or main/HASH from an older Flux.
var revision = regexp.MustCompile(`(?:^|[^0-9a-f])([0-9a-f]{40}|[0-9a-f]{64})$`)

// fluxEvent reads an event of Flux's notification controller.
func fluxEvent(body []byte) (r ledger.Reconciliation, ok bool) {
	var event struct {
		Reason   string `json:"reason"`
		Message  string `json:"message"`
		Metadata map[string]string
	}
	if json.Unmarshal(body, &event) != nil || event.Reason == "" {
		return r, false
	}
	found := revision.FindStringSubmatch(event.Metadata["revision"])
	if found == nil {
		return r, false
	}
	return ledger.Reconciliation{Hashes: []string{found[1]}, Status: event.Reason, Message: event.Message}, true
}
