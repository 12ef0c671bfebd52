package channel

import (
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
)

// A payload is what one envelope carries. From the inside out:
//
//	batch   canonical CBOR of commands and notes, at most maxPlain bytes
//	frame   one zstd frame of it: declared size, no dictionary, bounded window
//	padded  length of the frame (4 bytes, big endian), frame, zeros up to a step
//	payload padded as it is (epoch 0), or sealed (see seal.go)
//
// One batch has many frames, because compressors differ; the envelope's id
// covers the frame that was sent. Whatever is not exactly of this form is
// unreadable, for every member alike.

// CodeUnreadable: an envelope's payload does not open, unpack or decode. Its
// number is used, and nothing else changes.
const CodeUnreadable fault.Code = "unreadable"

const (
	maxPlain    = 1 << 20   // bytes of a batch once unpacked
	maxWindow   = 1 << 20   // bytes that the unpacker looks back
	maxCommands = 8192      // commands in a batch
	maxNotes    = 64        // notes in a batch
	smallest    = 256       // bytes of the first size step
	lengthSize  = 4         // bytes of the frame's length
	fillTarget  = 224 << 10 // a batch of so many bytes fits an envelope even if nothing compresses
)

// batch is what one envelope asks for: commands for the state machine, and
// notes between the members that are no part of the state.
type batch struct {
	Commands []trade.Command `cbor:"1,keyasint,omitempty"`
	Notes    []note          `cbor:"2,keyasint,omitempty"`
}

// note is one message of the channel's own protocol: a head, an epoch key, a
// step in the search for a difference.
type note struct {
	Kind noteKind `cbor:"1,keyasint"`
	Body []byte   `cbor:"2,keyasint"`
}

// noteKind says which struct a note's body is.
type noteKind uint8

const (
	noteHead   noteKind = 1 // proof.SignedHead
	noteOffer  noteKind = 2 // epochOffer
	noteAccept noteKind = 3 // epochAccept
	noteClaim  noteKind = 4 // claim: the root of a log at one size
	noteDetail noteKind = 5 // detail: the content of the first differing leaf
	noteContra noteKind = 6 // contradiction: a head of the partner, and what is here instead
)

// touches reports whether a note is recorded in the channel's log. Attesting
// and searching are not, or each head would ask for another.
func (k noteKind) touches() bool { return k == noteOffer || k == noteAccept }

// String names a kind in event logs.
func (k noteKind) String() string {
	switch k {
	case noteHead:
		return "head"
	case noteOffer:
		return "epoch.offer"
	case noteAccept:
		return "epoch.accept"
	case noteClaim:
		return "claim"
	case noteDetail:
		return "detail"
	case noteContra:
		return "contradiction"
	}
	return "unknown"
}

// The encoder packs fast: an order or a statement compresses to a third at
// every level, and random bytes at none. Both are safe for concurrent use.
var (
	packer = sync.OnceValue(func() *zstd.Encoder {
		return must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
			zstd.WithWindowSize(maxWindow), zstd.WithSingleSegment(true), zstd.WithZeroFrames(true)))
	})
	unpacker = sync.OnceValue(func() *zstd.Decoder {
		return must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(0),
			zstd.WithDecoderMaxMemory(maxPlain), zstd.WithDecoderMaxWindow(maxWindow)))
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pack makes the padded bytes of a batch. overhead is what sealing will add to
// them; padding hides the size of the whole.
func pack(b batch, overhead int) ([]byte, error) {
	plain, err := canon.Encode(b)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the commands have no canonical encoding", "check text for invalid UTF-8").Because(err)
	}
	if len(plain) > maxPlain || len(b.Commands) > maxCommands || len(b.Notes) > maxNotes {
		return nil, tooBig(len(plain))
	}
	out := make([]byte, lengthSize, lengthSize+len(plain)+len(plain)/8+64)
	out = packer().EncodeAll(plain, out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-lengthSize))
	size := step(len(out)+overhead) - overhead
	if size+overhead > ledger.MaxPayload {
		return nil, tooBig(len(plain))
	}
	for len(out) < size {
		out = append(out, make([]byte, size-len(out))...)
	}
	return out, nil
}

