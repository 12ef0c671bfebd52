package node

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/proof"
)

// Trust checks certificates of the ledger that a network file names.
func Trust(n ledger.Network) proof.Trust {
	return proof.Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
		check := comet.VerifyCertificate
		if n.Driver == local.Driver {
			check = local.VerifyCertificate
		}
		h, root, at, err := check(n, cert)
		return uint64(h), root, at, err
	}}
}
