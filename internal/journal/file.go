package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/run"
)

// Path is where the file home keeps a run: below the state directory by release repository (a
// stable identity such as "github.com/acme/release"), manifest path, kind and version.
func Path(stateDir, repository string, h run.Header) string {
	return filepath.Join(stateDir, "gio", filepath.FromSlash(repository), filepath.FromSlash(h.Manifest), filepath.FromSlash(h.Run())+".jsonl")
}

// File is a journal in a file, one JSON line an event, synced to disk with every Append. It is locked
// by flock for as long as it is open: the lock of a killed process is gone with it.
type File struct {
	path string
	lock *flock.Flock

	mu   sync.Mutex
	file *os.File
	size int64 // of what was acknowledged
	err  error // of the Append that failed: nothing is appended after it
}

// OpenFile opens the journal of h at path for one driver and gives the events it holds, none when it
// is new; before the first Append it writes nothing but an empty file and the lock beside it. Faults:
// kind Stopped "driven-elsewhere", kind Invalid "other-journal", "damaged-journal" and "newer-journal",
// kind Internal "state-directory" when the file cannot be written.
func OpenFile(path string, h run.Header) (*File, []run.Event, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, unwritable(path, err)
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, nil, unwritable(path, err)
	}
	if !locked {
		return nil, nil, drivenElsewhere(path, h)
	}
	f := &File{path: path, lock: lock}
	events, err := f.open(h)
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, events, nil
}

func (f *File) open(h run.Header) ([]run.Event, error) {
	f.noteHolder()
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unwritable(f.path, err)
	}
	f.file = file
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, unwritable(f.path, err)
	}
	events, size, err := decode(f.path, data)
	if err != nil {
		return nil, err
	}
	if err := checkHeader(f.path, events, h, ", or move that file away if its run is over"); err != nil {
		return nil, err
	}
	f.size = size
	if err := file.Truncate(size); err != nil { // a torn last line was never acknowledged
		return nil, unwritable(f.path, err)
	}
	syncDir(filepath.Dir(f.path))
	return events, nil
}

// Append writes the events behind the others and returns when the disk has them.
func (f *File) Append(_ context.Context, events ...run.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return err
	}
	lines, err := encode(events)
	if err != nil {
		f.err = fault.New(fault.Internal, "journal-line", "an event cannot be written to the journal %s", f.path).Because(err)
		return f.err
	}
	if _, err = f.file.WriteAt(lines, f.size); err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		_ = f.file.Truncate(f.size) // best effort: an unterminated line is dropped by the next open anyway
		f.err = unwritable(f.path, err)
		return f.err
	}
	f.size += int64(len(lines))
	return nil
}

// usable is why nothing is appended any more. With mu.
func (f *File) usable() error {
	if f.err == nil && f.file == nil {
		return fault.New(fault.Internal, "journal-closed", "the journal %s is closed", f.path)
	}
	return f.err
}

// AppendWith pushes first: the file lies beside no repository.
func (f *File) AppendWith(ctx context.Context, push Push, events ...run.Event) error {
	return PushFirst(ctx, f, push, events...)
}

// Fresh is nil while the file can be written: as long as it is open, its lock keeps every other driver out.
func (f *File) Fresh(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.usable()
}

// Cancelled is nil: nobody writes into the file but its driver.
func (f *File) Cancelled() <-chan struct{} { return nil }

// Close gives the lock back. Closing twice is harmless.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.file != nil {
		err = f.file.Close()
		f.file = nil
	}
	return errors.Join(err, f.lock.Unlock())
}

// Path is the file's.
func (f *File) Path() string { return f.path }

// ReadFile gives the events of a journal without driving it, also while somebody does. A journal that
// does not exist, or holds nothing yet, is a fault of kind NotFound, code "no-journal".
func ReadFile(path string) ([]run.Event, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unwritable(path, err)
	}
	events, _, err := decode(path, data)
	if err == nil && len(events) == 0 {
		return nil, fault.New(fault.NotFound, "no-journal", "no run is recorded at %s", path)
	}
	return events, err
}

// continued ends every line of an Append but the last: a tab, which is white space to JSON. When the last line is missing, a
// crash has cut the Append, and none of its lines count.
const continued = "\t\n"

// earlierRuns is how many runs Durations reads at most, the newest first: old ones say little, and
// nobody must notice the time that reading takes.
const earlierRuns = 10

