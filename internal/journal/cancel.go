package journal

import (
	"cmp"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// The rules of cancelling a run from outside, for every home that several machines drive.

// Cancel says that a run is cancelled: its driver starts nothing more. It is meant for the driver that it names and for no
// other, so that whoever releases later is not kept from it. That driver's Cancelled is closed once it has read it, and its
// Fresh is the fault; it notes on.
type Cancel struct {
	Driver string    `json:"driver"`          // id of the one it is meant for
	Login  string    `json:"login,omitempty"` // who cancelled
	Job    string    `json:"job,omitempty"`
	Time   time.Time `json:"time"`
}

// IsFor tells whether a driver is meant.
func (c Cancel) IsFor(driver string) bool { return c.Driver != "" && c.Driver == driver }

func (c Cancel) same(d Cancel) bool {
	return c.Driver == d.Driver && c.Login == d.Login && c.Job == d.Job && c.Time.Equal(d.Time)
}

// by is who cancelled, and when: "octocat (https://…) at 2026-01-02T03:04:05Z".
func (c Cancel) by() string {
	who := cmp.Or(c.Login, "somebody")
	if c.Job != "" {
		who += " (" + c.Job + ")"
	}
	return who + " at " + c.Time.Format(time.RFC3339)
}

// Fault is what the driver that is meant gets when it wants to trigger: kind Cancelled, code "run-cancelled".
func (c Cancel) Fault(n run.Name) error {
	return fault.New(fault.Cancelled, "run-cancelled", "%s was cancelled by %s: nothing more was started", n, c.by()).
		Hint("%s to start anew what was cancelled", fault.Again())
}
