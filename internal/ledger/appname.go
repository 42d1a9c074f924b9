package ledger

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"github.com/gravitee-lab/gio/internal/fault"
)

var (
	appName      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`) // it is a folder in Git
	noDNSLetters = regexp.MustCompile(`[^0-9a-z]+`)
)

// checkAppName returns the fault of what cannot be the name of an app.
func checkAppName(name string) error {
	if appName.MatchString(name) && !strings.Contains(name, "..") {
		return nil
	}
	return fault.New(fault.Invalid, "invalid-app", "%.100q cannot be the name of an app: up to 63 letters, digits, dots, - and _", name)
}

// sanitizeDNSName makes of a text what can stand in the name of a host.
func sanitizeDNSName(text string) string {
	text = noDNSLetters.ReplaceAllString(strings.ToLower(text), "-")
	text = text[:min(len(text), 53)]
	return strings.TrimPrefix(strings.TrimSuffix(text, "-"), "-")
}

// placed is an app file that says for which app and where it is, with the names that its templates give.
type placed struct {
	AppFile
	raw json.RawMessage
}

// place fills in the names of an app file. They may use sanitizeDNSName, and variables that use variables. Fault: invalid-app-file.
func (c Contents) place(f AppFile, raw json.RawMessage) (placed, error) {
	f = f.ofPreview()
	vars := c.Variables()
	for name, value := range vars {
		if filled, err := fillName(value, vars); err == nil { // what else is wrong with it, the whole file's templates tell
			vars[name] = filled
		}
	}
	var err error
	for _, name := range []*string{&f.App, &f.Environment} {
		if *name, err = c.fillName(*name, vars); err != nil {
			return placed{}, err
		}
	}
	return placed{f, raw}, checkAppName(f.App)
}

// fillName is fillName with a clear text for a variable that was dropped.
func (c Contents) fillName(text string, vars map[string]string) (string, error) {
	filled, err := fillName(text, vars)
	if err == nil {
		return filled, nil
	}
	why := fault.New(fault.Invalid, "invalid-template", "%.200q cannot be filled in", text).Because(err)
	for _, name := range c.Dropped {
		if strings.Contains(err.Error(), strconv.Quote(name)) {
			why = fault.New(fault.Invalid, "invalid-template", "%.200q cannot be filled in: the variable %s looked secret, and was not kept", text, name)
		}
	}
	return "", why
}

func fillName(text string, vars map[string]string) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"sanitizeDNSName": sanitizeDNSName}).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, vars)
	return out.String(), err
}

// files are the app files of a shipment, and why one of them cannot be placed.
func (s Shipment) files() (all []placed, refused []Refused) {
	for _, raw := range s.Contents.Files {
		f, err := ParseAppFile(raw)
		var p placed
		if err == nil {
			p, err = s.Contents.place(f, raw)
		}
		if err != nil {
			refused = append(refused, Refused{App: f.App, Environment: f.Environment, Why: inOneLine(err)})
			continue
		}
		all = append(all, p)
	}
	return all, refused
}

// fileOf is the app file of an app in an environment. Fault: no-app-file.
func (s Shipment) fileOf(environment, app string) (json.RawMessage, error) {
	all, _ := s.files()
	for _, p := range all {
		if p.App == app && p.Environment == environment {
			return p.raw, nil
		}
	}
	return nil, fault.New(fault.Invalid, "no-app-file", "%s has no app file of %s for %s", s.ID, app, environment)
}

// inOneLine is a fault with its cause.
func inOneLine(err error) string {
	text := err.Error()
	if f, is := err.(interface{ Unwrap() error }); is && f.Unwrap() != nil {
		text += ": " + f.Unwrap().Error()
	}
	return strings.Join(strings.Fields(kept(text)), " ")
}
