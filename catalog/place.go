package catalog

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/lateral-network/lateral/fault"
)

// Codes of places.
const (
	// CodeUnknownPlace says that no place is called so.
	CodeUnknownPlace fault.Code = "unknown-place"
	// CodeManyPlaces says that several places are called so.
	CodeManyPlaces fault.Code = "ambiguous-place"
)

// Place is where something can be had: a city, a building, a point of
// interconnection.
type Place struct {
	ID        string   `cbor:"1,keyasint" json:"id"`
	Name      string   `cbor:"2,keyasint" json:"name"`
	Country   string   `cbor:"3,keyasint" json:"country" doc:"ISO 3166-1 alpha-2."`
	Code      string   `cbor:"4,keyasint,omitempty" json:"code,omitempty" doc:"Five letters or digits in the form of UN/LOCODE, like HKHKG."`
	Latitude  Degrees  `cbor:"5,keyasint" json:"latitude"`
	Longitude Degrees  `cbor:"6,keyasint" json:"longitude"`
	Names     []string `cbor:"7,keyasint,omitempty" json:"names,omitempty" doc:"What else it is called."`
}

// Degrees is an angle in millionths of a degree, north and east positive. Its
// text is a decimal with at most six places: "-33.8688".
type Degrees int32

// String gives the shortest decimal.
func (d Degrees) String() string {
	n, sign := int64(d), ""
	if n < 0 {
		n, sign = -n, "-"
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%s%d.%06d", sign, n/1e6, n%1e6), "0"), ".")
}

// ParseDegrees reads a decimal with at most six places. Code: invalid.
func ParseDegrees(s string) (Degrees, error) {
	bad := fault.Newf(fault.Invalid, "write degrees with at most six places, like -33.8688", "%.40q is no number of degrees", s)
	digits, neg := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(digits, ".")
	if len(whole) == 0 || len(whole) > 3 || len(frac) > 6 {
		return 0, bad
	}
	n, err := strconv.ParseUint(whole+frac+strings.Repeat("0", 6-len(frac)), 10, 31)
	if err != nil || n > 180e6 {
		return 0, bad
	}
	if neg {
		return -Degrees(n), nil
	}
	return Degrees(n), nil
}

// MarshalText gives the decimal.
func (d Degrees) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the decimal.
func (d *Degrees) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDegrees(string(text))
	return err
}

// UnmarshalJSON reads a text or a number.
func (d *Degrees) UnmarshalJSON(data []byte) error { return d.UnmarshalText(bytes.Trim(data, `"`)) }

// Validate refuses a place that cannot be. Code: invalid.
func (p *Place) Validate() error {
	switch {
	case !validID(p.ID):
		return badID(p.ID)
	case p.Name == "" || len(p.Name) > maxName:
		return fault.New(fault.Invalid, "the place has no name, or one that is too long", "name it").In("name")
	case !validCountry(p.Country):
		return badCountry(p.Country).In("country")
	case p.Code != "" && !validLocode(p.Code, p.Country):
		return fault.New(fault.Invalid, "the code is not the country and three letters or digits", "write it like HKHKG, or leave it out").In("code")
	case p.Latitude < -90e6 || p.Latitude > 90e6:
		return fault.New(fault.Invalid, "the latitude is beyond a pole", "name degrees from -90 to 90").In("latitude")
	case p.Longitude < -180e6 || p.Longitude > 180e6:
		return fault.New(fault.Invalid, "the longitude is out of range", "name degrees from -180 to 180").In("longitude")
	case len(p.Names) > 32:
		return fault.New(fault.Invalid, "the place has more than 32 other names", "name fewer").In("names")
	}
	for i, n := range p.Names {
		if n == "" || len(n) > maxName {
			return fault.New(fault.Invalid, "another name is empty or too long", "correct it").In("names." + strconv.Itoa(i))
		}
	}
	return nil
}

func validLocode(code, country string) bool {
	if len(code) != 5 || code[:2] != country {
		return false
	}
	for i := 2; i < 5; i++ {
		if c := code[i]; (c < 'A' || c > 'Z') && (c < '2' || c > '9') {
			return false
		}
	}
	return true
}

// earthRadius is the mean radius of the earth in metres.
const earthRadius = 6_371_008.8

// Distance is the length of the great circle between two places, in whole
// metres. On the ground, and along a cable, it is further.
func Distance(a, b Place) uint64 {
	rad := func(d Degrees) float64 { return float64(d) / 1e6 * math.Pi / 180 }
	la, lb := rad(a.Latitude), rad(b.Latitude)
	sinLat, sinLong := math.Sin((lb-la)/2), math.Sin((rad(b.Longitude)-rad(a.Longitude))/2)
	h := sinLat*sinLat + math.Cos(la)*math.Cos(lb)*sinLong*sinLong
	return uint64(math.Round(2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))))
}

