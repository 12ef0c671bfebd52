package compare

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// DealExample is a deal file with everything in it and a comment on each line:
// the terms that an agreement begins with.
//
//go:embed deal.yaml
var DealExample string

// Deal is what two carriers have agreed, as a file says it: the terms of an
// agreement on a Bilateral by the same names, and what a sheet or an invoice
// needs beside them.
type Deal struct {
	Terms agreement.Terms `json:"terms"`
	// RoundPer says what is rounded. An agreement on a Bilateral has lines
	// alone; bills from elsewhere may have calls or whole invoices.
	RoundPer    Per           `json:"round_per"`
	RoundPlaces int           `json:"round_places"`
	Volume      []Discount    `json:"volume"`
	Commitments []Commitment  `json:"commitments"`
	Dispute     DisputePolicy `json:"dispute"`
}

// DisputePolicy says which differences are worth a dispute.
type DisputePolicy struct {
	Amount  []money.Amount `json:"amount"`      // a difference of a direction below it is let go
	Share   uint32         `json:"per_mille"`   // likewise below so many thousandths of the invoice
	MaxDays uint32         `json:"within_days"` // of the invoice
}

// CodeBadDeal says that a deal file cannot be read.
const CodeBadDeal fault.Code = "bad-deal"

// maxDeal bounds a deal file, bytes.
const maxDeal = 1 << 20

// DefaultDeal is what holds where a deal says nothing.
func DefaultDeal() Deal {
	d := Deal{Terms: agreement.Defaults(), RoundPer: PerLine, RoundPlaces: 6, Dispute: DisputePolicy{MaxDays: 30}}
	d.Terms.Notice = agreement.RateNotice{Increase: 7 * 86_400_000, Short: agreement.RefuseShort}
	return d
}

// ReadDeal reads a deal file in YAML. What it leaves out is as in [DefaultDeal];
// a name that no deal has is refused. Codes: [CodeBadDeal], and those of an
// agreement's terms.
func ReadDeal(r io.Reader) (Deal, error) {
	d := DefaultDeal()
	data, err := io.ReadAll(io.LimitReader(r, maxDeal+1))
	if err != nil || len(data) > maxDeal {
		return d, fault.New(CodeBadDeal, "the deal file cannot be read, or is larger than 1 MiB", "print one to begin with: lateral deal example").Because(err)
	}
	bad := func(err error) error {
		return fault.Newf(CodeBadDeal, "compare it with the output of: lateral deal example", "the deal file cannot be read: %.200s", strings.ReplaceAll(err.Error(), "\n", " ")).Because(err)
	}
	var tree any
	in := yaml.NewDecoder(bytes.NewReader(data))
	if err := in.Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return d, bad(err)
	}
	if err := in.Decode(new(any)); !errors.Is(err, io.EOF) {
		return d, bad(errors.New("it holds more than one document"))
	}
	if tree == nil {
		return d, nil
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return d, bad(err)
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&d); err != nil {
		return d, bad(err)
	}
	if err := d.Validate(); err != nil {
		return d, err
	}
	return d, nil
}

// Validate refuses what no deal can say. Code: [CodeBadDeal] or invalid, with
// the field.
func (d Deal) Validate() error {
	if err := d.Terms.Validate(); err != nil {
		f := *fault.Of(err)
		f.Field = "terms." + f.Field
		return &f
	}
	if _, err := (usage.Cycle{Length: d.Terms.Cycle, Zone: d.Terms.Zone}).Calendar(); err != nil && d.Terms.Cycle != "" {
		return fault.Of(err).In("terms.cycle")
	}
	if _, err := ParseRounding(d.Rounding().String()); err != nil || d.RoundPlaces < 0 || d.RoundPlaces > 6 {
		return fault.New(CodeBadDeal, "round_per is line, call or invoice, and round_places 0 to 6", "write round_per: line and round_places: 6").In("round_per")
	}
	at := func(err error, list string, i int) error {
		f := *fault.Of(err)
		f.Field = fmt.Sprintf("%s.%d.%s", list, i, f.Field)
		return &f
	}
	for i, v := range d.Volume {
		if _, err := v.terms(); err != nil {
			return at(err, "volume", i)
		}
	}
	for i, v := range d.Commitments {
		if _, err := v.terms(); err != nil {
			return at(err, "commitments", i)
		}
	}
	return nil
}

// Rounding is where and how the deal rounds.
func (d Deal) Rounding() Rounding { return Rounding{d.RoundPer, d.Terms.Rounding.Mode, d.RoundPlaces} }

// Apply sets the rules of a job to those of the deal.
func (d Deal) Apply(j *Job) {
	j.Cycle = usage.Cycle{Length: d.Terms.Cycle, Zone: d.Terms.Zone}
	j.By = usage.By(d.Terms.PeriodBy)
	j.StartTolerance = time.Duration(d.Terms.StartTolerance) * time.Millisecond
	j.SecondsTolerance = uint32(d.Terms.SecondsTolerance)
	j.Rounding = d.Rounding()
	j.Volume, j.Commitments = signed(d.Terms)
	j.Volume, j.Commitments = append(j.Volume, d.Volume...), append(j.Commitments, d.Commitments...)
}
