package check

import (
	"context"

	"github.com/gravitee-lab/gio/internal/fault"
)

// checkReleaseRepository checks that gio can record the release.
func (i *inspection) checkReleaseRepository(ctx context.Context) {
	if i.Repo == nil {
		return
	}
	together(
		func() { i.checkPush(ctx) },
		func() { i.checkRefs(ctx) },
		func() { i.checkJournalRef(ctx) },
	)
}

func (i *inspection) checkPush(ctx context.Context) {
	err := i.Repo.ProvePush(ctx)
	switch {
	case fault.KindOf(err) == fault.Auth:
		i.add(Finding{Code: CannotPush, What: oneLine(err), Do: firstHint(err)})
	case err != nil:
		i.addFailure("the right to push to the release repository", "", err)
	}
}
