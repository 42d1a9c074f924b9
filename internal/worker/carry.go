package worker

import (
	"context"
	"errors"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/gravitee-lab/gio/internal/artifactory"
	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// abreast is how many items of one promotion are carried at the same time.
const abreast = 4

// carriage is one worker's time with a promotion that has something to do in repositories elsewhere.
type carriage struct {
	*Worker
	lease *held
}

// Carry takes one promotion, and does outside what is to be done for it until it ends, or ctx does. It returns an error of kind Stopped when
// somebody else carries it, or another one changes one of its repositories.
func (w *Worker) Carry(ctx context.Context, id string) error {
	began := time.Now()
	taking, cancel := context.WithTimeout(ctx, patience)
	lease, err := w.Ledger.TakePromotion(taking, id)
	cancel()
	if err != nil {
		return err
	}
	renewal := func(ctx context.Context, l ledger.Lease) (bool, error) { return false, w.Ledger.KeepPromotion(ctx, l) }
	c := &carriage{Worker: w, lease: newHeld(lease, renewal, began, false)}
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	kept := c.lease.keep(ctx, lost)
	rest, err := c.carry(ctx)
	kept()
	if rest != ended {
		if ctx.Err() != nil {
			rest = 0
		}
		last, cancel := lastly(ctx)
		defer cancel()
		_ = w.Ledger.HandBackPromotion(last, lease, rest) // what cannot be handed back is taken when its lease has run out
	}
	return err
}

// carry goes on from wherever a promotion stands. It has ended, or another look may help after the rest.
func (c *carriage) carry(ctx context.Context) (rest time.Duration, err error) {
	for ctx.Err() == nil {
		load, err := c.Ledger.NextLoad(ctx, c.lease.lease.Effect)
		if err != nil {
			return againAfter, err
		}
		if len(load.Steps) > 0 {
			if rest, err = c.do(ctx, load); err != nil {
				return rest, err
			}
			continue
		}
		last, cancel := lastly(ctx)
		p, err := c.Ledger.EndPromotion(last, c.lease.lease)
		cancel()
		switch {
		case err != nil:
			return againAfter, err
		case !p.Status.UnderWay():
			return ended, nil
		}
	}
	return 0, context.Cause(ctx)
}

// tried is a step, and what became of it.
type tried struct {
	ledger.Step
	fetched ledger.Blob // the content that has come here
	err     error
}

// do does the steps of a load, as many as can be done, and keeps what it learns of each.
func (c *carriage) do(ctx context.Context, load ledger.Load) (rest time.Duration, err error) {
	all := make([]tried, len(load.Steps))
	var working sync.WaitGroup
	places := make(chan struct{}, abreast)
	for i := range all {
		all[i].Step = load.Steps[i]
		places <- struct{}{}
		working.Go(func() {
			all[i].err = c.step(ctx, load, &all[i])
			<-places
		})
	}
	working.Wait()
	if err := c.keep(ctx, load, all); err != nil {
		return againAfter, err
	}
	for _, t := range all {
		if t.err == nil {
			continue
		}
		if rest, err := c.settle(ctx, load, t); err != nil || load.Deed != ledger.RemoveItem {
			return rest, err
		}
	}
	return 0, nil
}

// keep writes down what was done.
func (c *carriage) keep(ctx context.Context, load ledger.Load, all []tried) error {
	ctx, cancel := lastly(ctx)
	defer cancel()
	var done []ledger.Step
	for _, t := range all {
		switch {
		case t.err != nil:
		case t.fetched.Place != "":
			if err := c.Ledger.Fetched(ctx, c.lease.lease, t.Step, t.fetched); err != nil {
				return err
			}
		default:
			done = append(done, t.Step)
		}
	}
	if len(done) == 0 {
		return nil
	}
	began := time.Now()
	note := c.Ledger.NoteDone
	if load.Deed == ledger.LookAtPlace {
		note = c.Ledger.NotePlaces
	}
	err := note(ctx, c.lease.lease, done)
	if err == nil {
		c.lease.confirm(began, false)
	}
	return err
}

// settle decides what becomes of a step that failed: it is done again later, or never.
func (c *carriage) settle(ctx context.Context, load ledger.Load, t tried) (rest time.Duration, err error) {
	if ctx.Err() != nil || fault.KindOf(t.err) == fault.Stopped {
		return 0, t.err
	}
	last, cancel := lastly(ctx)
	defer cancel()
	switch {
	case !isFinal(t.err) && !tooLate(load):
		if err := c.Ledger.WaitsFor(last, c.lease.lease, t.err.Error()); err != nil {
			return againAfter, err
		}
		return againAfter, t.err
	case load.Deed == ledger.RemoveItem:
		return againAfter, c.Ledger.Stays(last, c.lease.lease, t.Step, t.err.Error())
	}
	return againAfter, c.Ledger.Abandon(last, c.lease.lease, t.err.Error())
}

// isFinal tells whether it helps nobody to try again.
func isFinal(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Invalid || kind == fault.NotFound || kind == fault.Auth || fault.Is(err, "registry-kept")
}

// tooLate tells that a promotion was tried for long enough. What has failed by then has as long again to be cleared away. A deletion is tried
// until it succeeds: it was promised.
func tooLate(load ledger.Load) bool {
	limit := givenUpAfter
	if load.Stage != ledger.Bringing {
		limit = 2 * givenUpAfter
	}
	return load.Status == ledger.Processing && time.Since(time.UnixMilli(load.Millis)) > limit
}

// step does one thing outside.
func (c *carriage) step(ctx context.Context, load ledger.Load, t *tried) error {
	ctx = c.lease.whileFresh(ctx)
	switch {
	case load.Deed == ledger.LookAtPlace && t.To.Kind == ledger.Hosted:
		return nil // the ledger has looked
	case load.Deed == ledger.LookAtPlace:
		sum, err := c.Outside.Stat(ctx, t.To, t.Path)
		t.Before = sum
		if fault.Is(err, "no-file") {
			return nil
		}
		return err
	case load.Deed == ledger.RemoveItem && t.Named:
		return nil
	case load.Deed == ledger.RemoveItem:
		return c.remove(ctx, t.Step)
	case load.Deed == ledger.TagImage:
		return c.tag(ctx, t.Step)
	case t.Item.Kind == ledger.ImageItem:
		return c.copyImage(ctx, t.Step)
	case t.To.Kind == ledger.Hosted:
		return c.fetch(ctx, t)
	}
	return c.bringFile(ctx, load, t.Step)
}

// remove removes what a promotion has brought somewhere, unless it is something else by now.
func (c *carriage) remove(ctx context.Context, s ledger.Step) error {
	if s.To.Images() {
		at, tag, err := c.Outside.image(s.To, s.Path)
		if err != nil {
			return err
		}
		return at.Untag(ctx, tag, algorithm+s.SHA256)
	}
	client, err := c.Outside.files(s.To)
	if err != nil {
		return err
	}
	return client.Delete(ctx, s.To.Path, s.Path, s.SHA256)
}

// errTaken is said in Artifactory's words.
func errTaken(s ledger.Step) error {
	return fault.New(fault.Invalid, "other-artifact", "Target artifact already exists: %s/%s", s.Repository, s.Path)
}

// errNowhere is for an item that is in none of the places where it was.
func errNowhere(s ledger.Step) error {
	return fault.New(fault.NotFound, "no-file", "%s/%s, with the checksum %s, is not there any more", s.Item.Repository, s.Path, s.SHA256)
}

// copyImage brings an image to where it will be tagged.
func (c *carriage) copyImage(ctx context.Context, s ledger.Step) error {
	to, _, err := c.Outside.image(s.To, s.Path)
	if err != nil {
		return err
	}
	digest := algorithm + s.SHA256
	for _, r := range s.From {
		if !r.Images() {
			continue
		}
		from, _, err := c.Outside.image(r, s.Path)
		if err != nil {
			return err
		}
		if _, err := from.Digest(ctx, digest); fault.Is(err, "no-image") {
			continue
		} else if err != nil {
			return err
		}
		return from.Copy(ctx, digest, to)
	}
	return errNowhere(s)
}

// tag makes the tag of an image name it.
func (c *carriage) tag(ctx context.Context, s ledger.Step) error {
	at, tag, err := c.Outside.image(s.To, s.Path)
	if err != nil {
		return err
	}
	old := ""
	if s.Before != "" {
		old = algorithm + s.Before
	}
	err = at.Tag(ctx, tag, old, algorithm+s.SHA256)
	if fault.Is(err, "tag-taken") {
		return errTaken(s)
	}
	return err
}

// bringFile puts a file into an Artifactory, unless it is there, and sets its properties.
func (c *carriage) bringFile(ctx context.Context, load ledger.Load, s ledger.Step) error {
	to, err := c.Outside.files(s.To)
	if err != nil {
		return err
	}
	properties := s.Properties
	if !s.Kept {
		if properties, err = c.propertiesOf(ctx, s); err != nil {
			return err
		}
	}
	is, err := to.Stat(ctx, s.To.Path, s.Path)
	switch {
	case fault.Is(err, "no-file"):
		if err := c.putFile(ctx, to, s); err != nil {
			return err
		}
	case err != nil:
		return err
	case is.SHA256 != s.SHA256:
		return errTaken(s)
	}
	all := maps.Clone(map[string][]string(properties))
	if load.Status == ledger.Processing {
		for _, p := range load.Properties {
			if all == nil {
				all = map[string][]string{}
			}
			all[p.Key] = p.Values
		}
	}
	return to.SetProperties(ctx, s.To.Path, s.Path, withValues(all))
}

// withValues are the properties that Artifactory can be told: those without a value say nothing.
func withValues(all map[string][]string) map[string][]string {
	maps.DeleteFunc(all, func(_ string, values []string) bool { return len(values) == 0 })
	return all
}

// propertiesOf reads those that a file has where it comes from.
func (c *carriage) propertiesOf(ctx context.Context, s ledger.Step) (ledger.Properties, error) {
	for _, r := range s.From {
		if r.Images() {
			continue
		}
		client, err := c.Outside.files(r)
		if err != nil {
			return nil, err
		}
		found, err := client.Properties(ctx, r.Path, s.Path)
		if !fault.Is(err, "no-file") {
			return found, err
		}
	}
	return s.Properties, nil
}

// putFile lets an Artifactory make a file of what it has or, where it has it not, sends it.
func (c *carriage) putFile(ctx context.Context, to *artifactory.Client, s ledger.Step) error {
	f := artifactory.File{Size: s.Content.Size, SHA256: s.SHA256, SHA1: s.Content.SHA1, MD5: s.Content.MD5}
	if found, err := to.Deploy(ctx, s.To.Path, s.Path, f); found || err != nil {
		return err
	}
	if s.Kept {
		content, err := c.Ledger.Home.Open(s.Content.Place)
		if err != nil {
			return err
		}
		return errors.Join(to.Upload(ctx, s.To.Path, s.Path, f, content), content.Close())
	}
	content, f, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	err = to.Upload(ctx, s.To.Path, s.Path, f, content)
	_ = content.Close() // what was read of it was compared
	return err
}

// open opens the content of a file where it is outside. The caller closes it.
func (c *carriage) open(ctx context.Context, s ledger.Step) (io.ReadCloser, artifactory.File, error) {
	for _, r := range s.From {
		if r.Images() {
			continue
		}
		client, err := c.Outside.files(r)
		if err != nil {
			return nil, artifactory.File{}, err
		}
		f, err := client.Stat(ctx, r.Path, s.Path)
		if fault.Is(err, "no-file") || err == nil && f.SHA256 != s.SHA256 {
			continue
		}
		if err != nil {
			return nil, f, err
		}
		content, err := client.Open(ctx, r.Path, s.Path)
		return content, f, err
	}
	return nil, artifactory.File{}, errNowhere(s)
}

// fetch brings the content of a file to where files are kept here.
func (c *carriage) fetch(ctx context.Context, t *tried) error {
	if t.Kept { // by another item, or before the program died
		return nil
	}
	if c.Ledger.Home == nil {
		return fault.New(fault.Invalid, "no-home", "this server keeps no files").Hint("its admin names a directory for them in its settings: blobs:")
	}
	properties, err := c.propertiesOf(ctx, t.Step)
	if err != nil {
		return err
	}
	content, f, err := c.open(ctx, t.Step)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	blob, err := c.Ledger.Home.Write(ctx, content)
	if err != nil {
		return err
	}
	if blob.SHA256 != f.SHA256 {
		_ = c.Ledger.Home.Remove(blob.Place)
		return fault.New(fault.Remote, "other-content", "%s/%s came with the checksum %s instead of %s", t.Item.Repository, t.Path, blob.SHA256, f.SHA256)
	}
	t.fetched, t.Step.Properties = blob, properties
	return nil
}
