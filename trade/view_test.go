package trade

import (
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
)

// Old keys are destroyed once that is agreed, and what was promised stays so.
func TestTheDestructionOfOldKeysIsAgreedForGood(t *testing.T) {
	plain, destroys := agreement.Defaults(), agreement.Defaults()
	destroys.DestroyOldKeys = true
	version := func(x agreement.Terms) agreement.Version { return agreement.Version{Number: 1, Terms: x.Hash()} }
	pending := version(destroys)
	for _, c := range []struct {
		what string
		a    agreement.Agreement
		want bool
	}{
		{"nothing of it", agreement.Agreement{State: agreement.Active, Versions: []agreement.Version{version(plain)}}, false},
		{"proposed", agreement.Agreement{State: agreement.Active, Versions: []agreement.Version{version(plain)}, Pending: &pending}, false},
		{"accepted", agreement.Agreement{State: agreement.Active, Versions: []agreement.Version{version(destroys)}}, true},
		{"amended away", agreement.Agreement{State: agreement.Active, Versions: []agreement.Version{version(destroys), version(plain)}}, true},
		{"ended", agreement.Agreement{State: agreement.Terminated, Versions: []agreement.Version{version(destroys)}}, true},
	} {
		m := memory{AgreementKey("MSA-0"): canon.Must(agreement.Agreement{ID: "MSA-0"}), AgreementKey("MSA-1"): canon.Must(c.a)}
		for _, x := range []agreement.Terms{plain, destroys} {
			m[TermsKey(x.Hash())] = canon.Must(x)
		}
		if got := (View{m}).DestroysOldKeys(); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
