package gitops

import (
	"encoding/json"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// Release is what release.json holds, in the order and under the names that Gimlet's clients know.
// (gimlet-io/gimlet, pkg/dx/release.go)
type Release struct {
	App                    string   `json:"app"`
	Env                    string   `json:"env"`
	ArtifactID             string   `json:"artifactId"`
	TriggeredBy            string   `json:"triggeredBy"`
	Version                *Version `json:"version"`
	GitopsRef              string   `json:"gitopsRef"` // hash of its commit; "" in the file, which cannot know it
	GitopsRepo             string   `json:"gitopsRepo"`
	GitopsCommitStatus     string   `json:"gitopsCommitStatus"`
	GitopsCommitStatusDesc string   `json:"gitopsCommitStatusDesc"`
	GitopsCommitCreated    int64    `json:"gitopsCommitCreated,omitempty"` // seconds
	Created                int64    `json:"created,omitempty"`             // of the commit, in seconds
	RolledBack             bool     `json:"rolledBack,omitempty"`
}

// Version is the commit that was built. (gimlet-io/gimlet, pkg/dx/artifact.go)
type Version struct {
	RepositoryName string `json:"repositoryName,omitempty"` // owner/name
	SHA            string `json:"sha,omitempty"`
	Created        int64  `json:"created,omitempty"` // seconds
	Branch         string `json:"branch,omitempty"`
	Event          string `json:"event,omitempty"` // "" for a push
	SourceBranch   string `json:"sourceBranch,omitempty"`
	TargetBranch   string `json:"targetBranch,omitempty"`
	Tag            string `json:"tag,omitempty"`
	AuthorName     string `json:"authorName,omitempty"`
	AuthorEmail    string `json:"authorEmail,omitempty"`
	CommitterName  string `json:"committerName,omitempty"`
	CommitterEmail string `json:"committerEmail,omitempty"`
	Message        string `json:"message,omitempty"`
	URL            string `json:"url,omitempty"`
}

// VersionOf is a revision in Gimlet's words.
func VersionOf(r ledger.Revision) *Version {
	v := Version{
		r.Repository, r.SHA, r.Created, r.Branch, string(r.Event), r.SourceBranch, r.TargetBranch, r.Tag,
		r.AuthorName, r.AuthorEmail, r.CommitterName, r.CommitterEmail, r.Message, r.URL,
	}
	if r.Event == ledger.Push {
		v.Event = ""
	}
	return &v
}

// Revision is a version in the ledger's words.
func (v Version) Revision() ledger.Revision {
	return ledger.Revision{
		Repository: v.RepositoryName, SHA: v.SHA, Created: v.Created, Branch: v.Branch, Event: ledger.ParseGitEvent(v.Event),
		SourceBranch: v.SourceBranch, TargetBranch: v.TargetBranch, Tag: v.Tag,
		AuthorName: v.AuthorName, AuthorEmail: v.AuthorEmail, CommitterName: v.CommitterName, CommitterEmail: v.CommitterEmail,
		Message: v.Message, URL: v.URL,
	}
}

// file is release.json, which ends in a newline.
func (r Release) file() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fault.New(fault.Internal, "gitops-release", "the release of %s in %s cannot be written", r.App, r.Env).Because(err)
	}
	return append(text, '\n'), nil
}
