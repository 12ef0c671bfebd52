package ledger

import (
	"bytes"
	"testing"

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
