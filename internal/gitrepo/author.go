package gitrepo

import (
	"fmt"
	"strings"

	"github.com/gravitee-lab/gio/internal/git"
)

// Author is the author of a commit or a tag.
type Author struct{ Name, Email string }

// String returns "Name <email>".
func (a Author) String() string { return fmt.Sprintf("%s <%s>", a.Name, a.Email) }

// fallbackAuthor signs where no author is configured.
var fallbackAuthor = Author{Name: "gio", Email: "gio@localhost"}

// ResolveAuthor decides on name and email separately: GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, then Git's configuration, then
// configured, then gio <gio@localhost>; before that, EMAIL is the address.
func ResolveAuthor(g git.Git, configured Author) Author { return resolve("AUTHOR", g, configured) }

// ResolveCommitter is ResolveAuthor for GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL.
func ResolveCommitter(g git.Git, configured Author) Author {
	return resolve("COMMITTER", g, configured)
}

func resolve(role string, g git.Git, configured Author) Author {
	a := Author{Name: g.Getenv("GIT_" + role + "_NAME"), Email: g.Getenv("GIT_" + role + "_EMAIL")}.clean()
	// Git prefers author.name to user.name, whichever file has it.
	for _, section := range []string{strings.ToLower(role), "user"} {
		a = a.or(Author{Name: g.Config.Get(section + ".name"), Email: g.Config.Get(section + ".email")}.clean())
	}
	return a.or(configured.clean()).or(Author{Email: g.Getenv("EMAIL")}.clean()).or(fallbackAuthor)
}

// or returns a with its empty fields filled from b.
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
