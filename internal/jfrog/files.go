package jfrog

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// files are the routes of the files themselves.
func (a API) files(mux *http.ServeMux) {
	const file = "/artifactory/{repository}/{path...}"
	mux.Handle("PUT "+file, a.receiving(a.put))
	mux.Handle("DELETE "+file, a.answering(a.delete))
	mux.Handle("GET "+file, patient(http.HandlerFunc(a.get))) // and HEAD
	// jf asks before it sends a large file in parts.
	mux.Handle("GET /artifactory/api/v1/uploads/config", a.answering(func(*http.Request, ledger.Caller) (int, any, error) {
		return http.StatusOK, struct {
			Supported bool `json:"supported"`
		}{false}, nil
	}))
}

// put keeps a file. Checksums that the client sends must be its own; with X-Checksum-Deploy they stand for a content that is here.
func (a API) put(r *http.Request, c ledger.Caller) (int, any, error) {
	t, err := fileAt(r, 1)
	if err != nil {
		return 0, nil, err
	}
	switch {
	case t.folder:
		return 0, nil, fault.New(fault.Invalid, "is-a-folder", "a folder is there with its first file, and cannot be made")
	case r.Header.Get("X-Explode-Archive") == "true" || r.Header.Get("X-Explode-Archive-Atomic") == "true":
		return 0, nil, fault.New(fault.Invalid, "no-explode", "archives are kept as they are").Hint("send the files that are in it")
	}
	if f, err := a.checkedBy(r, c, t); err == nil {
		return a.putChecksum(r, f, t)
	} else if !fault.Is(err, "no-file") {
		return 0, nil, err
	}
	u := ledger.Upload{Repository: t.repository, Path: t.path, Properties: t.properties, Checksums: checksumsOf(r.Header)}
	var made ledger.File
	if strings.EqualFold(r.Header.Get("X-Checksum-Deploy"), "true") {
		made, err = a.Ledger.UploadKnown(r.Context(), c, u)
	} else {
		made, err = a.Ledger.Upload(r.Context(), c, u, r.Body)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, a.infoOf(made), nil
}

// checksumsOf are those that a client sends. X-Checksum is whichever has its length.
func checksumsOf(h http.Header) ledger.Checksums {
	s := ledger.Checksums{SHA256: h.Get("X-Checksum-Sha256"), SHA1: h.Get("X-Checksum-Sha1"), MD5: h.Get("X-Checksum-Md5")}
	sum := h.Get("X-Checksum")
	for length, of := range map[int]*string{64: &s.SHA256, 40: &s.SHA1, 32: &s.MD5} {
		if len(sum) == length && *of == "" {
			*of = sum
		}
	}
	return s
}

// checksum is what the name of a file ends with that holds another one's checksum.
func checksum(name string) (of, kind string) {
	for _, kind := range []string{".sha256", ".sha1", ".md5"} {
		if of, is := strings.CutSuffix(name, kind); is {
			return of, kind
		}
	}
	return "", ""
}

// sumOf is the checksum of a kind that a file has.
func sumOf(f ledger.File, kind string) string {
	switch kind {
	case ".sha256":
		return f.SHA256
	case ".sha1":
		return f.SHA1
	default:
		return f.MD5
	}
}

// checkedBy finds the file whose checksum a path names: Maven sends FILE.sha1 after each file, and asks for it. Those that name no file
// are files like others. Fault: no-file.
func (a API) checkedBy(r *http.Request, c ledger.Caller, t target) (ledger.File, error) {
	of, kind := checksum(t.path)
	if kind == "" || of == "" || strings.HasSuffix(of, "/") {
		return ledger.File{}, fault.New(fault.NotFound, "no-file", "%s is the checksum of no file", t.path)
	}
	return a.Ledger.File(r.Context(), c, t.repository, of)
}

// putChecksum holds a checksum that a client sends after a file against it. Nothing is kept: it is computed.
func (a API) putChecksum(r *http.Request, f ledger.File, t target) (int, any, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 4096))
	if err != nil {
		return 0, nil, fault.New(fault.Invalid, "broken-upload", "the checksum broke off").Because(err)
	}
	_, kind := checksum(t.path)
	sum, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ") // some write the file's name behind it
	if is := sumOf(f, kind); !strings.EqualFold(sum, is) {
		return 0, nil, fault.New(fault.Invalid, "other-checksum", "the %s of %s is %s, and was said to be %.80q", kind[1:], f, is, sum).Hint("send the file again")
	}
	return http.StatusCreated, a.infoOf(f), nil
}

