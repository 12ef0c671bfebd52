package clearing

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

// Import is one file of own call records: read = accepted + rejected +
// duplicate, always.
type Import struct {
	Number    uint32         `cbor:"1,keyasint" json:"number"` // from 1
	Name      string         `cbor:"2,keyasint" json:"name"`
	File      canon.Hash     `cbor:"3,keyasint" json:"file"`
	Size      int64          `cbor:"4,keyasint" json:"size"`
	Read      uint64         `cbor:"5,keyasint" json:"read"`
	Accepted  uint64         `cbor:"6,keyasint" json:"accepted"`
	Rejected  uint64         `cbor:"7,keyasint" json:"rejected"`
	Duplicate uint64         `cbor:"8,keyasint" json:"duplicate"`
	Rejects   []usage.Reject `cbor:"-" json:"rejects,omitempty"`            // the first thousand; in the answer to the import only
	Repeated  bool           `cbor:"-" json:"repeated,omitempty"`           // the same file was imported before; nothing was done
	Time      int64          `cbor:"9,keyasint" json:"time"`                // ms UTC
	Closed    int64          `cbor:"10,keyasint,omitempty" json:"closed"`   // periods that end by then were closed before: calls in them come late; ms UTC
	Format    string         `cbor:"11,keyasint,omitempty" json:"format"`   // how the file is read; empty: as its content says
	Archived  bool           `cbor:"12,keyasint,omitempty" json:"archived"` // its records are in the archive, and its file may be erased
	Days      []int64        `cbor:"13,keyasint,omitempty" json:"-"`        // of which the archive has records, from 1970
	Sealed    bool           `cbor:"14,keyasint,omitempty" json:"sealed"`   // its calls are over for good, and only read on demand
	// Readings are the normalisations that held when the file came. An amendment
	// that comes later does not change what it says: it is read by these each time
	// that the node starts.
	Readings agreement.Readings `cbor:"15,keyasint,omitempty" json:"readings,omitempty"`
}

// maxShown bounds the rejects in an import's answer; the counts are complete.
const maxShown = 1000

// ImportUsage takes a file of this carrier's own call records, in a format that
// the product line's reader knows by name or by a profile's text; "" is what the
// file says. Its accepted rows are in the archive before the import counts, so one
// that returned is never lost, and one that failed has left nothing behind. Bad rows
// are named and left out. Rows are put right as the agreements say by now; the same
// file again does nothing, unless they say other things than when it came: then the
// rows that were refused may be read, and all others are duplicates. Codes:
// no-agreement, import-lost (prints of sealed rows), and those of the product line's
// reader.
func (d *Desk) ImportUsage(ctx context.Context, name, format string, r io.Reader) (Import, error) {
	d.importing.Lock()
	defer d.importing.Unlock()
	book, err := d.ready()
	if err != nil {
		return Import{}, err
	}
	d.mu.Lock()
	files := d.files
	d.mu.Unlock()
	if format, err = files.Format(format); err != nil {
		return Import{}, err
	}
	info, err := d.o.Blobs.Put(r)
	if err != nil {
		return Import{}, err
	}
	// The book may not have heard of an amendment yet that this file is read by.
	by, err := d.readings()
	if err != nil {
		return Import{}, err
	}
	d.mu.Lock()
	for _, i := range slices.Backward(d.imports) {
		if i.File == info.Hash && i.Readings.Equal(by) {
			d.mu.Unlock()
			i.Repeated = true
			return i, nil
		}
	}
	number, closed := uint32(len(d.imports)+1), d.through
	d.mu.Unlock()
	name = clip(name)
	batch, err := d.read(files, Import{Number: number, Name: name, File: info.Hash, Format: format, Readings: by})
	if err != nil {
		return Import{}, err
	}
	in := Import{
		Number: number, Name: name, File: info.Hash, Size: info.Size, Read: batch.Read,
		Accepted: uint64(len(batch.Records)), Duplicate: uint64(len(batch.Duplicates)), Rejected: batch.Refused,
		Time: d.o.Now(), Closed: closed, Format: format, Readings: by,
	}
	if in.Read != in.Accepted+in.Rejected+in.Duplicate {
		panic(fmt.Sprintf("import of %s: %d rows read, %d accounted for", info.Hash, in.Read, in.Accepted+in.Rejected+in.Duplicate))
	}
	if err := d.keepImport(files, &in, batch); err != nil {
		return Import{}, err
	}
	rejects := slices.Clone(batch.Rejects[:min(len(batch.Rejects), maxShown)])
	batch.Rejects = nil // the book needs none
	files.Keep()
	book.Add(number, batch, closed)
	d.mu.Lock()
	d.imports = append(d.imports, in)
	d.takeOdd(number, batch)
	d.mu.Unlock()
	in.Rejects = rejects
	// The import stands; what it cannot tell now it tells when the desk starts again.
	if err := d.search(number, d.traces(number, batch)); err != nil {
		d.o.Log.Warn("own records were not searched for fraud", "import", number, "err", err)
	}
	return in, nil
}

