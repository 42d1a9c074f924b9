package gitrepo

import (
	"context"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// A server of several machines may show for some seconds what was before a push. For so long after a push gio does not believe
// a reading that shows a ref as it was, and reads again.
const (
	longestLag   = 30 * time.Second
	firstPause   = 500 * time.Millisecond
	longestPause = 4 * time.Second
)

// staleRef is the value that a ref had before a push, which is not believed for a time.
type staleRef struct {
	value Hash
	until time.Time
}

// outdate notes what the refs held before a push that the server accepted.
func (r *remote) outdate(updates []Update) {
	if r.stale == nil {
		r.stale = map[string]staleRef{}
	}
	for _, u := range updates {
		if u.Old != u.New {
			r.stale[u.Ref] = staleRef{u.Old, time.Now().Add(longestLag)}
		}
	}
}

// lags reports whether the refs that a server shows are older than a push that it took.
func (r *remote) lags(adv *packp.AdvRefs) bool {
	refs := refsOf(adv)
	for name, s := range r.stale {
		if time.Now().After(s.until) {
			delete(r.stale, name)
		} else if refs[name] == s.value {
			return true
		}
	}
	return false
}

// raced reports whether a server refused a push because a ref holds another value than gio read. That is told in words only,
// which decide here about reading again and about the hint.
func raced(report *packp.ReportStatus, words string) bool {
	if report == nil || report.Error() == nil {
		return false
	}
	said := strings.ToLower(verdict(report) + words)
	return !says(said, inTheWay) && says(said, "reference already exists", "but expected", "cannot lock ref", "failed to lock")
}

// raceTries is how often gio looks for what a server says has changed.
const raceTries = 5

// readRace reads the refs until one of them differs from what a push expected: the other push may still be under way.
func (r *Repo) readRace(ctx context.Context, updates []Update, refs map[string]Hash) (map[string]Hash, error) {
	var err error
	pause := firstPause
	for try := 1; try < raceTries && err == nil && unchanged(updates, refs); try++ {
		time.Sleep(pause)
		pause *= 2
		refs, err = r.readBack(ctx)
	}
	return refs, err
}

func unchanged(updates []Update, refs map[string]Hash) bool {
	for _, u := range updates {
		if refs[u.Ref] != u.Old {
			return false
		}
	}
	return true
}

// inTheWay is what Git says of a name that is a folder of another, or would need one to be a folder.
const inTheWay = "cannot create '"

func says(text string, any ...string) bool {
	for _, words := range any {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// remedy says what to do about a refusal, by the server's words.
func remedy(message string) string {
	said := strings.ToLower(message)
	switch {
	case says(said, inTheWay):
		return "a branch or tag whose name begins with that one, or is its beginning, is in the way: rename or delete it"
	case says(said, "hidden ref"):
		return "the server keeps these refs to itself (receive.hideRefs, transfer.hideRefs): let gio write refs/gio there"
	case says(said, "unpack", "no space", "quota", "disk"):
		return "the server could not store it: tell its administrators"
	case says(said, "hook declined", "protected", "rule", "not allowed", "denied", "forbidden", "prohibited"):
		return "a protected branch or a hook of the server forbids it: allow it there"
	}
	return "see what the server says, and change it there"
}
