package gimlet

import (
	"context"
	"net/http"
	"slices"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// FluxEvents reads events of Flux's notification controller about an environment, with the header X-Signature: what one says of a commit, with
// the commits before that. One that says nothing of a commit, or cannot be read, is empty. Fault: bad-signature.
type FluxEvents func(ctx context.Context, c ledger.Caller, project, environment string, body []byte, signature string) (ledger.Reconciliation, error)

// fluxToken is the token of Flux's requests: it can be told an address only.
func fluxToken(r *http.Request) string {
	if token := bearer(r); token != "" {
		return token
	}
	return r.URL.Query().Get("access_token")
}

// flux takes what Flux says. It repeats what is answered 5xx, so what cannot be used is answered like what can.
func (a API) flux(r request) (int, any, error) {
	env, err := needed(r, "env")
	if err != nil {
		return 0, nil, err
	}
	said, err := a.Flux(r.Context(), r.caller, r.project, env[0], r.body, r.Header.Get("X-Signature"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, nil, a.Ledger.Reconcile(r.Context(), r.caller, r.project, env[0], said)
}

// manifests are what `gimlet environment connect` installs in a cluster. Gimlet keeps that of the infrastructure in a repository of its own.
func (a API) manifests(r request) (int, any, error) {
	files, err := a.FluxFiles(r.Context(), r.caller, r.project, r.PathValue("env"))
	return http.StatusOK, map[string]map[string]string{"infra": {}, "apps": files}, err
}

// user is an account of Gimlet's. Here a token is one.
type user struct {
	Login string `json:"login"`
	Token string `json:"token"` // always empty: nobody can read one again
	Admin bool   `json:"admin"`
	Name  string `json:"name"`
}

// users lists those who have a token that is valid, by login. Admins are persons, and not among Gimlet's API users.
func (a API) users(r request) (int, any, error) {
	all, err := a.Ledger.Tokens(r.Context(), r.caller)
	list := []user{}
	for _, t := range all {
		i := slices.IndexFunc(list, func(u user) bool { return u.Login == t.Subject })
		switch {
		case !t.RevokedAt.IsZero():
		case i < 0:
			list = append(list, user{Login: t.Subject, Admin: t.Role == ledger.Admin})
		default:
			list[i].Admin = list[i].Admin || t.Role == ledger.Admin
		}
	}
	return http.StatusOK, slices.DeleteFunc(list, func(u user) bool { return u.Admin }), err
}

// deleteUser takes a login, as JSON. One that nobody has is as good as deleted.
func (a API) deleteUser(r request) (int, any, error) {
	login, err := decode[string](r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, a.Ledger.RevokeTokensOf(r.Context(), r.caller, login)
}
