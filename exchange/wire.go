package exchange

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// Two nodes speak HTTP/2 over TLS 1.3. Each request is a POST to one of these
// paths, and its answer has status 200 whatever became of it.
//
//	files   a frame with a head, then one sealed file (package seal): the
//	        contents of the head's files, one after the other. Answer: reply.
//	offset  a frame with a head of one file. Answer: reply, with the offset
//	        from which the receiver wants that file.
//	call    a frame with a signed request. Answer: a frame with a signed answer.
//
// A frame is a length (4 bytes, big endian) and that many bytes of canonical
// CBOR.
const (
	pathFiles  = "/lateral/exchange/1/files"
	pathOffset = "/lateral/exchange/1/offset"
	pathCall   = "/lateral/exchange/1/call"
)

// Limits, in bytes unless they say otherwise.
const (
	// MaxMessage is the longest body of a call or of its answer.
	MaxMessage = 1 << 20

	// smallFile is the longest file that travels with others. A longer one
	// travels alone and can go on where it was cut.
	smallFile = 64 << 10
	// batchFiles and batchBytes bound what travels together. 256 KiB keeps a
	// batch in memory on both sides without thought.
	batchFiles = 256
	batchBytes = 256 << 10

	maxHead  = 256 << 10 // 256 files with the longest subject
	maxReply = 512 << 10 // 256 results with the longest fault
	maxCall  = MaxMessage + 4096
	maxText  = 512 // detail or remedy of a partner's fault
)

// head opens a request about files.
type head struct {
	Key    canon.Hash `cbor:"1,keyasint"` // ID of the sealing key in use
	Offset int64      `cbor:"2,keyasint"` // where the content starts; not zero for one large file only
	Files  []Meta     `cbor:"3,keyasint"`
}

// info is what a sealed body is bound to: both nodes and all of the head.
func (h head) info(from, to sign.PublicKey) []byte {
	sum := canon.HashOf("lateral/exchange/files/1", struct {
		From sign.PublicKey `cbor:"1,keyasint"`
		To   sign.PublicKey `cbor:"2,keyasint"`
		Head head           `cbor:"3,keyasint"`
	}{from, to, h})
	return sum[:]
}

// size is how many bytes of content follow the head.
func (h head) size() int64 {
	n := -h.Offset
	for _, m := range h.Files {
		n += m.Size
	}
	return n
}

// alone reports whether the head is of one file that travels by itself.
func (h head) alone() bool { return len(h.Files) == 1 && h.Files[0].Size > smallFile }

func (h head) check() error {
	bad := func(detail string) error {
		return fault.New(fault.Invalid, detail, "both nodes must run a version that speaks exchange 1")
	}
	if len(h.Files) < 1 || len(h.Files) > batchFiles {
		return bad("a request carries 1 to 256 files")
	}
	var total int64
	for _, m := range h.Files {
		if m.Size < 0 || (m.Size > smallFile && len(h.Files) > 1) {
			return bad("a file of this size does not travel with others")
		}
		total += m.Size
	}
	if !h.alone() && (h.Offset != 0 || total > batchBytes) {
		return bad("the files are too long to travel together")
	}
	if h.Offset < 0 || h.Offset > total {
		return bad("the offset is outside the file")
	}
	return nil
}

// reply answers a request about files.
type reply struct {
	Results []result `cbor:"1,keyasint"` // one for each file, in order; empty when Fault is set
	Offset  int64    `cbor:"2,keyasint"` // answer to offset
	Fault   *problem `cbor:"3,keyasint,omitempty"`
}

// result is what became of one file: a fault, a signature of its receipt, or
// neither when the receiver waits for its content.
type result struct {
	Signature []byte   `cbor:"1,keyasint,omitempty"`
	Fault     *problem `cbor:"2,keyasint,omitempty"`
}

// problem is a fault on the wire. A cause never travels.
type problem struct {
	Code   string `cbor:"1,keyasint"`
	Detail string `cbor:"2,keyasint"`
	Remedy string `cbor:"3,keyasint"`
	Field  string `cbor:"4,keyasint,omitempty"`
}

