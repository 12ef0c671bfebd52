package reconcile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNotDiffering says that calls were handed in for a line that does not
// differ, or is not in the sheet.
const CodeNotDiffering fault.Code = "line-does-not-differ"

// Kind is why a call of a differing line needs a decision.
type Kind string

// The kinds.
const (
	OnlyBuyer  Kind = "only-buyer"  // the buyer alone recorded it
	OnlySeller Kind = "only-seller" // the seller alone recorded it
	Longer     Kind = "duration"    // billed seconds differ beyond the tolerance
	Shifted    Kind = "skewed"      // starts differ, and with them the line
)

// Answer is what a rule says about a call.
type Answer string

// The answers. For a call of one side alone the other side's figure is nothing.
// None charges nothing; Manual leaves it to people. Lower, Split and Counter are
// no answers for a skewed call: its two figures are of two rate versions.
const (
	Seller  Answer = "seller"
	Buyer   Answer = "buyer"
	Lower   Answer = "lower" // of the two billed seconds
	Split   Answer = "split" // half of the difference is charged; an odd second goes to the seller
	None    Answer = "none"
	Counter Answer = "counter" // as Manual, and the buyer offers its own figure at once
	Manual  Answer = "manual"
)

// Case is what a rule may know about a call. Seconds are billed ones.
type Case struct {
	Line               Ref // of the call; of a skewed call the seller's
	Kind               Kind
	Destination        string // of the line's row, as are the next three
	Rate               money.Rate
	Currency           money.Currency
	UnitSeconds        uint32 // that the rate is for
	BuyerSeconds       uint64 // 0 when only the seller has the call
	SellerSeconds      uint64 // 0 when only the buyer has the call
	Gap                uint64 // between the two
	StartGap           uint64 // ms between the two starts; 0 when one side alone has the call
	OnlySellerSeconds  uint64 // of all calls to the destination in the differing lines that the seller alone has
	DestinationCalls   uint64 // all calls to the destination in the period, as the seller states
	DestinationSeconds uint64 // of these calls
	Undelivered        bool   // one side alone has the call, and the other did not deliver a line of the destination that it had committed to
}

// Rules answers cases as the agreement says. It is pure, and the same on both
// sides. What is no answer for the kind of case counts as [Manual].
type Rules interface {
	Answer(Case) Answer
}

// Default is the rule that holds when an agreement names none: inside the start
// tolerance the seller's record decides; billed seconds at most 5 apart, the
// lower counts; what only the buyer has is not charged; what only the seller
// has is charged when it is at most 2% of the destination's seconds in the
// period, or when the buyer did not deliver its records of the destination and so
// cannot use them.
// All else is for people.
type Default struct{}

// Answer implements [Rules].
func (Default) Answer(c Case) Answer {
	switch c.Kind {
	case Shifted:
		return Seller
	case Longer:
		if c.Gap <= 5 {
			return Lower
		}
	case OnlyBuyer:
		return None
	case OnlySeller:
		// Dividing the larger side keeps the product from overflowing, and
		// whole seconds make "at most a fiftieth" the same either way.
		if c.Undelivered || c.OnlySellerSeconds <= c.DestinationSeconds/50 {
			return Seller
		}
	}
	return Manual
}

// Ref names a line within one direction and period.
type Ref struct {
	Adjusts usage.Interval // earlier period that late records belong to; zero: none
	Row     uint32         // rate version
}

func (r Ref) order(s Ref) int {
	return cmp.Or(cmp.Compare(r.Adjusts.From, s.Adjusts.From), cmp.Compare(r.Adjusts.To, s.Adjusts.To), cmp.Compare(r.Row, s.Row))
}

// Delivered is what one side delivered of one line, after
// [usage.CheckDelivery].
type Delivered struct {
	Line  Ref
	Calls []usage.Call
}

// Rows gives rate versions by the numbers that lines name them with:
// *rating.Sheet, or the sheets of a direction one after the other.
type Rows interface {
	Row(i uint32) *rating.Row
	Len() int
}

// Input is what Decide decides from: everything about the differing lines of
// one direction and period.
type Input struct {
	Sheet              Rows
	Lines              []Ref             // those that differ
	Buyer, Seller      []Delivered       // a line that was not delivered is absent
	DestinationCalls   map[string]uint64 // calls of the whole period by destination, as the seller states
	DestinationSeconds map[string]uint64 // their billed seconds
	Tolerances         Tolerances
	Rules              Rules // nil: Default
	BuyerMissing       []Ref // lines that the buyer had committed to and did not deliver
	SellerMissing      []Ref // those of the seller
}

