package gitops

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// Past is a release in the history of an environment. Its Release says what its release.json says, and its commit, its time and
// whether it was rolled back.
type Past struct {
	Release Release
	Hash    gitrepo.Hash
	Time    time.Time
	Effect  string // that made it; "" where gio did not
	// UndoneBy is the commit that rolled it back, if one did.
	UndoneBy gitrepo.Hash
	UndoneAt time.Time
}

// Query selects releases. The zero value selects all.
type Query struct {
	App        string       // "" for all
	Limit      int          // the newest ones; 0 for all
	Since      time.Time    // inclusive
	Until      time.Time    // exclusive
	Repository string       // owner/name of what was built
	After      gitrepo.Hash // known already: what came later, and what was rolled back later
}

// Releases lists the releases of an environment as last fetched, newest first. Reverts, merges and deletions are none.
func (r *Repository) Releases(ctx context.Context, p Place, q Query) ([]Past, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	log, err := r.clone.Log(ctx)
	if err != nil {
		return nil, err
	}
	known := slices.IndexFunc(log, func(c gitrepo.Commit) bool { return c.Hash == q.After })
	gone, goneLater := revertedIn(log), revertedIn(log[known+1:])
	undoing := map[gitrepo.Hash]gitrepo.Commit{}
	for _, c := range log {
		if !gone[c.Hash] {
			for _, h := range revertOf(c.Message) {
				undoing[h] = c
			}
		}
	}
	found := []Past{}
	for i, c := range slices.Backward(log) {
		switch {
		case i <= known && !goneLater[c.Hash]:
			continue
		case !q.Since.IsZero() && c.Time.Before(q.Since), !q.Until.IsZero() && !c.Time.Before(q.Until):
			continue
		}
		all, err := r.releasesOf(ctx, p, c)
		if err != nil {
			return nil, err
		}
		for _, past := range all {
			past.Release.RolledBack = gone[c.Hash]
			if by, is := undoing[c.Hash]; is {
				past.UndoneBy, past.UndoneAt = by.Hash, by.Time
			}
			if q.selects(past.Release) {
				found = append(found, past)
			}
			if q.Limit > 0 && len(found) == q.Limit {
				return found, nil
			}
		}
	}
	return found, nil
}

func (q Query) selects(r Release) bool {
	return (q.App == "" || r.App == q.App) && (q.Repository == "" || r.Version != nil && r.Version.RepositoryName == q.Repository)
}

// releasesOf reads what a commit releases in an environment: one app, or several where a person made it.
func (r *Repository) releasesOf(ctx context.Context, p Place, c gitrepo.Commit) ([]Past, error) {
	if len(c.Parents) > 1 || len(revertOf(c.Message)) > 0 {
		return nil, nil
	}
	t, err := r.touches(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []Past
	for _, made := range t {
		app := path.Base(made.folder)
		if made.folder != p.app(app) || checkName("an app", app) != nil || !made.entry.File() {
			continue
		}
		release, err := r.readRelease(ctx, p, app, made.entry)
		if err != nil {
			return nil, err
		}
		release.GitopsRef, release.Created = string(c.Hash), c.Time.Unix()
		all = append(all, Past{Release: release, Hash: c.Hash, Time: c.Time, Effect: effectOf(c.Message)})
	}
	return all, nil
}

// readRelease reads a release.json. Of one that is none it keeps what the path says.
func (r *Repository) readRelease(ctx context.Context, p Place, app string, e gitrepo.Entry) (Release, error) {
	text, err := r.clone.Content(ctx, e)
	if err != nil {
		return Release{}, err
	}
	var release Release
	if json.Unmarshal(text, &release) != nil {
		release = Release{}
	}
	release.App, release.Env = app, p.Env
	return release, nil
}

// touch is a release.json that a commit changed, in the order of their folders.
type touch []struct {
	folder string
	entry  gitrepo.Entry // zero where it was removed
}

// touches says which releases a commit changed, and reads it once.
func (r *Repository) touches(ctx context.Context, c gitrepo.Commit) (touch, error) {
	if t, ok := r.touched[c.Hash]; ok {
		return t, nil
	}
	changes, err := r.clone.Changes(ctx, c)
	if err != nil {
		return nil, err
	}
	var t touch
	for _, change := range changes {
		folder, file := path.Split(change.Path)
		if file == releaseFile {
			t = append(t, struct {
				folder string
				entry  gitrepo.Entry
			}{strings.TrimSuffix(folder, "/"), change.After})
		}
	}
	r.touched[c.Hash] = t
	return t, nil
}

// fluxFolder is a folder of an environment that is no app.
const fluxFolder = "flux"

// Status says which release each app of an environment has, or the one that is named, as last fetched: nil for none. Its commit
// and time are those of the release, also where a rollback brought it back.
func (r *Repository) Status(ctx context.Context, p Place, app string) (map[string]*Release, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	log, err := r.clone.Log(ctx)
	if err != nil {
		return nil, err
	}
	apps := []string{app}
	if app == "" {
		if apps, err = r.clone.Folders(ctx, history(log).base(), p.folder()); err != nil {
			return nil, err
		}
	}
	status := map[string]*Release{}
	current := map[string]gitrepo.Entry{}
	for _, app := range apps {
		if app == fluxFolder || checkName("an app", app) != nil {
			continue
		}
		status[app] = nil
		e, err := r.clone.Entry(ctx, history(log).base(), path.Join(p.app(app), releaseFile))
		if err != nil {
			return nil, err
		}
		if e.File() {
			release, err := r.readRelease(ctx, p, app, e)
			if err != nil {
				return nil, err
			}
			status[app], current[app] = &release, e
		}
	}
	return status, r.date(ctx, p, log, status, current)
}

// date finds the commits that made the releases which are current.
func (r *Repository) date(ctx context.Context, p Place, log []gitrepo.Commit, status map[string]*Release, current map[string]gitrepo.Entry) error {
	gone := revertedIn(log)
	for _, c := range slices.Backward(log) {
		if len(current) == 0 {
			break
		}
		if len(c.Parents) > 1 || len(revertOf(c.Message)) > 0 || gone[c.Hash] {
			continue
		}
		t, err := r.touches(ctx, c)
		if err != nil {
			return err
		}
		for _, made := range t {
			app := path.Base(made.folder)
			if e, ok := current[app]; ok && made.folder == p.app(app) && made.entry == e {
				status[app].GitopsRef, status[app].Created = string(c.Hash), c.Time.Unix()
				delete(current, app)
			}
		}
	}
	return nil
}
