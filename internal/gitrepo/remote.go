package gitrepo

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
)

type uploadSession = transport.UploadPackSession

// remote is the way to reach a repository: its address and credentials.
type remote struct {
	shown    string             // redacted address
	endpoint transport.Endpoint // without user and password where they are in auth
	auth     transport.AuthMethod
	user     string   // of an http address without a password, which a credential helper may know
	secrets  []string // what no error may contain, whoever wrote it
	git      git.Git
	login    git.Login         // over ssh
	base     http.RoundTripper // over http
	header   [2]string         // of every http request; the name is "" where there is none
	progress progress
	stale    map[string]staleRef
}

// newRemote decides how to reach a repository. Faults: "no-remote", "remote-url", "git-http".
func newRemote(ctx context.Context, url string, c Credentials) (*remote, error) {
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
	if trimmed := strings.TrimRight(ep.Path, "/"); trimmed != "" { // or the server is asked for x.git//info/refs
		ep.Path = trimmed
	}
	if !slices.Contains([]string{"https", "http", "ssh", "file"}, ep.Protocol) {
		return nil, bad
	}
	r := &remote{shown: Redact(url), endpoint: *ep, secrets: c.secrets(ep), git: c.Git, login: loginOf(url, *ep)}
	r.useCredentials(c)
	if r.http() {
		return r, r.useHTTPSettings(ctx)
	}
	return r, nil
}

func (r *remote) http() bool { return strings.HasPrefix(r.endpoint.Protocol, "http") }

// connect opens a session and reads the refs that the server advertises. It calls Git's credential helper only when an HTTP
// server asks for credentials and there are none, so that reading public repositories needs no helper.
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

// dial connects in a goroutine, because go-git's ssh handshake takes no context. An abandoned goroutine ends when the server
// closes the connection.
func (r *remote) dial(ctx context.Context, service string) (transport.Session, *packp.AdvRefs, error) {
	done := make(chan dialled, 1)
	endpoint := r.endpoint // go-git writes redirects into it
	auth := r.auth
	if r.header[0] != "" {
		auth = withHeader{auth, r.header}
	}
	go func() {
		session, adv, err := r.advertise(ctx, service, &endpoint, auth)
		done <- dialled{session, adv, err}
	}()
	select {
	case d := <-done:
		return d.session, d.adv, d.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (r *remote) advertise(ctx context.Context, service string, ep *transport.Endpoint, auth transport.AuthMethod) (transport.Session, *packp.AdvRefs, error) {
	session, err := r.newSession(ctx, service, ep, auth)
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

func (r *remote) newSession(ctx context.Context, service string, ep *transport.Endpoint, auth transport.AuthMethod) (transport.Session, error) {
	if ep.Protocol == "ssh" {
		if p, err := r.openPipe(ctx, service); p != nil || err != nil {
			return p, err
		}
	}
	c, err := client.NewClient(ep)
	if r.http() {
		c, err = r.httpClient(), nil
	}
	if err != nil {
		return nil, err
	}
	if service == transport.ReceivePackServiceName {
		return c.NewReceivePackSession(ep, auth)
	}
	return c.NewUploadPackSession(ep, auth)
}

// hangUp ends a session whose work is done, whether or not the other side has ended it before.
func hangUp(session io.Closer) { _ = session.Close() }

func (r *remote) uploadPack(ctx context.Context) (transport.UploadPackSession, *packp.AdvRefs, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		session, adv, err := r.connect(ctx, transport.UploadPackServiceName)
		if err != nil {
			return nil, nil, err
		}
		if !r.lags(adv) {
			return session.(transport.UploadPackSession), adv, nil
		}
		hangUp(session)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, nil, r.fault(ctx, "reading", ctx.Err())
		}
	}
}

func (r *remote) receivePack(ctx context.Context) (transport.ReceivePackSession, *packp.AdvRefs, error) {
	session, adv, err := r.connect(ctx, transport.ReceivePackServiceName)
	if err != nil {
		return nil, nil, err
	}
	return session.(transport.ReceivePackSession), adv, nil
}

// list returns what `git ls-remote` shows, without HEAD.
func (r *remote) list(ctx context.Context) (map[string]Hash, error) {
	ctx, done := r.progress.watch(ctx)
	defer done()
	session, adv, err := r.uploadPack(ctx)
	if err != nil {
		return nil, err
	}
	hangUp(session)
	return refsOf(adv), nil
}

// wanted says what to download.
type wanted struct {
	tips  []plumbing.Hash
	depth int             // commits of history of each tip, 0 for all of it
	have  []plumbing.Hash // what is here with its whole history
}

func (r *remote) fetch(ctx context.Context, session uploadSession, adv *packp.AdvRefs, w wanted, into storer.Storer) error {
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	req.Wants, req.Haves = w.tips, w.have
	if w.depth > 0 && adv.Capabilities.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(w.depth)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return r.fault(ctx, "reading", err)
		}
	}
	answer, err := session.UploadPack(ctx, req)
	if err != nil {
		return r.fault(ctx, "reading", err)
	}
	defer hangUp(answer)
	if err := packfile.UpdateObjectStorage(into, demultiplexed(req.Capabilities, movingReader{answer, &r.progress}, nil)); err != nil {
		return r.fault(ctx, "reading", err)
	}
	return nil
}

