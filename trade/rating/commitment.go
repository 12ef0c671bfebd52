package rating

import "github.com/lateral-network/lateral/trade/money"

// Commitment is a minimum that a buyer has promised for each window: of billed
// seconds, or of charges before any discount. What a window that is over falls
// short of it is charged, as a line of its own: of charges what is missing, of
// seconds what is missing at a rate that the term fixes.
type Commitment struct {
	Name string `cbor:"1,keyasint" json:"name"`
	Basis
	Charges     money.Micro `cbor:"6,keyasint,omitempty" json:"charges,omitempty"` // at least; or
	Seconds     uint64      `cbor:"7,keyasint,omitempty" json:"seconds,omitempty"` // at least
	Rate        money.Rate  `cbor:"8,keyasint,omitempty" json:"rate,omitempty"`    // of missing seconds
	UnitSeconds uint32      `cbor:"9,keyasint,omitempty" json:"unit_seconds,omitempty"`
}

// Validate refuses terms that say something impossible. Codes: [CodeBadVolume],
// and those of the currency and the cycle.
func (c Commitment) Validate() error {
	switch {
	case c.Charges < 0 || c.Seconds > maxCounted || (c.Charges == 0) == (c.Seconds == 0):
		return badVolume("charges", "a commitment is of charges or of seconds, one of them and above zero", "name charges, or seconds with their rate")
	case c.Charges > 0 && (c.Rate != 0 || c.UnitSeconds != 0):
		return badVolume("rate", "missing charges have no rate: they are charged as they are", "leave rate and unit_seconds out, or commit to seconds")
	case c.Seconds > 0 && (c.Rate <= 0 || c.UnitSeconds == 0 || c.UnitSeconds > maxSeconds):
		return badVolume("rate", "missing seconds have no rate, or one for no unit", "name rate and unit_seconds, like 0.01 for 60 seconds")
	}
	return c.Basis.validate(c.Name)
}

// Shortfall gives what a window that has counted so much is to be charged in
// addition when it is over. Code: money.CodeOverflow.
func (c Commitment) Shortfall(window Counted, rounding money.Rounding) (money.Micro, error) {
	if c.Charges > 0 {
		if window.Charges >= c.Charges {
			return 0, nil
		}
		return c.Charges.Sub(window.Charges)
	}
	if window.Seconds >= c.Seconds {
		return 0, nil
	}
	return c.Rate.Times(c.Seconds-window.Seconds, uint64(c.UnitSeconds), rounding)
}
