package voice_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

// everyKind plants 2 % of each.
const everyKind = "all=2%"

// The bytes of a plan are part of what users compare against: they change with
// the generator only, and are the same on every machine.
func TestTheSamePlanGivesTheSameBytes(t *testing.T) {
	digest := func(seed uint64) string {
		m := files(t, voice.Plan{Seed: seed, Prefixes: 200, Plant: planted(t, everyKind)}, 2000)
		truth, err := json.Marshal(m.truth)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for _, part := range [][]byte{m.ours, m.theirs, m.rates, m.theirRates, m.invoice, truth} {
			fmt.Fprintf(h, "%d:", len(part))
			h.Write(part)
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	const golden = "8e1221ad57c9ea8b7b5b1fe357da40741e8bcb021152d8e308d9f5ba9330097a"
	if got := digest(7); got != golden {
		t.Errorf("the plan of seed 7 gives %s, want %s", got, golden)
	}
	if digest(8) == golden {
		t.Error("two seeds gave one traffic")
	}
}

func TestReadersGiveTheFilesAndTheTruth(t *testing.T) {
	p := voice.Plan{Seed: 3, Prefixes: 200, Plant: planted(t, everyKind)}
	const calls = 5000
	m := files(t, p, calls)
	g := generator(t, p)
	ours, theirs := g.Readers(calls)
	other := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(theirs)
		other <- b
	}()
	b, err := io.ReadAll(ours)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, m.ours) || !bytes.Equal(<-other, m.theirs) {
		t.Error("the readers give other bytes than the files have")
	}
	want, _ := json.Marshal(m.truth)
	if got, _ := json.Marshal(g.Truth()); !bytes.Equal(got, want) {
		t.Errorf("truth of the readers\n%s\nof the files\n%s", got, want)
	}
	// They begin anew, whatever was made before.
	again, _ := g.Readers(calls)
	if b, _ = io.ReadAll(again); !bytes.Equal(b, m.ours) {
		t.Error("the second reading gives other bytes")
	}
}

func TestNothingPlantedIsTwoEqualSides(t *testing.T) {
	m := files(t, voice.Plan{Seed: 5}, 3000)
	ours, theirs := rowsOf(t, m.ours), rowsOf(t, m.theirs)
	for i := range ours {
		a, b := slices.Clone(ours[i].fields), slices.Clone(theirs[i].fields)
		a[0], a[8] = strings.Replace(a[0], "C", "X", 1), strings.Replace(a[8], "T", "TG", 1)
		if !slices.Equal(a, b) {
			t.Fatalf("row %d: %q and %q", i, a, b)
		}
	}
	if len(ours) != 3000 || len(theirs) != 3000 || !bytes.Equal(m.rates, m.theirRates) || len(m.truth.Causes) != 0 || m.truth.Totals.Invoice != nil {
		t.Errorf("%d and %d rows, truth %+v", len(ours), len(theirs), m.truth)
	}
}

// cdr is a row of a file of calls, read plainly.
type cdr struct {
	fields   []string
	call     int // number in its id
	start    time.Time
	duration int
}

func (c *cdr) answered() bool     { return c.fields[5] == "success" }
func (c *cdr) way() string        { return c.fields[6] + ">" + c.fields[7] }
func (c *cdr) thirdCarrier() bool { return c.way() != "ALPHA>BRAVO" && c.way() != "BRAVO>ALPHA" }
func (c *cdr) ends() time.Time    { return c.start.Add(time.Duration(c.duration) * time.Millisecond) }

// number gives the called number without what a trunk writes before it.
func (c *cdr) number() string {
	n := c.fields[2]
	for _, prefix := range []string{"+", "1234#", "00"} {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			return rest
		}
	}
	if rest, ok := strings.CutPrefix(n, "0"); ok {
		return "49" + rest
	}
	if rest, ok := strings.CutPrefix(n, "1019"); ok && len(rest) > 10 {
		return rest
	}
	return n
}

