package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/keyfile"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// nodeAPI is how a command reaches a running node: by its configuration, on the
// machine where it runs.
type nodeAPI struct {
	Config string        `required:"" placeholder:"config.yaml" help:"The node's configuration."`
	Token  string        `placeholder:"FILE" help:"File with an API token; default: token-administrator beside the configuration."`
	Wait   time.Duration `default:"90s" help:"How long to wait for the node."`
}

// call calls f with a client of the node.
func (a nodeAPI) call(ctx context.Context, f func(context.Context, *client.Client) error) error {
	config, err := node.ReadConfig(a.Config)
	if err != nil {
		return err
	}
	if config.API.Listen == "" {
		return fault.New(fault.Invalid, "this node has no API", "set api.listen and api.tokens in its configuration")
	}
	token := ""
	if a.Token == "" {
		token, err = node.ReadToken(filepath.Dir(a.Config), api.Administrator)
	} else {
		var data []byte
		if data, err = os.ReadFile(a.Token); err != nil {
			err = fault.Newf(fault.NotFound, "name a file that holds a token", "%s cannot be read", a.Token).Because(err)
		}
		token = strings.TrimSpace(string(data))
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.Wait)
	defer cancel()
	c := client.New("http://"+config.API.Listen, token)
	defer c.Close()
	return f(ctx, c)
}

// nodeKeyCommand is "lateral node key".
type nodeKeyCommand struct {
	Rotate  rotateCommand  `cmd:"" help:"Replace a key of the carrier or of this node."`
	Recover recoverCommand `cmd:"" help:"Replace a lost member key by the recovery key."`
}

// rotateCommand is "lateral node key rotate".
type rotateCommand struct {
	nodeAPI
	Key     string     `arg:"" enum:"channel,member,sealing,node,passphrase" help:"channel, member, sealing, node or passphrase."`
	Partner party.Code `placeholder:"CODE" help:"Whose channel, for a channel key."`
}

func (rotateCommand) Help() string {
	return `Each is one call; a node that stops in the middle goes on when it runs again. Old keys stay in the key file: the past is
opened with them. After a node key the node starts again by itself. The passphrase is changed while the node is stopped.
When the member key is kept off line, use lateral key prepare, lateral sign and lateral key submit.

Examples:
  lateral node key rotate channel --partner BRAVO --config ./alpha/config.yaml
  lateral node key rotate sealing --config ./alpha/config.yaml
  lateral node key rotate passphrase --config ./alpha/config.yaml`
}

func (c rotateCommand) Run(ctx context.Context, t terminal) error {
	if (c.Key == "channel") != (c.Partner != "") {
		return usageError{fmt.Errorf("--partner goes with a channel key, and with no other")}
	}
	if c.Key == "passphrase" {
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
	return c.call(ctx, func(ctx context.Context, api *client.Client) error {
		rotate := func() (wire.NewKey, error) { return api.RotateKey(ctx, c.Key) }
		if c.Key == "channel" {
			rotate = func() (wire.NewKey, error) { return api.With(c.Partner).Rotate(ctx) }
		}
		k, err := rotate()
		if err != nil {
			return err
		}
		text := k.Key
		if text == "" {
			text = fmt.Sprintf("%x... (%d bytes)", k.Sealing[:min(8, len(k.Sealing))], len(k.Sealing))
		}
		fmt.Fprintf(t.out, "new %s key: %s\n", c.Key, text)
		if k.Restarts {
			fmt.Fprintln(t.err, "the node starts again under it")
		}
		return nil
	})
}

// recoverCommand is "lateral node key recover".
type recoverCommand struct {
	nodeAPI
	Recovery   string `placeholder:"recovery.age" help:"Key file with the recovery key, when it is on this machine."`
	Passphrase string `placeholder:"FILE" help:"File with its passphrase."`
	Out        string `placeholder:"FILE" help:"Write the command here, to be signed where the recovery key is; default: standard output."`
}

func (recoverCommand) Help() string {
	return `The node makes a new member key and prepares the command that registers it. With the recovery key on this machine the
command is signed and submitted at once; otherwise take it to the machine that has the key, sign it there, bring it back
and submit it. The node takes the new member key into use as soon as it counts.

Examples:
  lateral node key recover --config ./alpha/config.yaml --out recover.json
  lateral sign recover.json --keys recovery.age --passphrase-file passphrase --key recovery > signed.json
  lateral key submit signed.json --config ./alpha/config.yaml`
}

func (c recoverCommand) Run(ctx context.Context, t terminal) error {
	return c.call(ctx, func(ctx context.Context, api *client.Client) error {
		w, err := api.Prepare(ctx, wire.Prepare{Kind: trade.KindKeyRotate, Key: "member"})
		if err != nil {
			return err
		}
		if c.Recovery == "" {
			return writeCommand(t, c.Out, w)
		}
		key, err := signingKey(c.Recovery, c.Passphrase, "recovery")
		if err != nil {
			return err
		}
		if w, err = signCommand(t, w, key); err != nil {
			return err
		}
		r, err := api.Submit(ctx, w)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.out, "the new member key counts from height %d on\n", r.Height+1)
		return nil
	})
}