// get sends a file, or a part of it, or its checksum.
func (a API) get(w http.ResponseWriter, r *http.Request) {
	if err := a.send(w, r); err != nil {
		a.refuse(w, r, err)
	}
}

func (a API) send(w http.ResponseWriter, r *http.Request) error {
	c, err := a.caller(r)
	if err != nil {
		return err
	}
	t, err := fileAt(r, 1)
	if err != nil {
		return err
	}
	f, content, err := a.Ledger.OpenFile(r.Context(), c, t.repository, t.path)
	if fault.Is(err, "no-file") {
		of, other := a.checkedBy(r, c, t)
		if other != nil {
			return err
		}
		_, kind := checksum(t.path)
		w.Header().Set("Content-Type", "text/plain")
		http.ServeContent(w, r, "", of.ModifiedAt, strings.NewReader(sumOf(of, kind)))
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	h := w.Header()
	h.Set("Content-Type", typeOf(f.Path))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(f.Path)}))
	h.Set("X-Content-Type-Options", "nosniff") // whoever uploads must not be able to show pages of this server
	h.Set("ETag", `"`+f.SHA256+`"`)
	h.Set("X-Artifactory-Filename", url.PathEscape(path.Base(f.Path)))
	h.Set("X-Checksum-Sha256", f.SHA256)
	h.Set("X-Checksum-Sha1", f.SHA1)
	h.Set("X-Checksum-Md5", f.MD5)
	http.ServeContent(w, r, "", f.ModifiedAt, content)
	return nil
}

// typeOf is the media type of a file, the same on every machine.
func typeOf(name string) string {
	known := map[string]string{
		".jar": "application/java-archive", ".war": "application/java-archive", ".pom": "application/xml", ".xml": "application/xml",
		".json": "application/json", ".tgz": "application/gzip", ".gz": "application/gzip", ".zip": "application/zip", ".tar": "application/x-tar",
		".txt": "text/plain", ".md": "text/markdown", ".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm", ".yaml": "application/yaml",
	}
	if is, there := known[strings.ToLower(path.Ext(name))]; there {
		return is
	}
	return "application/octet-stream"
}

// delete deletes a file or a folder.
func (a API) delete(r *http.Request, c ledger.Caller) (int, any, error) {
	t, err := fileAt(r, 1)
	if err != nil {
		return 0, nil, err
	}
	_, err = a.Ledger.DeleteFiles(r.Context(), c, t.repository, t.path)
	return http.StatusNoContent, nil, err
}

// transport copies or moves a file or a folder.
func (a API) transport(move bool) handler {
	return func(r *http.Request, c ledger.Caller) (int, any, error) {
		from, err := fileAt(r, 3)
		if err != nil {
			return 0, nil, err
		}
		to, _ := raw(r, "to")
		if to, err = url.QueryUnescape(to); err != nil {
			return 0, nil, errEncoding
		}
		t := ledger.Transport{Repository: from.repository, Path: from.path, Move: move, Dry: r.URL.Query().Get("dry") == "1"}
		if t.ToRepository, t.ToPath, err = into(to, from.path); err != nil {
			return 0, nil, err
		}
		n, err := a.Ledger.Transport(r.Context(), c, t)
		if err != nil {
			return 0, nil, err
		}
		what, how := "copying", "completed successfully"
		if move {
			what = "moving"
		}
		if t.Dry {
			how = "would be done (dry run)"
		}
		type message struct {
			Level   string `json:"level"`
			Message string `json:"message"`
		}
		return http.StatusOK, map[string][]message{"messages": {{
			"INFO", fmt.Sprintf("%s %s/%s to %s/%s %s, %d artifacts", what, t.Repository, t.Path, t.ToRepository, t.ToPath, how, n),
		}}}, nil
	}
}
