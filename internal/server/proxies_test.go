package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestForwarded: only what a trusted proxy says is believed, and no more than it can know.
func TestForwarded(t *testing.T) {
	t.Parallel()
	trusted, err := parseProxies([]string{"10.0.0.0/8", "2001:db8::1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from string
		said []string
		want string
	}{
		{"192.0.2.1:4711", nil, "192.0.2.1:4711"},
		{"192.0.2.1:4711", []string{"198.51.100.7"}, "192.0.2.1:4711"}, // no proxy of ours
		{"10.1.2.3:80", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[::ffff:10.1.2.3]:80", []string{"198.51.100.7:99"}, "198.51.100.7"},
		{"[2001:db8::1]:80", []string{"2001:db8::99"}, "2001:db8::99"},
		{"10.1.2.3:80", []string{"198.51.100.7, 203.0.113.5"}, "203.0.113.5"}, // the first was written by the client
		{"10.1.2.3:80", []string{"198.51.100.7", "203.0.113.5, 10.9.9.9"}, "203.0.113.5"},
		{"10.1.2.3:80", []string{"10.9.9.9, 10.8.8.8"}, "10.9.9.9"},
		{"10.1.2.3:80", []string{"unknown, 10.8.8.8"}, "10.8.8.8"},
		{"10.1.2.3:80", nil, "10.1.2.3:80"},
		{"10.1.2.3:80", []string{"planted\nname"}, "10.1.2.3:80"},
	} {
		got := ""
		handler := forwarded(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }), trusted)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = test.from, test.said
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if got != test.want {
			t.Errorf("%s said %q: %s, want %s", test.from, test.said, got, test.want)
		}
	}
}

// TestBaseURL: links begin as the settings say, else where the server listens.
func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		s        Settings
		at, want string
	}{
		{Settings{}, "127.0.0.1:8790", "http://127.0.0.1:8790"},
		{Settings{}, "[::]:8790", "http://localhost:8790"},
		{Settings{TLS: TLS{Certificate: "c", Key: "k"}}, "192.0.2.1:443", "https://192.0.2.1:443"},
		{Settings{BaseURL: "https://gio.example.org"}, "127.0.0.1:8790", "https://gio.example.org"},
	} {
		if got := test.s.baseURL(test.at); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}
