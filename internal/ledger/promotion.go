package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Promotion carries a bundle to the shelves of an environment: its repositories.
type Promotion struct {
	ID          string
	Bundle      string // id
	Environment string // id
	To          string // name of the environment
	Millis      int64  // when it was made, in milliseconds; tells apart those of a bundle, and grows with each
	Operation   Operation
	Status      PromotionStatus
	Stage       Stage    // of one that is under way
	Source      string   // id of the promotion that had brought the contents to where they came from; "": that was where the bundle was made
	From        string   // name of the environment they came from; "" for none
	Included    []string // the repositories that it went to, in the order of the bundle's items
	Excluded    []string // as it was asked for
	Properties  []Property
	Key         string // name of the key of the signature
	Messages    []Message
	CreatedBy   string
	EndedAt     time.Time // zero: it is under way
	LeftAt      time.Time // when all of it was moved on; zero: it was not
	RemovedAt   time.Time // when it was rolled back or deleted; zero: it was not
}

// Operation says what becomes of the contents where they were.
type Operation string

// The operations.
const (
	CopyContents Operation = "copy"
	MoveContents Operation = "move" // they leave the environment that they came from
)

// PromotionStatus says how a promotion stands. The words are JFrog's.
type PromotionStatus string

// The statuses.
const (
	Processing PromotionStatus = "PROCESSING"
	Completed  PromotionStatus = "COMPLETED"
	Failed     PromotionStatus = "FAILED" // nothing of it is there
	Deleting   PromotionStatus = "DELETING"
)

// UnderWay tells that it has not ended.
func (s PromotionStatus) UnderWay() bool { return s == Processing || s == Deleting }

// Property is set on each file that is promoted.
type Property struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

// Message says something of a promotion, as why it failed.
type Message struct {
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// Promoted is what a promotion has put somewhere.
type Promoted struct {
	Item
	Repository string // where to; the path is the item's
}

// PromoteOptions say how a bundle is promoted.
type PromoteOptions struct {
	Operation  Operation  // CopyContents, where it is left out, for the first time, and to where the bundle is already
	Include    []string   // only to these repositories of the environment, where there are some
	Exclude    []string   // to none of these, where nothing is included
	Properties []Property // set on each file that is promoted; one that a file has already is replaced
	Key        string     // name of the key that signs the list; "": the one that has
	Force      *Force     // nil: a freeze refuses it
}

func (o PromoteOptions) check() error {
	if !slices.Contains([]Operation{"", CopyContents, MoveContents}, o.Operation) {
		return fault.New(fault.Invalid, "invalid-operation", "there is no operation %.40q: copy or move", o.Operation)
	}
	seen := map[string]bool{}
	for _, p := range o.Properties {
		if err := (Properties{p.Key: p.Values}).check(); err != nil {
			return err
		}
		if seen[p.Key] {
			return fault.New(fault.Invalid, "invalid-property", "the property %.80q is there twice", p.Key)
		}
		seen[p.Key] = true
	}
	return nil
}

// underWay is the fault of one who asks for what another one has asked for at the same time.
func underWay(b Bundle, environment string) error {
	return fault.New(fault.Stopped, "promotion-under-way", "another promotion of %s %s to %s is under way", b.Name, b.Version, environment).
		Hint("wait for its end, and look what came of it")
}

// mayBeside refuses a promotion that must not begin before others of the bundle have ended: one to the same environment, and what takes
// contents away from where another one may find them.
func mayBeside(ctx context.Context, tx Tx, b Bundle, p Promotion) error {
	all, err := tx.UnderWay(ctx, b.ID)
	for _, other := range all {
		if other.Environment == p.Environment || p.Operation == MoveContents || other.Operation == MoveContents || other.Status == Deleting {
			return underWay(b, other.To)
		}
	}
	return err
}

// road is a bundle on its way to an environment.
type road struct{ project, name, version, environment string }

// Promote carries a bundle to an environment through its gate. What is kept here is there, or nothing of it, when this returns: status
// Completed or, where something else is at the place of a file, Failed, which its messages say; that is no fault. Status
// Processing: the rest waits for who carries it outside. Of those who ask at the same time one promotes. Faults: no-project, no-bundle,
// no-environment, not-sealed, promotion-under-way, frozen, gate-closed, not-assigned, several-repositories, unknown-key, invalid-operation,
// invalid-property.
func (l *Ledger) Promote(ctx context.Context, c Caller, project, name, version, environment string, o PromoteOptions) (p Promotion, err error) {
	if err := o.check(); err != nil {
		return p, err
	}
	seen := "" // the newest one to there
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToPromote, project); err != nil {
			return err
		}
		b, err := tx.Bundle(ctx, project, name, version)
		if err != nil {
			return err
		}
		e, err := tx.Environment(ctx, project, environment)
		if err != nil {
			return err
		}
		newest, err := newestTo(ctx, tx, b, e)
		seen = newest.ID
		return err
	})
	if err != nil {
		return p, err
	}
	// Those who meet here need not wait for each other in the database.
	way := road{project, name, version, environment}
	if _, busy := l.promoting.LoadOrStore(way, true); busy {
		return p, underWay(Bundle{Name: name, Version: version}, environment)
	}
	defer l.promoting.Delete(way)
	err = l.onBundle(ctx, c, ToPromote, project, name, version, func(tx Tx, b Bundle) (Event, error) {
		p, err = l.promote(ctx, tx, c, b, environment, seen, o)
		return Event{}, err
	})
	return p, err
}

