package clearing

import (
	"testing"

	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
)

// A rate that does not come out even: what each cause costs still adds up to the
// difference between the two sides, to the millionth.
func TestTheCausesOfALineAddUpToItsDifference(t *testing.T) {
	rate, err := money.ParseRate("0.0333333")
	if err != nil {
		t.Fatal(err)
	}
	row := &rating.Row{Rate: rate, UnitSeconds: 60}
	charge := func(calls, seconds uint64) money.Micro {
		m, err := row.Charge(calls, seconds, money.HalfUp)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	x := dispute.Dispute{ID: "d", Seller: dispute.Figures{Calls: 5, BilledSeconds: 307, Amount: charge(5, 307)}, Buyer: dispute.Figures{Calls: 4, BilledSeconds: 228, Amount: charge(4, 228)}}
	count := tally{}
	for _, c := range []reconcile.Case{
		{Kind: reconcile.OnlySeller, SellerSeconds: 61},
		{Kind: reconcile.OnlySeller, SellerSeconds: 59},
		{Kind: reconcile.OnlyBuyer, BuyerSeconds: 47},
		{Kind: reconcile.Longer, SellerSeconds: 67, BuyerSeconds: 60},
	} {
		count.Answer(c)
	}
	sum := steps{}
	if err := sum.line(x, row, money.HalfUp, count[reconcile.Ref{}]); err != nil {
		t.Fatal(err)
	}
	total := money.Micro(0)
	for _, s := range sum {
		total += s.Amount
	}
	if total != x.Buyer.Amount-x.Seller.Amount {
		t.Errorf("the causes come to %v, the difference is %v", total, x.Buyer.Amount-x.Seller.Amount)
	}
	for cause, calls := range map[Cause]uint64{CauseOnlySeller: 2, CauseOnlyBuyer: 1, CauseDuration: 1} {
		if sum[cause] == nil || sum[cause].Calls != calls {
			t.Errorf("%s: %+v, want %d calls", cause, sum[cause], calls)
		}
	}
	if sum[CauseOther] == nil || sum[CauseOther].Calls != 0 {
		t.Errorf("one second is within the tolerance: %+v", sum[CauseOther])
	}
}

// Without records nobody can say why.
func TestALineWithoutRecordsIsUnexplained(t *testing.T) {
	sum := steps{}
	x := dispute.Dispute{ID: "d", Seller: dispute.Figures{Amount: 7}, Buyer: dispute.Figures{Amount: 4}}
	if err := sum.line(x, nil, money.HalfUp, nil); err != nil {
		t.Fatal(err)
	}
	if s := sum[CauseUnexplained]; len(sum) != 1 || s == nil || s.Amount != -3 || len(s.Disputes) != 1 {
		t.Errorf("got %+v", sum)
	}
}
