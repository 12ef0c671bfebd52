package clearing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeErased says that own records were erased, after their time or by an
// administrator: what they said is known in sums alone.
const CodeErased fault.Code = "records-erased"

// archived is what the archive has of an import and a day. It stands under
// archiveKey.
type archived struct {
	Rows   uint64     `cbor:"1,keyasint"` // accepted, and those that repeat one under another id
	File   canon.Hash `cbor:"2,keyasint"` // Parquet
	Size   int64      `cbor:"3,keyasint"`
	Prints canon.Hash `cbor:"4,keyasint"`           // by which a row that comes again is known
	Erased int64      `cbor:"5,keyasint,omitempty"` // when File was erased; ms UTC
}

// millisPerDay is a day, UTC; days are counted from 1970.
const millisPerDay = 86_400_000

func dayOf(ms int64) int64 { return ms / millisPerDay }

// archiveKey names a part of the archive: by day, then import.
func archiveKey(day int64, number uint32) string {
	return fmt.Sprintf("archive/%08d/%010d", day, number)
}

// printKey is the key of the prints: this carrier's own, for one partner.
func (d *Desk) printKey() [32]byte {
	mac := hmac.New(sha256.New, d.o.Secret[:])
	mac.Write([]byte("lateral/clearing/prints/1" + d.prefix))
	return [32]byte(mac.Sum(nil))
}

// archive puts the rows of the file that was read last into the archive. The
// import has them when what is returned stands in the store.
func (d *Desk) archive(files Files, number uint32) (days []int64, writes []merkle.Write, err error) {
	err = files.Days(d.printKey(), func(day int64, rows uint64, prints []byte, write func(io.Writer) error) error {
		r, w := io.Pipe()
		go func() { w.CloseWithError(write(w)) }()
		file, err := d.o.Blobs.Put(r)
		r.Close() // the writer gives up, if it has not ended
		if err != nil {
			return err
		}
		p, err := d.blob(prints)
		if err != nil {
			return err
		}
		days = append(days, day)
		writes = append(writes, merkle.Write{Key: d.prefix + archiveKey(day, number),
			Value: canon.Must(archived{Rows: rows, File: file.Hash, Size: file.Size, Prints: p.Hash})})
		return nil
	})
	return days, writes, err
}

// part gives what the archive has of an import and a day.
func (d *Desk) part(day int64, number uint32) (p archived, err error) {
	data, ok, err := d.o.Store.Get(d.prefix + archiveKey(day, number))
	if err == nil && !ok {
		err = fault.Newf(CodeLost, "restore the node's data from a backup", "the archive has nothing of import %d and %s", number, dayText(day))
	}
	if err != nil {
		return p, err
	}
	return p, canon.Decode(data, &p)
}

func dayText(day int64) string { return usage.Stamp(day * millisPerDay)[:len("2006-01-02")] }

// load reads an import back from the archive; files remembers it with Keep. Calls
// of days that were erased have no destination. Code: import-lost.
func (d *Desk) load(files Files, i Import) (*usage.Batch, error) {
	lost := func(err error) error {
		return fault.Newf(CodeLost, "restore the node's data from a backup", "import %d (%s) cannot be read any more", i.Number, i.Name).Because(err)
	}
	var days []Archived
	var opened []*store.Blob
	defer func() {
		for _, b := range opened {
			b.Close() // only read
		}
	}()
	for _, day := range i.Days {
		p, err := d.part(day, i.Number)
		if err != nil {
			return nil, lost(err)
		}
		if p.Erased != 0 {
			continue
		}
		b, err := d.o.Blobs.Open(p.File)
		if err != nil {
			return nil, lost(err)
		}
		opened, days = append(opened, b), append(days, sized{b})
	}
	batch, err := files.Load(fmt.Sprintf("import %d (%s)", i.Number, i.Name), i.Accepted, days)
	if err != nil {
		return nil, lost(err)
	}
	return batch, nil
}

// prints gives those of a day's sealed rows.
func (d *Desk) prints(day int64) ([]byte, error) {
	var out []byte
	for p, err := range d.parts(fmt.Sprintf("archive/%08d/", day)) {
		if err != nil {
			return nil, err
		}
		if !d.sealed(p.Import) {
			continue
		}
		data, err := d.o.Blobs.Get(p.Prints)
		if err != nil {
			return nil, fault.Newf(CodeLost, "restore the node's data from a backup", "what tells rows of %s that come again cannot be read", dayText(day)).Because(err)
		}
		out = append(out, data...)
	}
	return out, nil
}

