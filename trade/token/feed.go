package token

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

// Pair names an exchange rate: so many units of Quote for one of Base.
type Pair struct {
	Base  money.Currency `cbor:"1,keyasint" json:"base"`
	Quote money.Currency `cbor:"2,keyasint" json:"quote"`
}

// String gives "EUR/USD".
func (p Pair) String() string { return string(p.Base) + "/" + string(p.Quote) }

// Validate refuses a pair of one currency, or of one that does not exist.
func (p Pair) Validate() error {
	for _, c := range []money.Currency{p.Base, p.Quote} {
		if err := c.Validate(); err != nil {
			return err
		}
	}
	if p.Base == p.Quote {
		return fault.New(fault.Invalid, "a currency has no rate in itself", "name two currencies")
	}
	return nil
}

// Feed says who states a pair's rate, and when it counts.
type Feed struct {
	Pair      Pair             `cbor:"1,keyasint" json:"pair"`
	Sources   []sign.PublicKey `cbor:"2,keyasint" json:"sources"` // keys of delegates with the role oracle
	Quorum    uint32           `cbor:"3,keyasint" json:"quorum"`  // how many must agree
	Stale     int64            `cbor:"4,keyasint" json:"stale_ms"`
	Deviation uint32           `cbor:"5,keyasint" json:"deviation_ppm"` // from the median, in millionths, within which a source counts
}

// Validate refuses a feed that could never say anything, or that one source could
// move. Code: invalid.
func (f Feed) Validate() error {
	if err := f.Pair.Validate(); err != nil {
		return fault.Of(err).In("feed.pair")
	}
	switch n := len(f.Sources); {
	case n == 0 || n > 64:
		return fault.New(fault.Invalid, "a feed has 1 to 64 sources", "name their keys").In("feed.sources")
	case f.Quorum == 0 || int(f.Quorum) > n || int(f.Quorum)*2 <= n:
		return fault.New(fault.Invalid, "the quorum is not more than half of the sources, and at most all", "name more than half").In("feed.quorum")
	case f.Stale < 1000 || f.Stale > 31*24*3_600_000:
		return fault.New(fault.Invalid, "a rate is fresh for one second to 31 days", "use a day").In("feed.stale_ms")
	case f.Deviation == 0 || f.Deviation > 1_000_000:
		return fault.New(fault.Invalid, "the deviation is 1 to 1,000,000 millionths", "use 10,000: one percent").In("feed.deviation_ppm")
	}
	for i, k := range f.Sources {
		if err := sign.CheckKey(k); err != nil {
			return fault.Of(err).In("feed.sources")
		}
		if slices.Contains(f.Sources[:i], k) {
			return fault.New(fault.Invalid, "a source is there twice", "name each once").In("feed.sources")
		}
	}
	return nil
}

// Stated is the last rate that a source has stated.
type Stated struct {
	Source sign.PublicKey `cbor:"1,keyasint" json:"source"`
	Rate   money.Rate     `cbor:"2,keyasint" json:"rate"`
	At     int64          `cbor:"3,keyasint" json:"at"` // by the source's word, ms UTC
}

// Fixing is the rate of a pair at a time, with what it rests on.
type Fixing struct {
	Pair     Pair             `json:"pair"`
	Rate     money.Rate       `json:"rate"`
	Agreed   []sign.PublicKey `json:"agreed"`             // whose rates count
	Deviates []sign.PublicKey `json:"deviates,omitempty"` // fresh, and too far from the others
	Stale    []sign.PublicKey `json:"stale,omitempty"`    // silent for too long
}

// Fix finds the rate in force: the median of the fresh ones, without those that
// deviate from it by more than the bound; what is left must be a quorum. One
// source that lies or is silent moves nothing while the others are enough. Code:
// no-fixing.
func (f Feed) Fix(stated []Stated, now int64) (Fixing, error) {
	out := Fixing{Pair: f.Pair}
	var fresh []Stated
	for _, s := range stated {
		switch {
		case !slices.Contains(f.Sources, s.Source):
		case s.At+f.Stale <= now:
			out.Stale = append(out.Stale, s.Source)
		default:
			fresh = append(fresh, s)
		}
	}
	mid := median(fresh)
	var counts []Stated
	for _, s := range fresh {
		if f.near(s.Rate, mid) {
			counts, out.Agreed = append(counts, s), append(out.Agreed, s.Source)
		} else {
			out.Deviates = append(out.Deviates, s.Source)
		}
	}
	if len(counts) < int(f.Quorum) {
		return out, fault.Newf(CodeNoFixing, "wait for the sources, or have the feed's sources changed",
			"%d sources agree on %s and %d are needed; %d deviate, %d are stale", len(counts), f.Pair, f.Quorum, len(out.Deviates), len(out.Stale))
	}
	out.Rate = median(counts)
	return out, nil
}

// near reports whether a rate is within the bound of another: |rate − mid| ×
// 1,000,000 <= mid × deviation, without overflow.
func (f Feed) near(rate, mid money.Rate) bool {
	d := rate - mid
	if d < 0 {
		d = -d
	}
	bound, err := money.Micro(mid).MulDiv(int64(f.Deviation), 1_000_000, money.Down)
	return err == nil && money.Micro(d) <= bound
}

// median of rates; of an even number the lower of the two in the middle, which
// somebody has stated.
func median(s []Stated) money.Rate {
	if len(s) == 0 {
		return 0
	}
	rates := make([]money.Rate, len(s))
	for i := range s {
		rates[i] = s[i].Rate
	}
	slices.Sort(rates)
	return rates[(len(rates)-1)/2]
}
