package gitops

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// Kind is what a wish is for.
type Kind string

// The kinds of wishes.
const (
	Deploy   Kind = "deploy"
	Delete   Kind = "delete"
	Rollback Kind = "rollback"
)

// Wish is what is to happen to an app in an environment. Together with the commit that it is made upon it determines its commits, and
// their hashes.
type Wish struct {
	Effect    string         `json:"effect"` // id; each of its commits carries it
	Kind      Kind           `json:"kind"`
	Place     Place          `json:"place"`
	App       string         `json:"app"`
	Author    gitrepo.Author `json:"author"`
	Committer gitrepo.Author `json:"committer"`
	Time      time.Time      `json:"time"` // to the second

	Files   map[string][]byte `json:"files,omitempty"`   // of a deployment: base name to content
	Release *Release          `json:"release,omitempty"` // of a deployment
	By      string            `json:"by,omitempty"`      // whose wish a deletion is
	To      string            `json:"to,omitempty"`      // of a rollback: the commit whose state comes back, or 7 digits of it at least
}

// Gimlet is whose commits Gimlet's are, by name.
func Gimlet() gitrepo.Author { return gitrepo.Author{Name: "Gimlet", Email: "gimlet@gimlet.io"} }

// check refuses what cannot be a wish. Faults: "gitops-name", "gitops-wish".
func (w Wish) check() error {
	if err := w.Place.check(); err != nil {
		return err
	}
	if err := checkName("an app", w.App); err != nil {
		return err
	}
	if err := checkName("an effect", w.Effect); err != nil {
		return err
	}
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "gitops-wish", "%s of %s in %s: %s", w.Kind, w.App, w.Place.Env, fmt.Sprintf(format, args...))
	}
	switch w.Kind {
	case Delete:
	case Rollback:
		if w.To == "" {
			return bad("it names no commit")
		}
	case Deploy:
		if w.Release == nil || len(w.Files) == 0 {
			return bad("it has no files, or no release")
		}
		for file := range w.Files {
			if !fs.ValidPath(file) || file == "." || strings.ContainsFunc(file, notInName) || file == releaseFile || strings.EqualFold(file, ".git") {
				return bad("%.80q cannot be the name of a file", file)
			}
		}
	default:
		return bad("nobody knows this kind")
	}
	return nil
}

func notInName(c rune) bool { return c == '/' || c == '\\' || unicode.IsControl(c) }

// history is what a wish is planned upon: commits, oldest first, of which the last one is its base; none for an empty repository.
type history []gitrepo.Commit

func (h history) base() gitrepo.Hash {
	if len(h) == 0 {
		return ""
	}
	return h[len(h)-1].Hash
}

// plan makes, in memory, the commits of a wish on top of a history, and returns it with them. Where nothing would change it returns
// the history as it is.
func (r *Repository) plan(ctx context.Context, w Wish, on history) (history, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	at := w.Place.app(w.App)
	now, err := r.clone.Entry(ctx, on.base(), at)
	if err != nil {
		return nil, err
	}
	if now != (gitrepo.Entry{}) && !now.Folder() {
		return nil, r.inTheWay(at, "folder")
	}
	switch w.Kind {
	case Deploy:
		return r.planDeploy(ctx, w, on, now)
	case Delete:
		return r.add(ctx, on, []gitrepo.Edit{{Path: at}}, w, fmt.Sprintf("[Gimlet] %s/%s deleted by %s", w.Place.Env, w.App, oneLine(w.By)))
	case Rollback:
		return r.planRollback(ctx, w, on, now)
	}
	return on, nil
}

func (r *Repository) inTheWay(at, kind string) error {
	return fault.New(fault.Invalid, "gitops-in-the-way", "%s in %s is no %s, and must be one", at, r.clone.Shown(), kind).
		Hint("rename or remove it in the repository")
}

// planDeploy replaces the folder of the app, so that files that are no longer rendered go.
func (r *Repository) planDeploy(ctx context.Context, w Wish, on history, now gitrepo.Entry) (history, error) {
	text, err := w.Release.file()
	if err != nil {
		return nil, err
	}
	at := w.Place.app(w.App)
	edits := []gitrepo.Edit{{Path: at}}
	for _, file := range slices.Sorted(maps.Keys(w.Files)) {
		edits = append(edits, gitrepo.Edit{Path: path.Join(at, file), Content: append([]byte{}, w.Files[file]...)})
	}
	edits = append(edits, gitrepo.Edit{Path: path.Join(at, releaseFile), Content: text})
	last := w.Place.app(releaseFile)
	if e, err := r.clone.Entry(ctx, on.base(), last); err != nil {
		return nil, err
	} else if e != (gitrepo.Entry{}) && !e.File() {
		return nil, r.inTheWay(last, "file")
	}
	edits = append(edits, gitrepo.Edit{Path: last, Content: text})
	made, err := r.add(ctx, on, edits, w, fmt.Sprintf("[Gimlet] %s/%s automated deploy", w.Place.Env, w.App))
	if err != nil {
		return nil, err
	}
	// That another app was released in between is no change of this one.
	if after, err := r.clone.Entry(ctx, made.base(), at); err != nil || after == now {
		return on, err
	}
	return made, nil
}

// add makes a commit on top of a history, unless it would change nothing.
func (r *Repository) add(ctx context.Context, on history, edits []gitrepo.Edit, w Wish, words string) (history, error) {
	s := gitrepo.Stamp{Author: w.Author, Committer: w.Committer, Time: w.Time, Message: words + "\n\n" + trailer + w.Effect}
	h, err := r.clone.Commit(ctx, on.base(), edits, s)
	if err != nil || h == on.base() {
		return on, err
	}
	made := gitrepo.Commit{Hash: h, Author: w.Author, Time: w.Time, Message: s.Message}
	if base := on.base(); base != "" {
		made.Parents = []gitrepo.Hash{base}
	}
	return append(slices.Clip(on), made), nil
}

// trailer begins the line of a message that names the effect.
const trailer = "Gio-Effect: "

// effectOf returns the effect that a commit carries, "" for none.
func effectOf(message string) string {
	lines := strings.Split(strings.TrimRight(message, "\n"), "\n")
	for _, line := range slices.Backward(lines) {
		if id, ok := strings.CutPrefix(line, trailer); ok {
			return strings.TrimSpace(id)
		}
		if line == "" {
			break
		}
	}
	return ""
}

func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return unicode.IsControl(c) }), " ")
}
