package clearing

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/token"
)

// The private keys of locks are written nowhere. They follow from the carrier's
// secret: one of its own lock from the lock's id, which stands on the Omnilateral,
// and one that it has offered from the channel and a number. So whoever has the key
// file and the ledger has them all.

// ownKey gives the owner's key of a lock of this side's.
func (d *Desk) ownKey(lock canon.Hash) sign.PrivateKey {
	return d.deriveLockKey("own/" + lock.String())
}

// offeredKey gives a key that this side offers, by number.
func (d *Desk) offeredKey(n uint64) sign.PrivateKey {
	return d.deriveLockKey(fmt.Sprintf("offered/%s/%d", d.o.Channel.ID(), n))
}

func (d *Desk) deriveLockKey(label string) sign.PrivateKey {
	seed, err := hkdf.Key(sha256.New, d.o.Vault.Secret[:], nil, "lateral/lock-key/1 "+label, 32)
	if err != nil {
		panic(err) // only for lengths that SHA-256 cannot give
	}
	return sign.FromSeed([32]byte(seed))
}

// spare is how many numbers beyond the keys that were offered are looked at for a
// key: more than are ever on their way.
const spare = 64

// lockKey finds this side's key of a lock. Code: not-found when it follows from
// another secret.
func (d *Desk) lockKey(l token.Lock, by token.Side) (k sign.PrivateKey, err error) {
	want := l.Keys[by]
	d.mu.Lock()
	k, known := d.lockKeys[want]
	d.mu.Unlock()
	if known {
		return k, nil
	}
	found := false
	if by == token.OwnerSide {
		k = d.ownKey(l.ID)
		found = k.Public() == want
	} else if k, found, err = d.findOffered(want); err != nil {
		return k, err
	}
	if !found {
		return sign.PrivateKey{}, fault.Newf(fault.NotFound, "restore the key file that was in use when the lock was opened", "no key of this node is %s of the lock %s", want.Short(), l.ID)
	}
	d.mu.Lock()
	d.lockKeys[want] = k
	d.mu.Unlock()
	return k, nil
}

// findOffered looks for a key among those that this side has offered.
func (d *Desk) findOffered(want sign.PublicKey) (k sign.PrivateKey, ok bool, err error) {
	count := uint64(spare)
	err = d.o.Channel.View(func(v view) error {
		for range (trade.View{Records: v}).LockKeys(d.o.Me) {
			count++
		}
		return nil
	})
	if err != nil {
		return k, false, err
	}
	for n := range count {
		if k = d.offeredKey(n); k.Public() == want {
			return k, true, nil
		}
	}
	return k, false, nil
}
