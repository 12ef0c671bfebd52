package clearing

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNoSheet says that no accepted rate sheet prices a direction.
const CodeNoSheet fault.Code = "no-sheet"

// tariff is the accepted sheets of one direction with their rows: what prices
// a call, by the number that the channel gives to each row. It is read-only.
type tariff struct {
	sheets []tariffSheet // oldest first
}

type tariffSheet struct {
	base  uint32
	from  int64 // ms UTC: calls that begin then or later
	sheet *rating.Sheet
	log   *merkle.Log // over the sheet's rows: proves them
}

// ordered is a tariff as far as an order covers it.
type ordered struct {
	*tariff
	scope product.Scope
}

// Ordered reports whether the order covers calls to a number.
func (o ordered) Ordered(destination usage.Number) bool {
	return len(o.scope) == 0 || o.scope.Covers(destination.String())
}

// Find gives the number of the row that prices a call.
func (t *tariff) Find(destination, origin usage.Number, start int64) (row uint32, ok bool) {
	if s := t.at(start); s != nil {
		row, ok = s.sheet.Find(destination, origin, start)
		return s.base + row, ok
	}
	return 0, false
}

// Unpriced says why Find gives no row for a call.
func (t *tariff) Unpriced(destination, origin usage.Number, start int64) fault.Code {
	if s := t.at(start); s != nil {
		return s.sheet.Unpriced(destination, origin, start)
	}
	return rating.CodeNoRate
}

// at gives the sheet in force at a moment (ms UTC); nil before the first.
func (t *tariff) at(start int64) *tariffSheet {
	for i := len(t.sheets) - 1; i >= 0; i-- {
		if s := &t.sheets[i]; s.from <= start {
			return s
		}
	}
	return nil
}

// pricedInPart reports whether a call to a number has a row at some starts from
// first to last (ms, both included) and none at others. Without a tariff it has
// none at all.
func (t *tariff) pricedInPart(destination, origin usage.Number, first, last int64) bool {
	if t == nil {
		return false
	}
	for i := len(t.sheets) - 1; i >= 0; i-- {
		s := t.sheets[i]
		if s.from > last {
			continue
		}
		if s.sheet.PricedInPart(destination, origin, max(first, s.from), last) {
			return true
		}
		if s.from <= first {
			return false
		}
		last = s.from - 1 // the sheet before prices the rest
		_, before := t.Find(destination, origin, last)
		_, after := t.Find(destination, origin, s.from)
		if before != after {
			return true
		}
	}
	return false
}

// of gives the sheet that a row number belongs to.
func (t *tariff) of(row uint32) tariffSheet {
	for i := len(t.sheets) - 1; i > 0; i-- {
		if t.sheets[i].base <= row {
			return t.sheets[i]
		}
	}
	return t.sheets[0]
}

// Row gives a row by its number.
func (t *tariff) Row(row uint32) *rating.Row {
	s := t.of(row)
	return s.sheet.Row(row - s.base)
}

// Len is the number of rows.
func (t *tariff) Len() int {
	last := t.sheets[len(t.sheets)-1]
	return int(last.base) + last.sheet.Len()
}

// prove makes the proof that a row is in its accepted sheet.
func (t *tariff) prove(row uint32) (trade.ProveRow, error) {
	s := t.of(row)
	path, err := s.log.Inclusion(uint64(row-s.base), s.log.Size())
	return trade.ProveRow{Row: row, Rate: *s.sheet.Row(row - s.base), Path: path}, err
}

