package channel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/proof"
)

// A channel's export is what its partner rebuilds a lost replica from where old
// keys are destroyed: the channel as it was at its last anchor that both members
// have signed. It is a line that names the format, then frames: length (4 bytes
// big endian) and canonical CBOR. The first is a head, the last an end; leaves
// and entries come in their order, records in that of their keys.

// CodeExportRefused: a channel's export does not hold what the ledger, its
// signed heads and this node itself say, and nothing of it was taken.
const CodeExportRefused fault.Code = "export-refused"

const (
	exportMagic = "lateral/channel-export/1\n"
	maxFrame    = 64 << 20 // bytes; a record or an entry comes from envelopes of 256 KiB
	frameTarget = 1 << 20  // bytes from which a frame is written
)

type exportFrame struct {
	Head    *exportHead    `cbor:"1,keyasint,omitempty"`
	Leaves  [][]byte       `cbor:"2,keyasint,omitempty"`
	Entries [][]byte       `cbor:"3,keyasint,omitempty"`
	Records []exportRecord `cbor:"4,keyasint,omitempty"`
	End     *exportEnd     `cbor:"5,keyasint,omitempty"`
}

type exportHead struct {
	Chain    string       `cbor:"1,keyasint"`
	Channel  canon.Hash   `cbor:"2,keyasint"`
	Anchor   proof.Anchor `cbor:"3,keyasint"`
	Protocol protocol     `cbor:"4,keyasint"` // after the anchored leaf's block
	Epochs   []accepted   `cbor:"5,keyasint"` // that envelopes after it may be sealed under, oldest first
}

type exportRecord struct {
	Key   []byte `cbor:"1,keyasint"`
	Value []byte `cbor:"2,keyasint"`
}

// exportEnd tells a whole export from one that was cut off.
type exportEnd struct {
	Leaves  uint64 `cbor:"1,keyasint"`
	Entries uint64 `cbor:"2,keyasint"`
	Records uint64 `cbor:"3,keyasint"`
}

// Exported says what an export holds.
type Exported struct {
	Position uint64 // height up to which
	Records  uint64
}

// Export writes the channel as it was at its last anchor that both members have
// signed, for the partner. Codes: not-yet when there is no such anchor, or when
// its state was not kept; diverged.
func (b *Bilateral) Export(w io.Writer) (out Exported, err error) {
	defer catch(&err)
	var head exportHead
	var cursor uint64
	next, stop := func() (string, []byte, bool) { return "", nil, false }, func() {}
	defer func() { stop() }()
	key, value, more, err := func() (key string, value []byte, more bool, err error) {
		b.m.step.Lock() // no block comes in between
		defer b.m.step.Unlock()
		var records iter.Seq2[string, []byte]
		if head, records, cursor, err = b.exported(); err != nil {
			return "", nil, false, err
		}
		next, stop = iter.Pull2(records)
		key, value, more = next() // from here on it reads the store as it is now
		return key, value, more, nil
	}()
	if err != nil {
		return out, err
	}
	x := exportWriter{w: w}
	x.write([]byte(exportMagic))
	x.frame(exportFrame{Head: &head})
	size := head.Anchor.Head().Size
	for e, err := range b.r.space.Leaves(0) {
		if err != nil {
			return out, err
		}
		if e.Number >= size {
			break
		}
		x.end.Leaves++
		x.next.Leaves = append(x.next.Leaves, e.Data)
		x.grown(len(e.Data))
	}
	for e, err := range b.r.space.Events(0) {
		if err != nil {
			return out, err
		}
		if e.Number >= cursor {
			break
		}
		x.end.Entries++
		x.next.Entries = append(x.next.Entries, e.Data)
		x.grown(len(e.Data))
	}
	for ; more; key, value, more = next() {
		x.end.Records++
		x.next.Records = append(x.next.Records, exportRecord{[]byte(key), value})
		x.grown(len(key) + len(value))
	}
	x.flush()
	x.frame(exportFrame{End: &x.end})
	if x.end.Leaves != size || x.end.Entries != cursor {
		return out, corruptStore("a log of channel " + b.r.id.String() + " is shorter than it was")
	}
	return Exported{head.Anchor.Position, x.end.Records}, x.err
}

