package github_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/github"
	"github.com/gravitee-lab/gio/internal/sim"
)

func readAll(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	return string(body)
}

// hub runs a test against the simulator's GitHub in a bubble of fake time.
func hub(t *testing.T, g sim.GitHub, token string, test func(*testing.T, *sim.Sim, *github.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := sim.New(sim.Scenario{GitHub: &g})
		test(t, s, client(t, s, token))
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                                 "https://api.github.com",
		"https://GitHub.com/":              "https://api.github.com",
		"https://ghe.example.org/api/v3/":  "https://ghe.example.org/api/v3",
		"http://127.0.0.1:8787/api/v3":     "http://127.0.0.1:8787/api/v3",
		"ghe.example.org":                  "",
		"ftp://ghe.example.org":            "",
		"https://":                         "",
		"https://me:secret@example.org/v3": "",
		"https://example.org/v3?token=x":   "",
	} {
		c, err := github.New(github.Options{URL: address})
		if want == "" {
			wantFault(t, err, fault.Invalid, "github-url", "GITHUB_API_URL")
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%v tells the password", err)
			}
		} else if err != nil || c.URL() != want {
			t.Errorf("%q: %v, want %s", address, err, want)
		}
	}
	_, err := github.New(github.Options{Token: "two words"})
	wantFault(t, err, fault.Auth, "github-token")
	if _, err := github.New(github.Options{Token: " ghp_x\n"}); err != nil {
		t.Error(err)
	}
}

func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	c := client(t, &canned{}, token)
	for _, name := range []string{"", "alpha", "a/b/c", "a/..", "a/b?x=1", "https://github.com/a/b", "../a"} {
		_, err := c.Repository(t.Context(), name)
		wantFault(t, err, fault.Invalid, "github-repository", "org/name")
	}
	for _, path := range []string{"", "/pom.xml", "a/../b", "a//b"} {
		_, err := c.File(t.Context(), "acme/alpha", "", path)
		wantFault(t, err, fault.Invalid, "github-path")
	}
}

// A renamed repository and its resources are found under its old name; the caller sees the new name.
func TestRenamed(t *testing.T) {
	t.Parallel()
	g := sim.GitHub{Repositories: map[string]sim.Repository{"acme/old": {RenamedTo: "acme/new"}, "acme/new": {Version: "1.4.2-SNAPSHOT"}}}
	hub(t, g, token, func(t *testing.T, _ *sim.Sim, c *github.Client) {
		found, err := c.Repository(t.Context(), "acme/old")
		if err != nil || found.FullName != "acme/new" {
			t.Errorf("%+v, %v", found, err)
		}
		file, err := c.File(t.Context(), "acme/old", "1.4.x", "pom.xml")
		if err != nil || !strings.Contains(string(file), "1.4.2-SNAPSHOT") {
			t.Errorf("%s, %v", file, err)
		}
	})
}