// keepImport puts the import that was read last into the archive, and says so: a
// crash before leaves files that nobody knows, and the import has not happened.
func (d *Desk) keepImport(files Files, in *Import, batch *usage.Batch) error {
	days, writes, err := d.archive(files, in.Number)
	if err != nil {
		return err
	}
	in.Archived, in.Days = true, days
	writes = append(writes, merkle.Write{Key: d.prefix + importKey(in.Number), Value: canon.Must(*in)})
	if len(batch.Odd) > 0 {
		writes = append(writes, merkle.Write{Key: d.prefix + oddKey(in.Number), Value: canon.Must(keepOdd(batch.Odd))})
	}
	return d.o.Store.Commit(store.Batch{Writes: writes})
}

func importKey(number uint32) string { return fmt.Sprintf("import/%010d", number) }

func clip(name string) string {
	if len(name) > 200 {
		name = name[:200]
	}
	return strings.ToValidUTF8(name, "?")
}

// read parses an imported file. A row that it refuses because of another import
// names that one.
func (d *Desk) read(files Files, i Import) (*usage.Batch, error) {
	f, err := d.o.Blobs.Open(i.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return files.Read(sized{f}, fmt.Sprintf("import %d (%s)", i.Number, i.Name), i.Format, i.Readings)
}

// readings gives how this carrier's own records are put right by the agreements
// as they stand. Code: no-agreement.
func (d *Desk) readings() (by agreement.Readings, err error) {
	err = d.o.Channel.View(func(v view) error {
		s, err := readSchedule(v, d.o.Line, string(d.o.Partner))
		if err != nil {
			return err
		}
		by = s.readings(d.o.Me)
		return nil
	})
	return by, err
}

// sized is a file whose size its reader can ask for: one that must be read at any
// place is then not copied to where it would stand in clear.
type sized struct{ *store.Blob }

// Size is that of the content, bytes.
func (s sized) Size() int64 { return s.Blob.Size }

// Imports lists what was imported, oldest first.
func (d *Desk) Imports() []Import {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Import{}, d.imports...)
}

// Rejected counts the rows of all imports that could not be taken in.
func (d *Desk) Rejected() (rows uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.imports {
		rows += d.imports[i].Rejected
	}
	return rows
}

// restore brings back what the desk kept: imports, manifests, how far it has
// closed, and what the partner has sent. The records themselves are read when
// the book is made.
func (d *Desk) restore() error {
	for _, kind := range []string{"import/", "manifest/", "freed/", "closed", "met", "follow/", "signal/", "advised/", "receipt/", "opening/", "changing/", actRound} {
		if err := d.restoreAll(kind); err != nil {
			return err
		}
	}
	var err error
	if d.past, _, err = stored[pastRecord](d, "past"); err != nil {
		return err
	}
	return d.edgesAgain()
}

// restoreAll brings back what stands under keys that begin with a word. What is
// sealed is not among it.
func (d *Desk) restoreAll(kind string) error {
	for r, err := range d.o.Store.Scan(d.prefix + kind) {
		if err != nil {
			return err
		}
		rest := strings.TrimPrefix(r.Key, d.prefix)
		switch kind, name, _ := strings.Cut(rest, "/"); kind {
		case "opening":
			var o opening
			if err := canon.Decode(r.Value, &o); err != nil {
				return err
			}
			d.openings[o.ID] = o
		case "round":
			var x taking
			if err := canon.Decode(r.Value, &x); err != nil {
				return err
			}
			id, err := canon.ParseHash(name)
			if err != nil {
				return err
			}
			d.takings[id] = x
		case "changing":
			var c changing
			if err := canon.Decode(r.Value, &c); err != nil {
				return err
			}
			d.changes[c.name()] = c
		case "import":
			var i Import
			if err := canon.Decode(r.Value, &i); err != nil {
				return err
			}
			d.imports = append(d.imports, i)
		case "manifest":
			var m Manifest
			if err := canon.Decode(r.Value, &m); err != nil {
				return err
			}
			d.make(name, m)
		case "freed":
			var f freedRecord
			if err := canon.Decode(r.Value, &f); err != nil {
				return err
			}
			d.freed = append(d.freed, f)
		case "closed":
			var c closedRecord
			if err := canon.Decode(r.Value, &c); err != nil {
				return err
			}
			d.through, d.closings, d.shown = c.Through, c.Closings, c.Shown
			for i := range d.closings {
				d.closings[i].seen = time.Now()
			}
		case "met":
			var m metRecord
			if err := canon.Decode(r.Value, &m); err != nil {
				return err
			}
			d.met, d.theirs = m.Through, m.Through
		case "follow":
			var f []followed
			if err := canon.Decode(r.Value, &f); err != nil {
				return err
			}
			d.led = append(d.led, f...)
		case "signal":
			var x Signal
			if err := canon.Decode(r.Value, &x); err != nil {
				return err
			}
			d.signals = append(d.signals, x)
		case "advised":
			d.advised[name] = true
		case "receipt":
			var x receipted
			if err := canon.Decode(r.Value, &x); err != nil {
				return err
			}
			d.receipts[name] = x
		}
	}
	return nil
}

