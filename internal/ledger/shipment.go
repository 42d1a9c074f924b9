package ledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Revision is the commit that was shipped.
type Revision struct {
	Repository     string   `json:"repository"` // owner/name
	SHA            string   `json:"sha"`
	Created        int64    `json:"created,omitempty"` // of the commit, in seconds since 1970
	Branch         string   `json:"branch,omitempty"`
	Event          GitEvent `json:"event"`
	SourceBranch   string   `json:"source_branch,omitempty"`
	TargetBranch   string   `json:"target_branch,omitempty"`
	Tag            string   `json:"tag,omitempty"`
	AuthorName     string   `json:"author_name,omitempty"`
	AuthorEmail    string   `json:"author_email,omitempty"`
	CommitterName  string   `json:"committer_name,omitempty"`
	CommitterEmail string   `json:"committer_email,omitempty"`
	Message        string   `json:"message,omitempty"`
	URL            string   `json:"url,omitempty"`
}

// GitEvent is what made CI run.
type GitEvent string

// The events.
const (
	Push        GitEvent = "push"
	Tag         GitEvent = "tag"
	PullRequest GitEvent = "pr"
)

// ParseGitEvent reads one; what is empty or unknown is a push.
func ParseGitEvent(text string) GitEvent {
	if e := GitEvent(text); e == Tag || e == PullRequest {
		return e
	}
	return Push
}

// Shipment is CI's note that a commit can be deployed: what its apps are in which environment, and the variables for that.
type Shipment struct {
	ID        string // the repository, and a UUID
	Project   string
	Made      string // sorts by the time of making
	Revision  Revision
	Contents  Contents
	CreatedAt time.Time
	CreatedBy string
}

// Contents are what a shipment brings. Dropped are the names of what looked secret and was not kept.
type Contents struct {
	Files   []json.RawMessage `json:"files,omitempty"` // app files, as they came
	CUE     []string          `json:"cue,omitempty"`   // app files in CUE, which nobody reads here
	Context map[string]string `json:"context,omitempty"`
	Items   []map[string]any  `json:"items,omitempty"`
	Vars    map[string]string `json:"vars,omitempty"`
	Fake    bool              `json:"fake,omitempty"`
	Dropped []string          `json:"dropped,omitempty"`
}

// Variables are what app files may name: the context, the texts of the items and the variables, the later before the earlier.
func (c Contents) Variables() map[string]string {
	all := maps.Clone(c.Context)
	if all == nil {
		all = map[string]string{}
	}
	for _, item := range c.Items {
		for name, value := range item {
			if text, is := value.(string); is {
				all[name] = text
			}
		}
	}
	maps.Copy(all, c.Vars)
	return all
}

// AppFile says how one app runs in one environment. Its format is that of Gimlet's manifests; the ledger reads who it is for and when it
// is deployed by itself.
type AppFile struct {
	App         string   `json:"app"`
	Environment string   `json:"env"`
	Preview     bool     `json:"preview"`
	Deploy      *Policy  `json:"deploy"`
	Cleanup     *Cleanup `json:"cleanup"`
}

var (
	shippable = regexp.MustCompile(`^[A-Za-z0-9._~@:-][A-Za-z0-9._~/@:-]{0,199}$`) // it is part of ids, which clients send as they are
	shippedAs = regexp.MustCompile(`^[0-9A-Za-z]{8,64}$`)
)

const mostFiles = 500

// check returns the fault of what cannot be shipped.
func (s Shipment) check() error {
	invalid := func(format string, args ...any) *fault.Fault {
		return fault.New(fault.Invalid, "invalid-shipment", format, args...)
	}
	switch {
	case !shippable.MatchString(s.Revision.Repository):
		return invalid("version.repositoryName is %.200q: it must be owner/name", s.Revision.Repository)
	case !shippedAs.MatchString(s.Revision.SHA): // clients cut it to 8 characters without looking
		return invalid("version.sha is %.80q: it must be the hash of a commit", s.Revision.SHA)
	case len(s.Contents.Files) > mostFiles:
		return invalid("there are %d app files: at most %d can be shipped", len(s.Contents.Files), mostFiles)
	}
	for i, raw := range s.Contents.Files {
		if _, err := ParseAppFile(raw); err != nil {
			return invalid("environments[%d] is no app file", i).Because(err)
		}
	}
	return nil
}

// ParseAppFile reads what the ledger needs of an app file. Its fault is invalid-app-file.
func ParseAppFile(raw []byte) (f AppFile, err error) {
	invalid := func(text string) error { return fault.New(fault.Invalid, "invalid-app-file", "%s", text) }
	var read *AppFile
	err = json.Unmarshal(raw, &read)
	wrong, is := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case is:
		return f, invalid(fmt.Sprintf("%s cannot be a %s", cmp.Or(wrong.Field, "it"), wrong.Value))
	case err != nil:
		return f, invalid("it is no JSON")
	case read == nil:
		return f, invalid("it is null")
	case read.App == "":
		return f, invalid("app is missing")
	case read.Environment == "":
		return f, invalid("env is missing")
	}
	return *read, nil
}