func problemOf(err error) *problem {
	f := fault.Of(err)
	return &problem{Code: string(f.Code), Detail: clip(f.Detail), Remedy: clip(f.Remedy), Field: clip(f.Field)}
}

// err gives the partner's fault as our own. The text is the partner's.
func (p *problem) err() error {
	code := fault.Code(p.Code)
	if len(p.Code) == 0 || len(p.Code) > 64 || strings.Trim(p.Code, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		code = fault.Internal
	}
	return fault.New(code, "the partner answers: "+clip(p.Detail), clip(p.Remedy)).In(clip(p.Field))
}

// clip bounds what another node's text can take up, at a character's edge.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}

// request and answer are the two messages of a call. Each is signed by its
// sender, so that either side can show later what the other said.
type request struct {
	From  sign.PublicKey `cbor:"1,keyasint"`
	To    sign.PublicKey `cbor:"2,keyasint"`
	Kind  string         `cbor:"3,keyasint"`
	Nonce [16]byte       `cbor:"4,keyasint"` // tells two equal requests apart
	Body  []byte         `cbor:"5,keyasint"`
}

type answer struct {
	Request canon.Hash `cbor:"1,keyasint"` // of the request's bytes
	Body    []byte     `cbor:"2,keyasint"`
	Fault   *problem   `cbor:"3,keyasint,omitempty"`
}

const (
	requestTag = "lateral/exchange/request/1"
	answerTag  = "lateral/exchange/answer/1"
)

type signed struct {
	Message   []byte         `cbor:"1,keyasint"` // an encoded request or answer
	Signature sign.Signature `cbor:"2,keyasint"`
}

// encodeSigned gives the bytes of a message with its signature.
func encodeSigned(key sign.PrivateKey, tag string, message []byte) []byte {
	return canon.Must(signed{Message: message, Signature: key.Sign(tag, message)})
}

// decodeSigned gives the message of data when from has signed it.
func decodeSigned(data []byte, from sign.PublicKey, tag string) ([]byte, error) {
	var s signed
	if err := canon.Decode(data, &s); err != nil {
		return nil, err
	}
	if !sign.Verify(from, tag, s.Message, s.Signature) {
		return nil, fault.New(CodeWrongNode, "the message is not signed by the node that sent it", "check the partner's node key")
	}
	return s.Message, nil
}

// appendFrame appends the frame of data.
func appendFrame(to, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(data))), data...)
}

// readFrame reads a frame of at most limit bytes. An error of r is passed on,
// io.ErrUnexpectedEOF when r ends within the frame.
func readFrame(r io.Reader, limit int) ([]byte, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, noEOF(err)
	}
	size := binary.BigEndian.Uint32(n[:])
	if int64(size) > int64(limit) {
		return nil, fault.Newf(CodeTooLarge, "send less at once", "a frame of %d bytes is above the limit of %d", size, limit)
	}
	data := make([]byte, size)
	_, err := io.ReadFull(r, data)
	return data, noEOF(err)
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readHead reads and checks the frame that opens a request about files.
func readHead(r io.Reader) (head, error) {
	var h head
	data, err := readFrame(r, maxHead)
	if err != nil {
		return h, err
	}
	if err := canon.Decode(data, &h); err != nil {
		return h, err
	}
	return h, h.check()
}

// readReply reads the answer to a request about n files.
func readReply(r io.Reader, n int) (reply, error) {
	var out reply
	data, err := readFrame(r, maxReply)
	if err != nil {
		return out, err
	}
	if err := canon.Decode(data, &out); err != nil {
		return out, err
	}
	if out.Fault == nil && len(out.Results) != n {
		return out, fault.Newf(fault.Invalid, "both nodes must run a version that speaks exchange 1",
			"the partner answered %d results for %d files", len(out.Results), n)
	}
	for _, r := range out.Results {
		if len(r.Signature) != 0 && (len(r.Signature) != len(sign.Signature{}) || r.Fault != nil) {
			return out, fault.New(fault.Invalid, "the partner's receipt is malformed", "both nodes must run a version that speaks exchange 1")
		}
	}
	return out, nil
}
