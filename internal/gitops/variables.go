package gitops

import (
	"context"
	"path"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// variablesFile is where an environment has variables for the app files of all its apps.
const variablesFile = ".gimlet/vars"

// Variables reads those of an environment as last fetched: lines NAME=VALUE, with # for comments and quotes around values allowed. None
// where there is no such file. Fault: "gitops-variables" for a line that is none of these.
func (r *Repository) Variables(ctx context.Context, p Place) (map[string]string, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	log, err := r.clone.Log(ctx)
	if err != nil {
		return nil, err
	}
	file := path.Join(p.folder(), variablesFile)
	e, err := r.clone.Entry(ctx, history(log).base(), file)
	if err != nil || !e.File() {
		return nil, err
	}
	text, err := r.clone.Content(ctx, e)
	if err != nil {
		return nil, err
	}
	vars := map[string]string{}
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, is := strings.Cut(line, "=")
		if !is {
			return nil, fault.New(fault.Invalid, "gitops-variables", "%s:%d of %s is not NAME=VALUE", file, n+1, r.clone.Shown())
		}
		vars[strings.TrimSpace(name)] = unquoted(strings.TrimSpace(value))
	}
	return vars, nil
}

func unquoted(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}
