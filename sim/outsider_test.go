package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	dbm "github.com/cometbft/cometbft-db"
	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// piece is one thing that a node keeps: a record of a database with what can be
// unpacked from it, or a file as it lies on the disk.
type piece struct {
	where string
	key   []byte
	data  []byte   // key, value, and what was packed in the value
	ints  []uint64 // all integers of the value, decoded
	raw   bool     // a whole file
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

// decode gives everything that lies in a node's folder: each record of each
// database, and the bytes of each file.
func decode(t *testing.T, dir string) (all []piece) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := must(filepath.Rel(dir, path))
		all = append(all, piece{where: name, key: []byte(name), data: data, raw: true})
		switch home := filepath.Dir(path); {
		case strings.HasPrefix(e.Name(), "marker.manifest"):
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
				all = append(all, record(filepath.Dir(name), it.Key(), it.Value()))
			}
			return it.Close()
		case e.Name() == "CURRENT": // the engine's databases
			// Opening one changes its files: a copy is opened.
			copied := t.TempDir()
			if err := os.CopyFS(filepath.Join(copied, filepath.Base(home)), os.DirFS(home)); err != nil {
				return err
			}
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
			for ; it.Valid(); it.Next() {
				all = append(all, record(filepath.Dir(name), it.Key(), it.Value()))
			}
			return it.Error()
		}
		return nil
	}))
	return all
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(f string, args ...any) {
	panic(fmt.Sprintf(f, args...))
}

// patterns finds many byte strings at once. Each has at least five bytes: what
// is shorter would be found in anything sealed.
type patterns struct {
	byStart map[[5]byte][]pattern
	starts  [1 << 24 / 64]uint64 // a bit for each first three bytes
}

type pattern struct {
	bytes []byte
	what  string
}

func (p *patterns) add(what string, b []byte) {
	if len(b) < 5 {
		panic("the pattern for " + what + " is too short")
	}
	if p.byStart == nil {
		p.byStart = map[[5]byte][]pattern{}
	}
	start := [5]byte(b)
	p.byStart[start] = append(p.byStart[start], pattern{b, what})
	at := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	p.starts[at/64] |= 1 << (at % 64)
}

func (p *patterns) text(what, s string) { p.add(what+" "+s, []byte(s)) }

