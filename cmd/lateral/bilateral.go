package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// bilateralCommand is "lateral bilateral".
type bilateralCommand struct {
	List    bilateralList    `cmd:"" op:"list-bilaterals" help:"List the channels with partners." eg:""`
	Show    bilateralShow    `cmd:"" op:"get-bilateral" help:"Show the channel with a partner." eg:"" eg:"--partner BRAVO --json"`
	Open    bilateralOpen    `cmd:"" op:"open-bilateral" role:"administrator" help:"Open a channel with a partner; the command ends when it is in use." eg:"BRAVO"`
	Rotate  bilateralRotate  `cmd:"" op:"rotate-channel" role:"administrator" help:"Replace this node's channel key; the sealing of the channel follows." eg:"--partner BRAVO"`
	Export  bilateralExport  `cmd:"" op:"export-bilateral" role:"administrator" help:"Send the partner the sealed export of the channel, from which its node restores what destroyed keys do not open." eg:"--partner BRAVO"`
	End     bilateralEnd     `cmd:"" op:"end-bilateral" role:"product-manager" help:"End every agreement with a partner; what is owed stays owed." eg:"--partner BRAVO --why 'As announced.'"`
	Mend    bilateralMend    `cmd:"" op:"close-divergence" role:"product-manager" help:"Close a divergence: say that the two members' states are one again; counts once both sides have." eg:"--partner BRAVO --why 'Rebuilt after the disk failed.'"`
	Anchors bilateralAnchors `cmd:"" op:"list-anchors" help:"List how far the channel is attested on the Omnilateral, the oldest first." eg:"--all"`
	Anchor  bilateralAnchor  `cmd:"" op:"post-anchor" role:"engineer,administrator" help:"Have the channel attested as it is now; waits for the partner." eg:""`
	Proof   bilateralProof   `cmd:"" op:"get-proof" help:"Write a proof of any record of the channel that anybody can check offline." eg:"agreement/MSA-1 --out agreement.proof" eg:"order/V-ALPHA --partner BRAVO --out order.proof"`
}

// bilateralColumns are what a list of channels shows.
const bilateralColumns = "partner state position attested epoch unanswered_since problem channel"

type bilateralList struct {
	connection
	paging
}

func (c bilateralList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, bilateralColumns, func(api *client.Client) iter.Seq2[wire.Bilateral, error] { return api.Bilaterals(ctx) })
}

type bilateralShow struct{ one }

func (c bilateralShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Bilateral, error) { return p.Bilateral(ctx) })
}

type bilateralOpen struct {
	connection
	Code string `arg:"" help:"The partner's member code."`
}

func (c bilateralOpen) Run(ctx context.Context, n *remote) error {
	if _, err := n.api.Open(ctx, party.Code(c.Code)); err != nil {
		return err
	}
	b, err := n.api.With(party.Code(c.Code)).AwaitOpen(ctx)
	return shown(n, b, err)
}

type bilateralEnd struct {
	one
	Why string `help:"Reason, for the partner."`
}

func (c bilateralEnd) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Ended, error) { return p.Terminate(ctx, c.Why) })
}

type bilateralMend struct {
	one
	Evidence canon.Hash `placeholder:"HASH" help:"The evidence that was looked at (lateral bilateral show); default: that of now."`
	Why      string     `help:"Reason, for the partner."`
}

func (bilateralMend) Help() string {
	return `The node looks first whether its log has one of the two heads in the evidence, and whether both nodes have signed one log
since; lateral replay says which node is to be rebuilt before. Then its delegate for contracts signs. When that key is kept elsewhere,
divergence.close is prepared (lateral key prepare), signed (lateral sign) and submitted (lateral key submit).`
}

func (c bilateralMend) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Divergence], error) {
		return p.CloseDivergence(ctx, wire.CloseDivergence{Evidence: c.Evidence, Why: c.Why})
	})
}

type bilateralAnchors struct{ many }

func (c bilateralAnchors) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "position size term kind root", func(p *client.Partner) iter.Seq2[wire.Anchor, error] { return p.Anchors(ctx) })
}

type bilateralAnchor struct{ one }

func (c bilateralAnchor) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Anchor, error) { return p.Anchor(ctx) })
}

type bilateralProof struct {
	one
	out
	Key string `arg:"" help:"Key of the record, like agreement/MSA-1; trade/keys.go lays them out."`
}

func (bilateralProof) Help() string {
	return `Where no anchor covers the record yet, one is posted. lateral verify checks it; an invoice's document has lateral invoice proof.`
}

func (c bilateralProof) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	data, err := n.api.With(code).Proof(ctx, c.Key)
	return c.write(n.terminal, data, err)
}

