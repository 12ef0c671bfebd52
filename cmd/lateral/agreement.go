package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// agreementCommand is "lateral agreement".
type agreementCommand struct {
	List    agreementList    `cmd:"" op:"list-agreements" help:"List agreements." eg:"" eg:"--state active"`
	Show    agreementShow    `cmd:"" op:"get-agreement" help:"Show an agreement with all versions of its terms." eg:"MSA-1"`
	Terms   agreementTerms   `cmd:"" op:"get-default-terms" help:"Print the terms for voice to begin with, as the node has them." eg:"" eg:"--out terms.json"`
	Volume  agreementVolume  `cmd:"" op:"get-volume" help:"Show what the terms about volume have counted in their windows: seconds and charges, the tier that is reached, and what comes next." eg:"" eg:"--json"`
	Example agreementExample `cmd:"" help:"Print a commented agreement to fill in; needs no node." eg:"> msa.yaml"`
	Rule    agreementRule    `cmd:"" help:"Try the rule that decides differing lines."`
	Propose agreementPropose `cmd:"" op:"propose-agreement" role:"product-manager" help:"Propose an agreement." eg:"msa.yaml" eg:"- --partner BRAVO < msa.json"`
	Amend   agreementAmend   `cmd:"" op:"amend-agreement" role:"product-manager" help:"Propose other terms." eg:"MSA-1 terms.yaml --begin 2026-12-01T00:00:00Z"`
	Suggest agreementSuggest `cmd:"" name:"suggestions" op:"list-suggestions" help:"List amendments that own records call for: numbers that a trunk writes in its own way, clocks that are off." eg:"" eg:"--all --json"`
	Adopt   agreementAdopt   `cmd:"" op:"adopt-suggestion" role:"product-manager" help:"Propose the amendment that is suggested; the partner accepts it like any other." eg:"5f0c12e1 --begin 2026-12-01T00:00:00Z"`
	Accept  agreementAccept  `cmd:"" op:"accept-agreement" role:"product-manager" help:"Accept what the partner proposed last." eg:"MSA-1" eg:"MSA-1 --hash 5f0c...e1"`
	Reject  agreementReject  `cmd:"" op:"reject-agreement" role:"product-manager" help:"Reject what the partner proposed last." eg:"MSA-1 --why 'Net 15 days.'"`
	End     agreementEnd     `cmd:"" op:"end-agreement" role:"product-manager" help:"Terminate an agreement, which the partner cannot prevent, or withdraw what you have proposed." eg:"MSA-1 --why 'As announced.'"`
}

type agreementList struct {
	many
	State string `placeholder:"STATE" help:"proposed, active, rejected or terminated."`
}

func (c agreementList) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "id type state proposer lines from until ends", func(p *client.Partner) iter.Seq2[wire.Agreement, error] {
		return p.Agreements(ctx, client.Filter{"state": c.State})
	})
}

// oneAgreement is a command about one agreement.
type oneAgreement struct {
	one
	ID string `arg:"" help:"Id of the agreement."`
}

type agreementShow struct{ oneAgreement }

func (c agreementShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Agreement, error) { return p.Agreement(ctx, c.ID) })
}

type agreementTerms struct {
	connection
	out
}

func (c agreementTerms) Run(ctx context.Context, n *remote) error {
	terms, err := n.api.DefaultTerms(ctx)
	if err != nil {
		return err
	}
	return c.document(n.terminal, terms)
}

type agreementVolume struct{ one }

func (c agreementVolume) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	all, err := n.api.With(code).Volume(ctx)
	if err != nil || n.json {
		return shown(n, wire.VolumeWindows{Windows: all}, err)
	}
	return writeList(n.out, all, "name direction currency window seconds charges tier next_seconds next_charges billed over")
}

type agreementPropose struct {
	one
	File string `arg:"" help:"The agreement, YAML or JSON as lateral agreement example prints it; - is standard input."`
}

func (c agreementPropose) Run(ctx context.Context, n *remote) error {
	var a wire.ProposeAgreement
	if err := n.body(c.File, &a); err != nil {
		return err
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Agreement], error) { return p.ProposeAgreement(ctx, a) })
}

type agreementAmend struct {
	oneAgreement
	File  string    `arg:"" help:"The terms, YAML or JSON; - is standard input."`
	Begin wire.Time `required:"" placeholder:"TIME" help:"From when they hold, RFC 3339: an edge of a period."`
}

func (c agreementAmend) Run(ctx context.Context, n *remote) error {
	a := wire.AmendAgreement{From: c.Begin}
	if err := n.body(c.File, &a.Terms); err != nil {
		return err
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Agreement], error) { return p.AmendAgreement(ctx, c.ID, a) })
}

