package catalog

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
)

// Codes of schemas and payloads.
const (
	// CodeBadSchema says that a file of schemas cannot be used.
	CodeBadSchema fault.Code = "bad-schema"
	// CodeUnknownType says that no schema has the @type of a payload.
	CodeUnknownType fault.Code = "unknown-type"
	// CodeBadPayload says that a payload does not satisfy the schema of its @type.
	CodeBadPayload fault.Code = "bad-payload"
)

// Types of the schemas that are built in, of Lateral's own wording.
const (
	TypeELine          = "urn:lateral:spec:e-line:v1.0.0:all"
	TypeInternetAccess = "urn:lateral:spec:internet-access:v1.0.0:all"
	TypeUNI            = "urn:lateral:spec:uni:v1.0.0:all"
	TypeENNIAccess     = "urn:lateral:spec:enni-access:v1.0.0:all"
	TypeIPVPN          = "urn:lateral:spec:ip-vpn:v1.0.0:all"
)

// The bounds of schemas and payloads.
const (
	maxSchemaFile  = 4 << 20   // bytes
	maxSchemaFiles = 5000      // in a folder
	maxSchemaBytes = 64 << 20  // of all files together
	maxSubschemas  = 1_000_000 // that one schema leads to
	maxDepth       = 100       // nesting of a file or a payload
	maxPayload     = 1 << 20   // bytes
	maxFaults      = 50        // that are told of one payload
)

//go:embed schema/*.json
var embedded embed.FS

// Schemas chooses a JSON Schema (draft-07 unless it says otherwise) by the @type
// of a payload, which is the schema's $id. It does not change, and fetches
// nothing: what a schema refers to stands in its folder.
type Schemas struct {
	byType map[string]*schema
}

type schema struct {
	file     string // "" when it is built in
	title    string
	document []byte // as JSON
	compiled *jsonschema.Schema
}

// SchemaInfo describes a schema.
type SchemaInfo struct {
	Type    string `json:"type"`
	Title   string `json:"title,omitempty"`
	File    string `json:"file,omitempty" doc:"In the operator's folder; absent: built in."`
	BuiltIn bool   `json:"built_in"`
}

// Embedded gives the schemas that are built in.
var Embedded = sync.OnceValue(func() *Schemas {
	dir, err := fs.Sub(embedded, "schema")
	if err != nil {
		panic(err)
	}
	s := &Schemas{map[string]*schema{}}
	if bad := s.load(dir, true); len(bad) > 0 {
		panic(fmt.Sprintf("the schemas that are compiled in: %v", bad[0]))
	}
	return s
})

// LoadSchemas gives the built-in schemas and those of a folder, files .json,
// .yaml and .yml in it and below; "" is no folder. A file whose $id is a URN is
// the schema of that type; others are what schemas refer to. What cannot be used
// is left out and told, a fault each with the file as its field. Code:
// [CodeBadSchema].
func LoadSchemas(dir string) (*Schemas, []error) {
	s := &Schemas{maps.Clone(Embedded().byType)}
	if dir == "" {
		return s, nil
	}
	root, err := os.OpenRoot(dir) // links do not lead out of it
	if err != nil {
		return s, []error{fault.Newf(CodeBadSchema, "name a folder that this user can read", "the folder of schemas %s cannot be read", dir).Because(err)}
	}
	defer root.Close()
	return s, s.load(root.FS(), false)
}

// base is where the files of a folder stand for each other's references.
const base = "file:///schemas/"