func rowsOf(t testing.TB, file []byte) (rows []cdr) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	if lines[0] != voice.UsageHeader {
		t.Fatalf("the first line is %q", lines[0])
	}
	for _, line := range lines[1:] {
		c := cdr{fields: strings.Split(line, ",")}
		var err error
		if c.call, err = strconv.Atoi(strings.Trim(c.fields[0], "CXBR")); err != nil {
			t.Fatal(err)
		}
		if c.start, err = time.Parse(time.RFC3339, c.fields[3]); err != nil {
			t.Fatal(err)
		}
		if c.duration, err = strconv.Atoi(c.fields[4]); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, c)
	}
	return rows
}

// plainRate is a row of a sheet, read plainly.
type plainRate struct {
	destination, prefix, origin string
	price                       string
	rate                        *big.Rat // of a second
	minimum, increment          int
	from, to                    time.Time
}

// id tells rows apart that are of the same price.
func (r *plainRate) id() string { return r.prefix + " " + r.origin + " " + r.price }

// plainSheet is the rows of each prefix.
type plainSheet map[string][]*plainRate

func sheetOf(t testing.TB, file []byte) plainSheet {
	t.Helper()
	sheet := plainSheet{}
	for i, line := range strings.Split(strings.TrimSuffix(string(file), "\n"), "\n") {
		if i == 0 {
			continue
		}
		f := append(strings.Split(line, ","), "")
		rate, ok := new(big.Rat).SetString(f[2])
		if !ok || f[4] != "60" {
			t.Fatalf("row %q", line)
		}
		r := &plainRate{destination: f[0], prefix: f[1], origin: f[9], price: f[2], rate: rate.Mul(rate, big.NewRat(1, 60))}
		r.minimum, _ = strconv.Atoi(f[5])
		r.increment, _ = strconv.Atoi(f[6])
		r.from, _ = time.Parse(time.RFC3339, f[7])
		r.to, _ = time.Parse(time.RFC3339, f[8])
		sheet[r.prefix] = append(sheet[r.prefix], r)
	}
	return sheet
}

// of finds the row of a call: the longest prefix with one in force, of these the
// longest origin.
func (s plainSheet) of(c *cdr) (best *plainRate) {
	number := c.number()
	for n := len(number); n > 0 && best == nil; n-- {
		for _, r := range s[number[:n]] {
			if !c.start.Before(r.from) && c.start.Before(r.to) && strings.HasPrefix(c.fields[1], r.origin) && (best == nil || len(r.origin) > len(best.origin)) {
				best = r
			}
		}
	}
	return best
}

func (r *plainRate) billed(c *cdr) int {
	s := c.duration / 1000
	if c.duration%1000 > 0 {
		s++
	}
	if s == 0 {
		return 0
	}
	total := r.minimum
	for total < s {
		total += r.increment
	}
	return total
}

// roundTo rounds to millionths: half-up, or up.
func roundTo(x *big.Rat, up bool) *big.Int {
	n := new(big.Int).Mul(x.Num(), big.NewInt(1_000_000))
	quotient, rest := n.QuoRem(n, x.Denom(), new(big.Int))
	if twice := new(big.Int).Lsh(rest, 1); up && rest.Sign() > 0 || !up && twice.Cmp(x.Denom()) >= 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient
}

// recount sums a side's answered calls by direction, duplicates once: rounded
// once for each row, or call by call.
func recount(rows []cdr, s plainSheet, callByCall bool) map[string]*big.Int {
	seen := map[string]bool{}
	lines := map[string]*big.Rat{}
	for i := range rows {
		c := &rows[i]
		content := strings.Join(c.fields[1:8], ",")
		if !c.answered() || c.thirdCarrier() || seen[content] {
			continue
		}
		seen[content] = true
		r := s.of(c)
		money := new(big.Rat).Mul(r.rate, big.NewRat(int64(r.billed(c)), 1))
		if callByCall {
			money.SetFrac(roundTo(money, true), big.NewInt(1_000_000))
		}
		key := c.way() + " " + r.id()
		if lines[key] == nil {
			lines[key] = new(big.Rat)
		}
		lines[key].Add(lines[key], money)
	}
	sums := map[string]*big.Int{}
	for key, money := range lines {
		way, _, _ := strings.Cut(key, " ")
		if sums[way] == nil {
			sums[way] = new(big.Int)
		}
		sums[way].Add(sums[way], roundTo(money, false))
	}
	return sums
}

