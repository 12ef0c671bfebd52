package voice

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeBadProfile says that a mapping profile cannot be used.
const CodeBadProfile fault.Code = "bad-profile"

// Profile says how the call records of some system are read: which field gives
// what. It is what people write in YAML.
type Profile struct {
	About     string   `yaml:"about,omitempty"`
	Format    string   `yaml:"format"`              // csv, jsonl or parquet
	Separator string   `yaml:"separator,omitempty"` // of csv; empty: a comma
	Header    bool     `yaml:"header,omitempty"`    // of csv: line 1 names the columns
	Columns   []string `yaml:"columns,omitempty"`   // of csv without header
	Missing   int      `yaml:"missing,omitempty"`   // so many of the last columns may be missing
	Zone      string   `yaml:"zone,omitempty"`      // of times that name none; IANA name

	CallID      SourceOf `yaml:"call_id"`
	Origin      SourceOf `yaml:"origin,omitempty"`
	Destination SourceOf `yaml:"destination"`
	Start       StartOf  `yaml:"start"`
	Duration    TimeOf   `yaml:"duration,omitempty"`
	Result      ResultOf `yaml:"result"`
	CarrierFrom SourceOf `yaml:"carrier_from,omitempty"`
	CarrierTo   SourceOf `yaml:"carrier_to,omitempty"`
	Trunk       SourceOf `yaml:"trunk,omitempty"`

	Carriers []CarrierRule `yaml:"carriers,omitempty"` // the first that fits decides; before carrier_from and carrier_to
	Skip     []RowRule     `yaml:"skip,omitempty"`     // rows that are no call records; they are not counted
	Events   *Events       `yaml:"events,omitempty"`   // a call is two rows
}

// SourceOf says where a text comes from.
type SourceOf struct {
	Field   string            `yaml:"field,omitempty"`
	Else    string            `yaml:"else,omitempty"`    // the field that is taken when the first is empty or 0
	Value   string            `yaml:"value,omitempty"`   // a constant, when there is no field or it is empty
	Pattern string            `yaml:"pattern,omitempty"` // regular expression: its first group is the text, or what it fits
	Upper   bool              `yaml:"upper,omitempty"`   // in capitals, after the pattern
	Names   map[string]string `yaml:"names,omitempty"`   // what texts stand for
	Default string            `yaml:"default,omitempty"` // when it is empty, the pattern does not fit, or names do not have it
}

// StartOf says where the start of a call comes from.
type StartOf struct {
	Field  string `yaml:"field"`
	Else   string `yaml:"else,omitempty"`
	Format string `yaml:"format,omitempty"` // rfc3339, unix, unix_ms, unix_us, or like "%Y-%m-%d %H:%M:%S"
}

// TimeOf says where a duration comes from.
type TimeOf struct {
	Field string `yaml:"field"`
	Unit  string `yaml:"unit,omitempty"` // s, ms, us, or hms for 1:02:03
}

// ResultOf says what the outcome of a call was. A text that ends with * stands
// for all that begin so.
type ResultOf struct {
	Field    string   `yaml:"field,omitempty"`
	Answered string   `yaml:"answered,omitempty"` // a field: what has it is a success
	Success  []string `yaml:"success,omitempty,flow"`
	Fail     []string `yaml:"fail,omitempty,flow"`
	RNA      []string `yaml:"rna,omitempty,flow"`
	Else     string   `yaml:"else,omitempty"` // success, fail or rna; empty: refused
}

// RowRule chooses rows by a field; exactly one of the three is given.
type RowRule struct {
	Field   string `yaml:"field"`
	Is      string `yaml:"is,omitempty"`
	Prefix  string `yaml:"prefix,omitempty"`
	Pattern string `yaml:"pattern,omitempty"`
}

// CarrierRule says whose calls the rows are that it chooses. From and To may
// name the groups of its pattern: $1.
type CarrierRule struct {
	RowRule `yaml:",inline"`
	From    string `yaml:"from"`
	To      string `yaml:"to"`
}

// Events says which rows begin and end a call, and what they have in common.
type Events struct {
	Key   string  `yaml:"key"`
	Begin RowRule `yaml:"begin"`
	End   RowRule `yaml:"end"`
}

//go:embed profiles/*.yaml
var builtin embed.FS

// maxProfile bounds the text of a profile, bytes.
const maxProfile = 64 << 10

// Names of the formats that are known without a profile. Auto is that which the
// content of a file says.
const (
	formatAuto    = "auto"
	formatOurs    = "lateral"
	formatJSON    = "jsonl"
	formatParquet = "parquet"
)

