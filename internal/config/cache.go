package config

import (
	"cmp"
	"path/filepath"
)

// CacheDir is where gio keeps what it can read again: $XDG_CACHE_HOME/gio, else ~/.cache/gio; "" where there is no home.
func CacheDir(getenv func(string) string) string {
	if dir := getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) { // relative ones do not count, by the XDG Base Directory Specification
		return filepath.Join(dir, "gio")
	}
	if home := cmp.Or(getenv("HOME"), getenv("USERPROFILE")); home != "" {
		return filepath.Join(home, ".cache", "gio")
	}
	return ""
}
