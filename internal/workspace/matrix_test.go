package workspace

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/gravitee-lab/gio/internal/gitrepo"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// rig is a checkout of the branch 3.9.x of release.git, beside a fork.git and a sandbox.git with the same branches. A row of the
// matrix changes its settings.
type rig struct {
	*testing.T
	dir      string // of everything
	checkout string
	in       string // where git and gio run
	branch   string // --branch
	env      []string
	git      []string // further arguments of git before push
	http     *gittest.Server
	ssh      *gittest.SSHServer
	warned   string // by gio
}

// result is what a push did: which repository it reached and how, which ref there, with which login, and who signs.
type result struct{ repository, via, ref, login, identity, refused string }

func (r result) String() string {
	if r.refused != "" {
		return "refused: " + r.refused
	}
	return strings.TrimSpace(fmt.Sprintf("%s by %s, %s, %s %s", r.repository, r.via, strings.TrimPrefix(r.ref, "refs/heads/"), r.identity, r.login))
}

func newRig(t *testing.T) *rig {
	t.Helper()
	w := &rig{T: t, dir: t.TempDir(), env: append(gittest.Env(), "GIT_SSH_COMMAND=false")}
	release := gittest.Bare(t, map[string]string{"release.json": releaseJSON}, "master")
	gittest.Git(t, release, "branch", "3.9.x", "master")
	for _, name := range []string{"release", "fork", "sandbox"} {
		gittest.Git(t, w.dir, "clone", "--quiet", "--mirror", release, name+".git")
	}
	w.checkout = filepath.Join(w.dir, "checkout")
	w.in = w.checkout
	gittest.Git(t, w.dir, "clone", "--quiet", "--branch", "3.9.x", w.at("release"), w.checkout)
	return w
}

// at is the directory of a repository.
func (w *rig) at(name string) string { return filepath.Join(w.dir, name+".git") }

func (w *rig) config(key, value string, how ...string) {
	w.Helper()
	gittest.Git(w, w.checkout, append(append([]string{"config"}, how...), key, value)...)
}

func (w *rig) remote(args ...string) {
	w.Helper()
	gittest.Git(w, w.checkout, append([]string{"remote"}, args...)...)
}

func (w *rig) write(name, content string) string {
	w.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		w.Fatal(err)
	}
	return file
}

// edit puts text before and after the checkout's configuration.
func (w *rig) edit(before, after string) {
	w.Helper()
	file := filepath.Join(w.checkout, ".git", "config")
	content, err := os.ReadFile(file)
	if err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(before+string(content)+after), 0o644); err != nil {
		w.Fatal(err)
	}
}

func (w *rig) getenv(name string) string {
	for _, line := range slices.Backward(w.env) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

// overHTTP serves the repositories to whoever has the password, and makes the address, with an optional user, that of origin.
func (w *rig) overHTTP(user, end string) string {
	w.Helper()
	w.http = gittest.HTTP(w, w.at("release"), gittest.Options{Token: "secret"})
	address := strings.Replace(w.http.URL, "http://", "http://"+user, 1) + end
	w.remote("set-url", "origin", address)
	return w.http.URL
}

const helper = "!f() { cat >&2; test $1 = get && echo username=%s && echo password=secret; }; f"

// overSSH serves the repositories to two keys, and returns the beginning of a configuration of ssh. Nothing of the person who
// runs the test is read.
func (w *rig) overSSH(address string) (config string) {
	w.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		w.Skip("there is no ssh program")
	}
	w.ssh = gittest.SSH(w)
	for _, name := range []string{"one", "two"} {
		w.ssh.Allow(name, gittest.Key(w, filepath.Join(w.dir, name)))
	}
	w.remote("set-url", "origin", strings.NewReplacer("SERVER", w.ssh.Address, "PATH", w.at("release")).Replace(address))
	return "UserKnownHostsFile " + w.write("known_hosts", w.ssh.KnownHosts()) + "\nIdentityAgent none\nIdentitiesOnly yes\n"
}