// invoiced adds up an invoice by direction, and checks its lines.
func invoiced(t testing.TB, file []byte) map[string]*big.Int {
	t.Helper()
	sums := map[string]*big.Int{}
	for i, line := range strings.Split(strings.TrimSuffix(string(file), "\n"), "\n") {
		f := strings.Split(line, ",")
		if i == 0 {
			if line != voice.InvoiceHeader {
				t.Fatalf("the invoice begins with %q", line)
			}
			continue
		}
		x, ok := new(big.Rat).SetString(f[9])
		if !ok || len(f) != 10 || f[8] != "USD" {
			t.Fatalf("line %q", line)
		}
		x.Mul(x, big.NewRat(1_000_000, 1))
		way := f[0] + ">" + f[1]
		if sums[way] == nil {
			sums[way] = new(big.Int)
		}
		sums[way].Add(sums[way], x.Num())
	}
	return sums
}

func sameMoney(t testing.TB, what string, got voice.Amounts, want map[string]*big.Int) {
	t.Helper()
	for _, way := range []string{"ALPHA>BRAVO", "BRAVO>ALPHA"} {
		if int64(got[way]["USD"]) != want[way].Int64() {
			t.Errorf("%s, %s: truth says %s, the files %s millionths", what, way, got[way]["USD"], want[way])
		}
	}
}

func TestTruthIsWhatTheFilesAddUpTo(t *testing.T) {
	for _, plant := range []string{"", everyKind, "all=3%,tax_fx=0%", "money_rounding=1%"} {
		m := files(t, voice.Plan{Seed: 11, Prefixes: 300, Plant: planted(t, plant)}, 8000)
		ours, theirs := rowsOf(t, m.ours), rowsOf(t, m.theirs)
		sameMoney(t, plant+": ours", m.truth.Totals.Ours, recount(ours, sheetOf(t, m.rates), false))
		sameMoney(t, plant+": theirs", m.truth.Totals.Theirs, recount(theirs, sheetOf(t, m.theirRates), false))
		if m.truth.Totals.Invoice != nil {
			sameMoney(t, plant+": invoice", m.truth.Totals.Invoice, invoiced(t, m.invoice))
		}
		for side, rows := range [][]cdr{ours, theirs} {
			seen := map[string]bool{}
			var want voice.TrueRows
			for i := range rows {
				content := strings.Join(rows[i].fields[1:8], ",")
				switch want.Read++; {
				case rows[i].thirdCarrier():
					want.Rejected++
				case seen[content]:
					want.Duplicate++
				default:
					want.Accepted++
				}
				seen[content] = true
			}
			if got := []voice.TrueRows{m.truth.Records.Ours, m.truth.Records.Theirs}[side]; got != want {
				t.Errorf("%s: side %d has %+v, truth says %+v", plant, side, want, got)
			}
		}
	}
	// Call by call and with a factor, an invoice is that of the records.
	m := files(t, voice.Plan{Seed: 12, Prefixes: 300, Plant: planted(t, "money_rounding=1%,clock_skew=1%")}, 8000)
	sameMoney(t, "call by call", m.truth.Totals.Invoice, recount(rowsOf(t, m.theirs), sheetOf(t, m.theirRates), true))
}

// What stands between the two bills is the one kind that is planted, and with
// all of them the amounts add up.
func TestAmountsOfKindsLeadFromTheirBillToOurs(t *testing.T) {
	for _, plant := range append(slices.Clone(voice.Kinds), "all") {
		p := voice.Plan{Seed: 21, Prefixes: 300, Plant: planted(t, string(plant)+"=3%")}
		if plant == "clock_skew" { // costs where prices change only
			p.Span = usage.Interval{From: day.From, To: day.From + 20_000}
		}
		m := files(t, p, 6000)
		ours := recount(rowsOf(t, m.ours), sheetOf(t, m.rates), false)
		bill := recount(rowsOf(t, m.theirs), sheetOf(t, m.theirRates), false)
		if m.truth.Invoice != nil {
			bill = invoiced(t, m.invoice)
		}
		for way := range bill {
			difference := bill[way].Sub(bill[way], ours[way])
			for _, c := range m.truth.Causes {
				if c.Cause != "duplicate" {
					difference.Sub(difference, big.NewInt(int64(c.Amount[way]["USD"])))
				}
			}
			if difference.Sign() != 0 {
				t.Errorf("%s, %s: %s millionths between the bills are nobody's", plant, way, difference)
			}
		}
		for _, c := range m.truth.Causes {
			if (c.Cause != "number_format" && c.Cause != "clock_skew" || plant == "clock_skew") && c.Amount["ALPHA>BRAVO"]["USD"] == 0 {
				t.Errorf("%s: %s costs nothing", plant, c.Cause)
			}
		}
	}
}

