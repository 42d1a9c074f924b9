package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// object is a JSON object that keeps the order of its keys; values are *object, *list, string or what encoding/json makes of others.
type object struct {
	keys   []string
	values map[string]any
}

type list struct{ items []any }

// readJSON reads a JSON text with the order of its keys.
func readJSON(text []byte) (*object, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := readValue(dec)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*object)
	if !ok {
		return nil, fmt.Errorf("%T is no object", v)
	}
	return o, nil
}

func readValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	var value any = token
	switch token {
	case json.Delim('{'):
		o := &object{values: map[string]any{}}
		for value = o; dec.More(); {
			key, _ := dec.Token()
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			o.set(key.(string), v)
		}
		_, err = dec.Token()
	case json.Delim('['):
		l := &list{}
		for value = l; dec.More(); {
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, v)
		}
		_, err = dec.Token()
	}
	return value, err
}

// set sets a key, a new one at the end.
func (o *object) set(key string, value any) {
	if _, found := o.values[key]; !found {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// setBehind sets a key, a new one behind the last of the others that is there.
func (o *object) setBehind(key string, value any, others ...string) {
	if _, found := o.values[key]; !found {
		at := 0
		for _, other := range others {
			at = max(at, slices.Index(o.keys, other)+1)
		}
		o.keys = slices.Insert(o.keys, at, key)
	}
	o.values[key] = value
}

func (o *object) remove(key string) {
	delete(o.values, key)
	o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
}

// text is a string value; "" for none, and for another one.
func (o *object) text(key string) string {
	s, _ := o.values[key].(string)
	return s
}

func (o *object) clone() *object {
	c := &object{keys: slices.Clone(o.keys), values: map[string]any{}}
	for k, v := range o.values {
		c.values[k] = cloneValue(v)
	}
	return c
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case *object:
		return v.clone()
	case *list:
		c := &list{}
		for _, item := range v.items {
			c.items = append(c.items, cloneValue(item))
		}
		return c
	}
	return v
}

// lines is a value with each key and each item on a line of its own: what two files have to be compared by.
func (o *object) lines() []string {
	var b strings.Builder
	writeValue(&b, o, "")
	return strings.Split(b.String(), "\n")
}

func writeValue(b *strings.Builder, v any, indent string) {
	inner := indent + "    "
	switch v := v.(type) {
	case *object:
		b.WriteString("{")
		for i, key := range v.keys {
			fmt.Fprintf(b, "%s\n%s%q: ", comma(i), inner, key)
			writeValue(b, v.values[key], inner)
		}
		b.WriteString("\n" + indent + "}")
	case *list:
		b.WriteString("[")
		for i, item := range v.items {
			b.WriteString(comma(i) + "\n" + inner)
			writeValue(b, item, inner)
		}
		if len(v.items) > 0 {
			b.WriteString("\n" + indent)
		}
		b.WriteString("]")
	default:
		text, _ := json.Marshal(v)
		b.Write(text)
	}
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}
