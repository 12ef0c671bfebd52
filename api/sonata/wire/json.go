package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
)

// Kind is the kind of a JSON value.
type Kind byte

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is a piece of JSON that keeps the bytes it was read from: what is not
// changed is written as it came, spaces and spelling of numbers included. A
// partner's product configuration is so given back, hashed and signed unchanged.
type Value struct {
	Kind    Kind
	Members []Member // of an object, in the order they came
	Items   []Value  // of an array

	raw []byte // as it was read; nil when something within has been changed
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value Value
}

// Limits of what is read: deeper or more than this no message is.
const (
	MaxDepth  = 64
	MaxValues = 50_000
)

// Parse reads JSON of one value. Beyond what JSON forbids it refuses bytes that
// are no UTF-8, two members of one name, and what is deeper or longer than the
// limits. Code: invalid.
func Parse(data []byte) (Value, error) {
	if !utf8.Valid(data) {
		return Value{}, malformed("the text is not UTF-8")
	}
	if !json.Valid(data) {
		return Value{}, malformed("the text is not JSON")
	}
	p := parser{data: data, left: MaxValues}
	v, err := p.value(MaxDepth)
	return v, err
}

func malformed(detail string) error {
	return fault.New(fault.Invalid, detail, "send one JSON value in UTF-8")
}

// parser walks through text that is known to be JSON.
type parser struct {
	data []byte
	at   int
	left int // values
}

func (p *parser) space() {
	for p.at < len(p.data) && strings.IndexByte(" \t\r\n", p.data[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) value(depth int) (v Value, err error) {
	if p.left--; p.left < 0 {
		return v, malformed("the text has too many values")
	}
	p.space()
	from := p.at
	switch p.data[p.at] {
	case '{':
		err = p.object(&v, depth-1)
	case '[':
		err = p.array(&v, depth-1)
	case '"':
		v.Kind = String
		p.text()
	case 't':
		v.Kind, p.at = Bool, p.at+4
	case 'f':
		v.Kind, p.at = Bool, p.at+5
	case 'n':
		v.Kind, p.at = Null, p.at+4
	default:
		v.Kind = Number
		for p.at < len(p.data) && strings.IndexByte("+-.0123456789eE", p.data[p.at]) >= 0 {
			p.at++
		}
	}
	v.raw = p.data[from:p.at:p.at]
	return v, err
}

// text passes over a string.
func (p *parser) text() []byte {
	from := p.at
	for p.at++; p.data[p.at] != '"'; p.at++ {
		if p.data[p.at] == '\\' {
			p.at++
		}
	}
	p.at++
	return p.data[from:p.at]
}

func (p *parser) object(v *Value, depth int) error {
	v.Kind = Object
	if depth < 0 {
		return malformed("the text is too deep")
	}
	names := map[string]bool{}
	for p.at++; ; p.at++ {
		if p.space(); p.data[p.at] == '}' { // only of an empty object
			p.at++
			return nil
		}
		name := unquote(p.text())
		if names[name] {
			return fault.Newf(fault.Invalid, "send each member once", "the member %.64q comes twice in one object", name)
		}
		names[name] = true
		p.space()
		p.at++ // the colon
		m, err := p.value(depth)
		if err != nil {
			return err
		}
		v.Members = append(v.Members, Member{name, m})
		if p.space(); p.data[p.at] == '}' {
			p.at++
			return nil
		}
	}
}

func (p *parser) array(v *Value, depth int) error {
	v.Kind = Array
	if depth < 0 {
		return malformed("the text is too deep")
	}
	for p.at++; ; p.at++ {
		if p.space(); p.data[p.at] == ']' { // only of an empty array
			p.at++
			return nil
		}
		item, err := p.value(depth)
		if err != nil {
			return err
		}
		v.Items = append(v.Items, item)
		if p.space(); p.data[p.at] == ']' {
			p.at++
			return nil
		}
	}
}

func unquote(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1])
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		panic(err) // it is known to be JSON
	}
	return s
}

