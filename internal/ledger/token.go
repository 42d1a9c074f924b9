package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Role is what a token may do.
type Role string

// The roles. Each may read.
const (
	Reader   Role = "reader"
	Reporter Role = "reporter" // reports deployments, ships, and uploads what was built
	Deployer Role = "deployer" // deploys, promotes, rolls back, and resolves what nobody knows the end of
	Approver Role = "approver" // approves deployments, and makes none
	Releaser Role = "releaser" // a deployer who makes candidates and bundles, and freezes environments, too
	Admin    Role = "admin"    // may everything: declares projects, makes tokens, reads the audit, too
)

// withArticle names the role in a sentence.
func (r Role) withArticle() string {
	if r == Approver || r == Admin {
		return "an " + string(r)
	}
	return "a " + string(r)
}

// Action is what somebody may or may not do; it completes "a reader may not".
type Action string

// The actions.
const (
	ToRead           Action = "read"
	ToReport         Action = "report deployments"
	ToShip           Action = "ship"
	ToDeploy         Action = "deploy"
	ToResolve        Action = "resolve deployments"
	ToApprove        Action = "approve deployments"
	ToMakeCandidates Action = "make candidates"
	ToUpload         Action = "upload files"
	ToMakeBundles    Action = "make or delete bundles and files"
	ToPromote        Action = "promote bundles"
	ToFreeze         Action = "freeze environments"
	ToForce          Action = "pass a freeze"
	ToDeclare        Action = "declare projects"
	ToManageTokens   Action = "make or revoke tokens"
	ToAudit          Action = "read the audit"
)

// roles is who may do what, beside ToRead.
func roles() map[Role][]Action {
	return map[Role][]Action{
		Reader:   nil,
		Reporter: {ToReport, ToShip, ToUpload},
		Deployer: {ToDeploy, ToReport, ToShip, ToResolve, ToUpload, ToPromote},
		Approver: {ToApprove},
		Releaser: {ToDeploy, ToReport, ToShip, ToResolve, ToUpload, ToPromote, ToMakeCandidates, ToMakeBundles, ToFreeze, ToForce},
		Admin: {
			ToDeploy, ToReport, ToShip, ToResolve, ToUpload, ToPromote, ToApprove, ToMakeCandidates, ToMakeBundles, ToFreeze, ToForce, ToDeclare, ToManageTokens, ToAudit,
		},
	}
}

// Roles lists them, those who may least first. An approver may nothing that a deployer may, and the other way round: nobody but an
// admin approves what they ask for.
func Roles() []Role { return []Role{Reader, Reporter, Deployer, Approver, Releaser, Admin} }

// May tells whether a role allows an action.
func (r Role) May(a Action) bool {
	actions, known := roles()[r]
	return known && (a == ToRead || slices.Contains(actions, a))
}

// Token is the right of a person or a service. Its secret is not kept, only the secret's hash.
type Token struct {
	ID        string
	Hash      string // of the whole secret, SHA-256 in hexadecimal
	Subject   string // a person's address, or a service's name
	Project   string // "" for all
	Role      Role
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: it is valid
	UsedAt    time.Time // within a minute; zero: never
}

// HashOf returns the hash by which a token is found.
func HashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

var subject = regexp.MustCompile(`^[^\s[:cntrl:]][^[:cntrl:]]{0,199}$`)

// check returns the fault of a token that cannot be made.
func (t Token) check() error {
	if _, known := roles()[t.Role]; !known {
		return fault.New(fault.Invalid, "invalid-role", "there is no role %q", t.Role).
			Hint("the roles are %s", strings.Trim(fmt.Sprint(Roles()), "[]"))
	}
	if !subject.MatchString(t.Subject) {
		return fault.New(fault.Invalid, "invalid-subject", "a token needs a subject: a person's address, or the name of a service")
	}
	return nil
}

// leastSecret is the length of a foreign secret that is accepted, in bytes.
const leastSecret = 20

// CreateToken makes a token and returns its secret, which nobody can read again. With an imported secret, "" for none, that is the
// secret: a foreign system keeps using its own. Faults: invalid-role, invalid-subject, weak-secret, token-exists, no-project.
func (l *Ledger) CreateToken(ctx context.Context, c Caller, t Token, imported string) (Token, string, error) {
	if err := c.may(ToManageTokens, t.Project); err != nil {
		return Token{}, "", err
	}
	return l.createToken(ctx, c, t, imported)
}

// Recover makes a token for an admin. It is for those who can open the store itself: nobody is asked for another one.
func (l *Ledger) Recover(ctx context.Context, subject string) (Token, string, error) {
	return l.createToken(ctx, local("local"), Token{Subject: subject, Role: Admin}, "")
}

