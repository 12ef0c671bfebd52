package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/catalog/intent"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// inquireCommand is "lateral inquire".
type inquireCommand struct {
	connection
	Text      string         `arg:"" help:"What is wanted, in words."`
	Parse     bool           `help:"Show how the words are understood, and ask nobody."`
	Yes       bool           `help:"Do not ask whether the words are understood."`
	Zone      string         `env:"TZ" placeholder:"ZONE" help:"The asker's time zone, like Europe/Rome; default: UTC."`
	At        wire.Time      `placeholder:"TIME" help:"What now means; default: now."`
	Rule      string         `placeholder:"CEL" help:"Which offer is best: the lowest number of price, latency and availability; default: price."`
	Months    uint32         `help:"Committed term in months; default: what the words say."`
	Per       string         `placeholder:"1h" help:"Charge period of what recurs, of a service without end, term and sessions; default: a month."`
	Currency  money.Currency `placeholder:"CODE" help:"Of the prices; default: that of the ceiling, or the node's."`
	Attribute []attribute    `placeholder:"NAME=VALUE" help:"A further member of the configuration, by the schema of the product: text or JSON. Repeat."`
	Hours     uint32         `placeholder:"N" help:"Ask for capacity that stands, of which sessions are opened and closed: for so many hours of a month one is expected to be open."`
	Hops      int            `help:"Asks in a row at most; default: the node's limit."`
	Asks      int            `help:"Asks in all at most; default: the node's limit."`
	Time      time.Duration  `placeholder:"2s" help:"Until the inquiry ends; default: the node's limit."`
}

func (c inquireCommand) Run(ctx context.Context, n *remote) error {
	f := client.Filter{"text": c.Text, "zone": c.Zone}
	if c.At != 0 {
		f["at"] = stamp(c.At)
	}
	x, err := n.api.ParseInquiry(ctx, f)
	if err != nil || c.Parse && n.json {
		return shown(n, x, err)
	}
	out := n.out
	if !c.Parse {
		out = n.err
	}
	if err := writeIntent(out, &x); err != nil || c.Parse {
		return err
	}
	q, err := c.inquiry(&x.Inquiry)
	if err != nil {
		return err
	}
	if !c.Yes && !n.confirmed("Ask for this?") {
		return fault.New(fault.Refused, "nobody was asked", "answer yes, or say --yes")
	}
	found, err := n.api.Inquire(ctx, q)
	if err != nil || n.json {
		return shown(n, found, err)
	}
	return writeFound(n.out, &found)
}

func writeIntent(w io.Writer, x *intent.Intent) error {
	fmt.Fprintf(w, "%s\n\n", x.Sentence)
	if err := writeRecord(w, x.Inquiry); err != nil {
		return err
	}
	if len(x.Assumptions) > 0 {
		fmt.Fprintln(w, "\ntaken for granted:")
	}
	for _, a := range x.Assumptions {
		if a.Word != "" {
			a.Word = fmt.Sprintf("%q: ", a.Word)
		}
		fmt.Fprintf(w, "  %s%s\n", a.Word, a.Means)
	}
	return nil
}

// inquiry is what the words mean to the mesh.
func (c inquireCommand) inquiry(in *catalog.Inquiry) (wire.Inquire, error) {
	if in.Z.Place == "" || in.A.Place == "" {
		return wire.Inquire{}, fault.New(fault.Invalid, "neighbours are asked for what lies between two places", "name both, or look into the own catalogue with lateral catalog search")
	}
	q := wire.Inquire{Type: in.Type, A: in.A.Place, Z: in.Z.Place, Bandwidth: in.Bandwidth, From: wire.Time(in.From), To: wire.Time(in.To), Months: c.Months, Period: c.Per,
		Currency: c.Currency, Latency: in.Latency, Availability: in.Availability, Ceiling: in.Ceiling, Rule: c.Rule, Attributes: attributes(c.Attribute), Hours: c.Hours, Hops: c.Hops, Asks: c.Asks,
		TimeMillis: c.Time.Milliseconds()}
	if q.Type == "" {
		q.Type = catalog.TypeELine
	}
	if q.Months == 0 && in.To != 0 {
		// A long time is a term, and goes on after it; a short one has an end.
		from := int64(in.From)
		if from == 0 {
			from = time.Now().UnixMilli()
		}
		if span := int64(in.To) - from; span >= 28*86_400_000 {
			q.Months, q.To = uint32((span+15*86_400_000)/(30*86_400_000)), 0
		}
	}
	return q, nil
}

