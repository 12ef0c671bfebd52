package sonata

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/lateral-network/lateral/store/resource"
)

// VerifyExample verifies the signature of a request whose example in the RFC
// covers other parts than notifications must.
func VerifyExample(r *http.Request, public []byte) error {
	inputs, err := httpsfv.UnmarshalDictionary(r.Header.Values("Signature-Input"))
	if err != nil {
		return err
	}
	signatures, err := httpsfv.UnmarshalDictionary(r.Header.Values("Signature"))
	if err != nil {
		return err
	}
	m, _ := inputs.Get("sig-b26")
	return verifyText(r, "sig-b26", m.(httpsfv.InnerList), signatures, ed25519.PublicKey(public))
}

// Accept gives a quote of a partner of kylie its last state, as an order does.
func (s *Server) Accept(buyer, seller, quote, order string) error {
	scope := resource.Scope{Kind: "kylie/order", Buyer: buyer, Seller: seller}
	return s.store.Update(context.Background(), func(tx *resource.Tx) error { return s.acceptQuote(tx, scope, quote, order) })
}

// SignExample signs a request as notifications are.
func SignExample(k *Key, r *http.Request, body []byte, at time.Time) error {
	return k.sign(r, body, at)
}

// IsPrivate says whether notifications may not go to an address.
var IsPrivate = isPrivate
