package circleci

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// listCut is the code of the fault of kind Remote that ends a list whose rest CircleCI does not give.
const listCut = "circleci-list-cut"

// IsCut reports whether a list ended with err because CircleCI did not give its next page: what was read before is true, and
// the rest unknown.
func IsCut(err error) bool { return fault.Is(err, listCut) }

// page is one answer of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next_page_token"`
	anew  bool   // the list begins again here
}

// pages reads a list page by page. CircleCI may answer 404 to the page token that it has just given (contracts/circleci.md 1,
// Pagination): then the list is read anew from its first page, once. When that ends in the same way, so does the sequence, with
// a fault that says how much was read.
func pages[T any](ctx context.Context, c *Client, k call) iter.Seq2[page[T], error] {
	return func(yield func(page[T], error) bool) {
		read, cut := walk(ctx, c, k, false, yield)
		if cut {
			read, cut = walk(ctx, c, k, true, yield)
		}
		if cut {
			yield(page[T]{}, fault.New(fault.Remote, listCut, "%s: CircleCI gave %d entries of the list and did not find its own next page, twice: the rest is unknown", k, read))
		}
	}
}

// walk reads a list once from its first page. It is cut, after so many entries, when CircleCI does not find a later page; every
// other error it yields. A page token that appears a second time is one, as the list would never end.
func walk[T any](ctx context.Context, c *Client, k call, anew bool, yield func(page[T], error) bool) (read int, cut bool) {
	query, seen := url.Values{}, map[string]bool{}
	maps.Copy(query, k.query)
	k.query = query
	for first := true; ; first = false {
		p, err := readPage[T](ctx, c, k)
		if !first && fault.KindOf(err) == fault.NotFound {
			return read, true
		}
		if err == nil && seen[p.Next] {
			err = fault.New(fault.Remote, "circleci-pages", "%s: CircleCI's list does not end: a page leads back to an earlier one", k)
		}
		p.anew = first && anew
		if !yield(p, err) || err != nil || p.Next == "" {
			return read, false
		}
		read += len(p.Items)
		seen[p.Next] = true
		query.Set("page-token", p.Next)
	}
}

// whole reads a list of which a part is of no use: a workflow that is missing may be the one that failed.
func whole[T any](ctx context.Context, c *Client, k call) ([]T, error) {
	var all []T
	for p, err := range pages[T](ctx, c, k) {
		if err != nil {
			return nil, err
		}
		if p.anew {
			all = nil
		}
		all = append(all, p.Items...)
	}
	return all, nil
}

func readPage[T any](ctx context.Context, c *Client, k call) (page[T], error) {
	var p page[T]
	_, err := c.get(ctx, k, &p)
	if err != nil {
		return p, err
	}
	if p.Items == nil {
		// An empty list is []. Any other answer, taken for an empty list, would mean that nothing was ever triggered.
		return p, missing(k, "list")
	}
	return p, nil
}

// serverTime returns CircleCI's clock when it answered, in whole seconds; the local clock when the answer has no date.
func serverTime(header http.Header) time.Time {
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Now()
	}
	return at
}
