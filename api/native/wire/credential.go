package wire

import (
	"crypto/sha256"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/credential"
	"github.com/lateral-network/lateral/trade/party"
)

// CredentialList is a list on which an issuer revokes credentials.
type CredentialList struct {
	Issuer  party.Code `json:"issuer"`
	List    string     `json:"list"`
	Chain   string     `json:"chain" doc:"Of the network, for which its credentials are."`
	Size    uint32     `json:"size" doc:"How many indexes it has; which of them are credentials nobody sees."`
	Revoked uint32     `json:"revoked" doc:"How many are revoked."`
	Version uint32     `json:"version" doc:"How often it has changed."`
	Changed Act        `json:"changed"`
	Bits    []byte     `json:"bits,omitempty" doc:"Bit i%8, the lowest first, of byte i/8 is set: index i is revoked. In the answer about one list only."`
}

// VerifyCredential asks whether a presentation counts.
type VerifyCredential struct {
	Presentation []byte `json:"presentation" doc:"The file that the holder has sent."`
	Nonce        string `json:"nonce,omitempty" maxLength:"200" doc:"That this carrier has given the holder."`
	Within       int64  `json:"within_ms" minimum:"1000" maximum:"157766400000" default:"86400000" doc:"How old the presentation, and this node's last block, may be, ms."`
}

// Credential is what a presentation shows, once it is found good.
type Credential struct {
	Subject   party.Code        `json:"subject"`
	Issuer    party.Code        `json:"issuer"`
	Claims    []CredentialClaim `json:"claims" nullable:"false" doc:"That the holder has chosen to show."`
	Issued    Time              `json:"issued" doc:"By the issuer's word."`
	Expires   Time              `json:"expires"`
	Presented Time              `json:"presented" doc:"By the holder's word."`
	For       party.Code        `json:"for"`
	Nonce     string            `json:"nonce,omitempty"`
	Key       sign.PublicKey    `json:"key" doc:"Of the issuer's delegate."`
	Holder    sign.PublicKey    `json:"holder"`
	List      string            `json:"list"`
	Index     uint32            `json:"index"`
	Document  canon.Hash        `json:"document" doc:"SHA-256 of the presentation's file."`
	Height    uint64            `json:"height" doc:"As of which block it is not revoked, and its issuer may vouch."`
	Time      Time              `json:"time" doc:"Of that block."`
}

// CredentialClaim is one thing that the issuer has checked.
type CredentialClaim struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ShownCredential shows a presentation, from its file, that is good as of a block.
func ShownCredential(p credential.Presentation, file []byte, height uint64, at Time) Credential {
	c := p.Signed.Credential
	w := Credential{Subject: c.Subject, Issuer: c.Issuer, Claims: []CredentialClaim{}, Issued: Time(c.Issued), Expires: Time(c.Expires), Presented: Time(p.Time), For: p.For,
		Nonce: p.Nonce, Key: c.Key, Holder: c.Holder, List: c.List, Index: c.Index, Document: sha256.Sum256(file), Height: height, Time: at}
	for _, x := range p.Claims {
		w.Claims = append(w.Claims, CredentialClaim{x.Name, x.Value})
	}
	return w
}
