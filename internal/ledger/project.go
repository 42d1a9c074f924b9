package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Declaration is what a project and its environments are to be.
type Declaration struct {
	Project      Project
	Environments []Environment // name, tier and kind of each
	Repositories []Repository
}

// Difference is one thing that a declaration changes.
type Difference struct{ What, From, To string }

var (
	projectName     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 _-]{0,98}[A-Za-z0-9])?$`)
	environmentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	repositoryName  = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*/[A-Za-z0-9_-][A-Za-z0-9._-]*$`)
)

func (d *Declaration) check() error {
	invalid := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "invalid-project", format, args...)
	}
	switch {
	case !projectName.MatchString(d.Project.Name):
		return invalid("%.120q cannot be the name of a project: letters, digits, space, - and _", d.Project.Name)
	case !repositoryName.MatchString(d.Project.Repository):
		return invalid("%.200q is no repository: write org/name", d.Project.Repository)
	}
	d.Project.complete()
	seen := map[string]bool{}
	for i := range d.Environments {
		e := &d.Environments[i]
		e.Tier, e.Kind = cmp.Or(e.Tier, Development), cmp.Or(e.Kind, None)
		e.complete()
		if !slices.Contains([]Tier{Production, Staging, Development}, e.Tier) {
			return invalid("environment %.100q: there is no tier %.40q: production, staging or development", e.Name, e.Tier)
		}
		switch {
		case !environmentName.MatchString(e.Name):
			return invalid("%.120q cannot be the name of an environment: letters, digits, - and _", e.Name)
		case seen[e.Name]:
			return invalid("the environment %s is declared twice", e.Name)
		}
		seen[e.Name] = true
	}
	return nil
}

// mostApprovals is how many can be required.
const mostApprovals = 20

// checkDeploying returns the fault of how things are to be deployed or built.
func (l *Ledger) checkDeploying(d Declaration) error {
	kinds := map[string]Kind{}
	for _, e := range d.Environments {
		kinds[e.Name] = e.Kind
	}
	if d.Project.Build != nil {
		if err := l.checkTrigger("build", CircleCI, d.Project.Build); err != nil {
			return err
		}
	}
	if d.Project.Releases != nil {
		if err := l.checkReleases(d.Project.Releases); err != nil {
			return err
		}
	}
	for _, e := range d.Environments {
		what := "environment " + e.Name
		switch {
		case !slices.Contains([]Kind{None, CircleCI, Webhook, GitOps}, e.Kind):
			return fault.New(fault.Invalid, "invalid-project", "%s: it cannot be deployed by %.40q: none, circleci, webhook or gitops", what, e.Kind)
		case (e.Kind == CircleCI || e.Kind == Webhook) != (e.Deploy != nil):
			return fault.New(fault.Invalid, "invalid-project", "%s: deploy: belongs to the kinds circleci and webhook, and they need it", what)
		case e.Requires.Approvals < 0 || e.Requires.Approvals > mostApprovals:
			return fault.New(fault.Invalid, "invalid-project", "%s: %d approvals cannot be required", what, e.Requires.Approvals)
		case e.Requires.Previous == e.Name || e.Requires.Previous != "" && kinds[e.Requires.Previous] == "":
			return fault.New(fault.Invalid, "invalid-project", "%s: previous: %.100q is no other environment of this project", what, e.Requires.Previous)
		case e.Requires.Previous != "" && (kinds[e.Requires.Previous] == GitOps) != (e.Kind == GitOps):
			return fault.New(fault.Invalid, "invalid-project", "%s: previous: one of %s and %s runs candidates, and the other one apps", what, e.Name, e.Requires.Previous)
		}
		if e.Deploy != nil {
			if err := l.checkTrigger(what, e.Kind, e.Deploy); err != nil {
				return err
			}
		}
		if err := l.checkDesired(what, e); err != nil {
			return err
		}
	}
	return nil
}

var slug = regexp.MustCompile(`^[a-z-]+/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`)

