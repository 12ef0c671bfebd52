package channel

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
)

func someBatch() batch {
	return batch{
		Commands: []trade.Command{{Kind: "put", Body: []byte{0xa0}}, {Kind: "put", Body: bytes.Repeat([]byte("x"), 300), Authorization: &trade.Authorization{Expires: 7}}},
		Notes:    []note{{noteAccept, []byte{0xa0}}},
	}
}

func TestABatchPacksAndUnpacks(t *testing.T) {
	for _, overhead := range []int{0, sealOverhead} {
		packed, err := pack(someBatch(), overhead)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(packed) + overhead; step(n) != n {
			t.Errorf("%d bytes are not on a size step", n)
		}
		got, err := unpack(packed, overhead)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, someBatch()) {
			t.Errorf("got %+v", got)
		}
	}
}

// The frame is fixed here because compressors differ from version to version;
// what is read must not.
func TestAPackedBatchOfOldIsStillRead(t *testing.T) {
	b := batch{Commands: []trade.Command{{Kind: "put", Body: []byte{0xa1, 0x01, 0x02}}}}
	plain, _ := hex.DecodeString("a10181a2016370757402" + "43a10102")
	if got := canon.Must(b); !bytes.Equal(got, plain) {
		t.Fatalf("the batch's encoding has changed: %x", got)
	}
	// Magic, descriptor (single segment, 1 byte of size), size, last raw block.
	frame := append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, byte(len(plain)), byte(len(plain)<<3 | 1), 0, 0}, plain...)
	padded := binary.BigEndian.AppendUint32(nil, uint32(len(frame)))
	padded = append(padded, frame...)
	padded = append(padded, make([]byte, smallest-len(padded))...)
	got, err := unpack(padded, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, b) {
		t.Errorf("got %+v", got)
	}
}

func TestSizeStepsAddAtMostAnEighth(t *testing.T) {
	for n := range ledger.MaxPayload + 1 {
		s := step(n)
		switch {
		case s < n:
			t.Fatalf("step(%d) is %d", n, s)
		case n > smallest && s-n > n/8:
			t.Fatalf("step(%d) = %d adds more than an eighth", n, s)
		case step(s) != s:
			t.Fatalf("step(%d) = %d is no step itself", n, s)
		}
	}
	if step(ledger.MaxPayload) != ledger.MaxPayload {
		t.Errorf("the largest payload is not on a step")
	}
}

