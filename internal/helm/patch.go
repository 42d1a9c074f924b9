package helm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/gravitee-lab/gio/internal/render"
)

// Patch applies the patches of a file: strategic merge patches first, then JSON patches, each in their order, as Kustomize does for
// Gimlet. Documents without a patch keep their bytes; a patch without a document is an error, since it would have no effect.
func (Libraries) Patch(f render.AppFile, documents []render.Document) ([]render.Document, error) {
	for i, part := range render.Split(f.StrategicMergePatches) {
		place := fmt.Sprintf("strategicMergePatches, document %d (from line %d)", i+1, part.Line)
		patch, err := render.ReadDocument(part.Text)
		if err != nil {
			return nil, f.About("app-file-patch", "%s", place).Because(err)
		}
		if patch.Head.Kind == "" {
			continue
		}
		if documents, err = merged(documents, patch); err != nil {
			return nil, f.About("app-file-patch", "%s, of %s", place, patch.Head).Because(err)
		}
	}
	for i, patch := range f.JSON6902Patches {
		if err := apply(documents, patch); err != nil {
			return nil, f.About("app-file-patch", "json6902Patches[%d], of %s", i, patch.Target).Because(err)
		}
	}
	return documents, nil
}

var errNoTarget = errors.New("there is no such object among those that the app file makes")

// merged merges a strategic merge patch into each document that it names; `$patch: delete` removes it.
func merged(documents []render.Document, patch render.Document) ([]render.Document, error) {
	change, err := yaml.YAMLToJSON([]byte(patch.Text))
	if err != nil {
		return nil, err
	}
	var directive struct {
		Patch string `json:"$patch"`
	}
	if err := json.Unmarshal(change, &directive); err != nil {
		return nil, err
	}
	found, out := false, make([]render.Document, 0, len(documents))
	for _, d := range documents {
		if !isFor(patch.Head, d.Head) {
			out = append(out, d)
			continue
		}
		found = true
		if directive.Patch == "delete" {
			continue
		}
		if err := replace(&d, func(object []byte) ([]byte, error) { return merge(object, change, d.Head) }); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if !found {
		return nil, errNoTarget
	}
	return out, nil
}

// isFor tells that a patch with this head is for an object. Where one of the two has no namespace, the app's is meant.
func isFor(h, object render.Head) bool {
	return h.APIVersion == object.APIVersion && h.Kind == object.Kind && h.Metadata.Name == object.Metadata.Name &&
		(h.Metadata.Namespace == object.Metadata.Namespace || h.Metadata.Namespace == "" || object.Metadata.Namespace == "")
}

// merge knows of Kubernetes' own kinds by which key their lists are merged. Of others nobody does: their lists are replaced.
func merge(object, change []byte, of render.Head) ([]byte, error) {
	kind, err := scheme.Scheme.New(schema.FromAPIVersionAndKind(of.APIVersion, of.Kind))
	if err == nil {
		return strategicpatch.StrategicMergePatch(object, change, kind)
	}
	var tree any
	if err := json.Unmarshal(change, &tree); err != nil {
		return nil, err
	}
	if hasDirective(tree) {
		return nil, errors.New("it is of no kind of Kubernetes' own: how its lists are merged is not known, and $patch cannot be used")
	}
	return jsonpatch.MergePatch(object, change)
}

// hasDirective tells of keys such as $patch, which tell how to merge.
func hasDirective(tree any) bool {
	switch tree := tree.(type) {
	case []any:
		return slices.ContainsFunc(tree, hasDirective)
	case map[string]any:
		for key, value := range tree {
			if strings.HasPrefix(key, "$") || hasDirective(value) {
				return true
			}
		}
	}
	return false
}

// apply applies a JSON patch to each document that its target names.
func apply(documents []render.Document, patch render.Patch) error {
	if patch.Target.Kind == "" && patch.Target.Name == "" {
		return errors.New("its target has neither a kind nor a name")
	}
	text, err := yaml.YAMLToJSONStrict([]byte(patch.Patch))
	if err != nil {
		return err
	}
	operations, err := jsonpatch.DecodePatch(text)
	if err != nil {
		return err
	}
	options := jsonpatch.NewApplyOptions()
	options.AccumulatedCopySizeLimit = render.MaxFiles
	found := false
	for i := range documents {
		if !names(patch.Target, documents[i].Head) {
			continue
		}
		found = true
		if err := replace(&documents[i], func(object []byte) ([]byte, error) { return operations.ApplyWithOptions(object, options) }); err != nil {
			return err
		}
	}
	if !found {
		return errNoTarget
	}
	return nil
}

func names(t render.Target, object render.Head) bool {
	of := schema.FromAPIVersionAndKind(object.APIVersion, object.Kind)
	return slices.Contains([]string{"", of.Group}, t.Group) && slices.Contains([]string{"", of.Version}, t.Version) &&
		slices.Contains([]string{"", of.Kind}, t.Kind) && slices.Contains([]string{"", object.Metadata.Name}, t.Name)
}

// replace replaces what a document says.
func replace(d *render.Document, with func([]byte) ([]byte, error)) error {
	object, err := yaml.YAMLToJSON([]byte(d.Text))
	if err != nil {
		return err
	}
	if object, err = with(object); err != nil {
		return err
	}
	text, err := yaml.JSONToYAML(object)
	if err != nil {
		return err
	}
	changed, err := render.ReadDocument(string(text))
	if err != nil {
		return err
	}
	changed.File = d.File
	*d = changed
	return nil
}
