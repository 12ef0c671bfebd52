package trade

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// rareSheet has what few sheets have: a day and a night, a connect fee, a
// blocked destination.
func rareSheet(t *testing.T) *rating.Sheet {
	row := func(destination, prefix string, change func(*rating.Row)) rating.Row {
		r := rating.Row{Destination: destination, Prefix: prefix, Rate: 60_000_000, Currency: "USD", UnitSeconds: 60, IncrementSeconds: 1, ValidFrom: base - 30*24*hourMs, ValidTo: rating.Open}
		change(&r)
		return r
	}
	s, err := rating.NewSheet([]rating.Row{
		row("France", "33", func(r *rating.Row) { r.ConnectFee = 5_000_000 }),
		row("Satellite", "44", func(r *rating.Row) { r.Rate, r.Blocked = 0, true }),
		row("Germany", "49", func(r *rating.Row) {
			r.Band = usage.Band{Days: usage.Everyday, From: 8 * 60, To: 20 * 60, Zone: "Europe/Berlin"}
		}),
		row("Germany", "49", func(r *rating.Row) {
			r.Band = usage.Band{Days: usage.Everyday, From: 20 * 60, To: 8 * 60, Zone: "Europe/Berlin"}
		}),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The machine takes of a row what the row is for, and prices a line by its
// calls and its seconds.
func TestALineIsOnlyOfWhatItsRowIsFor(t *testing.T) {
	w := trading(t, "files longest-call=4")
	w.rates = rareSheet(t)
	for _, c := range []struct{ line, says string }{
		{"BRAVO sheet.propose id=S-RARE from=0", "done"},
		{"ALPHA sheet.accept id=S-RARE", "done"},
		{"ALPHA rating.request hour=14", "done"},
		{"ALPHA rating.request hour=19", "done"},
		// 14 UTC is 15 in Berlin: the day's row, also four hours, the longest call, before it. 19 UTC is 20: the night's, save
		// for calls that began within the tolerance before it.
		{"BRAVO usage.state hour=14 lines=7:1/60", "row-not-in-force (lines): row 7 (Germany, prefix 49, mon-sun 20:00-08:00 Europe/Berlin) is for no moment of"},
		{"BRAVO usage.state hour=14 lines=5:1/60", "blocked-destination"},
		{"BRAVO usage.state hour=14 lines=4:3/2", "has a connect fee, and the line has 3 calls with 2 billed seconds"},
		{"BRAVO usage.state hour=14 lines=4:2/60,6:1/60", "done"},
		{"ALPHA usage.state hour=14 lines=4:2/60,6:1/60", "period.matched"},
		{"show document id=14.USD.1", "row 4 France 33 at 0.060000000: 2 calls, 60 s, 0.070000 agreed"},
		{"BRAVO usage.state hour=19 lines=7:1/60", "done"},
	} {
		if got := w.run(c.line); !strings.Contains(got, c.says) {
			t.Fatalf("%s: %s\nwant %q", c.line, got, c.says)
		}
	}
}

// What terms and proposals have got later has bytes of its own, and what they
// had before has the bytes of then (TestGoldenCommands).
func TestTheNoticeOfRatesHasOneEncoding(t *testing.T) {
	if hex.EncodeToString(canon.Must(agreement.RateNotice{Increase: 604_800_000, Decrease: 1, Short: agreement.ShortLater})) != "a3011a240c840002010365"+hex.EncodeToString([]byte("later")) {
		t.Errorf("a notice is %x", canon.Must(agreement.RateNotice{Increase: 604_800_000, Decrease: 1, Short: agreement.ShortLater}))
	}
	plain, raising := SheetPropose{ID: "S"}, SheetPropose{ID: "S", Raises: true}
	a, b := hex.EncodeToString(canon.Must(plain)), hex.EncodeToString(canon.Must(raising))
	if b != "aa"+a[2:]+"0af5" || a[:2] != "a9" {
		t.Errorf("a proposal is %s, and %s where a price rises", a, b)
	}
	terms := agreement.Defaults()
	before := canon.Must(terms)
	terms.Notice = agreement.RateNotice{Increase: 1, Short: agreement.RefuseShort}
	after := canon.Must(terms)
	if !bytes.Contains(after, canon.Must(terms.Notice)) || bytes.Contains(before, []byte("refuse")) {
		t.Errorf("terms are %x, and %x with a notice", before, after)
	}
}

// Likewise the ways in which records are put right.
func TestTheNormalisationsOfTermsHaveOneEncoding(t *testing.T) {
	terms := agreement.Defaults()
	before := canon.Must(terms)
	terms.Normalisations = []agreement.Normalisation{
		{Carrier: "ALPHA", Trunk: "T1", Kind: agreement.NormaliseNumber, Strip: "00", Add: "49"},
		{Carrier: "BRAVO", Kind: agreement.NormaliseClock, Offset: -3_600_000},
	}
	after := canon.Must(terms)
	const list = "181a82" + "a50165414c504841026254310366" + "6e756d626572" + "04623030056234" + "39" + "a30165425241564f0365" + "636c6f636b" + "063a0036ee7f"
	if hex.EncodeToString(after[1:]) != hex.EncodeToString(before[1:])+list || after[0] != before[0]+1 {
		t.Errorf("terms are %x, and %x with normalisations", before, after)
	}
}

// Two carriers sign whose records are put right, and can do so for theirs alone.
func TestTermsPutRightTheRecordsOfTheTwoAlone(t *testing.T) {
	tx := &tx{own: "ALPHA", partner: "BRAVO"}
	for carrier, ok := range map[party.Code]bool{"ALPHA": true, "BRAVO": true, "CHARLIE": false} {
		err := tx.checkCarriers([]agreement.Normalisation{{Carrier: carrier, Kind: agreement.NormaliseClock, Offset: 1}})
		if (err == nil) != ok || !ok && fault.Of(err).Field != "terms.normalisations[0].carrier" {
			t.Errorf("%s: %v", carrier, err)
		}
	}
}

// A counter-offer names the offer whose place it takes; an offer over nothing has the
// bytes of before.
func TestACounterOfferHasOneEncoding(t *testing.T) {
	plain := DisputePropose{Verdicts: []Verdict{{Dispute: "D", Calls: 1, BilledSeconds: 2}}, Why: "w"}
	counter := plain
	counter.Replaces = canon.Sum("an offer")
	a, b := hex.EncodeToString(canon.Must(plain)), hex.EncodeToString(canon.Must(counter))
	if a != "a20181a3016144020103020261"+"77" {
		t.Errorf("an offer is %s", a)
	}
	if b != "a3"+a[2:]+"045820"+hex.EncodeToString(counter.Replaces[:]) {
		t.Errorf("an offer is %s, and %s as a counter-offer", a, b)
	}
}
