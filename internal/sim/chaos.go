package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Chaos makes requests go wrong at random, in ways that a client can survive. The draw follows from the seed, the
// method, the path and how many such requests came before, so that the same sequence meets the same faults, in
// whatever order different requests arrive. Scripted faults and the limit come first; what they take is not drawn.
type Chaos struct {
	Rate        float64     `yaml:"rate"`         // share of the requests that are hit, more than 0 and at most 1
	Kinds       []FaultKind `yaml:"kinds"`        // drawn evenly; default all but status. A 429 comes in one of four forms
	Methods     []string    `yaml:"methods"`      // only these; default all
	HangMethods []string    `yaml:"hang_methods"` // those that hang-before and hang-after may hit, for they cost the client its patience; default POST
}

func (c Chaos) validate() error {
	var all complaints
	all.refuse(!(c.Rate > 0 && c.Rate <= 1), "rate is more than 0 and at most 1, it is %v", c.Rate)
	for _, k := range c.Kinds {
		all.refuse(!k.known() || k == Answer || k == SecondaryLimit, "%q is no kind of fault that chaos can draw", k)
	}
	return all.join()
}

// kinds are those that can hit a method.
func (c Chaos) kinds(method string) []FaultKind {
	kinds := slices.Clone(c.Kinds)
	if kinds == nil {
		kinds = []FaultKind{ErrorBefore, ErrorAfter, HangBefore, HangAfter, ResetBefore, ResetAfter, Throttle, TruncateAfter}
	}
	if slices.Contains(given(c.HangMethods, []string{http.MethodPost}), method) {
		return kinds
	}
	return slices.DeleteFunc(kinds, func(k FaultKind) bool { return k == HangBefore || k == HangAfter })
}

// draw is the random fault of a call, or nil.
func (s *Sim) draw(c *call) *Fault {
	chaos := s.scenario.Chaos
	if chaos == nil || len(chaos.Methods) > 0 && !slices.Contains(chaos.Methods, c.method) {
		return nil
	}
	what := c.method + " " + c.path
	s.draws[what]++
	dice := sha256.Sum256(fmt.Append(nil, s.scenario.Seed, "chaos", what, s.draws[what]))
	roll := func(i int) uint64 { return binary.BigEndian.Uint64(dice[8*i:]) }
	kinds := chaos.kinds(c.method)
	const fine = 1 << 53 // what a float64 tells apart
	if len(kinds) == 0 || float64(roll(0)%fine)/fine >= chaos.Rate {
		return nil
	}
	f := &Fault{Kind: kinds[roll(1)%uint64(len(kinds))]}
	if f.Kind == Throttle {
		forms := []Fault{
			{Kind: Throttle},
			{Kind: Throttle, RetryAfter: time.Second},
			{Kind: Throttle, RetryAfter: time.Second, RetryAsDate: true},
			{Kind: Throttle, Body: `{"message":"Rate limit exceeded"}`},
		}
		f = &forms[roll(2)%uint64(len(forms))]
	}
	return f
}
