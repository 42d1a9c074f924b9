package sim

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// isRelease reports whether a pipeline releases when it succeeds.
func (p *pipeline) isRelease() bool {
	return p.parameters["gio_action"] == "release" && p.parameters["dry_run"] == false
}

// settle applies the renamings that are due, and the releases of the pipelines that have succeeded by now to their
// repositories. Like everything here it is computed when somebody reads.
func (s *Sim) settle(now time.Time) {
	if s.hub == nil {
		return
	}
	s.hub.rename(now)
	s.hub.unsettled = slices.DeleteFunc(s.hub.unsettled, func(p *pipeline) bool {
		if p.fate(now) != string(Success) {
			return false // it may be rerun
		}
		s.release(p, now)
		return true
	})
}

// release does what the job of a pipeline does to its repository.
func (s *Sim) release(p *pipeline, now time.Time) {
	_, org, name := p.project.parts()
	r := s.hub.repositories[org+"/"+name]
	if r == nil || r.ReleaseTags != nil && !*r.ReleaseTags {
		return
	}
	head := r.branches[p.ref.branch]
	if head == nil {
		return
	}
	before, version, after, ok := pomVersion(head.files["pom.xml"])
	released, open := strings.CutSuffix(version, "-SNAPSHOT")
	if !ok || !open || r.tags[released] != nil {
		return
	}
	at := p.finished(now)
	with := func(version string, edit func(pom string) string) map[string]string {
		files := maps.Clone(head.files)
		files["pom.xml"] = before + version + after
		for name, text := range files {
			if path.Base(name) == "pom.xml" {
				files[name] = edit(text)
			}
		}
		return files
	}
	files := with(released, func(pom string) string { return strings.ReplaceAll(pom, "-SNAPSHOT<", "<") })
	if !r.released {
		maps.Copy(files, r.ReleaseFiles)
		r.released = true
	}
	tagged := s.commit(r, head, "Release "+released, files, at)
	r.tags[released] = tagged
	next := nextPatch(released) + "-SNAPSHOT"
	following := with(next, func(pom string) string { return strings.ReplaceAll(pom, ">"+version+"<", ">"+next+"<") })
	r.branches[p.ref.branch] = s.commit(r, tagged, "Prepare "+next, following, at)
}

// finished returns when the last workflow of a pipeline ended.
func (p *pipeline) finished(now time.Time) time.Time {
	end := p.created
	for _, w := range p.newest(now) {
		end = later(end, w.course().stop(now))
	}
	return end
}

// nextPatch increments the last number of a version.
func nextPatch(version string) string {
	at := len(strings.TrimRight(version, "0123456789"))
	last, err := strconv.Atoi(version[at:])
	if err != nil {
		return version + ".1"
	}
	return fmt.Sprintf("%s%d", version[:at], last+1)
}

// CommitStatus is a status that somebody set.
type CommitStatus struct{ SHA, State, Context, Description, URL string }

// GitHubRelease is a release that somebody made.
type GitHubRelease struct {
	Tag, Name, Notes  string
	Draft, Prerelease bool
}

// CommitStatuses returns the statuses set in a repository (org/name), the oldest first.
func (s *Sim) CommitStatuses(repository string) []CommitStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.hub.repository(repository); r != nil {
		return slices.Clone(r.statuses)
	}
	return nil
}

// GitHubReleases returns the releases made in a repository (org/name), the oldest first.
func (s *Sim) GitHubReleases(repository string) []GitHubRelease {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.hub.repository(repository); r != nil {
		return slices.Clone(r.releases)
	}
	return nil
}

// RepositoryTags returns the tags of a repository (org/name), sorted.
func (s *Sim) RepositoryTags(repository string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.scenario.Now())
	if r := s.hub.repository(repository); r != nil {
		return slices.Sorted(maps.Keys(r.tags))
	}
	return nil
}

// Commit pushes one commit of somebody's to a branch, and makes a new branch from the default branch. It adds the files to
// those of the branch, and tags the commit unless tag is empty.
func (s *Sim) Commit(repository, branch, message, tag string, files map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.scenario.Now()
	s.settle(now)
	r := s.hub.repository(repository)
	if r == nil {
		return fmt.Errorf("sim: there is no repository %s", repository)
	}
	parent := r.branches[branch]
	if parent == nil {
		parent = r.branches[r.DefaultBranch]
	}
	all := map[string]string{}
	if parent != nil {
		maps.Copy(all, parent.files)
	}
	maps.Copy(all, files)
	r.branches[branch] = s.commit(r, parent, message, all, now)
	if tag != "" {
		r.tags[tag] = r.branches[branch]
	}
	return nil
}

// Untag takes a release back, as somebody does who wants it made anew: it deletes the tag, and the branch is again where it was
// before the commit of that tag.
func (s *Sim) Untag(repository, branch, tag string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.scenario.Now())
	r := s.hub.repository(repository)
	if r == nil || r.tags[tag] == nil || r.tags[tag].parent == nil || r.branches[branch] == nil {
		return fmt.Errorf("sim: %s has no tag %s of a commit of the branch %s", repository, tag, branch)
	}
	r.branches[branch] = r.tags[tag].parent
	delete(r.tags, tag)
	return nil
}
