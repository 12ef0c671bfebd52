package node

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/keyfile"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// A key of the carrier is replaced in steps, each of which can be done again:
//
//	keep      the next key is in the key file, under the key's name and nextKey
//	register  key.rotate on the Omnilateral, under the member key
//	promote   once it counts, it takes the name in the key file
//
// A next key that counts is promoted whoever had it registered: this node, or
// somebody who signed elsewhere, with the recovery key for example. The node
// key is registered beside the old one; the node starts again under it and then
// revokes the old one.

// nextKey ends the name of a key that waits until it counts.
const nextKey = "/next"

// rotating are the keys that this node replaces.
var rotating = []string{keyMember, keySealing, keyNode}

// ErrRestart says that the node is to be opened again: it has a new node key, or
// a channel that was restored.
var ErrRestart = errors.New("the node starts again")

// Keep runs an open node, and opens and runs it again whenever it has to start
// again, until ctx ends. It closes what it runs.
func Keep(ctx context.Context, n *Node, log *slog.Logger) error {
	for {
		err := n.Run(ctx)
		again := errors.Is(err, ErrRestart)
		if again {
			err = nil
		}
		if err = errors.Join(err, n.Close()); err != nil || !again {
			return err
		}
		c := n.config
		c.Rebuilt = false // it was, and has an outbox of its own by now
		if n, err = Open(c, log); err != nil {
			return err
		}
	}
}

// next gives the key that follows, which stands in the key file from now on.
func (k *keys) next(name string) (keyfile.Secret, error) {
	s, err := k.file.Get(name + nextKey)
	if fault.CodeOf(err) != fault.NotFound {
		return s, err
	}
	var seed [32]byte
	if _, err := io.ReadFull(rand.Reader, seed[:]); err != nil {
		return s, err
	}
	s = keyfile.Secret{Kind: keyfile.Ed25519, Bytes: seed[:]}
	if name == keySealing {
		s.Kind = keyfile.HPKE
	}
	return s, k.file.Add(name+nextKey, s)
}

// promote gives a next key its name; earlier ones stay behind it.
func (k *keys) promote(name string) error {
	s, err := k.file.Get(name + nextKey)
	if err != nil {
		return err
	}
	first := len(k.file.All(name)) == 0 // a member key that was kept elsewhere
	return k.file.Update(func(c *keyfile.Change) error {
		put := c.Rotate
		if first {
			put = c.Add
		}
		return errors.Join(put(name, s), c.Remove(name+nextKey))
	})
}

// counts reports whether a key counts for a member from the next block on.
func counts(m party.Member, name string, s keyfile.Secret, height uint64) bool {
	if name == keySealing {
		public := seal.KeyFromSeed([32]byte(s.Bytes)).Public()
		return slices.ContainsFunc(m.SealingKeys(height), func(k []byte) bool { return string(k) == string(public.Bytes()) })
	}
	key, err := s.SigningKey()
	if err != nil {
		return false
	}
	if name == keyNode {
		return m.NodeKey(key.Public(), height)
	}
	return m.MemberKey(key.Public(), height)
}

// myself gives this carrier as it stands on the Omnilateral, and the height of
// the next block.
func (n *Node) myself() (m party.Member, height uint64, err error) {
	err = n.member.Omni().View(func(v channel.View) error {
		m, _ = memberOf(v, n.config.Carrier)
		height = uint64(v.Height) + 1
		return nil
	})
	return m, height, err
}

// Next implements native.Keys.
func (n *Node) Next(name string) (trade.KeyRotate, error) {
	n.turning.Lock()
	defer n.turning.Unlock()
	r := trade.KeyRotate{Member: n.config.Carrier}
	s, err := n.keys.next(name)
	if err != nil {
		return r, err
	}
	if name == keySealing {
		public := seal.KeyFromSeed([32]byte(s.Bytes)).Public()
		r.AddSealing = public.Bytes()
		m, height, err := n.myself()
		if err != nil {
			return r, err
		}
		for _, old := range n.keys.file.All(keySealing) {
			if counts(m, name, old, height) {
				public := seal.KeyFromSeed([32]byte(old.Bytes)).Public()
				r.RevokeSealing = public.Bytes()
				break
			}
		}
		return r, nil
	}
	key, err := s.SigningKey()
	if err != nil {
		return r, err
	}
	public := key.Public()
	r.Possession = []sign.Signature{trade.Possession(key, n.network.ChainID, string(n.config.Carrier))}
	if name == keyNode {
		r.AddNode = &public
	} else {
		r.NewMember = &public
	}
	return r, nil
}

// Rotate implements native.Keys.
func (n *Node) Rotate(ctx context.Context, name string) error {
	r, err := n.Next(name)
	if err != nil {
		return err
	}
	if err := n.register(ctx, r); err != nil {
		// Registered before, by a request whose answer was lost?
		if n.promoteCounted() != nil || n.waits(name) {
			return err
		}
	}
	for n.waits(name) {
		tick := time.After(50 * time.Millisecond)
		if err := n.promoteCounted(); err != nil {
			return err
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return fault.New(fault.NotYet, "the new key is registered and does not count yet", "wait for the next block").Because(ctx.Err())
		}
	}
	return nil
}

