// Package rail speaks to banks: the ISO 20022 messages by which an obligation is
// paid over a bank and by which the payee learns of it, and what an entry of a
// statement pays.
//
//	out  pain.001.001.09  payments that a bank is asked to make   [Initiation]
//	in   pacs.002.001.10  what became of each                     [Report]
//	in   camt.053.001.08  a day's statement of an account         [Statement]
//	in   camt.054.001.08  single bookings as they happen          [Statement]
//
// Each message is read and written; [Read] finds out which one a file is. The
// rules of the message definitions that matter for money stand in tables of
// shapes: order and number of elements, lengths, characters, dates, IBANs, BICs,
// decimals of a currency; rules between elements, such as sums and ids that
// must differ, are beside them. Writing ends with reading what was written, so
// both ends keep the same rules. What a definition has and this package does
// not look into is passed over by name and told ([File.Passed]).
//
// [Payable] splits an obligation of six decimals into the minor units that a
// bank can pay and a rest that is carried. [Matcher] compares entries with open
// obligations; whatever is not certain is an outcome of its own, for a person.
//
// The package knows no ledger, no network and no clock. The bank that the
// sandbox has is rail/bank.
package rail

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
)

// Kind names a message with its version.
type Kind string

// The messages that are read and written.
const (
	Pain001 Kind = "pain.001.001.09"
	Pacs002 Kind = "pacs.002.001.10"
	Camt053 Kind = "camt.053.001.08"
	Camt054 Kind = "camt.054.001.08"
)

// Kinds are all of them.
var Kinds = []Kind{Pain001, Pacs002, Camt053, Camt054}

// Message gives the message without variant and version: "pain.001".
func (k Kind) Message() string {
	parts := strings.Split(string(k), ".")
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// File is what was read of a file. One of the three messages is there.
type File struct {
	Kind       Kind        `json:"kind"`
	SHA256     string      `json:"sha256"`           // of the bytes
	Passed     []string    `json:"passed,omitempty"` // elements that were not looked into, in byte order
	Initiation *Initiation `json:"initiation,omitempty"`
	Report     *Report     `json:"report,omitempty"`
	Statement  *Statement  `json:"statement,omitempty"`
}

// Codes of rules between elements.
const (
	// CodeSum says that a count, a control sum or a balance is not what the
	// parts come to.
	CodeSum fault.Code = "bank-sum"
	// CodeTwice says that an id that must be unique stands twice.
	CodeTwice fault.Code = "bank-id-twice"
	// CodeStatus says that statuses contradict each other.
	CodeStatus fault.Code = "bank-status"
)

// Read reads a file of one of the [Kinds]. Codes: those of this package, and
// unknown-currency, currency-mismatch, money-overflow; the field is the path of
// the element at fault.
func Read(r io.Reader) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fault.New(fault.NotFound, "the file cannot be read to its end", "name a file that this user can read").Because(err)
	}
	return ReadBytes(data)
}

// ReadBytes is Read of a file in memory.
func ReadBytes(data []byte) (*File, error) {
	root, kind, err := parse(data)
	if err != nil {
		return nil, err
	}
	f, err := understand(root, kind)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(data)
	f.SHA256 = hex.EncodeToString(hash[:])
	return f, nil
}

// understand checks a tree by the definition of its message and takes the
// values out of it.
func understand(root *node, kind Kind) (*File, error) {
	f := &File{Kind: kind}
	passed := map[string]bool{}
	definition := definitions[kind]
	if err := definition.check(root, "Document", func(path string) { passed[path] = true }); err != nil {
		return nil, err
	}
	f.Passed = slices.Sorted(maps.Keys(passed))
	top := root.kids[0]
	var err error
	switch kind {
	case Pain001:
		f.Initiation, err = readInitiation(top)
	case Pacs002:
		f.Report, err = readReport(top)
	default:
		f.Statement, err = readStatement(top, kind)
	}
	if err != nil {
		return nil, fault.Of(err).In(top.name)
	}
	return f, nil
}

var definitions = map[Kind]*shape{
	Pain001: seq(one("CstmrCdtTrfInitn", initiationShape())),
	Pacs002: seq(one("FIToFIPmtStsRpt", reportShape())),
	Camt053: seq(one("BkToCstmrStmt", statementShape(Camt053))),
	Camt054: seq(one("BkToCstmrDbtCdtNtfctn", statementShape(Camt054))),
}

// encode checks a message that is to be written as if it had been read, and
// gives its file.
func encode(top *node, kind Kind) ([]byte, error) {
	root := el("Document", top)
	if root == nil {
		return nil, element("the message is empty")
	}
	if _, err := understand(root, kind); err != nil {
		return nil, err
	}
	data := root.write(kind)
	if len(data) > MaxBytes {
		return nil, fault.Newf(CodeTooLarge, "make several files of it", "the file has more than %d MiB", MaxBytes>>20)
	}
	return data, nil
}