// keyCommand is "lateral key".
type keyCommand struct {
	Prepare prepareCommand `cmd:"" help:"Have the node prepare a command for a key that is kept elsewhere."`
	Submit  submitCommand  `cmd:"" help:"Submit a command that was signed elsewhere."`
	New     newKeyCommand  `cmd:"" help:"Make a signing key in a key file, with its proof of possession."`
}

// prepareCommand is "lateral key prepare".
type prepareCommand struct {
	nodeAPI
	Kind    string     `arg:"" help:"Kind of the command: bind, key.change, key.rotate, delegate.add, member.vouch and others."`
	Partner party.Code `placeholder:"CODE" help:"Of a command on a Bilateral."`
	Key     string     `placeholder:"KEY" enum:",member,sealing,node" default:"" help:"Which key a key.rotate replaces: member, sealing or node."`
	Body    string     `placeholder:"FILE" help:"Fields of the command as JSON; bind, key.change, key.rotate and member.leave need none."`
	Out     string     `placeholder:"FILE" help:"Write the command here; default: standard output."`
}

func (prepareCommand) Help() string {
	return `Examples:
  lateral key prepare bind --partner BRAVO --config ./alpha/config.yaml --out bind.json
  lateral key prepare key.rotate --key node --config ./alpha/config.yaml > rotate.json
  lateral key prepare member.vouch --body vouch.json --config ./alpha/config.yaml > vouch-prepared.json`
}

func (c prepareCommand) Run(ctx context.Context, t terminal) error {
	p := wire.Prepare{Partner: c.Partner, Kind: trade.Kind(c.Kind), Key: c.Key}
	if c.Body != "" {
		if err := readJSONFile(c.Body, &p.Body); err != nil {
			return err
		}
	}
	return c.call(ctx, func(ctx context.Context, api *client.Client) error {
		w, err := api.Prepare(ctx, p)
		if err != nil {
			return err
		}
		return writeCommand(t, c.Out, w)
	})
}

// submitCommand is "lateral key submit".
type submitCommand struct {
	nodeAPI
	File string `arg:"" help:"The signed command."`
}

func (submitCommand) Help() string {
	return `Example:
  lateral key submit signed.json --config ./alpha/config.yaml`
}

func (c submitCommand) Run(ctx context.Context, t terminal) error {
	var w wire.Command
	if err := readJSONFile(c.File, &w); err != nil {
		return err
	}
	return c.call(ctx, func(ctx context.Context, api *client.Client) error {
		r, err := api.Submit(ctx, w)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.out, "%s is done at height %d, by key %s\n", w.Kind, r.Height, r.By.Short())
		return nil
	})
}

// newKeyCommand is "lateral key new".
type newKeyCommand struct {
	Keys       string `required:"" placeholder:"keys.age" help:"Key file; made when missing."`
	Passphrase string `name:"passphrase-file" required:"" placeholder:"FILE" help:"File with its passphrase."`
	Name       string `default:"member" help:"Name of the key in the file; one that is there is kept behind the new one."`
	Network    string `required:"" placeholder:"network.json" help:"Network file: the proof is for its chain."`
	Owner      string `required:"" placeholder:"CODE" help:"Member code of the carrier whose key it is."`
}

func (newKeyCommand) Help() string {
	return `For the machine that keeps a member key off line. What it prints are fields of a key.rotate command.

Example:
  lateral key new --keys member.age --passphrase-file passphrase --network network.json --owner ALPHA > fields.json
  lateral key prepare key.rotate --body fields.json --config ./alpha/config.yaml > rotate.json`
}