// The token goes to the API's host alone, over any HTTP client, and a write follows no redirect at all.
func TestRedirectDoesNotCarryTheToken(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 307, 308} {
		var hosts []string
		base := roundTripper(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.Method+" "+r.URL.Host)
			location := "https://evil.example.org" + r.URL.Path
			if r.Method == http.MethodPost {
				location = "https://ghe.example.org/elsewhere"
			}
			header := http.Header{"Location": {location}}
			return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: r}, nil
		})
		c, err := github.New(github.Options{URL: "https://ghe.example.org/api/v3", Token: token, HTTP: &http.Client{Transport: base}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Repository(t.Context(), "acme/alpha")
		wantFault(t, err, fault.Remote, "github-redirect", "evil.example.org")
		err = c.SetStatus(t.Context(), "acme/alpha", "abc", github.Status{State: "success"})
		wantFault(t, err, fault.Remote, "github-redirect")
		equal(t, "requests", hosts, []string{"GET ghe.example.org", "POST ghe.example.org"})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Tags reads page by page, and only the pages that the caller needs.
func TestPages(t *testing.T) {
	t.Parallel()
	var many []string
	for a := range 250 {
		many = append(many, "1.0."+string(rune('a'+a%26))+strings.Repeat("x", a/26))
	}
	g := sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": {Tags: many}}}
	hub(t, g, token, func(t *testing.T, s *sim.Sim, c *github.Client) {
		count := 0
		for _, err := range c.Tags(t.Context(), "acme/alpha") {
			if err != nil {
				t.Fatal(err)
			}
			count++
		}
		equal(t, "tags", count, 250)
		equal(t, "requests", s.Stats().GitHub["tags"], map[int]int{200: 3})
		for _, err := range c.Tags(t.Context(), "acme/alpha") {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		equal(t, "requests of the first tag", s.Stats().GitHub["tags"], map[int]int{200: 4})
		count = 0
		for _, err := range c.Tags(t.Context(), "acme/beta") {
			wantFault(t, err, fault.NotFound, "no-repository")
			count++
		}
		equal(t, "errors", count, 1)
	})
}

// Repositories reads page by page, too, and omits those that the token may not see.
func TestRepositories(t *testing.T) {
	t.Parallel()
	all := map[string]sim.Repository{"other/x": {}, "acme/hidden": {HiddenFrom: []string{token}}}
	var want []string
	for i := range 130 {
		name := fmt.Sprintf("acme/r%03d", i)
		all[name], want = sim.Repository{}, append(want, name)
	}
	hub(t, sim.GitHub{Repositories: all}, token, func(t *testing.T, s *sim.Sim, c *github.Client) {
		var got []string
		for r, err := range c.Repositories(t.Context(), "acme") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.FullName)
		}
		equal(t, "repositories", got, want)
		equal(t, "requests", s.Stats().GitHub["org-repositories"], map[int]int{200: 2})
		for _, err := range c.Repositories(t.Context(), "nobody") {
			wantFault(t, err, fault.NotFound, "no-organization", "organization nobody")
		}
		for _, err := range c.Repositories(t.Context(), "a/b") {
			wantFault(t, err, fault.Invalid, "github-organization")
		}
	})
}

// A call waits for a limit of less than a minute, and so do the requests meanwhile.
func TestShortLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]sim.GitHub{
		"primary":   {Limit: &sim.GitHubLimit{Requests: 1, Window: 40 * time.Second}},
		"secondary": {Faults: []sim.Fault{{Kind: sim.SecondaryLimit, RetryAfter: 40 * time.Second, Nth: 2}}},
		"words":     {Faults: []sim.Fault{{Kind: sim.SecondaryLimit, Nth: 2}}},
		"429":       {Faults: []sim.Fault{{Kind: sim.Throttle, RetryAfter: 40 * time.Second, Nth: 2}}},
	}
	for name, g := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hub(t, g, token, func(t *testing.T, _ *sim.Sim, c *github.Client) {
				begun := time.Now()
				for range 2 {
					if _, err := c.User(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(begun); took < 39*time.Second || took > 61*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// A call fails at once for a longer limit, and the fault has its end; until then nothing is sent.
func TestLongLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		g     sim.GitHub
		token string
		hint  string
	}{
		"primary":       {sim.GitHub{Limit: &sim.GitHubLimit{Requests: 1}}, token, "another user"},
		"without token": {sim.GitHub{Limit: &sim.GitHubLimit{Requests: 1}}, "", "GITHUB_TOKEN"},
		"secondary":     {sim.GitHub{Faults: []sim.Fault{{Kind: sim.SecondaryLimit, RetryAfter: time.Hour, Nth: 2, Times: -1}}}, token, "another user"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.g.Repositories = map[string]sim.Repository{"acme/alpha": {}}
			hub(t, test.g, test.token, func(t *testing.T, s *sim.Sim, c *github.Client) {
				begun := time.Now()
				if _, err := c.Repository(t.Context(), "acme/alpha"); err != nil {
					t.Fatal(err)
				}
				for range 5 {
					_, err := c.Repository(t.Context(), "acme/alpha")
					wantFault(t, err, fault.Remote, "github-limit", begun.Add(time.Hour).Local().Format("15:04:05"), test.hint)
				}
				if took := time.Since(begun); took > time.Second {
					t.Errorf("it took %s", took)
				}
				if n := s.Stats().GitHub["repository"]; n[200]+n[403] > 2 {
					t.Errorf("requests: %v", n)
				}
				time.Sleep(time.Hour)
				if _, err := c.Repository(t.Context(), "acme/alpha"); name != "secondary" && err != nil {
					t.Errorf("after the limit: %v", err)
				}
			})
		})
	}
}

// Reads are repeated after a transient error; a write is sent once.
func TestBadMoments(t *testing.T) {
	t.Parallel()
	for _, kind := range []sim.FaultKind{sim.ErrorBefore, sim.ResetBefore, sim.HangBefore, sim.TruncateAfter} {
		g := sim.GitHub{
			Repositories: map[string]sim.Repository{"acme/alpha": {}},
			Faults: []sim.Fault{
				{Kind: kind, Match: sim.Match{Endpoint: "repository"}, Times: 2},
				{Kind: kind, Match: sim.Match{Endpoint: "create-release"}},
			},
		}
		hub(t, g, token, func(t *testing.T, s *sim.Sim, c *github.Client) {
			if _, err := c.Repository(t.Context(), "acme/alpha"); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			_, err := c.CreateRelease(t.Context(), "acme/alpha", github.Release{Tag: "1.0.0"})
			if fault.KindOf(err) != fault.Remote {
				t.Errorf("%s: %v", kind, err)
			}
			sent := 0
			for _, n := range s.Stats().GitHub["create-release"] {
				sent += n
			}
			equal(t, string(kind)+": writes", sent, 1)
		})
	}
}

// A caller that cancels gets its cause back.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	g := sim.GitHub{Faults: []sim.Fault{{Kind: sim.HangBefore, Times: -1}}}
	hub(t, g, token, func(t *testing.T, _ *sim.Sim, c *github.Client) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(stop) })
		if _, err := c.User(ctx); !errors.Is(err, stop) {
			t.Errorf("%v", err)
		}
		_, err := c.Repository(ctx, "acme/alpha")
		if !errors.Is(err, stop) {
			t.Errorf("%v", err)
		}
	})
}