// newUUID makes a random one, of version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Ship keeps a shipment, without what looks secret, and deploys what the policies of its app files say, in one transaction: of one
// shipment they deploy once. Faults: no-project, invalid-shipment.
func (l *Ledger) Ship(ctx context.Context, c Caller, project string, s Shipment) (Shipment, error) {
	if err := s.check(); err != nil {
		return s, err
	}
	s.Project, s.Revision.Event = project, ParseGitEvent(string(s.Revision.Event))
	s.Contents = s.Contents.withoutSecrets()
	s.Revision.clean()
	err := l.change(ctx, c, func(tx Tx) (Event, error) {
		if _, err := l.projectFor(ctx, tx, c, ToShip, project); err != nil {
			return Event{}, err
		}
		s.ID, s.Made, s.CreatedAt, s.CreatedBy = s.Revision.Repository+"-"+newUUID(), l.NewID(), l.Now(), c.Token.Subject
		if err := tx.InsertShipment(ctx, s); err != nil {
			return Event{}, err
		}
		if err := l.note(ctx, tx, c, Event{Type: "shipment.created", Project: project, Subject: s.ID, Data: s.inWords()}); err != nil {
			return Event{}, err
		}
		all, refused, err := l.policies(ctx, tx, s)
		if err != nil {
			return Event{}, err
		}
		b := Batch{Project: project, Kind: OfShipment, Shipment: s.ID, Refused: refused}
		if n := len(s.Contents.CUE); n > 0 {
			b.Message = fmt.Sprintf("app files in CUE are not read: there are %d", n)
		}
		_, err = l.make(ctx, tx, c, b, all, asking{refuse: true})
		return Event{}, err
	})
	return s, err
}

// clean leaves out what looks secret.
func (r *Revision) clean() {
	for _, text := range []*string{&r.Message, &r.URL} {
		*text = secretValue.ReplaceAllString(*text, "…")
	}
}

// inWords are what the history says of a shipment.
func (s Shipment) inWords() map[string]string {
	words := map[string]string{"shipment": s.ID, "repository": s.Revision.Repository, "sha": s.Revision.SHA, "event": string(s.Revision.Event)}
	for name, value := range map[string]string{"branch": s.Revision.Branch, "tag": s.Revision.Tag} {
		if value != "" {
			words[name] = value
		}
	}
	return words
}

// ShipmentList says which shipments are wanted. What is empty is any.
type ShipmentList struct {
	Repository, Branch string
	Event              GitEvent
	SHAs               []string
	Since, Until       time.Time // from the one, and before the other
	After              string    // Made of the last one before
	Offset, Limit      int
}

// Shipments lists those of a project, the newest first. Faults: no-project, invalid-cursor.
func (l *Ledger) Shipments(ctx context.Context, c Caller, project string, o ShipmentList) (all []Shipment, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		all, err = tx.Shipments(ctx, project, o)
		return err
	})
	return all, err
}

// Shipment reads one. Faults: no-project, no-shipment.
func (l *Ledger) Shipment(ctx context.Context, c Caller, project, id string) (s Shipment, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		if _, err := l.projectFor(ctx, tx, c, ToRead, project); err != nil {
			return err
		}
		s, err = tx.Shipment(ctx, project, id)
		return err
	})
	return s, err
}

// withoutSecrets leaves out what looks secret, wherever it stands, and keeps the names of that.
func (c Contents) withoutSecrets() Contents {
	c.Dropped = nil
	clean := func(vars map[string]string) map[string]string {
		var kept map[string]string
		for name, value := range vars {
			if looksSecret(name, value) {
				c.Dropped = append(c.Dropped, name)
				continue
			}
			if kept == nil {
				kept = map[string]string{}
			}
			kept[name] = value
		}
		return kept
	}
	c.Context, c.Vars = clean(c.Context), clean(c.Vars)
	var items []map[string]any
	for _, item := range c.Items {
		if kept, is := c.cleaned(item).(map[string]any); is {
			items = append(items, kept)
		}
	}
	c.Items = items
	slices.Sort(c.Dropped)
	c.Dropped = slices.Compact(c.Dropped)
	return c
}

// cleaned is a value of JSON without what looks secret in it.
func (c *Contents) cleaned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, inside := range v {
			text, _ := inside.(string)
			if looksSecret(name, text) {
				c.Dropped = append(c.Dropped, name)
				continue
			}
			kept[name] = c.cleaned(inside)
		}
		return kept
	case []any:
		var kept []any
		for _, inside := range v {
			if text, is := inside.(string); is && looksSecret("", text) {
				continue
			}
			kept = append(kept, c.cleaned(inside))
		}
		return kept
	}
	return value
}

var (
	secretName  = regexp.MustCompile(`(?i)TOKEN|SECRET|PASSWORD|PRIVATE|CREDENTIAL|_KEY`)
	secretValue = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*` + // a JWT
		`|-----BEGIN [A-Z ]*PRIVATE KEY-----` +
		`|://[^/?#\s@]*:[^/?#\s@]+@`) // a password in an address
)

// looksSecret tells what must not be kept: CI ships all variables of its own, and its tokens are among them.
func looksSecret(name, value string) bool {
	return secretName.MatchString(name) || secretValue.MatchString(value)
}
