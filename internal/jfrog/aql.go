package jfrog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// What jf sends of the Artifactory Query Language: items.find({criteria}).include("field",…), the criteria being of the repository, the
// path, the name, the type and the properties of files, combined by $and and $or. There are no items but files: folders are what their
// paths say.

// criterion is one of a query: several of which all must hold, or any; or a field that is compared.
type criterion struct {
	all, any []criterion
	field    string // repo, path, name, or @ and the key of a property; type holds for all or for none
	pattern  string
	glob     bool // the pattern has * and ?
	not      bool
}

// query is a whole one.
type query struct {
	criteria   criterion
	properties bool // they are asked for, too
}

// item is a file as criteria see it.
type item struct {
	repo, path, name string // path is that of its folder, "." at the top
	properties       ledger.Properties
}

func itemOf(f ledger.File) item {
	return item{f.Repository, path.Dir(f.Path), path.Base(f.Path), f.Properties}
}

// mostCriteria and deepest bound a query.
const (
	mostCriteria = 2000
	deepest      = 10
)

func badQuery(format string, args ...any) error {
	return fault.New(fault.Invalid, "invalid-query", "the query cannot be answered: "+format, args...).
		Hint(`write items.find({…}).include("repo","path","name",…), with repo, path, name, type and properties, $and and $or`)
}

// parseQuery reads a query. Fault: invalid-query.
func parseQuery(text string) (q query, err error) {
	rest, found := strings.CutPrefix(strings.TrimSpace(text), "items.find(")
	if !found {
		return q, badQuery("it does not begin with items.find(")
	}
	p := &parser{Decoder: json.NewDecoder(strings.NewReader(rest))}
	p.UseNumber()
	if q.criteria.all, err = p.object(0); err != nil {
		return q, err
	}
	rest, found = strings.CutPrefix(strings.TrimSpace(rest[p.InputOffset():]), ")")
	if rest = strings.TrimSpace(rest); !found {
		return q, badQuery("its criteria are not followed by )")
	}
	if rest == "" {
		return q, nil
	}
	list, found := strings.CutPrefix(rest, ".include(")
	list, closed := strings.CutSuffix(list, ")")
	var fields []string
	if !found || !closed || json.Unmarshal([]byte("["+list+"]"), &fields) != nil {
		return q, badQuery("%.80q is nothing but .include(…)", rest)
	}
	for _, field := range fields {
		if !slices.Contains([]string{"name", "repo", "path", "actual_md5", "actual_sha1", "sha256", "size", "type", "modified", "created", "property"}, field) {
			return q, badQuery("there is no field %.80q", field)
		}
		q.properties = q.properties || field == "property"
	}
	return q, nil
}

// parser reads criteria word by word: jf repeats keys in one object, and each counts.
type parser struct {
	*json.Decoder
	criteria int
}

// next reads a word, which must be that one.
func (p *parser) next(want json.Delim) error {
	word, err := p.Token()
	if err != nil || word != want {
		return badQuery("there is no %s where one must be", want)
	}
	return nil
}

