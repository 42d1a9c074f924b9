package render

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
)

// What the templates of one app file may take.
const (
	maxOutput   = 4 << 20          // bytes that they print, together
	resolveTime = 30 * time.Second // a defect in a template must not hold a worker
)

// Variables are what templates can refer to.
type Variables struct {
	Values  map[string]string
	Dropped []string // names of those that nobody kept, because they look secret
}

// Resolve fills in the templates of a file: Go's text/template, in each text of the file by itself. (Gimlet fills in the whole file as one YAML
// text; a value with a quote or a line break would then change what the file says, and the text 1.{{ .BUILD }} would become a number.)
// A variable may refer to other variables, whose own templates are not filled in then. Fault: "app-file-template", with the key, the line and its text.
func (f AppFile) Resolve(ctx context.Context, vars Variables) (AppFile, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	r := newResolver(ctx, f)
	r.dropped = vars.Dropped
	r.resolveVariables(vars.Values)
	return r.file(f)
}

// resolver fills in the templates of one file.
type resolver struct {
	of        AppFile
	values    map[string]string
	broken    map[string]error // variables whose own template fails; an error for who refers to one
	dropped   []string
	budget    *budget
	functions template.FuncMap
	left      int // bytes that may still be printed
}

func newResolver(ctx context.Context, f AppFile) *resolver {
	b := &budget{ctx: ctx}
	return &resolver{of: f, budget: b, functions: functions(b), left: maxOutput}
}

// resolveVariables fills in what variables say of each other. CI ships all that it has: what nobody refers to must not fail.
func (r *resolver) resolveVariables(raw map[string]string) {
	r.values, r.broken = raw, map[string]error{}
	resolved := make(map[string]string, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		value, err := r.text("the variable "+name, raw[name])
		if err != nil {
			r.broken[name] = err
			continue
		}
		resolved[name] = value
	}
	r.values = resolved
}

// file fills in each text of f.
func (r *resolver) file(f AppFile) (AppFile, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return AppFile{}, f.About("app-file-syntax", "it cannot be written as JSON").Because(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return AppFile{}, f.About("app-file-syntax", "it cannot be written as JSON").Because(err)
	}
	if tree, err = r.tree("", tree); err != nil {
		return AppFile{}, err
	}
	if text, err = json.Marshal(tree); err != nil {
		return AppFile{}, f.About("app-file-syntax", "it cannot be written as JSON").Because(err)
	}
	var resolved AppFile
	if err := json.Unmarshal(text, &resolved); err != nil {
		return AppFile{}, mistyped(err)
	}
	return resolved, nil
}

func (r *resolver) tree(at string, value any) (any, error) {
	switch value := value.(type) {
	case string:
		return r.text(at, value)
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			var err error
			if out[i], err = r.tree(at+"["+strconv.Itoa(i)+"]", item); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		return r.object(at, value)
	}
	return value, nil
}

func (r *resolver) object(at string, object map[string]any) (any, error) {
	out := make(map[string]any, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		below := strings.TrimPrefix(at+"."+key, ".")
		name, err := r.text(below, key)
		if err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice {
			return nil, r.of.About("app-file-template", "%s: the key %q is there twice", below, name)
		}
		if out[name], err = r.tree(below, object[key]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// text fills in one text, which stands at a key.
func (r *resolver) text(at, text string) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	parsed, err := template.New(templateName).Option("missingkey=error").Funcs(r.functions).Parse(text)
	if err != nil {
		return "", r.explain(at, text, err)
	}
	for _, t := range parsed.Templates() {
		if t.Tree != nil {
			countLoops(t.Root)
		}
	}
	out := &limited{resolver: r}
	if err := parsed.Execute(out, r.values); err != nil {
		return "", r.explain(at, text, err)
	}
	return out.String(), nil
}

const templateName = "app file"

// countLoops makes each turn of a loop, and each call of a template, call tick: nothing else ends a template that prints nothing.
func countLoops(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch node := node.(type) {
		case *parse.RangeNode:
			countLoops(node.List)
			countLoops(node.ElseList)
		case *parse.IfNode:
			countLoops(node.List)
			countLoops(node.ElseList)
		case *parse.WithNode:
			countLoops(node.List)
			countLoops(node.ElseList)
		}
	}
	list.Nodes = append([]parse.Node{tickNode()}, list.Nodes...)
}

func tickNode() parse.Node {
	trees, err := parse.Parse("tick", "{{"+tick+"}}", "", "", map[string]any{tick: func() {}})
	if err != nil {
		panic(err) // the text is a constant
	}
	return trees["tick"].Root.Nodes[0]
}

// limited takes what a template prints, and refuses what is too much.
type limited struct {
	strings.Builder
	resolver *resolver
}

func (l *limited) Write(p []byte) (int, error) {
	if l.resolver.left -= len(p); l.resolver.left < 0 {
		return 0, fmt.Errorf("the templates print more than %d bytes", maxOutput)
	}
	return l.Builder.Write(p)
}

var (
	templateError = regexp.MustCompile(`(?s)^template: ` + templateName + `:(\d+)(?::\d+)?: (.*)$`)
	executing     = regexp.MustCompile(`(?s)^executing ".*?" at (<.*?>): (.*)$`)
	noEntry       = regexp.MustCompile(`map has no entry for key "(.*)"$`)
	noFunction    = regexp.MustCompile(`^function "(.*)" not defined$`)
)

// explain says in which line of which text what went wrong.
func (r *resolver) explain(at, text string, err error) error {
	where, said := at, err.Error()
	if m := templateError.FindStringSubmatch(said); m != nil {
		said = m[2]
		lines := strings.Split(text, "\n")
		if n, _ := strconv.Atoi(m[1]); n >= 1 && n <= len(lines) {
			where = fmt.Sprintf("%s, line %d (%.200s)", at, n, strings.TrimSpace(lines[n-1]))
		}
	}
	if m := executing.FindStringSubmatch(said); m != nil {
		said = m[1] + ": " + m[2]
	}
	refused := func(format string, args ...any) *fault.Fault {
		return r.of.About("app-file-template", "%s: %s", where, fmt.Sprintf(format, args...))
	}
	if m := noEntry.FindStringSubmatch(said); m != nil {
		return r.missing(m[1], refused)
	}
	if m := noFunction.FindStringSubmatch(said); m != nil {
		return refused("there is no function %s", m[1]).
			Hint("functions are those of sprig that depend on nothing but their arguments, and sanitizeDNSName; none knows the time, the machine or chance")
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("the app file of %s: %w", r.of, context.Cause(r.budget.ctx))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return refused("the templates take more than %s", resolveTime)
	}
	return refused("%s", said)
}

func (r *resolver) missing(name string, refused func(string, ...any) *fault.Fault) error {
	if slices.Contains(r.dropped, name) {
		return refused("the variable %s was not kept, because it looks like a secret", name).
			Hint("keep secrets in the cluster, and let the app refer to them there; or ship the value under a name that does not look like one of a secret")
	}
	if cause := r.broken[name]; cause != nil {
		return refused("the variable %s has no value", name).Because(cause)
	}
	return refused("there is no variable %s", name).Hint("CI ships variables with the shipment; names are in capitals: BRANCH, SHA, TAG")
}