// exported gives the beginning of an export, the records under it and the
// number of its entries. step is held until the first record is read.
func (b *Bilateral) exported() (head exportHead, records iter.Seq2[string, []byte], cursor uint64, err error) {
	if err := b.Err(); err != nil {
		return head, nil, 0, err
	}
	a, ok := b.m.law.LastAnchor(b.m.omni.r.state, b.r.id)
	if !ok {
		return head, nil, 0, fault.New(fault.NotYet, "no anchor of the channel is signed by both members", "ask again after the channel's first anchor")
	}
	anchored := a.Head()
	if own, err := b.r.headAt(min(anchored.Size, b.r.size)); err != nil || own != anchored {
		return head, nil, 0, fault.New(CodeDiverged, "the channel's anchor is not of this node's log", "look at the divergence on both nodes").Because(err)
	}
	writes, p, cursor, err := b.stateAfter(anchored.Position, anchored.Size)
	if err != nil {
		return head, nil, 0, err
	}
	if p.Dispute != nil {
		return head, nil, 0, fault.New(CodeDiverged, "at its last anchor the channel was in dispute", "settle the divergence and post an anchor")
	}
	head = exportHead{Chain: b.m.chain, Channel: b.r.id, Anchor: a, Protocol: p}
	for e := max(1, p.Epoch-1); e <= p.Epoch; e++ {
		x, err := b.acceptedAt(e)
		if err != nil {
			return head, nil, 0, err
		}
		head.Epochs = append(head.Epochs, x)
	}
	state := newOverlay(b.r.state)
	state.apply(writes)
	return head, state.Scan(""), cursor, nil
}

// exportWriter gathers what it is given into frames.
type exportWriter struct {
	w    io.Writer
	next exportFrame
	size int
	end  exportEnd
	err  error
}

func (x *exportWriter) write(b []byte) {
	if x.err == nil {
		_, x.err = x.w.Write(b)
	}
}

func (x *exportWriter) frame(f exportFrame) {
	data := canon.Must(f)
	x.write(binary.BigEndian.AppendUint32(nil, uint32(len(data))))
	x.write(data)
}

func (x *exportWriter) grown(by int) {
	if x.size += by + 16; x.size >= frameTarget {
		x.flush()
	}
}

func (x *exportWriter) flush() {
	if x.size > 0 {
		x.frame(x.next)
	}
	x.next, x.size = exportFrame{}, 0
}

func exportRefused(detail string) *fault.Error {
	return fault.New(CodeExportRefused, "the channel's export is refused: "+detail, "ask the partner for another export; if that is refused too, restore this node from a backup")
}

// export is what was read of a file.
type export struct {
	exportHead
	leaves  []proof.Leaf
	raw     [][]byte // the leaves' bytes
	entries []Entry
	events  [][]byte // the entries' bytes
	records []exportRecord
}

// readExport reads an export and checks its form. Code: export-refused.
func readExport(r io.Reader) (x export, err error) {
	magic := make([]byte, len(exportMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != exportMagic {
		return x, exportRefused("the file is no export of a channel of this version")
	}
	for n := 0; ; n++ {
		f, err := readExportFrame(r)
		if err != nil {
			return x, err
		}
		if (f.Head != nil) != (n == 0) {
			return x, exportRefused("it does not begin with its head, or has another")
		}
		if f.Head != nil {
			x.exportHead = *f.Head
		}
		for _, data := range f.Leaves {
			var leaf proof.Leaf
			if err := canon.Decode(data, &leaf); err != nil {
				return x, exportRefused("a leaf of the block log cannot be read").Because(err)
			}
			x.leaves, x.raw = append(x.leaves, leaf), append(x.raw, data)
		}
		for _, data := range f.Entries {
			var e Entry
			if err := canon.Decode(data, &e); err != nil {
				return x, exportRefused("an entry of the event log cannot be read").Because(err)
			}
			x.entries, x.events = append(x.entries, e), append(x.events, data)
		}
		for _, rec := range f.Records {
			if n := len(x.records); n > 0 && bytes.Compare(x.records[n-1].Key, rec.Key) >= 0 {
				return x, exportRefused("the records are not in the order of their keys")
			}
			x.records = append(x.records, rec)
		}
		if f.End == nil {
			continue
		}
		if *f.End != (exportEnd{uint64(len(x.leaves)), uint64(len(x.entries)), uint64(len(x.records))}) {
			return x, exportRefused("parts of it are missing")
		}
		if m, err := io.ReadFull(r, magic[:1]); m > 0 || err != io.EOF {
			return x, exportRefused("something stands behind its end").Because(err)
		}
		return x, nil
	}
}

func readExportFrame(r io.Reader) (f exportFrame, err error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return f, exportRefused("it is cut off").Because(err)
	}
	length := binary.BigEndian.Uint32(n[:])
	if length > maxFrame {
		return f, exportRefused(fmt.Sprintf("a frame of %d bytes is too long", length))
	}
	var data bytes.Buffer // grows with what comes, not with what is announced
	if _, err := io.CopyN(&data, r, int64(length)); err != nil {
		return f, exportRefused("it is cut off").Because(err)
	}
	if err := canon.Decode(data.Bytes(), &f); err != nil {
		return f, exportRefused("a frame cannot be read").Because(err)
	}
	return f, nil
}
