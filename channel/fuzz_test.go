package channel

import (
	"bytes"
	"reflect"
	"strconv"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// signer gives a key that is the same in every process: fuzz workers share
// their inputs, not their memory.
func signer(n byte) sign.PrivateKey { return sign.FromSeed([32]byte{n}) }

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "0", "17", "18446744073709551615", "18446744073709551616", "-1", "007", "+1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("code of %v", err)
			}
			return
		}
		if again, err := ParseCursor(c.String()); err != nil || again != c {
			t.Fatalf("%q is %d, printed %q, read again as %d, %v", s, c, c, again, err)
		}
		if n, err := strconv.ParseUint(s, 10, 64); s != "" && (err != nil || n != uint64(c)) {
			t.Fatalf("%q is read as %d", s, c)
		}
	})
}

// A record of the outbox gives the next number to sign under. It is read in one
// way, and what is no record says so.
func FuzzOutbox(f *testing.F) {
	e := ledger.Envelope{Header: ledger.Header{Version: 1, Chain: "test", Channel: canon.Hash{1}, Sequence: 3}, Payload: []byte("payload")}
	e.Sign(signer(1))
	head := proof.Head{Channel: canon.Hash{1}, Size: 4, Root: canon.Hash{2}}
	f.Add(canon.Must(outRecord{Envelope: e.Marshal(), Head: &head}))
	f.Add(canon.Must(outRecord{Head: &head}))
	f.Add(canon.Must(outRecord{Last: []lastMark{{e.Header}, {ledger.Header{Channel: canon.Hash{2}, Sequence: 9}}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func() (*outbox, error) {
			o := &outbox{lanes: map[lane]*outLane{}, heads: map[canon.Hash]proof.Head{}}
			return o, o.read(data)
		}
		one, err := read()
		two, other := read()
		if (err == nil) != (other == nil) || !reflect.DeepEqual(one.lanes, two.lanes) || !reflect.DeepEqual(one.heads, two.heads) {
			t.Fatalf("the same record is read in two ways: %v, %v", err, other)
		}
		if err != nil {
			if fault.CodeOf(err) == fault.Internal {
				t.Fatalf("code of %v", err)
			}
			return
		}
		for l, out := range one.lanes {
			if n := len(out.pending); n > 0 && (out.last != out.pending[n-1].Header.Sequence || l != laneOf(out.pending[n-1])) {
				t.Fatalf("the lane %v ends at %d and waits for %v", l, out.last, out.pending)
			}
			for _, p := range out.pending {
				if !bytes.Contains(data, p.Marshal()) {
					t.Fatal("other bytes would be sent again")
				}
			}
		}
	})
}

// oneCarrier is a law under which one node key is a carrier's.
type oneCarrier struct {
	toyLaw
	node sign.PublicKey
}

func (l oneCarrier) Carrier(_ trade.Records, node sign.PublicKey, _ uint64) (string, bool) {
	return "ALPHA", node == l.node
}

// A partner introduces itself before there is a channel. Only what its node has
// signed, for us, is taken.
func FuzzIntroduction(f *testing.F) {
	node := signer(1)
	introduce := func(change func(*Introduction)) Introduction {
		i := Introduction{Chain: "test", From: "ALPHA", To: "BRAVO", Key: signer(2).Public(), Node: node.Public()}
		if change != nil {
			change(&i)
		}
		i.Signature = node.Sign(tagIntroduction, i.message())
		return i
	}
	good := canon.Must(introduce(nil))
	f.Add(good)
	f.Add(canon.Must(introduce(func(i *Introduction) { i.From = "CARGO" })))
	f.Add(canon.Must(introduce(func(i *Introduction) { i.To = "ALPHA" })))
	f.Add(canon.Must(introduce(func(i *Introduction) { i.Key = sign.PublicKey{1} })))
	f.Add(canon.Must(introduce(func(i *Introduction) { i.Node = i.Key })))
	m := &Member{chain: "test", code: "BRAVO", law: oneCarrier{node: node.Public()}, omni: &Omni{}}
	m.omni.r = &replica{tree: merkle.NewSparse(nil)}
	f.Fuzz(func(t *testing.T, data []byte) {
		var i Introduction
		if canon.Decode(data, &i) != nil {
			return
		}
		switch code := fault.CodeOf(m.checkIntroduction(i)); code {
		case "":
			if !bytes.Equal(data, good) {
				t.Fatalf("an introduction was taken that no node of its member has signed: %+v", i)
			}
		case fault.Invalid, fault.Refused, fault.Unauthorized:
		default:
			t.Fatalf("code %q", code)
		}
	})
}

// A key that a partner offers opens to what the commitment says, or is refused.
func FuzzEpochOffer(f *testing.F) {
	a, b := seal.KeyFromSeed([32]byte{1}), seal.KeyFromSeed([32]byte{2})
	keys, k, id := [2]sign.PublicKey{signer(1).Public(), signer(2).Public()}, epochKey{9}, canon.Hash{7}
	o := must(newEpochOffer(k, "test", id, 3, keys[0], keys, [2]seal.PublicKey{a.Public(), b.Public()}))
	f.Add(canon.Must(o))
	other := o
	other.Commitment[0]++
	f.Add(canon.Must(other))
	short := o
	short.Wrapped[1] = must(seal.Wrap(b.Public(), epochInfo("test", id, 3, keys[0], keys[1]), []byte("short")))
	f.Add(canon.Must(short))
	f.Add(canon.Must(epochOffer{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var x epochOffer
		if canon.Decode(data, &x) != nil {
			return
		}
		got, err := x.open("test", id, keys[0], keys, 1, []seal.Key{a, b})
		if err != nil {
			if fault.CodeOf(err) != CodeUnreadable {
				t.Fatalf("code of %v", err)
			}
			return
		}
		if got.commitment("test", id, x.Epoch) != x.Commitment {
			t.Fatal("opened to another key than the committed one")
		}
		// The same record kept for an epoch that is in force.
		c := &Bilateral{keys: keys, mine: 1, epochs: map[uint32]epochKey{}, Channel: Channel{r: &replica{id: id}}}
		c.m = &Member{chain: "test", keys: &memoryKeys{sealing: []seal.Key{a, b}}}
		if kept, err := c.epochKey(x.Epoch, canon.Must(accepted{x, 0, keys})); err != nil || kept != got {
			t.Fatalf("the kept record gives another key: %v", err)
		}
	})
}

// What a store holds is read, or said to be damaged. None of it ends the node.
func FuzzStored(f *testing.F) {
	k := seal.KeyFromSeed([32]byte{2})
	keys := [2]sign.PublicKey{signer(1).Public(), signer(2).Public()}
	o := epochOffer{Epoch: 3, Wrapped: [2][]byte{{1}, {2}}}
	by := uint8(1)
	f.Add(canon.Must(Entry{Position: ledger.Position{Height: 3}, Code: CodeUnreadable,
		Outcomes: []Outcome{{Command: 1}}, Notes: []NoteOutcome{{Kind: "epoch.offer"}}}))
	f.Add(canon.Must(accepted{o, 7, keys}))
	f.Add(canon.Must(rotation{keys[0], keys[1]}))
	f.Add(canon.Must(protocol{Epoch: 1, Keys: keys, Past: [][2]sign.PublicKey{keys}, Open: [2][]openHead{{{4, 5}}, {}},
		Dispute: &Divergence{High: 9, Claims: [2]*claim{{Size: 4}, nil}, Details: [2]*detail{nil, {Index: 4}}, Silent: &by}}))
	f.Add(canon.Must(invitation{Opener: "ALPHA", Partner: "BRAVO"}))
	f.Add(canon.Must(proof.Leaf{Position: 4}))
	f.Add(canon.Must([]usageMark{{"member/ALPHA", 5, 6}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := readEntry(store.Entry{Number: 4, Data: data}); err == nil {
			if !bytes.Equal(canon.Must(e), data) || e.Next != 5 {
				t.Fatalf("another entry is read: %+v", e)
			}
			_ = e.lines()
		} else if fault.CodeOf(err) != fault.Corrupt {
			t.Fatalf("code of %v", err)
		}
		b := &Bilateral{keys: keys, mine: 1, epochs: map[uint32]epochKey{}, Channel: Channel{r: &replica{}}}
		b.m = &Member{chain: "test", keys: &memoryKeys{sealing: []seal.Key{k}}}
		if _, err := b.epochKey(3, data); err == nil || fault.CodeOf(err) != fault.Corrupt && fault.CodeOf(err) != CodeKeyMissing {
			t.Fatalf("an epoch's key that nobody wrapped: %v", err)
		}
		for _, v := range []any{new(protocol), new(rotation), new(invitation), new(proof.Channel), new(proof.Leaf), new([]usageMark), new(laneMark), new(envelopeMark)} {
			if err := canon.Stored(data, v); err != nil {
				if fault.CodeOf(err) != fault.Corrupt {
					t.Fatalf("code of %v", err)
				}
				continue
			}
			// A field of a later version is gone; what is kept stays as it is.
			again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
			if err := canon.Decode(canon.Must(v), again); err != nil || !bytes.Equal(canon.Must(again), canon.Must(v)) {
				t.Fatalf("%T is kept in another form: %v", v, err)
			}
		}
		var p protocol
		if canon.Stored(data, &p) == nil && p.Dispute != nil {
			_, _, _ = p.Dispute.Parted(), p.Dispute.hasAnswered(0), p.Dispute.overdue(1<<40)
		}
	})
}

// The notes that both members send agree epoch keys, sign heads and search for a
// difference. Whatever they send, in whatever order, no note ends the node, both
// members come to the same, and what they come to can be kept.
func FuzzProtocol(f *testing.F) {
	type said struct {
		By   uint8 `cbor:"1,keyasint"`
		Note note  `cbor:"2,keyasint"`
	}
	id, keys := canon.Hash{1}, [2]sign.PublicKey{signer(1).Public(), signer(2).Public()}
	space := must(store.Open("fuzz", store.Options{Memory: true, MinFree: 1})).Channel(id) // nothing is committed there
	head := func(by int, size uint64, root byte) proof.SignedHead {
		return proof.Head{Channel: id, Position: size + 5, Size: size, Root: canon.Hash{root}}.Sign(signer(byte(by+1)), uint8(by))
	}
	offer := epochOffer{Epoch: 1, Wrapped: [2][]byte{make([]byte, wrappedSize), make([]byte, wrappedSize)}}
	say := func(by uint8, k noteKind, body any) said { return said{by, note{k, canon.Must(body)}} }
	f.Add(canon.Must([]said{say(0, noteOffer, offer), say(1, noteAccept, epochAccept{Epoch: 1})}))
	f.Add(canon.Must([]said{say(0, noteHead, head(0, 4, 1)), say(1, noteHead, head(1, 4, 1)), say(1, noteHead, head(1, 3, 2))}))
	search := []said{say(0, noteHead, head(0, 4, 1)), say(1, noteContra, contradiction{head(0, 4, 1), canon.Hash{2}})}
	for _, size := range []uint64{4, 2, 1} {
		search = append(search, say(0, noteClaim, claim{size, canon.Hash{byte(size)}}), say(1, noteClaim, claim{size, canon.Hash{9}}))
	}
	leaf := func(n byte) detail {
		return detail{Leaf: proof.Leaf{Position: 3, Receipts: canon.Hash{n}}, Lines: bytes.Repeat([]byte{n}, 2*lineDigest)}
	}
	search = append(search, say(0, noteDetail, leaf(1)), say(1, noteDetail, leaf(2)))
	f.Add(canon.Must(search))
	f.Add(canon.Must([]said{say(0, noteHead, head(0, 4, 1)), say(0, noteHead, head(0, 4, 2)), say(0, noteHead, head(0, 4, 3))}))
	f.Add(canon.Must(append(search[:2:2], say(0, noteClaim, claim{4, canon.Hash{1}}), say(1, noteClaim, claim{4, canon.Hash{1}}), say(0, noteHead, head(0, 6, 1)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		var all []said
		if canon.Decode(data, &all) != nil || len(all) > 32 {
			return
		}
		run := func(mine int) (p protocol, codes []fault.Code) {
			b := &Bilateral{keys: keys, mine: mine, Channel: Channel{r: &replica{id: id, space: space}}}
			d := &bilateralDraft{draft: &draft{}, b: b, keys: keys}
			for i, s := range all {
				d.block.Time = int64(i)
				codes = append(codes, d.note(int(s.By&1), ledger.Position{Height: ledger.Height(i)}, s.Note))
			}
			return d.p, codes
		}
		p, codes := run(0)
		q, other := run(1)
		if !bytes.Equal(canon.Must(p), canon.Must(q)) || !reflect.DeepEqual(codes, other) {
			t.Fatalf("the two members come to %+v (%v) and %+v (%v)", p, codes, q, other)
		}
		var kept protocol
		if err := canon.Stored(canon.Must(p), &kept); err != nil || !bytes.Equal(canon.Must(kept), canon.Must(p)) {
			t.Fatalf("what is kept is something else: %v", err)
		}
		for _, x := range p.Twice {
			if x.Key != keys[x.By] || x.evidence().Check() != nil {
				t.Fatalf("no evidence: %+v", x)
			}
		}
		for _, h := range p.Heads {
			if h != nil && !h.Signed.Verify(keys) {
				t.Fatal("a head is kept that nobody signed")
			}
		}
	})
}