// attribute is a member of a configuration as the command line says it.
type attribute struct {
	name  string
	value any
}

// UnmarshalText reads NAME=VALUE, where the value is JSON, or else a text.
func (a *attribute) UnmarshalText(text []byte) error {
	name, value, ok := strings.Cut(string(text), "=")
	if !ok || name == "" {
		return fault.Newf(fault.Invalid, "write NAME=VALUE, like classOfService=realTime", "%q is no attribute", text)
	}
	a.name = name
	if json.Unmarshal([]byte(value), &a.value) != nil {
		a.value = value
	}
	return nil
}

func attributes(all []attribute) map[string]any {
	if len(all) == 0 {
		return nil
	}
	out := map[string]any{}
	for _, a := range all {
		out[a.name] = a.value
	}
	return out
}

func writeFound(w io.Writer, x *wire.Inquired) error {
	if x.Best == nil {
		fmt.Fprintf(w, "nothing was found in %.0f ms\n", x.InquiryMillis+x.QuoteMillis)
		return nil
	}
	fmt.Fprintf(w, "found in %.0f ms, firm after %.0f ms more\n\n", x.InquiryMillis, x.QuoteMillis)
	var b strings.Builder
	rows := [][]string{offerRow("best", x.Best)}
	for i := range x.Alternatives {
		rows = append(rows, offerRow("", &x.Alternatives[i]))
	}
	table(&b, "", []string{"", "quote", "once", "recurring", "session hour", "latency", "availability", "until", "legs"}, rows, false)
	fmt.Fprintf(&b, "\norder it: lateral service order %s\n", x.Best.Quote)
	_, err := io.WriteString(w, b.String())
	return err
}

func offerRow(name string, o *wire.Offer) []string {
	var legs []string
	for _, l := range o.Legs {
		if l.Own {
			legs = append(legs, l.Name)
		} else {
			legs = append(legs, "bought of "+string(o.Seller))
		}
	}
	hour := "-"
	if o.Hour.Currency != "" {
		hour = o.Hour.String()
	}
	return []string{name, o.Quote, o.Once.String(), o.Each.String() + " / " + o.Period, hour, fmt.Sprintf("%.1f ms", float64(o.Latency)/1000),
		fmt.Sprintf("%d.%04d %%", o.Availability/10_000, o.Availability%10_000), stamp(o.Until), strings.Join(legs, ", ")}
}

// inquiryCommand is "lateral inquiry".
type inquiryCommand struct {
	List inquiryList `cmd:"" op:"list-inquiries" help:"List inquiries that were made here, the newest first; the last 500 are kept." eg:"" eg:"--limit 10 --json"`
	Show inquiryShow `cmd:"" op:"get-inquiry" help:"Show an inquiry with what it has found." eg:"3f0c1d..." eg:"3f0c1d... --json"`
}

type (
	inquiryList struct {
		connection
		paging
	}
	inquiryShow struct {
		connection
		ID string `arg:"" help:"Id of the inquiry."`
	}
)

func (c inquiryList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id asked by inquiry.a inquiry.z inquiry.bandwidth found.best.quote service", func(api *client.Client) iter.Seq2[wire.Inquiry, error] {
		return api.Inquiries(ctx, nil)
	})
}

func (c inquiryShow) Run(ctx context.Context, n *remote) error {
	x, err := n.api.Inquiry(ctx, c.ID)
	if err != nil || n.json {
		return shown(n, x, err)
	}
	if err := writeRecord(n.out, x.Inquiry); err != nil {
		return err
	}
	fmt.Fprintln(n.out)
	return writeFound(n.out, &x.Found)
}