// newestTo is the promotion of a bundle to an environment that was made last, whatever became of it; zero for none.
func newestTo(ctx context.Context, tx Tx, b Bundle, e Environment) (Promotion, error) {
	newest, err := tx.NewestPromotion(ctx, b.ID, e.ID)
	if fault.Is(err, "no-promotion") {
		return Promotion{}, nil
	}
	return newest, err
}

// promote carries a bundle that is locked. Seen is the newest promotion to there that the caller knew of.
func (l *Ledger) promote(ctx context.Context, tx Tx, c Caller, b Bundle, environment, seen string, o PromoteOptions) (p Promotion, err error) {
	e, err := tx.Environment(ctx, b.Project, environment)
	if err != nil {
		return p, err
	}
	p = l.newPromotion(c, e, b, o)
	from, err := l.origin(ctx, tx, b, &p)
	if err != nil {
		return p, err
	}
	if e, err = lockBoth(ctx, tx, e.ID, from); err != nil {
		return p, err
	}
	newest, err := newestTo(ctx, tx, b, e)
	if err != nil {
		return p, err
	}
	if newest.ID != seen {
		return p, underWay(b, e.Name)
	}
	if err := mayBeside(ctx, tx, b, p); err != nil {
		return p, err
	}
	if err := l.mayPromote(ctx, tx, c, e, b, o.Force); err != nil {
		return p, err
	}
	return l.carry(ctx, tx, c, e, from, b, p, o)
}

func (l *Ledger) newPromotion(c Caller, e Environment, b Bundle, o PromoteOptions) Promotion {
	return Promotion{
		ID: l.NewID(), Bundle: b.ID, Environment: e.ID, To: e.Name, Status: Processing, Operation: cmp.Or(o.Operation, CopyContents),
		Excluded: o.Exclude, Properties: o.Properties, CreatedBy: c.Token.Subject,
	}
}

// carry carries a bundle through a gate that is open; from is the environment that its contents leave, "" for none. All of them are locked.
func (l *Ledger) carry(ctx context.Context, tx Tx, c Caller, e Environment, from string, b Bundle, p Promotion, o PromoteOptions) (Promotion, error) {
	targets, err := l.targets(ctx, tx, e, b, o, &p)
	if err != nil {
		return p, err
	}
	if err := l.signAgain(ctx, tx, b, o.Key, &p); err != nil {
		return p, err
	}
	if p.Millis, err = tx.InsertPromotion(ctx, p, l.Now()); err != nil {
		return p, err
	}
	for _, t := range targets {
		if err := tx.InsertShelf(ctx, p, t); err != nil {
			return p, err
		}
	}
	return l.shelve(ctx, tx, c, b, p, from)
}

// origin finds out where the contents come from, and makes a copy of a move that would take them away from where they are to be. It
// returns the id of the environment that they leave; "" for none.
func (l *Ledger) origin(ctx context.Context, tx Tx, b Bundle, p *Promotion) (leaves string, err error) {
	last, err := tx.LastPromotion(ctx, b.ID)
	if fault.Is(err, "no-promotion") {
		p.Operation = CopyContents
		p.From, err = tx.MadeIn(ctx, b.ID)
		return "", err
	}
	if err != nil {
		return "", err
	}
	p.Source, p.From = last.ID, last.To
	if p.Operation == CopyContents {
		return "", nil
	}
	there, err := tx.StandsIn(ctx, b.ID, p.Environment)
	if there {
		p.Operation = CopyContents
		return "", err
	}
	return last.Environment, err
}

