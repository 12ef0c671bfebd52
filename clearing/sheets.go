package clearing

import (
	"context"
	"fmt"
	"io"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// ProposeSheet offers a rate sheet for calls that the partner sends: it reads
// and checks the whole file, sends it to the partner, and proposes its root on
// the channel. from is when it begins to price calls, ms UTC; 0 means with its
// first row. A sheet with one bad row is refused, naming line and field. Codes:
// those of the product line's reader, no-agreement, and those of the command.
func (d *Desk) ProposeSheet(ctx context.Context, direction usage.Direction, from int64, r io.Reader) (trade.SheetPropose, error) {
	var p trade.SheetPropose
	if !d.seller(direction) {
		return p, fault.Newf(fault.Invalid, "propose sheets for calls that come to you, as "+d.pair.Direction(0).String()+" or back",
			"%s does not sell in the direction %s", d.o.Me, direction).In("direction")
	}
	info, err := d.o.Blobs.Put(r)
	if err != nil {
		return p, err
	}
	sheet, err := d.sheet(info.Hash)
	if err != nil {
		return p, err
	}
	if from == 0 && sheet.Len() > 0 {
		from = sheet.Row(0).ValidFrom
		for _, row := range sheet.Rows() {
			from = min(from, row.ValidFrom)
		}
		from = max(0, from) // rows may begin earlier, calls do not
	}
	contract, err := d.contract()
	if err != nil {
		return p, err
	}
	id, err := d.sheetID(direction, info.Hash, from)
	if err != nil {
		return p, err
	}
	p = trade.SheetPropose{
		ID: id, Agreement: contract, Direction: direction, Line: d.o.Line, Root: sheet.Root(), Rows: uint32(sheet.Len()),
		File: info.Hash, Size: uint64(info.Size), From: from,
	}
	notice, err := d.rateNotice(contract)
	if err != nil {
		return p, err
	}
	if notice != (agreement.RateNotice{}) {
		if p.Raises, err = d.raises(direction, sheet, from); err != nil {
			return p, err
		}
	}
	if err := d.o.Send(ctx, KindSheet, p.ID, info); err != nil {
		return p, err
	}
	return p, d.submit(ctx, party.Contracts, trade.NewCommand(trade.KindSheetPropose, p))
}

// sheetID names a sheet by what it is. What came to nothing may be proposed again,
// under another name.
func (d *Desk) sheetID(direction usage.Direction, file canon.Hash, from int64) (string, error) {
	for again := 0; ; again++ {
		parts := [][]byte{[]byte(direction.String()), file[:], fmt.Append(nil, from)}
		if again > 0 {
			parts = append(parts, fmt.Append(nil, again))
		}
		id := "S-" + canon.Sum("lateral/sheet-id/1", parts...).String()[:16]
		s, err := d.sheetOf(id)
		switch {
		case fault.CodeOf(err) == fault.NotFound:
			return id, nil
		case err != nil:
			return "", err
		case s.State != trade.SheetRejected && s.State != trade.SheetWithdrawn:
			return id, nil // the machine says that it is there
		}
	}
}

// rateNotice gives the notice of rates that an agreement asks for now.
func (d *Desk) rateNotice(id string) (n agreement.RateNotice, err error) {
	err = d.o.Channel.View(func(v view) error {
		terms, _ := trade.View{Records: v}.TermsAt(id, d.o.Now())
		n = terms.Notice
		return nil
	})
	return n, err
}

// raises reports whether a sheet that takes effect then (ms) would have a price
// rise or go against what is accepted.
func (d *Desk) raises(direction usage.Direction, next *rating.Sheet, from int64) (bool, error) {
	way, _ := d.pair.Way(direction)
	t, err := d.tariff(way)
	if fault.CodeOf(err) == CodeNoSheet {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	before := t.at(from)
	return before != nil && rating.Raises(before.sheet, next, from), nil
}

// offered reads the file of a sheet that the partner has proposed, and compares
// it with what was proposed. Codes: not-yet while it has not come, conflict.
func (d *Desk) offered(s trade.Sheet) (*rating.Sheet, error) {
	if !d.o.Blobs.Has(s.File) {
		return nil, fault.Newf(fault.NotYet, "try again shortly; the partner's node sends it", "the file of sheet %s has not arrived", s.ID)
	}
	sheet, err := d.sheet(s.File)
	if err != nil {
		return nil, err
	}
	if sheet.Root() != s.Root || uint32(sheet.Len()) != s.Rows {
		return nil, fault.Newf(fault.Conflict, "reject the sheet and ask the partner for another", "the file of sheet %s is not what was proposed", s.ID)
	}
	return sheet, nil
}

// acknowledge tells the partner, without a person, that the file of a sheet
// which it has proposed is here and is what was proposed.
func (d *Desk) acknowledge(ctx context.Context, key string) error {
	var s trade.Sheet
	err := d.o.Channel.View(func(v view) (err error) {
		s, _, err = get[trade.Sheet](v, key)
		return err
	})
	if err != nil || s.State != trade.SheetProposed || d.seller(s.Direction) || !d.o.Blobs.Has(s.File) {
		return err // when the file comes, it is looked at again
	}
	if _, err := d.offered(s); err != nil {
		return err
	}
	d.act(ctx, "acknowledge/"+s.ID, key, trade.NewCommand(trade.KindSheetAcknowledge, trade.SheetAnswer{ID: s.ID, Root: s.Root}))
	return nil
}

// AcknowledgeSheet does at once what the desk does by itself when it sees the
// file. Codes: not-found, not-yet while the file has not come, conflict when it
// is not what was proposed.
func (d *Desk) AcknowledgeSheet(ctx context.Context, id string) error {
	s, err := d.sheetOf(id)
	if err != nil {
		return err
	}
	if _, err := d.offered(s); err != nil {
		return err
	}
	out, err := d.o.Channel.Submit(ctx, trade.NewCommand(trade.KindSheetAcknowledge, trade.SheetAnswer{ID: id, Root: s.Root}))
	if err != nil {
		return err
	}
	return channel.FirstErr(out)
}

// AcceptSheet accepts a sheet that the partner has proposed, after its file has
// been read here and found to have the proposed root, and to raise no price
// without saying so where raising one needs notice. Codes: not-found, not-yet
// while the file has not come, conflict when it is not what was proposed.
func (d *Desk) AcceptSheet(ctx context.Context, id string) error {
	s, err := d.sheetOf(id)
	if err != nil {
		return err
	}
	sheet, err := d.offered(s)
	if err != nil {
		return err
	}
	notice, err := d.rateNotice(s.Agreement)
	if err != nil {
		return err
	}
	if notice.Increase > 0 && !s.Raises && s.From < s.Proposed.Time+notice.Increase {
		raises, err := d.raises(s.Direction, sheet, s.From)
		if err != nil {
			return err
		}
		if raises {
			return fault.Newf(rating.CodeShortNotice, "reject the sheet and ask the partner for another, with the notice that was agreed",
				"sheet %s raises a price, which its proposal does not say, from %s on", id, usage.Stamp(s.From)).In("from")
		}
	}
	return d.submit(ctx, party.Contracts, trade.NewCommand(trade.KindSheetAccept, trade.SheetAnswer{ID: id, Root: s.Root}))
}

// RejectSheet rejects a sheet that the partner has proposed. Code: not-found.
func (d *Desk) RejectSheet(ctx context.Context, id, why string) error {
	s, err := d.sheetOf(id)
	if err != nil {
		return err
	}
	return d.submit(ctx, party.Contracts, trade.NewCommand(trade.KindSheetReject, trade.SheetAnswer{ID: id, Root: s.Root, Why: why}))
}

// WithdrawSheet takes back a sheet that this side has proposed and the partner has
// not answered. Code: not-found.
func (d *Desk) WithdrawSheet(ctx context.Context, id, why string) error {
	s, err := d.sheetOf(id)
	if err != nil {
		return err
	}
	return d.submit(ctx, party.Contracts, trade.NewCommand(trade.KindSheetWithdraw, trade.SheetAnswer{ID: id, Root: s.Root, Why: why}))
}

func (d *Desk) sheetOf(id string) (s trade.Sheet, err error) {
	err = d.o.Channel.View(func(v view) error {
		var ok bool
		if s, ok, err = get[trade.Sheet](v, trade.SheetKey(id)); err == nil && !ok {
			err = fault.Newf(fault.NotFound, "list the sheets for their ids", "there is no sheet %s", id)
		}
		return err
	})
	return s, err
}

// OpenSheet gives the file of a sheet, as its seller sent it. Code: not-found.
func (d *Desk) OpenSheet(id string) (io.ReadCloser, error) {
	s, err := d.sheetOf(id)
	if err != nil {
		return nil, err
	}
	return d.o.Blobs.Open(s.File)
}

// contract gives the id of the agreement in force for the desk's line.
func (d *Desk) contract() (id string, err error) {
	err = d.o.Channel.View(func(v view) error {
		for _, data := range v.Scan(trade.AgreementPrefix) {
			var a agreement.Agreement
			if err := canon.Decode(data, &a); err != nil {
				return err
			}
			if a.State == agreement.Active && a.Covers(string(d.o.Line)) {
				id = a.ID
			}
		}
		return nil
	})
	if err == nil && id == "" {
		err = fault.Newf(CodeNoAgreement, "propose one, or accept the partner's", "no agreement with %s covers %s", d.o.Partner, d.o.Line)
	}
	return id, err
}

// submit sends one command with the authority that it needs and waits for its
// outcome.
func (d *Desk) submit(ctx context.Context, role party.Role, c trade.Command) error {
	c, err := d.o.Authorize(c, role)
	if err != nil {
		return err
	}
	out, err := d.o.Channel.Submit(ctx, c)
	if err != nil {
		return err
	}
	return channel.FirstErr(out)
}