// tariff gives a direction's accepted sheets, read from their files. Codes:
// no-sheet, not-found while a file has not arrived.
func (d *Desk) tariff(way usage.Way) (*tariff, error) {
	d.mu.Lock()
	t, before := d.tariffs[way], d.accepted
	d.mu.Unlock()
	if t != nil {
		return t, nil
	}
	direction := d.pair.Direction(way)
	var accepted []trade.TariffSheet
	var files []canon.Hash
	err := d.o.Channel.View(func(v view) error {
		list, _, err := get[trade.Tariff](v, trade.TariffKey(direction, d.o.Line))
		if err != nil {
			return err
		}
		accepted = list.Sheets
		for _, s := range accepted {
			sheet, ok, err := get[trade.Sheet](v, trade.SheetKey(s.ID))
			if err != nil || !ok {
				return fmt.Errorf("reading sheet %s: %w", s.ID, err)
			}
			files = append(files, sheet.File)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(accepted) == 0 {
		return nil, fault.Newf(CodeNoSheet, "the seller proposes a sheet, the buyer accepts it", "no rate sheet prices %s", direction)
	}
	t = &tariff{}
	for i, s := range accepted {
		sheet, err := d.sheet(files[i])
		if err != nil {
			return nil, fmt.Errorf("reading sheet %s: %w", s.ID, err)
		}
		log := sheet.Log()
		if log.Root() != s.Root {
			return nil, fault.Newf(fault.Corrupt, "ask the partner to send the sheet again", "the file of sheet %s does not have the accepted root", s.ID)
		}
		t.sheets = append(t.sheets, tariffSheet{s.Base, s.From, sheet, log})
	}
	d.mu.Lock()
	if d.accepted == before { // else the next one to ask reads again
		d.tariffs[way] = t
	}
	d.mu.Unlock()
	return t, nil
}

// rates gives a direction's tariff to tell by which calls lie where its rates
// begin or end; nil while no sheet is accepted. One that cannot be read is listed: no
// period is closed or stated without it. Codes: those of tariff.
func (d *Desk) rates(way usage.Way) (*tariff, error) {
	action := fmt.Sprintf("rates/%d", way)
	t, err := d.tariff(way)
	if fault.CodeOf(err) == CodeNoSheet {
		t, err = nil, nil
	}
	if err != nil {
		d.fail(action, "usage/"+d.pair.Direction(way).String(), err)
		return nil, err
	}
	d.solved(action)
	return t, nil
}

// sheet reads a rate sheet's file from the blob store.
func (d *Desk) sheet(file canon.Hash) (*rating.Sheet, error) {
	f, err := d.o.Blobs.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sheet, rejects, err := d.o.Reader.ReadSheet(f)
	if err != nil {
		return nil, err
	}
	if len(rejects) > 0 {
		return nil, fault.Newf(rejects[0].Code, "correct the sheet and send it again", "line %d: %s", rejects[0].Line, rejects[0].Detail).In(rejects[0].Field)
	}
	return sheet, nil
}

// freedRecord is calls that were named without a rate, and got one by a later
// sheet. It stands under "freed/", written together with the manifest that no
// longer names them.
type freedRecord struct {
	Calls  []call `cbor:"1,keyasint"`
	Closed int64  `cbor:"2,keyasint"` // periods that ended by then were closed; ms UTC
}

// reprice looks, after a sheet was accepted, for calls that no row priced and
// one does now: they become adjustments of the next open period. Statements
// that the channel does not have yet keep theirs until it has.
func (d *Desk) reprice(book *Book) error {
	d.mu.Lock()
	var keys []string
	if d.repriced {
		keys = slices.Sorted(maps.Keys(d.unrated))
	}
	d.repriced = false
	d.mu.Unlock()
	for _, key := range keys {
		if err := d.repriceOne(book, key); err != nil {
			d.mu.Lock()
			d.repriced = true
			d.mu.Unlock()
			if fault.CodeOf(err) != fault.NotYet {
				return err
			}
		}
	}
	return nil
}

// repriceOne takes the calls that a manifest names without a rate, and that have
// one now, out of it. Code: not-yet.
func (d *Desk) repriceOne(book *Book, key string) error {
	d.mu.Lock()
	m, through := d.made[key], d.through
	d.mu.Unlock()
	prices, err := d.tariff(m.Way)
	if fault.CodeOf(err) == CodeNoSheet {
		return nil
	} else if err != nil {
		return err
	}
	var p periodRecord
	var o orderRecord
	if err := d.o.Channel.View(func(v view) (err error) {
		if p, _, err = get[periodRecord](v, key); err == nil {
			o, _, err = get[orderRecord](v, trade.OrderKey(p.Order))
		}
		return err
	}); err != nil {
		return err
	}
	rest, found := book.priced(m, ordered{prices, o.Spec.Scope})
	if len(found) == 0 {
		return nil
	}
	mine := p.Buyer
	if d.seller(d.pair.Direction(m.Way)) {
		mine = p.Seller
	}
	if !mine.Complete() {
		return fault.Newf(fault.NotYet, "wait until it has", "the channel does not have our statement of %s", m.Period)
	}
	f := freedRecord{found, through}
	if err := d.o.Store.Commit(store.Batch{Writes: []merkle.Write{
		{Key: d.prefix + "manifest/" + key, Value: canon.Must(rest)},
		{Key: d.prefix + fmt.Sprintf("freed/%s/%020d/%d", key, through, len(rest.Unrated)), Value: canon.Must(f)},
	}}); err != nil {
		return err
	}
	d.mu.Lock()
	d.make(key, rest)
	d.mu.Unlock()
	book.free(f)
	return nil
}
