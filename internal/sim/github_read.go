package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

type hubCommitItem struct {
	SHA     string         `json:"sha"`
	Commit  hubCommitInner `json:"commit"`
	URL     string         `json:"url"`
	HTMLURL string         `json:"html_url"`
	Author  *hubUserItem   `json:"author,omitempty"` // GitHub has null where it knows no account of the address
	Parents []hubObject    `json:"parents"`
}

type hubCommitInner struct {
	Author    hubPerson `json:"author"`
	Committer hubPerson `json:"committer"`
	Message   string    `json:"message"`
}

type hubPerson struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Date  string `json:"date"`
}

type hubObject struct {
	Type string `json:"type,omitempty"`
	SHA  string `json:"sha"`
	URL  string `json:"url"`
}

func (c *hubCall) commit(k *commit) hubCommitItem {
	who := hubPerson{Name: "Somebody", Email: "somebody@example.org", Date: seconds(k.at)}
	item := hubCommitItem{
		SHA: k.sha, Commit: hubCommitInner{Author: who, Committer: who, Message: k.message},
		URL: c.url("commits/" + k.sha), HTMLURL: c.base + "/" + c.repository.name + "/commit/" + k.sha, Parents: []hubObject{},
	}
	if k.author != "" {
		item.Author = &hubUserItem{Login: k.author, ID: 1, Type: "User"}
	}
	if k.parent != nil {
		item.Parents = append(item.Parents, hubObject{SHA: k.parent.sha, URL: c.url("commits/" + k.parent.sha)})
	}
	if k.merge {
		merged := digest("merged", k.sha)
		item.Parents = append(item.Parents, hubObject{SHA: merged, URL: c.url("commits/" + merged)})
	}
	return item
}

type hubBranchItem struct {
	Name          string              `json:"name"`
	Commit        hubCommitItem       `json:"commit"`
	Protected     bool                `json:"protected"`
	Protection    hubProtectionDigest `json:"protection"`
	ProtectionURL string              `json:"protection_url"`
}

type hubProtectionDigest struct {
	Enabled bool      `json:"enabled"`
	Checks  hubChecks `json:"required_status_checks"`
}

type hubChecks struct {
	Enforcement string   `json:"enforcement_level"`
	Contexts    []string `json:"contexts"`
}

// hubBranch: docs.github.com/rest/branches/branches#get-a-branch. Everybody sees the summary of the protection. The old name
// of a renamed branch leads to the new one; no other endpoint knows it.
func (s *Sim) hubBranch(c *hubCall) answer {
	name := c.args[0]
	head := c.repository.branches[name]
	if to := c.repository.renamed[name]; head == nil && to != "" {
		return c.moved(c.repository, "branches/"+url.PathEscape(to))
	}
	if head == nil {
		return hubFail(http.StatusNotFound, "Branch not found")
	}
	protection := c.repository.Branches[name].Protection
	item := hubBranchItem{
		Name: name, Commit: c.commit(head), Protected: protection != nil || len(c.repository.branchRules(name)) > 0,
		Protection:    hubProtectionDigest{Checks: hubChecks{Enforcement: "off", Contexts: []string{}}},
		ProtectionURL: c.url("branches/" + url.PathEscape(name) + "/protection"),
	}
	if protection != nil {
		item.Protection.Enabled = true
		if len(protection.Statuses) > 0 {
			item.Protection.Checks = hubChecks{Enforcement: "non_admins", Contexts: protection.Statuses}
		}
	}
	return reply(http.StatusOK, item)
}

type hubContentItem struct {
	Type     string `json:"type"`
	Encoding string `json:"encoding,omitempty"`
	Size     int    `json:"size"`
	Name     string `json:"name"`
	Path     string `json:"path"`
	Content  string `json:"content,omitempty"`
	SHA      string `json:"sha"`
	URL      string `json:"url"`
}

// contentLimit is the largest file whose content is sent (docs.github.com/rest/repos/contents#get-repository-content).
const contentLimit = 1 << 20

// hubContents answers with an object for a file and with a list for a directory.
func (s *Sim) hubContents(c *hubCall) answer {
	ref := c.query.Get("ref")
	if ref == "" {
		ref = c.repository.DefaultBranch
	}
	if len(c.repository.branches) == 0 {
		return hubFail(http.StatusNotFound, "This repository is empty.")
	}
	at := c.repository.resolve(ref)
	if at == nil {
		return hubFail(http.StatusNotFound, "No commit found for the ref "+ref)
	}
	name := c.args[0]
	if text, ok := at.files[name]; ok {
		item := c.content("file", name, text)
		item.Encoding, item.Content = "base64", folded(text)
		if len(text) > contentLimit {
			item.Encoding, item.Content = "none", ""
		}
		return reply(http.StatusOK, item)
	}
	return c.directory(at, name)
}

func (c *hubCall) directory(at *commit, name string) answer {
	seen, list := map[string]bool{}, []hubContentItem{}
	for _, file := range slices.Sorted(maps.Keys(at.files)) {
		below, ok := strings.CutPrefix(file, name+"/")
		first, _, deeper := strings.Cut(below, "/")
		if !ok || seen[first] {
			continue
		}
		seen[first] = true
		kind := "file"
		if deeper {
			kind = "dir"
		}
		list = append(list, c.content(kind, name+"/"+first, at.files[name+"/"+first]))
	}
	if len(list) == 0 {
		return hubNotFound()
	}
	return reply(http.StatusOK, list)
}

