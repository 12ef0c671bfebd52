package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/document"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/token"
)

// verifyCommand is "lateral verify".
type verifyCommand struct {
	Proof   []string `arg:"" placeholder:"PROOF" help:"Proof file, as a node or the sandbox wrote it."`
	Network string   `placeholder:"FILE" help:"Network file to trust; default: network.json one folder above the proof."`
	Show    bool     `help:"Print the content of the proven record as JSON, on standard error."`
	Invoice string   `placeholder:"FILE" help:"Exported invoice, JSON or HTML, to compare with what the proof shows."`
	JSON    bool     `name:"json" help:"Print one JSON document."`
}

func (verifyCommand) Help() string {
	return `Checks without any network: the record's bytes, the Bilateral's state root, both members' signed heads, the anchor on the
shared ledger, and the certified block header with every signature, against the validators that the network file names.
Prints the hash of the proven bytes, which record they are, and since when. A proof shows any record of a channel's state:
an invoice's document, an agreement, an order, a receipt. A proof of a token (lateral token proof) is refused when the reserve that it
shows does not cover the supply. An entry of signed_twice (lateral bilateral show --json) needs no network
file: its two signatures are the proof. Exit code 1 means that the proof is refused.

Examples:
  lateral verify run1/proofs/BRAVO-ALPHA-V-ALPHA-20261102T000000Z-20261102T010000Z-USD-1.proof
  lateral verify --network network.json --invoice invoice.html invoice.proof
  lateral verify --network network.json USDt.proof
  lateral verify --json run1/proofs/*.proof`
}

func (c verifyCommand) Run(t terminal) error {
	if c.Invoice != "" && len(c.Proof) != 1 {
		return usageError{fmt.Errorf("--invoice goes with one proof")}
	}
	var all []proven
	for _, path := range c.Proof {
		p, err := c.one(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, p)
		if !c.JSON {
			p.print(t)
		}
	}
	if c.JSON {
		return t.document(map[string][]proven{"proofs": all})
	}
	return nil
}

// proven is what a good proof shows.
type proven struct {
	Proof    string          `json:"proof"`             // path
	Hash     canon.Hash      `json:"hash"`              // of the proven bytes
	Record   string          `json:"record"`            // key
	What     string          `json:"what"`              // the kind of record, in words
	Content  any             `json:"content,omitempty"` // of the record, when it is asked for
	Evidence canon.Hash      `json:"evidence,omitzero"` // of a divergence: what its closing names
	Channel  canon.Hash      `json:"channel"`
	Position uint64          `json:"position"`          // block after which the record stood so
	Kind     string          `json:"kind"`              // attested or uncontested
	Height   uint64          `json:"height"`            // certified
	Time     wire.Time       `json:"time"`              // of that block
	Chain    string          `json:"chain"`             // of the network file
	Key      *sign.PublicKey `json:"key,omitempty"`     // that has signed two heads of one size
	Cover    *cover          `json:"cover,omitempty"`   // of a token
	Invoice  string          `json:"invoice,omitempty"` // path of the file that shows exactly this
}

func (p proven) print(t terminal) {
	fmt.Fprintf(t.out, "%s  %s\n", p.Hash, p.Proof)
	if p.Key != nil {
		fmt.Fprintf(t.err, "proven: %s has signed %s of channel %s\n", p.Key, p.What, p.Channel)
		return
	}
	if p.Cover != nil {
		fmt.Fprintf(t.err, "proven: %s, %s, certified at height %d, %s, on %s\n", p.Record, p.What, p.Height, stamp(p.Time), p.Chain)
		if err := writeRecord(t.err, p.Cover); err != nil {
			fmt.Fprintf(t.err, "its cover cannot be shown: %v\n", err)
		}
		return
	}
	fmt.Fprintf(t.err, "proven: %s, %s, of channel %s\n", p.Record, p.What, p.Channel)
	fmt.Fprintf(t.err, "as it stood after block %d; %s, certified at height %d, %s, on %s\n", p.Position, p.Kind, p.Height,
		time.UnixMilli(int64(p.Time)).UTC().Format(time.RFC3339), p.Chain)
	if p.Content != nil {
		if text, err := json.MarshalIndent(p.Content, "", "  "); err != nil {
			fmt.Fprintf(t.err, "its content cannot be shown: %v\n", err)
		} else {
			fmt.Fprintf(t.err, "%s\n", text)
		}
	}
	if !p.Evidence.IsZero() {
		fmt.Fprintf(t.err, "evidence %s\n", p.Evidence)
	}
	if p.Invoice != "" {
		fmt.Fprintf(t.err, "%s shows exactly what is proven\n", p.Invoice)
	}
}