// waits reports whether a next key is on its way.
func (n *Node) waits(name string) bool { return len(n.keys.file.All(name+nextKey)) > 0 }

func (n *Node) register(ctx context.Context, r trade.KeyRotate) error {
	cmd, err := n.sign(canon.Hash{}, trade.NewCommand(trade.KindKeyRotate, r))
	if err != nil {
		return err
	}
	out, err := n.member.Omni().Submit(ctx, cmd)
	if err != nil {
		return err
	}
	return channel.FirstErr(out)
}

// promoteCounted promotes next keys that count by now.
func (n *Node) promoteCounted() error {
	n.turning.Lock()
	defer n.turning.Unlock()
	for _, name := range rotating {
		s, err := n.keys.file.Get(name + nextKey)
		if fault.CodeOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		m, height, err := n.myself()
		if err != nil {
			return err
		}
		if !counts(m, name, s, height) {
			continue
		}
		if err := n.keys.promote(name); err != nil {
			return err
		}
		n.log.Info("key replaced", "carrier", n.config.Carrier, "key", name)
		if name == keyNode {
			n.restart()
		}
	}
	return nil
}

// keepKeys promotes keys that were registered elsewhere, and revokes node keys
// that this node has left behind.
func (n *Node) keepKeys(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.member.Ready():
	}
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	refused := ""
	for {
		if err := n.promoteCounted(); err != nil {
			return err
		}
		if err := n.revokeFormer(ctx); err != nil && ctx.Err() == nil {
			if text := err.Error(); text != refused {
				refused = text
				n.log.Warn("a former node key still counts", "err", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(10 * time.Second): // it is tried again
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// retireKeys destroys former sealing keys where an agreement asks for it.
func (n *Node) retireKeys(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.member.Ready():
	}
	look := time.NewTicker(2 * time.Second)
	defer look.Stop()
	waits := ""
	for {
		if err := n.retireFormer(ctx); err != nil && ctx.Err() == nil {
			if text := err.Error(); text != waits {
				waits = text
				n.log.Warn("old sealing keys stay for now", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

func (n *Node) retireFormer(ctx context.Context) error {
	m, height, err := n.myself()
	if err != nil {
		return err
	}
	var former []seal.PublicKey
	for i, s := range n.keys.file.All(keySealing) {
		if i > 0 && len(s.Bytes) == 32 && !counts(m, keySealing, s, height) {
			former = append(former, seal.KeyFromSeed([32]byte(s.Bytes)).Public())
		}
	}
	_, err = n.member.Retire(ctx, former)
	return err
}

// revokeFormer ends the node keys of this node's past. Those of other nodes of
// the carrier are not in its key file.
func (n *Node) revokeFormer(ctx context.Context) error {
	all := n.keys.file.All(keyNode)
	if len(all) < 2 {
		return nil
	}
	m, height, err := n.myself()
	if err != nil {
		return err
	}
	if now, err := all[0].SigningKey(); err != nil || now.Public() != n.nodeKey || !m.NodeKey(n.nodeKey, height) {
		return err // the node is about to start again
	}
	for _, s := range all[1:] {
		if !counts(m, keyNode, s, height) {
			continue
		}
		key, err := s.SigningKey()
		if err != nil {
			return err
		}
		public := key.Public()
		if err := n.register(ctx, trade.KeyRotate{Member: n.config.Carrier, RevokeNode: &public}); err != nil {
			return err
		}
	}
	return nil
}

// ChangePassphrase puts the key file under a fresh passphrase. The node must
// not run: it holds the file open. Copies of the old file, such as backups,
// still open with the old one. Codes: directory-in-use, wrong-passphrase.
func ChangePassphrase(c Config) (err error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return durable.Explain("make "+c.Data, err)
	}
	lock, err := durable.LockDir(c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	k, err := openKeys(c.Keys, c.Passphrase)
	if err != nil {
		return err
	}
	fresh, err := randomText()
	if err != nil {
		return err
	}
	// In this order one of the two files opens the key file at every moment.
	if err := durable.WriteFile(durable.OS, c.Passphrase+nextPassphrase, []byte(fresh+"\n"), 0o600); err != nil {
		return err
	}
	if err := k.file.SetPassphrase(fresh); err != nil {
		return err
	}
	return takePassphrase(c.Passphrase)
}

// nextPassphrase ends the name of the file of a passphrase that is to come.
const nextPassphrase = ".next"

// takePassphrase gives a new passphrase its place.
func takePassphrase(path string) error {
	if err := os.Rename(path+nextPassphrase, path); err != nil {
		return durable.Explain("put the new passphrase in its place", err)
	}
	return nil
}