func TestEverythingElseIsUnreadable(t *testing.T) {
	enc := must(zstd.NewWriter(nil, zstd.WithSingleSegment(true)))
	windowed := must(zstd.NewWriter(nil, zstd.WithSingleSegment(false), zstd.WithWindowSize(4<<20)))
	plain := canon.Must(someBatch())
	frame := enc.EncodeAll(plain, nil)
	noSize := func() []byte {
		var out bytes.Buffer
		w := must(zstd.NewWriter(&out))
		w.Write(plain)
		w.Write(plain)
		w.Flush()
		w.Close()
		return out.Bytes()
	}()
	pad := func(frame []byte) []byte {
		out := binary.BigEndian.AppendUint32(nil, uint32(len(frame)))
		out = append(out, frame...)
		return append(out, make([]byte, step(len(out))-len(out))...)
	}
	if _, err := unpack(pad(frame), 0); err != nil {
		t.Fatalf("the good one is refused: %v", err)
	}
	good := pad(frame)
	edit := func(f func([]byte) []byte) []byte { return f(bytes.Clone(good)) }
	for name, data := range map[string][]byte{
		"nothing":                     {},
		"three bytes":                 {0, 0, 0},
		"length beyond the end":       edit(func(b []byte) []byte { b[0] = 0xff; return b }),
		"padding that is not zero":    edit(func(b []byte) []byte { b[len(b)-1] = 1; return b }),
		"one step too much padding":   append(bytes.Clone(good), make([]byte, step(len(good)+1)-len(good))...),
		"padding cut":                 good[:len(good)-1],
		"no frame":                    pad(nil),
		"two frames":                  pad(append(bytes.Clone(frame), frame...)),
		"an empty frame behind":       pad(append(bytes.Clone(frame), must(zstd.NewWriter(nil, zstd.WithZeroFrames(true), zstd.WithSingleSegment(true))).EncodeAll(nil, nil)...)),
		"a skippable frame in front":  pad(append([]byte{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}, frame...)),
		"a skippable frame behind":    pad(append(bytes.Clone(frame), 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0)),
		"a byte behind":               pad(append(bytes.Clone(frame), 0)),
		"a frame cut short":           pad(frame[:len(frame)-1]),
		"undeclared size":             pad(noSize),
		"too large a window":          pad(windowed.EncodeAll(make([]byte, 3<<20), nil)),
		"a bomb":                      pad(enc.EncodeAll(make([]byte, maxPlain+1), nil)),
		"not CBOR":                    pad(enc.EncodeAll([]byte("hello"), nil)),
		"no command and no note":      pad(enc.EncodeAll(canon.Must(batch{}), nil)),
		"CBOR that is not canonical":  pad(enc.EncodeAll([]byte{0xbf, 0xff}, nil)),
		"bytes behind the batch":      pad(enc.EncodeAll(append(bytes.Clone(plain), 0), nil)),
		"an unknown field":            pad(enc.EncodeAll([]byte{0xa1, 0x09, 0x01}, nil)),
		"a checksum that is not good": pad(append(bytes.Clone(frame[:len(frame)-4]), 1, 2, 3, 4)),
		"a dictionary":                pad(append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 1, 9, 0, 0}, 0)),
		"too many commands":           pad(enc.EncodeAll(canon.Must(batch{Commands: make([]trade.Command, maxCommands+1)}), nil)),
	} {
		if _, err := unpack(data, 0); fault.CodeOf(err) != CodeUnreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABatchThatFitsNoEnvelopeIsRefusedBeforeItIsSent(t *testing.T) {
	noise := make([]byte, ledger.MaxPayload)
	rand.NewChaCha8([32]byte{}).Read(noise)
	_, err := pack(batch{Commands: []trade.Command{{Kind: "put", Body: noise}}}, sealOverhead)
	if fault.CodeOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
	// What a sender fills an envelope with fits, whatever it is.
	_, err = pack(batch{Commands: []trade.Command{{Kind: "put", Body: noise[:fillTarget]}}}, sealOverhead)
	if err != nil {
		t.Error(err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(must(pack(someBatch(), 0)))
	f.Add(must(pack(batch{Notes: []note{{noteHead, nil}}}, 0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := unpack(data, 0)
		if err != nil {
			if fault.CodeOf(err) != CodeUnreadable {
				t.Fatalf("code of %v", err)
			}
			return
		}
		again, err := pack(b, 0)
		if err != nil {
			return // a batch that another compressor made smaller
		}
		c, err := unpack(again, 0)
		if err != nil || !bytes.Equal(canon.Must(b), canon.Must(c)) {
			t.Fatalf("packing again changes the batch: %v", err)
		}
	})
}

func FuzzNotes(f *testing.F) {
	f.Add(canon.Must(epochOffer{Epoch: 1}))
	f.Add(canon.Must(epochAccept{Epoch: 1}))
	f.Add(canon.Must(claim{Size: 4}))
	f.Add(canon.Must(contradiction{Root: canon.Hash{1}}))
	f.Add(canon.Must(detail{Index: 4, Lines: make([]byte, 16)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &bilateralDraft{draft: &draft{}, b: &Bilateral{Channel: Channel{r: &replica{}}}}
		d.p.Dispute = &Divergence{High: 9}
		for kind := noteKind(0); kind < 8; kind++ {
			for by := range 2 {
				d.note(by, ledger.Position{}, note{kind, data})
			}
		}
	})
}

var header = ledger.Header{Version: 1, Chain: "test", Channel: canon.Hash{1}, Epoch: 3, Sender: sign.PublicKey{2}, Sequence: 9}

func TestAPayloadOpensOnlyUnderItsOwnHeaderAndKey(t *testing.T) {
	k := epochKey{1, 2, 3}
	padded := must(pack(someBatch(), sealOverhead))
	sealed, err := sealPayload(k, header, padded, nil)
	if err != nil {
		t.Fatal(err)
	}
	if step(len(sealed)) != len(sealed) {
		t.Errorf("a sealed payload of %d bytes is not on a size step", len(sealed))
	}
	if got, err := openPayload(k, header, sealed); err != nil || !bytes.Equal(got, padded) {
		t.Fatalf("it does not open: %v", err)
	}
	other := map[string]func(*ledger.Header){
		"chain":    func(h *ledger.Header) { h.Chain = "tesu" },
		"channel":  func(h *ledger.Header) { h.Channel[31] = 1 },
		"term":     func(h *ledger.Header) { h.Term++ },
		"epoch":    func(h *ledger.Header) { h.Epoch++ },
		"sender":   func(h *ledger.Header) { h.Sender[0]++ },
		"sequence": func(h *ledger.Header) { h.Sequence++ },
		"version":  func(h *ledger.Header) { h.Version++ },
	}
	for name, change := range other {
		h := header
		change(&h)
		if _, err := openPayload(k, h, sealed); fault.CodeOf(err) != CodeUnreadable {
			t.Errorf("opens under another %s: %v", name, err)
		}
	}
	if _, err := openPayload(epochKey{1, 2, 4}, header, sealed); fault.CodeOf(err) != CodeUnreadable {
		t.Errorf("opens with another key: %v", err)
	}
	for _, at := range []int{0, saltSize, saltSize + commitSize, len(sealed) - 1} {
		bad := bytes.Clone(sealed)
		bad[at] ^= 1
		if _, err := openPayload(k, header, bad); fault.CodeOf(err) != CodeUnreadable {
			t.Errorf("opens with byte %d flipped: %v", at, err)
		}
	}
	for n := range sealOverhead + 1 {
		if _, err := openPayload(k, header, sealed[:n]); fault.CodeOf(err) != CodeUnreadable {
			t.Errorf("opens when cut to %d bytes: %v", n, err)
		}
	}
}

// AES-GCM alone lets a sender make one ciphertext that opens to two plaintexts
// under two keys. The tag in front ties the payload to one key, and is looked
// at before anything is opened.
func TestATagCommitsToTheEpochKey(t *testing.T) {
	sealed := must(sealPayload(epochKey{1}, header, must(pack(someBatch(), sealOverhead)), nil))
	other := must(sealPayload(epochKey{2}, header, must(pack(someBatch(), sealOverhead)), bytes.NewReader(sealed[:saltSize])))
	if !bytes.Equal(sealed[:saltSize], other[:saltSize]) {
		t.Fatal("the salts differ")
	}
	if bytes.Equal(sealed[saltSize:saltSize+commitSize], other[saltSize:saltSize+commitSize]) {
		t.Error("two keys have one tag")
	}
	mixed := append(bytes.Clone(other[:saltSize+commitSize]), sealed[saltSize+commitSize:]...)
	_, err := openPayload(epochKey{1}, header, mixed)
	if f := fault.Of(err); f.Code != CodeUnreadable || f.Detail != "the payload is not sealed with this epoch's key" {
		t.Errorf("the tag of another key is not what is refused: %v", err)
	}
}

func TestSealingHasAGoldenVector(t *testing.T) {
	salt := bytes.Repeat([]byte{7}, saltSize)
	sealed := must(sealPayload(epochKey{1}, header, []byte("padded"), bytes.NewReader(salt)))
	const want = "0707070707070707070707070707070707070707070707070707070707070707b1855369ddf0e79ac89ac3f9600ee24922e6c555d123996b50f5ce9f705b6649cdea6b4c4366b2e6475af74bf6c593d11b7fc280a9f1"
	if got := hex.EncodeToString(sealed); got != want {
		t.Errorf("sealed to %s", got)
	}
	if got := (epochKey{1}).commitment("test", canon.Hash{1}, 3).String(); got != "8e350bc91d3bf2cfe3c4f608a22b0472c48b56d6ea799cf4aedaf683b1364ee9" {
		t.Errorf("commitment is %s", got)
	}
}

func FuzzOpenPayload(f *testing.F) {
	k := epochKey{1}
	// Workers are processes of their own: the salt is fixed so that all agree.
	sealed := must(sealPayload(k, header, must(pack(someBatch(), sealOverhead)), bytes.NewReader(make([]byte, saltSize))))
	f.Add(sealed)
	f.Add(sealed[:sealOverhead])
	f.Fuzz(func(t *testing.T, data []byte) {
		padded, err := openPayload(k, header, data)
		if err == nil && !bytes.Equal(data, sealed) {
			t.Fatalf("a forged payload opens to %x", padded)
		}
	})
}
