package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Source names what is put into a bundle. Its fields are used together, in their order.
type Source struct {
	Artifacts []Artifact
	Patterns  []Pattern
	Builds    []BuildSource
	Bundles   []BundleSource
}

// Artifact is a file or an image by its place.
type Artifact struct {
	Repository, Path string
	SHA256           string // "": whatever is there now; needed where the content is not kept here
}

// BuildSource is what a build has made, by its build info.
type BuildSource struct {
	Key          string // of the repository for build info
	Name, Number string
	Dependencies bool // what it has used, too
}

// BundleSource is what another bundle has in it.
type BundleSource struct{ Project, Name, Version string }

// mostItems bounds what is in one bundle: it is read as a whole when it is signed.
const mostItems = 100_000

// collection is what will be in a bundle.
type collection struct {
	*Ledger
	tx     Tx
	c      Caller
	items  []Item
	at     map[spot]int // where an item would be promoted to: index in items
	seen   seen         // what is outside
	newest time.Time    // when the newest of the files came that fitted patterns

	repositories map[string]Repository // those that were read
}

// spot is what no two items of a bundle may share: they would be promoted to one place.
type spot struct {
	kind       ItemKind
	what, path string
}

func (l *Ledger) collection(tx Tx, c Caller) *collection {
	return &collection{Ledger: l, tx: tx, c: c, at: map[spot]int{}, repositories: map[string]Repository{}}
}

// collect returns the items before with those of sources after them. What these name outside was looked for before.
func (l *Ledger) collect(ctx context.Context, tx Tx, c Caller, before []Item, sources []Source, found seen) ([]Item, error) {
	all := l.collection(tx, c)
	all.seen = found
	for _, i := range before {
		if err := all.add(i); err != nil {
			return nil, err
		}
	}
	for _, s := range sources {
		if err := all.source(ctx, s); err != nil {
			return nil, err
		}
	}
	return all.items, nil
}

