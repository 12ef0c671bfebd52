package api

import (
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// Tokens that are read are whole: each has a role, and a hash that a token can
// have. They are read again when they are written.
func FuzzTokens(f *testing.F) {
	_, token := NewToken("Ada", Clerk, time.Unix(1_800_000_000, 0).UTC())
	text, err := yaml.Marshal(tokenFile{[]Token{token}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("tokens:\n- {name: x, role: king, sha256: ''}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokens, err := parseTokens(data)
		if err != nil {
			return
		}
		for _, tok := range tokens {
			if err := tok.validate(); err != nil {
				t.Error(err)
			}
		}
		text, err := yaml.Marshal(tokenFile{tokens})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseTokens(text); err != nil || len(again) != len(tokens) {
			t.Errorf("%v in\n%s", err, text)
		}
	})
}
