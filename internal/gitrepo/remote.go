package gitrepo

import (
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/gravitee-lab/gio/internal/fault"
)

// wireTimeout ends one operation on the wire, whatever the server does.
const wireTimeout = 2 * time.Minute

type uploadSession = transport.UploadPackSession

// remote is a repository as it is reached: where, and with which credentials.
type remote struct {
	shown    string             // for people: no user, no secret
	endpoint transport.Endpoint // without user and password where they are in auth
	auth     transport.AuthMethod
	secrets  []string // what must not stand in an error, whoever wrote it
}

// newRemote decides how a repository is reached. Faults: "no-remote", "remote-url".
func newRemote(url string, c Credentials) (*remote, error) {
	if url == "" {
		return nil, fault.New(fault.NotFound, "no-remote", "the release repository has no address: the checkout has no remote").
			Hint("add a remote called origin, or name the repository with --repo")
	}
	bad := fault.New(fault.Invalid, "remote-url", "gio cannot use the Git address %s", Redact(url)).
		Hint("addresses of the forms https://, http://, ssh://, git@host:path, file:// and local paths work")
	// The parser's error repeats the address with its password, so it is not passed on.
	ep, err := transport.NewEndpoint(url)
	if err != nil || ep.Protocol != "file" && (ep.Host == "" || strings.ContainsAny(ep.Path, "?#")) {
		return nil, bad
	}
	if !slices.Contains([]string{"https", "http", "ssh", "file"}, ep.Protocol) {
		return nil, bad
	}
	r := &remote{shown: Redact(url), endpoint: *ep, secrets: c.secrets(ep)}
	r.useCredentials(c)
	return r, nil
}

func (r *remote) http() bool { return strings.HasPrefix(r.endpoint.Protocol, "http") }

// connect opens a session and reads the refs that the server advertises. Only when an HTTP server asks for credentials and
// none are known is Git's credential helper asked, so that public repositories are read without it.
func (r *remote) connect(ctx context.Context, service string) (transport.Session, *packp.AdvRefs, error) {
	session, adv, err := r.dial(ctx, service)
	if errors.Is(err, transport.ErrAuthenticationRequired) && r.auth == nil && r.http() {
		if filled := r.fillCredential(ctx); filled {
			session, adv, err = r.dial(ctx, service)
		}
	}
	if err != nil {
		return nil, nil, r.dialFault(ctx, service, err)
	}
	return session, adv, nil
}

type dialled struct {
	session transport.Session
	adv     *packp.AdvRefs
	err     error
}

// dial works beside the caller, because go-git's ssh handshake knows no context. A dial that is given up ends by itself
// when the server closes.
func (r *remote) dial(ctx context.Context, service string) (transport.Session, *packp.AdvRefs, error) {
	done := make(chan dialled, 1)
	endpoint := r.endpoint // go-git writes redirects into it
	auth := r.auth
	go func() {
		session, adv, err := advertise(ctx, service, &endpoint, auth)
		done <- dialled{session, adv, err}
	}()
	select {
	case d := <-done:
		return d.session, d.adv, d.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func advertise(ctx context.Context, service string, ep *transport.Endpoint, auth transport.AuthMethod) (transport.Session, *packp.AdvRefs, error) {
	session, err := newSession(service, ep, auth)
	if err != nil {
		return nil, nil, err
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		hangUp(session)
		return nil, nil, err
	}
	return session, adv, nil
}

func newSession(service string, ep *transport.Endpoint, auth transport.AuthMethod) (transport.Session, error) {
	c, err := client.NewClient(ep)
	if err != nil {
		return nil, err
	}
	if service == transport.ReceivePackServiceName {
		return c.NewReceivePackSession(ep, auth)
	}
	return c.NewUploadPackSession(ep, auth)
}

// hangUp ends a session whose work is done; that the other side hung up first is no news.
func hangUp(session io.Closer) { _ = session.Close() }

func (r *remote) uploadPack(ctx context.Context) (transport.UploadPackSession, *packp.AdvRefs, error) {
	session, adv, err := r.connect(ctx, transport.UploadPackServiceName)
	if err != nil {
		return nil, nil, err
	}
	return session.(transport.UploadPackSession), adv, nil
}

func (r *remote) receivePack(ctx context.Context) (transport.ReceivePackSession, *packp.AdvRefs, error) {
	session, adv, err := r.connect(ctx, transport.ReceivePackServiceName)
	if err != nil {
		return nil, nil, err
	}
	return session.(transport.ReceivePackSession), adv, nil
}

// list is what `git ls-remote` shows, without HEAD.
func (r *remote) list(ctx context.Context) (map[string]Hash, error) {
	ctx, cancel := context.WithTimeout(ctx, wireTimeout)
	defer cancel()
	session, adv, err := r.uploadPack(ctx)
	if err != nil {
		return nil, err
	}
	hangUp(session)
	return refsOf(adv), nil
}

// fetch gets the wanted commits with depth commits of history each, 0 for all of it.
func (r *remote) fetch(ctx context.Context, session uploadSession, adv *packp.AdvRefs, wants []plumbing.Hash, depth int, into *memory.Storage) error {
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	req.Wants = wants
	if depth > 0 && adv.Capabilities.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(depth)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return r.fault(ctx, "reading", err)
		}
	}
	answer, err := session.UploadPack(ctx, req)
	if err != nil {
		return r.fault(ctx, "reading", err)
	}
	defer hangUp(answer)
	if err := packfile.UpdateObjectStorage(into, demultiplexed(req.Capabilities, answer)); err != nil {
		return r.fault(ctx, "reading", err)
	}
	return nil
}