func (l *Ledger) checkTrigger(what string, k Kind, t *Trigger) error {
	invalid := func(format string, args ...any) *fault.Fault {
		return fault.New(fault.Invalid, "invalid-project", what+": "+format, args...)
	}
	if known, is := l.Connections[t.Connection]; !is || known != k {
		return invalid("the server has no connection %.100q of the kind %s", t.Connection, k).
			Hint("its connections of this kind: %s", cmp.Or(strings.Join(l.connections(k), ", "), "none")).
			Hint("an admin of the server writes them in gio-server.yaml")
	}
	if k == Webhook {
		if t.Project != "" || t.Branch != "" || t.Definition != "" {
			return invalid("a webhook has a connection and parameters only")
		}
	} else if !slug.MatchString(t.Project) || t.Branch == "" {
		return invalid("it needs project: (CircleCI's slug, as in gh/org/name) and branch:")
	}
	for name, value := range t.Parameters {
		switch n := value.(type) {
		case string, bool, int64:
		case float64:
			if n != float64(int64(n)) {
				return invalid("the parameter %.100q is %v: text, whole numbers, true and false can be sent", name, value)
			}
			t.Parameters[name] = int64(n)
		default:
			return invalid("the parameter %.100q is %T: text, whole numbers, true and false can be sent", name, value)
		}
	}
	sample := values(Candidate{Version: Version{"1.0.0", 1}}, Deployment{ID: "id", From: Version{"0.9.0", 1}})
	if _, err := fill(t, Project{}, sample); err != nil {
		return invalid("%s", err)
	}
	return nil
}

