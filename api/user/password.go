package user

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/lateral-network/lateral/fault"
)

// Cost is how hard a password is to try (argon2id).
type Cost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// sensible is the second choice of RFC 9106 (section 4), for machines that have
// other things to do with their memory.
var sensible = Cost{Memory: 64 << 10, Passes: 3, Threads: 4}

// Bounds of a hash in the file, which people may write into: a check must not
// take the machine.
var dearest = Cost{Memory: 256 << 10, Passes: 10, Threads: 16}

const (
	saltSize = 16
	hashSize = 32

	minPassword = 12   // characters
	maxPassword = 1024 // bytes
)

var b64 = base64.RawStdEncoding.Strict()

// hash gives a password as a PHC string.
func (c Cost) hash(password string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails (crypto/rand)
	return c.text(salt, argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, c.Threads, hashSize))
}

func (c Cost) text(salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, c.Threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// decoy gives the hash of no password.
func (c Cost) decoy() string {
	b := make([]byte, saltSize+hashSize)
	rand.Read(b) // never fails (crypto/rand)
	return c.text(b[:saltSize], b[saltSize:])
}

// hashed is a PHC string in parts.
type hashed struct {
	Cost
	salt, sum []byte
}

func parseHash(text string) (h hashed, err error) {
	bad := fault.New(fault.Invalid, "the hash of a password is not of the form", "have the person set it again by a link (lateral user link --reset)")
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, bad
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.Memory, &h.Passes, &h.Threads); err != nil || n != 3 {
		return h, bad
	}
	if fmt.Sprintf("m=%d,t=%d,p=%d", h.Memory, h.Passes, h.Threads) != parts[3] {
		return h, bad
	}
	if h.Passes < 1 || h.Passes > dearest.Passes || h.Threads < 1 || h.Threads > dearest.Threads || h.Memory < 8*uint32(h.Threads) || h.Memory > dearest.Memory {
		return h, bad
	}
	if h.salt, err = b64.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return h, bad
	}
	if h.sum, err = b64.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return h, bad
	}
	return h, nil
}

// matches compares in constant time.
func (h hashed) matches(password string) bool {
	sum := argon2.IDKey([]byte(password), h.salt, h.Passes, h.Memory, h.Threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// matches checks a password against a record's hash. Who is not there, or has no
// password, takes as long as who has.
func (f *File) matches(r record, known bool, password string) bool {
	text, real := r.Password, known && r.Password != ""
	if !real {
		text = f.decoy
	}
	h, err := parseHash(text)
	if err != nil || len(password) > maxPassword {
		return false // neither can be: both were checked before they were kept
	}
	f.slow <- struct{}{}
	defer func() { <-f.slow }()
	return h.matches(password) && real
}

// refused is the one answer to a name, password or code that is wrong.
func refused() error {
	return fault.New(fault.Unauthorized, "the name, the password or the code is wrong", "try again, or ask an administrator of this node for a link")
}

// CheckPassword lets a person in by name, password and, where they have set one
// up, one-time code. Codes: unauthorized; totp-required when all that lacks is the
// code.
func (f *File) CheckPassword(name, password, code string) (User, error) {
	r, known := f.find(name)
	if !f.matches(r, known, password) {
		return User{}, refused()
	}
	if r.TOTP == nil {
		return r.user(), nil
	}
	if code == "" {
		return User{}, fault.New(CodeTOTPRequired, "a one-time code is needed beside the password", "send the code that your app shows").In("code")
	}
	return f.change(name, func(now *record) error {
		if now.Password != r.Password || now.TOTP == nil {
			return refused() // it was changed a moment ago
		}
		return f.spend(now, code, refused())
	})
}

// Knows tells whether a password is a person's.
func (f *File) Knows(name, password string) bool {
	r, known := f.find(name)
	return f.matches(r, known, password)
}

// SetPassword gives a person another password. Sessions of before are over. Codes:
// weak-password, not-found.
func (f *File) SetPassword(name, password string) (User, error) {
	if err := strong(Folded(name), password); err != nil {
		return User{}, err
	}
	f.slow <- struct{}{}
	text := f.cost.hash(password)
	<-f.slow
	return f.change(name, func(r *record) error {
		r.Password = text
		r.restamp()
		return nil
	})
}

// strong refuses passwords that are guessed first.
func strong(name, password string) error {
	weak := func(detail string) error {
		return fault.New(CodeWeakPassword, detail, "take four or more words that nobody would put together, or let a password manager make one").In("new")
	}
	letters := map[rune]bool{}
	for _, r := range password {
		letters[r] = true
	}
	switch {
	case !utf8.ValidString(password):
		return weak("the password is not text")
	case utf8.RuneCountInString(password) < minPassword:
		return weak(fmt.Sprintf("the password has fewer than %d characters", minPassword))
	case len(password) > maxPassword:
		return weak(fmt.Sprintf("the password has more than %d bytes", maxPassword))
	case strings.Contains(strings.ToLower(password), name):
		return weak("the name is in the password")
	case len(letters) < 5:
		return weak("the password repeats a few characters")
	}
	return nil
}
