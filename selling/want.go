package selling

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
)

// want is what a request asks for, as the catalogue has to know it.
type want struct {
	offering      string // "": any
	specification string // "": any
	kind          string // @type; "": any
	payload       wire.Value
	bandwidth     uint64 // bit/s; 0: not said
	ends          []end  // one place, or A and Z
	of            *owned // that it changes or ends; nil: a new product is wanted
}

type end struct {
	place string
	enni  *bool // nil: the product does not say whether it is at an eNNI
}

// codes are the words of package catalog for a payload's faults, as our codes.
var codes = map[catalog.Reason]fault.Code{
	catalog.MissingProperty: sonata.CodeMissingProperty, catalog.UnexpectedProperty: sonata.CodeUnexpectedProperty,
	catalog.InvalidValue: fault.Invalid, catalog.InvalidFormat: sonata.CodeBadFormat,
}

// read reads a product of a request. path is a JSON pointer to it; the fields of
// errors are pointers too.
func (s *Shop) read(p sonata.Party, path, action string, x wire.Product) (want, error) {
	w := want{payload: x.Configuration, bandwidth: bandwidthOf(x.Configuration, 0)}
	if action != wire.Add {
		of, err := s.own(p, path, action, x.ID)
		if w.of = of; err != nil || action == wire.Delete {
			return w, err
		}
	}
	switch {
	case x.Offering != nil:
		w.offering = x.Offering.ID
	case x.Specification != nil:
		w.specification = x.Specification.ID
	case w.of != nil && w.of.hold != nil:
		w.offering = w.of.hold.Offering
	}
	faults := s.checkPayload(path+"/productConfiguration", x.Configuration)
	w.kind = x.Configuration.Get("@type").Text()
	if e, err := catalog.Get[catalog.Offering](s.catalog, w.offering); len(faults) == 0 && err == nil && shown(&e, p.Buyer) {
		if spec, err := catalog.Get[catalog.Specification](s.catalog, e.Item.Specification); err == nil && spec.Item.Type != w.kind {
			faults = append(faults, fault.New(fault.Invalid, "the configuration is of another product than the offering", "configure "+spec.Item.Type).In(path+"/productConfiguration/@type"))
		}
	}
	ends, err := s.ends(path, x.Place, w.of)
	w.ends = ends
	if err = errors.Join(append(faults, err)...); err != nil {
		return w, err
	}
	for i, name := range []string{"endA", "endZ"} {
		if at := w.payload.Get(name).Get("interface").Text(); at != "" && i < len(w.ends) {
			enni := at == "enni"
			w.ends[i].enni = &enni
		}
	}
	return w, nil
}

// checkPayload gives what is wrong with a configuration, each with its pointer.
func (s *Shop) checkPayload(path string, v wire.Value) (faults []error) {
	bad, err := s.catalog.Schemas().Check(v.Bytes())
	if err != nil {
		f := fault.Of(err)
		code, at := fault.Invalid, path+f.Field
		if !v.Has("@type") {
			code = sonata.CodeMissingProperty
		}
		return []error{fault.New(code, f.Detail, "configure a product of an offering").In(at)}
	}
	for _, b := range bad {
		faults = append(faults, fault.New(codes[b.Reason], b.Detail, "correct it by the schema of the @type").In(path+b.Pointer))
	}
	return faults
}

// readPlaces gives where a product is wanted: at one place in any role, or
// between two, the end A first: in the roles A and Z, or else in their order.
func (s *Shop) readPlaces(path string, list []wire.RelatedPlace) ([]end, error) {
	if len(list) == 0 || len(list) > 2 {
		return nil, fault.New(sonata.CodeMissingProperty, "the product is at no place, or at more than two", "name one, or two in the roles A and Z").In(path + "/place")
	}
	var ends []end
	for i, r := range list {
		at := path + "/place/" + strconv.Itoa(i) + "/place"
		id := r.Place.ID
		if r.Place.Type == wire.TypeAddressQuery || id == "" {
			found, err := s.meant(r.Place)
			if err != nil || len(found) != 1 {
				return nil, fault.New(sonata.CodeReferenceUnknown, "the address means no place, or several", "validate it, and send the id").In(at)
			}
			id = found[0].ID
		} else if _, ok := s.catalog.Places().Get(id); !ok {
			return nil, fault.Newf(sonata.CodeReferenceUnknown, "validate an address to learn its id", "there is no place %.64q", id).In(at + "/id")
		}
		ends = append(ends, end{place: id})
	}
	if len(ends) == 2 && (list[0].Role == roleZ || list[1].Role == roleA) {
		slices.Reverse(ends)
	}
	return ends, nil
}