// Decided is what comes out for one differing line. Of an open line the figures
// are what stands undisputed.
type Decided struct {
	Adjusts       usage.Interval `cbor:"1,keyasint,omitzero" json:"adjusts,omitzero"`
	Row           uint32         `cbor:"2,keyasint" json:"row"`
	Open          bool           `cbor:"3,keyasint,omitempty" json:"open,omitempty"` // people decide
	Calls         uint64         `cbor:"4,keyasint" json:"calls"`
	RawMillis     uint64         `cbor:"5,keyasint" json:"raw_millis"`
	BilledSeconds uint64         `cbor:"6,keyasint" json:"billed_seconds"`
	Evidence      []Item         `cbor:"7,keyasint,omitempty" json:"evidence,omitempty"` // what people have to decide, in order of time
	Root          canon.Hash     `cbor:"8,keyasint,omitzero" json:"root,omitzero"`       // RFC 6962 root over the evidence; zero without any
	// Counter is what the whole line comes to with the buyer's figure of each call
	// that people have to decide. None unless the rule says so of all of them.
	Counter *Figures `cbor:"9,keyasint,omitempty" json:"counter,omitempty"`
}

// Figures are the sums of a line.
type Figures struct {
	Calls         uint64 `cbor:"1,keyasint" json:"calls"`
	BilledSeconds uint64 `cbor:"2,keyasint" json:"billed_seconds"`
}

// Item is one call that people have to decide. It holds no number: the leaf
// hashes name delivered records, which both sides hold.
type Item struct {
	Kind   Kind `cbor:"1,keyasint" json:"kind"`
	Buyer  View `cbor:"2,keyasint,omitzero" json:"buyer,omitzero"`
	Seller View `cbor:"3,keyasint,omitzero" json:"seller,omitzero"`
}

// View is one side's record of a call; zero when it has none.
type View struct {
	Start         int64      `cbor:"1,keyasint" json:"start"` // ms since 1970 UTC
	RawMillis     uint32     `cbor:"2,keyasint" json:"raw_millis"`
	BilledSeconds uint64     `cbor:"3,keyasint" json:"billed_seconds"`
	Leaf          canon.Hash `cbor:"4,keyasint" json:"leaf"` // usage.Call.Leaf
}

// EncodeDecided gives the canonical bytes of a decision, equal on both sides.
func EncodeDecided(d []Decided) []byte { return canon.Must(d) }

// Decide settles the differing lines of one direction and period from what both
// sides delivered, by the agreed rules. The result has one entry for each line
// of the input, in the order of a statement, and is the same bytes on both
// sides. Codes: [CodeNotDiffering], [CodeBadTolerance].
func Decide(in Input) ([]Decided, error) {
	if err := in.Tolerances.Validate(); err != nil {
		return nil, err
	}
	if in.Rules == nil {
		in.Rules = Default{}
	}
	d := decision{Input: in, place: map[Ref]int{}, onlySeller: map[string]uint64{}, counters: map[int]counter{}}
	for _, ref := range slices.SortedFunc(slices.Values(in.Lines), Ref.order) {
		if uint64(ref.Row) >= uint64(in.Sheet.Len()) {
			return nil, fault.Newf(CodeNotDiffering, "use the sheet that the statements were made with", "the sheet has no row %d", ref.Row)
		}
		d.place[ref] = len(d.out)
		d.out = append(d.out, Decided{Adjusts: ref.Adjusts, Row: ref.Row})
	}
	var err error
	if d.buyer, err = d.gather(in.Buyer); err != nil {
		return nil, fmt.Errorf("buyer's delivery: %w", err)
	}
	if d.seller, err = d.gather(in.Seller); err != nil {
		return nil, fmt.Errorf("seller's delivery: %w", err)
	}
	if d.buyerMissing, err = d.destinations(in.BuyerMissing); err != nil {
		return nil, fmt.Errorf("buyer's delivery: %w", err)
	}
	if d.sellerMissing, err = d.destinations(in.SellerMissing); err != nil {
		return nil, fmt.Errorf("seller's delivery: %w", err)
	}
	d.decide()
	for i := range d.out {
		if o := &d.out[i]; len(o.Evidence) > 0 {
			o.seal()
			if c := d.counters[i]; c.items == len(o.Evidence) {
				o.Counter = &Figures{o.Calls + c.calls, o.BilledSeconds + c.seconds}
			}
		}
	}
	return d.out, nil
}

