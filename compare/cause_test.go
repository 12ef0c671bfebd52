package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
)

// made builds two sides' rows from calls that both have.
type made struct {
	ours, theirs []string
	n            int
}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func rowOf(id string, origin, dest string, at time.Time, ms int, result, way, trunk string) string {
	return fmt.Sprintf("%s,%s,%s,%s,%d,%s,%s,%s", id, origin, dest, at.Format("2006-01-02T15:04:05.000Z07:00"), ms, result, way, trunk)
}

// call adds a call of a minute to both sides, unless edit changes or empties one
// side's row.
func (m *made) call(edit func(ours, theirs *string)) {
	m.n++
	at := noon.Add(time.Duration(m.n) * 7 * time.Second)
	dest := fmt.Sprintf("4930%07d", m.n*7919%10_000_000)
	a := rowOf(fmt.Sprintf("C%d", m.n), "12125550100", dest, at, 60_000, "success", "ALPHA,BRAVO", "T1")
	b := rowOf(fmt.Sprintf("X%d", m.n), "12125550100", dest, at, 60_000, "success", "ALPHA,BRAVO", "TG1")
	if edit != nil {
		edit(&a, &b)
	}
	if a != "" {
		m.ours = append(m.ours, a)
	}
	if b != "" {
		m.theirs = append(m.theirs, b)
	}
}

func (m *made) calls(n int) {
	for range n {
		m.call(nil)
	}
}

// parsed takes a row apart.
func at(n int) time.Time { return noon.Add(time.Duration(n) * 7 * time.Second) }

