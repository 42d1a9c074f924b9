package jfrog

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

const (
	lifecycle = "/lifecycle/api/v2"
	evidence  = "/artifactory/api/storage/{repository}/{name}/{version}/release-bundle.json.evd"

	// signingKey names the key that signs. JFrog's clients always send it, empty where nobody names one.
	signingKey = "X-JFrog-Signing-Key-Name"
	// serviceID is what JFrog's platforms call the Artifactory that answers.
	serviceID = "gio-server"
)

// bundles are the routes of release bundles.
func (a API) bundles(mux *http.ServeMux) {
	const bundle = lifecycle + "/release_bundle"
	mux.Handle("POST "+bundle, a.answering(a.createBundle))
	mux.Handle("PATCH "+bundle, a.answering(a.addToBundle))
	mux.Handle("POST "+bundle+"/{name}/{version}/finalize", a.answering(a.finalizeBundle))
	mux.Handle("GET "+bundle+"/statuses/{name}/{version}", a.answering(a.bundleStatus))
	mux.Handle("GET "+bundle+"/records/{name}/{version}", a.answering(a.bundleRecord))
	mux.Handle("GET "+bundle+"/existence/{name}/{version}", a.answering(a.bundleExists))
	mux.Handle("GET "+bundle+"/groups", a.answering(a.bundleNames))
	mux.Handle("GET "+bundle+"/records/{name}", a.answering(a.bundleVersions))
	mux.Handle("DELETE "+bundle+"/records/{name}/{version}", a.answering(a.deleteBundle))
	mux.Handle("PUT "+bundle+"/records/{name}/{version}/tag", a.answering(a.tagBundle))
	mux.Handle("PUT "+evidence, a.answering(a.annotateBundle))
	mux.Handle("DELETE "+evidence, a.answering(a.unannotateBundle))
}

// of is the project that a request about bundles means.
func (a API) of(r *http.Request, c ledger.Caller) (string, error) {
	q := r.URL.Query()
	return a.project(c, q.Get("project"), q.Get("repository_key"))
}

// truth reads a parameter that is true or false.
func truth(r *http.Request, name string, usual bool) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	is, err := strconv.ParseBool(text)
	if err != nil {
		return false, fault.New(fault.Invalid, "invalid-parameter", "%s is %.40q, and must be true or false", name, text)
	}
	return is, nil
}

// isAsync tells whether nobody waits for the end of what is asked for. All of it has happened by then here, but for what is to be done
// outside: only the status tells the two apart.
func isAsync(r *http.Request) (bool, error) { return truth(r, "async", true) }

// whole is a status: one for those who wait, one for those who do not.
func whole(async bool, waited int) int {
	if async {
		return http.StatusOK
	}
	return waited
}

// asked is what a request asks to be put into a bundle.
type asked struct {
	Name    string            `json:"release_bundle_name"`
	Version string            `json:"release_bundle_version"`
	Draft   bool              `json:"draft"`
	Type    string            `json:"source_type"`
	Source  json.RawMessage   `json:"source"`
	Sources []json.RawMessage `json:"sources"`
	More    []json.RawMessage `json:"add_sources"`
}

// askedSource is one source: what it has is of the type that stands beside it, or in it.
type askedSource struct {
	Type      string `json:"source_type"`
	AQL       string `json:"aql"`
	Artifacts []struct {
		Path   string `json:"path"`
		SHA256 string `json:"sha256"`
	} `json:"artifacts"`
	Builds []struct {
		Name         string `json:"build_name"`
		Number       string `json:"build_number"`
		Repository   string `json:"build_repository"`
		Dependencies bool   `json:"include_dependencies"`
	} `json:"builds"`
	Bundles []struct {
		Name       string `json:"release_bundle_name"`
		Version    string `json:"release_bundle_version"`
		Project    string `json:"project"`
		Repository string `json:"repository_key"`
	} `json:"release_bundles"`
}