// partOf is a part of the archive with its name.
type partOf struct {
	Day    int64
	Import uint32
	archived
}

// parts goes through parts of the archive by day and import.
func (d *Desk) parts(prefix string) func(yield func(partOf, error) bool) {
	return func(yield func(partOf, error) bool) {
		for r, err := range d.o.Store.Scan(d.prefix + prefix) {
			var p partOf
			if err == nil {
				err = canon.Decode(r.Value, &p.archived)
			}
			if err == nil {
				names := strings.Split(strings.TrimPrefix(r.Key, d.prefix+"archive/"), "/")
				number, bad := strconv.ParseUint(names[len(names)-1], 10, 32)
				p.Import = uint32(number)
				p.Day, err = strconv.ParseInt(names[0], 10, 64)
				err = errors.Join(bad, err)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// sealed reports whether the book has let go of an import.
func (d *Desk) sealed(number uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int(number) <= len(d.imports) && d.imports[number-1].Sealed
}

// manifestOf gives the manifest of a period's statement, and has the book keep the
// records behind it until release is called: those that it had let go of are read
// from the archive. Codes: records-erased, import-lost.
func (d *Desk) manifestOf(book *Book, key string) (m Manifest, made bool, release func(), err error) {
	d.mu.Lock()
	m, made = d.made[key]
	imports := d.imports
	d.mu.Unlock()
	if !made {
		data, ok, err := d.o.Store.Get(d.prefix + "past/" + key)
		if err != nil || !ok {
			return m, false, func() {}, err
		}
		if err := canon.Decode(data, &m); err != nil {
			return m, false, func() {}, err
		}
	}
	numbers := map[uint32]bool{}
	for c := range m.calls {
		numbers[c.Import] = true
	}
	var pinned []uint32
	release = func() { book.unpin(pinned) }
	d.recalling.Lock()
	defer d.recalling.Unlock()
	for n := range numbers {
		pinned = append(pinned, n)
		if book.pin(n) {
			continue
		}
		r, err := d.recall(imports[n-1])
		if err != nil {
			release()
			return m, true, func() {}, err
		}
		book.recall(n, r)
	}
	if c, ok := book.missing(m); ok {
		release()
		i := imports[c.Import-1]
		return m, true, func() {}, fault.Newf(CodeErased, "what was billed stands in the period; ask the partner, who may have its own records still",
			"own calls of %s, of import %d (%s), were erased", m.Period, i.Number, i.Name)
	}
	return m, true, release, nil
}

// recall reads what the book had of a sealed import.
func (d *Desk) recall(i Import) (r recalled, err error) {
	data, ok, err := d.o.Store.Get(d.prefix + sealedKey(i.Number))
	if err != nil {
		return r, err
	}
	if ok {
		if err := canon.Decode(data, &r.sealedRecord); err != nil {
			return r, err
		}
	}
	r.closed = i.Closed
	r.batch, err = d.load(d.o.Reader.Files(d.pair), i)
	return r, err
}

// blob stores bytes and gives their address.
func (d *Desk) blob(data []byte) (store.Info, error) { return d.o.Blobs.Put(bytes.NewReader(data)) }

// Kept is what the archive has of an import and a day.
type Kept struct {
	Day    string     `json:"day"` // UTC
	Import uint32     `json:"import"`
	Rows   uint64     `json:"rows"`
	File   canon.Hash `json:"file"`
	Size   int64      `json:"size"`
	Sealed bool       `json:"sealed"` // read on demand alone, and may be erased
	Erased int64      `json:"erased"` // ms UTC; 0: it is there
}

// Archive lists what the archive has, by day and import.
func (d *Desk) Archive() ([]Kept, error) {
	out := []Kept{}
	for p, err := range d.parts("archive/") {
		if err != nil {
			return nil, err
		}
		out = append(out, Kept{dayText(p.Day), p.Import, p.Rows, p.File, p.Size, d.sealed(p.Import), p.Erased})
	}
	return slices.Clip(out), nil
}
