package rehearse

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/sim"
	"github.com/gravitee-lab/gio/internal/transport"
)

// outside is a network that only counts what would leave.
type outside struct{ seen []string }

func (o *outside) RoundTrip(req *http.Request) (*http.Response, error) {
	o.seen = append(o.seen, req.Method+" "+req.URL.Path)
	return nil, errors.New("there is no network")
}

// TestWire: what changes something goes to the simulator, as does whatever is about what the simulator made; the rest is
// read outside.
func TestWire(t *testing.T) {
	t.Parallel()
	s := sim.New(sim.Scenario{})
	defer s.Close()
	network := &outside{}
	var told []string
	client := &http.Client{Transport: &wire{
		sim: s.Transport(), real: transport.ReadOnly(network),
		onWrite: func(method, url string, body []byte) { told = append(told, method+" "+url+" "+string(body)) },
	}}
	const api = "https://proxy.example/circleci/api/v2"
	do := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, api+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Circle-Token", "any")
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			return 0, ""
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(data)
	}

	status, answer := do("POST", "/project/gh/acme/api/pipeline", `{"branch":"main"}`)
	if made := s.Pipelines(); status != http.StatusCreated || len(made) != 1 || made[0].Branch != "main" {
		t.Fatalf("POST: %d %s, pipelines %v", status, answer, made)
	}
	if status, _ := do("GET", "/pipeline/"+s.Pipelines()[0].ID, ""); status != http.StatusOK {
		t.Errorf("reading what the simulator made: %d", status)
	}
	if status, _ := do("POST", "/workflow/11111111-1111-4111-8111-111111111111/cancel", ""); status != http.StatusAccepted {
		t.Errorf("cancelling a workflow of CircleCI's: %d", status)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		do(method, "/project/gh/acme/api/envvar", "")
	}
	if len(network.seen) > 0 {
		t.Errorf("left: %v", network.seen)
	}
	do("GET", "/me", "")
	do("GET", "/pipeline/22222222-2222-4222-8222-222222222222/workflow", "")
	if got := strings.Join(network.seen, ", "); got != "GET /circleci/api/v2/me, GET /circleci/api/v2/pipeline/22222222-2222-4222-8222-222222222222/workflow" {
		t.Errorf("read outside: %s", got)
	}
	if want := "POST " + api + `/project/gh/acme/api/pipeline {"branch":"main"}`; len(told) != 5 || told[0] != want {
		t.Errorf("told: %q", told)
	}
}
