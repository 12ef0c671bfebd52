package native_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// usdt reads an amount of USDt.
func usdt(s string) token.Amount {
	return token.Amount{Token: "USDt", Micro: must(money.ParseMicro(s))}
}

func usd(s string) money.Amount {
	return money.Amount{Currency: "USD", Micro: must(money.ParseMicro(s))}
}

// signed has a command prepared by a side's node, signs it with a person's key and
// submits it.
func (s *side) signed(ctx context.Context, key sign.PrivateKey, kind trade.Kind, body any) (wire.Receipt, error) {
	c := s.client(api.Finance)
	var fields map[string]any
	if err := json.Unmarshal(must(json.Marshal(body)), &fields); err != nil {
		return wire.Receipt{}, err
	}
	w, err := c.Prepare(ctx, wire.Prepare{Kind: kind, Body: fields})
	if err != nil {
		return wire.Receipt{}, err
	}
	a := trade.Prepared{Chain: w.Chain, Channel: w.Channel, Kind: w.Kind, Body: w.Body, Expires: int64(w.Expires), Nonce: w.Nonce}.Sign(key).Authorization
	w.Key, w.Signature = a.Delegate, a.Signature
	return c.Submit(ctx, w)
}

// mint is a world in which ALPHA issues USDt by two officers, and both carriers'
// nodes have a treasurer on the Omnilateral.
type mint struct {
	*world
	ctx         context.Context
	alpha       *side
	bravo       *side
	ivan, ines  sign.PrivateKey // ALPHA's officers
	alphaMoney  *client.Client
	bravoMoney  *client.Client
	alphaReader *client.Client
}

func newMint(t *testing.T) *mint {
	m := &mint{world: newWorld(t), ctx: within(t), ivan: must(sign.Generate(nil)), ines: must(sign.Generate(nil))}
	m.alpha, m.bravo = m.sides["ALPHA"], m.sides["BRAVO"]
	m.alphaMoney, m.bravoMoney, m.alphaReader = m.alpha.client(api.Finance), m.bravo.client(api.Finance), m.alpha.client(api.Auditor)
	limits := []money.Amount{usd("1000")}
	for _, d := range []struct {
		s    *side
		key  sign.PublicKey
		name string
		may  []party.Role
	}{
		{m.alpha, m.ivan.Public(), "Ivan", []party.Role{party.Issuer, party.Compliance}},
		{m.alpha, m.ines.Public(), "Ines", []party.Role{party.Issuer, party.Compliance}},
		{m.alpha, m.alpha.keys.delegates[party.Finance].Public(), "treasury of ALPHA", []party.Role{party.Finance}},
		{m.bravo, m.bravo.keys.delegates[party.Finance].Public(), "treasury of BRAVO", []party.Role{party.Finance}},
	} {
		if _, err := d.s.client(api.Administrator).AddPublicDelegate(m.ctx, wire.AddDelegate{Key: d.key, Name: d.name, Roles: d.may, Limits: limits}); err != nil {
			t.Fatal(err)
		}
	}
	k, err := m.alpha.client(api.Administrator).DefineToken(m.ctx, wire.DefineToken{Token: "USDt", Cap: 1_000_000_000, Redeem: 3_600_000})
	if err != nil || k.Record.State != token.Asked {
		t.Fatalf("the token is %+v, %v", k.Record, err)
	}
	m.known(t, m.bravo)
	if k, err = m.bravo.client(api.Administrator).ApproveToken(m.ctx, "USDt"); err != nil || k.Record.State != token.Active {
		t.Fatalf("the token is %+v, %v", k.Record, err)
	}
	m.known(t, m.alpha)
	return m
}

// known waits until a side has executed what the other has.
func (m *mint) known(t *testing.T, s *side) {
	t.Helper()
	height, _ := s.other().member.Height()
	eventually(t, "both sides are at one height", func() bool { h, _ := s.member.Height(); return h >= height })
}