// connections lists those of a kind, by name.
func (l *Ledger) connections(k Kind) (names []string) {
	for name, kind := range l.Connections {
		if kind == k {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Apply makes a project and its environments what is declared, and returns what that changes; with dry it changes nothing. An
// environment that is not declared stays as it is. Faults: invalid-project, other-repository.
func (l *Ledger) Apply(ctx context.Context, c Caller, d Declaration, dry bool) ([]Difference, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := l.checkDeploying(d); err != nil {
		return nil, err
	}
	if err := l.checkRepositories(d); err != nil {
		return nil, err
	}
	if err := checkMappings(d.Project.Bundle); err != nil {
		return nil, err
	}
	var changes []Difference
	err := l.change(ctx, c, func(tx Tx) (Event, error) {
		changes = nil
		if err := c.may(ToDeclare, d.Project.Name); err != nil {
			return Event{}, err
		}
		p, err := tx.Project(ctx, d.Project.Name)
		switch {
		case fault.Is(err, "no-project"):
			changes = append(changes, Difference{"project", "", d.Project.Name})
		case err != nil:
			return Event{}, err
		case p.Repository != d.Project.Repository:
			return Event{}, fault.New(fault.Invalid, "other-repository", "the repository of %s is %s, for good", p.Name, p.Repository).
				Hint("declare another project for %s", d.Project.Repository)
		}
		changes = compareAll(changes, "", p.Build.fields("build"), d.Project.Build.fields("build"))
		changes = compareAll(changes, "", p.Releases.fields(), d.Project.Releases.fields())
		if err := checkMapped(ctx, tx, d); err != nil {
			return Event{}, err
		}
		changes = compareAll(changes, "", mappingFields(p.Bundle), mappingFields(d.Project.Bundle))
		if changes, err = l.compare(ctx, tx, d, changes); err != nil || dry || len(changes) == 0 {
			return Event{}, err
		}
		return Event{Type: "project.applied", Project: d.Project.Name, Data: inWords(changes)}, l.put(ctx, tx, d, p)
	})
	return changes, err
}

func (l *Ledger) compare(ctx context.Context, tx Tx, d Declaration, changes []Difference) ([]Difference, error) {
	existing, err := tx.Environments(ctx, d.Project.Name)
	if err != nil {
		return nil, err
	}
	for _, e := range d.Environments {
		i := slices.IndexFunc(existing, func(o Environment) bool { return o.Name == e.Name })
		switch {
		case i < 0:
			changes = append(changes, Difference{"environment " + e.Name, "", string(e.Tier) + ", " + string(e.Kind)})
			changes = append(changes, differences(Environment{Tier: e.Tier, Kind: e.Kind}, e)...)
		default:
			changes = append(changes, differences(existing[i], e)...)
		}
	}
	return compareRepositories(ctx, tx, d, changes)
}

// differences are those between an environment and what is declared.
func differences(is, declared Environment) (all []Difference) {
	of := " of " + declared.Name
	all = compareAll(all, of, []field{{"tier", string(is.Tier)}, {"kind", string(is.Kind)}}, []field{{"tier", string(declared.Tier)}, {"kind", string(declared.Kind)}})
	all = compareAll(all, of, is.Deploy.fields("deploy"), declared.Deploy.fields("deploy"))
	all = compareAll(all, of, is.GitOps.fields(), declared.GitOps.fields())
	return compareAll(all, of, is.Requires.fields(), declared.Requires.fields())
}

// field is one thing that a project file says, in the words of the file.
type field struct{ name, value string }

// fields are what a trigger says, in the order of the file; those without a value are left out.
func (t *Trigger) fields(of string) (all []field) {
	if t == nil {
		return nil
	}
	all = []field{
		{of + ".connection", t.Connection}, {of + ".project", t.Project}, {of + ".branch", t.Branch}, {of + ".definition", t.Definition},
	}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		all = append(all, field{of + ".parameters." + name, shown(t.Parameters[name])})
	}
	return slices.DeleteFunc(all, func(f field) bool { return f.value == "" })
}

// shown is a parameter in one line. A text that could be taken for a number or a boolean, or is empty, is quoted.
func shown(value any) string {
	text, is := value.(string)
	if !is {
		return fmt.Sprint(value)
	}
	var other any
	if json.Unmarshal([]byte(text), &other) == nil || text == "" {
		return strconv.Quote(text)
	}
	return text
}

func (r Requirements) fields() (all []field) {
	if r.Approvals > 0 {
		all = append(all, field{"requires.approvals", strconv.Itoa(r.Approvals)})
	}
	if r.Previous != "" {
		all = append(all, field{"requires.previous", r.Previous})
	}
	if r.Signed {
		all = append(all, field{"requires.signed", "true"})
	}
	return all
}

// compareAll adds what differs: what is declared in its order, then what is declared no more.
func compareAll(all []Difference, of string, is, declared []field) []Difference {
	value := func(fields []field, name string) string {
		if i := slices.IndexFunc(fields, func(f field) bool { return f.name == name }); i >= 0 {
			return fields[i].value
		}
		return ""
	}
	for _, f := range declared {
		if was := value(is, f.name); was != f.value {
			all = append(all, Difference{f.name + of, was, f.value})
		}
	}
	for _, f := range is {
		if value(declared, f.name) == "" {
			all = append(all, Difference{f.name + of, f.value, ""})
		}
	}
	return all
}

func (l *Ledger) put(ctx context.Context, tx Tx, d Declaration, before Project) error {
	now := l.Now()
	if err := tx.PutProject(ctx, d.Project, now); err != nil {
		return err
	}
	if err := putWatch(ctx, tx, before, d.Project); err != nil {
		return err
	}
	for _, e := range d.Environments {
		e.ID, e.Project = l.NewID(), d.Project.Name
		if err := tx.PutEnvironment(ctx, e, now); err != nil {
			return err
		}
	}
	if err := putRepositories(ctx, tx, d, now); err != nil {
		return err
	}
	for _, e := range d.Environments {
		locked, err := tx.LockEnvironment(ctx, d.Project.Name, e.Name)
		if err != nil {
			return err
		}
		if locked.Kind == GitOps {
			if err := tx.PutImport(ctx, locked.ID); err != nil {
				return err
			}
		}
		if _, err := l.begin(ctx, tx, locked); err != nil { // what it requires may hold now
			return err
		}
	}
	return nil
}

func inWords(changes []Difference) map[string]string {
	words := map[string]string{}
	for _, d := range changes {
		words[d.What] = strings.TrimPrefix(d.From+" → "+cmp.Or(d.To, "nothing"), " → ")
	}
	return words
}

// Projects lists what the caller may see, by name.
func (l *Ledger) Projects(ctx context.Context, c Caller) (all []Project, err error) {
	if !c.Token.Role.May(ToRead) {
		return nil, c.may(ToRead, c.Token.Project)
	}
	err = l.Store.Read(ctx, func(tx Tx) error {
		all, err = tx.Projects(ctx)
		return err
	})
	return slices.DeleteFunc(all, func(p Project) bool { return c.Token.Project != "" && p.Name != c.Token.Project }), err
}

// Declared returns a project as it is. Faults: no-project.
func (l *Ledger) Declared(ctx context.Context, c Caller, name string) (d Declaration, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if d.Project, err = l.projectFor(ctx, tx, c, ToRead, name); err != nil {
			return err
		}
		if d.Environments, err = tx.Environments(ctx, name); err != nil {
			return err
		}
		d.Repositories, err = tx.Repositories(ctx, name)
		return err
	})
	return d, err
}

