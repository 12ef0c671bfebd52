package proof

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
)

func key(name string) sign.PrivateKey { return sign.FromSeed(canon.Sum("test/key", []byte(name))) }

// certificate stands in for a ledger's: one validator signs chain, height,
// root and time.
type certificate struct {
	Chain     string         `cbor:"1,keyasint"`
	Height    uint64         `cbor:"2,keyasint"`
	Root      canon.Hash     `cbor:"3,keyasint"`
	Time      int64          `cbor:"4,keyasint"`
	Signature sign.Signature `cbor:"5,keyasint"`
}

const testChain = "test-1"

func certify(chain string, root canon.Hash) []byte {
	c := certificate{Chain: chain, Height: 90, Root: root, Time: 1_700_000_000_000}
	c.Signature = key("validator").Sign("test/certificate", canon.Must(c))
	return canon.Must(c)
}

var trust = Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
	var c certificate
	if err := canon.Decode(cert, &c); err != nil {
		return 0, canon.Hash{}, 0, err
	}
	sig := c.Signature
	c.Signature = sign.Signature{}
	if c.Chain != testChain || !sign.Verify(key("validator").Public(), "test/certificate", canon.Must(c), sig) {
		return 0, canon.Hash{}, 0, errors.New("not of this network")
	}
	return c.Height, c.Root, c.Time, nil
}}

// world is a Bilateral with a log of several blocks and an Omnilateral that
// holds its channel record and an anchor. A test changes what it wants to lie
// about and then has everything above it rebuilt.
type world struct {
	chain   string
	keys    [2]sign.PrivateKey
	channel Channel
	state   *merkle.Sparse // of the Bilateral after the block at leaf 4
	leaves  []Leaf
	log     *merkle.Log
	index   uint64
	anchor  Anchor
	record  string
	value   []byte
	leaf    *Leaf           // shown instead of leaves[index]
	cover   uint64          // size for which inclusion is proven
	omits   map[string]bool // records that the Omnilateral does not hold
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		chain:  testChain,
		keys:   [2]sign.PrivateKey{key("opener"), key("partner")},
		state:  merkle.NewSparse([]byte("channel secret")),
		log:    &merkle.Log{},
		index:  4,
		record: "invoice/1",
		value:  []byte("canonical bytes of an invoice"),
		cover:  6,
		omits:  map[string]bool{},
	}
	w.channel = Channel{ID: canon.Sum("test/channel"), Keys: [2]sign.PublicKey{w.keys[0].Public(), w.keys[1].Public()}}
	var writes []merkle.Write
	for i := range 20 {
		writes = append(writes, merkle.Write{Key: fmt.Sprint("line/", i), Value: []byte{byte(i)}})
	}
	writes = append(writes, merkle.Write{Key: w.record, Value: w.value})
	root, err := w.state.Update(writes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(9) {
		leaf := Leaf{Position: 10 + 10*i, Receipts: canon.Sum("receipts", []byte{byte(i)}), State: canon.Sum("state", []byte{byte(i)})}
		if i == w.index {
			leaf.State = root
		}
		w.leaves = append(w.leaves, leaf)
		w.log.Append(leaf.Bytes())
	}
	w.anchor = w.attest(6, 6)
	return w
}

// head is the true head when the log had that many leaves.
func (w *world) head(size uint64) Head {
	root, err := w.log.RootAt(size)
	if err != nil {
		panic(err)
	}
	return Head{Channel: w.channel.ID, Position: w.leaves[size-1].Position, Size: size, Root: root}
}

// attest is the anchor of two true heads.
func (w *world) attest(a, b uint64) Anchor {
	var path []canon.Hash
	if a != b {
		var err error
		if path, err = w.log.Consistency(min(a, b), max(a, b)); err != nil {
			panic(err)
		}
	}
	return NewAnchor(w.head(a).Sign(w.keys[0], 0), w.head(b).Sign(w.keys[1], 1), path)
}

