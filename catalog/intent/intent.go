// Package intent reads what a person asks for, in a sentence like "100 Mbit/s
// Hong Kong to Milan tonight 20-22h, under 180 ms", into an inquiry that the
// person confirms.
//
// It is a grammar and asks nobody. What it does not understand it refuses and
// points at the word; what it takes for granted it lists. The inquiry prints
// back as a sentence that is read as the same inquiry.
package intent

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNotUnderstood says that a word of a sentence has no meaning there; the
// field is its place.
const CodeNotUnderstood fault.Code = "not-understood"

// MaxText is how long a sentence may be, bytes.
const MaxText = 500

// Options are what a sentence is read by.
type Options struct {
	Places *catalog.Places // nil: those that are built in
	Zone   string          // IANA name of the asker's time zone; empty: UTC
	Now    int64           // ms since 1970 UTC
}

// Intent is a sentence as it was understood.
type Intent struct {
	Inquiry     catalog.Inquiry `json:"inquiry"`
	Sentence    string          `json:"sentence" doc:"The inquiry in words that are read as the same inquiry."`
	Assumptions []Assumption    `json:"assumptions" nullable:"false" doc:"What was taken for granted."`
}

// Assumption is something that the sentence does not say in full.
type Assumption struct {
	Word  string `json:"word,omitempty" doc:"That it is about; absent: something that is not there."`
	Means string `json:"means"`
}

// Parse reads a sentence. Codes: [CodeNotUnderstood], catalog.CodeUnknownPlace
// and catalog.CodeManyPlaces with what may be meant, unknown-time-zone.
func Parse(text string, o Options) (Intent, error) {
	in, said, err := parse(text, &o)
	if err != nil {
		return Intent{}, err
	}
	sentence, err := Sentence(in, o)
	return Intent{in, sentence, said}, err
}

func parse(text string, o *Options) (catalog.Inquiry, []Assumption, error) {
	if o.Places == nil {
		o.Places = catalog.BuiltIn()
	}
	zone, err := usage.LoadZone(o.Zone)
	if err != nil {
		return catalog.Inquiry{}, nil, err
	}
	if len(text) > MaxText {
		return catalog.Inquiry{}, nil, fault.Newf(CodeNotUnderstood, "say it in fewer words", "the sentence has more than %d bytes", MaxText)
	}
	p := &parser{words: split(text), places: o.Places, zone: zone, now: time.UnixMilli(o.Now), said: []Assumption{}}
	if len(p.words) == 0 {
		return catalog.Inquiry{}, nil, fault.New(CodeNotUnderstood, "the sentence is empty", "say what is wanted, like 100 Mbit/s Hong Kong to Milan tonight 20-22h")
	}
	for p.at < len(p.words) {
		if err := p.clause(); err != nil {
			return catalog.Inquiry{}, nil, err
		}
	}
	if err := p.finish(); err != nil {
		return catalog.Inquiry{}, nil, err
	}
	return p.in, p.said, nil
}

// word is a piece of the sentence.
type word struct {
	text string // as it was written
	low  string // in small letters
	pos  int    // of its first character, from 1
}

// split cuts a sentence at spaces, and at commas and the like behind words.
func split(text string) (words []word) {
	pos, start, at := 0, -1, 0
	flush := func(end int) {
		if start < 0 {
			return
		}
		t := strings.TrimRight(text[start:end], ",;!?")
		if trimmed := strings.TrimSuffix(t, "."); trimmed != "" {
			t = trimmed
		}
		if t != "" {
			words = append(words, word{t, strings.ToLower(t), at})
		}
		start = -1
	}
	for i, r := range text {
		pos++
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\u00a0' || r == '\u202f' {
			flush(i)
		} else if start < 0 {
			start, at = i, pos
		}
	}
	flush(len(text))
	return words
}

type parser struct {
	words  []word
	at     int
	places *catalog.Places
	zone   *time.Location
	now    time.Time
	zoned  bool // a zone was named
	in     catalog.Inquiry
	said   []Assumption

	product string // the word
	ends    []end
	expects bool // another end: "between ... and"
	when    when
}

// end is an end as it was said.
type end struct {
	spot catalog.Spot
	word word
}

