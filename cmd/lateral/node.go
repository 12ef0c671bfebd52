package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/party"
)

// nodeCommand is "lateral node".
type nodeCommand struct {
	Init       initCommand       `cmd:"" help:"Set up a node in a folder: keys, configuration, application for membership."`
	Genesis    genesisCommand    `cmd:"" help:"Make a new network's files from applications and validators."`
	Run        runCommand        `cmd:"" help:"Run a node until Ctrl-C."`
	Token      tokenCommand      `cmd:"" help:"Make a token for the API."`
	Passphrase passphraseCommand `cmd:"" help:"Give the key file another passphrase, with the node stopped."`
}

// initCommand is "lateral node init".
type initCommand struct {
	Dir       string `arg:"" help:"Folder of the node; made when missing."`
	Carrier   string `placeholder:"CODE" help:"Member code, for a carrier's node."`
	Name      string `placeholder:"NAME" help:"Legal name of the carrier."`
	Country   string `placeholder:"CC" help:"Country of the carrier, ISO 3166-1 alpha-2."`
	Exchange  string `default:"0.0.0.0:7443" help:"Where partners' nodes send sealed files."`
	Advertise string `placeholder:"HOST:PORT" help:"How they reach it, when that differs."`
	API       string `default:"127.0.0.1:7080" help:"Where the HTTP interface listens; a validator's has health, readiness and metrics."`
	Validator string `placeholder:"NAME" help:"Make the node a validator of that name as well, or only."`
	P2P       string `name:"p2p" default:"0.0.0.0:7656" help:"Where other validators connect."`
	Follow    string `default:"0.0.0.0:7700" help:"Where carriers' nodes connect."`
	JSON      bool   `name:"json" help:"Print one JSON document."`
}

func (initCommand) Help() string {
	return `Makes keys under a fresh passphrase, config.yaml, and application.json for the network's members to admit. It never
overwrites a node. Afterwards put the network's genesis.json and network.json beside config.yaml, name the validators to
follow in it, move recovery.age off this machine, and hand the first tokens (token-ROLE) to their users.

Examples:
  lateral node init ./alpha --carrier ALPHA --name "Alpha Telecom AG" --country CH --advertise alpha.example:7443
  lateral node init ./validator --validator zurich-1`
}

func (c initCommand) Run(t terminal) error {
	if c.Carrier == "" && c.Validator == "" {
		return usageError{fmt.Errorf("name a carrier (--carrier), a validator (--validator), or both")}
	}
	s, err := node.Init(node.InitOptions{
		Dir: c.Dir, Carrier: party.Code(c.Carrier), LegalName: c.Name, Country: c.Country,
		Exchange: c.Exchange, Advertise: c.Advertise, API: c.API, Validator: c.Validator, P2P: c.P2P, Follow: c.Follow, WorkFactor: newKeyFiles.WorkFactor,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(c.made(s))
	}
	fmt.Fprintf(t.out, "%s is set up.\n\n", s.ConfigFile)
	if s.Application != nil {
		fmt.Fprintf(t.out, "For admission, give %s to a member, who proposes it; members vouch.\n", filepath.Join(c.Dir, "application.json"))
		fmt.Fprintf(t.out, "Move %s and its passphrase to a safe place: it replaces a lost member key.\n", filepath.Join(c.Dir, "recovery.age"))
		fmt.Fprintf(t.out, "On each Bilateral register the delegates whose public keys are in %s.\n", filepath.Join(c.Dir, "delegates.json"))
		fmt.Fprintf(t.out, "Hand the first API tokens (%s/token-ROLE) to their users.\n", c.Dir)
	}
	if s.Validator != nil {
		fmt.Fprintf(t.out, "For a network's genesis, give %s to its founders.\nOthers follow this validator by its node key %s.\n", filepath.Join(c.Dir, "validator.json"), s.ValidatorNode)
	}
	fmt.Fprintf(t.out, "Then: lateral node run --config %s\n", s.ConfigFile)
	return nil
}

// initialised is what a node's folder holds for others. Nothing in it is secret.
type initialised struct {
	Config        string                        `json:"config"`
	Application   string                        `json:"application,omitempty"`    // file for a member, who proposes it
	Recovery      string                        `json:"recovery,omitempty"`       // file to move to a safe place
	Delegates     map[party.Role]sign.PublicKey `json:"delegates,omitempty"`      // to be registered on each Bilateral
	Tokens        map[api.Role]string           `json:"tokens,omitempty"`         // files with the first tokens, by role
	Validator     string                        `json:"validator,omitempty"`      // file for the founders of a network
	ValidatorNode string                        `json:"validator_node,omitempty"` // key by which others follow it
}

func (c initCommand) made(s node.Setup) initialised {
	m := initialised{Config: s.ConfigFile}
	if s.Application != nil {
		m.Application, m.Recovery = filepath.Join(c.Dir, "application.json"), filepath.Join(c.Dir, "recovery.age")
		m.Delegates, m.Tokens = s.Delegates, map[api.Role]string{}
		for _, r := range api.Roles {
			m.Tokens[r] = filepath.Join(c.Dir, "token-"+string(r))
		}
	}
	if s.Validator != nil {
		m.Validator, m.ValidatorNode = filepath.Join(c.Dir, "validator.json"), s.ValidatorNode.String()
	}
	return m
}

// genesisCommand is "lateral node genesis".
type genesisCommand struct {
	Name       string   `required:"" help:"Name of the network, at most 16 letters."`
	Member     []string `required:"" placeholder:"application.json" help:"Application of a founding member; repeat."`
	Validator  []string `required:"" placeholder:"validator.json" help:"A first validator; repeat."`
	Out        string   `default:"." help:"Folder for genesis.json and network.json."`
	StartAfter string   `default:"0s" help:"Begin the first block this long from now."`
	JSON       bool     `name:"json" help:"Print one JSON document."`
}

func (genesisCommand) Help() string {
	return `Everybody who runs a node of the network needs the two files; they hold no secret. Their hash is part of the chain id, so
all must be given the very same files.

Example:
  lateral node genesis --name europe --member alpha/application.json --member bravo/application.json \
    --validator v1/validator.json --validator v2/validator.json --validator v3/validator.json --validator v4/validator.json`
}

func (c genesisCommand) Run(t terminal) error {
	wait, err := time.ParseDuration(c.StartAfter)
	if err != nil {
		return usageError{fmt.Errorf("--start-after: %w", err)}
	}
	f := node.Founding{Name: c.Name, Start: time.Now().Add(wait).UnixMilli()}
	for _, path := range c.Member {
		var s party.Signed
		if err := readJSON(path, &s); err != nil {
			return err
		}
		f.Members = append(f.Members, s)
	}
	for _, path := range c.Validator {
		var v ledger.Validator
		if err := readJSON(path, &v); err != nil {
			return err
		}
		f.Validators = append(f.Validators, v)
	}
	network, genesis, err := f.Write(c.Out)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(map[string]string{"network": network, "genesis": genesis})
	}
	fmt.Fprintf(t.out, "%s\n%s\n", network, genesis)
	return nil
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fault.Newf(fault.NotFound, "name the file that lateral node init made", "%s cannot be read", path).Because(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fault.Newf(fault.Invalid, "name the file that lateral node init made", "%s cannot be understood: %v", path, err)
	}
	return nil
}

