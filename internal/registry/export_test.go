package registry

import "time"

// Hurry makes attempts follow each other at once.
func (r Repository) Hurry() Repository {
	r.client.backoff.Duration = time.Millisecond
	return r
}
