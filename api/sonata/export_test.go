package sonata

import (
	"crypto/ed25519"
	"net/http"
	"time"

	"github.com/dunglas/httpsfv"
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

// SignExample signs a request as notifications are.
func SignExample(k *Key, r *http.Request, body []byte, at time.Time) error {
	return k.sign(r, body, at)
}
