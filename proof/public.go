package proof

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

// Public proves records of the Omnilateral, or that there are none under their
// keys, all in one state:
//
//	records → state root → certified root
//
// Like a Document it is canonical CBOR and holds nothing that is not checked.
type Public struct {
	Form        string         `cbor:"1,keyasint"` // PublicForm
	Records     []PublicRecord `cbor:"2,keyasint"` // in byte order of their keys
	State       canon.Hash     `cbor:"3,keyasint"` // the Omnilateral's state root
	Log         canon.Hash     `cbor:"4,keyasint"` // and its block log's root: together the certified root
	Certificate []byte         `cbor:"5,keyasint"` // in the ledger's own bytes
}

// PublicForm tells these documents from others, with their version.
const PublicForm = "lateral/public-records/1"

// PublicRecord is one record under its key.
type PublicRecord struct {
	Key   string             `cbor:"1,keyasint"`
	Value []byte             `cbor:"2,keyasint,omitempty"` // its canonical bytes; none: there is no such record
	Proof merkle.SparseProof `cbor:"3,keyasint"`
}

// value is what the tree's proof is about.
func (r PublicRecord) value() []byte {
	if len(r.Value) == 0 {
		return nil
	}
	return r.Value
}

// Marshal gives the bytes of a proof file.
func (p Public) Marshal() []byte { return canon.Must(p) }

// ReadPublic reads a document of this form; false when the bytes are none.
func ReadPublic(doc []byte) (p Public, ok bool) {
	if len(doc) > MaxDocument {
		return p, false
	}
	err := canon.Decode(doc, &p)
	return p, err == nil && p.Form == PublicForm
}

// VerifiedPublic is what a document about the Omnilateral proves.
type VerifiedPublic struct {
	Records map[string][]byte // canonical bytes by key; nil: there is no such record
	Height  uint64            // after whose block they stood so
	Time    int64             // of that block, ms UTC
}

// Verify checks every step of the document. Code: refused; the field names the
// step.
func (p Public) Verify(trust Trust) (VerifiedPublic, error) {
	height, root, timeMs, err := trust.Certificate(p.Certificate)
	if err != nil {
		return VerifiedPublic{}, refuse("certificate", "the ledger's certificate is not one of the trusted network").Because(err)
	}
	if OmniRoot(p.State, p.Log) != root {
		return VerifiedPublic{}, refuse("certificate", "the certificate is of another root")
	}
	v := VerifiedPublic{Records: map[string][]byte{}, Height: height, Time: timeMs}
	for i, r := range p.Records {
		if i > 0 && p.Records[i-1].Key >= r.Key {
			return VerifiedPublic{}, refuse("records", "the records are not in order, each once")
		}
		if err := merkle.VerifySparseIn(nil, p.State, r.Key, r.value(), r.Proof); err != nil {
			return VerifiedPublic{}, refuse("records", "the record "+r.Key+" is not so on the Omnilateral").Because(err)
		}
		v.Records[r.Key] = r.value()
	}
	if len(p.Records) == 0 {
		return VerifiedPublic{}, refuse("records", "the proof has no record")
	}
	return v, nil
}

// ProvePublic proves records of a public state tree. A value of nil says that
// there is no such record. The certificate, and its root's parts, are the
// caller's. Code: conflict when the tree says otherwise.
func ProvePublic(tree *merkle.Sparse, records []PublicRecord) (Public, error) {
	p := Public{Form: PublicForm, Records: records, State: tree.Root()}
	for i := range p.Records {
		var err error
		if p.Records[i].Proof, err = tree.Prove(p.Records[i].Key, p.Records[i].value()); err != nil {
			return p, err
		}
	}
	return p, nil
}