// load adds the files of a folder.
func (s *Schemas) load(dir fs.FS, builtin bool) (bad []error) {
	refuse := func(file, remedy, format string, args ...any) {
		bad = append(bad, fault.Newf(CodeBadSchema, remedy, format, args...).In(file))
	}
	type source struct {
		id       string
		document any
	}
	files := map[string]source{}
	total := 0
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			refuse(name, "give this user the right to read it", "it cannot be read: %v", err)
			return nil
		}
		ext := path.Ext(name)
		if d.IsDir() || ext != ".json" && ext != ".yaml" && ext != ".yml" {
			return nil
		}
		if len(files) == maxSchemaFiles {
			return fmt.Errorf("there are more than %d files", maxSchemaFiles)
		}
		f, err := dir.Open(name)
		if err != nil {
			refuse(name, "give this user the right to read it", "it cannot be read: %v", err)
			return nil
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxSchemaFile+1))
		switch {
		case err != nil:
			refuse(name, "give this user the right to read it", "it cannot be read: %v", err)
			return nil
		case len(data) > maxSchemaFile:
			refuse(name, "split it", "it has more than %d bytes", maxSchemaFile)
			return nil
		}
		if total += len(data); total > maxSchemaBytes {
			return fmt.Errorf("the files have more than %d bytes together", maxSchemaBytes)
		}
		doc, err := plainDocument(data)
		if err != nil {
			refuse(name, "correct the file: it is one JSON or YAML document without aliases", "%v", err)
			return nil
		}
		m, ok := doc.(map[string]any)
		if _, api := m["openapi"]; !ok || api {
			return nil // the description of an interface, or no schema at all
		}
		withoutEmpty(doc)
		id, _ := m["$id"].(string)
		if validType(id) {
			// The URN would be the base of relative references, which lead to files.
			delete(m, "$id")
		} else {
			id = ""
		}
		files[name] = source{id, doc}
		return nil
	})
	if err != nil {
		refuse(".", "name a folder with fewer files", "%v", err)
		return bad
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.UseLoader(nothingElse{})
	byType := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		if err := c.AddResource(base+(&url.URL{Path: name}).EscapedPath(), f.document); err != nil {
			refuse(name, "rename the file", "it has no place among the others: %v", err)
			continue
		}
		if f.id == "" {
			continue
		}
		if other, twice := byType[f.id]; twice {
			refuse(name, "keep one of the two", "its $id %s is that of %s", f.id, other)
			continue
		}
		if old := s.byType[f.id]; old != nil && !builtin {
			refuse(name, "give it an $id of its own", "its $id %s is that of a schema which is built in", f.id)
			continue
		}
		byType[f.id] = name
		// What names a schema by its type is led to the file.
		if err := c.AddResource(f.id, map[string]any{"$ref": base + (&url.URL{Path: name}).EscapedPath()}); err != nil {
			refuse(name, "correct its $id", "its $id cannot be used: %v", err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byType)) {
		name := byType[id]
		compiled, err := c.Compile(base + (&url.URL{Path: name}).EscapedPath())
		if err != nil {
			refuse(name, "correct the file, or add what it refers to", "%s", inOneLine(err))
			continue
		}
		if err := bounded(compiled); err != nil {
			refuse(name, "let references end", "%v", err)
			continue
		}
		doc := files[name].document.(map[string]any)
		title, _ := doc["title"].(string)
		x := &schema{title: title, compiled: compiled}
		if !builtin {
			x.file = name
		}
		shown := maps.Clone(doc)
		shown["$id"] = id
		if x.document, err = json.Marshal(shown); err != nil {
			refuse(name, "correct the file", "it cannot be written as JSON: %v", err)
			continue
		}
		s.byType[id] = x
	}
	return bad
}

// withoutEmpty takes out keywords behind which a YAML file has nothing, as one of
// MEF's has: they say nothing, and are no schema by the letter.
func withoutEmpty(v any) {
	switch x := v.(type) {
	case map[string]any:
		for _, keyword := range []string{"properties", "patternProperties", "definitions", "required", "allOf", "anyOf", "oneOf"} {
			if value, there := x[keyword]; there && value == nil {
				delete(x, keyword)
			}
		}
		for _, y := range x {
			withoutEmpty(y)
		}
	case []any:
		for _, y := range x {
			withoutEmpty(y)
		}
	}
}

// nothingElse refuses whatever does not stand in the folder.
type nothingElse struct{}

func (nothingElse) Load(address string) (any, error) {
	return nil, fmt.Errorf("%s is not in the folder, and nothing is fetched", strings.TrimPrefix(address, base))
}

func inOneLine(err error) string {
	text := strings.ReplaceAll(err.Error(), base, "")
	return strings.Join(strings.Fields(text), " ")
}

// plainDocument reads a JSON or YAML document into what JSON has, within
// bounds.
func plainDocument(data []byte) (any, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		return nil, fmt.Errorf("it is neither JSON nor YAML: %w", err)
	}
	if n.Kind != yaml.DocumentNode {
		return nil, errors.New("it is empty")
	}
	return plainNode(n.Content[0], 0)
}