// object reads criteria in braces.
func (p *parser) object(depth int) (all []criterion, err error) {
	if depth > deepest {
		return nil, badQuery("it is too deep")
	}
	if err := p.next('{'); err != nil {
		return nil, err
	}
	for p.More() {
		if p.criteria++; p.criteria > mostCriteria {
			return nil, badQuery("it has more than %d criteria", mostCriteria)
		}
		word, err := p.Token()
		if err != nil {
			return nil, badQuery("it breaks off")
		}
		one, err := p.value(word.(string), depth) // keys of an object are texts
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, p.next('}')
}

// value reads what stands behind a key.
func (p *parser) value(key string, depth int) (c criterion, err error) {
	switch {
	case key == "$and":
		c.all, err = p.list(depth)
		return c, err
	case key == "$or":
		c.any, err = p.list(depth)
		if err == nil && len(c.any) == 0 {
			err = badQuery("an $or is empty")
		}
		return c, err
	case !slices.Contains([]string{"repo", "path", "name", "type"}, key) && (len(key) < 2 || key[0] != '@'):
		return c, badQuery("there is no field %.80q", key)
	}
	c.field = key
	word, err := p.Token()
	if err != nil {
		return c, badQuery("it breaks off")
	}
	if text, is := word.(string); is {
		c.pattern = text
		return c.checked()
	}
	if word != json.Delim('{') {
		return c, badQuery("%s is compared with something that is no text", key)
	}
	how, err := p.Token()
	if err != nil {
		return c, badQuery("it breaks off")
	}
	switch how {
	case "$eq":
	case "$ne":
		c.not = true
	case "$match":
		c.glob = true
	case "$nmatch":
		c.glob, c.not = true, true
	default:
		return c, badQuery("%s cannot be compared by %.20v", key, how)
	}
	word, err = p.Token()
	text, is := word.(string)
	if err != nil || !is {
		return c, badQuery("%s is compared with something that is no text", key)
	}
	c.pattern = text
	if err := p.next('}'); err != nil {
		return c, err
	}
	return c.checked()
}

// checked is a criterion of a field. One of the type holds for all, or is none.
func (c criterion) checked() (criterion, error) {
	if c.field != "type" {
		return c, nil
	}
	if c.glob || c.not || !slices.Contains([]string{"any", "file", "folder"}, c.pattern) {
		return c, badQuery("the type is any, file or folder")
	}
	if c.pattern == "folder" { // there are none
		return criterion{any: []criterion{}}, nil
	}
	return criterion{all: []criterion{}}, nil
}

// list reads objects in brackets. What stands in one of them is combined as those are.
func (p *parser) list(depth int) (all []criterion, err error) {
	if err := p.next('['); err != nil {
		return nil, err
	}
	all = []criterion{}
	for p.More() {
		some, err := p.object(depth + 1)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, p.next(']')
}

// holds tells whether a file is meant.
func (c criterion) holds(i item) bool {
	switch {
	case c.all != nil:
		return !slices.ContainsFunc(c.all, func(one criterion) bool { return !one.holds(i) })
	case c.any != nil:
		return slices.ContainsFunc(c.any, func(one criterion) bool { return one.holds(i) })
	case c.field == "":
		return true // no criteria
	}
	var values []string
	switch c.field {
	case "repo":
		values = []string{i.repo}
	case "path":
		values = []string{i.path}
	case "name":
		values = []string{i.name}
	default:
		values = i.properties[c.field[1:]]
	}
	return slices.ContainsFunc(values, c.is) != c.not
}

// is compares one value.
func (c criterion) is(value string) bool {
	if c.glob {
		return matches(c.pattern, value)
	}
	return value == c.pattern
}

// matches tells whether a text is as a pattern: * stands for any text, ? for any character.
func matches(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	i, j, star, from := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i++
			j++
		case star >= 0: // the last star stands for one more
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// literal is what everything begins with that is as a pattern.
func (c criterion) literal() string {
	if !c.glob {
		return c.pattern
	}
	if i := strings.IndexAny(c.pattern, "*?"); i >= 0 {
		return c.pattern[:i]
	}
	return c.pattern
}

// beginnings are those that the paths of all files have which are meant in a repository; nil where none can be. None of them begins
// with another one, so that nothing is read twice.
func (c criterion) beginnings(repository string) []string {
	switch {
	case c.all != nil:
		return beginningsOfAll(c.all, repository)
	case c.any != nil:
		var every []string
		for _, one := range c.any {
			every = append(every, one.beginnings(repository)...)
		}
		slices.Sort(every)
		var fewest []string
		for _, one := range every {
			if len(fewest) == 0 || !strings.HasPrefix(one, fewest[len(fewest)-1]) {
				fewest = append(fewest, one)
			}
		}
		return fewest
	case c.field == "repo" && c.is(repository) == c.not:
		return nil
	case c.field == "path" && !c.not:
		return []string{c.folder()}
	}
	return []string{""}
}

// folder is what the paths of files begin with whose folder is as a criterion says.
func (c criterion) folder() string {
	switch literal := c.literal(); {
	case !c.glob && literal == ".":
		return ""
	case !c.glob:
		return literal + "/"
	case literal == ".": // it may mean the top
		return ""
	default:
		return literal
	}
}

// beginningsOfAll takes the criterion that says most. A folder that is known and a name say it together.
func beginningsOfAll(all []criterion, repository string) []string {
	best := []string{""}
	for _, one := range all {
		some := one.beginnings(repository)
		if some == nil {
			return nil
		}
		if one.field == "path" && !one.glob && !one.not {
			for _, name := range all {
				if name.field == "name" && !name.not && len(name.literal()) > 0 {
					some = []string{one.folder() + name.literal()}
				}
			}
		}
		if shortest(some) > shortest(best) {
			best = some
		}
	}
	return best
}

func shortest(all []string) int {
	n := len(all[0])
	for _, one := range all {
		n = min(n, len(one))
	}
	return n
}

// found is a file in the answer to a query.
type found struct {
	Repo       string     `json:"repo"`
	Path       string     `json:"path"`
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Size       int64      `json:"size"`
	Created    string     `json:"created"`
	Modified   string     `json:"modified"`
	MD5        string     `json:"actual_md5"`
	SHA1       string     `json:"actual_sha1"`
	SHA256     string     `json:"sha256"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func foundOf(f ledger.File, properties bool) found {
	i := itemOf(f)
	one := found{i.repo, i.path, i.name, "file", f.Size, iso(f.CreatedAt), iso(f.ModifiedAt), f.MD5, f.SHA1, f.SHA256, nil}
	if properties {
		for _, key := range slices.Sorted(maps.Keys(f.Properties)) {
			for _, value := range f.Properties[key] {
				one.Properties = append(one.Properties, property{key, value})
			}
		}
	}
	return one
}

// longestQuery is in bytes.
const longestQuery = 1 << 20

// search answers a query. It reads the files whose paths begin as the criteria say, and keeps none.
func (a API) search(w http.ResponseWriter, r *http.Request) {
	c, err := a.caller(r)
	if err == nil {
		err = a.searchTo(w, r, c)
	}
	if err != nil {
		a.refuse(w, r, err)
	}
}

func (a API) searchTo(w http.ResponseWriter, r *http.Request, c ledger.Caller) error {
	r.Body = http.MaxBytesReader(w, r.Body, longestQuery)
	text, err := read(r)
	if err != nil {
		return err
	}
	q, err := parseQuery(string(text))
	if err != nil {
		return err
	}
	l := a.lister(w, r, `{"results":[`)
	err = a.eachFound(r.Context(), c, q, func(f ledger.File) error { return l.add(foundOf(f, q.properties)) })
	if err != nil {
		return l.end(err, "")
	}
	return l.end(nil, fmt.Sprintf(`],"range":{"start_pos":0,"end_pos":%d,"total":%[1]d}}`, l.n))
}

// eachFound calls do with all files that a query finds.
func (a API) eachFound(ctx context.Context, c ledger.Caller, q query, do func(ledger.File) error) error {
	repositories, err := a.Ledger.HostedRepositories(ctx, c)
	if err != nil {
		return err
	}
	for _, repository := range repositories {
		for _, beginning := range q.criteria.beginnings(repository.Name) {
			from, to := ledger.Beginning(beginning)
			err := a.each(ctx, c, repository.Name, from, to, func(f ledger.File) error {
				if !q.criteria.holds(itemOf(f)) {
					return nil
				}
				return do(f)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
