package voice

import (
	"bytes"
	"hash/maphash"
	"math/bits"

	"github.com/lateral-network/lateral/trade/usage"
)

// seen tells duplicates and conflicts from new rows. It remembers each row that
// was accepted or found a duplicate, by id and by content, and compares
// exactly: a hash only says where to look. A row costs its id and about 50
// bytes while a file is read.
type seen struct {
	seed  maphash.Seed
	salt  uint64 // a random number, so that nobody can choose colliding calls
	batch *usage.Batch

	rows []row
	text []byte // of each row its id, then the text of its withheld origin

	byID   table // into rows
	byCall table // into batch.Records
}

// row is one remembered row: its record, and where its text lies.
type row struct {
	at        uint64 // in text, of the id
	id        uint16 // length of the id
	origin    uint16 // length of the origin's text, 0 unless it is withheld
	record    uint32 // index into the batch's Records, or Duplicates
	duplicate bool
}

// verdict is what seen says of a row.
type verdict int

const (
	isNew verdict = iota
	isDuplicate
	isConflict // its id stands for other content
)

func newSeen(b *usage.Batch) *seen {
	s := &seen{seed: maphash.MakeSeed(), batch: b}
	s.salt = maphash.String(s.seed, "")
	return s
}

// add judges a row and keeps it in the batch unless it is a conflict. For a
// conflict, line is that of the row which had the id first.
func (s *seen) add(id, origin []byte, r usage.Record) (v verdict, line uint32) {
	if r.Origin != usage.Withheld {
		origin = nil
	}
	idHash := uint32(maphash.Bytes(s.seed, id))
	for at := idHash; ; at++ {
		i, ok := s.byID.probe(at, idHash)
		if !ok {
			break
		}
		if i < 0 {
			continue
		}
		first, firstID, firstOrigin := s.get(int(i))
		if !bytes.Equal(firstID, id) {
			continue
		}
		if !sameCall(first, &r) || first.Trunk != r.Trunk || !bytes.Equal(firstOrigin, origin) {
			return isConflict, first.Line
		}
		s.batch.Duplicates = append(s.batch.Duplicates, r)
		return isDuplicate, 0
	}
	callHash := s.hash(&r)
	duplicate := false
	for at := callHash; ; at++ {
		i, ok := s.byCall.probe(at, callHash)
		if !ok {
			break
		}
		if i >= 0 && sameCall(&s.batch.Records[i], &r) {
			duplicate = true
			break
		}
	}
	kept := row{at: uint64(len(s.text)), id: uint16(len(id)), origin: uint16(len(origin)), duplicate: duplicate}
	s.text = append(append(s.text, id...), origin...)
	s.byID.insert(idHash, uint32(len(s.rows)))
	if duplicate {
		kept.record = uint32(len(s.batch.Duplicates))
		s.batch.Duplicates = append(s.batch.Duplicates, r)
		v = isDuplicate
	} else {
		kept.record = uint32(len(s.batch.Records))
		s.byCall.insert(callHash, kept.record)
		s.batch.Records = append(s.batch.Records, r)
	}
	s.rows = append(s.rows, kept)
	return v, 0
}

// get gives a remembered row's record, id and origin text.
func (s *seen) get(i int) (r *usage.Record, id, origin []byte) {
	k := &s.rows[i]
	id = s.text[k.at : k.at+uint64(k.id)]
	origin = s.text[k.at+uint64(k.id):][:k.origin]
	if k.duplicate {
		return &s.batch.Duplicates[k.record], id, origin
	}
	return &s.batch.Records[k.record], id, origin
}

// sameCall compares what makes two rows duplicates under different ids:
// numbers, start, duration, result and carriers. Two withheld origins are equal.
func sameCall(a, b *usage.Record) bool {
	return a.Start == b.Start && a.Destination == b.Destination && a.Origin == b.Origin &&
		a.Duration == b.Duration && a.Result == b.Result && a.Way == b.Way
}

func (s *seen) hash(r *usage.Record) uint32 {
	h := mix(uint64(r.Start)^s.salt, uint64(r.Destination)^0x9e3779b97f4a7c15)
	h = mix(h^uint64(r.Origin), uint64(r.Duration)<<16^uint64(r.Result)<<8^uint64(r.Way)^s.salt)
	return uint32(h ^ h>>32)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a|1, b|1)
	return hi ^ lo ^ a
}

// table maps 32-bit hashes to indexes by open addressing. Each slot is the hash
// above, the index + 1 below; 0 is free.
type table struct {
	slots []uint64
	used  int
}

// probe looks at one place of the search for a hash: an index when its slot has
// that hash, -1 when it has another, and ok false when the search is over.
func (t *table) probe(at, hash uint32) (index int64, ok bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	slot := t.slots[at&uint32(len(t.slots)-1)]
	switch {
	case slot == 0:
		return 0, false
	case uint32(slot>>32) != hash:
		return -1, true
	}
	return int64(uint32(slot)) - 1, true
}

func (t *table) insert(hash, index uint32) {
	if 4*(t.used+1) > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]uint64, max(1024, 2*len(old)))
		for _, slot := range old {
			if slot != 0 {
				t.put(slot)
			}
		}
	}
	t.used++
	t.put(uint64(hash)<<32 | uint64(index) + 1)
}

func (t *table) put(slot uint64) {
	mask := uint32(len(t.slots) - 1)
	at := uint32(slot>>32) & mask
	for t.slots[at] != 0 {
		at = (at + 1) & mask
	}
	t.slots[at] = slot
}