// lockBoth locks an environment and perhaps another one, in an order that all keep, and returns the first.
func lockBoth(ctx context.Context, tx Tx, id, other string) (e Environment, err error) {
	ids := []string{id, other}
	slices.Sort(ids)
	for _, each := range slices.Compact(ids) {
		if each == "" {
			continue
		}
		locked, err := tx.LockEnvironmentByID(ctx, each)
		if err != nil {
			return e, err
		}
		if each == id {
			e = locked
		}
	}
	return e, nil
}

// mayPromote asks the gate of an environment.
func (l *Ledger) mayPromote(ctx context.Context, tx Tx, c Caller, e Environment, b Bundle, force *Force) error {
	if b.Status != Sealed {
		return notSealed(b)
	}
	s, err := l.standingOf(ctx, tx, e)
	if err != nil {
		return err
	}
	forced, err := c.passes(s, force)
	if err != nil {
		return err
	}
	f, err := s.bundleFacts(ctx, tx, b)
	if err != nil {
		return err
	}
	if why := ClosedToBundle(b, f, forced != ""); why != "" {
		return gateClosed(e, why)
	}
	if e.Requires.Signed {
		if _, _, err := l.verify(ctx, tx, b); err != nil {
			return gateClosed(e, "it takes what is signed, and "+err.Error())
		}
	}
	return nil
}

func gateClosed(e Environment, why string) error {
	return fault.New(fault.Stopped, "gate-closed", "%s of %s takes nothing: %s", e.Name, e.Project, why)
}

// Target is where items of one kind and type are promoted to.
type Target struct {
	Kind ItemKind
	Type string
	To   Repository
}

