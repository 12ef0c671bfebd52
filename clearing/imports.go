package clearing

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNoAgreement says that no agreement is in force under which usage could
// be cleared.
const CodeNoAgreement fault.Code = "no-agreement"

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
	Rejects   []usage.Reject `cbor:"-" json:"rejects,omitempty"`  // the first thousand; in the answer to the import only
	Repeated  bool           `cbor:"-" json:"repeated,omitempty"` // the same file was imported before; nothing was done
	Time      int64          `cbor:"9,keyasint" json:"time"`      // ms UTC
}

// maxShown bounds the rejects in an import's answer; the counts are complete.
const maxShown = 1000

// ImportUsage takes a file of this carrier's own call records. The file is kept
// before it is read, so an import that returned is never lost. Bad rows are
// named and left out; the same file again does nothing. Codes: no-agreement,
// and those of the product line's reader.
func (d *Desk) ImportUsage(ctx context.Context, name string, r io.Reader) (Import, error) {
	d.importing.Lock()
	defer d.importing.Unlock()
	book, err := d.ready()
	if err != nil {
		return Import{}, err
	}
	info, err := d.o.Blobs.Put(r)
	if err != nil {
		return Import{}, err
	}
	d.mu.Lock()
	for _, i := range d.imports {
		if i.File == info.Hash {
			d.mu.Unlock()
			i.Repeated = true
			return i, nil
		}
	}
	number := uint32(len(d.imports) + 1)
	d.mu.Unlock()
	batch, err := d.read(info)
	if err != nil {
		return Import{}, err
	}
	book.Add(number, batch)
	in := Import{
		Number: number, Name: clip(name), File: info.Hash, Size: info.Size, Read: batch.Read,
		Accepted: uint64(len(batch.Records)), Duplicate: uint64(len(batch.Duplicates)), Rejected: batch.Refused, Time: d.o.Now(),
	}
	if in.Read != in.Accepted+in.Rejected+in.Duplicate {
		panic(fmt.Sprintf("import of %s: %d rows read, %d accounted for", info.Hash, in.Read, in.Accepted+in.Rejected+in.Duplicate))
	}
	if err := d.keep(fmt.Sprintf("import/%010d", number), canon.Must(in)); err != nil {
		return Import{}, err
	}
	d.mu.Lock()
	d.imports = append(d.imports, in)
	d.mu.Unlock()
	in.Rejects = batch.Rejects[:min(len(batch.Rejects), maxShown)]
	return in, nil
}

func clip(name string) string {
	if len(name) > 200 {
		name = name[:200]
	}
	return strings.ToValidUTF8(name, "?")
}

// read parses an imported file.
func (d *Desk) read(info store.Info) (*usage.Batch, error) {
	f, err := d.o.Blobs.Open(info.Hash)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return d.o.Reader.ReadUsage(f, d.pair)
}

// Imports lists what was imported, oldest first.
func (d *Desk) Imports() []Import {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Import{}, d.imports...)
}

// ready gives the book, making it when the agreement has come into force.
func (d *Desk) ready() (*Book, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.book != nil {
		return d.book, nil
	}
	terms, ok, err := d.agreed()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.Newf(CodeNoAgreement, "propose one, or accept the partner's",
			"no agreement with %s covers %s", d.o.Partner, d.o.Line)
	}
	calendar, err := usage.Cycle{Length: terms.Cycle, Zone: terms.Zone}.Calendar()
	if err != nil {
		return nil, err
	}
	d.terms = terms
	d.book = NewBook(d.pair, calendar, usage.By(terms.PeriodBy))
	return d.book, nil
}

// agreed finds the terms of the agreement in force for the desk's line.
func (d *Desk) agreed() (terms agreement.Terms, ok bool, err error) {
	err = d.o.Channel.View(func(v view) error {
		for _, data := range v.Scan(trade.AgreementPrefix) {
			var a agreement.Agreement
			if err := canon.Decode(data, &a); err != nil {
				return err
			}
			if a.State != agreement.Active || !a.Covers(string(d.o.Line)) || len(a.Versions) == 0 {
				continue
			}
			terms, ok, err = get[agreement.Terms](v, trade.TermsKey(a.Versions[len(a.Versions)-1].Terms))
			return err
		}
		return nil
	})
	return terms, ok, err
}

// restore brings back imports, manifests and what the partner has sent.
func (d *Desk) restore() error {
	for r, err := range d.o.Store.Scan(d.prefix) {
		if err != nil {
			return err
		}
		rest := strings.TrimPrefix(r.Key, d.prefix)
		switch kind, _, _ := strings.Cut(rest, "/"); kind {
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
			d.made[strings.TrimPrefix(rest, "manifest/")] = m
		case "through":
			d.through = int64(binary.BigEndian.Uint64(r.Value))
		}
	}
	if err := d.edgesAgain(); err != nil {
		return err
	}
	// The partner has its whole time again: how much had passed is not kept.
	d.closedAt = d.o.Now()
	if len(d.imports) == 0 {
		return nil
	}
	book, err := d.ready()
	if err != nil {
		return err
	}
	for _, i := range d.imports {
		batch, err := d.read(store.Info{Hash: i.File, Size: i.Size})
		if err != nil {
			return fmt.Errorf("reading import %d again: %w", i.Number, err)
		}
		book.Add(i.Number, batch)
	}
	manifests := make([]Manifest, 0, len(d.made))
	for _, m := range d.made {
		manifests = append(manifests, m)
	}
	if err := book.Restore(manifests); err != nil {
		return err
	}
	d.follow(book)
	return nil
}

// keep stores one value of the desk's own, synced.
func (d *Desk) keep(key string, value []byte) error {
	return d.o.Store.Commit(store.Batch{Writes: []merkle.Write{{Key: d.prefix + key, Value: value}}})
}

// blob stores bytes and gives their address.
func (d *Desk) blob(data []byte) (store.Info, error) { return d.o.Blobs.Put(bytes.NewReader(data)) }
