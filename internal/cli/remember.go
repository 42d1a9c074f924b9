package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/gravitee-lab/gio/internal/config"
	"github.com/gravitee-lab/gio/internal/operate"
	"github.com/gravitee-lab/gio/internal/run"
	"github.com/gravitee-lab/gio/internal/workspace"
)

const rememberedRuns = 100 // of a release repository

// memory is what the completion of command lines knows of the runs of a release repository without asking anybody: what an earlier
// command has read. It is a file of the user's cache, and may be missing or old.
type memory struct {
	Runs []remembered `json:"runs"` // the newest first
}

type remembered struct {
	Run   string                `json:"run"`             // KIND/VERSION
	Steps map[string]run.Status `json:"steps,omitempty"` // by component; nil where nobody has looked at it
}

// memoryFile is where the memory of a workspace's release repository is; "" in a container, which would take it away.
func (env *environment) memoryFile(ws workspace.Workspace) string {
	dir := config.CacheDir(env.Getenv)
	if dir == "" || env.container {
		return ""
	}
	what := env.repo
	if what == "" {
		what = ws.Checkout.RemoteURL
	}
	if what == "" {
		what = ws.File
	}
	sum := sha256.Sum256([]byte(what + "\n" + ws.Path))
	return filepath.Join(dir, "runs-"+hex.EncodeToString(sum[:8])+".json")
}

func readMemory(file string) (m memory) {
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &m) != nil {
		return memory{}
	}
	return m
}

// remember notes what was read of a run, and which runs there are, the newest first; nil where they were not listed. A memory that
// cannot be written is none.
func (env *environment) remember(ws workspace.Workspace, state *run.State, known []run.Header) {
	file := env.memoryFile(ws)
	if file == "" || state == nil || state.Header.Version == "" {
		return
	}
	now := remembered{Run: state.Header.Run(), Steps: map[string]run.Status{}}
	for _, st := range state.Steps() {
		now.Steps[st.ID.Component()] = st.Status
	}
	m := readMemory(file)
	at := func(name string) int {
		return slices.IndexFunc(m.Runs, func(r remembered) bool { return r.Run == name })
	}
	if known != nil {
		var runs []remembered
		for _, h := range known[:min(len(known), rememberedRuns)] {
			r := remembered{Run: h.Run()}
			if i := at(r.Run); i >= 0 {
				r = m.Runs[i]
			}
			runs = append(runs, r)
		}
		m.Runs = runs
	}
	switch i := at(now.Run); {
	case i >= 0:
		m.Runs[i] = now
	case known == nil: // it has just been driven
		m.Runs = append([]remembered{now}, m.Runs...)
	}
	_ = writeMemory(file, m)
}

func writeMemory(file string, m memory) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".runs-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// saw returns what Setup.Saw is for a workspace.
func (env *environment) saw(ws workspace.Workspace) func(operate.Snapshot, []run.Header) {
	return func(k operate.Snapshot, known []run.Header) { env.remember(ws, k.State, known) }
}
