package main

import (
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// What goes to the books balances in each currency, on either side, and is under
// the account that the chart names.
func TestTheJournalOnTheBooksSumsToZero(t *testing.T) {
	c, err := readChart(exampleChart)
	if err != nil {
		t.Fatal(err)
	}
	j := wire.Journal{Number: 7, Cause: "payment.receipt", Subject: "N1", Postings: append(
		settlement.Move("BRAVO", "ALPHA", "USD", settlement.Due, settlement.Carried, 3),
		settlement.Claim("BRAVO", "ALPHA", "EUR", settlement.Invoiced, 500),
		settlement.Posting{From: settlement.Account{Party: "ALPHA", Purpose: settlement.Cash, Currency: "USD"}, To: settlement.Account{Party: "BRAVO", Purpose: settlement.Cash, Currency: "USD"}, Amount: 90})}
	for own, partner := range map[string]string{"ALPHA": "BRAVO", "BRAVO": "ALPHA"} {
		rows, err := c.rows(party.Code(own), party.Code(partner), j)
		if err != nil {
			t.Fatal(err)
		}
		sums := map[string]money.Micro{}
		accounts := map[string]bool{}
		for _, r := range rows {
			m, err := money.ParseMicro(r[7])
			if err != nil {
				t.Fatal(err)
			}
			sums[r[6]] += m
			accounts[r[5]] = true
		}
		if len(sums) != 2 || sums["USD"] != 0 || sums["EUR"] != 0 {
			t.Errorf("%s: the lines come to %v", own, sums)
		}
		if !accounts["1402-"+partner] || !accounts["1200-USD"] || !accounts["8400"] {
			t.Errorf("%s: accounts %v", own, accounts)
		}
	}
	for _, wrong := range []string{"", "clearing: x\nacounts: []", "accounts: []", "clearing: x\naccounts: [{purpose: cash}]"} {
		if _, err := readChart([]byte(wrong)); err == nil {
			t.Errorf("%q is a chart of accounts", wrong)
		}
	}
	if _, err := (chart{Clearing: "x"}).rows("ALPHA", "BRAVO", j); err == nil || !strings.Contains(err.Error(), "add an entry") {
		t.Errorf("a posting without an account gives %v", err)
	}
}
