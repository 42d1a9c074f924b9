package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// keyedBody is how large the body of a request with a key may be, in bytes: larger than what any dialect reads. Of a still larger one
// the beginning counts, and the dialect refuses it.
const keyedBody = 4 << 20

// keyed makes known to the dialects which POST its client may send again: those with an Idempotency-Key.
func keyed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		if r.Method != http.MethodPost || key == "" {
			next.ServeHTTP(w, r)
			return
		}
		beginning, err := io.ReadAll(io.LimitReader(r.Body, keyedBody+1))
		rest := io.Reader(r.Body)
		if err != nil {
			rest = broken{err}
		}
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(beginning), rest), r.Body}
		sum := sha256.New()
		_, _ = io.WriteString(sum, r.URL.RawQuery+"\n")
		_, _ = sum.Write(beginning)
		request := ledger.Request{Method: r.Method, Path: r.URL.EscapedPath(), Key: key, Body: hex.EncodeToString(sum.Sum(nil))}
		next.ServeHTTP(w, r.WithContext(ledger.WithRequest(r.Context(), request)))
	})
}

// broken is the rest of a body that broke off.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// pruning drops old answers, deliveries and the contents that no file has any more, at once and each hour, until ctx ends.
func pruning(ctx context.Context, l *ledger.Ledger, log zerolog.Logger) {
	for ticker := time.NewTicker(time.Hour); ; {
		if err := l.Prune(ctx); err != nil && ctx.Err() == nil {
			log.Warn().Err(err).Msg("old answers and deliveries could not be dropped; it is tried again")
		}
		if err := l.CollectBlobs(ctx); err != nil && ctx.Err() == nil {
			log.Warn().Err(err).Msg("contents that no file has could not be removed; it is tried again")
		}
		select {
		case <-ctx.Done():
			ticker.Stop()
			return
		case <-ticker.C:
		}
	}
}
