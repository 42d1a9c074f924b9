package gitops

import (
	"context"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo"
)

// Intent is a wish, and the commits that it will be, or has become. Whoever has it makes the identical commits again. It is kept
// before the push. Without hashes it has not been planned.
type Intent struct {
	Wish   Wish           `json:"wish"`
	Base   gitrepo.Hash   `json:"base"`             // "" in an empty repository
	Hashes []gitrepo.Hash `json:"hashes,omitempty"` // of its commits, oldest first
}

// Hash is that of the last commit, "" for what was not planned.
func (i Intent) Hash() gitrepo.Hash {
	if len(i.Hashes) == 0 {
		return ""
	}
	return i.Hashes[len(i.Hashes)-1]
}

// State is how an intent stands.
type State string

// The states of an intent.
const (
	Landed    State = "landed"    // its commits are in the branch
	Planned   State = "planned"   // it is ready for the push
	Unchanged State = "unchanged" // the branch is as it wishes: there is nothing to commit
	Waiting   State = "waiting"   // one that is pushed before it makes the same change: settle it again after the push
	Refused   State = "refused"   // it cannot be
)

// Standing is how an intent stands, and the intent from now on.
type Standing struct {
	State  State
	Intent Intent
	Fresh  bool  // planned anew: it must be kept before the push
	Err    error // of what was refused
}

// Settle reads the branch, and says how each intent stands. The ones that are planned follow each other, in the order of Chain, so that
// one push takes them all; an intent that was kept stays as it is for as long as the branch has not moved, and gets new commits
// when it has. A commit that is there is found by its hash or by its effect, before anything is planned.
// Faults as gitrepo.Clone.Fetch.
func (r *Repository) Settle(ctx context.Context, intents []Intent) ([]Standing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.clone.Fetch(ctx); err != nil {
		return nil, err
	}
	log, err := r.clone.Log(ctx)
	if err != nil {
		return nil, err
	}
	r.effects.read(log)
	s := settling{Repository: r, tip: history(log), standings: make([]Standing, len(intents))}
	for i, intent := range intents {
		s.standings[i].Intent = intent
		if found := r.effects.of[intent.Wish.Effect]; len(found) > 0 {
			s.standings[i].Intent.Hashes, s.standings[i].State = found, Landed
		}
	}
	s.goOn(ctx)
	if err := s.planRest(ctx); err != nil {
		return nil, err
	}
	return s.standings, nil
}

// settling is one Settle.
type settling struct {
	*Repository
	tip       history // of the branch, and on top of it what is planned
	chained   bool    // something is planned
	standings []Standing
}

// goOn makes again what was kept and follows from the branch as it is.
func (s *settling) goOn(ctx context.Context) {
	for again := true; again; {
		again = false
		for i := range s.standings {
			st := &s.standings[i]
			if st.State != "" || len(st.Intent.Hashes) == 0 || st.Intent.Base != s.tip.base() {
				continue
			}
			made, err := s.plan(ctx, st.Intent.Wish, s.tip)
			if err == nil && len(made) > len(s.tip) && made.base() == st.Intent.Hash() {
				st.State, s.tip, s.chained, again = Planned, made, true, true
			} else {
				st.Intent.Hashes = nil // another version of gio planned it
			}
		}
	}
}

// planRest plans what was not planned yet, or upon what the branch no longer is.
func (s *settling) planRest(ctx context.Context) error {
	for i := range s.standings {
		st := &s.standings[i]
		if st.State != "" {
			continue
		}
		made, err := s.plan(ctx, st.Intent.Wish, s.tip)
		switch {
		case fault.KindOf(err) == fault.Invalid:
			st.State, st.Err = Refused, err
		case err != nil:
			return err
		case len(made) > len(s.tip):
			st.Intent.Base, st.Intent.Hashes = s.tip.base(), nil
			for _, c := range made[len(s.tip):] {
				st.Intent.Hashes = append(st.Intent.Hashes, c.Hash)
			}
			st.State, st.Fresh, s.tip, s.chained = Planned, true, made, true
		case s.chained:
			st.State = Waiting
		default:
			st.State = Unchanged
		}
	}
	return nil
}

// Chain returns the intents that are planned, in the order in which they follow each other.
func Chain(standings []Standing) []Intent {
	after := map[gitrepo.Hash]Intent{}
	follows := map[gitrepo.Hash]bool{}
	for _, s := range standings {
		if s.State == Planned {
			after[s.Intent.Base] = s.Intent
			follows[s.Intent.Hash()] = true
		}
	}
	var chain []Intent
	for base, first := range after {
		if follows[base] {
			continue
		}
		for next, ok := first, true; ok; next, ok = after[next.Hash()] {
			chain = append(chain, next)
		}
	}
	return chain
}

// Push pushes intents that were kept, of which each follows the one before, by one compare-and-swap. Once it returns without an error
// they have landed. Whatever else it returns: settle them again. ErrMoved of gitrepo says that the branch has moved; a fault
// "push-refused" that the remote does not take it. Faults as gitrepo.Repo.Push; "gitops-chain" where they are not what Settle planned.
func (r *Repository) Push(ctx context.Context, chain []Intent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(chain) == 0 {
		return nil
	}
	log, err := r.clone.Log(ctx)
	if err != nil {
		return err
	}
	tip := history(log)
	if tip.base() != chain[0].Base {
		return fault.New(fault.Invalid, "ref-moved", "the branch of %s is no longer where the push begins", r.clone.Shown()).
			Hint("%s: it starts from the new state", fault.Again()).Because(gitrepo.ErrMoved)
	}
	for _, i := range chain {
		made, err := r.plan(ctx, i.Wish, tip)
		if err != nil {
			return err
		}
		if tip.base() != i.Base || made.base() != i.Hash() {
			return fault.New(fault.Internal, "gitops-chain", "the commit of effect %s for %s is not the one that was planned", i.Wish.Effect, r.clone.Shown())
		}
		tip = made
	}
	return r.clone.Push(ctx, chain[0].Base, tip.base())
}

// effects knows the commits of a branch by the effects that they carry.
type effects struct {
	of    map[string][]gitrepo.Hash // oldest first
	known int
	last  gitrepo.Hash
}

// read goes on from where it has read before, or from the beginning where the branch was moved to somewhere else.
func (e *effects) read(log []gitrepo.Commit) {
	if e.known > len(log) || e.known > 0 && log[e.known-1].Hash != e.last {
		*e = effects{}
	}
	if e.of == nil {
		e.of = map[string][]gitrepo.Hash{}
	}
	for _, c := range log[e.known:] {
		if id := effectOf(c.Message); id != "" {
			e.of[id] = append(e.of[id], c.Hash)
		}
		e.last = c.Hash
	}
	e.known = len(log)
}