// serviceCommand is "lateral service".
type serviceCommand struct {
	Order      serviceOrder      `cmd:"" op:"order-service" role:"product-manager" help:"Order what a quote offers, all of the chain or nothing." eg:"3f0c1d..." eg:"3f0c1d... --wait --json"`
	List       serviceList       `cmd:"" op:"list-services" help:"List services: of own customers, and those of partners that are sold on." eg:"" eg:"--state accepted --json"`
	Show       serviceShow       `cmd:"" op:"get-service" help:"Show one service." eg:"3f0c1d..."`
	Withdraw   serviceWithdraw   `cmd:"" op:"withdraw-service" role:"product-manager" help:"Give up an order that is not accepted yet." eg:"3f0c1d..."`
	Change     serviceChange     `cmd:"" op:"change-service" role:"product-manager" help:"Get a firm price for a change over the same neighbours; lateral service order takes it." eg:"3f0c1d... --bandwidth 200000000" eg:"3f0c1d... --latency 60000 --attribute classOfService=realTime" eg:"3f0c1d... --until 2026-12-31T23:00:00Z"`
	Session    sessionCommand    `cmd:"" help:"Open and close sessions of capacity that stands."`
	Reschedule serviceReschedule `cmd:"" op:"reschedule-service" role:"product-manager" help:"Ask for another date of a service that is not delivered, or for haste, at all hops or none." eg:"3f0c1d... --start 2026-12-01T08:00:00Z" eg:"3f0c1d... --expedite"`
	End        serviceEnd        `cmd:"" op:"end-service" role:"product-manager" help:"End a service, and what is bought for it." eg:"3f0c1d..." eg:"3f0c1d... --at 2026-12-31T23:00:00Z"`
	Build      serviceBuild      `cmd:"" op:"build-service" role:"engineer,product-manager" help:"Say that the own legs of a service are delivered and tested, or cannot be." eg:"3f0c1d... --latency 17.35ms --availability 99.998% --bandwidth 100Mbit/s" eg:"3f0c1d... --measured test.json" eg:"3f0c1d... --failed"`
}

type (
	serviceOrder struct {
		connection
		Quote string `arg:"" help:"Id of the quote."`
		Wait  bool   `help:"Wait until the service is in service at this carrier, or released."`
	}
	serviceList struct {
		connection
		paging
		State string `placeholder:"STATE" help:"reserving, reserved, ordered, delivered, accepted, releasing, released or ended."`
	}
	serviceShow struct {
		connection
		ID string `arg:"" help:"Id of the service."`
	}
	serviceWithdraw struct{ serviceShow }
	serviceChange   struct {
		serviceShow
		Bandwidth    uint64      `placeholder:"BITS" help:"bit/s."`
		Latency      uint64      `placeholder:"MICROSECONDS" help:"One way at most."`
		Availability uint32      `placeholder:"MILLIONTHS" help:"At least."`
		Until        wire.Time   `placeholder:"TIME" help:"A later end of a timed service, which changes nothing else then."`
		Attribute    []attribute `placeholder:"NAME=VALUE" help:"A member of the configuration, by the schema of the product: text or JSON; null takes it away. Repeat."`
	}
	serviceReschedule struct {
		serviceShow
		Start    wire.Time `placeholder:"TIME" help:"Its beginning from then on; default: it stays."`
		Expedite bool      `help:"Ask for haste."`
	}
	serviceEnd struct {
		serviceShow
		At wire.Time `placeholder:"TIME" help:"When; default: now."`
	}
	serviceBuild struct {
		serviceShow
		Failed       bool           `help:"They cannot be delivered: the whole order is released."`
		Measured     string         `placeholder:"FILE" help:"What their test has shown, JSON or YAML with latency (µs one way), bandwidth (bit/s), availability and loss (millionths); - is standard input. What is not there counts as quoted."`
		Latency      *time.Duration `placeholder:"17.35ms" help:"Measured, one way."`
		Bandwidth    *bitRate       `placeholder:"100Mbit/s" help:"Measured."`
		Availability *share         `placeholder:"99.998%" help:"Measured."`
		Loss         *share         `placeholder:"0.01%" help:"Measured, of what was sent."`
	}
)

func (c serviceOrder) Run(ctx context.Context, n *remote) error {
	s, err := n.api.OrderService(ctx, wire.OrderService{Quote: c.Quote})
	if err != nil || !c.Wait {
		return shown(n, s, err)
	}
	last := ""
	for {
		if s.State != last && !n.json {
			fmt.Fprintln(n.err, s.State)
		}
		last = s.State
		switch s.State {
		case "accepted", "ended":
			return shown(n, s, nil)
		case "released":
			if err := shown(n, s, nil); err != nil {
				return err
			}
			return fault.Newf(fault.Refused, "ask for another quote", "the order was released: %s", s.Why)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if s, err = n.api.Service(ctx, s.ID); err != nil {
			return err
		}
	}
}

func (c serviceList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id state a z buyer seller since until", func(api *client.Client) iter.Seq2[wire.Service, error] {
		return api.Services(ctx, client.Filter{"state": c.State})
	})
}

