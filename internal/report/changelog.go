package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/gravitee-lab/gio/internal/operate"
)

// Changelog is what changed between two product versions, for `--json`. Its field names are a contract.
type Changelog struct {
	Product    string             `json:"product"`
	From       string             `json:"from"`
	FromBranch string             `json:"from_branch,omitempty"` // where From is the open version of a branch
	To         string             `json:"to"`
	ToBranch   string             `json:"to_branch,omitempty"`
	GoingBack  bool               `json:"going_back,omitempty"`
	Of         int                `json:"of"` // components of To
	Components []ChangedComponent `json:"components"`
	Unread     []string           `json:"unread,omitempty"` // what of the release repository could not be read
}

// ChangedComponent is what changed of one component.
type ChangedComponent struct {
	Name    string             `json:"name"`
	From    string             `json:"from"` // "" for a component that was added
	To      string             `json:"to"`   // "" for one that was removed
	Kind    operate.ChangeKind `json:"kind"`
	URL     string             `json:"url,omitempty"` // of the comparison
	Commits []ChangelogCommit  `json:"commits"`       // the newest first; of a lowered component those that it lost
	More    int                `json:"more"`          // commits beside these
	LeftOut int                `json:"left_out"`      // merges and commits of releases
	Unread  string             `json:"unread,omitempty"`
}

// ChangelogCommit is one commit.
type ChangelogCommit struct {
	SHA     string `json:"sha"`
	Subject string `json:"subject"`
	Author  string `json:"author"`
	Pull    int    `json:"pull,omitempty"` // number of the pull request that the subject names
	URL     string `json:"url,omitempty"`
}

// NewChangelog makes the Changelog of a comparison.
func NewChangelog(c operate.Changelog) Changelog {
	made := Changelog{
		Product: c.Product, From: c.From.Version, FromBranch: c.From.Branch, To: c.To.Version, ToBranch: c.To.Branch,
		GoingBack: c.Back, Of: c.Of, Components: []ChangedComponent{}, Unread: c.Unread,
	}
	for _, change := range c.Changes {
		part := ChangedComponent{
			Name: change.Name, From: change.From, To: change.To, Kind: change.Kind, URL: webLink(change.URL),
			Commits: []ChangelogCommit{}, More: change.More, LeftOut: change.LeftOut, Unread: change.Unread,
		}
		for _, commit := range change.Commits {
			part.Commits = append(part.Commits, newCommit(commit))
		}
		made.Components = append(made.Components, part)
	}
	return made
}

func newCommit(c operate.ChangedCommit) ChangelogCommit {
	return ChangelogCommit{SHA: c.SHA, Subject: c.Subject, Author: c.Author, Pull: c.Pull, URL: webLink(c.URL)}
}

// LeftOut is how many merges and commits of releases it does not show.
func (c Changelog) LeftOut() int {
	sum := 0
	for _, part := range c.Components {
		sum += part.LeftOut
	}
	return sum
}

func (c Changelog) commits() int {
	sum := 0
	for _, part := range c.Components {
		sum += part.count()
	}
	return sum
}

// listed are the newest commits, at most that many; all of them for 0.
func (c ChangedComponent) listed(most int) []ChangelogCommit {
	if most == 0 {
		return c.Commits
	}
	return c.Commits[:min(most, len(c.Commits))]
}

func (c ChangedComponent) count() int { return len(c.Commits) + c.More }

// heading says what is compared, and how much changed.
func (c Changelog) heading() string {
	end := func(version, branch string) string {
		if branch == "" || branch == version {
			return version
		}
		return version + " (" + branch + ")"
	}
	text := fmt.Sprintf("%s %s -> %s: ", c.Product, end(c.From, c.FromBranch), end(c.To, c.ToBranch))
	if c.GoingBack {
		text = "going back: " + text
	}
	return text + c.extent()
}

// extent says how much changed.
func (c Changelog) extent() string {
	if len(c.Components) == 0 {
		return fmt.Sprintf("none of %s changed", count(c.Of, "component"))
	}
	return fmt.Sprintf("%d of %s changed, %s", len(c.Components), count(c.Of, "component"), count(c.commits(), "commit"))
}