// act proposes an act by one officer and has the other approve it.
func (m *mint) act(t *testing.T, id string, a token.Act) {
	t.Helper()
	if _, err := m.alpha.signed(m.ctx, m.ivan, trade.KindIssuePropose, trade.IssuePropose{ID: id, Token: "USDt", Act: a}); err != nil {
		t.Fatal(err)
	}
	if err := m.approve(id, m.ines); err != nil {
		t.Fatal(err)
	}
}

func (m *mint) approve(id string, key sign.PrivateKey) error {
	i, err := m.alphaMoney.Act(m.ctx, "USDt", id)
	if err != nil {
		return err
	}
	_, err = m.alpha.signed(m.ctx, key, trade.KindIssueApprove, trade.IssueAnswer{ID: id, Token: "USDt", Hash: i.Hash})
	return err
}

// funded mints 600 and gives BRAVO 100 of them.
func (m *mint) funded(t *testing.T) {
	t.Helper()
	m.act(t, "IN-1", token.Act{Kind: token.ReserveIn, Amount: usd("600"), Reference: "BANK-1", Evidence: canon.Hash{1}})
	m.act(t, "MINT-1", token.Act{Kind: token.Mint, Amount: usd("600")})
	if _, err := m.alphaMoney.Transfer(m.ctx, wire.MakeTransfers{Transfers: []wire.MakeTransfer{{ID: "T-0", To: "BRAVO", Amount: usdt("100")}}}, ""); err != nil {
		t.Fatal(err)
	}
	m.known(t, m.bravo)
}

// has gives what a side has on an account.
func (m *mint) has(t *testing.T, c *client.Client, purpose, currency string) string {
	t.Helper()
	all, err := client.Collect(c.Accounts(m.ctx, client.Filter{"purpose": purpose, "currency": currency}))
	if err != nil || len(all) > 1 {
		t.Fatalf("%s %s: %v, %v", purpose, currency, all, err)
	}
	if len(all) == 0 {
		return "none"
	}
	return all[0].Amount.String()
}

