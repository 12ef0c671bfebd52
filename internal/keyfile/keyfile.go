// Package keyfile keeps a node's secrets in one file under a passphrase: by
// name, with the earlier ones of each name, so that what was sealed long ago
// still opens. The file is a header line and a file in the age format, so that
//
//	tail -n +2 FILE | age --decrypt
//
// gives the secrets back (canonical CBOR) without Lateral.
package keyfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/sign"
)

// CodeWrongPassphrase: the passphrase does not open the file.
const CodeWrongPassphrase fault.Code = "wrong-passphrase"

// Kind says what a secret is for.
type Kind string

// Kinds of secrets.
const (
	Ed25519 Kind = "ed25519" // seed, 32 bytes
	HPKE    Kind = "hpke"    // private key in the encoding of its KEM
	Token   Kind = "token"   // text that is shown to a server
	Key     Kind = "key"     // symmetric key or channel secret
)

// Secret is one secret. It never prints itself.
type Secret struct {
	Kind  Kind
	Bytes []byte
}

// SigningKey makes a secret of a signing key.
func SigningKey(k sign.PrivateKey) Secret {
	seed := k.Seed()
	return Secret{Ed25519, seed[:]}
}

// SigningKey gives the signing key that a secret is. Code: invalid.
func (s Secret) SigningKey() (sign.PrivateKey, error) {
	if s.Kind != Ed25519 || len(s.Bytes) != 32 {
		return sign.PrivateKey{}, fault.New(fault.Invalid, "the secret is not a signing key", "name the secret that is one")
	}
	return sign.FromSeed([32]byte(s.Bytes)), nil
}

// LogValue keeps the secret out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String tells the kind only.
func (s Secret) String() string { return "secret of kind " + string(s.Kind) }

// GoString tells the kind only.
func (s Secret) GoString() string { return s.String() }

// Format keeps every verb from printing the secret.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText refuses, so that no encoder of text or JSON writes the secret.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, fault.New(fault.Refused, "a secret is not written as text", "keep it in the key file")
}

// Options are the settings of a key file.
type Options struct {
	// WorkFactor is the base-2 logarithm of the scrypt cost of each guess at
	// the passphrase, and of each opening and change. Default: of a new file 18,
	// about a second; of one that is there, its own. Tests and sandboxes take 10.
	WorkFactor int
	// FS stands in for the disk: for tests that inject faults.
	FS durable.FS
}

// Bounds of the work factor: below, guessing is cheap; above, a file made by
// somebody else could keep a node busy for hours.
const (
	minWorkFactor     = 10
	defaultWorkFactor = 18
	maxWorkFactor     = 22
)

// File is an open key file. Its methods may be called at the same time.
type File struct {
	path string
	o    Options

	mu         sync.Mutex // guards all below
	passphrase string
	body       body
}

// body is what is encrypted.
type body struct {
	Version uint8   `cbor:"1,keyasint"` // 1
	Entries []entry `cbor:"2,keyasint"` // sorted by name, newest first within one
}

type entry struct {
	Name  string `cbor:"1,keyasint"`
	Kind  Kind   `cbor:"2,keyasint"`
	Bytes []byte `cbor:"3,keyasint"`
}

// Create makes a new key file without secrets. Code: conflict when there is a
// file already.
func Create(path, passphrase string, o Options) (*File, error) {
	if _, err := os.Stat(path); err == nil {
		return nil, fault.Newf(fault.Conflict, "open it, or choose another place", "%s exists already", path)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, durable.Explain("look at "+path, err)
	}
	f, err := newFile(path, passphrase, o)
	if err != nil {
		return nil, err
	}
	return f, f.save(f.body)
}

// Open reads a key file. Codes: not-found, wrong-passphrase, corrupt.
func Open(path, passphrase string, o Options) (*File, error) {
	f, err := newFile(path, passphrase, o)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, durable.Explain("read the key file "+path, err)
	}
	f.body, err = unseal(path, data, passphrase)
	if err != nil {
		return nil, err
	}
	if n, ok := factorOf(data); ok && o.WorkFactor == 0 {
		f.o.WorkFactor = n
	}
	return f, nil
}

// factorOf reads the work factor that a file was encrypted with from its age
// header: a file that is changed keeps the one that it was made with.
func factorOf(data []byte) (n int, ok bool) {
	_, sealed, _ := bytes.Cut(data, []byte("\n"))
	var version, arrow, kind, salt string
	_, err := fmt.Sscanf(string(sealed[:min(len(sealed), 200)]), "%s\n%s %s %s %d\n", &version, &arrow, &kind, &salt, &n)
	return n, err == nil && kind == "scrypt" && n >= minWorkFactor && n <= maxWorkFactor
}

