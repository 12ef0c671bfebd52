package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/keyfile"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/sim"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// keyNetwork is one validator and two carriers, each started by itself.
type keyNetwork struct {
	t     *testing.T
	dir   string
	stops map[string]func()
}

func newKeyNetwork(t *testing.T) *keyNetwork {
	n := &keyNetwork{t: t, dir: t.TempDir(), stops: map[string]func(){}}
	if _, err := sim.Build(sim.Options{Dir: n.dir, Carriers: []party.Code{"ALPHA", "BRAVO"}, Validators: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range []string{"ALPHA", "BRAVO", "validator-1"} {
			n.stop(name)
		}
	})
	return n
}

func (n *keyNetwork) at(parts ...string) string {
	return filepath.Join(append([]string{n.dir}, parts...)...)
}

func (n *keyNetwork) config(name string) string { return n.at(name, "config.yaml") }

func (n *keyNetwork) start(name string, rebuilt bool) {
	n.t.Helper()
	c, err := node.ReadConfig(n.config(name))
	if err != nil {
		n.t.Fatal(err)
	}
	c.Rebuilt = rebuilt
	opened, err := node.Open(c, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- node.Keep(ctx, opened, nil) }()
	n.stops[name] = func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("%s ended with %v", name, err)
		}
	}
}

func (n *keyNetwork) stop(name string) {
	if stop := n.stops[name]; stop != nil {
		stop()
		delete(n.stops, name)
	}
}

func (n *keyNetwork) client(name string) *client.Client { return n.as(name, api.Administrator) }

func (n *keyNetwork) as(name string, r api.Role) *client.Client {
	n.t.Helper()
	c, err := node.ReadConfig(n.config(name))
	if err != nil {
		n.t.Fatal(err)
	}
	token, err := node.ReadToken(n.at(name), r)
	if err != nil {
		n.t.Fatal(err)
	}
	out := client.New("http://"+c.API.Listen, token)
	n.t.Cleanup(out.Close)
	return out
}

// run runs a command that has to succeed.
func (n *keyNetwork) run(args ...string) string {
	n.t.Helper()
	code, out, errs := command(n.t, args...)
	if code != 0 {
		n.t.Fatalf("lateral %s\n%s%s(exit %d)", strings.Join(args, " "), out, errs, code)
	}
	return out
}

// until waits for a condition with a deadline.
func (n *keyNetwork) until(what string, f func() bool) {
	n.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("not reached in time: %s", what)
		}
	}
}

// signs prepares a command at ALPHA's node, signs it by the command line alone
// and submits it.
func (n *keyNetwork) signs(key []string, prepare ...string) {
	n.t.Helper()
	prepared, signed := n.at("prepared.json"), n.at("signed.json")
	n.run(append(append([]string{"key", "prepare"}, prepare...), "--node", n.at("ALPHA"), "--out", prepared)...)
	n.run(append([]string{"sign", prepared, "--out", signed}, key...)...)
	n.run("key", "submit", signed, "--node", n.at("ALPHA"))
}

