package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Whose fault it is: a proxy between gio and a server speaks for itself, and so does the machine that does not know a certificate.
// All these faults are of kind Remote, because the token has nothing to do with them.

// ProxyRefusal returns the fault of an answer in which a proxy refuses to pass a request on (407), nil for every other answer.
func ProxyRefusal(res *http.Response) error {
	if res.StatusCode != http.StatusProxyAuthRequired {
		return nil
	}
	var proxy *url.URL
	target, variable := "a server", "HTTP_PROXY"
	if res.Request != nil && res.Request.URL != nil {
		target, variable = res.Request.URL.Host, variableOf(res.Request.URL.Scheme)
		proxy, _ = http.ProxyFromEnvironment(res.Request) // it was read before: then it had no error
	}
	return refusedBy(proxy, target, variable, res.StatusCode)
}

// tunnelRefusal is http.Transport.OnProxyConnectResponse: it returns the fault of a proxy that does not open the way to a server.
func tunnelRefusal(_ context.Context, proxy *url.URL, req *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	refusal := refusedBy(proxy, req.Host, variableOf("https"), res.StatusCode)
	if isTransient(res.StatusCode) {
		return passing{refusal}
	}
	return refusal
}

// passing is a proxy's refusal that may be over soon: not a fault, which would not be tried again.
type passing struct{ refusal *fault.Fault }

func (p passing) Error() string { return p.refusal.Error() }

func variableOf(scheme string) string {
	if scheme == "http" {
		return "HTTP_PROXY"
	}
	return "HTTPS_PROXY"
}

// refusedBy returns the fault of a proxy that answers in its own name. It never shows the proxy's user and password.
func refusedBy(proxy *url.URL, target, variable string, status int) *fault.Fault {
	name := "a proxy"
	if proxy != nil {
		name = fmt.Sprintf("the proxy %s://%s", proxy.Scheme, proxy.Host)
	}
	f := fault.New(fault.Remote, "proxy-refused", "%s of %s does not let gio reach %s: it answered %d (%s)", name, variable, target, status, http.StatusText(status))
	switch {
	case status != http.StatusProxyAuthRequired:
	case proxy != nil && proxy.User != nil:
		f = f.Hint("it does not accept the user and the password in %s: correct them there", variable)
	default:
		f = f.Hint("it wants a user and a password: write them into %s, as in http://USER:PASSWORD@HOST:PORT", variable)
	}
	return f.Hint("the variable may be written in small letters; NO_PROXY lists the hosts that are reached without a proxy")
}

// Explained returns the fault of a request's error that neither the server nor the token has caused: a proxy that cannot be
// reached, a certificate that this machine does not accept. It returns nil for every other error. What names the request.
func Explained(what string, err error, secrets ...string) error {
	if p, ok := errors.AsType[passing](err); ok {
		return p.refusal
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return fault.New(fault.Remote, "proxy-unreachable", "%s: the proxy cannot be reached", what).Because(Quiet(err, secrets...)).
			Hint("HTTPS_PROXY or HTTP_PROXY names it (or the same in small letters): correct it; NO_PROXY lists the hosts that are reached without a proxy")
	}
	bad, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok {
		return nil
	}
	f := fault.New(fault.Remote, "certificate", "%s: the server's certificate is not accepted", what).Because(Quiet(err, secrets...))
	switch {
	case isOf[x509.UnknownAuthorityError](bad), isOf[x509.SystemRootsError](bad):
		f.Code = "certificate-unknown"
		return f.Hint("this machine does not know the authority that signed it: set SSL_CERT_FILE to a PEM file with all authorities to trust; on macOS and Windows add it to the system's").
			Hint("the image has a bundle of its own, /etc/ssl/certs/ca-certificates.crt: mount the file into the container and set SSL_CERT_FILE there")
	case isOf[x509.HostnameError](bad):
		return f.Hint("it is another host's: check the address, and the proxy if there is one")
	}
	return f.Hint("it may have expired, or the clock of this machine may be wrong")
}

func isOf[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
