package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestIdempotencyKey: a POST with a key that is sent again changes nothing and is answered as before, in every dialect.
func TestIdempotencyKey(t *testing.T) {
	each(t, func(w *world) {
		w.declared()
		ann := w.token("releaser", "apim")
		w.ofStatus(http.StatusCreated, ann, "POST", candidates+"1.0.0-rc1", routes()[0].body)
		w.ofStatus(http.StatusCreated, ann, "POST", candidates+"1.1.0-rc1", routes()[0].body)
		w.wants(ann, "PATCH", prod, as("1.0.0-rc1", "success"), 200, "")
		w.wants(ann, "PATCH", prod, as("1.1.0-rc1", "success"), 200, "")

		w.key = "1"
		for range 3 {
			w.wants(ann, "POST", qa, of("1.0.0-rc1"), 201, "")
		}
		w.wants(ann, "POST", qa, of("1.1.0-rc1"), 422, problem("Idempotency-Key was used for another request"))
		w.wants(ann, "POST", qa+"?x=1", of("1.0.0-rc1"), 422, problem("Idempotency-Key was used for another request"))
		w.wants("", "POST", qa, of("1.0.0-rc1"), 401, problem("Unauthorized"))
		first := w.ofStatus(http.StatusCreated, ann, "POST", back, "{}") // the key is of one address
		if w.replayed {
			w.Error("the first answer calls itself an old one")
		}
		if second := w.ofStatus(http.StatusCreated, ann, "POST", back, "{}"); second != first || !w.replayed {
			w.Errorf("%s, then %s, replayed %t", first, second, w.replayed)
		}
		w.key = "a b"
		w.wants(ann, "POST", qa, of("1.0.0-rc1"), 400, problem("Invalid Idempotency-Key"))
		w.key = "2"
		w.wants(ann, "POST", qa, of("9.9.9-rc1"), 404, problem("Release not found"))
		w.wants(ann, "POST", qa, of("1.1.0-rc1"), 201, "") // what failed has used up nothing
		w.wants(ann, "POST", qa, of("1.1.0-rc1")+strings.Repeat(" ", 2<<20), 422, problem("Idempotency-Key was used for another request"))
		w.key = ""
		list := w.ofStatus(http.StatusOK, ann, "GET", qa, "")
		if strings.Count(list, `"id"`) != 2 {
			w.Errorf("there are others than two deployments: %s", list)
		}
		w.key = "a"
		w.ofStatus(http.StatusBadRequest, ann, "POST", qa, of("1.1.0-rc1")+strings.Repeat(" ", 2<<20))
	})
}

// TestKeyedToken: who makes a token again gets the same one, without its secret, which is kept nowhere.
func TestKeyedToken(t *testing.T) {
	each(t, func(w *world) {
		w.key = "k"
		var first, second struct{ ID, Secret, Note string }
		const body = `{"subject": "ann@example.org", "role": "reader"}`
		w.decode(w.ofStatus(http.StatusOK, w.admin, "POST", "/v1/tokens", body), &first)
		w.decode(w.ofStatus(http.StatusOK, w.admin, "POST", "/v1/tokens", body), &second)
		if !w.replayed || second.ID != first.ID || second.Secret != "" || !strings.Contains(second.Note, "shown then") || first.Note != "" {
			w.Errorf("%+v, then %+v, replayed %t", first, second, w.replayed)
		}
		w.ofStatus(http.StatusUnprocessableEntity, w.admin, "POST", "/v1/tokens", `{"subject": "bob@example.org", "role": "admin"}`)
		w.ofStatus(http.StatusOK, first.Secret, "GET", "/v1/projects", "")
		w.key = ""
		if list := w.ofStatus(http.StatusOK, w.admin, "GET", "/v1/tokens", ""); strings.Count(list, "ann@example.org") != 1 {
			w.Errorf("it was made twice: %s", list)
		}
		rows := w.rows()
		if !strings.Contains(rows, "shown then") {
			w.Fatalf("no answer is kept: %s", rows)
		}
		if strings.Contains(rows, first.Secret) || strings.Contains(rows, first.Secret[len(first.Secret)-20:]) {
			w.Error("the secret is kept")
		}
	})
}
