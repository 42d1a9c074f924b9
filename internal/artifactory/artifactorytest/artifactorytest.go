// Package artifactorytest gives tests an Artifactory: its habits over HTTP, as far as gio speaks with it.
package artifactorytest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// User and Token are who may do everything.
const (
	User  = "ci"
	Token = "hunter2hunter2hunter2"
	root  = "/artifactory"
)

// Fake is an Artifactory with its habits: files are found by the path before the first ';' that is not escaped, refusals are
// {"errors": …}, sizes are in quotes, a file without properties is a 404, and DELETE takes a folder with all that is in it.
type Fake struct {
	t       *testing.T
	mu      sync.Mutex
	files   map[string]*stored // "repository/path"
	seen    []string           // METHOD address, as it came
	instead http.HandlerFunc   // answers in its place, where it is set
}

type stored struct {
	content    []byte
	properties map[string][]string
}

// New serves one until the test ends, and returns its address; nothing is in it.
func New(t *testing.T) (f *Fake, url string) {
	t.Helper()
	f = &Fake{t: t, files: map[string]*stored{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL + root
}

// Content returns what is in a file, REPOSITORY/PATH, and whether it is there.
func (f *Fake) Content(name string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, ok := f.files[name]
	if !ok {
		return "", false
	}
	return string(file.content), true
}

// Properties are those of a file that is there.
func (f *Fake) Properties(name string) map[string][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files[name].properties
}

// Put makes a file, or replaces it.
func (f *Fake) Put(name, content string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[name] = &stored{content: []byte(content), properties: map[string][]string{}}
}

// Answer sets what answers in its place, and forgets the requests that it had; nil is nothing, and forgets none.
func (f *Fake) Answer(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.instead = h; h != nil {
		f.seen = nil
	}
}

// Count tells how many requests began like that, METHOD ADDRESS.
func (f *Fake) Count(prefix string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, line := range f.seen {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"status": status, "message": message}}})
}

func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI())
	instead := f.instead
	f.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	name, password, basic := r.BasicAuth()
	if r.Header.Get("Authorization") != "Bearer "+Token && (!basic || name != User || password != Token) {
		// It repeats what it was given, as it should not.
		refuse(w, http.StatusUnauthorized, "Bad credentials: "+r.Header.Get("Authorization")+" "+password)
		return
	}
	path, storage := strings.TrimPrefix(r.URL.EscapedPath(), root+"/"), false
	if rest, is := strings.CutPrefix(path, "api/storage/"); is {
		path, storage = rest, true
	}
	path, matrix, _ := strings.Cut(path, ";")
	path, err := url.PathUnescape(path)
	if err != nil || matrix != "" {
		f.t.Errorf("%s %s: properties in the path: %q, %v", r.Method, r.URL, matrix, err)
	}
	if strings.HasPrefix(path, "locked/") && r.Method != http.MethodGet {
		refuse(w, http.StatusForbidden, "Not enough permissions to deploy")
		return
	}
	switch {
	case path == "api/system/version":
		_ = json.NewEncoder(w).Encode(map[string]any{"version": "7.146.0"})
	case storage && r.Method == http.MethodGet:
		f.storage(w, r, path)
	case storage && r.Method == http.MethodPut:
		f.set(w, r, path)
	case r.Method == http.MethodGet:
		f.get(w, path)
	case r.Method == http.MethodPut:
		f.deploy(w, r, path)
	case r.Method == http.MethodDelete:
		f.remove(w, path)
	default:
		refuse(w, http.StatusMethodNotAllowed, "no")
	}
}

func describe(path string, content []byte) map[string]any {
	repository, rest, _ := strings.Cut(path, "/")
	return map[string]any{
		"repo": repository, "path": "/" + rest, "size": fmt.Sprint(len(content)),
		"checksums": map[string]string{"md5": sumOf(md5.New(), content), "sha1": sumOf(sha1.New(), content), "sha256": sumOf(sha256.New(), content)},
	}
}

func sumOf(h hash.Hash, content []byte) string {
	_, _ = h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// Names lists the files that are there, by name.
func (f *Fake) Names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.files))
}

