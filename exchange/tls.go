package exchange

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
)

// A node's certificate only carries its key: there is no issuer to trust and
// no name to look at. Each side compares the key with the one it expects, and
// TLS proves that the other side holds it.

// certificate makes a node's self-signed certificate. Its dates say nothing,
// so that a clock that is wrong does not part two nodes.
func certificate(key sign.PrivateKey) (tls.Certificate, error) {
	private := key.Standard()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280: no expiry
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the node's certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}

// serverTLS lets in whom allow names, and nobody else.
func serverTLS(own tls.Certificate, allow func(sign.PublicKey) bool) *tls.Config {
	c := baseTLS(own)
	c.ClientAuth = tls.RequireAnyClientCert // VerifyConnection judges it
	c.VerifyConnection = func(s tls.ConnectionState) error {
		key, err := peerKey(s)
		if err != nil {
			return err
		}
		if !allow(key) {
			return fault.New(fault.Unauthorized, "a node with an unknown key tried to connect", "admit it on the Omnilateral if it is a member's")
		}
		return nil
	}
	return c
}

// clientTLS talks to the node with this key, and to nobody else.
func clientTLS(own tls.Certificate, want sign.PublicKey) *tls.Config {
	c := baseTLS(own)
	c.InsecureSkipVerify = true // names and issuers mean nothing here; VerifyConnection compares the key
	c.VerifyConnection = func(s tls.ConnectionState) error {
		key, err := peerKey(s)
		if err != nil {
			return err
		}
		if key != want {
			return fault.New(CodeWrongNode, "another node answers at the partner's address", "check the partner's address and node key in the member list")
		}
		return nil
	}
	return c
}

func baseTLS(own tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{"h2"},
		// A resumed session would skip nothing that costs much, and would
		// outlive a key that is no longer registered.
		SessionTicketsDisabled: true,
	}
}

// peerKey gives the node key of the other side.
func peerKey(s tls.ConnectionState) (sign.PublicKey, error) {
	var key sign.PublicKey
	if len(s.PeerCertificates) > 0 {
		if public, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey); ok && len(public) == len(key) {
			copy(key[:], public)
			return key, nil
		}
	}
	return key, fault.New(CodeWrongNode, "the other side shows no Ed25519 node key", "connect with a Lateral node")
}
