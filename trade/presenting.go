package trade

import (
	"iter"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/credential"
	"github.com/lateral-network/lateral/trade/party"
)

// What members have checked of each other is shown by credentials, off the ledger
// (IDN-13). On the Omnilateral is only which indexes of its lists an issuer has
// revoked: every node has that, so that nobody is asked, and nobody learns, when one
// is checked.

// How many lists a member publishes at most, and how many indexes a command revokes.
const (
	maxStatusLists = 64
	maxRevoked     = 1024
)

func credentialStatus(t *tx, c CredentialStatus) error {
	if !credential.ListName(c.List) {
		return invalid("list", "it is no name of a list", "use 1 to 32 letters, digits, '.', '_' or '-'")
	}
	key := StatusKey(t.own, c.List)
	s, there := get[credential.Status](t, key)
	switch {
	case !there && !credential.GoodSize(c.Size):
		return invalid("size", "a new list has a power of two of indexes, 1024 to 65536", "name its size: 8192, say")
	case there && c.Size != 0 && c.Size != s.Size():
		return conflict("size", "leave the size out, or publish another list", "the list %s has %d indexes", c.List, s.Size())
	case len(c.Revoke) > maxRevoked:
		return invalid("revoke", "more than 1024 indexes", "revoke the rest by another command")
	}
	act, err := t.authorize(nil)
	if err != nil {
		return err
	}
	changed := !there
	if !there {
		n := 0
		for range t.Scan(StatusKey(t.own, "")) {
			n++
		}
		if n >= maxStatusLists {
			return fault.New(fault.Refused, "the member has 64 lists", "use one of them")
		}
		s = credential.Status{Issuer: t.own, List: c.List, Bits: make([]byte, c.Size/8)}
	}
	for i, index := range c.Revoke {
		if index >= s.Size() || i > 0 && c.Revoke[i-1] >= index {
			return invalid("revoke", "an index is beyond the list, or they are not in order, each once", "sort them, below the list's size")
		}
		if !s.Revoked(index) {
			s, changed = s.Revoke(index), true
		}
	}
	if !changed {
		return nil // somebody asks twice for the same
	}
	s.Version++
	s.Act = act
	t.put(key, s)
	t.emit(EventStatus, key, "")
	return nil
}

// Status gives a list of an issuer's revocations.
func (v View) Status(issuer party.Code, list string) (credential.Status, bool) {
	return get[credential.Status](v, StatusKey(issuer, list))
}

// Statuses yields an issuer's lists of revocations, by name.
func (v View) Statuses(issuer party.Code) iter.Seq[credential.Status] {
	return all[credential.Status](v, StatusKey(issuer, ""))
}

// PresentedKeys names the public records from which it is seen whether a credential
// counts, in byte order.
func PresentedKeys(issuer party.Code, key sign.PublicKey, list string) []string {
	keys := []string{DelegateKey(key), MemberKey(issuer), StatusKey(issuer, list)}
	slices.Sort(keys)
	return keys
}

// Presented judges a presentation by shown public records, as they stood after the
// block of a height. shown has the canonical bytes of each record that PresentedKeys
// names, nil for one that there is not. Codes: those of credential.Presentation.Check;
// credential-issuer, credential-revoked; refused when a record is not shown.
func Presented(shown map[string][]byte, height uint64, p credential.Presentation, ask credential.Ask) error {
	if err := p.Check(ask); err != nil {
		return err
	}
	c := p.Signed.Credential
	none := func(format string, args ...any) error {
		return fault.Newf(credential.CodeIssuer, "ask the holder for a credential that counts now", format, args...).In("issuer")
	}
	m, _, err := seen[party.Member](shown, MemberKey(c.Issuer))
	if err != nil {
		return err
	}
	if m.Code != c.Issuer || m.State != party.Active {
		return none("%s is no active member of the network", c.Issuer)
	}
	d, _, err := seen[party.Delegate](shown, DelegateKey(c.Key))
	if err != nil {
		return err
	}
	if d.Key != c.Key || d.Member != c.Issuer || !d.Counts(height) || !d.May(party.Compliance) {
		return none("the key %s may not speak for %s in matters of compliance at height %d", c.Key.Short(), c.Issuer, height)
	}
	s, there, err := seen[credential.Status](shown, StatusKey(c.Issuer, c.List))
	if err != nil {
		return err
	}
	if !there || s.Issuer != c.Issuer || s.List != c.List {
		return none("%s has not published the list %s, on which the credential stands", c.Issuer, c.List)
	}
	if s.Revoked(c.Index) {
		return fault.Newf(credential.CodeRevoked, "do not rely on it", "%s has revoked the credential", c.Issuer).In("index")
	}
	return nil
}
