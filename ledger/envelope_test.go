package ledger

import (
	"bytes"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

func TestTheIDIsTheHashOfTheCanonicalEncoding(t *testing.T) {
	for _, n := range []int{0, 1, 23, 24, 255, 256, 65535, 65536, MaxPayload} {
		e := Envelope{Header: Header{Version: 1, Chain: "test-1", Channel: canon.Hash{3}, Epoch: 2, Sequence: 1 << 40}, Payload: bytes.Repeat([]byte{7}, n)}
		e.Sign(sign.FromSeed([32]byte{1}))
		if got, want := e.ID(), canon.HashOf(tagEnvelope, unsigned{e.Header, e.Payload}); got != want {
			t.Errorf("a payload of %d bytes: id %s, want %s", n, got, want)
		}
	}
	if (Envelope{}).ID() != canon.HashOf(tagEnvelope, unsigned{}) {
		t.Error("the zero envelope has another id")
	}
}

// Whatever is read has one encoding, and says the same when it is read again.
func FuzzUnmarshal(f *testing.F) {
	for _, n := range []int{0, 1, 300} {
		e := Envelope{Header: Header{Chain: "test-1", Channel: canon.Hash{3}, Epoch: 2, Sequence: 5}, Payload: bytes.Repeat([]byte{7}, n)}
		e.Sign(sign.FromSeed([32]byte{1}))
		f.Add(e.Marshal())
	}
	f.Add(Envelope{}.Marshal())
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Unmarshal(data)
		if err != nil {
			if code := fault.CodeOf(err); code != fault.Invalid {
				t.Fatalf("refused with code %s: %v", code, err)
			}
			return
		}
		if !bytes.Equal(e.Marshal(), data) {
			t.Fatal("an envelope has a second encoding")
		}
		if e.Header.Version != 1 || e.Header.Sequence == 0 || len(e.Payload) > MaxPayload {
			t.Fatalf("a header out of range is taken: %+v", e.Header)
		}
		if e.ID() != canon.HashOf(tagEnvelope, unsigned{e.Header, e.Payload}) {
			t.Fatal("the id is not the hash of the canonical encoding")
		}
		e.Verify()
	})
}
