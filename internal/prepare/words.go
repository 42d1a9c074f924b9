package prepare

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/manifest"
)

// none, in the place of a group or of a since, is that there is none.
const none = "none"

func (r *Request) parseComponent(word string) error {
	s, given, ok := parseSetting(word)
	switch {
	case !ok:
		return usage("%q is not COMPONENT or COMPONENT=VERSION", word)
	case given:
		r.Set = append(r.Set, s)
	default:
		r.Open = append(r.Open, s.Component)
	}
	return nil
}

func (r *Request) parseAdd(word string) error {
	setting, group, grouped := strings.Cut(word, "@")
	s, _, ok := parseSetting(setting)
	if !ok {
		return usage("--add %q is not NAME[=VERSION][@GROUP]", word)
	}
	r.Add = append(r.Add, s)
	if !grouped {
		return nil
	}
	return r.addGroup(s.Component, group, "--add "+word)
}

func (r *Request) parseGroup(word string) error {
	name, group, grouped := strings.Cut(word, "@")
	if name == "" || !grouped {
		return usage("--group %q is not NAME@GROUP", word)
	}
	return r.addGroup(name, group, "--group "+word)
}

// parseSetting reads NAME or NAME=VERSION; given tells whether a version is there.
func parseSetting(word string) (s Setting, given, ok bool) {
	s.Component, s.Version, given = strings.Cut(word, "=")
	return s, given, s.Component != "" && (!given || s.Version != "")
}

const groupForms = "3 for the third one, 3.1 for its first place, 3+ for a new one behind it, none, or a name to stand behind"

// addGroup reads a GROUP. Flag is the flag that says it.
func (r *Request) addGroup(name, group, flag string) error {
	p, ok := placement(group)
	if !ok {
		return usage("%s: %q is no group: write %s", flag, group, groupForms)
	}
	p.Name = name
	r.Groups = append(r.Groups, p)
	return nil
}

// placement reads 3, 3.1, 3+, none or a name.
func placement(group string) (p manifest.Placement, ok bool) {
	if group == none {
		return manifest.Placement{Out: true}, true
	}
	digits, isNew := strings.CutSuffix(group, "+")
	number, position, positioned := strings.Cut(digits, ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return manifest.Placement{Behind: group}, group != "" && !strings.ContainsAny(group, "+@=")
	}
	at := 0
	if positioned {
		if at, err = strconv.Atoi(position); err != nil || at < 1 || isNew {
			return p, false
		}
	}
	return manifest.Placement{Group: n, New: isNew, At: at}, n > 0 || n == 0 && isNew
}

func (r *Request) parseSince(word string) error {
	name, version, named := strings.Cut(word, "=")
	if !named {
		version = name
	}
	if name == "" || version == "" {
		return usage("--since %q is not NAME=VERSION or VERSION", word)
	}
	if version == none {
		version = ""
	}
	if named {
		r.Since = append(r.Since, Setting{name, version})
		return nil
	}
	all := slices.Concat(r.Open, componentsOf(r.Set), componentsOf(r.Add))
	if len(all) == 0 {
		return usage("--since %s is for no component: name one, or write --since NAME=%s", word, word)
	}
	for _, name := range all {
		r.Since = append(r.Since, Setting{name, version})
	}
	return nil
}

func (r *Request) parseAt(word string) error {
	name, position, _ := strings.Cut(word, "=")
	at, err := strconv.Atoi(position)
	if name == "" || err != nil || at < 1 {
		return usage("--at %q is not NAME=POSITION, with 1 for the first component", word)
	}
	r.Move = append(r.Move, Move{name, manifest.Place{At: at}})
	return nil
}

func (r *Request) parseAfter(word string) error {
	name, other, _ := strings.Cut(word, "=")
	if name == "" || other == "" {
		return usage("--after %q is not NAME=OTHER", word)
	}
	r.Move = append(r.Move, Move{name, manifest.Place{Behind: other}})
	return nil
}

func (r *Request) parseRename(word string) error {
	name, to, _ := strings.Cut(word, "=")
	if name == "" || to == "" {
		return usage("--rename %q is not NAME=NEW", word)
	}
	r.Rename = append(r.Rename, Renaming{name, to})
	return nil
}

func usage(format string, args ...any) *fault.Fault {
	return fault.New(fault.Usage, "usage", format, args...).Hint("`gio prepare --help` shows how it is used")
}