func (w *world) document(t testing.TB) Document {
	t.Helper()
	d := Document{Version: 1, Key: w.record, Value: w.value, Leaf: w.leaves[w.index], Index: w.index, Anchor: w.anchor, Channel: w.channel}
	if w.leaf != nil {
		d.Leaf = *w.leaf
	}
	var err error
	if d.Record, err = w.state.Prove(w.record, w.value); err != nil {
		t.Fatal(err)
	}
	if d.Inclusion, err = w.log.Inclusion(w.index, w.cover); err != nil {
		t.Fatal(err)
	}
	records := map[string][]byte{
		ChannelKey(w.channel.ID): canon.Must(w.channel),
		w.anchor.Key():           canon.Must(w.anchor),
		"member/alpha":           []byte("a"),
		"member/bravo":           []byte("b"),
	}
	omni := merkle.NewSparse(nil)
	var writes []merkle.Write
	for k, v := range records {
		if !w.omits[k] {
			writes = append(writes, merkle.Write{Key: k, Value: v})
		}
	}
	if d.State, err = omni.Update(writes); err != nil {
		t.Fatal(err)
	}
	prove := func(key string) merkle.SparseProof {
		value := records[key]
		if w.omits[key] {
			value = nil
		}
		p, err := omni.Prove(key, value)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	d.ChannelProof, d.AnchorProof = prove(ChannelKey(w.channel.ID)), prove(w.anchor.Key())
	d.Log = merkle.ListRoot([][]byte{[]byte("omnilateral block")})
	d.Certificate = certify(w.chain, OmniRoot(d.State, d.Log))
	return d
}

func TestADocumentProvesItsRecord(t *testing.T) {
	for _, c := range []struct {
		name   string
		anchor func(*world) Anchor
		cover  uint64
		kind   Kind
	}{
		{"both heads alike", func(w *world) Anchor { return w.attest(6, 6) }, 6, Attested},
		{"the opener is ahead", func(w *world) Anchor { return w.attest(9, 5) }, 5, Attested},
		{"the partner is ahead", func(w *world) Anchor { return w.attest(5, 8) }, 5, Attested},
		{"only the opener signed", func(w *world) Anchor { return NewUncontested(w.head(6).Sign(w.keys[0], 0)) }, 6, Uncontested},
		{"only the partner signed", func(w *world) Anchor { return NewUncontested(w.head(6).Sign(w.keys[1], 1)) }, 6, Uncontested},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.anchor, w.cover = c.anchor(w), c.cover
			v, err := Verify(w.document(t).Marshal(), trust)
			if err != nil {
				t.Fatal(err)
			}
			if v.Key != w.record || string(v.Value) != string(w.value) || v.Hash != canon.Hash(sha256.Sum256(w.value)) ||
				v.Position != 50 || v.Kind != c.kind || v.Head != w.head(c.cover) || v.Height != 90 ||
				v.Time != 1_700_000_000_000 || !reflect.DeepEqual(v.Channel, w.channel) {
				t.Fatalf("got %+v", v)
			}
		})
	}
}

// rotate replaces the key of one side after the anchor was posted.
func (w *world) rotate(side int, fresh string) {
	w.channel.Past = append(w.channel.Past, w.channel.Keys)
	w.channel.Keys[side] = key(fresh).Public()
}

func TestAnAnchorStandsUnderThePairThatSignedIt(t *testing.T) {
	w := newWorld(t)
	w.rotate(0, "opener 2")
	w.rotate(1, "partner 2")
	if v, err := Verify(w.document(t).Marshal(), trust); err != nil || v.Kind != Attested {
		t.Fatalf("signed by the first pair: %+v, %v", v, err)
	}
	w.keys[0] = key("opener 2")
	w.anchor = w.attest(6, 6)
	if _, err := Verify(w.document(t).Marshal(), trust); err != nil {
		t.Fatalf("signed by the second pair: %v", err)
	}
	for name, keys := range map[string][2]sign.PrivateKey{
		"a pair that never counted": {key("opener"), key("partner 2")},
		"a key that is to come":     {key("opener 3"), key("partner 2")},
	} {
		w.keys = keys
		w.anchor = w.attest(6, 6)
		if _, err := Verify(w.document(t).Marshal(), trust); fault.CodeOf(err) != fault.Refused || fault.Of(err).Field != "anchor.heads" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEachAlteredByteOfADocumentIsRefused(t *testing.T) {
	for name, anchor := range map[string]func(*world) Anchor{
		"attested by equal heads":     func(w *world) Anchor { return w.attest(6, 6) },
		"attested by different heads": func(w *world) Anchor { return w.attest(6, 9) },
		"uncontested":                 func(w *world) Anchor { return NewUncontested(w.head(6).Sign(w.keys[1], 1)) },
		"signed by a former pair": func(w *world) Anchor {
			defer w.rotate(1, "partner 2")
			return w.attest(6, 6)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.anchor = anchor(w)
			doc := w.document(t).Marshal()
			for i := range doc {
				for _, flip := range []byte{1 << (i % 8), 0xff} {
					doc[i] ^= flip
					if _, err := Verify(doc, trust); err == nil {
						t.Errorf("byte %d of %d flipped by %#x passes", i, len(doc), flip)
					}
					doc[i] ^= flip
				}
			}
			for cut := range doc {
				if _, err := Verify(doc[:cut], trust); fault.CodeOf(err) != fault.Invalid {
					t.Fatalf("cut to %d bytes: %v", cut, err)
				}
			}
			if _, err := Verify(append(doc, 0), trust); fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("a trailing byte: %v", err)
			}
		})
	}
}

