package artifactory

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// queryLimit is how long the properties of one request may be, in bytes: servers and proxies refuse addresses from 8 KiB on.
const queryLimit = 4 << 10

// Properties returns a file's properties, each with its values. Fault "no-file" where there is no file.
func (c *Client) Properties(ctx context.Context, repository, file string) (map[string][]string, error) {
	at, err := c.address("/api/storage", repository, file)
	if err != nil {
		return nil, err
	}
	var found struct {
		Properties map[string][]string `json:"properties"`
	}
	err = c.get(ctx, call{method: http.MethodGet, url: at, query: "properties", name: repository + "/" + file}, &found)
	if fault.Is(err, "no-file") { // also said of a file without properties
		_, err = c.Stat(ctx, repository, file)
	}
	if err != nil {
		return nil, err
	}
	return found.Properties, nil
}

// SetProperties gives a file properties; it replaces the values of those that it has, and keeps the others. Many go in several requests.
// Fault "artifactory-property" for one that Artifactory cannot be told.
func (c *Client) SetProperties(ctx context.Context, repository, file string, properties map[string][]string) error {
	at, err := c.address("/api/storage", repository, file)
	if err != nil {
		return err
	}
	var written []string
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		text, err := property(key, properties[key])
		if err != nil {
			return err
		}
		written = append(written, text)
	}
	for len(written) > 0 {
		n, size := 1, len(written[0])
		for n < len(written) && size+len(written[n]) < queryLimit {
			size += len(written[n])
			n++
		}
		k := call{
			method: http.MethodPut, url: at, name: repository + "/" + file,
			query: "properties=" + strings.Join(written[:n], ";") + "&recursive=0",
		}
		if _, err := c.command(ctx, k); err != nil {
			return err
		}
		written = written[n:]
	}
	return nil
}

// forbidden are the characters that no key has (jfrog.com/help/r/jfrog-rest-apis/set-item-properties).
const forbidden = ")(}{][*+^$\\/~`!@#%&<>;=,|±§ "

// marked puts a backslash before what would end a value.
var marked = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `=`, `\=`)

// property writes key=value,value.
func property(key string, values []string) (string, error) {
	bad := func(why string) error {
		return fault.New(fault.Invalid, "artifactory-property", "the property %.200q cannot be set in Artifactory: %s", key, why)
	}
	if key == "" || strings.ContainsAny(key, forbidden) {
		return "", bad("a key has letters, digits, '.', '_', '-' and ':'")
	}
	var written []string
	for _, value := range values {
		if strings.Contains(value, ";") {
			return "", bad("a value contains ';', which ends a value even with a backslash before it")
		}
		written = append(written, escape(marked.Replace(value)))
	}
	if len(written) == 0 {
		return "", bad("it has no value")
	}
	return escape(key) + "=" + strings.Join(written, ","), nil
}
