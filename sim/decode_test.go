package sim

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/proto/tendermint/consensus"
	"github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
)

// piece is one thing that a node keeps: a record of a database, journal or log
// with what can be unpacked from it, or a file as it lies on the disk.
type piece struct {
	where string
	key   []byte
	data  []byte   // key, value, and what was packed in the value
	ints  []uint64 // all integers of the value, decoded
	raw   bool     // a whole file
	parts string   // set: it holds many records, which are pieces of their own; one of the exceptions
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// record decodes one record of a database.
func record(where string, key, value []byte) piece {
	p := piece{where: fmt.Sprintf("%s %.60q", where, key), key: bytes.Clone(key), data: slices.Concat(key, []byte{0}, value)}
	// What payloads carry is packed: an unsealed one shows all that is in it.
	for rest := value; ; {
		i := bytes.Index(rest, []byte{0x28, 0xb5, 0x2f, 0xfd})
		if i < 0 {
			break
		}
		rest = rest[i:]
		r := must(zstd.NewReader(bytes.NewReader(rest), zstd.WithDecoderMaxMemory(64<<20)))
		plain := make([]byte, 1<<20)
		n := 0
		for n < len(plain) {
			k, err := r.Read(plain[n:])
			n += k
			if err != nil {
				break // the frame's end, or bytes behind it
			}
		}
		r.Close()
		p.data = append(p.data, plain[:n]...)
		p.ints = integers(p.ints, plain[:n], 0)
		rest = rest[4:]
	}
	p.ints = integers(p.ints, value, 0)
	return p
}

// integers gathers all integers of a CBOR item, also in byte strings that are
// CBOR themselves.
func integers(to []uint64, data []byte, depth int) []uint64 {
	var v any
	if _, err := cbor.UnmarshalFirst(data, &v); err != nil || depth > 8 {
		return to
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case uint64:
			to = append(to, v)
		case int64:
			to = append(to, uint64(max(v, -v)))
		case []byte:
			if len(v) > 1 && len(v) != 32 && len(v) != 64 { // no hash, key or signature
				to = integers(to, v, depth+1)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[any]any:
			for k, x := range v {
				walk(k)
				walk(x)
			}
		}
	}
	walk(v)
	return to
}

// decode gives everything that lies in a node's folder: the bytes of each file,
// and each record of each database, journal and log.
func decode(t *testing.T, dir string) (all []piece) {
	t.Helper()
	d := &decoder{t: t, dir: dir, unpacked: map[string]string{}}
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		d.file(path, data)
		return d.records(path, data)
	}); err != nil {
		t.Fatal(err)
	}
	for i := range d.all {
		if p := &d.all[i]; p.raw {
			if p.parts = d.unpacked[p.where]; p.parts == "" {
				p.parts = d.unpacked[filepath.Dir(p.where)]
			}
		}
	}
	return d.all
}

// decoder gathers the pieces of a folder.
type decoder struct {
	t   *testing.T
	dir string
	all []piece
	// unpacked says what a file, or each file of a folder, holds many of: what
	// stands in it side by side has nothing to do with each other.
	unpacked map[string]string
}

func (d *decoder) name(path string) string { return must(filepath.Rel(d.dir, path)) }

func (d *decoder) file(path string, data []byte) {
	p := record("", nil, data)
	p.where, p.key, p.raw = d.name(path), []byte(d.name(path)), true
	d.all = append(d.all, p)
}

func (d *decoder) add(where string, key, value []byte) {
	d.all = append(d.all, entries(record(where, key, value), value)...)
}

// message is add for what the engine writes: its fields may hold CBOR.
func (d *decoder) message(where string, key, value []byte) {
	d.add(where, key, value)
	p := &d.all[len(d.all)-1]
	p.ints = fields(p.ints, value, 0)
}

// fields gathers the integers of CBOR items in the fields of a message of
// protocol buffers.
func fields(to []uint64, data []byte, depth int) []uint64 {
	for len(data) > 0 && depth < 10 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			break
		}
		data = data[n:]
		size := uint64(0)
		switch tag & 7 {
		case 0:
			_, n = binary.Uvarint(data)
			size = uint64(max(n, 0))
		case 1:
			size = 8
		case 2:
			size, n = binary.Uvarint(data)
			if n <= 0 || size > uint64(len(data)-n) {
				return to
			}
			data = data[n:]
			if size != 20 && size != 32 && size != 64 { // no address, hash, key or signature
				to = integers(to, data[:size], 0)
			}
			to = fields(to, data[:size], depth+1)
		case 5:
			size = 4
		default:
			return to
		}
		if size > uint64(len(data)) {
			break
		}
		data = data[size:]
	}
	return to
}

