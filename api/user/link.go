package user

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// MaxLink is how long a link may stay good.
const MaxLink = 7 * 24 * time.Hour

// Link makes a link by which a person signs in once, in place of one that was
// there. Its text is kept nowhere. With reset, what the person proved who they are
// with until now is forgotten, and their sessions are over. Codes: not-found,
// invalid.
func (f *File) Link(name string, ttl time.Duration, reset bool) (text string, expires time.Time, err error) {
	if ttl < time.Minute || ttl > MaxLink {
		return "", expires, fault.New(fault.Invalid, "a link is good for less than a minute, or for more than seven days", "name a time between").In("minutes")
	}
	text = rand.Text() + rand.Text() // 260 bits
	expires = f.now().Add(ttl).UTC().Truncate(time.Second)
	_, err = f.change(name, func(r *record) error {
		if reset {
			r.Password, r.TOTP, r.Passkeys = "", nil, nil
			r.restamp()
		}
		r.Link = &link{Hash: hashOf(text), Expires: expires}
		return nil
	})
	if err != nil {
		return "", expires, err
	}
	return text, expires, nil
}

// RedeemLink lets in whom a link is for, once. Code: unauthorized.
func (f *File) RedeemLink(text string) (User, error) {
	wrong := fault.New(fault.Unauthorized, "the link was used, has expired, or is none of this node", "ask an administrator of this node for a new one").In("token")
	hash := []byte(hashOf(text))
	f.mu.Lock()
	all, _ := f.records()
	name := ""
	for _, r := range all {
		if r.Link != nil && subtle.ConstantTimeCompare(hash, []byte(r.Link.Hash)) == 1 {
			name = r.Name
		}
	}
	f.mu.Unlock()
	if name == "" {
		return User{}, wrong
	}
	return f.change(name, func(r *record) error {
		if r.Link == nil || subtle.ConstantTimeCompare(hash, []byte(r.Link.Hash)) != 1 || !f.now().Before(r.Link.Expires) {
			return wrong
		}
		r.Link = nil
		return nil
	})
}

func hashOf(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}
