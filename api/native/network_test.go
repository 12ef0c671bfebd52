package native_test

import (
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
)

// [IDN-03]: members vote on the network's parameters; what enough have voted for
// stands in the record with its height.
func TestMembersVoteOnParameters(t *testing.T) {
	t.Parallel()
	w := opened(t)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"].client(api.Administrator), w.sides["BRAVO"].client(api.Administrator)
	change := wire.ParameterChange{Parameter: "vouchers", Value: 1, From: 1_000_000}
	if _, err := alpha.ProposeParameter(ctx, change); err != nil {
		t.Fatal(err)
	}
	eventually(t, "BRAVO sees the proposal", func() bool {
		all, err := client.Collect(bravo.Proposals(ctx))
		return err == nil && len(all) == 1 && all[0].Change == change && all[0].By == "ALPHA"
	})
	done, err := bravo.VoteParameter(ctx, change)
	if err != nil || len(done.Record.Next) != 1 || done.Record.Next[0] != change || done.Record.Vouchers == 1 {
		t.Fatalf("%+v, %v: want the change to come", done, err)
	}
	if n, err := bravo.Network(ctx); err != nil || len(n.Next) != 1 || n.Vouchers == 1 {
		t.Fatalf("%+v, %v: want the change to come", n, err)
	}
	if all, err := client.Collect(bravo.Proposals(ctx)); err != nil || len(all) != 0 {
		t.Fatalf("%+v, %v: want no proposal left", all, err)
	}
}