// Lies that somebody could tell who is able to have the Omnilateral's state
// certified with them, so that only the step in question can find them.
func TestWhatDoesNotHoldIsRefusedByName(t *testing.T) {
	stranger := key("stranger")
	for _, c := range []struct {
		name  string
		field string
		lie   func(w *world)
	}{
		{"another network", "certificate", func(w *world) { w.chain = "test-2" }},
		{"channel not on the Omnilateral", "channel", func(w *world) { w.omits[ChannelKey(w.channel.ID)] = true }},
		{"anchor not on the Omnilateral", "anchor", func(w *world) { w.omits[w.anchor.Key()] = true }},
		{"one signature that claims to be two", "anchor.heads", func(w *world) { w.anchor.Heads = w.anchor.Heads[:1] }},
		{"two signatures that claim to be one", "anchor.heads", func(w *world) { w.anchor.Kind = Uncontested }},
		{"no signature", "anchor.heads", func(w *world) { w.anchor.Heads = nil }},
		{"one member's signature twice", "anchor.heads", func(w *world) { w.anchor.Heads[1] = w.anchor.Heads[0] }},
		{"one member signs for both", "anchor.heads", func(w *world) { w.anchor.Heads[1] = w.head(6).Sign(w.keys[0], 1) }},
		{"swapped heads", "anchor.heads", func(w *world) { h := w.anchor.Heads; h[0], h[1] = h[1], h[0] }},
		{"a stranger's signature", "anchor.heads", func(w *world) { w.anchor.Heads[1] = w.head(6).Sign(stranger, 1) }},
		{"a third key", "anchor.heads", func(w *world) { w.anchor.Heads[1] = w.head(6).Sign(w.keys[1], 2) }},
		{"head of another channel", "anchor.heads", func(w *world) {
			h := w.head(6)
			h.Channel = canon.Sum("another")
			w.anchor.Heads[1] = h.Sign(w.keys[1], 1)
		}},
		{"head of another term", "anchor.heads", func(w *world) {
			h := w.head(6)
			h.Term = 1
			w.anchor.Heads[1] = h.Sign(w.keys[1], 1)
		}},
		{"anchor of another channel", "anchor.channel", func(w *world) { w.anchor.Channel = canon.Sum("another") }},
		{"unknown kind", "anchor.kind", func(w *world) { w.anchor.Kind = "sworn" }},
		{"a higher position than attested", "anchor.position", func(w *world) { w.anchor.Position++ }},
		{"heads of two logs of one size", "anchor.heads", func(w *world) {
			h := w.head(6)
			h.Root = canon.Sum("another log")
			w.anchor.Heads[1] = h.Sign(w.keys[1], 1)
		}},
		{"heads of two logs of two sizes", "anchor.consistency", func(w *world) {
			w.anchor = w.attest(6, 8)
			h := w.head(8)
			h.Root = canon.Sum("another log")
			w.anchor.Heads[1] = h.Sign(w.keys[1], 1)
		}},
		{"a longer log at a lower position", "anchor.heads", func(w *world) {
			w.anchor = w.attest(6, 8)
			h := w.head(8)
			h.Position = w.head(6).Position - 1
			w.anchor.Heads[1] = h.Sign(w.keys[1], 1)
		}},
		{"a proof of consistency that nothing needs", "anchor.consistency", func(w *world) { w.anchor.Consistency = []canon.Hash{canon.Sum("x")} }},
		{"a stale anchor", "log", func(w *world) { w.anchor = w.attest(4, 4) }},
		{"a stale anchor with a lying size", "log", func(w *world) {
			h := w.head(4)
			h.Size = 6
			w.anchor = NewAnchor(h.Sign(w.keys[0], 0), h.Sign(w.keys[1], 1), nil)
		}},
		{"a block that is not in the log", "log", func(w *world) {
			leaf := w.leaves[w.index]
			leaf.Receipts = canon.Sum("other receipts")
			w.leaf = &leaf
		}},
		{"inclusion in another log", "log", func(w *world) { w.cover = 7 }},
		{"a record of another state", "record", func(w *world) { w.index = 3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.lie(w)
			_, err := Verify(w.document(t).Marshal(), trust)
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Code != fault.Refused || f.Field != c.field || f.Remedy == "" {
				t.Fatalf("got %v, want code refused, field %s", err, c.field)
			}
		})
	}
}

