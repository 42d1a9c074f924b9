package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gravitee-lab/gio/internal/fault"
)

// ErrMoved says that somebody else changed a ref between our reading and our push. Nothing of ours was written: fetch,
// work again on the new state, push again.
var ErrMoved = errors.New("the ref has moved")

// Update is one ref to push. Old is what it must hold now, "" that it must not exist.
type Update struct {
	Ref      string // full name
	Old, New Hash
}

// Push writes all refs or none, each only if it still holds Old, and reads the refs back: it succeeds only if every ref
// holds New. What the server answered does not decide, what it holds does, so a lost answer is no failure. Two pushes of
// the identical objects both succeed.
//
// Errors: ErrMoved; faults "git-auth"; "push-refused" (kind Stopped: a protected branch, a hook; the server's words are in
// the message); "push-failed" (kind Remote: no answer and nothing written as far as the refs tell, but a server that is
// merely slow may still write it: fetch before pushing again); "push-unknown" (kind Remote: the refs cannot be read back);
// "push-partial"; "no-atomic-push".
func (r *Repo) Push(ctx context.Context, updates []Update) error {
	if r.told != nil {
		return r.pushDry(updates)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	refs, err := r.push(ctx, updates)
	if refs != nil {
		r.refs = refs
	}
	return err
}

// push gives the refs as they were read back, nil where that did not come to pass.
func (r *Repo) push(ctx context.Context, updates []Update) (map[string]Hash, error) {
	sent, err := r.unsent(updates)
	if err != nil {
		return nil, err
	}
	wire, cancel := context.WithTimeout(ctx, wireTimeout)
	defer cancel()
	session, adv, err := r.remote.receivePack(wire)
	if err != nil {
		return nil, err
	}
	defer hangUp(session)
	if !adv.Capabilities.Supports(capability.Atomic) {
		return nil, r.notAtomic()
	}
	request, words, err := r.request(adv, updates, sent)
	if err != nil {
		return nil, err
	}
	report, err := session.ReceivePack(wire, request)
	refs, err := r.outcome(ctx, updates, report, err, words.String())
	if err == nil {
		r.landed(updates, sent)
	}
	return refs, err
}

// ProvePush proves the right to push, and that the server pushes atomically, without writing anything. Faults: "git-auth",
// "no-atomic-push" and those of reading. A branch's protection is not seen here. With Options.DryPush it proves nothing.
func (r *Repo) ProvePush(ctx context.Context) error {
	if r.told != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, wireTimeout)
	defer cancel()
	session, adv, err := r.remote.receivePack(ctx)
	if err != nil {
		return err
	}
	hangUp(session)
	if !adv.Capabilities.Supports(capability.Atomic) {
		return r.notAtomic()
	}
	return nil
}

func (r *Repo) notAtomic() error {
	return fault.New(fault.Remote, "no-atomic-push", "the server of %s cannot push several refs as one", r.remote.shown).
		Hint("gio needs the Git capability \"atomic\"; Git 2.4 and newer, GitHub and GitLab have it")
}

// unsent are the objects made here that the new values need and the remote lacks, in a store of their own.
func (r *Repo) unsent(updates []Update) (*memory.Storage, error) {
	if len(updates) == 0 {
		return nil, fault.New(fault.Internal, "push-empty", "a push to %s names no ref", r.remote.shown)
	}
	sent := memory.NewStorage()
	for _, u := range updates {
		holder := &r.objects
		for _, other := range r.others {
			if other.store.HasEncodedObject(u.New.plumb()) == nil {
				holder = &other.objects
			}
		}
		if err := holder.unsent(u.New, sent); err != nil {
			return nil, err
		}
	}
	return sent, nil
}

func (r *Repo) request(adv *packp.AdvRefs, updates []Update, sent *memory.Storage) (*packp.ReferenceUpdateRequest, *limited, error) {
	var pack bytes.Buffer
	// Git wants a pack, if an empty one, also where every object is known already. No deltas: a few small objects.
	if _, err := packfile.NewEncoder(&pack, sent, false).Encode(slices.Collect(maps.Keys(sent.Objects)), 0); err != nil {
		return nil, nil, r.unmade(err)
	}
	words := &limited{}
	req := packp.NewReferenceUpdateRequestFromCapabilities(adv.Capabilities)
	req.Packfile = io.NopCloser(&pack)
	req.Progress = words
	wanted := []capability.Capability{capability.Atomic}
	if adv.Capabilities.Supports(capability.Sideband64k) {
		wanted = append(wanted, capability.Sideband64k)
	}
	for _, c := range wanted {
		if err := req.Capabilities.Set(c); err != nil {
			return nil, nil, r.unmade(err)
		}
	}
	for _, u := range updates {
		req.Commands = append(req.Commands, &packp.Command{Name: plumbing.ReferenceName(u.Ref), Old: u.Old.plumb(), New: u.New.plumb()})
	}
	return req, words, nil
}

