package ledger_test

import (
	"context"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/sign"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// signer signs by one key, whose name is "key"; "other" is another name for it.
func signer(t *testing.T) ledger.Signing {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := sign.ParseKey("key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	list := func(b ledger.Bundle, items []ledger.Item) sign.Statement {
		s := sign.Statement{Project: b.Project, Name: b.Name, Version: b.Version}
		for _, i := range items {
			s.Items = append(s.Items, sign.Item{Name: i.Repository + "/" + i.Path, SHA256: i.SHA256})
		}
		return s
	}
	return ledger.Signing{
		Key: func(name string) (string, error) {
			switch name {
			case "":
				return "key", nil
			case "key", "other":
				return name, nil
			}
			return "", fault.New(fault.Invalid, "unknown-key", "there is no key %s", name)
		},
		Sign: func(_ string, b ledger.Bundle, items []ledger.Item) (string, error) {
			text, err := key.Sign(list(b, items))
			return string(text), err
		},
		Verify: func(envelope string, b ledger.Bundle, items []ledger.Item) (string, error) {
			signed, name, err := sign.Verify([]byte(envelope), []sign.Key{key})
			if err == nil && len(signed.Items) != len(items) {
				err = fault.New(fault.Invalid, "signature-other", "another list was signed")
			}
			return name, err
		},
	}
}

// shelves is a project with repositories of its environments, and some that belong to none.
func shelves(t *testing.T, url string) *world {
	t.Helper()
	w := signing(t, url)
	w.declares(func(*ledger.Declaration) {})
	return w
}

// signing is a world whose ledger signs, and knows systems outside.
func signing(t *testing.T, url string) *world {
	t.Helper()
	w := newWorld(t, url)
	w.Signing = signer(t)
	w.Connections = map[string]ledger.Kind{"art": "artifactory", "reg": "registry"}
	return w
}

// declares makes the project what it is by default, but for a change.
func (w *world) declares(change func(*ledger.Declaration)) {
	w.t.Helper()
	d := declaration()
	d.Environments = append(d.Environments, ledger.Environment{Name: "edge", Kind: ledger.None})
	repository := func(name, environment, kind string) {
		d.Repositories = append(d.Repositories, ledger.Repository{Name: name, Environment: environment, Type: kind})
	}
	repository("libs", "", "generic")
	repository("jars", "", "maven")
	for _, environment := range []string{"qa", "prod", "edge"} {
		repository(environment+"-generic", environment, "generic")
		repository(environment+"-maven", environment, "maven")
	}
	change(&d)
	if _, err := w.Apply(w.t.Context(), storetest.Admin(), d, false); err != nil {
		w.t.Fatal(err)
	}
}

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return hex.EncodeToString(s[:])
}

func sha1Of(content string) string {
	s := sha1.Sum([]byte(content))
	return hex.EncodeToString(s[:])
}

// put puts a file somewhere, whatever is there, with properties as key=value.
func (w *world) put(place, content string, properties ...string) {
	w.t.Helper()
	repository, path, _ := strings.Cut(place, "/")
	md := md5.Sum([]byte(content))
	f := ledger.File{Repository: repository, Path: path, Properties: ledger.Properties{}, CreatedAt: w.now, ModifiedAt: w.now, CreatedBy: "ann"}
	for _, p := range properties {
		key, value, _ := strings.Cut(p, "=")
		f.Properties[key] = append(f.Properties[key], value)
	}
	f.Blob = ledger.Blob{Checksums: ledger.Checksums{SHA256: sum(content), SHA1: sha1Of(content), MD5: hex.EncodeToString(md[:])}, Place: storetest.NewID(), Size: int64(len(content))}
	w.change(func(ctx context.Context, tx ledger.Tx) error {
		if _, err := tx.KeepBlob(ctx, f.Blob, w.now); err != nil {
			return err
		}
		err := tx.UpdateFile(ctx, f)
		if fault.Is(err, "no-file") {
			err = tx.InsertFile(ctx, f)
		}
		return err
	})
}

func (w *world) remove(place string) {
	w.t.Helper()
	repository, path, _ := strings.Cut(place, "/")
	w.change(func(ctx context.Context, tx ledger.Tx) error { return tx.DeleteFile(ctx, repository, path) })
}

