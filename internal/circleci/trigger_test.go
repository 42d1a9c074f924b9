package circleci

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

func request() TriggerRequest {
	return TriggerRequest{Project: testSlug, Branch: "3.1.x", Parameters: map[string]any{"gio_action": "release", "dry_run": false}}
}

func triggerError(t *testing.T, err error) *TriggerError {
	t.Helper()
	e, ok := errors.AsType[*TriggerError](err)
	if !ok {
		t.Fatalf("%T %v is no *TriggerError", err, err)
	}
	noSecret(t, e.Error()+e.Message)
	return e
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string
		request      TriggerRequest
		path, body   string
		want         Created
	}{
		{
			"older endpoint", fixture(t, "trigger_201.json"), request(),
			"/api/v2/project/gh/acme/widget/pipeline",
			`{"branch":"3.1.x","parameters":{"dry_run":false,"gio_action":"release"}}`,
			Created{ID: "5034460f-c7c4-4c43-9457-de07e2029e7b", Number: 25},
		},
		{
			"definition", `{"id":"p","number":7}`,
			TriggerRequest{Project: "circleci/o/p", Definition: "d", Branch: "main", Parameters: map[string]any{"n": 3, "s": "3"}},
			"/api/v2/project/circleci/o/p/pipeline/run",
			`{"checkout":{"branch":"main"},"config":{"branch":"main"},"definition_id":"d","parameters":{"n":3,"s":"3"}}`,
			Created{ID: "p", Number: 7},
		},
		{
			"definition, and the long name of the provider", `{"id":"p","number":7}`,
			TriggerRequest{Project: "github/acme/widget", Definition: "d", Branch: "main"},
			"/api/v2/project/gh/acme/widget/pipeline/run",
			`{"checkout":{"branch":"main"},"config":{"branch":"main"},"definition_id":"d"}`,
			Created{ID: "p", Number: 7},
		},
		{
			"no parameters, odd number", `{"id":"p","number":"7"}`,
			TriggerRequest{Project: testSlug, Branch: "main"},
			"/api/v2/project/gh/acme/widget/pipeline", `{"branch":"main"}`,
			Created{ID: "p"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, r := client(t, answer(201, tt.answer))
				got, err := c.Trigger(t.Context(), tt.request)
				if err != nil || got != tt.want {
					t.Errorf("%+v, %v; want %+v", got, err, tt.want)
				}
				a := r.all()[0]
				if a.method != "POST" || a.path != tt.path || a.body != tt.body || a.header.Get("Content-Type") != "application/json" ||
					a.header.Get("Authorization") != "Bearer "+testToken || a.query != "" {
					t.Errorf("sent %+v", a)
				}
			})
		})
	}
}