// withSSHConfig makes git's ssh read this configuration.
func (w *rig) withSSHConfig(content string) {
	host, port, _ := net.SplitHostPort(w.ssh.Address)
	content = strings.NewReplacer("DIR", w.dir, "HOST", host, "PORT", port).Replace(content)
	w.env = append(w.env, "GIT_SSH_COMMAND=ssh -F "+w.write("ssh_config", content))
}

func (w *rig) makeDir(name string) string {
	w.Helper()
	dir := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.Fatal(err)
	}
	return dir
}

// identity replaces the one of the environment by a personal configuration.
func (w *rig) identity(personal string) {
	w.unset("GIT_AUTHOR_")
	w.unset("GIT_COMMITTER_")
	w.env = append(w.env, "GIT_CONFIG_GLOBAL="+w.write("personal", personal))
}

func (w *rig) unset(prefix string) {
	w.env = slices.DeleteFunc(w.env, func(line string) bool { return strings.HasPrefix(line, prefix) })
}

// byGit asks git, by a dry push and by the servers that it reached.
func (w *rig) byGit() result {
	w.Helper()
	before := w.seen()
	arguments := append([]string{"-c", "push.default=current"}, w.git...)
	cmd := exec.Command("git", append(arguments, "push", "--dry-run", "--porcelain")...)
	cmd.Dir, cmd.Env = w.in, w.env
	out, err := cmd.Output()
	if err != nil {
		return result{refused: "git fails"}
	}
	var r result
	r.via = "file"
	for line := range strings.Lines(string(out)) {
		if to, ok := strings.CutPrefix(line, "To "); ok {
			if r.repository != "" {
				return result{refused: "git pushes to two"}
			}
			r.repository = nameOf(strings.TrimSpace(to))
		}
		if fields := strings.Split(line, "\t"); len(fields) > 2 {
			_, r.ref, _ = strings.Cut(fields[1], ":")
		}
	}
	if via, repository, login := w.reached(before); via != "" {
		r.via, r.repository, r.login = via, repository, login
	}
	ident := exec.Command("git", "var", "GIT_COMMITTER_IDENT")
	ident.Dir, ident.Env = w.in, w.env
	if out, err := ident.Output(); err == nil {
		r.identity = string(out[:strings.LastIndexByte(string(out), '>')+1])
	}
	return r
}

// byGio makes a commit with gio and pushes it, and looks which repository has it. Without environ there is no git program.
func (w *rig) byGio(environ []string) result {
	w.Helper()
	w.warned = ""
	ws, err := Open(w.Context(), Options{
		Dir: w.in, File: ManifestName, Branch: w.branch, Getenv: w.getenv, Environ: environ,
		Warn: func(sentence string) { w.warned += sentence },
	})
	if err != nil {
		return result{refused: err.Error()}
	}
	repo, err := ws.Repository(w.Context(), nil)
	if err != nil {
		return result{refused: err.Error()}
	}
	commit, err := repo.Commit(repo.Head(), "gio", []byte("was here"), "by gio")
	if err != nil {
		w.Fatal(err)
	}
	before, refs := w.seen(), w.refs()
	update := []gitrepo.Update{{Ref: "refs/heads/" + ws.Branch.Value, Old: repo.Head(), New: commit}}
	if err := repo.Push(w.Context(), update); err != nil {
		return result{refused: err.Error()}
	}
	r := result{via: "file"}
	for place, hash := range w.refs() {
		if refs[place] != hash && hash == string(commit) {
			dir, ref, _ := strings.Cut(place, " ")
			r.repository, r.ref = nameOf(dir), ref
			r.identity = gittest.Git(w, dir, "log", "-1", "--format=%cn <%ce>", ref)
		}
	}
	if via, _, login := w.reached(before); via != "" {
		r.via, r.login = via, login
	}
	return r
}

// refs are those of all repositories.
func (w *rig) refs() map[string]string {
	w.Helper()
	all := map[string]string{}
	for _, dir := range []string{w.at("release"), w.at("fork"), w.at("sandbox"), filepath.Join(w.checkout, "inside.git")} {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		for ref, hash := range gittest.Refs(w, dir) {
			all[dir+" "+ref] = hash
		}
	}
	return all
}

