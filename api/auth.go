package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/yamlfile"
)

// Role is what the bearer of a token is to the carrier.
type Role string

// The roles.
const (
	Clerk          Role = "clerk"           // looks after disputes and periods
	ProductManager Role = "product-manager" // agreements, rate sheets, orders
	Engineer       Role = "engineer"        // call records, channels, health
	Finance        Role = "finance"         // invoices, nettings, payments
	Auditor        Role = "auditor"         // reads everything, changes nothing
	Administrator  Role = "administrator"   // members, keys, channels, tokens
	Subscriber     Role = "subscriber"      // a customer of the carrier; sees its own status only
)

// Roles lists all roles.
var Roles = []Role{Clerk, ProductManager, Engineer, Finance, Auditor, Administrator, Subscriber}

// Actor is who asks.
type Actor struct {
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Expires time.Time `json:"expires,omitzero"`
}

type actorKey struct{}

// WithActor puts who asks into a context.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf gives who asks; the zero Actor when nobody was authenticated.
func ActorOf(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}

// Token is one line of a token file. The token itself is not in it.
type Token struct {
	Name    string    `yaml:"name" json:"name"`
	Role    Role      `yaml:"role" json:"role"`
	Expires time.Time `yaml:"expires,omitempty" json:"expires,omitzero"` // zero: never
	Hash    string    `yaml:"sha256" json:"-"`                           // hex, of the token's text
}

// tokenFile is the form of the file.
type tokenFile struct {
	Tokens []Token `yaml:"tokens"`
}

// tokenPrefix lets scanners of leaked secrets know a token by its form.
const tokenPrefix = "lat_"

// NewToken makes a token of 32 random bytes and its line for the file. The
// text is shown once and kept nowhere.
func NewToken(name string, role Role, expires time.Time) (text string, t Token) {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	text = tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	return text, Token{Name: name, Role: role, Expires: expires, Hash: hashToken(text)}
}

func hashToken(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

func (t Token) validate() error {
	if t.Name == "" || len(t.Name) > 64 || strings.ContainsFunc(t.Name, func(r rune) bool { return r < ' ' }) {
		return fault.New(fault.Invalid, "a token's name is empty, too long, or has control characters", "use 1 to 64 printable characters").In("name")
	}
	if !slices.Contains(Roles, t.Role) {
		return fault.Newf(fault.Invalid, "use one of clerk, product-manager, engineer, finance, auditor, administrator, subscriber",
			"%.40q is no role", string(t.Role)).In("role")
	}
	if b, err := hex.DecodeString(t.Hash); err != nil || len(b) != sha256.Size {
		return fault.New(fault.Invalid, "a token's hash is not a SHA-256 in hex", "make the token with lateral node token").In("sha256")
	}
	return nil
}

func validTokens(tokens []Token) error {
	for i, t := range tokens {
		if err := t.validate(); err != nil {
			return fault.Of(err).In(fmt.Sprintf("tokens.%d", i))
		}
	}
	return nil
}

// WriteTokens writes a token file that only this user can read.
func WriteTokens(path string, tokens []Token) error {
	if err := validTokens(tokens); err != nil {
		return err
	}
	data, err := yaml.Marshal(tokenFile{tokens})
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, data, 0o600)
}

// Tokens is a token file. It is read again whenever it has changed. Methods may
// be called at the same time.
type Tokens struct {
	now func() time.Time

	mu   sync.Mutex // guards what follows
	file *yamlfile.File[[]Token]
}

// OpenTokens reads a token file. Codes: not-found, invalid.
func OpenTokens(path string) (*Tokens, error) {
	t := &Tokens{now: time.Now, file: yamlfile.New(path, "the token file", parseTokens)}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t, t.load()
}

// load reads the file when it has changed. The lock is held.
func (t *Tokens) load() error {
	err := t.file.Load()
	if errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.NotFound, "the token file cannot be read", "name one that is there; lateral node init makes one").Because(err)
	}
	return err
}

func parseTokens(data []byte) ([]Token, error) {
	var f tokenFile
	if err := yamlfile.Decode(data, &f); err != nil {
		return nil, fault.Newf(fault.Invalid, "correct the file", "the token file is not of the form: %v", err)
	}
	return f.Tokens, validTokens(f.Tokens)
}

// Authenticate gives who bears a token. Every line is compared in constant
// time, so that the time taken says nothing. Code: unauthorized. When the
// changed file cannot be read, what was read last stays in force and the error
// says so beside the answer.
func (t *Tokens) Authenticate(r *http.Request) (Actor, error) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Actor{}, fault.New(fault.Unauthorized, "the request bears no token", "send the header Authorization: Bearer TOKEN")
	}
	t.mu.Lock()
	stale := t.load()
	tokens := t.file.Value()
	t.mu.Unlock()
	hash := []byte(hashToken(strings.TrimSpace(text)))
	var found *Token
	for i := range tokens {
		if subtle.ConstantTimeCompare(hash, []byte(strings.ToLower(tokens[i].Hash))) == 1 {
			found = &tokens[i]
		}
	}
	if found == nil {
		return Actor{}, fault.New(fault.Unauthorized, "the token is not known here", "ask the administrator of this node for one").Because(stale)
	}
	if !found.Expires.IsZero() && !t.now().Before(found.Expires) {
		return Actor{}, fault.New(fault.Unauthorized, "the token has expired", "ask the administrator of this node for a new one")
	}
	return Actor{Name: found.Name, Role: found.Role, Expires: found.Expires}, nil
}

// List gives the tokens by name, role and expiry.
func (t *Tokens) List() ([]Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return nil, err
	}
	return slices.Clone(t.file.Value()), nil
}

// Add makes a token, writes the file and gives the token's text, which is kept
// nowhere. Codes: conflict when the name is there, invalid.
func (t *Tokens) Add(name string, role Role, expires time.Time) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return "", err
	}
	if slices.ContainsFunc(t.file.Value(), func(x Token) bool { return x.Name == name }) {
		return "", fault.Newf(fault.Conflict, "choose another name, or remove that token first", "there is a token %q already", name).In("name")
	}
	text, token := NewToken(name, role, expires.UTC().Truncate(time.Second))
	return text, t.write(append(slices.Clone(t.file.Value()), token))
}

// Remove takes a token out of the file. It counts no more when Remove returns.
// Codes: not-found; refused for the last administrator's.
func (t *Tokens) Remove(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(t.file.Value()), func(x Token) bool { return x.Name == name })
	if len(rest) == len(t.file.Value()) {
		return fault.Newf(fault.NotFound, "look the name up in the list", "there is no token %q", name).In("name")
	}
	if !slices.ContainsFunc(rest, func(x Token) bool { return x.Role == Administrator }) {
		return fault.New(fault.Refused, "nobody could make tokens any more without the last administrator's", "make another administrator's token first").In("name")
	}
	return t.write(rest)
}

// write replaces the file. The lock is held.
func (t *Tokens) write(tokens []Token) error {
	if err := validTokens(tokens); err != nil {
		return err
	}
	return t.file.Write(tokenFile{tokens})
}
