package native

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// Keys replaces the carrier's own keys. All methods may be called at the same
// time.
type Keys interface {
	// Next gives the command by which a key (member, sealing or node) is
	// replaced by one that stands in the key file by then, the same one until it
	// counts. Somebody has to sign it.
	Next(name string) (trade.KeyRotate, error)
	// Rotate replaces a key under the member key of the key file, and returns
	// when the next one counts. Code: forbidden when the member key is kept
	// elsewhere.
	Rotate(ctx context.Context, name string) error
}

// keys registers how keys are replaced, and how commands are signed where a
// key is kept.
func (s *server) keys() {
	get(s, "/v1/keys", "get-own-keys", tagKeys, "This carrier's signed application, and the keys of its node that Bilaterals register as delegates", func(context.Context, *struct{}) (*reply[wire.OwnKeys], error) {
		if s.Own == nil {
			return nil, fault.New(fault.Refused, "this interface has no keys of its own", "use the carrier's node")
		}
		out, err := s.Own()
		return answer(out), err
	})
	post(s, "/v1/bilaterals/{partner}/rotate", "rotate-channel", tagKeys, "Replace this node's channel key; the sealing of the channel follows", s.rotateChannel)
	post(s, "/v1/bilaterals/{partner}/export", "export-bilateral", tagKeys, "Send the partner the sealed export of the channel, from which its node restores what destroyed keys do not open", s.exportBilateral)
	post(s, "/v1/keys/{key}/rotate", "rotate-key", tagKeys, "Replace a key of this carrier; after the node key the node starts again", s.rotateKey)
	post(s, "/v1/commands/prepare", "prepare-command", tagKeys, "A command for a key that is kept elsewhere: what it says and the exact bytes to sign", s.prepare)
	post(s, "/v1/commands", "submit-command", tagKeys, "Submit a prepared command with its signature", s.submitCommand)
}

func (s *server) rotateChannel(ctx context.Context, in *PartnerPath) (*reply[wire.NewKey], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	key, err := b.Rotate(ctx)
	s.Log.Info("key replaced", "trace", traceOf(ctx), "key", "channel", "partner", in.Partner, "who", api.ActorOf(ctx).Name, "code", fault.CodeOf(err))
	return answer(wire.NewKey{Key: key.String()}), err
}

func (s *server) exportBilateral(ctx context.Context, in *PartnerPath) (*reply[wire.Exported], error) {
	if s.Export == nil {
		return nil, fault.New(fault.Refused, "this interface sends no exports", "use the carrier's node")
	}
	out, err := s.Export(ctx, in.Partner)
	s.Log.Info("channel exported", "trace", traceOf(ctx), "partner", in.Partner, "who", api.ActorOf(ctx).Name, "code", fault.CodeOf(err))
	return answer(out), err
}

func (s *server) rotateKey(ctx context.Context, in *struct {
	Key string `path:"key" enum:"member,sealing,node"`
}) (*reply[wire.NewKey], error) {
	next, err := s.nextKey(in.Key)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Wait)
	defer cancel()
	err = s.Keys.Rotate(ctx, in.Key)
	s.Log.Info("key replaced", "trace", traceOf(ctx), "key", in.Key, "who", api.ActorOf(ctx).Name, "code", fault.CodeOf(err))
	out := wire.NewKey{Restarts: next.AddNode != nil}
	switch {
	case next.NewMember != nil:
		out.Key = next.NewMember.String()
	case next.AddNode != nil:
		out.Key = next.AddNode.String()
	default:
		out.Sealing = next.AddSealing
	}
	return answer(out), err
}

func (s *server) nextKey(name string) (trade.KeyRotate, error) {
	if s.Keys == nil {
		return trade.KeyRotate{}, fault.New(fault.Refused, "this interface replaces no keys", "use the carrier's node")
	}
	return s.Keys.Next(name)
}

// preparedLife is how long in ms a prepared command may be on its way to the
// key and back.
const preparedLife = 7 * 24 * 60 * 60 * 1000

func (s *server) prepare(ctx context.Context, in *struct{ Body wire.Prepare }) (*reply[wire.Command], error) {
	r := in.Body
	if err := maySign(ctx, r.Kind); err != nil {
		return nil, err
	}
	c, b, err := s.channelOf(r.Kind, r.Partner)
	if err != nil {
		return nil, err
	}
	body, err := s.body(b, r)
	if err != nil {
		return nil, err
	}
	var nonce canon.Hash
	rand.Read(nonce[:]) // never fails
	_, now := s.Member.Height()
	p := trade.Prepared{Chain: s.Chain, Channel: c.ID(), Kind: r.Kind, Body: body, Expires: max(now, time.Now().UnixMilli()) + preparedLife, Nonce: nonce}
	w, err := shownPrepared(p)
	return answer(w), err
}

func shownPrepared(p trade.Prepared) (wire.Command, error) {
	says, err := trade.ShowBody(p.Kind, p.Body)
	return wire.Command{Chain: p.Chain, Channel: p.Channel, Kind: p.Kind, Body: p.Body, Expires: wire.Time(p.Expires), Nonce: p.Nonce,
		Message: p.Message(), Says: says}, err
}