//go:embed places.csv
var builtin []byte

// BuiltIn gives the places that every node knows: some four hundred cities with
// the coordinates of their centres, written for Lateral. They are not the list
// of UN/LOCODE, but their codes have its form and, where the city is in it,
// are meant to be the same.
var BuiltIn = sync.OnceValue(func() *Places {
	list, rejects := ReadPlaces(bytes.NewReader(builtin))
	if len(rejects) > 0 {
		panic(fmt.Sprintf("the list of places that is compiled in: %v", rejects[0]))
	}
	p, err := NewPlaces(list)
	if err != nil {
		panic(err)
	}
	return p
})

// ReadPlaces reads a list of places, CSV with the columns id, name, country,
// latitude and longitude, and if there are any, code and names (other names,
// separated by semicolons); the code of a place without one is its id, if
// that has the form of a code. A bad row is left out and told with its line.
func ReadPlaces(r io.Reader) ([]Place, []error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.TrimLeadingSpace, c.Comment = -1, true, '#'
	head, err := c.Read()
	if err != nil {
		return nil, []error{fault.New(fault.Invalid, "the list of places has no header line", "begin it with id,name,country,latitude,longitude").Because(err)}
	}
	column := map[string]int{}
	for i, h := range head {
		column[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))] = i
	}
	for _, want := range []string{"id", "name", "country", "latitude", "longitude"} {
		if _, ok := column[want]; !ok {
			return nil, []error{fault.Newf(fault.Invalid, "begin it with id,name,country,latitude,longitude", "the list of places has no column %s", want).In(want)}
		}
	}
	var list []Place
	var rejects []error
	seen := map[string]bool{}
	for {
		row, err := c.Read()
		if err == io.EOF {
			return list, rejects
		}
		line, _ := c.FieldPos(0)
		reject := func(err error) {
			rejects = append(rejects, fault.Of(err).In("line "+strconv.Itoa(line)))
		}
		if err != nil {
			if parse, ok := errors.AsType[*csv.ParseError](err); ok {
				line = parse.Line
				reject(fault.New(fault.Invalid, "the row cannot be read", "correct its quotes").Because(err))
				continue
			}
			return list, append(rejects, fault.New(fault.Invalid, "the list of places breaks off", "send it whole").Because(err))
		}
		cell := func(name string) string {
			if i, ok := column[name]; ok && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		p := Place{ID: cell("id"), Name: cell("name"), Country: cell("country"), Code: cell("code")}
		for n := range strings.SplitSeq(cell("names"), ";") {
			if n = strings.TrimSpace(n); n != "" {
				p.Names = append(p.Names, n)
			}
		}
		if p.Code == "" && validLocode(p.ID, p.Country) {
			p.Code = p.ID
		}
		var bad error
		if p.Latitude, err = ParseDegrees(cell("latitude")); err != nil {
			bad = fault.Of(err).In("latitude")
		} else if p.Longitude, err = ParseDegrees(cell("longitude")); err != nil {
			bad = fault.Of(err).In("longitude")
		} else if bad = p.Validate(); bad == nil && seen[p.ID] {
			bad = fault.Newf(fault.Invalid, "give each place its own id", "%s is in the list twice", p.ID).In("id")
		}
		if bad != nil {
			reject(bad)
			continue
		}
		seen[p.ID] = true
		list = append(list, p)
	}
}

// Places is a set of places with their names. It does not change.
type Places struct {
	byID   map[string]Place
	byName map[string][]string // folded names, ids, codes → ids in order
	ids    []string            // in order
}

// NewPlaces makes a set. Later lists stand before earlier ones where both have
// an id. Code: invalid.
func NewPlaces(lists ...[]Place) (*Places, error) {
	s := &Places{byID: map[string]Place{}, byName: map[string][]string{}}
	for _, list := range lists {
		for _, p := range list {
			if err := p.Validate(); err != nil {
				return nil, fault.Of(err).In("places." + p.ID)
			}
			s.byID[p.ID] = p
		}
	}
	for id, p := range s.byID {
		s.ids = append(s.ids, id)
		for _, n := range append([]string{id, p.Code, p.Name}, p.Names...) {
			// A name with its country in brackets is found without it too.
			short, _, _ := strings.Cut(n, " (")
			for _, key := range []string{fold(n), fold(short)} {
				if key != "" && !slices.Contains(s.byName[key], id) {
					s.byName[key] = append(s.byName[key], id)
				}
			}
		}
	}
	slices.Sort(s.ids)
	for _, ids := range s.byName {
		slices.Sort(ids)
	}
	return s, nil
}

