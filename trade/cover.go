package trade

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Whether a token is covered is seen from a handful of records: anybody to whom
// they are proven can judge, without a node (FEATURES SET-10).

// CoverKeys names the records from which it is seen whether a token is covered:
// its own, what its issuer owes, and the reserve in each currency of its baskets,
// in byte order. Code: invalid.
func CoverKeys(k token.Token) ([]string, error) {
	u, err := k.Code.Unit()
	if err != nil {
		return nil, err
	}
	currencies := []money.Currency{u}
	if k.Code == token.SDR {
		currencies = nil
		for _, b := range []*token.Basket{k.Basket, k.Next} {
			if b != nil {
				currencies = append(currencies, b.Currencies()...)
			}
		}
	}
	keys := []string{TokenKey(k.Code), BalanceKey(issued(k))}
	for _, c := range currencies {
		keys = append(keys, BalanceKey(reserved(k, c)))
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// issued is where an issuer's debt to all holders stands.
func issued(k token.Token) settlement.Account {
	return settlement.Account{Party: k.Issuer, Purpose: settlement.Issued, Currency: k.Code.Account()}
}

// reserved is where the money behind a token stands.
func reserved(k token.Token, c money.Currency) settlement.Account {
	return settlement.Account{Party: k.Issuer, Purpose: settlement.Reserve(string(k.Code)), Currency: c}
}

// Cover judges by shown records whether a token is covered at a time (ms UTC), and
// by its next basket from that one's beginning on. shown has the canonical bytes of
// each record that CoverKeys names, nil for one that there is not. Codes: refused
// when a record is not shown, not-found, unbalanced, no-basket, invalid,
// money-overflow.
func Cover(shown map[string][]byte, c token.Code, now int64) (b Backing, k token.Token, err error) {
	k, there, err := seen[token.Token](shown, TokenKey(c))
	if err != nil {
		return b, k, err
	}
	if !there {
		return b, k, notFound("token", "token", string(c))
	}
	if k.Code != c {
		return b, k, fault.Newf(fault.Refused, "trust nothing that it says", "the record of %s is of %s", c, k.Code)
	}
	keys, err := CoverKeys(k)
	if err != nil {
		return b, k, err
	}
	stands := map[string]money.Micro{}
	for _, key := range keys[:len(keys)-1] { // balance/ sorts before token/
		x, _, err := seen[Balance](shown, key)
		if err != nil {
			return b, k, err
		}
		stands[key] = x.Micro
	}
	if owed := stands[BalanceKey(issued(k))]; owed != -k.Supply {
		return b, k, unbalanced("%s owes %s %s, and the supply is %s", k.Issuer, c, -owed, k.Supply)
	}
	have := func(currency money.Currency) money.Micro { return stands[BalanceKey(reserved(k, currency))] }
	times := []int64{now}
	if k.Next != nil && k.Next.From > now {
		times = append(times, k.Next.From)
	}
	for _, at := range slices.Backward(times) {
		if b, err = backing(k, at, have); err != nil {
			return b, k, err
		}
		if !b.Covered {
			return b, k, unbalanced("the reserve of %s does not cover its supply of %s", c, k.Supply)
		}
	}
	b.Held = k.Supply // by all holders together: what is issued is on some account
	return b, k, nil
}

// seen reads a record that is shown, and says whether there is one.
func seen[T any](shown map[string][]byte, key string) (v T, there bool, err error) {
	raw, ok := shown[key]
	switch {
	case !ok:
		return v, false, fault.Newf(fault.Refused, "ask for a proof that shows it", "the record %s is not shown", key)
	case raw == nil:
		return v, false, nil
	}
	if err := canon.Decode(raw, &v); err != nil {
		return v, false, fault.Newf(fault.Invalid, "use a later version of lateral", "the record %s cannot be read by this version", key).Because(err)
	}
	return v, true, nil
}
