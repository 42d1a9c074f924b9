package cli

import (
	"context"
	"strings"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/report"
	"github.com/gravitee-lab/gio/internal/wire"
)

// versionOf is the product version that a candidate is a try at.
func versionOf(candidate string) string { return candidateName.ReplaceAllString(candidate, "") }

// addEnvironments adds to each product version the environments that run it, where a gio-server is named. That it cannot be asked is
// a warning: it has no part in the rest.
func (env *environment) addEnvironments(ctx context.Context, w *report.Where) (asked bool) {
	if _, err := config.FindServer(env.Getenv); fault.Is(err, "no-server") {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, tellFor)
	defer cancel()
	all, err := env.running(limited)
	if err != nil {
		unknown := fault.New(fault.Remote, "environments-unknown", "which environments run these versions is not known").Because(err)
		env.warnOf(unknown, err)
		w.Unread = append(w.Unread, unknown.Error())
		return false
	}
	for i := range w.Products {
		h := &w.Products[i]
		h.Environments = []string{}
		for _, r := range all {
			if h.Branch == "" && r.Current != nil && versionOf(r.Current.Candidate) == h.Product {
				h.Environments = append(h.Environments, r.Environment.Name)
			}
		}
	}
	return true
}

// running lists what runs where in the project of this command line.
func (env *environment) running(ctx context.Context) ([]wire.Running, error) {
	c, project, err := env.inProject(ctx, ofProject{})
	if err != nil {
		return nil, err
	}
	return c.Running(ctx, project)
}

const environmentPrefix = "env:"

// withVersions replaces each env:NAME in a range of versions by the version that runs there.
func (env *environment) withVersions(ctx context.Context, text string) (string, error) {
	if !strings.Contains(text, environmentPrefix) {
		return text, nil
	}
	c, project, err := env.inProject(ctx, ofProject{})
	if err != nil {
		return "", err
	}
	ends := strings.SplitN(text, "..", 2)
	for i, end := range ends {
		name, is := strings.CutPrefix(end, environmentPrefix)
		if !is {
			continue
		}
		o, err := c.Environment(ctx, project, name)
		if err != nil {
			return "", err
		}
		if o.Current == nil || o.Current.Candidate == "" {
			return "", fault.New(fault.NotFound, "no-version", "no product version runs in %s of %s", name, project).Hint("gio env list shows what runs where")
		}
		ends[i] = versionOf(o.Current.Candidate)
	}
	return strings.Join(ends, ".."), nil
}
