package plan

import "strings"

// StepID identifies a step permanently: "component@version", where the version is the one to release.
type StepID string

// ID returns the StepID of a component's version.
func ID(component, version string) StepID { return StepID(component + "@" + version) }

// Component returns the part before the "@".
func (id StepID) Component() string {
	component, _, _ := strings.Cut(string(id), "@")
	return component
}

// Version returns the part after the "@".
func (id StepID) Version() string {
	_, version, _ := strings.Cut(string(id), "@")
	return version
}
