package render

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
)

// patched applies the patches of the file: strategic merge patches first, then JSON patches, each in their order, as Kustomize does for
// Gimlet. Documents without a patch keep their bytes; a patch without a document is an error, since it would have no effect.
func (f AppFile) patched(documents []document) ([]document, error) {
	for i, text := range split(f.StrategicMergePatches) {
		patch, err := read(text)
		if err != nil {
			return nil, f.about("app-file-patch", "strategicMergePatches, document %d", i+1).Because(err)
		}
		if patch.head.Kind == "" {
			continue
		}
		if documents, err = merged(documents, patch); err != nil {
			return nil, f.about("app-file-patch", "strategicMergePatches, document %d, of %s", i+1, patch.head).Because(err)
		}
	}
	for i, patch := range f.JSON6902Patches {
		if err := apply(documents, patch); err != nil {
			return nil, f.about("app-file-patch", "json6902Patches[%d], of %s", i, patch.Target).Because(err)
		}
	}
	return documents, nil
}

var errNoTarget = errors.New("there is no such object among those that the app file makes")

// merged merges a strategic merge patch into each document that it names; `$patch: delete` removes it.
func merged(documents []document, patch document) ([]document, error) {
	change, err := yaml.YAMLToJSON([]byte(patch.text))
	if err != nil {
		return nil, err
	}
	var directive struct {
		Patch string `json:"$patch"`
	}
	if err := json.Unmarshal(change, &directive); err != nil {
		return nil, err
	}
	found, out := false, make([]document, 0, len(documents))
	for _, d := range documents {
		if !patch.head.names(d.head) {
			out = append(out, d)
			continue
		}
		found = true
		if directive.Patch == "delete" {
			continue
		}
		if err := d.change(func(object []byte) ([]byte, error) { return merge(object, change, d.head) }); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if !found {
		return nil, errNoTarget
	}
	return out, nil
}

// names tells that a patch with this head is for an object. Where one of the two has no namespace, the app's is meant.
func (h head) names(object head) bool {
	return h.APIVersion == object.APIVersion && h.Kind == object.Kind && h.Metadata.Name == object.Metadata.Name &&
		(h.Metadata.Namespace == object.Metadata.Namespace || h.Metadata.Namespace == "" || object.Metadata.Namespace == "")
}

// merge knows of Kubernetes' own kinds by which key their lists are merged. Of others nobody does: their lists are replaced.
func merge(object, change []byte, of head) ([]byte, error) {
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
func apply(documents []document, patch Patch) error {
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
	options.AccumulatedCopySizeLimit = maxFiles
	found := false
	for i := range documents {
		if !patch.Target.names(documents[i].head) {
			continue
		}
		found = true
		if err := documents[i].change(func(object []byte) ([]byte, error) { return operations.ApplyWithOptions(object, options) }); err != nil {
			return err
		}
	}
	if !found {
		return errNoTarget
	}
	return nil
}

func (t Target) names(object head) bool {
	of := schema.FromAPIVersionAndKind(object.APIVersion, object.Kind)
	return slices.Contains([]string{"", of.Group}, t.Group) && slices.Contains([]string{"", of.Version}, t.Version) &&
		slices.Contains([]string{"", of.Kind}, t.Kind) && slices.Contains([]string{"", object.Metadata.Name}, t.Name)
}

// String names what is sought, as in apps/v1 Deployment web.
func (t Target) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", strings.Trim(t.Group+"/"+t.Version, "/"), t.Kind, t.Name))
}

// change replaces what a document says.
func (d *document) change(with func([]byte) ([]byte, error)) error {
	object, err := yaml.YAMLToJSON([]byte(d.text))
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
	changed, err := read(string(text))
	if err != nil {
		return err
	}
	changed.file = d.file
	*d = changed
	return nil
}