// records decodes what is in the file, or in the folder whose mark it is.
func (d *decoder) records(path string, data []byte) error {
	home, name := filepath.Dir(path), d.name(path)
	switch base := filepath.Base(path); {
	case strings.HasPrefix(base, "marker.manifest"):
		return d.pebble(home)
	case base == "CURRENT":
		return d.leveldb(home)
	case bytes.HasPrefix(data, []byte("lateral journal ")):
		// Opening one may repair it: a copy is opened.
		copied := filepath.Join(d.t.TempDir(), base)
		if err := os.WriteFile(copied, data, 0o600); err != nil {
			return err
		}
		j, found, err := durable.OpenJournal(durable.OS, copied)
		if err != nil {
			return err
		}
		d.unpacked[name] = ofJournal
		for i, r := range found.Records {
			d.add(name, fmt.Appendf(nil, "record %d", i), r)
		}
		return j.Close()
	case base == "resources.db":
		return d.shelf(path)
	case base == "log":
		d.unpacked[name] = ofLog
		for i, line := range bytes.Split(data, []byte("\n")) {
			d.add(name, fmt.Appendf(nil, "line %d", i+1), line)
		}
	case filepath.Base(home) == "cs.wal":
		return d.votes(name, data)
	}
	return nil
}

// pebble decodes a store of ours: what it holds now, and every write that is
// still in its log, also of what was overwritten or removed.
func (d *decoder) pebble(home string) error {
	d.unpacked[d.name(home)] = ofStore
	db, err := pebble.Open(home, &pebble.Options{ReadOnly: true, Logger: silent{}})
	if err != nil {
		return err
	}
	defer db.Close()
	it, err := db.NewIter(nil)
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		d.add(d.name(home), it.Key(), it.Value())
	}
	if err := it.Close(); err != nil {
		return err
	}
	logs, err := wal.Scan(wal.Dir{FS: vfs.Default, Dirname: home})
	if err != nil {
		return err
	}
	for _, l := range logs {
		from := l.OpenForRead()
		for {
			r, _, err := from.NextRecord()
			if err != nil {
				break // the end of the log
			}
			batch, err := io.ReadAll(r)
			if err != nil {
				break // a write that was cut short: the search in the file covers it
			}
			for ops := batchrepr.Read(batch); ; {
				_, key, value, ok, err := ops.Next()
				if err != nil {
					return err
				}
				if !ok {
					break
				}
				d.add(d.name(home)+" log", key, value)
			}
		}
		if err := from.Close(); err != nil {
			return err
		}
	}
	return nil
}

// shelf decodes a shelf of Sonata resources: each row of each table, with what
// stands in it in base64.
func (d *decoder) shelf(path string) error {
	d.unpacked[d.name(filepath.Dir(path))] = ofStore
	// Opening one changes its files: a copy is opened.
	copied := d.t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(filepath.Dir(path))); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", filepath.Join(copied, filepath.Base(path)))
	if err != nil {
		return err
	}
	defer db.Close()
	tables, err := texts(db, "SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		return err
	}
	for _, table := range tables {
		rows, err := texts(db, "SELECT * FROM "+table[0])
		if err != nil {
			return err
		}
		for i, row := range rows {
			p := record(d.name(path), fmt.Appendf(nil, "%s %d", table[0], i+1), []byte(strings.Join(row, "\x00")))
			for _, value := range row {
				parts := []string{value}
				for _, packed := range inBase64.FindAllString(value, -1) {
					for _, form := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
						if plain, err := form.DecodeString(packed); err == nil {
							parts = append(parts, string(plain))
						}
					}
				}
				for _, part := range parts {
					x := record("", nil, []byte(part))
					p.data, p.ints = append(p.data, x.data...), append(p.ints, x.ints...)
				}
			}
			d.all = append(d.all, p)
		}
	}
	return nil
}

// inBase64 finds what may be bytes as text.
var inBase64 = regexp.MustCompile(`[A-Za-z0-9+/_-]{6,}`)