func (c serviceShow) Run(ctx context.Context, n *remote) error {
	s, err := n.api.Service(ctx, c.ID)
	return shown(n, s, err)
}

func (c serviceWithdraw) Run(ctx context.Context, n *remote) error {
	s, err := n.api.WithdrawService(ctx, c.ID)
	return shown(n, s, err)
}

func (c serviceChange) Run(ctx context.Context, n *remote) error {
	o, err := n.api.ChangeService(ctx, c.ID, wire.ChangeService{Bandwidth: c.Bandwidth, Latency: c.Latency, Availability: c.Availability, Until: c.Until,
		Attributes: attributes(c.Attribute)})
	if err != nil || n.json {
		return shown(n, o, err)
	}
	return writeFound(n.out, &wire.Inquired{Best: &o})
}

func (c serviceReschedule) Run(ctx context.Context, n *remote) error {
	s, err := n.api.RescheduleService(ctx, c.ID, wire.RescheduleService{Start: c.Start, Expedite: c.Expedite})
	return shown(n, s, err)
}

func (c serviceEnd) Run(ctx context.Context, n *remote) error {
	s, err := n.api.EndService(ctx, c.ID, wire.EndService{At: c.At})
	return shown(n, s, err)
}

func (c serviceBuild) Run(ctx context.Context, n *remote) error {
	b := wire.BuiltService{Failed: c.Failed}
	m, err := c.measured(n)
	if err != nil {
		return err
	}
	if *m != (wire.MeasuredLegs{}) {
		b.Measured = m
	}
	s, err := n.api.BuildService(ctx, c.ID, b)
	return shown(n, s, err)
}

// measured gives what the file says, and the flags in its place.
func (c serviceBuild) measured(n *remote) (*wire.MeasuredLegs, error) {
	m := &wire.MeasuredLegs{}
	if c.Measured != "" {
		if err := n.body(c.Measured, m); err != nil {
			return nil, err
		}
	}
	if l := c.Latency; l != nil {
		if *l < 0 || *l%time.Microsecond != 0 {
			return nil, usageError{fault.Newf(fault.Invalid, "write whole microseconds, like 17.35ms", "a latency of %s cannot be told", *l).In("latency")}
		}
		m.Latency = new(uint64(l.Microseconds()))
	}
	for from, to := range map[*share]**uint64{c.Availability: &m.Availability, c.Loss: &m.Loss} {
		if from != nil {
			*to = new(uint64(*from))
		}
	}
	if c.Bandwidth != nil {
		m.Bandwidth = new(uint64(*c.Bandwidth))
	}
	return m, nil
}

// bitRate is a bandwidth with its unit: 100Mbit/s.
type bitRate uint64

func (b *bitRate) UnmarshalText(text []byte) error {
	bad := fault.Newf(fault.Invalid, "write it with its unit, like 100Mbit/s or 2500000bit/s", "%.40q is no bandwidth", text)
	digits, ok := strings.CutSuffix(string(text), "bit/s")
	scale := 0
	for unit, zeros := range map[string]int{"k": 3, "M": 6, "G": 9, "T": 12} {
		if x, cut := strings.CutSuffix(digits, unit); cut {
			digits, scale = x, zeros
		}
	}
	v, fits := scaled(digits, scale)
	if !ok || !fits || v == 0 {
		return bad
	}
	*b = bitRate(v)
	return nil
}

// share is a part of a whole, in millionths, as a percentage: 99.998%.
type share uint64

func (s *share) UnmarshalText(text []byte) error {
	digits, ok := strings.CutSuffix(string(text), "%")
	v, fits := scaled(digits, 4)
	if !ok || !fits || v > 1_000_000 {
		return fault.Newf(fault.Invalid, "write it as a percentage with at most four decimals, like 99.998%", "%.40q is no share", text)
	}
	*s = share(v)
	return nil
}

// scaled reads a decimal number times a power of ten, exactly; ok is false where
// that is no whole number of at most 18 digits.
func scaled(text string, zeros int) (v uint64, ok bool) {
	whole, part, point := strings.Cut(text, ".")
	if len(part) > zeros || point && part == "" || whole == "" || len(whole)+zeros > 18 {
		return 0, false
	}
	v, err := strconv.ParseUint(whole+part+strings.Repeat("0", zeros-len(part)), 10, 64)
	return v, err == nil && text[0] != '+'
}
