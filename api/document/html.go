package document

import (
	"bytes"
	_ "embed"
	"encoding"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/invoice"
)

//go:embed invoice.html
var pageText string

// page is the invoice as HTML. Every value of the document stands in an element
// of its own, <span data-v="path">text</span>, from which it is read back.
var page = template.Must(template.New("invoice").Funcs(template.FuncMap{
	"v": value,
	"line": func(i int, path string, v any) (template.HTML, error) {
		return value(fmt.Sprintf("lines.%d.%s", i, path), v)
	},
	"volume": func(i int, path string, v any) (template.HTML, error) {
		return value(fmt.Sprintf("volume.%d.%s", i, path), v)
	},
	"item": func(i int, path string, v any) (template.HTML, error) {
		return value(fmt.Sprintf("items.%d.%s", i, path), v)
	},
	"open": func(l wire.DocumentLine) bool { return l.State == invoice.Open },
	// What a document has not is not on its page either: a page is compared to the
	// last byte, and those of before such values came up must go on to fit.
	"reasons": func(d wire.Document) bool {
		return slices.ContainsFunc(d.Lines, func(l wire.DocumentLine) bool { return l.Reason != "" })
	},
}).Parse(pageText))

// value shows one value in its element. What is absent shows as a dash.
func value(path string, v any) (template.HTML, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	class := ""
	if s == "" {
		class, s = ` class="none"`, none
	}
	return template.HTML(`<span data-v="` + html.EscapeString(path) + `"` + class + `>` + html.EscapeString(s) + `</span>`), nil
}

// none is what an absent value shows.
const none = "–"

func text(v any) (string, error) {
	switch v := v.(type) {
	case *wire.Time:
		if v == nil {
			return "", nil
		}
		return text(*v)
	case encoding.TextMarshaler:
		b, err := v.MarshalText()
		return string(b), err
	}
	return fmt.Sprint(v), nil
}

// HTML writes an invoice as one page for people: no script, nothing loaded from
// elsewhere.
func HTML(d invoice.Document) ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		Format, Canonical string
		D                 wire.Document
	}{Format, base64.RawURLEncoding.EncodeToString(canon.Must(d)), Wire(d)})
	return b.Bytes(), err
}

var (
	valueForm     = regexp.MustCompile(`<span data-v="([a-z_.0-9]+)"( class="none")?>([^<]*)</span>`)
	canonicalForm = regexp.MustCompile(`data-canonical="([A-Za-z0-9_-]*)"`)
)

// parseHTML reads the values that the page shows, computes the canonical bytes
// of them, and sees that the page is exactly what those values make: nothing
// else on it can have been changed, added or hidden.
func parseHTML(data []byte) ([]byte, error) {
	altered := func(detail string) *fault.Error { return fault.New(CodeAltered, detail, "export the invoice again") }
	shown := map[string]string{}
	for _, m := range valueForm.FindAllSubmatch(data, -1) {
		path, s := string(m[1]), html.UnescapeString(string(m[3]))
		if len(m[2]) > 0 {
			s = ""
		}
		if old, twice := shown[path]; twice && old != s {
			return nil, altered("the page shows two values of " + path).In(path)
		}
		shown[path] = s
	}
	if len(shown) == 0 {
		return nil, fault.New(fault.Invalid, "the page is no exported invoice", "give the .html file that the node wrote")
	}
	var d wire.Document
	for _, path := range slices.Sorted(maps.Keys(shown)) {
		if err := set(reflect.ValueOf(&d).Elem(), strings.Split(path, "."), len(shown), shown[path]); err != nil {
			return nil, altered("the page shows " + strconv.Quote(clip(shown[path])) + ", which is no value of " + path).In(path).Because(err)
		}
	}
	carried := canonicalForm.FindSubmatch(data)
	if carried == nil {
		return nil, altered("the page carries no canonical bytes")
	}
	raw, err := base64.RawURLEncoding.DecodeString(string(carried[1]))
	if err != nil {
		return nil, altered("the canonical bytes on the page cannot be read").Because(err)
	}
	canonical, err := compare(d, raw)
	if err != nil {
		return nil, err
	}
	again, err := HTML(Domain(d))
	if err != nil {
		return nil, err
	}
	clean := bytes.TrimRight(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), " \t\n")
	if !bytes.Equal(clean, bytes.TrimRight(again, " \t\n")) {
		return nil, altered("the page shows something beside the invoice's values that the node did not write")
	}
	return canonical, nil
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// set puts a text into the field that a path of JSON names leads to. A list has
// at most so many items, so that a bad page cannot make us allocate without end.
func set(v reflect.Value, path []string, most int, s string) error {
	if len(path) > 0 {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
				if name == path[0] {
					return set(v.Field(i), path[1:], most, s)
				}
			}
		case reflect.Slice:
			n, err := strconv.Atoi(path[0])
			if err != nil || n < 0 || n >= most {
				return fmt.Errorf("%s is no index", path[0])
			}
			if n >= v.Len() {
				v.Grow(n + 1 - v.Len())
				v.SetLen(n + 1)
			}
			return set(v.Index(n), path[1:], most, s)
		}
		return fmt.Errorf("there is no field %s", path[0])
	}
	if v.Kind() == reflect.Pointer {
		if s == "" {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetUint(n)
	default:
		return fmt.Errorf("a value of kind %s has no text", v.Kind())
	}
	return nil
}

// order gives the paths of two flat documents, sorted.
func order(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
