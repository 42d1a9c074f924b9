package registry

import (
	"context"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Digest returns what a tag names, as sha256: and 64 characters of hex; of a digest it tells that its manifest is there. Fault
// "no-image" where it is not.
func (r Repository) Digest(ctx context.Context, identifier string) (string, error) {
	limited, cancel := context.WithTimeoutCause(ctx, callLimit, errNoAnswer)
	defer cancel()
	ref, err := r.reference(identifier)
	if err != nil {
		return "", err
	}
	desc, err := remote.Head(ref, r.client.options(limited, true)...)
	if err != nil {
		return "", r.explain(ctx, "looking up "+ref.Name(), err)
	}
	return desc.Digest.String(), nil
}

// Copy brings the manifest of a digest to another repository, with all that it refers to: the images of an index, their configurations
// and layers. What is there already is not sent again, and between repositories of one registry only references are made where it
// allows that. The manifest is written when all else is there, so that a copy that breaks off leaves nothing that can be pulled, and can
// be made again. No tag is written. Signatures and other things that merely point at the image are not part of it.
func (r Repository) Copy(ctx context.Context, digest string, to Repository) error {
	from, err := r.byDigest(digest)
	if err != nil {
		return err
	}
	image, err := remote.Get(from, r.client.options(ctx, true)...)
	if err != nil {
		return r.explain(ctx, "reading "+from.Name(), err)
	}
	target := to.repo.Digest(digest)
	if err := remote.Push(target, image, to.client.options(ctx, true)...); err != nil {
		return to.explain(ctx, "copying "+from.Name()+" to "+to.String(), err, r.client.secrets...)
	}
	return nil
}

func (r Repository) byDigest(digest string) (name.Digest, error) {
	ref, err := r.reference(digest)
	if err != nil {
		return name.Digest{}, err
	}
	d, ok := ref.(name.Digest)
	if !ok {
		return d, fault.New(fault.Invalid, "registry-name", "%s is not a digest", digest)
	}
	return d, nil
}

// Tag makes a tag name the manifest of a digest that is in the repository already. It looks the tag up before: where it names the
// digest nothing is written; where it names neither that nor old, which is "" for a tag that was not there, the fault is "tag-taken". The
// write is sent once. Registries know no compare-and-swap: who else writes the tag between look-up and write is overwritten.
func (r Repository) Tag(ctx context.Context, tag, old, digest string) error {
	limited, cancel := context.WithTimeoutCause(ctx, callLimit, errNoAnswer)
	defer cancel()
	target, err := r.byTag(tag)
	if err != nil {
		return err
	}
	manifest, err := r.byDigest(digest)
	if err != nil {
		return err
	}
	switch found, err := r.find(ctx, tag); {
	case err != nil:
		return err
	case found == digest:
		return nil
	case found != old:
		return r.taken(tag, found)
	}
	image, err := remote.Get(manifest, r.client.options(limited, true)...)
	if err != nil {
		return r.explain(ctx, "reading "+manifest.Name(), err)
	}
	if err := remote.Put(target, image, r.client.options(limited, false)...); err != nil {
		return r.explain(ctx, "tagging "+target.Name(), err)
	}
	switch found, err := r.find(ctx, tag); {
	case err != nil:
		return err
	case found != digest:
		return r.taken(tag, found)
	}
	return nil
}

func (r Repository) byTag(tag string) (name.Tag, error) {
	ref, err := r.reference(tag)
	if err != nil {
		return name.Tag{}, err
	}
	t, ok := ref.(name.Tag)
	if !ok {
		return t, fault.New(fault.Invalid, "registry-name", "%s is not a tag", tag)
	}
	return t, nil
}

// find is Digest, and "" for a tag that is not there.
func (r Repository) find(ctx context.Context, tag string) (string, error) {
	found, err := r.Digest(ctx, tag)
	if fault.Is(err, "no-image") {
		return "", nil
	}
	return found, err
}

func (r Repository) taken(tag, found string) error {
	if found == "" {
		return fault.New(fault.Invalid, "tag-taken", "the tag %s:%s is not there any more", r, tag).
			Hint("somebody else removed it: nothing was changed")
	}
	return fault.New(fault.Invalid, "tag-taken", "the tag %s:%s names %s, which is neither what was there nor what comes", r, tag, found).
		Hint("somebody else wrote it: remove the tag, or promote what it names")
}

// Untag removes a tag that names the digest; one that is gone already is no error. The manifest stays, for other tags and for the
// registry's own clean-up. Faults: "tag-taken" where the tag names something else, "registry-kept" where the registry removes nothing.
//
// Registries before OCI 1.1, Docker's of version 2 among them, can only remove a manifest, and with it every tag that names it. There the
// tag is first made to name a placeholder, which is removed then; a call that broke off between the two is finished by the next.
func (r Repository) Untag(ctx context.Context, tag, digest string) error {
	limited, cancel := context.WithTimeoutCause(ctx, callLimit, errNoAnswer)
	defer cancel()
	target, err := r.byTag(tag)
	if err != nil {
		return err
	}
	placeholder, err := placeholderOf(target)
	if err != nil {
		return fault.New(fault.Internal, "placeholder", "the placeholder of %s cannot be made", target.Name()).Because(err)
	}
	options := r.client.options(limited, false)
	switch found, err := r.find(ctx, tag); {
	case err != nil || found == "":
		return err
	case found == placeholder.digest.DigestStr():
		return r.remove(ctx, placeholder.digest, options)
	case found != digest:
		return r.taken(tag, found)
	}
	if err := remote.Delete(target, options...); err != nil && !refuses(err) {
		return r.explain(ctx, "removing "+target.Name(), err)
	}
	switch found, err := r.find(ctx, tag); {
	case err != nil || found == "":
		return err
	case found != digest:
		return r.taken(tag, found)
	}
	return r.replace(ctx, target, placeholder, options)
}

// refuses tells that a registry does not know how to remove what it was asked to remove.
func refuses(err error) bool {
	switch statusOf(err) {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

type placeholder struct {
	image  v1.Image
	digest name.Digest
}

// placeholderOf is an empty image that no other tag names.
func placeholderOf(tag name.Tag) (placeholder, error) {
	says := map[string]string{"org.opencontainers.image.description": "gio is removing the tag " + tag.Name()}
	image := mutate.Annotations(mutate.MediaType(empty.Image, types.OCIManifestSchema1), says).(v1.Image)
	digest, err := image.Digest()
	return placeholder{image, tag.Digest(digest.String())}, err
}

// replace removes a tag by way of its placeholder. Whether the registry removes anything is tried before the tag is touched.
func (r Repository) replace(ctx context.Context, tag name.Tag, p placeholder, options []remote.Option) error {
	if err := remote.Push(p.digest, p.image, options...); err != nil {
		return r.explain(ctx, "removing "+tag.Name(), err)
	}
	if err := r.remove(ctx, p.digest, options); err != nil {
		return err
	}
	if err := remote.Push(tag, p.image, options...); err != nil {
		return r.explain(ctx, "removing "+tag.Name(), err)
	}
	return r.remove(ctx, p.digest, options)
}

// remove removes a manifest, and looks whether it is gone.
func (r Repository) remove(ctx context.Context, digest name.Digest, options []remote.Option) error {
	refused := remote.Delete(digest, options...)
	if refused != nil && !refuses(refused) {
		return r.explain(ctx, "removing "+digest.Name(), refused)
	}
	_, err := r.Digest(ctx, digest.DigestStr())
	switch {
	case fault.Is(err, "no-image"):
		return nil
	case err != nil:
		return err
	}
	kept := fault.New(fault.Remote, "registry-kept", "%s keeps %s", r.registryHost(), digest.Name())
	if refused != nil {
		kept = kept.Because(r.explain(ctx, "removing it", refused))
	}
	return kept.Hint("a registry may be set up to keep everything: Docker's wants storage.delete.enabled").
		Hint("copy instead of move, or remove the tag by the registry's own means")
}