// sources are those of a request, in the ledger's words.
func (a API) sources(r *http.Request, c ledger.Caller, project string, body asked) (all []ledger.Source, err error) {
	texts := body.Sources
	switch {
	case body.Source != nil && texts != nil:
		return nil, fault.New(fault.Invalid, "invalid-source", "either source or sources is to be there")
	case body.Source != nil:
		texts = []json.RawMessage{body.Source}
	}
	for _, text := range append(texts, body.More...) {
		s := askedSource{Type: body.Type}
		if json.Unmarshal(text, &s) != nil {
			return nil, errBody
		}
		source, err := a.source(r, c, project, s)
		if err != nil {
			return nil, err
		}
		all = append(all, source)
	}
	return all, nil
}

func (a API) source(r *http.Request, c ledger.Caller, project string, s askedSource) (made ledger.Source, err error) {
	switch s.Type {
	case "aql":
		made.Artifacts, err = a.searched(r, c, s.AQL)
	case "artifacts":
		for _, f := range s.Artifacts {
			repository, path, _ := strings.Cut(strings.TrimPrefix(f.Path, "/"), "/")
			made.Artifacts = append(made.Artifacts, ledger.Artifact{Repository: repository, Path: path, SHA256: f.SHA256})
		}
	case "builds":
		for _, b := range s.Builds {
			of, err := a.project(c, "", b.Repository)
			if b.Repository == "" {
				of = project
			} else if err != nil {
				return made, err
			}
			made.Builds = append(made.Builds, ledger.BuildSource{Key: a.buildsOf(of), Name: b.Name, Number: b.Number, Dependencies: b.Dependencies})
		}
	case "release_bundles":
		for _, b := range s.Bundles {
			of := project
			if b.Project != "" || b.Repository != "" {
				if of, err = a.project(c, b.Project, b.Repository); err != nil {
					return made, err
				}
			}
			made.Bundles = append(made.Bundles, ledger.BundleSource{Project: of, Name: b.Name, Version: b.Version})
		}
	default:
		err = fault.New(fault.Invalid, "invalid-source", "there is no source of the type %.40q", s.Type).Hint("the types are aql, artifacts, builds and release_bundles")
	}
	return made, err
}

// searched are the files that a query finds.
func (a API) searched(r *http.Request, c ledger.Caller, text string) (all []ledger.Artifact, err error) {
	q, err := parseQuery(text)
	if err != nil {
		return nil, err
	}
	err = a.eachFound(r.Context(), c, q, func(f ledger.File) error {
		all = append(all, ledger.Artifact{Repository: f.Repository, Path: f.Path, SHA256: f.SHA256})
		return nil
	})
	return all, err
}

// made is what is told of a bundle that was just made or changed.
type made struct {
	Repository string `json:"repository_key"`
	Name       string `json:"release_bundle_name"`
	Version    string `json:"release_bundle_version"`
	Created    string `json:"created"`
}

func (a API) madeOf(b ledger.Bundle) made {
	return made{a.bundlesOf(b.Project), b.Name, b.Version, iso(b.CreatedAt)}
}

func (a API) createBundle(r *http.Request, c ledger.Caller) (int, any, error) {
	async, body, sources, project, err := a.askedFor(r, c)
	if err != nil {
		return 0, nil, err
	}
	if body.More != nil {
		return 0, nil, fault.New(fault.Invalid, "invalid-source", "add_sources is for drafts that there are: send PATCH")
	}
	n := ledger.NewBundle{Name: body.Name, Version: body.Version, Sources: sources, Draft: body.Draft, Key: r.Header.Get(signingKey)}
	b, err := a.Ledger.CreateBundle(r.Context(), c, project, n)
	return whole(async, http.StatusCreated), a.madeOf(b), err
}

// askedFor reads a request that names sources.
func (a API) askedFor(r *http.Request, c ledger.Caller) (async bool, body asked, sources []ledger.Source, project string, err error) {
	if async, err = isAsync(r); err != nil {
		return
	}
	if project, err = a.of(r, c); err != nil {
		return
	}
	if body, err = decode[asked](r); err != nil {
		return
	}
	sources, err = a.sources(r, c, project, body)
	return
}

