package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// What a treasurer does with tokens. The node's own delegate for finance signs.

type tokenTransfer struct {
	connection
	retrying
	To     string     `arg:"" optional:"" help:"Member code of whoever gets them; this carrier's own moves them between its purposes."`
	Amount tokens     `arg:"" optional:"" help:"Like USDt:12.50."`
	ID     string     `placeholder:"ID" help:"Names the transfer; whoever sends it twice pays once."`
	From   string     `placeholder:"PURPOSE" help:"available, fee or tax; default: available."`
	For    string     `placeholder:"PURPOSE" help:"available, fee or tax; default: available."`
	About  canon.Hash `placeholder:"HASH" help:"Hash of what it pays for; everybody sees it."`
	File   string     `placeholder:"FILE" help:"Many transfers, YAML or JSON: transfers: [{id, to, amount: {token, amount}}]; all are made, or none."`
}

func (tokenTransfer) Help() string {
	return `Name each transfer with --id, or the command with --key: the same again does nothing more. Accounts on the Omnilateral and what
moves on them are public. At most 1,000 transfers go into one file.`
}

func (c tokenTransfer) Run(ctx context.Context, n *remote) error {
	var body wire.MakeTransfers
	switch {
	case (c.File == "") == (c.To == "" || c.Amount.Token == ""):
		return usageError{errors.New("name a member and an amount, or a file with --file")}
	case c.File != "":
		if err := n.body(c.File, &body); err != nil {
			return err
		}
	default:
		body.Transfers = []wire.MakeTransfer{{ID: c.ID, To: party.Code(c.To), Amount: token.Amount(c.Amount), From: settlement.Purpose(c.From), For: settlement.Purpose(c.For), About: c.About}}
	}
	t, err := n.api.Transfer(ctx, body, c.Key)
	if err != nil || n.json {
		return shown(n, t, err)
	}
	if err := writeList(n.out, t.Transfers, transferColumns); err != nil {
		return err
	}
	if t.Repeated {
		fmt.Fprintln(n.err, "made before; nothing more was done")
	} else {
		fmt.Fprintf(n.err, "done: final at height %d\n", t.Receipt.Height)
	}
	return nil
}

const transferColumns = "id sender to amount from_purpose to_purpose time height"

type tokenTransfers struct {
	connection
	paging
	Received bool `help:"Those that this carrier has got of others."`
}

func (c tokenTransfers) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, transferColumns, func(api *client.Client) iter.Seq2[wire.Transfer, error] {
		return api.Transfers(ctx, client.Filter{"received": yes(c.Received)})
	})
}

// holdCommand is "lateral token hold".
type holdCommand struct {
	List  holdList  `cmd:"" op:"list-holds" help:"List holds of this carrier, and for it." eg:"--state pending"`
	Place holdPlace `cmd:"" op:"place-hold" role:"finance" help:"Set tokens aside for another member until a time." eg:"BRAVO USDt:100 --until 2026-12-01T00:00:00Z --id ORDER-7"`
	Post  holdPost  `cmd:"" op:"post-hold" role:"finance" help:"Pay held tokens out: all, or a part; the rest goes back." eg:"ALPHA ORDER-7" eg:"ALPHA ORDER-7 --amount USDt:60"`
	Void  holdVoid  `cmd:"" op:"void-hold" role:"finance" help:"Give held tokens back to their owner." eg:"ALPHA ORDER-7"`
}

// states filters promises by where they stand.
type states struct {
	connection
	paging
	State string `placeholder:"STATE" help:"pending, posted or void."`
}

func (s states) filter() client.Filter { return client.Filter{"state": s.State} }

type holdList struct{ states }

func (c holdList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id owner to amount state posted expires", func(api *client.Client) iter.Seq2[wire.Held, error] { return api.Holds(ctx, c.filter()) })
}

// promise is what holds and swaps have in common.
type promise struct {
	connection
	retrying
	ID    string    `placeholder:"ID" help:"Names it; without one --key does."`
	Until wire.Time `required:"" placeholder:"TIME" help:"When it is void, RFC 3339."`
}