func (c newKeyCommand) Run(t terminal) error {
	network, err := node.ReadNetwork(c.Network)
	if err != nil {
		return err
	}
	passphrase, err := keyfile.ReadPassphrase(c.Passphrase)
	if err != nil {
		return err
	}
	open := keyfile.Open
	if _, err := os.Stat(c.Keys); err != nil {
		open = keyfile.Create
	}
	file, err := open(c.Keys, passphrase, keyfile.Options{})
	if err != nil {
		return err
	}
	key, err := sign.Generate(nil)
	if err != nil {
		return err
	}
	put := file.Add
	if len(file.All(c.Name)) > 0 {
		put = file.Rotate
	}
	if err := put(c.Name, keyfile.SigningKey(key)); err != nil {
		return err
	}
	return printJSON(t.out, map[string]any{
		"member": c.Owner, "new_member": key.Public(), "possession": []sign.Signature{trade.Possession(key, network.ChainID, c.Owner)},
	})
}

// offlineCommand is "lateral sign".
type offlineCommand struct {
	File       string `arg:"" help:"The prepared command."`
	Keys       string `required:"" placeholder:"keys.age" help:"Key file that holds the key."`
	Passphrase string `name:"passphrase-file" required:"" placeholder:"FILE" help:"File with its passphrase."`
	Key        string `default:"member" help:"Name of the key in the file: member, recovery, delegate/finance, or one of your own."`
	Public     string `placeholder:"HEX" help:"Public half of the key, when the file has several of the name; default: the newest."`
}

func (offlineCommand) Help() string {
	return `For the machine that has the key; it needs no network. Shows what the command says, signs it, and prints it signed.

Examples:
  lateral sign bind.json --keys member.age --passphrase-file passphrase > signed.json
  lateral sign recover.json --keys recovery.age --passphrase-file passphrase --key recovery > signed.json`
}

func (c offlineCommand) Run(t terminal) error {
	var w wire.Command
	if err := readJSONFile(c.File, &w); err != nil {
		return err
	}
	key, err := signingKey(c.Keys, c.Passphrase, c.Key)
	if c.Public != "" {
		key, err = signingKeyOf(c.Keys, c.Passphrase, c.Key, c.Public)
	}
	if err != nil {
		return err
	}
	if w, err = signCommand(t, w, key); err != nil {
		return err
	}
	return printJSON(t.out, w)
}

// signCommand signs what the command's own fields say, never bytes that came
// with it, and shows it.
func signCommand(t terminal, w wire.Command, key sign.PrivateKey) (wire.Command, error) {
	p := trade.Prepared{Chain: w.Chain, Channel: w.Channel, Kind: w.Kind, Body: w.Body, Expires: int64(w.Expires), Nonce: w.Nonce}
	says, err := trade.ShowBody(p.Kind, p.Body)
	if err != nil {
		return w, err
	}
	where := "the Omnilateral"
	if !p.Channel.IsZero() {
		where = "channel " + p.Channel.String()
	}
	fmt.Fprintf(t.err, "signing %s on %s of %s, until %s:\n", p.Kind, where, p.Chain, time.UnixMilli(p.Expires).UTC().Format(time.RFC3339))
	if err := printJSON(t.err, says); err != nil {
		return w, err
	}
	a := p.Sign(key).Authorization
	w.Message, w.Says, w.Key, w.Signature = p.Message(), says, a.Delegate, a.Signature
	return w, nil
}

// signingKey takes the newest signing key of a name from a key file.
func signingKey(path, passphraseFile, name string) (sign.PrivateKey, error) {
	return signingKeyOf(path, passphraseFile, name, "")
}

func signingKeyOf(path, passphraseFile, name, public string) (sign.PrivateKey, error) {
	if passphraseFile == "" {
		return sign.PrivateKey{}, usageError{fmt.Errorf("name the file with the passphrase of %s", path)}
	}
	passphrase, err := keyfile.ReadPassphrase(passphraseFile)
	if err != nil {
		return sign.PrivateKey{}, err
	}
	file, err := keyfile.Open(path, passphrase, keyfile.Options{})
	if err != nil {
		return sign.PrivateKey{}, err
	}
	for _, s := range file.All(name) {
		key, err := s.SigningKey()
		if err != nil || public == "" || key.Public().String() == strings.ToLower(public) {
			return key, err
		}
	}
	return sign.PrivateKey{}, fault.Newf(fault.NotFound, "name a key that the file has: "+strings.Join(file.Names(), ", "), "%s has no such key %q", path, name).In("key")
}

// writeCommand puts a command into a file, or on standard output.
func writeCommand(t terminal, path string, w wire.Command) error {
	if path == "" {
		return printJSON(t.out, w)
	}
	data, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, append(data, '\n'), 0o600)
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func readJSONFile(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fault.Newf(fault.NotFound, "name a file that is there", "%s cannot be read", path).Because(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fault.Newf(fault.Invalid, "name a file that lateral key prepare or lateral sign wrote", "%s cannot be understood: %v", path, err)
	}
	return nil
}
