package prepare

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/manifest"
	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/versionfile"
)

const snapshot = "-SNAPSHOT"

func isOpen(version string) bool { return strings.HasSuffix(version, snapshot) }

// source is a component's repository as the next release sees it.
type source struct {
	gh         *github.Client
	manifest   *manifest.Manifest
	options    plan.Options
	component  manifest.Component
	repository string
}

func (d *draft) source(c manifest.Component) (*source, error) {
	if d.GitHub == nil {
		return nil, noGitHub(c.Name, d.NoGitHub).Hint("%s=X.Y.Z-SNAPSHOT opens it without a look at its repository", c.Name)
	}
	m := d.edit.After // with the product's next version
	repository, err := d.Options.Repository(m, c)
	return &source{gh: d.GitHub, manifest: m, options: d.Options, component: c, repository: repository}, err
}

func noGitHub(what, why string) *fault.Fault {
	return fault.New(fault.Invalid, "no-github", "%s cannot be looked up: %s", what, why)
}

// branch is the name of a candidate. It asks for the main branch once, and tells it to the plan's rules, too.
func (s *source) branch(ctx context.Context, candidate string) (string, error) {
	if candidate != plan.MainBranch {
		return candidate, nil
	}
	if s.options.ComponentMain == "" {
		repository, err := s.gh.Repository(ctx, s.repository)
		if err != nil {
			return "", err
		}
		s.options.ComponentMain = repository.DefaultBranch
	}
	return s.options.ComponentMain, nil
}

// opening is the version that a component can be opened at.
type opening struct {
	version, file, branch string
	news                  news // zero where nothing was compared
}

// why says where the version comes from; "" for a version that no file says.
func (o opening) why() string {
	if o.file == "" {
		return ""
	}
	why := o.file + " on " + o.branch
	if o.news.since != "" {
		why += fmt.Sprintf(", %s since %s", count(o.news.commits, "commit"), o.news.since)
	}
	return why
}

// open finds the version that the component has on the branch that it would be built from. Where there is
// none the fault is cannot-open, and says which version each branch has that it could be built from.
func (s *source) open(ctx context.Context) (opening, error) {
	var tried []string
	for _, candidate := range s.options.Candidates(s.manifest, s.component) {
		branch, err := s.branch(ctx, candidate)
		if err != nil {
			return opening{}, err
		}
		found, err := s.versionOn(ctx, branch)
		if fault.Is(err, "no-commit") {
			tried = append(tried, "there is no branch "+branch)
			continue
		}
		if err != nil {
			return opening{}, err
		}
		builtFrom, err := s.builtFrom(found)
		if err != nil {
			return opening{}, err
		}
		if builtFrom == branch {
			return found, s.untagged(ctx, found.version)
		}
		tried = append(tried, fmt.Sprintf("%s on %s says %s, which is built from %s", found.file, branch, found.version, builtFrom))
	}
	return opening{}, s.cannotOpen(strings.Join(tried, "; "))
}

func (s *source) cannotOpen(why string) error {
	return fault.New(fault.Invalid, "cannot-open", "%s cannot be opened: %s", s.component.Name, why).
		Hint("%s=X.Y.Z-SNAPSHOT opens it at a version that you know; branch in gio.yaml says where it is built from", s.component.Name)
}

// versionOn reads the version on a branch. The fault of a branch that does not exist is no-commit.
func (s *source) versionOn(ctx context.Context, branch string) (opening, error) {
	file, version, err := s.gh.VersionOn(ctx, s.repository, branch)
	switch {
	case fault.Is(err, "version-file"):
		return opening{}, s.cannotOpen("on " + branch + ", " + err.Error())
	case err != nil:
		return opening{}, err
	case file == "":
		return opening{}, s.cannotOpen(fmt.Sprintf("there is no %s on %s", strings.Join(versionfile.Candidates(), " and no "), branch))
	}
	return opening{version: version, file: file, branch: branch}, nil
}

// builtFrom is the branch that a version would be built from. For one that cannot follow the component's last one it is
// the fault cannot-open: no other branch is tried then, because that would most likely be another line.
func (s *source) builtFrom(found opening) (branch string, err error) {
	says := fmt.Sprintf("%s on %s says %s", found.file, found.branch, found.version)
	next, err := manifest.ParseVersion(found.version)
	if err != nil || !isOpen(found.version) {
		return "", s.cannotOpen(says + ", which is not of the form X.Y.Z-SNAPSHOT")
	}
	last, err := manifest.ParseVersion(s.component.Version)
	if err == nil && !s.component.Open() && !next.GreaterThan(last) {
		return "", s.cannotOpen(says + ", which does not follow " + s.component.Version)
	}
	c := s.component
	c.Version = found.version
	step, err := s.options.Step(s.manifest, c)
	return step.Branch, err
}

// untagged refuses a version that is released already.
func (s *source) untagged(ctx context.Context, version string) error {
	version = strings.TrimSuffix(version, snapshot)
	tag, err := s.tag(ctx, version)
	if err != nil || tag == "" {
		return err
	}
	return fault.New(fault.Invalid, "tag-exists", "%s cannot be opened at %s: %s has the tag %s already", s.component.Name, version+snapshot, s.repository, tag).
		Hint("%s takes it as released; else the branch must move on to the next version", fault.Next{Action: fault.Prepare, Args: []string{s.component.Name + "=" + version}})
}

// released refuses a version that is not released.
func (s *source) released(ctx context.Context, version string) error {
	tag, err := s.tag(ctx, version)
	if err != nil || tag != "" {
		return err
	}
	return fault.New(fault.Invalid, "no-tag", "%s %s is not released: %s", s.component.Name, version, s.lacksTag(version)).
		Hint("%s=%s opens it to be released", s.component.Name, version+snapshot)
}

// tag is the name of the tag of a version, "" where there is none.
func (s *source) tag(ctx context.Context, version string) (string, error) {
	return s.gh.VersionTag(ctx, s.repository, version, s.namedTag(version))
}

// namedTag is the name that gio.yaml gives the tag of a version: "" where it gives none, or can give none to such a version.
func (s *source) namedTag(version string) string {
	c := s.component
	c.Version = version
	step, err := s.options.Step(s.manifest, c)
	if err != nil {
		return ""
	}
	return step.Proof.Tag
}

func (s *source) lacksTag(version string) string {
	names := []string{version, "v" + version}
	if named := s.namedTag(version); named != "" && !slices.Contains(names, named) {
		names = append(names, named)
	}
	return fmt.Sprintf("%s has no tag %s", s.repository, strings.Join(names, " and no "))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
