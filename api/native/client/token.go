package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/token"
)

// joined makes a path of parts.
func joined(parts ...string) string {
	path := "/v1"
	for _, s := range parts {
		path += "/" + url.PathEscape(s)
	}
	return path
}

// once posts a request under an Idempotency-Key, if there is one.
func once[T any](ctx context.Context, c *Client, path string, body any, retry string) (out T, err error) {
	r := call{method: http.MethodPost, path: path}
	if retry != "" {
		r.header = http.Header{"Idempotency-Key": {retry}}
	}
	err = c.json(ctx, r, body, &out)
	return out, err
}

// Tokens lists the tokens of the network.
func (c *Client) Tokens(ctx context.Context) iter.Seq2[wire.Token, error] {
	return list[wire.Token](ctx, c, "/v1/tokens", nil)
}

// Token gives one token.
func (c *Client) Token(ctx context.Context, code token.Code) (wire.Token, error) {
	return get[wire.Token](ctx, c, joined("tokens", string(code)))
}

// Audit recounts all accounts and tokens. Code: unbalanced.
func (c *Client) Audit(ctx context.Context) (wire.Audit, error) {
	return get[wire.Audit](ctx, c, "/v1/tokens/audit")
}

// TokenProof gives a proof that a token's reserve covers its supply.
func (c *Client) TokenProof(ctx context.Context, code token.Code) ([]byte, error) {
	return c.file(ctx, joined("tokens", string(code), "proof"))
}

// DefineToken asks the other members to let this carrier issue a token.
func (c *Client) DefineToken(ctx context.Context, d wire.DefineToken) (wire.Done[wire.Token], error) {
	return post[wire.Done[wire.Token]](ctx, c, "/v1/tokens", d)
}

// ApproveToken lets another member issue a token.
func (c *Client) ApproveToken(ctx context.Context, code token.Code) (wire.Done[wire.Token], error) {
	return post[wire.Done[wire.Token]](ctx, c, joined("tokens", string(code), "approve"), nil)
}

// Acts lists what a token's issuer has done. Filter: state.
func (c *Client) Acts(ctx context.Context, code token.Code, f Filter) iter.Seq2[wire.Issue, error] {
	return list[wire.Issue](ctx, c, joined("tokens", string(code), "acts"), f)
}

// Act gives one act of a token's issuer. It is proposed and answered by officers'
// own keys: see Prepare and Submit.
func (c *Client) Act(ctx context.Context, code token.Code, id string) (wire.Issue, error) {
	return get[wire.Issue](ctx, c, joined("tokens", string(code), "acts", id))
}

// Feeds lists rates of exchange.
func (c *Client) Feeds(ctx context.Context) iter.Seq2[wire.Feed, error] {
	return list[wire.Feed](ctx, c, "/v1/feeds", nil)
}

// Feed gives one rate of exchange.
func (c *Client) Feed(ctx context.Context, base, quote money.Currency) (wire.Feed, error) {
	return get[wire.Feed](ctx, c, joined("feeds", string(base), string(quote)))
}

// StateRate says what a rate is, by the node's own delegate with the role oracle.
func (c *Client) StateRate(ctx context.Context, base, quote money.Currency, r wire.StateRate) (wire.Done[wire.Feed], error) {
	return post[wire.Done[wire.Feed]](ctx, c, joined("feeds", string(base), string(quote), "state"), r)
}

// PublicDelegates lists who may authorise on the Omnilateral. Filter: member.
func (c *Client) PublicDelegates(ctx context.Context, f Filter) iter.Seq2[wire.Delegate, error] {
	return list[wire.Delegate](ctx, c, "/v1/network/delegates", f)
}

// AddPublicDelegate registers a delegate of this carrier on the Omnilateral.
func (c *Client) AddPublicDelegate(ctx context.Context, d wire.AddDelegate) (wire.Done[wire.Delegate], error) {
	return post[wire.Done[wire.Delegate]](ctx, c, "/v1/network/delegates", d)
}

// RevokePublicDelegate ends a delegate of this carrier on the Omnilateral.
func (c *Client) RevokePublicDelegate(ctx context.Context, key sign.PublicKey) (wire.Done[wire.Delegate], error) {
	return post[wire.Done[wire.Delegate]](ctx, c, joined("network", "delegates", key.String(), "revoke"), nil)
}

// Accounts lists a member's accounts on the Omnilateral. Filter: member, currency,
// purpose.
func (c *Client) Accounts(ctx context.Context, f Filter) iter.Seq2[wire.Balance, error] {
	return list[wire.Balance](ctx, c, "/v1/accounts", f)
}

