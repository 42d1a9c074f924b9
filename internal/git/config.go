package git

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Entry is one setting. Its key is as `git config --list` prints it: section and name in lower case.
type Entry struct {
	Key, Value string
	File       string // absolute; "" for one of the environment or of the command line
}

// Config is Git's configuration in the order in which it was read: of two settings the last one holds.
type Config []Entry

// parseConfig reads what `git config --list --null --show-origin` prints in dir.
func parseConfig(out, dir string) Config {
	var c Config
	fields := strings.Split(out, "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		key, value, _ := strings.Cut(fields[i+1], "\n")
		file, _ := strings.CutPrefix(fields[i], "file:")
		if file == fields[i] {
			file = ""
		} else if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		c = append(c, Entry{Key: key, Value: value, File: file})
	}
	return c
}

// Get returns the value of a setting, "" where there is none.
func (c Config) Get(key string) string {
	for _, e := range slices.Backward(c) {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

// All returns all values of a setting that may have several. An empty one takes back those before it.
func (c Config) All(key string) []string {
	var all []string
	for _, e := range c {
		switch {
		case e.Key != key:
		case e.Value == "":
			all = nil
		default:
			all = append(all, e.Value)
		}
	}
	return all
}

// Has reports whether any setting comes from a file.
func (c Config) Has(file string) bool {
	want, err := os.Stat(file)
	if err != nil {
		return false
	}
	seen := map[string]bool{}
	for _, e := range c {
		if e.File == "" || seen[e.File] {
			continue
		}
		seen[e.File] = true
		if got, err := os.Stat(e.File); err == nil && os.SameFile(got, want) {
			return true
		}
	}
	return false
}

// parts returns what stands between a prefix and a suffix of the keys, in the order of the configuration, each once.
func (c Config) parts(prefix, suffix string) []string {
	var all []string
	for _, e := range c {
		rest, ok := strings.CutPrefix(e.Key, prefix)
		part, ends := strings.CutSuffix(rest, suffix)
		if ok && ends && !slices.Contains(all, part) {
			all = append(all, part)
		}
	}
	return all
}

// Remotes returns the names of the remotes that have an address.
func (c Config) Remotes() []string {
	var all []string
	for _, name := range slices.Concat(c.parts("remote.", ".url"), c.parts("remote.", ".pushurl")) {
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// PushRemote returns the name of the remote that a push of the branch goes to, or its address, and the setting that says so:
// "" where it is the only remote, or the one that Git takes by default, origin.
func (c Config) PushRemote(branch string) (name, setting string) {
	if name, setting := c.first("branch."+branch+".pushremote", "remote.pushdefault"); name != "" {
		return name, setting
	}
	return c.PullRemote(branch)
}

// PullRemote is PushRemote for the remote that the branch is pulled from.
func (c Config) PullRemote(branch string) (name, setting string) {
	if name, setting := c.first("branch." + branch + ".remote"); name != "" {
		return name, setting
	}
	if remotes := c.Remotes(); len(remotes) == 1 {
		return remotes[0], ""
	}
	return "origin", ""
}

func (c Config) first(keys ...string) (value, key string) {
	for _, key := range keys {
		if value := c.Get(key); value != "" {
			return value, key
		}
	}
	return "", ""
}

// Addresses returns the addresses that Git fetches from and pushes to for a remote, which may also be an address itself. Git
// fetches from the first only, and pushes to all.
func (c Config) Addresses(remote string) (fetch, push []string) {
	urls := c.All("remote." + remote + ".url")
	if len(urls) == 0 {
		urls = []string{remote}
	}
	for _, url := range urls {
		fetch = append(fetch, c.rewritten(url))
		if address, ok := c.rewrite(url, ".pushinsteadof"); ok {
			push = append(push, address)
		}
	}
	if named := c.All("remote." + remote + ".pushurl"); len(named) > 0 {
		push = nil
		for _, url := range named {
			push = append(push, c.rewritten(url))
		}
	}
	if len(push) == 0 {
		push = fetch
	}
	return fetch, push
}

func (c Config) rewritten(address string) string {
	rewritten, _ := c.rewrite(address, ".insteadof")
	return rewritten
}

// rewrite replaces the longest beginning of an address that a setting url.<base>.<what> names by its base.
func (c Config) rewrite(address, what string) (string, bool) {
	base, longest := "", ""
	for _, e := range c {
		to, ok := strings.CutSuffix(e.Key, what)
		to, isURL := strings.CutPrefix(to, "url.")
		if ok && isURL && len(e.Value) > len(longest) && strings.HasPrefix(address, e.Value) {
			base, longest = to, e.Value
		}
	}
	if longest == "" {
		return address, false
	}
	return base + address[len(longest):], true
}

// PushedAs returns the ref that Git pushes a branch to at a remote, and the setting that makes it another than the branch; both
// are "" where it is the branch.
func (c Config) PushedAs(remote, branch string) (ref, setting string) {
	own := "refs/heads/" + branch
	key := "remote." + remote + ".push"
	for _, spec := range c.All(key) {
		from, to, _ := strings.Cut(strings.TrimPrefix(spec, "+"), ":")
		if before, after, ok := strings.Cut(from, "*"); ok && strings.HasPrefix(own, before) && strings.HasSuffix(own, after) {
			to = strings.Replace(to, "*", own[len(before):len(own)-len(after)], 1)
		} else if from != own && from != branch && from != "HEAD" {
			continue
		}
		if to != "" && to != own && to != branch {
			return to, key
		}
		return "", ""
	}
	mode, setting := c.first("push.default")
	merge := c.Get("branch." + branch + ".merge")
	if (mode == "upstream" || mode == "tracking") && merge != "" && merge != own && c.Get("branch."+branch+".remote") == remote {
		return merge, setting
	}
	return "", ""
}
