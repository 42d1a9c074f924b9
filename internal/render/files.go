package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// What the documents of one app may take.
const (
	maxDocuments = 1000
	maxFiles     = 4 << 20 // bytes, together
)

// manifestFile has what comes from no template of a chart.
const manifestFile = "manifest.yaml"

// document is one Kubernetes object, and the file that it goes into.
type document struct {
	file string
	text string
	head head
}

// head is what names a Kubernetes object.
type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
}

func (h head) String() string { return h.Kind + " " + h.Metadata.Name }

// Files returns the Kubernetes files of a file whose templates are filled in, by their names: its own YAML documents are in
// manifest.yaml, unless a comment "# Source: x/NAME.yaml" names another. Faults: "app-file-name", "app-file-documents", "app-file-empty",
// "app-file-dependencies", "app-file-chart".
func Files(f AppFile) (map[string][]byte, error) {
	if err := f.CheckNames(); err != nil {
		return nil, err
	}
	if len(f.Dependencies) > 0 {
		return nil, f.about("app-file-dependencies", "it has dependencies, which gio does not make").Hint("make what the app needs elsewhere, and leave dependencies out of the app file")
	}
	if f.Chart.Name != "" || len(f.JSON6902Patches) > 0 || strings.TrimSpace(f.StrategicMergePatches) != "" {
		return nil, f.about("app-file-chart", "it has a chart or patches, which gio-server does not render").
			Hint("render it in CI (helm template), and ship what that prints under manifests")
	}
	documents, err := f.own()
	if err != nil {
		return nil, err
	}
	if len(documents) == 0 {
		return nil, f.about("app-file-empty", "it has no manifests").Hint("write Kubernetes objects under manifests")
	}
	return f.joined(documents)
}

// own are the documents that the file itself has.
func (f AppFile) own() ([]document, error) {
	var out []document
	for i, text := range split(f.Manifests) {
		d, err := read(text)
		if err != nil {
			return nil, f.about("app-file-documents", "manifests, document %d", i+1).Because(err)
		}
		if d.head.Kind != "" {
			d.file, d.text = source(text)
			out = append(out, d)
		}
	}
	return out, nil
}

var (
	separator = regexp.MustCompile(`(?m)^---[ \t]*(?:#.*)?\r?$`)
	marker    = regexp.MustCompile(`(?m)^(?:---|\.\.\.)(?:[ \t\r]|$)`)
)

// split cuts a text at the lines that separate YAML documents.
func split(text string) []string {
	var out []string
	for _, part := range separator.Split(text, -1) {
		if strings.TrimSpace(part) != "" {
			out = append(out, strings.Trim(part, "\r\n"))
		}
	}
	return out
}

// read finds out what a document is. One of comments alone has no kind.
func read(text string) (document, error) {
	if len(text) > maxFiles {
		return document{}, fmt.Errorf("it has %d bytes, and %d are allowed", len(text), maxFiles)
	}
	if marker.MatchString(text) {
		return document{}, errors.New("the lines that separate documents must be --- alone")
	}
	converted, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return document{}, err
	}
	if bytes.Equal(converted, []byte("null")) {
		return document{}, nil
	}
	if depth(converted) > maxDepth {
		return document{}, fmt.Errorf("its values are nested more than %d deep", maxDepth)
	}
	d := document{text: text}
	if err := json.Unmarshal(converted, &d.head); err != nil || d.head.APIVersion == "" || d.head.Kind == "" {
		return document{}, errors.New("it is not a Kubernetes object, which has apiVersion and kind")
	}
	return d, nil
}

var (
	sourceLine = regexp.MustCompile(`^# Source: (\S+)[ \t\r]*\n`)
	fileName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.ya?ml$`)
)

// source takes the line of a text that says which file it is from, as Helm writes it.
func source(text string) (file, rest string) {
	if m := sourceLine.FindStringSubmatch(text); m != nil {
		return baseName(m[1]), text[len(m[0]):]
	}
	return manifestFile, text
}

// baseName is the file that a template's output goes into.
func baseName(template string) string {
	if base := path.Base(template); fileName.MatchString(base) {
		return base
	}
	return manifestFile
}

// joined puts documents into their files, in the order in which they are.
func (f AppFile) joined(documents []document) (map[string][]byte, error) {
	if len(documents) > maxDocuments {
		return nil, f.about("app-file-documents", "it makes %d Kubernetes objects, and %d are allowed", len(documents), maxDocuments)
	}
	files, total := map[string][]byte{}, 0
	for _, d := range documents {
		text := "---\n" + strings.TrimRight(d.text, " \t\r\n") + "\n"
		if total += len(text); total > maxFiles {
			return nil, f.about("app-file-documents", "its Kubernetes objects have more than %d bytes", maxFiles)
		}
		files[d.file] = append(files[d.file], text...)
	}
	return files, nil
}