// demultiplexed gives words what the server says beside its answer; words may be nil.
func demultiplexed(caps *capability.List, answer io.Reader, words sideband.Progress) io.Reader {
	kind := sideband.Sideband
	switch {
	case caps.Supports(capability.Sideband64k):
		kind = sideband.Sideband64k
	case !caps.Supports(capability.Sideband):
		return answer
	}
	d := sideband.NewDemuxer(kind, answer)
	d.Progress = words
	return d
}

// dialFault is fault for errors before the server has spoken Git. Over ssh these are either the network's or about
// authentication: keys, known hosts, or the right to use the service.
func (r *remote) dialFault(ctx context.Context, service string, err error) error {
	if _, isFault := errors.AsType[*fault.Fault](err); isFault {
		return err
	}
	words, bySSH := errors.AsType[*sshError](err)
	refused := r.endpoint.Protocol == "ssh" && !isNetwork(err) && !afterLogin(err)
	if bySSH {
		refused = words.refused
	}
	if refused && ctx.Err() == nil {
		return fault.New(fault.Auth, "git-auth", "%s refused the ssh login (%s)", r.shown, service).
			Hint("set GITHUB_TOKEN, or load a key into ssh-agent").
			Hint("the host must be in the known_hosts file: try `ssh %s`", r.endpoint.Host).
			Because(r.sanitizedError(err))
	}
	doing := "reading"
	if service == transport.ReceivePackServiceName {
		doing = "pushing to"
	}
	return r.fault(ctx, doing, err)
}

// fault turns an error of go-git into what a person can do about it. It goes by type, never by text.
func (r *remote) fault(ctx context.Context, doing string, err error) error {
	err = unwrapped(err)
	if cause := stalled(ctx); cause != nil {
		return fault.New(fault.Remote, "git-stalled", "%s %s has stalled", doing, r.shown).
			Hint("%s; if it stalls again, try `git ls-remote %s`", fault.Again(), r.shown).Because(cause)
	}
	if isSHA256(err) {
		return fault.New(fault.Invalid, "repository-sha256", "the repository %s names its objects by SHA-256, which gio cannot read", r.shown).
			Hint("release from a repository of Git's usual format, SHA-1")
	}
	if third := r.thirdParty(doing, err); third != nil && ctx.Err() == nil {
		return third
	}
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled):
		return fault.New(fault.Stopped, "git-stopped", "%s %s was interrupted", doing, r.shown).Because(context.Canceled)
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return r.authFault(doing, err)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fault.New(fault.NotFound, "repository-missing", "there is no repository %s, or these credentials cannot see it", r.shown).
			Hint("check the address, and that GITHUB_TOKEN may read the repository").Because(r.sanitizedError(err))
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return fault.New(fault.NotFound, "repository-empty", "the repository %s is empty", r.shown).
			Hint("push a branch with a release.json first: `gio init` writes one")
	case errors.Is(err, exec.ErrNotFound):
		return fault.New(fault.Remote, "git-missing", "%s is a local repository, and reading one needs the git program", r.shown).
			Hint("install git, or use an https address")
	}
	return fault.New(fault.Remote, "git-remote", "%s %s failed", doing, r.shown).
		Hint("%s; if it keeps failing, try `git ls-remote %s`", fault.Again(), r.shown).Because(r.sanitizedError(err))
}

func (r *remote) authFault(doing string, err error) error {
	f := fault.New(fault.Auth, "git-auth", "%s %s is not allowed with these credentials", doing, r.shown).Because(r.sanitizedError(err))
	if r.auth == nil {
		return f.Hint("set GITHUB_TOKEN, or give Git a credential helper for this host")
	}
	return f.Hint("the token or user must be able to read and write the contents of the repository")
}

// unwrapped removes go-git's wrappers, which hide their cause from errors.Is.
func unwrapped(err error) error {
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

// isSHA256 reports whether a server's first line names an object by 64 digits. go-git knows 40, and no name for the difference.
func isSHA256(err error) bool {
	unexpected, ok := errors.AsType[*packp.ErrUnexpectedData](err)
	return ok && sha256Rest.Match(unexpected.Data)
}

// sha256Rest is what remains of such a line after 40 digits.
var sha256Rest = regexp.MustCompile(`^[0-9a-f]{24} `)

// afterLogin reports whether a server has let gio in: it said something, be it Git's protocol or not.
func afterLogin(err error) bool {
	_, unexpected := errors.AsType[*packp.ErrUnexpectedData](err)
	return unexpected || errors.Is(err, pktline.ErrInvalidPktLen) ||
		errors.Is(err, transport.ErrRepositoryNotFound) || errors.Is(err, transport.ErrEmptyRemoteRepository)
}

func isNetwork(err error) bool {
	_, ok := errors.AsType[net.Error](unwrapped(err))
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// sanitizedError repeats a foreign error without secrets and control characters, and in limited length.
func (r *remote) sanitizedError(err error) error { return errors.New(r.sanitized(err.Error())) }

// maxWords is how much of a server's message an error repeats, in bytes.
const maxWords = 2000

func (r *remote) sanitized(text string) string {
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
