package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// Config is one node's configuration, and its manual. It is a YAML file;
// relative paths start at the file's folder. Secrets are never in it, only
// paths to them. Fields that a later version adds have defaults, so yesterday's
// file still works; a field that is not known is refused by name.
type Config struct {
	// Carrier is this node's member code. Without it the node is a validator only.
	Carrier party.Code `yaml:"carrier,omitempty"`
	// Data is the folder of everything that the node stores.
	Data string `yaml:"data"`
	// Keys is the encrypted key file; Passphrase a file that holds its passphrase,
	// one line, and that nobody else may read.
	Keys       string `yaml:"keys"`
	Passphrase string `yaml:"passphrase"`
	// Network is the network file: chain id, genesis hash, first validators.
	Network string `yaml:"network"`
	// Genesis is the network's genesis document: first members and parameters.
	Genesis string `yaml:"genesis"`

	// Validator makes the node take part in consensus.
	Validator *Validator `yaml:"validator,omitempty"`
	// Follow lists validators' follower endpoints. A carrier's node needs at
	// least one, and f+1 to notice a lying one; all is best.
	Follow []Endpoint `yaml:"follow,omitempty"`

	// Exchange is where partners' nodes send sealed files.
	Exchange Listener `yaml:"exchange,omitempty"`
	// API is the HTTP interface for this carrier's people and systems. A mere
	// validator has its operator's part: health, readiness, metrics, tokens.
	API API `yaml:"api,omitempty"`

	// Catalog is what the carrier's own catalogue knows beside what is in it.
	Catalog Catalog `yaml:"catalog,omitempty"`
	// Sonata is the interface for partners' systems: LSO Sonata of MEF (Mplify).
	Sonata Sonata `yaml:"sonata,omitempty"`

	// Mesh is what the carrier buys of its neighbours, and sells on.
	Mesh Mesh `yaml:"mesh,omitempty"`

	// Bank is how the carrier pays, and is paid, over banks.
	Bank Bank `yaml:"bank,omitempty"`

	// Automatic is what the node does without a person, with delegate keys from
	// its key file.
	Automatic Automatic `yaml:"automatic,omitempty"`

	Log Log `yaml:"log,omitempty"`

	// Rebuilt is no setting of the file but an operator's word for one start:
	// this node lost its unsent envelopes, and nothing else signs with its keys.
	Rebuilt bool `yaml:"-"`
}

// Validator is the consensus part of a node.
type Validator struct {
	Name   string     `yaml:"name"`   // shown to other validators
	P2P    string     `yaml:"p2p"`    // host:port where other validators connect
	Follow string     `yaml:"follow"` // host:port where carriers' nodes connect
	Peers  []Endpoint `yaml:"peers"`  // the other validators' nodes, at their p2p addresses
}

// Endpoint is a validator's node, and where it listens.
type Endpoint struct {
	Name    string         `yaml:"name"`
	Key     sign.PublicKey `yaml:"key"` // its node key, hex
	Address string         `yaml:"address"`
}

// Listener is an address to listen on, how others reach it when that differs, and
// how this node reaches others.
type Listener struct {
	Listen    string `yaml:"listen,omitempty"`
	Advertise string `yaml:"advertise,omitempty"`
	// Proxy is an HTTP proxy by which this node reaches its partners',
	// http://host:port; empty: directly.
	Proxy string `yaml:"proxy,omitempty"`
}

// API is where the HTTP interface listens and who may use it.
type API struct {
	Listen string `yaml:"listen,omitempty"` // host:port; without it there is no API
	Tokens string `yaml:"tokens,omitempty"` // YAML file of token hashes with roles
	// Users is the YAML file of people who sign in to the portal, at the same
	// address; by default users.yaml beside the token file.
	Users string `yaml:"users,omitempty"`
}

// users gives the users file.
func (a API) users() string {
	if a.Users == "" {
		return filepath.Join(filepath.Dir(a.Tokens), usersFile)
	}
	return a.Users
}

// Catalog names files of the carrier's catalogue. The catalogue itself is in the
// node's store.
type Catalog struct {
	// Schemas is a folder of JSON Schemas, .json, .yaml and .yml, by which product
	// payloads are checked; read when the node starts. Nothing is fetched.
	Schemas string `yaml:"schemas,omitempty"`
	// Places is a CSV file of places beside the built-in ones: id, name, country,
	// latitude, longitude, and if there are any, code and names.
	Places string `yaml:"places,omitempty"`
}

// Automatic says which commercial steps the node takes by itself, always inside
// what the agreement lets the delegate do. The zero value asks a person for all
// of them.
type Automatic struct {
	Rate   bool `yaml:"rate"`   // request rating when a period is over, and bills for products
	Accept bool `yaml:"accept"` // accept invoices that equal the own expectation
	Net    bool `yaml:"net"`    // propose and accept netting of final invoices
	Pay    bool `yaml:"pay"`    // advise payments, and confirm those that arrived; and tokens
	Tokens bool `yaml:"tokens"` // pay out of deposits what is owed by tokens, and leave banks to people
	// Measure: state what was imported of products' measurements, and accept
	// proposals that equal it.
	Measure bool `yaml:"measure"`
	Repute  bool `yaml:"repute"` // say once a day at most, on the Omnilateral, how partners have paid
	// Rounds: take part in rounds of netting, and pay debts when they are due, not
	// before, so that a round can take them off.
	Rounds bool `yaml:"rounds"`
}

