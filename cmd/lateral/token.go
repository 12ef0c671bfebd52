package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/token"
)

// tokenNoun is "lateral token".
type tokenNoun struct {
	List    tokenList    `cmd:"" op:"list-tokens" help:"List the tokens of the network." eg:""`
	Show    tokenShow    `cmd:"" op:"get-token" help:"Show a token: supply, cap, reserve, baskets, who is barred or frozen." eg:"USDt"`
	Audit   tokenAudit   `cmd:"" op:"audit-tokens" help:"Add up every account anew; exit code 1 when anything does not add up." eg:"" eg:"--json"`
	Proof   tokenProof   `cmd:"" op:"get-token-proof" help:"Write a proof that the reserve covers the supply, which anybody can check offline." eg:"USDt --out USDt.proof"`
	Define  tokenDefine  `cmd:"" op:"define-token" role:"administrator" help:"Ask the other members to let this carrier issue a token." eg:"USDt --cap 1000000 --redeem 48h"`
	Approve tokenApprove `cmd:"" op:"approve-token" role:"administrator" help:"Let another member issue a token." eg:"USDt"`
	Act     actCommand   `cmd:"" help:"What an issuer does, by two of its officers."`

	Transfer    tokenTransfer    `cmd:"" op:"make-transfers" role:"finance" help:"Transfer tokens: one, or a file of many." eg:"BRAVO USDt:12.50 --id 2026-11-4711" eg:"--file payments.yaml --key 'payments of November'"`
	Transfers   tokenTransfers   `cmd:"" op:"list-transfers" help:"List transfers that this carrier has made, or has got." eg:"" eg:"--received --all"`
	Hold        holdCommand      `cmd:"" help:"Tokens that are set aside for somebody."`
	Swap        swapCommand      `cmd:"" help:"Offers of tokens for others."`
	Redeem      tokenRedeem      `cmd:"" op:"redeem-tokens" role:"finance" help:"Ask the issuer to pay tokens out at par by a bank." eg:"USDt:500 --account bank.txt --id R-2026-11"`
	Redemptions tokenRedemptions `cmd:"" op:"list-redemptions" help:"List redemptions of this carrier, and of the tokens that it issues." eg:"--state pending"`
	Lock        lockCommand      `cmd:"" help:"Tokens under two keys, out of which two pay each other in private."`
	Feed        feedCommand      `cmd:"" help:"Rates of exchange, as their sources state them."`
}

// tokens is an amount of a token as the command line writes it: USDt:12.50.
type tokens token.Amount

// UnmarshalText reads TOKEN:AMOUNT.
func (a *tokens) UnmarshalText(text []byte) (err error) {
	code, number, ok := strings.Cut(string(text), ":")
	if !ok {
		return fault.Newf(fault.Invalid, "write token and amount like USDt:12.50", "%.40q is no amount of tokens", text)
	}
	a.Token = token.Code(code)
	if _, err := a.Token.Unit(); err != nil {
		return err
	}
	if a.Micro, err = money.ParseMicro(number); err != nil {
		return fmt.Errorf("%s: %w", code, err)
	}
	return nil
}

// micro is a plain amount.
type micro money.Micro

// UnmarshalText reads a decimal of at most six places.
func (m *micro) UnmarshalText(text []byte) error {
	v, err := money.ParseMicro(string(text))
	*m = micro(v)
	return err
}

// oneToken is a command about one token.
type oneToken struct {
	connection
	Token token.Code `arg:"" help:"Its code, like USDt."`
}

// retrying is a command that may be sent again.
type retrying struct {
	Key string `placeholder:"KEY" help:"Chosen by you, once for each thing to do: the same command again does nothing more."`
}

type tokenList struct {
	connection
	paging
}

func (c tokenList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "code issuer state supply cap covered barred", func(api *client.Client) iter.Seq2[wire.Token, error] { return api.Tokens(ctx) })
}

type tokenShow struct{ oneToken }

func (c tokenShow) Run(ctx context.Context, n *remote) error {
	k, err := n.api.Token(ctx, c.Token)
	return shown(n, k, err)
}

type tokenAudit struct{ connection }

func (tokenAudit) Help() string {
	return `Reads the node's whole journal of the Omnilateral. Of each currency all accounts together are zero; of each token all holders
together have the supply, and the reserve is enough in each currency.`
}

func (c tokenAudit) Run(ctx context.Context, n *remote) error {
	a, err := n.api.Audit(ctx)
	return shown(n, a, err)
}

type tokenProof struct {
	oneToken
	out
}