func TestWithoutToken(t *testing.T) {
	t.Parallel()
	g := sim.GitHub{Repositories: map[string]sim.Repository{"acme/open": {}, "acme/closed": {Private: true}}}
	hub(t, g, "", func(t *testing.T, s *sim.Sim, c *github.Client) {
		found, err := c.Repository(t.Context(), "acme/open")
		if err != nil || found.CanPush {
			t.Errorf("%+v, %v", found, err)
		}
		_, err = c.Branch(t.Context(), "acme/closed", "main")
		wantFault(t, err, fault.NotFound, "no-repository", "public repositories only")
		_, err = c.User(t.Context())
		wantFault(t, err, fault.Auth, "no-github-token")
		for _, r := range s.Requests() {
			if r.Header.Get("Authorization") != "" {
				t.Error("a header without a token")
			}
		}
	})
}

// A check of eighty components does not queue, and no minute has more requests than GitHub allows.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	g := sim.GitHub{Repositories: map[string]sim.Repository{"acme/alpha": {}}}
	hub(t, g, token, func(t *testing.T, _ *sim.Sim, c *github.Client) {
		begun := time.Now()
		for n := range 900 {
			if _, err := c.Repository(t.Context(), "acme/alpha"); err != nil {
				t.Fatal(err)
			}
			took := time.Since(begun)
			if n == 399 && took > time.Second {
				t.Errorf("400 requests took %s", took)
			}
			if n == 899 && took < time.Minute {
				t.Errorf("900 requests took %s", took)
			}
		}
	})
}
