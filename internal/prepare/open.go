package prepare

import (
	"context"
	"fmt"
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

func (w *work) source(c manifest.Component) (*source, error) {
	if w.gh == nil {
		return nil, fault.New(fault.Invalid, "no-github", "nobody can be asked about %s: the release repository is not on GitHub, and GITHUB_API_URL is not set", c.Name).
			Hint("%s=X.Y.Z-SNAPSHOT says the version to open without asking", c.Name)
	}
	m := w.edit.After // with the product's next version
	repository, err := w.options.Repository(m, c)
	return &source{gh: w.gh, manifest: m, options: w.options, component: c, repository: repository}, err
}

// branch is the name of a candidate. The main branch is asked for once, and then known to the plan's rules, too.
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
	since                 string   // the tag that commits were counted from; "" where they were not
	commits               int      // since that tag, without those that a release makes itself
	subjects              []string // of the newest of them, the newest first
}

// why says where the version comes from.
func (o opening) why() string {
	if o.file == "" {
		return ""
	}
	why := o.file + " on " + o.branch
	if o.since != "" {
		why += fmt.Sprintf(", %s since %s", count(o.commits, "commit"), o.since)
	}
	return why
}

// open finds the version that the component has on the branch that it would be built from. Where there is
// none the fault is cannot-open, and says what stands on each branch that it could be.
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
		builtFrom, err := s.judge(found)
		if err != nil {
			return opening{}, err
		}
		if builtFrom == branch {
			return found, s.untagged(ctx, found.version)
		}
		tried = append(tried, fmt.Sprintf("%s on %s says %s, which is built from %s", found.file, branch, found.version, builtFrom))
	}
	return opening{}, s.cannot(strings.Join(tried, "; "))
}

func (s *source) cannot(why string) error {
	return fault.New(fault.Invalid, "cannot-open", "%s cannot be opened: %s", s.component.Name, why).
		Hint("%s=X.Y.Z-SNAPSHOT opens it at a version that you know; branch in gio.yaml says where it is built from", s.component.Name)
}

// versionOn reads the version on a branch. The fault of a branch that does not exist is no-commit.
func (s *source) versionOn(ctx context.Context, branch string) (opening, error) {
	file, version, err := s.gh.VersionOn(ctx, s.repository, branch)
	switch {
	case fault.Is(err, "version-file"):
		return opening{}, s.cannot("on " + branch + ", " + err.Error())
	case err != nil:
		return opening{}, err
	case file == "":
		return opening{}, s.cannot(fmt.Sprintf("there is no %s on %s", strings.Join(versionfile.Candidates(), " and no "), branch))
	}
	return opening{version: version, file: file, branch: branch}, nil
}

// judge gives the branch that a version would be built from. One that cannot follow the component's last one is
// the fault cannot-open: another branch then is no better, but most likely another line.
func (s *source) judge(found opening) (builtFrom string, err error) {
	said := fmt.Sprintf("%s on %s says %s", found.file, found.branch, found.version)
	next, err := manifest.ParseVersion(found.version)
	if err != nil || !isOpen(found.version) {
		return "", s.cannot(said + ", which is not of the form X.Y.Z-SNAPSHOT")
	}
	last, err := manifest.ParseVersion(s.component.Version)
	if err == nil && !s.component.Open() && !next.GreaterThan(last) {
		return "", s.cannot(said + ", which does not follow " + s.component.Version)
	}
	c := s.component
	c.Version = found.version
	step, err := s.options.Step(s.manifest, c)
	return step.Branch, err
}

// untagged refuses a version that is released already.
func (s *source) untagged(ctx context.Context, version string) error {
	version = strings.TrimSuffix(version, snapshot)
	tag, err := s.gh.VersionTag(ctx, s.repository, version, "")
	if err != nil || tag == "" {
		return err
	}
	return fault.New(fault.Invalid, "tag-exists", "%s cannot be opened at %s: %s has the tag %s already", s.component.Name, version+snapshot, s.repository, tag).
		Hint("`gio prepare %s=%s` takes it as released; else the branch must move on to the next version", s.component.Name, version)
}

// released refuses a version that is not.
func (s *source) released(ctx context.Context, version string) error {
	tag, err := s.gh.VersionTag(ctx, s.repository, version, "")
	if err != nil || tag != "" {
		return err
	}
	return fault.New(fault.Invalid, "no-tag", "%s %s is not released: %s has no tag %s and no v%s", s.component.Name, version, s.repository, version, version).
		Hint("%s=%s opens it to be released", s.component.Name, version+snapshot)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