// targets finds where each item goes.
func (l *Ledger) targets(ctx context.Context, tx Tx, e Environment, b Bundle, o PromoteOptions, p *Promotion) (all []Target, err error) {
	kinds, err := tx.ItemKinds(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	shelves, err := tx.Repositories(ctx, e.Project)
	if err != nil {
		return nil, err
	}
	shelves = slices.DeleteFunc(shelves, func(r Repository) bool { return r.Environment != e.Name })
	for _, name := range o.Include {
		if !slices.ContainsFunc(shelves, func(r Repository) bool { return r.Name == name }) {
			return nil, notAssigned(e, fmt.Sprintf("the repository %.120s is", name))
		}
	}
	for _, k := range kinds {
		to, err := o.shelf(e, shelves, k)
		if err != nil {
			return nil, err
		}
		if to == nil {
			p.Messages = append(p.Messages, Message{fmt.Sprintf("what is of the type %s was left out: no repository of it is included", k.Type), l.Now()})
			continue
		}
		all = append(all, Target{k.Kind, k.Type, *to})
		p.Included = append(p.Included, to.Name)
	}
	if len(all) == 0 {
		return nil, notAssigned(e, fmt.Sprintf("a repository for what is in %s %s is", b.Name, b.Version))
	}
	return all, nil
}

func notAssigned(e Environment, what string) error {
	return fault.New(fault.Invalid, "not-assigned", "%s not assigned to environment %s", what, e.Name).
		Hint("repositories: of the project file says which repository is of which environment")
}

// holds tells whether a repository can have items of a kind.
func (r Repository) holds(k ItemKind) bool { return r.Images() == (k == ImageItem) }

// shelf is the repository of an environment for items of one kind and type; nil where they are to be left out.
func (o PromoteOptions) shelf(e Environment, shelves []Repository, k Target) (*Repository, error) {
	fits := slices.DeleteFunc(slices.Clone(shelves), func(r Repository) bool { return r.Type != k.Type || !r.holds(k.Kind) })
	left := slices.DeleteFunc(slices.Clone(fits), func(r Repository) bool { return !o.takes(r.Name) })
	switch {
	case len(left) == 1:
		return &left[0], nil
	case len(left) > 1:
		var names []string
		for _, r := range left {
			names = append(names, r.Name)
		}
		return nil, fault.New(fault.Invalid, "several-repositories", "%s has several repositories of the type %s: %s", e.Name, k.Type, strings.Join(names, ", ")).
			Hint("include the one that is meant, or exclude the others")
	case len(fits) == 0 && len(o.Include) == 0:
		return nil, notAssigned(e, fmt.Sprintf("a repository of the type %s is", k.Type))
	}
	return nil, nil
}

// takes tells whether a repository is wanted.
func (o PromoteOptions) takes(name string) bool {
	if len(o.Include) > 0 {
		return slices.Contains(o.Include, name)
	}
	return !slices.Contains(o.Exclude, name)
}

// signAgain signs the list of a bundle by another key than the bundle's, where one is named that has not.
func (l *Ledger) signAgain(ctx context.Context, tx Tx, b Bundle, key string, p *Promotion) (err error) {
	p.Key = b.Key
	if key == "" {
		return nil
	}
	if p.Key, err = l.Signing.Key(key); err != nil {
		return err
	}
	if _, err := tx.Envelope(ctx, b.ID, p.Key); !fault.Is(err, "no-signature") {
		return err
	}
	items, err := tx.Items(ctx, b.ID)
	if err != nil {
		return err
	}
	envelope, err := l.Signing.Sign(p.Key, b, items)
	if err != nil {
		return err
	}
	return tx.PutSignature(ctx, b.ID, p.Key, envelope, l.Now())
}

// mostConflicts is how many of the places that are taken a promotion names.
const mostConflicts = 10

// shelve puts what is kept here into the repositories that it is planned for, unless something else is there, or something must be done
// outside before. From is the environment that a move takes it away from, "" for none.
func (l *Ledger) shelve(ctx context.Context, tx Tx, c Caller, b Bundle, p Promotion, from string) (Promotion, error) {
	taken, err := tx.TakenPlaces(ctx, p.ID, mostConflicts)
	if err != nil {
		return p, err
	}
	if len(taken) > 0 {
		p.taken(taken, l.Now())
		return p, l.failPromotion(ctx, tx, c, b, &p)
	}
	left, err := tx.LeftOutside(ctx, p, from)
	if err != nil {
		return p, err
	}
	if left > 0 { // it may fail yet, and then nothing of it has been seen here
		return p, l.note(ctx, tx, c, promotionEvent("promoting", b, p))
	}
	if err := tx.ShelveFiles(ctx, p, l.Now()); err != nil {
		return p, err
	}
	return p, l.completePromotion(ctx, tx, c, b, &p, from)
}

// taken says at which places something else is.
func (p *Promotion) taken(places []string, now time.Time) {
	for _, place := range places {
		p.Messages = append(p.Messages, Message{"Target artifact already exists: " + place, now})
	}
}

// completePromotion ends a promotion whose contents are all there: a move takes them away from where they were. Both environments are
// locked.
func (l *Ledger) completePromotion(ctx context.Context, tx Tx, c Caller, b Bundle, p *Promotion, from string) error {
	if from != "" {
		if err := tx.TakeAway(ctx, *p, from, l.Now()); err != nil {
			return err
		}
	}
	p.Status, p.Stage, p.EndedAt = Completed, Bringing, l.Now()
	if err := l.leaveRoad(ctx, tx, p); err != nil {
		return err
	}
	return l.note(ctx, tx, c, promotionEvent("promoted", b, *p))
}

// failPromotion ends a promotion of which nothing is there.
func (l *Ledger) failPromotion(ctx context.Context, tx Tx, c Caller, b Bundle, p *Promotion) error {
	if err := tx.DropShelves(ctx, p.ID); err != nil {
		return err
	}
	p.Status, p.Stage, p.EndedAt = Failed, Bringing, l.Now()
	if err := l.leaveRoad(ctx, tx, p); err != nil {
		return err
	}
	return l.note(ctx, tx, c, promotionEvent("promotion-failed", b, *p))
}

// leaveRoad writes how a promotion has ended, and lets others to the repositories outside that it had.
func (l *Ledger) leaveRoad(ctx context.Context, tx Tx, p *Promotion) error {
	p.Messages = withoutWaiting(p.Messages)
	if err := tx.UpdatePromotion(ctx, *p); err != nil {
		return err
	}
	return tx.Vacate(ctx, p.ID)
}

// EndPromotion takes a promotion on, or a deletion, for which all is done outside that was to be done now: to its end or, where it returns one
// that is under way, to its next stage. What is kept here follows: it is put there together with the end, or before a move takes something away
// outside. Where something else has come to its place, the promotion fails. Faults: no-promotion, not-under-way, driven-elsewhere; not-carried,
// where something is left to be done.
func (l *Ledger) EndPromotion(ctx context.Context, lease Lease) (p Promotion, err error) {
	err = l.change(ctx, driver, func(tx Tx) (Event, error) {
		if p, err = tx.PromotionByID(ctx, lease.Effect); err != nil {
			return Event{}, err
		}
		b, err := tx.LockBundleByID(ctx, p.Bundle)
		if err != nil {
			return Event{}, err
		}
		from, err := p.leaves(ctx, tx)
		if err != nil {
			return Event{}, err
		}
		if _, err := lockBoth(ctx, tx, p.Environment, from); err != nil {
			return Event{}, err
		}
		if p, err = tx.PromotionByID(ctx, p.ID); err != nil { // as it is now
			return Event{}, err
		}
		if !p.Status.UnderWay() || !p.RemovedAt.IsZero() {
			return Event{}, fault.New(fault.Stopped, "not-under-way", "the promotion of %s %s to %s is %s", b.Name, b.Version, p.To, p.Status)
		}
		if err := holdPromotion(ctx, tx, lease, 0); err != nil {
			return Event{}, err
		}
		return Event{}, l.end(ctx, tx, b, &p, from)
	})
	return p, err
}

// leaves is the id of the environment that a move takes things away from; "" for no move.
func (p Promotion) leaves(ctx context.Context, tx Tx) (string, error) {
	if p.Operation != MoveContents {
		return "", nil
	}
	source, err := tx.PromotionByID(ctx, p.Source)
	return source.Environment, err
}

func (l *Ledger) end(ctx context.Context, tx Tx, b Bundle, p *Promotion, from string) error {
	left, err := l.steps(ctx, tx, *p)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fault.New(fault.Internal, "not-carried", "the promotion of %s %s to %s cannot end: %s is left", b.Name, b.Version, p.To, left[0].place())
	}
	switch {
	case p.Status == Processing && p.Stage == Failing:
		return l.failPromotion(ctx, tx, driver, b, p)
	case p.Status == Processing && p.Stage == Bringing:
		return l.arrive(ctx, tx, b, p, from)
	case p.Status == Processing:
		return l.completePromotion(ctx, tx, driver, b, p, from)
	}
	if p.Stage == Failing { // it stands, as far as it is there
		p.Status, p.Stage = Completed, Bringing
		if err := l.leaveRoad(ctx, tx, p); err != nil {
			return err
		}
		return l.note(ctx, tx, driver, promotionEvent("deletion-failed", b, *p))
	}
	p.Status, p.RemovedAt = Completed, l.Now()
	if err := l.leaveRoad(ctx, tx, p); err != nil {
		return err
	}
	if err := tx.RemovePromotion(ctx, *p); err != nil {
		return err
	}
	return l.note(ctx, tx, driver, promotionEvent("promotion-deleted", b, *p))
}