func (p *parser) assume(word, format string, args ...any) {
	p.said = append(p.said, Assumption{word, fmt.Sprintf(format, args...)})
}

// peek gives a word ahead; an empty one behind the last.
func (p *parser) peek(n int) word {
	if p.at+n < len(p.words) {
		return p.words[p.at+n]
	}
	return word{}
}

// is reports whether the words ahead are these.
func (p *parser) is(words ...string) bool {
	for i, w := range words {
		if p.peek(i).low != w {
			return false
		}
	}
	return true
}

// take goes past the first of some phrases that stands ahead.
func (p *parser) take(phrases ...string) (string, bool) {
	for _, phrase := range phrases {
		words := strings.Fields(phrase)
		if p.is(words...) {
			p.at += len(words)
			return phrase, true
		}
	}
	return "", false
}

// not refuses a word.
func (p *parser) not(w word, remedy, format string, args ...any) error {
	if w.text == "" {
		last := p.words[len(p.words)-1]
		return fault.Newf(CodeNotUnderstood, remedy, "something is missing behind %.60q: "+format, append([]any{last.text}, args...)...).In("character " + strconv.Itoa(last.pos))
	}
	return fault.Newf(CodeNotUnderstood, remedy, "%.60q: "+format, append([]any{w.text}, args...)...).In("character " + strconv.Itoa(w.pos))
}

// products are the words for products, longer ones first.
var products = []struct {
	words, typ string
	loose      string // what it is taken for, when it could be something else
}{
	{"dedicated internet access", catalog.TypeInternetAccess, ""},
	{"internet access", catalog.TypeInternetAccess, ""},
	{"ip transit", catalog.TypeInternetAccess, "internet access"},
	{"internet", catalog.TypeInternetAccess, ""},
	{"dia", catalog.TypeInternetAccess, ""},
	{"enni access", catalog.TypeENNIAccess, ""},
	{"access e-line", catalog.TypeENNIAccess, ""},
	{"e-line", catalog.TypeELine, ""},
	{"eline", catalog.TypeELine, ""},
	{"epl", catalog.TypeELine, ""},
	{"evpl", catalog.TypeELine, ""},
	{"ethernet line", catalog.TypeELine, ""},
	{"ethernet", catalog.TypeELine, "an E-Line"},
	{"leased line", catalog.TypeELine, "an E-Line"},
	{"private line", catalog.TypeELine, "an E-Line"},
	{"ip vpn", catalog.TypeIPVPN, ""},
	{"ip-vpn", catalog.TypeIPVPN, ""},
	{"l3vpn", catalog.TypeIPVPN, ""},
	{"vpn", catalog.TypeIPVPN, "an IP VPN"},
	{"uni", catalog.TypeUNI, ""},
	{"port", catalog.TypeUNI, "a UNI"},
}

// onePlace are the types of products at one place.
var onePlace = []string{catalog.TypeInternetAccess, catalog.TypeUNI}

// fillers mean nothing by themselves.
var fillers = []string{"a", "an", "the", "please", "i", "we", "need", "want", "would", "like", "give", "me", "us", "get", "order", "with", "and", "of", "connection",
	"connectivity", "link", "circuit", "service", "bandwidth", "some", "looking", "for", "capacity", "is", "must", "be", "have", "has", "having"}

func (p *parser) clause() error {
	w := p.peek(0)
	if p.expects { // "between A and Z": the other end comes next
		if _, ok := p.take("and"); ok || p.is("to") {
			p.take("to")
			p.expects = false
			return p.place()
		}
		return p.not(w, "write between A and Z", "the other place comes here")
	}
	if done, err := p.time(); done || err != nil {
		return err
	}
	if done, err := p.quantity(); done || err != nil {
		return err
	}
	// A place of several words may begin like a product: Port Said.
	if p.longest() > 1 {
		return p.place()
	}
	if strings.HasPrefix(w.low, "urn:") {
		p.at++
		return p.named(w, w.text)
	}
	for _, x := range products {
		if _, ok := p.take(x.words); ok {
			if x.loose != "" {
				p.assume(w.text, "%s (%s)", x.loose, x.typ)
			}
			return p.named(w, x.typ)
		}
	}
	switch w.low {
	case "from", "to", "in", "at", "towards", "into":
		p.at++
		return p.place()
	case "->", "→", "–", "-", "to:", "<->", "↔":
		if len(p.ends) == 0 {
			return p.not(w, "name a place before it", "there is nothing that it leads from")
		}
		p.at++
		return p.place()
	case "between":
		p.at++
		p.expects = true
		return p.place()
	}
	if p.longest() > 0 || w.low == "enni" || strings.HasPrefix(w.low, "place:") {
		return p.place()
	}
	if slices.Contains(fillers, w.low) {
		p.at++
		return nil
	}
	return p.unknown()
}

