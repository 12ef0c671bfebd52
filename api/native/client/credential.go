package client

import (
	"context"
	"iter"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// CredentialLists lists where a member revokes credentials.
func (c *Client) CredentialLists(ctx context.Context, issuer party.Code) iter.Seq2[wire.CredentialList, error] {
	return list[wire.CredentialList](ctx, c, joined("credentials", string(issuer)), nil)
}

// CredentialList gives one such list with what is revoked on it.
func (c *Client) CredentialList(ctx context.Context, issuer party.Code, name string) (wire.CredentialList, error) {
	return get[wire.CredentialList](ctx, c, joined("credentials", string(issuer), name))
}

// CredentialProof gives a proof of what is public of credentials that a key has signed.
func (c *Client) CredentialProof(ctx context.Context, issuer party.Code, name string, key sign.PublicKey) ([]byte, error) {
	return c.file(ctx, joined("credentials", string(issuer), name, "proof")+"?key="+key.String())
}

// VerifyCredential asks the node whether a presentation to its carrier counts. Codes:
// credential-forged, credential-expired, credential-revoked, credential-issuer,
// credential-for-another, invalid.
func (c *Client) VerifyCredential(ctx context.Context, v wire.VerifyCredential) (wire.Credential, error) {
	return post[wire.Credential](ctx, c, "/v1/credentials/verify", v)
}
