package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lateral-network/lateral/api/document"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/proof"
)

// verifyCommand is "lateral verify".
type verifyCommand struct {
	Proof   []string `arg:"" placeholder:"PROOF" help:"Proof file, as a node or the sandbox wrote it."`
	Network string   `placeholder:"FILE" help:"Network file to trust; default: network.json one folder above the proof."`
	Invoice string   `placeholder:"FILE" help:"Exported invoice, JSON or HTML, to compare with what the proof shows."`
}

func (verifyCommand) Help() string {
	return `Checks without any network: the record's bytes, the Bilateral's state root, both members' signed heads, the anchor on the
shared ledger, and the certified block header with every signature, against the validators that the network file names.
Prints the hash of the proven bytes. Exit code 1 means that the proof is refused.

Examples:
  lateral verify run1/proofs/BRAVO-ALPHA-V-ALPHA-20261102T000000Z-20261102T010000Z-USD-1.proof
  lateral verify --network network.json --invoice invoice.html invoice.proof`
}

func (c verifyCommand) Run(t terminal) error {
	if c.Invoice != "" && len(c.Proof) != 1 {
		return usageError{fmt.Errorf("--invoice goes with one proof")}
	}
	for _, path := range c.Proof {
		if err := c.one(t, path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func (c verifyCommand) one(t terminal, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fault.Newf(fault.NotFound, "name a proof file", "%s cannot be read", path).Because(err)
	}
	networkFile := c.Network
	if networkFile == "" {
		networkFile = filepath.Join(filepath.Dir(path), "..", "network.json")
	}
	network, err := node.ReadNetwork(networkFile)
	if err != nil {
		return err
	}
	verified, err := proof.Verify(data, trust(network))
	if err != nil {
		return err
	}
	if c.Invoice != "" {
		if err := sameInvoice(c.Invoice, verified.Value); err != nil {
			return err
		}
	}
	fmt.Fprintf(t.out, "%s  %s\n", verified.Hash, path)
	fmt.Fprintf(t.err, "proven: %s, %s, certified at height %d, %s, on %s\n", verified.Key, verified.Kind, verified.Height,
		time.UnixMilli(verified.Time).UTC().Format(time.RFC3339), network.ChainID)
	if c.Invoice != "" {
		fmt.Fprintf(t.err, "%s shows exactly what is proven\n", c.Invoice)
	}
	return nil
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
