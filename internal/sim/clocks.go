package sim

import (
	"fmt"
	"slices"
	"time"
)

// Clocks are the clocks of CircleCI's machines where they differ from the service's own, which alone rules what happens
// when: each is off by an amount of its own, may jump, and may go back in the middle of a run. GitHub's and those of
// Insights are right. A list has steps over time; an empty one is right all the time.
type Clocks struct {
	Date      []Drift `yaml:"date"`      // of the Date header, and of a Retry-After that is a date
	NoDate    bool    `yaml:"no_date"`   // no answer has a Date header
	Received  []Drift `yaml:"received"`  // of a pipeline's trigger.received_at
	Created   []Drift `yaml:"created"`   // of a pipeline's created_at and updated_at, also in the answer to its trigger
	Workflows []Drift `yaml:"workflows"` // of the times of workflows and jobs
}

// Drift is one step of a clock. What a clock has written once stays, whatever its later steps.
type Drift struct {
	After time.Duration `yaml:"after"` // since the simulator was made; until the next step of the list
	By    time.Duration `yaml:"by"`    // ahead of the service's clock; behind it when negative
}

func (c Clocks) validate() error {
	var all complaints
	for name, steps := range map[string][]Drift{"date": c.Date, "received": c.Received, "created": c.Created, "workflows": c.Workflows} {
		for i, d := range steps {
			all.add(within(fmt.Sprintf("%s[%d]", name, i), atLeastZero("after", d.After)))
			all.refuse(i > 0 && d.After <= steps[i-1].After, "%s[%d]: each step comes after the one before, this one at %v", name, i, d.After)
		}
	}
	all.refuse(c.NoDate && len(c.Date) > 0, "no_date excludes date")
	return all.join()
}

// drift returns how far a clock is off at a time since the simulator was made; before that it is as at the beginning.
func drift(steps []Drift, since time.Duration) time.Duration {
	for _, d := range slices.Backward(steps) {
		if d.After <= max(0, since) {
			return d.By
		}
	}
	return 0
}

// machines is the number of machines whose clocks Chaos.Clocks puts wrong.
const machines = 4

// machineDrift returns by how much the clock of the machine is wrong that does something, by chance.
func (s *Sim) machineDrift(something ...any) time.Duration {
	c := s.scenario.Chaos
	if c == nil || c.Clocks == 0 {
		return 0
	}
	which := s.dice(append([]any{"machine"}, something...)...).roll(0) % machines
	return time.Duration(s.dice("clock", which).roll(0)%uint64(2*c.Clocks+1)) - c.Clocks
}

// dateDrift returns by how much the Date header of the answer is wrong.
func (s *Sim) dateDrift(c *call) time.Duration {
	d := s.machineDrift("date", c.what(), c.nth)
	if k := s.scenario.Clocks; k != nil {
		d += drift(k.Date, c.now.Sub(s.began))
	}
	return d
}

// undated reports whether the answer has no Date header.
func (s *Sim) undated(c *call) bool {
	if k := s.scenario.Clocks; k != nil && k.NoDate {
		return true
	}
	chaos := s.scenario.Chaos
	return chaos != nil && s.dice("no date", c.what(), c.nth).hits(0, chaos.NoDate)
}

// receivedAt is what the API says of when a pipeline's trigger arrived.
func (s *Sim) receivedAt(p *pipeline) time.Time {
	return s.told(func(k *Clocks) []Drift { return k.Received }, p.received).Add(s.machineDrift("received", p.id))
}

// createdAt is what the API says of when a pipeline was created.
func (s *Sim) createdAt(p *pipeline) time.Time {
	return s.told(func(k *Clocks) []Drift { return k.Created }, p.created).Add(s.machineDrift("created", p.id))
}

// workedAt is what the API says of a time of a workflow or a job; zero stays zero.
func (s *Sim) workedAt(t time.Time) time.Time {
	return s.told(func(k *Clocks) []Drift { return k.Workflows }, t)
}

// told returns what one of the clocks says at a time; zero stays zero.
func (s *Sim) told(clock func(*Clocks) []Drift, t time.Time) time.Time {
	if s.scenario.Clocks == nil || t.IsZero() {
		return t
	}
	return t.Add(drift(clock(s.scenario.Clocks), t.Sub(s.began)))
}