// Each answered call is looked at by itself, with what both sides have of it.
// What it shows is the kind that was planted, in each of its forms.
func TestEachPlantedKindIsSeenInTheFiles(t *testing.T) {
	m := files(t, voice.Plan{Seed: 31, Prefixes: 400, Plant: planted(t, everyKind)}, 40_000)
	sheets := [2]plainSheet{sheetOf(t, m.rates), sheetOf(t, m.theirRates)}
	type sides [2][]*cdr
	calls := map[int]*sides{}
	for side, file := range [][]byte{m.ours, m.theirs} {
		rows := rowsOf(t, file)
		for i := range rows {
			c := &rows[i]
			if calls[c.call] == nil {
				calls[c.call] = &sides{}
			}
			calls[c.call][side] = append(calls[c.call][side], c)
		}
	}
	found := map[voice.Kind][2]uint64{}
	forms := map[string]int{}
	see := func(k voice.Kind, side int, form string) {
		x := found[k]
		x[side]++
		found[k] = x
		forms[string(k)+" "+form]++
	}
	sameTwice := func(a []*cdr) bool { return len(a) == 2 && slices.Equal(a[0].fields[1:], a[1].fields[1:]) }
	in := func(c *cdr, side string) bool {
		return slices.ContainsFunc(m.truth.Blocks, func(b voice.TrueBlock) bool {
			return b.Side == side && b.Trunk == c.fields[8] && b.Span.Contains(c.start.UnixMilli())
		})
	}
	for _, both := range calls {
		if !slices.ContainsFunc(append(slices.Clone(both[0]), both[1]...), (*cdr).answered) {
			continue
		}
		for side, name := range []string{"ours", "theirs"} {
			mine, other := both[side], both[1-side]
			switch {
			case len(mine) == 0 && in(other[0], name):
				see("missing_block", side, name)
			case len(mine) == 0:
				see("missing_random", side, name)
			case sameTwice(mine):
				form := "under one id"
				if mine[0].fields[0] != mine[1].fields[0] {
					form = "under two ids"
				}
				see("duplicate", side, form)
			case len(mine) > 1:
				// Each piece lasts until the next begins, the last until the call
				// ends, rounded up to what divides all of them.
				step := 1
				for _, of := range []int{6_000, 60_000} {
					if !slices.ContainsFunc(mine, func(c *cdr) bool { return c.duration%of != 0 }) {
						step = of
					}
				}
				for i, c := range mine {
					end := other[0].ends()
					if i < len(mine)-1 {
						end = mine[i+1].start
					}
					if over := c.ends().Sub(end).Milliseconds(); over < 0 || over >= int64(step) {
						t.Errorf("%q ends %d ms behind its piece of %q", c.fields, over, other[0].fields)
					}
				}
				if !mine[0].start.Equal(other[0].start) {
					t.Errorf("%q does not begin with %q", mine[0].fields, other[0].fields)
				}
				see("split_call", side, fmt.Sprint(len(mine), " to ", step))
			case mine[0].thirdCarrier():
				see("wrong_partner", side, name)
			case !mine[0].answered():
				if gap := other[0].start.Sub(mine[0].start); gap < 0 || gap > 22*time.Second || other[0].duration < 1000 || other[0].duration > 3000 {
					t.Errorf("%q and %q", mine[0].fields, other[0].fields)
				}
				see("answer_race", side, mine[0].fields[5])
			}
		}
		if len(both[0]) != 1 || len(both[1]) != 1 || both[0][0].thirdCarrier() || both[1][0].thirdCarrier() || !both[0][0].answered() || !both[1][0].answered() {
			continue
		}
		a, b := both[0][0], both[1][0]
		gap := b.start.Sub(a.start)
		ours, theirs := sheets[0].of(a), sheets[1].of(b)
		switch {
		case b.fields[2] != a.fields[2]:
			see("number_format", 1, strings.TrimSuffix(b.fields[2], b.number()[2:])[:1]+strconv.Itoa(len(b.fields[2])-len(a.fields[2])))
			if b.number() != a.fields[2] {
				t.Errorf("%q and %q", a.fields, b.fields)
			}
		case gap != 0 && gap%(15*time.Minute) == 0:
			see("time_zone", 1, gap.String())
		case gap != 0:
			form := "single"
			if n, _ := strconv.Atoi(b.fields[8][2:]); n > 5 {
				form = gap.String()
			} else if gap.Abs() > 2*time.Second {
				t.Errorf("%q and %q", a.fields, b.fields)
			}
			see("clock_skew", 1, form)
		case a.duration != b.duration:
			form := "single"
			if n, _ := strconv.Atoi(b.fields[8][2:]); n > 5 {
				form = b.fields[8]
			} else if d := max(a.duration-b.duration, b.duration-a.duration); d < 1000 || d > 3000 {
				t.Errorf("%q and %q", a.fields, b.fields)
			}
			see("duration_rounding", 1, form)
		case ours.prefix != theirs.prefix:
			see("dial_code", 1, strconv.FormatBool(len(ours.prefix) > len(theirs.prefix)))
		case theirs.origin != "":
			see("origin_surcharge", 1, theirs.origin)
		case ours.price != theirs.price:
			if len(sheets[1][theirs.prefix]) > 1 {
				see("late_price", 1, strconv.FormatBool(theirs.from.Before(ours.from)))
			} else {
				see("rate_version", 1, strconv.FormatBool(len(sheets[0][ours.prefix]) > 1))
			}
		}
	}
	for _, c := range m.truth.Causes {
		if got := found[c.Cause]; got != [2]uint64{c.Calls.Ours, c.Calls.Theirs} {
			t.Errorf("%s: %v seen in the files, truth says %+v", c.Cause, got, c.Calls)
		}
		// 70 % of 2 % of the calls, of which a price that is late touches some.
		if n := c.Calls.Ours + c.Calls.Theirs; slices.Index(voice.Kinds, c.Cause) < 10 && (n < 420 || n > 700) {
			t.Errorf("%s: %d calls are not 2 %%", c.Cause, n)
		}
	}
	number := map[string]int{}
	for form := range forms {
		kind, _, _ := strings.Cut(form, " ")
		number[kind]++
	}
	want := map[string]int{
		"duplicate": 2, "number_format": 5, "time_zone": 3, "wrong_partner": 2, "missing_block": 2, "missing_random": 2, "split_call": 6,
		"answer_race": 2, "clock_skew": 3, "duration_rounding": 5, "dial_code": 2, "rate_version": 2, "late_price": 2, "origin_surcharge": 2,
	}
	for kind, n := range want {
		if number[kind] != n {
			t.Errorf("%s appears in %d forms, want %d: %v", kind, number[kind], n, forms)
		}
	}
}

