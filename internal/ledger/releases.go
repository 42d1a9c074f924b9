package ledger

import (
	"cmp"
	"context"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Git is the kind of a connection to where Git repositories are. It deploys nothing.
const Git Kind = "git"

// Releases says where gio releases what a project deploys: each product that is finished there arrives as a candidate.
type Releases struct {
	Connection string `json:"connection"` // of the kind git, of the server's settings
	Repository string `json:"repository"` // below the connection's address: org/name
	Manifest   string `json:"manifest"`   // path of release.json there
}

// usualManifest is the manifest of a release repository that names no other.
const usualManifest = "release.json"

var belowConnection = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

// complete fills in what a declaration may leave out.
func (p *Project) complete() {
	if p.Releases == nil {
		return
	}
	r := *p.Releases
	r.Repository, r.Manifest = cmp.Or(r.Repository, p.Repository), cmp.Or(r.Manifest, usualManifest)
	p.Releases = &r
}

func (l *Ledger) checkReleases(r *Releases) error {
	invalid := func(format string, args ...any) *fault.Fault {
		return fault.New(fault.Invalid, "invalid-project", "releases: "+format, args...)
	}
	switch {
	case l.Connections[r.Connection] != Git:
		return invalid("the server has no connection %.100q of the kind %s", r.Connection, Git).
			Hint("its connections of this kind: %s", cmp.Or(strings.Join(l.connections(Git), ", "), "none")).
			Hint("an admin of the server writes them in gio-server.yaml")
	case len(r.Repository) > 200 || !belowConnection.MatchString(r.Repository):
		return invalid("%.200q is no repository below the connection's address: write org/name", r.Repository)
	case len(r.Manifest) > 200 || !fs.ValidPath(r.Manifest) || r.Manifest == ".":
		return invalid("manifest: %.200q is no path in a repository", r.Manifest).Hint("leave it out for release.json")
	}
	return nil
}

// fields are what it says, in the words of the project file.
func (r *Releases) fields() []field {
	if r == nil {
		return nil
	}
	return []field{{"releases.connection", r.Connection}, {"releases.repository", r.Repository}, {"releases.manifest", r.Manifest}}
}

// putWatch begins to watch what a project declares, or ends it. A repository that was watched already goes on as it was.
func putWatch(ctx context.Context, tx Tx, before, declared Project) error {
	is, was := declared.Releases, before.Releases
	switch {
	case is == nil && was == nil, is != nil && was != nil && *is == *was:
		return nil
	case is == nil:
		return tx.DeleteWatch(ctx, declared.Name)
	}
	return tx.PutWatch(ctx, declared.Name)
}

// Watch is what is known of a release repository that a project names.
type Watch struct {
	Project string
	Releases
	Seen     string    // what the repository showed when it was read last; the watcher understands it
	ReadAt   time.Time // when its journal was read last, zero when it is to be read
	Settled  time.Time // what was finished before has arrived, or is history; zero before the first time
	LookedAt time.Time // when somebody looked there last; zero for never
	Problem  *Problem  // nil for none
	Token    int64     // how often it was taken
}

// Problem is why what gio releases cannot arrive.
type Problem struct {
	Code, Message string
	Since         time.Time
	Said          bool // there is an event of it
}

// Released is a product that gio has finished.
type Released struct {
	Version    string
	Commit     string // to which the product's tag points
	Author     string // address of the commit's author
	Components map[string]string
}

const (
	// LookEvery is how often somebody looks at a release repository that nobody tells of.
	LookEvery = time.Minute
	// LookFor bounds how long one look lasts. Afterwards another one may look.
	LookFor = 2 * time.Minute
	// patience is how long a repository may not answer before the history says so.
	patience = 3 * time.Minute
)

// watcher is who makes candidates of what arrives.
var watcher = Caller{Token: Token{Subject: "gio-server", Role: Admin}, Dialect: "watcher"}

// errTaken is for a look that another one has overtaken.
func errTaken(project string) error {
	return fault.New(fault.Stopped, "looked-at-elsewhere", "somebody else looks at the releases of %s", project)
}

func noWatch(project string) *fault.Fault {
	return fault.New(fault.NotFound, "no-watch", "the project %s names no release repository", project).
		Hint("an admin declares it: releases: in the file of gio project apply")
}

// DueWatches lists the projects at whose release repositories somebody is to look, the one that waits longest first.
func (l *Ledger) DueWatches(ctx context.Context, limit int) (projects []string, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		projects, err = tx.DueWatches(ctx, limit)
		return err
	})
	return projects, err
}

