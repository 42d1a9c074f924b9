package gitops

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// Reason is what Flux says of a revision, and so the status of its commit.
type Reason string

// Reasons of Flux, and NotReconciled for what it has not spoken of. There are others, which are passed on.
const (
	NotReconciled           Reason = "NotReconciled"
	ReconciliationSucceeded Reason = "ReconciliationSucceeded"
	ReconciliationFailed    Reason = "ReconciliationFailed"
	ValidationFailed        Reason = "ValidationFailed"
	HealthCheckFailed       Reason = "HealthCheckFailed"
)

// Final tells whether no later event changes this status.
func (r Reason) Final() bool {
	return r == ReconciliationSucceeded || r == ReconciliationFailed || r == ValidationFailed
}

// settled tells whether an event about a later commit leaves this status as it is.
func (r Reason) settled() bool { return r.Final() || r == HealthCheckFailed }

// FluxEvent is what Flux's notification controller tells.
type FluxEvent struct {
	Revision gitrepo.Hash // 40 digits, or 64 of a repository that uses SHA-256
	Reason   Reason
	Message  string
	Time     time.Time // zero where it says none
}

// revision is at the end of "main@sha1:HEX", and of "main/HEX" by older ones. A branch may have slashes.
var revision = regexp.MustCompile(`(?:^|[:/])([0-9a-f]{64}|[0-9a-f]{40})$`)

// ParseFlux reads the body of an event. One that names no commit or no reason is of no use, and no error: Flux would send it again.
func ParseFlux(body []byte) (e FluxEvent, useful bool) {
	var told struct {
		Reason    Reason            `json:"reason"`
		Message   string            `json:"message"`
		Timestamp string            `json:"timestamp"`
		Metadata  map[string]string `json:"metadata"`
	}
	if json.Unmarshal(body, &told) != nil || told.Reason == "" {
		return FluxEvent{}, false
	}
	m := revision.FindStringSubmatch(strings.ToLower(told.Metadata["revision"]))
	if m == nil {
		return FluxEvent{}, false
	}
	at, _ := time.Parse(time.RFC3339, told.Timestamp)
	return FluxEvent{gitrepo.Hash(m[1]), told.Reason, told.Message, at}, true
}

// Signed reports whether the header X-Signature of an event is the one of this body: "sha256=" and its HMAC, in hexadecimal digits.
func Signed(secret, body []byte, header string) bool {
	given, ok := strings.CutPrefix(strings.TrimSpace(header), "sha256=")
	if !ok || len(secret) == 0 {
		return false
	}
	sum, err := hex.DecodeString(given)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return hmac.Equal(mac.Sum(nil), sum)
}

// Concerned lists the commits of which an event about a revision speaks: itself, and those before it, whose changes it has, too, until
// one that is settled already. status says how a commit stands, for those that somebody follows. The newest comes first. A
// revision that was not fetched has none.
func (r *Repository) Concerned(ctx context.Context, revision gitrepo.Hash, status func(gitrepo.Hash) (s Reason, followed bool)) ([]gitrepo.Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found, err := r.clone.Contains(ctx, revision); !found {
		return nil, err
	}
	log, err := r.clone.Log(ctx)
	if err != nil {
		return nil, err
	}
	reached := map[gitrepo.Hash]bool{revision: true}
	var all []gitrepo.Hash
	for i := len(log) - 1; i >= 0; i-- {
		c := log[i]
		if !reached[c.Hash] {
			continue
		}
		s, followed := status(c.Hash)
		switch {
		case followed && c.Hash != revision && s.settled():
			return all, nil
		case followed && !(c.Hash == revision && s.Final()):
			all = append(all, c.Hash)
		}
		for _, p := range c.Parents {
			reached[p] = true
		}
	}
	return all, nil
}
