// Package rehearse drives runs with the real engine and other ends: in a client dry run the simulator answers every request
// that would change something; in a rehearsal it is all of CircleCI, on a clock that makes an hour pass in seconds. Nothing here
// writes anything outside the process.
package rehearse

import "strings"

// oneLine formats an error without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
