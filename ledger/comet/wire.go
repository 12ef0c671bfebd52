package comet

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// Followers speak HTTP/2 over TLS 1.3 with both sides named by their node keys.
//
//	POST /submit?after=H              an envelope   → final (waits; judged as of block H or later)
//	GET  /blocks?from=H               a stream of frames (waits at the tip)
//	GET  /certificate?height=H        a certificate (waits)
//	GET  /proof?height=H&index=I      an inclusion proof (waits)
//	GET  /status                      status
//
// Bodies are canonical CBOR. A failure has an HTTP status and a failure body.

// failure is a fault on the wire.
type failure struct {
	Code   string `cbor:"1,keyasint"`
	Detail string `cbor:"2,keyasint"`
	Remedy string `cbor:"3,keyasint"`
	Field  string `cbor:"4,keyasint"`
}

// final answers a Submit. Without a receipt (an old or a very large block) the
// follower asks for a proof.
type final struct {
	Position ledger.Position `cbor:"1,keyasint"`
	Receipt  *receipt        `cbor:"2,keyasint,omitempty"`
}

// report answers a Status.
type report struct {
	Tip      ledger.Height `cbor:"1,keyasint"`
	TipTime  int64         `cbor:"2,keyasint"`
	Earliest ledger.Height `cbor:"3,keyasint"`
	Syncing  bool          `cbor:"4,keyasint"`
}

const (
	maxAnswer = 1 << 20 // any body but a frame
	maxFrame  = maxBlockBytes + 1<<20
)

func statusOf(code fault.Code) int {
	switch code {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict, fault.NotYet:
		return http.StatusConflict
	case fault.Refused, fault.Forbidden, fault.Unauthorized:
		return http.StatusForbidden
	case fault.Busy:
		return http.StatusTooManyRequests
	case fault.Unknown, fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// writeFrame sends one block: the seal, then each envelope's bytes, all with
// their length before them (4 bytes, big endian).
func writeFrame(w io.Writer, s seal, txs [][]byte) error {
	head := canon.Must(s)
	size := 8 + len(head) + 4*len(txs)
	for _, tx := range txs {
		size += len(tx)
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, size), uint32(len(head)))
	b = append(b, head...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(txs)))
	for _, tx := range txs {
		b = binary.BigEndian.AppendUint32(b, uint32(len(tx)))
		b = append(b, tx...)
	}
	_, err := w.Write(b)
	return err
}

// readFrame reads what writeFrame sent. An error other than of the link has
// code invalid.
func readFrame(r *bufio.Reader) (seal, [][]byte, error) {
	left := uint32(maxFrame)
	number := func() (uint32, error) {
		var b [4]byte
		_, err := io.ReadFull(r, b[:])
		return binary.BigEndian.Uint32(b[:]), err
	}
	chunk := func() ([]byte, error) {
		n, err := number()
		if err != nil {
			return nil, err
		}
		if n > left {
			return nil, refused("a block larger than %d bytes was sent", maxFrame)
		}
		left -= n
		b := make([]byte, n)
		_, err = io.ReadFull(r, b)
		return b, err
	}
	head, err := chunk()
	if err != nil {
		return seal{}, nil, err
	}
	var s seal
	if err := canon.Decode(head, &s); err != nil {
		return seal{}, nil, err
	}
	n, err := number()
	if err != nil {
		return seal{}, nil, err
	}
	if n > maxBlockBytes/64 {
		return seal{}, nil, refused("a block of %d envelopes was sent", n)
	}
	txs := make([][]byte, n)
	for i := range txs {
		if txs[i], err = chunk(); err != nil {
			return seal{}, nil, err
		}
	}
	return s, txs, nil
}

// nodeTLS is TLS 1.3 in which both sides show a node key and accept says which
// ones may pass. Certificates are made on the spot and mean nothing but the key.
func nodeTLS(key sign.PrivateKey, accept func(sign.PublicKey) error) (*tls.Config, error) {
	private := key.Standard()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "lateral node"},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		DNSNames:     []string{"lateral"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, fmt.Errorf("making the node's certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // no authority vouches for a node: VerifyConnection compares its key
		SessionTicketsDisabled: true,
		ServerName:             "lateral",
		VerifyConnection: func(c tls.ConnectionState) error {
			peer, err := peerKey(c)
			if err != nil {
				return err
			}
			return accept(peer)
		},
	}, nil
}

// peerKey gives the node key that the other side has proved to hold.
func peerKey(c tls.ConnectionState) (sign.PublicKey, error) {
	if len(c.PeerCertificates) == 0 {
		return sign.PublicKey{}, fault.New(fault.Unauthorized, "the other side shows no node key", "connect with a node key")
	}
	key, ok := c.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != len(sign.PublicKey{}) {
		return sign.PublicKey{}, fault.New(fault.Unauthorized, "the other side's key is no node key", "connect with a node key")
	}
	return sign.PublicKey(key), nil
}