// The traffic is like that of a wholesale route.
func TestTrafficIsAsItIsDescribed(t *testing.T) {
	const calls = 50_000
	month := usage.Interval{From: day.From, To: day.From + 30*86_400_000}
	m := files(t, voice.Plan{Seed: 41, Prefixes: 5000, Span: month}, calls)
	rows := rowsOf(t, m.ours)
	answered, total, back, withheld, redialled := 0, 0, 0, 0, 0
	last := map[string]time.Time{}
	for i := range rows {
		c := &rows[i]
		if !month.Contains(c.start.UnixMilli()) {
			t.Fatalf("%q starts outside the span", c.fields)
		}
		if c.answered() {
			answered++
			total += c.duration
		}
		if c.way() == "BRAVO>ALPHA" {
			back++
		}
		if c.fields[1] == "" {
			withheld++
		}
		pair := c.fields[1] + ">" + c.fields[2]
		if at, ok := last[pair]; ok && c.start.Sub(at) > 0 && c.start.Sub(at) < 21*time.Second {
			redialled++
		}
		last[pair] = c.start
	}
	changed, roundings := 0, map[string]bool{}
	for _, rows := range sheetOf(t, m.rates) {
		if len(rows) == 2 && rows[0].to.Equal(rows[1].from) && rows[0].price != rows[1].price {
			changed++
		}
		roundings[fmt.Sprintf("%d/%d", rows[0].minimum, rows[0].increment)] = true
	}
	for _, c := range []struct {
		what           string
		got, low, high int
	}{
		{"answered", answered, calls * 69 / 100, calls * 71 / 100},
		{"mean duration", total / answered, 175_000, 185_000},
		{"from them to us", back, calls * 28 / 100, calls * 32 / 100},
		{"withheld origins", withheld, calls / 100, calls * 3 / 100},
		{"redialled", redialled, calls * 9 / 100, calls * 11 / 100},
		{"prefixes that change price", changed, 950, 1000},
		{"roundings", len(roundings), 3, 3},
	} {
		if c.got < c.low || c.got > c.high {
			t.Errorf("%s: %d, want %d to %d", c.what, c.got, c.low, c.high)
		}
	}
}