// channelOf gives where a command belongs: on the Bilateral with a partner, or
// on the Omnilateral, where b is nil.
func (s *server) channelOf(k trade.Kind, partner party.Code) (c Channel, b Bilateral, err error) {
	if trade.Public(k) {
		if partner != "" {
			return nil, nil, fault.Newf(fault.Invalid, "leave the partner out", "%s belongs on the Omnilateral", k).In("partner")
		}
		return s.Member.Omni(), nil, nil
	}
	if partner == "" {
		return nil, nil, fault.Newf(fault.Invalid, "name the partner", "%s belongs on a Bilateral", k).In("partner")
	}
	b, err = s.with(partner)
	return b, b, err
}

// body makes a command's body: what this node knows by itself, or what the
// caller says.
func (s *server) body(b Bilateral, r wire.Prepare) ([]byte, error) {
	if r.Body != nil {
		return trade.EncodeBody(r.Kind, r.Body)
	}
	switch r.Kind {
	case trade.KindBind:
		x, err := b.Binding()
		return canon.Must(trade.Bind{Member: party.Code(x.Member), Keys: x.Keys, Key: x.Keys[x.Mine]}), err
	case trade.KindDivergenceEnd:
		d, err := whole(b, canon.Hash{})
		return canon.Must(trade.DivergenceClose{Evidence: d.Hash()}), err
	case trade.KindKeyChange:
		a, err := b.Announcement()
		return canon.Must(trade.KeyChange{New: a.Key, Possession: a.Possession}), err
	case trade.KindKeyRotate:
		if r.Key == "" {
			return nil, fault.New(fault.Invalid, "which key is to be replaced is not said", "name the key: member, sealing or node").In("key")
		}
		next, err := s.nextKey(r.Key)
		return canon.Must(next), err
	case trade.KindMemberLeave:
		return canon.Must(trade.MemberLeave{Member: party.Code(s.Member.Code())}), nil
	}
	return nil, fault.Newf(fault.Invalid, "give the fields of the command", "%s has no body", r.Kind).In("body")
}

func (s *server) submitCommand(ctx context.Context, in *struct{ Body wire.Command }) (*reply[wire.Receipt], error) {
	w := in.Body
	if err := maySign(ctx, w.Kind); err != nil {
		return nil, err
	}
	if w.Chain != s.Chain {
		return nil, fault.New(fault.Invalid, "the command is for another network", "prepare it on this node").In("chain")
	}
	cmd, err := trade.Prepared{Chain: w.Chain, Channel: w.Channel, Kind: w.Kind, Body: w.Body, Expires: int64(w.Expires), Nonce: w.Nonce}.Signed(w.Key, w.Signature)
	if err != nil {
		return nil, err
	}
	var c Channel = s.Member.Omni()
	if !w.Channel.IsZero() {
		all := s.Member.Bilaterals()
		i := slices.IndexFunc(all, func(b Bilateral) bool { return b.ID() == w.Channel })
		if i < 0 {
			return nil, fault.New(fault.NotFound, "this node has no such channel", "submit it where it was prepared").In("channel")
		}
		c = all[i]
	}
	var out wire.Receipt
	err = s.guarded(ctx, c, w, func() error {
		o, err := s.put(ctx, c, cmd)
		if err == nil {
			out = receipt(o)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer(out), nil
}

// guarded brings a command that was signed elsewhere: about a payment, by the
// rules of those by hand.
func (s *server) guarded(ctx context.Context, c Channel, w wire.Command, do func() error) error {
	b, ok := c.(Bilateral)
	if !ok {
		return do()
	}
	var ids []string
	var digest canon.Hash
	switch w.Kind {
	case trade.KindPaymentAdvise:
		var said trade.PaymentAdvise
		if err := canon.Decode(w.Body, &said); err != nil {
			return err
		}
		if ids = said.Obligations; said.Obligation != "" {
			ids = []string{said.Obligation}
		}
		digest = adviceDigest(said)
	case trade.KindPaymentReceipt, trade.KindPaymentDecline:
		var said trade.PaymentAnswer
		if err := canon.Decode(w.Body, &said); err != nil {
			return err
		}
		ids = []string{said.Obligation}
		digest = commandDigest(w.Kind, said)
	}
	if len(ids) == 0 {
		return do()
	}
	waits, err := s.byHand(ctx, party.Code(b.Partner()), ids, w.Kind, digest, do)
	if waits {
		return fault.New(trade.CodeSecondPerson, "your word is kept: have another person submit the same, with a key and a token of their own", "payments by hand are for two persons here")
	}
	return err
}

// maySign says whether a caller's role may bring a command that needs a
// signature: the one that may have this node sign it.
func maySign(ctx context.Context, k trade.Kind) error {
	role, member := trade.Needs(k)
	want := map[party.Role]api.Role{party.Contracts: api.ProductManager, party.Orders: api.ProductManager, party.Disputes: api.Clerk, party.Finance: api.Finance,
		party.Issuer: api.Finance, party.Compliance: api.Finance, party.Oracle: api.Finance}[role]
	if member {
		want = api.Administrator
	}
	switch {
	case want == "":
		return fault.Newf(fault.Invalid, "name a command that a member key or a delegate signs", "nobody signs a command %q beside the node", clipped(string(k))).In("kind")
	case api.ActorOf(ctx).Role != want:
		return fault.Newf(fault.Forbidden, "use a token with the role "+string(want), "the role %s may not bring %s", api.ActorOf(ctx).Role, k)
	}
	return nil
}