func TestEachCauseIsFoundWhereItIs(t *testing.T) {
	germany := []string{"Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,", "NANP,1,0.01,USD,60,1,1,2026-01-01T00:00:00Z,"}
	dest := func(n int) string { return fmt.Sprintf("4930%07d", n*7919%10_000_000) }
	theirs := func(m *made, dest string, at time.Time, ms int, trunk string) string {
		return rowOf(fmt.Sprintf("X%d", m.n), "12125550100", dest, at, ms, "success", "ALPHA,BRAVO", trunk)
	}
	for _, c := range []struct {
		name   string
		cause  Cause
		calls  uint64
		amount string
		plant  func(m *made)
		also   []Cause // other causes that the same calls have
		ours   []string
		theirs []string // sheets; nil: both have the same
	}{
		{name: "duplicates of theirs", cause: Duplicate, calls: 3, amount: "0.180000", plant: func(m *made) {
			for i := range 3 {
				m.call(func(a, b *string) {
					m.theirs = append(m.theirs, "Y"+fmt.Sprint(i)+(*b)[len(fmt.Sprintf("X%d", m.n)):])
				})
			}
		}},
		{name: "numbers with 00", cause: NumberFormat, calls: 5, amount: "0.000000", plant: func(m *made) {
			for range 5 {
				m.call(func(a, b *string) { *b = theirs(m, "00"+dest(m.n), at(m.n), 60_000, "TG9") })
			}
		}},
		{name: "national numbers", cause: NumberFormat, calls: 5, amount: "0.000000", plant: func(m *made) {
			for range 5 {
				m.call(func(a, b *string) { *b = theirs(m, "0"+dest(m.n)[2:], at(m.n), 60_000, "TG9") })
			}
		}},
		{name: "a technical prefix of digits", cause: NumberFormat, calls: 5, amount: "0.000000", plant: func(m *made) {
			for range 5 {
				m.call(func(a, b *string) { *b = theirs(m, "1019"+dest(m.n), at(m.n), 60_000, "TG9") })
			}
		}},
		{name: "a technical prefix with a hash", cause: NumberFormat, calls: 5, amount: "0.000000", plant: func(m *made) {
			for range 5 {
				m.call(func(a, b *string) { *b = theirs(m, "77#"+dest(m.n), at(m.n), 60_000, "TG9") })
			}
		}},
		{name: "numbers without their country", cause: NumberFormat, calls: 5, amount: "0.000000", plant: func(m *made) {
			for range 5 {
				m.call(func(a, b *string) { *b = theirs(m, dest(m.n)[2:], at(m.n), 60_000, "TG9") })
			}
		}},
		{name: "a trunk an hour late, over a change of price", cause: TimeZone, calls: 4, amount: "0.240000", plant: func(m *made) {
			for range 4 {
				m.call(func(a, b *string) { *b = theirs(m, dest(m.n), at(m.n).Add(time.Hour), 60_000, "TG9") })
			}
		}, ours: []string{"Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-02T13:00:00Z", "Germany,49,0.12,USD,60,1,1,2026-11-02T13:00:00Z,"}},
		{name: "calls that ours has under another carrier", cause: WrongPartner, calls: 2, amount: "0.120000", plant: func(m *made) {
			for range 2 {
				m.call(func(a, b *string) {
					*a = rowOf(fmt.Sprintf("C%d", m.n), "12125550100", dest(m.n), at(m.n), 60_000, "success", "ALPHA,CHARLIE", "T1")
				})
			}
		}},
		{name: "calls that theirs lacks for a time", cause: MissingBlock, calls: 30, amount: "-1.800000", plant: func(m *made) {
			for range 30 {
				m.call(func(a, b *string) { *b = "" })
			}
		}},
		{name: "calls of many trunks that theirs lacks for a time", cause: MissingBlock, calls: 30, amount: "-1.800000", plant: func(m *made) {
			for i := range 30 {
				m.call(func(a, b *string) { *a, *b = strings.Replace(*a, ",T1", fmt.Sprintf(",T%d", i%10), 1), "" })
			}
		}},
		{name: "a trunk that theirs lacks altogether", cause: MissingBlock, calls: 6, amount: "-0.360000", plant: func(m *made) {
			for range 6 {
				m.call(func(a, b *string) { *a, *b = strings.Replace(*a, ",T1", ",T7", 1), "" })
				m.calls(30)
			}
		}},
		{name: "single calls that theirs lacks", cause: MissingRandom, calls: 6, amount: "-0.360000", plant: func(m *made) {
			for range 6 {
				m.call(func(a, b *string) { *b = "" })
				m.calls(20)
			}
		}},
		{name: "a call in three parts", cause: SplitCall, calls: 2, amount: "0.002000", plant: func(m *made) {
			for range 2 {
				m.call(func(a, b *string) {
					*b = theirs(m, dest(m.n), at(m.n), 20_000, "TG1")
					m.theirs = append(m.theirs, "Y"+theirs(m, dest(m.n), at(m.n).Add(20_000*time.Millisecond), 20_500, "TG1"), "Z"+theirs(m, dest(m.n), at(m.n).Add(40_500*time.Millisecond), 19_500, "TG1"))
				})
			}
		}},
		{name: "short calls that ours has not answered", cause: AnswerRace, calls: 3, amount: "0.006000", plant: func(m *made) {
			for range 3 {
				m.call(func(a, b *string) {
					*a = rowOf(fmt.Sprintf("C%d", m.n), "12125550100", dest(m.n), at(m.n).Add(-9*time.Second), 0, "rna", "ALPHA,BRAVO", "T1")
					*b = theirs(m, dest(m.n), at(m.n), 1_900, "TG1")
				})
			}
		}},
		{name: "a trunk two seconds late, over a change of price", cause: ClockSkew, calls: 10, amount: "0.060000", plant: func(m *made) {
			for range 10 {
				m.call(func(a, b *string) { *b = theirs(m, dest(m.n), at(m.n).Add(2*time.Second), 60_000, "TG9") })
			}
		}, ours: []string{"Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-02T12:35:08Z", "Germany,49,0.12,USD,60,1,1,2026-11-02T12:35:08Z,"}},
		{name: "a trunk forty seconds late", cause: ClockSkew, calls: 10, amount: "0.000000", plant: func(m *made) {
			for range 10 {
				m.call(func(a, b *string) { *b = theirs(m, dest(m.n), at(m.n).Add(40*time.Second), 60_000, "TG9") })
			}
		}},
		{name: "durations rounded up", cause: DurationRounding, calls: 4, amount: "0.020000", plant: func(m *made) {
			for range 4 {
				m.call(func(a, b *string) {
					*a = rowOf(fmt.Sprintf("C%d", m.n), "12125550100", dest(m.n), at(m.n), 61_000, "success", "ALPHA,BRAVO", "T1")
					*b = theirs(m, dest(m.n), at(m.n), 66_000, "TG1")
				})
			}
		}},
		{name: "a break-out that their sheet lacks", cause: DialCode, calls: 7, amount: "0.280000", plant: func(m *made) {
			for i := range 7 {
				m.call(func(a, b *string) {
					d := fmt.Sprintf("4915%07d", i*1111)
					*a = rowOf(fmt.Sprintf("C%d", m.n), "12125550100", d, at(m.n), 60_000, "success", "ALPHA,BRAVO", "T1")
					*b = theirs(m, d, at(m.n), 60_000, "TG1")
				})
			}
		}, ours: slices.Concat(germany, []string{"Germany Mobile,4915,0.02,USD,60,1,1,2026-01-01T00:00:00Z,"}), theirs: germany},
		{name: "an old version of a rate", cause: RateVersion, calls: 300, amount: "3.000000", plant: func(m *made) {}, ours: []string{"Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-01T00:00:00Z", "Germany,49,0.05,USD,60,1,1,2026-11-01T00:00:00Z,"}, theirs: germany},
		{name: "a price that they change later", cause: LatePrice, calls: 85, amount: "-0.850000", plant: func(m *made) {},
			ours:   []string{"Germany,49,0.05,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-02T12:00:00Z", "Germany,49,0.06,USD,60,1,1,2026-11-02T12:00:00Z,"},
			theirs: []string{"Germany,49,0.05,USD,60,1,1,2026-01-01T00:00:00Z,2026-11-02T12:10:00Z", "Germany,49,0.06,USD,60,1,1,2026-11-02T12:10:00Z,"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &made{}
			m.calls(300)
			c.plant(m)
			if c.calls < 100 {
				m.calls(300)
			}
			if c.ours == nil {
				c.ours = germany
			}
			job := Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{sheet(t, c.ours...)}}
			if c.theirs != nil {
				job.TheirRates[0] = sheet(t, c.theirs...)
			}
			r := compared(t, job)
			for _, f := range r.Causes {
				want, calls := money.Micro(0), uint64(0)
				if f.Cause == c.cause {
					want, _ = money.ParseMicro(c.amount)
					calls = c.calls
				}
				if got := f.Amount["ALPHA>BRAVO"]["USD"]; (got != want || f.Calls != calls) && !slices.Contains(c.also, f.Cause) {
					t.Errorf("%s: %s, %d calls; want %s, %d calls", f.Cause, got, f.Calls, want, calls)
				}
			}
			if t.Failed() {
				t.Logf("%+v, only ours %d, only theirs %d, %+v", r.Matched, r.OnlyOurs, r.OnlyTheirs, r.Records)
			}
		})
	}
}

