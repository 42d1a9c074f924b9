package report

import (
	"fmt"
	"io"

	"github.com/gravitee-lab/gio/internal/plan"
	"github.com/gravitee-lab/gio/internal/run"
)

// Released writes, for the person who has released a product, what is there now: its tag, how long it took, and the versions that
// stand on the branches.
func Released(w io.Writer, s *run.State, next plan.Next) error {
	rows := rowf("  tag %s, after %s", s.ProductTag(), Duration(s.Time.Sub(s.Began)))
	if next.SupportBranch != "" {
		rows = append(rows, rowf("  branch %s for its patches, which begins with %s", next.SupportBranch, next.SupportVersion)...)
	}
	if next.Version != "" {
		rows = append(rows, rowf("  %s goes on with %s", s.Header.Branch, next.Version)...)
	}
	for _, r := range rows {
		if _, err := fmt.Fprintln(w, r.render(0, false)); err != nil {
			return err
		}
	}
	return nil
}
