package sonata

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/yamlfile"
)

// Partner is one buyer's system that may call. The secret itself is kept
// nowhere.
type Partner struct {
	// ID is the OAuth2 client id.
	ID string `yaml:"id" json:"id"`
	// Buyers are the buyers for which it acts. With several, its requests name
	// one of them in buyerId.
	Buyers []string `yaml:"buyers" json:"buyers"`
	// Release is the release that it speaks.
	Release wire.Release `yaml:"release" json:"release"`
	// Scopes are the operations it may call, by operationId; none: all.
	Scopes []string `yaml:"scopes,omitempty" json:"scopes,omitempty"`
	// Callbacks are the beginnings of addresses to which it may have
	// notifications sent; none: any address that is open to the public.
	Callbacks []string `yaml:"callbacks,omitempty" json:"callbacks,omitempty"`
	// Hash is the SHA-256 of the secret, hex.
	Hash    string    `yaml:"sha256" json:"-"`
	Created time.Time `yaml:"created" json:"created"`
	Expires time.Time `yaml:"expires,omitempty" json:"expires,omitzero"` // of the secret; zero: never
}

func (p Partner) validate() error {
	plain := func(s string) bool {
		return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == ':' || r == '"' || r > '~' })
	}
	if !plain(p.ID) {
		return fault.New(fault.Invalid, "a partner's id is empty, too long, or has letters that it cannot have", "use 1 to 64 letters, digits, dots and hyphens").In("id")
	}
	if len(p.Buyers) == 0 || slices.ContainsFunc(p.Buyers, func(b string) bool { return !plain(b) }) {
		return fault.New(fault.Invalid, "a partner has no buyer, or one with an unfit id", "name the buyers for which it acts").In("buyers")
	}
	if !p.Release.Valid() {
		return fault.Newf(fault.Invalid, "use kylie or grace", "%.40q is no release that is spoken", string(p.Release)).In("release")
	}
	if b, err := hex.DecodeString(p.Hash); err != nil || len(b) != sha256.Size {
		return fault.New(fault.Invalid, "a partner's secret is not given as a SHA-256 in hex", "make the partner with lateral sonata client add").In("sha256")
	}
	return nil
}

// Partners is the file of who may call. It is read again whenever it has
// changed. Methods may be called at the same time.
type Partners struct {
	mu   sync.Mutex // guards what follows
	file *yamlfile.File[[]Partner]
}

type partnerFile struct {
	Partners []Partner `yaml:"partners"`
}

// OpenPartners reads the file of partners; one that is not there yet has none.
// Code: invalid.
func OpenPartners(path string) (*Partners, error) {
	p := &Partners{file: yamlfile.New(path, "the file of partners", parsePartners)}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p, p.load()
}

// load reads the file when it has changed. The lock is held.
func (p *Partners) load() error {
	err := p.file.Load()
	if errors.Is(err, os.ErrNotExist) {
		p.file.Forget()
		return nil
	}
	return err
}

func parsePartners(data []byte) ([]Partner, error) {
	var f partnerFile
	if err := yamlfile.Decode(data, &f); err != nil {
		return nil, fault.Newf(fault.Invalid, "correct the file", "the file of partners is not of the form: %v", err)
	}
	for i, p := range f.Partners {
		if err := p.validate(); err != nil {
			return nil, fault.Of(err).In(fmt.Sprintf("partners.%d", i))
		}
		if slices.ContainsFunc(f.Partners[:i], func(o Partner) bool { return o.ID == p.ID }) {
			return nil, fault.Newf(fault.Invalid, "give each partner its own id", "the partner %s comes twice", p.ID).In(fmt.Sprintf("partners.%d.id", i))
		}
	}
	return f.Partners, nil
}

// List gives the partners. What was read last stands when the file cannot be
// read; the error says so.
func (p *Partners) List() ([]Partner, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.load()
	return slices.Clone(p.file.Value()), err
}

// find gives a partner by its id.
func (p *Partners) find(id string) (Partner, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.load() // what was read last stays in force; List says what is wrong
	i := slices.IndexFunc(p.file.Value(), func(x Partner) bool { return x.ID == id })
	if i < 0 {
		return Partner{}, false
	}
	return p.file.Value()[i], true
}

// secretPrefix lets scanners of leaked secrets know one by its form.
const secretPrefix = "lsc_"

// random gives 32 random bytes as text.
func random(prefix string) string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

func hashText(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// Add makes a partner with a fresh secret, which is shown this once and kept
// nowhere. Codes: conflict, invalid.
func (p *Partners) Add(n Partner, now time.Time) (secret string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.load(); err != nil {
		return "", err
	}
	if slices.ContainsFunc(p.file.Value(), func(x Partner) bool { return x.ID == n.ID }) {
		return "", fault.Newf(fault.Conflict, "choose another id, or revoke that one first", "there is a partner %s already", n.ID).In("id")
	}
	secret = random(secretPrefix)
	h := hashText(secret)
	n.Hash, n.Created = hex.EncodeToString(h[:]), now.UTC().Truncate(time.Second)
	if err := n.validate(); err != nil {
		return "", err
	}
	return secret, p.write(append(slices.Clone(p.file.Value()), n))
}

// Revoke takes a partner out: its secret and its access tokens count no more.
// Code: not-found.
func (p *Partners) Revoke(id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.load(); err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(p.file.Value()), func(x Partner) bool { return x.ID == id })
	if len(rest) == len(p.file.Value()) {
		return fault.Newf(fault.NotFound, "look the id up in the list", "there is no partner %.64q", id).In("id")
	}
	return p.write(rest)
}

// write replaces the file. The lock is held.
func (p *Partners) write(list []Partner) error { return p.file.Write(partnerFile{list}) }

// verify says whether a secret is the partner's. Every partner is compared, so
// that the time taken does not tell which ids there are.
func (p *Partners) verify(id, secret string, now time.Time) (found Partner, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.load() // what was read last stays in force; List says what is wrong
	sum := hashText(secret)
	for _, x := range p.file.Value() {
		want, err := hex.DecodeString(x.Hash)
		same := err == nil && subtle.ConstantTimeCompare(want, sum[:]) == 1
		if same && x.ID == id && (x.Expires.IsZero() || now.Before(x.Expires)) {
			found, ok = x, true
		}
	}
	return found, ok
}
