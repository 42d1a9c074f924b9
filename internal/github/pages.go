package github

import (
	"context"
	"fmt"
	"iter"

	"github.com/gravitee-lab/gio/internal/fault"
)

// listCut is the code of the fault of kind Remote that ends a list whose rest GitHub does not give.
const listCut = "github-list-cut"

// IsCut reports whether a list ended with err because GitHub did not give its next page.
func IsCut(err error) bool { return fault.Is(err, listCut) }

// pages reads a list of GitHub in pages of 100 as they are needed. The query of the call's path, where it has one, is kept. When
// GitHub does not find a later page of a list that it has just given, the list is read anew, once, and what was given before is
// left out; when that ends in the same way, so does the sequence, with the fault "github-list-cut" of kind Remote.
func pages[T any](ctx context.Context, c *Client, k call, name func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		told := map[string]bool{}
		each := func(item T, err error) bool {
			if err != nil {
				return yield(item, err)
			}
			if told[name(item)] {
				return true
			}
			told[name(item)] = true
			return yield(item, nil)
		}
		for range 2 {
			if cut := walk(ctx, c, k, each); !cut {
				return
			}
		}
		var none T
		yield(none, fault.New(fault.Remote, listCut, "%s: GitHub gave %d entries of the list and did not find its own next page, twice: the rest is unknown", k, len(told)))
	}
}

// walk reads a list once from its first page, and reports whether GitHub did not find a later one. Every other error it yields.
func walk[T any](ctx context.Context, c *Client, k call, yield func(T, error) bool) (cut bool) {
	list := k.path
	for page := 1; page != 0; {
		k.path = fmt.Sprintf("%sper_page=%d&page=%d", list, pageSize, page)
		var found []T
		res, err := c.get(ctx, k, &found)
		if page > 1 && fault.KindOf(err) == fault.NotFound {
			return true
		}
		if err != nil {
			var none T
			yield(none, err)
			return false
		}
		for _, item := range found {
			if !yield(item, nil) {
				return false
			}
		}
		page = res.NextPage
	}
	return false
}
