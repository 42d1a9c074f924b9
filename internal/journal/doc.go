// Package journal keeps the events of a run where a crash cannot take them.
//
// # The contract
//
// A journal holds the events of one run in the order they were appended, and guards the run against a second driver. Journal is
// the whole contract. Every home keeps these promises, and one suite, package journaltest, holds them to it:
//
//   - Opening gives every event that was ever acknowledged, in order, and nothing else. It drops what a
//     crash left half-written, which was never acknowledged. Anything else that is wrong with a journal
//     is a fault that says where the damage is: no home repairs by guessing.
//   - Append is all or nothing for the events of one call. When it returns nil they are durable:
//     whoever opens the journal next sees them, whatever happens to this process or machine.
//   - When Append returns an error nothing of that call may be relied on. The journal then refuses
//     every later Append with the same fault, because a gap would be worse than a stop; opening it
//     again tells what was kept.
//   - One driver at a time. Opening for writing while another process drives is a fault of kind
//     Stopped, code "driven-elsewhere", that says who and since when. Reading needs no permission and
//     disturbs nobody.
//   - AppendWith keeps events together with the push that they tell of. Where the journal lies in the repository that is pushed
//     to, both arrive in one atomic push; elsewhere the push is made first, and after a crash between the two the push is there
//     and its events are not.
//   - The driver calls Fresh right before it triggers a pipeline. When it returns nil, the driver had the run at most FreshFor
//     ago, and its last write did not tell it that somebody has cancelled the run. When a write does, Cancelled is closed.
//   - Close lets the next driver begin at once.
//   - A journal belongs to one run: kind, manifest path and product version name it, host and branch
//     stand in its header. Opening it for another host or branch is a fault of kind Invalid, code
//     "other-journal".
//   - Append, Close and Read may be called from several goroutines; events are kept in the order in
//     which the calls of Append began to run, and a caller that needs an order makes the calls one
//     after the other.
//
// # The homes
//
// File is a file below the state directory of one machine, locked for as long as its process lives.
// Git is GitRef of the release repository, where any machine can go on: its lock is a lease, which the
// next driver watches, and takes over when its driver is gone. There an intent travels with a claim on its component
// version, so that no two runs release the same one, and what is recorded in the release repository can
// travel in one push with the event that says so. There, too, anybody can tell the driver that its run is cancelled: it
// reads that with its next push, and triggers nothing more. Memory is for dry runs: what it keeps ends with the process, and
// nobody else sees it.
//
// # The rules
//
// When a lease may be taken and when a driver must wait (lease.go), what an event does to a claim and whom a claim hinders
// (claims.go), whom a cancel is meant for (cancel.go): these are the same wherever journals are kept. They are values and
// functions that read neither clock nor storage; a home brings its rows or files, and writes what they say in the write that
// keeps the events.
//
// A journal knows no rule of a run: run.Check does. Opening runs it, so that no driver continues from
// a journal whose events cannot be true together.
package journal