func (w *world) change(do func(context.Context, ledger.Tx) error) {
	w.t.Helper()
	if err := w.store.Change(w.t.Context(), func(tx ledger.Tx) error { return do(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// stand fails unless exactly these files are in a repository, each as PATH CONTENT and its properties.
func (w *world) stand(repository string, want ...string) {
	w.t.Helper()
	var files []ledger.File
	err := w.store.Read(w.t.Context(), func(tx ledger.Tx) (err error) {
		files, err = tx.Files(w.t.Context(), repository, "", "~", 1000)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	got := []string{}
	for _, f := range files {
		line := f.Path
		for _, content := range []string{"one", "two", "three", "other"} {
			if f.SHA256 == sum(content) {
				line += " " + content
			}
		}
		if len(f.Properties) > 0 {
			text, err := json.Marshal(f.Properties)
			if err != nil {
				w.t.Fatal(err)
			}
			line += " " + string(text)
		}
		got = append(got, line)
	}
	if !slices.Equal(got, append([]string{}, want...)) {
		w.t.Errorf("%s has %q, want %q", repository, got, want)
	}
}

func files(places ...string) ledger.Source {
	var s ledger.Source
	for _, place := range places {
		repository, path, _ := strings.Cut(place, "/")
		s.Artifacts = append(s.Artifacts, ledger.Artifact{Repository: repository, Path: path})
	}
	return s
}

// bundle makes a bundle of files.
func (w *world) bundle(name, version string, places ...string) ledger.Bundle {
	w.t.Helper()
	b, err := w.CreateBundle(w.t.Context(), storetest.Admin(), "acme", ledger.NewBundle{Name: name, Version: version, Sources: []ledger.Source{files(places...)}})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// inside lists what is in a bundle.
func (w *world) inside(name, version string) (lines []string) {
	w.t.Helper()
	_, items, err := w.BundleItems(w.t.Context(), storetest.Admin(), "acme", name, version)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range items {
		lines = append(lines, fmt.Sprintf("%d %s %s %s/%s %s %d %t %s", i.Number, i.Kind, i.Type, i.Repository, i.Path, i.SHA256[:4], i.Size, i.Kept, i.Properties))
	}
	return lines
}

// What is in a bundle by each source, in order, and once.
func TestBundleSources(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := shelves(t, url)
		w.declares(func(d *ledger.Declaration) {
			d.Repositories = append(d.Repositories, ledger.Repository{Name: "images", Kind: ledger.Registry, Connection: "reg", Path: "acme"},
				ledger.Repository{Name: "remote", Kind: ledger.Artifactory, Connection: "art", Path: "libs-dev"})
		})
		w.put("libs/a/one.txt", "one", "k=v")
		w.put("libs/two.txt", "two")
		w.put("qa-generic/two.txt", "two")
		w.put("jars/three.jar", "three")
		info := fmt.Sprintf(`{"modules":[{"artifacts":[{"name":"one.txt","path":"a/one.txt","originalDeploymentRepo":"libs","sha256":%q},
			{"name":"moved","path":"was/here","originalDeploymentRepo":"libs","sha256":%q},{"name":"old","sha1":%q}],"dependencies":[{"id":"o","sha256":%q}]}]}`,
			sum("one"), sum("two"), sha1Of("three"), sum("other"))
		w.change(func(ctx context.Context, tx ledger.Tx) error {
			return tx.PutBuild(ctx, ledger.Build{Project: "acme", Key: "acme-build-info", Name: "shop", Number: "7", StartedAt: w.now, Info: info}, w.now)
		})
		w.bundle("box", "1", "libs/two.txt", "libs/a/one.txt", "libs/two.txt")
		same(t, w.inside("box", "1"), []string{
			"1 file generic libs/two.txt " + sum("two")[:4] + " 3 true {}", "2 file generic libs/a/one.txt " + sum("one")[:4] + ` 3 true {"k":["v"]}`,
		})
		sources := []ledger.Source{
			{Bundles: []ledger.BundleSource{{Project: "acme", Name: "box", Version: "1"}}},
			{Builds: []ledger.BuildSource{{Key: "acme-build-info", Name: "shop", Number: "7"}}},
			{Artifacts: []ledger.Artifact{
				{Repository: "images", Path: "gateway/3.9.4/manifest.json", SHA256: strings.ToUpper(sum("other"))},
				{Repository: "images", Path: "ui:1", SHA256: sum("other")},
				{Repository: "remote", Path: "x/y.bin", SHA256: sum("other")},
			}},
		}
		if _, err := w.CreateBundle(t.Context(), storetest.Admin(), "acme", ledger.NewBundle{Name: "all", Version: "1", Sources: sources}); err != nil {
			t.Fatal(err)
		}
		other := sum("other")[:4]
		same(t, w.inside("all", "1"), []string{
			"1 file generic libs/two.txt " + sum("two")[:4] + " 3 true {}", "2 file generic libs/a/one.txt " + sum("one")[:4] + ` 3 true {"k":["v"]}`,
			"3 file maven jars/three.jar " + sum("three")[:4] + " 5 true {}",
			"4 image docker images/gateway:3.9.4 " + other + " 0 false {}", "5 image docker images/ui:1 " + other + " 0 false {}", "6 file generic remote/x/y.bin " + other + " 0 false {}",
		})
		bad := func(code string, kind fault.Kind, s ledger.Source) {
			t.Helper()
			_, err := w.CreateBundle(t.Context(), storetest.Admin(), "acme", ledger.NewBundle{Name: "bad", Version: "1", Sources: []ledger.Source{s}})
			refused(t, code, err, kind, code)
		}
		bad("no-repository", fault.NotFound, files("nowhere/one.txt"))
		bad("no-file", fault.NotFound, files("libs/nothing"))
		bad("other-content", fault.Invalid, ledger.Source{Artifacts: []ledger.Artifact{{Repository: "libs", Path: "two.txt", SHA256: sum("one")}}})
		bad("invalid-checksum", fault.Invalid, ledger.Source{Artifacts: []ledger.Artifact{{Repository: "libs", Path: "two.txt", SHA256: "x"}}})
		bad("no-checksum", fault.Invalid, files("images/ui:1"))
		bad("no-build-info", fault.NotFound, ledger.Source{Builds: []ledger.BuildSource{{Key: "acme-build-info", Name: "shop", Number: "8"}}})
		bad("no-file", fault.NotFound, ledger.Source{Builds: []ledger.BuildSource{{Key: "acme-build-info", Name: "shop", Number: "7", Dependencies: true}}})
		bad("no-bundle", fault.NotFound, ledger.Source{Bundles: []ledger.BundleSource{{Project: "acme", Name: "box", Version: "2"}}})
		bad("empty-bundle", fault.Invalid, ledger.Source{})
		w.put("qa-generic/two.txt", "other")
		bad("same-place", fault.Invalid, files("libs/two.txt", "qa-generic/two.txt"))
		if _, err := w.Bundle(t.Context(), storetest.Admin(), "acme", "bad", "1"); !fault.Is(err, "no-bundle") {
			t.Errorf("something is left of a bundle that could not be made: %v", err)
		}
		_, err := w.CreateBundle(t.Context(), by(ledger.Releaser, "other"), "acme", ledger.NewBundle{Name: "bad", Version: "1"})
		refused(t, "another project's token", err, fault.Auth, "other-project")
	})
}

// A sealed bundle stays as it is, whatever becomes of its files, and its signature is good; a draft grows until it is sealed.
func TestBundlesNeverChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := shelves(t, url)
		admin := storetest.Admin()
		w.put("libs/one.txt", "one")
		w.put("libs/two.txt", "two")
		w.bundle("box", "1", "libs/one.txt", "libs/two.txt")
		before := w.inside("box", "1")
		w.put("libs/one.txt", "other")
		w.remove("libs/two.txt")
		same(t, w.inside("box", "1"), before)
		if unused := w.unused(); len(unused) != 0 { // of the three contents two are the bundle's, and one is a file's
			t.Errorf("contents of the bundle could be removed: %v", unused)
		}
		if _, key, err := w.VerifyBundle(t.Context(), admin, "acme", "box", "1"); err != nil || key != "key" {
			t.Errorf("the signature: %s, %v", key, err)
		}
		_, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "box", Version: "1", Sources: []ledger.Source{files("libs/one.txt")}})
		refused(t, "the same again", err, fault.Invalid, "bundle-exists")
		_, err = w.AddToBundle(t.Context(), admin, "acme", "box", "1", []ledger.Source{files("libs/one.txt")})
		refused(t, "adding to what is sealed", err, fault.Stopped, "not-draft")
		_, err = w.SealBundle(t.Context(), admin, "acme", "box", "1", "")
		refused(t, "sealing again", err, fault.Stopped, "not-draft")
		for _, name := range []string{"", "a b", "-a", ".a", "a/b", "ü", strings.Repeat("a", 256)} {
			_, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: name, Version: "1"})
			refused(t, name, err, fault.Invalid, "invalid-bundle")
			_, err = w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "a", Version: name})
			refused(t, name, err, fault.Invalid, "invalid-bundle")
		}
		_, err = w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "box", Version: "2", Key: "none", Sources: []ledger.Source{files("libs/one.txt")}})
		refused(t, "a key that is not there", err, fault.Invalid, "unknown-key")

		draft, err := w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "box", Version: "2", Draft: true})
		if err != nil || draft.Status != ledger.Draft {
			t.Fatal(draft, err)
		}
		_, err = w.SealBundle(t.Context(), admin, "acme", "box", "2", "")
		refused(t, "an empty one", err, fault.Invalid, "empty-bundle")
		_, err = w.Promote(t.Context(), admin, "acme", "box", "2", "qa", ledger.PromoteOptions{})
		refused(t, "promoting a draft", err, fault.Stopped, "not-sealed")
		_, err = w.CreateBundle(t.Context(), admin, "acme", ledger.NewBundle{Name: "b", Version: "1", Sources: []ledger.Source{{Bundles: []ledger.BundleSource{{Project: "acme", Name: "box", Version: "2"}}}}})
		refused(t, "taking a draft in", err, fault.Stopped, "not-sealed")
		for range 2 { // the second time it is there
			if _, err := w.AddToBundle(t.Context(), admin, "acme", "box", "2", []ledger.Source{files("libs/one.txt")}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.AddToBundle(t.Context(), admin, "acme", "box", "2", []ledger.Source{{Bundles: []ledger.BundleSource{{Project: "acme", Name: "box", Version: "1"}}}}); !fault.Is(err, "same-place") {
			t.Errorf("another content at the same place: %v", err)
		}
		sealed, err := w.SealBundle(t.Context(), admin, "acme", "box", "2", "other")
		if err != nil || sealed.Status != ledger.Sealed || sealed.Key != "other" || len(w.inside("box", "2")) != 1 {
			t.Errorf("%+v %v", sealed, err)
		}
		same(t, w.types("bundle."), []string{"bundle.created", "bundle.created", "bundle.changed", "bundle.changed", "bundle.sealed"})
	})
}