func (tokenProof) Help() string {
	return `The token's record, what the issuer owes and its reserve, by the root that the validators have certified. lateral verify checks it
and says whether the reserve covers the supply. That all holders together have the supply, lateral token audit finds on a node.`
}

func (c tokenProof) Run(ctx context.Context, n *remote) error {
	data, err := n.api.TokenProof(ctx, c.Token)
	return c.write(n.terminal, data, err)
}

type tokenDefine struct {
	oneToken
	Cap    micro         `required:"" placeholder:"AMOUNT" help:"Largest supply."`
	Redeem time.Duration `default:"48h" help:"Within which it is redeemed at par, a minute to 31 days; default: ${default}."`
}

func (tokenDefine) Help() string {
	return `As many other members as vouch for a new one have to approve it (lateral token approve), within 90 days. Signed with the member
key; where that is kept elsewhere: lateral key prepare token.define.`
}

func (c tokenDefine) Run(ctx context.Context, n *remote) error {
	d, err := n.api.DefineToken(ctx, wire.DefineToken{Token: c.Token, Cap: money.Micro(c.Cap), Redeem: c.Redeem.Milliseconds()})
	return changed(n, d, err)
}

type tokenApprove struct{ oneToken }

func (c tokenApprove) Run(ctx context.Context, n *remote) error {
	d, err := n.api.ApproveToken(ctx, c.Token)
	return changed(n, d, err)
}

// actCommand is "lateral token act".
type actCommand struct {
	List    actList    `cmd:"" op:"list-acts" help:"List what an issuer has done, and what waits for its second officer." eg:"USDt --state proposed"`
	Show    actShow    `cmd:"" op:"get-act" help:"Show an act with who has proposed and answered it." eg:"USDt MINT-7"`
	Propose actPropose `cmd:"" op:"prepare-command,submit-command" role:"finance" help:"Propose an act, signed with an officer's own key." eg:"USDt reserve-in --id IN-7 --amount USD:5000 --reference 'E2E 4711' --evidence statement.xml --keys ivan.age --passphrase-file ivan.txt" eg:"USDt mint --id MINT-7 --amount USD:5000 --keys ivan.age --passphrase-file ivan.txt" eg:"SDRt basket --id B-2027 --body basket.yaml --keys ivan.age --passphrase-file ivan.txt"`
	Approve actApprove `cmd:"" op:"get-act,prepare-command,submit-command" role:"finance" help:"Approve an act that another officer has proposed: it is done then." eg:"USDt MINT-7 --keys ines.age --passphrase-file ines.txt"`
	Reject  actReject  `cmd:"" op:"get-act,prepare-command,submit-command" role:"finance" help:"Reject an act that an officer has proposed." eg:"USDt MINT-7 --why 'No such payment.' --keys ines.age --passphrase-file ines.txt"`
}

// officer is whose key signs: a person's, in a key file of its own. No node has
// both officers' keys.
type officer struct {
	Keys       string `required:"" placeholder:"ivan.age" help:"The officer's key file; lateral key new makes one."`
	Passphrase string `name:"passphrase-file" required:"" placeholder:"FILE" help:"File with its passphrase."`
	Name       string `name:"key" default:"officer" placeholder:"NAME" help:"Name of the key in the file; default: ${default}."`
}

// bring has the node prepare a command, signs what it says and brings it back.
func (o officer) bring(ctx context.Context, n *remote, kind trade.Kind, body map[string]any) (wire.Receipt, error) {
	key, err := signingKey(o.Keys, o.Passphrase, o.Name, "")
	if err != nil {
		return wire.Receipt{}, err
	}
	w, err := n.api.Prepare(ctx, wire.Prepare{Kind: kind, Body: body})
	if err != nil {
		return wire.Receipt{}, err
	}
	if w, err = signShown(n.terminal, w, key); err != nil {
		return wire.Receipt{}, err
	}
	return n.api.Submit(ctx, w)
}

type actList struct {
	oneToken
	paging
	State string `placeholder:"STATE" help:"proposed, done or rejected."`
}

func (c actList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id state act.kind act.amount act.member act.country act.reference proposed.key answered.key deadline", func(api *client.Client) iter.Seq2[wire.Issue, error] {
		return api.Acts(ctx, c.Token, client.Filter{"state": c.State})
	})
}

// oneAct is a command about one act.
type oneAct struct {
	oneToken
	ID string `arg:"" help:"Id of the act."`
}

