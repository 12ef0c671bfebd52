package trade

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// memory is a state in memory.
type memory map[string][]byte

func (m memory) Get(key string) ([]byte, bool) { v, ok := m[key]; return v, ok }

func (m memory) Scan(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		var keys []string
		for k := range m {
			if strings.HasPrefix(k, prefix) {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

func (m memory) apply(writes []Write) {
	for _, w := range writes {
		if w.Value == nil {
			delete(m, w.Key)
		} else {
			m[w.Key] = w.Value
		}
	}
}

// voice is a product line for tests.
type voice struct{}

func (voice) Name() product.Line { return "voice" }
func (voice) Spec(payload []byte) (product.Spec, error) {
	s := product.Spec{Line: "voice", Name: "Voice termination", Metered: true}
	if len(payload) > 0 {
		s.Scope = strings.Split(string(payload), ",")
	}
	return s, nil
}

const (
	testChain = "test-00000000000000000000000000000000"
	base      = int64(1793577600000) // 2026-11-02T00:00:00Z
	hourMs    = int64(3_600_000)
)

var testChannel = canon.Sum("test/channel")

// key gives the private key of a name, the same in every test.
func key(name string) sign.PrivateKey { return sign.FromSeed(sha256.Sum256([]byte(name))) }

func sealingKey(name string) []byte {
	out := make([]byte, 1216)
	h := sha256.Sum256([]byte(name))
	copy(out, h[:])
	return out
}

func application(code string) party.Signed {
	return party.Application{Code: party.Code(code), LegalName: code + " Telecom Ltd", Country: "CH", Exchange: strings.ToLower(code) + ".example:9000",
		Sealing: sealingKey(code), Aliases: []party.Alias{{Scheme: "OCN", Value: code + "1"}}}.Sign(key(code+".member"), key(code+".node"), key(code+".recovery"))
}

// world is both channels of two carriers, driven by hand. Every command is
// executed by two machines on two states, which must stay equal.
type world struct {
	t         testing.TB
	m, m2     *Machine
	public    memory
	state     memory
	second    memory
	time      int64
	height    uint64
	nonce     int
	sheets    map[string]*rating.Sheet
	rates     *rating.Sheet // what is proposed and proven next
	log       []entry       // commands that were executed, for replay
	attested  uint64        // position that both sides have signed
	last      entry         // the last command whatever its channel, for "again"
	channel   [2]sign.PublicKey
	lockNames map[canon.Hash]string
	lent      bool // terms without a clause about credit get one that allows everything
}

type entry struct {
	ctx Context
	cmd Command
}

func genesis(t testing.TB) memory {
	n := DefaultNetwork("test")
	writes, err := Genesis(GenesisDocument{Network: n, Members: []party.Signed{application("ALPHA"), application("BRAVO"), application("CHARLIE")},
		Validators: []Validator{{"v0", key("v0").Public(), 1}}})
	if err != nil {
		t.Fatal(err)
	}
	m := memory{}
	m.apply(writes)
	return m
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, m: New(voice{}, wave{}), m2: New(voice{}, wave{}), public: genesis(t), state: memory{}, second: memory{}, time: base, height: 1, lockNames: map[canon.Hash]string{}, sheets: map[string]*rating.Sheet{}, rates: testSheet()}
	w.channel = [2]sign.PublicKey{key("ALPHA.channel").Public(), key("BRAVO.channel").Public()}
	slices.SortFunc(w.channel[:], func(a, b sign.PublicKey) int { return cmp.Compare(a.String(), b.String()) })
	return w
}

// ready is a world whose Bilateral is bound, with one delegate a side.
func ready(t testing.TB) *world {
	w := newWorld(t)
	for _, line := range []string{
		"ALPHA channel.open", "ALPHA.channel channel.confirm", "BRAVO.channel channel.confirm",
		"ALPHA bind", "BRAVO bind",
		"ALPHA delegate.add key=anna limit=USD:1000000,EUR:1000000", "BRAVO delegate.add key=bob limit=USD:1000000,EUR:1000000",
	} {
		if out := w.run(line); strings.Contains(out, "refused") {
			t.Fatalf("%s: %s", line, out)
		}
	}
	return w
}

// trading is a world with agreement, sheets and a standing order each way.
func trading(t testing.TB, terms string, lent ...bool) *world {
	w := ready(t)
	w.lent = len(lent) > 0 && lent[0]
	for _, line := range []string{
		"ALPHA agreement.propose id=MSA-1 " + terms, "BRAVO agreement.accept id=MSA-1",
		"BRAVO sheet.propose id=S-AB", "ALPHA sheet.accept id=S-AB",
		"ALPHA sheet.propose id=S-BA", "BRAVO sheet.accept id=S-BA",
		"ALPHA order.place id=O-AB sheet=S-AB", "BRAVO order.accept id=O-AB",
		"BRAVO order.place id=O-BA sheet=S-BA", "ALPHA order.accept id=O-BA",
	} {
		if out := w.run(line); strings.Contains(out, "refused") {
			t.Fatalf("%s: %s", line, out)
		}
	}
	return w
}

// testSheet has four rows: two prices in USD, one in EUR, one that ends and
// begins anew at noon.
func testSheet() *rating.Sheet { return testSheetAt(1) }

// testSheetAt is the test sheet with every price divided.
func testSheetAt(divided money.Rate) *rating.Sheet {
	s, err := rating.NewSheet([]rating.Row{
		{Destination: "France", Prefix: "33", Rate: 20_000_000, Currency: "USD", UnitSeconds: 60, MinimumSeconds: 60, IncrementSeconds: 60, ValidFrom: base - 30*24*hourMs, ValidTo: rating.Open},
		{Destination: "United Kingdom", Prefix: "44", Rate: 30_000_000, Currency: "EUR", UnitSeconds: 60, IncrementSeconds: 1, ValidFrom: base - 30*24*hourMs, ValidTo: rating.Open},
		{Destination: "Germany", Prefix: "49", Rate: 10_000_000, Currency: "USD", UnitSeconds: 60, IncrementSeconds: 1, ValidFrom: base - 30*24*hourMs, ValidTo: base + 12*hourMs},
		{Destination: "Germany", Prefix: "49", Rate: 12_345_678, Currency: "USD", UnitSeconds: 60, IncrementSeconds: 1, ValidFrom: base + 12*hourMs, ValidTo: rating.Open},
	}, nil)
	if err != nil {
		panic(err)
	}
	if divided > 1 {
		rows := slices.Clone(s.Rows())
		for i := range rows {
			rows[i].Rate /= divided
		}
		if s, err = rating.NewSheet(rows, nil); err != nil {
			panic(err)
		}
	}
	return s
}

// args are what a line of a story says after the command.
type args map[string]string

func parseArgs(fields []string) args {
	a := args{}
	for _, f := range fields {
		k, v, _ := strings.Cut(f, "=")
		a[k] = v
	}
	return a
}

func (a args) has(k string) bool { _, ok := a[k]; return ok }

func (a args) or(k, def string) string {
	if v, ok := a[k]; ok {
		return v
	}
	return def
}

func (a args) int(k string, def int64) int64 {
	v, ok := a[k]
	if !ok {
		return def
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// list gives the sorted ids of a comma-separated argument.
func (a args) list(k string) []string {
	if a[k] == "" {
		return nil
	}
	return strings.Split(a[k], ",")
}

// hours reads "5" (an hour from base) or "5-7".
func hours(s string) usage.Interval {
	from, to, ok := strings.Cut(strings.TrimPrefix(s, "n"), "-")
	f, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		panic(err)
	}
	if strings.HasPrefix(s, "n") { // n1 is the hour before base
		f = -f
	}
	e := f + 1
	if ok {
		if e, err = strconv.ParseInt(to, 10, 64); err != nil {
			panic(err)
		}
	}
	return usage.Interval{From: base + f*hourMs, To: base + e*hourMs}
}

func (a args) period() PeriodRef { return PeriodRef{a.or("order", "O-AB"), hours(a.or("hour", "0"))} }

func amounts(s string) []money.Amount {
	var out []money.Amount
	for _, p := range strings.Split(s, ",") {
		if p == "" {
			continue
		}
		c, v, _ := strings.Cut(p, ":")
		m, err := money.ParseMicro(v)
		if err != nil {
			panic(err)
		}
		out = append(out, money.Amount{Currency: money.Currency(c), Micro: m})
	}
	return out
}

// lines reads "0:10/600,2@1!late:1/30": row, adjusted hour and why, calls, billed
// seconds.
func lines(s, by string) []usage.Line {
	var out []usage.Line
	for _, p := range strings.Split(s, ",") {
		if p == "" {
			continue
		}
		head, figures, _ := strings.Cut(p, ":")
		row, adjusts, late := strings.Cut(head, "@")
		l := usage.Line{}
		r, err := strconv.ParseUint(row, 10, 32)
		if err != nil {
			panic(err)
		}
		l.Row = uint32(r)
		if late {
			adjusts, why, _ := strings.Cut(adjusts, "!")
			l.Adjusts, l.Reason = hours(adjusts), usage.Reason(why)
		}
		if _, err := fmt.Sscanf(figures, "%d/%d", &l.Calls, &l.BilledSeconds); err != nil {
			panic(err)
		}
		l.RawMillis = l.BilledSeconds * 1000
		l.Root = canon.Sum("test/records", []byte(by), []byte(p))
		out = append(out, l)
	}
	slices.SortFunc(out, usage.Line.Order)
	return out
}

func (w *world) terms(a args) agreement.Terms {
	t := agreement.Defaults()
	t.Netting = a.has("netting")
	t.PastPeriods = a.has("files")
	if a.has("after-invoice") {
		t.Compare = agreement.AfterInvoice
	}
	t.Cycle, t.Zone = a.or("cycle", t.Cycle), a.or("zone", t.Zone)
	t.SecondsTolerance = uint64(a.int("tolerance", 0))
	if a.has("notice") {
		t.Notice = agreement.RateNotice{Increase: hourMs * a.int("notice", 0), Short: agreement.ShortNotice(a.or("short", "refuse"))}
	}
	if a.has("longest-call") {
		t.LongestCall = hourMs * a.int("longest-call", 0)
	}
	t.LineThreshold = amounts(a["line-threshold"])
	t.OpenThreshold = amounts(a["open-threshold"])
	t.Exposure = amounts(a["exposure"])
	t.Unattested = amounts(a["unattested"])
	for _, s := range a.list("alone") {
		t.Alone = append(t.Alone, agreement.Allowance{Command: s, Limits: amounts(strings.ReplaceAll(a["alone-limit"], "+", ","))})
	}
	for i, d := range t.Deadlines {
		if o := a[string(d.Stage)]; o != "" {
			t.Deadlines[i].Outcome = agreement.Outcome(o)
		}
	}
	if a.has("rule") {
		t.Rule.Text = a["rule"]
	}
	if a.has("rounding") {
		t.Rounding.Mode = money.Rounding(a["rounding"])
	}
	for i, s := range a.list("volume") {
		f := strings.Split(s, "/")
		v := rating.Volume{Name: fmt.Sprintf("V%d", i+1), Basis: basis(f[:2], f[5:], a.or("window-zone", t.Zone)), Measure: rating.Measure(f[2]), Reach: rating.Reach(f[3])}
		for tier := range strings.SplitSeq(f[4], "+") {
			from, percent, _ := strings.Cut(tier, ":")
			share, err := rating.ParseShare(percent)
			if err != nil {
				panic(err)
			}
			x := rating.Tier{Discount: share}
			if v.Measure == rating.BySeconds {
				x.Seconds = uint64(args{"": from}.int("", 0))
			} else {
				x.Charges = amounts("USD:" + from)[0].Micro
			}
			v.Tiers = append(v.Tiers, x)
		}
		t.Volume = append(t.Volume, v)
	}
	for i, s := range a.list("commit") {
		f := strings.Split(s, "/")
		c := rating.Commitment{Name: fmt.Sprintf("C%d", i+1), Basis: basis(f[:2], f[3:], a.or("window-zone", t.Zone))}
		if seconds, rate, ok := strings.Cut(f[2], "s@"); ok {
			c.Seconds, c.Rate, c.UnitSeconds = uint64(args{"": seconds}.int("", 0)), money.Rate(amounts("USD:" + rate)[0].Micro)*1000, 60
		} else {
			c.Charges = amounts("USD:" + f[2])[0].Micro
		}
		t.Commitments = append(t.Commitments, c)
	}
	for _, s := range a.list("pays") {
		t.Payment = append(t.Payment, agreement.Method{Name: s, DueDays: 30})
	}
	t.Integration = agreement.Integration(a.or("integration", string(t.Integration)))
	t.Credit = creditClause(a)
	if t.Credit == nil && w.lent {
		t.Credit = creditClause(args{"credit": "warn", "allocation": "9000000000000", "warn": "0", "credit-in": "EUR,USD"})
	}
	if a.has("due-days") {
		t.Payment[0].DueDays = uint32(a.int("due-days", 0))
	}
	t.WholePayments, t.NetByDay = a.has("whole-payments"), a.has("net-by-day")
	t.VerifiedPayments = a.has("verified-payments")
	if a.has("products") {
		t.Products = productTerms(a)
	}
	return t
}

// basis reads "USD/3h" and what may follow the rest of a term: destinations,
// "France+United_Kingdom", and a direction.
func basis(f, more []string, zone string) rating.Basis {
	b := rating.Basis{Currency: money.Currency(f[0]), Window: usage.Cycle{Length: f[1], Zone: zone}}
	if len(more) > 0 && more[0] != "" {
		b.Destinations = strings.Split(strings.ReplaceAll(more[0], "_", " "), "+")
	}
	if len(more) > 1 {
		if err := b.Direction.UnmarshalText([]byte(more[1])); err != nil {
			panic(err)
		}
	}
	return b
}

func legal() agreement.Legal {
	return agreement.Legal{Document: canon.Sum("test/contract"), GoverningLaw: "Swiss law", Jurisdiction: "Zürich", Indemnity: "each its own", Liability: "capped",
		ForceMajeure: "as usual", Taxes: "net of taxes", Term: "one year", Obligations: "as annexed", Definitions: "as annexed"}
}

// verdicts reads "id:calls/seconds,...", where an id is "hour.row".
func (w *world) verdicts(a args) []Verdict {
	var out []Verdict
	for _, p := range a.list("verdicts") {
		id, figures, _ := strings.Cut(p, ":")
		v := Verdict{Dispute: w.disputeID(a, id)}
		if amount, ok := strings.CutPrefix(figures, "="); ok {
			v.Dispute, v.Amount = w.itemDisputeID(a, id), micro(amount)
			out = append(out, v)
			continue
		}
		if _, err := fmt.Sscanf(figures, "%d/%d", &v.Calls, &v.BilledSeconds); err != nil {
			panic(err)
		}
		out = append(out, v)
	}
	return out
}

func (w *world) disputeID(a args, s string) string {
	hour, row, _ := strings.Cut(s, ".")
	r, _ := strconv.Atoi(row)
	return dispute.ID(a.or("order", "O-AB"), hours(hour), uint32(r), usage.Interval{})
}

// invoiceID finds "hour.currency.number" of an order; anything else is an id.
func (w *world) invoiceID(a args, s string) string {
	if rest, ok := strings.CutPrefix(s, "bill:"); ok {
		return w.billID(a, rest)
	}
	p := strings.Split(s, ".")
	if len(p) != 3 {
		return s
	}
	o := a.or("order", "O-AB")
	if strings.Contains(p[0], ":") {
		o, p[0], _ = strings.Cut(p[0], ":")
	}
	n, _ := strconv.Atoi(p[2])
	seller, buyer := party.Code("BRAVO"), party.Code("ALPHA")
	if o == "O-BA" {
		seller, buyer = buyer, seller
	}
	return invoice.ID(seller, buyer, o, hours(p[0]), money.Currency(p[1]), uint32(n))
}

// command makes the command that a line of a story names.
func (w *world) command(actor string, k Kind, a args) Command {
	other := map[string]string{"ALPHA": "BRAVO", "BRAVO": "ALPHA"}[actor]
	doc := func(id string) canon.Hash {
		if a.has("wrong-document") {
			return canon.Sum("wrong")
		}
		inv, _ := View{w.state}.Invoice(id)
		return inv.Document
	}
	answer := func() AgreementAnswer {
		g, _ := View{w.state}.Agreement(a["id"])
		x := AgreementAnswer{ID: a["id"], Why: a["why"]}
		if g.Pending != nil {
			x.Terms = g.Pending.Terms
		}
		return x
	}
	var b any
	switch k {
	case KindBind:
		b = Bind{party.Code(a.or("member", actor)), w.channel, key(a.or("key", actor+".channel")).Public()}
	case KindDelegateAdd:
		roles := []party.Role{party.Contracts, party.Orders, party.Disputes, party.Finance}
		if a.has("roles") {
			roles = nil
			for _, r := range a.list("roles") {
				roles = append(roles, party.Role(r))
			}
		}
		b = DelegateAdd{Key: key(a["key"]).Public(), Name: a.or("name", a["key"]), Roles: roles, Limits: amounts(a["limit"]), From: uint64(a.int("from", 0)), Until: uint64(a.int("until", 0))}
	case KindDelegateRevoke:
		b = DelegateRevoke{key(a["key"]).Public()}
	case KindKeyChange:
		n := key(a["key"])
		b = KeyChange{n.Public(), Possession(key(a.or("possession", a["key"])), testChain, w.channelID(a).String())}
	case KindAgreementPropose:
		l := legal()
		switch a["missing"] {
		case "taxes":
			l.Taxes = ""
		case "governing_law":
			l.GoverningLaw = ""
		}
		p := AgreementPropose{ID: a["id"], Type: agreement.MSA, Legal: l, Terms: w.terms(a), From: base + hourMs*a.int("from", -24)}
		for _, s := range strings.Split(a.or("lines", "voice"), ",") {
			p.Lines = append(p.Lines, product.Line(s))
		}
		if a.has("until") {
			p.Until = base + hourMs*a.int("until", 0)
		}
		b = p
	case KindAgreementAmend:
		b = AgreementAmend{ID: a["id"], From: base + hourMs*a.int("from", 0), Terms: w.terms(a)}
	case KindAgreementAccept, KindAgreementReject:
		x := answer()
		if a.has("other-terms") {
			x.Terms = canon.Sum("other")
		}
		b = x
	case KindAgreementEnd:
		b = AgreementEnd{a["id"], a["why"]}
	case KindBilateralEnd:
		b = BilateralEnd{a["why"]}
	case KindSheetPropose:
		s := w.rates
		if divided := a.int("divided", 1); divided > 1 {
			s = testSheetAt(money.Rate(divided))
		}
		d := usage.Direction{From: party.Code(other), To: party.Code(actor)}
		if a.has("backwards") {
			d = d.Back()
		}
		w.sheets[d.String()] = s
		b = SheetPropose{ID: a["id"], Agreement: a.or("agreement", "MSA-1"), Direction: d, Line: product.Line(a.or("line", "voice")), Root: s.Root(), Rows: uint32(s.Len()),
			File: canon.Sum("sheet"), Size: 1000, From: base + hourMs*a.int("from", -24), Raises: a.has("raises")}
	case KindSheetAcknowledge, KindSheetAccept, KindSheetReject, KindSheetWithdraw:
		s, _ := View{w.state}.Sheet(a["id"])
		if a.has("other-root") {
			s.Root = canon.Sum("other")
		}
		b = SheetAnswer{a["id"], s.Root, a["why"]}
	case KindRowProve:
		b = RowProve{Direction: w.direction(a), Line: "voice", Rows: w.rows(a, a.list("rows"))}
	case KindOrderPlace:
		if a["kind"] == string(order.Product) {
			b = w.productOrder(actor, other, a)
			break
		}
		b = OrderPlace{ID: a["id"], Kind: order.Kind(a.or("kind", string(order.Standing))), Agreement: a.or("agreement", "MSA-1"), Sheet: a["sheet"], Line: product.Line(a.or("line", "voice")), From: base + hourMs*a.int("from", -24),
			Payload: []byte(a["scope"]), Value: amounts(a.or("value", "USD:5"))}
	case KindOrderAccept, KindOrderReject, KindOrderSuspend, KindOrderResume, KindOrderTerminate:
		b = OrderAnswer{a["id"], a["why"]}
	case KindRatingRequest:
		b = RatingRequest{a.period()}
	case KindUsageState:
		ls := lines(a["lines"], actor)
		u := UsageState{Period: a.period(), Part: uint32(a.int("part", 1)), Of: uint32(a.int("of", 1)), Root: usage.StatementRoot(ls), Lines: ls, Unrated: uint64(a.int("unrated", 0))}
		if a.has("all") {
			u.Root = usage.StatementRoot(lines(a["all"], actor))
			ls = lines(a["all"], actor)
		}
		for _, l := range ls {
			u.Records += l.Calls
		}
		var need []string
		for _, l := range u.Lines {
			if _, ok := (View{w.state}).Row(w.direction(a), "voice", l.Row); !ok && l.Row < 12 && !a.has("no-rows") {
				need = append(need, strconv.Itoa(int(l.Row)))
			}
		}
		slices.Sort(need)
		u.Rows = w.rows(a, slices.Compact(need))
		if a.has("wrong-root") {
			u.Root = canon.Sum("wrong")
		}
		if a.has("wrong-records") {
			u.Records++
		}
		b = u
	case KindUsageDeliver:
		u := UsageDeliver{Period: a.period(), File: canon.Sum(a.or("file", actor)), Size: 100}
		if a.has("receipt") {
			r := DeliveryReceipt{From: key(actor + ".node").Public(), To: key(a["receipt"] + ".node").Public()}
			r.Signature = key(a.or("signer", a["receipt"]+".node")).Sign(tagDelivery, r.message(testChannel, u))
			u.Receipt = &r
			u.Size += uint64(a.int("longer", 0))
		}
		b = u
	case KindUsageReceived:
		b = UsageReceived{a.period(), canon.Sum(a.or("file", other))}
	case KindCompareState:
		c := CompareState{Period: a.period(), Evidence: canon.Sum("evidence"), Part: uint32(a.int("part", 0)), Of: uint32(a.int("of", 0))}
		for _, p := range a.list("lines") {
			head, figures, _ := strings.Cut(p, ":")
			row, adjusts, late := strings.Cut(head, "@")
			n, _ := strconv.Atoi(row)
			o := OutcomeLine{Row: uint32(n)}
			if late {
				o.Adjusts = hours(adjusts)
			}
			if figures == "manual" {
				o.Manual = true
			} else if _, err := fmt.Sscanf(figures, "%d/%d", &o.Calls, &o.BilledSeconds); err != nil {
				panic(err)
			}
			c.Lines = append(c.Lines, o)
		}
		b = c
	case KindDisputePropose:
		x := DisputePropose{Verdicts: w.verdicts(a), Why: a.or("why", "as-agreed-by-phone")}
		if id := a["replaces"]; id != "" {
			if d, ok := get[dispute.Dispute](w.state, DisputeKey(w.disputeID(a, id))); ok && d.Proposal != nil {
				x.Replaces = d.Proposal.Act.Command
			} else {
				x.Replaces = canon.Sum("no such offer")
			}
		}
		b = x
	case KindDisputeAccept:
		b = DisputeAccept{w.verdicts(a)}
	case KindDisputeReject:
		x := DisputeReject{Why: a["why"]}
		for _, id := range a.list("disputes") {
			x.Disputes = append(x.Disputes, w.disputeID(a, id))
		}
		for _, id := range a.list("items") {
			x.Disputes = append(x.Disputes, w.itemDisputeID(a, id))
		}
		b = x
	case KindInvoiceAccept:
		id := w.invoiceID(a, a["id"])
		x := InvoiceAccept{ID: id, Document: doc(id)}
		for _, l := range lines(a["reserved"], actor) {
			x.Reserved = append(x.Reserved, Objection{l.Row, l.Adjusts, l.Calls, l.BilledSeconds})
		}
		b = x
	case KindInvoiceDispute:
		id := w.invoiceID(a, a["id"])
		x := InvoiceDispute{ID: id, Document: doc(id), Why: a.or("why", "too-much"), Part: uint32(a.int("part", 0)), Of: uint32(a.int("of", 0))}
		for _, l := range lines(a["lines"], actor) {
			x.Lines = append(x.Lines, Objection{l.Row, l.Adjusts, l.Calls, l.BilledSeconds})
		}
		for _, l := range lines(a["reserved"], actor) {
			x.Reserved = append(x.Reserved, Objection{l.Row, l.Adjusts, l.Calls, l.BilledSeconds})
		}
		b = x
	case KindInvoiceCorrect:
		x := InvoiceCorrect{Period: a.period(), Currency: money.Currency(a.or("currency", "USD")), Lines: lines(a["lines"], actor), Why: a.or("why", "wrong-price"), Part: uint32(a.int("part", 0)), Of: uint32(a.int("of", 0))}
		for _, l := range lines(a["reversed"], actor) {
			x.Reversed = append(x.Reversed, LineRef{l.Row, l.Adjusts})
		}
		b = x
	case KindInvoiceReject:
		id := w.invoiceID(a, a["id"])
		b = InvoiceReject{id, doc(id), a.or("why", "wrong-price")}
	case KindNettingPropose, KindObligationOpen:
		var ids []string
		for _, s := range a.list("ids") {
			ids = append(ids, w.invoiceID(a, s))
		}
		slices.Sort(ids)
		if k == KindNettingPropose {
			b = NettingPropose{ids}
		} else {
			b = ObligationOpen{ids}
		}
	case KindNettingAccept, KindNettingReject:
		b = NettingAnswer{a["id"]}
	case KindPaymentAdvise, KindPaymentReceipt, KindPaymentDecline:
		id := w.invoiceID(a, a["id"])
		o, _ := View{w.state}.Obligation(id)
		amount := settlement.Payable(o.Left())
		if k != KindPaymentAdvise {
			amount.Micro = o.Payment.Whole
		}
		if a.has("amount") {
			amount = amounts(a["amount"])[0]
		}
		if k == KindPaymentAdvise {
			if a.has("ids") && !a.has("amount") {
				amount = money.Amount{}
				for _, s := range a.list("ids") {
					x, _ := View{w.state}.Obligation(w.invoiceID(a, s))
					amount.Currency = x.Amount.Currency
					amount.Micro += x.Left().Micro
				}
				amount = settlement.Payable(amount)
			}
			p := PaymentAdvise{Obligation: id, Amount: amount, Method: a.or("method", "bank-transfer"), Reference: a.or("reference", canon.Sum("reference", []byte(id), []byte(a["ids"]), []byte(o.Paid.String())).String()), PaidAt: w.time + hourMs*a.int("paid", 0)}
			if a.has("ids") {
				p.Obligation = ""
				for _, s := range a.list("ids") {
					p.Obligations = append(p.Obligations, w.invoiceID(a, s))
				}
				if !a.has("unsorted") {
					slices.Sort(p.Obligations)
				}
			}
			b = p
		} else {
			b = PaymentAnswer{id, amount, a["why"]}
		}
	case KindPaymentHold, KindPaymentRelease:
		b = PaymentHold{w.invoiceID(a, a["id"]), a["why"]}
	case KindVerify:
		b = Verify{Expires: w.time + dayMillis*a.int("days", 365)}
		if !a.has("no-document") {
			b = Verify{canon.Sum("document"), w.time + dayMillis*a.int("days", 365)}
		}
	case KindTick:
		b = Tick{w.subject(a)}
	case KindDocumentRecord:
		b = DocumentRecord{Kind: a.or("kind", "evidence"), Hash: canon.Sum(a.or("file", "f")), Size: 10, Count: 1, Totals: amounts(a["totals"])}
	case KindDivergence:
		h1 := Head{Channel: testChannel, Position: 9, Size: uint64(a.int("size", 5)), Root: canon.Sum("one")}
		h2 := h1
		if !a.has("same") {
			h2.Root = canon.Sum("two")
		}
		b = Divergence{Ours: h1.Sign(key("ALPHA.channel"), 0), Theirs: h2.Sign(key(a.or("signer", "BRAVO")+".channel"), 1), Leaf: 4}
	case KindDivergenceEnd:
		d, _ := View{w.state}.Divergence()
		x := DivergenceClose{Evidence: d.Hash(), Why: a["why"]}
		if a.has("other") {
			x.Evidence = canon.Sum("other")
		}
		b = x
	case KindVersionPropose, KindVersionAccept:
		b = VersionPropose{uint32(a.int("version", 2)), uint64(a.int("height", 0))}
	case KindMemberPropose:
		s := application(a["member"])
		if a.has("broken") {
			s.Node[0] ^= 1
		}
		if a.has("stolen") {
			x := s.Application
			s = x.Sign(key(a["member"]+".member"), key(a["stolen"]+".node"), key(a["member"]+".recovery"))
		}
		b = MemberPropose{s}
	case KindMemberVouch, KindMemberSuspend, KindMemberRestore:
		b = MemberVote{party.Code(a["member"]), party.Code(a.or("by", actor))}
	case KindNetworkPropose, KindNetworkVote:
		b = ParameterBallot{ParameterChange{a["parameter"], uint64(a.int("value", 0)), uint64(a.int("from", 0))}, party.Code(a.or("by", actor))}
	case KindMemberLeave:
		b = MemberLeave{party.Code(actor)}
	case KindKeyRotate:
		x := KeyRotate{Member: party.Code(a.or("member", actor))}
		fresh := func(name string) *sign.PublicKey {
			k := key(name).Public()
			x.Possession = append(x.Possession, Possession(key(name), testChain, string(x.Member)))
			return &k
		}
		if a.has("new-member") {
			x.NewMember = fresh(a["new-member"])
		}
		if a.has("add-node") {
			x.AddNode = fresh(a["add-node"])
		}
		if a.has("revoke-node") {
			k := key(a["revoke-node"]).Public()
			x.RevokeNode = &k
		}
		if a.has("small-order") {
			x.AddNode = &sign.PublicKey{1}
			x.Possession = append(x.Possession, sign.Signature{})
		}
		if a.has("add-sealing") {
			x.AddSealing = sealingKey(a["add-sealing"])
		}
		if a.has("revoke-sealing") {
			x.RevokeSealing = sealingKey(a["revoke-sealing"])
		}
		b = x
	case KindChannelOpen:
		keys := w.channel
		if a.has("unsorted") {
			keys[0], keys[1] = keys[1], keys[0]
		}
		if a.has("keys") {
			keys = [2]sign.PublicKey{key(a["keys"] + "0").Public(), key(a["keys"] + "1").Public()}
			slices.SortFunc(keys[:], func(a, b sign.PublicKey) int { return cmp.Compare(a.String(), b.String()) })
		}
		b = ChannelOpen{Channel: w.channelID(a), Keys: keys, Invitation: []byte("sealed"), Expires: w.time + hourMs*a.int("hours", 24)}
	case KindChannelConfirm:
		b = ChannelConfirm{w.channelID(a)}
	case KindChannelRotate:
		n := key(a["new"])
		b = ChannelRotate{w.channelID(a), n.Public(), Possession(n, testChain, w.channelID(a).String())}
	case KindAnchorPost:
		b = w.anchor(a)
	case KindAnchorContest:
		head := testAnchor(w.public, a).Anchor.Heads[0]
		b = AnchorContest{head}
	default:
		if b = w.tokenCommand(actor, k, a); b == nil {
			b = w.productCommand(actor, k, a)
		}
		if b == nil {
			b = w.roundCommand(actor, k, a)
		}
		if b == nil {
			w.t.Fatalf("no such command: %s", k)
		}
	}
	return NewCommand(k, b)
}

func (w *world) channelID(a args) canon.Hash {
	if a.has("channel") {
		return canon.Sum(a["channel"])
	}
	return testChannel
}

func (w *world) direction(a args) usage.Direction {
	if a.or("order", "O-AB") == "O-BA" {
		return usage.Direction{From: "BRAVO", To: "ALPHA"}
	}
	return usage.Direction{From: "ALPHA", To: "BRAVO"}
}

// rows proves rows of the test sheet by their numbers there.
func (w *world) rows(a args, numbers []string) []ProveRow {
	s := w.rates
	if divided := a.int("divided", 1); divided > 1 {
		s = testSheetAt(money.Rate(divided))
	}
	var out []ProveRow
	for _, n := range numbers {
		i, err := strconv.Atoi(n)
		if err != nil {
			panic(err)
		}
		path, err := s.Proof(uint32(i % s.Len()))
		if err != nil {
			panic(err)
		}
		p := ProveRow{uint32(i), *s.Row(uint32(i % s.Len())), path}
		if a.has("cheaper") {
			p.Rate.Rate /= 2
		}
		out = append(out, p)
	}
	return out
}

// subject gives the key that a tick names.
func (w *world) subject(a args) string {
	switch {
	case a.has("period"):
		return PeriodKey(a.or("order", "O-AB"), hours(a["period"]))
	case a.has("invoice"):
		return InvoiceKey(w.invoiceID(a, a["invoice"]))
	case a.has("dispute"):
		return DisputeKey(w.disputeID(a, a["dispute"]))
	case a.has("obligation"):
		return ObligationKey(w.invoiceID(a, a["obligation"]))
	case a.has("member"):
		return MemberKey(party.Code(a["member"]))
	case a.has("item"):
		return ItemKey(a["item"])
	case a.has("measured"):
		return MeasurementKey(a.or("product", "W-1"), hours(a["measured"]))
	case a.has("bill"):
		account, i := a.account()
		return PeriodKey(account.Order(), i)
	case a.has("product"):
		return ProductKey(a["product"])
	case a.has("hold"):
		return HoldKey(party.Code(a["owner"]), a["hold"])
	case a.has("swap"):
		return SwapKey(party.Code(a["owner"]), a["swap"])
	case a.has("redemption"):
		return RedemptionKey(party.Code(a["owner"]), a["redemption"])
	case a.has("lock"):
		return LockRecordKey(lockID(a["lock"]))
	case a.has("round"):
		return RoundKey(roundID(a["round"]))
	case a.has("issue"):
		return IssueKey(token.Code(a["token"]), a["issue"])
	}
	return a["subject"]
}

// run executes one line of a story and tells what came of it.
func (w *world) run(line string) string {
	fields := strings.Fields(line)
	switch fields[0] {
	case "time":
		d := parseArgs(fields[1:])
		w.time += hourMs*d.int("hours", 0) + 1000*d.int("seconds", 0) + 24*hourMs*d.int("days", 0)
		return fmt.Sprintf("%s\n", usage.Interval{From: w.time, To: w.time + 1}.String()[:20])
	case "height":
		w.height += uint64(parseArgs(fields[1:]).int("blocks", 0))
		return fmt.Sprintf("%d\n", w.height)
	case "show":
		return w.show(fields[1], parseArgs(fields[2:]))
	case "attest": // both sides have signed up to here
		w.attested = w.height - 1
		return fmt.Sprintf("attested up to block %d\n", w.attested)
	case "again":
		return w.again(parseArgs(fields[1:]))
	case "deposit": // stands on the Bilateral, as a payment beforehand leaves it
		return w.deposit(parseArgs(fields[1:]))
	case "exchange": // both sides deliver, and confirm what came
		out, at := "", " "+strings.Join(fields[1:], " ")
		for _, step := range []string{"ALPHA usage.deliver", "BRAVO usage.received", "BRAVO usage.deliver", "ALPHA usage.received"} {
			if out = w.run(step + at); !strings.HasPrefix(out, "done") {
				return out
			}
		}
		return out
	}
	actor, k := fields[0], Kind(fields[1])
	a := parseArgs(fields[2:])
	side, _, _ := strings.Cut(actor, ".")
	cmd := w.command(side, k, a)
	r := rules()[k]
	public := r.public || k == KindTick && a.has("member") || a.has("public")
	ctx := Context{Block: Block{Chain: testChain, Height: w.height, Time: w.time}}
	sender := a.or("sender", "")
	switch {
	case sender != "":
	case actor != side:
		sender = actor
	case public:
		sender = side + ".node"
	default:
		sender = side + ".channel"
	}
	ctx.Sender = key(sender).Public()
	if !public {
		ctx.Block.Channel, ctx.Public, ctx.Attested = testChannel, w.public, w.attested
	}
	by := a["as"]
	if by == "" {
		switch {
		case r.need == memberKey:
			by = side + ".member"
		case r.need == delegate:
			by = treasurers[side]
		}
	}
	if by != "" && by != "none" {
		w.nonce++
		nonce := canon.Sum("nonce", []byte(a.or("nonce", strconv.Itoa(w.nonce))))
		nonce[0] = 0 // of those whose commands look for old numbers
		channel := ctx.Block.Channel
		if a.has("other-channel") {
			channel = canon.Sum("another")
		}
		cmd = Authorize(cmd, key(by), testChain, channel, w.time+a.int("valid", hourMs), nonce)
		if a.has("forged") {
			cmd.Authorization.Signature[3] ^= 1
		}
	}
	return w.execute(ctx, cmd)
}

// again sends the last command once more, the same bytes: in the same block, in
// a later one, by another sender, or on another channel of the same two.
func (w *world) again(a args) string {
	e := w.last
	if !a.has("same-block") {
		e.ctx.Block.Height, e.ctx.Block.Time = w.height, w.time
	}
	if a.has("sender") {
		e.ctx.Sender = key(a["sender"]).Public()
	}
	if a.has("other-channel") {
		e.ctx.Block.Channel = canon.Sum("another")
		state := maps.Clone(w.state)
		maps.DeleteFunc(state, func(k string, _ []byte) bool { return strings.HasPrefix(k, "nonce/") })
		return fmt.Sprintf("refused %s\n", w.m.Apply(e.ctx, state, e.cmd).Receipt.Code)
	}
	defer func(last entry) { w.last = last }(w.last)
	return w.execute(e.ctx, e.cmd)
}

// onlyNumbers reports whether nothing but used numbers is written, or forgotten.
func onlyNumbers(writes []Write) bool {
	return !slices.ContainsFunc(writes, func(w Write) bool { return !strings.HasPrefix(w.Key, prefixNonce) })
}

// execute applies a command on both machines and states and renders the
// result.
func (w *world) execute(ctx Context, cmd Command) string {
	w.last = entry{ctx, cmd}
	var res Result
	if ctx.Block.Channel.IsZero() {
		before := maps.Clone(w.public)
		res = w.m.Apply(ctx, w.public, cmd)
		w.public.apply(res.Writes)
		written := func(yield func(string) bool) {
			for _, x := range res.Writes {
				if !yield(x.Key) {
					return
				}
			}
		}
		if err := Conserved(before, w.public, written, w.time); err != nil {
			w.t.Fatalf("%s: %v", cmd.Kind, err)
		}
		if _, err := (View{w.public}).Recount(w.time); err != nil {
			w.t.Fatalf("%s: %v", cmd.Kind, err)
		}
	} else {
		res = w.m.Apply(ctx, w.state, cmd)
		again := w.m2.Apply(ctx, w.second, cmd)
		if canon.HashOf("test", res.Writes) != canon.HashOf("test", again.Writes) || res.Receipt != again.Receipt {
			w.t.Fatalf("%s: two machines give two results", cmd.Kind)
		}
		w.state.apply(res.Writes)
		w.second.apply(again.Writes)
		w.log = append(w.log, entry{ctx, cmd})
		if err := CheckJournal(View{w.state}); err != nil {
			w.t.Fatalf("%s: %v", cmd.Kind, err)
		}
		w.checkExposed(ctx.Block)
	}
	for _, x := range res.Writes {
		if wrong := waitsForever(x.Key, x.Value); x.Value != nil && wrong != "" {
			w.t.Fatalf("%s: %s", cmd.Kind, wrong)
		}
	}
	w.height++
	w.time += 100
	if !slices.IsSortedFunc(res.Writes, func(a, b Write) int { return cmp.Compare(a.Key, b.Key) }) {
		w.t.Fatalf("%s: the writes are not sorted", cmd.Kind)
	}
	var b strings.Builder
	if res.Fault != nil {
		if !onlyNumbers(res.Writes) || len(res.Events) > 0 {
			w.t.Fatalf("%s was refused and still writes", cmd.Kind)
		}
		fmt.Fprintf(&b, "refused %s", res.Receipt.Code)
		if res.Receipt.Field != "" {
			fmt.Fprintf(&b, " (%s)", res.Receipt.Field)
		}
		fmt.Fprintf(&b, ": %s\n", res.Fault.Detail)
		return b.String()
	}
	b.WriteString("done")
	if res.Receipt.Limit != "" {
		fmt.Fprintf(&b, " [%s]", res.Receipt.Limit)
	}
	b.WriteString("\n")
	for _, e := range res.Events {
		fmt.Fprintf(&b, "  %s %s", e.Kind, e.Subject)
		if e.Detail != "" {
			fmt.Fprintf(&b, " %s", e.Detail)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// show prints records.
func (w *world) show(what string, a args) string {
	v := View{w.state}
	var b strings.Builder
	switch what {
	case "deposits":
		for d := range v.Deposits() {
			fmt.Fprintf(&b, "%s of %s: round %d, paid %s by the owner and %s by the partner\n", w.lockNames[d.Lock], d.Owner, d.Round, d.Totals[0], d.Totals[1])
		}
		for _, who := range []party.Code{"ALPHA", "BRAVO"} {
			fmt.Fprintf(&b, "%s could pay %v\n", who, v.Deposited(View{w.public}, who, w.time))
		}
	case "round":
		b.WriteString(w.roundShown(a["round"]))
	case "reputation":
		s, _ := v.Shown(party.Code(a["of"]))
		r := View{w.public}.Reputation(s, func(c party.Code) bool { return slices.Contains(a.list("trusts"), string(c)) })
		fmt.Fprintf(&b, "%+v\n", r)
	case "status":
		x, _ := View{w.public}.Status(party.Code(a["of"]), a["list"])
		fmt.Fprintf(&b, "%d of %d revoked, version %d, index 3 %v, index 4 %v\n", x.Count(), x.Size(), x.Version, x.Revoked(3), x.Revoked(4))
	case "tokens":
		b.WriteString(w.tokensShown())
	case "invoices":
		for i := range v.Invoices("") {
			fmt.Fprintf(&b, "%s %s total %s open %s (%d)", i.ID, i.State, i.Total, i.Open, i.OpenLines)
			if i.Paid {
				b.WriteString(" paid")
			}
			if i.Follows != "" {
				b.WriteString(" follows " + i.Follows)
			}
			if i.Note != "" {
				fmt.Fprintf(&b, " %s note, version %d", i.Note, i.Version)
			}
			b.WriteString("\n")
		}
	case "document":
		d, _ := v.Document(w.invoiceID(a, a["id"]))
		fmt.Fprintf(&b, "%s %s %s\n", d.ID, d.Currency, d.Interval)
		for _, l := range d.Lines {
			fmt.Fprintf(&b, "  row %d %s %s at %s: %d calls, %d s, %s %s", l.Row, l.Rate.Destination, l.Rate.Prefix, l.Rate.Rate, l.Calls, l.BilledSeconds, l.Amount, l.State)
			if !l.Adjusts.IsZero() {
				fmt.Fprintf(&b, " adjusts %s", l.Adjusts)
				if l.Reason != "" {
					fmt.Fprintf(&b, " (%s)", l.Reason)
				}
			}
			b.WriteString("\n")
		}
		for _, l := range d.Volume {
			fmt.Fprintf(&b, "  %s %s in %s: %d s, %s counted, tier %d, %s\n", l.Name, l.Kind, l.Window, l.Seconds, l.Charges, l.Tier, l.Amount)
		}
		fmt.Fprintf(&b, "  total %s open %s by %s\n", d.Total, d.Open, d.Method)
	case "metered":
		for key, raw := range w.state.Scan(prefixMetered) {
			m, parts := stored[Metered](raw), strings.Split(key, "/")
			from, err := strconv.ParseInt(parts[4], 10, 64)
			if err != nil {
				w.t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %s: %d s, %s counted, %s billed", parts[2], usage.Stamp(from), m.Counted.Seconds, m.Counted.Charges, m.Billed)
			if m.Over {
				b.WriteString(", over")
			}
			b.WriteString("\n")
		}
	case "rated":
		p, _ := v.Period(a.period())
		for _, l := range v.Rated(p, uint32(a.int("version", 0))) {
			fmt.Fprintf(&b, "row %d %s %s at %s: %d calls, %d s, %s\n", l.Row, l.Rate.Destination, l.Rate.Prefix, l.Rate.Rate, l.Calls, l.BilledSeconds, l.Amount)
		}
	case "disputes":
		for d := range v.Disputes() {
			fmt.Fprintf(&b, "%s %s seller %d/%d %s buyer %d/%d %s", d.ID, d.State, d.Seller.Calls, d.Seller.BilledSeconds, d.Seller.Amount, d.Buyer.Calls, d.Buyer.BilledSeconds, d.Buyer.Amount)
			if d.Decision != nil {
				fmt.Fprintf(&b, " decided %d/%d %s by %s", d.Decision.Calls, d.Decision.BilledSeconds, d.Decision.Amount, d.Decision.How)
			}
			b.WriteString("\n")
		}
	case "periods":
		for p := range v.Periods("") {
			fmt.Fprintf(&b, "%s %s %s open %d waiting %d unsettled %d", p.Order, p.Interval, p.State, p.Open, p.Waiting, p.Unsettled)
			if p.Stage != "" {
				fmt.Fprintf(&b, " until %s for %s", usage.Interval{From: p.Deadline, To: p.Deadline + 1}.String()[:20], p.Stage)
			}
			b.WriteString("\n")
		}
	case "balances":
		for acc, m := range v.Balances() {
			if m != 0 {
				fmt.Fprintf(&b, "%s %s %s %s\n", acc.Party, acc.Purpose, acc.Currency, m)
			}
		}
	case "obligations":
		for o := range v.Obligations() {
			fmt.Fprintf(&b, "%s %s pays %s %s %s", o.ID, o.Payer, o.Payee, o.Amount, o.State)
			if o.Late {
				b.WriteString(" late")
			}
			if left := o.Left().Micro; left != 0 && left != o.Amount.Micro {
				fmt.Fprintf(&b, ", %s paid and %s left", o.Paid, left)
			}
			if o.Brought != 0 {
				fmt.Fprintf(&b, ", %s brought", o.Brought)
			}
			if o.Carried != 0 {
				fmt.Fprintf(&b, ", %s carried on", o.Carried)
			}
			b.WriteString("\n")
		}
	case "statement":
		all, err := v.Statements("ALPHA", 0, w.time+1)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, s := range all {
			fmt.Fprintf(&b, "%s opens %s\n", s.Currency, s.Opening)
			for _, l := range s.Lines {
				fmt.Fprintf(&b, "%s %s %s %s, balance %s\n", usage.Stamp(l.Time)[:10], l.Kind, l.Subject, l.Amount, l.Balance)
			}
			fmt.Fprintf(&b, "%s closes %s, %s of it carried\n", s.Currency, s.Closing, s.Carried)
		}
	case "ageing":
		all, err := v.Ageing(w.time)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, a := range all {
			fmt.Fprintf(&b, "%s owes %s %s: not due %s, late %s, disputed %s, carried %s, total %s\n", a.Payer, a.Payee, a.Currency, a.NotDue, a.Late, a.Disputed, a.Carried, a.Total)
		}
	case "nettings":
		for n := range v.Nettings() {
			fmt.Fprintf(&b, "%s %s", n.ID, n.State)
			for _, s := range n.Sums {
				if s.Day != 0 {
					b.WriteString(" " + usage.Stamp(s.Day)[:10])
				}
				fmt.Fprintf(&b, " %s gross %s and %s net %s", s.Currency, s.Gross[0], s.Gross[1], s.Net)
				if s.Payer != "" {
					fmt.Fprintf(&b, " from %s", s.Payer)
				}
			}
			b.WriteString("\n")
		}
	case "orders":
		for o := range v.Orders() {
			fmt.Fprintf(&b, "%s %s\n", o.ID, o.State)
		}
	case "agreements":
		for g := range v.Agreements() {
			fmt.Fprintf(&b, "%s %s versions %d\n", g.ID, g.State, len(g.Versions))
		}
	case "sheets":
		for s := range v.Sheets() {
			fmt.Fprintf(&b, "%s %s from %s\n", s.ID, s.State, usage.Stamp(s.From))
		}
	case "totals":
		totals, err := v.Totals()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, x := range totals {
			fmt.Fprintf(&b, "%s %s invoiced %s settled %s disputed %s\n", x.Direction, x.Currency, x.Invoiced, x.Settled, x.Disputed)
		}
	case "kept": // how many records of kinds that are forgotten
		for _, r := range []struct {
			what, prefix string
			m            memory
		}{{"numbers on the Bilateral", prefixNonce, w.state}, {"numbers on the Omnilateral", prefixNonce, w.public},
			{"invitations", "invitation/", w.public}, {"invitations by their end", prefixLapsing, w.public}, {"openings", prefixOpening, w.public}} {
			n := 0
			for range r.m.Scan(r.prefix) {
				n++
			}
			fmt.Fprintf(&b, "%s: %d\n", r.what, n)
		}
	case "network":
		n, _ := (View{w.public}).Network()
		now := n.At(w.height)
		fmt.Fprintf(&b, "at %d: vouchers %d, suspend %d %%, channel %d bytes, invitations %d ms, to come %d\n", w.height, now.Vouchers, now.SuspendPercent, now.ChannelBytes, now.InvitationMillis, len(now.Next))
		for key := range w.public.Scan(prefixProposal) {
			fmt.Fprintf(&b, "%s\n", key)
		}
		for key := range w.public.Scan("ballot/") {
			fmt.Fprintf(&b, "%s\n", key)
		}
	case "members":
		for m := range (View{w.public}).Members() {
			fmt.Fprintf(&b, "%s %s vouchers %v\n", m.Code, m.State, m.Vouchers)
		}
	case "anchors":
		last, _ := View{w.public}.Anchored(testChannel)
		attested, _ := View{w.public}.Attested(testChannel)
		fmt.Fprintf(&b, "last %s at %d, attested at %d\n", last.Kind, last.Position, attested.Position)
		for side := range 2 {
			if c, ok := (View{w.public}).Claim(testChannel, side); ok {
				fmt.Fprintf(&b, "claim of side %d at %d\n", side, c.Anchor.Position)
			}
		}
	case "openings":
		for o := range (View{w.public}).Openings() {
			fmt.Fprintf(&b, "%s %s by %s\n", o.Channel.String()[:8], o.State, o.Opener)
		}
	case "json":
		raw, ok := w.state[w.subject(a)]
		if !ok {
			return "nothing\n"
		}
		inv := stored[invoice.Invoice](raw)
		out, err := json.Marshal(inv)
		if err != nil {
			w.t.Fatal(err)
		}
		b.Write(out)
		b.WriteString("\n")
	case "due":
		for d := range v.Due(w.time) {
			fmt.Fprintf(&b, "%s\n", d.Subject)
		}
	case "credit":
		w.showCredit(&b)
	default:
		if !w.showProducts(&b, what, a) {
			w.t.Fatalf("cannot show %s", what)
		}
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// anchor makes an anchor of a log whose leaves are numbers.
func (w *world) anchor(a args) AnchorPost { return testAnchor(w.public, a) }
