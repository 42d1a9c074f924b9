package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// patience is how long Ready waits for an answer.
const patience = 5 * time.Second

// Ready asks the server that runs on this machine with these settings whether it and its database answer: for health checks where no
// other program is, as in the image. Faults: kind Remote "not-ready".
func Ready(ctx context.Context, s Settings) error {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return fault.New(fault.Invalid, "cannot-listen", "%s is no address with a port", s.Listen)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	scheme, direct := "http", &http.Transport{DisableKeepAlives: true} // no proxy stands between a machine and itself
	if s.TLS.Certificate != "" {
		// The certificate is for the name that others use; nothing secret is sent, and the answer is believed of this machine.
		scheme, direct.TLSClientConfig = "https", &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	}
	address := scheme + "://" + net.JoinHostPort(host, port) + "/ready"
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fault.New(fault.Invalid, "cannot-listen", "%s is no address with a port", s.Listen)
	}
	answer, err := (&http.Client{Transport: direct}).Do(request)
	if err != nil {
		return fault.New(fault.Remote, "not-ready", "the server does not answer").Because(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode/100 != 2 { // 200 says more: it is quarantined, and a health check that failed would end it
		return fault.New(fault.Remote, "not-ready", "%s answers %s", address, answer.Status)
	}
	return nil
}
