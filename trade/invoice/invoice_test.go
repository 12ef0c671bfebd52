package invoice

import (
	"testing"

	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// The id of an invoice reads as what it is for, and is a file name.
func TestAnIDIsReadableAndPlain(t *testing.T) {
	got := ID("BRAVO", "ALPHA", "O-1", usage.Interval{From: 1793577600000, To: 1793577615000}, "USD", 2)
	const want = "BRAVO-ALPHA-O-1-20261102T000000Z-20261102T000015Z-USD-2"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !party.Plain(got, 255) {
		t.Error("the id is no file name")
	}
}

// [R82]: only a final total that is neither paid nor netted can be paid.
func TestWhatCanBePaid(t *testing.T) {
	for _, c := range []struct {
		name string
		in   Invoice
		want bool
	}{
		{"issued", Invoice{State: Issued}, false},
		{"disputed", Invoice{State: Disputed}, false},
		{"partial", Invoice{State: Partial}, true},
		{"final", Invoice{State: Final}, true},
		{"settled", Invoice{State: Settled, Paid: true}, false},
		{"final and netted", Invoice{State: Final, Obligation: "N1"}, false},
		{"partial and paid", Invoice{State: Partial, Paid: true}, false},
	} {
		if c.in.Payable() != c.want {
			t.Errorf("%s: payable is not %v", c.name, c.want)
		}
	}
}

// [R80]: from every state a way leads to settled, so no claim is left hanging.
func TestEveryInvoiceCanBeSettled(t *testing.T) {
	for s := range Transitions {
		reached := map[State]bool{s: true}
		for range Transitions {
			for from, events := range Transitions {
				for _, to := range events {
					reached[to] = reached[to] || reached[from]
				}
			}
		}
		if !reached[Settled] {
			t.Errorf("from %s no way leads to settled", s)
		}
	}
}
