package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/keyfile"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade"
)

// keyCommand is "lateral key". A channel key belongs to a Bilateral and is
// replaced there, and the passphrase to the node's key file.
type keyCommand struct {
	Show    keyShow    `cmd:"" op:"get-own-keys" help:"Show the carrier's application and its node's keys that Bilaterals register as delegates." eg:"" eg:"--json --node net/ALPHA"`
	Rotate  keyRotate  `cmd:"" op:"rotate-key" role:"administrator" help:"Replace a key of the carrier by one that the node makes." eg:"sealing" eg:"node --node net/ALPHA"`
	Recover keyRecover `cmd:"" op:"prepare-command,submit-command" role:"administrator" help:"Replace a lost member key by the recovery key." eg:"--out recover.json" eg:"--recovery recovery.age --passphrase-file passphrase"`
	Prepare keyPrepare `cmd:"" op:"prepare-command" role:"administrator,product-manager,clerk,finance" help:"Have the node prepare a command for a key that is kept elsewhere." eg:"bind --partner BRAVO --out bind.json" eg:"key.rotate --key node --out rotate.json" eg:"member.vouch --body vouch.yaml > vouch.json" eg:"invoice.accept --body accept.yaml --role finance"`
	Submit  keySubmit  `cmd:"" op:"submit-command" role:"administrator,product-manager,clerk,finance" help:"Submit a command that was signed where the key is kept." eg:"signed.json" eg:"- --role finance < signed.json"`
	New     keyNew     `cmd:"" help:"Make a key in a key file of your own; needs no node." eg:"--keys member.age --passphrase-file passphrase --network network.json --owner ALPHA --out fields.json" eg:"--keys ivan.age --passphrase-file ivan.txt --name officer"`
}

type keyShow struct{ connection }

func (keyShow) Run(ctx context.Context, n *remote) error {
	k, err := n.api.OwnKeys(ctx)
	return shown(n, k, err)
}

type keyRotate struct {
	connection
	Key string `arg:"" enum:"member,sealing,node" help:"member, sealing or node."`
}

func (keyRotate) Help() string {
	return `One call; a node that stops in the middle goes on when it runs again. Old keys stay in the key file, for the past is opened
with them, unless an agreement has old sealing keys destroyed. After a node key the node starts again by itself. When the member key is
kept off line, the command is prepared (lateral key prepare), signed where the key is (lateral sign), and submitted (lateral key submit).`
}

func (c keyRotate) Run(ctx context.Context, n *remote) error {
	k, err := n.api.RotateKey(ctx, c.Key)
	return replaced(n, k, err)
}

// replaced prints a key that has taken another's place.
func replaced(n *remote, k wire.NewKey, err error) error {
	if err != nil || n.json {
		return shown(n, k, err)
	}
	text := k.Key
	if text == "" { // a sealing key fills a page
		text = fmt.Sprintf("%x... (%d bytes)", k.Sealing[:min(8, len(k.Sealing))], len(k.Sealing))
	}
	fmt.Fprintf(n.out, "key  %s\n", text)
	if k.Restarts {
		fmt.Fprintln(n.err, "the node starts again under it")
	}
	return nil
}

type keyRecover struct {
	connection
	out
	Recovery   string `placeholder:"recovery.age" help:"Key file with the recovery key, when it is on this machine."`
	Passphrase string `name:"passphrase-file" placeholder:"FILE" help:"File with its passphrase."`
}

func (keyRecover) Help() string {
	return `The node makes a new member key and prepares the command that registers it. With the recovery key on this machine the
command is signed and submitted at once; otherwise take it to the machine that has the key, sign it there (lateral sign
--key recovery), bring it back and submit it. The node takes the new key into use as soon as it counts.`
}

func (c keyRecover) Run(ctx context.Context, n *remote) error {
	w, err := n.api.Prepare(ctx, wire.Prepare{Kind: trade.KindKeyRotate, Key: "member"})
	if err != nil {
		return err
	}
	if c.Recovery == "" {
		return c.document(n.terminal, w)
	}
	key, err := signingKey(c.Recovery, c.Passphrase, "recovery", "")
	if err != nil {
		return err
	}
	if w, err = signShown(n.terminal, w, key); err != nil {
		return err
	}
	r, err := n.api.Submit(ctx, w)
	return shown(n, r, err)
}

type keyPrepare struct {
	one
	out
	Kind string `arg:"" help:"Kind of the command: bind, key.change, key.rotate, delegate.add, member.vouch and others."`
	Key  string `placeholder:"KEY" enum:",member,sealing,node" default:"" help:"Which key a key.rotate replaces by one that the node makes: member, sealing or node."`
	Body string `placeholder:"FILE" help:"Fields of the command, YAML or JSON, - is standard input; bind, key.change, divergence.close, member.leave and a key.rotate with --key need none."`
}

func (keyPrepare) Help() string {
	return `A command needs the role that may have the node do the same: administrator for what the member key signs, product-manager
for contracts and orders, clerk for disputes, finance for invoices and payments. Its fields are in docs/guide/keys.md.`
}