func TestAPlanThatCannotBeCarriedOutIsRefused(t *testing.T) {
	good := voice.Plan{Ours: "ALPHA", Theirs: "BRAVO", Span: day}
	for name, change := range map[string]func(*voice.Plan){
		"no carrier":       func(p *voice.Plan) { p.Theirs = "" },
		"one carrier":      func(p *voice.Plan) { p.Theirs = "ALPHA" },
		"no time":          func(p *voice.Plan) { p.Span = usage.Interval{} },
		"too short a time": func(p *voice.Plan) { p.Span.To = p.Span.From + 999 },
		"few prefixes":     func(p *voice.Plan) { p.Prefixes = 9 },
		"many prefixes":    func(p *voice.Plan) { p.Prefixes = 1_000_001 },
		"no currency":      func(p *voice.Plan) { p.Currency = "XYZ" },
		"an unknown kind":  func(p *voice.Plan) { p.Plant = voice.Plant{"fraud": 1} },
		"everything wrong": func(p *voice.Plan) { p.Plant = voice.Plant{"missing_random": 700_000} },
		"all in blocks":    func(p *voice.Plan) { p.Plant = voice.Plant{"missing_block": 400_000} },
		"no room in the sheet": func(p *voice.Plan) {
			p.Prefixes, p.Plant = 20, voice.Plant{"dial_code": 1, "rate_version": 1, "late_price": 1}
		},
		"trunks in single calls": func(p *voice.Plan) { p.Single, p.Plant = true, voice.Plant{"time_zone": 1} },
	} {
		p := good
		change(&p)
		if _, err := voice.NewGenerator(p); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := voice.NewGenerator(good); err != nil {
		t.Error(err)
	}
}

func TestSharesAreReadAsPercent(t *testing.T) {
	p := planted(t, "late_price=0.25%, all=1%,duplicate=0%,tax_fx=12.5%")
	if len(p) != len(voice.Kinds) || p["late_price"] != 2500 || p["duplicate"] != 0 || p["tax_fx"] != 125_000 || p["split_call"] != 10_000 {
		t.Errorf("read %v", p)
	}
	text, err := json.Marshal(voice.Plant{"late_price": 2500, "tax_fx": 125_000, "duplicate": 100_000, "split_call": 1})
	if want := `{"duplicate":"10%","late_price":"0.25%","split_call":"0.0001%","tax_fx":"12.5%"}`; err != nil || string(text) != want {
		t.Errorf("written %s, %v", text, err)
	}
	for _, bad := range []string{"late_price", "late_price=1", "late_price=101%", "late_price=-1%", "late_price=0.00001%", "late=1%", "=1%",
		"late_price=1%,late_price=2%", ",", "all=x%"} {
		if p, err := voice.ParsePlant(bad); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q is read as %v, %v", bad, p, err)
		}
	}
}
