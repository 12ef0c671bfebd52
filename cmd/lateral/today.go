package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/usage"
)

// todayCommand is "lateral today".
type todayCommand struct{ connection }

// cycleLine is a running cycle on a line.
type cycleLine struct {
	Partner   string         `json:"partner"`
	Agreement string         `json:"agreement"`
	Cycle     string         `json:"cycle"`
	Interval  usage.Interval `json:"interval"`
	Under     string         `json:"under_way"`
}

func (todayCommand) Run(ctx context.Context, n *remote) error {
	v, err := n.api.Today(ctx)
	if err != nil || n.json {
		return shown(n, v, err)
	}
	cycles := make([]cycleLine, len(v.Cycles))
	for i, c := range v.Cycles {
		var under []string
		for state, count := range c.States {
			under = append(under, fmt.Sprintf("%d %s", count, state))
		}
		slices.Sort(under)
		cycles[i] = cycleLine{string(c.Partner), c.Agreement, c.Cycle, c.Interval, strings.Join(under, ", ")}
	}
	if err := writeList(n.out, cycles, "partner agreement cycle interval under_way"); err != nil {
		return err
	}
	fmt.Fprintln(n.out)
	if err := writeList(n.out, v.Disputes, "partner waiting ours first"); err != nil {
		return err
	}
	fmt.Fprintln(n.out)
	if err := writeList(n.out, v.Exposure, "partner payer currency state exposure allocation"); err != nil || len(v.Rejected) == 0 {
		return err
	}
	fmt.Fprintln(n.out)
	return writeList(n.out, v.Rejected, "partner rejected")
}

// trendCommand is "lateral trend".
type trendCommand struct {
	connection
	span
}

func (c trendCommand) Run(ctx context.Context, n *remote) error {
	v, err := n.api.Trend(ctx, client.Filter{"from": c.From, "to": c.To})
	if err != nil || n.json {
		return shown(n, v, err)
	}
	return writeList(n.out, trendLines(v), "at calls_in calls_out currency in out")
}

// trendLine is a point in one currency.
type trendLine struct {
	At       wire.Time `json:"at"`
	CallsIn  uint64    `json:"calls_in"`
	CallsOut uint64    `json:"calls_out"`
	wire.TrendMoney
}

func trendLines(t wire.Trend) (all []trendLine) {
	for _, p := range t.Points {
		line := trendLine{At: p.At, CallsIn: p.CallsIn, CallsOut: p.CallsOut}
		if len(p.Money) == 0 {
			all = append(all, line)
		}
		for _, m := range p.Money {
			line.TrendMoney = m
			all = append(all, line)
			line.CallsIn, line.CallsOut = 0, 0 // told once
		}
	}
	return all
}
