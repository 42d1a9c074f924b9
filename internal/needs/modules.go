package needs

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// Modules are the paths of the files that a file names as parts of its build: a pom.xml by its modules, those of its profiles among them,
// a package.json by its workspaces, but for patterns. A file that cannot be read names none.
func Modules(f File) (paths []string) {
	in := path.Dir(f.Path)
	var names []string
	if path.Base(f.Path) == "package.json" {
		names = workspaces(f.Data)
	} else if root, err := parseXML(f.Data); err == nil {
		project := root.child("project")
		names = project.child("modules").texts()
		for _, profile := range project.child("profiles").children {
			names = append(names, profile.child("modules").texts()...)
		}
	}
	for _, name := range names {
		at := path.Join(in, name)
		if !strings.HasSuffix(at, ".xml") && !strings.HasSuffix(at, ".json") {
			at = path.Join(at, path.Base(f.Path))
		}
		if name != "" && !strings.ContainsAny(name, "*?{$") && !strings.HasPrefix(at, "..") && !slices.Contains(paths, at) {
			paths = append(paths, at)
		}
	}
	return paths
}

func (e *element) texts() (all []string) {
	for _, c := range e.children {
		all = append(all, c.text)
	}
	return all
}

// workspaces are those of a package.json: a list, or an object with one (docs.npmjs.com/cli/using-npm/workspaces).
func workspaces(data []byte) (names []string) {
	var content struct{ Workspaces json.RawMessage }
	if json.Unmarshal(data, &content) != nil {
		return nil
	}
	if json.Unmarshal(content.Workspaces, &names) == nil {
		return names
	}
	var nested struct{ Packages []string }
	_ = json.Unmarshal(content.Workspaces, &nested) // of another form: it names none
	return nested.Packages
}