// ready gives the book. It is made when the agreement has come into force, from
// all that was imported and stated before. Codes: no-agreement, import-lost.
func (d *Desk) ready() (*Book, error) {
	d.making.Lock()
	defer d.making.Unlock()
	d.mu.Lock()
	book, amended, imports := d.book, d.amended, d.imports
	d.mu.Unlock()
	if book != nil && !amended {
		return book, nil
	}
	var s schedule
	err := d.o.Channel.View(func(v view) (err error) {
		d.mu.Lock()
		d.amended = false
		d.mu.Unlock()
		s, err = readSchedule(v, d.o.Line, string(d.o.Partner))
		return err
	})
	if err != nil {
		return nil, err
	}
	if book != nil {
		book.Amend(s)
	} else {
		files := d.o.Reader.Files(d.pair)
		if book, err = d.rebuild(s, files, imports); err != nil {
			return nil, err
		}
		d.mu.Lock()
		d.files = files
		d.mu.Unlock()
		if err := d.guarding(s, book); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	d.book, d.schedule, d.led, d.freed = book, s, nil, nil
	d.mu.Unlock()
	return book, nil
}

// rebuild makes the book from imports that are not sealed, what followed the
// partner's records, and manifests. Code: import-lost.
func (d *Desk) rebuild(s schedule, files Files, imports []Import) (*Book, error) {
	book := newBook(d.pair, s, d.o.NumberKey)
	for _, f := range d.freed {
		book.freeing(f)
	}
	files.Past(d.printKey(), d.prints)
	d.mu.Lock()
	book.sealed(d.past.Through)
	d.mu.Unlock()
	for _, i := range imports {
		if i.Sealed {
			book.gone[i.Number] = true
			continue
		}
		batch, err := d.again(files, i)
		if err != nil {
			return nil, err
		}
		files.Keep()
		d.mu.Lock()
		d.takeOdd(i.Number, batch)
		d.mu.Unlock()
		book.Add(i.Number, batch, i.Closed)
	}
	book.lead(d.led)
	manifests := make([]Manifest, 0, len(d.made))
	d.mu.Lock()
	for _, m := range d.made {
		manifests = append(manifests, m)
	}
	d.mu.Unlock()
	return book, book.Restore(manifests)
}

// again reads an import that was made before, from the archive. One of a release
// that had none is read from its file, in the order of the imports, so that each
// row is judged as it was when it came, and put there. Code: import-lost.
func (d *Desk) again(files Files, i Import) (*usage.Batch, error) {
	if i.Archived {
		batch, err := d.load(files, i)
		if err == nil {
			batch.Odd, err = d.oddOf(i.Number)
		}
		return batch, err
	}
	batch, err := d.read(files, i)
	if err != nil {
		return nil, fault.Newf(CodeLost, "restore the node's data from a backup", "import %d (%s) cannot be read any more", i.Number, i.Name).Because(err)
	}
	if uint64(len(batch.Records)) != i.Accepted {
		return nil, fault.Newf(CodeLost, "restore the node's data from a backup, and run the release that made the import",
			"import %d (%s) had %d calls and reads as %d now", i.Number, i.Name, i.Accepted, len(batch.Records))
	}
	batch.Rejects = nil
	if err := d.keepImport(files, &i, batch); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.imports = slices.Clone(d.imports)
	d.imports[i.Number-1] = i
	d.mu.Unlock()
	return batch, nil
}

// keep stores one value of the desk's own, synced.
func (d *Desk) keep(key string, value []byte) error {
	return d.o.Store.Commit(store.Batch{Writes: []merkle.Write{{Key: d.prefix + key, Value: value}}})
}
