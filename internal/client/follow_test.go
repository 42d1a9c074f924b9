package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/wire"
)

// TestFollow: where the stream breaks the client comes back behind the last event, also when the server is away meanwhile.
func TestFollow(t *testing.T) {
	t.Parallel()
	var came []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last := r.Header.Get("Last-Event-ID")
		came = append(came, r.URL.RequestURI()+" "+last)
		if len(came) == 2 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		next := 8
		if last == "8" {
			next = 9
		}
		fmt.Fprintf(w, "retry: 1\n: still here\n\nid: %d\ndata: {\"position\":%d,\"type\":\"x\"}\n\n", next, next)
	}))
	defer server.Close()
	enough := errors.New("enough")
	var got []int64
	err := New(server.URL, "t", nil).Follow(t.Context(), server.Client(), "a b", 7, func(e wire.Event) error {
		if got = append(got, e.Position); e.Position == 9 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !slices.Equal(got, []int64{8, 9}) {
		t.Errorf("%v, %v", got, err)
	}
	if want := []string{"/v1/events?project=a+b 7", "/v1/events?project=a+b 8", "/v1/events?project=a+b 8"}; !slices.Equal(came, want) {
		t.Errorf("it came with %q, want %q", came, want)
	}
}

// TestFollowRefused: what will not get better by itself ends it.
func TestFollowRefused(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{403: `{"detail": "no", "code": "not-allowed"}`, 502: "<html>", 200: "[]"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		err := New(server.URL, "t", nil).Follow(t.Context(), server.Client(), "", 0, nil)
		server.Close()
		if want := map[int]string{403: "not-allowed", 502: "server-answer", 200: "server-answer"}[status]; !fault.Is(err, want) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if err := New("http://127.0.0.1:1", "t", nil).Follow(t.Context(), http.DefaultClient, "", 0, nil); !fault.Is(err, "server-unreachable") {
		t.Errorf("%v", err)
	}
}