// ChangelogText writes a changelog with at most listed commits of each component, all of them for 0: in the columns of a terminal,
// or with tabs between cells elsewhere (0).
func ChangelogText(w io.Writer, c Changelog, listed, columns int) error {
	between := "  "
	if columns == 0 {
		between = "\t"
	}
	lines := []string{clean(c.heading())}
	for _, part := range c.Components {
		cells := part.cells()
		for i := range cells {
			cells[i] = clean(cells[i])
		}
		lines = append(lines, strings.Join(cells, between))
		shown := part.listed(listed)
		for _, commit := range shown {
			cells := []string{"", abbreviated(commit.SHA), clean(commit.Subject), clean(commit.Author)}
			lines = append(lines, row{{strings.Join(cells, between), plain}}.render(columns, false))
		}
		if more := part.count() - len(shown); more > 0 {
			lines = append(lines, fmt.Sprintf("%s%d more", between, more))
		}
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// abbreviated is the beginning of a commit's id, as GitHub shows it.
func abbreviated(sha string) string { return clean(sha[:min(len(sha), 7)]) }

// cells are what became of the component, its versions, its commits and their link; a usual change has no first one.
func (c ChangedComponent) cells() []string {
	cells, commits := []string{c.Name + " " + c.From + " -> " + c.To}, count(c.count(), "commit")
	switch c.Kind {
	case operate.ComponentAdded:
		return []string{"NEW", c.Name + " " + c.To}
	case operate.ComponentRemoved:
		return []string{"REMOVED", c.Name + " " + c.From}
	case operate.ComponentLowered:
		cells, commits = append([]string{"LOWERED"}, cells...), commits+" taken back"
	case operate.ComponentChanged:
	}
	if c.Unread != "" {
		return append(cells, "commits not read: "+c.Unread)
	}
	return append(cells, commits, c.URL)
}

// githubNotes is how long the notes of a release may be: GitHub refuses more with 422, "body is too long (maximum is 125000
// characters)".
const githubNotes = 125_000

// ChangelogNotes is a changelog as the notes of a GitHub release: in Markdown, with as many commits of each component as there is room
// for.
func ChangelogNotes(c Changelog) (string, error) {
	var b strings.Builder
	for _, listed := range []int{0, 50, 10, 3} {
		b.Reset()
		if err := ChangelogMarkdown(&b, c, listed); err != nil {
			return "", err
		}
		if b.Len() <= githubNotes {
			return strings.TrimSpace(b.String()), nil
		}
	}
	return withArrow(c.heading()), nil
}

// ChangelogMarkdown writes a changelog as Markdown, with at most listed commits of each component, all of them for 0.
func ChangelogMarkdown(w io.Writer, c Changelog, listed int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n", withArrow(c.heading()))
	for _, part := range c.Components {
		fmt.Fprintf(&b, "### %s\n\n", part.markdown())
		shown := part.listed(listed)
		for _, commit := range shown {
			fmt.Fprintf(&b, "- %s %s %s\n", markdownLink(abbreviated(commit.SHA), commit.URL), inMarkdown(commit.Subject), inMarkdown(commit.Author))
		}
		if more := part.count() - len(shown); more > 0 {
			fmt.Fprintf(&b, "- %d more\n", more)
		}
		if part.count() > 0 {
			b.WriteString("\n")
		}
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}

func (c ChangedComponent) markdown() string {
	cells := c.cells()
	last := len(cells) - 1
	if c.Unread != "" || c.Kind == operate.ComponentAdded || c.Kind == operate.ComponentRemoved {
		return withArrow(strings.Join(cells, " "))
	}
	return withArrow(strings.Join(cells[:last-1], " ")) + ", " + markdownLink(cells[last-1], cells[last])
}

// withArrow is inMarkdown with an arrow that needs no escape.
func withArrow(text string) string { return inMarkdown(strings.ReplaceAll(text, " -> ", " → ")) }