func newFile(path, passphrase string, o Options) (*File, error) {
	if passphrase == "" {
		return nil, fault.New(fault.Invalid, "the passphrase is empty", "choose a long one").In("passphrase")
	}
	if o.WorkFactor == 0 {
		o.WorkFactor = defaultWorkFactor
	}
	if o.WorkFactor < minWorkFactor || o.WorkFactor > maxWorkFactor {
		return nil, fault.Newf(fault.Invalid, "leave it out for the default", "the work factor is between %d and %d", minWorkFactor, maxWorkFactor).In("work_factor")
	}
	if o.FS == nil {
		o.FS = durable.OS
	}
	return &File{path: path, o: o, passphrase: passphrase, body: body{Version: 1}}, nil
}

// Path is where the file stands.
func (f *File) Path() string { return f.path }

// Names lists the names of all secrets, sorted.
func (f *File) Names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, e := range f.body.Entries {
		names = append(names, e.Name)
	}
	return slices.Compact(names)
}

// Get gives the newest secret of a name. Code: not-found.
func (f *File) Get(name string) (Secret, error) {
	all := f.All(name)
	if len(all) == 0 {
		return Secret{}, fault.Newf(fault.NotFound, "list the names in the key file", "the key file has no secret %q", name)
	}
	return all[0], nil
}

// All gives the secrets of a name, the newest first.
func (f *File) All(name string) []Secret {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Secret
	for _, e := range f.body.Entries {
		if e.Name == name {
			all = append(all, Secret{e.Kind, slices.Clone(e.Bytes)})
		}
	}
	return all
}

// Change is a set of changes that Update writes at once.
type Change struct {
	entries []entry
}

// Add adds a secret under a new name. Code: conflict.
func (c *Change) Add(name string, s Secret) error {
	if err := check(name, s); err != nil {
		return err
	}
	if c.has(name) {
		return fault.Newf(fault.Conflict, "rotate or replace it", "the key file has a secret %q already", name)
	}
	c.insert(name, s)
	return nil
}

// Rotate puts a new secret under a name and keeps the earlier ones. Code:
// not-found.
func (c *Change) Rotate(name string, s Secret) error {
	if err := check(name, s); err != nil {
		return err
	}
	if !c.has(name) {
		return fault.Newf(fault.NotFound, "add it", "the key file has no secret %q", name)
	}
	c.insert(name, s)
	return nil
}

// Replace puts a new secret under a name and destroys the earlier ones. Code:
// not-found.
func (c *Change) Replace(name string, s Secret) error {
	if err := check(name, s); err != nil {
		return err
	}
	if err := c.Remove(name); err != nil {
		return err
	}
	c.insert(name, s)
	return nil
}

// Remove destroys all secrets of a name: what they alone open is lost. Code:
// not-found.
func (c *Change) Remove(name string) error {
	if !c.has(name) {
		return fault.Newf(fault.NotFound, "list the names in the key file", "the key file has no secret %q", name)
	}
	c.entries = slices.DeleteFunc(c.entries, func(e entry) bool { return e.Name == name })
	return nil
}

// Drop destroys those secrets of a name for which gone says so, and keeps the
// others in their order: what the dropped ones alone open is lost.
func (c *Change) Drop(name string, gone func(Secret) bool) {
	c.entries = slices.DeleteFunc(c.entries, func(e entry) bool { return e.Name == name && gone(Secret{e.Kind, slices.Clone(e.Bytes)}) })
}

func (c *Change) has(name string) bool {
	return slices.ContainsFunc(c.entries, func(e entry) bool { return e.Name == name })
}

// insert puts a secret before those of its name.
func (c *Change) insert(name string, s Secret) {
	at, _ := slices.BinarySearchFunc(c.entries, name, func(e entry, name string) int { return strings.Compare(e.Name, name) })
	c.entries = slices.Insert(c.entries, at, entry{name, s.Kind, slices.Clone(s.Bytes)})
}

func check(name string, s Secret) error {
	switch {
	case name == "":
		return fault.New(fault.Invalid, "a secret has a name", "name it").In("name")
	case s.Kind == "" || len(s.Bytes) == 0:
		return fault.New(fault.Invalid, "a secret has a kind and content", "give both").In("secret")
	case s.Kind == Ed25519 && len(s.Bytes) != 32:
		return fault.New(fault.Invalid, "a signing key has a seed of 32 bytes", "give the seed").In("secret")
	}
	return nil
}

// Update changes several secrets and writes the file once. When change or the
// disk fails, file and memory stay as they were.
func (f *File) Update(change func(*Change) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &Change{slices.Clone(f.body.Entries)}
	if err := change(c); err != nil {
		return err
	}
	return f.save(body{1, c.entries})
}