// Log is what the node writes to standard error.
type Log struct {
	Level  slog.Level `yaml:"level"`            // debug, info, warn, error; default info
	Format string     `yaml:"format,omitempty"` // text (default) or json
}

// ReadConfig reads and checks a configuration file. Every problem is reported
// at once, each with its field.
func ReadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fault.Newf(fault.NotFound, "make one with lateral node init", "the configuration %s cannot be read", path).Because(err)
	}
	c, err := parseConfig(data)
	if err != nil {
		return Config{}, fault.Newf(fault.Invalid, "correct the file; lateral node init writes a commented example", "%s: %v", path, err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, err
	}
	for _, p := range c.paths() {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	return c, c.Validate()
}

func parseConfig(data []byte) (c Config, err error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, err
	}
	return c, nil
}

// paths are the fields that name files.
func (c *Config) paths() []*string {
	all := []*string{&c.Data, &c.Keys, &c.Passphrase, &c.Network, &c.Genesis, &c.API.Tokens, &c.API.Users, &c.Catalog.Schemas, &c.Catalog.Places,
		&c.Sonata.Partners, &c.Sonata.Certificate, &c.Sonata.Key}
	for i := range c.Mesh.Neighbours {
		all = append(all, &c.Mesh.Neighbours[i].Secret)
	}
	return all
}

// Write stores the configuration as YAML. What lies in the file's folder is
// named from there, so that the folder can be moved as a whole; other paths
// become absolute. In c, relative paths start at the working directory.
func (c Config) Write(path string) error {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	c.Mesh.Neighbours = slices.Clone(c.Mesh.Neighbours) // the caller's stay as they are
	for _, p := range c.paths() {
		if *p == "" {
			continue
		}
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
		if inside, err := filepath.Rel(dir, *p); err == nil && filepath.IsLocal(inside) {
			*p = inside
		}
	}
	data, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, data, 0o600)
}

// Validate names everything that is missing or wrong.
func (c Config) Validate() error {
	var all []error
	need := func(ok bool, field, detail, remedy string) {
		if !ok {
			all = append(all, fault.New(fault.Invalid, detail, remedy).In(field))
		}
	}
	need(c.Data != "", "data", "there is no data folder", "name one")
	need(c.Keys != "", "keys", "there is no key file", "make one with lateral node init")
	need(c.Passphrase != "", "passphrase", "there is no passphrase file", "put the passphrase into a file that only this user can read")
	need(c.Network != "", "network", "there is no network file", "get network.json from the network's founders")
	need(c.Genesis != "", "genesis", "there is no genesis document", "get genesis.json from the network's founders")
	need(c.Carrier != "" || c.Validator != nil, "carrier", "the node is neither a carrier's nor a validator", "name a carrier, a validator, or both")
	if c.Carrier != "" {
		if err := c.Carrier.Validate(); err != nil {
			all = append(all, fault.Of(err).In("carrier"))
		}
		need(c.Exchange.Listen != "", "exchange.listen", "partners cannot send files to this node", "give host:port")
		need(c.Validator != nil || len(c.Follow) > 0, "follow", "the node has no way to the ledger", "name the validators' follower endpoints")
	}
	if v := c.Validator; v != nil {
		need(v.P2P != "", "validator.p2p", "other validators cannot connect", "give host:port")
		need(v.Follow != "", "validator.follow", "carriers' nodes cannot connect", "give host:port")
	}
	for _, e := range c.Follow {
		need(!e.Key.IsZero() && e.Address != "", "follow", "an endpoint lacks its key or its address", "give both")
	}
	need(c.API.Listen == "" || c.API.Tokens != "", "api.tokens", "nobody may use the API", "name a token file; lateral node init makes one")
	if s := c.Sonata; s.Listen != "" {
		need(c.Carrier != "", "sonata.listen", "a mere validator sells nothing", "leave it out, or name a carrier")
		need(s.Partners != "", "sonata.partners", "nobody may use the Sonata interface", "name a file; lateral sonata client add writes it")
		need(s.Base != "", "sonata.base", "partners are not told where this interface is", "give the address that they use, https://host")
		need(s.OrderWait >= 0 && s.OrderWait <= 30*24*time.Hour, "sonata.order_wait", "an order is waited for less than no time, or for more than thirty days", "name a length like 10m")
		need(s.QuoteFor >= 0 && s.QuoteFor <= 30*24*time.Hour, "sonata.quote_for", "a quote is good for less than nothing, or for more than thirty days", "name a length like 15m")
		need(s.MostQuotes >= 0 && s.MostQuotes <= 1_000_000, "sonata.most_quotes", "a buyer may hold fewer firm quotes than none, or more than a million", "name a number like 100")
		need((s.Certificate == "") == (s.Key == ""), "sonata.certificate", "a certificate and its key go together", "name both, or none")
	}
	need(c.Mesh.Credit == nil || *c.Mesh.Credit <= 1_000_000, "mesh.credit", "no more than all charges are given back", "name at most 1000000 millionths")
	for i, n := range c.Mesh.Neighbours {
		if err := n.validate(c.Carrier); err != nil {
			all = append(all, fault.Of(err).In(fmt.Sprintf("mesh.neighbours.%d", i)))
		}
	}
	if err := c.Bank.validate(c); err != nil {
		all = append(all, err)
	}
	need(c.Log.Format == "" || c.Log.Format == "text" || c.Log.Format == "json", "log.format", "logs are text or json", "use text or json")
	return errors.Join(all...)
}
