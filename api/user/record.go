package user

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/yamlfile"
)

// The file's form. People may change role and remove whole users by hand.

// document is the whole file.
type document struct {
	Users []record `yaml:"users"`
}

// record is one person in the file.
type record struct {
	Name     string    `yaml:"name"`
	Role     api.Role  `yaml:"role"`
	ID       string    `yaml:"id"`    // hex, 16 bytes at random; what authenticators know the person by
	Stamp    string    `yaml:"stamp"` // hex; see User.Stamp
	Added    time.Time `yaml:"added"`
	Password string    `yaml:"password,omitempty"` // argon2id, PHC string
	TOTP     *code     `yaml:"totp,omitempty"`
	Passkeys []key     `yaml:"passkeys,omitempty"`
	Link     *link     `yaml:"link,omitempty"`
}

// code is what one-time codes are made from.
type code struct {
	Sealed string `yaml:"sealed"` // base64; nonce and ciphertext of the secret
	Used   int64  `yaml:"used"`   // the step whose code was taken last; it and earlier ones count no more
}

// link is a way in that can be used once.
type link struct {
	Hash    string    `yaml:"sha256"` // hex, of the token's text
	Expires time.Time `yaml:"expires"`
}

// Bounds of the file.
const (
	maxUsers    = 10_000
	maxPasskeys = 20
	maxLabel    = 64
)

// nameLetters are what a user's name may be of. Names stand in logs, in files and
// beside other names, so they are plain and look alike only when they are.
const nameLetters = "abcdefghijklmnopqrstuvwxyz0123456789._-@+"

func (r record) validate() error {
	plain := !strings.ContainsFunc(r.Name, func(c rune) bool { return !strings.ContainsRune(nameLetters, c) })
	switch id, err := hex.DecodeString(r.ID); {
	case r.Name == "" || len(r.Name) > 64 || !plain || strings.ContainsAny(r.Name[:1], "._-@+"):
		return fault.New(fault.Invalid, "the name of a user is not of the form", "use 1 to 64 of a-z 0-9 . _ - @ +, a letter or digit first").In("name")
	case !slices.Contains(api.Roles, r.Role):
		return fault.Newf(fault.Invalid, "use one of clerk, product-manager, engineer, finance, auditor, administrator, subscriber",
			"%.40q is no role", string(r.Role)).In("role")
	case err != nil || len(id) != 16:
		return damaged("id")
	case r.Stamp == "" || len(r.Stamp) > 64:
		return damaged("stamp")
	}
	if r.Password != "" {
		if _, err := parseHash(r.Password); err != nil {
			return fault.Of(err).In("password")
		}
	}
	if r.TOTP != nil {
		if b, err := base64.StdEncoding.DecodeString(r.TOTP.Sealed); err != nil || len(b) < 12+16 || len(b) > 256 {
			return damaged("totp.sealed")
		}
	}
	if r.Link != nil {
		if b, err := hex.DecodeString(r.Link.Hash); err != nil || len(b) != sha256.Size || r.Link.Expires.IsZero() {
			return damaged("link")
		}
	}
	if len(r.Passkeys) > maxPasskeys {
		return fault.Newf(fault.Refused, "remove one that is not used", "there are %d passkeys, and no more fit", maxPasskeys).In("passkeys")
	}
	for i, k := range r.Passkeys {
		if err := k.validate(); err != nil {
			return fault.Of(err).In(fmt.Sprintf("passkeys.%d", i))
		}
		if slices.ContainsFunc(r.Passkeys[:i], func(o key) bool { return o.ID == k.ID }) {
			return fault.New(fault.Conflict, "the passkey is there twice", "remove one").In(fmt.Sprintf("passkeys.%d", i))
		}
	}
	return nil
}

func damaged(field string) error {
	return fault.New(fault.Invalid, "the users file is not as the node has written it", "restore it from a backup, or remove the user and add them again").In(field)
}

func validate(all []record) error {
	names, ids := map[string]bool{}, map[string]bool{}
	for i, r := range all {
		err := r.validate()
		switch {
		case err != nil:
		case names[r.Name]:
			err = fault.New(fault.Conflict, "the name is there twice", "remove one").In("name")
		case ids[r.ID]:
			err = fault.New(fault.Conflict, "two users have the same id", "remove one").In("id")
		}
		if err != nil {
			return fault.Of(err).In(fmt.Sprintf("users.%d", i))
		}
		names[r.Name], ids[r.ID] = true, true
	}
	return nil
}

func parse(data []byte) ([]record, error) {
	var d document
	if err := yamlfile.Decode(data, &d); err != nil {
		return nil, fault.Newf(fault.Invalid, "correct the file", "the users file is not of the form: %v", err)
	}
	return d.Users, validate(d.Users)
}

func (r record) user() User {
	u := User{Name: r.Name, Role: r.Role, Added: r.Added, Password: r.Password != "", TOTP: r.TOTP != nil, Passkeys: len(r.Passkeys), Stamp: r.Stamp}
	if r.Link != nil {
		u.Link = r.Link.Expires
	}
	return u
}

func (r record) clone() record {
	r.Passkeys = slices.Clone(r.Passkeys)
	if r.TOTP != nil {
		c := *r.TOTP
		r.TOTP = &c
	}
	if r.Link != nil {
		l := *r.Link
		r.Link = &l
	}
	return r
}

// restamp ends what was let in before.
func (r *record) restamp() { r.Stamp = random(8) }

// keysOf gives what seals the file's secrets, and what made-up passkeys come from.
func keysOf(secret [32]byte) (aead cipher.AEAD, shade [32]byte, err error) {
	out, err := hkdf.Key(sha256.New, secret[:], nil, "lateral/users/1", 64)
	if err != nil {
		return nil, shade, err
	}
	block, err := aes.NewCipher(out[:32])
	if err != nil {
		return nil, shade, err
	}
	aead, err = cipher.NewGCMWithRandomNonce(block)
	return aead, [32]byte(out[32:]), err
}

// pending holds what was begun and waits for its end, for a while, and never more
// of it than there is room for.
type pending[T any] struct {
	all map[string]waiting[T]
}

type waiting[T any] struct {
	value T
	until time.Time
}

const (
	patience   = 5 * time.Minute // for what was begun
	maxPending = 1000
)

func (p *pending[T]) put(id string, v T, now time.Time) {
	if p.all == nil {
		p.all = map[string]waiting[T]{}
	}
	oldest := ""
	for k, w := range p.all {
		if !now.Before(w.until) {
			delete(p.all, k)
		} else if oldest == "" || w.until.Before(p.all[oldest].until) {
			oldest = k
		}
	}
	if len(p.all) >= maxPending {
		delete(p.all, oldest)
	}
	p.all[id] = waiting[T]{v, now.Add(patience)}
}

// get gives what was begun, and leaves it.
func (p *pending[T]) get(id string, now time.Time) (v T, ok bool) {
	w, ok := p.all[id]
	if !ok || !now.Before(w.until) {
		return v, false
	}
	return w.value, true
}

// take gives what was begun, once.
func (p *pending[T]) take(id string, now time.Time) (T, bool) {
	v, ok := p.get(id, now)
	delete(p.all, id)
	return v, ok
}