func (c verifyCommand) one(path string) (p proven, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return p, fault.Newf(fault.NotFound, "name a proof file", "%s cannot be read", path).Because(err)
	}
	if twice, ok := signedTwice(data); ok {
		return proven{Proof: path, Hash: canon.HashOf("lateral/equivocation/1", twice), What: "two heads of one size under one key", Content: twice,
			Channel: twice.One.Head.Channel, Position: twice.One.Head.Position, Key: &twice.Key}, twice.Check()
	}
	public, isPublic := proof.ReadPublic(data)
	networkFile := c.Network
	if networkFile == "" {
		networkFile = filepath.Join(filepath.Dir(path), "..", "network.json")
	}
	network, err := node.ReadNetwork(networkFile)
	if err != nil {
		return p, err
	}
	if isPublic {
		if c.Invoice != "" {
			return p, usageError{fmt.Errorf("--invoice goes with the proof of an invoice")}
		}
		return covered(path, data, public, network)
	}
	verified, err := proof.Verify(data, trust(network))
	if err != nil {
		return p, err
	}
	if c.Invoice != "" {
		if err := sameInvoice(c.Invoice, verified.Value); err != nil {
			return p, err
		}
	}
	what, content, err := trade.ShowRecord(verified.Key, verified.Value)
	if err != nil {
		what, content = "a record that this version cannot show", nil // the bytes are proven all the same
	}
	evidence := evidenceIn(content)
	if !c.Show {
		content = nil
	}
	return proven{Proof: path, Hash: verified.Hash, Record: verified.Key, What: what, Content: content, Evidence: evidence, Channel: verified.Channel.ID,
		Position: verified.Position, Kind: fmt.Sprint(verified.Kind), Height: verified.Height,
		Time: wire.Time(verified.Time), Chain: network.ChainID, Invoice: c.Invoice}, nil
}

// covered checks a proof of a token's cover, and that the reserve covers the supply
// by it.
func covered(path string, data []byte, public proof.Public, network ledger.Network) (p proven, err error) {
	v, err := public.Verify(trust(network))
	if err != nil {
		return p, err
	}
	code := token.Code("")
	for _, r := range public.Records {
		if c, ok := strings.CutPrefix(r.Key, trade.TokenPrefix); ok {
			code = token.Code(c)
		}
	}
	b, k, err := trade.Cover(v.Records, code, v.Time)
	if err != nil {
		return p, err
	}
	return proven{Proof: path, Hash: sha256.Sum256(data), Record: trade.TokenKey(code), What: "a token whose reserve covers its supply", Cover: &cover{Issuer: k.Issuer, Backing: b},
		Position: v.Height, Kind: "certified", Height: v.Height, Time: wire.Time(v.Time), Chain: network.ChainID}, nil
}

// cover is what stands behind a token.
type cover struct {
	Issuer party.Code `json:"issuer"`
	trade.Backing
}

// signedTwice reads what the API shows of a key that has signed twice. It needs
// no network: the two signatures are the proof.
func signedTwice(data []byte) (e trade.Equivocation, ok bool) {
	err := json.Unmarshal(data, &e)
	return e, err == nil && e.Key != (sign.PublicKey{})
}

// evidenceIn gives the hash by which both sides name a divergence when they
// close it; zero of any other record.
func evidenceIn(content any) canon.Hash {
	if d, ok := content.(trade.Divergence); ok {
		return d.Hash()
	}
	return canon.Hash{}
}

// trust checks certificates of the ledger that a network file names.
func trust(n ledger.Network) proof.Trust {
	return proof.Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
		check := comet.VerifyCertificate
		if n.Driver == local.Driver {
			check = local.VerifyCertificate
		}
		h, root, at, err := check(n, cert)
		return uint64(h), root, at, err
	}}
}

// sameInvoice compares what an exported invoice shows with the proven bytes.
func sameInvoice(path string, proven []byte) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fault.Newf(fault.NotFound, "name an exported invoice", "%s cannot be read", path).Because(err)
	}
	shown, err := document.Parse(data)
	if err != nil {
		return err
	}
	if !bytes.Equal(shown, proven) {
		return fault.Newf(fault.Conflict, "ask who gave you the file for the original", "%s is not the invoice that the proof shows", path).In("invoice")
	}
	return nil
}