func (a API) addToBundle(r *http.Request, c ledger.Caller) (int, any, error) {
	_, body, sources, project, err := a.askedFor(r, c)
	if err != nil {
		return 0, nil, err
	}
	b, err := a.Ledger.AddToBundle(r.Context(), c, project, body.Name, body.Version, sources)
	return http.StatusOK, a.madeOf(b), err
}

func (a API) finalizeBundle(r *http.Request, c ledger.Caller) (int, any, error) {
	if _, err := isAsync(r); err != nil {
		return 0, nil, err
	}
	project, err := a.of(r, c)
	if err != nil {
		return 0, nil, err
	}
	b, err := a.Ledger.SealBundle(r.Context(), c, project, r.PathValue("name"), r.PathValue("version"), r.Header.Get(signingKey))
	return http.StatusOK, a.madeOf(b), err
}

// message is one of a status.
type message struct {
	Source  string `json:"source"`
	Text    string `json:"text"`
	Created string `json:"created"`
}

// stands is how a bundle or a promotion stands.
type stands struct {
	Status   string    `json:"status"`
	Messages []message `json:"messages"`
}

// bundle reads the one that a request names.
func (a API) bundle(r *http.Request, c ledger.Caller) (ledger.Bundle, error) {
	project, err := a.of(r, c)
	if err != nil {
		return ledger.Bundle{}, err
	}
	return a.Ledger.Bundle(r.Context(), c, project, r.PathValue("name"), r.PathValue("version"))
}

func (a API) bundleStatus(r *http.Request, c ledger.Caller) (int, any, error) {
	b, err := a.bundle(r, c)
	answer := stands{string(b.Status), []message{}}
	if b.Missing != "" {
		answer.Messages = append(answer.Messages, message{serviceID, "it lacks " + b.Missing, iso(b.CreatedAt)})
	}
	return http.StatusOK, answer, err
}

func (a API) bundleExists(r *http.Request, c ledger.Caller) (int, any, error) {
	_, err := a.bundle(r, c)
	is := err == nil
	if fault.Is(err, "no-bundle") {
		err = nil
	}
	return http.StatusOK, map[string]bool{"exists": is}, err
}

// setProperty is a property with all its values.
type setProperty struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

// artifact is a file of a bundle, or of a promotion: then its path begins with the repository it was promoted to.
type artifact struct {
	Path       string        `json:"path"`
	Checksum   string        `json:"checksum"`
	Source     string        `json:"source_repository_key,omitempty"`
	Type       string        `json:"package_type"`
	Name       string        `json:"package_name,omitempty"`
	Version    string        `json:"package_version,omitempty"`
	Size       *int64        `json:"size,omitempty"`
	Properties []setProperty `json:"properties,omitzero"`
}

func (a API) bundleRecord(r *http.Request, c ledger.Caller) (int, any, error) {
	project, err := a.of(r, c)
	if err != nil {
		return 0, nil, err
	}
	b, items, err := a.Ledger.BundleItems(r.Context(), c, project, r.PathValue("name"), r.PathValue("version"))
	if err != nil {
		return 0, nil, err
	}
	all := []artifact{}
	for _, i := range items {
		one := artifactOf(i)
		var properties map[string][]string
		if err := json.Unmarshal([]byte(i.Properties), &properties); err != nil {
			return 0, nil, err
		}
		one.Source, one.Size, one.Properties = i.Repository, &i.Size, []setProperty{}
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			one.Properties = append(one.Properties, setProperty{key, properties[key]})
		}
		all = append(all, one)
	}
	return http.StatusOK, struct {
		made
		ServiceID string     `json:"service_id"`
		Status    string     `json:"status"`
		CreatedBy string     `json:"created_by"`
		Millis    int64      `json:"created_millis"`
		Artifacts []artifact `json:"artifacts"`
	}{a.madeOf(b), serviceID, string(b.Status), b.CreatedBy, b.CreatedAt.UnixMilli(), all}, nil
}

// artifactOf is an item with what its path says of its package.
func artifactOf(i ledger.Item) artifact {
	one := artifact{Path: i.Path, Checksum: i.SHA256, Type: i.Type}
	one.Name, one.Version = packageOf(i)
	return one
}

