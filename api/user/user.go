// Package user is the people who sign in to a node: the users file, and what
// each of them proves who they are with. A person has a name and one role, as a
// token has; a password with or without one-time codes, passkeys, and at first a
// link that an administrator hands over.
//
// The file holds no secret in clear: passwords as argon2id, links as SHA-256, the
// secrets of one-time codes under a key that follows from the node's key file.
// Passkeys are public keys. Sessions, limits of attempts and HTTP are not here;
// see package portal.
package user

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/yamlfile"
)

// Codes of this package, beside those of every part.
const (
	// CodeTOTPRequired says that the password is right and that a one-time code
	// is needed beside it.
	CodeTOTPRequired fault.Code = "totp-required"
	// CodeWeakPassword says that a password is too easily guessed.
	CodeWeakPassword fault.Code = "weak-password"
)

// User is one person, without anything secret.
type User struct {
	Name     string
	Role     api.Role
	Added    time.Time
	Password bool      // there is one
	TOTP     bool      // one-time codes go with the password
	Passkeys int       // how many there are
	Link     time.Time // until when a link may be used; zero: there is none
	// Stamp changes with the role and whenever a credential is replaced or taken
	// away: who was let in under another one has to sign in again.
	Stamp string
}

// File is a users file. It is read again whenever it has changed. Methods may be
// called at the same time. A file that is not there counts as an empty one.
type File struct {
	now  func() time.Time
	seal cipher.AEAD
	cost Cost
	slow chan struct{} // as many places as passwords are hashed at a time

	decoy string   // hash for those who have no password, so that they take as long
	shade [32]byte // from which passkeys are made up for names that have none

	mu       sync.Mutex // guards what follows
	file     *yamlfile.File[[]record]
	enrols   pending[string] // secrets of one-time codes, by name, until a code confirms them
	ceremony pending[ceremony]
}

// Options of a users file.
type Options struct {
	Cost Cost             // of a password that is set; zero: what suits a node
	Now  func() time.Time // nil: the clock
}

// Open opens a users file. The secret is 32 bytes of the node's key file: what is
// sealed in the file is under a key that follows from it. Code: invalid.
func Open(path string, secret [32]byte, o Options) (*File, error) {
	aead, shade, err := keysOf(secret)
	if err != nil {
		return nil, err
	}
	if o.Cost == (Cost{}) {
		o.Cost = sensible
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &File{now: o.Now, seal: aead, cost: o.Cost, slow: make(chan struct{}, 2), decoy: o.Cost.decoy(), shade: shade,
		file: yamlfile.New(path, "the users file", parse)}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f, f.load()
}

// load reads the file when it has changed. The lock is held.
func (f *File) load() error {
	err := f.file.Load()
	if errors.Is(err, os.ErrNotExist) {
		f.file.Forget()
		return nil
	}
	return err
}

// records gives what is in force: what was read last when the file cannot be
// read. The lock is held.
func (f *File) records() (all []record, stale error) {
	stale = f.load()
	return f.file.Value(), stale
}

// List gives all users by name. What was read last stands when the changed file
// cannot be read; the error says so beside it.
func (f *File) List() ([]User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, stale := f.records()
	out := make([]User, len(all))
	for i, r := range all {
		out[i] = r.user()
	}
	slices.SortFunc(out, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	return out, stale
}

// Get gives one user; false when there is none of the name.
func (f *File) Get(name string) (User, bool) {
	r, ok := f.find(name)
	return r.user(), ok
}

func (f *File) find(name string) (record, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, _ := f.records()
	if i := indexOf(all, name); i >= 0 {
		return all[i].clone(), true
	}
	return record{}, false
}

// Add adds a person, who can sign in once there is a link. Codes: conflict,
// invalid.
func (f *File) Add(name string, role api.Role) (User, error) {
	name = Folded(name)
	r := record{Name: name, Role: role, ID: random(16), Stamp: random(8), Added: f.now().UTC().Truncate(time.Second)}
	if err := r.validate(); err != nil {
		return User{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(); err != nil {
		return User{}, err
	}
	all := f.file.Value()
	if indexOf(all, name) >= 0 {
		return User{}, fault.Newf(fault.Conflict, "choose another name", "there is a user %q already", name).In("name")
	}
	if len(all) >= maxUsers {
		return User{}, fault.Newf(fault.Refused, "remove those who have left", "there are %d users, and no more fit", len(all)).In("name")
	}
	return r.user(), f.write(append(slices.Clone(all), r))
}

// Remove takes a person out. It is over with their sessions too. Code: not-found.
func (f *File) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(); err != nil {
		return err
	}
	all := f.file.Value()
	i := indexOf(all, name)
	if i < 0 {
		return unknown(name)
	}
	return f.write(slices.Delete(slices.Clone(all), i, i+1))
}

// SetRole gives a person another role; they sign in anew. Codes: not-found,
// invalid.
func (f *File) SetRole(name string, role api.Role) (User, error) {
	return f.change(name, func(r *record) error {
		if r.Role != role {
			r.Role = role
			r.restamp()
		}
		return r.validate()
	})
}

// change changes one record and writes the file, if anything did change. Codes:
// not-found, and those of do.
func (f *File) change(name string, do func(*record) error) (User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(); err != nil {
		return User{}, err
	}
	all := slices.Clone(f.file.Value())
	i := indexOf(all, name)
	if i < 0 {
		return User{}, unknown(name)
	}
	r := all[i].clone()
	if err := do(&r); err != nil {
		return User{}, err
	}
	all[i] = r
	return r.user(), f.write(all)
}

// write replaces the file. The lock is held.
func (f *File) write(all []record) error {
	if err := validate(all); err != nil {
		return err
	}
	return f.file.Write(document{all})
}

// WriteEmpty makes a users file in which nobody is. Only this user can read it.
func WriteEmpty(path string) error {
	return yamlfile.New(path, "the users file", parse).Write(document{[]record{}})
}

// Folded is a name as it is in the file: lower case, without spaces around it.
func Folded(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func indexOf(all []record, name string) int {
	name = Folded(name)
	return slices.IndexFunc(all, func(r record) bool { return r.Name == name })
}

func unknown(name string) error {
	return fault.Newf(fault.NotFound, "look the name up in the list", "there is no user %.70q", name).In("name")
}

// random gives n random bytes as hex.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}
