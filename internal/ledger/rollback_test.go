package ledger_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// history reads what happened in an environment, the oldest first: "2" is a success of rc2, "2!" a failure, "2x" a cancellation,
// "2e" an error, "2?" unknown, "2." still pending, "2>" in progress. "<3" is a successful rollback to the third of them, with the
// same endings. It returns the deployments as a store lists them, the newest first, with their place as id.
func history(t *testing.T, text string) (all []ledger.Deployment) {
	t.Helper()
	endings := map[string]ledger.Status{
		"": ledger.Success, "!": ledger.Failure, "x": ledger.Canceled, "e": ledger.Error, "?": ledger.Unknown, ".": ledger.Pending, ">": ledger.InProgress,
	}
	for i, word := range strings.Fields(text) {
		back, number := strings.HasPrefix(word, "<"), strings.Trim(word, "<!xe?.>")
		n, err := strconv.Atoi(number)
		status, known := endings[strings.TrimPrefix(strings.TrimPrefix(word, "<"), number)]
		if err != nil || !known {
			t.Fatalf("%q cannot be read", word)
		}
		d := ledger.Deployment{ID: strconv.Itoa(i + 1), Status: status, Candidate: ledger.Version{Release: "1.0", Number: int64(n)}}
		if back {
			d.Restores, d.Candidate = number, all[n-1].Candidate
		}
		all = append(all, d)
	}
	slices.Reverse(all)
	return all
}

func idOf(d *ledger.Deployment) string {
	if d == nil {
		return ""
	}
	return d.ID
}

func TestCurrentAndRollbackTo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		title, history  string
		current, target string // ids: places in the history, "" for none
	}{
		{"nothing", "", "", ""},
		{"the first waits", "1.", "", ""},
		{"the first failed", "1!", "", ""},
		{"one", "1", "1", ""},
		{"two", "1 2", "2", "1"},
		{"three", "1 2 3", "3", "2"},
		{"the next one waits", "1 2 3.", "2", "1"},
		{"the next one runs", "1 2 3>", "2", "1"},
		{"nobody knows of the next one", "1 2 3?", "2", "1"},
		{"the next one was canceled", "1 2 3x", "2", "1"},
		{"the latest failed", "1 2 3!", "2", "2"},
		{"the latest had an error", "1 2 3e", "2", "2"},
		{"the latest failed, another waits", "1 2 3! 4.", "2", "2"},
		{"the latest failed, another was canceled", "1 2 3! 4x", "2", "2"},
		{"failures between", "1 2! 3e 4", "4", "1"},
		{"the same again", "1 2 2", "3", "1"},
		{"only the same", "1 1 1", "3", ""},
		{"back and forth", "1 2 1", "3", "2"},

		{"rolled back: it stands for the first", "1 2 <1", "1", ""},
		{"rolled back from three", "1 2 3 <2", "2", "1"},
		{"rolled back twice", "1 2 3 <2 <1", "1", ""},
		{"rolled back, then the next", "1 2 <1 3", "4", "1"},
		{"rolled back, then the same again", "1 2 <1 2", "4", "1"},
		{"rolled back, then the next failed", "1 2 <1 3!", "1", "1"},
		{"the rollback waits", "1 2 <1.", "2", "1"},
		{"the rollback failed", "1 2 <1!", "2", "2"},
		{"the rollback failed, with more before", "1 2 3 <2!", "3", "3"},
		{"the rollback was canceled", "1 2 3 <2x", "3", "2"},
		{"a rollback to what a rollback made", "1 2 <1 3! <3", "1", ""},
		{"a chain of three", "1 2 <1 <3 <4", "1", ""},
		{"two that were rolled back, one after the other", "1 2 <1 3 <1 4", "6", "1"},
		{"what was rolled back is left out, what came before is not", "1 2 3 <2 4", "5", "2"},
		{"a long way back leaves out all between", "1 2 3 4 <1 5", "6", "1"},
		{"a failed rollback takes out nothing", "1 2 3 <1! 4", "5", "3"},
	}
	for _, test := range tests {
		all := history(t, test.history)
		before := slices.Clone(all)
		if got := idOf(ledger.Current(all)); got != test.current {
			t.Errorf("%s: %s: %q runs, want %q", test.title, test.history, got, test.current)
		}
		if got := idOf(ledger.RollbackTo(all)); got != test.target {
			t.Errorf("%s: %s: rolls back to %q, want %q", test.title, test.history, got, test.target)
		}
		if !slices.Equal(all, before) {
			t.Errorf("%s: the list was changed", test.title)
		}
	}
}

// What a store no longer lists, or what restores itself, ends a chain.
func TestBrokenChains(t *testing.T) {
	t.Parallel()
	for title, text := range map[string]string{"cut": "1 2 <1", "itself": "1 2 <1"} {
		all := history(t, text)
		if title == "cut" {
			all = all[:2]
		} else {
			all[0].Restores = all[0].ID
		}
		if got := idOf(ledger.Current(all)); got != "3" {
			t.Errorf("%s: %q runs", title, got)
		}
		_ = ledger.RollbackTo(all) // it ends
	}
}