// rates are the units of information rates in MEF's payloads, bit/s.
var rates = map[string]uint64{"BPS": 1, "KBPS": 1e3, "MBPS": 1e6, "GBPS": 1e9, "TBPS": 1e12}

// bandwidthOf gives the highest bandwidth that a configuration names, in bit/s:
// of members that are called so, and of MEF's information rates.
func bandwidthOf(v wire.Value, depth int) (most uint64) {
	if depth > 32 {
		return 0
	}
	if unit := rates[v.Get("irUnits").Text()]; unit > 0 {
		if n, err := wire.Decimal(v.Get("irValue").Bytes()).Micro(); err == nil && n > 0 && uint64(n) <= rating.MaxQuantity/unit {
			most = uint64(n) * unit / 1e6
		}
	}
	for _, m := range v.Members {
		if strings.HasPrefix(m.Name, "bandwidth") && m.Value.Kind == wire.Number {
			if n, err := strconv.ParseUint(string(m.Value.Bytes()), 10, 62); err == nil {
				most = max(most, n)
			}
		}
		most = max(most, bandwidthOf(m.Value, depth+1))
	}
	for _, x := range v.Items {
		most = max(most, bandwidthOf(x, depth+1))
	}
	return most
}

// inquiries are the questions to the catalogue that a want may mean: an end
// whose kind is not said is at premises, or else at an eNNI with the buyer.
func (w *want) inquiries(buyer string, from, to int64) (out []catalog.Inquiry) {
	spots := func(e end) (all []catalog.Spot) {
		if e.enni == nil || !*e.enni {
			all = append(all, catalog.Spot{Place: e.place})
		}
		if code := party.Code(buyer); code.Validate() == nil && (e.enni == nil || *e.enni) {
			all = append(all, catalog.Spot{Place: e.place, Neighbour: code})
		}
		return all
	}
	base := catalog.Inquiry{Type: w.kind, Bandwidth: w.bandwidth, From: catalog.Time(from), To: catalog.Time(to)}
	if w.of != nil && w.of.hold != nil {
		base.Instead = w.of.hold.ID
	}
	if len(w.ends) == 1 {
		base.A.Place = w.ends[0].place
		return []catalog.Inquiry{base}
	}
	for _, a := range spots(w.ends[0]) {
		for _, z := range spots(w.ends[1]) {
			base.A, base.Z = a, z
			out = append(out, base)
		}
	}
	return out
}

// offer is what the shop has for a want.
type offer struct {
	catalog.Answer
	inquiry catalog.Inquiry // that it answers
}

// bind leaves what an early end costs where there is a term in months that could
// end early: a new one, or that of the product which is changed.
func (o *offer) bind(months uint32, of *owned, now int64) {
	if months == 0 && (of == nil || of.Committed <= now) {
		o.Early = 0
	}
}

// find gives what is sold here of what is wanted: the offering that is named, or
// the cheapest. Codes: [catalog.CodeUnfit] when there is none, with a detail that
// may be told, and those of a fault of ours.
func (s *Shop) find(w want, buyer string, from, to, now int64) (offer, error) {
	why := unfit("it is not sold here")
	if w.offering != "" {
		e, err := catalog.Get[catalog.Offering](s.catalog, w.offering)
		if err != nil || !shown(&e, buyer) {
			return offer{}, why
		}
		if e.Item.Bandwidth == (catalog.Range{}) {
			w.bandwidth = 0
		}
	}
	why = unfit("it is not to be had there")
	for _, in := range w.inquiries(buyer, from, to) {
		if w.offering == "" {
			found, err := s.catalog.Search(in, 100, now)
			if err != nil {
				return offer{}, err
			}
			for _, m := range found.Matches {
				if w.specification == "" || m.Answer.Specification == w.specification {
					return offer{m.Answer, in}, nil
				}
			}
			continue
		}
		a, err := s.catalog.Answer(w.offering, in, now)
		if err == nil {
			return offer{a, in}, nil
		}
		// What is wrong at one kind of end says more than that another is not there.
		if fault.Of(err).Field != "inquiry.a" {
			why = told(err)
		}
	}
	return offer{}, why
}

func unfit(detail string) *fault.Error {
	return fault.New(catalog.CodeUnfit, detail, "ask for something else")
}

