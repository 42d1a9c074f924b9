package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Chaos makes things go wrong at random, in ways that a client can survive: requests, by rate and kinds; pipelines that are
// triggered over HTTP, by fates and silent; clocks. The draw of a request depends on the seed, the method,
// the path and the number of such requests before, so that the same sequence meets the same faults, in whatever
// order different requests arrive; that of a pipeline on the seed and the number of triggers of its project. Scripted
// faults, the limit and Project.Runs come first; what they decide is not drawn.
type Chaos struct {
	Rate        float64       `yaml:"rate"`         // share of the requests that are hit, at most 1; more than 0, unless chaos has nothing to do with requests
	Kinds       []FaultKind   `yaml:"kinds"`        // drawn evenly; default 500-*, hang-*, reset-*, 429, truncate-after. A 429 comes in one of four forms; status-after, as one of Refusals, and 429-after hit only triggers
	Methods     []string      `yaml:"methods"`      // only these; default all
	HangMethods []string      `yaml:"hang_methods"` // those that hang-before and hang-after may hit, since they cost the client its whole timeout; default POST
	Fates       []Fate        `yaml:"fates"`        // what pipelines come to by chance; their shares are at most 1 together
	Silent      float64       `yaml:"silent"`       // share of the pipelines that do not say some of branch, trigger type, actor, received_at
	Clocks      time.Duration `yaml:"clocks"`       // four machines, each off by up to that much, either way: Date, received_at and created_at come from any
	NoDate      float64       `yaml:"no_date"`      // share of the answers without a Date header
}

// Fate is a run that a pipeline comes to by chance.
type Fate struct {
	Share float64 `yaml:"share"` // of the pipelines
	Run   Run     `yaml:"run"`
}

func (c Chaos) validate() error {
	var all complaints
	other := len(c.Fates) > 0 || c.Silent > 0 || c.Clocks > 0 || c.NoDate > 0
	all.refuse(!(c.Rate > 0 && c.Rate <= 1) && !(c.Rate == 0 && other), "rate is more than 0 and at most 1, it is %v", c.Rate)
	for _, k := range c.Kinds {
		all.refuse(!k.valid() || k == Answer || k == SecondaryLimit, "%q is no kind of fault that chaos can draw", k)
	}
	total := 0.0
	for i, f := range c.Fates {
		all.add(within(fmt.Sprintf("fates[%d]", i), isShare("share", f.Share)), within(fmt.Sprintf("fates[%d]: run", i), f.Run.validate()))
		total += f.Share
	}
	all.refuse(total > 1, "the shares of fates are at most 1 together, they are %v", total)
	all.add(isShare("silent", c.Silent), isShare("no_date", c.NoDate), atLeastZero("clocks", c.Clocks))
	all.refuse(c.Clocks > driftLimit, "clocks is at most %v, it is %v", driftLimit, c.Clocks)
	return all.join()
}

// driftLimit bounds how wrong clocks are by chance.
const driftLimit = 24 * time.Hour * 365

func isShare(name string, share float64) error {
	if share >= 0 && share <= 1 {
		return nil
	}
	return fmt.Errorf("%s is 0 to 1, it is %v", name, share)
}

// kinds returns the kinds that can hit a call.
func (c Chaos) kinds(hit *call) []FaultKind {
	kinds := slices.Clone(c.Kinds)
	if kinds == nil {
		kinds = []FaultKind{ErrorBefore, ErrorAfter, HangBefore, HangAfter, ResetBefore, ResetAfter, Throttle, TruncateAfter}
	}
	hangs := slices.Contains(orDefault(c.HangMethods, []string{http.MethodPost}), hit.method)
	triggers := hit.endpoint == "trigger" || hit.endpoint == "run"
	return slices.DeleteFunc(kinds, func(k FaultKind) bool {
		return (k == HangBefore || k == HangAfter) && !hangs || (k == AnswerAfter || k == ThrottleAfter) && !triggers || !k.concerns(hit)
	})
}

// dice are the random numbers of one draw.
type dice [sha256.Size]byte

// dice throws for something: the same seed and the same parts give the same numbers.
func (s *Sim) dice(parts ...any) dice {
	return sha256.Sum256(fmt.Append(nil, append([]any{s.scenario.Seed}, parts...)...))
}

// roll returns the i-th number, of 4.
func (d dice) roll(i int) uint64 { return binary.BigEndian.Uint64(d[8*i:]) }

// part returns the i-th number as one from 0 to less than 1.
func (d dice) part(i int) float64 {
	const fine = 1 << 53 // the integers that a float64 can distinguish
	return float64(d.roll(i)%fine) / fine
}

// hits reports whether the i-th number belongs to a share of all.
func (d dice) hits(i int, share float64) bool { return d.part(i) < share }

// draw counts the call and returns its random fault, or nil.
func (s *Sim) draw(c *call) *Fault {
	chaos := s.scenario.Chaos
	if chaos == nil || len(chaos.Methods) > 0 && !slices.Contains(chaos.Methods, c.method) {
		return nil
	}
	s.draws[c.what()]++
	d := s.dice("chaos", c.what(), s.draws[c.what()])
	kinds := chaos.kinds(c)
	if len(kinds) == 0 || !d.hits(0, chaos.Rate) {
		return nil
	}
	forms := forms(kinds[d.roll(1)%uint64(len(kinds))])
	return &forms[d.roll(2)%uint64(len(forms))]
}

// forms returns what a kind that is drawn can look like.
func forms(kind FaultKind) []Fault {
	switch kind {
	case Throttle, ThrottleAfter:
		return throttles(kind)
	case AnswerAfter:
		return Refusals()
	default:
		return []Fault{{Kind: kind}}
	}
}

// drawFate returns what the next pipeline of a project comes to by chance.
func (s *Sim) drawFate(p *project) Run {
	if s.scenario.Chaos == nil {
		return Run{}
	}
	at := s.dice("fate", p.slug, p.triggered).part(0)
	for _, f := range s.scenario.Chaos.Fates {
		if at < f.Share {
			return f.Run
		}
		at -= f.Share
	}
	return Run{}
}