type agreementSuggest struct{ many }

func (c agreementSuggest) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "id agreement trunk kind strip add offset_millis calls shown of from", func(p *client.Partner) iter.Seq2[wire.Suggestion, error] {
		return p.Suggestions(ctx)
	})
}

type agreementAdopt struct {
	one
	ID    string    `arg:"" help:"Id of the suggestion."`
	Begin wire.Time `placeholder:"TIME" help:"From when it holds, RFC 3339: an edge of a period; default: the next one."`
}

func (c agreementAdopt) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Agreement], error) {
		return p.AdoptSuggestion(ctx, c.ID, wire.AdoptSuggestion{From: c.Begin})
	})
}

type agreementAccept struct {
	oneAgreement
	Hash canon.Hash `placeholder:"HASH" help:"Hash of the terms that were read; default: what is pending."`
}

func (c agreementAccept) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Agreement], error) {
		return p.AcceptAgreement(ctx, c.ID, c.Hash)
	})
}

type agreementReject struct {
	oneAgreement
	Why string `help:"Reason, for the partner."`
}

func (c agreementReject) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Agreement], error) { return p.RejectAgreement(ctx, c.ID, c.Why) })
}

type agreementEnd struct {
	oneAgreement
	Why string `help:"Reason, for the partner."`
}

func (c agreementEnd) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Agreement], error) { return p.EndAgreement(ctx, c.ID, c.Why) })
}

// agreementRule is "lateral agreement rule".
type agreementRule struct {
	Replay ruleReplay `cmd:"" op:"replay-rule" help:"Show what a rule would have made of past disputed lines, with the money of what came out beside it. Changes nothing." eg:"--rule rule.cel --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z"`
	Try    ruleTry    `cmd:"" op:"try-rule" help:"Show what a rule answers: for cases that you write down, without a node, or for the differing calls of a dispute. Changes nothing." eg:"--rule rule.cel --case '{\"kind\": \"duration\", \"buyer_seconds\": 60, \"seller_seconds\": 90, \"gap\": 30}'" eg:"--rule rule.cel --evidence O-ALPHA/001793617200000/000000000000000/0000000000"`
}

type ruleTry struct {
	one
	Rule     string   `required:"" placeholder:"FILE" help:"Text of the rule; - is standard input."`
	Case     []string `sep:"none" placeholder:"JSON" help:"A differing call in the words of rules; what is left out is 0, false or empty. Can be repeated."`
	Evidence string   `placeholder:"ID" help:"Dispute whose differing calls the rule is asked about."`
}

// dial asks no node about cases that are written down.
func (c ruleTry) dial(t terminal, may []api.Role) (*remote, error) {
	if (c.Evidence == "") == (len(c.Case) == 0) {
		return nil, usageError{fault.New(fault.Invalid, "it is not said what the rule is asked about", "give --case, or --evidence with the id of a dispute")}
	}
	if c.Evidence == "" {
		return &remote{terminal: t, api: client.New(defaultAPI, ""), json: c.JSON}, nil
	}
	return c.one.dial(t, may)
}

func (c ruleTry) Run(ctx context.Context, n *remote) error {
	text, err := n.read(c.Rule)
	if err != nil {
		return err
	}
	var w wire.Trial
	if c.Evidence == "" {
		w, err = c.written(string(text))
	} else {
		var code party.Code
		if code, err = c.code(ctx, n); err == nil {
			w, err = n.api.With(code).TryRule(ctx, c.Evidence, string(text))
		}
	}
	if err != nil || n.json {
		return shown(n, w, err)
	}
	return c.table(n, w)
}

// written asks the rule about the cases of the command line.
func (c ruleTry) written(text string) (w wire.Trial, err error) {
	rule, err := agreement.Source{Text: text}.Compile()
	if err != nil {
		return w, err
	}
	for _, x := range c.Case {
		var call wire.TriedCall
		d := json.NewDecoder(strings.NewReader(x))
		d.DisallowUnknownFields()
		if err := d.Decode(&call.Facts); err != nil {
			return w, usageError{fault.Newf(fault.Invalid, "name what a rule can know as docs/formats.md does", "the case cannot be understood: %v", err).In("case")}
		}
		call.Answer = rule.Answer(call.Facts)
		w.Calls = append(w.Calls, call)
	}
	return w, nil
}

