package usage

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestADeliveryShowsNoNumber(t *testing.T) {
	h := NewHider(bytes.Repeat([]byte{9}, 32))
	records := []Record{
		{Start: 1_793_577_600_000, Duration: 60_000, Origin: 4930123456, Destination: 4915112345678},
		{Start: 1_793_577_700_000, Duration: 61_000, Origin: Withheld, Destination: 4915112345678},
	}
	var calls []Call
	for i := range records {
		calls = append(calls, h.Call(&records[i]))
	}
	if _, err := Commit(bytes.Repeat([]byte{7}, 32), sampleSlot(t), calls, perMinute); err != nil {
		t.Fatal(err)
	}
	file := (&Delivery{sampleSlot(t), calls}).Encode()
	for _, n := range []Number{4930123456, 4915112345678} {
		if bytes.Contains(file, binary.BigEndian.AppendUint64(nil, uint64(n))) || bytes.Contains(file, []byte(n.String())) {
			t.Errorf("the file shows %s", n)
		}
	}
	got, err := DecodeDelivery(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.Calls[0].Destination != got.Calls[1].Destination || got.Calls[0].Origin == 0 || got.Calls[1].Origin != 0 {
		t.Errorf("equal numbers are not equal, or a withheld one is not: %+v", got.Calls)
	}
	if h.Hide(4930123456) == NewHider(bytes.Repeat([]byte{8}, 32)).Hide(4930123456) {
		t.Error("two pairs hide a number alike")
	}
}

func TestHiddenNumbersKeepApartWhatNumbersKeepApart(t *testing.T) {
	h := NewHider(make([]byte, 32))
	seen := map[Hidden]Number{0: Withheld}
	for range 20_000 {
		n := Number(1 + rand.Uint64N(1e15-1))
		hidden := h.Hide(n)
		if !hidden.possible() || hidden == 0 {
			t.Fatalf("%d hides as %x", n, uint64(hidden))
		}
		if other, ok := seen[hidden]; ok && other != n {
			t.Fatalf("%d and %d hide as one", n, other)
		}
		seen[hidden] = n
	}
}
