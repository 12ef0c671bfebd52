package native

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// TokenPath names a token in a path.
type TokenPath struct {
	Code token.Code `path:"code" maxLength:"8" doc:"Like USDt."`
}

// FeedPath names a feed in a path.
type FeedPath struct {
	Base  money.Currency `path:"base" maxLength:"3"`
	Quote money.Currency `path:"quote" maxLength:"3"`
}

func (p FeedPath) pair() token.Pair { return token.Pair{Base: p.Base, Quote: p.Quote} }

// tokens registers tokens, what their issuers do, and rates. Officers' acts are
// signed with the officers' own keys: they are prepared and submitted like any
// command for a key that is kept elsewhere, and this node has none of them.
func (s *server) tokens() {
	get(s, "/v1/tokens", "list-tokens", tagTokens, "Tokens with their supply and what stands behind it", func(_ context.Context, in *PageQuery) (*reply[api.Page[wire.Token]], error) {
		return list(s.Member.Omni(), trade.TokenPrefix, *in, func(_ string, k token.Token) (wire.Token, bool) {
			w, err := s.shownToken(k, false)
			return w, err == nil
		})
	})
	get(s, "/v1/tokens/audit", "audit-tokens", tagTokens, "Every account added up anew: supply, what holders have, reserve; reads the whole journal", s.auditTokens)
	get(s, "/v1/tokens/{code}", "get-token", tagTokens, "One token with its reserve, baskets and frozen accounts", s.getToken)
	post(s, "/v1/tokens", "define-token", tagTokens, "Ask the other members to let this carrier issue a token; signed with the member key", func(ctx context.Context, in *struct{ Body wire.DefineToken }) (*reply[wire.Done[wire.Token]], error) {
		return s.changeToken(ctx, in.Body.Token, trade.KindTokenDefine, trade.TokenDefine(in.Body))
	})
	post(s, "/v1/tokens/{code}/approve", "approve-token", tagTokens, "Let another member issue a token; signed with the member key", func(ctx context.Context, in *TokenPath) (*reply[wire.Done[wire.Token]], error) {
		return s.changeToken(ctx, in.Code, trade.KindTokenApprove, trade.TokenApprove{Token: in.Code, By: s.me()})
	})
	get(s, "/v1/tokens/{code}/acts", "list-acts", tagTokens, "What a token's issuer has done, by two persons, and what waits for the second", func(_ context.Context, in *struct {
		TokenPath
		PageQuery
		State token.IssueState `query:"state" enum:"proposed,done,rejected"`
	}) (*reply[api.Page[wire.Issue]], error) {
		return list(s.Member.Omni(), trade.IssueKey(in.Code, ""), in.PageQuery, func(_ string, i token.Issue) (wire.Issue, bool) {
			return shownIssue(i), in.State == "" || in.State == i.State
		})
	})
	get(s, "/v1/tokens/{code}/acts/{id}", "get-act", tagTokens, "One act of a token's issuer", func(_ context.Context, in *struct {
		TokenPath
		ID string `path:"id" maxLength:"40"`
	}) (*reply[wire.Issue], error) {
		i, err := record[token.Issue](s.Member.Omni(), trade.IssueKey(in.Code, in.ID), "act "+clipped(in.ID)+" of "+string(in.Code))
		return answer(shownIssue(i)), err
	})
	op := withPath(operation(http.MethodGet, "/v1/tokens/{code}/proof", "get-token-proof", tagTokens,
		"A proof that the reserve covers the supply, which anybody can check offline; waits for the validators' certificate"), "code")
	s.raw(op, "application/octet-stream", "The proof.", func(w http.ResponseWriter, r *http.Request) {
		code := token.Code(r.PathValue("code"))
		data, err := s.proveToken(r.Context(), code)
		if err == nil {
			w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(string(code))+`.proof"`)
		}
		s.give(w, r, "application/octet-stream", data, err)
	})
	s.feeds()
	s.publicDelegates()
}

// me is the carrier whose node this is.
func (s *server) me() party.Code { return party.Code(s.Member.Code()) }

// now runs f with the Omnilateral as it is after the last block.
func (s *server) now(f func(v trade.View, at channel.View) error) error {
	return s.Member.Omni().View(func(v channel.View) error { return f(trade.View{Records: v}, v) })
}

