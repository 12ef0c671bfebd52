package channel

import (
	"context"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
)

// How the two sides of a new channel say who they are: each confirms it on the
// Omnilateral by its channel key, and inside the log by its member key.

// confirm tells the Omnilateral that our channel key wants the channel.
func (b *Bilateral) confirm(o Opening) {
	if !b.said.confirm && !o.Confirmations[b.mine] && !o.Confirmed {
		b.said.confirm = true
		b.public.Load().enqueue(one(b.m.law.Confirm(b.r.id)))
	}
}

// bind puts the company's name behind the channel key.
func (b *Bilateral) bind(ctx context.Context, o Opening, now int64) {
	if b.said.bind || b.p.Epoch == 0 {
		return
	}
	b.said.bind = true
	b.r.mu.RLock()
	bound := b.m.law.Bound(b.r.state, b.keys[b.mine])
	// A key that has replaced a bound one is announced instead.
	former := slices.ContainsFunc(o.Past, func(keys [2]sign.PublicKey) bool { return b.m.law.Bound(b.r.state, keys[b.mine]) })
	b.r.mu.RUnlock()
	if bound {
		return
	}
	complain := func(code fault.Code, detail string) {
		b.m.raise(Alarm{Channel: b.r.id, Code: code, Detail: "the channel with " + b.partner + " is not bound: " + detail,
			Remedy: "prepare the command " + string(b.bindKind(former)) + " on this node, sign it with the member key where it is kept, and submit it signed"})
	}
	key, ok := b.m.keys.Member()
	if !ok {
		complain(trade.CodeMemberKey, "this company's member key is kept off line")
		return
	}
	binding, err := b.binding(now)
	if err != nil {
		complain(fault.CodeOf(err), err.Error())
		return
	}
	cmd := b.m.law.Bind(binding, key)
	if former {
		cmd = b.m.law.Announce(binding, b.announcement(b.s.Load().key), key)
	}
	t := b.s.Load().enqueue(one(cmd))
	b.m.go_(func() {
		if out, err := t.Wait(ctx); err == nil && FirstErr(out) != nil {
			complain(out[0].Receipt.Code, FirstErr(out).Error())
		}
	})
}

func (b *Bilateral) bindKind(former bool) trade.Kind {
	if former {
		return trade.KindKeyChange
	}
	return trade.KindBind
}

// bindingLife is how long in ms of block time a binding may be on its way.
const bindingLife = int64(30 * 24 * 60 * 60 * 1000)

// Binding gives what the member key is to sign where it is kept off line. The
// command that Law.Bind makes of it is submitted like any other.
func (b *Bilateral) Binding() (Binding, error) {
	b.r.mu.RLock()
	now := b.r.time
	b.r.mu.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.binding(now)
}

func (b *Bilateral) binding(now int64) (Binding, error) {
	x := Binding{Chain: b.m.chain, Channel: b.r.id, Keys: b.keys, Mine: b.mine, Member: b.m.code, Partner: b.partner, Expires: now + bindingLife}
	err := b.m.random(x.Nonce[:])
	return x, err
}
