package node

import (
	"slices"
	"strings"
	"testing"
)

// What runs pay is told to the desks by this: without an account nothing is, and
// with one the node may go on to pay tokens by itself.
func TestWhichWaysOfPayingMeanABank(t *testing.T) {
	account := []BankAccount{{IBAN: "DE89370400440532013000"}}
	for _, c := range []struct {
		bank Bank
		want []string
	}{
		{Bank{FourEyes: true, Methods: []string{"cheque"}}, nil},
		{Bank{Accounts: account}, []string{"bank-transfer"}},
		{Bank{Accounts: account, Methods: []string{"cheque"}}, []string{"cheque"}},
	} {
		if got := c.bank.methods(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.bank, got, c.want)
		}
		if err := c.bank.validate(Config{Carrier: "ALPHA", Automatic: Automatic{Pay: true}}); err != nil {
			t.Errorf("%+v: %v", c.bank, err)
		}
	}
	err := Bank{Accounts: account, Methods: []string{"bank-transfer", "token"}}.validate(Config{Carrier: "ALPHA"})
	if err == nil || !strings.Contains(err.Error(), "bank.methods") {
		t.Errorf("a bank that moves tokens: %v", err)
	}
}