// Whatever the answer, and without one, gio sends exactly one POST.
func TestTriggerOutcomes(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "500")
		answer(201, `{"id":"p","number":1`)(w, r)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	tests := []struct {
		name    string
		h       http.HandlerFunc
		outcome Outcome
		status  int
		kind    fault.Kind
		says    string
	}{
		{"401", answer(401, fixture(t, "error_401.json")), Refused, 401, fault.Auth, "wrong, expired or revoked, or it is a project's"},
		{"403", answer(403, `{"message":"Permission denied"}`), Refused, 403, fault.Auth, "access to project gh/acme/widget"},
		{"404", answer(404, fixture(t, "error_404.json")), Refused, 404, fault.NotFound, "check that project gh/acme/widget is spelled right"},
		{"400", answer(400, fixture(t, "trigger_400_branch.json")), Refused, 400, fault.Remote, "Branch not found"},
		{"409", answer(409, `{"message":"Conflict"}`), Uncertain, 409, fault.Remote, "409"},
		{"404 html", answer(404, "<html>no such page</html>"), Uncertain, 404, fault.Remote, "no such page"},
		{"403 of a firewall", answer(403, "<html>blocked</html>"), Uncertain, 403, fault.Remote, "a web page came back"},
		{"403 with another JSON", answer(403, `{"error":"blocked"}`), Uncertain, 403, fault.Auth, "blocked"},
		{"403 with a pipeline", answer(403, `{"id":"p","message":"blocked"}`), Uncertain, 403, fault.Auth, "blocked"},
		{"401 with a list", answer(401, `[{"message":"no"}]`), Uncertain, 401, fault.Auth, "no"},
		{"400 without a body", answer(400, ``), Uncertain, 400, fault.Remote, "400"},
		{"407 of a proxy", answer(407, `<html>who are you`), Uncertain, 407, fault.Remote, "a proxy of HTTP_PROXY does not let gio reach circleci.test"},
		{"429 json", answer(429, fixture(t, "error_429.json")), Throttled, 429, fault.Remote, "429"},
		{"429 text", answer(429, fixture(t, "error_429.txt")), Throttled, 429, fault.Remote, "Rate limited."},
		{"408", answer(408, ``), Uncertain, 408, fault.Remote, "408"},
		{"500", answer(500, `{"message":"Internal error"}`), Uncertain, 500, fault.Remote, "Internal error"},
		{"502 html", answer(502, "<html>\n<b>bad\tgateway</b>"), Uncertain, 502, fault.Remote, "<html> <b>bad gateway</b>"},
		{"504", answer(504, ``), Uncertain, 504, fault.Remote, "504"},
		{"reset", reset, Uncertain, 0, fault.Remote, "no complete answer"},
		{"no answer", hang, Uncertain, 0, fault.Remote, "within 30 seconds"},
		{"answer breaks off", cut, Uncertain, 201, fault.Remote, "no complete answer"},
		{"answer is half JSON", answer(201, `{"id":"p","number":`), Uncertain, 201, fault.Remote, "cannot understand"},
		{"answer is two answers", answer(201, `{"id":"p"}{"id":"q"}`), Uncertain, 201, fault.Remote, "cannot understand"},
		{"answer is html", answer(200, `<html>`), Uncertain, 200, fault.Remote, "cannot understand"},
		{"answer is null", answer(200, `null`), Uncertain, 200, fault.Remote, "cannot understand"},
		{"answer is a list", answer(200, `[]`), Uncertain, 200, fault.Remote, "cannot understand"},
		{"id is a number", answer(200, `{"id":7}`), Uncertain, 200, fault.Remote, "cannot understand"},
		{"no body", answer(201, ``), Uncertain, 201, fault.Remote, "cannot understand"},
		{"204", answer(204, ``), Uncertain, 204, fault.Remote, "cannot understand"},
		{"skipped", answer(200, fixture(t, "trigger_200_skipped.json")), NotCreated, 200, fault.Remote, "Ignoring pipeline due to CI skip"},
		{"null id", answer(201, `{"id":null}`), Uncertain, 201, fault.Remote, "contains no pipeline's id"},
		{"empty object", answer(202, `{}`), Uncertain, 202, fault.Remote, "contains no pipeline's id"},
		{"number without id", answer(201, `{"number":7,"message":"created"}`), Uncertain, 201, fault.Remote, "contains no pipeline's id"},
		{"302", answer(302, ``, "Location", "https://evil.test/sesame?sesame=1"), Uncertain, 302, fault.Remote, "redirect to evil.test, not followed"},
		{"303", answer(303, ``, "Location", "/login"), Uncertain, 303, fault.Remote, "redirect to circleci.test, not followed"},
		{"307", answer(307, ``, "Location", "https://evil.test/"), Uncertain, 307, fault.Remote, "redirect to evil.test, not followed"},
		{"308 same host", answer(308, ``, "Location", "/api/v2/project/gh/acme/widget/pipeline"), Uncertain, 308, fault.Remote, "not followed"},
		{"304 without place", answer(304, ``), Uncertain, 304, fault.Remote, "cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, r := client(t, tt.h)
				start := time.Now()
				_, err := c.Trigger(t.Context(), request())
				e := triggerError(t, err)
				if e.Outcome != tt.outcome || e.Status != tt.status || fault.KindOf(err) != tt.kind || !strings.Contains(e.Error(), tt.says) {
					t.Errorf("%s, status %d, kind %d: %v", e.Outcome, e.Status, fault.KindOf(err), e)
				}
				if took := time.Since(start); took > 30*time.Second {
					t.Errorf("took %v", took)
				}
				time.Sleep(10 * time.Minute)
				if n := len(r.all()); n != 1 {
					t.Errorf("%d requests arrived, want 1", n)
				}
			})
		})
	}
}

func TestThrottledTellsHowLong(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"": 0, "17": 17 * time.Second, "86400": time.Minute, "x": 0} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := client(t, answer(429, "Rate limited.", "Retry-After", value))
			_, err := c.Trigger(t.Context(), request())
			if e := triggerError(t, err); e.RetryAfter != want || e.Message != "Rate limited." {
				t.Errorf("Retry-After %q: %v, %q", value, e.RetryAfter, e.Message)
			}
		})
	}
}

