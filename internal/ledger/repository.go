package ledger

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Repository holds files or images: a shelf of a project, and perhaps of one of its environments.
type Repository struct {
	Name        string // unique on the server
	Project     string
	Environment string // name; "" for none
	Kind        RepositoryKind
	Type        string // of what it holds: generic, maven, npm, docker, helm
	Connection  string // of the server's settings; "" for Hosted
	Path        string // Artifactory's key, or the path in a registry
}

// RepositoryKind is where a repository is.
type RepositoryKind string

// The kinds.
const (
	Hosted      RepositoryKind = "hosted"      // its files are kept here
	Artifactory RepositoryKind = "artifactory" // in a real one
	Registry    RepositoryKind = "registry"    // of images and Helm charts
)

// Types lists those of what a repository may hold.
func Types() []string { return []string{"generic", "maven", "npm", "docker", "helm"} }

// Images tells that a repository holds what is known by its digest, not by the checksum of its bytes.
func (r Repository) Images() bool { return r.Kind == Registry }

var repositoryKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// reserved are the names that JFrog's clients use for something else.
var reserved = regexp.MustCompile(`(^|-)(release-bundles-v2|build-info)$|^api$`)

// checkRepository completes one, or returns its fault.
func (l *Ledger) checkRepository(r *Repository) error {
	invalid := func(format string, args ...any) *fault.Fault {
		return fault.New(fault.Invalid, "invalid-project", format, args...)
	}
	r.Kind = cmp.Or(r.Kind, Hosted)
	usual := "generic"
	if r.Kind == Registry {
		usual = "docker"
	}
	r.Type = cmp.Or(r.Type, usual)
	switch {
	case !repositoryKey.MatchString(r.Name) || strings.Contains(r.Name, "..") || reserved.MatchString(r.Name):
		return invalid("%.120q cannot be the name of a repository: letters, digits, . _ and -; not api, and not …release-bundles-v2 or …build-info", r.Name)
	case !slices.Contains([]RepositoryKind{Hosted, Artifactory, Registry}, r.Kind):
		return invalid("repository %s: there is no kind %.40q: hosted, artifactory or registry", r.Name, r.Kind)
	case !slices.Contains(Types(), r.Type):
		return invalid("repository %s: there is no type %.40q: %s", r.Name, r.Type, strings.Join(Types(), ", "))
	case r.Kind == Hosted && (r.Connection != "" || r.Path != ""):
		return invalid("repository %s is kept here: connection: and path: belong to the kinds artifactory and registry", r.Name)
	case r.Kind == Hosted:
		return nil
	case r.Path == "":
		return invalid("repository %s: path: is missing: Artifactory's key, or the path in the registry", r.Name)
	}
	if known, is := l.Connections[r.Connection]; !is || known != Kind(r.Kind) {
		return invalid("repository %s: the server has no connection %.100q of the kind %s", r.Name, r.Connection, r.Kind).
			Hint("its connections of this kind: %s", cmp.Or(strings.Join(l.connections(Kind(r.Kind)), ", "), "none"))
	}
	return nil
}

func (l *Ledger) checkRepositories(d Declaration) error {
	seen := map[string]bool{}
	for i := range d.Repositories {
		r := &d.Repositories[i]
		r.Project = d.Project.Name
		if err := l.checkRepository(r); err != nil {
			return err
		}
		if seen[r.Name] {
			return fault.New(fault.Invalid, "invalid-project", "the repository %s is declared twice", r.Name)
		}
		seen[r.Name] = true
		if r.Environment != "" && !slices.ContainsFunc(d.Environments, func(e Environment) bool { return e.Name == r.Environment }) {
			return fault.New(fault.Invalid, "invalid-project", "repository %s: there is no environment %.100q", r.Name, r.Environment)
		}
	}
	return nil
}

func (r Repository) fields() []field {
	all := []field{
		{"environment", r.Environment}, {"kind", string(r.Kind)}, {"type", r.Type}, {"connection", r.Connection}, {"path", r.Path},
	}
	return slices.DeleteFunc(all, func(f field) bool { return f.value == "" })
}

// compareRepositories adds what a declaration changes of a project's repositories. One that another project has is a fault.
func compareRepositories(ctx context.Context, tx Tx, d Declaration, changes []Difference) ([]Difference, error) {
	for _, declared := range d.Repositories {
		is, err := tx.Repository(ctx, declared.Name)
		switch {
		case fault.Is(err, "no-repository"):
			changes = append(changes, Difference{"repository " + declared.Name, "", string(declared.Kind) + ", " + declared.Type})
			is = Repository{Kind: declared.Kind, Type: declared.Type}
		case err != nil:
			return nil, err
		case is.Project != d.Project.Name:
			return nil, fault.New(fault.Invalid, "repository-taken", "the repository %s belongs to another project", declared.Name).Hint("choose another name: it is unique on the server")
		case is.Kind != declared.Kind:
			return nil, fault.New(fault.Invalid, "repository-kind", "the repository %s is %s, for good", declared.Name, is.Kind).Hint("declare another one")
		}
		changes = compareAll(changes, " of "+declared.Name, is.fields(), declared.fields())
	}
	return changes, nil
}

func putRepositories(ctx context.Context, tx Tx, d Declaration, now time.Time) error {
	for _, r := range d.Repositories {
		if err := tx.PutRepository(ctx, r, now); err != nil {
			return err
		}
	}
	return nil
}
