package ledger

import (
	"context"
	"time"
)

// Store keeps the ledger. What Change returned nil for lasts, whatever dies next. Within a transaction of Once both join it.
type Store interface {
	// Change runs do in one transaction, and again when it met another one or found that what it inserts exists already: do must
	// have no other effect than its calls, and returns the faults of its calls, or wraps them.
	Change(ctx context.Context, do func(Tx) error) error
	// Read runs do on one state of the ledger. It must change nothing.
	Read(ctx context.Context, do func(Tx) error) error
	// TokenByHash reads a token as it is now: each request begins with that, and it is not worth a transaction.
	TokenByHash(ctx context.Context, hash string) (Token, error) // no-token
	Head(ctx context.Context) (Head, error)
	// VerifyFrom computes the chain of events anew, holds it against an end that was kept elsewhere, unless that is zero, and returns
	// its end. Its fault broken-chain (kind Invalid) says where it was changed.
	VerifyFrom(ctx context.Context, kept Head) (Head, error)
}

// Tx is a transaction. A thing that does not exist is a fault of kind NotFound, with the code that its method names; one that
// exists already is one of kind Invalid.
type Tx interface {
	Project(ctx context.Context, name string) (Project, error)      // no-project
	Projects(ctx context.Context) ([]Project, error)                // by name
	PutProject(ctx context.Context, p Project, now time.Time) error // other-repository

	// LockProject keeps everybody else from declaring a project, and so from making environments, until the end of the transaction.
	LockProject(ctx context.Context, name string) error // no-project

	// LockEnvironment reads an environment, and keeps everybody else from starting or ending anything there until the end of the
	// transaction.
	LockEnvironment(ctx context.Context, project, name string) (Environment, error) // no-environment
	Environment(ctx context.Context, project, name string) (Environment, error)     // no-environment
	Environments(ctx context.Context, project string) ([]Environment, error)        // in the order of their making
	PutEnvironment(ctx context.Context, e Environment, now time.Time) error         // by project and name; no-project
	EnvironmentByID(ctx context.Context, id string) (Environment, error)            // no-environment
	LockEnvironmentByID(ctx context.Context, id string) (Environment, error)        // no-environment
	SetHold(ctx context.Context, environment, deployment string) error              // no-environment

	Repository(ctx context.Context, name string) (Repository, error)        // no-repository
	Repositories(ctx context.Context, project string) ([]Repository, error) // by name
	PutRepository(ctx context.Context, r Repository, now time.Time) error   // repository-taken

	// KeepBlob keeps a content, unless it is kept already, and returns the one that is. LockBlob finds one that a file of a project has, ""
	// for any, by its SHA-256 or else its SHA-1. Until the end of the transaction nobody removes it.
	KeepBlob(ctx context.Context, b Blob, now time.Time) (Blob, error)
	MoveBlob(ctx context.Context, b Blob) error                                 // to another place; no-content
	LockBlob(ctx context.Context, sums Checksums, project string) (Blob, error) // no-content
	// UnusedBlobs looks at a number of contents whose SHA-256 sort after one, and returns those that neither a file nor an item has, and
	// the last at which it looked, "" for the last of all.
	UnusedBlobs(ctx context.Context, after string, number int) (unused []string, last string, err error)
	DeleteBlob(ctx context.Context, sha256 string) (place string, err error) // blob-used, also when it is gone
	HasPlace(ctx context.Context, place string) (bool, error)                // whether a content is there
	// Blobs lists them by their SHA-256, those after one.
	Blobs(ctx context.Context, after string, limit int) ([]Blob, error)

	File(ctx context.Context, repository, path string) (File, error) // no-file
	// LockFile keeps everybody else from changing a file until the end of the transaction.
	LockFile(ctx context.Context, repository, path string) (File, error) // no-file
	InsertFile(ctx context.Context, f File) error                        // file-exists, no-repository
	UpdateFile(ctx context.Context, f File) error                        // content, properties, who and when; no-file
	DeleteFile(ctx context.Context, repository, path string) error       // no-file
	// Files lists those of a repository by path, from one on and before another; DeleteFiles deletes them all.
	Files(ctx context.Context, repository, from, to string, limit int) ([]File, error)
	DeleteFiles(ctx context.Context, repository, from, to string) (int, error)

	PutBuild(ctx context.Context, b Build, now time.Time) error               // the last one of a number counts; no-project
	Build(ctx context.Context, key, name, number string) (Build, error)       // no-build-info
	Builds(ctx context.Context, key, name string, limit int) ([]Build, error) // without their info, the newest first

	// FileItem and FileOfContent find a file of a hosted repository as an item without a number. FileOfContent finds one of a project by either
	// checksum, "" for one that is not known: first among those of no environment. Faults: no-file.
	FileItem(ctx context.Context, repository, path string) (Item, error)
	FileOfContent(ctx context.Context, project, sha256, sha1 string) (Item, error)

	Bundle(ctx context.Context, project, name, version string) (Bundle, error) // no-bundle
	// LockBundle reads a bundle, and keeps everybody else from doing something with it until the end of the transaction. Who locks
	// environments, too, does it afterwards, in the order of their ids.
	LockBundle(ctx context.Context, project, name, version string) (Bundle, error) // no-bundle
	BundleByID(ctx context.Context, id string) (Bundle, error)                     // no-bundle
	LockBundleByID(ctx context.Context, id string) (Bundle, error)                 // no-bundle
	// LockBox locks the newest bundle of a candidate, where it is sealed and the environment has repositories. Fault: no-bundle.
	LockBox(ctx context.Context, project, environment string, v Version) (Bundle, error)
	BundleOf(ctx context.Context, candidate string) (Bundle, error) // the newest; no-bundle
	InsertBundle(ctx context.Context, b Bundle) error               // bundle-exists, no-project
	UpdateBundle(ctx context.Context, b Bundle) error               // tag, properties, what it lacks; no-bundle
	SealBundle(ctx context.Context, bundle, key string) error       // no-bundle
	// TryAgain says when somebody looks again for what a draft lacks. DueDrafts lists those whose time has come by now, the one that waits
	// longest first; TakeDraft locks one of them and puts that off. Fault: no-bundle, also when it is not due.
	TryAgain(ctx context.Context, bundle string, at time.Time) error
	DueDrafts(ctx context.Context, now time.Time, limit int) (ids []string, err error)
	TakeDraft(ctx context.Context, id string, now, next time.Time) (Bundle, error)
	DeleteBundle(ctx context.Context, b Bundle) error                                    // with its items and promotions; no-bundle
	Envelope(ctx context.Context, bundle, key string) (string, error)                    // of the bundle's list, by a key of that name; no-signature
	PutSignature(ctx context.Context, bundle, key, envelope string, now time.Time) error // unless there is one by that key; no-bundle
	InsertItems(ctx context.Context, bundle string, items []Item) error                  // item-exists; no-file, where a content is gone
	Items(ctx context.Context, bundle string) ([]Item, error)                            // by number
	Contents(ctx context.Context, bundle string) ([]File, error)                         // of the items that are kept here: where they were, and the content
	ItemKinds(ctx context.Context, bundle string) ([]Target, error)                      // without repositories, in the order of the items
	MadeIn(ctx context.Context, bundle string) (environment string, err error)           // name, of its first item's repository; "" for none
	BundleNames(ctx context.Context, project string, o List) ([]BundleName, int, error)
	Bundles(ctx context.Context, project, name string, o List) ([]Bundle, int, error)

	// InsertPromotion makes a promotion, now or after all others of the bundle, which is locked. Faults: promotion-under-way, no-bundle.
	InsertPromotion(ctx context.Context, p Promotion, now time.Time) (millis int64, err error)
	UpdatePromotion(ctx context.Context, p Promotion) error // status, stage, messages, end; no-promotion
	// RemovePromotion ends a record: it is history. Fault: no-promotion.
	RemovePromotion(ctx context.Context, p Promotion) error
	Promotion(ctx context.Context, bundle string, millis int64) (Promotion, error)      // that was not removed; no-promotion
	PromotionByID(ctx context.Context, id string) (Promotion, error)                    // removed or not; no-promotion
	Promotions(ctx context.Context, b Bundle, o List) ([]Promotion, int, error)         // that were not removed
	PromotionsToEnd(ctx context.Context, bundle string) ([]Promotion, error)            // that were not removed, and did not fail
	UnderWay(ctx context.Context, bundle string) ([]Promotion, error)                   // those that have not ended, the oldest first
	NewestPromotion(ctx context.Context, bundle, environment string) (Promotion, error) // removed or not; no-promotion
	LastPromotion(ctx context.Context, bundle string) (Promotion, error)                // the newest that stands; no-promotion
	StandsIn(ctx context.Context, bundle, environment string) (bool, error)             // by whichever promotion
	NewestStanding(ctx context.Context, environment, name string) (Promotion, error)    // of any version of a bundle; no-promotion
	PromotedItems(ctx context.Context, p Promotion) ([]Promoted, error)                 // in the order of the items

	// InsertShelf plans where the items of one kind and type go. What is kept here, and is to be kept here there, is brought by ShelveFiles;
	// the rest is wanted, item by item.
	InsertShelf(ctx context.Context, p Promotion, t Target) error // no-repository
	// TakenPlaces are the first places, of those planned, at which something else is.
	TakenPlaces(ctx context.Context, promotion string, limit int) ([]string, error)
	// ShelveFiles puts the files that are kept here where they are planned. Fault: place-taken, where something else has come to a place
	// since TakenPlaces.
	ShelveFiles(ctx context.Context, p Promotion, now time.Time) error
	// DropShelves forgets what was planned.
	DropShelves(ctx context.Context, promotion string) error
	// LeftOutside counts the items for which something is to be done outside: to be brought there by a promotion that is processing and, by
	// a move from that environment, to be taken away there; to be taken away by one that is being deleted and, by the rollback of such a
	// move, to be brought back. From is the id of that environment, "" for no move.
	LeftOutside(ctx context.Context, p Promotion, from string) (int, error)
	// WaitingPromotions lists those for which something is to be done outside and that nobody has renewed for so long. TakePromotion gives one
	// to a new driver, HoldPromotion writes that this one lived at the database's time plus that. Faults: no-promotion, when it does not wait,
	// when another has it, or it has ended.
	WaitingPromotions(ctx context.Context, lease time.Duration, limit int) (ids []string, err error)
	TakePromotion(ctx context.Context, id string, lease time.Duration) (token int64, err error)
	HoldPromotion(ctx context.Context, l Lease, plus time.Duration) error
	// Occupy keeps other promotions from the repositories outside with which one has to do, until Vacate. Fault: target-taken, of kind Stopped.
	Occupy(ctx context.Context, promotion string) error
	Vacate(ctx context.Context, promotion string) error
	// Wanted lists what is to be brought to an environment, what is least far first; source is the promotion whose files have the properties,
	// "" for those that the items have. LeftBehind is what a move takes away from the environment that it came from, LeftOver what one
	// brought that is being deleted, Undone what one may have written that has failed.
	Wanted(ctx context.Context, bundle, environment, source string, limit int) ([]Step, error)
	LeftBehind(ctx context.Context, move Promotion, from string, limit int) ([]Step, error)
	LeftOver(ctx context.Context, p Promotion, limit int) ([]Step, error)
	Undone(ctx context.Context, p Promotion, limit int) ([]Step, error)
	// FindSources writes into steps where their items may be outside.
	FindSources(ctx context.Context, bundle string, steps []Step) error
	// NoteSteps writes that steps were done, for a promotion.
	NoteSteps(ctx context.Context, p Promotion, steps []Step) error
	// KeepItem writes that the content of an item is kept here from now on, and which properties it had. Fault: no-content.
	KeepItem(ctx context.Context, bundle string, number int64, sha256 string, properties Properties) error

	// TakeAway takes what a move has brought away from the environment that it came from, as far as it is kept here.
	TakeAway(ctx context.Context, p Promotion, from string, now time.Time) error
	// TakeOut takes away what a promotion has brought, as far as it is kept here: not what another one names, nor what the bundle was made of.
	TakeOut(ctx context.Context, promotion string) error
	// Restore brings back what a move has taken away from the environment that it came from, as far as it is kept here; the rest is wanted
	// again. Whose place is taken by something else stays away.
	Restore(ctx context.Context, move Promotion, from string, o Overwrite, now time.Time) error

	Candidate(ctx context.Context, project string, v Version) (Candidate, error) // no-candidate
	InsertCandidate(ctx context.Context, c Candidate) error                      // candidate-exists, no-project
	CandidateByID(ctx context.Context, id string) (Candidate, error)             // no-candidate
	// Candidates lists those of a project, the newest first: limit of them, made before the one with that id; "" for the newest.
	Candidates(ctx context.Context, project, before string, limit int) ([]Candidate, error)
	// CandidatesOf lists those of a release, the highest number first.
	CandidatesOf(ctx context.Context, project, release string, limit int) ([]Candidate, error)
	UpdateCandidate(ctx context.Context, c Candidate) error                                   // state and message; no-candidate
	InsertComponents(ctx context.Context, candidate string, versions map[string]string) error // component-exists, no-candidate
	Components(ctx context.Context, candidate string) (versions map[string]string, err error) // nil for none

	InsertShipment(ctx context.Context, s Shipment) error                              // shipment-exists, no-project
	Shipment(ctx context.Context, project, id string) (Shipment, error)                // no-shipment
	Revision(ctx context.Context, project, shipment string) (Revision, error)          // no-shipment
	Shipments(ctx context.Context, project string, o ShipmentList) ([]Shipment, error) // the newest first; invalid-cursor
	// KeepShipment inserts one, unless there is one of that id, of whichever project. Fault: no-project.
	KeepShipment(ctx context.Context, s Shipment) error
	InsertBatch(ctx context.Context, b Batch) error                               // batch-exists, no-project
	Batch(ctx context.Context, project, id string) (Batch, error)                 // no-batch
	BatchOfShipment(ctx context.Context, project, shipment string) (Batch, error) // the one of its policies; no-batch

	// PutImport says that the history of an environment is to be imported, once. DueImports lists the environments of which that is to be
	// tried. Import reads the problem of one that is not done, nil for none. Fault: no-import, also when it is done.
	PutImport(ctx context.Context, environment string) error // no-environment
	DueImports(ctx context.Context, limit int) (environments []string, err error)
	Import(ctx context.Context, environment string) (*Problem, error)
	PutOffImport(ctx context.Context, environment string, p Problem, after time.Duration) error
	EndImport(ctx context.Context, environment string) error
	// PutWatch begins to watch the release repository of a project, as if nobody ever had. Fault: no-project.
	PutWatch(ctx context.Context, project string) error
	DeleteWatch(ctx context.Context, project string) error
	Watch(ctx context.Context, project string) (Watch, error) // without its place; no-watch
	DueWatches(ctx context.Context, limit int) (projects []string, err error)
	// TakeWatch gives a watch that is due, or any, to who looks now, for so long. Fault: no-watch, also when it is not due.
	TakeWatch(ctx context.Context, project string, lasts time.Duration, atOnce bool) (Watch, error)
	// UpdateWatch writes what is known after a look; the next one is due after that time. Fault: no-watch, also when another one took it.
	UpdateWatch(ctx context.Context, w Watch, after time.Duration) error

	// Deployments lists those of an environment, the newest first: limit of them from offset.
	Deployments(ctx context.Context, environment string, offset, limit int) ([]Deployment, error)
	// DeploymentsBefore lists those that are older than one of the same environment, the newest first.
	DeploymentsBefore(ctx context.Context, environment, id string, limit int) ([]Deployment, error)
	// DeploymentsNamed lists those whose id begins like that.
	DeploymentsNamed(ctx context.Context, prefix string, limit int) ([]Deployment, error)
	// Open lists those that have not ended, in word or in deed, the newest first.
	Open(ctx context.Context, environment string) ([]Deployment, error)
	// Succeeded is the newest of an app that has succeeded, "" for those of candidates.
	Succeeded(ctx context.Context, environment, app string) (Deployment, error) // no-deployment
	// DeploymentsOfApp lists those of one app, the newest first. DeploymentsOfBatch lists them in the order of their making.
	DeploymentsOfApp(ctx context.Context, environment, app string, limit int) ([]Deployment, error)
	DeploymentsOfBatch(ctx context.Context, batch string) ([]Deployment, error)
	// DeploymentOfCommit is the one that has pushed a commit. Committed lists those that have pushed one, the newest first; CommittedUpTo
	// those from one of them on back.
	DeploymentOfCommit(ctx context.Context, environment, hash string) (Deployment, error) // no-deployment
	Committed(ctx context.Context, environment string, limit int) ([]Deployment, error)
	CommittedUpTo(ctx context.Context, environment, id string, limit int) ([]Deployment, error)
	// PutApp notes that an app is deployed in an environment, DropApp that it was removed there. Apps lists them by name.
	PutApp(ctx context.Context, environment, app string) error
	DropApp(ctx context.Context, environment, app string) error
	Apps(ctx context.Context, environment string) ([]App, error)
	App(ctx context.Context, environment, app string) (App, error)             // no-app
	SetAppHold(ctx context.Context, environment, app, deployment string) error // if it is deployed there
	// Reportable lists what a report on a candidate can be about: the one whose effect holds the slot, of whichever candidate, and then
	// the newest of this one. It can be one and the same, and is listed twice then.
	Reportable(ctx context.Context, environment string, v Version) ([]Deployment, error)
	// InsertDeployment makes the newest of an environment, by the order in which those who insert locked it.
	InsertDeployment(ctx context.Context, d Deployment) error // deployment-exists, no-environment, no-candidate, also for a shipment or batch that there is not
	// InsertPastDeployment makes one that comes before all that InsertDeployment has made, and after those that it has made itself.
	InsertPastDeployment(ctx context.Context, d Deployment) error // as InsertDeployment
	// UpdateDeployment writes status, effect, whether it is reported, message, what ran before, link, commit and end. Fault: no-deployment.
	UpdateDeployment(ctx context.Context, d Deployment) error
	Deployment(ctx context.Context, id string) (Deployment, error) // no-deployment
	// Unpromoted lists those that wait, but for rollbacks, of candidates whose bundle is sealed, in environments with repositories in which it
	// is not: of one environment the oldest first.
	Unpromoted(ctx context.Context) (ids []string, err error)
	WantedIn(ctx context.Context) (environments []string, err error)      // ids of the environments in which some wait
	Approvals(ctx context.Context, deployment string) ([]Approval, error) // by subject
	PutApproval(ctx context.Context, a Approval) error                    // the first of a subject counts; no-deployment
	Freezes(ctx context.Context, project string) ([]Freeze, error)        // those that nobody has lifted
	InsertFreeze(ctx context.Context, f Freeze) error                     // freeze-exists, no-project
	// LiftFreeze lifts one that nobody has lifted yet. Fault: no-freeze.
	LiftFreeze(ctx context.Context, project, id, by string, at time.Time) (Freeze, error)

	InsertEffect(ctx context.Context, e Effect) error                // effect-exists
	Effect(ctx context.Context, id string) (Effect, error)           // no-effect
	EffectOf(ctx context.Context, deployment string) (Effect, error) // no-effect
	// WaitingEffects lists those that have begun or may, that nobody has renewed for so long, and whose target is free or theirs.
	WaitingEffects(ctx context.Context, lease time.Duration, limit int) (ids []string, err error)
	// TakeEffect gives an effect that waits to a new driver, with its target. Faults: no-effect; target-taken, of kind Stopped.
	TakeEffect(ctx context.Context, id string, lease time.Duration) (Effect, error)
	// TakeEffectsBeside gives other effects that wait for the target of one to its driver, without the target, in the order of WaitingEffects.
	TakeEffectsBeside(ctx context.Context, e Effect, lease time.Duration, limit int) ([]Effect, error)
	// RenewLease writes that its driver lived at the database's time plus that. Fault: no-effect, when another has it or it has ended.
	RenewLease(ctx context.Context, l Lease, plus time.Duration) (Effect, error)
	SetEffect(ctx context.Context, l Lease, s EffectState, held bool) error // no-effect, as RenewLease
	// AddLooked adds to what is kept for the look-up of this intent, in whole milliseconds, and returns the sum; of another intent nothing
	// is kept any more. Fault: no-effect, as RenewLease.
	AddLooked(ctx context.Context, l Lease, intent int64, more time.Duration) (time.Duration, error)
	// AppendJournal keeps entries whose numbers follow those before. Fault: no-effect, as RenewLease.
	AppendJournal(ctx context.Context, l Lease, entries []Entry) error
	Journal(ctx context.Context, effect string) ([]Entry, error)
	// CancelEffect, EndEffect and AnswerEffect are for the effect of a deployment, whoever drives it; where there is none that has
	// not ended, they do nothing. EndEffect takes it from its driver, AnswerEffect gives an unknown one to the next.
	CancelEffect(ctx context.Context, deployment string) error
	EndEffect(ctx context.Context, deployment string, s EffectState) error
	AnswerEffect(ctx context.Context, deployment, answer string) error
	// EndBuild is EndEffect for the build of a candidate, which has failed then. One that may begin at any moment is canceled
	// instead: its target is not free before its driver knows its pipeline.
	EndBuild(ctx context.Context, candidate string) error
	InsertPipeline(ctx context.Context, host, id, effect string) error             // pipeline-taken; the same again is none
	PipelineOwner(ctx context.Context, host, id string) (effect string, err error) // "" for nobody

	Token(ctx context.Context, id string) (Token, error) // no-token
	// Tokens lists them without their hashes, the newest first; project "" lists all.
	Tokens(ctx context.Context, project string) ([]Token, error)
	AnyToken(ctx context.Context) (bool, error)                     // whether there is one, valid or not
	InsertToken(ctx context.Context, t Token) error                 // token-exists, no-project
	RevokeToken(ctx context.Context, id string, at time.Time) error // no-token; the first time counts
	UseToken(ctx context.Context, id string, at time.Time) error    // no-token; the last time counts

	// AppendEvent keeps an event, which gets its position when it is sealed.
	AppendEvent(ctx context.Context, e Event) error // event-exists
	// Events lists sealed events after a position, in order; project "" lists all.
	Events(ctx context.Context, project string, after int64, limit int) ([]Event, error)

	Answer(ctx context.Context, r Request, since time.Time) (Answer, error)     // no-request: neither body nor what is older counts
	KeepAnswer(ctx context.Context, r Request, a Answer, since time.Time) error // request-exists; what is older is replaced
	PruneAnswers(ctx context.Context, until time.Time) error

	InsertNews(ctx context.Context, n News) error // to be sent at once; news-exist
	// WaitingNews lists those whose time has come, by the database's clock, the one that waits longest first.
	WaitingNews(ctx context.Context, limit int) (ids []string, err error)
	// TakeNews keeps others from news whose time has come for so long. Fault: no-news.
	TakeNews(ctx context.Context, id string, lease time.Duration) (News, error)
	PutOffNews(ctx context.Context, id string, pause time.Duration) error // no-news
	DeleteNews(ctx context.Context, id string) error                      // if there are any

	PutDelivery(ctx context.Context, host, pipeline string) error // at the database's time; once more, if it is there
	// Deliveries lists those of that long until the database's time.
	Deliveries(ctx context.Context, within time.Duration) ([]Delivery, error)
	PruneDeliveries(ctx context.Context, older time.Duration) error

	// Quarantined tells since when and why nothing may be started; since is zero when everything may.
	Quarantined(ctx context.Context) (since time.Time, reason string, err error)
	// DoubtEffects makes unknown, and returns, the effects that are about to begin.
	DoubtEffects(ctx context.Context) ([]Effect, error)
	PutQuarantine(ctx context.Context, since time.Time, reason string) error // instead of the one there is
	EndQuarantine(ctx context.Context) error                                 // not-quarantined
}
