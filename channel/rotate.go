package channel

import (
	"context"
	"fmt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// A channel key is replaced in steps, each of which can be done again:
//
//	keep      the new key is in the key store, and the channel's store names it
//	announce  key.change inside the sealed log, under the member key
//	rest      what is in flight under the old key lands; what comes waits
//	replace   channel.rotate on the Omnilateral, the old key's last word
//
// The node then goes over to the new key by itself (Member.rekey), signs its
// head again and offers a new epoch. A node that stops in between goes on where
// it was when it runs again.

// metaRotation names the rotation that is under way.
const metaRotation = "rotation"

// rotation is a replacement of our channel key that is under way.
type rotation struct {
	Old sign.PublicKey `cbor:"1,keyasint"`
	New sign.PublicKey `cbor:"2,keyasint"`
}

func readRotation(space *store.Channel) (*rotation, error) {
	data, ok, err := space.Meta(metaRotation)
	if err != nil || !ok {
		return nil, err
	}
	var r rotation
	if err := canon.Stored(data, &r); err != nil {
		return nil, corruptStore("the rotation of channel " + space.ID().String() + " cannot be read").Because(err)
	}
	return &r, nil
}

// keepRotation makes the rotation that is under way durable; nil ends it.
func (b *Bilateral) keepRotation(r *rotation) error {
	var data []byte // removes it
	if r != nil {
		data = canon.Must(*r)
	}
	b.m.step.Lock()
	defer b.m.step.Unlock()
	if err := b.r.space.Commit(store.Batch{Meta: map[string][]byte{metaRotation: data}}); err != nil {
		return fmt.Errorf("keeping which channel key comes next: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rotation = r
	return nil
}

// Rotate replaces our channel key and returns the one that counts once this
// node has gone over to it. A rotation that is under way is completed instead
// of beginning another. Codes: member-key-needed when the member key is kept
// off line (see Announcement), busy while another call is at it, not-yet while
// the channel is not open or ctx ends first, and those of Submit.
func (b *Bilateral) Rotate(ctx context.Context) (sign.PublicKey, error) {
	if !b.turning.TryLock() {
		return sign.PublicKey{}, turning()
	}
	defer b.turning.Unlock()
	key, err := b.rotate(ctx)
	if err != nil {
		b.mu.Lock()
		b.said.rotate = "" // what is under way is taken up again
		b.mu.Unlock()
	}
	return key, err
}

func turning() error {
	return fault.New(fault.Busy, "the channel key is being replaced", "wait until it is done")
}

// rotate is Rotate. turning is held.
func (b *Bilateral) rotate(ctx context.Context) (sign.PublicKey, error) {
	fresh, err := b.successor()
	if err != nil {
		return sign.PublicKey{}, err
	}
	for _, step := range []func(context.Context, sign.PrivateKey) error{b.announce, b.replace} {
		if err := step(ctx, fresh); err != nil {
			return sign.PublicKey{}, fmt.Errorf("replacing the channel key: %w", err)
		}
	}
	return fresh.Public(), b.keepRotation(nil)
}

// successor gives the key that comes next: that of the rotation under way, or
// a new one.
func (b *Bilateral) successor() (sign.PrivateKey, error) {
	b.mu.Lock()
	r, now, halted := b.rotation, b.s.Load().lane.sender, b.halted
	b.mu.Unlock()
	if halted != nil {
		return sign.PrivateKey{}, halted
	}
	if s := b.State(); s != StateOpen && s != StateDiverged {
		return sign.PrivateKey{}, fault.Newf(fault.NotYet, "wait until the channel is open", "the channel with %s is %s", b.partner, s)
	}
	if r != nil && (r.Old == now || r.New == now) {
		if key, ok := b.m.keys.Channel(r.New); ok {
			return key, nil
		}
		return sign.PrivateKey{}, fault.New(CodeKeyMissing, "the channel key that comes next is not in the key store", "restore the key store, then go on")
	}
	fresh, err := b.m.keys.NewChannel()
	if err != nil {
		return fresh, fmt.Errorf("making a channel key: %w", err)
	}
	return fresh, b.keepRotation(&rotation{Old: now, New: fresh.Public()})
}

func (b *Bilateral) announcement(fresh sign.PrivateKey) Announcement {
	return Announcement{fresh.Public(), b.m.law.Possession(fresh, b.m.chain, b.r.id)}
}

// Announcement gives what key.change is to say where the member key is kept off
// line: of a present key that is not announced yet, or of the next one, with
// which a rotation begins. Rotate goes on by itself once the signed command is
// executed.
func (b *Bilateral) Announcement() (Announcement, error) {
	if now := b.s.Load().key; !b.announced(now.Public()) {
		return b.announcement(now), nil
	}
	if !b.turning.TryLock() {
		return Announcement{}, turning()
	}
	defer b.turning.Unlock()
	fresh, err := b.successor()
	if err != nil {
		return Announcement{}, err
	}
	return b.announcement(fresh), nil
}

// announced reports whether a channel key is bound inside the channel.
func (b *Bilateral) announced(k sign.PublicKey) (yes bool) {
	b.r.mu.RLock()
	defer b.r.mu.RUnlock()
	return b.m.law.Bound(b.r.state, k)
}

func (b *Bilateral) announce(ctx context.Context, fresh sign.PrivateKey) error {
	if b.announced(fresh.Public()) {
		return nil
	}
	member, ok := b.m.keys.Member()
	if !ok {
		return fault.New(trade.CodeMemberKey, "this company's member key is kept off line, and a new channel key stands under its signature",
			"prepare the command key.change on this node, sign it with the member key where it is kept, and submit it signed; the rotation then goes on")
	}
	binding, err := b.Binding()
	if err != nil {
		return err
	}
	out, err := b.Submit(ctx, b.m.law.Announce(binding, b.announcement(fresh), member))
	if err == nil {
		err = FirstErr(out)
	}
	if b.announced(fresh.Public()) {
		return nil // by the same command, sent before a restart
	}
	return err
}

func (b *Bilateral) replace(ctx context.Context, fresh sign.PrivateKey) error {
	replaced := func() bool { return b.s.Load().lane.sender == fresh.Public() }
	old, public := b.s.Load(), b.public.Load()
	if replaced() {
		return nil
	}
	for _, s := range []*stream{old, public} {
		defer s.resume()
		if err := s.rest(ctx); err != nil && !replaced() {
			return err
		}
	}
	var err error
	if !replaced() {
		t := public.sendLast(b.m.law.Replace(b.r.id, b.announcement(fresh)))
		var out []Outcome
		if out, err = t.Wait(ctx); err == nil {
			err = FirstErr(out)
		}
	}
	// The node goes over at the end of the block.
	for err == nil {
		tick := b.m.ticked()
		if replaced() {
			break
		}
		select {
		case <-tick:
		case <-ctx.Done():
			err = fault.New(fault.NotYet, "the new channel key does not count here yet", "ask again").Because(ctx.Err())
		}
	}
	if replaced() {
		return nil // whoever said so: a command of before a restart has the same effect
	}
	return err
}

// resumeRotation goes on with a rotation that a stop has left in the middle, or
// that waited for a signature. mu is held.
func (b *Bilateral) resumeRotation(ctx context.Context) {
	if b.rotation == nil {
		return
	}
	b.r.mu.RLock()
	step := b.rotation.New.String()
	if b.m.law.Bound(b.r.state, b.rotation.New) {
		step += " announced"
	}
	b.r.mu.RUnlock()
	if b.said.rotate == step {
		return
	}
	b.said.rotate = step
	b.m.go_(func() {
		if !b.turning.TryLock() {
			return // somebody has asked for it
		}
		defer b.turning.Unlock()
		b.mu.Lock()
		done := b.rotation == nil
		b.mu.Unlock()
		if done {
			return
		}
		if _, err := b.rotate(ctx); err != nil && ctx.Err() == nil {
			b.m.raise(Alarm{Channel: b.r.id, Code: fault.CodeOf(err), Detail: "the channel key is not replaced yet: " + err.Error(), Remedy: fault.Of(err).Remedy})
		}
	})
}