// With gives the set with other places added or put in the place of those with
// the same ids.
func (s *Places) With(list []Place) (*Places, error) { return NewPlaces(s.All(), list) }

// All gives the places in order of their ids.
func (s *Places) All() []Place {
	out := make([]Place, len(s.ids))
	for i, id := range s.ids {
		out[i] = s.byID[id]
	}
	return out
}

// Len is how many there are.
func (s *Places) Len() int { return len(s.ids) }

// Get gives a place by its id.
func (s *Places) Get(id string) (Place, bool) {
	p, ok := s.byID[id]
	return p, ok
}

// Named gives the places that are called so: by id, code or name, whatever the
// case, accents and marks.
func (s *Places) Named(text string) []Place {
	ids := s.byName[fold(text)]
	out := make([]Place, len(ids))
	for i, id := range ids {
		out[i] = s.byID[id]
	}
	return out
}

// Find gives the one place that is meant by an id, code or name. An id stands
// before names. Codes: [CodeUnknownPlace] with what may be meant as the remedy,
// [CodeManyPlaces].
func (s *Places) Find(text string) (Place, error) {
	if p, ok := s.byID[text]; ok {
		return p, nil
	}
	switch found := s.Named(text); len(found) {
	case 1:
		return found[0], nil
	case 0:
		remedy := "look the places up with lateral catalog place list"
		if near := s.Near(text, 3); len(near) > 0 {
			remedy = "did you mean " + spokenPlaces(near) + "?"
		}
		return Place{}, fault.Newf(CodeUnknownPlace, remedy, "no place is called %.60q", text)
	default:
		return Place{}, fault.Newf(CodeManyPlaces, "name the id: "+spokenPlaces(found), "%d places are called %.60q", len(found), text)
	}
}

func spokenPlaces(list []Place) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.Name + " (" + p.ID + ")"
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return names[0]
}

// Near gives at most n places whose names are written much like a text, the
// likest first.
func (s *Places) Near(text string, n int) []Place {
	key := fold(text)
	if key == "" || len(key) > maxName {
		return nil
	}
	type hit struct {
		id   string
		cost int
	}
	best := map[string]int{}
	for name, ids := range s.byName {
		cost := editCost(key, name, max(1, len(key)/3))
		if len(key) >= 3 && strings.HasPrefix(name, key) {
			cost = min(cost, 1)
		}
		if cost > max(1, len(key)/3) {
			continue
		}
		for _, id := range ids {
			if c, ok := best[id]; !ok || cost < c {
				best[id] = cost
			}
		}
	}
	hits := make([]hit, 0, len(best))
	for id, cost := range best {
		hits = append(hits, hit{id, cost})
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.id, b.id)) })
	var out []Place
	for _, h := range hits[:min(n, len(hits))] {
		out = append(out, s.byID[h.id])
	}
	return out
}

// editCost is how many letters must be changed, left out, put in or swapped
// with their neighbour; more than most is told as most+1.
func editCost(a, b string, most int) int {
	if d := len(a) - len(b); d > most || -d > most {
		return most + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := last[j-1]
			if a[i-1] != b[j-1] {
				cost++
			}
			cost = min(cost, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cost = min(cost, before[j-2]+1)
			}
			row[j] = cost
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], most+1)
}

// plain are letters with marks, and what they are without.
var plain = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'œ': "oe", 'ı': "i"}
	for base, marked := range map[string]string{
		"a": "àáâãäåāăą", "c": "çćč", "d": "ď", "e": "èéêëēěę", "g": "ğģ", "i": "ìíîïīį", "k": "ķ", "l": "ĺľļ", "n": "ñńňņ",
		"o": "òóôõöőō", "r": "ŕř", "s": "śšşș", "t": "ťţț", "u": "ùúûüűůūų", "y": "ýÿ", "z": "źżž",
	} {
		for _, r := range marked {
			m[r] = base
		}
	}
	return m
}()

// fold gives a name without case, accents, marks and double spaces, by which
// names are compared.
func fold(s string) string {
	var b strings.Builder
	space := false
	for _, r := range strings.ToLower(s) {
		switch {
		case r == '\'' || r == '’' || r == '.':
		case unicode.Is(unicode.Mn, r): // an accent that stands alone
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			if p, ok := plain[r]; ok {
				b.WriteString(p)
			} else {
				b.WriteRune(r)
			}
		default:
			space = true
		}
	}
	return b.String()
}