// A call that we cannot price and that costs nothing with them is no matter of
// dial codes. One that would cost something by our duration is, and is written
// although no row names its direction.
func TestACallWithoutAPriceOnEitherBillIsNoMatterOfDialCodes(t *testing.T) {
	row := rowOf("1", "12125550100", "493012345678", noon, 0, "success", "ALPHA,BRAVO", "T")
	blink := rowOf("2", "12125550100", "493012345679", noon, 900, "success", "ALPHA,BRAVO", "T")
	with := "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to,connect_fee\n"
	fees, _, err := voice.ReadSheet(strings.NewReader(with + "Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,,0.01\nFrance,33,0.06,USD,60,1,1,2026-01-01T00:00:00Z,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	france := sheet(t, "France,33,0.06,USD,60,1,1,2026-01-01T00:00:00Z,")
	unanswered := rowOf("2", "12125550100", "493012345679", noon, 0, "success", "ALPHA,BRAVO", "T")
	r, dir := written(t, Job{Records: [2]Input{text(file2([]string{row, blink})), text(file2([]string{row, unanswered}))}, Rates: [2]*rating.Sheet{france}, TheirRates: [2]*rating.Sheet{fees}})
	if n := r.cause(DialCode).Calls; n != 1 {
		t.Errorf("%d calls have another dial code, one has", n)
	}
	if rows := rowsOf(t, dir, "causes/dial_code-summary.csv"); len(rows) != 1 || rows[0]["direction"] != "ALPHA>BRAVO" {
		t.Errorf("the summary has %v", rows)
	}
}

// With one book, what one side does not know of an origin is all that can move a
// price, and the records show it.
func TestAnOriginThatOneSideDoesNotKnowIsFoundWithoutTheirSheet(t *testing.T) {
	with := "destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to,origin_prefix\n"
	s, _, err := voice.ReadSheet(strings.NewReader(with + "Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,,\nBerlin,4930,0.12,USD,60,1,1,2026-01-01T00:00:00Z,,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		origin string
		calls  uint64
	}{{"12125550100", 0}, {"", 1}} {
		mine := rowOf("1", "12125550100", "493012345678", noon, 60_000, "success", "ALPHA,BRAVO", "T")
		yours := rowOf("1", c.origin, "493012345678", noon, 60_000, "success", "ALPHA,BRAVO", "T")
		r := compared(t, Job{Records: [2]Input{text(file2([]string{mine})), text(file2([]string{yours}))}, Rates: [2]*rating.Sheet{s}})
		got := r.cause(OriginSurcharge)
		if got.Calls != c.calls || got.Testable != (c.calls > 0) || c.calls > 0 && got.Amount["ALPHA>BRAVO"]["USD"] != -60_000 {
			t.Errorf("with the origin %q: %+v", c.origin, got)
		}
		for _, other := range r.Causes {
			if !other.Testable && other.Calls > 0 {
				t.Errorf("%s is not testable and has %d calls", other.Cause, other.Calls)
			}
		}
	}
}

// What is written differently on one trunk hides nothing else there: numbers,
// times and durations may all differ, and a call may stand under another name.
func TestWhatIsWrittenDifferentlyIsLearnedTogether(t *testing.T) {
	germany := sheet(t, "Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,")
	for _, c := range []struct {
		name   string
		number string
		later  time.Duration
		cause  Cause
	}{
		{"00 and a zone", "00", time.Hour, TimeZone},
		{"00 and a clock", "00", 40 * time.Second, ClockSkew},
		{"a technical prefix and a zone", "7788", -330 * time.Minute, TimeZone},
		{"a technical prefix and a clock", "99#", 40 * time.Second, ClockSkew},
	} {
		var m made
		for n := range 30 {
			m.call(func(ours, theirs *string) {
				f := strings.Split(*ours, ",")
				origin := fmt.Sprintf("1212555%04d", n)
				*ours = rowOf(f[0], origin, f[2], at(m.n), 60_123+n*777, "success", "ALPHA,BRAVO", "T1")
				way := "ALPHA,BRAVO"
				if n%10 == 9 {
					way = "ALPHA,CHARLIE"
				}
				whole := (60_123 + n*777 + 59_999) / 60_000 * 60_000
				*theirs = rowOf("X"+f[0], origin, c.number+f[2], at(m.n).Add(c.later), whole, "success", way, "TG1")
			})
		}
		r := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{germany}})
		for cause, calls := range map[Cause]uint64{NumberFormat: 27, c.cause: 27, DurationRounding: 27, WrongPartner: 3, MissingRandom: 0, MissingBlock: 0} {
			if got := r.cause(cause).Calls; got != calls {
				t.Errorf("%s: %s has %d calls, want %d; learned %+v", c.name, cause, got, calls, r.Learned)
			}
		}
	}
}

// Generated traffic has numbers of many destinations with one end, all of one
// caller: that is no rewriting.
func TestDestinationsWhoseNumbersEndAlikeAreNotTakenForEachOther(t *testing.T) {
	s := sheet(t, "Germany,49,0.02,USD,60,1,1,2026-01-01T00:00:00Z,", "France,33,0.03,USD,60,1,1,2026-01-01T00:00:00Z,")
	for _, form := range []string{"00", "7788"} {
		var ours, theirs []string
		for i := range 200 {
			for k, head := range []string{"4930", "3310"} {
				number := fmt.Sprintf("%s%06d", head, i)
				start := noon.Add(time.Duration(k)*time.Hour + time.Duration(i)*7*time.Second)
				ours = append(ours, rowOf(fmt.Sprint(number), "12125550100", number, start, 60_000, "success", "ALPHA,BRAVO", "T"))
				theirs = append(theirs, rowOf(fmt.Sprint(number), "12125550100", form+number, start, 60_000, "success", "ALPHA,BRAVO", "T"))
			}
		}
		r := compared(t, Job{Records: [2]Input{text(file2(ours)), text(file2(theirs))}, Rates: [2]*rating.Sheet{s}})
		if r.Matched.Exact != 400 || len(r.Learned) != 1 {
			t.Errorf("%s: %+v, learned %+v", form, r.Matched, r.Learned)
		}
	}
}

// Two trunks of one side are off, and one of the other, whose calls mostly go by
// these. What is learned at once is the same whichever side is ours.
func TestClocksThatAreOffOnBothSidesAreLearnedFromEither(t *testing.T) {
	const good, late, later = 0, 1, 2 // trunks of the one side; 0 and 1 are of the other, and 1 is 20 s behind
	for _, s := range []side{ours, theirs} {
		l := newLearner(3000)
		for k, v := range map[[2]uint16]habit.Vote{{late, 1}: {Calls: 10, Sum: -70_000 * 10}, {late, 0}: {Calls: 20, Sum: -50_000 * 20}, {good, 1}: {Calls: 9, Sum: -20_000 * 9},
			{later, 1}: {Calls: 4, Sum: -55_000 * 4}, {later, 0}: {Calls: 10, Sum: -35_000 * 10}} {
			at, sum := trunks{k[0], k[1]}, v.Sum // theirs - ours
			if s == theirs {
				at, sum = trunks{k[1], k[0]}, -v.Sum
			}
			l.clocks[clockVote{at, habit.Seconds(sum / int64(v.Calls))}] = habit.Vote{Calls: v.Calls, Sum: sum}
			l.apart[at] = v.Calls
		}
		at := trunks{good, 0}
		l.near[at] = 20
		forms, trunks := newNames(1, ""), newNames(3, "good", "late", "later")
		got := l.learn([2]*names{forms, forms}, [2]*names{trunks, trunks}).clocks
		if want := map[uint16]habit.Clock{late: {Millis: 50_000}, later: {Millis: 35_000}}; !maps.Equal(got[s], want) {
			t.Errorf("%s: learned %v of the one side, want %v", s, got[s], want)
		}
		if want := map[uint16]habit.Clock{1: {Millis: -20_000}}; !maps.Equal(got[1-s], want) {
			t.Errorf("%s: learned %v of the other side, want %v", s, got[1-s], want)
		}
	}
}

// Where hardly any distance of two starts is allowed, a clock may be off by less
// than what a zone may miss its quarter hour by.
func TestAClockThatIsOffByASecondIsNoZone(t *testing.T) {
	var m made
	for range 20 {
		m.call(func(_, theirs *string) {
			*theirs = rowOf(fmt.Sprintf("X%d", m.n), "12125550100", strings.Split(*theirs, ",")[2], at(m.n).Add(1500*time.Millisecond), 60_000, "success", "ALPHA,BRAVO", "TG1")
		})
	}
	r := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}, StartTolerance: time.Second})
	if r.Matched.Skewed != 20 || len(r.Learned) != 1 || r.Learned[0].Kind != "clock" || r.cause(ClockSkew).Calls != 20 {
		t.Errorf("%+v, learned %+v", r.Matched, r.Learned)
	}
}