// packageOf is the package of an item, as the layout of its type says it: "" where it says nothing.
func packageOf(i ledger.Item) (name, version string) {
	segments := strings.Split(i.Path, "/")
	n := len(segments)
	switch {
	case i.Kind == ledger.ImageItem:
		name, version, _ = strings.Cut(i.Path, ":")
	case i.Type == "maven" && n > 3: // group/artifact/version/artifact-version…
		if name, version = segments[n-3], segments[n-2]; !strings.HasPrefix(segments[n-1], name+"-"+version) {
			return "", ""
		}
	case i.Type == "npm" && n > 2 && segments[n-2] == "-": // name/-/name-version.tgz
		name = strings.Join(segments[:n-2], "/")
		base, is := strings.CutSuffix(segments[n-1], ".tgz")
		version, found := strings.CutPrefix(base, segments[n-3]+"-")
		if !is || !found {
			return "", ""
		}
		return name, version
	}
	return name, version
}

// listOf reads which part of a list is asked for. By are the words that it may be sorted by, in the ledger's.
func listOf(r *http.Request, usual int, by map[string]string) (o ledger.List, err error) {
	const most = 1000
	q := r.URL.Query()
	number := func(name string, usual, least, most int) int {
		text := q.Get(name)
		if text == "" {
			return usual
		}
		n, failed := strconv.Atoi(text)
		if failed != nil || n < least || n > most {
			err = fault.New(fault.Invalid, "invalid-parameter", "%s is %.40q, and must be a number from %d to %d", name, text, least, most)
		}
		return n
	}
	o = ledger.List{Offset: number("offset", 0, 0, 1<<31-1), Limit: number("limit", usual, 1, most), Filter: q.Get("filter_by")}
	if err != nil {
		return o, err
	}
	if o.Ascending, err = truth(r, "order_asc", false); err != nil {
		return o, err
	}
	if word := q.Get("order_by"); word != "" {
		known := false
		if o.By, known = by[word]; !known {
			return o, fault.New(fault.Invalid, "invalid-parameter", "order_by is %.40q, and must be one of %s", word, strings.Join(slices.Sorted(maps.Keys(by)), ", "))
		}
	}
	return o, nil
}

// usualLimit is how long a part of a list is, where nobody says it.
const usualLimit = 25

// bounds are the end of a list.
type bounds struct {
	Total  int `json:"total"`
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
}

func (a API) bundleNames(r *http.Request, c ledger.Caller) (int, any, error) {
	project, err := a.of(r, c)
	if err != nil {
		return 0, nil, err
	}
	o, err := listOf(r, usualLimit, map[string]string{"created": "", "release_bundle_name": "name"})
	if err != nil {
		return 0, nil, err
	}
	all, total, err := a.Ledger.BundleNames(r.Context(), c, project, o)
	type group struct {
		Repository  string `json:"repository_key"`
		ProjectKey  string `json:"project_key"`
		ProjectName string `json:"project_name"`
		ServiceID   string `json:"service_id"`
		Created     string `json:"created"`
		Name        string `json:"release_bundle_name"`
		Latest      string `json:"release_bundle_version_latest"`
		Versions    int    `json:"release_bundle_versions_count"`
	}
	key := project
	if project == a.DefaultProject {
		key = defaultKey
	}
	groups := []group{}
	for _, n := range all {
		groups = append(groups, group{a.bundlesOf(project), key, project, serviceID, iso(n.LatestAt), n.Name, n.Latest, n.Versions})
	}
	return http.StatusOK, struct {
		Bundles []group `json:"release_bundles"`
		bounds
	}{groups, bounds{total, o.Limit, o.Offset}}, err
}