// told gives a refusal of the catalogue as a buyer may know it: how much is free
// and what a bundle is made of stays here.
func told(err error) *fault.Error {
	f := fault.Of(err)
	switch {
	case f.Code == catalog.CodeNoCapacity:
		return unfit("so much is not free in all of the time")
	case f.Code == catalog.CodeUnfit && !strings.HasSuffix(f.Field, "parts"):
		return unfit(f.Detail)
	}
	return unfit("it cannot be had now")
}

// term is when a product is wanted and for how long it is committed to.
type term struct {
	from, to int64 // ms UTC; from 0: as soon as it can be had; to 0: without end
	months   uint32
}

const (
	monthSeconds = 30 * 24 * 3600
	usualTerm    = "usual term" // name of one that a buyer has not asked for
)

// leastMonths is the commitment that an offering's least term means.
func leastMonths(sold catalog.Term) uint32 { return uint32(sold.Min / monthSeconds) }

// termOf reads the term that an item asks for of an offering; the interval is
// until it is wanted. path is the item's.
func (s *Shop) termOf(path string, item *wire.QuoteItem, offering string, now int64) (t term, err error) {
	var sold catalog.Term
	if e, err := catalog.Get[catalog.Offering](s.catalog, offering); err == nil {
		sold = e.Item.Term
	}
	if d := item.RequestedInterval; d != nil {
		if t.from, err = after(now, *d); err != nil {
			return t, fault.Of(err).In(path + "/requestedQuoteItemInstallationInterval")
		}
	}
	least := leastMonths(sold)
	asked := item.Term
	if item.Action == wire.Delete {
		return t, nil
	}
	if asked == nil {
		t.months = least
		return t, nil
	}
	at := path + "/requestedQuoteItemTerm/duration"
	switch d := asked.Duration; d.Units {
	case "months":
		t.months = uint32(min(max(d.Amount, 0), maxMonths))
	case "years":
		t.months = uint32(min(max(d.Amount, 0), maxMonths/12)) * 12
	}
	if asked.End == wire.EndOfTermDisconnect && item.Action != wire.Add {
		return t, fault.New(fault.Invalid, "a change sets no end", "let the term roll, and end the product when it is to end").In(path + "/requestedQuoteItemTerm/endOfTermAction")
	}
	if asked.End == wire.EndOfTermDisconnect {
		soonest := now + int64(sold.Lead)*1000
		t.from = max(t.from, soonest)
		if t.to, err = after(t.from, asked.Duration); err != nil {
			return t, fault.Of(err).In(at)
		}
		return t, nil
	}
	switch {
	case t.months == 0 && asked.Duration.Amount != 0:
		return t, fault.New(fault.Invalid, "a term that goes on is not of months or years", "name months, or let it end with autoDisconnect").In(at + "/units")
	case t.months < least:
		return t, fault.Newf(fault.Invalid, "ask for a longer term", "it is sold for %d months at least", least).In(at + "/amount")
	}
	return t, nil
}

// maxMonths bounds a term.
const maxMonths = 1200

// milliseconds of the units of a duration that do not depend on a calendar.
var milliseconds = map[string]int64{"seconds": 1000, "minutes": 60_000, "calendarHours": 3_600_000, "calendarDays": 86_400_000}

// after gives the moment so long after another, ms UTC. Code: invalid.
func after(ms int64, d wire.Duration) (int64, error) {
	bad := fault.New(fault.Invalid, "the duration is negative, too long or by business hours", "name calendar units, up to a hundred years")
	if d.Amount < 0 || d.Amount > 4_000_000_000 {
		return 0, bad
	}
	at := time.UnixMilli(ms).UTC()
	most := at.AddDate(100, 0, 0).UnixMilli()
	out := ms
	switch unit := milliseconds[d.Units]; {
	case unit > 0:
		out += d.Amount * unit
	case d.Units == "months" && d.Amount <= maxMonths:
		out = at.AddDate(0, int(d.Amount), 0).UnixMilli()
	case d.Units == "years" && d.Amount <= maxMonths/12:
		out = at.AddDate(int(d.Amount), 0, 0).UnixMilli()
	default:
		return 0, bad
	}
	if out > most {
		return 0, bad
	}
	return out, nil
}

// lead gives how long it takes until something is there.
func lead(from, now int64) wire.Duration {
	return wire.Duration{Amount: max(0, (from-now+999)/1000), Units: "seconds"}
}