// named sets the product.
func (p *parser) named(w word, typ string) error {
	if p.in.Type != "" && p.in.Type != typ {
		return p.not(w, "ask for one product at a time", "%s is asked for already", p.product)
	}
	p.in.Type, p.product = typ, w.text
	return nil
}

// unknown refuses the word ahead, with what may be meant.
func (p *parser) unknown() error {
	w := p.peek(0)
	var near []catalog.Place
	for n := min(3, len(p.words)-p.at); n > 0 && near == nil; n-- {
		near = p.places.Near(p.text(n), 3)
	}
	if len(near) > 0 {
		names := make([]string, len(near))
		for i, x := range near {
			names[i] = x.Name + " (" + x.ID + ")"
		}
		return fault.Newf(catalog.CodeUnknownPlace, "did you mean "+strings.Join(names, " or ")+"? lateral catalog place list shows all places",
			"%.60q: no place is called so, and the word means nothing else", w.text).In("character " + strconv.Itoa(w.pos))
	}
	return p.not(w, "leave it out, or say it in other words: bandwidth, places, a time, a latency, an availability, a price, a product", "it is not understood")
}

// text gives some words ahead.
func (p *parser) text(n int) string {
	words := make([]string, 0, n)
	for i := range n {
		words = append(words, p.peek(i).text)
	}
	return strings.Join(words, " ")
}

// longest is how many words ahead are the name of a place, the most; 0: none.
func (p *parser) longest() int {
	for n := min(6, len(p.words)-p.at); n > 0; n-- {
		text := p.text(n)
		if _, ok := p.places.Get(text); ok || len(p.places.Named(text)) > 0 {
			return n
		}
	}
	return 0
}

// place reads an end.
func (p *parser) place() error {
	if p.longest() == 0 {
		p.take("the")
	}
	w := p.peek(0)
	if w.text == "" {
		return p.not(w, "name a place", "a place comes here")
	}
	e := end{word: w}
	if w.low == "enni" || w.low == "any" && p.peek(1).low == "enni" {
		if w.low == "any" {
			p.at += 2
			e.spot.Neighbour = catalog.AnyNeighbour
		} else {
			p.at++
			p.take("with", "to")
			code := p.peek(0)
			if party.Code(code.text).Validate() != nil {
				return p.not(code, "write eNNI BRAVO, or any eNNI", "the code of a neighbour comes here")
			}
			p.at++
			e.spot.Neighbour = party.Code(code.text)
		}
		if _, ok := p.take("in", "at"); ok {
			id, err := p.city()
			if err != nil {
				return err
			}
			e.spot.Place = id
		}
	} else {
		id, err := p.city()
		if err != nil {
			return err
		}
		e.spot.Place = id
	}
	if len(p.ends) == 2 {
		return p.not(w, "ask for two places at a time", "it is a third place")
	}
	p.ends = append(p.ends, e)
	return nil
}

// city reads a place's id.
func (p *parser) city() (string, error) {
	w := p.peek(0)
	here := "character " + strconv.Itoa(w.pos)
	if id, ok := strings.CutPrefix(w.text, "place:"); ok {
		if _, known := p.places.Get(id); known {
			p.at++
			return id, nil
		}
		_, err := p.places.Find(id)
		if err == nil {
			err = fault.Newf(catalog.CodeUnknownPlace, "write the id as it is", "no place has the id %.60q", id)
		}
		return "", fault.Of(err).In(here)
	}
	n := p.longest()
	if n == 0 {
		return "", p.unknown()
	}
	text := p.text(n)
	p.at += n
	if _, ok := p.places.Get(text); ok {
		return text, nil
	}
	found := p.places.Named(text)
	// A country behind the name tells places of one name apart: San Jose, CR.
	if country := p.peek(0); len(country.text) == 2 && country.text == strings.ToUpper(country.text) {
		for _, x := range found {
			if x.Country == country.text {
				p.at++
				found = []catalog.Place{x}
				break
			}
		}
	}
	if len(found) > 1 {
		_, err := p.places.Find(text)
		return "", fault.Of(err).In(here)
	}
	return found[0].ID, nil
}

