package config

import "runtime/debug"

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
