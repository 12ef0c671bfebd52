package voice

import (
	"bytes"
	"hash/maphash"
	"math/bits"

	"github.com/lateral-network/lateral/trade/usage"
)

// seen remembers each row of some files that was accepted or found a duplicate,
// by id and by content, and compares exactly: a hash only says where to look. A
// row costs its id and about 50 bytes beside its record.
type seen struct {
	seed  maphash.Seed
	salt  uint64 // a random number, so that nobody can choose colliding calls
	files []seenFile

	rows []row
	text []byte // of each row its id, then the text of its withheld origin

	byID   table // into rows
	byCall table // into rows, those of duplicates left out
}

// seenFile is a file that rows are of.
type seenFile struct {
	name  string
	batch *usage.Batch
}

// row is one remembered row: its record, and where its text lies.
type row struct {
	at         uint64 // in text, of the id
	file       uint32 // index into files
	record     uint32 // index into the file's Records, or Duplicates
	id, origin uint8  // lengths; the origin's text is kept when it is withheld
	duplicate  bool
}

// known is a remembered row in full.
type known struct {
	*usage.Record
	id, origin []byte
	trunk      string
	file       string // empty: the one being read
}

// verdict is what is said of a row.
type verdict int

const (
	isNew verdict = iota
	isDuplicate
	isConflict // its id stands for other content
)

func newSeen() *seen {
	s := &seen{seed: maphash.MakeSeed()}
	s.salt = maphash.String(s.seed, "")
	return s
}

// next gives an empty seen for one file more, to be taken later or forgotten.
func (s *seen) next(name string, b *usage.Batch) *seen {
	return &seen{seed: s.seed, salt: s.salt, files: []seenFile{{name, b}}}
}

// get gives a remembered row.
func (s *seen) get(i uint32) known {
	k := &s.rows[i]
	f := &s.files[k.file]
	r := s.record(k)
	text := s.text[k.at:]
	return known{r, text[:k.id], text[k.id:][:k.origin], f.batch.Trunks[r.Trunk], f.name}
}

// record gives the record of a row.
func (s *seen) record(k *row) *usage.Record {
	b := s.files[k.file].batch
	if k.duplicate {
		return &b.Duplicates[k.record]
	}
	return &b.Records[k.record]
}

func (s *seen) hashID(id []byte) uint32 { return uint32(maphash.Bytes(s.seed, id)) }

// named finds the row with an id.
func (s *seen) named(hash uint32, id []byte) (known, bool) {
	for at := hash; ; at++ {
		i, ok := s.byID.probe(at, hash)
		if !ok {
			return known{}, false
		}
		if i >= 0 {
			if k := s.get(uint32(i)); bytes.Equal(k.id, id) {
				return k, true
			}
		}
	}
}

// has reports whether a call was accepted.
func (s *seen) has(hash uint32, r *usage.Record) bool {
	for at := hash; ; at++ {
		i, ok := s.byCall.probe(at, hash)
		if !ok {
			return false
		}
		if i >= 0 {
			k := &s.rows[i]
			if sameCall(&s.files[k.file].batch.Records[k.record], r) {
				return true
			}
		}
	}
}

// remember keeps a row of the one file that s is of, and puts its record into
// the file's batch.
func (s *seen) remember(idHash, callHash uint32, id, origin []byte, r usage.Record, duplicate bool) {
	b := s.files[0].batch
	k := row{at: uint64(len(s.text)), id: uint8(len(id)), origin: uint8(len(origin)), duplicate: duplicate}
	s.text = append(append(s.text, id...), origin...)
	s.byID.insert(idHash, uint32(len(s.rows)))
	if duplicate {
		k.record = uint32(len(b.Duplicates))
		b.Duplicates = append(b.Duplicates, r)
	} else {
		k.record = uint32(len(b.Records))
		s.byCall.insert(callHash, uint32(len(s.rows)))
		b.Records = append(b.Records, r)
	}
	s.rows = append(s.rows, k)
}

// take remembers all that another has, which next gave.
func (s *seen) take(t *seen) {
	if len(s.files) == 0 {
		*s = *t // the first file is not copied
		return
	}
	rows, text, files := uint32(len(s.rows)), uint64(len(s.text)), uint32(len(s.files))
	for _, k := range t.rows {
		k.at += text
		k.file += files
		s.rows = append(s.rows, k)
	}
	s.text = append(s.text, t.text...)
	s.files = append(s.files, t.files...)
	s.byID.take(&t.byID, rows)
	s.byCall.take(&t.byCall, rows)
}

// judge says what a row is among all that was kept and the file being read, and
// keeps it in the file's batch unless it is a conflict. For a conflict, first is
// the row which had the id before; nothing when that row was forgotten.
func (f *Files) judge(id, origin []byte, r usage.Record) (v verdict, first known) {
	if r.Origin != usage.Withheld {
		origin = nil
	}
	idHash, callHash := f.kept.hashID(id), f.kept.hash(&r)
	b := f.last.files[0].batch
	for _, s := range []*seen{f.kept, f.last} {
		first, ok := s.named(idHash, id)
		if !ok {
			continue
		}
		if !sameCall(first.Record, &r) || first.trunk != b.Trunks[r.Trunk] || !bytes.Equal(first.origin, origin) {
			if s == f.last {
				first.file = ""
			}
			return isConflict, first
		}
		b.Duplicates = append(b.Duplicates, r)
		return isDuplicate, first
	}
	if f.past != nil {
		var sameID bool
		switch v, sameID = f.past.judge(id, origin, b.Trunks[r.Trunk], &r); {
		case v == isConflict:
			return v, known{}
		case sameID:
			b.Duplicates = append(b.Duplicates, r)
			return v, known{}
		}
	}
	if f.kept.has(callHash, &r) || f.last.has(callHash, &r) {
		v = isDuplicate
	}
	f.last.remember(idHash, callHash, id, origin, r, v == isDuplicate)
	return v, known{}
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

// take inserts all of another table, its indexes moved by base.
func (t *table) take(u *table, base uint32) {
	for _, slot := range u.slots {
		if slot != 0 {
			t.insert(uint32(slot>>32), uint32(slot)-1+base)
		}
	}
}

func (t *table) put(slot uint64) {
	mask := uint32(len(t.slots) - 1)
	at := uint32(slot>>32) & mask
	for t.slots[at] != 0 {
		at = (at + 1) & mask
	}
	t.slots[at] = slot
}
