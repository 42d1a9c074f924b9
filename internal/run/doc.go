// Package run holds the facts of a run and the state that they add up to. It is pure: no clock, no I/O.
//
// A run is one release of one product version (or one staging, one trigger). Everything that happens in it is an
// Event; State is the result of applying the events in order; every view is a function of (event, state). Facts are
// per component and version: a Step.
//
//	                       ┌───────────────── resolved: not triggered ────────────────┐
//	                       ▼                                                          │
//	pending ──intent──► intended ──triggered──► running ◄──observed──► held        unknown
//	   ▲                │  │  │                   │  │                    │            ▲
//	   │                │  │  └──── unknown ──────┼──┼────────────────────┼────────────┘
//	   │                │  └──failed──► failed ◄──┘  └────succeeded───────┤
//	   │                │                │  ▲                             ▼
//	   │                │                │  └─────── failed ────────── succeeded (for good)
//	   │                └─ resolved      └─intent (a new attempt), or observed and succeeded:
//	   └── skipped, resolved                somebody re-ran it on CircleCI
//
// An attempt whose project cannot even be read fails before its intent: pending, failed. Running, held and failed also
// become unknown when CircleCI no longer knows the pipeline, or when somebody re-ran an earlier attempt's pipeline there. A step that
// runs becomes unknown, too, when it is released and its build files name what is not (WrongPoms).
// The step is observed again, or succeeds, when the pipeline can be read after all.
//
// The rules that Allows enforces, and that Check proves for a whole journal:
//
//  1. Events are numbered 1, 2, 3, … and the first one is "opened".
//  2. No intent while an earlier attempt of the step is open, unknown or succeeded (promise 1).
//  3. No intent before every step of the earlier waves of the plan has succeeded; in a plan by the graph, every step that it needs.
//  4. A success is never taken back (promise 2); only a person's answer re-opens a step.
//  5. A pipeline belongs to one attempt of the steps that share it, and to no other.
//  6. Only what succeeded is recorded.
package run
