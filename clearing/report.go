package clearing

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// Summary is what this carrier's own records of a partner come to: read =
// accepted + rejected + duplicate.
type Summary struct {
	Read, Accepted, Rejected, Duplicate uint64
	Periods                             uint64  // distinct periods with a record of any result
	Last                                int64   // end of the last of them, ms UTC; 0 without any
	Late                                uint64  // calls that wait for the next statement as adjustments
	Totals                              []Rated // by direction, then currency
}

// Rated is what the own records of one direction cost in one currency, rated
// alone, duplicates once.
type Rated struct {
	Direction     usage.Direction
	Currency      money.Currency
	Calls         uint64
	BilledSeconds uint64
	Amount        money.Micro
}

// Exception is an own call that is named and billed nowhere.
type Exception struct {
	Direction   usage.Direction `cbor:"1,keyasint"`
	Period      usage.Interval  `cbor:"2,keyasint"`
	Import      uint32          `cbor:"3,keyasint"` // number of the import
	Line        uint32          `cbor:"4,keyasint"` // of its file
	Destination usage.Number    `cbor:"5,keyasint"`
	Start       int64           `cbor:"6,keyasint"` // ms UTC
	Code        fault.Code      `cbor:"7,keyasint"` // rating.CodeNoRate, rating.CodeBlocked, CodeTooLong, CodeMissed or trade.CodeNotOrdered
}

// Evidence is what people have to decide a dispute, in order of time.
type Evidence struct {
	Dispute string // id
	Items   []EvidenceItem
}

// EvidenceItem is one call on which the agreed rules gave no answer. A side
// that has no record of it is nil.
type EvidenceItem struct {
	Kind          reconcile.Kind
	Seller, Buyer *EvidenceCall
}

// EvidenceCall is one side's record of a call, as it was delivered. The numbers
// are known where we have the call too.
type EvidenceCall struct {
	Start               int64 // ms UTC
	RawMillis           uint32
	BilledSeconds       uint64
	Origin, Destination usage.Number // usage.Withheld when not known
}
