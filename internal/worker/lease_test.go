package worker

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/transport"
)

type counted int

func (c *counted) RoundTrip(*http.Request) (*http.Response, error) {
	*c++
	return nil, errors.New("nobody answers")
}

// What changes something is sent while the lease is fresh, and reads always are. (The deadline of a request alone does not hold a
// program back that wakes in the middle of sending it.)
func TestGuard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := new(counted)
		h := newHeld(ledger.Lease{}, nil, time.Now(), false)
		send := func(method string) error {
			r, err := http.NewRequestWithContext(h.whileFresh(context.Background()), method, "http://ci.example.org", strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Guard(sent).RoundTrip(r)
			return err
		}
		time.Sleep(19 * time.Second)
		_ = send(http.MethodPost)
		time.Sleep(2 * time.Second)
		if err := send(http.MethodPost); !errors.Is(err, transport.ErrNotSent) || *sent != 1 {
			t.Errorf("21 seconds after the lease was renewed: %v, %d sent", err, *sent)
		}
		_ = send(http.MethodGet)
		h.confirm(time.Now(), false)
		_ = send(http.MethodPost)
		if *sent != 3 {
			t.Errorf("%d were sent", *sent)
		}
	})
}
