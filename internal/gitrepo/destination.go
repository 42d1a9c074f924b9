package gitrepo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
)

// destine fills in the remote that a push of the branch goes to, or the reason why gio cannot push there.
func (c *Checkout) destine(branch string) {
	config := c.Git.Config
	name, setting := config.PushRemote(branch)
	remotes := config.Remotes()
	switch {
	case slices.Contains(remotes, name):
		c.Remote = name
	case setting == "" && len(remotes) == 0:
		return
	case setting == "":
		c.Refused = refuse("the checkout has the remotes %s, and Git does not say which of them %s is pushed to", strings.Join(remotes, ", "), orBranch(branch)).
			Hint("choose one: git config remote.pushDefault %s", remotes[0]).Hint(outOfIt)
		return
	case name == "." || !strings.ContainsAny(name, "/:"):
		c.Refused = refuse("Git would not push %s to a remote: %s is %q, and there is no address of that name", orBranch(branch), setting, name).
			Hint("name the remote: git config %s REMOTE", setting).Hint(outOfIt)
		return
	}
	fetch, push := config.Addresses(name)
	c.FetchURL, c.RemoteURL = c.absolute(fetch[0]), c.absolute(push[0])
	switch {
	case c.isGuard(c.RemoteURL):
		c.RemoteURL = c.FetchURL
		c.Refused = refuse("the checkout must not push to %s: Git's address for that is %q, which is no repository", name, Redact(push[0])).
			Hint("to allow it: git remote set-url --push %s %s", name, Redact(c.RemoteURL)).Hint(outOfIt)
	default:
		if c.Refused = c.objection(branch, name, setting, push); c.Refused != nil {
			c.RemoteURL, c.FetchURL = "", ""
		}
	}
	if c.FetchURL == c.RemoteURL {
		c.FetchURL = ""
	}
}

// Rewritten returns where Git pushes to for an address, and where it fetches from if that is another one.
func Rewritten(g git.Git, address string) (push, fetch string) {
	from, to := g.Config.Addresses(address)
	if from[0] == to[0] {
		return to[0], ""
	}
	return to[0], from[0]
}

// outOfIt is the way that is always open.
const outOfIt = "name the release repository itself: --repo ADDRESS --branch BRANCH"

func refuse(format string, args ...any) *fault.Fault {
	return fault.New(fault.Invalid, "push-remote", format, args...)
}

func orBranch(name string) string {
	if name == "" {
		return "the branch"
	}
	return name
}

// objection says why gio does not push to where Git does; nil where there is no reason.
func (c *Checkout) objection(branch, name, setting string, push []string) error {
	config := c.Git.Config
	if len(push) > 1 {
		return refuse("Git pushes %s to %d addresses: %s", name, len(push), shownAll(push)).
			Hint("gio releases from one repository; keep one address of the remote").Hint(outOfIt)
	}
	if ref, by := config.PushedAs(name, branch); ref != "" {
		return refuse("Git would push %s as %s (%s)", branch, ref, by).Hint("change %s, or name the branch with --branch", by).Hint(outOfIt)
	}
	pulled, by := config.PullRemote(branch)
	if by == "" || pulled == name || pulled == "." {
		return nil
	}
	from, _ := config.Addresses(pulled)
	if RepoID(c.absolute(from[0])) == RepoID(c.RemoteURL) {
		return nil
	}
	return refuse("Git pulls %s from %s (%s: %s), but pushes it to %s (%s: %s)", branch, pulled, by, Redact(from[0]), name, setting, Redact(push[0])).
		Hint("gio reads and writes one repository: remove %s, if %s is released", setting, pulled).Hint(outOfIt)
}

func shownAll(addresses []string) string {
	var shown []string
	for _, a := range addresses {
		shown = append(shown, Redact(a))
	}
	return strings.Join(shown, ", ")
}

// isGuard reports whether an address is none, as in `git remote set-url --push origin no_push`: a path where nothing is.
func (c *Checkout) isGuard(address string) bool {
	path, isFile := strings.CutPrefix(address, "file://")
	if !isFile && !isPath(address) {
		return false
	}
	for _, suffix := range []string{"", ".git"} { // as Git looks for it
		if info, err := os.Stat(path + suffix); err == nil && info.IsDir() {
			return false
		}
	}
	return c.FetchURL != c.RemoteURL
}

// isPath reports whether Git takes an address for a path of this machine.
func isPath(address string) bool {
	colon, slash := strings.IndexByte(address, ':'), strings.IndexAny(address, `/\`)
	return colon < 0 || slash >= 0 && slash < colon || filepath.VolumeName(address) != ""
}

// absolute resolves a path against the checkout, where Git runs.
func (c *Checkout) absolute(address string) string {
	if !isPath(address) || filepath.IsAbs(address) || address == "" {
		return address
	}
	return filepath.Join(c.Root, address)
}

// Origin returns the address that origin, or the only remote, is fetched from; "" where there is neither.
func (c Checkout) Origin() string {
	remotes := c.Git.Config.Remotes()
	name := "origin"
	if len(remotes) == 1 {
		name = remotes[0]
	}
	if !slices.Contains(remotes, name) {
		return ""
	}
	fetch, _ := c.Git.Config.Addresses(name)
	return c.absolute(fetch[0])
}
