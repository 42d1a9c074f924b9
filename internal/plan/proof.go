package plan

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// The values of verify in gio.yaml: what proves a release besides a green pipeline.
const (
	VerifyNone     = "none"     // nothing
	VerifyTag      = "tag"      // a tag of the component's repository
	VerifyPoms     = "poms"     // that tag, and that its build files name nothing but what is released
	VerifyWorkflow = "workflow" // that certain workflows ran in the pipeline
)

// The values of poms in gio.yaml: what becomes of a step whose build files name something else.
const (
	PomsStrict = "strict" // a person decides
	PomsWarn   = "warn"   // it has succeeded, and what is wrong is said
)

const defaultTag = "{{.Version}}"

// Verification holds gio.yaml's settings for the proof of a release. An empty field is not set.
type Verification struct {
	Verify    string   // one of the Verify constants
	Poms      string   // one of the Poms constants, for VerifyPoms
	Tag       string   // template of the tag's name
	Workflows []string // templates of the workflows' names
}

// Proof is what a step needs to succeed besides a green pipeline. The zero value demands nothing.
type Proof struct {
	Tag       string   `json:"tag,omitempty"`       // a tag of this name in the step's repository
	Poms      string   `json:"poms,omitempty"`      // what becomes of wrong build files at the tag, one of the Poms constants; "" does not look
	Workflows []string `json:"workflows,omitempty"` // workflows of these names, each a success in the step's pipeline
}

// tagName matches what Git accepts as the name of a tag (git help check-ref-format), except for rules that no version breaks.
var tagName = regexp.MustCompile(`^[^\s~^:?*\[\\/.-][^\s~^:?*\[\\]*$`)

func validTag(name string) bool {
	return tagName.MatchString(name) && !strings.Contains(name, "..") && !strings.Contains(name, "//") &&
		!strings.HasSuffix(name, "/") && !strings.HasSuffix(name, ".lock") && !strings.Contains(name, "/.")
}

// proof returns what proves the release of a component. A dry run makes no tag, so it needs none.
func (o Options) proof(data templateData) (Proof, error) {
	own := o.Overrides[data.Component].Verification
	switch verify := cmp.Or(own.Verify, o.Verification.Verify); verify {
	case VerifyTag, VerifyPoms:
		if o.DryRun {
			return Proof{}, nil
		}
		tag, err := execute("tag", cmp.Or(own.Tag, o.Verification.Tag, defaultTag), data)
		if err != nil {
			return Proof{}, templateFault("invalid-proof", "gio.yaml: tag", data, err)
		}
		if !validTag(tag) {
			return Proof{}, fault.New(fault.Invalid, "invalid-proof", "gio.yaml: the tag of %s would be %q, which is not a valid tag name", data.Component, tag)
		}
		if verify == VerifyPoms {
			return Proof{Tag: tag, Poms: cmp.Or(own.Poms, o.Verification.Poms, PomsStrict)}, nil
		}
		return Proof{Tag: tag}, nil
	case VerifyWorkflow:
		return o.workflows(own.Workflows, data)
	}
	return Proof{}, nil
}

func (o Options) workflows(own []string, data templateData) (Proof, error) {
	if len(own) == 0 {
		own = o.Verification.Workflows
	}
	if len(own) == 0 {
		return Proof{}, fault.New(fault.Invalid, "invalid-proof", "gio.yaml: verify is workflow for %s, but no workflow is named", data.Component).
			Hint("name those that must have run, `workflows: [release]`, at the top or under %s", data.Component)
	}
	var p Proof
	for _, template := range own {
		name, err := execute("workflows", template, data)
		if err != nil {
			return Proof{}, templateFault("invalid-proof", "gio.yaml: workflows", data, err)
		}
		p.Workflows = append(p.Workflows, name)
	}
	return p, nil
}

// CheckTemplate returns the error of a template of a tag or workflow, whatever the component; nil for a valid template.
func CheckTemplate(text string) error {
	_, err := execute("template", text, templateData{ProductVersion: "1.0.0", Component: "component", Version: "1.0.0"})
	return err
}
