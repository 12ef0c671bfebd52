package settlement

import (
	"math"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

var pair = [2]party.Code{"ALPHA", "BRAVO"}

func claim(payee party.Code, c money.Currency, m money.Micro) Claimed {
	return Claimed{Payee: payee, Amount: money.Amount{Currency: c, Micro: m}}
}

// [CR22], [CD2]: the result holds both gross sums, the net and who pays.
func TestNet(t *testing.T) {
	got, err := Net(pair, []Claimed{claim("ALPHA", "USD", 100), claim("BRAVO", "USD", 250), claim("BRAVO", "EUR", 7), claim("ALPHA", "EUR", 7), claim("ALPHA", "CHF", 3)})
	if err != nil {
		t.Fatal(err)
	}
	want := []Sum{
		{"CHF", [2]money.Micro{3, 0}, 3, "BRAVO", "ALPHA", 0},
		{"EUR", [2]money.Micro{7, 7}, 0, "", "", 0},
		{"USD", [2]money.Micro{100, 250}, 150, "ALPHA", "BRAVO", 0},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

// By due date a day's claims are offset among themselves only, in order of day.
func TestClaimsOfTwoDaysAreNettedByThemselves(t *testing.T) {
	on := func(c Claimed, day int64) Claimed { c.Day = day; return c }
	got, err := Net(pair, []Claimed{on(claim("ALPHA", "USD", 100), 2), on(claim("BRAVO", "USD", 30), 1), on(claim("BRAVO", "USD", 40), 2)})
	want := []Sum{{"USD", [2]money.Micro{0, 30}, 30, "ALPHA", "BRAVO", 1}, {"USD", [2]money.Micro{100, 40}, 60, "BRAVO", "ALPHA", 2}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
}

func TestNetRefusesWhatItCannotSum(t *testing.T) {
	for name, c := range map[string]struct {
		claims []Claimed
		want   fault.Code
	}{
		"a stranger's claim": {[]Claimed{claim("CHARLIE", "USD", 1)}, fault.Invalid},
		"more than there is": {[]Claimed{claim("ALPHA", "USD", math.MaxInt64), claim("ALPHA", "USD", 1)}, money.CodeOverflow},
	} {
		if _, err := Net(pair, c.claims); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if got, err := Net(pair, nil); err != nil || len(got) != 0 {
		t.Errorf("no claims give %v, %v", got, err)
	}
}

// A claim, its move to another purpose and its release leave nothing behind.
func TestPostingsCancel(t *testing.T) {
	books := map[Account]money.Micro{}
	post := func(ps ...Posting) {
		for _, p := range ps {
			books[p.From] -= p.Amount
			books[p.To] += p.Amount
		}
	}
	post(Claim("BRAVO", "ALPHA", "USD", Invoiced, 5))
	if books[Account{"BRAVO", Invoiced, "USD"}] != 5 || books[Account{"ALPHA", Invoiced, "USD"}] != -5 {
		t.Fatalf("%v", books)
	}
	post(Move("BRAVO", "ALPHA", "USD", Invoiced, Final, 5)...)
	if books[Account{"BRAVO", Final, "USD"}] != 5 || books[Account{"ALPHA", Final, "USD"}] != -5 {
		t.Fatalf("%v", books)
	}
	post(Claim("ALPHA", "BRAVO", "USD", Final, 5)) // the other way round: takes it back
	for a, m := range books {
		if m != 0 {
			t.Errorf("%v holds %s", a, m)
		}
	}
}
