package trade

import (
	"maps"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/token"
)

// shownOf gives the records of a token's cover as they stand.
func (w *world) shownOf(t *testing.T, c token.Code) map[string][]byte {
	k, _ := (View{w.public}).Token(c)
	keys, err := CoverKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, key := range keys {
		raw, ok := w.public.Get(key)
		if out[key] = raw; !ok {
			out[key] = nil
		}
	}
	return out
}

func TestTheCoverOfATokenIsSeenFromItsRecordsAlone(t *testing.T) {
	w := funded(t)
	shown := w.shownOf(t, "USDt")
	want := []string{"balance/CHARLIE/issued/USDt", "balance/CHARLIE/reserve-USDt/USD", "token/USDt"}
	if got := slices.Sorted(maps.Keys(shown)); !slices.Equal(got, want) {
		t.Fatalf("the cover is in %v", got)
	}
	b, k, err := Cover(shown, "USDt", w.time)
	if err != nil || !b.Covered || b.Supply != k.Supply || b.Reserve[0].Micro != 600_000_000 || b.Needed[0].Micro != 600_000_000 {
		t.Fatalf("the cover is %+v of %+v, %v", b, k, err)
	}
	short := canon.Must(Balance{599_999_999})
	reserve, owed := BalanceKey(reserved(k, "USD")), BalanceKey(issued(k))
	for name, c := range map[string]struct {
		lie  func(map[string][]byte)
		code fault.Code
	}{
		"a reserve that is short":        {func(m map[string][]byte) { m[reserve] = short }, CodeUnbalanced},
		"no reserve":                     {func(m map[string][]byte) { m[reserve] = nil }, CodeUnbalanced},
		"a debt that is not the supply":  {func(m map[string][]byte) { m[owed] = canon.Must(Balance{-1}) }, CodeUnbalanced},
		"a reserve that is not shown":    {func(m map[string][]byte) { delete(m, reserve) }, fault.Refused},
		"a debt that is not shown":       {func(m map[string][]byte) { delete(m, owed) }, fault.Refused},
		"a token that is not shown":      {func(m map[string][]byte) { delete(m, TokenKey("USDt")) }, fault.Refused},
		"no token":                       {func(m map[string][]byte) { m[TokenKey("USDt")] = nil }, fault.NotFound},
		"bytes that are no token":        {func(m map[string][]byte) { m[TokenKey("USDt")] = []byte{0} }, fault.Invalid},
		"another token under its record": {func(m map[string][]byte) { m[TokenKey("USDt")] = canon.Must(token.Token{Code: "EURt"}) }, fault.Refused},
	} {
		m := maps.Clone(shown)
		c.lie(m)
		if _, _, err := Cover(m, "USDt", w.time); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A basket to come has to be covered before it counts.
func TestTheCoverIsSeenForTheNextBasketToo(t *testing.T) {
	one := func(c money.Currency) token.Part { return token.Part{Currency: c, Amount: 1_000_000_000} }
	k := token.Token{Code: token.SDR, Issuer: "CHARLIE", Supply: 10_000_000, State: token.Active,
		Basket: &token.Basket{Name: "now", Parts: []token.Part{one("USD")}},
		Next:   &token.Basket{Name: "then", From: 1000, Parts: []token.Part{one("EUR"), one("USD")}}}
	shown := map[string][]byte{TokenKey(token.SDR): canon.Must(k), BalanceKey(issued(k)): canon.Must(Balance{-10_000_000}),
		BalanceKey(reserved(k, "EUR")): nil, BalanceKey(reserved(k, "USD")): canon.Must(Balance{10_000_000})}
	if _, _, err := Cover(shown, token.SDR, 10); fault.CodeOf(err) != CodeUnbalanced {
		t.Errorf("a next basket without a reserve: %v", err)
	}
	shown[BalanceKey(reserved(k, "EUR"))] = canon.Must(Balance{10_000_000})
	if b, _, err := Cover(shown, token.SDR, 10); err != nil || len(b.Needed) != 1 {
		t.Errorf("before the next basket: %+v, %v", b, err)
	}
	if b, _, err := Cover(shown, token.SDR, 1000); err != nil || len(b.Needed) != 2 {
		t.Errorf("in the next basket: %+v, %v", b, err)
	}
}
