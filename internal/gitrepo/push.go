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

// ErrMoved says that somebody else changed a ref between gio's reading and its push, and that gio wrote nothing: fetch,
// redo the work on the new state, push again.
var ErrMoved = errors.New("the ref has moved")

// Update is one ref to push. Old is its required current value; "" means that it must not exist.
type Update struct {
	Ref      string // full name
	Old, New Hash
}

// Push writes all refs or none, each only if it still holds Old, and reads the refs back: it succeeds only if every ref
// holds New. Not the server's answer decides but what the server then holds, so a lost answer is no failure; a server that
// accepted a push may take half a minute to show it. Two pushes of the identical objects both succeed.
//
// Errors: ErrMoved; faults "git-auth"; "push-refused" (kind Stopped: a protected branch, a hook, a name in the way; the server's
// words are in the message); "push-failed" (kind Remote: no answer and nothing written as far as the refs tell, but a server that is
// merely slow may still write it: fetch before pushing again); "push-unknown" (kind Remote: the refs cannot be read back);
// "push-partial"; "no-atomic-push".
func (r *Repo) Push(ctx context.Context, updates []Update) error {
	if r.onDryPush != nil {
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

// push returns the refs as read back after the push, nil where they were not.
func (r *Repo) push(ctx context.Context, updates []Update) (map[string]Hash, error) {
	sent, err := r.unsent(updates)
	if err != nil {
		return nil, err
	}
	wire, done := r.remote.progress.watch(ctx)
	defer done()
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
	if report != nil && err == nil {
		r.remote.outdate(updates)
	}
	refs, err := r.outcome(ctx, updates, report, err, words.String())
	if err == nil {
		r.markPushed(updates, sent)
	}
	return refs, err
}

// ProvePush proves the right to push, and that the server pushes atomically, without writing anything. It does not detect a
// branch's protection. With Options.DryPush it proves nothing. Faults: "git-auth", "no-atomic-push" and those of reading.
func (r *Repo) ProvePush(ctx context.Context) error {
	if r.onDryPush != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, done := r.remote.progress.watch(ctx)
	defer done()
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

// unsent returns, in a separate store, the objects made here that the new values need and the remote lacks.
func (r *Repo) unsent(updates []Update) (*memory.Storage, error) {
	if len(updates) == 0 {
		return nil, fault.New(fault.Internal, "push-empty", "a push to %s names no ref", r.remote.shown)
	}
	sent := memory.NewStorage()
	for _, u := range updates {
		holder := &r.objects
		for _, other := range r.others {
			if other.store.HasEncodedObject(u.New.plumbing()) == nil {
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
	// Git requires a pack, if an empty one, even where the remote has every object. No deltas: these are a few small objects.
	if _, err := packfile.NewEncoder(&pack, sent, false).Encode(slices.Collect(maps.Keys(sent.Objects)), 0); err != nil {
		return nil, nil, r.cannotMake(err)
	}
	words := &limited{}
	req := packp.NewReferenceUpdateRequestFromCapabilities(adv.Capabilities)
	req.Packfile = io.NopCloser(&pack)
	req.Progress = words
	capabilities := []capability.Capability{capability.Atomic}
	if adv.Capabilities.Supports(capability.Sideband64k) {
		capabilities = append(capabilities, capability.Sideband64k)
	}
	for _, c := range capabilities {
		if err := req.Capabilities.Set(c); err != nil {
			return nil, nil, r.cannotMake(err)
		}
	}
	for _, u := range updates {
		req.Commands = append(req.Commands, &packp.Command{Name: plumbing.ReferenceName(u.Ref), Old: u.Old.plumbing(), New: u.New.plumbing()})
	}
	return req, words, nil
}

// outcome judges a push by what the refs hold afterwards.
func (r *Repo) outcome(ctx context.Context, updates []Update, report *packp.ReportStatus, sendErr error, words string) (map[string]Hash, error) {
	refs, err := r.readBack(ctx)
	if err == nil && raced(report, words) {
		refs, err = r.readRace(ctx, updates, refs)
	}
	if err != nil {
		return nil, fault.New(fault.Remote, "push-unknown", "it is unknown whether the push of %s to %s arrived: the refs cannot be read back",
			names(updates), r.remote.shown).Hint("%s: it reads the refs before it writes", fault.Again()).Because(err)
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
			Hint("%s: it starts from the new state", fault.Again()).Because(ErrMoved)
	case len(arrived) > 0:
		return refs, r.partial(updates, arrived, report, words)
	}
	if report != nil && sendErr == nil {
		return refs, fault.New(fault.Remote, "push-unknown", "%s accepted the push of %s, but does not show it after %s", r.remote.shown, names(updates), longestLag).
			Hint("%s: it reads the refs before it writes", fault.Again())
	}
	return refs, r.refusal(ctx, updates, report, sendErr, words)
}

// partial returns the fault of a push of which the server has, or shows, only a part: Git's refuses a hidden ref and applies the
// others all the same.
func (r *Repo) partial(updates, arrived []Update, report *packp.ReportStatus, words string) error {
	missing := slices.DeleteFunc(slices.Clone(updates), func(u Update) bool { return slices.Contains(arrived, u) })
	f := fault.New(fault.Remote, "push-partial", "the server of %s applied only a part of an atomic push, %s: it refuses or hides %s", r.remote.shown, names(arrived), names(missing))
	if report != nil && report.Error() != nil {
		f = f.Because(errors.New("it says: " + r.remote.sanitized(verdict(report)+"\n"+words)))
	}
	return f.Hint("the server must take and show %s: Git's transfer.hideRefs, receive.hideRefs and uploadpack.hideRefs hide refs", names(missing)).
		Hint("then %s, and inform the server's administrators", fault.Again())
}

// refusal returns the fault of a push that changed nothing: not allowed, refused by the server, or lost on the way.
func (r *Repo) refusal(ctx context.Context, updates []Update, report *packp.ReportStatus, sendErr error, words string) error {
	if errors.Is(sendErr, transport.ErrAuthenticationRequired) || errors.Is(sendErr, transport.ErrAuthorizationFailed) {
		return r.remote.authFault("pushing to", sendErr)
	}
	if report != nil && report.Error() != nil {
		message := r.remote.sanitized(verdict(report) + "\n" + words)
		if raced(report, words) {
			return fault.New(fault.Invalid, "ref-moved", "%s says that the refs have changed meanwhile, but does not show it (%s): %s", r.remote.shown, names(updates), message).
				Hint("somebody else pushes at the same time, or the server is behind, or hides the ref from those who read: %s", fault.Again()).Because(ErrMoved)
		}
		return fault.New(fault.Stopped, "push-refused", "%s refused the push of %s; it says: %s", r.remote.shown, names(updates), message).
			Hint("%s, then %s", remedy(message), fault.Again())
	}
	if sendErr == nil {
		sendErr = errors.New("no answer")
	}
	if ctx.Err() != nil {
		return r.remote.fault(ctx, "pushing to", sendErr)
	}
	return fault.New(fault.Remote, "push-failed", "the push of %s to %s did not arrive", names(updates), r.remote.shown).
		Hint("%s", fault.Again()).Because(r.remote.sanitizedError(unwrapped(sendErr)))
}

// verdict repeats what the server reports of each ref. A ref that it names is not necessarily the cause.
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
	readBackTries = 4
	readBackPause = 500 * time.Millisecond // doubled after each try
	stoppingLimit = 30 * time.Second
)

// readBack lists the refs even while the caller is stopping: a push without an outcome is worse than a few more seconds.
func (r *Repo) readBack(caller context.Context) (map[string]Hash, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(caller))
	defer cancel()
	defer context.AfterFunc(caller, func() { time.AfterFunc(stoppingLimit, cancel) })()
	pause := readBackPause
	for try := 1; ; try++ {
		refs, err := r.remote.list(ctx)
		if fault.Is(err, "repository-empty") { // nothing has arrived
			return map[string]Hash{}, nil
		}
		if err == nil || try == readBackTries || fault.KindOf(err) != fault.Remote || fault.Is(err, "git-stalled") {
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

// markPushed records that the remote has the sent objects now.
func (r *Repo) markPushed(updates []Update, sent *memory.Storage) {
	for h := range sent.Objects {
		delete(r.unpushed, h)
		for _, other := range r.others {
			delete(other.unpushed, h)
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