func tooBig(n int) error {
	return fault.Newf(fault.Invalid, "split the command: files and record lists travel off the ledger",
		"a batch of %d bytes does not fit an envelope", n)
}

// unpack reads what pack made, strictly. Code: unreadable.
func unpack(padded []byte, overhead int) (batch, error) {
	var b batch
	if len(padded) < lengthSize {
		return b, unreadable("the payload is too short", nil)
	}
	n := int(binary.BigEndian.Uint32(padded))
	if n > len(padded)-lengthSize {
		return b, unreadable("the packed bytes are cut short", nil)
	}
	if step(lengthSize+n+overhead) != len(padded)+overhead {
		return b, unreadable("the payload is not padded to its size step", nil)
	}
	frame, rest := padded[lengthSize:lengthSize+n], padded[lengthSize+n:]
	for _, c := range rest {
		if c != 0 {
			return b, unreadable("the padding is not zero", nil)
		}
	}
	size, err := frameSize(frame)
	if err != nil {
		return b, err
	}
	plain, err := unpacker().DecodeAll(frame, make([]byte, 0, size))
	if err != nil {
		return b, unreadable("the packed bytes do not unpack", err)
	}
	if len(plain) != size {
		return b, unreadable("the packed bytes are not of the declared size", nil)
	}
	if err := canon.Decode(plain, &b); err != nil {
		return batch{}, unreadable("the batch is not in canonical form", err)
	}
	if len(b.Commands) > maxCommands || len(b.Notes) > maxNotes || len(b.Commands)+len(b.Notes) == 0 {
		return batch{}, unreadable("the batch has too many commands, or none", nil)
	}
	return b, nil
}

func unreadable(detail string, cause error) *fault.Error {
	return fault.New(CodeUnreadable, detail, "the sender's node made a wrong envelope: its operator has to look into it").Because(cause)
}

// frameSize checks that data is exactly one zstd frame (RFC 8878 section 3.1.1)
// that declares its size, needs no dictionary and looks back no further than
// allowed, and gives the declared size. The unpacker alone would take several
// frames in a row, and bytes between them.
func frameSize(data []byte) (int, error) {
	var h zstd.Header
	if err := h.Decode(data); err != nil {
		return 0, unreadable("the packed bytes are no zstd frame", err)
	}
	switch {
	case h.Skippable:
		return 0, unreadable("the packed bytes are a skippable frame", nil)
	case h.DictionaryID != 0:
		return 0, unreadable("the packed bytes need a dictionary", nil)
	case !h.HasFCS:
		return 0, unreadable("the packed bytes do not declare their size", nil)
	case h.FrameContentSize > maxPlain || h.WindowSize > maxWindow:
		return 0, unreadable("the packed bytes declare too large a size", nil)
	}
	at := h.HeaderSize
	for last := false; !last; {
		if at+3 > len(data) {
			return 0, unreadable("a packed block is cut short", nil)
		}
		block := uint32(data[at]) | uint32(data[at+1])<<8 | uint32(data[at+2])<<16
		last = block&1 == 1
		size := int(block >> 3)
		if block>>1&3 == 1 { // one byte, repeated size times
			size = 1
		}
		at += 3 + size
	}
	if h.HasCheckSum {
		at += 4
	}
	if at != len(data) {
		return 0, unreadable("there is more or less than one zstd frame", nil)
	}
	return int(h.FrameContentSize), nil
}

// step rounds a payload's size up so that it tells little: 8 steps to each
// doubling, from 256 bytes, so at most an eighth is added.
func step(n int) int {
	if n <= smallest {
		return smallest
	}
	grain := 1 << (bits.Len(uint(n-1)) - 4)
	return (n + grain - 1) / grain * grain
}
