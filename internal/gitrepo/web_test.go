package gitrepo

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestThirdParties: a proxy that refuses and a certificate that this machine does not know are neither the Git server's fault nor
// that of the credentials.
func TestThirdParties(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	t.Cleanup(proxy.Close)
	_, err := Open(t.Context(), options(proxy.URL+"/release.git"))
	wantFault(t, err, fault.Remote, "proxy-refused", "HTTP_PROXY")

	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake fails
	server.StartTLS()
	t.Cleanup(server.Close)
	_, err = Open(t.Context(), options(server.URL+"/release.git"))
	wantFault(t, err, fault.Remote, "certificate-unknown", server.URL)
}