// Profiles lists the names of the profiles that are built in.
func Profiles() []string {
	return []string{formatOurs, "asterisk", "freeswitch", "kamailio", formatJSON, formatParquet}
}

// ProfileText gives the commented text of a profile that is built in. Code:
// not-found.
func ProfileText(name string) (string, error) {
	if !slices.Contains(Profiles(), name) {
		return "", fault.Newf(fault.NotFound, "use one of "+strings.Join(Profiles(), ", ")+", or a YAML file", "no profile is called %.40q", name)
	}
	text, err := builtin.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		panic(err) // it is compiled in
	}
	return string(text), nil
}

// Format is a profile ready for use, by many at once. The nil Format stands for
// what the content of a file says: our own CSV, JSON lines or Parquet.
type Format struct {
	Profile Profile
	name    string
	fields  []string // what is read of a row

	comma       byte
	zone        *time.Location
	callID      source
	origin      source
	destination source
	start       startSource
	duration    int
	unit        string
	result      resultSource
	from, to    source
	trunk       source
	carriers    []carrierRule
	skip        []rowRule
	key         int
	begin, end  rowRule
}

type source struct {
	field, els int // in the fields of a row; -1: none
	value      []byte
	pattern    *regexp.Regexp
	upper      bool
	names      map[string][]byte
	def        []byte
}

type startSource struct {
	field, els int
	format     string
}

type resultSource struct {
	field, answered int
	exact           map[string][]byte
	prefix          []prefixResult
	def             []byte
}

type prefixResult struct {
	prefix string
	result []byte
}

type rowRule struct {
	field      int
	is, prefix string
	pattern    *regexp.Regexp
}

type carrierRule struct {
	rowRule
	from, to []byte
}

// ParseFormat gives the format of a name or of a profile's text in YAML; "" and
// "auto" are nil. A name may be followed by a zone: "asterisk in Europe/Berlin".
// Codes: bad-profile, unknown-zone.
func ParseFormat(nameOrText string) (*Format, error) {
	if strings.ContainsAny(nameOrText, "\n:") {
		return parseProfile("of your own", nameOrText)
	}
	name, zone, _ := strings.Cut(nameOrText, " in ")
	if name == "" || name == formatAuto {
		return (*Format)(nil).In(zone)
	}
	text, err := ProfileText(name)
	if err != nil {
		unknown := *fault.Of(err)
		unknown.Code = CodeBadProfile
		return nil, unknown.In("format")
	}
	f, err := parseProfile(name, text)
	if err != nil {
		return nil, err
	}
	return f.In(zone)
}

func parseProfile(name, text string) (*Format, error) {
	if len(text) > maxProfile {
		return nil, badProfile("", "it is longer than %d bytes", maxProfile)
	}
	var p Profile
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return nil, badProfile("", "it cannot be read").Because(err)
	}
	return p.compile(name)
}

// Text gives the format's profile in a form that [ParseFormat] reads, without
// comments; what is kept with a file, so that it reads alike ever after.
func (f *Format) Text() string {
	if f == nil {
		return ""
	}
	switch f.name {
	case formatAuto, formatOurs, formatJSON, formatParquet:
		if f.zone == nil {
			return f.name
		}
		return f.name + " in " + f.Profile.Zone
	}
	text, err := yaml.Marshal(f.Profile)
	if err != nil {
		panic(err) // it was read from such a text
	}
	return string(text)
}

// In gives the format with a zone of times that name none. A zone of the
// profile's own gives way. Code: unknown-zone.
func (f *Format) In(zone string) (*Format, error) {
	if zone == "" {
		return f, nil
	}
	name, p := formatAuto, ours().Profile
	if f != nil {
		name, p = f.name, f.Profile
	}
	p.Zone = zone
	return p.compile(name)
}

func badProfile(field, format string, args ...any) *fault.Error {
	return fault.Newf(CodeBadProfile, "lateral records profile NAME prints a profile with comments, to begin with", "the profile is not usable: "+format, args...).In(field)
}

// use numbers a field that is read.
func (f *Format) use(field string) int {
	if field == "" {
		return -1
	}
	if i := slices.Index(f.fields, field); i >= 0 {
		return i
	}
	f.fields = append(f.fields, field)
	return len(f.fields) - 1
}

