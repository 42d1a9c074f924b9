package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// What a single function of a template may be given and return, and all of them together. A few characters of a template can ask for
// any amount otherwise: repeat, until, print of a list that holds one text a thousand times.
const (
	maxValue = 1 << 20
	maxWork  = 256 << 20
	maxTurns = 20_000
)

// tick is the function that countLoops calls.
const tick = "gioTick"

// functions are sprig's without those that ask the machine (a server's secrets stand in its environment), the clock or chance, or
// change what they are given (a list that holds itself ends the program when it is printed), and Gimlet's sanitizeDNSName. Each is bounded, and ends when the context does.
func functions(b *budget) template.FuncMap {
	all := sprig.GenericFuncMap()
	for _, name := range unfit() {
		delete(all, name)
	}
	all["sanitizeDNSName"] = sanitizeDNSName
	all["keys"], all["values"] = keys, values
	all["print"], all["println"], all["printf"] = fmt.Sprint, fmt.Sprintln, fmt.Sprintf
	all["html"], all["js"], all["urlquery"] = template.HTMLEscaper, template.JSEscaper, template.URLQueryEscaper
	bounded := make(template.FuncMap, len(all)+1)
	for name, function := range all {
		bounded[name] = b.bound(name, function)
	}
	bounded[tick] = b.tick
	return bounded
}

// unfit are the functions of sprig that templates do not have.
func unfit() []string {
	return strings.Fields(`
		env expandenv getHostByName
		now ago date date_in_zone dateInZone date_modify dateModify must_date_modify mustDateModify htmlDate htmlDateInZone toDate mustToDate unixEpoch durationRound
		randAlphaNum randAlpha randAscii randNumeric randInt randBytes shuffle uuidv4 bcrypt htpasswd encryptAES decryptAES derivePassword
		genPrivateKey buildCustomCert genCA genCAWithKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey
		set unset merge mergeOverwrite mustMerge mustMergeOverwrite`)
}

// budget is what the templates of one file may still do.
type budget struct {
	ctx         context.Context
	turns, work int
}

func (b *budget) tick() (string, error) {
	if b.turns++; b.turns > maxTurns {
		return "", fmt.Errorf("the templates loop and call each other more than %d times", maxTurns)
	}
	return "", b.ctx.Err()
}

// spend counts the size of values.
func (b *budget) spend(values []reflect.Value) error {
	left := maxValue
	for _, value := range values {
		if left -= size(value, left, 0); left < 0 {
			return errTooLarge
		}
	}
	if b.work += maxValue - left; b.work > maxWork {
		return errors.New("the templates work with too much")
	}
	return b.ctx.Err()
}

var errTooLarge = fmt.Errorf("it is given or makes a value of more than %d bytes, or one that is nested more than %d deep", maxValue, maxDepth)

var errorType = reflect.TypeFor[error]()

// bound wraps a function, so that it costs.
func (b *budget) bound(name string, function any) any {
	inner := reflect.ValueOf(function)
	kind := inner.Type()
	in, out := make([]reflect.Type, kind.NumIn()), []reflect.Type{kind.Out(0), errorType}
	for i := range in {
		in[i] = kind.In(i)
	}
	outer := reflect.FuncOf(in, out, kind.IsVariadic())
	return reflect.MakeFunc(outer, func(args []reflect.Value) []reflect.Value {
		failed := func(err error) []reflect.Value {
			return []reflect.Value{reflect.Zero(kind.Out(0)), reflect.ValueOf(&err).Elem()}
		}
		if err := b.spend(args); err != nil {
			return failed(err)
		}
		if grows(name, args) {
			return failed(errTooLarge)
		}
		var results []reflect.Value
		if kind.IsVariadic() {
			results = inner.CallSlice(args)
		} else {
			results = inner.Call(args)
		}
		if err := b.spend(results[:1]); err != nil {
			return failed(err)
		}
		if len(results) == 1 {
			results = append(results, reflect.Zero(errorType))
		}
		return results
	}).Interface()
}

// size is about how many bytes printing a value takes, and more than most where it is more than that.
func size(value reflect.Value, most, deep int) int {
	if deep > maxDepth {
		return most + 1
	}
	total := 8
	switch value.Kind() {
	case reflect.String:
		total += value.Len()
	case reflect.Interface, reflect.Pointer:
		if !value.IsNil() {
			total += size(value.Elem(), most, deep+1)
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < value.Len() && total <= most; i++ {
			total += size(value.Index(i), most-total, deep+1)
		}
	case reflect.Map:
		for entries := value.MapRange(); total <= most && entries.Next(); {
			total += size(entries.Key(), most-total, deep+1)
			total += size(entries.Value(), most-total, deep+1)
		}
	default:
	}
	return total
}

// wide is a width of a verb that makes much of little.
var wide = regexp.MustCompile(`[0-9]{4,}|\*`)

// grows tells of the functions whose results can be far larger than their arguments that this one would be.
func grows(name string, args []reflect.Value) bool {
	length := func(i int) int {
		for args[i].Kind() == reflect.Interface && !args[i].IsNil() {
			args[i] = args[i].Elem()
		}
		if k := args[i].Kind(); k == reflect.String || k == reflect.Slice {
			return args[i].Len()
		}
		return 0
	}
	number := func(i int) int {
		if args[i].CanInt() {
			return int(min(max(args[i].Int(), -maxValue-1), maxValue+1))
		}
		return 0
	}
	switch name {
	case "printf":
		return wide.MatchString(args[0].String())
	case "repeat":
		return number(0)*length(1) > maxValue
	case "indent", "nindent":
		return number(0)*(1+strings.Count(args[1].String(), "\n")) > maxValue
	case "until":
		return number(0) > maxValue/8 || number(0) < -maxValue/8
	case "untilStep":
		return slices.ContainsFunc(args, farOff)
	case "seq":
		return slices.ContainsFunc(slices.Collect(elements(args[0])), farOff)
	case "replace":
		return length(1)*strings.Count(args[2].String(), args[0].String()) > maxValue
	case "wrapWith":
		return length(1)*length(2) > maxValue
	case "join":
		return length(0)*length(1) > maxValue
	case "regexReplaceAll", "mustRegexReplaceAll", "regexReplaceAllLiteral", "mustRegexReplaceAllLiteral":
		return length(1)*length(2) > 16*maxValue
	}
	return false
}

// farOff: a list of numbers from here to there would be too long.
func farOff(number reflect.Value) bool {
	return number.Int() > maxValue/8 || number.Int() < -maxValue/8
}

func elements(list reflect.Value) func(func(reflect.Value) bool) {
	return func(yield func(reflect.Value) bool) {
		for i := 0; i < list.Len() && yield(list.Index(i)); i++ {
		}
	}
}

// keys and values have an order, which sprig's have not.
func keys(dicts ...map[string]any) []string {
	var out []string
	for _, dict := range dicts {
		out = append(out, slices.Sorted(maps.Keys(dict))...)
	}
	return out
}

func values(dict map[string]any) []any {
	var out []any
	for _, key := range keys(dict) {
		out = append(out, dict[key])
	}
	return out
}

var notDNS = regexp.MustCompile("[^0-9a-z]+")

// sanitizeDNSName makes the name of a Kubernetes object, as Gimlet's function of this name does.
func sanitizeDNSName(text string) string {
	text = notDNS.ReplaceAllString(strings.ToLower(text), "-")
	text = text[:min(len(text), 53)]
	return strings.TrimPrefix(strings.TrimSuffix(text, "-"), "-")
}