type holdPlace struct {
	promise
	To     string     `arg:"" help:"Member code of whoever they are for."`
	Amount tokens     `arg:"" help:"Like USDt:100."`
	Lock   canon.Hash `placeholder:"HASH" help:"SHA-256 of 32 bytes: whoever it is for posts it by showing them; nobody else gives it back before its time."`
	About  canon.Hash `placeholder:"HASH" help:"Hash of what it is for; everybody sees it."`
}

func (c holdPlace) Run(ctx context.Context, n *remote) error {
	d, err := n.api.PlaceHold(ctx, wire.PlaceHold{ID: c.ID, To: party.Code(c.To), Amount: token.Amount(c.Amount), Expires: c.Until, Lock: c.Lock, About: c.About}, c.Key)
	return changed(n, d, err)
}

// onePromise is a command about one hold or swap.
type onePromise struct {
	connection
	Owner string `arg:"" help:"Member code of who has placed or offered it."`
	ID    string `arg:"" help:"Its id."`
}

type holdPost struct {
	onePromise
	Amount tokens     `placeholder:"USDt:AMOUNT" help:"A part; default: all."`
	Opens  canon.Hash `name:"secret" placeholder:"HEX" help:"The 32 bytes that open its lock; everybody sees them from then on."`
}

func (c holdPost) Run(ctx context.Context, n *remote) error {
	p := wire.PostHold{Key: c.Opens}
	if c.Amount.Token != "" {
		a := token.Amount(c.Amount)
		p.Amount = &a
	}
	d, err := n.api.PostHold(ctx, party.Code(c.Owner), c.ID, p)
	return changed(n, d, err)
}

type holdVoid struct{ onePromise }

func (c holdVoid) Run(ctx context.Context, n *remote) error {
	d, err := n.api.VoidHold(ctx, party.Code(c.Owner), c.ID)
	return changed(n, d, err)
}

// swapCommand is "lateral token swap".
type swapCommand struct {
	List   swapList   `cmd:"" op:"list-swaps" help:"List swaps that this carrier has a part in, or may take." eg:"--state pending"`
	Offer  swapOffer  `cmd:"" op:"offer-swap" role:"finance" help:"Offer tokens for others until a time: both move, or neither." eg:"USDt:108 EURt:100 --until 2026-12-01T00:00:00Z --id S-7" eg:"USDt:108 EURt:100 --to BRAVO --until 2026-12-01T00:00:00Z --id S-8"`
	Take   swapTake   `cmd:"" op:"take-swap" role:"finance" help:"Take a swap of another member; name its amounts as you have read them." eg:"ALPHA S-7 USDt:108 EURt:100"`
	Cancel swapCancel `cmd:"" op:"cancel-swap" role:"finance" help:"Withdraw a swap that this carrier has offered." eg:"ALPHA S-7"`
}

type swapList struct{ states }

func (c swapList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id owner gives wants to state taker expires", func(api *client.Client) iter.Seq2[wire.Swap, error] { return api.Swaps(ctx, c.filter()) })
}

type swapOffer struct {
	promise
	Gives tokens `arg:"" help:"What this carrier gives, like USDt:108."`
	Wants tokens `arg:"" help:"What it wants, like EURt:100."`
	To    string `placeholder:"CODE" help:"Who alone may take it; default: whoever takes it first."`
}

func (c swapOffer) Run(ctx context.Context, n *remote) error {
	d, err := n.api.OfferSwap(ctx, wire.OfferSwap{ID: c.ID, Gives: token.Amount(c.Gives), Wants: token.Amount(c.Wants), To: party.Code(c.To), Expires: c.Until}, c.Key)
	return changed(n, d, err)
}

type swapTake struct {
	onePromise
	Gives tokens `arg:"" help:"What its owner gives."`
	Wants tokens `arg:"" help:"What its owner wants: what this carrier gives."`
}

func (c swapTake) Run(ctx context.Context, n *remote) error {
	d, err := n.api.TakeSwap(ctx, party.Code(c.Owner), c.ID, wire.TakeSwap{Gives: token.Amount(c.Gives), Wants: token.Amount(c.Wants)})
	return changed(n, d, err)
}

type swapCancel struct{ onePromise }

func (c swapCancel) Run(ctx context.Context, n *remote) error {
	d, err := n.api.CancelSwap(ctx, party.Code(c.Owner), c.ID)
	return changed(n, d, err)
}

