package jfrog

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// storage are the routes that tell of files, and set their properties.
func (a API) storage(mux *http.ServeMux) {
	const file = "/artifactory/api/storage/{path...}"
	mux.Handle("GET "+file, patient(http.HandlerFunc(a.show)))
	mux.Handle("PUT "+file, a.answering(a.setProperties))
	mux.Handle("DELETE "+file, a.answering(a.deleteProperties))
	mux.Handle("POST /artifactory/api/copy/{path...}", a.answering(a.transport(false)))
	mux.Handle("POST /artifactory/api/move/{path...}", a.answering(a.transport(true)))
}

// sums are checksums as JFrog names them.
type sums struct {
	SHA1   string `json:"sha1"`
	MD5    string `json:"md5"`
	SHA256 string `json:"sha256"`
}

// info is what is told of a file.
type info struct {
	Repo         string `json:"repo"`
	Path         string `json:"path"`
	Created      string `json:"created"`
	CreatedBy    string `json:"createdBy"`
	LastModified string `json:"lastModified"`
	ModifiedBy   string `json:"modifiedBy"`
	LastUpdated  string `json:"lastUpdated"`
	DownloadURI  string `json:"downloadUri"`
	MimeType     string `json:"mimeType"`
	Size         string `json:"size"`
	Checksums    sums   `json:"checksums"`
	Original     sums   `json:"originalChecksums"`
	URI          string `json:"uri"`
}

// address is one of a file below a root of this server.
func (a API) address(root, repository, path string) string {
	return a.BaseURL + "/artifactory/" + root + (&url.URL{Path: strings.TrimSuffix(repository+"/"+path, "/")}).EscapedPath()
}

func (a API) infoOf(f ledger.File) info {
	all := sums{f.SHA1, f.MD5, f.SHA256}
	return info{
		Repo: f.Repository, Path: "/" + f.Path, Created: iso(f.CreatedAt), CreatedBy: f.CreatedBy, LastModified: iso(f.ModifiedAt), ModifiedBy: f.CreatedBy,
		LastUpdated: iso(f.ModifiedAt), DownloadURI: a.address("", f.Repository, f.Path), MimeType: typeOf(f.Path), Size: strconv.FormatInt(f.Size, 10),
		Checksums: all, Original: all, URI: a.address("api/storage/", f.Repository, f.Path),
	}
}

// child is what is in a folder.
type child struct {
	URI    string `json:"uri"`
	Folder bool   `json:"folder"`
}

// folderInfo is what is told of a folder. It has no times of its own.
type folderInfo struct {
	Repo     string  `json:"repo"`
	Path     string  `json:"path"`
	Children []child `json:"children"`
	URI      string  `json:"uri"`
}

// show tells of a file or a folder: itself, with ?list the files in it, with ?properties its properties.
func (a API) show(w http.ResponseWriter, r *http.Request) {
	c, err := a.caller(r)
	if err == nil {
		err = a.showTo(w, r, c)
	}
	if err != nil {
		a.refuse(w, r, err)
	}
}

func (a API) showTo(w http.ResponseWriter, r *http.Request, c ledger.Caller) error {
	t, err := targetOf(r, 3)
	if err != nil {
		return err
	}
	if _, asked := raw(r, "list"); asked {
		return a.list(w, r, c, t)
	}
	var body any
	if keys, asked := raw(r, "properties"); asked {
		body, err = a.properties(r, c, t, keys)
	} else {
		body, err = a.told(r, c, t)
	}
	if err == nil {
		reply(w, http.StatusOK, body)
	}
	return err
}

func (a API) told(r *http.Request, c ledger.Caller, t target) (any, error) {
	if t.path != "" {
		f, err := a.Ledger.File(r.Context(), c, t.repository, t.path)
		if err == nil {
			return a.infoOf(f), nil
		}
		if !fault.Is(err, "no-file") {
			return nil, err
		}
	}
	in, err := a.Ledger.FolderAt(r.Context(), c, t.repository, t.path)
	told := folderInfo{Repo: t.repository, Path: "/" + t.path, Children: []child{}, URI: a.address("api/storage/", t.repository, t.path)}
	for _, name := range in.Folders {
		told.Children = append(told.Children, child{"/" + name, true})
	}
	for _, f := range in.Files {
		told.Children = append(told.Children, child{"/" + path.Base(f.Path), false})
	}
	return told, err
}

// listed is a file or a folder in a list.
type listed struct {
	URI          string `json:"uri"` // its path in the folder
	Size         int64  `json:"size"`
	LastModified string `json:"lastModified,omitempty"`
	Folder       bool   `json:"folder"`
	SHA1         string `json:"sha1,omitempty"`
	SHA256       string `json:"sha2,omitempty"`
}