func demultiplexed(caps *capability.List, answer io.Reader) io.Reader {
	switch {
	case caps.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, answer)
	case caps.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, answer)
	}
	return answer
}

// dialFault is fault for the time before the server has spoken Git. Over ssh whatever is not the network there is a
// question of who we are: keys, known hosts, or the right to use the service.
func (r *remote) dialFault(ctx context.Context, service string, err error) error {
	if r.endpoint.Protocol == "ssh" && !isNetwork(err) && !errors.Is(err, transport.ErrRepositoryNotFound) && ctx.Err() == nil {
		return fault.New(fault.Auth, "git-auth", "%s does not let us in over ssh (%s)", r.shown, service).
			Hint("set GITHUB_TOKEN, or load a key into ssh-agent").
			Hint("the host must be in the known_hosts file: try `ssh %s`", r.endpoint.Host).
			Because(r.said(err))
	}
	doing := "reading"
	if service == transport.ReceivePackServiceName {
		doing = "pushing to"
	}
	return r.fault(ctx, doing, err)
}

// fault turns what go-git says into what a person can do about it. It goes by type, never by text.
func (r *remote) fault(ctx context.Context, doing string, err error) error {
	err = bare(err)
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled):
		return fault.New(fault.Stopped, "git-stopped", "%s %s was interrupted", doing, r.shown).Because(context.Canceled)
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return r.authFault(doing, err)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fault.New(fault.NotFound, "repository-missing", "there is no repository %s, or these credentials cannot see it", r.shown).
			Hint("check the address, and that GITHUB_TOKEN may read the repository").Because(r.said(err))
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return fault.New(fault.NotFound, "repository-empty", "the repository %s is empty", r.shown).
			Hint("push a branch with a release.json first: `gio init` writes one")
	case errors.Is(err, exec.ErrNotFound):
		return fault.New(fault.Remote, "git-missing", "%s is a local repository, and reading one needs the git program", r.shown).
			Hint("install git, or use an https address")
	}
	return fault.New(fault.Remote, "git-remote", "%s %s failed", doing, r.shown).
		Hint("run the same command again; if it keeps failing, try `git ls-remote %s`", r.shown).Because(r.said(err))
}

func (r *remote) authFault(doing string, err error) error {
	f := fault.New(fault.Auth, "git-auth", "%s %s is not allowed with these credentials", doing, r.shown).Because(r.said(err))
	if r.auth == nil {
		return f.Hint("set GITHUB_TOKEN, or give Git a credential helper for this host")
	}
	return f.Hint("the token or user must be able to read and write the contents of the repository")
}

// bare takes off go-git's wrappers, which hide their cause from errors.Is.
func bare(err error) error {
	for {
		if e, ok := errors.AsType[*plumbing.UnexpectedError](err); ok {
			err = e.Err
		} else if e, ok := errors.AsType[*plumbing.PermanentError](err); ok {
			err = e.Err
		} else {
			return err
		}
	}
}

func isNetwork(err error) bool {
	_, ok := errors.AsType[net.Error](bare(err))
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// said repeats foreign words as an error of our own: no secret, no control characters, no end without end.
func (r *remote) said(err error) error { return errors.New(r.words(err.Error())) }

// maxWords is how much of a server's speech an error repeats, in bytes.
const maxWords = 2000

func (r *remote) words(text string) string {
	for _, secret := range r.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + " …"
	}
	return strings.TrimSpace(text)
}
