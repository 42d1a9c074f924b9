package workspace

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// settings are the rows. What refused holds, gio must say instead of going where git goes, or instead of failing as git does.
var settings = []struct {
	name    string
	refused string
	make    func(w *rig)
}{
	{"a plain clone", "", func(*rig) {}},
	{"the only remote, of another name", "", func(w *rig) { w.remote("rename", "origin", "upstream") }},
	{"pushurl: a sandbox", "", func(w *rig) { w.remote("set-url", "--push", "origin", w.at("sandbox")) }},
	{"pushurl: a guard", "must not push to origin", func(w *rig) { w.remote("set-url", "--push", "origin", "no_push") }},
	{"pushurl: /dev/null", "must not push to origin", func(w *rig) { w.remote("set-url", "--push", "origin", "/dev/null") }},
	{"pushurl: two", "to 2 addresses", func(w *rig) {
		w.remote("set-url", "--push", "origin", w.at("sandbox"))
		w.remote("set-url", "--add", "--push", "origin", w.at("fork"))
	}},
	{"pushurl: relative, from a directory", "", func(w *rig) {
		w.remote("set-url", "--push", "origin", "../sandbox.git")
		w.in = w.makeDir("checkout/deep/er")
	}},
	{"url: relative, without ./", "", func(w *rig) {
		gittest.Git(w, w.checkout, "clone", "--quiet", "--mirror", w.at("release"), "inside.git")
		w.remote("set-url", "origin", "inside.git")
		w.in = w.makeDir("checkout/deep")
	}},
	{"pushRemote: a fork", "pushes it to fork (branch.3.9.x.pushremote", func(w *rig) {
		w.remote("add", "fork", w.at("fork"))
		w.config("branch.3.9.x.pushRemote", "fork")
	}},
	{"pushDefault: a fork", "pushes it to fork (remote.pushdefault", func(w *rig) {
		w.remote("add", "fork", w.at("fork"))
		w.config("remote.pushDefault", "fork")
	}},
	{"pushDefault: where it is pulled from", "", func(w *rig) {
		w.remote("add", "same", w.at("release"))
		w.config("remote.pushDefault", "same")
	}},
	{"pushDefault in a personal file", "pushes it to fork", func(w *rig) {
		w.remote("add", "fork", w.at("fork"))
		w.env = append(w.env, "GIT_CONFIG_GLOBAL="+w.write("personal", "[remote]\n\tpushDefault = fork\n"))
	}},
	{"origin is a fork, upstream tracked", "", func(w *rig) {
		w.remote("rename", "origin", "upstream")
		w.remote("add", "origin", w.at("fork"))
	}},
	{"no origin, one tracked", "", func(w *rig) {
		w.remote("rename", "origin", "upstream")
		w.remote("add", "fork", w.at("fork"))
	}},
	{"no origin, none tracked", "which of them 3.9.x is pushed to", func(w *rig) {
		w.remote("rename", "origin", "upstream")
		w.remote("add", "fork", w.at("fork"))
		w.config("branch.3.9.x.remote", "", "--unset")
	}},
	{"the tracked remote is gone", `branch.3.9.x.remote is "gone"`, func(w *rig) { w.config("branch.3.9.x.remote", "gone") }},
	{"a local branch is tracked", `branch.3.9.x.remote is "."`, func(w *rig) { w.config("branch.3.9.x.remote", ".") }},
	{"an address is tracked", "", func(w *rig) { w.config("branch.3.9.x.remote", w.at("sandbox")) }},
	{"push refspec: elsewhere", "as refs/for/3.9.x (remote.origin.push)", func(w *rig) { w.config("remote.origin.push", "refs/heads/*:refs/for/*") }},
	{"push refspec: the same", "", func(w *rig) { w.config("remote.origin.push", "refs/heads/*:refs/heads/*") }},
	{"push.default upstream, another branch", "as refs/heads/master (push.default)", func(w *rig) {
		w.config("push.default", "upstream")
		w.config("branch.3.9.x.merge", "refs/heads/master")
		w.git = []string{"-c", "push.default=upstream"}
	}},
	{"insteadOf", "", func(w *rig) {
		w.remote("set-url", "origin", "company:release.git")
		w.config("url."+w.dir+"/.insteadOf", "company:")
	}},
	{"insteadOf: the longest", "", func(w *rig) {
		w.remote("set-url", "origin", "company:release.git")
		w.config("url."+w.at("fork")+".insteadOf", "company:")
		w.config("url."+w.at("sandbox")+".insteadOf", "company:release.git")
	}},
	{"pushInsteadOf", "", func(w *rig) { w.config("url."+w.at("sandbox")+".pushInsteadOf", w.at("release")) }},
	{"pushInsteadOf loses against pushurl", "", func(w *rig) {
		w.config("url."+w.at("fork")+".pushInsteadOf", w.at("release"))
		w.remote("set-url", "--push", "origin", w.at("sandbox"))
	}},
	{"insteadOf in the environment", "", func(w *rig) {
		w.env = append(w.env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+w.at("sandbox")+".insteadOf", "GIT_CONFIG_VALUE_0="+w.at("release"))
	}},
	{"url by include.path", "", func(w *rig) {
		w.config("remote.origin.url", "", "--unset")
		w.config("include.path", w.write("included", "[remote \"origin\"]\n\turl = "+w.at("sandbox")+"\n"))
	}},
	{"url in config.worktree", "", func(w *rig) {
		w.config("extensions.worktreeConfig", "true")
		w.config("remote.origin.url", "", "--unset")
		w.config("remote.origin.url", w.at("sandbox"), "--worktree")
	}},
	{"a byte order mark", "", func(w *rig) { w.edit("\xef\xbb\xbf", "") }},
	{"header and key on one line", "", func(w *rig) { w.edit("", "[remote \"origin\"] pushurl = "+w.at("sandbox")+"\n") }},
	{"a remote without a name", "", func(w *rig) { w.edit("", "[remote \"\"]\n\turl = foo\n") }},
	{"a worktree", "", func(w *rig) {
		gittest.Git(w, w.checkout, "checkout", "--quiet", "--detach")
		w.in = filepath.Join(w.dir, "tree")
		gittest.Git(w, w.checkout, "worktree", "add", "--quiet", w.in, "3.9.x")
	}},
	{"a subdirectory", "", func(w *rig) { w.in = w.makeDir("checkout/a/b") }},
	{"a trailing slash", "", func(w *rig) { w.remote("set-url", "origin", w.at("release")+"/") }},
	{"an address without .git", "", func(w *rig) { w.remote("set-url", "origin", strings.TrimSuffix(w.at("release"), ".git")) }},
	{"GIT_DIR of a hook", "", func(w *rig) { w.env = append(w.env, "GIT_DIR="+filepath.Join(w.checkout, ".git")) }},
	{"GIT_DIR elsewhere", "GIT_DIR names another repository", func(w *rig) {
		w.env = append(w.env, "GIT_DIR="+w.at("sandbox"))
	}},
	{"--branch refs/heads/…", "", func(w *rig) { w.branch = "refs/heads/3.9.x" }},
	{"--branch origin/…", "", func(w *rig) { w.branch = "origin/3.9.x" }},
	{"identity by includeIf", "", func(w *rig) {
		w.identity("[includeIf \"gitdir:" + w.dir + "/\"]\n\tpath = " + w.write("work", "[user]\n\tname = Work\n\temail = work@acme.example\n") + "\n")
	}},
	{"identity by the system's file", "", func(w *rig) {
		w.identity("")
		w.env = append(w.env, "GIT_CONFIG_NOSYSTEM=0", "GIT_CONFIG_SYSTEM="+w.write("system", "[user]\n\tname = Sys\n\temail = sys@acme.example\n"))
	}},
	{"identity of a committer", "", func(w *rig) {
		w.identity("[user]\n\tname = U\n\temail = u@acme.example\n[committer]\n\temail = c@acme.example\n")
	}},
	{"http: helper in the checkout", "", func(w *rig) {
		w.overHTTP("", "")
		w.config("credential.helper", fmt.Sprintf(helper, "helped"))
	}},
	{"http: helper for an address", "", func(w *rig) {
		address := w.overHTTP("", "")
		w.config("credential.helper", fmt.Sprintf(helper, "wrong"))
		w.config("credential."+address+".username", "robot")
	}},
	{"http: user in the address", "", func(w *rig) {
		w.overHTTP("robot@", "")
		w.config("credential.helper", "!f() { test $1 = get && grep -q username=robot && echo password=secret; }; f")
	}},
	{"http: user and password in the address", "", func(w *rig) { w.overHTTP("robot:secret@", "") }},
	{"http: GIT_ASKPASS", "", func(w *rig) {
		w.overHTTP("", "")
		w.env = append(w.env, "GIT_ASKPASS="+w.write("ask", "#!/bin/sh\ncase $1 in User*) echo asked;; *) echo secret;; esac\n"))
	}},
	{"http: extraHeader", "", func(w *rig) {
		address := w.overHTTP("", "")
		header, _ := http.NewRequest(http.MethodGet, address, nil)
		header.SetBasicAuth("header", "secret")
		w.config("http."+address+".extraHeader", "Authorization: "+header.Header.Get("Authorization"))
	}},
	{"http: a trailing slash", "", func(w *rig) { w.overHTTP("robot:secret@", "/") }},
	{"ssh: Host and Port", "", func(w *rig) {
		w.withSSHConfig(w.overSSH("company:PATH") + "IdentityFile DIR/one\nHost company\n\tHostname HOST\n\tPort PORT\n\tUser robot\n")
	}},
	{"ssh: a port in the address", "", func(w *rig) { w.withSSHConfig(w.overSSH("ssh://git@SERVER/PATH") + "IdentityFile DIR/one\n") }},
	{"ssh: User, in place of git", "", func(w *rig) {
		w.withSSHConfig(w.overSSH("ssh://SERVER/PATH") + "IdentityFile DIR/one\nUser robot\n")
	}},
	{"ssh: IdentitiesOnly, the second key", "", func(w *rig) { w.withSSHConfig(w.overSSH("ssh://git@SERVER/PATH") + "IdentityFile DIR/two\n") }},
	{"ssh: Match", "", func(w *rig) {
		w.withSSHConfig(w.overSSH("ssh://git@SERVER/PATH") + "Match host HOST exec true\n\tIdentityFile DIR/two\nMatch all\n\tIdentityFile DIR/one\n")
	}},
	{"ssh: core.sshCommand", "", func(w *rig) {
		config := w.overSSH("ssh://git@SERVER/PATH")
		w.unset("GIT_SSH_COMMAND=")
		w.config("core.sshCommand", "ssh -F "+w.write("ssh_config", config)+" -i '"+w.dir+"/two'")
	}},
	{"ssh: GIT_SSH_COMMAND before core.sshCommand", "", func(w *rig) {
		w.withSSHConfig(w.overSSH("ssh://git@SERVER/PATH") + "IdentityFile DIR/one\n")
		w.config("core.sshCommand", "false")
	}},
	{"ssh: GIT_SSH, a program of one's own", "", func(w *rig) {
		config := w.write("ssh_config", w.overSSH("ssh://git@SERVER/PATH"))
		w.unset("GIT_SSH_COMMAND=")
		w.env = append(w.env, "GIT_SSH="+w.write("my-ssh", "#!/bin/sh\nexec ssh -F "+config+" -i "+w.dir+"/two \"$@\"\n"))
	}},
	{"ssh: ProxyCommand", "", func(w *rig) {
		w.withSSHConfig(w.overSSH("company:PATH") + "IdentityFile DIR/one\nHost company\n\tUser robot\n\tHostKeyAlias [HOST]:PORT\n" +
			"\tProxyCommand bash -c 'exec 3<>/dev/tcp/HOST/PORT; cat <&3 & cat >&3; kill $!'\n")
	}},
	{"ssh: insteadOf from https", "", func(w *rig) {
		w.withSSHConfig(w.overSSH("https://company.example/PATH") + "IdentityFile DIR/one\n")
		w.config("url.ssh://git@"+w.ssh.Address+"/.insteadOf", "https://company.example/")
	}},
	{"ssh: a program that is none", "", func(w *rig) {
		w.overSSH("ssh://git@SERVER/PATH")
		w.env = append(w.env, "GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND=false")
	}},
}