// table shows each call with its answer, and what becomes of the line.
func (c ruleTry) table(n *remote, w wire.Trial) error {
	rows := [][]string{}
	for _, x := range w.Calls {
		f := x.Facts
		rows = append(rows, []string{f.Kind, f.Destination, fmt.Sprint(f.BuyerSeconds), fmt.Sprint(f.SellerSeconds), fmt.Sprint(f.Gap), x.Answer})
	}
	if err := writeTable(n.out, []string{"kind", "destination", "buyer", "seller", "gap", "answer"}, rows); err != nil || w.Outcome == nil {
		return err
	}
	o, then := w.Outcome, "decided"
	if o.Manual {
		then = "for people; of it stands"
	}
	fmt.Fprintf(n.out, "the line: %s: %d calls, %d s\n", then, o.Figures.Calls, o.Figures.BilledSeconds)
	if x := o.Counter; x != nil {
		fmt.Fprintf(n.out, "the buyer's node offers: %d calls, %d s\n", x.Calls, x.BilledSeconds)
	}
	return nil
}

// ruleReplay is "lateral agreement rule replay".
type ruleReplay struct {
	one
	Rule string   `required:"" placeholder:"FILE" help:"Text of the rule; - is standard input."`
	From string   `placeholder:"TIME" help:"Periods that begin then or later, RFC 3339."`
	To   string   `placeholder:"TIME" help:"Periods that begin before, RFC 3339."`
	Case []string `sep:"none" placeholder:"JSON" help:"A differing call in the words of rules, asked as well. Can be repeated."`
}

func (c ruleReplay) Run(ctx context.Context, n *remote) error {
	text, err := n.read(c.Rule)
	if err != nil {
		return err
	}
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	w, err := n.api.With(code).ReplayRule(ctx, string(text), c.From, c.To, c.Case...)
	if err != nil || n.json {
		return shown(n, w, err)
	}
	rows := [][]string{}
	for _, s := range w.Sums {
		rows = append(rows, []string{s.Direction.String(), string(s.Currency), fmt.Sprint(s.Lines), s.Claimed.String(), s.Expected.String(), s.Decided.String(), s.Open.String(), s.Rule.String(), s.Manual.String()})
	}
	if err := writeTable(n.out, []string{"direction", "currency", "lines", "claimed", "expected", "came out", "open", "by the rule", "for people"}, rows); err != nil {
		return err
	}
	fmt.Fprintf(n.out, "%d lines of %d periods: %d for people, %d without records\n", w.Lines, w.Periods, w.Manual, w.Missing)
	if w.More {
		fmt.Fprintln(n.out, "older lines were not asked: narrow the span")
	}
	for _, x := range w.Cases {
		fmt.Fprintf(n.out, "%s %s: %s\n", x.Facts.Kind, x.Facts.Destination, x.Answer)
	}
	return nil
}

// agreementExample is "lateral agreement example".
type agreementExample struct{}

// comments explain the fields of an agreement, by their path.
var comments = map[string]string{
	"id":    "Both sides call it so.",
	"type":  "msa: the frame contract.",
	"legal": "The clauses in short; document is the SHA-256 of the signed file.",
	"lines": "Product lines that it covers.",
	"from":  "From when it holds. until (not here) ends it.",
	"terms": "What the two nodes do by themselves. These are the defaults for voice.",

	"terms.cycle":                  "Length of a billing period: 15s, 1m, 1h, 1d, 1mo.",
	"terms.zone":                   "Time zone of its edges, IANA name.",
	"terms.period_by":              "Which moment of a call decides its period: end or start.",
	"terms.grace_millis":           "How long after its end a period may be rated.",
	"terms.past_periods":           "true: usage comes from files, periods need not be over.",
	"terms.start_tolerance_millis": "Clocks: how far the two records of one call may lie apart.",
	"terms.seconds_tolerance":      "Billed seconds by which a line may differ.",
	"terms.longest_call_millis":    "How far back a rate may have been in force.",
	"terms.rounding":               "Of amounts: rule, once a line or an invoice, decimal places.",
	"terms.compare":                "before-invoice: usage is agreed first; after-invoice: the invoice comes first.",
	"terms.netting":                "true: debts both ways are offset.",
	"terms.payment":                "Ways of paying, the usual one first; due so many days after the invoice.",
	"terms.deadlines":              "Until when each step must be done, and what happens otherwise.",
	"terms.rule":                   "Decides differing lines; it answers " + agreement.Answers + ". lateral agreement rule try.",
	"terms.granularity":            "rate-version: an invoice line for each rate.",
	"terms.deployment":             "Where the ledger runs.",
	"terms.integration":            "How the two sides' records are brought together.",
	"terms.retention_days":         "How long records are kept.",
	"terms.destroy_old_keys":       "true: both nodes destroy what opens the past, once a sealing key is replaced.",
}

