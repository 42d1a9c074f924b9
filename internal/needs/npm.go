package needs

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// sections are the parts of a package.json that name packages (docs.npmjs.com/cli/configuring-npm/package-json).
var sections = []string{"dependencies", "devDependencies", "peerDependencies", "optionalDependencies"}

func (f *file) packageJSON(data []byte) error {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("it is no JSON object")
	}
	for d.More() {
		key, err := text(d)
		if err != nil {
			return err
		}
		var value json.RawMessage
		start := d.InputOffset()
		if err := d.Decode(&value); err != nil {
			return err
		}
		start += int64(bytes.Index(data[start:], value[:min(1, len(value))])) // behind the colon
		switch {
		case key == "name":
			err = json.Unmarshal(value, &f.own.name)
		case key == "version":
			f.versionLine = 1 + bytes.Count(data[:start], []byte("\n"))
			err = json.Unmarshal(value, &f.own.version)
		case slices.Contains(sections, key):
			err = f.section(data, int(start), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// section reads the packages of one part, which begins at an offset of the file.
func (f *file) section(data []byte, start int, value []byte) error {
	d := json.NewDecoder(bytes.NewReader(value))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("its dependencies are no JSON object")
	}
	for d.More() {
		name, err := text(d)
		if err != nil {
			return err
		}
		line := 1 + bytes.Count(data[:start+int(d.InputOffset())], []byte("\n"))
		version, err := text(d)
		if err != nil {
			return err
		}
		f.mentions = append(f.mentions, mention{coordinates{name: name, version: version}, f, line, 0})
	}
	return nil
}

// text reads the next token, which must be one.
func text(d *json.Decoder) (string, error) {
	t, err := d.Token()
	s, is := t.(string)
	if err == nil && !is {
		err = errors.New("where a text must be is something else")
	}
	return s, err
}