// ValueOf gives a Go value as JSON; a Value stays as it is. It panics for what
// JSON cannot have: our own types only.
func ValueOf(x any) Value {
	switch x := x.(type) {
	case Value:
		return x
	case *Value:
		return *x
	}
	data, err := Marshal(x)
	if err != nil {
		panic(err)
	}
	v, err := Parse(data)
	if err != nil {
		panic(err)
	}
	return v
}

// Marshal writes JSON without the escapes that only HTML needs.
func Marshal(x any) ([]byte, error) {
	if v, ok := x.(Value); ok {
		return v.Bytes(), nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(x); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Bytes gives the value as text. Do not change it.
func (v Value) Bytes() []byte {
	if v.raw != nil {
		return v.raw
	}
	return v.append(nil)
}

func (v Value) append(b []byte) []byte {
	switch {
	case v.raw != nil:
		return append(b, v.raw...)
	case v.Kind == Object:
		b = append(b, '{')
		for i, m := range v.Members {
			if i > 0 {
				b = append(b, ',')
			}
			name, err := Marshal(m.Name)
			if err != nil {
				panic(err) // a string
			}
			b = m.Value.append(append(append(b, name...), ':'))
		}
		return append(b, '}')
	case v.Kind == Array:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.append(b)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

// MarshalJSON gives the value as text; encoding/json takes the spaces out.
func (v Value) MarshalJSON() ([]byte, error) { return v.Bytes(), nil }

// UnmarshalJSON reads a value.
func (v *Value) UnmarshalJSON(data []byte) (err error) {
	*v, err = Parse(bytes.Clone(data))
	return err
}

// IsZero says that there is no value at all.
func (v Value) IsZero() bool { return v.Kind == Null && v.raw == nil }

// Get gives a member of an object; a zero Value when it has none.
func (v Value) Get(name string) Value {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return Value{}
}

// Has says whether an object has a member.
func (v Value) Has(name string) bool { return !v.Get(name).IsZero() }

// Text gives the text of a string; "" of anything else.
func (v Value) Text() string {
	if v.Kind != String {
		return ""
	}
	return unquote(v.raw)
}

// True says whether the value is true.
func (v Value) True() bool { return v.Kind == Bool && v.raw[0] == 't' }

// Set puts a member into an object, in the place of the one of that name.
func (v *Value) Set(name string, x any) {
	value := ValueOf(x)
	v.Kind, v.raw = Object, nil
	// A copy of the value must not see the change.
	v.Members = append([]Member(nil), v.Members...)
	for i := range v.Members {
		if v.Members[i].Name == name {
			v.Members[i].Value = value
			return
		}
	}
	v.Members = append(v.Members, Member{name, value})
}

// Drop takes members out of an object.
func (v *Value) Drop(names ...string) {
	for _, name := range names {
		for i, m := range v.Members {
			if m.Name == name {
				v.raw = nil
				v.Members = append(append([]Member(nil), v.Members[:i]...), v.Members[i+1:]...)
				break
			}
		}
	}
}

// Rename gives a member of an object another name, in its place.
func (v *Value) Rename(from, to string) {
	for i := range v.Members {
		if v.Members[i].Name == from {
			v.Members = append([]Member(nil), v.Members...)
			v.Members[i].Name, v.raw = to, nil
		}
	}
}

// Open gives a member of an object to be changed, nil when it has none.
func (v *Value) Open(name string) *Value {
	for i := range v.Members {
		if v.Members[i].Name == name {
			v.Members = append([]Member(nil), v.Members...)
			v.raw = nil
			return &v.Members[i].Value
		}
	}
	return nil
}

// Elements gives the items of an array to be changed.
func (v *Value) Elements() []Value {
	if v == nil || v.Kind != Array {
		return nil
	}
	v.Items = append([]Value(nil), v.Items...)
	v.raw = nil
	return v.Items
}

// Append adds items to an array, which it makes of nothing.
func (v *Value) Append(items ...any) {
	v.Kind, v.raw = Array, nil
	v.Items = v.Items[:len(v.Items):len(v.Items)]
	for _, x := range items {
		v.Items = append(v.Items, ValueOf(x))
	}
}

// Decode reads the value into a Go type.
func (v Value) Decode(into any) error { return json.Unmarshal(v.Bytes(), into) }