type bilateralRotate struct{ one }

func (bilateralRotate) Help() string {
	return `One call; a node that stops in the middle goes on when it runs again. Old keys stay in the key file. When the member key is
kept off line, a key.change is prepared (lateral key prepare), signed (lateral sign) and submitted (lateral key submit).`
}

func (c bilateralRotate) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	k, err := n.api.With(code).Rotate(ctx)
	return replaced(n, k, err)
}

type bilateralExport struct{ one }

func (bilateralExport) Help() string {
	return `For a partner whose node has lost its store and says key-missing, because the agreement has old keys destroyed. The export is of
the last anchor that both have signed; the partner's node checks it, takes it by itself and starts again.`
}

func (c bilateralExport) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Exported, error) { return p.Export(ctx) })
}

// delegateCommand is "lateral delegate".
type delegateCommand struct {
	List   delegateList   `cmd:"" op:"list-delegates,list-network-delegates" help:"List who may authorise for either side, or on the Omnilateral." eg:"" eg:"--member ALPHA" eg:"--public"`
	Add    delegateAdd    `cmd:"" op:"add-delegate,add-network-delegate" role:"administrator" help:"Register a delegate of this carrier, or change one." eg:"KEY 'robot for disputes' --may disputes --limit EUR:100000" eg:"KEY 'Ada, finance' --may finance --limit EUR:5000 --limit USD:5000" eg:"KEY 'Ivan, issuing USDt' --public --may issuer --may compliance --limit USD:1000000"`
	Revoke delegateRevoke `cmd:"" op:"revoke-delegate,revoke-network-delegate" role:"administrator" help:"End a delegate of this carrier." eg:"KEY" eg:"KEY --public"`
}

// where says on which channel a delegate acts.
type where struct {
	Public bool `help:"On the Omnilateral, where tokens are; default: on the Bilateral with the partner."`
}

type delegateList struct {
	many
	where
	Member string `placeholder:"CODE" help:"Of this side only."`
}

func (c delegateList) Run(ctx context.Context, n *remote) error {
	const columns = "member name roles limits revoked key"
	f := client.Filter{"member": c.Member}
	if c.Public {
		return listed(n, c.paging, columns, func(api *client.Client) iter.Seq2[wire.Delegate, error] { return api.PublicDelegates(ctx, f) })
	}
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Delegate, error] { return p.Delegates(ctx, f) })
}

type delegateAdd struct {
	one
	where
	Key   sign.PublicKey `arg:"" help:"The delegate's public key, hex; lateral node init writes those of the node's robots into delegates.json."`
	Name  string         `arg:"" help:"Who it is."`
	May   []party.Role   `required:"" placeholder:"ROLE" help:"What it may authorise: contracts, orders, disputes, finance, compliance; on the Omnilateral issuer and oracle too; repeat."`
	Limit []amount       `placeholder:"EUR:AMOUNT" help:"Largest amount of one command in a currency; repeat. A currency without one has a limit of zero."`
	From  uint64         `placeholder:"HEIGHT" help:"Counts from this height; default: at once."`
	Until uint64         `placeholder:"HEIGHT" help:"Counts until this height."`
}

func (c delegateAdd) Run(ctx context.Context, n *remote) error {
	d := wire.AddDelegate{Key: c.Key, Name: c.Name, Roles: c.May, From: c.From, Until: c.Until}
	for _, a := range c.Limit {
		d.Limits = append(d.Limits, money.Amount(a))
	}
	if c.Public {
		done, err := n.api.AddPublicDelegate(ctx, d)
		return changed(n, done, err)
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Delegate], error) { return p.AddDelegate(ctx, d) })
}

// amount is money as the command line writes it: EUR:12.50.
type amount money.Amount

// UnmarshalText reads CURRENCY:AMOUNT.
func (a *amount) UnmarshalText(text []byte) (err error) {
	currency, number, ok := strings.Cut(string(text), ":")
	if !ok {
		return fault.Newf(fault.Invalid, "write currency and amount like EUR:12.50", "%q is no amount", text)
	}
	if a.Currency, err = money.ParseCurrency(currency); err != nil {
		return err
	}
	if a.Micro, err = money.ParseMicro(number); err != nil {
		return fmt.Errorf("%s: %w", currency, err)
	}
	return nil
}

type delegateRevoke struct {
	one
	where
	Key sign.PublicKey `arg:"" help:"The delegate's public key, hex."`
}

func (c delegateRevoke) Run(ctx context.Context, n *remote) error {
	if c.Public {
		done, err := n.api.RevokePublicDelegate(ctx, c.Key)
		return changed(n, done, err)
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Delegate], error) { return p.RevokeDelegate(ctx, c.Key) })
}
