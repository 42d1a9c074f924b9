// Package engine drives a run from plan to outcome, surviving crashes.
//
// Resuming is the only way to run: a fresh run resumes an empty journal. Everything is written down
// before it is done (an intent, a recording) and again when its outcome is known, so that stopping
// dead between any two lines of this package loses nothing and starts nothing twice.
//
//	Release.Prepare   reads the release repository, refuses what must not start, plans
//	Release.Run       begin (start tag) → drive → record; an Execution, which a staging or a trigger is, only drives
//	  session         one driver's time: reads again what earlier drivers left, then all that becomes ready
//	    unit.go       the steps that share one pipeline, brought to their end from wherever they stand
//	      trigger.go    intent, one POST, outcome
//	      lookup.go     what happened when the answer is lost
//	      watch.go      the truth of a pipeline, over time, from three parts:
//	        pipeline.go   reads it until it can be believed
//	        hold.go       an approval that it waits for
//	        proof.go      what it must have left behind when it is green
//	  recorder.go     what must be durable before gio acts, and what may be written with the next intent
//	  recording.go    one commit, the tag, the next versions, one atomic push
//	Cancellation      cancels a run from outside, and notes how it ended when nobody drives
package engine
