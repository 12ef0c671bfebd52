package trade

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// BenchmarkDocumentRecord is the small command of lateral bench ledger: about
// 250 bytes, one record.
func BenchmarkDocumentRecord(b *testing.B) {
	w := ready(b)
	ctx := Context{Block: Block{Chain: testChain, Channel: testChannel, Height: 1000, Time: w.time}, Sender: key("ALPHA.channel").Public(), Public: w.public}
	d := DocumentRecord{Kind: "records", Size: 123456, Count: 789, Totals: []money.Amount{{Currency: "USD", Micro: 123456789}}, Reference: make([]byte, 150)}
	var cmds []Command
	for i := range 1024 {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(i))
		d.Hash = canon.Sum("bench", n[:])
		cmds = append(cmds, NewCommand(KindDocumentRecord, d))
	}
	b.SetBytes(int64(len(canon.Must(cmds[0]))))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if res := w.m.Apply(ctx, w.state, cmds[i&1023]); len(res.Writes) != 1 {
			b.Fatal(res.Fault)
		}
		i++
	}
}

// BenchmarkUsageState is the second statement of a period with 20 lines: it is
// compared, priced and invoiced.
func BenchmarkUsageState(b *testing.B) {
	w := trading(b, "netting files")
	w.run("ALPHA rating.request hour=0")
	spec := ""
	for i := range 20 {
		spec += fmt.Sprintf(",2@n%d:%d/%d", i+1, i+1, 60*i+60)
	}
	spec = spec[1:]
	if out := w.run("ALPHA usage.state hour=0 lines=" + spec); out[:4] != "done" {
		b.Fatal(out)
	}
	ls := lines(spec, "BRAVO")
	u := UsageState{Period: PeriodRef{"O-AB", hours("0")}, Part: 1, Of: 1, Root: usage.StatementRoot(ls), Lines: ls}
	for _, l := range ls {
		u.Records += l.Calls
	}
	cmd := NewCommand(KindUsageState, u)
	ctx := Context{Block: Block{Chain: testChain, Channel: testChannel, Height: 1000, Time: w.time}, Sender: key("BRAVO.channel").Public(), Public: w.public}
	b.ReportAllocs()
	for b.Loop() {
		if res := w.m.Apply(ctx, w.state, cmd); res.Fault != nil {
			b.Fatal(res.Fault)
		}
	}
}

// BenchmarkLargeStatement is the second statement of a period with 5,000 lines
// of 5,000 rate versions: it is compared, priced and invoiced.
func BenchmarkLargeStatement(b *testing.B) {
	const rows = 5000
	w := trading(b, "netting files")
	w.run("ALPHA rating.request hour=0")
	d := usage.Direction{From: "ALPHA", To: "BRAVO"}
	tariff, _ := View{w.state}.Tariff(d, "voice")
	tariff.Sheets[0].Rows = rows
	w.state[TariffKey(d, "voice")] = canon.Must(tariff)
	u := UsageState{Period: PeriodRef{"O-AB", hours("0")}, Part: 1, Of: 1}
	for i := range uint32(rows) {
		w.state[RowKey(d, "voice", i)] = canon.Must(ProvenRow{"S-AB", *testSheet().Row(2)})
		u.Lines = append(u.Lines, usage.Line{Row: i, Calls: 10, RawMillis: 600_000, BilledSeconds: 600, Root: canon.Hash{1}})
	}
	u.Root, u.Records = usage.StatementRoot(u.Lines), 10*rows
	ctx := Context{Block: Block{Chain: testChain, Channel: testChannel, Height: 1000, Time: w.time}, Sender: key("ALPHA.channel").Public(), Public: w.public}
	cmd := NewCommand(KindUsageState, u)
	res := w.m.Apply(ctx, w.state, cmd)
	if res.Fault != nil {
		b.Fatal(res.Fault)
	}
	w.state.apply(res.Writes)
	ctx.Sender = key("BRAVO.channel").Public()
	b.ReportAllocs()
	b.SetBytes(int64(len(cmd.Body)))
	for b.Loop() {
		if res := w.m.Apply(ctx, w.state, cmd); res.Fault != nil || len(res.Events) != 3 {
			b.Fatal(res.Fault, res.Events)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