func plainNode(n *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("line %d: it is nested more than %d deep", n.Line, maxDepth)
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return nil, fmt.Errorf("line %d: a key is no plain text", key.Line)
			}
			if _, twice := m[key.Value]; twice {
				return nil, fmt.Errorf("line %d: %.80q comes twice", key.Line, key.Value)
			}
			v, err := plainNode(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			m[key.Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, x := range n.Content {
			var err error
			if list[i], err = plainNode(x, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!null":
			return nil, nil
		case "!!bool":
			return strings.EqualFold(n.Value, "true"), nil
		case "!!int", "!!float":
			if json.Valid([]byte(n.Value)) {
				return json.Number(n.Value), nil
			}
			return nil, fmt.Errorf("line %d: %.40q is not a number as JSON has them", n.Line, n.Value)
		}
		return n.Value, nil
	}
	return nil, fmt.Errorf("line %d: an alias is not taken here", n.Line)
}

// bounded refuses a schema whose references lead round without taking anything
// of the payload, and one that leads to too much.
func bounded(root *jsonschema.Schema) error {
	const open, done = 1, 2
	state := map[*jsonschema.Schema]int{}
	var visit func(s *jsonschema.Schema) error
	var rest []*jsonschema.Schema
	visit = func(s *jsonschema.Schema) error {
		switch state[s] {
		case open:
			return fmt.Errorf("a $ref leads back to itself at %s", strings.TrimPrefix(s.Location, base))
		case done:
			return nil
		}
		if len(state) >= maxSubschemas {
			return fmt.Errorf("it leads to more than %d schemas", maxSubschemas)
		}
		state[s] = open
		same, inner := parts(s)
		for _, x := range same {
			if err := visit(x); err != nil {
				return err
			}
		}
		state[s] = done
		rest = append(rest, inner...)
		return nil
	}
	for rest = []*jsonschema.Schema{root}; len(rest) > 0; {
		s := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		if err := visit(s); err != nil {
			return err
		}
	}
	return nil
}

// parts gives the schemas within one: those for the same value, and those for a
// part of it.
func parts(s *jsonschema.Schema) (same, inner []*jsonschema.Schema) {
	inPlace := map[string]bool{"Ref": true, "RecursiveRef": true, "Not": true, "AllOf": true, "AnyOf": true, "OneOf": true,
		"If": true, "Then": true, "Else": true, "Dependencies": true, "DependentSchemas": true}
	var gather func(v reflect.Value, into *[]*jsonschema.Schema)
	gather = func(v reflect.Value, into *[]*jsonschema.Schema) {
		switch v.Kind() {
		case reflect.Interface:
			if !v.IsNil() {
				gather(v.Elem(), into)
			}
		case reflect.Pointer:
			if x, ok := v.Interface().(*jsonschema.Schema); ok && x != nil {
				*into = append(*into, x)
			}
		case reflect.Slice:
			for i := range v.Len() {
				gather(v.Index(i), into)
			}
		case reflect.Map:
			for _, k := range v.MapKeys() {
				gather(v.MapIndex(k), into)
			}
		}
	}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == "Enum" || f.Name == "Const" || f.Name == "Default" || f.Name == "Examples" {
			continue
		}
		if inPlace[f.Name] {
			gather(v.Field(i), &same)
		} else {
			gather(v.Field(i), &inner)
		}
	}
	if d := s.DynamicRef; d != nil {
		same = append(same, d.Ref)
	}
	return same, inner
}

// List gives the schemas in order of their types.
func (s *Schemas) List() []SchemaInfo {
	var out []SchemaInfo
	for _, t := range slices.Sorted(maps.Keys(s.byType)) {
		x := s.byType[t]
		out = append(out, SchemaInfo{Type: t, Title: x.title, File: x.file, BuiltIn: x.file == ""})
	}
	return out
}

// Knows reports whether there is a schema of a type.
func (s *Schemas) Knows(t string) bool { return s.byType[t] != nil }