type tokenRedeem struct {
	connection
	retrying
	Amount  tokens `arg:"" help:"Like USDt:500: whole coins of the currency, but of SDRt any amount."`
	Account string `required:"" placeholder:"FILE" help:"File with the bank account's details, of which the hash is recorded; send the file itself to the issuer."`
	ID      string `placeholder:"ID" help:"Names it; without one --key does."`
}

func (tokenRedeem) Help() string {
	return `The tokens are held until the issuer has paid, or until its time is over: then they are back, and everybody sees that it has
not paid.`
}

func (c tokenRedeem) Run(ctx context.Context, n *remote) error {
	h, err := n.hash(c.Account)
	if err != nil {
		return err
	}
	d, err := n.api.Redeem(ctx, wire.Redeem{ID: c.ID, Amount: token.Amount(c.Amount), Account: h}, c.Key)
	return changed(n, d, err)
}

type tokenRedemptions struct{ states }

func (c tokenRedemptions) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id owner amount state expires act account", func(api *client.Client) iter.Seq2[wire.Redemption, error] {
		return api.Redemptions(ctx, c.filter())
	})
}

// lockCommand is "lateral token lock".
type lockCommand struct {
	List  lockList  `cmd:"" op:"list-locks" help:"List this carrier's locks." eg:"--state locked"`
	Open  lockOpen  `cmd:"" op:"open-lock" role:"finance" help:"Set tokens aside under two fresh keys." eg:"USDt:1000 OWN-KEY PARTNER-KEY --key 'lock with our partner'"`
	TopUp lockTopUp `cmd:"" name:"topup" op:"top-up-lock" role:"finance" help:"Put more into a lock." eg:"LOCK 1000 250"`
}

type lockList struct {
	connection
	paging
	State string `placeholder:"STATE" help:"locked, leaving, closed or claimed."`
}

func (c lockList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id amount state round left", func(api *client.Client) iter.Seq2[wire.Lock, error] {
		return api.Locks(ctx, client.Filter{"state": c.State})
	})
}

type lockOpen struct {
	connection
	retrying
	Amount  tokens         `arg:"" help:"Like USDt:1000."`
	Own     sign.PublicKey `arg:"" help:"A key of this carrier that is used nowhere else, hex."`
	Partner sign.PublicKey `arg:"" help:"A key that the partner has given in private and uses nowhere else, hex."`
	ID      canon.Hash     `placeholder:"HEX" help:"32 random bytes; default: made from --key, or by the node."`
}

func (lockOpen) Help() string {
	return `Everybody sees that this carrier has locked an amount, and nobody with whom. Who has the private half of the key pays with it: keep it.`
}

func (c lockOpen) Run(ctx context.Context, n *remote) error {
	d, err := n.api.OpenLock(ctx, wire.OpenLock{ID: c.ID, Amount: token.Amount(c.Amount), Key: c.Own, Partner: c.Partner}, c.Key)
	return changed(n, d, err)
}

type lockTopUp struct {
	connection
	ID   canon.Hash `arg:"" help:"Id of the lock."`
	Was  micro      `arg:"" help:"What is in it now: whoever sends this twice adds it once."`
	More micro      `arg:"" help:"What is put into it."`
}

func (c lockTopUp) Run(ctx context.Context, n *remote) error {
	d, err := n.api.TopUpLock(ctx, c.ID, wire.TopUpLock{Was: money.Micro(c.Was), More: money.Micro(c.More)})
	return changed(n, d, err)
}

// accountCommand is "lateral account".
type accountCommand struct {
	List      accountList      `cmd:"" op:"list-accounts" help:"List accounts on the Omnilateral by purpose and currency or token." eg:"" eg:"--currency USDt" eg:"--member BRAVO"`
	Statement accountStatement `cmd:"" op:"list-movements" help:"Show what moved on the accounts, the oldest first." eg:"--from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z" eg:"--currency USDt --csv > november.csv"`
}

// accounts says which accounts are meant.
type accounts struct {
	connection
	Member   string `placeholder:"CODE" help:"Whose; default: this carrier's. They are public."`
	Currency string `placeholder:"USDt" help:"A currency or a token."`
	Purpose  string `placeholder:"PURPOSE" help:"Like available or held."`
}

