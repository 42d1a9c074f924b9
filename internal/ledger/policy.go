package ledger

import "strings"

// Policy says of which shipments an app file is deployed by itself. All that it says must hold. A branch needs the event push or pr, a tag
// the event tag; ! in front of a branch or tag is any other one. Branch, tag and messages are patterns.
type Policy struct {
	Branch   string    `json:"branch"`
	Event    *GitEvent `json:"event"`
	Tag      string    `json:"tag"`
	Messages []string  `json:"commitMessagePatterns"`
}

// allDeploy stands in the message of a commit that is deployed whatever patterns there are for messages.
const allDeploy = "[DEPLOY: ALL]"

// deploys tells whether a commit is deployed by itself. A pattern that cannot be read is a fault.
func (p *Policy) deploys(r Revision) (bool, error) {
	if p == nil || p.Branch == "" && p.Event == nil && p.Tag == "" && len(p.Messages) == 0 {
		return false, nil
	}
	var event GitEvent
	if p.Event != nil {
		event = ParseGitEvent(string(*p.Event))
	}
	switch {
	case p.Branch != "" && event != Push && event != PullRequest, p.Tag != "" && event != Tag, p.Event != nil && event != r.Event:
		return false, nil
	}
	if is, err := matches(p.Branch, r.Branch); err != nil || !is {
		return false, err
	}
	if r.Tag != "" || strings.HasPrefix(p.Tag, "!") { // Gimlet takes every pattern to match a tag event without a tag
		if is, err := matches(p.Tag, r.Tag); err != nil || !is {
			return false, err
		}
	}
	return p.says(r.Message)
}

// matches tells whether a branch or tag is what a pattern wants; "" wants any.
func matches(pattern, name string) (bool, error) {
	other, negated := strings.CutPrefix(pattern, "!")
	switch {
	case pattern == "":
		return true, nil
	case negated:
		is, err := matchesGlob(other, name)
		return !is, err
	}
	return matchesGlob(pattern, name)
}

// literalBrackets are those of patterns for messages: people write [deploy] into them.
var literalBrackets = strings.NewReplacer("[", `\[`, "]", `\]`)

// says tells whether a message is what the patterns want, if there are any.
func (p *Policy) says(message string) (bool, error) {
	if len(p.Messages) == 0 || strings.Contains(message, allDeploy) {
		return true, nil
	}
	for _, pattern := range p.Messages {
		if is, err := matchesGlob(literalBrackets.Replace(pattern), message); err != nil || is {
			return is, err
		}
	}
	return false, nil
}

// Cleanup says with which branch an app is deleted. All of it is needed.
type Cleanup struct {
	App    string `json:"app"`
	Event  string `json:"event"`
	Branch string `json:"branch"`
}

// deletes tells whether an app goes with a branch that was deleted.
func (c *Cleanup) deletes(branch string) (bool, error) {
	if c == nil || c.App == "" || c.Event != "branchDeleted" || c.Branch == "" {
		return false, nil
	}
	return matches(c.Branch, branch)
}

// ofPreview is an app file of previews as it is meant: an app for each branch but the main ones, which goes with its branch.
func (f AppFile) ofPreview() AppFile {
	if !f.Preview {
		return f
	}
	push := Push
	f.App = strings.TrimSuffix(f.App, "-preview") + "-{{ .BRANCH | sanitizeDNSName }}"
	f.Deploy = &Policy{Event: &push, Branch: "!{main,master}"}
	f.Cleanup = &Cleanup{App: f.App, Event: "branchDeleted", Branch: "*"}
	return f
}
