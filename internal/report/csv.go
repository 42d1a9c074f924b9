package report

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/wire"
)

// EventsCSV writes events as RFC 4180 has it: all fields, data as JSON. A text that a spreadsheet would compute gets a ' before it.
// With header the names of the columns come first.
func EventsCSV(w io.Writer, events []wire.Event, header bool) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if header {
		_ = out.Write([]string{"position", "time", "project", "type", "subject", "actor", "dialect", "address", "data"}) // Flush says it
	}
	for _, e := range events {
		data, err := json.Marshal(e.Data)
		if err != nil {
			return err
		}
		cells := []string{strconv.FormatInt(e.Position, 10), e.Time.UTC().Format(time.RFC3339Nano), e.Project, e.Type, e.Subject, e.Actor, e.Dialect, e.Address, string(data)}
		for i, cell := range cells {
			cells[i] = neutral(cell)
		}
		_ = out.Write(cells)
	}
	out.Flush()
	return out.Error()
}

// neutral makes a text of what a spreadsheet takes for a formula.
func neutral(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
