package render

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// MaxFiles is how many bytes the documents of one app may have, together.
const MaxFiles = 4 << 20

const maxDocuments = 1000 // of one app

// manifestFile has what comes from no template of a chart.
const manifestFile = "manifest.yaml"

// Document is one Kubernetes object, and the file that it goes into.
type Document struct {
	File string
	Text string
	Head Head
}

// Head is what names a Kubernetes object.
type Head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
}

func (h Head) String() string { return h.Kind + " " + h.Metadata.Name }

// Kubernetes does what takes Helm's and Kubernetes' own libraries. It is a value, because they are 26 MB and a minute of compiling: the
// program alone links what has them (package helm), and no test of those who render.
type Kubernetes interface {
	// Chart returns the documents that the chart of a file makes, in the order in which Helm applies them, each in the file that is called
	// like its template. Faults: "app-file-name", "chart-name", "chart-missing", "chart-broken", "chart-values".
	Chart(ctx context.Context, f AppFile, homes Charts) ([]Document, error)
	// Patch applies the patches of a file to documents. Fault: "app-file-patch".
	Patch(f AppFile, documents []Document) ([]Document, error)
}

// Charts are the homes of charts, which the server's settings name. A chart is taken from the first home that has it; nothing is ever
// fetched from an address in an app file.
type Charts []Home

// Home is where charts are: a folder, or what Pull reads, as a registry.
type Home struct {
	// Repository is the chart.repository of the app files that this home is for, as in https://chart.onechart.dev; "" for all of them.
	Repository string
	// Folder has charts as folders NAME or NAME-VERSION, or as archives NAME-VERSION.tgz.
	Folder string
	// Pull returns the archive of a chart. Its fault is of the kind NotFound where the home has no such chart.
	Pull func(ctx context.Context, name, version string) ([]byte, error)
}

// Files returns the Kubernetes files of a file whose templates are filled in, by their names: what a chart makes is in files that are
// called like its templates, and the file's own YAML documents are in manifest.yaml, unless a comment "# Source: x/NAME.yaml" names
// another. Faults: "app-file-name", "app-file-documents", "app-file-empty", "app-file-dependencies", and those of Kubernetes.
func Files(ctx context.Context, f AppFile, k Kubernetes, homes Charts) (map[string][]byte, error) {
	if err := f.CheckNames(); err != nil {
		return nil, err
	}
	if len(f.Dependencies) > 0 {
		return nil, f.About("app-file-dependencies", "it has dependencies, which gio does not make").Hint("make what the app needs elsewhere, and leave dependencies out of the app file")
	}
	patches := len(f.JSON6902Patches) > 0 || strings.TrimSpace(f.StrategicMergePatches) != ""
	if k == nil && (patches || f.Chart.Name != "") {
		return nil, f.About("app-file-chart", "it has a chart or patches, and this program is built without Helm").Hint("ship manifests, or use a gio-server as it is released")
	}
	var documents []Document
	var err error
	if f.Chart.Name != "" {
		if documents, err = k.Chart(ctx, f, homes); err != nil {
			return nil, err
		}
	}
	own, err := f.own()
	if err != nil {
		return nil, err
	}
	if documents = append(documents, own...); len(documents) == 0 {
		return nil, f.About("app-file-empty", "it has neither a chart nor manifests").Hint("name a chart, or write Kubernetes objects under manifests")
	}
	if patches {
		if documents, err = k.Patch(f, documents); err != nil {
			return nil, err
		}
	}
	return f.joined(documents)
}

// own are the documents that the file itself has.
func (f AppFile) own() ([]Document, error) {
	var out []Document
	for i, part := range Split(f.Manifests) {
		d, err := ReadDocument(part.Text)
		if err != nil {
			return nil, f.About("app-file-documents", "manifests, document %d (from line %d)", i+1, part.Line).Because(err)
		}
		if d.Head.Kind != "" {
			d.File, d.Text = source(part.Text)
			out = append(out, d)
		}
	}
	return out, nil
}

var (
	separator = regexp.MustCompile(`(?m)^---[ \t]*(?:#.*)?\r?$`)
	marker    = regexp.MustCompile(`(?m)^(?:---|\.\.\.)(?:[ \t\r]|$)`)
)

// Part is a YAML document in a text of several.
type Part struct {
	Text string
	Line int // where it begins, from 1
}

// Split cuts a text at the lines that separate YAML documents, and leaves out those of nothing.
func Split(text string) []Part {
	var out []Part
	at := 0
	cut := func(to int) {
		part := text[at:to]
		if strings.TrimSpace(part) == "" {
			return
		}
		begin := at + len(part) - len(strings.TrimLeft(part, "\r\n"))
		out = append(out, Part{strings.Trim(part, "\r\n"), 1 + strings.Count(text[:begin], "\n")})
	}
	for _, line := range separator.FindAllStringIndex(text, -1) {
		cut(line[0])
		at = line[1]
	}
	cut(len(text))
	return out
}

// ReadDocument finds out what a document is, which is in manifest.yaml. One of comments alone has no kind.
func ReadDocument(text string) (Document, error) {
	if len(text) > MaxFiles {
		return Document{}, fmt.Errorf("it has %d bytes, and %d are allowed", len(text), MaxFiles)
	}
	if marker.MatchString(text) {
		return Document{}, errors.New("the lines that separate documents must be --- alone")
	}
	converted, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return Document{}, err
	}
	if bytes.Equal(converted, []byte("null")) {
		return Document{}, nil
	}
	if depth(converted) > maxDepth {
		return Document{}, fmt.Errorf("its values are nested more than %d deep", maxDepth)
	}
	d := Document{File: manifestFile, Text: text}
	if err := json.Unmarshal(converted, &d.Head); err != nil || d.Head.APIVersion == "" || d.Head.Kind == "" {
		return Document{}, errors.New("it is not a Kubernetes object, which has apiVersion and kind")
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
		return FileOf(m[1]), text[len(m[0]):]
	}
	return manifestFile, text
}

// FileOf is the file that the output of a chart's template goes into.
func FileOf(template string) string {
	if base := path.Base(template); fileName.MatchString(base) {
		return base
	}
	return manifestFile
}

// joined puts documents into their files, in the order in which they are.
func (f AppFile) joined(documents []Document) (map[string][]byte, error) {
	if len(documents) > maxDocuments {
		return nil, f.About("app-file-documents", "it makes %d Kubernetes objects, and %d are allowed", len(documents), maxDocuments)
	}
	files, total := map[string][]byte{}, 0
	for _, d := range documents {
		text := "---\n" + strings.TrimRight(d.Text, " \t\r\n") + "\n"
		if total += len(text); total > MaxFiles {
			return nil, f.About("app-file-documents", "its Kubernetes objects have more than %d bytes", MaxFiles)
		}
		files[d.File] = append(files[d.File], text...)
	}
	return files, nil
}