// TakeWatch takes the right to look at a release repository, for LookFor: when it is due, or at once, whoever looks there now.
// Faults: no-watch; looked-at-elsewhere, of kind Stopped.
func (l *Ledger) TakeWatch(ctx context.Context, project string, atOnce bool) (w Watch, err error) {
	err = l.Store.Change(ctx, func(tx Tx) error {
		p, err := tx.Project(ctx, project)
		if err != nil {
			return err
		}
		if p.Releases == nil {
			return noWatch(project)
		}
		w, err = tx.TakeWatch(ctx, project, LookFor, atOnce)
		if fault.Is(err, "no-watch") {
			return errTaken(project)
		}
		w.Releases = *p.Releases
		return err
	})
	return w, err
}

// GiveBackWatch ends a look that came to nothing: another one may begin at once.
func (l *Ledger) GiveBackWatch(ctx context.Context, w Watch) error {
	return l.Store.Change(ctx, func(tx Tx) error {
		err := tx.UpdateWatch(ctx, w, 0)
		if fault.Is(err, "no-watch") { // another one looks, or it is watched no more
			return nil
		}
		return err
	})
}

// HasArrived tells whether a commit is a candidate of a release already.
func (l *Ledger) HasArrived(ctx context.Context, w Watch, version, commit string) (has bool, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		_, has, err = arrived(ctx, tx, w.Project, version, commit)
		return err
	})
	return has, err
}

// arrived lists the candidates of a release, the one of a commit first if there is one.
func arrived(ctx context.Context, tx Tx, project, version, commit string) (tries []Candidate, is bool, err error) {
	tries, err = tx.CandidatesOf(ctx, project, version, memory)
	for _, c := range tries {
		if c.Commit == commit {
			return []Candidate{c}, true, err
		}
	}
	return tries, false, err
}

// Arrive makes a candidate of what gio has released. It is ready: the pipelines that gio drove have built it, and building it again
// would make a second thing of the same version. The same commit again is the same candidate, another commit of the same release the
// next one. Its box is made with it, where its project says of what. Faults: invalid-candidate, for a version that no candidate can have; looked-at-elsewhere, where the project names another
// repository by now.
func (l *Ledger) Arrive(ctx context.Context, w Watch, r Released) (made Candidate, isNew bool, err error) {
	err = l.change(ctx, watcher, func(tx Tx) (Event, error) {
		isNew = false
		p, err := tx.Project(ctx, w.Project)
		if err != nil {
			return Event{}, err
		}
		if p.Releases == nil || *p.Releases != w.Releases {
			return Event{}, errTaken(w.Project)
		}
		tries, is, err := arrived(ctx, tx, w.Project, r.Version, r.Commit)
		if err != nil {
			return Event{}, err
		}
		v := Version{r.Version, 1}
		switch {
		case is:
			made = tries[0]
			return Event{}, nil
		case len(tries) > 0:
			v.Number = tries[0].Version.Number + 1
		}
		if _, err := ParseVersion(v.String()); err != nil {
			return Event{}, err
		}
		made = Candidate{
			ID: l.NewID(), Project: w.Project, Version: v, Commit: r.Commit, Author: r.Author, State: Ready, CreatedAt: l.Now(), CreatedBy: watcher.Token.Subject,
		}
		if err := tx.InsertCandidate(ctx, made); err != nil {
			return Event{}, err
		}
		isNew = true
		if err := tx.InsertComponents(ctx, made.ID, r.Components); err != nil {
			return Event{}, err
		}
		data := map[string]string{"candidate": v.String(), "commit": r.Commit, "released": w.Repository}
		created := Event{Type: "candidate.created", Project: w.Project, Subject: made.ID, Data: data}
		if len(p.Bundle) == 0 {
			return created, nil
		}
		if err := l.note(ctx, tx, watcher, created); err != nil {
			return Event{}, err
		}
		_, err = l.box(ctx, tx, watcher, p, made, nil, nil)
		if fault.Is(err, "bundle-exists") { // somebody has made bundles of both names: they are what there is
			err = nil
		}
		return Event{}, err
	})
	return made, isNew, err
}

