package artifactory_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/artifactory"
	"github.com/gravitee-lab/gio/internal/artifactory/artifactorytest"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

func open(t *testing.T, o artifactory.Options) *artifactory.Client {
	t.Helper()
	client, err := artifactory.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// connect makes an Artifactory and its client.
func connect(t *testing.T) (*artifactorytest.Fake, *artifactory.Client) {
	t.Helper()
	f, url := artifactorytest.New(t)
	return f, open(t, artifactory.Options{URL: url, Token: artifactorytest.Token})
}

func sumOf(h hash.Hash, content []byte) string {
	_, _ = h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

func fileOf(content string) artifactory.File {
	text := []byte(content)
	return artifactory.File{Size: int64(len(text)), SHA256: sumOf(sha256.New(), text), SHA1: sumOf(sha1.New(), text), MD5: sumOf(md5.New(), text)}
}

func read(t *testing.T, c *artifactory.Client, repository, file string) string {
	t.Helper()
	body, err := c.Open(t.Context(), repository, file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if closed := body.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
	return string(text)
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if fault.CodeOf(err) != code || (err == nil) != (code == "") {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	f, url := artifactorytest.New(t)
	for name, c := range map[string]*artifactory.Client{
		"bearer": open(t, artifactory.Options{URL: url + "/", Token: artifactorytest.Token}),
		"basic":  open(t, artifactory.Options{URL: url, User: artifactorytest.User, Token: artifactorytest.Token}),
	} {
		ctx, path, content := t.Context(), name+"/io/acme/web-1.0.0.jar", "the content of "+name
		file := fileOf(content)
		_, err := c.Stat(ctx, "libs-dev", path)
		wantCode(t, "stat of nothing", err, "no-file")
		_, err = c.Open(ctx, "libs-dev", path)
		wantCode(t, "opening nothing", err, "no-file")
		if found, err := c.Deploy(ctx, "libs-dev", path, file); found || err != nil {
			t.Errorf("deployed what nobody has: %v, %v", found, err)
		}
		if err := c.Upload(ctx, "libs-dev", path, file, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		if found, err := c.Deploy(ctx, "libs-prod", path, file); !found || err != nil {
			t.Errorf("not deployed by its checksum: %v, %v", found, err)
		}
		for _, repository := range []string{"libs-dev", "libs-prod"} {
			got, err := c.Stat(ctx, repository, path)
			if diff := cmp.Diff(file, got); err != nil || diff != "" {
				t.Errorf("%s: %v\n%s", repository, err, diff)
			}
			if got := read(t, c, repository, path); got != content {
				t.Errorf("%s holds %q", repository, got)
			}
		}
		wantCode(t, "deleting another content", c.Delete(ctx, "libs-dev", path, fileOf("other").SHA256), "file-changed")
		wantCode(t, "deleting a folder", c.Delete(ctx, "libs-dev", name+"/io", file.SHA256), "artifactory-folder")
		if _, there := f.Content("libs-dev/" + path); !there {
			t.Error("it is gone")
		}
		for range 2 {
			wantCode(t, "deleting", c.Delete(ctx, "libs-dev", path, file.SHA256), "")
		}
		_, there := f.Content("libs-dev/" + path)
		if _, other := f.Content("libs-prod/" + path); there || !other {
			t.Errorf("after a removal: %v in dev, %v in prod", there, other)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	f, c := connect(t)
	for _, path := range []string{
		"a b", "a;build.name=x", ";", "a+b", "a%2Fb", "100%", "a?b#c", "a&b=c", "ä/ö 中", "[x]{y}|z^", "@scope/pkg/-/pkg-1.0.0.tgz", "a,b", "a:b", "~/.m2/..x", "a\\b", `"q"'`, "<a>", "$a!*()",
	} {
		content := "of " + path
		if err := c.Upload(t.Context(), "libs", path, fileOf(content), strings.NewReader(content)); err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		if got, there := f.Content("libs/" + path); got != content {
			t.Errorf("%q is there: %v, with %q", path, there, got)
		}
		if got, err := c.Stat(t.Context(), "libs", path); err != nil || got != fileOf(content) {
			t.Errorf("stat of %q: %v, %v", path, got, err)
		}
		if got := read(t, c, "libs", path); got != content {
			t.Errorf("%q is read as %q", path, got)
		}
		wantCode(t, "properties of "+path, c.SetProperties(t.Context(), "libs", path, map[string][]string{"a": {"1"}}), "")
		wantCode(t, "deleting "+path, c.Delete(t.Context(), "libs", path, fileOf(content).SHA256), "")
	}
	f.Answer(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was sent", r.Method, r.URL) })
	refused := [][2]string{{"", "a"}, {"a/b", "a"}, {"..", "a"}, {"api;x", "a"}, {"a b", "a"}, {"libs", "a\x00b"}, {"libs", "a\nb"}}
	for _, path := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "../a"} {
		refused = append(refused, [2]string{"libs", path})
	}
	for _, at := range refused {
		ctx, r, p := t.Context(), at[0], at[1]
		_, stat := c.Stat(ctx, r, p)
		_, get := c.Open(ctx, r, p)
		_, deploy := c.Deploy(ctx, r, p, fileOf(""))
		_, properties := c.Properties(ctx, r, p)
		for _, err := range []error{
			stat, get, deploy, properties, c.Upload(ctx, r, p, fileOf(""), strings.NewReader("")),
			c.SetProperties(ctx, r, p, map[string][]string{"a": {"b"}}), c.Delete(ctx, r, p, fileOf("").SHA256),
		} {
			wantCode(t, r+" "+p, err, "artifactory-path")
		}
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	f, c := connect(t)
	ctx := t.Context()
	f.Put("libs/a", "x")
	if got, err := c.Properties(ctx, "libs", "a"); err != nil || len(got) != 0 {
		t.Errorf("of a file without: %v, %v", got, err)
	}
	_, err := c.Properties(ctx, "libs", "b")
	wantCode(t, "properties of nothing", err, "no-file")
	wantCode(t, "setting those of nothing", c.SetProperties(ctx, "libs", "b", map[string][]string{"a": {"b"}}), "no-file")
	wantCode(t, "setting none", c.SetProperties(ctx, "libs", "a", nil), "")
	odd := map[string][]string{
		"build.name": {"web"}, "os": {"win", "linux"}, "odd": {`a,b`, `c|d`, `e=f`, `g\h`, `\,`, "i&j#k?l", "m+n o%20p", "ü中", "q/r:s", ""},
	}
	wantCode(t, "setting", c.SetProperties(ctx, "libs", "a", odd), "")
	got, err := c.Properties(ctx, "libs", "a")
	if diff := cmp.Diff(odd, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	wantCode(t, "setting one again", c.SetProperties(ctx, "libs", "a", map[string][]string{"os": {"mac"}, "new": {"1"}}), "")
	odd["os"], odd["new"] = []string{"mac"}, []string{"1"}
	if diff := cmp.Diff(odd, f.Properties("libs/a")); diff != "" {
		t.Error(diff)
	}
	many := map[string][]string{}
	for i := range 100 {
		many["key"+strings.Repeat("x", i)] = []string{strings.Repeat("v", 150)}
	}
	f.Put("libs/m", "x")
	f.Answer(nil)
	wantCode(t, "setting many", c.SetProperties(ctx, "libs", "m", many), "")
	if diff := cmp.Diff(many, f.Properties("libs/m")); diff != "" || f.Count("PUT") < 3 || f.Count("PUT") > 10 {
		t.Errorf("%d requests\n%s", f.Count("PUT"), diff)
	}
	f.Answer(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was sent", r.Method, r.URL) })
	for key, values := range map[string][]string{"": {"x"}, "a b": {"x"}, "a=b": {"x"}, "a;b": {"x"}, "a,b": {"x"}, `a\b`: {"x"}, "a": {"x;y"}, "b": nil} {
		wantCode(t, "the property "+key, c.SetProperties(ctx, "libs", "a", map[string][]string{"0": {"fine"}, key: values}), "artifactory-property")
	}
}

// breaking gives some content and then an error.
func breaking(content string, err error) io.Reader {
	return io.MultiReader(strings.NewReader(content), failing{err})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Whatever becomes of an upload, what Artifactory has is what was promised or nothing.
func TestUploadRefuses(t *testing.T) {
	t.Parallel()
	f, c := connect(t)
	ctx, big := t.Context(), strings.Repeat("0123456789abcdef", 20_000)
	theirs := fault.New(fault.Remote, "source", "the source broke off")
	wrong := fileOf(big)
	wrong.SHA1 = fileOf("other").SHA1
	for name, u := range map[string]struct {
		repository string
		file       artifactory.File
		content    io.Reader
		code       string
	}{
		"good":                {"libs", fileOf(big), strings.NewReader(big), ""},
		"nothing in it":       {"libs", fileOf(""), strings.NewReader(""), ""},
		"no answer in JSON":   {"terse", fileOf(big), strings.NewReader(big), ""},
		"other content":       {"libs", fileOf(big), strings.NewReader(strings.Replace(big, "0", "1", 1)), "artifactory-content"},
		"cut":                 {"libs", fileOf(big), strings.NewReader(big[1:]), "artifactory-content"},
		"more":                {"libs", fileOf(big[1:]), strings.NewReader(big), "artifactory-content"},
		"something for none":  {"libs", fileOf(""), strings.NewReader("x"), "artifactory-content"},
		"broken off":          {"libs", fileOf(big), breaking(big[:100_000], theirs), "source"},
		"broken off at once":  {"libs", fileOf(big), breaking("", theirs), "source"},
		"another's error":     {"libs", fileOf(big), breaking(big[:100_000], errors.New("disk")), "artifactory-unreachable"},
		"checksum of another": {"libs", wrong, strings.NewReader(big), "artifactory-conflict"},
		"forbidden":           {"locked", fileOf(big), strings.NewReader(big), "artifactory-forbidden"},
		"unknown checksum":    {"libs", artifactory.File{Size: 1}, strings.NewReader("x"), "artifactory-path"},
	} {
		err := c.Upload(ctx, u.repository, name, u.file, u.content)
		wantCode(t, name, err, u.code)
		if got, there := f.Content(u.repository + "/" + name); there != (u.code == "") || there && fileOf(got) != u.file {
			t.Errorf("%s: it is there: %v, with %d bytes", name, there, len(got))
		}
	}
}

// An upload goes on while its content comes, and so needs no memory for it.
func TestUploadStreams(t *testing.T) {
	t.Parallel()
	f, c := connect(t)
	arrived := make(chan struct{})
	f.Answer(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 4))
		close(arrived)
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"size":"8","checksums":{"sha256":"`+fileOf("halfhalf").SHA256+`"}}`)
	})
	content, more := io.Pipe()
	go func() {
		_, _ = more.Write([]byte("half"))
		<-arrived
		_, _ = more.Write([]byte("half"))
		_ = more.Close()
	}()
	wantCode(t, "the upload", c.Upload(t.Context(), "libs", "a", fileOf("halfhalf"), content), "")
}

func TestWritesAreSentOnceAndReadsAgain(t *testing.T) {
	t.Parallel()
	f, c := connect(t)
	ctx := t.Context()
	f.Put("libs/a", "x")
	f.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	_, err := c.Deploy(ctx, "libs", "a", fileOf("y"))
	wantCode(t, "deploying", err, "artifactory-error")
	wantCode(t, "uploading", c.Upload(ctx, "libs", "a", fileOf("y"), strings.NewReader("y")), "artifactory-error")
	wantCode(t, "setting properties", c.SetProperties(ctx, "libs", "a", map[string][]string{"a": {"b"}}), "artifactory-error")
	if n := f.Count("PUT"); n != 3 {
		t.Errorf("3 writes were sent %d times", n)
	}
	first := true
	f.Answer(func(w http.ResponseWriter, r *http.Request) {
		f.Answer(nil)
		if !first {
			t.Error("it answers twice in its place")
		}
		first = false
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if got, err := c.Stat(ctx, "libs", "a"); err != nil || got != fileOf("x") || f.Count("GET") != 2 {
		t.Errorf("%v, %v after %d requests", got, err, f.Count("GET"))
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "AUTH", r.Header.Get("Authorization")))
		}
	}
	const shape = `{"errors":[{"status":1,"message":"no, AUTH"}]}`
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		kind    fault.Kind
		code    string
	}{
		"unauthorized":    {say(401, shape), fault.Auth, "artifactory-unauthorized"},
		"forbidden":       {say(403, shape), fault.Auth, "artifactory-forbidden"},
		"conflict":        {say(409, shape), fault.Invalid, "artifactory-conflict"},
		"another's 404":   {say(404, "<html>AUTH"), fault.Remote, "artifactory-answer"},
		"another's 409":   {say(409, ""), fault.Remote, "artifactory-answer"},
		"a page":          {say(200, "<html>AUTH"), fault.Remote, "artifactory-answer"},
		"an empty object": {say(200, "{}"), fault.Remote, "artifactory-answer"},
		"bad request":     {say(400, shape), fault.Remote, "artifactory-error"},
		"a proxy":         {say(407, ""), fault.Remote, "proxy-refused"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://x.example/AUTH", http.StatusFound)
		}, fault.Remote, "artifactory-redirect"},
		"another checksum": {say(201, `{"size":"1","checksums":{"sha256":"`+fileOf("z").SHA256+`"}}`), fault.Remote, "artifactory-checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, url := artifactorytest.New(t)
			client := open(t, artifactory.Options{URL: url, User: artifactorytest.User, Token: artifactorytest.Token})
			f.Answer(c.handler)
			ctx, file := t.Context(), fileOf("x")
			_, stat := client.Stat(ctx, "libs", "a")
			_, get := client.Open(ctx, "libs", "a")
			_, deploy := client.Deploy(ctx, "libs", "a", file)
			all := map[string]error{"deploy": deploy, "upload": client.Upload(ctx, "libs", "a", file, strings.NewReader("x"))}
			if c.code != "artifactory-checksum" {
				all["stat"], all["delete"] = stat, client.Delete(ctx, "libs", "a", file.SHA256)
			}
			if !strings.Contains(c.code, "answer") && c.code != "artifactory-checksum" {
				all["open"], all["properties"] = get, client.SetProperties(ctx, "libs", "a", map[string][]string{"a": {"b"}})
			}
			for call, err := range all {
				wantCode(t, call, err, c.code)
				text := err.Error() + strings.Join(fault.HintLines(err), " ")
				if basic := base64.StdEncoding.EncodeToString([]byte(artifactorytest.User + ":" + artifactorytest.Token)); fault.KindOf(err) != c.kind || strings.Contains(text, basic) || strings.Contains(text, artifactorytest.Token) {
					t.Errorf("%s: kind %v: %s", call, fault.KindOf(err), text)
				}
			}
		})
	}
	f, url := artifactorytest.New(t)
	f.Put("libs/a", "x")
	for _, o := range []artifactory.Options{{URL: url}, {URL: url, Token: artifactorytest.Token + "x"}, {URL: url, User: artifactorytest.User, Token: artifactorytest.Token + "x"}, {URL: url, User: "joe", Token: artifactorytest.Token}} {
		_, err := open(t, o).Stat(t.Context(), "libs", "a")
		wantCode(t, "wrong credentials", err, "artifactory-unauthorized")
		if o.Token != "" && strings.Contains(err.Error(), o.Token) || !strings.Contains(err.Error(), "Bad credentials") {
			t.Errorf("it shows: %v", err)
		}
	}
}

// Contents may lie with another host; the token does not go there. What is about files is asked of Artifactory alone.
func TestContentElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Authorization"]) > 0 {
			t.Error("it gets the token")
		}
		_, _ = io.WriteString(w, "content")
	}))
	defer elsewhere.Close()
	f, c := connect(t)
	f.Answer(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/object?signature=x", http.StatusFound)
	})
	if got := read(t, c, "libs", "a"); got != "content" {
		t.Errorf("%q", got)
	}
	_, err := c.Stat(t.Context(), "libs", "a")
	wantCode(t, "stat", err, "artifactory-redirect")
	wantCode(t, "upload", c.Upload(t.Context(), "libs", "a", fileOf("x"), strings.NewReader("x")), "artifactory-redirect")

	server := httptest.NewUnstartedServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	secure := open(t, artifactory.Options{URL: server.URL, Stream: transport.NewStream(transport.Options{Base: server.Client().Transport})})
	_, err = secure.Open(t.Context(), "libs", "a")
	wantCode(t, "from https to http", err, "artifactory-redirect")
	_, err = open(t, artifactory.Options{URL: server.URL}).Open(t.Context(), "libs", "a")
	wantCode(t, "an unknown certificate", err, "certificate-unknown")
}

func TestOpenBreaksOff(t *testing.T) {
	t.Parallel()
	f, c := connect(t)
	f.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	body, err := c.Open(t.Context(), "libs", "a")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	_, err = got.ReadFrom(body)
	_ = body.Close()
	wantCode(t, "half a content", err, "artifactory-unreachable")
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	_, c := connect(t)
	gone := errors.New("the server is stopping")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, stat := c.Stat(ctx, "libs", "a")
	_, get := c.Open(ctx, "libs", "a")
	_, deploy := c.Deploy(ctx, "libs", "a", fileOf("x"))
	_, properties := c.Properties(ctx, "libs", "a")
	for _, err := range []error{
		stat, get, deploy, properties, c.Upload(ctx, "libs", "a", fileOf("x"), strings.NewReader("x")),
		c.SetProperties(ctx, "libs", "a", map[string][]string{"a": {"b"}}), c.Delete(ctx, "libs", "a", fileOf("x").SHA256),
	} {
		if !errors.Is(err, gone) {
			t.Error(err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "artifactory.example.org", "ftp://x.example", "https://", "http://artifactory.example.org", "http://10.0.0.1",
		"https://ci:" + artifactorytest.Token + "@x.example", "https://x.example/?t=" + artifactorytest.Token,
	} {
		if _, err := artifactory.New(artifactory.Options{URL: url}); !fault.Is(err, "artifactory-url") || strings.Contains(err.Error(), artifactorytest.Token) {
			t.Errorf("%q: %v", url, err)
		}
	}
	_, err := artifactory.New(artifactory.Options{URL: "https://x.example", Token: artifactorytest.Token + "\n"})
	if !fault.Is(err, "artifactory-token") || strings.Contains(err.Error(), artifactorytest.Token) {
		t.Error(err)
	}
}
