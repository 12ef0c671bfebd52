package channel

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// CodeDiverged: the two members' states have parted, and the channel takes
// only heads, key changes, evidence, payment of what is agreed, and
// termination.
const CodeDiverged = trade.CodeDiverged

// claim is a member's word on the root of the block log at one size. A zero
// root says that its log is shorter.
type claim struct {
	Size uint64     `cbor:"1,keyasint"`
	Root canon.Hash `cbor:"2,keyasint"`
}

// contradiction says that a head of the partner is not of our log. It brings
// the head, because the partner may have signed another since.
type contradiction struct {
	Head proof.SignedHead `cbor:"1,keyasint"`
	Root canon.Hash       `cbor:"2,keyasint"` // of our log at the head's size; zero: it is shorter
}

// detail is what a member has in the first leaf on which the two differ: the
// leaf, and eight bytes of the hash of each receipt's line.
type detail struct {
	Index uint64     `cbor:"1,keyasint"`
	Leaf  proof.Leaf `cbor:"2,keyasint"` // zero when its log is shorter
	Lines []byte     `cbor:"3,keyasint"`
}

const (
	lineDigest = 8
	maxLines   = 24 << 10 // digests in a detail; a difference behind them is named by its block alone
)

// searchWithin is how long in ms of block time a member may leave a question of
// the search unanswered before it is named.
const searchWithin = int64(10 * 60 * 1000)

// Divergence is what the channel's log says of a difference between the two
// members. Both compute it alike, because it follows from their messages and
// not from their states.
//
// One member says that a head of the other is not of its log. Both are asked
// for their own root at the head's size first. Where they name one root there
// is no difference, and either the head or the contradiction was wrong: the
// channel goes on. Where they differ the channel has parted, and the two look
// for the first leaf that differs. It is over when both have signed one head
// again: the side that was wrong is rebuilt, and signs what it has now.
type Divergence struct {
	Since ledger.Position  `cbor:"1,keyasint" json:"since"` // where the contradiction stands on the ledger
	Head  proof.SignedHead `cbor:"9,keyasint" json:"head"`  // the head that the other member contradicts
	Low   uint64           `cbor:"2,keyasint" json:"low"`   // up to this size the logs are known to be equal
	High  uint64           `cbor:"3,keyasint" json:"high"`  // at this size they are said to differ

	Claims  [2]*claim  `cbor:"4,keyasint" json:"-"` // for the size that is asked for
	Details [2]*detail `cbor:"5,keyasint" json:"-"`

	Found  bool   `cbor:"6,keyasint,omitempty" json:"found"`  // the leaf at Low is the first that differs
	Height uint64 `cbor:"7,keyasint,omitempty" json:"height"` // of its block
	Line   int    `cbor:"8,keyasint,omitempty" json:"line"`   // first receipt that differs; -1: no receipt does

	Checked bool  `cbor:"10,keyasint,omitempty" json:"checked"` // both have named different roots at the head's size
	Asked   int64 `cbor:"11,keyasint" json:"asked"`             // block time in ms since which the present question waits
	// Silent is the side that has left a question unanswered, and Blamed the one
	// whose word both their own words show wrong. Sides count as channel keys do.
	Silent *uint8          `cbor:"12,keyasint,omitempty" json:"silent,omitempty"`
	Blamed *uint8          `cbor:"13,keyasint,omitempty" json:"blamed,omitempty"`
	Closed ledger.Position `cbor:"14,keyasint,omitzero" json:"closed,omitzero"`
}

// Parted reports whether the channel takes only what goes on between members
// that differ: both say that they do, or one does not say.
func (d *Divergence) Parted() bool { return d.Checked || d.Silent != nil }

// probe is the size at which both are asked next; 0 when the leaf is found.
func (d *Divergence) probe() uint64 {
	if !d.Checked {
		return d.High
	}
	if d.High-d.Low <= 1 {
		return 0
	}
	return d.Low + (d.High-d.Low)/2
}

// hasAnswered reports whether a member has answered the present question.
func (d *Divergence) hasAnswered(by int) bool {
	if d.probe() > 0 {
		return d.Claims[by] != nil
	}
	return d.Details[by] != nil
}

// overdue names the side that alone has not answered in time.
func (d Divergence) overdue(now int64) Divergence {
	if d.Silent != nil || d.Found || now-d.Asked < searchWithin || d.hasAnswered(0) == d.hasAnswered(1) {
		return d
	}
	silent := uint8(0)
	if d.hasAnswered(0) {
		silent = 1
	}
	d.Silent = &silent
	return d
}

// answer takes a member's claim and gives what the search has come to.
func (d Divergence) answer(by int, c claim, now int64) Divergence {
	if c.Size != d.probe() || c.Size == 0 || d.Claims[by] != nil {
		return d
	}
	d.Claims[by] = &c
	if d.Claims[0] == nil || d.Claims[1] == nil {
		return d
	}
	equal := d.Claims[0].Root == d.Claims[1].Root
	switch {
	case equal && !d.Checked:
		blamed := d.Head.By // it has signed what is in neither log
		if d.Head.Head.Root == c.Root {
			blamed = 1 - d.Head.By // it has contradicted what is in both
		}
		d.Blamed = &blamed
	case equal:
		d.Low = c.Size
	default:
		d.High, d.Checked = c.Size, true
	}
	d.Claims, d.Asked = [2]*claim{}, now
	return d
}

