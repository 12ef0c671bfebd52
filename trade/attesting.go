package trade

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
)

// Nobody waits for the partner's signature under what came out. Trade goes on
// without it up to an agreed exposure: when more was invoiced since the attested
// position, new trade waits for heads, and what is under way goes on.

// invoiced counts an invoice where the agreement has a limit for its currency.
func (t *tx) invoiced(terms agreement.Terms, c money.Currency, amounts ...money.Micro) error {
	limited := false
	for _, l := range terms.Unattested {
		limited = limited || l.Currency == c
	}
	if !limited {
		return nil
	}
	old, _ := get[Unattested](t, UnattestedKey(c))
	next := Unattested{}
	for _, b := range old.Blocks {
		if b.Height > t.ctx.Attested {
			next.Blocks = append(next.Blocks, b)
		}
	}
	if n := len(next.Blocks); n == 0 || next.Blocks[n-1].Height != t.ctx.Block.Height {
		next.Blocks = append(next.Blocks, UnattestedBlock{Height: t.ctx.Block.Height})
	}
	last := &next.Blocks[len(next.Blocks)-1]
	for _, a := range amounts {
		var err error
		if last.Micro, err = last.Micro.Add(a); err != nil {
			return err
		}
	}
	t.put(UnattestedKey(c), next)
	return nil
}

// attested refuses new trade while more was invoiced since the attested
// position than the agreement allows.
func (t *tx) attested(terms agreement.Terms) error {
	for _, limit := range terms.Unattested {
		var sum money.Micro
		u, _ := get[Unattested](t, UnattestedKey(limit.Currency))
		for _, b := range u.Blocks {
			if b.Height <= t.ctx.Attested {
				continue
			}
			var err error
			if sum, err = sum.Add(b.Micro); err != nil {
				return err
			}
		}
		if sum > limit.Micro {
			return fault.Newf(CodeUnattested, "wait until both nodes have signed the present state, then send it again",
				"%s were invoiced since both have signed block %d, and the agreement allows %s", money.Amount{Currency: limit.Currency, Micro: sum}, t.ctx.Attested, limit)
		}
	}
	return nil
}
