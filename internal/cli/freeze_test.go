package cli

import (
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// TestEndAt: --until takes how long or when, in local time, and never what has passed.
func TestEndAt(t *testing.T) {
	t.Parallel()
	paris := time.FixedZone("Paris", 3600)
	now := time.Date(2026, 11, 30, 16, 30, 0, 0, paris)
	for text, want := range map[string]string{
		"90m":                  "2026-11-30T18:00:00+01:00",
		"2h":                   "2026-11-30T18:30:00+01:00",
		"3d":                   "2026-12-03T16:30:00+01:00",
		"17:30":                "2026-11-30T17:30:00+01:00",
		"08:00":                "2026-12-01T08:00:00+01:00",
		"2026-12-01":           "2026-12-01T00:00:00+01:00",
		"2026-12-01 08:00":     "2026-12-01T08:00:00+01:00",
		"2026-12-01T08:00":     "2026-12-01T08:00:00+01:00",
		"2026-12-01T08:00:00Z": "2026-12-01T08:00:00Z",
		"-2h":                  "",
		"0d":                   "",
		"xd":                   "",
		"2026-11-30":           "",
		"tomorrow":             "",
	} {
		got, err := endAt(text, now)
		if want == "" {
			if !fault.Is(err, "usage") {
				t.Errorf("%s: %v, %v", text, got, err)
			}
			continue
		}
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %v, want %s", text, got.Format(time.RFC3339), err, want)
		}
	}
}

// TestAge: the largest unit of which there are two.
func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 16, 30, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		-time.Second: "0 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 min", 119 * time.Minute: "119 min", 2 * time.Hour: "2 h", 47 * time.Hour: "47 h", 50 * time.Hour: "2 d",
	} {
		if got := age(now.Add(-ago), now); got != want {
			t.Errorf("%s ago: %s, want %s", ago, got, want)
		}
	}
}
