package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/usage"
)

// measurementCommand is "lateral measurement".
type measurementCommand struct {
	List    measurementList    `cmd:"" op:"list-measurements" help:"List what both sides have measured of products." eg:"" eg:"--product S-1 --from 2026-11-02T00:00:00Z" eg:"--people --json"`
	Show    measurementShow    `cmd:"" op:"get-measurement" help:"Show a measurement: both sides' figures, and what counts." eg:"S-1 2026-11-02T11:00:00Z"`
	Import  measurementImport  `cmd:"" op:"import-readings" role:"engineer" help:"Import readings of what our meters have shown of products: CSV with product, from, to, metric and value. Rejected rows are shown by line; a later reading replaces an earlier one until it is stated." eg:"readings.csv" eg:"- --partner BRAVO --json < readings.csv"`
	State   measurementState   `cmd:"" op:"state-measurement" role:"clerk,engineer" help:"State what this side has measured of a product in an interval that is over." eg:"S-1 2026-11-02T11:00:00Z/2026-11-02T12:00:00Z --records flow.csv --used session=3599" eg:"W-1 2026-11-02T11:00:00Z/2026-11-02T12:00:00Z --records 5f0c...e1 --service availability=999990"`
	Propose measurementPropose `cmd:"" op:"propose-measurement" role:"clerk" help:"Offer what counts of the figures on which the two sides differ." eg:"S-1 2026-11-02T11:00:00Z --used session=3550 --why 'Half each.'"`
	Accept  measurementAccept  `cmd:"" op:"accept-measurement" role:"clerk" help:"Accept the partner's offer of what counts." eg:"S-1 2026-11-02T11:00:00Z" eg:"S-1 2026-11-02T11:00:00Z/2026-11-02T12:00:00Z --used session=3550"`
	Reject  measurementReject  `cmd:"" op:"reject-measurement" role:"clerk" help:"Reject the partner's offer of what counts." eg:"S-1 2026-11-02T11:00:00Z --why 'Our probe was up.'"`
}

type measurementList struct {
	many
	span
	Product string `placeholder:"ID" help:"Of this product."`
	State   string `placeholder:"STATE" help:"stated, agreed, disputed or proposed."`
	People  bool   `help:"Only those that wait for people: disputed or proposed."`
}

func (c measurementList) Run(ctx context.Context, n *remote) error {
	f := client.Filter{"product": c.Product, "state": c.State, "people": yes(c.People), "from": c.From, "to": c.To}
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	all := func(api *client.Client) iter.Seq2[wire.Measurement, error] {
		return api.With(code).Measurements(ctx, f)
	}
	return listed(n, c.paging, "product interval state deadline roots.seller roots.buyer", all)
}

// oneMeasurement is a command about one measurement.
type oneMeasurement struct {
	one
	Product string    `arg:"" help:"Id of the product."`
	Start   beginning `arg:"" placeholder:"TIME" help:"When the interval begins, RFC 3339; or the interval as it is listed."`
}

// beginning is when an interval begins, said by its beginning or whole.
type beginning wire.Time

// UnmarshalText reads START or START/END.
func (b *beginning) UnmarshalText(text []byte) error {
	start, _, _ := strings.Cut(string(text), "/")
	return (*wire.Time)(b).UnmarshalText([]byte(start))
}

type measurementShow struct{ oneMeasurement }

func (c measurementShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Measurement, error) {
		return p.Measurement(ctx, c.Product, wire.Time(c.Start))
	})
}

// figures are measured values as the command line says them.
type figures struct {
	Used    []figure `placeholder:"PRICE=VALUE" help:"Use of a price, in its base unit: seconds, octets, bit/s times seconds; repeat."`
	Service []figure `placeholder:"METRIC=VALUE" help:"How well a guarantee was kept; repeat."`
}

type measurementImport struct {
	one
	File string `arg:"" help:"Readings; - is standard input."`
}

func (c measurementImport) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	f, err := n.open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	i, err := n.api.With(code).ImportReadings(ctx, f)
	if err != nil || n.json {
		return shown(n, i, err)
	}
	fmt.Fprintf(n.out, "%d readings read, %d accepted, %d rejected\n", i.Read, i.Accepted, i.Rejected)
	return writeRejects(n, i.Rejects, i.Rejected)
}

type measurementState struct {
	one
	figures
	Product  string         `arg:"" help:"Id of the product."`
	Interval usage.Interval `arg:"" placeholder:"START/END" help:"The interval: two RFC 3339 times."`
	Records  string         `required:"" placeholder:"FILE" help:"The records behind it: a file, of which the SHA-256 is named, or that hash. They stay here."`
}

func (c measurementState) Run(ctx context.Context, n *remote) error {
	root, err := hashed(n.terminal, c.Records)
	if err != nil {
		return err
	}
	m := wire.StateMeasurement{Product: c.Product, Interval: c.Interval, Root: root, Used: sortedFigures(c.Used), Service: sortedFigures(c.Service)}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Measurement], error) { return p.StateMeasurement(ctx, m) })
}

type measurementPropose struct {
	oneMeasurement
	figures
	Why string `required:"" help:"Reason, for the partner."`
}

func (c measurementPropose) Run(ctx context.Context, n *remote) error {
	m := wire.ProposeMeasurement{Used: sortedFigures(c.Used), Service: sortedFigures(c.Service), Why: c.Why}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Measurement], error) {
		return p.ProposeMeasurement(ctx, c.Product, wire.Time(c.Start), m)
	})
}

type measurementAccept struct {
	oneMeasurement
	figures
}

func (c measurementAccept) Run(ctx context.Context, n *remote) error {
	m := wire.ProposeMeasurement{Used: sortedFigures(c.Used), Service: sortedFigures(c.Service)}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Measurement], error) {
		return p.AcceptMeasurement(ctx, c.Product, wire.Time(c.Start), m)
	})
}

type measurementReject struct {
	oneMeasurement
	Why string `required:"" help:"Reason, for the partner."`
}

func (c measurementReject) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Measurement], error) {
		return p.RejectMeasurement(ctx, c.Product, wire.Time(c.Start), c.Why)
	})
}

// figure is a measured value as the command line writes it.
type figure usage.Figure

// UnmarshalText reads NAME=VALUE.
func (f *figure) UnmarshalText(text []byte) (err error) {
	at := strings.LastIndexByte(string(text), '=')
	if at > 0 {
		f.Name = string(text[:at])
		f.Value, err = strconv.ParseUint(string(text[at+1:]), 10, 64)
	}
	if at <= 0 || err != nil {
		return fault.Newf(fault.Invalid, "write NAME=VALUE with a whole number of base units, like session=3599", "%q is no figure", text)
	}
	return nil
}

// sortedFigures gives figures in the order in which statements have them.
func sortedFigures(all []figure) (out []usage.Figure) {
	for _, f := range all {
		out = append(out, usage.Figure(f))
	}
	slices.SortFunc(out, func(a, b usage.Figure) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// hashed gives the SHA-256 of a file, or the hash that is written in its place.
func hashed(t terminal, file string) (h canon.Hash, err error) {
	if file == "" || h.UnmarshalText([]byte(file)) == nil {
		return h, nil
	}
	data, err := t.read(file)
	return canon.Hash(sha256.Sum256(data)), err
}
