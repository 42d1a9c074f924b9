package github

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	gogithub "github.com/google/go-github/v57/github"

	"github.com/gravitee-lab/gio/internal/fault"
)

// File reads a file of at most 1 MB at a ref: a branch, a tag or a commit; "" is the default branch
// (docs.github.com/rest/repos/contents#get-repository-content). Faults: "no-file" when repository and ref exist,
// "no-commit" for the ref, "no-repository"; "github-file", Invalid, for a larger file or something that is not a file.
func (c *Client) File(ctx context.Context, repo, ref, path string) ([]byte, error) {
	at, err := repoPath(repo, append([]string{"contents"}, strings.Split(path, "/")...)...)
	if err != nil {
		return nil, err
	}
	k := call{path: at, subject: fmt.Sprintf("%s of %s", path, repo), missing: "no-file"}
	if ref != "" {
		k.path += "?ref=" + url.QueryEscape(ref)
		k.subject += " at " + ref
	}
	var raw json.RawMessage // an object for a file, a list for a directory
	if _, err := c.get(ctx, k, &raw); err != nil {
		return nil, c.specifyMissing(ctx, repo, k, err)
	}
	var file gogithub.RepositoryContent
	if err := json.Unmarshal(raw, &file); err != nil || file.GetType() != "file" || file.GetEncoding() == "none" {
		return nil, fault.New(fault.Invalid, "github-file", "%s is not a file of at most 1 MB", k.subject)
	}
	text, err := file.GetContent()
	if err != nil {
		return nil, missingPart(k, "content that can be decoded")
	}
	return []byte(text), nil
}

// Tag is a tag of a repository.
type Tag struct {
	Name string
	SHA  string // of the commit, also when the tag is annotated
}

// maxPeel bounds the tags that point to tags.
const maxPeel = 5

// Tag reads one tag (docs.github.com/rest/git/refs#get-a-reference); an annotated one needs a second request. Faults:
// "no-tag" for a tag that does not exist, "no-repository" for a repository that the token cannot see.
func (c *Client) Tag(ctx context.Context, repo, name string) (Tag, error) {
	path, err := repoPath(repo, append([]string{"git", "ref", "tags"}, strings.Split(name, "/")...)...)
	if err != nil {
		return Tag{}, err
	}
	k := call{path: path, subject: fmt.Sprintf("tag %s of %s", name, repo), missing: "no-tag"}
	var ref gogithub.Reference
	if _, err := c.get(ctx, k, &ref); err != nil {
		return Tag{}, c.specifyMissing(ctx, repo, k, err)
	}
	object := ref.GetObject()
	for range maxPeel {
		if object.GetType() != "tag" {
			break
		}
		if k.path, err = repoPath(repo, "git", "tags", object.GetSHA()); err != nil {
			return Tag{}, err
		}
		var annotated gogithub.Tag
		if _, err := c.get(ctx, k, &annotated); err != nil {
			return Tag{}, err
		}
		object = annotated.GetObject()
	}
	if object.GetSHA() == "" {
		return Tag{}, missingPart(k, "commit")
	}
	return Tag{Name: name, SHA: object.GetSHA()}, nil
}

// HasTag reports, with one request, whether a repository has a tag of this name
// (docs.github.com/rest/git/refs#list-matching-references). The fault of a repository that the token cannot see is
// "no-repository".
func (c *Client) HasTag(ctx context.Context, repo, name string) (bool, error) {
	path, err := repoPath(repo, append([]string{"git", "matching-refs", "tags"}, strings.Split(name, "/")...)...)
	if err != nil {
		return false, err
	}
	k := call{path: path, subject: "repository " + repo, missing: "no-repository"}
	var refs []*gogithub.Reference // all whose names begin with it
	if _, err := c.get(ctx, k, &refs); err != nil {
		return false, err
	}
	return slices.ContainsFunc(refs, func(r *gogithub.Reference) bool { return r.GetRef() == "refs/tags/"+name }), nil
}

// Tags reads all tags of a repository, in GitHub's unspecified order, in pages of 100 as they are needed
// (docs.github.com/rest/repos/repos#list-repository-tags). An error ends the sequence.
func (c *Client) Tags(ctx context.Context, repo string) iter.Seq2[Tag, error] {
	return func(yield func(Tag, error) bool) {
		path, err := repoPath(repo, "tags")
		if err != nil {
			yield(Tag{}, err)
			return
		}
		k := call{path: path + "?", subject: "repository " + repo, missing: "no-repository"}
		for tag, err := range pages(ctx, c, k, (*gogithub.RepositoryTag).GetName) {
			if err != nil {
				yield(Tag{}, err)
				return
			}
			if !yield(Tag{Name: tag.GetName(), SHA: tag.GetCommit().GetSHA()}, nil) {
				return
			}
		}
	}
}