// call is a delivered call with its line.
type call struct {
	usage.Call
	line int // index into decision.out
}

// decision is a Decide under way.
type decision struct {
	Input
	place         map[Ref]int
	buyer, seller []call
	onlySeller    map[string]uint64
	buyerMissing  map[string]bool // destinations of which a line was not delivered
	sellerMissing map[string]bool
	out           []Decided
	counters      map[int]counter // by line
}

// counter sums what the buyer offers for calls of a line that people decide.
type counter struct {
	items   int // such calls
	calls   uint64
	seconds uint64
}

// destinations gives those of lines. A call that is missing in one line of a
// destination may lie in another, by another start; never in one of another
// destination.
func (d *decision) destinations(lines []Ref) (map[string]bool, error) {
	out := map[string]bool{}
	for _, l := range lines {
		if _, ok := d.place[l]; !ok {
			return nil, fault.Newf(CodeNotDiffering, "name the differing lines only", "row %d does not differ", l.Row)
		}
		out[d.Sheet.Row(l.Row).Destination] = true
	}
	return out, nil
}

// gather lays the calls of all lines of a side together. A call that is there
// twice counts once, in the first of its lines.
func (d *decision) gather(delivered []Delivered) ([]call, error) {
	var all []call
	for _, l := range delivered {
		at, ok := d.place[l.Line]
		if !ok {
			return nil, fault.Newf(CodeNotDiffering, "deliver the differing lines only", "row %d does not differ", l.Line.Row)
		}
		for _, c := range l.Calls {
			all = append(all, call{c, at})
		}
	}
	slices.SortFunc(all, func(a, b call) int { return cmp.Or(a.Order(b.Call), cmp.Compare(a.line, b.line)) })
	return slices.CompactFunc(all, func(a, b call) bool { return a.Order(b.Call) == 0 }), nil
}

func (d *decision) row(line int) *rating.Row { return d.Sheet.Row(d.out[line].Row) }

func (d *decision) decide() {
	items := func(calls []call) []item {
		out := make([]item, len(calls))
		for i := range calls {
			c := &calls[i]
			out[i] = item{flow: uint64(c.Destination), origin: uint64(c.Origin), start: c.Start, duration: c.Duration, index: uint32(i)}
		}
		return out
	}
	partner := make([]uint32, len(d.buyer))
	taken := make([]bool, len(d.seller))
	for i := range partner {
		partner[i] = unmatched
	}
	match(items(d.buyer), items(d.seller), d.Tolerances.StartMillis, func(i, j uint32) { partner[i], taken[j] = j, true })
	for j := range d.seller {
		if !taken[j] {
			row := d.row(d.seller[j].line)
			d.onlySeller[row.Destination] += uint64(row.Billed(d.seller[j].Duration))
		}
	}
	for i := range d.buyer {
		if j := partner[i]; j != unmatched {
			d.both(&d.buyer[i], &d.seller[j])
		} else {
			d.one(OnlyBuyer, &d.buyer[i], d.sellerMissing)
		}
	}
	for j := range d.seller {
		if !taken[j] {
			d.one(OnlySeller, &d.seller[j], d.buyerMissing)
		}
	}
}

// one decides a call that one side alone has. Of the destinations in missing the
// other side did not deliver all.
func (d *decision) one(kind Kind, c *call, missing map[string]bool) {
	row := d.row(c.line)
	seconds := uint64(row.Billed(c.Duration))
	k := d.question(kind, c.line)
	k.Undelivered = missing[row.Destination]
	own, view := Buyer, Item{Kind: kind}
	if kind == OnlyBuyer {
		k.BuyerSeconds, view.Buyer = seconds, c.view(seconds)
	} else {
		own, k.SellerSeconds, view.Seller = Seller, seconds, c.view(seconds)
	}
	k.Gap = seconds
	switch d.Rules.Answer(k) {
	case own:
		d.charge(c.line, c, seconds)
	case Split:
		d.charge(c.line, c, middle(0, seconds))
	case Seller, Buyer, Lower, None:
		// The other side's figure, which is nothing, counts.
	case Counter:
		d.offer(c.line, kind == OnlyBuyer, k.BuyerSeconds)
		d.open(c.line, view)
	default:
		d.open(c.line, view)
	}
}

