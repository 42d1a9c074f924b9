package gitops

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// FluxEvent is what Flux's notification controller tells.
type FluxEvent struct {
	Revision gitrepo.Hash // 40 digits, or 64 of a repository that uses SHA-256
	Reason   string       // which is the status of the commit
	Message  string
	Time     time.Time // zero where it says none
}

// revision is at the end of "main@sha1:HEX", and of "main/HEX" by older ones. A branch may have slashes.
var revision = regexp.MustCompile(`(?:^|[:/])([0-9a-f]{64}|[0-9a-f]{40})$`)

// ParseFlux reads the body of an event. One that names no commit or no reason is of no use, and no error: Flux would send it again.
func ParseFlux(body []byte) (e FluxEvent, useful bool) {
	var told struct {
		Reason    string            `json:"reason"`
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

// FluxFiles returns what Flux is installed with in the cluster of an environment, as it is on the branch now, by the names of the files.
func (r *Repository) FluxFiles(ctx context.Context, p Place) (map[string]string, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	tip, err := r.clone.Fetch(ctx)
	if err != nil {
		return nil, err
	}
	folder := path.Join(p.folder(), fluxFolder)
	names, err := r.clone.Files(ctx, tip, folder)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, name := range names {
		e, err := r.clone.Entry(ctx, tip, path.Join(folder, name))
		if err != nil {
			return nil, err
		}
		content, err := r.clone.Content(ctx, e)
		if err != nil {
			return nil, err
		}
		files[name] = string(content)
	}
	return files, nil
}

// Behind lists a commit of the branch and those before it, the newest first, as many as the limit says: whose changes Flux has applied when
// it has applied that one. It fetches where the commit is not known. A commit that is not in the branch has none.
func (r *Repository) Behind(ctx context.Context, revision gitrepo.Hash, limit int) ([]gitrepo.Hash, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := r.clone.Contains(ctx, revision)
	if err == nil && !found {
		if _, err = r.clone.Fetch(ctx); err == nil {
			found, err = r.clone.Contains(ctx, revision)
		}
	}
	if err != nil || !found {
		return nil, err
	}
	log, err := r.clone.Log(ctx)
	if err != nil {
		return nil, err
	}
	reached := map[gitrepo.Hash]bool{revision: true}
	var all []gitrepo.Hash
	for _, c := range slices.Backward(log) {
		if !reached[c.Hash] {
			continue
		}
		if all = append(all, c.Hash); len(all) == limit {
			break
		}
		for _, p := range c.Parents {
			reached[p] = true
		}
	}
	return all, nil
}
