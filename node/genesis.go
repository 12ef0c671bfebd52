package node

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// Founding is what the founders of a network agree on.
type Founding struct {
	Name       string // at most 16 letters
	Start      int64  // time of the first block, ms UTC
	Challenge  int64  // how long an exit from a lock may be contested, ms; 0: a day
	Members    []party.Signed
	Validators []ledger.Validator
}

// Write writes the network's two files into a folder and gives their paths.
// Everybody who runs a node needs both; they hold no secret.
func (f Founding) Write(dir string) (networkPath, genesisPath string, err error) {
	doc := trade.GenesisDocument{Network: trade.DefaultNetwork(f.Name), Members: f.Members, Start: f.Start}
	doc.Network.ChallengeMillis = f.Challenge
	for _, v := range f.Validators {
		doc.Validators = append(doc.Validators, trade.Validator(v))
	}
	if _, err := trade.Genesis(doc); err != nil {
		return "", "", err
	}
	network := ledger.Network{Driver: comet.Driver, ChainID: ledger.ChainID(f.Name, doc.Hash()), Genesis: doc.Hash(), Validators: f.Validators}
	networkPath, genesisPath = filepath.Join(dir, networkFile), filepath.Join(dir, genesisFile)
	if err := writeJSON(genesisPath, doc); err != nil {
		return "", "", err
	}
	return networkPath, genesisPath, writeJSON(networkPath, network)
}

// ReadGenesis reads a genesis document. Codes: not-found, invalid.
func ReadGenesis(path string) (doc trade.GenesisDocument, err error) {
	return doc, readJSON(path, "genesis document", &doc)
}

// ReadNetwork reads a network file. Codes: not-found, invalid.
func ReadNetwork(path string) (n ledger.Network, err error) {
	return n, readJSON(path, "network file", &n)
}

func readJSON(path, what string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fault.Newf(fault.NotFound, "get it from the network's founders", "the %s %s cannot be read", what, path).Because(err)
	}
	if err := parseJSON(data, v); err != nil {
		return fault.Newf(fault.Invalid, "get it again from the network's founders", "the %s %s cannot be understood: %v", what, path, err)
	}
	return nil
}

func parseJSON(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// genesisBytes is the document as the state machine reads it.
func genesisBytes(doc trade.GenesisDocument) []byte { return canon.Must(doc) }