func (f *Fake) storage(w http.ResponseWriter, r *http.Request, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, ok := f.files[path]
	switch {
	case !ok && f.below(path):
		_ = json.NewEncoder(w).Encode(map[string]any{"path": "/x", "children": []any{map[string]any{"uri": "/y", "folder": false}}})
	case !ok:
		refuse(w, http.StatusNotFound, "Unable to find item")
	case r.URL.RawQuery == "properties" && len(file.properties) == 0:
		refuse(w, http.StatusNotFound, "No properties could be found.")
	case r.URL.RawQuery == "properties":
		_ = json.NewEncoder(w).Encode(map[string]any{"properties": file.properties})
	default:
		_ = json.NewEncoder(w).Encode(describe(path, file.content))
	}
}

func (f *Fake) below(folder string) bool {
	for name := range f.files {
		if strings.HasPrefix(name, folder+"/") {
			return true
		}
	}
	return false
}

func (f *Fake) get(w http.ResponseWriter, path string) {
	content, ok := f.Content(path)
	if !ok {
		refuse(w, http.StatusNotFound, "File not found.")
		return
	}
	w.Header().Set("X-Checksum-Sha256", sumOf(sha256.New(), []byte(content)))
	_, _ = io.WriteString(w, content)
}

func (f *Fake) deploy(w http.ResponseWriter, r *http.Request, path string) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "the content broke off")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted := r.Header.Get("X-Checksum-Sha256")
	if r.Header.Get("X-Checksum-Deploy") == "true" {
		found := false
		for _, file := range f.files {
			if sumOf(sha256.New(), file.content) == wanted {
				content, found = file.content, true
			}
		}
		if !found {
			refuse(w, http.StatusNotFound, "Checksum deploy failed. No existing file with SHA256: "+wanted)
			return
		}
	} else if r.ContentLength < 0 {
		f.t.Errorf("%s: the length was not said", path)
	}
	for name, sum := range map[string]string{"Sha256": sumOf(sha256.New(), content), "Sha1": sumOf(sha1.New(), content), "Md5": sumOf(md5.New(), content)} {
		if said := r.Header.Get("X-Checksum-" + name); said != "" && said != sum {
			refuse(w, http.StatusConflict, "Checksum policy 'LocalRepoChecksumPolicy: CLIENT' rejected the artifact")
			return
		}
	}
	f.files[path] = &stored{content: content, properties: map[string][]string{}}
	w.WriteHeader(http.StatusCreated)
	if !strings.HasPrefix(path, "terse/") {
		_ = json.NewEncoder(w).Encode(describe(path, content))
	}
}

// set reads properties=k=v,v;k=v with a backslash before what does not separate.
func (f *Fake) set(w http.ResponseWriter, r *http.Request, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, ok := f.files[path]
	if !ok {
		refuse(w, http.StatusNotFound, "Unable to find item")
		return
	}
	raw, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.RawQuery, "properties="), "&")
	if len(r.URL.RawQuery) > 8000 || rest != "recursive=0" {
		refuse(w, http.StatusRequestURITooLong, "too long")
		return
	}
	text, err := url.QueryUnescape(raw)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	for part := range strings.SplitSeq(text, ";") {
		fields := unmark(part, '=')
		key := strings.Join(unmark(fields[0], 0), "")
		file.properties[key] = nil
		for _, value := range unmark(fields[1], ',') {
			file.properties[key] = append(file.properties[key], strings.Join(unmark(value, 0), ""))
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// unmark splits a text at a separator that has no backslash before it; at 0 it takes the backslashes away.
func unmark(text string, separator byte) []string {
	parts := []string{""}
	for i := 0; i < len(text); i++ {
		last := &parts[len(parts)-1]
		switch {
		case text[i] == '\\' && separator == 0:
			i++
			*last += text[i : i+1]
		case text[i] == '\\':
			i++
			*last += text[i-1 : i+1]
		case text[i] == separator:
			parts = append(parts, "")
		default:
			*last += text[i : i+1]
		}
	}
	return parts
}

func (f *Fake) remove(w http.ResponseWriter, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.files)
	for name := range f.files {
		if name == path || strings.HasPrefix(name, path+"/") {
			delete(f.files, name)
		}
	}
	if len(f.files) == before {
		refuse(w, http.StatusNotFound, "Could not locate artifact '"+path+"'.")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
