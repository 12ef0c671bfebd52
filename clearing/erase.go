package clearing

import (
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
)

// Needed says why a file may not be erased as far as this desk's partner is
// concerned, or nil. Delivered records are needed until their period is closed
// and no dispute of it is open; a sheet as long as it may price calls; imports
// always, because the desk reads them whenever it starts. Code: refused.
func (d *Desk) Needed(file canon.Hash) error {
	d.mu.Lock()
	i := slices.IndexFunc(d.imports, func(i Import) bool { return i.File == file })
	d.mu.Unlock()
	if i >= 0 {
		return kept("keep it as long as this node trades with "+string(d.o.Partner),
			"it is import %d, from which the statements of this node are made again when it starts", i+1)
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
			if s.File == file && s.State != trade.SheetRejected {
				return kept("keep it", "sheet %s prices calls from it", s.ID)
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

func kept(remedy, format string, args ...any) error {
	return fault.New(fault.Refused, "the file is still needed: "+fmt.Sprintf(format, args...), remedy).In("hash")
}
