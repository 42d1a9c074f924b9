package gittest

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestHalfARequest sends a request whose client hangs up in the middle of its body: the server ends all the same. git
// http-backend alone reads on for ever (git 2.39).
func TestHalfARequest(t *testing.T) {
	dir := Bare(t, map[string]string{"a": "1"}, "master")
	server := HTTP(t, dir, Options{})
	address, path, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), "/")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /%s/git-receive-pack HTTP/1.1\r\nHost: %s\r\n"+
		"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 100\r\n\r\n0123", path, address)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	// The cleanup of HTTP waits for the request.
}