// outcome decides by what the refs hold afterwards.
func (r *Repo) outcome(ctx context.Context, updates []Update, report *packp.ReportStatus, sendErr error, words string) (map[string]Hash, error) {
	refs, err := r.readBack(ctx)
	if err != nil {
		return nil, fault.New(fault.Remote, "push-unknown", "whether the push of %s to %s arrived is unknown: the refs cannot be read back",
			names(updates), r.remote.shown).Hint("run the same command again: it reads the refs before it writes").Because(err)
	}
	var arrived, moved []Update
	for _, u := range updates {
		switch refs[u.Ref] {
		case u.New:
			arrived = append(arrived, u)
		case u.Old:
		default:
			moved = append(moved, u)
		}
	}
	switch {
	case len(arrived) == len(updates):
		return refs, nil
	case len(moved) > 0:
		return refs, fault.New(fault.Invalid, "ref-moved", "somebody else pushed %s to %s meanwhile", names(moved), r.remote.shown).
			Hint("run the same command again: it starts from what is there now").Because(ErrMoved)
	case len(arrived) > 0:
		return refs, fault.New(fault.Remote, "push-partial", "the server of %s took only a part of an atomic push: %s", r.remote.shown, names(arrived)).
			Hint("run the same command again, and tell the server's administrators")
	}
	return refs, r.refusal(ctx, updates, report, sendErr, words)
}

// refusal tells a push that left no trace: not allowed, refused by the server, or lost on the way there.
func (r *Repo) refusal(ctx context.Context, updates []Update, report *packp.ReportStatus, sendErr error, words string) error {
	if errors.Is(sendErr, transport.ErrAuthenticationRequired) || errors.Is(sendErr, transport.ErrAuthorizationFailed) {
		return r.remote.authFault("pushing to", sendErr)
	}
	if report != nil && report.Error() != nil {
		said := r.remote.words(verdict(report) + "\n" + words)
		return fault.New(fault.Stopped, "push-refused", "%s refused the push of %s; it says: %s", r.remote.shown, names(updates), said).
			Hint("a protected branch or a hook of the server forbids it: let them allow it, then run the same command again")
	}
	if sendErr == nil {
		sendErr = errors.New("no answer")
	}
	if ctx.Err() != nil {
		return r.remote.fault(ctx, "pushing to", sendErr)
	}
	return fault.New(fault.Remote, "push-failed", "the push of %s to %s did not arrive", names(updates), r.remote.shown).
		Hint("run the same command again").Because(r.remote.said(bare(sendErr)))
}

// verdict repeats what the server reports of each ref. One that is named need not be the guilty one.
func verdict(report *packp.ReportStatus) string {
	var lines []string
	if report.UnpackStatus != "ok" {
		lines = append(lines, "unpack: "+report.UnpackStatus)
	}
	for _, s := range report.CommandStatuses {
		if s.Error() != nil {
			lines = append(lines, s.ReferenceName.String()+": "+s.Status)
		}
	}
	return strings.Join(lines, "; ")
}

func names(updates []Update) string {
	var refs []string
	for _, u := range updates {
		refs = append(refs, u.Ref)
	}
	return strings.Join(refs, ", ")
}

const (
	readBackTimeout = 30 * time.Second
	readBackTries   = 4
	readBackPause   = 500 * time.Millisecond // doubled after each try
)

// readBack lists the refs although the caller may be stopping: a push without an outcome is worse than a few seconds more.
func (r *Repo) readBack(ctx context.Context) (map[string]Hash, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBackTimeout)
	defer cancel()
	pause := readBackPause
	for try := 1; ; try++ {
		refs, err := r.remote.list(ctx)
		if err == nil || try == readBackTries || fault.KindOf(err) != fault.Remote {
			return refs, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
		pause *= 2
	}
}

// landed notes that the remote has now what was sent.
func (r *Repo) landed(updates []Update, sent *memory.Storage) {
	for h := range sent.Objects {
		delete(r.made, h)
		for _, other := range r.others {
			delete(other.made, h)
		}
	}
	for _, u := range updates {
		if u.Ref == r.branch.String() {
			r.head = u.New
		}
		for _, other := range r.others {
			if other.name == u.Ref {
				other.shrink(u.New)
			}
		}
	}
}

// limited keeps the first words of a server that may talk without end.
type limited struct{ kept []byte }

func (l *limited) Write(p []byte) (int, error) {
	room := maxWords - len(l.kept)
	l.kept = append(l.kept, p[:min(room, len(p))]...)
	return len(p), nil
}

func (l *limited) String() string { return string(l.kept) }