func (s *server) getToken(_ context.Context, in *TokenPath) (*reply[wire.Token], error) {
	k, err := record[token.Token](s.Member.Omni(), trade.TokenKey(in.Code), "token "+clipped(string(in.Code)))
	if err != nil {
		return nil, err
	}
	w, err := s.shownToken(k, true)
	return answer(w), err
}

func (s *server) changeToken(ctx context.Context, c token.Code, kind trade.Kind, body any) (*reply[wire.Done[wire.Token]], error) {
	o, err := s.submit(ctx, s.Member.Omni(), kind, body)
	if err != nil {
		return nil, err
	}
	k, err := s.getToken(ctx, &TokenPath{c})
	if err != nil {
		return nil, err
	}
	return answer(wire.Done[wire.Token]{Record: k.Body, Receipt: receipt(o)}), nil
}

// shownToken shows a token with what stands behind it now, and if it is asked for
// with its frozen accounts.
func (s *server) shownToken(k token.Token, frozen bool) (wire.Token, error) {
	w := wire.Token{Code: k.Code, Issuer: k.Issuer, State: k.State, Cap: k.Cap, Supply: k.Supply, Covered: true, Reserve: []wire.Reserve{}, Redeem: k.Redeem,
		Approved: k.Approved, Deadline: wire.Time(k.Deadline), Barred: k.Barred}
	err := s.now(func(v trade.View, at channel.View) error {
		w.Basket = shownBasket(k.InForce(at.Time))
		needed := []map[money.Currency]money.Micro{needs(k, at.Time)}
		if k.Next != nil && k.Next.From > at.Time {
			w.Next = shownBasket(k.Next)
			needed = append(needed, needs(k, k.Next.From))
		}
		all := map[money.Currency]bool{}
		for _, n := range needed {
			w.Covered = w.Covered && (n != nil || k.Supply == 0)
			for c := range n {
				all[c] = true
			}
		}
		for _, c := range slices.Sorted(maps.Keys(all)) {
			r := wire.Reserve{Currency: c, Needed: needed[0][c],
				Have: v.Balance(settlement.Account{Party: k.Issuer, Purpose: settlement.Reserve(string(k.Code)), Currency: c})}
			if len(needed) > 1 {
				r.Next = needed[1][c]
			}
			w.Covered = w.Covered && r.Have >= max(r.Needed, r.Next)
			w.Reserve = append(w.Reserve, r)
		}
		if frozen {
			for f := range v.Frozen(k.Code) {
				w.Frozen = append(w.Frozen, wire.Frozen{Member: f.Member, Why: f.Why, Since: wire.Time(f.Since), Act: f.Issue})
			}
		}
		return nil
	})
	return w, err
}

// needs gives what has to be behind a token's supply at a time; nil when no basket
// says it.
func needs(k token.Token, at int64) map[money.Currency]money.Micro {
	list, err := k.Needed(k.Supply, at)
	if err != nil {
		return nil
	}
	out := map[money.Currency]money.Micro{}
	for _, n := range list {
		out[n.Currency] = n.Micro
	}
	return out
}

func shownBasket(b *token.Basket) *wire.Basket {
	if b == nil {
		return nil
	}
	return &wire.Basket{Name: b.Name, From: wire.Time(b.From), Parts: b.Parts}
}

func shownIssue(i token.Issue) wire.Issue {
	return wire.Issue{ID: i.ID, Token: i.Token, State: i.State, Act: i.Act, Hash: i.Hash(), Proposed: act(i.Proposed), Answered: done(i.Approved),
		Deadline: wire.Time(i.Deadline), Why: i.Why}
}

func (s *server) auditTokens(context.Context, *struct{}) (*reply[wire.Audit], error) {
	var w wire.Audit
	err := s.now(func(v trade.View, at channel.View) (err error) {
		w.Height, w.Time = uint64(at.Height), wire.Time(at.Time)
		w.Books, err = v.Recount(at.Time)
		return err
	})
	w.Tokens = append([]trade.Backing{}, w.Tokens...)
	return answer(w), err
}

// proveToken waits for a proof, as long as any request may wait.
func (s *server) proveToken(ctx context.Context, c token.Code) ([]byte, error) {
	k, err := record[token.Token](s.Member.Omni(), trade.TokenKey(c), "token "+clipped(string(c)))
	if err != nil {
		return nil, err
	}
	keys, err := trade.CoverKeys(k)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	return s.Member.ProvePublic(ctx, keys)
}