// unused are the contents that a collector would remove.
func (w *world) unused() (all []string) {
	w.t.Helper()
	err := w.store.Read(w.t.Context(), func(tx ledger.Tx) (err error) {
		all, _, err = tx.UnusedBlobs(w.t.Context(), "", 100)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// types are the types of events that begin like that, in order.
func (w *world) types(prefix string) (types []string) {
	w.t.Helper()
	for _, e := range w.history() {
		if strings.HasPrefix(e.Type, prefix) {
			types = append(types, e.Type)
		}
	}
	return types
}

// Lists of names and versions: parts, orders, filters, and how many there are, also after some were deleted.
func TestBundleLists(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := shelves(t, url)
		admin := storetest.Admin()
		w.put("libs/one.txt", "one")
		for _, b := range []string{"shop 1", "Shop_ui 1", "shop 3", "shop 2", "cart 1"} {
			name, version, _ := strings.Cut(b, " ")
			w.now = w.now.Add(1e9)
			w.bundle(name, version, "libs/one.txt")
		}
		names := func(o ledger.List) (all []string) {
			t.Helper()
			found, total, err := w.BundleNames(t.Context(), admin, "acme", o)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range found {
				all = append(all, fmt.Sprintf("%s %d %s", n.Name, n.Versions, n.Latest))
			}
			return append(all, fmt.Sprint(total))
		}
		versions := func(o ledger.List) (all []string) {
			t.Helper()
			found, total, err := w.BundleVersions(t.Context(), admin, "acme", "shop", o)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range found {
				all = append(all, b.Version)
			}
			return append(all, fmt.Sprint(total))
		}
		same(t, names(ledger.List{Limit: 10}), []string{"cart 1 1", "shop 3 2", "Shop_ui 1 1", "3"})
		same(t, names(ledger.List{Limit: 1, Offset: 1}), []string{"shop 3 2", "3"})
		same(t, names(ledger.List{Limit: 10, By: "name", Ascending: true}), []string{"Shop_ui 1 1", "cart 1 1", "shop 3 2", "3"})
		same(t, names(ledger.List{Limit: 10, Filter: "sHOP"}), []string{"shop 3 2", "Shop_ui 1 1", "2"})
		same(t, names(ledger.List{Limit: 10, Filter: "p_u"}), []string{"Shop_ui 1 1", "1"})
		same(t, names(ledger.List{Limit: 10, Filter: "s%p"}), []string{"0"})
		same(t, versions(ledger.List{Limit: 10}), []string{"2", "3", "1", "3"})
		same(t, versions(ledger.List{Limit: 10, Ascending: true}), []string{"1", "3", "2", "3"})
		same(t, versions(ledger.List{Limit: 2, By: "version"}), []string{"3", "2", "3"})
		same(t, versions(ledger.List{Limit: 10, By: "created_by"}), []string{"2", "3", "1", "3"})
		same(t, versions(ledger.List{Limit: 10, Filter: "3"}), []string{"3", "1"})
		same(t, versions(ledger.List{Limit: 10, Filter: "ANN@", Offset: 1}), []string{"3", "1", "3"})
		if _, _, err := w.BundleVersions(t.Context(), admin, "acme", "shop", ledger.List{By: "id; DROP TABLE bundles"}); !fault.Is(err, "invalid-order") {
			t.Errorf("an order that there is not: %v", err)
		}
		for _, version := range []string{"2", "1", "3"} {
			if _, err := w.DeleteBundle(t.Context(), admin, "acme", "shop", version, ledger.UnpromoteOptions{}); err != nil {
				t.Fatal(err)
			}
			switch version {
			case "2":
				same(t, names(ledger.List{Limit: 10}), []string{"cart 1 1", "shop 2 3", "Shop_ui 1 1", "3"})
			case "3":
				same(t, names(ledger.List{Limit: 10}), []string{"cart 1 1", "Shop_ui 1 1", "2"})
				same(t, versions(ledger.List{Limit: 10}), []string{"0"})
			}
		}
		w.bundle("shop", "3", "libs/one.txt") // the version is free again
		same(t, names(ledger.List{Limit: 10, Filter: "shop"})[0], "shop 1 3")
	})
}

// Tags and properties.
func TestBundleNotes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		w := shelves(t, url)
		admin := storetest.Admin()
		w.put("libs/one.txt", "one")
		w.bundle("box", "1", "libs/one.txt")
		for _, tag := range []string{"stable", "stable", ""} {
			if b, err := w.TagBundle(t.Context(), admin, "acme", "box", "1", tag); err != nil || b.Tag != tag {
				t.Error(b, err)
			}
		}
		_, err := w.TagBundle(t.Context(), admin, "acme", "box", "1", "a\nb")
		refused(t, "a tag of two lines", err, fault.Invalid, "invalid-tag")
		for _, set := range []ledger.Properties{{"a": {"1"}, "b": {"2", "3"}}, {"a": {"4"}}, {"b": nil, "c": nil}} {
			if _, err := w.AnnotateBundle(t.Context(), admin, "acme", "box", "1", set); err != nil {
				t.Fatal(err)
			}
		}
		b, err := w.Bundle(t.Context(), admin, "acme", "box", "1")
		if err != nil {
			t.Fatal(err)
		}
		same(t, b.Properties, ledger.Properties{"a": {"4"}})
		_, err = w.AnnotateBundle(t.Context(), admin, "acme", "box", "1", ledger.Properties{"": {"x"}})
		refused(t, "a property without a key", err, fault.Invalid, "invalid-property")
		_, err = w.AnnotateBundle(t.Context(), by(ledger.Deployer, "acme"), "acme", "box", "1", ledger.Properties{"a": {"x"}})
		refused(t, "a deployer", err, fault.Auth, "not-allowed")
		same(t, w.types("bundle."), []string{"bundle.created", "bundle.tagged", "bundle.tagged", "bundle.annotated", "bundle.annotated", "bundle.annotated"})
	})
}
