package engine

import "time"

// How long things may take, in one place.
const (
	lookUpFor      = 60 * time.Second       // of looking for a pipeline, before nothing found counts as nothing created
	lateApart      = time.Minute            // between looks for what an earlier POST may still have made
	siftFor        = 5 * time.Minute        // for a pipeline to become readable that must exist, by its number
	maxSends       = 5                      // POSTs of one attempt: the first, and others after nothing was found
	sendPatience   = 10 * time.Minute       // of a trigger that is throttled, or that cannot reach CircleCI
	readPatience   = 10 * time.Minute       // of reading one pipeline while CircleCI fails
	troubleAfter   = 5 * time.Second        // without an answer that can be read, until somebody is told
	troubleApart   = time.Minute            // between tellings about one pipeline
	rerunFor       = 3 * time.Minute        // of waiting for an automatic re-run that is due: it starts at once or never
	noWorkflowFor  = 5 * time.Minute        // without a workflow: none will run
	youngFor       = 10 * time.Second       // after the last new workflow appeared: before, no success is believed
	lateFor        = 20 * time.Second       // the same, unless all workflows of the compiled configuration have appeared
	itselfApart    = 10 * time.Minute       // between readings of a pipeline itself while its workflows say that it runs, at most
	toldApart      = 5 * time.Minute        // between readings of a pipeline that runs while CircleCI tells when one ends
	toldFirst      = 3 * time.Second        // until such a pipeline is read first: by then it has workflows, as a rule
	heldApart      = 10 * time.Second       // between readings of a pipeline that waits for a person, or did, at most
	linesFor       = 20 * time.Second       // of reading again what failed jobs printed, at the end
	proofFor       = 30 * time.Second       // for what proves a release to be there once its pipeline is green
	soonestProof   = 2 * time.Second        // between readings of a green pipeline whose proof is missing, at least
	componentLimit = 3 * time.Hour          // of one pipeline, holds not counted
	cancelFor      = 2 * time.Minute        // of waiting for what was cancelled to end
	cancelApart    = 5 * time.Second        // between readings of what is being cancelled, at most
	approveFor     = 30 * time.Second       // of waiting for an approval to take effect
	breath         = 10 * time.Millisecond  // for what begins at the same time to say so
	gatherFor      = 250 * time.Millisecond // an intent waits for the others of its launch
	noteStart      = time.Second            // until the id of a new pipeline is in the journal: without it, it is looked up
	noteFacts      = 20 * time.Second       // until what CircleCI said of a pipeline is: it can be asked again
	recordRetries  = 10                     // pushes that find the branch moved

	// MaxParallel is how many pipelines run at once unless the operator says otherwise: none is started while so many
	// run. A pipeline that waits for a person does not count. When it goes on it is watched at once and counts again as soon as
	// there is room: until then as many more may run as were held. So do those that an earlier driver has left running.
	MaxParallel = 25
	// MostParallel is how many may run at once whatever the operator says. With more, the readings would crowd
	// out the triggers: all requests share one budget, and a POST that waits for it has 30 seconds in all.
	MostParallel = 100
)
