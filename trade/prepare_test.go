package trade

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// Every command that somebody signs can be prepared, read and signed elsewhere,
// and comes back as if it had been signed here.
func TestEveryCommandThatIsSignedCanBePrepared(t *testing.T) {
	for k, r := range rules() {
		if _, ok := forms[k]; ok != (r.need != nodeAlone) {
			t.Errorf("%s can be prepared: %v", k, ok)
		}
	}
	for k := range forms {
		n := 0
		v := reflect.New(reflect.TypeOf(bodies[k]))
		fill(v.Elem(), &n)
		body := canon.Must(v.Elem().Interface())
		shown, err := ShowBody(k, body)
		if err != nil || !reflect.DeepEqual(shown, v.Elem().Interface()) {
			t.Errorf("%s shows %+v, %v", k, shown, err)
		}
		p := Prepared{testChain, testChannel, k, body, 77, canon.Sum("n")}
		want := p.Sign(key("one"))
		// A device that knows nothing of Lateral signs the message.
		m := p.Message()
		s := sign.Signature(ed25519.Sign(key("one").Standard(), m[:]))
		got, err := p.Signed(key("one").Public(), s)
		if err != nil || !bytes.Equal(canon.Must(got), canon.Must(want)) {
			t.Errorf("%s: %v", k, err)
		}
		if _, err := p.Signed(key("two").Public(), s); fault.CodeOf(err) != CodeAuthorizationForged {
			t.Errorf("%s under another's key: %v", k, err)
		}
		p.Nonce[0]++
		if _, err := p.Signed(key("one").Public(), s); fault.CodeOf(err) != CodeAuthorizationForged {
			t.Errorf("%s with another number: %v", k, err)
		}
	}
}

func TestABodyIsReadFromJSON(t *testing.T) {
	member := key("m").Public()
	for name, c := range map[string]struct {
		kind Kind
		text string
		want any
		code fault.Code
	}{
		"an underscore": {KindKeyRotate, `{"member":"ALPHA","new_member":"` + member.String() + `"}`, KeyRotate{Member: "ALPHA", NewMember: &member}, ""},
		"a vote":        {KindMemberVouch, `{"member":"CHARLIE","by":"ALPHA"}`, MemberVote{"CHARLIE", "ALPHA"}, ""},
		"a stray field": {KindMemberVouch, `{"member":"CHARLIE","on":"ALPHA"}`, nil, fault.Invalid},
		"a wrong type":  {KindMemberVouch, `{"member":7}`, nil, fault.Invalid},
		"a bad key":     {KindDelegateRevoke, `{"key":"zz"}`, nil, fault.Invalid},
		"a node's own":  {KindTick, `{}`, nil, fault.Invalid},
	} {
		var fields map[string]any
		if err := json.Unmarshal([]byte(c.text), &fields); err != nil {
			t.Fatal(err)
		}
		got, err := EncodeBody(c.kind, fields)
		if fault.CodeOf(err) != c.code || err == nil && !bytes.Equal(got, canon.Must(c.want)) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}
