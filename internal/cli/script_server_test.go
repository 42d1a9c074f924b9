package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gravitee-lab/gio/internal/server"
)

// cmdServer starts a gio-server with variables of its own and perhaps a file of settings, in which the script's variables are
// filled in, and sets GIO_SERVER and GIO_TOKEN, which is an admin's.
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, true, "server [FILE] [NAME=VALUE…]")
	data, file := filepath.Join(ts.Getenv("WORK"), "server"), ""
	if len(args) > 0 && !strings.Contains(args[0], "=") {
		file = filepath.Join(ts.Getenv("WORK"), "gio-server.yaml")
		ts.Check(os.WriteFile(file, []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
		args = args[1:]
	}
	settings, err := server.ReadSettings(server.Settings{Listen: "127.0.0.1:0", Data: data}, file, args)
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, settings, nil, io.Discard, func(address string) { listening <- address })
	}()
	ts.Defer(func() {
		cancel()
		ts.Check(<-ended)
	})
	select {
	case address := <-listening:
		ts.Setenv("GIO_SERVER", "http://"+address)
	case err := <-ended:
		ts.Check(err)
	}
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	ts.Check(err)
	ts.Setenv("GIO_TOKEN", strings.TrimSpace(string(token)))
}

// cmdAskServer sends a request as another client does, with GIO_TOKEN. It must be answered with that status. ID is the id in the answer.
func cmdAskServer(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3 || len(args) == 4, "ask-server STATUS METHOD PATH [BODY]")
	body := strings.Join(args[3:], "")
	req, err := http.NewRequestWithContext(context.Background(), args[1], ts.Getenv("GIO_SERVER")+args[2], strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("GIO_TOKEN"))
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	var made struct{ ID string }
	_ = json.NewDecoder(res.Body).Decode(&made) // not every answer has one
	ts.Check(res.Body.Close())
	ts.Setenv("ID", made.ID)
	if strconv.Itoa(res.StatusCode) != args[0] {
		ts.Fatalf("%s %s: %s, want %s", args[1], args[2], res.Status, args[0])
	}
}