// Events lists what happened after a position of the history, in order. All projects are for those who may read the audit.
func (l *Ledger) Events(ctx context.Context, c Caller, project string, after int64, limit int) (all []Event, err error) {
	a := ToRead
	if project == "" {
		a = ToAudit
	}
	if err := c.may(a, project); err != nil {
		return nil, err
	}
	err = l.Store.Read(ctx, func(tx Tx) error {
		all, err = tx.Events(ctx, project, after, limit)
		return err
	})
	return all, err
}

// Follow lists what happened after a position of the history and the caller may see, in order, and returns the position up to which
// it looked. Without a project it lists those of all that the caller sees; what belongs to none is for those who may read the audit.
func (l *Ledger) Follow(ctx context.Context, c Caller, project string, after int64, limit int) (all []Event, upTo int64, err error) {
	project = cmp.Or(project, c.Token.Project)
	if !c.Token.Role.May(ToRead) || project != "" {
		if err := c.may(ToRead, project); err != nil {
			return nil, after, err
		}
	}
	err = l.Store.Read(ctx, func(tx Tx) error {
		all, err = tx.Events(ctx, project, after, limit)
		return err
	})
	if err != nil || len(all) == 0 {
		return nil, after, err
	}
	upTo = all[len(all)-1].Position
	hidden := func(e Event) bool { return e.Project == "" && !c.Token.Role.May(ToAudit) }
	return slices.DeleteFunc(all, hidden), upTo, nil
}

// Head returns the end of the history, to be kept elsewhere.
func (l *Ledger) Head(ctx context.Context, c Caller) (Head, error) {
	if err := c.may(ToAudit, ""); err != nil {
		return Head{}, err
	}
	return l.Store.Head(ctx)
}

// Verify computes the history anew and returns its end. It finds what was changed after it was sealed and, held against an end that
// was kept elsewhere, a history that was cut or written anew. Zero: none was kept. Fault: broken-chain.
func (l *Ledger) Verify(ctx context.Context, c Caller, kept Head) (Head, error) {
	if err := c.may(ToAudit, ""); err != nil {
		return Head{}, err
	}
	return l.Store.VerifyFrom(ctx, kept)
}

// Running is what runs in an environment, and what is under way there, the newest first: also what a person must say the end of.
type Running struct {
	Environment Environment
	Current     *Deployment // nil: nothing has succeeded there
	Active      []Deployment
	Frozen      *Freeze // one that holds there; nil for none
	Apps        []RunningApp
}

// Running lists it for a project's environments, in the order of their making. Faults: no-project.
func (l *Ledger) Running(ctx context.Context, c Caller, project string) (all []Running, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		all = nil
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		environments, err := tx.Environments(ctx, project)
		for _, e := range environments {
			r, err := l.runningIn(ctx, tx, e)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
		return err
	})
	return all, err
}

func (l *Ledger) runningIn(ctx context.Context, tx Tx, e Environment) (r Running, err error) {
	r.Environment = e
	if r.Current, err = currentOf(ctx, tx, e); err != nil {
		return r, err
	}
	open, err := tx.Open(ctx, e.ID)
	if err != nil {
		return r, err
	}
	busy := func(d Deployment) bool { return !d.Status.Active() && d.Effect.Slot() } // what is said of it is not so
	for _, d := range open {
		if d.Status.Active() {
			r.Active = append(r.Active, d)
		}
	}
	for _, d := range open {
		if busy(d) {
			r.Active = append(r.Active, d)
		}
	}
	if r.Apps, err = runningApps(ctx, tx, e); err != nil {
		return r, err
	}
	r.Frozen, err = l.frozen(ctx, tx, e)
	return r, err
}
