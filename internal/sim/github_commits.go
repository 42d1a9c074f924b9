package sim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

type hubComparisonItem struct {
	Status  string          `json:"status"`
	Ahead   int             `json:"ahead_by"`
	Behind  int             `json:"behind_by"`
	Total   int             `json:"total_commits"`
	Base    hubCommitItem   `json:"base_commit"`
	Commits []hubCommitItem `json:"commits"`
	HTMLURL string          `json:"html_url"`
}

// comparedAtOnce is how many commits a comparison has whose request names no page: the newest.
const comparedAtOnce = 250

// hubCompare: docs.github.com/rest/commits/commits#compare-two-commits.
func (s *Sim) hubCompare(c *hubCall) answer {
	from, to, ok := strings.Cut(c.args[0], "...")
	base, head := c.repository.resolve(from), c.repository.resolve(to)
	if !ok || base == nil || head == nil {
		return hubNotFound()
	}
	ahead, behind := head.without(base), base.without(head)
	item := hubComparisonItem{
		Status: "identical", Ahead: len(ahead), Behind: len(behind), Total: len(ahead), Base: c.commit(base),
		HTMLURL: c.base + "/" + c.repository.name + "/compare/" + c.args[0],
	}
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		item.Status = "diverged"
	case len(ahead) > 0:
		item.Status = "ahead"
	case len(behind) > 0:
		item.Status = "behind"
	}
	body := func(page []*commit) any {
		item.Commits = []hubCommitItem{}
		for _, k := range page {
			item.Commits = append(item.Commits, c.commit(k))
		}
		return item
	}
	if !c.query.Has("per_page") && !c.query.Has("page") {
		return reply(http.StatusOK, body(ahead[max(0, len(ahead)-comparedAtOnce):]))
	}
	return hubPage(c, fmt.Sprintf("repositories/%d/compare/%s", c.repository.id, c.args[0]), ahead, comparedAtOnce, body)
}

// hubCommit: docs.github.com/rest/commits/commits#get-a-commit. A branch, a tag, an id or the beginning of one will do.
func (s *Sim) hubCommit(c *hubCall) answer {
	found := c.repository.named(c.args[0])
	if found == nil {
		return hubNoCommit(c.args[0])
	}
	return reply(http.StatusOK, c.commit(found))
}

type hubBranchHeadItem struct {
	Name      string    `json:"name"`
	Commit    hubObject `json:"commit"`
	Protected bool      `json:"protected"`
}

// hubBranchesAt: docs.github.com/rest/commits/commits#list-branches-for-head-commit.
func (s *Sim) hubBranchesAt(c *hubCall) answer {
	found := c.repository.named(c.args[0])
	if found == nil {
		return hubNoCommit(c.args[0])
	}
	items := []hubBranchHeadItem{}
	for _, name := range sorted(c.repository.branches) {
		if c.repository.branches[name] == found {
			items = append(items, hubBranchHeadItem{Name: name, Commit: hubObject{SHA: found.sha, URL: c.url("commits/" + found.sha)}})
		}
	}
	return reply(http.StatusOK, items)
}

func hubNoCommit(ref string) answer {
	return hubFail(http.StatusUnprocessableEntity, "No commit found for SHA: "+ref)
}

// shortest is the shortest beginning of a commit's id that GitHub accepts.
const shortest = 4

// named is resolve that also knows the beginning of an id, unless several have it.
func (r *repository) named(ref string) *commit {
	if found := r.resolve(ref); found != nil || len(ref) < shortest {
		return found
	}
	all := map[string]*commit{}
	for head := range r.heads() {
		for c := head; c != nil; c = c.parent {
			if strings.HasPrefix(c.sha, strings.ToLower(ref)) {
				all[c.sha] = c
			}
		}
	}
	if len(all) != 1 {
		return nil
	}
	return slices.Collect(maps.Values(all))[0]
}

// heads returns the commits that branches and tags name.
func (r *repository) heads() func(yield func(*commit) bool) {
	return func(yield func(*commit) bool) {
		for _, heads := range []map[string]*commit{r.branches, r.tags} {
			for _, name := range sorted(heads) {
				if !yield(heads[name]) {
					return
				}
			}
		}
	}
}