// arrive puts what is kept here beside what has arrived outside.
func (l *Ledger) arrive(ctx context.Context, tx Tx, b Bundle, p *Promotion, from string) error {
	taken, err := tx.TakenPlaces(ctx, p.ID, mostConflicts)
	if err != nil {
		return err
	}
	if len(taken) > 0 { // since it began
		p.Stage = Failing
		p.taken(taken, l.Now())
		return tx.UpdatePromotion(ctx, *p)
	}
	if err := tx.ShelveFiles(ctx, *p, l.Now()); err != nil {
		return err
	}
	p.Stage = Arrived
	left, err := l.steps(ctx, tx, *p)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return tx.UpdatePromotion(ctx, *p)
	}
	return l.completePromotion(ctx, tx, driver, b, p, from)
}

// promotionEvent is an event of a bundle and an environment.
func promotionEvent(what string, b Bundle, p Promotion) Event {
	data := map[string]string{"environment": p.To, "operation": string(p.Operation), "status": string(p.Status), "promotion": p.ID}
	if p.From != "" {
		data["from"] = p.From
	}
	if len(p.Messages) > 0 {
		data["message"] = p.Messages[0].Text
	}
	return bundleEvent(what, b, data)
}

// Promotions lists the records of a bundle: those that failed, too, but not those that were rolled back or deleted. By: created_by,
// environment. Faults: no-project, no-bundle.
func (l *Ledger) Promotions(ctx context.Context, c Caller, project, name, version string, o List) (all []Promotion, total int, err error) {
	err = l.readBundle(ctx, c, project, name, version, func(tx Tx, b Bundle) error {
		all, total, err = tx.Promotions(ctx, b, o)
		return err
	})
	return all, total, err
}

// Promotion reads a record of a bundle by its time. Faults: no-project, no-bundle, no-promotion.
func (l *Ledger) Promotion(ctx context.Context, c Caller, project, name, version string, millis int64) (p Promotion, err error) {
	err = l.readBundle(ctx, c, project, name, version, func(tx Tx, b Bundle) error {
		p, err = tx.Promotion(ctx, b.ID, millis)
		return err
	})
	return p, err
}

// PromotedItems reads a record with what it has put where. Faults: no-project, no-bundle, no-promotion.
func (l *Ledger) PromotedItems(ctx context.Context, c Caller, project, name, version string, millis int64) (p Promotion, items []Promoted, err error) {
	err = l.readBundle(ctx, c, project, name, version, func(tx Tx, b Bundle) error {
		if p, err = tx.Promotion(ctx, b.ID, millis); err != nil {
			return err
		}
		items, err = tx.PromotedItems(ctx, p)
		return err
	})
	return p, items, err
}
