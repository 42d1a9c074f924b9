package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// hook is what a connection to CircleCI sends of its own accord.
type hook struct{ host, secret string }

// largestHook is how large the body of a webhook may be, in bytes.
const largestHook = 1 << 20

var pipelineID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// fromCircleCI answers CircleCI's webhooks: POST /hooks/circleci/{connection}. What they tell decides nothing, it only lets those who
// watch a pipeline look sooner.
func fromCircleCI(l *ledger.Ledger, hooks map[string]hook, fail func(context.Context, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, known := hooks[r.PathValue("connection")]
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestHook))
		var told struct {
			Type     string `json:"type"`
			Pipeline struct {
				ID string `json:"id"`
			} `json:"pipeline"`
		}
		status := http.StatusNoContent
		switch {
		case !known:
			status = http.StatusNotFound
		case err != nil:
			status = http.StatusRequestEntityTooLarge
		case !isSignedBy(from.secret, r.Header.Get("circleci-signature"), body):
			status = http.StatusUnauthorized
		case json.Unmarshal(body, &told) != nil:
			status = http.StatusBadRequest
		case told.Type != "workflow-completed": // "ping" is CircleCI's test
		case !pipelineID.MatchString(told.Pipeline.ID):
			status = http.StatusBadRequest
		default:
			if err := l.Delivered(r.Context(), from.host, told.Pipeline.ID); err != nil {
				fail(r.Context(), err)
				status = http.StatusServiceUnavailable // it is sent again
			}
		}
		w.WriteHeader(status)
	}
}

// isSignedBy tells whether a list of signatures, "v1=HEX,v2=…", has the one that a secret makes of a body.
func isSignedBy(secret, signatures string, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	for each := range strings.SplitSeq(signatures, ",") {
		version, digits, _ := strings.Cut(strings.TrimSpace(each), "=")
		if version != "v1" {
			continue
		}
		said, err := hex.DecodeString(digits)
		if err == nil && hmac.Equal(said, mac.Sum(nil)) {
			return true
		}
	}
	return false
}
