package operate

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/run"
)

// editor changes release.json on the release branch of the remote. It only reads the checkout.
type editor struct {
	Setup
	repo   *gitrepo.Repo
	before *manifest.Manifest
}

// newEditor reads release.json of the remote, also one that an edit has to mend.
func newEditor(ctx context.Context, s Setup) (*editor, error) {
	repo, err := s.Repository(ctx, nil)
	if err != nil {
		return nil, err
	}
	data, err := repo.ReadFile(repo.Head(), s.Path)
	if err != nil {
		return nil, err
	}
	m, err := manifest.ParseToEdit(s.Path, data)
	if err != nil {
		return nil, err
	}
	return &editor{Setup: s, repo: repo, before: m}, nil
}

// RemoteManifest returns release.json of the remote as it was read.
func (e *editor) RemoteManifest() *manifest.Manifest { return e.before }

// RemoteURL returns the address of the release repository without a password.
func (e *editor) RemoteURL() string { return gitrepo.Redact(e.Checkout.RemoteURL) }

// CheckoutDiffers reports whether the checkout has another release.json than the remote's branch.
func (e *editor) CheckoutDiffers() bool {
	return e.Options().Repo == "" && (e.OnOtherBranch() || !sameText(e.Local, e.before.Bytes()))
}

// sameText compares without regard to line ends, which a checkout may change.
func sameText(a, b []byte) bool {
	return bytes.Equal(bytes.ReplaceAll(a, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
}

// refuseWhileDriven returns a fault (kind Stopped) while somebody drives a run of release.json's version: nobody may change it
// meanwhile.
func (e *editor) refuseWhileDriven(ctx context.Context) error {
	h := run.Header{Kind: run.Release, Manifest: e.Path, Version: e.before.ReleaseVersion()}
	_, lease, err := journal.ReadGit(ctx, e.repo.Ref(journal.GitRef), h)
	if err != nil && !fault.Is(err, "no-journal") {
		return err
	}
	if !lease.Live(time.Now()) {
		return nil
	}
	return fault.New(fault.Stopped, "driven-elsewhere", "another gio (%s) drives %s: %s is not edited meanwhile", lease, h.Run(), e.Path).
		Hint("wait for it to end (%s), or stop it, then %s", fault.Next{Action: fault.Status}, fault.Again())
}

// editPushes is how often an edit is pushed when other commits get in between.
const editPushes = 3

// push commits on top of the newest commit, as long as release.json there is still the one that was edited, and nobody has begun
// to release it meanwhile.
func (e *editor) push(ctx context.Context, content []byte, message string) (gitrepo.Hash, error) {
	if err := e.refuseWhileDriven(ctx); err != nil {
		return "", err
	}
	for range editPushes {
		head := e.repo.Head()
		data, err := e.repo.ReadFile(head, e.Path)
		if err != nil {
			return "", err
		}
		if !bytes.Equal(data, e.before.Bytes()) {
			break
		}
		commit, err := e.repo.Commit(head, e.Path, content, message)
		if err != nil {
			return "", err
		}
		err = e.repo.Push(ctx, []gitrepo.Update{{Ref: "refs/heads/" + e.Branch.Value, Old: head, New: commit}})
		if err == nil {
			return commit, nil
		}
		if !errors.Is(err, gitrepo.ErrMoved) {
			return "", err
		}
		if err := e.repo.Fetch(ctx); err != nil {
			return "", err
		}
	}
	return "", fault.New(fault.Stopped, "branch-moved", "somebody else has pushed to %s meanwhile: nothing was written", e.Branch.Value).
		Hint("%s", fault.Again())
}
