package order

import (
	"crypto/sha256"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

func quote() Quote {
	return Quote{ID: "Q-1", Buyer: "ALPHA", Seller: "BRAVO", Action: Add, Until: 1_800_000_000_000,
		Offer: product.Offer{Line: "connectivity", Type: "urn:test:wave", Configuration: canon.Sum("configuration"), Pieces: 1,
			Prices: []rating.Price{{Name: "wave", Kind: rating.Recurring, Currency: "EUR", Rate: 1e12, Unit: 1, Period: usage.Cycle{Length: "1mo"}}}},
		Legs: []Leg{{Name: "Milan-Zürich", Own: true, Latency: 5000}, {Latency: 170_000}}}
}

func TestAQuoteOpensWithItsOwnSignatureOnly(t *testing.T) {
	k := sign.FromSeed(sha256.Sum256([]byte("BRAVO.node")))
	raw := quote().Sign(k).Encode()
	s, err := OpenQuote(raw)
	if err != nil || s.Key != k.Public() || canon.HashOf("x", s.Quote) != canon.HashOf("x", quote()) {
		t.Fatal(s, err)
	}
	if string(s.Encode()) != string(raw) {
		t.Error("a quote that is read is not the bytes that were signed")
	}
	for i := range raw {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 1
		if _, err := OpenQuote(changed); fault.CodeOf(err) != CodeBadQuote {
			t.Fatalf("byte %d may be changed: %v", i, err)
		}
	}
	if _, err := OpenQuote(append(raw, 0)); fault.CodeOf(err) != CodeBadQuote {
		t.Error(err)
	}
	if _, err := OpenQuote(make([]byte, maxQuote+1)); fault.CodeOf(err) != CodeBadQuote {
		t.Error(err)
	}
}

func TestEveryOrderAboutAProductComesToAnEnd(t *testing.T) {
	for s := range ItemTransitions {
		reached := map[ItemState]bool{s: true}
		for range ItemTransitions {
			for from := range reached {
				for _, to := range ItemTransitions[from] {
					reached[to] = true
				}
			}
		}
		for r := range reached {
			if r != s && len(ItemTransitions[r]) == 0 {
				delete(reached, r)
				reached[""] = true
			}
		}
		if !reached[""] {
			t.Errorf("from %s no way leads to an end", s)
		}
	}
}