// Add is Change.Add, written at once.
func (f *File) Add(name string, s Secret) error {
	return f.Update(func(c *Change) error { return c.Add(name, s) })
}

// Rotate is Change.Rotate, written at once.
func (f *File) Rotate(name string, s Secret) error {
	return f.Update(func(c *Change) error { return c.Rotate(name, s) })
}

// Replace is Change.Replace, written at once.
func (f *File) Replace(name string, s Secret) error {
	return f.Update(func(c *Change) error { return c.Replace(name, s) })
}

// Remove is Change.Remove, written at once.
func (f *File) Remove(name string) error {
	return f.Update(func(c *Change) error { return c.Remove(name) })
}

// SetPassphrase encrypts the file under another passphrase. Copies of the old
// file still open with the old one.
func (f *File) SetPassphrase(passphrase string) error {
	if passphrase == "" {
		return fault.New(fault.Invalid, "the passphrase is empty", "choose a long one").In("passphrase")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.passphrase
	f.passphrase = passphrase
	if err := f.save(f.body); err != nil {
		f.passphrase = old
		return err
	}
	return nil
}

// save writes the file and then takes the new content. The lock is held, or
// nobody else has the file yet.
func (f *File) save(b body) error {
	data, err := seal(b, f.passphrase, f.o.WorkFactor)
	if err != nil {
		return fmt.Errorf("encrypting the key file: %w", err)
	}
	if err := durable.WriteFile(f.o.FS, f.path, data, 0o600); err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	f.body = b
	return nil
}

// LogValue tells where the file is and nothing of what is in it.
func (f *File) LogValue() slog.Value { return slog.StringValue(f.String()) }

// String tells where the file is and nothing of what is in it.
func (f *File) String() string { return "key file " + f.path }

// Format keeps every verb from printing passphrase and secrets.
func (f *File) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.String()) }

// header begins the first line; the SHA-256 of the rest of the file follows
// it, so that damage is told from a wrong passphrase.
const header = "lateral-keyfile/1 "

func seal(b body, passphrase string, workFactor int) ([]byte, error) {
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	r.SetWorkFactor(workFactor)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, r)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(canon.Must(b)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(sealed.Bytes())
	return append([]byte(header+hex.EncodeToString(sum[:])+"\n"), sealed.Bytes()...), nil
}

func unseal(path string, data []byte, passphrase string) (body, error) {
	line, sealed, _ := bytes.Cut(data, []byte("\n"))
	sum := sha256.Sum256(sealed)
	if string(line) != header+hex.EncodeToString(sum[:]) {
		return body{}, corrupt(path, "the key file is damaged or cut off")
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return body{}, err
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return body{}, fault.New(CodeWrongPassphrase, "the passphrase does not open the key file "+path, "give the passphrase that the file was made with").Because(err)
	}
	if err != nil {
		return body{}, corrupt(path, "the key file is not in the age format").Because(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return body{}, corrupt(path, "the key file is damaged").Because(err)
	}
	var b body
	if err := canon.Decode(plain, &b); err != nil {
		return body{}, corrupt(path, "the key file does not hold what it should").Because(err)
	}
	if b.Version != 1 {
		return body{}, fault.Newf(fault.Invalid, "use the version of lateral that wrote it, or a later one", "key file version %d is not known here", b.Version)
	}
	return b, nil
}

func corrupt(path, detail string) *fault.Error {
	return fault.Newf(fault.Corrupt, "restore the key file from a backup", "%s: %s", path, detail)
}

// ReadPassphrase reads a passphrase from a file: its content without the line
// end. Code: invalid when it is empty or anybody else may read the file.
func ReadPassphrase(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", durable.Explain("read the passphrase in "+path, err)
	}
	defer f.Close() // only read
	if stat, err := f.Stat(); err != nil {
		return "", durable.Explain("look at "+path, err)
	} else if stat.Mode().IsRegular() && stat.Mode().Perm()&0o077 != 0 {
		return "", fault.Newf(fault.Invalid, "chmod 600 "+path, "others may read the passphrase in %s", path).In("passphrase")
	}
	return PassphraseFrom(f)
}

// PassphraseFrom reads a passphrase to the end of r, for example of standard
// input. Code: invalid when it is empty, longer than 1024 bytes or has more
// than one line.
func PassphraseFrom(r io.Reader) (string, error) {
	const most = 1024
	data, err := io.ReadAll(io.LimitReader(r, most+3))
	if err != nil {
		return "", durable.Explain("read the passphrase", err)
	}
	p := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if p == "" || len(p) > most || strings.ContainsAny(p, "\r\n") {
		return "", fault.Newf(fault.Invalid, "put one line into the file", "a passphrase is one line of 1 to %d bytes", most).In("passphrase")
	}
	return p, nil
}
