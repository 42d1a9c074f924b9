package artifactory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// File is what a file contains: its size in bytes, and checksums in lower-case hex.
type File struct {
	Size   int64
	SHA256 string
	SHA1   string // "" where it is not known, as MD5
	MD5    string
}

// info is the answer about a file, and the one to a file that was put.
type info struct {
	Size      json.RawMessage `json:"size"` // a number in quotes
	Children  []any           `json:"children"`
	Checksums struct {
		SHA256 string `json:"sha256"`
		SHA1   string `json:"sha1"`
		MD5    string `json:"md5"`
	} `json:"checksums"`
}

func (i info) file() (File, bool) {
	size, err := strconv.ParseInt(strings.Trim(string(i.Size), `"`), 10, 64)
	return File{size, i.Checksums.SHA256, i.Checksums.SHA1, i.Checksums.MD5}, err == nil && size >= 0 && len(i.Checksums.SHA256) == 64
}

// Version returns that of the Artifactory, which knows the token then.
func (c *Client) Version(ctx context.Context) (string, error) {
	var found struct {
		Version string `json:"version"`
	}
	err := c.get(ctx, call{method: http.MethodGet, url: c.base.String() + "/api/system/version", name: "api/system/version"}, &found)
	return found.Version, err
}

// Stat returns what a file is. Faults: "no-file" where there is none, "artifactory-folder" for a folder.
func (c *Client) Stat(ctx context.Context, repository, file string) (File, error) {
	at, err := c.address("/api/storage", repository, file)
	if err != nil {
		return File{}, err
	}
	var found info
	k := call{method: http.MethodGet, url: at, name: repository + "/" + file}
	if err := c.get(ctx, k, &found); err != nil {
		return File{}, err
	}
	if found.Children != nil {
		return File{}, fault.New(fault.Invalid, "artifactory-folder", "%s is a folder", k.name)
	}
	f, ok := found.file()
	if !ok {
		return File{}, fault.New(fault.Remote, "artifactory-answer", "%s: the answer has no size or no SHA-256", k).
			Hint("files that were there before Artifactory 5.5 get their SHA-256 by its migration")
	}
	return f, nil
}

// Deploy puts a file there if Artifactory has its content already, wherever that is, and reports whether it has: where not, Upload sends
// it. What was at the path is replaced.
func (c *Client) Deploy(ctx context.Context, repository, file string, f File) (found bool, err error) {
	k, err := c.put(repository, file, f)
	if err != nil {
		return false, err
	}
	k.header.Set("X-Checksum-Deploy", "true")
	answer, err := c.command(ctx, k)
	if fault.Is(err, "no-file") {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.confirm(ctx, repository, file, f, answer)
}

// Upload puts a file there and sends its content, which must be of the size and the SHA-256 given: else its last part is kept back, so
// that Artifactory takes nothing. What was at the path is replaced. The error of content is returned as it is where it is a fault.
func (c *Client) Upload(ctx context.Context, repository, file string, f File, content io.Reader) error {
	k, err := c.put(repository, file, f)
	if err != nil {
		return err
	}
	k.body, k.size = &verified{content: content, sum: sha256.New(), left: f.Size, want: f.SHA256, name: k.name}, f.Size
	if f.Size == 0 {
		if _, err := io.ReadAll(k.body); err != nil {
			return c.unreachable(ctx, k, err)
		}
		k.body = http.NoBody
	}
	answer, err := c.write(ctx, c.stream, k)
	if err != nil {
		return err
	}
	return c.confirm(ctx, repository, file, f, answer)
}

func (c *Client) put(repository, file string, f File) (call, error) {
	at, err := c.address("", repository, file)
	if err != nil {
		return call{}, err
	}
	k := call{method: http.MethodPut, url: at, name: repository + "/" + file, header: http.Header{}}
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size || f.Size < 0 {
		return k, fault.New(fault.Invalid, "artifactory-path", "%s cannot be put there: its size or its SHA-256 is not known", k.name)
	}
	k.header.Set("X-Checksum-Sha256", f.SHA256)
	if f.SHA1 != "" {
		k.header.Set("X-Checksum-Sha1", f.SHA1)
	}
	if f.MD5 != "" {
		k.header.Set("X-Checksum-Md5", f.MD5)
	}
	return k, nil
}

// confirm compares what Artifactory says that it took, or has where it does not say, with what was sent.
func (c *Client) confirm(ctx context.Context, repository, file string, f File, answer []byte) error {
	var said info
	_ = json.Unmarshal(answer, &said) // an answer without content is asked for below
	took, ok := said.file()
	if !ok {
		var err error
		if took, err = c.Stat(ctx, repository, file); err != nil {
			return err
		}
	}
	if took.SHA256 != f.SHA256 {
		return fault.New(fault.Remote, "artifactory-checksum", "%s/%s has the SHA-256 %s at %s, and %s was sent", repository, file, took.SHA256, c.base.Host, f.SHA256).
			Hint("somebody else wrote it at the same time, or Artifactory changed it: look at the file there")
	}
	return nil
}

// verified reads content, and fails before its last part where it is not what was promised.
type verified struct {
	content io.Reader
	sum     hash.Hash
	left    int64
	want    string
	name    string
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.content.Read(p)
	v.sum.Write(p[:n])
	v.left -= int64(n)
	switch ended := errors.Is(err, io.EOF); {
	case v.left < 0, ended && v.left > 0, v.left == 0 && hex.EncodeToString(v.sum.Sum(nil)) != v.want:
		return 0, fault.New(fault.Invalid, "artifactory-content", "what was to become %s is not of the size and the SHA-256 that were promised: it was not put there", v.name).
			Hint("the file was changed where it comes from, or was cut on its way")
	}
	return n, err
}

// Open returns a file's content; the caller closes it, and compares it with what Stat says. Fault "no-file" where there is none.
func (c *Client) Open(ctx context.Context, repository, file string) (io.ReadCloser, error) {
	at, err := c.address("", repository, file)
	if err != nil {
		return nil, err
	}
	k := call{method: http.MethodGet, url: at, name: repository + "/" + file}
	res, err := c.send(ctx, c.stream, k)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer func() { _ = res.Body.Close() }()                    // what was read counts
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // report what could be read
		return nil, c.statusFault(k, res, body)
	}
	return &content{c, ctx, k, res.Body}, nil
}

// content is an answer's body whose errors are faults.
type content struct {
	client *Client
	ctx    context.Context
	call   call
	body   io.ReadCloser
}

func (b *content) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.client.unreachable(b.ctx, b.call, err)
	}
	return n, err
}

func (b *content) Close() error { return b.body.Close() }

// Delete removes a file that has the SHA-256 given; one that is gone already is no error. Artifactory would remove a folder with all
// that is in it, and knows no condition: the file is looked at before. Faults: "file-changed" where it has another content,
// "artifactory-folder".
func (c *Client) Delete(ctx context.Context, repository, file, sum string) error {
	switch found, err := c.Stat(ctx, repository, file); {
	case fault.Is(err, "no-file"):
		return nil
	case err != nil:
		return err
	case found.SHA256 != sum:
		return fault.New(fault.Invalid, "file-changed", "%s/%s has the SHA-256 %s, not %s: it stays", repository, file, found.SHA256, sum).
			Hint("somebody else wrote it: remove it by hand if nobody needs it")
	}
	at, err := c.address("", repository, file)
	if err != nil {
		return err
	}
	_, err = c.command(ctx, call{method: http.MethodDelete, url: at, name: repository + "/" + file})
	if fault.Is(err, "no-file") {
		return nil
	}
	return err
}