// A carrier whose member key is kept off line opens a channel, replaces every
// key, loses the member key and recovers it, all by the command line; what was
// proven before stays proven, and keys and ledger are enough to come back.
func TestKeysAreReplacedByTheCommandLine(t *testing.T) {
	n := newKeyNetwork(t)
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	phrase := n.at("ALPHA", "passphrase")
	offline := n.at("member.age")
	first := n.takeMemberKey(offline, phrase)
	for _, name := range []string{"validator-1", "ALPHA", "BRAVO"} {
		n.start(name, false)
	}
	alpha, bravo := n.client("ALPHA"), n.client("BRAVO")
	n.until("the nodes are ready", func() bool { return alpha.Ready(ctx) == nil && bravo.Ready(ctx) == nil })

	// The binding of the channel.
	opened := make(chan error, 1)
	go func() { _, err := alpha.Open(ctx, "BRAVO"); opened <- err }()
	n.until("the channel is there", func() bool { _, err := alpha.With("BRAVO").Bilateral(ctx); return err == nil })
	member := []string{"--keys", offline, "--passphrase-file", phrase}
	n.signs(member, "bind", "--partner", "BRAVO")
	if _, err := alpha.With("BRAVO").AwaitOpen(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	proof := n.prove("before.proof", "bilateral")

	// The channel key: the node says what it lacks, and goes on once it has it.
	code, _, errs := command(t, "bilateral", "rotate", "--node", n.at("ALPHA"))
	if code != 1 || !strings.Contains(errs, "lateral key prepare") && !strings.Contains(errs, "key.change") {
		t.Errorf("without the member key: exit %d, %s", code, errs)
	}
	n.signs(member, "key.change", "--partner", "BRAVO")
	n.until("the epoch is new", func() bool {
		b, err := bravo.With("ALPHA").Bilateral(ctx)
		return err == nil && b.Epoch == 2 && b.State == "open"
	})

	// The member key itself, made and signed off line.
	fields := n.at("fields.json")
	n.run("key", "new", "--keys", offline, "--passphrase-file", phrase, "--network", n.at("network.json"), "--owner", "ALPHA", "--out", fields)
	n.signs(append(member, "--public", first), "key.rotate", "--body", fields)
	second := n.memberKey(ctx, alpha)
	if second == first || !strings.Contains(string(read(t, fields)), second) {
		t.Fatalf("the member key is %s", second)
	}
	// It is lost: the recovery key brings a new one, which the node keeps.
	n.run("key", "recover", "--node", n.at("ALPHA"), "--recovery", n.at("ALPHA", "recovery.age"), "--passphrase-file", phrase)
	n.until("the node works with the new member key, and replaces the channel key in one call", func() bool {
		code, _, _ := command(t, "bilateral", "rotate", "--node", n.at("ALPHA"))
		return code == 0
	})
	third := n.memberKey(ctx, alpha)
	if third == second {
		t.Error("the member key is the lost one")
	}

	// From here on each is one call.
	before, err := alpha.Member(ctx, "ALPHA")
	if err != nil {
		t.Fatal(err)
	}
	n.run("key", "rotate", "member", "--node", n.at("ALPHA"))
	if k := n.memberKey(ctx, alpha); k == third {
		t.Error("the member key is not replaced")
	}
	n.run("key", "rotate", "sealing", "--node", n.at("ALPHA"))
	n.until("the epochs follow", func() bool {
		b, err := bravo.With("ALPHA").Bilateral(ctx)
		return err == nil && b.Epoch >= 4
	})
	n.run("key", "rotate", "node", "--node", n.at("ALPHA"))
	n.until("the node runs under its new key alone", func() bool {
		m, err := alpha.Member(ctx, "ALPHA")
		return err == nil && len(m.Nodes) == len(before.Nodes)+1 && m.Nodes[0].Until > 0 && m.Nodes[1].Until == 0 && alpha.Ready(ctx) == nil
	})
	if _, err := alpha.With("BRAVO").AddDelegate(ctx, wire.AddDelegate{Key: publicKey(t, first), Name: "Ada", Roles: []party.Role{party.Finance}}); err != nil {
		t.Errorf("the node does its work: %v", err)
	}
	n.run("verify", "--network", n.at("network.json"), proof)
	n.run("verify", "--network", n.at("network.json"), n.prove("after.proof", "delegate/"+first))

	// Rebuilt from keys and ledger, under a new passphrase.
	if code, _, _ := command(t, "node", "passphrase", "--config", n.config("ALPHA")); code != 1 {
		t.Error("the passphrase was changed under a running node")
	}
	n.stop("ALPHA")
	old, err := os.ReadFile(phrase)
	if err != nil {
		t.Fatal(err)
	}
	n.run("node", "passphrase", "--config", n.config("ALPHA"))
	if now, err := os.ReadFile(phrase); err != nil || string(now) == string(old) {
		t.Errorf("the passphrase is the old one: %v", err)
	}
	if err := os.RemoveAll(n.at("ALPHA", "data")); err != nil {
		t.Fatal(err)
	}
	n.start("ALPHA", true)
	n.until("both nodes have the same state", func() bool {
		a, err := alpha.With("BRAVO").Bilateral(ctx)
		if err != nil {
			return false
		}
		b, err := bravo.With("ALPHA").Bilateral(ctx)
		return err == nil && a.Root == b.Root && a.State == "open" && a.Position == b.Position
	})
	if _, err := alpha.With("BRAVO").RevokeDelegate(ctx, publicKey(t, first)); err != nil {
		t.Errorf("the rebuilt node does its work: %v", err)
	}
}

// An agreement has old keys destroyed: the node does it by itself after its
// sealing key was replaced. When it then loses its data it says what it lacks,
// and goes on from the partner's export.
func TestADestroyedPastComesBackFromThePartner(t *testing.T) {
	n := newKeyNetwork(t)
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	for _, name := range []string{"validator-1", "ALPHA", "BRAVO"} {
		n.start(name, false)
	}
	alpha, bravo := n.client("ALPHA"), n.client("BRAVO")
	n.until("the nodes are ready", func() bool { return alpha.Ready(ctx) == nil && bravo.Ready(ctx) == nil })
	n.run("bilateral", "open", "BRAVO", "--node", n.at("ALPHA"))
	var keys map[party.Role]sign.PublicKey // BRAVO's in the end
	for i, c := range []*client.Partner{alpha.With("BRAVO"), bravo.With("ALPHA")} {
		name := []string{"ALPHA", "BRAVO"}[i]
		if err := json.Unmarshal(read(t, n.at(name, "delegates.json")), &keys); err != nil {
			t.Fatal(err)
		}
		if _, err := c.AwaitOpen(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := c.AddDelegate(ctx, wire.AddDelegate{Key: keys[party.Contracts], Name: "contracts", Roles: []party.Role{party.Contracts}}); err != nil {
			t.Fatal(err)
		}
	}
	terms := agreement.Defaults()
	terms.DestroyOldKeys = true
	const text = "As in the signed document."
	if _, err := n.as("ALPHA", api.ProductManager).With("BRAVO").ProposeAgreement(ctx, wire.ProposeAgreement{
		ID: "MSA-1", Type: agreement.MSA, Lines: []product.Line{"voice"}, Terms: terms,
		Legal: agreement.Legal{Document: canon.Sum("test/agreement"), GoverningLaw: text, Jurisdiction: text, Indemnity: text, Liability: text,
			ForceMajeure: text, Taxes: text, Term: text, Obligations: text, Definitions: text},
	}); err != nil {
		t.Fatal(err)
	}
	n.until("the agreement is accepted", func() bool {
		_, err := n.as("BRAVO", api.ProductManager).With("ALPHA").AcceptAgreement(ctx, "MSA-1", terms.Hash())
		return err == nil
	})

	n.run("key", "rotate", "sealing", "--node", n.at("BRAVO"))
	phrase, err := keyfile.ReadPassphrase(n.at("BRAVO", "passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	n.until("the old sealing key is destroyed", func() bool {
		f, err := keyfile.Open(n.at("BRAVO", "keys.age"), phrase, keyfile.Options{})
		return err == nil && len(f.All("sealing")) == 1
	})

	n.stop("BRAVO")
	if err := os.RemoveAll(n.at("BRAVO", "data")); err != nil {
		t.Fatal(err)
	}
	n.start("BRAVO", true)
	n.until("the node says that a key is missing", func() bool {
		b, err := bravo.With("ALPHA").Bilateral(ctx)
		return err == nil && b.State == "halted" && strings.Contains(b.Problem, "none of this node's sealing keys opens")
	})
	if out := n.run("bilateral", "export", "--node", n.at("ALPHA")); !strings.Contains(out, "position") {
		t.Errorf("the export is told of by %q", out)
	}
	n.until("both nodes have the same state", func() bool {
		a, errA := alpha.With("BRAVO").Bilateral(ctx)
		b, errB := bravo.With("ALPHA").Bilateral(ctx)
		return errA == nil && errB == nil && a.Root == b.Root && b.State == "open" && a.Position == b.Position
	})
	if _, err := bravo.With("ALPHA").RevokeDelegate(ctx, keys[party.Contracts]); err != nil {
		t.Errorf("the restored node does its work: %v", err)
	}
	// Nobody needs a second one.
	n.run("bilateral", "export", "--node", n.at("ALPHA"))
	if b, err := bravo.With("ALPHA").Bilateral(ctx); err != nil || b.State != "open" {
		t.Errorf("after another export: %+v, %v", b, err)
	}
}

// publicKey reads a key's hex.
func publicKey(t *testing.T, hex string) (k sign.PublicKey) {
	t.Helper()
	if err := k.UnmarshalText([]byte(hex)); err != nil {
		t.Fatal(err)
	}
	return k
}

// takeMemberKey moves ALPHA's member key to a file of its own, as on a machine
// that is off line.
func (n *keyNetwork) takeMemberKey(to, phraseFile string) string {
	n.t.Helper()
	phrase, err := keyfile.ReadPassphrase(phraseFile)
	if err != nil {
		n.t.Fatal(err)
	}
	fast := keyfile.Options{WorkFactor: 10}
	keys, err := keyfile.Open(n.at("ALPHA", "keys.age"), phrase, fast)
	if err != nil {
		n.t.Fatal(err)
	}
	secret, err := keys.Get("member")
	if err != nil {
		n.t.Fatal(err)
	}
	other, err := keyfile.Create(to, phrase, fast)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := other.Add("member", secret); err != nil {
		n.t.Fatal(err)
	}
	if err := keys.Remove("member"); err != nil {
		n.t.Fatal(err)
	}
	key, err := secret.SigningKey()
	if err != nil {
		n.t.Fatal(err)
	}
	return key.Public().String()
}

// memberKey gives the member key of ALPHA that counts.
func (n *keyNetwork) memberKey(ctx context.Context, c *client.Client) string {
	n.t.Helper()
	m, err := c.Member(ctx, "ALPHA")
	if err != nil {
		n.t.Fatal(err)
	}
	return m.Members[len(m.Members)-1].Key.String()
}

// prove has ALPHA's node prove a record into a file.
func (n *keyNetwork) prove(name, key string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := n.client("BRAVO").With("ALPHA").Anchor(ctx); err != nil {
		n.t.Fatal(err)
	}
	var doc []byte
	n.until("the record is proven", func() bool {
		var err error
		doc, err = n.client("ALPHA").With("BRAVO").Proof(ctx, key)
		return err == nil
	})
	path := n.at(name)
	if err := os.WriteFile(path, doc, 0o600); err != nil {
		n.t.Fatal(err)
	}
	return path
}

// Another device may write its JSON with tabs and escapes, which are no YAML.
func TestASignedCommandIsReadFromAnyJSON(t *testing.T) {
	path := put(t, "signed.json", []byte("{\n\t\"kind\": \"delegate.revoke\",\n\t\"says\": {\"name\": \"\\ud83d\\ude00\"}\n}"))
	w, err := (terminal{}).command(path)
	if err != nil || w.Kind != "delegate.revoke" {
		t.Errorf("read %+v, %v", w, err)
	}
}
