package sim

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// Report is what became of two call-record files. Its JSON form is the output
// of "lateral sandbox voice --json"; amounts are decimal strings with six
// places.
type Report struct {
	Records struct {
		Ours   Records `json:"ours"`
		Theirs Records `json:"theirs"`
	} `json:"records"`
	Rejects struct {
		Ours   []usage.Reject `json:"ours"`
		Theirs []usage.Reject `json:"theirs"`
	} `json:"rejects"` // the rows that were refused, the first thousand of each file
	Periods     int                    `json:"periods"` // with a record
	Invoices    []Invoice              `json:"invoices"`
	Totals      []Total                `json:"totals"`
	Differences []reconcile.Difference `json:"differences"` // theirs - ours
	Disputes    Disputes               `json:"disputes"`
	Payments    []Paid                 `json:"payments,omitempty"` // by token and by bank; absent where nobody pays really
	Exceptions  struct {
		Ours   []Exception `json:"ours"`
		Theirs []Exception `json:"theirs"`
	} `json:"exceptions"` // successful calls that no rate prices: named, never priced zero
	Finality struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
	} `json:"finality_ms"` // submit to final
	StateRoot struct {
		Ours   canon.Hash `json:"ours"`
		Theirs canon.Hash `json:"theirs"`
	} `json:"state_root"` // of the Bilateral at the last attested position
	Anchors int     `json:"anchors"`
	Seconds float64 `json:"seconds"`

	out string // folder that was kept, empty without
}

// Records counts the rows of one side's file: read = accepted + rejected +
// duplicate. Unrated are those of the accepted that should be charged and that
// no rate prices: they are named in the node's list of exceptions, and no
// amount covers them.
type Records struct {
	Read      uint64 `json:"read"`
	Accepted  uint64 `json:"accepted"`
	Rejected  uint64 `json:"rejected"`
	Duplicate uint64 `json:"duplicate"`
	Unrated   uint64 `json:"unrated"`
}

// Invoice is one invoice as it stands at the end.
type Invoice struct {
	ID       string         `json:"id"`
	Seller   party.Code     `json:"seller"`
	Buyer    party.Code     `json:"buyer"`
	Period   usage.Interval `json:"period"`
	Currency money.Currency `json:"currency"`
	Amount   money.Micro    `json:"amount"` // the seller's claim, open lines included, as last decided
	State    invoice.State  `json:"state"`
}

// Total is one direction in one currency, gross, before netting. Invoiced =
// Settled + Disputed + what is still due.
type Total struct {
	Direction   usage.Direction `json:"direction"`
	Currency    money.Currency  `json:"currency"`
	RatedOurs   money.Micro     `json:"rated_ours"` // own records rated alone, duplicates once
	RatedTheirs money.Micro     `json:"rated_theirs"`
	Invoiced    money.Micro     `json:"invoiced"`
	Settled     money.Micro     `json:"settled"`
	Disputed    money.Micro     `json:"disputed"`
}

// Exception is a call that could not be stated, by the line of its file.
type Exception struct {
	Line      uint32          `json:"line"` // the header being line 1
	Direction usage.Direction `json:"direction"`
	Period    usage.Interval  `json:"period"`
	Code      fault.Code      `json:"code"`
}

// Disputes counts the lines on which the two statements did not agree.
type Disputes struct {
	Opened   int `json:"opened"`
	Resolved int `json:"resolved_automatically"`
	Manual   int `json:"manual"`
}

// Text renders the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "records\tread\taccepted\trejected\tduplicate\tno rate\t")
	for _, side := range []struct {
		name string
		r    Records
	}{{"ours", r.Records.Ours}, {"theirs", r.Records.Theirs}} {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", side.name, side.r.Read, side.r.Accepted, side.r.Rejected, side.r.Duplicate, side.r.Unrated)
	}
	flush(w)
	fmt.Fprintf(&b, "\n%d periods, %d invoices\n\n", r.Periods, len(r.Invoices))
	fmt.Fprintln(w, "direction\tcurrency\trated by us\trated by them\tinvoiced\tsettled\tdisputed\t")
	for _, t := range r.Totals {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", t.Direction, t.Currency, t.RatedOurs, t.RatedTheirs, t.Invoiced, t.Settled, t.Disputed)
	}
	flush(w)
	if len(r.Differences) > 0 {
		fmt.Fprintln(&b, "\ndifferences, theirs less ours")
		fmt.Fprintln(w, "cause\tdirection\tcurrency\tcalls\tamount\t")
		for _, d := range r.Differences {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t\n", d.Cause, d.Direction, d.Currency, d.Count, d.Amount)
		}
		flush(w)
	}
	if len(r.Payments) > 0 {
		fmt.Fprintln(&b, "\npaid")
		fmt.Fprintln(w, "payer\tby\tdebts\tcurrency\tamount\tcarried\t")
		for _, p := range r.Payments {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t\n", p.Payer, p.Rail, p.Debts, p.Currency, p.Amount, p.Carried)
		}
		flush(w)
	}
	fmt.Fprintf(&b, "\ndisputed lines: %d opened, %d resolved by the agreed rule, %d wait for people\n", r.Disputes.Opened, r.Disputes.Resolved, r.Disputes.Manual)
	for _, side := range []struct {
		name string
		list []Exception
	}{{"ours", r.Exceptions.Ours}, {"theirs", r.Exceptions.Theirs}} {
		if len(side.list) > 0 {
			fmt.Fprintf(&b, "calls without a rate, not billed: %d of %s, the first in line %d of the file\n", len(side.list), side.name, side.list[0].Line)
		}
	}
	fmt.Fprintf(&b, "finality: half within %.0f ms, 99 %% within %.0f ms\n", r.Finality.P50, r.Finality.P99)
	same := "equal on both sides"
	if r.StateRoot.Ours != r.StateRoot.Theirs {
		same = "NOT EQUAL: " + r.StateRoot.Theirs.String() + " on their side"
	}
	fmt.Fprintf(&b, "state root %s, %s; %d anchors\n", r.StateRoot.Ours, same, r.Anchors)
	fmt.Fprintf(&b, "%.1f seconds\n", r.Seconds)
	if r.out != "" {
		fmt.Fprintf(&b, "\ninvoices, proofs and the nodes' data are in %s; check a proof with: lateral verify %s/proofs/ID.proof\n", r.out, r.out)
	}
	return b.String()
}

func flush(w *tabwriter.Writer) {
	if err := w.Flush(); err != nil {
		panic(err) // a strings.Builder does not fail
	}
}
