package native

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/credential"
	"github.com/lateral-network/lateral/trade/party"
)

// ListPath names an issuer's list of revocations in a path.
type ListPath struct {
	Issuer party.Code `path:"issuer" maxLength:"32" doc:"Member code of the issuer."`
	List   string     `path:"list" maxLength:"32"`
}

// credentials registers what is public of credentials, and their check. Issuer and
// holder sign with keys of their own, which no node has; what a credential says of its
// subject passes through the verifier's own node only, and is not kept there.
func (s *server) credentials() {
	get(s, "/v1/credentials/{issuer}", "list-credential-lists", tagNetwork, "Lists on which a member revokes credentials", func(_ context.Context, in *struct {
		PageQuery
		Issuer party.Code `path:"issuer" maxLength:"32" doc:"Member code of the issuer."`
	}) (*reply[api.Page[wire.CredentialList]], error) {
		return list(s.Member.Omni(), trade.StatusKey(in.Issuer, ""), in.PageQuery, func(_ string, x credential.Status) (wire.CredentialList, bool) {
			return s.shownList(x), true
		})
	})
	const at = "/v1/credentials/{issuer}/{list}"
	get(s, at, "get-credential-list", tagNetwork, "One such list, and which indexes are revoked", func(_ context.Context, in *ListPath) (*reply[wire.CredentialList], error) {
		x, err := record[credential.Status](s.Member.Omni(), trade.StatusKey(in.Issuer, in.List), "list "+clipped(in.List)+" of "+clipped(string(in.Issuer)))
		w := s.shownList(x)
		w.Bits = x.Bits
		return answer(w), err
	})
	op := withPath(operation(http.MethodGet, at+"/proof", "get-credential-proof", tagNetwork,
		"A proof of what is public of credentials on a list, for verifiers without a node; waits for the validators' certificate"), "issuer", "list")
	op.Parameters = append(op.Parameters, &huma.Param{Name: "key", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
		Description: "Key of the issuer's delegate who has signed the credential."})
	s.raw(op, "application/octet-stream", "The proof.", func(w http.ResponseWriter, r *http.Request) {
		var key sign.PublicKey
		var data []byte
		err := key.UnmarshalText([]byte(r.URL.Query().Get("key")))
		if err != nil {
			err = fault.Of(err).In("key")
		} else {
			ctx, cancel := context.WithTimeout(r.Context(), s.Wait)
			defer cancel()
			data, err = s.Member.ProvePublic(ctx, trade.PresentedKeys(party.Code(r.PathValue("issuer")), key, r.PathValue("list")))
		}
		if err == nil {
			w.Header().Set("Content-Disposition", `attachment; filename="credentials.proof"`)
		}
		s.give(w, r, "application/octet-stream", data, err)
	})
	post(s, "/v1/credentials/verify", "verify-credential", tagNetwork, "Whether a presentation to this carrier counts, by this node's own records: nobody else learns of it", func(_ context.Context, in *struct{ Body wire.VerifyCredential }) (*reply[wire.Credential], error) {
		p, err := credential.ReadPresentation(in.Body.Presentation)
		if err != nil {
			return nil, err
		}
		c := p.Signed.Credential
		shown := map[string][]byte{}
		var height uint64
		var at wire.Time
		err = s.now(func(v trade.View, now channel.View) error {
			for _, k := range trade.PresentedKeys(c.Issuer, c.Key, c.List) {
				raw, _ := v.Get(k)
				shown[k] = slices.Clone(raw)
			}
			height, at = uint64(now.Height), wire.Time(now.Time)
			return nil
		})
		if err != nil {
			return nil, err
		}
		now := time.Now().UnixMilli()
		if int64(at) < now-in.Body.Within {
			return nil, fault.Newf(credential.CodeExpired, "look with lateral status why the node does not follow the ledger, or take older ones (--within)",
				"this node has no block since height %d: it may have been revoked since", height)
		}
		err = trade.Presented(shown, height, p, credential.Ask{Chain: s.Chain, For: s.me(), Nonce: in.Body.Nonce, Now: now, Within: in.Body.Within})
		return answer(wire.ShownCredential(p, in.Body.Presentation, height, at)), err
	})
}

func (s *server) shownList(x credential.Status) wire.CredentialList {
	return wire.CredentialList{Issuer: x.Issuer, List: x.List, Chain: s.Chain, Size: x.Size(), Revoked: x.Count(), Version: x.Version, Changed: act(x.Act)}
}
