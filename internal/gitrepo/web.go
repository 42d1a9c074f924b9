package gitrepo

import (
	"errors"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/transport"
)

// web is the transport of all other requests, by which a proxy's refusal is known as the proxy's.
var web = transport.NewBase()

// thirdParty returns the fault of an error that neither the Git server nor the credentials have caused, nil for every other.
func (r *remote) thirdParty(doing string, err error) error {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f // of package transport, complete
	}
	if answer, ok := errors.AsType[*githttp.Err](err); ok && answer.Response != nil {
		return transport.ProxyRefusal(answer.Response)
	}
	return transport.Explained(doing+" "+r.shown, err, r.secrets...)
}