// now prints the act as it is after a command about it.
func (c oneAct) now(ctx context.Context, n *remote, r wire.Receipt, err error) error {
	if err != nil {
		return err
	}
	i, err := n.api.Act(ctx, c.Token, c.ID)
	return changed(n, wire.Done[wire.Issue]{Record: i, Receipt: r}, err)
}

type actShow struct{ oneAct }

func (c actShow) Run(ctx context.Context, n *remote) error {
	i, err := n.api.Act(ctx, c.Token, c.ID)
	return shown(n, i, err)
}

type actPropose struct {
	oneToken
	officer
	Kind       string   `arg:"" enum:"reserve-in,reserve-out,mint,burn,cap,redeem,freeze,unfreeze,bar,unbar,feed,basket" help:"reserve-in, reserve-out, mint, burn, cap, redeem, freeze, unfreeze, bar, unbar, feed or basket."`
	ID         string   `required:"" placeholder:"ID" help:"Chosen by you, unused so far for this token."`
	Amount     amount   `placeholder:"USD:AMOUNT" help:"Of a reserve in its currency; of tokens in their unit."`
	Reference  string   `help:"As the bank shows it."`
	Evidence   string   `placeholder:"FILE" help:"The bank's statement, of which the hash is recorded."`
	Member     string   `placeholder:"CODE" help:"Whose account, or who redeems."`
	Redemption string   `placeholder:"ID" help:"That was paid."`
	Paid       []amount `placeholder:"USD:AMOUNT" help:"To the holder by the bank; repeat."`
	Country    string   `placeholder:"CH" help:"ISO 3166-1 alpha-2."`
	Why        string   `help:"Of freeze, unfreeze, bar, unbar."`
	Body       string   `placeholder:"FILE" help:"Fields of a feed or a basket, YAML or JSON; times in it are RFC 3339."`
}

func (actPropose) Help() string {
	return `The officer's key is in a key file of its own (lateral key new --name officer) and registered for the issuer with the role issuer,
for freeze and bar with the role compliance (lateral delegate add --public). The command shows what it signs. A feed has pair
(EUR/USD), sources, quorum, stale_ms, deviation_ppm; a basket name, from and parts ([{currency: USD, amount: "0.57813"}]).`
}

func (c actPropose) Run(ctx context.Context, n *remote) error {
	act, err := c.act(n.terminal)
	if err != nil {
		return err
	}
	r, err := c.bring(ctx, n, trade.KindIssuePropose, map[string]any{"id": c.ID, "token": c.Token, "act": act})
	return oneAct{c.oneToken, c.ID}.now(ctx, n, r, err)
}

// act gives the fields of the act.
func (c actPropose) act(t terminal) (map[string]any, error) {
	act := map[string]any{"kind": c.Kind}
	for name, value := range map[string]string{"reference": c.Reference, "member": c.Member, "why": c.Why, "country": c.Country, "redemption": c.Redemption} {
		if value != "" {
			act[name] = value
		}
	}
	if c.Amount.Currency != "" {
		act["amount"] = money.Amount(c.Amount)
	}
	if len(c.Paid) > 0 {
		act["paid"] = c.Paid
	}
	if c.Evidence != "" {
		h, err := t.hash(c.Evidence)
		if err != nil {
			return nil, err
		}
		act["evidence"] = h
	}
	switch {
	case c.Kind != string(token.SetFeed) && c.Kind != string(token.SetBasket):
		return act, nil
	case c.Body == "":
		return nil, usageError{fmt.Errorf("--body: a %s is read from a file", c.Kind)}
	case c.Kind == string(token.SetFeed):
		var f struct {
			token.Feed
			Pair string `json:"pair"`
		}
		if err := t.body(c.Body, &f); err != nil {
			return nil, err
		}
		p, err := pairOf(f.Pair)
		if err != nil {
			return nil, err
		}
		f.Feed.Pair = p
		act["feed"] = f.Feed
	default:
		var b wire.Basket
		if err := t.body(c.Body, &b); err != nil {
			return nil, err
		}
		act["basket"] = token.Basket{Name: b.Name, From: int64(b.From), Parts: b.Parts}
	}
	return act, nil
}

// hash gives the SHA-256 of a file that the user named.
func (t terminal) hash(path string) (h canon.Hash, err error) {
	data, err := t.read(path)
	if err == nil {
		h = sha256.Sum256(data)
	}
	return h, err
}

// pairOf reads EUR/USD.
func pairOf(s string) (p token.Pair, err error) {
	base, quote, _ := strings.Cut(s, "/")
	p = token.Pair{Base: money.Currency(base), Quote: money.Currency(quote)}
	if err := p.Validate(); err != nil {
		return p, fault.Of(err).In("pair")
	}
	return p, nil
}

