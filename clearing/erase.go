package clearing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/usage"
)

// Needed says why a file may not be erased as far as this desk's partner is
// concerned, or nil. Delivered records are needed until their period is closed
// and no dispute of it is open; a sheet as long as it may price calls; an import's
// file until its records are in the archive, which is erased by days; readings until
// it is agreed what they measure. Code: refused.
func (d *Desk) Needed(file canon.Hash) error {
	d.mu.Lock()
	i := slices.IndexFunc(d.imports, func(i Import) bool { return i.File == file && !i.Archived })
	d.mu.Unlock()
	if i >= 0 {
		return kept("wait until the desk with "+string(d.o.Partner)+" has read it", "it is import %d, which is not in the archive yet", i+1)
	}
	for p, err := range d.parts("archive/") {
		if err != nil {
			return err
		}
		if p.Prints == file || p.File == file && p.Erased == 0 {
			return kept("erase the records of the day, once they are sealed", "the archive has records of import %d and %s in it", p.Import, dayText(p.Day))
		}
	}
	for r, err := range d.o.Store.Scan(d.prefix + "excepted/") {
		var f canon.Hash
		if err == nil {
			err = canon.Decode(r.Value, &f)
		}
		if err != nil {
			return err
		}
		if f == file {
			return kept("erase the records of the day, once they are sealed", "it names calls that are billed nowhere")
		}
	}
	for r, err := range d.o.Store.Scan(d.prefix + "edges/") {
		if err != nil {
			return err
		}
		if canon.Hash(r.Value) == file {
			return kept("erase it when the edges have been compared", "the partner's edges in it are not compared with ours yet")
		}
	}
	return d.o.Channel.View(func(v view) error {
		for _, raw := range v.Scan(trade.SheetPrefix) {
			var s trade.Sheet
			if err := canon.Decode(raw, &s); err != nil {
				return err
			}
			if s.File == file && s.State != trade.SheetRejected && s.State != trade.SheetWithdrawn {
				return kept("keep it", "sheet %s prices calls from it", s.ID)
			}
		}
		for m := range (trade.View{Records: v}).Measurements("") {
			for _, side := range []*usage.Measured{m.Seller, m.Buyer} {
				if side != nil && side.Root == file && m.State != usage.MeasurementAgreed {
					return kept("erase it when the measurement is agreed", "it is what was measured of %s in %s", m.Product, m.Interval)
				}
			}
		}
		for _, raw := range v.Scan(trade.PeriodPrefix) {
			var p periodRecord
			if err := canon.Decode(raw, &p); err != nil {
				return err
			}
			if p.Seller.Delivered != file && p.Buyer.Delivered != file {
				continue
			}
			for x := range (trade.View{Records: v}).DisputesOf(trade.PeriodRef{Order: p.Order, Interval: p.Interval}) {
				if x.State != dispute.Resolved {
					return kept("decide the dispute first", "dispute %s of %s is open, and its evidence is in the file", x.ID, p.Interval)
				}
			}
			if p.State != invoice.PeriodClosed {
				return kept("erase it when the period is closed", "the records of %s are in it, and the period is %s", p.Interval, p.State)
			}
		}
		return nil
	})
}

// expire erases the records of days that are older than the agreement has them
// kept, once they are sealed.
func (d *Desk) expire(now int64) error {
	d.mu.Lock()
	limit := dayOf(now) - int64(d.schedule.at(now).terms.RetentionDays)
	done := d.expired >= dayOf(now)
	d.mu.Unlock()
	if done {
		return nil
	}
	_, err := d.eraseBefore(limit)
	if err == nil {
		d.mu.Lock()
		d.expired = dayOf(now)
		d.mu.Unlock()
	}
	return err
}

// EraseRecords erases the own records of a day (ms UTC, any moment of it) from the
// archive, for good, and tells how many there were. Sums and prints stay. Codes:
// not-found, refused.
func (d *Desk) EraseRecords(at int64) (rows uint64, err error) {
	d.importing.Lock()
	defer d.importing.Unlock()
	day, open := dayOf(at), uint32(0)
	var found bool
	for p, err := range d.parts(fmt.Sprintf("archive/%08d/", day)) {
		if err != nil {
			return 0, err
		}
		found = true
		if !d.sealed(p.Import) {
			open = p.Import
		}
	}
	switch {
	case !found:
		return 0, fault.Newf(fault.NotFound, "list the archive for its days", "the archive has no records of %s", dayText(day)).In("day")
	case open > 0:
		return 0, fault.Newf(fault.Refused, "wait until its periods are closed, no dispute of them is open, and nothing waits for them any more",
			"records of %s are still needed: import %d is not sealed", dayText(day), open).In("day")
	}
	return d.eraseDay(day)
}

// eraseBefore erases the records of days before another on which all imports are
// sealed.
func (d *Desk) eraseBefore(limit int64) (rows uint64, err error) {
	days := map[int64]bool{} // whether they may be erased
	for p, err := range d.parts("archive/") {
		if err != nil {
			return 0, err
		}
		if p.Day >= limit {
			break
		}
		may, known := days[p.Day]
		days[p.Day] = (may || !known) && d.sealed(p.Import)
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if !days[day] {
			continue
		}
		n, err := d.eraseDay(day)
		if err != nil {
			return rows, err
		}
		rows += n
	}
	return rows, nil
}

// eraseDay erases the records of a day: files first, so that what is marked is
// gone. After a crash between the two it is done again.
func (d *Desk) eraseDay(day int64) (rows uint64, err error) {
	d.recalling.Lock()
	defer d.recalling.Unlock()
	var writes []merkle.Write
	for p, err := range d.parts(fmt.Sprintf("archive/%08d/", day)) {
		if err != nil {
			return 0, err
		}
		if p.Erased != 0 {
			continue
		}
		if err := d.o.Blobs.Erase(p.File); err != nil {
			return 0, err
		}
		rows += p.Rows
		p.Erased = d.o.Now()
		writes = append(writes, merkle.Write{Key: d.prefix + archiveKey(day, p.Import), Value: canon.Must(p.archived)})
		excepted, there, err := stored[canon.Hash](d, exceptedKey(day, p.Import))
		if err != nil {
			return 0, err
		}
		if there {
			if err := d.o.Blobs.Erase(excepted); err != nil {
				return 0, err
			}
			writes = append(writes, merkle.Write{Key: d.prefix + exceptedKey(day, p.Import)})
		}
	}
	if len(writes) == 0 {
		return 0, nil
	}
	slices.SortFunc(writes, func(a, b merkle.Write) int { return cmp.Compare(a.Key, b.Key) })
	if err := d.o.Store.Commit(store.Batch{Writes: writes}); err != nil {
		return 0, err
	}
	d.o.Log.Warn("own records are erased", "partner", d.o.Partner, "day", dayText(day), "rows", rows)
	return rows, nil
}

func kept(remedy, format string, args ...any) error {
	return fault.New(fault.Refused, "the file is still needed: "+fmt.Sprintf(format, args...), remedy).In("hash")
}
