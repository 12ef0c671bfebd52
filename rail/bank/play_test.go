package bank

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
)

// One file is played to its end: what every bank in it would hand out can be read,
// and comes to what was ordered.
func TestTheBanksOfAFileArePlayed(t *testing.T) {
	elsewhere := pay("E-2", eur(255), rail.Account{Other: "76/54 321"})
	elsewhere.Bank = rail.Agent{BIC: "BRAVGB2L"}
	group := func(id string, day rail.Date, p rail.Payment) rail.Group {
		return rail.Group{ID: id, Execute: day, Debtor: rail.Party{Name: "Alpha Telecom"}, Account: rail.Account{IBAN: alphaIBAN}, Bank: rail.Agent{BIC: "ALPHDEFF"}, Payments: []rail.Payment{p}}
	}
	order := func(id string) []byte {
		data, err := (&rail.Initiation{ID: id, Created: time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC), Initiator: rail.Party{Name: "Alpha Telecom"},
			Groups: []rail.Group{group("1", "2026-12-02", pay("E-1", eur(36002), rail.Account{IBAN: bravoIBAN})), group("2", "2026-12-04", elsewhere)}}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	play := func(file []byte, reject string) (names []string, files map[string]*rail.File) {
		t.Helper()
		all, err := Play(file, reject)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Play(file, reject)
		if err != nil || !slices.EqualFunc(all, again, func(a, b Told) bool { return a.Name == b.Name && bytes.Equal(a.Data, b.Data) }) {
			t.Errorf("the same file gives other bytes: %v", err)
		}
		files = map[string]*rail.File{}
		for _, x := range all {
			names = append(names, x.Name)
			files[x.Name] = read(t, x.Data, nil)
		}
		return names, files
	}
	names, files := play(order("F-1"), "")
	if want := []string{"pacs.002-1.xml", "pacs.002-2.xml", "camt.054-" + alphaIBAN + ".xml", "camt.053-" + alphaIBAN + "-2026-12-02.xml", "camt.053-" + alphaIBAN + "-2026-12-04.xml",
		"camt.054-" + bravoIBAN + ".xml", "camt.053-" + bravoIBAN + "-2026-12-02.xml", "camt.053-" + bravoIBAN + "-2026-12-04.xml",
		"camt.054-76-54-321.xml", "camt.053-76-54-321-2026-12-02.xml", "camt.053-76-54-321-2026-12-04.xml"}; !slices.Equal(names, want) {
		t.Fatalf("the files are %q", names)
	}
	if r := files["pacs.002-2.xml"].Report; r.Original != "F-1" || len(r.Payments) != 1 || r.Payments[0].EndToEndID != "E-2" || r.Payments[0].Status != rail.Settled {
		t.Errorf("the second report is %+v", r)
	}
	if a := files["camt.054-"+alphaIBAN+".xml"].Statement.Accounts[0]; len(a.Entries) != 2 || a.Entries[0].Amount != eur(36002) || a.Entries[1].Booked != "2026-12-04" || a.Entries[1].Credit {
		t.Errorf("the payer reads %+v", a.Entries)
	}
	if a := files["camt.053-76-54-321-2026-12-04.xml"].Statement.Accounts[0]; len(a.Entries) != 1 || a.Balances[1].Amount != eur(255) || !a.Entries[0].Credit {
		t.Errorf("the second payee reads %+v", a)
	}
	_, other := play(order("F-2"), "")
	if a, b := files["pacs.002-1.xml"].Report, other["pacs.002-1.xml"].Report; a.ID == b.ID || a.Payments[0].Reference == b.Payments[0].Reference {
		t.Errorf("the bank of another file uses the id %s again", a.ID)
	}
	names, files = play(order("F-1"), "AC04")
	if r := files["pacs.002-1.xml"].Report; len(names) != 1 || r.Status != rail.Rejected || r.Payments[1].Reasons[0].Code != "AC04" {
		t.Errorf("rejected: %q, %+v", names, r)
	}
	notice := func() []byte {
		all, err := Play(order("F-1"), "")
		if err != nil {
			t.Fatal(err)
		}
		return all[2].Data
	}()
	if _, err := Play(notice, ""); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a notice is played: %v", err)
	}
}