// Look is how a look at a release repository ended.
type Look struct {
	Unchanged       bool // there is nothing to be read: all that is known of it stays, its problem too
	Seen            string
	ReadAt, Settled time.Time
	Problem         error // nil for none
}

// Looked ends a look. A problem becomes an event once, also when it lasts: at once, or when a repository that does not answer has been
// silent for some minutes; so does its end. Its fault is looked-at-elsewhere.
func (l *Ledger) Looked(ctx context.Context, w Watch, o Look) error {
	return l.change(ctx, watcher, func(tx Tx) (Event, error) {
		next := w
		next.LookedAt = l.Now()
		event := Event{}
		if !o.Unchanged {
			next.Seen, next.ReadAt, next.Settled = o.Seen, o.ReadAt, o.Settled
			next.Problem, event = w.problem(o.Problem, next.LookedAt)
		}
		err := tx.UpdateWatch(ctx, next, LookEvery)
		if fault.Is(err, "no-watch") {
			return Event{}, errTaken(w.Project)
		}
		return event, err
	})
}

// problem is what a look has met, and the event that says so, if one is to.
func (w Watch) problem(err error, now time.Time) (*Problem, Event) {
	event := func(what, message string) Event {
		return Event{Type: "releases." + what, Project: w.Project, Subject: w.Repository, Data: map[string]string{"repository": w.Repository, "connection": w.Connection, "problem": message}}
	}
	switch {
	case err == nil && w.Problem != nil && w.Problem.Said:
		return nil, event("readable", "")
	case err == nil:
		return nil, Event{}
	}
	p, say := w.Problem.next(err, now)
	if !say {
		return p, Event{}
	}
	return p, event("unreadable", p.Message)
}

// next is the problem after an error, and whether the history is to say so: at once, or of what does not answer when it has been silent for
// some minutes; once, also when it lasts.
func (before *Problem) next(err error, now time.Time) (p *Problem, say bool) {
	p = &Problem{Code: cmp.Or(fault.CodeOf(err), "internal"), Message: kept(err.Error()), Since: now}
	if before != nil {
		p.Since, p.Said = before.Since, before.Said
	}
	silent := fault.KindOf(err) == fault.Remote || fault.KindOf(err) == fault.Timeout
	if p.Said || silent && now.Sub(p.Since) < patience {
		return p, false
	}
	p.Said = true
	return p, true
}

// Watched is what is known of a project's release repository. Faults: no-project, no-watch.
func (l *Ledger) Watched(ctx context.Context, c Caller, project string) (w Watch, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		p, err := l.projectFor(ctx, tx, c, ToRead, project)
		if err != nil {
			return err
		}
		if p.Releases == nil {
			return noWatch(project)
		}
		w, err = tx.Watch(ctx, project)
		w.Releases = *p.Releases
		return err
	})
	return w, err
}

// Releasing lists the projects that name a release repository, among those of which the caller may report something.
func (l *Ledger) Releasing(ctx context.Context, c Caller) (all []Project, err error) {
	if err := c.may(ToReport, c.Token.Project); err != nil {
		return nil, err
	}
	seen, err := l.Projects(ctx, c)
	for _, p := range seen {
		if p.Releases != nil {
			all = append(all, p)
		}
	}
	return all, err
}

// NewestOf is the newest candidate of a release. Faults: no-project, no-candidate.
func (l *Ledger) NewestOf(ctx context.Context, c Caller, project, release string) (newest Candidate, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		tries, err := tx.CandidatesOf(ctx, project, release, 1)
		if err == nil && len(tries) == 0 {
			return fault.New(fault.NotFound, "no-candidate", "there is no candidate of %.120s in %s", release, project)
		}
		if err == nil {
			newest = tries[0]
		}
		return err
	})
	return newest, err
}

// Candidate is a candidate with the versions of its components by their names, none where they are not known. Faults: no-project,
// no-candidate.
func (l *Ledger) Candidate(ctx context.Context, c Caller, project string, v Version) (found Candidate, components map[string]string, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		if found, err = tx.Candidate(ctx, project, v); err != nil {
			return err
		}
		components, err = tx.Components(ctx, found.ID)
		return err
	})
	return found, components, err
}
