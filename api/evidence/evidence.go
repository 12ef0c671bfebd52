// Package evidence says what a proof file shows, without any network: who is asked
// about a proof — the command line, a node — answers the same. What stands behind a
// certificate the caller's trust says.
package evidence

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/token"
)

// Proven is what a good proof shows.
type Proven struct {
	Hash     canon.Hash       `json:"hash"`              // of the proven bytes
	Record   string           `json:"record"`            // key
	What     string           `json:"what"`              // the kind of record, in words
	Content  any              `json:"content,omitempty"` // of the record, where this version can show it
	Evidence canon.Hash       `json:"evidence,omitzero"` // of a divergence: what its closing names
	Channel  canon.Hash       `json:"channel"`
	Keys     []sign.PublicKey `json:"keys,omitempty"`  // of the two members, under its heads
	Position uint64           `json:"position"`        // block after which the record stood so
	Head     *Head            `json:"head,omitempty"`  // that covers it
	Kind     string           `json:"kind"`            // attested, uncontested or certified
	Height   uint64           `json:"height"`          // certified
	Time     wire.Time        `json:"time"`            // of that block
	Chain    string           `json:"chain"`           // of the trusted network
	Key      *sign.PublicKey  `json:"key,omitempty"`   // that has signed two heads of one size
	Cover    *Cover           `json:"cover,omitempty"` // of a token
	Value    []byte           `json:"-"`               // the proven bytes
}

// Head is the end of a channel's log, as its members have signed it.
type Head struct {
	Size     uint64     `json:"size"`
	Root     canon.Hash `json:"root"`
	Position uint64     `json:"position"`
	Term     uint32     `json:"term"`
}

// Cover is what stands behind a token.
type Cover struct {
	Issuer party.Code `json:"issuer"`
	trade.Backing
}

// Trust is the network that the verifier believes in.
type Trust struct {
	proof.Trust
	Chain string
}

// Check checks a proof file. trust is asked for when the file needs it: two signatures
// under one key prove themselves. Codes: invalid when it is no proof, refused when a step
// does not hold; the field names the step.
func Check(data []byte, trust func() (Trust, error)) (Proven, error) {
	if twice, ok := signedTwice(data); ok {
		return Proven{Hash: canon.HashOf("lateral/equivocation/1", twice), What: "two heads of one size under one key", Content: twice,
			Channel: twice.One.Head.Channel, Position: twice.One.Head.Position, Key: &twice.Key}, twice.Check()
	}
	t, err := trust()
	if err != nil {
		return Proven{}, err
	}
	if public, ok := proof.ReadPublic(data); ok {
		return checkPublic(data, public, t)
	}
	v, err := proof.Verify(data, t.Trust)
	if err != nil {
		return Proven{}, err
	}
	what, content, err := trade.ShowRecord(v.Key, v.Value)
	if err != nil {
		what, content = "a record that this version cannot show", nil // the bytes are proven all the same
	}
	p := Proven{Hash: v.Hash, Record: v.Key, What: what, Content: content, Evidence: Of(content), Channel: v.Channel.ID,
		Position: v.Position, Kind: fmt.Sprint(v.Kind), Height: v.Height, Time: wire.Time(v.Time), Chain: t.Chain, Value: v.Value,
		Head: &Head{Size: v.Head.Size, Root: v.Head.Root, Position: v.Head.Position, Term: v.Head.Term}}
	p.Keys = v.Channel.Keys[:]
	return p, nil
}

// checkPublic checks a proof about the Omnilateral; of a token's cover also that the
// reserve covers the supply by it.
func checkPublic(data []byte, public proof.Public, t Trust) (Proven, error) {
	v, err := public.Verify(t.Trust)
	if err != nil {
		return Proven{}, err
	}
	p := Proven{Hash: sha256.Sum256(data), Kind: "certified", Position: v.Height, Height: v.Height, Time: wire.Time(v.Time), Chain: t.Chain}
	for _, r := range public.Records {
		if c, ok := strings.CutPrefix(r.Key, trade.TokenPrefix); ok {
			b, k, err := trade.Cover(v.Records, token.Code(c), v.Time)
			if err != nil {
				return Proven{}, err
			}
			p.Record, p.What, p.Cover = r.Key, "a token whose reserve covers its supply", &Cover{Issuer: k.Issuer, Backing: b}
			return p, nil
		}
	}
	// Of a credential: the list that may revoke it, and its issuer's keys.
	p.What = "records of the Omnilateral"
	shown := map[string]any{}
	for _, r := range public.Records {
		switch what, content, err := trade.ShowRecord(r.Key, r.Value); {
		case len(r.Value) == 0:
			shown[r.Key] = "there is no such record"
		case err != nil:
			shown[r.Key] = "a record that this version cannot show"
		default:
			shown[r.Key] = map[string]any{"what": what, "content": content}
		}
	}
	p.Record, p.Content = public.Records[0].Key, shown
	return p, nil
}

// signedTwice reads what the API shows of a key that has signed twice.
func signedTwice(data []byte) (e trade.Equivocation, ok bool) {
	err := json.Unmarshal(data, &e)
	return e, err == nil && e.Key != (sign.PublicKey{})
}

// Of gives the hash by which both sides name a divergence when they
// close it; zero of any other record.
func Of(content any) canon.Hash {
	if d, ok := content.(trade.Divergence); ok {
		return d.Hash()
	}
	return canon.Hash{}
}