func TestMoneyGoesFromReserveToRedemptionByTheInterface(t *testing.T) {
	m := newMint(t)
	ctx := m.ctx

	// One person alone does nothing, whatever key the node has.
	if _, err := m.alpha.signed(ctx, m.ivan, trade.KindIssuePropose, trade.IssuePropose{ID: "IN-0", Token: "USDt",
		Act: token.Act{Kind: token.ReserveIn, Amount: usd("1"), Reference: "BANK-0", Evidence: canon.Hash{1}}}); err != nil {
		t.Fatal(err)
	}
	if err := m.approve("IN-0", m.ivan); fault.CodeOf(err) != trade.CodeSecondPerson {
		t.Errorf("one officer twice: %v", err)
	}
	if err := m.approve("IN-0", m.alpha.keys.delegates[party.Finance]); fault.CodeOf(err) != trade.CodeDelegateRole {
		t.Errorf("the node's treasurer as the second person: %v", err)
	}
	if _, err := m.alpha.signed(ctx, m.ines, trade.KindIssueReject, trade.IssueAnswer{ID: "IN-0", Token: "USDt",
		Hash: must(m.alphaMoney.Act(ctx, "USDt", "IN-0")).Hash, Why: "No such payment."}); err != nil {
		t.Fatal(err)
	}
	m.funded(t)
	waiting, err := client.Collect(m.bravoMoney.Acts(ctx, "USDt", client.Filter{"state": "rejected"}))
	if err != nil || len(waiting) != 1 || waiting[0].ID != "IN-0" || waiting[0].Answered == nil || waiting[0].Hash.IsZero() {
		t.Errorf("rejected are %+v, %v", waiting, err)
	}

	k, err := m.bravoMoney.Token(ctx, "USDt")
	if err != nil || k.Supply != 600_000_000 || !k.Covered || len(k.Reserve) != 1 || k.Reserve[0] != (wire.Reserve{Currency: "USD", Have: 600_000_000, Needed: 600_000_000}) {
		t.Errorf("the token is %+v, %v", k, err)
	}

	// A hold is paid out in part, and the rest is back.
	until := wire.Time(time.Now().Add(time.Hour).UnixMilli())
	h, err := m.bravoMoney.PlaceHold(ctx, wire.PlaceHold{To: "ALPHA", Amount: usdt("10"), Expires: until}, "order 7")
	if err != nil || h.Record.State != token.Pending {
		t.Fatalf("held: %+v, %v", h, err)
	}
	if again, err := m.bravoMoney.PlaceHold(ctx, wire.PlaceHold{To: "ALPHA", Amount: usdt("10"), Expires: until}, "order 7"); err != nil || !again.Repeated || again.Record.ID != h.Record.ID {
		t.Errorf("held twice: %+v, %v", again, err)
	}
	if _, err := m.bravoMoney.PlaceHold(ctx, wire.PlaceHold{To: "ALPHA", Amount: usdt("11"), Expires: until}, "order 7"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("another hold under the key: %v", err)
	}
	part := usdt("4")
	if h, err = m.bravoMoney.PostHold(ctx, "BRAVO", h.Record.ID, wire.PostHold{Amount: &part}); err != nil || h.Record.State != token.Posted || h.Record.Posted != part {
		t.Errorf("posted: %+v, %v", h.Record, err)
	}
	if h, err = m.bravoMoney.PlaceHold(ctx, wire.PlaceHold{ID: "H-2", To: "ALPHA", Amount: usdt("10"), Expires: until}, ""); err != nil {
		t.Fatal(err)
	}
	if h, err = m.bravoMoney.VoidHold(ctx, "BRAVO", "H-2"); err != nil || h.Record.State != token.Void {
		t.Errorf("given back: %+v, %v", h.Record, err)
	}
	if got := m.has(t, m.bravoMoney, "available", "USDt") + m.has(t, m.bravoMoney, "held", "USDt"); got != "96.0000000.000000" {
		t.Errorf("BRAVO has %s", got)
	}

	// A redemption is paid by two persons, and supply and reserve go down at once.
	r, err := m.bravoMoney.Redeem(ctx, wire.Redeem{ID: "R-1", Amount: usdt("50"), Account: canon.Hash{7}}, "")
	if err != nil || r.Record.State != token.Pending || r.Record.Expires == 0 {
		t.Fatalf("redeemed: %+v, %v", r, err)
	}
	m.known(t, m.alpha)
	asked, err := client.Collect(m.alphaMoney.Redemptions(ctx, client.Filter{"state": "pending"}))
	if err != nil || len(asked) != 1 || asked[0].Owner != "BRAVO" {
		t.Errorf("the issuer sees %+v, %v", asked, err)
	}
	m.act(t, "PAY-1", token.Act{Kind: token.Redeem, Member: "BRAVO", Redemption: "R-1", Paid: []money.Amount{usd("50")}, Reference: "BANK-2", Evidence: canon.Hash{2}})
	a, err := m.alphaReader.Audit(ctx)
	if err != nil || a.Height == 0 || len(a.Tokens) != 1 || a.Tokens[0].Supply != 550_000_000 || a.Tokens[0].Held != 550_000_000 || a.Sum["USDt"] != 0 || a.Sum["USD"] != 0 {
		t.Errorf("the audit finds %+v, %v", a, err)
	}

	// The statement adds up to the account.
	m.known(t, m.bravo)
	balance := money.Micro(0)
	for j, err := range m.bravoMoney.Movements(ctx, client.Filter{"currency": "USDt", "purpose": "available"}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range j.Postings {
			mine := settlement.Account{Party: "BRAVO", Purpose: settlement.Available, Currency: "USDt"}
			if p.To == mine {
				balance += p.Amount
			}
			if p.From == mine {
				balance -= p.Amount
			}
		}
	}
	if got := m.has(t, m.bravoMoney, "available", "USDt"); got != balance.String() || got != "46.000000" {
		t.Errorf("BRAVO has %s, and its statement says %s", got, balance)
	}
	if none, err := client.Collect(m.bravoMoney.Movements(ctx, client.Filter{"to": "2020-01-01T00:00:00Z"})); err != nil || len(none) != 0 {
		t.Errorf("before the beginning there are %+v, %v", none, err)
	}
	page := client.Page{Limit: 1}
	if one, err := client.Collect(m.bravo.client(api.Finance).OnePage(&page).Movements(ctx, nil)); err != nil || len(one) != 1 || page.Next == "" {
		t.Errorf("a page of one is %+v, next %q, %v", one, page.Next, err)
	}
	if got, err := client.Collect(m.bravoMoney.Transfers(ctx, client.Filter{"received": "true"})); err != nil || len(got) != 1 || got[0].Sender != "ALPHA" || got[0].For != settlement.Available {
		t.Errorf("BRAVO has got %+v, %v", got, err)
	}

	// What everybody can check without a node.
	doc, err := m.alphaReader.TokenProof(ctx, "USDt")
	if err != nil {
		t.Fatal(err)
	}
	public, ok := proof.ReadPublic(doc)
	if !ok {
		t.Fatal("the proof is not read")
	}
	network := local.Network("test", sign.FromSeed([32]byte{1}).Public())
	v, err := public.Verify(proof.Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
		h, root, at, err := local.VerifyCertificate(network, cert)
		return uint64(h), root, at, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if b, _, err := trade.Cover(v.Records, "USDt", v.Time); err != nil || b.Supply != 550_000_000 || b.Reserve[0].Micro != 550_000_000 {
		t.Errorf("proven is %+v, %v", b, err)
	}
}

// Two sorts of tokens change hands, and tokens are locked.
func TestSwapsAndLocksByTheInterface(t *testing.T) {
	m := newMint(t)
	m.funded(t)
	ctx := m.ctx
	if _, err := m.bravo.client(api.Administrator).DefineToken(ctx, wire.DefineToken{Token: "EURt", Cap: 1_000_000_000, Redeem: 3_600_000}); err != nil {
		t.Fatal(err)
	}
	m.known(t, m.alpha)
	if _, err := m.alpha.client(api.Administrator).ApproveToken(ctx, "EURt"); err != nil {
		t.Fatal(err)
	}
	m.known(t, m.bravo)
	until := wire.Time(time.Now().Add(time.Hour).UnixMilli())
	eur := token.Amount{Token: "EURt", Micro: 9_000_000}
	x, err := m.bravoMoney.OfferSwap(ctx, wire.OfferSwap{Gives: usdt("10"), Wants: eur, Expires: until}, "swap 1")
	if err != nil || x.Record.State != token.Pending {
		t.Fatalf("offered: %+v, %v", x, err)
	}
	m.known(t, m.alpha)
	open, err := client.Collect(m.alphaMoney.Swaps(ctx, nil))
	if err != nil || len(open) != 1 {
		t.Fatalf("ALPHA may take %+v, %v", open, err)
	}
	if _, err := m.alphaMoney.TakeSwap(ctx, "BRAVO", open[0].ID, wire.TakeSwap{Gives: usdt("11"), Wants: eur}); fault.CodeOf(err) != trade.CodePaymentAmount {
		t.Errorf("another swap than was read: %v", err)
	}
	if _, err := m.alphaMoney.TakeSwap(ctx, "BRAVO", open[0].ID, wire.TakeSwap{Gives: usdt("10"), Wants: eur}); fault.CodeOf(err) != trade.CodeBeyondLimit {
		t.Errorf("the treasurer has no limit in EUR: %v", err)
	}
	if x, err = m.bravoMoney.CancelSwap(ctx, "BRAVO", open[0].ID); err != nil || x.Record.State != token.Void {
		t.Errorf("withdrawn: %+v, %v", x.Record, err)
	}

	own, partner := must(sign.Generate(nil)).Public(), must(sign.Generate(nil)).Public()
	asked := wire.OpenLock{Amount: usdt("20"), Key: own, Partner: partner}
	l, err := m.bravoMoney.OpenLock(ctx, asked, "lock 1")
	if err != nil || l.Record.State != token.Locked || l.Record.Key != own || l.Record.Partner != partner {
		t.Fatalf("locked: %+v, %v", l.Record, err)
	}
	if again, err := m.bravoMoney.OpenLock(ctx, asked, "lock 1"); err != nil || !again.Repeated || again.Record.ID != l.Record.ID {
		t.Errorf("locked twice: %+v, %v", again, err)
	}
	if l, err = m.bravoMoney.TopUpLock(ctx, l.Record.ID, wire.TopUpLock{Was: 20_000_000, More: 5_000_000}); err != nil || l.Record.Amount != usdt("25") {
		t.Errorf("topped up: %+v, %v", l.Record, err)
	}
	if _, err = m.bravoMoney.TopUpLock(ctx, l.Record.ID, wire.TopUpLock{Was: 20_000_000, More: 5_000_000}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("topped up twice: %v", err)
	}
	if all, err := client.Collect(m.bravoMoney.Locks(ctx, client.Filter{"state": "locked"})); err != nil || len(all) != 1 {
		t.Errorf("locks are %+v, %v", all, err)
	}
	if got := m.has(t, m.bravoMoney, "deposit", "USDt"); got != "25.000000" {
		t.Errorf("in deposit is %s", got)
	}
}

// A treasurer's system that has got no answer sends the same again: to the node as
// it comes back from a crash, and many times at once.
func TestATransferThatIsSentAgainIsMadeOnce(t *testing.T) {
	m := newMint(t)
	m.funded(t)
	list := wire.MakeTransfers{Transfers: []wire.MakeTransfer{{To: "ALPHA", Amount: usdt("7")}, {To: "ALPHA", Amount: usdt("7")}}}
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			if _, err := m.bravoMoney.Transfer(m.ctx, list, "salaries of May"); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	if got := m.has(t, m.bravoMoney, "available", "USDt"); got != "86.000000" {
		t.Fatalf("after four requests at once BRAVO has %s", got)
	}

	// It asks, and the node dies before it answers.
	more := wire.MakeTransfers{Transfers: append(slices.Clone(list.Transfers), wire.MakeTransfer{ID: "T-3", To: "ALPHA", Amount: usdt("1")})}
	sent := make(chan struct{})
	asking, stop := context.WithCancel(m.ctx)
	c := m.bravo.client(api.Finance)
	go func() {
		defer close(sent)
		_, _ = c.Transfer(asking, more, "salaries of May") // its answer is lost
	}()
	time.Sleep(5 * time.Millisecond) // at whatever step it is then
	stop()
	<-sent
	m.bravo.stop()
	m.bravo.start()
	select {
	case <-m.bravo.member.Ready():
	case <-m.ctx.Done():
		t.Fatal("the node has not come back")
	}
	back := m.bravo.client(api.Finance)
	if _, err := back.Transfer(m.ctx, more, "salaries of May"); err != nil {
		t.Fatal(err)
	}
	again, err := back.Transfer(m.ctx, more, "salaries of May")
	if err != nil || !again.Repeated || len(again.Transfers) != 3 || again.Receipt.Kind != "" {
		t.Errorf("once more: %+v, %v", again, err)
	}
	if got := m.has(t, back, "available", "USDt"); got != "85.000000" {
		t.Errorf("after the crash BRAVO has %s", got)
	}
	more.Transfers[2].Amount = usdt("2")
	if _, err := back.Transfer(m.ctx, more, "salaries of May"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("another transfer under the id: %v", err)
	}
}

func TestWhatARateIsIsSaidByItsSources(t *testing.T) {
	m := newMint(t)
	oracles := []sign.PrivateKey{must(sign.Generate(nil)), must(sign.Generate(nil)), must(sign.Generate(nil))}
	var sources []sign.PublicKey
	for i, k := range oracles {
		sources = append(sources, k.Public())
		if _, err := m.alpha.client(api.Administrator).AddPublicDelegate(m.ctx, wire.AddDelegate{Key: k.Public(), Name: "oracle " + string(rune('1'+i)), Roles: []party.Role{party.Oracle}}); err != nil {
			t.Fatal(err)
		}
	}
	pair := token.Pair{Base: "EUR", Quote: "USD"}
	m.act(t, "FEED", token.Act{Kind: token.SetFeed, Feed: &token.Feed{Pair: pair, Sources: sources, Quorum: 2, Stale: 3_600_000, Deviation: 10_000}})
	now := time.Now().UnixMilli()
	for i, rate := range []string{"1.08", "1.081"} {
		if i == 1 {
			if f, err := m.alphaReader.Feed(m.ctx, "EUR", "USD"); err != nil || f.Rate != 0 || f.Problem == "" {
				t.Errorf("by one source the rate is %+v, %v", f, err)
			}
		}
		if _, err := m.alpha.signed(m.ctx, oracles[i], trade.KindFeedState, trade.FeedState{Pair: pair, Rate: must(money.ParseRate(rate)), At: now}); err != nil {
			t.Fatal(err)
		}
	}
	// The node signs for a source of its own, if it has such a key.
	m.alpha.keys.delegates[party.Oracle] = oracles[2]
	f, err := m.alphaMoney.StateRate(m.ctx, "EUR", "USD", wire.StateRate{Rate: must(money.ParseRate("2")), At: wire.Time(now)})
	if err != nil {
		t.Fatal(err)
	}
	var standing []string
	for _, s := range f.Record.Sources {
		standing = append(standing, s.Standing)
	}
	if f.Record.Rate != must(money.ParseRate("1.08")) || strings.Join(standing, " ") != "counts counts deviates" {
		t.Errorf("the rate is %s, its sources %v", f.Record.Rate, standing)
	}
	if all, err := client.Collect(m.alphaReader.Feeds(m.ctx)); err != nil || len(all) != 1 {
		t.Errorf("feeds are %+v, %v", all, err)
	}
	if _, err := m.bravoMoney.StateRate(m.ctx, "EUR", "USD", wire.StateRate{Rate: 1, At: wire.Time(now)}); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("a node without a key of a source: %v", err)
	}
}

