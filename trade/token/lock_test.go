package token

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

// Whatever old totals a side leaves with: when the other shows the last ones that
// were signed, it has at least its share, and the two have exactly what was locked.
func TestWhoeverLeavesWithOldTotalsTakesNothingFromTheOther(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 3000 {
		l := Lock{Amount: Amount{"USDt", money.Micro(1 + r.Int64N(1_000_000))}}
		totals := [][2]money.Micro{{}}
		for range r.IntN(20) {
			last := totals[len(totals)-1]
			owner, partner, err := l.Split(last)
			if err != nil {
				t.Fatal(err)
			}
			if r.IntN(2) == 0 {
				last[OwnerSide] += money.Micro(r.Int64N(int64(owner) + 1))
			} else {
				last[PartnerSide] += money.Micro(r.Int64N(int64(partner) + 1))
			}
			totals = append(totals, last)
		}
		now := totals[len(totals)-1]
		owner, partner, err := l.Split(now)
		if err != nil {
			t.Fatal(err)
		}
		cheat := Side(r.IntN(2))
		old := totals[r.IntN(len(totals))]
		l.Exit = &Exit{By: cheat, Totals: now}
		l.Exit.Totals[cheat] = old[cheat] // it cannot invent what the other has signed
		if old[cheat] < now[cheat] {      // the other shows the last one
			l.Exit.Totals[cheat], l.Exit.Stale = now[cheat], true
		}
		o, p, err := l.Leave()
		if err != nil || o+p != l.Amount.Micro || o < 0 || p < 0 {
			t.Fatalf("%v leaves with %v instead of %v: %s and %s of %s (%v)", cheat, old, now, o, p, l.Amount, err)
		}
		if cheat == OwnerSide && p < partner || cheat == PartnerSide && o < owner {
			t.Fatalf("%v leaves with %v instead of %v: the other has less than its share", cheat, old, now)
		}
	}
}

func TestTotalsBeyondALockAreRefused(t *testing.T) {
	l := Lock{Amount: Amount{"USDt", 100}}
	for _, totals := range [][2]money.Micro{{101, 0}, {0, 1}, {math.MaxInt64, 0}, {math.MinInt64, 1}, {0, math.MinInt64}} {
		if o, p, err := l.Split(totals); err == nil {
			t.Errorf("%v gives %s and %s", totals, o, p)
		}
	}
}

// The bytes that the keys of locks sign: a second implementation starts here.
func TestGoldenLockSignatures(t *testing.T) {
	k := sign.FromSeed([32]byte{7})
	id := canon.Sum("golden")
	for name, c := range map[string]struct{ got, want string }{
		"paid":    {canon.Sum("t", Paid{Lock: id, Round: 3, By: PartnerSide, Total: 5_000_000}.message("chain-1")).String(), "61273657a4f18c0f6aab1d7f578809ab794c58818d522df5409c97d45d71c672"},
		"change":  {Changes{List: []Change{{Lock: id, Round: 3, Amount: 60, Back: 40}}, Until: 1234}.Hash("chain-1").String(), "1a16385faa4b10335aa0b50f84936bf483ad670e56d47eeb33851392b2b1455f"},
		"claim":   {canon.Sum("t", claim("chain-1", id, "BRAVO")).String(), "cabf9ba1a4c789068d2c9998bd886e7990c60993ffba3d62873724244cc72fa1"},
		"issue":   {Issue{ID: "I-1", Token: "USDt", Act: Act{Kind: Mint, Amount: money.Amount{Currency: "USD", Micro: 5}}}.Hash().String(), "af88fddbe2feda441c97570c26f85ea8adf129c7bf284db005adfac3cb7be3e5"},
		"its key": {k.Public().String(), "a2fa2f4a355ba2e907a53009e9e37caddf7ac7e66a08ba07631f553072b3f24c"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
	l := Lock{ID: id, Keys: [2]sign.PublicKey{k.Public(), sign.FromSeed([32]byte{8}).Public()}}
	s := Paid{Lock: id, By: OwnerSide, Total: 5}.Sign(k, "chain-1")
	if s.Check(l, "chain-1") != nil || s.Check(l, "chain-2") == nil {
		t.Error("a total is not bound to its chain")
	}
	s.Paid.By = PartnerSide
	if s.Check(l, "chain-1") == nil {
		t.Error("the owner signs for the partner")
	}
}
