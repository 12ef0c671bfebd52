package sonata

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/lateral-network/lateral/fault"
)

// Notifications are signed as HTTP messages (RFC 9421) with Ed25519, over the
// method, the address, the content type and the digest of the body (RFC 9530).

// Key signs notifications.
type Key struct {
	ID      string // by which the buyer knows it
	Private ed25519.PrivateKey
}

// signatureTag tells these signatures from others by the same key.
const signatureTag = "lso-sonata-event"

// covered are the parts of a message that are signed.
var covered = []string{"@method", "@authority", "@path", "@query", "content-type", "content-digest"}

// digest is the value of Content-Digest.
func digest(body []byte) string {
	h := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(h[:]) + ":"
}

// sign puts digest and signature into a request's header.
func (k *Key) sign(r *http.Request, body []byte, now time.Time) error {
	r.Header.Set("Content-Digest", digest(body))
	var names []string
	for _, c := range covered {
		names = append(names, `"`+c+`"`)
	}
	params := fmt.Sprintf(`(%s);created=%d;keyid=%q;alg="ed25519";tag=%q`, strings.Join(names, " "), now.Unix(), k.ID, signatureTag)
	base, err := signatureBase(r, covered, params)
	if err != nil {
		return err
	}
	r.Header.Set("Signature-Input", "sig="+params)
	r.Header.Set("Signature", "sig=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(k.Private, base))+":")
	return nil
}

// signatureBase is the text that is signed (RFC 9421 section 2.5).
func signatureBase(r *http.Request, components []string, params string) ([]byte, error) {
	var b strings.Builder
	for _, name := range components {
		value, err := component(r, name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q: %s\n", name, value)
	}
	b.WriteString(`"@signature-params": ` + params)
	return []byte(b.String()), nil
}

func component(r *http.Request, name string) (string, error) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	switch name {
	case "@method":
		return r.Method, nil
	case "@authority":
		return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), ":443"), ":80"), nil
	case "@path":
		// What was asked for is signed, also where a handler before this one has cut
		// the path (http.StripPrefix).
		p := r.URL.EscapedPath()
		if u, err := url.ParseRequestURI(r.RequestURI); err == nil && strings.HasSuffix(u.EscapedPath(), p) {
			p = u.EscapedPath()
		}
		if p != "" {
			return p, nil
		}
		return "/", nil
	case "@query":
		return "?" + r.URL.RawQuery, nil
	}
	if strings.HasPrefix(name, "@") {
		return "", fault.Newf(fault.Invalid, "sign other parts of the message", "the signature covers %.40q, which is not known here", name)
	}
	values := r.Header.Values(name)
	if len(values) == 0 {
		return "", fault.Newf(fault.Invalid, "send it, or do not sign it", "the signature covers the header %.40q, which is not there", name)
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.TrimSpace(v)
	}
	return strings.Join(trimmed, ", "), nil
}

// VerifySignature says whose key signed a request, and why none of those that
// keys knows did. The signature must cover method, path and body, and have been
// made within skew of now: clocks differ. Code: unauthorized.
func VerifySignature(r *http.Request, body []byte, keys func(id string) (ed25519.PublicKey, bool), now time.Time, skew time.Duration) (id string, err error) {
	refuse := func(detail string) error {
		return fault.New(fault.Unauthorized, detail, "sign the message as RFC 9421 says, with the key that this side knows")
	}
	inputs, err := httpsfv.UnmarshalDictionary(r.Header.Values("Signature-Input"))
	if err != nil || len(inputs.Names()) == 0 {
		return "", refuse("the message is not signed")
	}
	signatures, err := httpsfv.UnmarshalDictionary(r.Header.Values("Signature"))
	if err != nil {
		return "", refuse("the header Signature cannot be read")
	}
	why := refuse("no signature of the message is by a known key")
	for _, label := range inputs.Names() {
		member, _ := inputs.Get(label)
		input, ok := member.(httpsfv.InnerList)
		if !ok {
			continue
		}
		key, ok := stringParam(input, "keyid")
		if !ok {
			continue
		}
		public, ok := keys(key)
		if !ok || len(public) != ed25519.PublicKeySize {
			continue
		}
		if err := verifyOne(r, body, label, input, signatures, public, now, skew); err != nil {
			why = err
			continue
		}
		return key, nil
	}
	return "", why
}