// in names the patterns that are found in data.
func (p *patterns) in(data []byte) []string {
	found := map[string]bool{}
	for i := 0; i+5 <= len(data); i++ {
		at := uint32(data[i])<<16 | uint32(data[i+1])<<8 | uint32(data[i+2])
		if p.starts[at/64]&(1<<(at%64)) == 0 {
			continue
		}
		for _, c := range p.byStart[[5]byte(data[i:i+5])] {
			if bytes.HasPrefix(data[i:], c.bytes) {
				found[c.what] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// secrets is what nobody but a pair may read.
type secrets struct {
	bytes patterns
	ints  map[uint64]string
}

func (s *secrets) number(n usage.Number) {
	if n < 1e6 { // withheld
		return
	}
	s.bytes.text("number", fmt.Sprint(uint64(n)))
	s.bytes.add(fmt.Sprintf("number %d, big endian", n), binary.BigEndian.AppendUint64(nil, uint64(n))) // CBOR and deliveries
	s.bytes.add(fmt.Sprintf("number %d, little endian", n), binary.LittleEndian.AppendUint64(nil, uint64(n)))
	if v := binary.AppendUvarint(nil, uint64(n)); len(v) >= 6 {
		s.bytes.add(fmt.Sprintf("number %d, varint", n), v)
	}
	s.ints[uint64(n)] = fmt.Sprintf("number %d", n)
}

func (s *secrets) amount(a money.Micro) {
	if a < 1e6 { // others are as small as counts and sizes
		return
	}
	s.bytes.text("amount", a.String())
	s.ints[uint64(a)] = "amount " + a.String()
}

func (s *secrets) rate(r money.Rate) {
	s.bytes.text("rate", r.String())
	s.ints[uint64(r)] = "rate " + r.String()
	s.bytes.add("rate "+r.String()+", in a row", append([]byte{3}, canon.Must(r)...))
}

func (s *secrets) found(p piece) []string {
	out := s.bytes.in(p.data)
	for _, i := range p.ints {
		if what, ok := s.ints[i]; ok {
			out = append(out, what+" as an integer")
		}
	}
	return out
}

// secretsOf gathers all that the pair of the reference run may not show.
func secretsOf(t *testing.T, r *reference) *secrets {
	s := &secrets{ints: map[uint64]string{}}
	numbers := map[usage.Number]bool{}
	for _, b := range []*usage.Batch{r.in.ours, r.in.theirs} {
		for i := range b.Records {
			numbers[b.Records[i].Origin], numbers[b.Records[i].Destination] = true, true
		}
	}
	for n := range numbers {
		s.number(n)
	}
	rates := map[money.Rate]bool{}
	for i := range r.in.terms.Sheets[0].Len() {
		rates[r.in.terms.Sheets[0].Row(uint32(i)).Rate] = true
	}
	for x := range rates {
		s.rate(x)
	}
	amounts := map[money.Micro]bool{}
	for _, i := range r.report.Invoices {
		amounts[i.Amount] = true
		s.bytes.text("invoice", i.ID)
		var doc any
		data := must(os.ReadFile(filepath.Join(r.dir, "invoices", i.ID+".json")))
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		var walk func(any)
		walk = func(v any) {
			switch v := v.(type) {
			case string:
				var a money.Micro
				if a.UnmarshalText([]byte(v)) == nil && strings.Contains(v, ".") {
					amounts[a] = true
				}
			case []any:
				for _, x := range v {
					walk(x)
				}
			case map[string]any:
				for _, x := range v {
					walk(x)
				}
			}
		}
		walk(doc)
	}
	for _, x := range r.report.Totals {
		for _, a := range []money.Micro{x.RatedOurs, x.RatedTheirs, x.Invoiced, x.Settled, x.Disputed} {
			amounts[a] = true
		}
	}
	for a := range amounts {
		s.amount(a)
	}
	for _, text := range []string{"Destination ", "As in the signed document", "Switzerland", "Zurich", "Open, either side", "MSA-1", "V-ALPHA", "V-BRAVO", "robot for"} {
		s.bytes.text("text", text)
	}
	for _, path := range []string{r.in.files[0], r.in.files[1], filepath.Join(filepath.Dir(r.in.files[0]), "rates.csv")} {
		h := sha256.Sum256(must(os.ReadFile(path)))
		s.bytes.add("hash of "+path, h[:])
		s.bytes.text("hash", hex.EncodeToString(h[:]))
	}
	if len(numbers) < 5000 || len(rates) < 500 || len(amounts) < 100 {
		t.Fatalf("only %d numbers, %d rates, %d amounts to look for", len(numbers), len(rates), len(amounts))
	}
	return s
}

// identity finds what identifies one member.
type identity struct {
	code party.Code
	by   patterns
}

func identityOf(a party.Application) *identity {
	id := &identity{code: a.Code}
	id.by.text("name", string(a.Code))
	id.by.text("address", a.Exchange)
	id.by.add("sealing key", a.Sealing)
	for what, k := range map[string][]byte{"member key": a.Member[:], "node key": a.Node[:], "recovery key": a.Recovery[:]} {
		h := sha256.Sum256(k)
		id.by.add(what, k)
		id.by.text(what, hex.EncodeToString(k))
		id.by.add(what+"'s id", h[:20])
		id.by.text(what+"'s id", hex.EncodeToString(h[:20]))
	}
	return id
}

// public reports whether a record is of the public member list: of one member,
// or of one of its keys, or the founding document with all members.
func public(p piece) bool {
	for _, prefix := range []string{trade.MemberPrefix, "genesis"} {
		if bytes.Contains(p.key, []byte(prefix)) {
			return true
		}
	}
	return false
}

// links names the records that identify both members of a pair, alone or with
// all others that share a channel's id, channel keys being ids as well.
func links(all []piece, pair [2]*identity, channels map[string][][]byte) (bad []string, about int) {
	const both = 3
	type seen struct {
		who int
		how []string
	}
	shared := map[string]*seen{}
	for _, p := range all {
		if p.raw || public(p) {
			continue
		}
		who, how := 0, []string{}
		for i, m := range pair {
			if f := m.by.in(p.data); len(f) > 0 {
				who |= 1 << i
				how = append(how, fmt.Sprintf("%s: %s by %v", p.where, m.code, f))
			}
		}
		if who == both {
			bad = append(bad, fmt.Sprintf("one record names both: %v", how))
		}
		for id, forms := range channels {
			if !slices.ContainsFunc(forms, func(f []byte) bool { return bytes.Contains(p.data, f) }) {
				continue
			}
			about++
			if shared[id] == nil {
				shared[id] = &seen{}
			}
			shared[id].who |= who
			shared[id].how = append(shared[id].how, how...)
		}
	}
	for id, s := range shared {
		if s.who == both {
			bad = append(bad, fmt.Sprintf("all records about %s name both: %v", id, s.how))
		}
	}
	return bad, about
}

// channelsOf gives the ids of the channel that two carriers have, as they may
// stand in records.
func channelsOf(id canon.Hash) map[string][][]byte {
	return map[string][][]byte{"the channel": {id[:], []byte(id.String())}}
}

// What a third carrier keeps that followed the ledger while two others cleared:
// nothing that they said, and nothing that names both.
func TestAThirdCarriersWholeFolderHoldsNothingOfThePair(t *testing.T) {
	r := theReference(t)
	all := decode(t, filepath.Dir(r.net.byName["CHARLIE"].config))
	s := secretsOf(t, r)
	records, files := 0, 0
	for _, p := range all {
		if p.raw {
			files++
		} else {
			records++
		}
		if f := s.found(p); len(f) > 0 {
			t.Errorf("%s holds %v", p.where, f)
		}
	}
	pair := [2]*identity{}
	for i, c := range []party.Code{r.in.us, r.in.them} {
		pair[i] = identityOf(r.net.byName[string(c)].setup.Application.Application)
	}
	bad, about := links(all, pair, channelsOf(r.channel))
	for _, b := range bad {
		t.Error(b)
	}
	t.Logf("%d records and %d files; %d records are about the pair's channel", records, files, about)
	if records < 100 || files < 10 || about < 5 {
		t.Error("that is too little: the test looks in the wrong place")
	}
}

// What validators keep is sealed: no number, no amount, no rate.
func TestValidatorsKeepNoPlaintextOfThePair(t *testing.T) {
	r := theReference(t)
	s := secretsOf(t, r)
	s.ints = nil // their databases are not all CBOR
	for i := range 4 {
		all := decode(t, filepath.Dir(r.net.byName[fmt.Sprintf("validator-%d", i+1)].config))
		if len(all) < 100 {
			t.Errorf("validator %d keeps only %d pieces: the test looks in the wrong place", i+1, len(all))
		}
		for _, p := range all {
			if f := s.found(p); len(f) > 0 {
				t.Errorf("validator %d: %s holds %v", i+1, p.where, f)
			}
		}
	}
}

// The search can fail: each kind of secret, put into a folder in each form in
// which it could get there, is found.
func TestTheSearchForSecretsFindsWhatIsPlanted(t *testing.T) {
	s := &secrets{ints: map[uint64]string{}}
	s.number(41791234567)
	s.amount(13_204_909)
	s.rate(40_727_887)
	s.bytes.text("text", "Destination ")
	key := func(b byte) (k [32]byte) { k[0], k[31] = b, 7; return k }
	var pair [2]*identity
	for i, code := range []party.Code{"ALPHA", "BRAVO"} {
		b := byte(16 * (i + 1))
		pair[i] = identityOf(party.Application{Code: code, Exchange: fmt.Sprintf("127.0.0.1:4000%d", i), Member: key(b), Node: key(b + 1), Recovery: key(b + 2), Sealing: bytes.Repeat([]byte{b}, 1216)})
	}
	channel := canon.Sum("test")
	packer := must(zstd.NewWriter(nil))
	nodeKey := key(33)
	for name, value := range map[string][]byte{
		"digits":                 []byte("called 41791234567 twice"),
		"number in CBOR":         canon.Must(map[uint64]uint64{1: 41791234567}),
		"number as varint":       binary.AppendUvarint([]byte{9, 9}, 41791234567),
		"number, delivered":      binary.BigEndian.AppendUint64([]byte{1}, 41791234567),
		"amount as text":         []byte(`{"amount":"13.204909"}`),
		"amount in CBOR":         canon.Must([]any{1, []byte("x"), money.Micro(13_204_909)}),
		"amount in CBOR in CBOR": canon.Must(map[uint64][]byte{1: canon.Must([]money.Micro{13_204_909, 5})}),
		"rate as text":           []byte("0.040727887"),
		"rate in CBOR":           canon.Must([]money.Rate{40_727_887}),
		"packed":                 packer.EncodeAll([]byte("Destination 0000,1,..."), []byte("head")),
	} {
		dir := t.TempDir()
		plant(t, dir, name, value)
		found := 0
		for _, p := range decode(t, dir) {
			if !p.raw && len(s.found(p)) > 0 {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s: found in %d records", name, found)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("..41791234567.."), 0o600); err != nil {
		t.Fatal(err)
	}
	if all := decode(t, dir); len(s.found(all[0])) == 0 {
		t.Error("a number in a file is not found")
	}
	for name, values := range map[string][][]byte{
		"both names":                     {[]byte("ALPHA and BRAVO")},
		"a name and a node key":          {append([]byte("ALPHA"), nodeKey[:]...)},
		"an address, apart, one channel": {append(channel[:], "ALPHA"...), append([]byte(channel.String()), "127.0.0.1:40001"...)},
		"":                               {append(channel[:], "ALPHA"...), []byte("BRAVO")}, // of two channels: fine
	} {
		dir := t.TempDir()
		for i, v := range values {
			plant(t, dir, fmt.Sprint("r", i), v)
		}
		if bad, _ := links(decode(t, dir), pair, channelsOf(channel)); (len(bad) > 0) != (name != "") {
			t.Errorf("%q: %v", name, bad)
		}
	}
}

// plant puts a record into a store as a node has it.
func plant(t *testing.T, dir, key string, value []byte) {
	t.Helper()
	db, err := store.Open(filepath.Join(dir, "store"), store.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Channel(canon.Hash{}).Commit(store.Batch{Writes: []merkle.Write{{Key: key, Value: value}}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
