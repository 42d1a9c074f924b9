package server_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// jfrogError is how JFrog's clients are told what is wrong.
func jfrogError(status int, message string) string {
	return fmt.Sprintf(`{"errors":[{"status":%d,"message":%q}]}`, status, message)
}

// badToken is what a bad one is answered.
var badToken = jfrogError(401, "the token is not valid; gio login takes another one; an admin makes one with gio token create")

// TestJFrogBase: what jf asks before its commands, and what is no route.
func TestJFrogBase(t *testing.T) {
	each(t, func(w *world) {
		noRoute := jfrogError(404, "there is no such address")
		for _, row := range []struct {
			token, method, path, body string
			status                    int
			answer                    string
		}{
			{w.admin, "GET", "/artifactory/api/system/version", "", 200, `{"version":"7.146.0","addons":[]}`},
			{w.admin, "GET", "//artifactory//api/system//version", "", 200, `{"version":"7.146.0","addons":[]}`},
			{"", "GET", "/artifactory/api/system/version", "", 401, badToken},
			{"", "GET", "/artifactory/api/system/ping", "", 200, "OK"},
			{w.admin, "GET", "/artifactory/api/system/ping", "", 200, "OK"},
			{"a bad one", "GET", "/artifactory/api/system/ping", "", 401, badToken},
			{w.admin, "POST", "/artifactory/api/system/usage", `{"productId":"jfrog-cli-go/2.112.0","features":[{"featureId":"rb_promote"}]}`, 200, ""},
			{"", "POST", "/artifactory/api/system/usage", "", 401, badToken},
			{w.admin, "GET", "/artifactory/api/security/encryptedPassword", "", 200, w.admin},
			{"a bad one", "GET", "/artifactory/api/security/encryptedPassword", "", 401, badToken},
			{w.admin, "POST", "/artifactory/api/security/token", "", 200, `{"access_token":"` + w.admin + `","token_type":"Bearer"}`},
			{"a bad one", "POST", "/artifactory/api/security/token", "", 401, badToken},
			{w.admin, "GET", "/artifactory/api/v1/uploads/config", "", 200, `{"supported":false}`},
			{w.admin, "GET", "/artifactory", "", 404, noRoute},
			{w.admin, "POST", "/artifactory/api/system/version", "", 404, noRoute},
			{w.admin, "GET", "/artifactory/api/repositories", "", 404, noRoute},
			{w.admin, "POST", "/lifecycle/api/v2/distribution/distribute/n/v", "{}", 404, noRoute},
			{w.admin, "POST", "//lifecycle/../v1/projects", "{}", 404, noRoute},
			{w.admin, "GET", "/lifecycle", "", 404, noRoute},
			{"", "GET", "/lifecycle/", "", 401, badToken},
		} {
			w.wants(row.token, row.method, row.path, row.body, row.status, row.answer)
		}
	})
}

// TestJFrogCredentials: every way in which JFrog's clients show a token.
func TestJFrogCredentials(t *testing.T) {
	t.Parallel()
	w := start(t, storetest.SQLite(t))
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for _, test := range []struct {
		header, value string
		status        int
	}{
		{"Authorization", "Bearer " + w.admin, 200},
		{"Authorization", "bearer  " + w.admin, 200},
		{"Authorization", basic("whoever", w.admin), 200},
		{"Authorization", basic("", w.admin), 200},
		{"X-JFrog-Art-Api", w.admin, 200},
		{"Authorization", basic(w.admin, ""), 401},
		{"Authorization", "Digest " + w.admin, 401},
		{"Authorization", w.admin, 401},
		{"X-JFrog-Art-Api", "", 401},
		{"X-Other", w.admin, 401},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.address+"/artifactory/api/system/version", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(test.header, test.value)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		asks := strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Basic ")
		if answer.StatusCode != test.status || asks != (test.status == 401) {
			t.Errorf("%s: %.12s…: %s, asks for a password: %t", test.header, test.value, answer.Status, asks)
		}
	}
}
