package node

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/keyfile"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// Names of secrets in a node's key file.
const (
	keyMember        = "member"         // stands for the company; may be kept off line
	keyNode          = "node"           // signs this node's envelopes, names it to others
	keySealing       = "sealing"        // opens what is sealed for this member; earlier ones stay
	keyRecovery      = "recovery"       // to be moved off line after lateral node init
	keyStorage       = "storage"        // encrypts files on this node's disk
	keyUsage         = "usage"          // salts what this carrier commits to; the keys of its locks and its pseudonyms follow from it
	keyValidator     = "validator"      // signs blocks
	keyValidatorNode = "validator-node" // names the validator to others
	keyChannel       = "channel/"       // + public key
	keyDelegate      = "delegate/"      // + role
	keyPast          = "past/"          // + channel id: what a channel needs whose sealing keys were destroyed
)

// keys is a node's key file as the packages below want it.
type keys struct {
	file *keyfile.File

	mu       sync.Mutex // guards channels, a cache
	channels map[sign.PublicKey]sign.PrivateKey
}

// openKeys opens a key file.
func openKeys(path, passphraseFile string) (*keys, error) {
	passphrase, err := keyfile.ReadPassphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	file, err := keyfile.Open(path, passphrase, keyfile.Options{})
	if fault.CodeOf(err) == keyfile.CodeWrongPassphrase {
		// A change of the passphrase may have been broken off.
		if next, e := keyfile.ReadPassphrase(passphraseFile + nextPassphrase); e == nil {
			if file, e = keyfile.Open(path, next, keyfile.Options{}); e == nil {
				err = takePassphrase(passphraseFile)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	k := &keys{file: file, channels: map[sign.PublicKey]sign.PrivateKey{}}
	for _, name := range file.Names() {
		if !strings.HasPrefix(name, keyChannel) {
			continue
		}
		key, err := k.signing(name)
		if err != nil {
			return nil, err
		}
		k.channels[key.Public()] = key
	}
	return k, nil
}

func (k *keys) signing(name string) (sign.PrivateKey, error) {
	s, err := k.file.Get(name)
	if err != nil {
		return sign.PrivateKey{}, err
	}
	return s.SigningKey()
}

// must gives a key that newKeys checked to be there.
func (k *keys) must(name string) sign.PrivateKey {
	key, err := k.signing(name)
	if err != nil {
		panic("the key " + name + " is gone from an open key file: " + err.Error())
	}
	return key
}

// secret gives a symmetric key.
func (k *keys) secret(name string) (out [32]byte, err error) {
	s, err := k.file.Get(name)
	if err != nil {
		return out, err
	}
	if len(s.Bytes) != len(out) {
		return out, fault.Newf(fault.Corrupt, "restore the key file from a backup", "the secret %s has %d bytes", name, len(s.Bytes))
	}
	return [32]byte(s.Bytes), nil
}

// Node implements channel.Keys.
func (k *keys) Node() sign.PrivateKey { return k.must(keyNode) }

// Member implements channel.Keys.
func (k *keys) Member() (sign.PrivateKey, bool) {
	key, err := k.signing(keyMember)
	return key, err == nil
}

// Sealing implements channel.Keys.
func (k *keys) Sealing() []seal.Key {
	var out []seal.Key
	// One that is about to be registered opens what comes as soon as it counts.
	for _, s := range append(k.file.All(keySealing), k.file.All(keySealing+nextKey)...) {
		if len(s.Bytes) == 32 {
			out = append(out, seal.KeyFromSeed([32]byte(s.Bytes)))
		}
	}
	return out
}

// Past implements channel.Keys.
func (k *keys) Past(id canon.Hash) []byte {
	s, err := k.file.Get(keyPast + id.String())
	if err != nil {
		return nil
	}
	return s.Bytes
}

// Retire implements channel.Keys: one write of the key file does all of it.
func (k *keys) Retire(old []seal.PublicKey, past map[canon.Hash][]byte) error {
	return k.file.Update(func(c *keyfile.Change) error {
		var all error
		for id, data := range past {
			name := keyPast + id.String()
			c.Drop(name, func(keyfile.Secret) bool { return true })
			all = errors.Join(all, c.Add(name, keyfile.Secret{Kind: keyfile.Key, Bytes: data}))
		}
		c.Drop(keySealing, func(s keyfile.Secret) bool {
			return len(s.Bytes) == 32 && slices.Contains(old, seal.KeyFromSeed([32]byte(s.Bytes)).Public())
		})
		return all
	})
}

// SealingKey finds a key by its name, for files.
func (k *keys) SealingKey(id canon.Hash) (seal.Key, bool) {
	for _, key := range k.Sealing() {
		if key.Public().ID() == id {
			return key, true
		}
	}
	return seal.Key{}, false
}

// Channel implements channel.Keys.
func (k *keys) Channel(p sign.PublicKey) (sign.PrivateKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.channels[p]
	return key, ok
}

// NewChannel implements channel.Keys.
func (k *keys) NewChannel() (sign.PrivateKey, error) {
	key, err := sign.Generate(nil)
	if err != nil {
		return key, err
	}
	if err := k.file.Add(keyChannel+key.Public().String(), keyfile.SigningKey(key)); err != nil {
		return sign.PrivateKey{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.channels[key.Public()] = key
	return key, nil
}

// delegate gives the key of the robot or person that acts in a role through
// this node.
func (k *keys) delegate(r party.Role) (sign.PrivateKey, bool) {
	key, err := k.signing(keyDelegate + string(r))
	return key, err == nil
}

var _ channel.Keys = (*keys)(nil)

// own gives what others register of this carrier: its application, as Init has written
// it beside the key file, and its delegates.
func (n *Node) own() (out wire.OwnKeys, err error) {
	out.Delegates = []wire.OwnDelegate{}
	for _, r := range delegateRoles {
		if k, ok := n.keys.delegate(r); ok {
			out.Delegates = append(out.Delegates, wire.OwnDelegate{Role: r, Key: k.Public()})
		}
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(n.config.Keys), applicationFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return out, nil
	case err != nil:
		return out, fault.New(fault.Unavailable, "the application cannot be read", "let the node read it").Because(err)
	}
	a := &party.Signed{}
	if err := json.Unmarshal(data, a); err != nil || a.Application.Code != n.config.Carrier {
		return out, fault.New(fault.Corrupt, "the application beside the key file is not this carrier's", "bring the one that lateral node init made").Because(err)
	}
	out.Application = a
	return out, nil
}