// comparators stand before a quantity.
var (
	upTo  = []string{"no more than", "not more than", "at most", "less than", "lower than", "cheaper than", "up to", "under", "below", "max", "maximum", "within", "<=", "<", "≤"}
	least = []string{"no less than", "not less than", "at least", "more than", "better than", "over", "above", "min", "minimum", ">=", ">", "≥"}
)

// bits are the units of bandwidth in small letters; their case matters for one
// letter only, see octets.
var bits = map[string]uint64{
	"bit/s": 1, "bps": 1, "b/s": 1, "kbit/s": 1e3, "kbps": 1e3, "kb/s": 1e3, "kbit": 1e3, "mbit/s": 1e6, "mbps": 1e6, "mb/s": 1e6, "mbit": 1e6, "meg": 1e6, "mb": 1e6, "m": 1e6,
	"gbit/s": 1e9, "gbps": 1e9, "gb/s": 1e9, "gbit": 1e9, "gig": 1e9, "gb": 1e9, "g": 1e9, "tbit/s": 1e12, "tbps": 1e12, "tb/s": 1e12, "tbit": 1e12, "t": 1e12,
}

// micros are the units of latency, in microseconds.
var micros = map[string]uint64{"us": 1, "µs": 1, "μs": 1, "usec": 1, "microseconds": 1, "ms": 1e3, "msec": 1e3, "millisecond": 1e3, "milliseconds": 1e3}

// signs are the signs of currencies; a loose one is that of several.
var signs = map[string]struct {
	currency money.Currency
	loose    bool
}{"€": {"EUR", false}, "£": {"GBP", false}, "$": {"USD", true}, "us$": {"USD", false}, "¥": {"JPY", true}, "hk$": {"HKD", false}, "s$": {"SGD", false}, "euro": {"EUR", false}, "euros": {"EUR", false}, "dollars": {"USD", true}}