func (l *Ledger) createToken(ctx context.Context, c Caller, t Token, secret string) (Token, string, error) {
	if err := t.check(); err != nil {
		return Token{}, "", err
	}
	t.ID, t.CreatedAt = l.NewID(), l.Now()
	switch {
	case secret == "":
		secret = newSecret(t.ID)
	case len(secret) < leastSecret:
		return Token{}, "", fault.New(fault.Invalid, "weak-secret", "a secret of %d bytes can be guessed: at least %d are needed", len(secret), leastSecret)
	}
	t.Hash = HashOf(secret)
	err := l.change(ctx, c, func(tx Tx) (Event, error) {
		if t.Project != "" {
			if _, err := tx.Project(ctx, t.Project); err != nil {
				return Event{}, err
			}
		}
		return Event{Type: "token.created", Project: t.Project, Subject: t.ID, Data: map[string]string{"subject": t.Subject, "role": string(t.Role)}}, tx.InsertToken(ctx, t)
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

// newSecret returns gio_<id>_<secret> with 256 random bits.
func newSecret(id string) string {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // it never fails
	return "gio_" + strings.ReplaceAll(id, "-", "") + "_" + base64.RawURLEncoding.EncodeToString(bits[:])
}

// RevokeToken ends a token at once. Faults: no-token.
func (l *Ledger) RevokeToken(ctx context.Context, c Caller, id string) error {
	if err := c.may(ToManageTokens, c.Token.Project); err != nil {
		return err
	}
	return l.change(ctx, c, func(tx Tx) (Event, error) {
		t, err := tx.Token(ctx, id)
		if err != nil {
			return Event{}, err
		}
		if err := c.may(ToManageTokens, t.Project); err != nil {
			return Event{}, err
		}
		return revoked(t), tx.RevokeToken(ctx, id, l.Now())
	})
}

// RevokeTokensOf ends all tokens of a subject that the caller may end, at once; of one who has none it ends none. Fault: own-token.
func (l *Ledger) RevokeTokensOf(ctx context.Context, c Caller, subject string) error {
	if err := c.may(ToManageTokens, c.Token.Project); err != nil {
		return err
	}
	if subject == c.Token.Subject {
		return fault.New(fault.Invalid, "own-token", "%s is who asks", subject).Hint("another admin can do it; gio token revoke ends one token")
	}
	return l.change(ctx, c, func(tx Tx) (Event, error) {
		all, err := tx.Tokens(ctx, c.Token.Project)
		if err != nil {
			return Event{}, err
		}
		for _, t := range all {
			if t.Subject != subject || !t.RevokedAt.IsZero() {
				continue
			}
			if err := tx.RevokeToken(ctx, t.ID, l.Now()); err != nil {
				return Event{}, err
			}
			if err := l.note(ctx, tx, c, revoked(t)); err != nil {
				return Event{}, err
			}
		}
		return Event{}, nil
	})
}

func revoked(t Token) Event {
	return Event{Type: "token.revoked", Project: t.Project, Subject: t.ID, Data: map[string]string{"subject": t.Subject}}
}

// Tokens lists the tokens that the caller may see, without their hashes, the newest first.
func (l *Ledger) Tokens(ctx context.Context, c Caller) (all []Token, err error) {
	if err := c.may(ToManageTokens, c.Token.Project); err != nil {
		return nil, err
	}
	err = l.Store.Read(ctx, func(tx Tx) error {
		all, err = tx.Tokens(ctx, c.Token.Project)
		return err
	})
	return all, err
}

// HasTokens tells whether anybody can be let in at all.
func (l *Ledger) HasTokens(ctx context.Context) (has bool, err error) {
	err = l.Store.Read(ctx, func(tx Tx) error {
		has, err = tx.AnyToken(ctx)
		return err
	})
	return has, err
}

// Authenticate finds the token of a secret. Its fault is bad-token (kind Auth), for whatever reason.
func (l *Ledger) Authenticate(ctx context.Context, secret string) (Token, error) {
	bad := fault.New(fault.Auth, "bad-token", "the token is not valid").
		Hint("gio login takes another one; an admin makes one with gio token create")
	if secret == "" {
		return Token{}, bad
	}
	hash, now := HashOf(secret), l.Now()
	t, err := l.Store.TokenByHash(ctx, hash)
	switch {
	case fault.Is(err, "no-token"):
		return Token{}, bad
	case err != nil:
		return Token{}, err
	case !t.RevokedAt.IsZero(), !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return Token{}, bad
	}
	if now.Sub(t.UsedAt) > time.Minute {
		err = l.Store.Change(ctx, func(tx Tx) error { return tx.UseToken(ctx, t.ID, now) })
	}
	return t, err
}