func (p Profile) compile(name string) (*Format, error) {
	f := &Format{Profile: p, name: name, comma: ',', duration: -1}
	var err error
	if p.Zone != "" {
		if f.zone, err = usage.LoadZone(p.Zone); err != nil {
			return nil, err
		}
	}
	switch p.Format {
	case "csv":
		if p.Separator != "" {
			if f.comma = p.Separator[0]; len(p.Separator) != 1 || strings.ContainsAny(p.Separator, "\"\r\n\\") || f.comma >= 0x80 {
				return nil, badProfile("separator", "%q does not separate fields; use one character such as , ; | or a tab", p.Separator)
			}
		}
		if p.Header == (len(p.Columns) > 0) {
			return nil, badProfile("columns", "the names of columns come from line 1 (header: true) or from columns, one of the two")
		}
		if p.Missing < 0 || !p.Header && p.Missing >= len(p.Columns) {
			return nil, badProfile("missing", "%d columns cannot be missing", p.Missing)
		}
	case "jsonl", "parquet":
	default:
		return nil, badProfile("format", "%.40q is none of csv, jsonl, parquet", p.Format)
	}
	for _, s := range []struct {
		field    string
		of       SourceOf
		to       *source
		required bool
	}{
		{"call_id", p.CallID, &f.callID, true}, {"origin", p.Origin, &f.origin, false}, {"destination", p.Destination, &f.destination, true},
		{"carrier_from", p.CarrierFrom, &f.from, len(p.Carriers) == 0}, {"carrier_to", p.CarrierTo, &f.to, len(p.Carriers) == 0}, {"trunk", p.Trunk, &f.trunk, false},
	} {
		if *s.to, err = f.source(s.of); err != nil {
			return nil, badProfile(s.field, "%v", err)
		}
		if s.required && s.of.Field == "" && s.of.Value == "" {
			return nil, badProfile(s.field, "%s names neither a field nor a value", s.field)
		}
	}
	if err := f.times(); err != nil {
		return nil, err
	}
	if err := f.results(); err != nil {
		return nil, err
	}
	for _, r := range p.Carriers {
		rule, err := f.rule("carriers", r.RowRule)
		if err != nil {
			return nil, err
		}
		if r.From == "" || r.To == "" {
			return nil, badProfile("carriers", "a rule does not say from which carrier to which the calls go")
		}
		f.carriers = append(f.carriers, carrierRule{rule, []byte(r.From), []byte(r.To)})
	}
	for _, r := range p.Skip {
		rule, err := f.rule("skip", r)
		if err != nil {
			return nil, err
		}
		f.skip = append(f.skip, rule)
	}
	if e := p.Events; e != nil {
		if e.Key == "" || p.Format == "parquet" {
			return nil, badProfile("events", "events need a key, and lines")
		}
		f.key = f.use(e.Key)
		if f.begin, err = f.rule("events", e.Begin); err != nil {
			return nil, err
		}
		if f.end, err = f.rule("events", e.End); err != nil {
			return nil, err
		}
	}
	for _, field := range f.fields {
		if len(p.Columns) > 0 && !slices.Contains(p.Columns, field) {
			return nil, badProfile("columns", "it takes the field %q, which columns do not have", field)
		}
	}
	return f, nil
}

func (f *Format) source(s SourceOf) (out source, err error) {
	out = source{field: f.use(s.Field), els: f.use(s.Else), value: []byte(s.Value), upper: s.Upper, def: []byte(s.Default)}
	if s.Pattern != "" {
		if out.pattern, err = regexp.Compile(s.Pattern); err != nil {
			return out, err
		}
	}
	if s.Names != nil {
		out.names = map[string][]byte{}
		for k, v := range s.Names {
			out.names[k] = []byte(v)
		}
	}
	return out, nil
}

func (f *Format) times() error {
	p := f.Profile
	if p.Start.Field == "" {
		return badProfile("start", "start names no field")
	}
	f.start = startSource{f.use(p.Start.Field), f.use(p.Start.Else), p.Start.Format}
	switch p.Start.Format {
	case "", "rfc3339":
		f.start.format = ""
	case "unix", "unix_ms", "unix_us":
	default:
		if err := checkStamp(p.Start.Format); err != nil {
			return badProfile("start", "%v", err)
		}
	}
	f.unit = p.Duration.Unit
	if f.duration = f.use(p.Duration.Field); f.duration < 0 && p.Events == nil {
		return badProfile("duration", "duration names no field")
	}
	switch f.unit {
	case "s", "ms", "us", "hms":
	case "":
		f.unit = "ms"
	default:
		return badProfile("duration", "the unit %.40q is none of s, ms, us, hms", f.unit)
	}
	return nil
}

var resultTexts = map[string][]byte{"success": []byte("success"), "fail": []byte("fail"), "rna": []byte("rna")}