// both decides a call that both sides have.
func (d *decision) both(b, s *call) {
	line := s.line
	if b.line != s.line {
		row := d.row(s.line)
		k := d.question(Shifted, s.line)
		k.BuyerSeconds, k.SellerSeconds = uint64(d.row(b.line).Billed(b.Duration)), uint64(row.Billed(s.Duration))
		k.Gap, k.StartGap = apart(k.BuyerSeconds, k.SellerSeconds), startGap(b, s)
		switch d.Rules.Answer(k) {
		case Seller:
		case Buyer:
			line = b.line
		case None:
			return
		default:
			d.open(s.line, Item{Shifted, b.view(k.BuyerSeconds), s.view(k.SellerSeconds)})
			return
		}
	}
	row := d.row(line)
	buyer, seller := uint64(row.Billed(b.Duration)), uint64(row.Billed(s.Duration))
	if apart(buyer, seller) <= uint64(d.Tolerances.BilledSeconds) {
		d.charge(line, s, seller)
		return
	}
	k := d.question(Longer, line)
	k.BuyerSeconds, k.SellerSeconds, k.Gap, k.StartGap = buyer, seller, apart(buyer, seller), startGap(b, s)
	answer := d.Rules.Answer(k)
	if answer == Lower {
		answer = Seller
		if buyer < seller {
			answer = Buyer
		}
	}
	switch answer {
	case Seller:
		d.charge(line, s, seller)
	case Buyer:
		d.charge(line, b, buyer)
	case Split:
		d.charge(line, s, middle(buyer, seller))
	case None:
	case Counter:
		d.offer(line, true, buyer)
		d.open(line, Item{Longer, b.view(buyer), s.view(seller)})
	default:
		d.open(line, Item{Longer, b.view(buyer), s.view(seller)})
	}
}

func (d *decision) question(kind Kind, line int) Case {
	row := d.row(line)
	return Case{Line: Ref{d.out[line].Adjusts, d.out[line].Row}, Kind: kind, Destination: row.Destination, Rate: row.Rate, Currency: row.Currency, UnitSeconds: row.UnitSeconds,
		OnlySellerSeconds: d.onlySeller[row.Destination],
		DestinationCalls:  d.DestinationCalls[row.Destination], DestinationSeconds: d.DestinationSeconds[row.Destination]}
}

func (d *decision) charge(line int, c *call, seconds uint64) {
	if seconds == 0 && d.row(line).Free(0) {
		return
	}
	o := &d.out[line]
	o.Calls++
	o.RawMillis += uint64(c.Duration)
	o.BilledSeconds += seconds
}

func (d *decision) open(line int, evidence Item) {
	o := &d.out[line]
	o.Open = true
	o.Evidence = append(o.Evidence, evidence)
}

// offer counts the buyer's figure of a call that people have to decide; has: the
// buyer has a record of it.
func (d *decision) offer(line int, has bool, seconds uint64) {
	c := d.counters[line]
	c.items++
	c.seconds += seconds
	if has {
		c.calls++
	}
	d.counters[line] = c
}

func (c *call) view(seconds uint64) View { return View{c.Start, c.Duration, seconds, c.Leaf()} }

// middle is halfway between two numbers of seconds. An odd second goes to the
// seller: it is charged.
func middle(a, b uint64) uint64 {
	gap := apart(a, b)
	return min(a, b) + gap/2 + gap%2
}

func apart(a, b uint64) uint64 { return max(a, b) - min(a, b) }

func startGap(a, b *call) uint64 { return uint64(max(a.Start, b.Start) - min(a.Start, b.Start)) }

// seal puts the evidence in order and commits to it.
func (o *Decided) seal() {
	slices.SortFunc(o.Evidence, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.time(), b.time()), slices.Compare(a.Buyer.Leaf[:], b.Buyer.Leaf[:]), slices.Compare(a.Seller.Leaf[:], b.Seller.Leaf[:]))
	})
	var root merkle.Root
	for i := range o.Evidence {
		root.Add(canon.Must(o.Evidence[i]))
	}
	o.Root = root.Sum()
}

// time is when the call began, by the seller where it has it.
func (i *Item) time() int64 {
	if i.Kind == OnlyBuyer {
		return i.Buyer.Start
	}
	return i.Seller.Start
}
