package rail

import (
	"slices"
	"strconv"

	"github.com/lateral-network/lateral/fault"
)

// CodeElement says that an element is missing, not one of its message, out of
// order or there too often.
const CodeElement fault.Code = "bank-element"

func element(format string, args ...any) *fault.Error {
	return fault.Newf(CodeElement, "correct the file as the message definition says, or ask the bank", format, args...)
}

// shape is what a message definition says of an element: a value, or elements
// in their order, or one of several. The tables of pain.go, pacs.go and camt.go
// are the definitions; the same are checked when a file is written and when it
// is read.
type shape struct {
	value  func(*node) *fault.Error // of an element without children
	amount bool                     // the value has a currency
	parts  []part
	choice bool              // exactly one of the parts
	also   func(*node) error // a rule between the parts
	passed bool              // known to the definition and not looked into here
}

// part is one place in the order of elements.
type part struct {
	name string
	min  int
	max  int
	is   *shape
}

const many = MaxElements

func seq(parts ...part) *shape    { return &shape{parts: parts} }
func choice(parts ...part) *shape { return &shape{parts: parts, choice: true} }

func one(name string, is *shape) part           { return part{name, 1, 1, is} }
func opt(name string, is *shape) part           { return part{name, 0, 1, is} }
func some(name string, is *shape) part          { return part{name, 1, many, is} }
func any0(name string, is *shape) part          { return part{name, 0, many, is} }
func upTo(max int, name string, is *shape) part { return part{name, 0, max, is} }

// over is an element that the definition knows and that is not looked into.
func over(name string) part { return part{name, 0, many, &shape{passed: true}} }

// overOne is one that the definition asks for, or allows once.
func overOne(name string, min int) part { return part{name, min, 1, &shape{passed: true}} }

// check compares an element with its definition. told gets the path of every
// element that is not looked into.
func (s *shape) check(n *node, path string, told func(string)) *fault.Error {
	switch {
	case s.passed:
		told(path)
		return nil
	case s.value != nil && len(n.kids) > 0:
		return element("%s holds elements where a value belongs", n.name)
	case (n.currency != "") != s.amount:
		if s.amount {
			return element("the amount has no currency").In("Ccy")
		}
		return element("%s has a currency and is no amount", n.name)
	case s.value != nil:
		return s.value(n)
	case n.text != "":
		return element("%s holds text where elements belong", n.name)
	case s.choice:
		return s.checkChoice(n, path, told)
	}
	at := 0
	for _, p := range s.parts {
		count := 0
		for ; at < len(n.kids) && n.kids[at].name == p.name; at++ {
			name := p.name
			if count++; p.max > 1 {
				name += "[" + strconv.Itoa(count) + "]"
			}
			if count > p.max {
				return element("%s stands %d times, not at most %d", p.name, count, p.max).In(p.name)
			}
			if err := p.is.check(n.kids[at], path+"."+p.name, told); err != nil {
				return err.In(name)
			}
		}
		if count < p.min {
			if err := s.stray(n, at); err != nil && !s.has(n.kids[at].name) {
				return err
			}
			if n.at(p.name) != nil {
				return element("%s stands out of order", p.name).In(p.name)
			}
			return element("%s is missing", p.name).In(p.name)
		}
	}
	if err := s.stray(n, at); err != nil {
		return err
	}
	if s.also != nil {
		if err := s.also(n); err != nil {
			return fault.Of(err)
		}
	}
	return nil
}

// has tells whether an element of this name belongs to the sequence.
func (s *shape) has(name string) bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return p.name == name })
}

// stray says why the child at a place has none in the sequence; nil when there
// is no child.
func (s *shape) stray(n *node, at int) *fault.Error {
	if at >= len(n.kids) {
		return nil
	}
	name := short(n.kids[at].name)
	if s.has(n.kids[at].name) {
		return element("%s stands out of order", name).In(name)
	}
	return element("%s is no element of %s here", name, n.name).In(name)
}

func (s *shape) checkChoice(n *node, path string, told func(string)) *fault.Error {
	if len(n.kids) != 1 {
		return element("%s holds %d elements, not exactly one", n.name, len(n.kids))
	}
	k := n.kids[0]
	for _, p := range s.parts {
		if p.name == k.name {
			if err := p.is.check(k, path+"."+k.name, told); err != nil {
				return err.In(k.name)
			}
			return nil
		}
	}
	return element("%s is no element of %s here", short(k.name), n.name).In(short(k.name))
}