func stringParam(l httpsfv.InnerList, name string) (string, bool) {
	if l.Params == nil {
		return "", false
	}
	v, ok := l.Params.Get(name)
	if !ok {
		return "", false
	}
	s, ok := v.(string)
	return s, ok
}

func verifyOne(r *http.Request, body []byte, label string, input httpsfv.InnerList, signatures *httpsfv.Dictionary, public ed25519.PublicKey, now time.Time, skew time.Duration) error {
	refuse := func(detail, remedy string) error { return fault.New(fault.Unauthorized, detail, remedy) }
	var names []any
	for _, item := range input.Items {
		names = append(names, item.Value)
	}
	for _, must := range []string{"@method", "@path", "content-digest"} {
		if !slices.Contains(names, any(must)) {
			return refuse("the signature does not cover "+must, "sign method, path and digest of the body")
		}
	}
	if alg, ok := stringParam(input, "alg"); ok && alg != "ed25519" {
		return refuse("the signature is of another algorithm than ed25519", "sign with ed25519")
	}
	created, ok := input.Params.Get("created")
	at, whole := created.(int64)
	if !ok || !whole {
		return refuse("the signature does not say when it was made", "send the parameter created")
	}
	if d := now.Sub(time.Unix(at, 0)); d > skew || d < -skew {
		return refuse("the signature was not made about now: the clocks differ too much", "set the clocks of both sides by NTP")
	}
	if expires, ok := input.Params.Get("expires"); ok {
		if until, whole := expires.(int64); !whole || now.After(time.Unix(until, 0).Add(skew)) {
			return refuse("the signature has expired", "sign again")
		}
	}
	got := r.Header.Get("Content-Digest")
	d, err := httpsfv.UnmarshalDictionary([]string{got})
	if err != nil {
		return refuse("the header Content-Digest cannot be read", "send sha-256")
	}
	m, _ := d.Get("sha-256")
	item, ok := m.(httpsfv.Item)
	sum, isBytes := item.Value.([]byte)
	want := sha256.Sum256(body)
	if !ok || !isBytes || subtle.ConstantTimeCompare(sum, want[:]) != 1 {
		return refuse("the body is not the one that was signed", "send the bytes that you signed")
	}
	return verifyText(r, label, input, signatures, public)
}

// verifyText verifies the signature of a label over the parts that it covers.
func verifyText(r *http.Request, label string, input httpsfv.InnerList, signatures *httpsfv.Dictionary, public ed25519.PublicKey) error {
	refuse := func(detail, remedy string) error { return fault.New(fault.Unauthorized, detail, remedy) }
	var names []string
	for _, item := range input.Items {
		name, ok := item.Value.(string)
		if !ok || item.Params != nil && len(item.Params.Names()) > 0 {
			return refuse("the signature covers a part in a way that is not known here", "sign plain parts")
		}
		names = append(names, name)
	}
	member, _ := signatures.Get(label)
	signature, ok := member.(httpsfv.Item)
	raw, isBytes := signature.Value.([]byte)
	if !ok || !isBytes {
		return refuse("the signature that Signature-Input names is not there", "send the header Signature")
	}
	params, err := httpsfv.Marshal(input)
	if err != nil {
		return refuse("the signature's parameters cannot be read", "write them as RFC 9421 says")
	}
	base, err := signatureBase(r, names, params)
	if err != nil {
		return err
	}
	if !ed25519.Verify(public, base, raw) {
		return refuse("the signature does not fit the message", "sign the message as it is sent")
	}
	return nil
}