// Document gives a schema as JSON. Code: [CodeUnknownType].
func (s *Schemas) Document(t string) ([]byte, error) {
	if x := s.byType[t]; x != nil {
		return bytes.Clone(x.document), nil
	}
	return nil, unknownType(t)
}

func unknownType(t string) *fault.Error {
	return fault.Newf(CodeUnknownType, "lateral catalog schema list shows the types; a schema is added to the folder that the node's configuration names", "no schema has the type %.120q", t)
}

// Reason says in which way a payload is at fault, in the words of Sonata's
// errors.
type Reason string

// The reasons.
const (
	MissingProperty    Reason = "missingProperty"
	UnexpectedProperty Reason = "unexpectedProperty"
	InvalidValue       Reason = "invalidValue"
	InvalidFormat      Reason = "invalidFormat"
)

// Violation is one fault of a payload.
type Violation struct {
	Pointer string `json:"pointer" doc:"Where, as a JSON pointer (RFC 6901)."`
	Reason  Reason `json:"reason"`
	Detail  string `json:"detail"`
}

// TypeOf reads the @type of a payload. Code: [CodeBadPayload].
func TypeOf(payload []byte) (string, error) {
	doc, err := readPayload(payload)
	if err != nil {
		return "", err
	}
	t, err := typeOf(doc)
	if err != nil {
		return "", err
	}
	return t, nil
}

func typeOf(doc any) (string, error) {
	m, ok := doc.(map[string]any)
	t, typed := m["@type"].(string)
	if !ok || !typed {
		return "", fault.New(CodeBadPayload, "the payload does not say of which @type it is", "add @type, the $id of its schema").In("/@type")
	}
	return t, nil
}

// Check validates a payload by the schema of its @type and gives what is wrong
// with it, by place; none: it is right. Codes: [CodeBadPayload] when it is no
// JSON or has no @type, [CodeUnknownType].
func (s *Schemas) Check(payload []byte) ([]Violation, error) {
	doc, err := readPayload(payload)
	if err != nil {
		return nil, err
	}
	t, err := typeOf(doc)
	if err != nil {
		return nil, err
	}
	x := s.byType[t]
	if x == nil {
		return nil, unknownType(t).In("/@type")
	}
	err = x.compiled.Validate(doc)
	if err == nil {
		return nil, nil
	}
	v, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return nil, fault.New(CodeBadPayload, "the payload cannot be checked", "look at its schema").Because(err)
	}
	var out []Violation
	gatherFaults(v, &out)
	slices.SortFunc(out, func(a, b Violation) int {
		return strings.Compare(a.Pointer+"\x00"+string(a.Reason)+a.Detail, b.Pointer+"\x00"+string(b.Reason)+b.Detail)
	})
	out = slices.Compact(out)
	return out[:min(len(out), maxFaults)], nil
}

// Validate is Check with the first violation as an error whose field is its
// JSON pointer. Codes: those of Check.
func (s *Schemas) Validate(payload []byte) error {
	bad, err := s.Check(payload)
	if err != nil || len(bad) == 0 {
		return err
	}
	return fault.New(CodeBadPayload, bad[0].Detail, "correct the payload; its schema says what is asked for").In(bad[0].Pointer)
}

// readPayload reads JSON within bounds.
func readPayload(payload []byte) (any, error) {
	if len(payload) > maxPayload {
		return nil, fault.Newf(CodeBadPayload, "shorten it", "the payload has more than %d bytes", maxPayload)
	}
	depth, deepest, inText, escaped := 0, 0, false, false
	for _, b := range payload {
		switch {
		case escaped:
			escaped = false
		case inText:
			escaped, inText = b == '\\', b != '"'
		case b == '"':
			inText = true
		case b == '{' || b == '[':
			depth++
			deepest = max(deepest, depth)
		case b == '}' || b == ']':
			depth--
		}
	}
	if deepest > maxDepth {
		return nil, fault.Newf(CodeBadPayload, "make it flatter", "the payload is nested more than %d deep", maxDepth)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		return nil, fault.New(CodeBadPayload, "the payload is not one JSON document", "correct it").Because(err)
	}
	return doc, nil
}