// A request that cannot have left may be sent again; in doubt it counts as sent.
func TestTriggerBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	failing := func(err error) http.RoundTripper {
		return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	tests := []struct {
		name string
		base http.RoundTripper
		want Outcome
	}{
		{"connection refused", failing(&net.OpError{Op: "dial", Err: errors.New("connection refused")}), NotSent},
		{"unknown host", failing(&net.DNSError{Err: "no such host", IsNotFound: true}), NotSent},
		{"dial hangs", &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(time.Minute) // net/http does not end a dial with its request
			return nil, errors.New("too late")
		}}, NotSent},
		{"read only", transport.ReadOnly(failing(errors.New("unused"))), Refused},
		{"a transport that tells nothing", roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("broken")
		}), Uncertain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := New(Options{Host: testHost, Token: testToken, HTTP: transport.New(transport.Options{Base: tt.base})})
				_, err := c.Trigger(t.Context(), request())
				if e := triggerError(t, err); e.Outcome != tt.want || e.Status != 0 {
					t.Errorf("%s, want %s: %v", e.Outcome, tt.want, e)
				}
				time.Sleep(time.Minute) // until the dialling has ended
			})
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTriggerWithoutTLSIsNotSent(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(answer(201, `{"id":"p"}`))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS() // with a certificate that nobody knows
	defer srv.Close()
	c := New(Options{Host: srv.URL, Token: testToken})
	_, err := c.Trigger(t.Context(), request())
	if e := triggerError(t, err); e.Outcome != NotSent {
		t.Errorf("%s: %v", e.Outcome, e)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("the reason is lost: %v", err)
	}
}

func TestTriggerCancelled(t *testing.T) {
	t.Parallel()
	stop := errors.New("stopped")
	synctest.Test(t, func(t *testing.T) {
		c, r := client(t, hang)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(stop) })
		_, err := c.Trigger(ctx, request())
		if e := triggerError(t, err); e.Outcome != Uncertain || !errors.Is(err, stop) {
			t.Errorf("cancelled while under way: %s, %v", e.Outcome, e)
		}
		_, err = c.Trigger(ctx, request())
		if e := triggerError(t, err); e.Outcome != NotSent || !errors.Is(err, stop) || r.count("POST") != 1 {
			t.Errorf("cancelled before: %s, %v", e.Outcome, e)
		}
	})
}

// A fault as the cause of the context does not make a sent request look refused.
func TestTriggerCancelledByFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := client(t, hang)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(fault.New(fault.Stopped, "read-only", "stopped")) })
		_, err := c.Trigger(ctx, request())
		if e := triggerError(t, err); e.Outcome != Uncertain || fault.KindOf(err) != fault.Stopped {
			t.Errorf("%s, %v", e.Outcome, e)
		}
	})
}

func TestTriggerRefusesNonsense(t *testing.T) {
	t.Parallel()
	tests := map[string]TriggerRequest{
		"no branch":     {Project: testSlug},
		"no project":    {Branch: "main"},
		"short slug":    {Project: "acme/widget", Branch: "main"},
		"dots":          {Project: "gh/../widget", Branch: "main"},
		"empty part":    {Project: "gh//widget", Branch: "main"},
		"no definition": {Project: "circleci/o/p", Branch: "main"},
		"odd parameter": {Project: testSlug, Branch: "main", Parameters: map[string]any{"f": func() {}}},
	}
	for name, r := range tests {
		synctest.Test(t, func(t *testing.T) {
			c, seen := client(t, answer(201, `{"id":"p"}`))
			_, err := c.Trigger(t.Context(), r)
			if e := triggerError(t, err); e.Outcome != Refused || fault.KindOf(err) != fault.Invalid || len(seen.all()) != 0 {
				t.Errorf("%s: %s, %v, %d requests", name, e.Outcome, e, len(seen.all()))
			}
		})
	}
}

// The connection dies after the server has read the POST: net/http must not send it again.
func TestTriggerKeepAliveDeath(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var r record
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go dieOnPost(conn, &r)
		}
	}()
	c := New(Options{Host: "http://" + l.Addr().String(), Token: testToken})
	if _, err := c.Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = c.Trigger(t.Context(), request())
	if e := triggerError(t, err); e.Outcome != Uncertain || r.count("POST") != 1 {
		t.Errorf("%s after %d POSTs: %v", e.Outcome, r.count("POST"), e)
	}
}

func dieOnPost(conn net.Conn, r *record) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		r.mu.Lock()
		r.seen = append(r.seen, arrival{method: req.Method})
		r.mu.Unlock()
		if req.Method == "POST" {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"login\":\"bot\"}")
	}
}