// list lists what is in a folder; with deep=1 all files below it, however many those are.
func (a API) list(w http.ResponseWriter, r *http.Request, c ledger.Caller, t target) error {
	in, err := a.Ledger.FolderAt(r.Context(), c, t.repository, t.path)
	if err != nil {
		return err
	}
	uri, _ := json.Marshal(a.address("api/storage/", t.repository, t.path)) // a text
	l := a.lister(w, r, `{"uri":`+string(uri)+`,"files":[`)
	from, to := ledger.Below(t.path)
	add := func(f ledger.File) error {
		return l.add(listed{URI: "/" + f.Path[len(from):], Size: f.Size, LastModified: iso(f.ModifiedAt), SHA1: f.SHA1, SHA256: f.SHA256})
	}
	if r.URL.Query().Get("deep") == "1" {
		return l.end(a.each(r.Context(), c, t.repository, from, to, add), `]}`)
	}
	if r.URL.Query().Get("listFolders") == "1" {
		for _, name := range in.Folders {
			err = cmp.Or(err, l.add(listed{URI: "/" + name, Size: -1, Folder: true}))
		}
	}
	for _, f := range in.Files {
		err = cmp.Or(err, add(f))
	}
	return l.end(err, `]}`)
}

// batch is how many files are read at a time.
const batch = 500

// each calls do with all files of a range, as they are when it comes to them.
func (a API) each(ctx context.Context, c ledger.Caller, repository, from, to string, do func(ledger.File) error) error {
	for {
		some, err := a.Ledger.FilesIn(ctx, c, repository, from, to, batch)
		if err != nil {
			return err
		}
		for _, f := range some {
			if err := do(f); err != nil {
				return err
			}
			from = ledger.After(f.Path)
		}
		if len(some) < batch {
			return nil
		}
	}
}

// lister writes a list whose length nobody knows, and keeps nothing of it.
type lister struct {
	api     API
	request *http.Request
	w       http.ResponseWriter
	out     *bufio.Writer
	head    string // before the first
	n       int    // how many there are
	begun   bool
}

func (a API) lister(w http.ResponseWriter, r *http.Request, head string) *lister {
	return &lister{api: a, request: r, w: w, out: bufio.NewWriterSize(w, 64<<10), head: head}
}

func (l *lister) begin() {
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", "application/json")
		_, _ = l.out.WriteString(l.head) // it says so again at the end
	}
}

func (l *lister) add(item any) error {
	l.begin()
	if l.n++; l.n > 1 {
		_ = l.out.WriteByte(',')
	}
	data, err := json.Marshal(item)
	if err == nil {
		_, err = l.out.Write(data)
	}
	return err
}

// end writes the end of the list. An error can be answered only before the beginning was written; later the connection is cut, so that
// nobody takes a part for the whole.
func (l *lister) end(err error, tail string) error {
	if err != nil && !l.begun {
		return err
	}
	l.begin()
	if err == nil {
		_, err = l.out.WriteString(tail + "\n")
	}
	if err == nil {
		err = l.out.Flush()
	}
	if err != nil {
		if l.request.Context().Err() == nil {
			l.api.Fail(l.request.Context(), err)
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

// properties are those of a file: of the keys that are asked for, "" for all. JFrog answers 404 where there are none.
func (a API) properties(r *http.Request, c ledger.Caller, t target, keys string) (any, error) {
	f, err := a.Ledger.File(r.Context(), c, t.repository, t.path)
	if err != nil {
		return nil, err
	}
	asked, err := keysOf(keys)
	if err != nil {
		return nil, err
	}
	found := ledger.Properties{}
	for key, values := range f.Properties {
		if len(asked) == 0 || slices.Contains(asked, key) {
			found[key] = values
		}
	}
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "no-properties", "No properties could be found.")
	}
	return struct {
		Properties ledger.Properties `json:"properties"`
		URI        string            `json:"uri"`
	}{found, a.address("api/storage/", t.repository, t.path)}, nil
}

// keysOf are keys of properties that a query names, separated by commas.
func keysOf(text string) (keys []string, err error) {
	decoded, err := url.QueryUnescape(text)
	if err != nil {
		return nil, errEncoding
	}
	return slices.DeleteFunc(strings.Split(decoded, ","), func(key string) bool { return key == "" }), nil
}

var errNoProperties = fault.New(fault.Invalid, "invalid-property", "the request names no properties").Hint("write ?properties=key=value;key=value")

// setProperties sets some of a file, or of all files in a folder.
func (a API) setProperties(r *http.Request, c ledger.Caller) (int, any, error) {
	return a.annotate(r, func(t target, text string) error {
		set, err := propertiesOf(text)
		if err != nil {
			return err
		}
		if len(set) == 0 {
			return errNoProperties
		}
		return a.Ledger.SetProperties(r.Context(), c, t.repository, t.path, set)
	})
}

// deleteProperties deletes some of a file, or of all files in a folder.
func (a API) deleteProperties(r *http.Request, c ledger.Caller) (int, any, error) {
	return a.annotate(r, func(t target, text string) error {
		keys, err := keysOf(text)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return errNoProperties
		}
		return a.Ledger.DeleteProperties(r.Context(), c, t.repository, t.path, keys)
	})
}

// annotate finds out of what properties are to be changed. Only files have some: recursive=0 on a folder means nothing.
func (a API) annotate(r *http.Request, do func(t target, text string) error) (int, any, error) {
	t, err := targetOf(r, 3)
	if err != nil {
		return 0, nil, err
	}
	text, asked := raw(r, "properties")
	if !asked {
		return 0, nil, errNoProperties
	}
	return http.StatusNoContent, nil, do(t, text)
}