// Movements lists what moved on a member's accounts. Filter: member, currency,
// purpose, from, to.
func (c *Client) Movements(ctx context.Context, f Filter) iter.Seq2[wire.Journal, error] {
	return list[wire.Journal](ctx, c, "/v1/accounts/statement", f)
}

// Transfers lists transfers of this carrier. Filter: received.
func (c *Client) Transfers(ctx context.Context, f Filter) iter.Seq2[wire.Transfer, error] {
	return list[wire.Transfer](ctx, c, "/v1/transfers", f)
}

// Transfer makes all of some transfers, or none. Those without an id get one from
// retry, the Idempotency-Key.
func (c *Client) Transfer(ctx context.Context, t wire.MakeTransfers, retry string) (wire.Transferred, error) {
	return once[wire.Transferred](ctx, c, "/v1/transfers", t, retry)
}

// Holds lists holds of this carrier and for it. Filter: state.
func (c *Client) Holds(ctx context.Context, f Filter) iter.Seq2[wire.Held, error] {
	return list[wire.Held](ctx, c, "/v1/holds", f)
}

// PlaceHold sets tokens aside.
func (c *Client) PlaceHold(ctx context.Context, h wire.PlaceHold, retry string) (wire.Done[wire.Held], error) {
	return once[wire.Done[wire.Held]](ctx, c, "/v1/holds", h, retry)
}

// PostHold pays held tokens out.
func (c *Client) PostHold(ctx context.Context, owner party.Code, id string, p wire.PostHold) (wire.Done[wire.Held], error) {
	return post[wire.Done[wire.Held]](ctx, c, joined("holds", string(owner), id, "post"), p)
}

// VoidHold gives held tokens back.
func (c *Client) VoidHold(ctx context.Context, owner party.Code, id string) (wire.Done[wire.Held], error) {
	return post[wire.Done[wire.Held]](ctx, c, joined("holds", string(owner), id, "void"), nil)
}

// Swaps lists swaps that this carrier has a part in, or may take. Filter: state.
func (c *Client) Swaps(ctx context.Context, f Filter) iter.Seq2[wire.Swap, error] {
	return list[wire.Swap](ctx, c, "/v1/swaps", f)
}

// OfferSwap offers tokens for others.
func (c *Client) OfferSwap(ctx context.Context, o wire.OfferSwap, retry string) (wire.Done[wire.Swap], error) {
	return once[wire.Done[wire.Swap]](ctx, c, "/v1/swaps", o, retry)
}

// TakeSwap takes a swap as it was read.
func (c *Client) TakeSwap(ctx context.Context, owner party.Code, id string, t wire.TakeSwap) (wire.Done[wire.Swap], error) {
	return post[wire.Done[wire.Swap]](ctx, c, joined("swaps", string(owner), id, "take"), t)
}

// CancelSwap withdraws a swap.
func (c *Client) CancelSwap(ctx context.Context, owner party.Code, id string) (wire.Done[wire.Swap], error) {
	return post[wire.Done[wire.Swap]](ctx, c, joined("swaps", string(owner), id, "cancel"), nil)
}

// Redemptions lists redemptions of this carrier and of tokens that it issues.
// Filter: state.
func (c *Client) Redemptions(ctx context.Context, f Filter) iter.Seq2[wire.Redemption, error] {
	return list[wire.Redemption](ctx, c, "/v1/redemptions", f)
}

// Redeem asks the issuer to pay tokens out.
func (c *Client) Redeem(ctx context.Context, r wire.Redeem, retry string) (wire.Done[wire.Redemption], error) {
	return once[wire.Done[wire.Redemption]](ctx, c, "/v1/redemptions", r, retry)
}

// Locks lists this carrier's locks. Filter: state.
func (c *Client) Locks(ctx context.Context, f Filter) iter.Seq2[wire.Lock, error] {
	return list[wire.Lock](ctx, c, "/v1/locks", f)
}

// OpenLock sets tokens aside under two keys.
func (c *Client) OpenLock(ctx context.Context, l wire.OpenLock, retry string) (wire.Done[wire.Lock], error) {
	return once[wire.Done[wire.Lock]](ctx, c, "/v1/locks", l, retry)
}

// TopUpLock puts more into a lock.
func (c *Client) TopUpLock(ctx context.Context, id canon.Hash, t wire.TopUpLock) (wire.Done[wire.Lock], error) {
	return post[wire.Done[wire.Lock]](ctx, c, joined("locks", id.String(), "topup"), t)
}
