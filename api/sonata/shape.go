package sonata

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// shape is the form that a published file asks of a piece of JSON. What is not
// of it is a fault of the body (400); members that no shape names are kept and
// given back, as the files allow.
type shape struct {
	kind    wire.Kind
	any     bool // of any kind
	fields  []field
	item    *shape
	least   int // items of an array, members of an object
	most    int // 0: any number
	enum    []string
	format  func(string) bool
	integer bool
	lowest  int64             // of an integer
	choose  map[string]*shape // by the member @type
}

// field is a member of an object.
type field struct {
	name     string
	shape    *shape
	required bool
}

func req(name string, s *shape) field { return field{name, s, true} }
func opt(name string, s *shape) field { return field{name, s, false} }

// object is an object with these members.
func object(fields ...field) *shape { return &shape{kind: wire.Object, fields: fields} }

// with gives an object more members.
func (s *shape) with(fields ...field) *shape {
	c := *s
	c.fields = append(slices.Clone(s.fields), fields...)
	return &c
}

// list is an array of at least so many items.
func list(item *shape, least int) *shape {
	return &shape{kind: wire.Array, item: item, least: least}
}

// oneOf is one of some texts.
func oneOf(texts ...string) *shape { return &shape{kind: wire.String, enum: texts} }

// byType is an object whose member @type says which.
func byType(types map[string]*shape) *shape { return &shape{kind: wire.Object, choose: types} }

var (
	text    = &shape{kind: wire.String}
	boolean = &shape{kind: wire.Bool}
	number  = &shape{kind: wire.Number}
	natural = &shape{kind: wire.Number, integer: true}
	integer = &shape{kind: wire.Number, integer: true, lowest: -1 << 62}
	date    = &shape{kind: wire.String, format: isDate}
	two     = &shape{kind: wire.String, format: func(s string) bool { return len([]rune(s)) == 2 }}
)

func isDate(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

var kindNames = map[wire.Kind]string{wire.Null: "null", wire.Bool: "a boolean", wire.Number: "a number", wire.String: "a string", wire.Array: "an array", wire.Object: "an object"}

// maxFaults is how many faults of one body are told at most.
const maxFaults = 20

// check gives every fault of a value, as code bad-body with its path.
func (s *shape) check(v wire.Value) error {
	var faults []error
	s.walk(v, "", &faults)
	return errors.Join(faults...)
}

func (s *shape) walk(v wire.Value, path string, faults *[]error) {
	if s == nil || s.any || len(*faults) >= maxFaults {
		return
	}
	wrong := func(path, detail, remedy string) {
		*faults = append(*faults, &fault.Error{Code: CodeBadBody, Detail: detail, Remedy: remedy, Field: path})
	}
	if v.Kind != s.kind {
		wrong(path, "the body has "+kindNames[v.Kind]+" where "+kindNames[s.kind]+" belongs", "send "+kindNames[s.kind])
		return
	}
	switch s.kind {
	case wire.Object:
		s.object(v, path, faults, wrong)
	case wire.Array:
		if len(v.Items) < s.least || s.most > 0 && len(v.Items) > s.most {
			wrong(path, "the body has too few or too many items", "send at least "+strconv.Itoa(s.least))
		}
		for i, item := range v.Items {
			s.item.walk(item, path+"/"+strconv.Itoa(i), faults)
		}
	case wire.String:
		t := v.Text()
		if s.enum != nil && !slices.Contains(s.enum, t) {
			wrong(path, "the body has a value that is none of the list", "use one of "+words(s.enum))
		}
		if s.format != nil && !s.format(t) {
			wrong(path, "a text of the body is not of the form that the file asks for", "write dates as RFC 3339 does, codes with their number of letters")
		}
	case wire.Number:
		if !s.integer {
			return
		}
		if n, err := strconv.ParseInt(string(v.Bytes()), 10, 64); err != nil || n < s.lowest {
			wrong(path, "the body has a number that is no whole one, or too small", "send a whole number")
		}
	}
}

// members asks an object for at least so many members of any name.
func (s *shape) members(least int) *shape {
	c := *s
	c.least = least
	return &c
}

func (s *shape) object(v wire.Value, path string, faults *[]error, wrong func(path, detail, remedy string)) {
	fields, least := s.fields, s.least
	if s.choose != nil {
		chosen, ok := s.choose[v.Get("@type").Text()]
		if !ok {
			wrong(path+"/@type", "the body has an @type that cannot be here", "use one that the published file lists")
			return
		}
		fields, least = chosen.fields, chosen.least
	}
	if len(v.Members) < least {
		wrong(path, "an object of the body has too few members", "send at least "+strconv.Itoa(least))
	}
	for _, f := range fields {
		m := v.Get(f.name)
		switch {
		case m.IsZero() && f.required:
			wrong(path+"/"+f.name, "the body lacks "+f.name, "send it")
		case m.IsZero():
		default:
			f.shape.walk(m, path+"/"+f.name, faults)
		}
	}
}

func words(list []string) string {
	s := ""
	for i, w := range list {
		if i > 0 {
			s += ", "
		}
		s += w
	}
	return s
}
