package gitops

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// planRollback undoes what happened to an app after a commit: one revert for each commit that is in effect, the newest first. A
// commit that is not in the history undoes all, as Gimlet does.
//
// A revert brings back the folder as it was before the commit that it reverts, as a whole: nothing can conflict, since what came later
// is undone already. The last one brings it back as it was at the commit that was named.
func (r *Repository) planRollback(ctx context.Context, w Wish, on history, now gitrepo.Entry) (history, error) {
	to, err := r.find(on, w.To)
	if err != nil {
		return nil, err
	}
	at := w.Place.app(w.App)
	wanted := gitrepo.Entry{}
	if to >= 0 {
		if wanted, err = r.clone.Entry(ctx, on[to].Hash, at); err != nil {
			return nil, err
		}
		if wanted == now {
			return on, nil
		}
	}
	undone, err := r.undone(ctx, on, to, at)
	if err != nil {
		return nil, err
	}
	made := on
	for i, c := range undone {
		before, err := r.clone.Entry(ctx, parent(c), at)
		if err != nil {
			return nil, err
		}
		if i == len(undone)-1 && to >= 0 {
			before = wanted
		}
		edits := []gitrepo.Edit{{Path: at, Entry: before}}
		last, err := r.lastRelease(ctx, made, c, w.Place)
		if err != nil {
			return nil, err
		}
		words := fmt.Sprintf("Revert \"%s\"\n\n%s%s.", subject(c.Message), reverts, c.Hash)
		if made, err = r.add(ctx, made, append(edits, last...), w, words); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// find returns the index of a commit in a history, -1 where it is not there.
func (r *Repository) find(in history, sha string) (int, error) {
	sha = strings.ToLower(strings.TrimSpace(sha))
	found := -1
	for i, c := range in {
		if string(c.Hash) == sha {
			return i, nil
		}
		if len(sha) >= 7 && strings.HasPrefix(string(c.Hash), sha) {
			if found >= 0 {
				return -1, fault.New(fault.Invalid, "gitops-ambiguous", "several commits of %s begin with %s", r.clone.Shown(), sha).
					Hint("name all 40 digits")
			}
			found = i
		}
	}
	return found, nil
}

// undone lists the commits after the one of that index which a rollback undoes, the newest first: those that changed the app and have
// not been reverted. A revert of one of them is none; one of an earlier commit is, so that what was rolled back can come back.
func (r *Repository) undone(ctx context.Context, in history, to int, at string) ([]gitrepo.Commit, error) {
	var list []gitrepo.Commit
	gone, later := revertedIn(in), map[gitrepo.Hash]bool{}
	for _, c := range in[to+1:] {
		later[c.Hash] = true
	}
	for _, c := range slices.Backward(in[to+1:]) {
		of := revertOf(c.Message)
		if gone[c.Hash] || len(of) > 0 && !slices.ContainsFunc(of, func(h gitrepo.Hash) bool { return !later[h] }) {
			continue
		}
		changed, err := r.changed(ctx, c, at)
		if err != nil {
			return nil, err
		}
		if changed {
			list = append(list, c)
		}
	}
	return list, nil
}

// changed tells whether a commit, which is no merge, changed something below a folder.
func (r *Repository) changed(ctx context.Context, c gitrepo.Commit, at string) (bool, error) {
	if len(c.Parents) > 1 {
		return false, nil
	}
	before, err := r.clone.Entry(ctx, parent(c), at)
	if err != nil {
		return false, err
	}
	after, err := r.clone.Entry(ctx, c.Hash, at)
	return before != after, err
}

// lastRelease brings back the release.json of the environment, where it is still the one of the commit that is reverted.
func (r *Repository) lastRelease(ctx context.Context, on history, c gitrepo.Commit, p Place) ([]gitrepo.Edit, error) {
	file := p.app(releaseFile)
	var at [3]gitrepo.Entry
	for i, h := range []gitrepo.Hash{parent(c), c.Hash, on.base()} {
		var err error
		if at[i], err = r.clone.Entry(ctx, h, file); err != nil {
			return nil, err
		}
	}
	if at[0] == at[1] || at[1] != at[2] {
		return nil, nil
	}
	return []gitrepo.Edit{{Path: file, Entry: at[0]}}, nil
}

func parent(c gitrepo.Commit) gitrepo.Hash {
	if len(c.Parents) == 0 {
		return ""
	}
	return c.Parents[0]
}

func subject(message string) string {
	first, _, _ := strings.Cut(message, "\n")
	return first
}

// reverts begins Git's own sentence about what a commit reverts.
const reverts = "This reverts commit "

var revertLine = regexp.MustCompile(reverts + `([0-9a-f]{40})`)

// revertOf lists the commits that a message says it reverts.
func revertOf(message string) []gitrepo.Hash {
	var all []gitrepo.Hash
	for _, m := range revertLine.FindAllStringSubmatch(message, -1) {
		all = append(all, gitrepo.Hash(m[1]))
	}
	return all
}

// revertedIn says which commits have been reverted by one that was not reverted itself.
func revertedIn(in history) map[gitrepo.Hash]bool {
	gone := map[gitrepo.Hash]bool{}
	for _, c := range slices.Backward(in) {
		if gone[c.Hash] {
			continue
		}
		for _, h := range revertOf(c.Message) {
			gone[h] = true
		}
	}
	return gone
}
