package compare

import (
	"context"
	"syscall"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// Records counts the rows of a file: read = accepted + rejected + duplicate,
// always.
type Records struct {
	Read      uint64 `json:"read"`
	Accepted  uint64 `json:"accepted"`
	Rejected  uint64 `json:"rejected"`
	Duplicate uint64 `json:"duplicate"`
	Unrated   uint64 `json:"unrated"`           // accepted successful calls that the side's sheet does not price
	Skipped   uint64 `json:"skipped,omitempty"` // rows that are no call records by the file's profile; not read
}

// Sums are amounts by direction and currency: {"ALPHA>BRAVO": {"USD": "1.5"}}.
type Sums map[string]map[money.Currency]money.Micro

// Finding is what a cause explains.
type Finding struct {
	Cause    Cause  `json:"cause"`
	Calls    uint64 `json:"calls"`
	Amount   Sums   `json:"amount"` // theirs - ours
	Evidence string `json:"evidence"`
	Testable bool   `json:"testable"`
	Why      string `json:"why,omitempty"` // it is not testable
}

// Result is what a job has found.
type Result struct {
	Records struct {
		Ours   Records `json:"ours"`
		Theirs Records `json:"theirs"`
	} `json:"records"`
	Rejects struct {
		Ours   []usage.Reject `json:"ours,omitempty"`
		Theirs []usage.Reject `json:"theirs,omitempty"`
	} `json:"rejects"`
	Broken struct {
		Ours   string `json:"ours,omitempty"`
		Theirs string `json:"theirs,omitempty"`
	} `json:"broken,omitzero"` // where a file breaks off; the rows before count
	Learned []Learned `json:"learned"`
	Blocks  []Block   `json:"blocks"`
	Notes   []string  `json:"notes,omitempty"` // on what is written, for people

	Matched    Matched `json:"matched"`
	OnlyOurs   uint64  `json:"only_ours"`
	OnlyTheirs uint64  `json:"only_theirs"`
	Amount     struct {
		Ours        Sums `json:"ours"`
		Theirs      Sums `json:"theirs"`
		Explained   Sums `json:"explained"`
		Unexplained Sums `json:"unexplained"`
	} `json:"amount"`
	Causes  []Finding    `json:"causes"`
	Remarks []Remark     `json:"remarks,omitempty"` // what the invoice's own figures show
	Volume  []VolumeLine `json:"volume,omitempty"`  // what the deal's volume terms make
	Signals []Signal     `json:"signals,omitempty"` // what looks like fraud in our records
	Seconds float64      `json:"seconds"`
	Rate    float64      `json:"records_per_second"`
	Peak    int64        `json:"peak_memory_bytes"`

	began time.Time
	bill  string           // what their side of the waterfall is
	top   []destinationSum // the destinations that differ most
	kept  *kept            // to be written; nil without Detail

	extra        [2]amounts // of lines without usage, by side
	restEvidence string     // of what is not explained
}

// billInvoice is the name of a bill that they sent.
const billInvoice = "their invoice"

// sums puts amounts under the names of their directions.
func (c *comparison) sums(a amounts) Sums {
	out := Sums{}
	for _, f := range sortedFlows(a) {
		d := c.pair.Direction(f.way).String()
		if out[d] == nil {
			out[d] = map[money.Currency]money.Micro{}
		}
		out[d][f.currency] = a[f]
	}
	return out
}

// result puts together what was found.
func (c *comparison) result(ctx context.Context, f *found) (*Result, error) {
	blocks, err := c.isolate(f, c.workers)
	if err != nil {
		return nil, err
	}
	r := &Result{Matched: f.matched, OnlyOurs: f.only[ours], OnlyTheirs: f.only[theirs], Blocks: append([]Block{}, blocks...), Learned: c.shown(f)}
	r.bill = "their records at our rates"
	if !c.lines.shared() {
		r.bill = "their records at their rates"
	}
	if c.job.TheirInvoice != nil {
		r.bill = billInvoice
	}
	for s, at := range []*string{&r.Broken.Ours, &r.Broken.Theirs} {
		if err := c.files[s].broken; err != nil {
			*at = fault.Of(err).Detail
		}
	}
	for s, at := range []*Records{&r.Records.Ours, &r.Records.Theirs} {
		in := c.files[s]
		at.Read, at.Skipped = in.read, in.skipped
		at.Accepted = f.accepted[s]
		at.Duplicate = f.duplicates[s] + c.ids[s].duplicates
		at.Unrated = f.unrated[s]
		refused := in.refused
		var taken rejects
		for _, k := range c.ids[s].named {
			taken.add(uint64(k.line), errSameID(k.first))
		}
		taken.count = c.ids[s].conflicts
		refused.merge(f.refused[s], taken)
		at.Rejected = refused.count
		*[]*[]usage.Reject{&r.Rejects.Ours, &r.Rejects.Theirs}[s] = refused.list
		if at.Read != at.Accepted+at.Rejected+at.Duplicate {
			panic("compare: rows were read and not accounted for")
		}
	}
	mine, err := f.ladder.total(f.ladder.sides[ours])
	if err != nil {
		return nil, err
	}
	var volume [2][]VolumeLine
	for s := range volume {
		if r.extra[s], volume[s], err = c.metered(f.ladder, side(s)); err != nil {
			return nil, err
		}
	}
	if err := mine.plus(r.extra[ours]); err != nil {
		return nil, err
	}
	r.Volume = volume[ours]
	var bill *callByCall
	way := f.ladder // from their bill to ours
	if c.job.TheirInvoice != nil {
		if f.ladder.factor, err = c.factors(); err != nil {
			return nil, err
		}
		if bill, err = c.callByCall(ctx, f); err != nil {
			return nil, err
		}
		if bill != nil {
			way = bill.ladder
		}
	}
	yours, err := f.ladder.total(f.ladder.sides[theirs])
	if err != nil {
		return nil, err
	}
	steps, err := way.steps()
	if err != nil {
		return nil, err
	}
	if c.job.TheirInvoice != nil {
		r.extra[theirs] = c.withoutUsage()
		if yours, r.Remarks, err = c.invoiced(f, bill, &steps, &f.ladder.calls, r.extra[ours]); err != nil {
			return nil, err
		}
	} else {
		// Their bill has what the deal makes of their records.
		r.Volume = append(r.Volume, volume[theirs]...)
		if err := yours.plus(r.extra[theirs]); err != nil {
			return nil, err
		}
		if err := steps[atVolumeTerms].plus(r.extra[theirs]); err != nil {
			return nil, err
		}
		for w, m := range r.extra[ours] {
			if err := steps[atVolumeTerms].add(w, -m); err != nil {
				return nil, err
			}
		}
	}
	explained, open, err := balance(mine, yours, &steps)
	if err != nil {
		return nil, err
	}
	f.ladder.factor = nil
	if steps[atDuplicate], err = f.ladder.duplicates(); err != nil {
		return nil, err
	}
	r.Amount.Ours, r.Amount.Theirs, r.Amount.Explained, r.Amount.Unexplained = c.sums(mine), c.sums(yours), c.sums(explained), c.sums(open)
	for i, cause := range Causes {
		for w := range open { // what a cause does not make is zero, and said so
			if err := steps[i].add(w, 0); err != nil {
				return nil, err
			}
		}
		at := Finding{Cause: cause, Calls: f.ladder.calls[i], Amount: c.sums(steps[i]), Testable: true}
		if at.Testable, at.Why = c.testable(i); at.Calls > 0 && i == atOriginSurcharge {
			at.Testable, at.Why = true, "" // one side does not know an origin that our sheet asks for: the records show that
		}
		r.Causes = append(r.Causes, at)
	}
	destinations, err := f.ladder.destinations()
	if f.detail != nil {
		destinations, err = f.detail.level(f.ladder, false)
		r.kept = &kept{c, f}
	}
	if err != nil {
		return nil, err
	}
	r.top, err = c.tops(destinations)
	return r, err
}

// balance says what of the difference between two bills the steps explain, and
// what stays open: theirs - ours = explained + open.
func balance(mine, yours amounts, steps *[countCauses]amounts) (explained, open amounts, err error) {
	explained, open = amounts{}, amounts{}
	if err := open.plus(yours); err != nil {
		return nil, nil, err
	}
	for w, m := range mine {
		if err := open.add(w, -m); err != nil {
			return nil, nil, err
		}
	}
	for i := range steps {
		for w, m := range steps[i] {
			if err := explained.add(w, m); err != nil {
				return nil, nil, err
			}
			if err := open.add(w, -m); err != nil {
				return nil, nil, err
			}
		}
	}
	for w := range open {
		if err := explained.add(w, 0); err != nil {
			return nil, nil, err
		}
	}
	return explained, open, nil
}

// testable says whether the inputs show a cause at all, and why not.
func (c *comparison) testable(cause int) (bool, string) {
	switch cause {
	case atDialCode, atRateVersion, atLatePrice, atOriginSurcharge:
		if c.lines.shared() && c.job.TheirInvoice == nil {
			return false, "needs their rate sheet or their invoice"
		}
	case atVolumeTerms:
		if c.job.TheirInvoice == nil && !c.job.metered() {
			return false, "needs their invoice"
		}
	case atMoneyRounding, atTaxFX:
		if c.job.TheirInvoice == nil {
			return false, "needs their invoice"
		}
	}
	return true, ""
}

// elapsed states what the job cost.
func (r *Result) elapsed(began time.Time) {
	r.began = began
	r.Seconds = time.Since(began).Seconds()
	r.Rate = float64(r.Records.Ours.Read+r.Records.Theirs.Read) / r.Seconds
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		r.Peak = u.Maxrss << 10
	}
}