// runCommand is "lateral node run".
type runCommand struct {
	Config  string `required:"" placeholder:"config.yaml" help:"The node's configuration."`
	Schemas string `placeholder:"DIR" help:"Folder of the schemas of product payloads; default: what the configuration says."`
	Rebuilt bool   `help:"This node lost its outbox and nothing else signs with its keys: take the numbers on the ledger as its own."`
}

func (runCommand) Help() string {
	return `A node whose store was lost rebuilds it from the ledger and its key file. When its outbox was lost as well, start it once
with --rebuilt, and only when no other process signs with the same keys.

Examples:
  lateral node run --config ./alpha/config.yaml
  lateral node run --config ./alpha/config.yaml --schemas ./schemas
  lateral node run --config ./alpha/config.yaml --rebuilt`
}

func (c runCommand) Run(ctx context.Context, t terminal) error {
	config, err := node.ReadConfig(c.Config)
	if err != nil {
		return err
	}
	config.Rebuilt = c.Rebuilt
	if c.Schemas != "" {
		config.Catalog.Schemas = c.Schemas
	}
	options := &slog.HandlerOptions{Level: config.Log.Level}
	var handler slog.Handler = slog.NewTextHandler(t.err, options)
	if config.Log.Format == "json" {
		handler = slog.NewJSONHandler(t.err, options)
	}
	log := slog.New(handler)
	n, err := node.Open(config, log)
	if err != nil {
		return err
	}
	up := []any{"api", n.APIAddress()}
	if config.Carrier != "" {
		up = append(up, "carrier", config.Carrier)
	}
	if config.Validator != nil {
		up = append(up, "validator", config.Validator.Name)
	}
	log.Info("node is up", up...)
	return node.Keep(ctx, n, log)
}

// tokenCommand is "lateral node token".
type tokenCommand struct {
	Config string        `required:"" placeholder:"config.yaml" help:"The node's configuration."`
	Name   string        `required:"" help:"Whose token it is."`
	Role   string        `required:"" enum:"clerk,product-manager,engineer,finance,auditor,administrator,subscriber" help:"clerk, product-manager, engineer, finance, auditor, administrator or subscriber."`
	For    time.Duration `placeholder:"720h" help:"How long it is good for; without it, until it is removed."`
	JSON   bool          `name:"json" help:"Print one JSON document."`
}

func (tokenCommand) Help() string {
	return `Prints the token once; the node keeps its hash only. A running node takes it at once.

Example:
  lateral node token --config ./alpha/config.yaml --name "Ada, settlement desk" --role clerk --for 720h`
}

func (c tokenCommand) Run(t terminal) error {
	config, err := node.ReadConfig(c.Config)
	if err != nil {
		return err
	}
	if config.API.Tokens == "" {
		return fault.New(fault.Invalid, "this node has no API", "set api.listen and api.tokens in its configuration")
	}
	tokens, err := api.OpenTokens(config.API.Tokens)
	if err != nil {
		return err
	}
	var expires time.Time
	if c.For > 0 {
		expires = time.Now().Add(c.For).UTC().Truncate(time.Second)
	}
	text, err := tokens.Add(c.Name, api.Role(c.Role), expires)
	if err != nil {
		return err
	}
	if c.JSON {
		made := wire.NewAccess{Access: wire.Access{Name: c.Name, Role: c.Role}, Text: text}
		if c.For > 0 {
			made.Expires = wire.Time(expires.UnixMilli())
		}
		return t.document(made)
	}
	fmt.Fprintln(t.out, text)
	return nil
}

// passphraseCommand is "lateral node passphrase".
type passphraseCommand struct {
	Config string `required:"" placeholder:"config.yaml" help:"The node's configuration."`
}

func (passphraseCommand) Help() string {
	return `Makes a fresh passphrase, as lateral node init does, and writes it into the file that the configuration names. The keys stay.

Example:
  lateral node passphrase --config ./alpha/config.yaml`
}

func (c passphraseCommand) Run(t terminal) error {
	config, err := node.ReadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := node.ChangePassphrase(config); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s has a new passphrase, in %s\n", config.Keys, config.Passphrase)
	return nil
}