func (all *collection) source(ctx context.Context, s Source) error {
	for _, a := range s.Artifacts {
		if err := all.artifact(ctx, a); err != nil {
			return err
		}
	}
	for _, p := range s.Patterns {
		if err := all.pattern(ctx, p); err != nil {
			return err
		}
	}
	for _, b := range s.Builds {
		if err := all.build(ctx, b); err != nil {
			return err
		}
	}
	for _, b := range s.Bundles {
		if err := all.bundle(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// add puts an item in. The same content at the same spot is in it already.
func (all *collection) add(i Item) error {
	at := spot{i.Kind, i.Type, i.Path}
	if before, there := all.at[at]; there {
		other := all.items[before]
		if other.SHA256 == i.SHA256 {
			return nil
		}
		return fault.New(fault.Invalid, "same-place", "%s and %s have other contents, and would be promoted to the same place", other.place(), i.place()).
			Hint("leave one of them out")
	}
	if len(all.items) == mostItems {
		return largeBundle()
	}
	all.at[at] = len(all.items)
	i.Number = int64(len(all.items) + 1)
	all.items = append(all.items, i)
	return nil
}

func largeBundle() error {
	return fault.New(fault.Invalid, "large-bundle", "a bundle has at most %d files", mostItems)
}

// repository finds one that the caller may read. A bound token learns nothing of those of other projects.
func (all *collection) repository(ctx context.Context, name string) (Repository, error) {
	if known, is := all.repositories[name]; is {
		return known, nil
	}
	r, err := all.tx.Repository(ctx, name)
	if err == nil && all.c.may(ToRead, r.Project) != nil {
		err = noRepository(name)
	}
	if err == nil {
		all.repositories[name] = r
	}
	return r, err
}

func noRepository(name string) error {
	return fault.New(fault.NotFound, "no-repository", "there is no repository %.120q", name)
}

func (all *collection) artifact(ctx context.Context, a Artifact) error {
	r, err := all.repository(ctx, a.Repository)
	if err != nil {
		return err
	}
	sum := strings.ToLower(a.SHA256)
	if sum != "" && !isSHA256(sum) {
		return fault.New(fault.Invalid, "invalid-checksum", "%.80q is no SHA-256", a.SHA256)
	}
	if r.Kind != Hosted {
		return all.elsewhere(r, a.Path, sum)
	}
	i, err := all.tx.FileItem(ctx, r.Name, a.Path)
	if err != nil {
		return err
	}
	if sum != "" && sum != i.SHA256 {
		return fault.New(fault.Invalid, "other-content", "%s has the checksum %s, not %s", i.place(), i.SHA256, sum)
	}
	return all.add(i)
}

var sha256Text = regexp.MustCompile(`^[0-9a-f]{64}$`)

func isSHA256(text string) bool { return sha256Text.MatchString(text) }

// manifestOf is how JFrog's clients write an image: by the file in which Artifactory has its manifest.
var manifestOf = regexp.MustCompile(`^(.+)/([^/]+)/(?:list\.)?manifest\.json$`)

// elsewhere puts in what is kept outside, with the checksum that it has there. Where nobody has looked, the one that was said counts, and is
// compared when it is promoted.
func (all *collection) elsewhere(r Repository, path, sum string) error {
	i := Item{Kind: FileItem, Type: r.Type, Repository: r.Name, Path: outsidePath(r, path), SHA256: sum, Properties: "{}"}
	if r.Images() {
		i.Kind = ImageItem
	}
	if path == "" || len(path) > longestPath || hasControl(path) {
		return fault.New(fault.Invalid, "no-file", "%.200q is no place in %s", path, r.Name)
	}
	if there, looked := all.seen[i.place()]; looked {
		switch kind := fault.KindOf(there.err); {
		case kind == fault.NotFound || kind == fault.Invalid && there.err != nil:
			return there.err
		case there.err != nil:
			return fault.New(fault.Invalid, "outside", "%s cannot be looked at: %s", i.place(), there.err)
		case sum != "" && sum != there.sum:
			return fault.New(fault.Invalid, "other-content", "%s has the checksum %s, not %s", i.place(), there.sum, sum)
		}
		i.SHA256 = there.sum
	}
	switch {
	case isSHA256(i.SHA256):
	case all.Outside != nil:
		return fault.New(fault.Invalid, "outside", "%s has not been looked at yet", i.place())
	default:
		return fault.New(fault.Invalid, "no-checksum", "%s is not kept here: its checksum must be said", i.place()).Hint("send its sha256, of an image the digest")
	}
	return all.add(i)
}

// buildInfo is what matters here of what a CI server sends of a build.
type buildInfo struct {
	Modules []struct {
		Artifacts    []builtFile `json:"artifacts"`
		Dependencies []builtFile `json:"dependencies"`
	} `json:"modules"`
}

type builtFile struct {
	ID         string `json:"id"` // of a dependency
	Name       string `json:"name"`
	Path       string `json:"path"`
	Repository string `json:"originalDeploymentRepo"`
	SHA1       string `json:"sha1"`
	SHA256     string `json:"sha256"`
}

func (all *collection) build(ctx context.Context, b BuildSource) error {
	built, err := all.tx.Build(ctx, b.Key, b.Name, b.Number)
	if err != nil {
		return err
	}
	if all.c.may(ToRead, built.Project) != nil {
		return noBuildInfo(b)
	}
	var info buildInfo
	if err := json.Unmarshal([]byte(built.Info), &info); err != nil {
		return fault.New(fault.Invalid, "damaged-build", "the build info of %s %s cannot be read", b.Name, b.Number).Because(err)
	}
	for _, m := range info.Modules {
		files := m.Artifacts
		if b.Dependencies {
			files = append(files, m.Dependencies...)
		}
		for _, f := range files {
			if err := all.built(ctx, built.Project, b, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func noBuildInfo(b BuildSource) error {
	return fault.New(fault.NotFound, "no-build-info", "there is no build %.200s %.200s in %.120s", b.Name, b.Number, b.Key).Hint("jf rt build-publish sends it")
}

// built finds a file of a build: where it was uploaded to, else by its checksum among the project's files.
func (all *collection) built(ctx context.Context, project string, b BuildSource, f builtFile) error {
	found, err := all.uploaded(ctx, project, f)
	if found || err != nil {
		return err
	}
	i, err := all.tx.FileOfContent(ctx, project, strings.ToLower(f.SHA256), strings.ToLower(f.SHA1))
	if fault.Is(err, "no-file") {
		return fault.New(fault.NotFound, "no-file", "%.200s of the build %s %s is not in a repository of %s", cmp.Or(f.Path, f.Name, f.ID), b.Name, b.Number, project)
	}
	if err != nil {
		return err
	}
	return all.add(i)
}

// uploaded puts in a file of a build that is where it was uploaded to.
func (all *collection) uploaded(ctx context.Context, project string, f builtFile) (found bool, err error) {
	if f.Repository == "" || f.Path == "" || f.SHA256 == "" {
		return false, nil
	}
	r, err := all.repository(ctx, f.Repository)
	switch {
	case fault.Is(err, "no-repository"), err == nil && r.Project != project:
		return false, nil
	case err != nil:
		return false, err
	case r.Kind != Hosted:
		return true, all.elsewhere(r, f.Path, strings.ToLower(f.SHA256))
	}
	i, err := all.tx.FileItem(ctx, r.Name, f.Path)
	switch {
	case fault.Is(err, "no-file"), err == nil && !strings.EqualFold(f.SHA256, i.SHA256):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, all.add(i)
}

func (all *collection) bundle(ctx context.Context, s BundleSource) error {
	if all.c.may(ToRead, s.Project) != nil {
		return noBundle(s.Name, s.Version)
	}
	b, err := all.tx.Bundle(ctx, s.Project, s.Name, s.Version)
	if err != nil {
		return err
	}
	if b.Status != Sealed {
		return notSealed(b)
	}
	items, err := all.tx.Items(ctx, b.ID)
	for _, i := range items {
		if err := all.add(i); err != nil {
			return err
		}
	}
	return err
}