// feeds registers rates of exchange.
func (s *server) feeds() {
	get(s, "/v1/feeds", "list-feeds", tagTokens, "Rates of exchange in force, and what each source says", func(_ context.Context, in *PageQuery) (*reply[api.Page[wire.Feed]], error) {
		all := []wire.Feed{}
		err := s.now(func(v trade.View, at channel.View) error {
			for f := range v.Feeds() {
				all = append(all, shownFeed(v, f, at.Time))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		p, err := api.CutSlice(all, in.wanted())
		return answer(p), err
	})
	const at = "/v1/feeds/{base}/{quote}"
	get(s, at, "get-feed", tagTokens, "One rate of exchange", func(_ context.Context, in *FeedPath) (*reply[wire.Feed], error) {
		w, err := s.feedNow(in.pair())
		return answer(w), err
	})
	post(s, at+"/state", "state-rate", tagTokens, "Say what a rate is, as one of its sources", func(ctx context.Context, in *struct {
		FeedPath
		Body wire.StateRate
	}) (*reply[wire.Done[wire.Feed]], error) {
		o, err := s.submit(ctx, s.Member.Omni(), trade.KindFeedState, trade.FeedState{Pair: in.pair(), Rate: in.Body.Rate, At: int64(in.Body.At)})
		if err != nil {
			return nil, err
		}
		w, err := s.feedNow(in.pair())
		return answer(wire.Done[wire.Feed]{Record: w, Receipt: receipt(o)}), err
	})
}

func (s *server) feedNow(p token.Pair) (w wire.Feed, err error) {
	err = s.now(func(v trade.View, at channel.View) error {
		f, ok := v.Feed(p)
		if !ok {
			return fault.Newf(fault.NotFound, "look it up in the list", "there is no feed %s", clipped(p.String()))
		}
		w = shownFeed(v, f, at.Time)
		return nil
	})
	return w, err
}

func shownFeed(v trade.View, f token.Feed, now int64) wire.Feed {
	w := wire.Feed{Pair: f.Pair.String(), Quorum: f.Quorum, Stale: f.Stale, Deviation: f.Deviation, Sources: []wire.FeedSource{}}
	x, err := v.Fixing(f.Pair, now)
	if w.Rate = x.Rate; err != nil {
		w.Problem = fault.Of(err).Detail
	}
	said := map[sign.PublicKey]token.Stated{}
	for _, st := range v.Stated(f.Pair) {
		said[st.Source] = st
	}
	for _, k := range f.Sources {
		standing := "silent"
		switch {
		case slices.Contains(x.Deviates, k):
			standing = "deviates"
		case slices.Contains(x.Stale, k):
			standing = "stale"
		case slices.Contains(x.Agreed, k):
			standing = "counts"
		}
		w.Sources = append(w.Sources, wire.FeedSource{Key: k, Standing: standing, Rate: said[k].Rate, At: wire.Time(said[k].At)})
	}
	return w
}

// publicDelegates registers who may authorise for this carrier on the Omnilateral.
func (s *server) publicDelegates() {
	const at = "/v1/network/delegates"
	get(s, at, "list-network-delegates", tagNetwork, "Who may authorise for members on the Omnilateral", func(_ context.Context, in *struct {
		PageQuery
		Member party.Code `query:"member" maxLength:"32" doc:"Of this member only."`
	}) (*reply[api.Page[wire.Delegate]], error) {
		return list(s.Member.Omni(), trade.DelegatePrefix, in.PageQuery, func(_ string, d party.Delegate) (wire.Delegate, bool) {
			return shownDelegate(d), in.Member == "" || in.Member == d.Member
		})
	})
	post(s, at, "add-network-delegate", tagNetwork, "Register a delegate of this carrier on the Omnilateral, or change one; signed with the member key", func(ctx context.Context, in *struct{ Body wire.AddDelegate }) (*reply[wire.Done[wire.Delegate]], error) {
		return s.addDelegate(ctx, s.Member.Omni(), in.Body)
	})
	post(s, at+"/{key}/revoke", "revoke-network-delegate", tagNetwork, "End a delegate of this carrier on the Omnilateral; signed with the member key", func(ctx context.Context, in *struct {
		Key string `path:"key" doc:"The delegate's key, hex."`
	}) (*reply[wire.Done[wire.Delegate]], error) {
		return s.revokeDelegate(ctx, s.Member.Omni(), in.Key)
	})
}
