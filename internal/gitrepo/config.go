package gitrepo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	format "github.com/go-git/go-git/v5/plumbing/format/config"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/git"
)

// Outside returns Git with the configuration that holds in no checkout, for work on a remote alone; unread says what gio could
// not read of it. Faults as OpenCheckout.
func Outside(ctx context.Context, g git.Git, near string) (_ git.Git, unread string, err error) {
	if g.Found() {
		g, err = g.Outside(ctx, near)
		return g, "", err
	}
	own := ownReading{getenv: g.Getenv}
	c := append(own.read(own.personal()...), own.environment()...)
	return g.Own(c, near), own.unread(false, ""), nil
}

// configured returns Git with the configuration of a checkout. Without the git program, and where git refuses to work in the
// checkout because it belongs to somebody else, gio reads the files itself; unread then says what it does not understand.
func configured(ctx context.Context, g git.Git, dirs gitDirs) (_ git.Git, unread string, err error) {
	file := filepath.Join(dirs.common, "config")
	at, err := g.At(ctx, dirs.root)
	if err != nil || g.Found() && at.Config.Has(file) {
		return at, "", err
	}
	own := ownReading{getenv: g.Getenv}
	c := own.read(append(own.personal(), file)...)
	if isTrue(c.Get("extensions.worktreeconfig")) {
		c = append(c, own.read(filepath.Join(dirs.own, "config.worktree"))...)
	}
	c = append(c, own.environment()...)
	if err := own.broken[file]; err != nil {
		return g, "", fault.New(fault.Invalid, "checkout-config", "gio cannot read %s without the git program", file).Because(err).
			Hint("install git, or use --repo and --branch instead of a checkout")
	}
	return g.Own(c, dirs.root), own.unread(g.Found(), dirs.root), nil
}

// ownReading is gio's own way to read Git's configuration: file by file, without those that a file includes.
type ownReading struct {
	getenv   func(string) string
	broken   map[string]error // by file
	included []string         // the files that include others
}

const systemFile = "/etc/gitconfig"

// isTrue reads one of Git's booleans, of which an unset one is false.
func isTrue(value string) bool {
	return slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(value))
}

// environment lists the settings of GIT_CONFIG_COUNT.
func (o *ownReading) environment() git.Config {
	count, _ := strconv.Atoi(o.getenv("GIT_CONFIG_COUNT"))
	var c git.Config
	for i := range min(count, 1000) {
		if key := o.getenv(fmt.Sprintf("GIT_CONFIG_KEY_%d", i)); key != "" {
			c = append(c, git.Entry{Key: canonical(key), Value: o.getenv(fmt.Sprintf("GIT_CONFIG_VALUE_%d", i))})
		}
	}
	return c
}

// canonical writes section and name of a key in lower case.
func canonical(key string) string {
	first, last := strings.IndexByte(key, '.'), strings.LastIndexByte(key, '.')
	if first < 0 {
		return key
	}
	return strings.ToLower(key[:first]) + key[first:last] + strings.ToLower(key[last:])
}

// personal lists the files of the person and of the machine, the most important last.
func (o *ownReading) personal() []string {
	var files []string
	if system := cmp.Or(o.getenv("GIT_CONFIG_SYSTEM"), systemFile); !isTrue(o.getenv("GIT_CONFIG_NOSYSTEM")) {
		files = append(files, system)
	}
	if global := o.getenv("GIT_CONFIG_GLOBAL"); global != "" {
		return append(files, global)
	}
	home := o.getenv("HOME")
	if xdg := o.getenv("XDG_CONFIG_HOME"); xdg != "" {
		files = append(files, filepath.Join(xdg, "git", "config"))
	} else if home != "" {
		files = append(files, filepath.Join(home, ".config", "git", "config"))
	}
	if home != "" {
		files = append(files, filepath.Join(home, ".gitconfig"))
	}
	return files
}

// read reads files, of which the last one holds. A missing one is empty.
func (o *ownReading) read(files ...string) git.Config {
	var c git.Config
	for _, file := range files {
		parsed, err := parseConfig(file)
		if err != nil {
			if o.broken == nil {
				o.broken = map[string]error{}
			}
			o.broken[file] = err
		}
		for _, e := range parsed {
			if e.Key == "include.path" || strings.HasPrefix(e.Key, "includeif.") {
				o.included = append(o.included, file)
			}
		}
		c = append(c, parsed...)
	}
	return c
}

// unread says what could not be read, "" where all was; refused says that git refuses to work in the checkout.
func (o *ownReading) unread(refused bool, root string) string {
	if len(o.broken)+len(o.included) == 0 {
		return ""
	}
	var files []string
	for file := range o.broken {
		files = append(files, file)
	}
	why, do := "there is no git program on the PATH", "install git"
	if refused {
		why, do = "git does not trust the checkout, which belongs to somebody else", fmt.Sprintf("run `git config --global --add safe.directory %s`", root)
	}
	text := fmt.Sprintf("gio reads Git's configuration itself, because %s", why)
	if len(files) > 0 {
		text += "; it cannot read " + strings.Join(files, ", ")
	}
	if len(o.included) > 0 {
		text += "; it does not read what is included by " + strings.Join(o.included, ", ")
	}
	return text + ": " + do + " where that matters"
}

// parseConfig reads one file of Git's configuration.
func parseConfig(file string) (git.Config, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || file == os.DevNull {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	parsed := format.New()
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if err := format.NewDecoder(bytes.NewReader(content)).Decode(parsed); err != nil {
		return nil, err
	}
	var c git.Config
	for _, s := range parsed.Sections {
		c = append(c, entries(file, s.Name, s.Options)...)
		for _, sub := range s.Subsections {
			c = append(c, entries(file, s.Name+"."+sub.Name, sub.Options)...)
		}
	}
	return c, nil
}

func entries(file, section string, options format.Options) []git.Entry {
	var all []git.Entry
	for _, o := range options {
		all = append(all, git.Entry{Key: canonical(section + "." + o.Key), Value: o.Value, File: file})
	}
	return all
}
