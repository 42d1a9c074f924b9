package helm

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/render"
)

// What a chart may take, as a whole.
const (
	maxArchive = 10 << 20 // bytes of a .tgz
	maxChart   = 40 << 20 // bytes of its files
)

var (
	chartName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	chartVersion = regexp.MustCompile(`^(?:[A-Za-z0-9][A-Za-z0-9._+-]{0,99})?$`)
)

// find loads the chart that the file names. Faults: "chart-name", "chart-missing", "chart-broken", and those of Pull.
func (f file) find(ctx context.Context, homes render.Charts) (*chart.Chart, error) {
	c := f.Chart
	if !chartName.MatchString(c.Name) || !chartVersion.MatchString(c.Version) {
		return nil, f.About("chart-name", "%q %q is not the name and the version of a chart", c.Name, c.Version).
			Hint("charts are named, as in onechart, with a version such as 0.32.0, and found where the server's setting charts says; not by a path, an address or a range")
	}
	for _, home := range homes {
		if home.Repository != "" && strings.TrimRight(home.Repository, "/") != strings.TrimRight(c.Repository, "/") {
			continue
		}
		found, err := f.in(ctx, home)
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, f.missing()
}

func (f file) missing() *fault.Fault {
	of := ""
	if f.Chart.Repository != "" {
		of = " of " + f.Chart.Repository
	}
	missing := fault.New(fault.NotFound, "chart-missing", "the app file of %s: the chart %s%s is not where the server looks for charts", f.AppFile, strings.TrimSpace(f.Chart.Name+" "+f.Chart.Version), of)
	return missing.Hint("put it where the server's setting charts says, as NAME-VERSION.tgz, or let the setting name its registry")
}

// in is nil where the home has no such chart.
func (f file) in(ctx context.Context, h render.Home) (*chart.Chart, error) {
	var found *chart.Chart
	var err error
	if h.Pull != nil {
		found, err = f.pull(ctx, h)
	} else {
		found, err = f.inFolder(h.Folder)
	}
	switch {
	case err != nil || found == nil:
		return nil, err
	case found.Name() != f.Chart.Name || f.Chart.Version != "" && found.Metadata.Version != f.Chart.Version:
		return nil, f.broken("it says of itself that it is %s %s", found.Name(), found.Metadata.Version)
	}
	return found, nil
}

func (f file) broken(format string, args ...any) *fault.Fault {
	return f.About("chart-broken", "the chart %s: %s", strings.TrimSpace(f.Chart.Name+" "+f.Chart.Version), fmt.Sprintf(format, args...))
}

func (f file) pull(ctx context.Context, h render.Home) (*chart.Chart, error) {
	if f.Chart.Version == "" {
		return nil, f.broken("it is in a registry, where a version must be named").Hint("name chart.version in the app file")
	}
	archive, err := h.Pull(ctx, f.Chart.Name, f.Chart.Version)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f.unpack(bytes.NewReader(archive))
}

// inFolder opens what is in the folder and stays in it: a link that leads out is not followed.
func (f file) inFolder(folder string) (*chart.Chart, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fault.New(fault.Internal, "charts-unreadable", "the folder of charts cannot be read").Because(err)
	}
	defer func() { _ = root.Close() }() // it was only read
	names, err := candidates(root, f.Chart)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	if len(names) > 1 {
		return nil, f.broken("there are %s", strings.Join(names, ", ")).Hint("name chart.version in the app file")
	}
	if strings.HasSuffix(names[0], ".tgz") {
		archive, err := root.Open(names[0])
		if err != nil {
			return nil, f.broken("it cannot be read").Because(err)
		}
		defer archive.Close()
		return f.unpack(archive)
	}
	found, err := f.loadFolder(root, names[0])
	if err == nil && names[0] == f.Chart.Name && f.Chart.Version != "" && found.Metadata.Version != f.Chart.Version {
		return nil, nil // the folder NAME may have any version: a later home may have this one
	}
	return found, err
}

// candidates are the entries of a folder that can be the chart.
func candidates(root *os.Root, c render.Chart) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fault.New(fault.Internal, "charts-unreadable", "the folder of charts cannot be read").Because(err)
	}
	var exact, any []string
	version := regexp.MustCompile(`^` + regexp.QuoteMeta(c.Name) + `-v?\d+\.\d+\.\d+[^/]*$`)
	for _, entry := range entries {
		switch name := strings.TrimSuffix(entry.Name(), ".tgz"); {
		case name == c.Name+"-"+c.Version && c.Version != "":
			exact = append(exact, entry.Name())
		case entry.Name() == c.Name, c.Version == "" && version.MatchString(name):
			any = append(any, entry.Name())
		}
	}
	if len(exact) > 0 {
		return exact[:1], nil // a folder before an archive of the same version
	}
	if c.Version != "" && len(any) > 0 {
		return any[:1], nil // the folder NAME: its Chart.yaml says whether it is this version
	}
	return any, nil
}

// unpack loads an archive.
func (f file) unpack(archive io.Reader) (*chart.Chart, error) {
	packed, err := io.ReadAll(io.LimitReader(archive, maxArchive+1))
	if err != nil {
		return nil, f.broken("it cannot be read").Because(err)
	}
	if len(packed) > maxArchive {
		return nil, f.broken("its archive has more than %d bytes", maxArchive)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, f.broken("it is no .tgz").Because(err)
	}
	switch n, err := io.Copy(io.Discard, io.LimitReader(unpacked, maxChart+1)); {
	case err != nil:
		return nil, f.broken("it is no .tgz").Because(err)
	case n > maxChart:
		return nil, f.broken("it has more than %d bytes", maxChart)
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		return nil, f.broken("Helm cannot load it").Because(err)
	}
	return loaded, nil
}

// loadFolder looks at all of a folder before Helm, which would follow links wherever they lead.
func (f file) loadFolder(root *os.Root, name string) (*chart.Chart, error) {
	total := int64(0)
	err := fs.WalkDir(root.FS(), name, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() && !entry.Type().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a folder", path)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if total += info.Size(); total > maxChart {
			return fmt.Errorf("it has more than %d bytes", maxChart)
		}
		return nil
	})
	if err != nil {
		return nil, f.broken("it cannot be taken").Because(err)
	}
	loaded, err := loader.LoadDir(filepath.Join(root.Name(), name))
	if err != nil {
		return nil, f.broken("Helm cannot load it").Because(err)
	}
	return loaded, nil
}
