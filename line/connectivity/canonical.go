package connectivity

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
)

// Bounds of a payload.
const (
	maxPayload = 64 << 10
	maxDepth   = 32
	maxDigits  = 40
	maxType    = 200
)

func bad(detail string, cause error) error {
	return fault.New(fault.Invalid, detail, "send one JSON object with an @type, of at most 64 KiB").Because(cause)
}

// Canonical gives the one form of a JSON value that all payloads which say the
// same have: members in the order of RFC 8785, no white space, text escaped only
// where it must be, and numbers as plain decimals without zeros that say
// nothing. Numbers are never read as floating point: 0.1 stays 0.1, however many
// digits it has. Code: invalid.
func Canonical(payload []byte) ([]byte, error) {
	if len(payload) > maxPayload {
		return nil, bad("the payload has more than 64 KiB", nil)
	}
	if !utf8.Valid(payload) {
		return nil, bad("the payload is no UTF-8", nil)
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	out, err := value(nil, d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, bad("something follows the payload", err)
	}
	return out, nil
}

// value appends the canonical form of the decoder's next value.
func value(out []byte, d *json.Decoder, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, bad("the payload is nested too deeply", nil)
	}
	token, err := d.Token()
	if err != nil {
		return nil, bad("the payload is no JSON", err)
	}
	switch x := token.(type) {
	case json.Delim:
		if x == '{' {
			return object(out, d, depth)
		}
		return array(out, d, depth)
	case string:
		return text(out, x), nil
	case json.Number:
		return number(out, string(x))
	case bool:
		return strconv.AppendBool(out, x), nil
	}
	return append(out, "null"...), nil
}

func array(out []byte, d *json.Decoder, depth int) ([]byte, error) {
	out = append(out, '[')
	for n := 0; d.More(); n++ {
		if n > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = value(out, d, depth+1); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, bad("the payload is no JSON", err)
	}
	return append(out, ']'), nil
}

// member is one member of an object in its canonical form.
type member struct {
	name  string
	value []byte
}

func object(out []byte, d *json.Decoder, depth int) ([]byte, error) {
	var members []member
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, bad("the payload is no JSON", err)
		}
		m := member{name: token.(string)} // the decoder takes nothing else there
		if m.value, err = value(nil, d, depth+1); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, bad("the payload is no JSON", err)
	}
	slices.SortStableFunc(members, func(a, b member) int {
		return slices.Compare(utf16.Encode([]rune(a.name)), utf16.Encode([]rune(b.name)))
	})
	out = append(out, '{')
	for i, m := range members {
		if i > 0 {
			if members[i-1].name == m.name {
				return nil, bad("an object has the member "+strconv.Quote(m.name)+" twice", nil)
			}
			out = append(out, ',')
		}
		out = append(text(out, m.name), ':')
		out = append(out, m.value...)
	}
	return append(out, '}'), nil
}

// text appends a string with the escapes of RFC 8785.
func text(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c >= 0x20:
			out = append(out, c)
		case c == '\b':
			out = append(out, '\\', 'b')
		case c == '\t':
			out = append(out, '\\', 't')
		case c == '\n':
			out = append(out, '\\', 'n')
		case c == '\f':
			out = append(out, '\\', 'f')
		case c == '\r':
			out = append(out, '\\', 'r')
		default:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(out, '"')
}

// number appends a JSON number as a plain decimal: 1.50e2 is 150, -0 is 0.
func number(out []byte, s string) ([]byte, error) {
	s, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(s), "e")
	e := 0
	if scaled {
		var err error
		if e, err = strconv.Atoi(exponent); err != nil || e > maxDigits || e < -maxDigits {
			return nil, bad("a number has an exponent beyond all", err)
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits, point := whole+fraction, len(whole)+e
	if point < 0 {
		digits, point = strings.Repeat("0", -point)+digits, 0
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction = strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if len(whole)+len(fraction) > maxDigits {
		return nil, bad("a number has more than 40 digits", nil)
	}
	if whole == "" {
		whole = "0"
	}
	if negative && (whole != "0" || fraction != "") {
		out = append(out, '-')
	}
	out = append(out, whole...)
	if fraction != "" {
		out = append(append(out, '.'), fraction...)
	}
	return out, nil
}

// typeOf reads the @type of a canonical payload.
func typeOf(canonical []byte) (string, error) {
	var head struct {
		Type string `json:"@type"`
	}
	if err := json.Unmarshal(canonical, &head); err != nil {
		return "", bad("the payload is no object with an @type", err)
	}
	if head.Type == "" || len(head.Type) > maxType || strings.ContainsAny(head.Type, "\r\n\x00") {
		return "", fault.New(fault.Invalid, "the payload has no @type, or one of more than 200 bytes", "name the type of the product, as its schema does").In("@type")
	}
	return head.Type, nil
}
