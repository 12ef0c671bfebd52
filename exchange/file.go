package exchange

import (
	"context"
	"crypto/sha256"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
)

// Codes of what can go wrong between two nodes. [seal.CodeUnreadable] is one
// more: the receiver has no key that opens what came.
const (
	// CodeUnknownChannel: the receiver is no member of the file's channel.
	CodeUnknownChannel fault.Code = "unknown-channel"
	// CodeWrongHash: the content is not what its hash says.
	CodeWrongHash fault.Code = "wrong-hash"
	// CodeTooLarge: the file or message is above the receiver's limit.
	CodeTooLarge fault.Code = "too-large"
	// CodeWrongNode: another node answers at the partner's address, or a
	// receipt or answer does not carry the partner's signature.
	CodeWrongNode fault.Code = "wrong-node"
	// CodeNoAnswer: the partner has not acknowledged or answered in time.
	CodeNoAnswer fault.Code = "no-answer"
	// CodeCancelled: this node stopped sending the file.
	CodeCancelled fault.Code = "cancelled"
	// CodeUnknownKind: the partner has no handler for this kind of call.
	CodeUnknownKind fault.Code = "unknown-kind"
)

// Peer is a partner's node: who it is, where it listens, and for which key
// its files are sealed. Key and Sealing come from the member list.
type Peer struct {
	Key     sign.PublicKey // the node key that its TLS certificate must carry
	Address string         // host:port
	Sealing seal.PublicKey // needed for files, not for calls
}

// Meta says what a file is.
type Meta struct {
	Kind    string     `cbor:"1,keyasint"` // 1 to 32 of a-z, 0-9, hyphen: records, sheet, edges, evidence, keys
	Channel canon.Hash `cbor:"2,keyasint"` // the channel it belongs to
	Subject string     `cbor:"3,keyasint"` // what it is about, in the caller's terms; at most 256 bytes of printable text
	Hash    canon.Hash `cbor:"4,keyasint"` // of the content, see [HashContent]
	Size    int64      `cbor:"5,keyasint"` // bytes of content
}

// File is a file for one partner. Its content is in the blob store before it
// is sent, and stays there until it is acknowledged.
type File struct {
	To Peer
	Meta
}

// HashContent gives the hash that names a content: plain SHA-256, the same
// that sha256sum prints.
func HashContent(content []byte) canon.Hash { return sha256.Sum256(content) }

// Blobs keeps contents under their hashes. Package store has one. Methods may
// be called at the same time.
type Blobs interface {
	// Put reads content to its end and returns when it is durable. Putting
	// what is there already succeeds.
	Put(ctx context.Context, hash canon.Hash, content io.Reader) error
	// Get opens a content. When what it gives is an io.ReaderAt too, a broken
	// transfer goes on without reading it from the start. Code: not-found.
	Get(ctx context.Context, hash canon.Hash) (io.ReadCloser, error)
}

// Transfer is one file on its way from one node to another.
type Transfer struct {
	From sign.PublicKey `cbor:"1,keyasint"`
	To   sign.PublicKey `cbor:"2,keyasint"`
	Meta Meta           `cbor:"3,keyasint"`
}

// ID names the transfer. The same file sent again has the same ID.
func (t Transfer) ID() canon.Hash { return canon.HashOf("lateral/exchange/transfer/1", t) }

const receiptTag = "lateral/exchange/receipt/1"

// Receipt is the receiver's word that it has stored the file, opened it, and
// found its hash and size right. It has no time: signed twice it is the same.
type Receipt struct {
	Transfer  Transfer       `cbor:"1,keyasint"`
	Signature sign.Signature `cbor:"2,keyasint"` // of Transfer.To over the encoded Transfer
}

func signReceipt(key sign.PrivateKey, t Transfer) Receipt {
	return Receipt{Transfer: t, Signature: key.Sign(receiptTag, canon.Must(t))}
}

// Check refuses a receipt that its receiver did not sign. Code: wrong-node.
func (r Receipt) Check() error {
	if !sign.Verify(r.Transfer.To, receiptTag, canon.Must(r.Transfer), r.Signature) {
		return fault.New(CodeWrongNode, "the receipt is not signed by the receiver for this file",
			"ask the partner to acknowledge the file again")
	}
	return nil
}

// check refuses what no node would take.
func (m Meta) check() error {
	if err := checkKind(m.Kind); err != nil {
		return err
	}
	if len(m.Subject) > 256 || !utf8.ValidString(m.Subject) {
		return fault.New(fault.Invalid, "a subject has at most 256 bytes of text", "shorten the subject").In("subject")
	}
	for _, r := range m.Subject {
		if !unicode.IsPrint(r) {
			return fault.New(fault.Invalid, "a subject has printable characters only", "remove control characters").In("subject")
		}
	}
	if m.Hash.IsZero() {
		return fault.New(fault.Invalid, "the file has no hash", "hash the content with HashContent").In("hash")
	}
	if m.Size < 0 {
		return fault.New(fault.Invalid, "the file's size is negative", "give the content's length in bytes").In("size")
	}
	return nil
}

func checkKind(kind string) error {
	bad := len(kind) < 1 || len(kind) > 32
	for _, c := range []byte(kind) {
		bad = bad || !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if bad {
		return fault.New(fault.Invalid, "a kind is 1 to 32 of a-z, 0-9 and hyphen", "use a kind such as records or sheet").In("kind")
	}
	return nil
}

// temporary reports whether the same file may be taken later without anybody
// changing it. What is not named here is final.
func temporary(err error) bool {
	switch fault.CodeOf(err) {
	case fault.NotYet, fault.Busy, fault.Unavailable, fault.Unknown, fault.Internal, fault.Unauthorized, CodeWrongNode, CodeNoAnswer:
		return true
	}
	return false
}
