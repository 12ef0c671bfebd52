package trade

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/token"
)

// maxAhead is how far a source's clock may be ahead of the block's, in ms.
const maxAhead = 60_000

// setFeed puts a feed in force, or ends it, and forgets what those have stated
// who are no sources any more.
func (t *tx) setFeed(f token.Feed) {
	for _, s := range (View{t}).Stated(f.Pair) {
		if !slices.Contains(f.Sources, s.Source) {
			t.drop(StatedKey(f.Pair, s.Source))
		}
	}
	if len(f.Sources) == 0 {
		t.drop(FeedKey(f.Pair))
		return
	}
	t.put(FeedKey(f.Pair), f)
}

// feedState takes a source's word for a rate. It replaces an earlier one of the
// same source only; the rate in force is what enough of them agree on.
func feedState(t *tx, c FeedState) error {
	f, ok := get[token.Feed](t, FeedKey(c.Pair))
	if !ok {
		return notFound("pair", "feed", c.Pair.String())
	}
	act, err := t.authorize(nil)
	if err != nil {
		return err
	}
	if !slices.Contains(f.Sources, act.Key) {
		return fault.Newf(fault.Forbidden, "have the feed's sources changed", "the key %s is no source of %s", act.Key.Short(), c.Pair)
	}
	if c.Rate <= 0 {
		return invalid("rate", "the rate is not above zero", "name a rate of up to nine decimals")
	}
	if c.At > t.ctx.Block.Time+maxAhead || c.At+f.Stale <= t.ctx.Block.Time {
		return invalid("at", "the rate is of a time to come, or stale already", "name when it was, in ms since 1970")
	}
	key := StatedKey(c.Pair, act.Key)
	if old, there := get[token.Stated](t, key); there && old.At >= c.At {
		return conflict("at", "state a later one", "the source has stated a rate of that time, or of a later one")
	}
	t.put(key, token.Stated{Source: act.Key, Rate: c.Rate, At: c.At})
	t.emit(EventRateStated, key, "")
	fixing, _ := (View{t}).Fixing(c.Pair, t.ctx.Block.Time)
	if slices.Contains(fixing.Deviates, act.Key) {
		t.emit(EventRateDeviates, key, "")
	}
	return nil
}

// Stated gives what the sources of a pair have stated last, by key.
func (v View) Stated(p token.Pair) []token.Stated {
	return slices.Collect(all[token.Stated](v, StatedPrefix(p)))
}

// Feed gives who states a pair's rate.
func (v View) Feed(p token.Pair) (token.Feed, bool) { return get[token.Feed](v, FeedKey(p)) }

// Fixing gives the rate of a pair at a time (ms UTC). Codes: not-found, no-fixing.
func (v View) Fixing(p token.Pair, now int64) (token.Fixing, error) {
	f, ok := v.Feed(p)
	if !ok {
		return token.Fixing{}, notFound("pair", "feed", p.String())
	}
	return f.Fix(v.Stated(p), now)
}

// Value gives what one unit of a token's basket is worth in a currency at a time,
// by the rates in force. Codes: no-basket, no-fixing, money-overflow.
func (v View) Value(k token.Token, in money.Currency, now int64) (money.Rate, error) {
	b := k.InForce(now)
	if b == nil {
		return 0, fault.New(token.CodeNoBasket, "no basket of currencies is in force", "have the issuer's two officers set one")
	}
	return b.Value(in, func(c money.Currency) (money.Rate, bool) {
		f, err := v.Fixing(token.Pair{Base: c, Quote: in}, now)
		return f.Rate, err == nil
	})
}
