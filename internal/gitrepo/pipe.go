package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/gravitee-lab/gio/internal/git"
)

// pipe is a session with a server through the ssh program that Git would start: its configuration, its agents and its proxies
// are ssh's business.
type pipe struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	words  limited // what ssh and the server say beside the protocol
	asked  bool    // a request was sent: the server ends by itself
	closed bool
}

// openPipe starts the ssh program; the session is nil where there is none.
func (r *remote) openPipe(ctx context.Context, service string) (*pipe, error) {
	cmd, err := r.git.SSH(ctx, r.login, service+" "+quoted(r.sshPath()))
	if cmd == nil || err != nil {
		return nil, err
	}
	p := &pipe{cmd: cmd}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out, cmd.Stderr = movingWriter{in, &r.progress}, movingReader{out, &r.progress}, &p.words
	if err := cmd.Start(); err != nil {
		return nil, &sshError{words: err.Error()}
	}
	return p, nil
}

// sshPath is the path as Git sends it: that of ssh://host/~user/x begins with the ~.
func (r *remote) sshPath() string {
	if strings.HasPrefix(r.endpoint.Path, "/~") {
		return r.endpoint.Path[1:]
	}
	return r.endpoint.Path
}

// quoted quotes a path for the shell of the server.
func quoted(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// AdvertisedReferencesContext implements transport.Session. The context is the one that the program was started with.
func (p *pipe) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(p.out)
	switch {
	case errors.Is(err, packp.ErrEmptyInput):
		return nil, p.ended()
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		return nil, err
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	return adv, nil
}

// AdvertisedReferences implements transport.Session.
func (p *pipe) AdvertisedReferences() (*packp.AdvRefs, error) {
	return p.AdvertisedReferencesContext(context.Background())
}

// ended says why the program ended before the server spoke Git.
func (p *pipe) ended() error {
	p.closed = true
	err := p.cmd.Wait()
	failed, _ := errors.AsType[*exec.ExitError](err)
	if failed == nil {
		return io.ErrUnexpectedEOF
	}
	return newSSHError(failed.ExitCode(), p.words.String())
}

// UploadPack implements transport.UploadPackSession.
func (p *pipe) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	p.asked = true
	err := errors.Join(req.UploadRequest.Encode(p.in), req.UploadHaves.Encode(p.in, true), pktline.NewEncoder(p.in).EncodeString("done\n"), p.in.Close())
	if err != nil {
		return nil, err
	}
	answer := packp.NewUploadPackResponse(req)
	return answer, answer.Decode(body{p.out, p})
}

// ReceivePack implements transport.ReceivePackSession.
func (p *pipe) ReceivePack(_ context.Context, req *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error) {
	p.asked = true
	if err := errors.Join(req.Encode(p.in), p.in.Close()); err != nil {
		return nil, err
	}
	report := packp.NewReportStatus()
	if err := report.Decode(demultiplexed(req.Capabilities, p.out, req.Progress)); err != nil {
		return nil, err
	}
	return report, report.Error()
}

// closeTimeout ends a program that does not end although nothing more is said to it.
const closeTimeout = 5 * time.Second

// Close ends the session.
func (p *pipe) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	if !p.asked {
		_, _ = p.in.Write(pktline.FlushPkt)
	}
	_ = p.in.Close()
	timer := time.AfterFunc(closeTimeout, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.cmd.Wait()
}

// sshError is what the ssh program or the server said instead of Git's protocol.
type sshError struct {
	words   string
	refused bool // by the login or by the host's key, or by the server's rights
}

func (e *sshError) Error() string { return e.words }

// failedOfSSH is the exit code of ssh when it did not reach the program on the server.
const failedOfSSH = 255

// newSSHError sorts what went wrong. ssh and the servers tell it only in words, which are not translated.
func newSSHError(code int, words string) error {
	words = strings.TrimSpace(words)
	said := func(of ...string) bool {
		for _, w := range of {
			if strings.Contains(strings.ToLower(words), w) {
				return true
			}
		}
		return false
	}
	switch {
	case words == "":
		words = fmt.Sprintf("ssh ended with exit code %d", code)
	case code != failedOfSSH && said("not found", "does not exist", "does not appear to be", "could not be found", "no such"):
		return fmt.Errorf("%w: %s", transport.ErrRepositoryNotFound, words)
	}
	refused := said("permission denied", "host key", "authentication", "access denied", "not allowed", "denied")
	return &sshError{words: words, refused: refused}
}

// loginOf is where an address says that ssh goes. A scp-like address names no port, although go-git gives it one.
func loginOf(address string, ep transport.Endpoint) git.Login {
	l := git.Login{User: ep.User, Host: strings.Trim(ep.Host, "[]")}
	if strings.Contains(address, "://") {
		l.Port = ep.Port
	}
	return l
}