// quantity reads bandwidth, latency, availability or a price.
func (p *parser) quantity() (bool, error) {
	from := p.at
	if _, ok := p.take("latency", "delay", "rtt", "round trip", "availability", "uptime", "price", "cost", "costs", "costing", "budget"); ok {
		p.take("of", "time")
	}
	about := ""
	if p.at > from {
		about = p.words[from].low
	}
	top, isTop := p.take(upTo...)
	_, isLeast := "", false
	if !isTop {
		_, isLeast = p.take(least...)
	}
	w := p.peek(0)
	number, unit := cut(w.text)
	used := 1
	if number == "" && about == "" && !isTop && !isLeast {
		if _, sign := signs[strings.ToLower(leading(w.text))]; !sign && money.Currency(w.text).Validate() != nil {
			p.at = from
			return false, nil
		}
	}
	if number == "" { // EUR 500, €500
		sign := leading(w.text)
		rest := strings.TrimPrefix(w.text, sign)
		if rest == "" {
			rest, used = p.peek(1).text, 2
		}
		n, tail := cut(rest)
		if c, loose, ok := currency(sign); ok && n != "" && tail == "" {
			p.at += used
			return true, p.ceiling(w, n, c, loose, sign, isLeast)
		}
		if p.at == from {
			return false, nil
		}
		return false, p.not(w, "write a number with its unit, like 180 ms, 99.9% or 500 EUR", "a quantity comes here")
	}
	if unit == "" {
		unit, used = p.peek(1).text, 2
	}
	low := strings.ToLower(unit)
	switch {
	case strings.Contains(number, ",") || strings.HasPrefix(unit, ","):
		return false, p.not(w, "write 1000 or 99.9, with a point", "the comma may stand for thousands or for a point")
	case low == "%" || low == "percent":
		p.at += used
		if isTop {
			return false, p.not(w, "write at least "+number+"%", "an availability is wanted at least")
		}
		return true, p.availability(w, number)
	case micros[low] > 0:
		p.at += used
		if isLeast {
			return false, p.not(w, "write at most "+number+" "+unit, "a latency is wanted at most")
		}
		if !isTop && about == "" && !p.is("latency") && !p.is("one", "way", "latency") {
			p.assume(w.text, "a latency of at most that")
		}
		return true, p.latency(w, number, micros[low], about)
	case octets(unit):
		return false, p.not(w, "write Mbit/s, eight for each MB/s", "MB/s counts octets, and bandwidth is in bits")
	case bits[low] > 0 && about == "":
		p.at += used
		if isTop && top != "up to" {
			return false, p.not(w, "write at least "+number+" "+unit, "a bandwidth is wanted at least")
		}
		if !strings.Contains(low, "/s") && !strings.HasSuffix(low, "ps") {
			p.assume(number+" "+unit, "a bandwidth in bit/s")
		}
		n, ok := scaled(number, bits[low])
		if !ok || n == 0 || n > rating.MaxQuantity {
			return false, p.not(w, "write whole bit/s above zero", "it is no bandwidth")
		}
		if p.in.Bandwidth != 0 && p.in.Bandwidth != n {
			return false, p.not(w, "ask for one bandwidth", "another bandwidth is asked for already")
		}
		p.in.Bandwidth = n
		return true, nil
	}
	if c, loose, ok := currency(unit); ok {
		p.at += used
		return true, p.ceiling(w, number, c, loose, unit, isLeast)
	}
	if p.at == from && !isTop && !isLeast {
		return false, p.not(w, "write a unit behind it, like 100 Mbit/s, 180 ms, 99.9%, 500 EUR or 20-22h", "it is not said what it is a number of")
	}
	return false, p.not(w, "write a number with its unit, like 180 ms, 99.9% or 500 EUR", "it is no quantity that is known")
}

// cut splits a number from what follows it without a space.
func cut(s string) (number, rest string) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || (s[i] == '.' || s[i] == ',') && i > 0 && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9') {
		i++
	}
	return s[:i], s[i:]
}

// leading gives what stands before the first digit.
func leading(s string) string {
	if i := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' }); i >= 0 {
		return s[:i]
	}
	return s
}

func octets(unit string) bool {
	switch unit {
	case "MB/s", "GB/s", "KB/s", "kB/s", "TB/s", "MBps", "GBps", "KBps", "kBps", "TBps", "MB", "GB", "TB", "MiB/s", "GiB/s", "B/s":
		return true
	}
	return false
}

func currency(unit string) (c money.Currency, loose, ok bool) {
	if s, known := signs[strings.ToLower(unit)]; known {
		return s.currency, s.loose, true
	}
	c = money.Currency(strings.ToUpper(unit))
	return c, false, len(unit) == 3 && c.Validate() == nil
}

// scaled gives a decimal times a unit as a whole number; false when it is none.
func scaled(number string, unit uint64) (uint64, bool) {
	whole, frac, _ := strings.Cut(number, ".")
	frac = strings.TrimRight(frac, "0")
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil || len(frac) > 12 || n > (1<<62)/unit {
		return 0, false
	}
	n *= unit
	if frac == "" {
		return n, true
	}
	f, err := strconv.ParseUint(frac, 10, 63)
	tens := uint64(1)
	for range frac {
		tens *= 10
	}
	if err != nil || f > (1<<62)/unit || f*unit%tens != 0 {
		return 0, false
	}
	return n + f*unit/tens, true
}