func TestBadInputAboutMoneyIsRefusedByField(t *testing.T) {
	m := newMint(t)
	m.funded(t)
	hash, when := strings.Repeat("ab", 32), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, c := range []struct {
		name         string
		role         api.Role
		method, path string
		body         string
		status       int
		code         fault.Code
		field        string
	}{
		{"an unknown token", api.Auditor, "GET", "/v1/tokens/EURt", "", 404, fault.NotFound, ""},
		{"a proof of an unknown token", api.Auditor, "GET", "/v1/tokens/EURt/proof", "", 404, fault.NotFound, ""},
		{"an unknown act", api.Auditor, "GET", "/v1/tokens/USDt/acts/none", "", 404, fault.NotFound, ""},
		{"an unknown state of acts", api.Auditor, "GET", "/v1/tokens/USDt/acts?state=lost", "", 422, fault.Invalid, "state"},
		{"an unknown feed", api.Auditor, "GET", "/v1/feeds/EUR/USD", "", 404, fault.NotFound, ""},
		{"a time that is none", api.Finance, "GET", "/v1/accounts/statement?from=yesterday", "", 422, fault.Invalid, "from"},
		{"a token that is none", api.Administrator, "POST", "/v1/tokens", `{"token":"XYZt","cap":"1","redeem_ms":60000}`, 422, fault.Invalid, "token"},
		{"no cap", api.Administrator, "POST", "/v1/tokens", `{"token":"EURt","cap":"0","redeem_ms":60000}`, 422, fault.Invalid, "cap"},
		{"a token of one's own to approve", api.Administrator, "POST", "/v1/tokens/USDt/approve", ``, 403, fault.Forbidden, "by"},
		{"a delegate without a role", api.Administrator, "POST", "/v1/network/delegates", `{"key":"` + hash + `","name":"x","roles":[]}`, 422, fault.Invalid, "roles"},
		{"a key that is none", api.Administrator, "POST", "/v1/network/delegates/zz/revoke", ``, 422, fault.Invalid, "key"},
		{"no transfers", api.Finance, "POST", "/v1/transfers", `{"transfers":[]}`, 422, fault.Invalid, "transfers"},
		{"a transfer without id or key", api.Finance, "POST", "/v1/transfers", `{"transfers":[{"to":"BRAVO","amount":{"token":"USDt","amount":"1"}}]}`, 422, fault.Invalid, "transfers.0.id"},
		{"a transfer to oneself", api.Finance, "POST", "/v1/transfers", `{"transfers":[{"id":"a","to":"ALPHA","amount":{"token":"USDt","amount":"1"}}]}`, 422, fault.Invalid, "transfers.0.to"},
		{"a transfer from what is held", api.Finance, "POST", "/v1/transfers", `{"transfers":[{"id":"a","to":"BRAVO","amount":{"token":"USDt","amount":"1"},"from_purpose":"held"}]}`, 422, fault.Invalid, "transfers[0].from_purpose"},
		{"an amount of seven places", api.Finance, "POST", "/v1/transfers", `{"transfers":[{"id":"a","to":"BRAVO","amount":{"token":"USDt","amount":"0.0000001"}}]}`, 422, fault.Invalid, "transfers[0].amount.amount"},
		{"more than there is", api.Finance, "POST", "/v1/transfers", `{"transfers":[{"id":"a","to":"BRAVO","amount":{"token":"USDt","amount":"501"}}]}`, 409, trade.CodeFunds, ""},
		{"more than the treasurer's limit", api.Finance, "POST", "/v1/transfers", `{"transfers":[{"id":"a","to":"BRAVO","amount":{"token":"USDt","amount":"1001"}}]}`, 403, trade.CodeBeyondLimit, "amount"},
		{"a transfer to nobody", api.Finance, "POST", "/v1/transfers", `{"transfers":[{"id":"a","to":"NOBODY","amount":{"token":"USDt","amount":"1"}}]}`, 409, trade.CodeMemberInactive, "transfers.0.to"},
		{"a hold that is over", api.Finance, "POST", "/v1/holds", `{"id":"a","to":"BRAVO","amount":{"token":"USDt","amount":"1"},"expires":"2020-01-01T00:00:00Z"}`, 422, fault.Invalid, "expires"},
		{"a hold without id or key", api.Finance, "POST", "/v1/holds", `{"to":"BRAVO","amount":{"token":"USDt","amount":"1"},"expires":"` + when + `"}`, 422, fault.Invalid, "id"},
		{"an unknown hold", api.Finance, "POST", "/v1/holds/ALPHA/none/post", `{}`, 404, fault.NotFound, ""},
		{"an unknown hold to void", api.Finance, "POST", "/v1/holds/ALPHA/none/void", ``, 404, fault.NotFound, ""},
		{"a swap of one token", api.Finance, "POST", "/v1/swaps", `{"id":"a","gives":{"token":"USDt","amount":"1"},"wants":{"token":"USDt","amount":"1"},"expires":"` + when + `"}`, 422, fault.Invalid, "wants"},
		{"an unknown swap", api.Finance, "POST", "/v1/swaps/BRAVO/none/take", `{"gives":{"token":"USDt","amount":"1"},"wants":{"token":"EURt","amount":"1"}}`, 404, fault.NotFound, ""},
		{"a redemption to no account", api.Finance, "POST", "/v1/redemptions", `{"id":"a","amount":{"token":"USDt","amount":"1"},"account":"` + strings.Repeat("00", 32) + `"}`, 422, fault.Invalid, "account"},
		{"a redemption of half a cent", api.Finance, "POST", "/v1/redemptions", `{"id":"a","amount":{"token":"USDt","amount":"0.005"},"account":"` + hash + `"}`, 422, fault.Invalid, "amount"},
		{"a lock without a partner's key", api.Finance, "POST", "/v1/locks", `{"amount":{"token":"USDt","amount":"1"},"key":"` + hash + `"}`, 422, fault.Invalid, "partner_key"},
		{"a lock's id that is none", api.Finance, "POST", "/v1/locks/zz/topup", `{"was":"1","more":"1"}`, 422, fault.Invalid, "id"},
		{"a rate of nothing", api.Finance, "POST", "/v1/feeds/EUR/USD/state", `{"rate":"1"}`, 422, fault.Invalid, "at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, data := m.alpha.ask(t, m.alpha.tokens[c.role], c.method, c.path, c.body)
			p := problemIn(t, data)
			if status != c.status || p.Code != c.code || p.Field != c.field || p.Remedy == "" || p.Detail == "" {
				t.Errorf("%d %+v", status, p)
			}
		})
	}
	if got := m.has(t, m.alphaMoney, "available", "USDt"); got != "500.000000" {
		t.Errorf("after all that ALPHA has %s", got)
	}
}