func (c *hubCall) content(kind, name, text string) hubContentItem {
	return hubContentItem{Type: kind, Size: len(text), Name: path.Base(name), Path: name, SHA: digest("blob", text), URL: c.url("contents/" + name)}
}

// folded encodes a text as base64 in lines of 60 characters, as GitHub sends it.
func folded(text string) string {
	var lines strings.Builder
	for encoded := base64.StdEncoding.EncodeToString([]byte(text)); encoded != ""; {
		n := min(60, len(encoded))
		lines.WriteString(encoded[:n] + "\n")
		encoded = encoded[n:]
	}
	return lines.String()
}

type hubRefItem struct {
	Ref    string    `json:"ref"`
	URL    string    `json:"url"`
	Object hubObject `json:"object"`
}

// hubRef: docs.github.com/rest/git/refs#get-a-reference. The object of an annotated tag is the tag, not the commit.
func (s *Sim) hubRef(c *hubCall) answer {
	r := c.repository
	if len(r.branches) == 0 {
		return hubFail(http.StatusConflict, "Git Repository is empty.")
	}
	kind, name, _ := strings.Cut(c.args[0], "/")
	at := r.refs(kind)[name]
	if at == nil {
		return hubNotFound()
	}
	return reply(http.StatusOK, c.refItem(kind, name, at))
}

// hubMatchingRefs: docs.github.com/rest/git/refs#list-matching-references. Without a match it answers an empty list, not 404.
func (s *Sim) hubMatchingRefs(c *hubCall) answer {
	if len(c.repository.branches) == 0 {
		return hubFail(http.StatusConflict, "Git Repository is empty.")
	}
	kind, begin, _ := strings.Cut(c.args[0], "/")
	items := []hubRefItem{}
	refs := c.repository.refs(kind)
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if strings.HasPrefix(name, begin) {
			items = append(items, c.refItem(kind, name, refs[name]))
		}
	}
	return reply(http.StatusOK, items)
}

// refs returns the branches (heads) or the tags.
func (r *repository) refs(kind string) map[string]*commit {
	return map[string]map[string]*commit{"heads": r.branches, "tags": r.tags}[kind]
}

func (c *hubCall) refItem(kind, name string, at *commit) hubRefItem {
	object := hubObject{Type: "commit", SHA: at.sha, URL: c.url("git/commits/" + at.sha)}
	if kind == "tags" && c.repository.Annotated {
		sha := digest("tag", c.repository.name, name)
		object = hubObject{Type: "tag", SHA: sha, URL: c.url("git/tags/" + sha)}
	}
	return hubRefItem{Ref: "refs/" + kind + "/" + name, URL: c.url("git/refs/" + kind + "/" + name), Object: object}
}

type hubTagObjectItem struct {
	SHA     string    `json:"sha"`
	URL     string    `json:"url"`
	Tag     string    `json:"tag"`
	Message string    `json:"message"`
	Tagger  hubPerson `json:"tagger"`
	Object  hubObject `json:"object"`
}

// hubTagObject: docs.github.com/rest/git/tags#get-a-tag.
func (s *Sim) hubTagObject(c *hubCall) answer {
	for name, at := range c.repository.tags {
		if c.repository.Annotated && digest("tag", c.repository.name, name) == c.args[0] {
			return reply(http.StatusOK, hubTagObjectItem{
				SHA: c.args[0], URL: c.url("git/tags/" + c.args[0]), Tag: name, Message: "Release " + name,
				Tagger: hubPerson{Name: "Somebody", Email: "somebody@example.org", Date: seconds(at.at)},
				Object: hubObject{Type: "commit", SHA: at.sha, URL: c.url("git/commits/" + at.sha)},
			})
		}
	}
	return hubNotFound()
}

type hubTagItem struct {
	Name   string    `json:"name"`
	Commit hubObject `json:"commit"`
}

// hubTags: docs.github.com/rest/repos/repos#list-repository-tags.
func (s *Sim) hubTags(c *hubCall) answer {
	items := []hubTagItem{}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(c.repository.tags))) {
		at := c.repository.tags[name]
		items = append(items, hubTagItem{Name: name, Commit: hubObject{SHA: at.sha, URL: c.url("commits/" + at.sha)}})
	}
	return hubPage(c, fmt.Sprintf("repositories/%d/tags", c.repository.id), items, 30, func(items []hubTagItem) any { return items })
}

// hubPage answers with one page, and with the Link header that leads to the others
// (docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api).
func hubPage[T any](c *hubCall, at string, items []T, size int, body func([]T) any) answer {
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	page, err := strconv.Atoi(c.query.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	from := min((page-1)*size, len(items))
	to := min(from+size, len(items))
	a := reply(http.StatusOK, body(items[from:to]))
	if to < len(items) {
		link := func(n int, rel string) string {
			return fmt.Sprintf(`<%s%s%s?per_page=%d&page=%d>; rel="%s"`, c.base, gitHubRoot, at, size, n, rel)
		}
		a = a.with("Link", link(page+1, "next")+", "+link((len(items)+size-1)/size, "last"))
	}
	return a
}

// decode reads the body of a write.
func (c *hubCall) decode(v any) *answer {
	if err := json.Unmarshal(c.body, v); err != nil {
		a := hubFail(http.StatusBadRequest, "Problems parsing JSON")
		return &a
	}
	return nil
}
