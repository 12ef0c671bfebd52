package node

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/user"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/keyfile"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade/party"
)

// InitOptions say what node to set up. Dir is required, and Carrier or
// Validator.
type InitOptions struct {
	Dir       string
	Carrier   party.Code
	LegalName string
	Country   string // ISO 3166-1 alpha-2
	Aliases   []party.Alias
	Exchange  string // host:port to listen on for partners
	Advertise string // how they reach it; empty: the same
	API       string // host:port of the HTTP interface; empty: none
	FollowAt  []Endpoint
	Automatic Automatic

	Validator string // the validator's name; empty: none
	P2P       string
	Follow    string

	WorkFactor int // of the key file; see keyfile.Options
}

// Files that Init makes in its folder.
const (
	configFile      = "config.yaml"
	keysFile        = "keys.age"
	passphraseFile  = "passphrase"
	recoveryFile    = "recovery.age"
	applicationFile = "application.json"
	delegatesFile   = "delegates.json"
	validatorFile   = "validator.json"
	tokensFile      = "tokens.yaml"
	usersFile       = "users.yaml"
	networkFile     = "network.json"
	genesisFile     = "genesis.json"
)

// Setup is what Init made. Nothing in it is secret.
type Setup struct {
	ConfigFile    string
	Config        Config
	Application   *party.Signed     // for the network's members to admit; nil for a mere validator
	Validator     *ledger.Validator // for the network's genesis; nil without one
	ValidatorNode sign.PublicKey    // the validator's node key
	// Delegates are the keys that the node may sign with for its carrier, once
	// they are registered on a Bilateral.
	Delegates map[party.Role]sign.PublicKey
}

// delegateRoles are the roles for which Init makes a delegate's key, so that a
// node can act for its carrier until people have keys of their own.
var delegateRoles = []party.Role{party.Contracts, party.Orders, party.Disputes, party.Finance, party.Compliance}

// Init sets up a node in a folder: keys under a fresh passphrase, a
// configuration, and what the network needs to know of it. It refuses to touch
// a folder that has a configuration. Codes: invalid, conflict.
func Init(o InitOptions) (s Setup, err error) {
	if o.Carrier == "" && o.Validator == "" {
		return s, fault.New(fault.Invalid, "the node is neither a carrier's nor a validator", "name a carrier, a validator, or both")
	}
	at := func(name string) string { return filepath.Join(o.Dir, name) }
	if _, err := os.Stat(at(configFile)); err == nil {
		return s, fault.Newf(fault.Conflict, "choose another folder, or go on with lateral node run", "%s is set up already", o.Dir)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return s, durable.Explain("make "+o.Dir, err)
	}
	passphrase, err := randomText()
	if err != nil {
		return s, err
	}
	if err := durable.WriteFile(durable.OS, at(passphraseFile), []byte(passphrase+"\n"), 0o600); err != nil {
		return s, err
	}
	made := map[string]sign.PrivateKey{}
	secrets := map[string]keyfile.Secret{}
	signing := func(names ...string) error {
		for _, name := range names {
			k, err := sign.Generate(rand.Reader)
			if err != nil {
				return err
			}
			made[name] = k
			secrets[name] = keyfile.SigningKey(k)
		}
		return nil
	}
	s.ConfigFile = at(configFile)
	s.Config = Config{
		Data: at("data"), Keys: at(keysFile), Passphrase: at(passphraseFile), Network: at(networkFile), Genesis: at(genesisFile),
		Carrier: o.Carrier, Follow: o.FollowAt, Automatic: o.Automatic,
	}
	if o.Validator != "" {
		if err := signing(keyValidator, keyValidatorNode); err != nil {
			return s, err
		}
		s.Config.Validator = &Validator{Name: o.Validator, P2P: o.P2P, Follow: o.Follow}
		s.Validator = &ledger.Validator{Name: o.Validator, Key: made[keyValidator].Public(), Power: 1}
		s.ValidatorNode = made[keyValidatorNode].Public()
		if err := writeJSON(at(validatorFile), s.Validator); err != nil {
			return s, err
		}
	}
	if o.Carrier != "" {
		if err := s.carrier(o, at, signing, made, secrets); err != nil {
			return s, err
		}
	}
	if o.API != "" {
		roles := api.Roles
		if o.Carrier == "" {
			roles = operators
		}
		s.Config.API = API{Listen: o.API, Tokens: at(tokensFile), Users: at(usersFile)}
		if err := user.WriteEmpty(at(usersFile)); err != nil {
			return s, err
		}
		if err := newTokens(o.Dir, roles); err != nil {
			return s, err
		}
	}
	file, err := keyfile.Create(at(keysFile), passphrase, keyfile.Options{WorkFactor: o.WorkFactor})
	if err != nil {
		return s, err
	}
	recovery, hasRecovery := secrets[keyRecovery]
	delete(secrets, keyRecovery)
	if err := file.Update(func(c *keyfile.Change) error {
		var all error
		for name, secret := range secrets {
			all = errors.Join(all, c.Add(name, secret))
		}
		return all
	}); err != nil {
		return s, err
	}
	if hasRecovery {
		off, err := keyfile.Create(at(recoveryFile), passphrase, keyfile.Options{WorkFactor: o.WorkFactor})
		if err != nil {
			return s, err
		}
		if err := off.Add(keyRecovery, recovery); err != nil {
			return s, err
		}
	}
	return s, s.Config.Write(s.ConfigFile)
}

// carrier makes what a carrier's node has beside a validator's.
func (s *Setup) carrier(o InitOptions, at func(string) string, signing func(...string) error, made map[string]sign.PrivateKey, secrets map[string]keyfile.Secret) error {
	if err := signing(keyMember, keyNode, keyRecovery); err != nil {
		return err
	}
	s.Delegates = map[party.Role]sign.PublicKey{}
	for _, r := range delegateRoles {
		if err := signing(keyDelegate + string(r)); err != nil {
			return err
		}
		s.Delegates[r] = made[keyDelegate+string(r)].Public()
	}
	sealing, err := seal.GenerateKey(nil)
	if err != nil {
		return err
	}
	seed := sealing.Seed()
	secrets[keySealing] = keyfile.Secret{Kind: keyfile.HPKE, Bytes: seed[:]}
	for _, name := range []string{keyStorage, keyUsage} {
		k := make([]byte, 32)
		if _, err := io.ReadFull(rand.Reader, k); err != nil {
			return err
		}
		secrets[name] = keyfile.Secret{Kind: keyfile.Key, Bytes: k}
	}
	address := o.Advertise
	if address == "" {
		address = o.Exchange
	}
	public := sealing.Public()
	signed := party.Application{
		Code: o.Carrier, LegalName: o.LegalName, Country: o.Country, Aliases: o.Aliases, Exchange: address, Sealing: public[:],
	}.Sign(made[keyMember], made[keyNode], made[keyRecovery])
	if err := signed.Validate(); err != nil {
		return fmt.Errorf("the application of %s: %w", o.Carrier, err)
	}
	s.Application = &signed
	s.Config.Exchange = Listener{Listen: o.Exchange, Advertise: o.Advertise}
	if err := writeJSON(at(delegatesFile), s.Delegates); err != nil {
		return err
	}
	return writeJSON(at(applicationFile), s.Application)
}

func randomText() (string, error) {
	b := make([]byte, 24)
	if _, err := io.ReadFull(rand.Reader, b); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, append(data, '\n'), 0o644)
}