func TestARecordsValueAndKeyBelongTogether(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*Document){
		"another key":     func(d *Document) { d.Key = "invoice/2" },
		"another value":   func(d *Document) { d.Value = []byte("more money") },
		"no value":        func(d *Document) { d.Value = nil },
		"the other's key": func(d *Document) { d.Key, d.Value = "line/1", []byte{2} },
		"another version": func(d *Document) { d.Version = 2 },
		"other log root":  func(d *Document) { d.Log = canon.Sum("x") },
		"roots exchanged": func(d *Document) { d.Log, d.State = d.State, d.Log },
		"proofs swapped":  func(d *Document) { d.ChannelProof, d.AnchorProof = d.AnchorProof, d.ChannelProof },
		"foreign channel": func(d *Document) { d.Channel.Keys[1] = key("stranger").Public() },
	} {
		d := w.document(t)
		change(&d)
		if _, err := Verify(d.Marshal(), trust); fault.CodeOf(err) != fault.Refused && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAnchorExtendsTheLastOne(t *testing.T) {
	w := newWorld(t)
	path := func(from, to uint64) []canon.Hash {
		p, err := w.log.Consistency(from, to)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	earlier, later := w.attest(4, 6), w.attest(7, 7)
	if err := later.Extends(earlier, path(4, 7)); err != nil {
		t.Fatal(err)
	}
	another := w.attest(7, 7)
	another.Channel = canon.Sum("another")
	forked := NewUncontested(Head{Channel: w.channel.ID, Position: 80, Size: 7, Root: canon.Sum("fork")}.Sign(w.keys[0], 0))
	for name, err := range map[string]error{
		"older":           earlier.Extends(later, nil),
		"the same":        later.Extends(later, nil),
		"another channel": another.Extends(earlier, path(4, 7)),
		"another log":     forked.Extends(earlier, path(4, 7)),
		"no proof":        later.Extends(earlier, nil),
	} {
		if fault.CodeOf(err) != fault.Refused {
			t.Errorf("%s: got %v, want code refused", name, err)
		}
	}
}

func TestAnchorsSortByTermAndPosition(t *testing.T) {
	id := canon.Sum("c")
	last := ""
	for _, at := range [][2]uint64{{0, 9}, {0, 10}, {0, 1 << 40}, {1, 2}, {16, 0}} {
		k := AnchorKey(id, uint32(at[0]), at[1])
		if k <= last {
			t.Fatalf("%s does not come after %s", k, last)
		}
		last = k
	}
}

// The bytes that are signed and hashed. Whoever changes one makes every older
// proof unreadable.
func TestGoldenVectors(t *testing.T) {
	h := Head{Channel: canon.Sum("c"), Position: 7, Size: 3, Root: canon.Sum("r")}
	w := newWorld(t)
	for name, c := range map[string]struct{ got, want string }{
		"leaf":        {fmt.Sprintf("%x", Leaf{Position: 7, Receipts: canon.Hash{1}, State: canon.Hash{2}}.Bytes()), "a3010702582001000000000000000000000000000000000000000000000000000000000000000358200200000000000000000000000000000000000000000000000000000000000000"},
		"head":        {canon.HashOf("t", h).String(), "d451ef9b4dd10b4638cfc41c733d4fc1c2c38b9573ea8e69b2c8fc0623a7599e"},
		"omniroot":    {OmniRoot(canon.Hash{1}, canon.Hash{2}).String(), "31584f125f3d507d533305b68fb60c4c8f8074fe63f300edf71740f3e341f96b"},
		"anchor":      {canon.HashOf("t", w.anchor).String(), "3210b11dce4a20c4f201bc85d8437dd98fb72a42422fa0999c0def0562b940f1"},
		"anchorkey":   {AnchorKey(canon.Hash{1}, 2, 300), "anchor/0100000000000000000000000000000000000000000000000000000000000000/00000002/000000000000012c"},
		"former keys": {canon.HashOf("t", Channel{ID: canon.Hash{1}, Keys: [2]sign.PublicKey{{2}, {3}}, Past: [][2]sign.PublicKey{{{4}, {3}}}}).String(), "0017f825bf39d0eed41869e510add0bf121aafcf76df8ae5e629c992d8b51f90"},
		"document":    {canon.Sum("t", w.document(t).Marshal()).String(), "badb1d460bf8a8b68f0e309ff4dac2a9b1fdfce5b52a7caf7f56e8411d3afa48"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
}

// FuzzVerify: whatever passes is a document whose record is the one that was
// certified.
func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	good := w.document(f).Marshal()
	f.Add(good)
	w.anchor = w.attest(6, 8)
	f.Add(w.document(f).Marshal())
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := Verify(doc, trust)
		if err == nil && (v.Key != "invoice/1" || string(v.Value) != "canonical bytes of an invoice") {
			t.Fatalf("proved %q = %q", v.Key, v.Value)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	doc := newWorld(b).document(b).Marshal()
	for b.Loop() {
		if _, err := Verify(doc, trust); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(doc)), "bytes")
}