// read shows an act on standard error and gives the hash of what was shown, not
// the one that came with it.
func (c oneAct) read(ctx context.Context, n *remote) (canon.Hash, error) {
	i, err := n.api.Act(ctx, c.Token, c.ID)
	if err != nil {
		return canon.Hash{}, err
	}
	fmt.Fprintln(n.err, "the act:")
	return token.Issue{ID: i.ID, Token: i.Token, Act: i.Act}.Hash(), writeRecord(n.err, i)
}

type actApprove struct {
	oneAct
	officer
	Yes bool `help:"Do not ask."`
}

func (actApprove) Help() string {
	return `Shows the act and asks. What is approved is the hash of what was shown. Whoever has proposed it does not approve it.`
}

func (c actApprove) Run(ctx context.Context, n *remote) error {
	h, err := c.read(ctx, n)
	if err != nil {
		return err
	}
	if !c.Yes && !n.confirmed("approve it? It is done then, and is not undone.") {
		return fault.New(fault.Refused, "the act was not approved", "answer yes, or add --yes")
	}
	r, err := c.bring(ctx, n, trade.KindIssueApprove, map[string]any{"id": c.ID, "token": c.Token, "hash": h})
	return c.now(ctx, n, r, err)
}

type actReject struct {
	oneAct
	officer
	Why string `help:"Reason, kept with the act."`
}

func (c actReject) Run(ctx context.Context, n *remote) error {
	h, err := c.read(ctx, n)
	if err != nil {
		return err
	}
	r, err := c.bring(ctx, n, trade.KindIssueReject, map[string]any{"id": c.ID, "token": c.Token, "hash": h, "why": c.Why})
	return c.now(ctx, n, r, err)
}

// feedCommand is "lateral token feed".
type feedCommand struct {
	List  feedList  `cmd:"" op:"list-feeds" help:"List rates of exchange in force." eg:""`
	Show  feedShow  `cmd:"" op:"get-feed" help:"Show a rate, and what each of its sources says." eg:"EUR/USD"`
	State feedState `cmd:"" op:"state-rate,prepare-command,submit-command" role:"finance" help:"Say what a rate is, as one of its sources." eg:"EUR/USD 1.0834" eg:"EUR/USD 1.0834 --at 2026-11-20T16:00:00Z --keys oracle.age --passphrase-file oracle.txt"`
}

type feedList struct {
	connection
	paging
}

func (c feedList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "pair rate quorum problem", func(api *client.Client) iter.Seq2[wire.Feed, error] { return api.Feeds(ctx) })
}

type feedShow struct {
	connection
	Pair string `arg:"" help:"Like EUR/USD."`
}

func (c feedShow) Run(ctx context.Context, n *remote) error {
	p, err := pairOf(c.Pair)
	if err != nil {
		return err
	}
	f, err := n.api.Feed(ctx, p.Base, p.Quote)
	return shown(n, f, err)
}

type feedState struct {
	feedShow
	Rate       string    `arg:"" help:"So many units of the second for one of the first, at most nine decimal places."`
	At         wire.Time `placeholder:"TIME" help:"When it was so, RFC 3339; default: now."`
	Keys       string    `placeholder:"oracle.age" help:"Key file of the source; without it the node's own key with the role oracle signs."`
	Passphrase string    `name:"passphrase-file" placeholder:"FILE" help:"File with its passphrase."`
	Name       string    `name:"key" default:"officer" placeholder:"NAME" help:"Name of the key in the file; default: ${default}."`
}

func (c feedState) Run(ctx context.Context, n *remote) error {
	p, err := pairOf(c.Pair)
	if err != nil {
		return err
	}
	rate, err := money.ParseRate(c.Rate)
	if err != nil {
		return err
	}
	if c.At == 0 {
		c.At = wire.Time(time.Now().UnixMilli())
	}
	if c.Keys == "" {
		d, err := n.api.StateRate(ctx, p.Base, p.Quote, wire.StateRate{Rate: rate, At: c.At})
		return changed(n, d, err)
	}
	r, err := officer{c.Keys, c.Passphrase, c.Name}.bring(ctx, n, trade.KindFeedState, map[string]any{"pair": p, "rate": rate, "at": int64(c.At)})
	if err != nil {
		return err
	}
	f, err := n.api.Feed(ctx, p.Base, p.Quote)
	return changed(n, wire.Done[wire.Feed]{Record: f, Receipt: r}, err)
}