// explain takes a member's detail of the first differing leaf.
func (d Divergence) explain(by int, x detail) Divergence {
	if d.probe() != 0 || x.Index != d.Low || d.Details[by] != nil || len(x.Lines)%lineDigest != 0 || len(x.Lines) > maxLines*lineDigest {
		return d
	}
	d.Details[by] = &x
	a, b := d.Details[0], d.Details[1]
	if a == nil || b == nil {
		return d
	}
	d.Found = true
	d.Height = a.Leaf.Position
	if b.Leaf.Position != 0 && (d.Height == 0 || b.Leaf.Position < d.Height) {
		d.Height = b.Leaf.Position
	}
	d.Line = -1
	if a.Leaf.Position == b.Leaf.Position && a.Leaf.Receipts != b.Leaf.Receipts {
		for i := 0; ; i += lineDigest {
			if i >= len(a.Lines) || i >= len(b.Lines) || !bytes.Equal(a.Lines[i:i+lineDigest], b.Lines[i:i+lineDigest]) {
				d.Line = i / lineDigest
				break
			}
		}
	}
	return d
}

// digests gives the lines of a detail.
func digests(lines []receiptLine) []byte {
	var out []byte
	for i, l := range lines {
		if i == maxLines {
			break
		}
		sum := sha256.Sum256(canon.Must(l))
		out = append(out, sum[:lineDigest]...)
	}
	return out
}

// headMark is a head on the ledger.
type headMark struct {
	Signed proof.SignedHead `cbor:"1,keyasint"`
	Time   int64            `cbor:"2,keyasint"` // block time at which it came, ms UTC
	At     ledger.Position  `cbor:"3,keyasint,omitzero"`
}

// openHead is a head that the other side has not answered: by one of its own
// that covers as much.
type openHead struct {
	Size uint64 `cbor:"1,keyasint"`
	Time int64  `cbor:"2,keyasint"` // block time at which it came, ms UTC
}

// maxOpen is how many unanswered heads of a side are kept apart. The first
// stays; those that come later than that count as the last one.
const maxOpen = 16

// unanswered gives the heads of a side that wait, after a new one.
func unanswered(open []openHead, h openHead) []openHead {
	if n := len(open); n == maxOpen {
		open = open[:n-1]
	}
	return append(slices.Clip(open), h)
}

// answered leaves out what a head of the other side covers.
func answered(open []openHead, size uint64) []openHead {
	return slices.DeleteFunc(slices.Clone(open), func(h openHead) bool { return h.Size <= size })
}

// claimAt gives our word on the block log at a size.
func (r *replica) claimAt(size uint64) (claim, error) {
	c := claim{Size: size}
	if size > r.size {
		return c, nil
	}
	var err error
	c.Root, err = r.log.RootAt(size)
	return c, err
}

// detailAt gives our content of a leaf.
func (r *replica) detailAt(index uint64) (detail, error) {
	d := detail{Index: index}
	if index >= r.size {
		return d, nil
	}
	leaf, err := r.leaf(index)
	if err != nil {
		return d, err
	}
	lines, err := r.linesOf(ledger.Height(leaf.Position))
	d.Leaf, d.Lines = leaf, digests(lines)
	return d, err
}

// linesOf gives the receipts of a block from the event log.
func (r *replica) linesOf(height ledger.Height) ([]receiptLine, error) {
	from, err := r.firstAt(height)
	if err != nil {
		return nil, err
	}
	var out []receiptLine
	for raw, err := range r.space.Events(from) {
		if err != nil {
			return nil, err
		}
		e, err := readEntry(raw)
		if err != nil {
			return nil, err
		}
		if e.Position.Height != height {
			break
		}
		out = e.appendLines(out)
	}
	return out, nil
}

// firstAt finds the first entry at or behind a height: entries stand in order.
func (r *replica) firstAt(height ledger.Height) (uint64, error) {
	low, high := uint64(0), uint64(r.cursor)
	for low < high {
		mid := low + (high-low)/2
		e, err := r.entryAt(mid)
		if err != nil {
			return 0, err
		}
		if e.Position.Height < height {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, nil
}

func (r *replica) entryAt(number uint64) (Entry, error) {
	for raw, err := range r.space.Events(number) {
		if err != nil {
			return Entry{}, err
		}
		return readEntry(raw)
	}
	return Entry{}, corruptStore("the event log is shorter than it was")
}

// lines gives an entry's receipts as the leaf of its block covers them.
func (e Entry) lines() []receiptLine { return e.appendLines(nil) }

func (e Entry) appendLines(out []receiptLine) []receiptLine {
	out = slices.Grow(out, 1+len(e.Notes)+len(e.Outcomes))
	if e.Code != "" {
		l := receiptLine{Envelope: e.Position.Index}
		l.Receipt.Code = e.Code
		return append(out, l)
	}
	for _, n := range e.Notes {
		l := receiptLine{Envelope: e.Position.Index, Command: noteLine + uint32(n.Place)}
		l.Receipt.Code = n.Code
		out = append(out, l)
	}
	for _, o := range e.Outcomes {
		out = append(out, receiptLine{Envelope: e.Position.Index, Command: uint32(o.Command), Receipt: o.Receipt, Writes: o.Writes})
	}
	return out
}