func (p *parser) latency(w word, number string, unit uint64, about string) error {
	n, ok := scaled(number, unit)
	if !ok || n == 0 || n > 60e6 {
		return p.not(w, "write whole microseconds, from 1 us to 60000 ms", "it is no latency")
	}
	p.take("of")
	switch _, round := p.take("round trip", "round-trip", "rtt"); {
	case round || about == "rtt" || about == "round":
		if n%2 != 0 {
			return p.not(w, "name an even number of microseconds", "half of it is no whole number of microseconds")
		}
		n /= 2
		p.assume(w.text, "the round trip, which is twice the way: at most %s one way", latency(n))
	default:
		if _, said := p.take("one way", "one-way"); !said {
			p.assume(w.text, "one way, not the round trip")
		}
	}
	p.take("latency", "delay")
	if p.in.Latency != 0 && p.in.Latency != n {
		return p.not(w, "ask for one latency", "another latency is asked for already")
	}
	p.in.Latency = n
	return nil
}

func (p *parser) availability(w word, number string) error {
	n, ok := scaled(number, 10_000)
	if !ok || n == 0 || n > 1e6 {
		return p.not(w, "write at most four places, up to 100%", "it is no availability")
	}
	p.take("availability", "available", "uptime", "sla")
	if p.in.Availability != 0 && p.in.Availability != uint32(n) {
		return p.not(w, "ask for one availability", "another availability is asked for already")
	}
	p.in.Availability = uint32(n)
	return nil
}

func (p *parser) ceiling(w word, number string, c money.Currency, loose bool, unit string, isLeast bool) error {
	if isLeast {
		return p.not(w, "write at most "+number+" "+string(c), "a price is wanted at most")
	}
	if strings.Contains(number, ",") {
		return p.not(w, "write 1000 or 99.9, with a point", "the comma may stand for thousands or for a point")
	}
	m, err := money.ParseMicro(number)
	if err != nil || m <= 0 {
		return p.not(w, "write a price with at most six places", "it is no price")
	}
	if next := p.peek(0); next.low == "per" || next.low == "a" || next.low == "an" || next.low == "monthly" || next.low == "/" || strings.HasPrefix(next.low, "/") {
		return p.not(next, "name the most that all of it may cost: a rate is seen in the answers", "a ceiling is for all of the time that is asked for")
	}
	if loose {
		p.assume(unit, "%s", c)
	}
	p.take("in total", "total", "altogether")
	x := &money.Amount{Currency: c, Micro: m}
	if p.in.Ceiling != nil && *p.in.Ceiling != *x {
		return p.not(w, "ask for one price", "another price is asked for already")
	}
	p.in.Ceiling = x
	return nil
}

// finish joins what was said.
func (p *parser) finish() error {
	last := p.words[len(p.words)-1]
	here := func(code fault.Code, remedy, format string, args ...any) error {
		return fault.Newf(code, remedy, format, args...).In("character " + strconv.Itoa(last.pos))
	}
	if p.expects {
		return here(CodeNotUnderstood, "write between A and Z", "the other place is missing")
	}
	one := slices.Contains(onePlace, p.in.Type)
	switch {
	case len(p.ends) == 0:
		return here(CodeNotUnderstood, "name one place or two, like Hong Kong to Milan", "no place is named")
	case len(p.ends) == 2 && one:
		return p.not(p.ends[1].word, "name one place, or another product", "%s is had at one place", p.product)
	case len(p.ends) == 1 && p.in.Type != "" && !one && isBuiltIn(p.in.Type):
		return here(CodeNotUnderstood, "name the other place", "%s leads to another place, which is not named", p.product)
	}
	p.in.A = p.ends[0].spot
	if len(p.ends) == 2 {
		p.in.Z = p.ends[1].spot
		if p.in.A == p.in.Z {
			return p.not(p.ends[1].word, "name two places", "both ends are the same")
		}
	}
	if p.in.A.Place == "" && p.in.Z.Place == "" {
		return p.not(p.ends[0].word, "name a place for one end at least", "no end is at a place")
	}
	if len(p.ends) == 1 && p.in.A.Neighbour != "" {
		return p.not(p.ends[0].word, "name the other end", "a product at an eNNI leads to another end")
	}
	if p.in.Type == "" {
		if len(p.ends) == 2 {
			p.assume("", "no product is named: any that connects the two")
		} else {
			p.assume("", "no product is named: any that is had there")
		}
	}
	if p.in.Bandwidth == 0 {
		p.assume("", "no bandwidth is named: the least that is sold")
	}
	return p.settle()
}

func isBuiltIn(t string) bool { return catalog.Embedded().Knows(t) }
