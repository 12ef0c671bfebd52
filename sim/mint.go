package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// mint is the issuer of tokens in a sandbox, and all who have some.
type mint struct {
	net      *Network
	bank     *sandboxBank
	holders  []*purse // the first issues
	officers [2]sign.PrivateKey
	acts     int
	sold     int
}

// purse is one carrier as its treasurer sees it.
type purse struct {
	code    party.Code
	finance *client.Client
	reader  *client.Client
}

func (n *Network) purse(code party.Code) (p *purse, err error) {
	p = &purse{code: code}
	if p.finance, err = n.Client(code, api.Finance); err != nil {
		return nil, err
	}
	p.reader, err = n.Client(code, api.Auditor)
	return p, err
}

func newMint(net *Network, bank *sandboxBank) (m *mint, err error) {
	m = &mint{net: net, bank: bank}
	for i := range m.officers {
		if m.officers[i], err = sign.Generate(nil); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *mint) issuer() *purse { return m.holders[0] }

// entitle registers all holders' treasurers, and the issuer's officers.
func (m *mint) entitle(ctx context.Context, limits []money.Amount) error {
	return together(m.holders, func(p *purse) error {
		if err := m.net.entitle(ctx, p.code, limits); err != nil {
			return err
		}
		if p != m.issuer() {
			return nil
		}
		for i, k := range m.officers {
			if err := m.net.speaks(ctx, p.code, wire.AddDelegate{Key: k.Public(), Name: fmt.Sprintf("officer %d", i+1), Roles: []party.Role{party.Issuer}, Limits: limits}); err != nil {
				return err
			}
		}
		return nil
	})
}

// entitle registers the key by which a carrier's node acts for its treasurers on the
// Omnilateral.
func (n *Network) entitle(ctx context.Context, code party.Code, limits []money.Amount) error {
	return n.speaks(ctx, code, wire.AddDelegate{Key: n.byName[string(code)].setup.Delegates[party.Finance], Name: "treasury", Roles: []party.Role{party.Finance}, Limits: limits})
}

// speaks registers a delegate of a carrier on the Omnilateral.
func (n *Network) speaks(ctx context.Context, code party.Code, d wire.AddDelegate) error {
	admin, err := n.Client(code, api.Administrator)
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := admin.AddPublicDelegate(ctx, d); err != nil {
		return fmt.Errorf("registering the %s of %s: %w", d.Name, code, err)
	}
	return nil
}

// define has the issuer ask for a token, and as many others as it takes let it.
func (m *mint) define(ctx context.Context, code token.Code, most money.Micro) error {
	admin, err := m.net.Client(m.issuer().code, api.Administrator)
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := admin.DefineToken(ctx, wire.DefineToken{Token: code, Cap: most, Redeem: moneyRedeem}); err != nil {
		return fmt.Errorf("defining %s: %w", code, err)
	}
	for _, p := range m.holders[1:] {
		admin, err := m.net.Client(p.code, api.Administrator)
		if err != nil {
			return err
		}
		defer admin.Close()
		var k wire.Token
		if err := m.net.retried(ctx, "the token to be known", func() (err error) {
			if k, err = p.reader.Token(ctx, code); err != nil || k.State == token.Active {
				return err
			}
			done, err := admin.ApproveToken(ctx, code)
			k = done.Record
			return err
		}); err != nil {
			return fmt.Errorf("approving %s: %w", code, err)
		}
		if k.State == token.Active {
			break
		}
	}
	return m.net.poll(ctx, "the issuer to be let", func() (bool, error) {
		k, err := m.issuer().reader.Token(ctx, code)
		return k.State == token.Active, err
	})
}

// act has one officer of the issuer propose an act and the other approve what it
// reads.
func (m *mint) act(ctx context.Context, code token.Code, a token.Act) error {
	m.acts++
	id := fmt.Sprintf("ACT-%d", m.acts)
	body, err := jsonBody(trade.IssuePropose{ID: id, Token: code, Act: a})
	if err != nil {
		return err
	}
	p := m.issuer()
	if err := p.signed(ctx, m.officers[0], trade.KindIssuePropose, body); err != nil {
		return fmt.Errorf("proposing %s: %w", a.Kind, err)
	}
	i, err := p.finance.Act(ctx, code, id)
	if err != nil {
		return err
	}
	if body, err = jsonBody(trade.IssueAnswer{ID: id, Token: code, Hash: i.Hash}); err != nil {
		return err
	}
	if err := p.signed(ctx, m.officers[1], trade.KindIssueApprove, body); err != nil {
		return fmt.Errorf("approving %s: %w", a.Kind, err)
	}
	return nil
}

// sell has a holder pay the issuer over the bank for tokens, which are minted against
// that and handed over.
func (m *mint) sell(ctx context.Context, to party.Code, tokens token.Amount, amount money.Amount) error {
	coins, _, err := rail.Payable(amount)
	if err != nil {
		return err
	}
	m.sold++
	id, account := fmt.Sprintf("TOKENS-%s-%s-%d", to, tokens.Token, m.sold), reserveAccount(amount.Currency)
	buyer := m.holders[slices.IndexFunc(m.holders, func(p *purse) bool { return p.code == to })]
	before, err := buyer.holds(ctx, tokens.Token)
	if err != nil {
		return err
	}
	if err := m.bank.pay(bankAccount(to, amount.Currency), holder(to), []moved{{id: id, to: account, payee: holder(m.issuer().code), amount: coins}}); err != nil {
		return err
	}
	paid, notice, err := m.bank.told(account, []rail.Item{{ID: id, Owed: amount, Payer: bankAccount(to, amount.Currency)}})
	if err != nil || paid[id] != coins {
		return fault.Newf(fault.Internal, "report this", "the issuer was told of %v for its tokens", paid).Because(err)
	}
	for _, a := range []token.Act{{Kind: token.ReserveIn, Amount: amount, Reference: id, Evidence: evidence(notice)}, {Kind: token.Mint, Amount: amount}} {
		if err := m.act(ctx, tokens.Token, a); err != nil {
			return err
		}
	}
	if _, err := m.issuer().finance.Transfer(ctx, wire.MakeTransfers{Transfers: []wire.MakeTransfer{{ID: fmt.Sprintf("BOUGHT-%s-%s-%d", to, tokens.Token, m.sold), To: to, Amount: tokens}}}, ""); err != nil {
		return fmt.Errorf("handing over tokens: %w", err)
	}
	return m.net.poll(ctx, "tokens to arrive", func() (bool, error) {
		has, err := buyer.holds(ctx, tokens.Token)
		return has[settlement.Available] == before[settlement.Available]+tokens.Micro, err
	})
}

// jsonBody gives a command's body as the API takes it.
func jsonBody(body any) (out map[string]any, err error) {
	data, err := json.Marshal(body)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}

// holds gives what a carrier has of a token, by purpose.
func (p *purse) holds(ctx context.Context, code token.Code) (map[settlement.Purpose]money.Micro, error) {
	all, err := client.Collect(p.reader.Accounts(ctx, client.Filter{"currency": string(code)}))
	out := map[settlement.Purpose]money.Micro{}
	for _, a := range all {
		out[a.Account.Purpose] += a.Amount
	}
	return out, err
}

// lock opens a deposit for the partner, once.
func (d *desk) lock(ctx context.Context, n *Network, amount token.Amount) error {
	err := n.retried(ctx, "the partner to offer keys", func() error {
		mine, err := d.ours(ctx)
		if err != nil || slices.ContainsFunc(mine, func(x wire.Deposit) bool { return x.Amount.Token == amount.Token }) {
			return err // it is open, whatever became of the answer
		}
		_, err = d.finance.OpenDeposit(ctx, amount)
		return err
	})
	if err != nil {
		return fmt.Errorf("opening a deposit of %s for %s: %w", d.me, d.partner, err)
	}
	return nil
}

// ours lists the deposits that a carrier has opened for its partner.
func (d *desk) ours(ctx context.Context) (mine []wire.Deposit, err error) {
	all, err := client.Collect(d.finance.Deposits(ctx, nil))
	for _, x := range all {
		if x.Owner == d.me {
			mine = append(mine, x)
		}
	}
	return mine, err
}

// signed has a person sign a command that the carrier's node prepares.
func (p *purse) signed(ctx context.Context, key sign.PrivateKey, kind trade.Kind, body map[string]any) error {
	w, err := p.finance.Prepare(ctx, wire.Prepare{Kind: kind, Body: body})
	if err != nil {
		return err
	}
	a := trade.Prepared{Chain: w.Chain, Channel: w.Channel, Kind: w.Kind, Body: w.Body, Expires: int64(w.Expires), Nonce: w.Nonce}.Sign(key).Authorization
	w.Key, w.Signature = a.Delegate, a.Signature
	_, err = p.finance.Submit(ctx, w)
	return err
}
