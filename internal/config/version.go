package config

import (
	"runtime"
	"runtime/debug"
)

// version is set by the linker (see Makefile); a `go install` takes the module's.
var version string

// Version returns the version of this program.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Build is what is known of this program. Its field names are a contract.
type Build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`   // of the source
	Date     string `json:"date,omitempty"`     // of that commit, RFC 3339
	Modified bool   `json:"modified,omitempty"` // the source was changed since
	Go       string `json:"go"`
	Platform string `json:"platform"` // as in linux/amd64
}

// ThisBuild returns what Go has noted of the program that runs; commit and date are missing where it was built from no repository.
func ThisBuild() Build {
	b := Build{Version: Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
