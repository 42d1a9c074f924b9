package run

import (
	"strings"
	"time"
)

const leaseTime = 5 * time.Minute // how long a lease counts as live for display

// Lease says who drives a run. It names no host: the file is as public as the release repository.
type Lease struct {
	Driver   string    `json:"driver"` // random id
	Login    string    `json:"login,omitempty"`
	Job      string    `json:"job,omitempty"` // link of the CircleCI job
	Since    time.Time `json:"since"`
	Renewed  time.Time `json:"renewed"` // by the driver's clock, with every push
	Push     int       `json:"push"`    // counts the driver's pushes, so that no two of its leases are the same
	Released time.Time `json:"released,omitzero"`
}

// Held reports whether a driver has the lease: it took it and has not released it. It may be dead nevertheless.
func (l Lease) Held() bool { return l.Driver != "" && l.Released.IsZero() }

// Live reports whether somebody drives, as far as the clocks of both machines agree: good enough to show, not to act on.
func (l Lease) Live(now time.Time) bool {
	return l.Held() && now.Sub(l.Renewed) < leaseTime
}

// String names the driver and the time since when it drives: "octocat, https://…, since 2026-01-02T03:04:05Z".
func (l Lease) String() string {
	var parts []string
	for _, part := range []string{l.Login, l.Job} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(append(parts, "since "+l.Since.Format(time.RFC3339)), ", ")
}

// DriverState says whether somebody drives a run.
type DriverState string

// The states of a driver.
const (
	NoDriver DriverState = "none" // there is no lease
	Drives   DriverState = "drives"
	GaveBack DriverState = "gave it back" // it ended properly and released the lease
	Silent   DriverState = "silent"       // it has neither renewed nor released the lease for longer than leaseTime
)

// DriverStatus is the driver of a run, present or past, by its lease at one moment. Its field names are a contract.
type DriverStatus struct {
	State DriverState `json:"state"`
	Login string      `json:"login,omitempty"`
	Job   string      `json:"job,omitempty"`
	Since time.Time   `json:"since,omitzero"`
	Heard time.Time   `json:"heard,omitzero"` // by the driver's clock
}

// Status reads the lease at this time.
func (l Lease) Status(now time.Time) DriverStatus {
	d := DriverStatus{State: Silent, Login: l.Login, Job: l.Job, Since: l.Since, Heard: l.Renewed}
	switch {
	case l.Driver == "":
		d.State = NoDriver
	case !l.Released.IsZero():
		d.State, d.Heard = GaveBack, l.Released
	case l.Live(now):
		d.State = Drives
	}
	return d
}
