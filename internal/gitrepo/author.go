package gitrepo

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	format "github.com/go-git/go-git/v5/plumbing/format/config"
)

// Author is who wrote a commit or a tag.
type Author struct{ Name, Email string }

// fallbackAuthor signs where nobody said anything.
var fallbackAuthor = Author{Name: "gio", Email: "gio@localhost"}

// ResolveAuthor decides, for name and email each on its own: GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, then Git's configuration
// (the checkout's, then the user's), then the configured one, then gio <gio@localhost>. A checkout root of "" is none.
func ResolveAuthor(getenv func(string) string, checkoutRoot string, configured Author) Author {
	return resolve("AUTHOR", getenv, checkoutRoot, configured)
}

// ResolveCommitter is ResolveAuthor for GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL.
func ResolveCommitter(getenv func(string) string, checkoutRoot string, configured Author) Author {
	return resolve("COMMITTER", getenv, checkoutRoot, configured)
}

func resolve(role string, getenv func(string) string, checkoutRoot string, configured Author) Author {
	a := Author{Name: getenv("GIT_" + role + "_NAME"), Email: getenv("GIT_" + role + "_EMAIL")}.clean()
	files := configFiles(getenv, checkoutRoot)
	// Git prefers author.name to user.name wherever each stands.
	for _, section := range []string{strings.ToLower(role), "user"} {
		for _, file := range files {
			a = a.or(authorIn(readConfig(file), section))
		}
	}
	return a.or(configured.clean()).or(fallbackAuthor)
}

func authorIn(c *format.Config, section string) Author {
	s := c.Section(section)
	return Author{Name: s.Option("name"), Email: s.Option("email")}.clean()
}

// or fills what is empty.
func (a Author) or(b Author) Author {
	if a.Name == "" {
		a.Name = b.Name
	}
	if a.Email == "" {
		a.Email = b.Email
	}
	return a
}

// clean drops what would break the header of a commit, as git does.
func (a Author) clean() Author {
	drop := func(c rune) rune {
		if strings.ContainsRune("<>\n\r\x00", c) {
			return -1
		}
		return c
	}
	return Author{Name: strings.TrimSpace(strings.Map(drop, a.Name)), Email: strings.TrimSpace(strings.Map(drop, a.Email))}
}

// configFiles are Git's, the strongest first.
func configFiles(getenv func(string) string, checkoutRoot string) []string {
	var files []string
	if checkoutRoot != "" {
		if dirs, err := findGitDirs(checkoutRoot); err == nil {
			files = append(files, filepath.Join(dirs.common, "config"))
		}
	}
	if global := getenv("GIT_CONFIG_GLOBAL"); global != "" {
		return append(files, global)
	}
	home := getenv("HOME")
	if home != "" {
		files = append(files, filepath.Join(home, ".gitconfig"))
	}
	if xdg := getenv("XDG_CONFIG_HOME"); xdg != "" {
		files = append(files, filepath.Join(xdg, "git", "config"))
	} else if home != "" {
		files = append(files, filepath.Join(home, ".config", "git", "config"))
	}
	return files
}

// readConfig reads one file of Git's configuration. One that is missing or broken says nothing: it is not ours to mend.
func readConfig(file string) *format.Config {
	c := format.New()
	content, err := os.ReadFile(file)
	if err != nil {
		return c
	}
	if err := format.NewDecoder(bytes.NewReader(content)).Decode(c); err != nil {
		return format.New()
	}
	return c
}
