package report

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gravitee-lab/gio/internal/wire"
)

// TestEventsCSV: every field is there, quoted where it must be, and nothing is computed by a spreadsheet.
func TestEventsCSV(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 10, 0, 0, 250_000_000, time.UTC)
	events := []wire.Event{
		{Position: 1, Time: at, Project: "apim", Type: "candidate.created", Subject: "id-1", Actor: `=cmd|"/c calc"!A1`, Dialect: "v1", Address: "192.0.2.1", Data: map[string]string{"commit": "0123", "note": "a, \"b\"\nc"}},
		{Position: 2, Time: at, Type: "+1", Subject: "-1", Actor: "@ann", Dialect: "a@b", Address: "\t=1"},
	}
	var got bytes.Buffer
	for i := range events {
		if err := EventsCSV(&got, events[i:i+1], i == 0); err != nil {
			t.Fatal(err)
		}
	}
	want := "position,time,project,type,subject,actor,dialect,address,data\r\n" +
		`1,2026-11-30T10:00:00.25Z,apim,candidate.created,id-1,"'=cmd|""/c calc""!A1",v1,192.0.2.1,"{""commit"":""0123"",""note"":""a, \""b\""\nc""}"` + "\r\n" +
		"2,2026-11-30T10:00:00.25Z,,'+1,'-1,'@ann,a@b,'\t=1,null\r\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}
