package sim

import (
	"cmp"
	"crypto/sha1"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// repository is the current state of one repository; its commits never change.
type repository struct {
	Repository
	name     string // org/name
	id       int
	branches map[string]*commit // their heads; nil for an empty repository
	tags     map[string]*commit
	statuses []CommitStatus
	releases []GitHubRelease
	renamed  map[string]string // branches, old name to new
	released bool              // a job has released from it
}

type commit struct {
	sha     string
	message string
	author  string // login, "" for none
	merge   bool
	at      time.Time
	parent  *commit
	files   map[string]string
}

// newRepository builds a repository as the scenario specifies; project is the CircleCI project of the same name.
func (s *Sim) newRepository(name string, id int, spec Repository, project Project, now time.Time) *repository {
	r := &repository{Repository: spec, name: name, id: id, branches: map[string]*commit{}, tags: map[string]*commit{}, renamed: map[string]string{}}
	r.Branches = maps.Clone(spec.Branches) // a renaming changes it
	r.DefaultBranch = cmp.Or(spec.DefaultBranch, project.DefaultBranch)
	if spec.Empty || spec.RenamedTo != "" {
		return r
	}
	first := s.commit(r, nil, "Initial commit", nil, now.Add(-365*24*time.Hour))
	for _, tag := range spec.Tags {
		r.tags[tag] = first
	}
	for branch, b := range r.declaredBranches() {
		files := maps.Clone(b.Files)
		if b.Version != "" {
			files = map[string]string{"pom.xml": pom(name, b.Version), ".circleci/config.yml": circleConfig(project.Parameters)}
			maps.Copy(files, b.Files)
		}
		commits := b.Commits
		if len(commits) == 0 {
			commits = []Commit{{Message: strings.TrimSpace("Continue with " + cmp.Or(b.Version, branch))}}
		}
		head := first
		for _, c := range commits {
			head = s.commit(r, head, c.Message, files, now.Add(-c.Age))
			head.sha, head.author, head.merge = cmp.Or(c.SHA, head.sha), c.Author, c.Merge
			if c.Tag != "" {
				r.tags[c.Tag] = head
			}
		}
		r.branches[branch] = head
	}
	return r
}

// declaredBranches returns the branches of the scenario and those that Version stands for.
func (r *repository) declaredBranches() map[string]Branch {
	branches := map[string]Branch{r.DefaultBranch: {}}
	if m := snapshotForm.FindStringSubmatch(r.Version); m != nil {
		branches[r.DefaultBranch] = Branch{Version: r.Version}
		if m[3] != "0" {
			minor, _ := strconv.Atoi(m[2]) // digits
			branches[r.DefaultBranch] = Branch{Version: fmt.Sprintf("%s.%d.0-SNAPSHOT", m[1], minor+1)}
			branches[m[1]+"."+m[2]+".x"] = Branch{Version: r.Version}
		}
	}
	for name, b := range r.Branches {
		b.Version = cmp.Or(b.Version, branches[name].Version)
		branches[name] = b
	}
	return branches
}

// commit makes a commit. Its id depends on the seed and the commit's content.
func (s *Sim) commit(r *repository, parent *commit, message string, files map[string]string, at time.Time) *commit {
	made := &commit{message: message, at: at, parent: parent, files: files}
	before := ""
	if parent != nil {
		before = parent.sha
	}
	names := slices.Sorted(maps.Keys(files))
	made.sha = fmt.Sprintf("%x", sha1.Sum(fmt.Append(nil, s.scenario.Seed, r.name, before, message, names)))
	return made
}

// rename renames the branches whose time has come.
func (h *hub) rename(now time.Time) {
	for _, r := range h.repositories {
		for _, name := range sorted(r.Branches) {
			if spec := r.Branches[name]; spec.RenamedTo != "" && !now.Before(h.began.Add(spec.RenamedAfter)) {
				r.rename(name, spec)
			}
		}
	}
}

func (r *repository) rename(from string, spec Branch) {
	to := spec.RenamedTo
	r.renamed[from] = to
	if r.DefaultBranch == from {
		r.DefaultBranch = to
	}
	r.branches[to] = r.branches[from]
	delete(r.branches, from)
	spec.RenamedTo, spec.RenamedAfter = "", 0
	r.Branches[to] = spec
	delete(r.Branches, from)
}

// resolve returns the commit of a branch, a tag or an id; nil when there is none.
func (r *repository) resolve(ref string) *commit {
	if c := r.branches[ref]; c != nil {
		return c
	}
	if c := r.tags[ref]; c != nil {
		return c
	}
	for head := range r.heads() {
		for c := head; c != nil; c = c.parent {
			if c.sha == ref {
				return c
			}
		}
	}
	return nil
}

// without returns the commits of c that other does not have, the oldest first.
func (c *commit) without(other *commit) []*commit {
	theirs := map[string]bool{}
	for o := other; o != nil; o = o.parent {
		theirs[o.sha] = true
	}
	var list []*commit
	for ; c != nil && !theirs[c.sha]; c = c.parent {
		list = append(list, c)
	}
	slices.Reverse(list)
	return list
}

// pom returns the pom.xml of a version; name is org/name.
func pom(name, version string) string {
	_, artifact, _ := strings.Cut(name, "/")
	return `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
    <modelVersion>4.0.0</modelVersion>
    <parent>
        <groupId>org.example</groupId>
        <artifactId>parent</artifactId>
        <version>19</version>
    </parent>
    <groupId>org.example</groupId>
    <artifactId>` + artifact + `</artifactId>
    <version>` + version + `</version>
</project>
`
}

// pomVersion returns the project's version in a pom.xml, which comes after the parent's, and the text around it.
func pomVersion(text string) (before, version, after string, ok bool) {
	start := max(0, strings.Index(text, "</parent>"))
	from := strings.Index(text[start:], "<version>")
	if from < 0 {
		return "", "", "", false
	}
	from += start + len("<version>")
	length := strings.Index(text[from:], "</version>")
	if length < 0 {
		return "", "", "", false
	}
	return text[:from], text[from : from+length], text[from+length:], true
}

// circleConfig returns a CircleCI configuration that declares parameters by name and type.
func circleConfig(parameters map[string]string) string {
	if parameters == nil {
		parameters = map[string]string{"gio_action": "string", "dry_run": "boolean"}
	}
	defaults := map[string]string{"string": `""`, "boolean": "true", "integer": "0"}
	text := "version: 2.1\nparameters:\n"
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		kind := parameters[name]
		text += fmt.Sprintf("  %s:\n    type: %s\n    default: %s\n", name, kind, defaults[kind])
	}
	return text + `jobs:
  release:
    docker:
      - image: cimg/openjdk:17.0
    steps:
      - checkout
workflows:
  release:
    jobs:
      - release
`
}
