package repute

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/party"
)

// Whatever statements somebody adds, by whatever members it controls, its score does
// not rise, its days do not fall, and what nobody counted counts for nothing.
func TestTradingWithOneselfLiftsNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	random := func(by party.Code) Said {
		n := 1 + r.Uint32N(credit.Last)
		return Said{Statement: Statement{Invoices: n, OnTime: r.Uint32N(n + 1), Days: r.Uint32N(90)}, By: by}
	}
	for range 2000 {
		var said []Said
		trusted := func(c party.Code) bool { return c < "M" }
		for range r.IntN(5) {
			said = append(said, random(party.Code(rune('A'+r.IntN(12)))))
		}
		before := Judge(slices.Values(said), trusted)
		for range 1 + r.IntN(50) { // its own companies, none of which the reader trades with
			s := random(party.Code(rune('N' + r.IntN(12))))
			s.Statement.OnTime = s.Statement.Invoices
			said = append(said, s)
		}
		r.Shuffle(len(said), func(i, j int) { said[i], said[j] = said[j], said[i] })
		after := Judge(slices.Values(said), trusted)
		if after.Score != before.Score || after.Days != before.Days || after.Counted != before.Counted {
			t.Fatalf("%+v became %+v", before, after)
		}
		// One of those whom the reader trades with helps it.
		friend := random("A")
		friend.Statement.OnTime, friend.Statement.Days = friend.Statement.Invoices, 0
		if helped := Judge(slices.Values(append(said, friend)), trusted); before.Counted > 0 && (helped.Score > before.Score || helped.Days < before.Days) {
			t.Fatalf("a friend made %+v of %+v", helped, before)
		}
	}
}

func TestAStatementIsWhatTheHistoryGives(t *testing.T) {
	const day = int64(86_400_000)
	k := sign.FromSeed([32]byte{3})
	s := Of(k.Public(), credit.History{{Issued: 0, Received: 30 * day}, {Issued: 0, Received: 60 * day, Late: true}, {Issued: 0, Received: 45 * day}, {Issued: 0, Received: 45 * day}})
	if s.Score() != 75 || s.Days != 45 || s.Validate() != nil {
		t.Errorf("%+v with score %d", s, s.Score())
	}
	sig := s.Agree(k, "chain-1", "ALPHA")
	if !s.Agreed("chain-1", "ALPHA", sig) || s.Agreed("chain-1", "BRAVO", sig) || s.Agreed("chain-2", "ALPHA", sig) {
		t.Error("an agreement is not bound to who says it, or to the chain")
	}
	other := s
	other.OnTime--
	if other.Agreed("chain-1", "ALPHA", sig) {
		t.Error("an agreement fits another statement")
	}
}

// The bytes that are hashed and signed: a second implementation starts here.
func TestGoldenReputation(t *testing.T) {
	k := sign.FromSeed([32]byte{3})
	if got := Commit(k.Public(), canon.Sum("salt")).String(); got != "c1616e6e8f14304c08966f37f73ee876c2988e56b01af120a7a19f3dc3fc28aa" {
		t.Errorf("a commitment is %s", got)
	}
	if got := canon.Sum("t", Statement{Subject: k.Public(), Invoices: 4, OnTime: 3, Days: 45}.message("chain-1", "ALPHA")).String(); got != "c09f82f27935d733be99ef77e0baaf3cb0a2510d8292507c2bfc778368191ee6" {
		t.Errorf("a message is %s", got)
	}
}