// Blocks are listed by side and time, whatever trunk was met first.
func TestBlocksAreListedByTime(t *testing.T) {
	var m made
	for n := range 200 {
		m.call(func(ours, theirs *string) {
			*ours = strings.TrimSuffix(*ours, "T1") + fmt.Sprint("T", n%2)
			if n%2 == 0 && n >= 100 && n < 140 || n%2 == 1 && n >= 20 && n < 60 {
				*theirs = ""
			}
		})
	}
	one := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}})
	slices.Reverse(m.ours)
	two := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}})
	if len(one.Blocks) != 2 || one.Blocks[0].Trunk != "T1" || !slices.Equal(one.Blocks, two.Blocks) {
		t.Errorf("%+v and read backwards %+v", one.Blocks, two.Blocks)
	}
}

// Redials that one side has at other times speak for a clock; the calls that find
// their partners speak against it.
func TestRedialsDoNotMoveAClockThatIsRight(t *testing.T) {
	var m made
	m.calls(10)
	for group := range 3 {
		number := fmt.Sprintf("49301111111%d", group)
		for n := range 3 {
			start := noon.Add(time.Duration(group)*time.Hour + time.Duration(n)*500*time.Millisecond)
			m.ours = append(m.ours, rowOf(fmt.Sprintf("R%d-%d", group, n), "12125550100", number, start, 60_000, "success", "ALPHA,BRAVO", "T1"))
			m.theirs = append(m.theirs, rowOf(fmt.Sprintf("R%d-%d", group, n), "12125550100", number, start.Add(1490*time.Millisecond), 60_000, "success", "ALPHA,BRAVO", "TG1"))
		}
	}
	r := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}, StartTolerance: time.Millisecond})
	if r.Matched.Exact != 10 || len(r.Learned) != 0 {
		t.Errorf("%+v, learned %+v", r.Matched, r.Learned)
	}
}

// Between two outages of a trunk lie calls that both have: they are two blocks.
func TestTwoOutagesOfATrunkAreTwoBlocks(t *testing.T) {
	m := &made{}
	for range 2 {
		m.calls(2000)
		for range 20 {
			m.call(func(_, b *string) { *b = "" })
		}
	}
	m.calls(2000)
	r := compared(t, Job{Records: [2]Input{text(file2(m.ours)), text(file2(m.theirs))}, Rates: [2]*rating.Sheet{sheet(t, "Germany,49,0.06,USD,60,1,1,2026-01-01T00:00:00Z,")}})
	if len(r.Blocks) != 2 || r.Blocks[0].Calls != 20 || r.Blocks[1].Calls != 20 || r.cause(MissingBlock).Calls != 40 {
		t.Errorf("%+v, %d calls", r.Blocks, r.cause(MissingBlock).Calls)
	}
}