// texts gives the rows of a query, each value as text.
func texts(db *sql.DB, query string) (out [][]string, err error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		var values []string
		for _, v := range row {
			values = append(values, v.String)
		}
		out = append(out, values)
	}
	return out, rows.Err()
}

// leveldb decodes a store of the engine. Its block store has blocks in parts,
// which are put together again.
func (d *decoder) leveldb(home string) error {
	// Opening one changes its files: a copy is opened.
	copied := d.t.TempDir()
	if err := os.CopyFS(filepath.Join(copied, filepath.Base(home)), os.DirFS(home)); err != nil {
		return err
	}
	d.unpacked[d.name(home)] = ofStore
	db, err := dbm.NewGoLevelDB(strings.TrimSuffix(filepath.Base(home), ".db"), copied)
	if err != nil {
		return err
	}
	defer db.Close()
	it, err := db.Iterator(nil, nil)
	if err != nil {
		return err
	}
	defer it.Close()
	b := blocks{}
	for ; it.Valid(); it.Next() {
		var height, index int
		var part types.Part
		if n, _ := fmt.Sscanf(string(it.Key()), "P:%d:%d", &height, &index); n == 2 && part.Unmarshal(it.Value()) == nil {
			b.part(fmt.Sprintf("%s block %d", d.name(home), height), index, part.Bytes)
			continue
		}
		d.message(d.name(home), it.Key(), it.Value())
	}
	d.blocks(b)
	return it.Error()
}

// votes decodes the engine's log of votes: each message by itself, and the
// blocks whose parts came in messages.
func (d *decoder) votes(name string, data []byte) error {
	d.unpacked[name] = ofVotes
	b := blocks{}
	for i := 0; len(data) >= 8; i++ {
		size := int(binary.BigEndian.Uint32(data[4:]))
		if len(data) < 8+size {
			break // cut short by a crash: the search in the file covers it
		}
		var m consensus.TimedWALMessage
		if err := m.Unmarshal(data[8 : 8+size]); err != nil {
			return fmt.Errorf("message %d of %s: %w", i, name, err)
		}
		var p *consensus.BlockPart
		if info := m.GetMsg().GetMsgInfo(); info != nil {
			p = info.Msg.GetBlockPart()
		}
		if p != nil {
			b.part(fmt.Sprintf("%s block %d, round %d", name, p.Height, p.Round), int(p.Part.Index), p.Part.Bytes)
			p.Part = types.Part{} // the rest of the message says from whom it came
			d.message(name, fmt.Appendf(nil, "message %d", i), must(m.Marshal()))
		} else {
			d.message(name, fmt.Appendf(nil, "message %d", i), data[8:8+size])
		}
		data = data[8+size:]
	}
	d.blocks(b)
	return nil
}

// blocks are parts of blocks by the block's name.
type blocks map[string][][]byte

func (b blocks) part(block string, index int, data []byte) {
	for len(b[block]) <= index {
		b[block] = append(b[block], nil)
	}
	b[block][index] = data
}

// blocks takes blocks apart: envelopes of one block have nothing to do with each
// other, so each is a piece, and the block without them is one. What is no whole
// block stays in one piece.
func (d *decoder) blocks(b blocks) {
	for name, parts := range b {
		var block types.Block
		data := slices.Concat(parts...)
		if err := block.Unmarshal(data); err != nil {
			d.message(name, []byte("in parts"), data)
			continue
		}
		for i, tx := range block.Data.Txs {
			d.add(name, fmt.Appendf(nil, "envelope %d", i), tx)
		}
		block.Data.Txs = nil
		d.message(name, nil, must(block.Marshal()))
	}
}

// entries takes the one record apart that lists what has nothing to do with each
// other: how many bytes each account has sent in the present minute. It has an
// entry for each member and each channel that sent any.
func entries(p piece, value []byte) []piece {
	var counts []struct {
		Account string `cbor:"1,keyasint"`
		Minute  int64  `cbor:"2,keyasint"`
		Bytes   uint64 `cbor:"3,keyasint"`
	}
	if !bytes.HasSuffix(p.key, []byte("usage")) || canon.Decode(value, &counts) != nil {
		return []piece{p}
	}
	p.parts = ofMinute
	out := []piece{p}
	for _, c := range counts {
		out = append(out, record(p.where+" entry", nil, canon.Must(c)))
	}
	return out
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(f string, args ...any) {
	panic(fmt.Sprintf(f, args...))
}