func nameOf(address string) string {
	return strings.TrimSuffix(filepath.Base(strings.Trim(address, "/'")), ".git")
}

// seen counts what the servers saw.
func (w *rig) seen() (counts [2]int) {
	if w.http != nil {
		counts[0] = len(w.http.Requests())
	}
	if w.ssh != nil {
		counts[1] = len(w.ssh.Logins())
	}
	return counts
}

// reached returns the last server that was asked for a push since, and by whom.
func (w *rig) reached(since [2]int) (via, repository, login string) {
	if w.http != nil {
		for _, request := range w.http.Requests()[since[0]:] {
			if request.Service != "git-receive-pack" {
				continue
			}
			seen := &http.Request{Header: http.Header{"Authorization": {request.Authorization}}}
			user, _, _ := seen.BasicAuth()
			via, repository, login = "http", nameOf(strings.TrimSuffix(request.Path, "/info/refs")), user
		}
	}
	if w.ssh != nil {
		for _, l := range w.ssh.Logins()[since[1]:] {
			if program, path, _ := strings.Cut(l.Command, " "); program == "git-receive-pack" {
				via, repository, login = "ssh", nameOf(path), l.User+" with key "+l.Key
			}
		}
	}
	return via, repository, login
}

// TestMatrixWithoutGit: where there is no git program gio goes where `git push` goes, as whom it goes, or says what it cannot know.
func TestMatrixWithoutGit(t *testing.T) {
	t.Parallel()
	for _, setting := range settings {
		if strings.HasPrefix(setting.name, "http: ") || strings.HasPrefix(setting.name, "ssh: ") {
			continue // helpers and the ssh program come with git
		}
		t.Run(setting.name, func(t *testing.T) {
			t.Parallel()
			w := newRig(t)
			setting.make(w)
			git, gio := w.byGit(), w.byGio(nil)
			t.Logf("git: %s; gio: %s; it says: %s", git, gio, w.warned)
			if gio != git && gio.refused == "" && w.warned == "" {
				t.Errorf("git: %s\ngio: %s", git, gio)
			}
			if setting.refused != "" && gio.refused == "" {
				t.Errorf("git: %s\ngio: %s\nwant it refused: %s", git, gio, setting.refused)
			}
		})
	}
}

// TestMatrixOfGitSettings: for each setting of Git gio goes where `git push` goes, as whom it goes, or refuses with a reason. The
// table is printed with -v.
func TestMatrixOfGitSettings(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	rows := map[int]string{}
	t.Cleanup(func() {
		var table strings.Builder
		tw := tabwriter.NewWriter(&table, 0, 8, 2, ' ', 0)
		fmt.Fprintln(tw, "SETTING\tGIT\tGIO")
		for _, i := range slices.Sorted(maps.Keys(rows)) {
			fmt.Fprintln(tw, rows[i])
		}
		_ = tw.Flush()
		t.Log("\n" + table.String())
	})
	for i, setting := range settings {
		t.Run(setting.name, func(t *testing.T) {
			t.Parallel()
			w := newRig(t)
			setting.make(w)
			git, gio := w.byGit(), w.byGio(w.env)
			short := strings.ReplaceAll(gio.String(), w.dir+"/", "")
			if gio == git {
				short = "the same"
			}
			mu.Lock()
			rows[i] = strings.ReplaceAll(fmt.Sprintf("%s\t%s\t%s", setting.name, git, short), w.dir+"/", "")
			mu.Unlock()
			switch {
			case setting.refused == "" && git.refused != "" && gio.refused == "":
				t.Errorf("git fails, gio pushes: %s", gio)
			case setting.refused == "" && git.refused == "" && gio != git:
				t.Errorf("git: %s\ngio: %s", git, gio)
			case setting.refused != "" && !strings.Contains(gio.refused, setting.refused):
				t.Errorf("git: %s\ngio: %s\nwant it refused: %s", git, gio, setting.refused)
			}
		})
	}
}
