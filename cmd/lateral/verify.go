package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lateral-network/lateral/api/document"
	"github.com/lateral-network/lateral/api/evidence"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/node"
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
	Proof string `json:"proof"` // path
	evidence.Proven
	Invoice string `json:"invoice,omitempty"` // path of the file that shows exactly this
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
	p.Proof = path
	p.Proven, err = evidence.Check(data, func() (evidence.Trust, error) {
		file := c.Network
		if file == "" {
			file = filepath.Join(filepath.Dir(path), "..", "network.json")
		}
		network, err := node.ReadNetwork(file)
		return evidence.Trust{Trust: node.Trust(network), Chain: network.ChainID}, err
	})
	if err != nil {
		return p, err
	}
	if c.Invoice != "" {
		if p.Value == nil {
			return p, usageError{fmt.Errorf("--invoice goes with the proof of an invoice")}
		}
		if err := sameInvoice(c.Invoice, p.Value); err != nil {
			return p, err
		}
		p.Invoice = c.Invoice
	}
	if !c.Show && p.Key == nil {
		p.Content = nil
	}
	return p, nil
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