// Durations is how long the components took in the newest runs kept beside path, the newest first. It is a hint: what
// cannot be read is left out.
func Durations(path string) map[string][]time.Duration {
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.jsonl")) // fails on a bad pattern only
	modified := func(file string) time.Time {
		info, err := os.Stat(file)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(files, func(a, b string) int { return modified(b).Compare(modified(a)) })
	var newest [][]run.Event
	for _, file := range files[:min(len(files), earlierRuns)] {
		if events, err := ReadFile(file); err == nil {
			newest = append(newest, events)
		}
	}
	return durations(newest)
}

func durations(newestFirst [][]run.Event) map[string][]time.Duration {
	took := map[string][]time.Duration{}
	for _, events := range newestFirst {
		for component, d := range run.Durations(events) {
			took[component] = append(took[component], d)
		}
	}
	return took
}

func encode(events []run.Event) ([]byte, error) {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for i, e := range events {
		if err := enc.Encode(e); err != nil {
			return nil, fmt.Errorf("event %d: %w", e.Seq, err)
		}
		if i < len(events)-1 {
			lines.Truncate(lines.Len() - len("\n"))
			lines.WriteString(continued)
		}
	}
	return lines.Bytes(), nil
}

// decode gives the events of the Appends that ended, and how many bytes these are. A crash left what follows.
func decode(path string, data []byte) ([]run.Event, int64, error) {
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	for bytes.HasSuffix(data, []byte(continued)) {
		data = data[:bytes.LastIndexByte(data[:len(data)-1], '\n')+1]
	}
	var events []run.Event
	for line := range bytes.Lines(data) {
		e, err := decodeLine(line)
		if err != nil {
			return nil, 0, damaged(path, len(events)+1, err)
		}
		if e.Header != nil && e.Header.Schema > run.Schema {
			return nil, 0, fault.New(fault.Invalid, "newer-journal", "%s was written by a newer gio (schema %d, this one knows %d)", path, e.Header.Schema, run.Schema).
				Hint("install a newer gio")
		}
		events = append(events, e)
	}
	if err := run.Check(events); err != nil {
		before := sort.Search(len(events), func(n int) bool { return run.Check(events[:n+1]) != nil })
		return nil, 0, damaged(path, before+1, err)
	}
	return events, int64(len(data)), nil
}

func decodeLine(line []byte) (run.Event, error) {
	var e run.Event
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&e); err != nil {
		return e, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return e, errors.New("something follows the event")
	}
	if e.Plan != nil {
		for _, st := range e.Plan.Steps() {
			if err := integers(st.Parameters); err != nil {
				return e, fmt.Errorf("%s: %w", st.Component, err)
			}
		}
	}
	return e, nil
}

// integers turns the numbers among pipeline parameters into int64, as package plan promises.
func integers(parameters map[string]any) error {
	for name, value := range parameters {
		if number, ok := value.(json.Number); ok {
			integer, err := number.Int64()
			if err != nil {
				return fmt.Errorf("parameter %s: %w", name, err)
			}
			parameters[name] = integer
		}
	}
	return nil
}

// checkHeader refuses the events of another run than want. Otherwise is what else a person can do, after a comma.
func checkHeader(path string, events []run.Event, want run.Header, otherwise string) error {
	if len(events) == 0 {
		return nil
	}
	got := *events[0].Header
	for _, e := range events {
		if e.Plan != nil && e.Plan.Branch != "" { // it was renamed since, and somebody has agreed to go on
			got.Branch = e.Plan.Branch
		}
	}
	for _, d := range []struct{ what, got, want string }{
		{"run", got.Run(), want.Run()},
		{"manifest", got.Manifest, want.Manifest},
		{"CircleCI host", got.Host, want.Host},
		{"branch", got.Branch, want.Branch},
	} {
		if d.got != d.want {
			return fault.New(fault.Invalid, "other-journal", "%s is the journal of %s %s, not %s", path, d.what, d.got, d.want).
				Hint("run gio with the %s %s%s", d.what, d.got, otherwise)
		}
	}
	return nil
}

// holder is what the lock file says of the process that holds the lock.
type holder struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// noteHolder writes down who holds the lock. It may fail: only a message to the next driver says it.
func (f *File) noteHolder() {
	note, err := json.Marshal(holder{PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		_ = os.WriteFile(f.path+".lock", note, 0o600)
	}
}

func drivenElsewhere(path string, h run.Header) error {
	who := "another gio"
	var held holder
	if note, err := os.ReadFile(path + ".lock"); err == nil && json.Unmarshal(note, &held) == nil {
		who = fmt.Sprintf("another gio (process %d, since %s)", held.PID, held.Since.Format(time.RFC3339))
	}
	return fault.New(fault.Stopped, "driven-elsewhere", "%s drives %s", who, h.Run()).
		Hint("wait for it to end, or stop it, then %s", fault.Again())
}

func damaged(path string, line int, err error) error {
	return fault.New(fault.Invalid, "damaged-journal", "%s:%d cannot be trusted", path, line).Because(err).
		Hint("somebody edited it or the disk lost a part; keep the file and compare it with CircleCI before you move it away")
}

func unwritable(path string, err error) error {
	return fault.New(fault.Internal, "state-directory", "the journal %s cannot be kept", path).Because(err).
		Hint("set XDG_STATE_HOME to a directory that can be written and has room, then %s", fault.Again())
}

// syncDir makes the directory entry of a new file durable, on the systems that can sync a directory.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}
