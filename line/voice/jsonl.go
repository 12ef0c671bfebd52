package voice

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
)

// CodeBadJSON says that a line is no JSON object.
const CodeBadJSON fault.Code = "bad-json"

var errJSON = badRow(CodeBadJSON, "write one whole JSON object a line", "the line is no JSON object")

// takeObject finds the fields that are read in a line of JSON. A field of an
// object inside is named with a dot: variables.uuid. A name that comes twice
// counts as it comes last. What is read is a text or a number as it is written,
// true and false as texts; null and what is an array or an object are empty.
func (p *Parser) takeObject(line []byte) error {
	clear(p.mapped.values)
	s := scanner{b: line, p: p}
	s.space()
	if !s.object(nil, 0) {
		return errJSON
	}
	if s.space(); s.at < len(line) {
		return errJSON
	}
	return nil
}

// scanner goes through one JSON value without making anything of it.
type scanner struct {
	b    []byte
	at   int
	p    *Parser
	path [maxText]byte
}

const maxNested = 32

func (s *scanner) space() {
	for s.at < len(s.b) && (s.b[s.at] == ' ' || s.b[s.at] == '\t' || s.b[s.at] == '\r') {
		s.at++
	}
}

func (s *scanner) next(c byte) bool {
	s.space()
	if s.at < len(s.b) && s.b[s.at] == c {
		s.at++
		return true
	}
	return false
}

// object reads an object whose fields' names begin with a prefix.
func (s *scanner) object(prefix []byte, depth int) bool {
	if depth > maxNested || !s.next('{') {
		return false
	}
	if s.next('}') {
		return true
	}
	for {
		s.space()
		name, ok := s.text()
		if !ok || !s.next(':') {
			return false
		}
		var path []byte // nil: nobody asks for it
		if n := len(prefix) + len(name); (depth == 0 || prefix != nil) && n < len(s.path) {
			copy(s.path[len(prefix):], name)
			path = s.path[:n]
		}
		if !s.value(path, depth) {
			return false
		}
		if s.next('}') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

// value reads a value, and keeps it if its path is a field that is read.
func (s *scanner) value(path []byte, depth int) bool {
	s.space()
	if s.at == len(s.b) {
		return false
	}
	field := -1
	if path != nil {
		field = slices.IndexFunc(s.p.layout.format.fields, func(f string) bool { return f == string(path) })
	}
	var t []byte
	ok := true
	switch c := s.b[s.at]; c {
	case '"':
		t, ok = s.text()
	case '{':
		var prefix []byte
		if path != nil && len(path)+1 < len(s.path) {
			s.path[len(path)] = '.'
			prefix = s.path[:len(path)+1]
		}
		if !s.object(prefix, depth+1) {
			return false
		}
	case '[':
		return s.array(depth + 1)
	default:
		from := s.at
	word:
		for ; s.at < len(s.b); s.at++ {
			switch s.b[s.at] {
			case ',', ']', '}', ' ', '\t', '\r':
				break word
			}
		}
		if t = s.b[from:s.at]; !json.Valid(t) {
			return false
		}
		if string(t) == "null" {
			t = nil
		}
	}
	if field >= 0 && ok {
		s.p.mapped.values[field] = t
	}
	return ok
}

func (s *scanner) array(depth int) bool {
	if depth > maxNested || !s.next('[') {
		return false
	}
	if s.next(']') {
		return true
	}
	for {
		if !s.value(nil, depth) {
			return false
		}
		if s.next(']') {
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

// text reads a string. Without a backslash it points into the line.
func (s *scanner) text() ([]byte, bool) {
	if s.at == len(s.b) || s.b[s.at] != '"' {
		return nil, false
	}
	from := s.at + 1
	plain := true
	for i := from; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			s.at = i + 1
			if plain {
				return s.b[from:i], true
			}
			var out string
			if !utf8.Valid(s.b[from:i]) || json.Unmarshal(s.b[from-1:i+1], &out) != nil {
				return nil, false
			}
			room := &s.p.mapped.scratch
			at := len(*room)
			*room = append(*room, out...)
			return (*room)[at:], true
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}