func (a API) bundleVersions(r *http.Request, c ledger.Caller) (int, any, error) {
	project, err := a.of(r, c)
	if err != nil {
		return 0, nil, err
	}
	o, err := listOf(r, usualLimit, map[string]string{"created": "", "created_by": "created_by", "release_bundle_version": "version"})
	if err != nil {
		return 0, nil, err
	}
	all, total, err := a.Ledger.BundleVersions(r.Context(), c, project, r.PathValue("name"), o)
	type version struct {
		Status string `json:"status"`
		made
		ServiceID string `json:"service_id"`
		CreatedBy string `json:"created_by"`
		Millis    int64  `json:"created_millis"`
		Tag       string `json:"tag,omitempty"`
		Release   string `json:"release_status"`
	}
	versions := []version{}
	for _, b := range all {
		release := "PRE_RELEASE"
		if b.Released {
			release = "RELEASED"
		}
		versions = append(versions, version{string(b.Status), a.madeOf(b), serviceID, b.CreatedBy, b.CreatedAt.UnixMilli(), b.Tag, release})
	}
	return http.StatusOK, struct {
		Bundles []version `json:"release_bundles"`
		bounds
	}{versions, bounds{total, o.Limit, o.Offset}}, err
}

// deleteBundle deletes a bundle here. jf asks for the same address, with rules of distribution in the body and even when it only tries, when it
// means those on edge nodes: there are none, and nothing here is meant.
func (a API) deleteBundle(r *http.Request, c ledger.Caller) (int, any, error) {
	async, err := isAsync(r)
	if err != nil {
		return 0, nil, err
	}
	project, err := a.of(r, c)
	if err != nil {
		return 0, nil, err
	}
	body, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	if len(strings.TrimSpace(string(body))) > 0 {
		return 0, nil, fault.New(fault.Invalid, "not-distributed", "bundles are not distributed from here: nothing was deleted").
			Hint("jf rbdell deletes a bundle, or its promotions, here")
	}
	_, err = a.Ledger.DeleteBundle(r.Context(), c, project, r.PathValue("name"), r.PathValue("version"), ledger.UnpromoteOptions{})
	return whole(async, http.StatusNoContent), nil, err
}

func (a API) tagBundle(r *http.Request, c ledger.Caller) (int, any, error) {
	project, err := a.of(r, c)
	if err != nil {
		return 0, nil, err
	}
	body, err := decode[struct {
		Tag   string `json:"tag"`
		Exist *bool  `json:"exist"` // false: it is taken away
	}](r)
	if err != nil {
		return 0, nil, err
	}
	if body.Exist != nil && !*body.Exist {
		body.Tag = ""
	}
	_, err = a.Ledger.TagBundle(r.Context(), c, project, r.PathValue("name"), r.PathValue("version"), body.Tag)
	return http.StatusOK, nil, err
}

// annotated is the bundle whose evidence a request names, and the text of the properties.
func (a API) annotated(r *http.Request, c ledger.Caller) (project, text string, err error) {
	if project, err = a.project(c, "", r.PathValue("repository")); err != nil {
		return "", "", err
	}
	given, _ := raw(r, "properties")
	if text, err = url.QueryUnescape(given); err != nil {
		return "", "", errEncoding
	}
	if text == "" {
		return "", "", errNoProperties
	}
	return project, text, nil
}

func (a API) annotateBundle(r *http.Request, c ledger.Caller) (int, any, error) {
	project, text, err := a.annotated(r, c)
	if err != nil {
		return 0, nil, err
	}
	set := ledger.Properties{}
	for pair := range strings.SplitSeq(text, ";") { // jf escapes all of it, even what parts keys from values
		key, values, found := strings.Cut(pair, "=")
		if !found {
			return 0, nil, fault.New(fault.Invalid, "invalid-property", "the property %.80q has no value", pair).Hint("write key=value")
		}
		set[key] = append(set[key], commas(values)...)
	}
	_, err = a.Ledger.AnnotateBundle(r.Context(), c, project, r.PathValue("name"), r.PathValue("version"), set)
	return http.StatusNoContent, nil, err
}

func (a API) unannotateBundle(r *http.Request, c ledger.Caller) (int, any, error) {
	project, text, err := a.annotated(r, c)
	if err != nil {
		return 0, nil, err
	}
	set := ledger.Properties{}
	for key := range strings.SplitSeq(text, ",") {
		set[key] = nil
	}
	_, err = a.Ledger.AnnotateBundle(r.Context(), c, project, r.PathValue("name"), r.PathValue("version"), set)
	return http.StatusNoContent, nil, err
}
