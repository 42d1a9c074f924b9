// Package artifactory is gio's client of files in a JFrog Artifactory: what one is, putting it there by its checksum or by its content,
// its properties, removing it.
package artifactory

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

const (
	writeLimit = 2 * time.Minute // for a write without content
	maxAnswer  = 1 << 20         // bytes, of a write's answer

	perSecond, burst = 50, 100 // requests without content
	maxWait          = time.Minute
)

// Wire returns o with the limits of a client for an Artifactory, which gets a few requests for each of thousands of files.
func Wire(o transport.Options) transport.Options {
	o.PerSecond, o.Burst, o.MaxWait = perSecond, burst, maxWait
	return o
}

// Options says where an Artifactory is and who uses it.
type Options struct {
	URL    string       // https://HOST/artifactory; http:// only where it is this machine
	User   string       // with it the token is a password or an API key (Basic); "" for an access token (Bearer)
	Token  string       // "" for what everybody may do
	HTTP   *http.Client // of transport.New with Wire; nil for a new one
	Stream *http.Client // of transport.NewStream, for contents; nil for a new one
}

// Client talks to one Artifactory. It is safe for concurrent use. Reads are repeated for a while, writes are sent once.
//
// Every error is a fault, or wraps the cause of a context that ended. The kinds: NotFound for a file that is not there ("no-file"), Auth
// for 401 and 403 ("artifactory-unauthorized", "artifactory-forbidden"), Invalid for what cannot be asked ("artifactory-url",
// "artifactory-token", "artifactory-path", "artifactory-property"), for a folder ("artifactory-folder") and for what Artifactory refuses
// because of what it has or is told (409, "artifactory-conflict"); otherwise Remote ("artifactory-limit", "artifactory-error",
// "artifactory-answer", "artifactory-checksum", "artifactory-redirect", "artifactory-unreachable", and those of package transport). No
// error contains the token, and it goes to no other host.
type Client struct {
	base    *url.URL // without a trailing slash
	auth    string   // the header Authorization
	secrets []string
	http    *http.Client
	stream  *http.Client
}

// New makes a client. It sends nothing: a wrong host or token shows at the first call.
func New(o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(o.URL), "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "artifactory-url", "gio cannot use the address of Artifactory").
			Hint("it looks like https://artifactory.example.org/artifactory; user and token are settings of their own")
	}
	if transport.Exposed(u) {
		return nil, fault.New(fault.Invalid, "artifactory-url", "%s is not used over http, which others can read and change", u.Host).Hint("write https://")
	}
	for _, secret := range []string{o.User, o.Token} {
		if strings.ContainsFunc(secret, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }) {
			return nil, fault.New(fault.Auth, "artifactory-token", "the user or the token of %s contains invalid characters", u.Host)
		}
	}
	if o.HTTP == nil {
		o.HTTP = transport.New(Wire(transport.Options{}))
	}
	if o.Stream == nil {
		o.Stream = transport.NewStream(transport.Options{})
	}
	c := &Client{base: u, http: new(*o.HTTP), stream: new(*o.Stream)}
	c.http.CheckRedirect = transport.CheckRedirect // whatever client was given, the token goes to no other host
	c.stream.CheckRedirect = followContent
	switch {
	case o.Token == "":
	case o.User == "":
		c.auth, c.secrets = "Bearer "+o.Token, []string{o.Token}
	default:
		basic := base64.StdEncoding.EncodeToString([]byte(o.User + ":" + o.Token))
		c.auth, c.secrets = "Basic "+basic, []string{basic, o.Token}
	}
	return c, nil
}

// followContent follows a read's redirects to where contents may lie, an object store for example. The token does not go there, and
// nothing goes from https to http.
func followContent(req *http.Request, via []*http.Request) error {
	first, last := via[0], via[len(via)-1]
	downgrade := last.URL.Scheme == "https" && req.URL.Scheme != "https"
	if first.Method != http.MethodGet || downgrade || transport.Exposed(req.URL) || len(via) >= 5 {
		return http.ErrUseLastResponse
	}
	if !strings.EqualFold(req.URL.Host, first.URL.Host) {
		req.Header.Del("Authorization")
	}
	return nil
}

var repositoryKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// address returns the URL of a file, below api/storage where it is about the file and not its content.
func (c *Client) address(api, repository, file string) (string, error) {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "artifactory-path", format, args...).Hint("a file is named by its repository's key and a path, as in io/acme/web-1.0.0.jar")
	}
	if !repositoryKey.MatchString(repository) {
		return "", bad("%.200q is not the key of a repository", repository)
	}
	at := c.base.String() + api + "/" + repository
	for part := range strings.SplitSeq(file, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, unicode.IsControl) {
			return "", bad("%.200q is not the path of a file", file)
		}
		at += "/" + escape(part)
	}
	return at, nil
}

// escape writes a text so that no character of it means anything in a URL, not even the ';' that begins a property.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// call is one request, with what messages name.
type call struct {
	method string
	url    string
	query  string // escaped
	name   string // of the file, with its repository
	header http.Header
	body   io.Reader
	size   int64
}

func (k call) String() string { return k.method + " " + k.name }

// send sends one request, and returns its answer, whatever it is.
func (c *Client) send(ctx context.Context, client *http.Client, k call) (*http.Response, error) {
	address := k.url
	if k.query != "" {
		address += "?" + k.query
	}
	req, err := http.NewRequestWithContext(ctx, k.method, address, k.body)
	if err != nil {
		return nil, fault.New(fault.Internal, "artifactory-request", "%s could not be built", k).Because(transport.Quiet(err, c.secrets...))
	}
	if k.body != nil {
		req.ContentLength = k.size
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if c.auth != "" {
		req.Header.Set("Authorization", c.auth)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, k, err)
	}
	return res, nil
}

// get reads an answer in JSON.
func (c *Client) get(ctx context.Context, k call, out any) error {
	res, err := c.send(ctx, c.http, k)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read to the end already
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return c.unreachable(ctx, k, err)
	case res.StatusCode != http.StatusOK:
		return c.statusFault(k, res, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return c.unreadable(k, res.StatusCode, body)
	}
	return nil
}

// write sends a request that changes something, and returns the body of a 2xx.
func (c *Client) write(ctx context.Context, client *http.Client, k call) ([]byte, error) {
	res, err := c.send(ctx, client, k)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // what was read counts
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, c.statusFault(k, res, body)
	case err != nil:
		return nil, c.unreachable(ctx, k, err)
	}
	return body, nil
}

// command is write for what has no content, and so must be answered soon.
func (c *Client) command(ctx context.Context, k call) ([]byte, error) {
	limited, cancel := context.WithTimeoutCause(ctx, writeLimit, errNoAnswer)
	defer cancel()
	return c.write(limited, c.http, k)
}
