package native_test

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
)

// [SET-08]: a treasurer calls a round, once however often it is sent, sees it, and has
// the desks take part while it is open.
func TestATreasurerCallsAndJoinsARoundOverTheAPI(t *testing.T) {
	t.Parallel()
	w := opened(t)
	ctx := within(t)
	a, b := w.sides["ALPHA"], w.sides["BRAVO"]
	a.clear(clearing.Automatic{})
	b.clear(clearing.Automatic{})
	a.public(native.MemberKey, trade.KindDelegateAdd, trade.DelegateAdd{Key: a.keys.delegates[party.Finance].Public(), Name: "treasury", Roles: []party.Role{party.Finance}, Limits: limits})
	finance := a.client(api.Finance)
	in := func(d time.Duration) wire.Time { return wire.Time(time.Now().Add(d).UnixMilli()) }
	body := wire.CallRound{Currency: "USD", JoinBy: in(time.Hour), SignBy: in(2 * time.Hour)}
	called := must(finance.CallRound(ctx, body, "the round of today"))
	id := called.Record.ID
	if r := called.Record; r.State != netting.Joining || r.Method != netting.ByCirculation || r.Caller != "ALPHA" || r.JoinBy != body.JoinBy {
		t.Errorf("called: %+v", r)
	}
	if again := must(finance.CallRound(ctx, body, "the round of today")); !again.Repeated || again.Record.ID != id {
		t.Errorf("called again: %+v", again)
	}
	if _, err := finance.CallRound(ctx, wire.CallRound{Currency: "USD", JoinBy: in(2 * time.Hour), SignBy: in(time.Hour)}, "another"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a round that ends before it begins: %v", err)
	}
	eventually(t, "BRAVO sees it", func() bool {
		for r, err := range b.client(api.Clerk).Rounds(ctx, client.Filter{"state": "joining"}) {
			return err == nil && r.ID == id
		}
		return false
	})
	if j := must(b.client(api.Finance).JoinRound(ctx, id, wire.JoinRound{Limit: 5e6})); len(j.Partners) != 1 || j.Partners[0] != "ALPHA" {
		t.Errorf("joined: %+v", j)
	}
	if d := must(finance.Round(ctx, id)); d.ID != id || len(d.Debts)+len(d.Payments)+len(d.Pairs) != 0 {
		t.Errorf("shown: %+v", d)
	}
	for _, bad := range []struct {
		id   canon.Hash
		body wire.JoinRound
		code fault.Code
	}{{canon.Sum("no round"), wire.JoinRound{}, fault.NotFound}, {id, wire.JoinRound{Partner: "CHARLIE"}, fault.NotFound}, {id, wire.JoinRound{Limit: -1}, fault.Invalid}} {
		if _, err := finance.JoinRound(ctx, bad.id, bad.body); fault.CodeOf(err) != bad.code {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
