package node

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
)

// What a node has for the board of a round stands there although its own node does
// not begin with posting it; what the board would refuse nobody carries.
func TestPartnersPostWhatANodeHasForTheBoard(t *testing.T) {
	dir := t.TempDir()
	var found Founding
	found.Name, found.Start = "test", time.Now().Add(-time.Second).UnixMilli()
	var setups []Setup
	var follow []Endpoint
	for _, code := range []party.Code{"ALPHA", "BRAVO", "CHARLIE"} {
		o := InitOptions{Dir: filepath.Join(dir, string(code)), Carrier: code, LegalName: string(code), Country: "CH", Exchange: free(t), API: free(t), WorkFactor: 10, FollowAt: follow}
		if follow == nil {
			o.Validator, o.P2P, o.Follow = "one", free(t), free(t)
		}
		s, err := Init(o)
		if err != nil {
			t.Fatal(err)
		}
		if follow == nil {
			found.Validators = []ledger.Validator{*s.Validator}
			follow = []Endpoint{{Name: "one", Key: s.ValidatorNode, Address: o.Follow}}
		}
		found.Members = append(found.Members, *s.Application)
		setups = append(setups, s)
	}
	network, genesis, err := found.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*Node
	for _, s := range setups {
		s.Config.Network, s.Config.Genesis = network, genesis
		nodes = append(nodes, run(t, s.Config))
	}
	a := nodes[0]
	ctx := t.Context()
	for _, n := range nodes {
		eventually(t, "the node is ready", func() bool {
			select {
			case <-n.member.Ready():
				return true
			default:
				return false
			}
		})
	}
	for _, partner := range []party.Code{"BRAVO", "CHARLIE"} {
		eventually(t, "the Bilateral is open", func() bool { return a.OpenBilateral(ctx, partner) == nil })
		eventually(t, "both have a desk", func() bool {
			_, ours := a.Desk(partner)
			_, theirs := nodes[map[party.Code]int{"BRAVO": 1, "CHARLIE": 2}[partner]].Desk("ALPHA")
			return ours && theirs
		})
	}
	submit := func(k trade.Kind, body any) {
		t.Helper()
		c, err := a.sign(canon.Hash{}, trade.NewCommand(k, body))
		if err != nil {
			t.Fatal(err)
		}
		out, err := a.member.Omni().Submit(ctx, c)
		if err == nil {
			err = channel.FirstErr(out)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	finance, _ := a.keys.delegate(party.Finance)
	submit(trade.KindDelegateAdd, trade.DelegateAdd{Key: finance.Public(), Name: "treasury", Roles: []party.Role{party.Finance}, Limits: []money.Amount{{Currency: "USD", Micro: 1e9}}})
	id, now := canon.Sum("round"), time.Now().UnixMilli()
	submit(trade.KindRoundCall, trade.RoundCall{ID: id, Currency: "USD", Method: netting.ByCirculation, JoinBy: now + 3_600_000, SignBy: now + 7_200_000})

	var r trade.Round
	for _, n := range nodes {
		eventually(t, "all know the round", func() (ok bool) {
			_ = n.member.Omni().View(func(v channel.View) error {
				r, ok = trade.View{Records: v}.Round(id)
				return nil
			})
			return ok
		})
	}
	keys := [2]sign.PrivateKey{sign.FromSeed([32]byte{1}), sign.FromSeed([32]byte{2})}
	o := netting.Offer{Round: r.Netting(a.network.ChainID).Hash(), Debtor: keys[0].Public(), Creditor: keys[1].Public(), Amount: 5e6}
	offer := netting.SignedOffer{Offer: o, Debtor: o.Sign(keys[0]), Creditor: o.Sign(keys[1])}
	if err := a.carry(ctx, trade.NewCommand(trade.KindRoundOffer, trade.RoundOffer{Round: id, Offers: []netting.SignedOffer{offer}})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the offer stands on the board", func() (there bool) {
		_ = a.member.Omni().View(func(v channel.View) error {
			_, there = trade.View{Records: v}.RoundOffer(id, o.Debtor, o.Creditor)
			return nil
		})
		return there
	})

	forged := offer
	forged.Creditor = forged.Debtor
	signed := trade.RoundSign{Round: id, Signed: netting.Signed{Key: o.Debtor}}
	authorized, _ := a.sign(canon.Hash{}, trade.NewCommand(trade.KindRoundPay, trade.RoundPay{Round: id}))
	for _, bad := range []trade.Command{
		trade.NewCommand(trade.KindRoundOffer, trade.RoundOffer{Round: id, Offers: []netting.SignedOffer{forged}}),
		trade.NewCommand(trade.KindRoundOffer, trade.RoundOffer{Round: canon.Sum("no round"), Offers: []netting.SignedOffer{offer}}),
		trade.NewCommand(trade.KindRoundOffer, trade.RoundOffer{Round: id, Offers: []netting.SignedOffer{offer, offer, offer, offer, offer}}),
		trade.NewCommand(trade.KindRoundSign, signed),
		trade.NewCommand(trade.KindTick, trade.Tick{Subject: trade.RoundKey(id)}),
		authorized,
	} {
		if err := a.carry(ctx, bad); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%s was carried: %v", bad.Kind, err)
		}
	}
}