// gatherFaults gives the innermost faults. Where one of several schemas had to
// fit, the branch that came nearest is told: the one whose faults lie deepest.
func gatherFaults(e *jsonschema.ValidationError, out *[]Violation) {
	causes := e.Causes
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if len(causes) > 1 {
			best, deepest := causes[0], -1
			for _, c := range causes {
				if d := depthOf(c); d > deepest {
					best, deepest = c, d
				}
			}
			causes = []*jsonschema.ValidationError{best}
		}
	case *kind.PropertyNames: // its causes speak of the name, not of a place
		causes = nil
	}
	for _, c := range causes {
		gatherFaults(c, out)
	}
	if len(causes) > 0 || len(*out) >= 10*maxFaults {
		return
	}
	at := pointer(e.InstanceLocation)
	add := func(where string, r Reason, format string, args ...any) {
		*out = append(*out, Violation{where, r, fmt.Sprintf(format, args...)})
	}
	below := func(name string) string { return pointer(append(slices.Clone(e.InstanceLocation), name)) }
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			add(below(name), MissingProperty, "the property %.80s is missing", name)
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			add(below(name), MissingProperty, "the property %.80s is missing beside %.80s", name, k.Prop)
		}
	case *kind.Dependency:
		for _, name := range k.Missing {
			add(below(name), MissingProperty, "the property %.80s is missing beside %.80s", name, k.Prop)
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			add(below(name), UnexpectedProperty, "there is no property %.80s", name)
		}
	case *kind.Type:
		add(at, InvalidValue, "it is of the type %s, not %s", k.Got, strings.Join(k.Want, " or "))
	case *kind.Enum:
		add(at, InvalidValue, "it is none of the values that are allowed: %.300s", strings.Trim(fmt.Sprint(k.Want), "[]"))
	case *kind.Const:
		add(at, InvalidValue, "it is not %.200v", k.Want)
	case *kind.Format:
		add(at, InvalidFormat, "it is not of the format %s", k.Want)
	case *kind.Pattern:
		add(at, InvalidFormat, "it does not match %.200s", k.Want)
	case *kind.Minimum:
		add(at, InvalidValue, "it is less than %s", k.Want.RatString())
	case *kind.Maximum:
		add(at, InvalidValue, "it is more than %s", k.Want.RatString())
	case *kind.ExclusiveMinimum:
		add(at, InvalidValue, "it is not more than %s", k.Want.RatString())
	case *kind.ExclusiveMaximum:
		add(at, InvalidValue, "it is not less than %s", k.Want.RatString())
	case *kind.MultipleOf:
		add(at, InvalidValue, "it is no multiple of %s", k.Want.RatString())
	case *kind.MinLength:
		add(at, InvalidValue, "it has fewer than %d letters", k.Want)
	case *kind.MaxLength:
		add(at, InvalidValue, "it has more than %d letters", k.Want)
	case *kind.MinItems:
		add(at, InvalidValue, "it has fewer than %d items", k.Want)
	case *kind.MaxItems:
		add(at, InvalidValue, "it has more than %d items", k.Want)
	case *kind.AdditionalItems:
		add(at, InvalidValue, "it has %d items too many", k.Count)
	case *kind.UniqueItems:
		add(at, InvalidValue, "two of its items are the same")
	case *kind.MinProperties:
		add(at, InvalidValue, "it has fewer than %d properties", k.Want)
	case *kind.MaxProperties:
		add(at, InvalidValue, "it has more than %d properties", k.Want)
	case *kind.PropertyNames:
		add(below(k.Property), UnexpectedProperty, "there is no property %.80s", k.Property)
	case *kind.OneOf:
		add(at, InvalidValue, "it fits several of the forms of which it may have one")
	case *kind.Not:
		add(at, InvalidValue, "it has a form that is not allowed here")
	case *kind.FalseSchema:
		add(at, UnexpectedProperty, "nothing is allowed here")
	default:
		add(at, InvalidValue, "it does not satisfy %s", strings.Join(e.ErrorKind.KeywordPath(), "/"))
	}
}

// depthOf is how deep in the payload the deepest fault lies.
func depthOf(e *jsonschema.ValidationError) int {
	d := len(e.InstanceLocation)
	for _, c := range e.Causes {
		d = max(d, depthOf(c))
	}
	return d
}

// pointer writes a place as a JSON pointer; "" is the whole.
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}