func (c keyPrepare) Run(ctx context.Context, n *remote) error {
	p := wire.Prepare{Kind: trade.Kind(c.Kind), Key: c.Key}
	if c.Body != "" {
		if err := n.body(c.Body, &p.Body); err != nil {
			return err
		}
	}
	if !trade.Public(p.Kind) {
		var err error
		if p.Partner, err = c.code(ctx, n); err != nil {
			return err
		}
	}
	w, err := n.api.Prepare(ctx, p)
	if err != nil {
		return err
	}
	return c.document(n.terminal, w)
}

type keySubmit struct {
	connection
	File string `arg:"" help:"The signed command; - is standard input."`
}

func (c keySubmit) Run(ctx context.Context, n *remote) error {
	w, err := n.command(c.File)
	if err != nil {
		return err
	}
	r, err := n.api.Submit(ctx, w)
	return shown(n, r, err)
}

type keyNew struct {
	out
	Keys       string `required:"" placeholder:"keys.age" help:"Key file; made when missing."`
	Passphrase string `name:"passphrase-file" required:"" placeholder:"FILE" help:"File with its passphrase."`
	Name       string `default:"member" help:"Name of the key in the file; one that is there is kept behind the new one."`
	Network    string `placeholder:"network.json" help:"Of a member key: network file; the proof of possession is for its chain."`
	Owner      string `placeholder:"CODE" help:"Of a member key: code of the carrier whose key it is."`
}

func (keyNew) Help() string {
	return `For the machine that keeps a member key off line, with --network and --owner: what it prints are fields of a key.rotate command,
lateral key prepare key.rotate --body FILE. Without them it is a delegate's key, and its public half is printed: lateral delegate add.`
}

// newKeyFiles is how key files are made: as dear to guess as is usual. Tests make them
// cheap, as they make hundreds, under the race detector.
var newKeyFiles keyfile.Options

func (c keyNew) Run(t terminal) error {
	if (c.Network == "") != (c.Owner == "") {
		return usageError{fmt.Errorf("--network and --owner go together, for a member key")}
	}
	var network ledger.Network
	if c.Network != "" {
		var err error
		if network, err = node.ReadNetwork(c.Network); err != nil {
			return err
		}
	}
	passphrase, err := keyfile.ReadPassphrase(c.Passphrase)
	if err != nil {
		return err
	}
	open := keyfile.Open
	if _, err := os.Stat(c.Keys); err != nil {
		open = keyfile.Create
	}
	file, err := open(c.Keys, passphrase, newKeyFiles)
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
	if c.Network == "" {
		return c.document(t, map[string]any{"key": key.Public()})
	}
	return c.document(t, map[string]any{
		"member": c.Owner, "new_member": key.Public(), "possession": []sign.Signature{trade.Possession(key, network.ChainID, c.Owner)},
	})
}

// signCommand is "lateral sign".
type signCommand struct {
	out
	File       string `arg:"" help:"The prepared command; - is standard input."`
	Keys       string `required:"" placeholder:"keys.age" help:"Key file that holds the key."`
	Passphrase string `name:"passphrase-file" required:"" placeholder:"FILE" help:"File with its passphrase."`
	Key        string `default:"member" help:"Name of the key in the file: member, recovery, delegate/finance, or one of your own."`
	Public     string `placeholder:"HEX" help:"Public half of the key, when the file has several of the name; default: the newest."`
}

func (signCommand) Help() string {
	return `For the machine that has the key. Shows what the command says, signs what it has shown, and prints the command signed.`
}

func (c signCommand) Run(t terminal) error {
	w, err := t.command(c.File)
	if err != nil {
		return err
	}
	key, err := signingKey(c.Keys, c.Passphrase, c.Key, c.Public)
	if err != nil {
		return err
	}
	if w, err = signShown(t, w, key); err != nil {
		return err
	}
	return c.document(t, w)
}

// command reads a command on its way to a key or back. Programs write it, in
// any JSON.
func (t terminal) command(path string) (w wire.Command, err error) {
	data, err := t.read(path)
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return w, fault.Newf(fault.Invalid, "name a file that lateral key prepare or lateral sign wrote", "%s cannot be understood: %v", path, err)
	}
	return w, nil
}

// signShown signs what the command's own fields say, never bytes that came
// with it, and shows it.
func signShown(t terminal, w wire.Command, key sign.PrivateKey) (wire.Command, error) {
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
	if err := (terminal{out: t.err}).document(says); err != nil {
		return w, err
	}
	a := p.Sign(key).Authorization
	w.Message, w.Says, w.Key, w.Signature = p.Message(), says, a.Delegate, a.Signature
	return w, nil
}

// signingKey takes a signing key from a key file: the newest of a name, or the
// one with a public half in hex.
func signingKey(path, passphraseFile, name, public string) (sign.PrivateKey, error) {
	if passphraseFile == "" {
		return sign.PrivateKey{}, usageError{fmt.Errorf("--passphrase-file: name the file with the passphrase of %s", path)}
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