// productsExample is a clause about products other than calls, likewise.
const productsExample = `Products other than calls: name the line among lines above, and uncomment.
products:
  - clause: annex-b                 # as refusals cite it
    line: connectivity
    types: ["urn:example:session:1"] # @type of what may be ordered, sorted; left out: all of the line
    price_kinds: [one-time, recurring, time] # left out: all
    currencies: [EUR]               # left out: all
    ceilings: [{kind: recurring, currency: EUR, rate: "1000", unit: 1, period: {length: 1mo}}]
    most_months: 36                 # of a term
    most_early: 500000              # millionths of what is left, that an early end may cost
    notice_millis: 2592000000       # before a product may end
    test: true                      # a test record that the buyer may object to precedes billing
    objection_millis: 86400000      # the time for it; then the record stands
    delivery_millis: 432000000      # after the beginning that was asked for; then the order has failed
    granularity: 1h                 # of measured intervals
    statement_millis: 86400000      # for the second side's measurement; then the one there is stands
    tolerance: {text: 'gap <= seller / 1000 ? "seller" : "manual"'}
    schedules:                      # by which products are opened and closed without a quote
      - name: app
        type: "urn:example:session:1"
        prices: [{name: session, kind: time, currency: EUR, rate: "0.04", unit: 60}]`

// creditExample is a clause about credit, likewise.
const creditExample = `Credit: what a buyer may consume before it pays. It holds for both sides as buyers.
credit:
  allocation: {text: 'invoices > 0 && score >= 75 && history_days <= 45 ? 5000 : 500'} # whole units of the currency
  currencies: [EUR, USD]          # sorted
  warn: 800000                    # millionths of the allocation from which on the buyer is warned
  beyond: block                   # or warn: nothing else; or suspend: standing orders too
  ceiling: [{currency: USD, amount: "20000"}] # for both sides together; left out: no limit
  deposit: 1000000                # millionths of price x history that have to stand before an order; left out: none
  discount_days: 10               # paying within them earns the discount
  discount: 20000                 # millionths
  interest_per_year: 80000        # millionths of what is late`

// volumeExample is terms about volume, for the end of the terms: what not every
// agreement has is not to be signed by oversight.
const volumeExample = `Discounts by volume and commitments; each is a line of its own on the invoice.
What they count begins anew with each window, in the zone of the billing cycle.
volume:
  - name: Volume of the quarter     # as invoices show it
    direction: ALPHA>BRAVO          # from the buyer to the seller; left out: both, each by itself
    destinations: [France, Germany] # as the rate sheet names them, sorted; left out: all
    currency: USD
    window: {length: 3mo}           # a whole number of billing periods: 1d, 1mo, 3mo, 12mo; zone: unless it is UTC
    measure: money                  # thresholds are of charges before the discount: money; or of billed seconds: seconds
    reach: whole                    # of all charges of the window, once the tier is reached: whole; or of what is beyond: marginal
    tiers: [{charges: "5000", percent: "2.5"}, {charges: "20000", percent: "4"}] # or {seconds: 600000, percent: "1"}
commitments:
  - name: Minimum of the quarter
    direction: ALPHA>BRAVO
    currency: USD
    window: {length: 3mo}
    charges: "10000"                # at least so much before discounts; what is missing is charged with the last period
  - name: Seconds of the quarter
    direction: BRAVO>ALPHA
    currency: USD
    window: {length: 3mo}
    seconds: 600000                 # at least; missing ones cost
    rate: "0.01"                    # so much
    unit_seconds: 60                # for so many seconds`

func (agreementExample) Run(t terminal) error {
	const text = "As signed."
	a := wire.ProposeAgreement{
		ID: "MSA-1", Type: agreement.MSA, Lines: []product.Line{"voice"}, From: 1793491200000, Terms: agreement.Defaults(),
		Legal: agreement.Legal{Document: canon.Hash{}, GoverningLaw: "Switzerland", Jurisdiction: "Zurich", Indemnity: text, Liability: text,
			ForceMajeure: text, Taxes: text, Term: "Open.", Obligations: text, Definitions: text},
	}
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return err
	}
	explain(doc.Content[0], "")
	e := yaml.NewEncoder(t.out)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return fmt.Errorf("writing the example: %w", err)
	}
	if err := e.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out, "  # "+strings.ReplaceAll(creditExample+"\n"+productsExample+"\n"+volumeExample, "\n", "\n  # "))
	return err
}

// explain puts the comments into a document and has it written line by line.
func explain(n *yaml.Node, path string) {
	n.Style &^= yaml.FlowStyle | yaml.DoubleQuotedStyle
	switch n.Kind {
	case yaml.SequenceNode:
		for _, x := range n.Content {
			explain(x, path)
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			key, below := n.Content[i], n.Content[i].Value
			key.Style = 0
			if path != "" {
				below = path + "." + below
			}
			key.HeadComment = comments[below]
			explain(n.Content[i+1], below)
		}
	}
}