func (f *Format) results() error {
	r := f.Profile.Result
	f.result = resultSource{field: f.use(r.Field), answered: f.use(r.Answered), exact: map[string][]byte{}, def: resultTexts[r.Else]}
	if r.Else != "" && f.result.def == nil {
		return badProfile("result", "else is %.40q, none of success, fail, rna", r.Else)
	}
	if f.result.field < 0 && f.result.answered < 0 && r.Else == "" {
		return badProfile("result", "result names no field")
	}
	for _, l := range []struct {
		to    string
		texts []string
	}{{"success", r.Success}, {"fail", r.Fail}, {"rna", r.RNA}} {
		for _, t := range l.texts {
			if p, ok := strings.CutSuffix(t, "*"); ok {
				f.result.prefix = append(f.result.prefix, prefixResult{p, resultTexts[l.to]})
				continue
			}
			if f.result.exact[t] != nil {
				return badProfile("result", "%.40q stands for two results", t)
			}
			f.result.exact[t] = resultTexts[l.to]
		}
	}
	return nil
}

func (f *Format) rule(field string, r RowRule) (rowRule, error) {
	out := rowRule{field: f.use(r.Field), is: r.Is, prefix: r.Prefix}
	given := 0
	for _, s := range []string{r.Is, r.Prefix, r.Pattern} {
		if s != "" {
			given++
		}
	}
	if r.Field == "" || given != 1 {
		return out, badProfile(field, "a rule needs a field, and one of is, prefix, pattern")
	}
	if r.Pattern != "" {
		var err error
		if out.pattern, err = regexp.Compile(r.Pattern); err != nil {
			return out, badProfile(field, "%v", err)
		}
	}
	return out, nil
}

// fits reports whether a rule chooses a row.
func (r *rowRule) fits(fields [][]byte) bool {
	t := fields[r.field]
	switch {
	case r.pattern != nil:
		return r.pattern.Match(t)
	case r.prefix != "":
		return len(t) >= len(r.prefix) && string(t[:len(r.prefix)]) == r.prefix
	}
	return string(t) == r.is
}

// of gives the text of a source in a row.
func (s *source) of(fields [][]byte) []byte {
	var t []byte
	if s.field >= 0 {
		t = fields[s.field]
	}
	if s.els >= 0 && (len(t) == 0 || string(t) == "0") {
		t = fields[s.els]
	}
	if len(t) == 0 {
		t = s.value
	}
	fits := len(t) > 0
	if s.pattern != nil && fits {
		m := s.pattern.FindSubmatchIndex(t)
		switch {
		case m == nil:
			fits = false
		case len(m) > 2 && m[2] >= 0:
			t = t[m[2]:m[3]]
		default:
			t = t[m[0]:m[1]]
		}
	}
	if s.upper {
		t = bytes.ToUpper(t)
	}
	if s.names != nil && fits {
		if name, ok := s.names[string(t)]; ok {
			return name
		}
		fits = false
	}
	if !fits && len(s.def) > 0 {
		return s.def
	}
	return t
}

// of gives the outcome of a call: success, fail or rna, or a text that is none.
func (r *resultSource) of(fields [][]byte) []byte {
	if r.answered >= 0 {
		if t := fields[r.answered]; len(t) > 0 && string(t) != "0" && !bytes.HasPrefix(t, []byte("0000-")) {
			return resultTexts["success"]
		}
	}
	var t []byte
	if r.field >= 0 {
		t = fields[r.field]
		if out, ok := r.exact[string(t)]; ok {
			return out
		}
		for _, p := range r.prefix {
			if len(t) >= len(p.prefix) && string(t[:len(p.prefix)]) == p.prefix {
				return p.result
			}
		}
	}
	if r.def != nil {
		return r.def
	}
	if string(t) == "success" || string(t) == "fail" || string(t) == "rna" {
		return nil // these words mean nothing here unless the profile lists them
	}
	return t
}

// startForm says in words which times a format reads.
func (f *Format) startForm() string {
	switch form := f.start.format; form {
	case "":
		return "RFC 3339 time with zone and at most 9 fraction digits"
	case "unix", "unix_ms", "unix_us":
		return "number since 1970 (" + form + ")"
	default:
		if f.zone == nil && !strings.Contains(form, "%z") {
			return fmt.Sprintf("time like %s whose zone is known; name the zone with --zone or in the profile", form)
		}
		return "time like " + form
	}
}

// formats keeps the formats that are compiled in, once they were asked for.
var formats sync.Map // string to *Format

func compiled(name string) *Format {
	if f, ok := formats.Load(name); ok {
		return f.(*Format)
	}
	text, err := ProfileText(name)
	if err != nil {
		panic(err)
	}
	f, err := parseProfile(name, text)
	if err != nil {
		panic(err)
	}
	formats.Store(name, f)
	return f
}
