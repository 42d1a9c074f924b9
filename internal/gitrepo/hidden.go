package gitrepo

import "context"

// Hides reports whether the server shows a ref to those who push and not to those who read, or the other way round, as Git's
// settings uploadpack.hideRefs and receive.hideRefs have it. A ref that it shows to nobody is not there, or hidden from both: which
// of the two, only a push would tell. It writes nothing. With Options.DryPush it reports nothing. Faults: those of ProvePush.
func (r *Repo) Hides(ctx context.Context, ref string) (fromReaders, fromPushers bool, err error) {
	if r.onDryPush != nil {
		return false, false, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, done := r.remote.progress.watch(ctx)
	defer done()
	for range 2 { // between the two readings somebody may have made it
		read, pushed, err := r.shows(ctx, ref)
		if err != nil || read == pushed {
			return false, false, err
		}
		fromReaders, fromPushers = pushed, read
	}
	return fromReaders, fromPushers, nil
}

// shows tells whether the server shows a ref to those who read, and to those who push.
func (r *Repo) shows(ctx context.Context, ref string) (readers, pushers bool, err error) {
	session, adv, err := r.remote.uploadPack(ctx)
	if err != nil {
		return false, false, err
	}
	hangUp(session)
	_, readers = refsOf(adv)[ref]
	pushing, adv, err := r.remote.receivePack(ctx)
	if err != nil {
		return false, false, err
	}
	hangUp(pushing)
	_, pushers = refsOf(adv)[ref]
	return readers, pushers, nil
}