func (a accounts) filter() client.Filter {
	return client.Filter{"member": a.Member, "currency": a.Currency, "purpose": a.Purpose}
}

type accountList struct {
	accounts
	paging
}

func (c accountList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "account.party account.purpose account.currency amount", func(api *client.Client) iter.Seq2[wire.Balance, error] {
		return api.Accounts(ctx, c.filter())
	})
}

type accountStatement struct {
	accounts
	paging
	From string `placeholder:"TIME" help:"What moved then or later, RFC 3339."`
	To   string `placeholder:"TIME" help:"What moved before."`
	CSV  bool   `name:"csv" help:"Print all of it as CSV, with the balance of each account after each line."`
}

func (accountStatement) Help() string {
	return `Of one command that moved tokens of many, the subject is the first.`
}

// movement is what one posting does to one account.
type movement struct {
	Number   uint64             `json:"number"`
	Time     wire.Time          `json:"time"`
	Cause    string             `json:"cause"`
	Subject  string             `json:"subject"`
	Purpose  settlement.Purpose `json:"purpose"`
	Currency money.Currency     `json:"currency"`
	Amount   money.Micro        `json:"amount"`
	With     party.Code         `json:"with"`
	Against  settlement.Purpose `json:"their_purpose"`
	account  settlement.Account
}

// movements gives what an entry does to the accounts that are meant.
func (c accountStatement) movements(who party.Code, j wire.Journal) (all []movement) {
	for _, p := range j.Postings {
		for _, end := range []struct {
			own, other settlement.Account
			amount     money.Micro
		}{{p.From, p.To, -p.Amount}, {p.To, p.From, p.Amount}} {
			if end.own.Party != who || c.Currency != "" && c.Currency != string(end.own.Currency) || c.Purpose != "" && c.Purpose != string(end.own.Purpose) {
				continue
			}
			all = append(all, movement{j.Number, j.Time, j.Cause, j.Subject, end.own.Purpose, end.own.Currency, end.amount, end.other.Party, end.other.Purpose, end.own})
		}
	}
	return all
}

func (c accountStatement) Run(ctx context.Context, n *remote) error {
	f := c.filter()
	f["from"], f["to"] = c.From, c.To
	list := func(api *client.Client) iter.Seq2[wire.Journal, error] { return api.Movements(ctx, f) }
	if n.json {
		return listed(n, c.paging, "", list)
	}
	who := party.Code(c.Member)
	if who == "" {
		me, err := n.api.Me(ctx)
		if err != nil {
			return err
		}
		who = party.Code(me.Carrier)
	}
	if c.CSV {
		return c.csv(ctx, n, who)
	}
	got, err := paged(n, c.paging, list)
	if err != nil {
		return err
	}
	var rows []movement
	for _, j := range got.Items {
		rows = append(rows, c.movements(who, j)...)
	}
	if err := writeList(n.out, rows, "time purpose currency amount with their_purpose cause subject"); err != nil {
		return err
	}
	told(n, got)
	return nil
}

// csv prints the whole statement with balances, which are added up from the first
// entry on.
func (c accountStatement) csv(ctx context.Context, n *remote, who party.Code) error {
	var from wire.Time
	if c.From != "" {
		if err := from.UnmarshalText([]byte(c.From)); err != nil {
			return err
		}
	}
	f := c.filter()
	f["to"] = c.To
	w := csv.NewWriter(n.out)
	if err := w.Write([]string{"number", "time", "purpose", "currency", "amount", "balance", "with", "their_purpose", "cause", "subject"}); err != nil {
		return err
	}
	stands := map[settlement.Account]money.Micro{}
	for j, err := range n.api.Movements(ctx, f) {
		if err != nil {
			return err
		}
		for _, m := range c.movements(who, j) {
			stands[m.account] += m.Amount
			if j.Time < from {
				continue
			}
			if err := w.Write([]string{strconv.FormatUint(m.Number, 10), time.UnixMilli(int64(m.Time)).UTC().Format(time.RFC3339Nano), string(m.Purpose), string(m.Currency),
				m.Amount.String(), stands[m.account].String(), string(m.With), string(m.Against), m.Cause, m.Subject}); err != nil {
				return err
			}
		}
	}
	w.Flush()
	return w.Error()
}
