// Package sheet reads rate sheets as carriers send them, CSV or XLSX of any
// columns, by a named mapping; tells what one would change; and keeps the
// versions of a sheet in a folder. A row that cannot be read is named and never
// dropped in silence: read = accepted + rejected.
package sheet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeBadMapping says that a mapping is not of its form, or does not fit the
// file: a column that it names is not there, or there twice.
const CodeBadMapping fault.Code = "bad-mapping"

// Mapping says which column of a carrier's file is what. It is a file of its
// own, YAML or JSON, that people look through once for each carrier.
type Mapping struct {
	Name      string            `yaml:"name,omitempty" json:"name,omitempty"`
	Worksheet string            `yaml:"worksheet,omitempty" json:"worksheet,omitempty"`   // of an XLSX file; empty: the first
	Separator string            `yaml:"separator,omitempty" json:"separator,omitempty"`   // of a CSV file; empty: a comma
	Encoding  string            `yaml:"encoding,omitempty" json:"encoding,omitempty"`     // utf-8 or windows-1252; UTF-16 is known by its mark
	SkipLines uint64            `yaml:"skip_lines,omitempty" json:"skip_lines,omitempty"` // before the header
	Columns   map[string]string `yaml:"columns" json:"columns"`                           // field: name in the header, or #3 for the third column
	Constants map[string]string `yaml:"constants,omitempty" json:"constants,omitempty"`   // field: what it is in every row
	Dates     string            `yaml:"dates,omitempty" json:"dates,omitempty"`           // like DD.MM.YYYY or YYYY-MM-DD hh:mm; empty: RFC 3339
	Zone      string            `yaml:"zone,omitempty" json:"zone,omitempty"`             // of the dates; empty: UTC
	Decimal   string            `yaml:"decimal,omitempty" json:"decimal,omitempty"`       // the decimal sign: point or comma; empty: a point
	Blocked   []string          `yaml:"blocked,omitempty" json:"blocked,omitempty"`       // words in the rate or blocked column that block a destination
	Open      []string          `yaml:"open,omitempty" json:"open,omitempty"`             // words in the blocked column that do not
}

// Fields of a row that a column or a constant can give.
const (
	fieldDestination = "destination"
	fieldPrefix      = "prefix"
	fieldCountry     = "country_code" // stands before each code of prefix
	fieldRate        = "rate"
	fieldCurrency    = "currency"
	fieldUnit        = "unit_seconds"
	fieldMinimum     = "minimum_seconds"
	fieldIncrement   = "increment_seconds"
	fieldSteps       = "increments" // minimum/increment: 30/6
	fieldFrom        = "valid_from"
	fieldTo          = "valid_to"
	fieldFee         = "connect_fee"
	fieldOrigin      = "origin_prefix"
	fieldBlocked     = "blocked"
	fieldDays        = "days"
	fieldFromTime    = "from_time"
	fieldToTime      = "to_time"
	fieldZone        = "zone"
)

var fields = []string{fieldDestination, fieldPrefix, fieldCountry, fieldRate, fieldCurrency, fieldUnit, fieldMinimum, fieldIncrement, fieldSteps,
	fieldFrom, fieldTo, fieldFee, fieldOrigin, fieldBlocked, fieldDays, fieldFromTime, fieldToTime, fieldZone}

// Canonical is the mapping of a sheet in Lateral's own form.
func Canonical() Mapping {
	m := Mapping{Name: "lateral", Columns: map[string]string{}}
	for _, f := range fields {
		switch f {
		case fieldCountry, fieldSteps:
		default:
			m.Columns[f] = f
		}
	}
	return m
}

// optional are the columns of Canonical that a file need not have.
var optional = []string{fieldFee, fieldOrigin, fieldBlocked, fieldDays, fieldFromTime, fieldToTime, fieldZone}

// ReadMapping reads a mapping, YAML or JSON. Code: [CodeBadMapping].
func ReadMapping(data []byte) (Mapping, error) {
	var m Mapping
	d := yaml.NewDecoder(bytes.NewReader(data)) // JSON is YAML
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil {
		return m, fault.Newf(CodeBadMapping, "begin with what lateral rates guess writes", "the mapping cannot be read: %v", err)
	}
	return m, m.Validate()
}

// Validate refuses what cannot map any file. Code: [CodeBadMapping].
func (m Mapping) Validate() error {
	bad := func(field, format string, args ...any) error {
		return fault.Newf(CodeBadMapping, "correct the mapping; lateral rates guess writes one to begin with", format, args...).In(field)
	}
	for _, part := range []struct {
		name string
		of   map[string]string
	}{{"columns", m.Columns}, {"constants", m.Constants}} {
		for f := range part.of {
			if !slices.Contains(fields, f) {
				return bad(part.name, "there is no field %.40q; the fields are %s", f, strings.Join(fields, ", "))
			}
		}
	}
	for _, f := range fields {
		if m.Columns[f] != "" && m.Constants[f] != "" {
			return bad("constants", "%s is a column and a constant", f)
		}
	}
	given := func(f string) bool { return m.Columns[f] != "" || m.Constants[f] != "" }
	for _, f := range []string{fieldDestination, fieldPrefix, fieldRate, fieldCurrency, fieldUnit, fieldFrom} {
		if !given(f) {
			return bad("columns", "nothing gives %s: name its column, or a constant", f)
		}
	}
	if steps := given(fieldSteps); steps == (given(fieldMinimum) || given(fieldIncrement)) || !steps && !(given(fieldMinimum) && given(fieldIncrement)) {
		return bad("columns", "give either minimum_seconds and increment_seconds, or increments like 30/6")
	}
	switch {
	case len(m.Separator) > 1:
		return bad("separator", "the separator is one character: comma, semicolon, tab or bar")
	case m.Separator != "" && !strings.Contains(",;\t|", m.Separator):
		return bad("separator", "fields are divided by a comma, semicolon, tab or bar")
	case m.Encoding != "" && m.Encoding != encodingUTF8 && m.Encoding != encoding1252:
		return bad("encoding", "%.40q is neither utf-8 nor windows-1252", m.Encoding)
	case m.Decimal != "" && m.Decimal != "." && m.Decimal != ",":
		return bad("decimal", "the decimal sign is a point or a comma")
	}
	if _, err := usage.LoadZone(m.Zone); err != nil {
		return fault.Of(err).In("zone")
	}
	if _, err := parsePattern(m.Dates); err != nil {
		return fault.Of(err).In("dates")
	}
	return nil
}

// YAML writes the mapping with notes for people above it.
func (m Mapping) YAML(notes []string) []byte {
	var b bytes.Buffer
	for _, n := range notes {
		fmt.Fprintf(&b, "# %s\n", n)
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(m); err != nil {
		panic(err) // text and maps of text
	}
	return b.Bytes()
}

// String gives the mapping's bytes, by which two are told apart.
func (m Mapping) String() string {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err) // text and maps of text
	}
	return string(data)
}

// plain makes names of columns comparable: lower case, one space between
// words.
func plain(name string) string { return strings.Join(strings.Fields(strings.ToLower(name)), " ") }
