package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/journal"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/run"
)

// editor changes release.json on the release branch of the remote. The checkout is only ever read.
type editor struct {
	env    *environment
	ws     workspace
	repo   *gitrepo.Repo
	before *manifest.Manifest
	shown  io.Writer // where an edit is shown, in colour or not
	color  bool
	commit gitrepo.Hash // that was pushed
}

// edit opens release.json of the remote for an edit. While somebody drives a run of its product version nobody
// may change it (kind Stopped).
func (env *environment) edit(ctx context.Context, ws workspace) (*editor, error) {
	e, err := env.editor(ctx, ws)
	if err != nil {
		return nil, err
	}
	if err := e.undriven(ctx); err != nil {
		return nil, err
	}
	if e.elsewhere() {
		fmt.Fprintf(env.Stderr, "the checkout's %s is not the one on branch %s of the remote, which is the one that is edited\n", ws.Path, ws.Branch.Value)
	}
	return e, nil
}

// editor reads release.json of the remote.
func (env *environment) editor(ctx context.Context, ws workspace) (*editor, error) {
	repo, err := env.repository(ctx, ws, nil)
	if err != nil {
		return nil, err
	}
	data, err := repo.ReadFile(repo.Head(), ws.Path)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(ws.Path, data)
	if err != nil {
		return nil, err
	}
	return &editor{env: env, ws: ws, repo: repo, before: m, shown: env.Stdout, color: env.outColor()}, nil
}

// elsewhere tells whether the checkout has another release.json than the remote's branch.
func (e *editor) elsewhere() bool {
	return e.env.repo == "" && (e.ws.Branch.Value != e.ws.Checkout.Branch || !sameText(e.ws.Local, e.before.Bytes()))
}

// sameText leaves out what a checkout may do to line ends.
func sameText(a, b []byte) bool {
	return bytes.Equal(bytes.ReplaceAll(a, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
}

func (e *editor) undriven(ctx context.Context) error {
	h := run.Header{Kind: "release", Manifest: e.ws.Path, Version: e.before.ReleaseVersion()}
	_, lease, err := journal.ReadGit(ctx, e.repo.Ref(journal.GitRef), h)
	if err != nil && !fault.Is(err, "no-journal") {
		return err
	}
	if !lease.Live(time.Now()) {
		return nil
	}
	return fault.New(fault.Stopped, "driven-elsewhere", "another gio (%s) drives %s: %s is not edited meanwhile", lease, h.Run(), e.ws.Path).
		Hint("wait for it to end (`gio status`), or stop it, then run the same command again")
}

// apply shows what an edit changes and, unless it is only to be shown, asks and pushes it as one commit.
// Where nobody can be asked, only yes makes it (else kind Cancelled).
func (e *editor) apply(ctx context.Context, after *manifest.Manifest, message string, yes, dryRun bool) error {
	env := e.env
	if err := report.Diff(e.shown, e.ws.Path, e.before.Bytes(), after.Bytes(), e.color); err != nil {
		return err
	}
	if dryRun {
		env.closing = "dry run: nothing was written; without --dry-run this is committed and pushed"
		return nil
	}
	question := fmt.Sprintf("Commit this to %s of %s and push it?", e.ws.Branch.Value, gitrepo.Redact(e.ws.Checkout.RemoteURL))
	if err := env.consent(question, yes); err != nil {
		return err
	}
	return e.push(ctx, after.Bytes(), message)
}

// consent asks where there is somebody, and else takes nothing but --yes for it (kind Cancelled).
func (env *environment) consent(question string, yes bool) error {
	switch {
	case yes:
		return nil
	case !env.asks():
		return fault.New(fault.Cancelled, "not-asked", "nothing was written: there is nobody to ask").Hint("--yes commits and pushes this edit")
	}
	return env.confirm(question, "nothing was written")
}

// editPushes is how often an edit is pushed when other commits come between.
const editPushes = 3

// push commits on the newest commit, as long as release.json there is still the one that was edited, and nobody has begun
// to release it while the question was open.
func (e *editor) push(ctx context.Context, content []byte, message string) error {
	if err := e.undriven(ctx); err != nil {
		return err
	}
	for range editPushes {
		head := e.repo.Head()
		data, err := e.repo.ReadFile(head, e.ws.Path)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, e.before.Bytes()) {
			break
		}
		commit, err := e.repo.Commit(head, e.ws.Path, content, message)
		if err != nil {
			return err
		}
		err = e.repo.Push(ctx, []gitrepo.Update{{Ref: "refs/heads/" + e.ws.Branch.Value, Old: head, New: commit}})
		if err == nil {
			return e.pushed(commit)
		}
		if !errors.Is(err, gitrepo.ErrMoved) {
			return err
		}
		if err := e.repo.Fetch(ctx); err != nil {
			return err
		}
	}
	return fault.New(fault.Stopped, "branch-moved", "somebody else has pushed to %s meanwhile: nothing was written", e.ws.Branch.Value).
		Hint("run the same command again")
}

func (e *editor) pushed(commit gitrepo.Hash) error {
	e.commit = commit
	bring := ""
	if e.env.repo == "" && e.ws.Branch.Value == e.ws.Checkout.Branch {
		bring = "; `git pull` brings it into the checkout"
	}
	_, err := fmt.Fprintf(e.env.Stderr, "pushed %.10s to %s: %s%s\n", commit, e.ws.Branch.Value, e.repo.Subject(commit), bring)
	return err
}
