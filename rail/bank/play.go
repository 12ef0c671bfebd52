package bank

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
)

// Told is a file that a bank hands out.
type Told struct {
	Name string
	Data []byte
}

// playBIC is the bank that plays all banks of a file.
const playBIC = "SANDDEFF"

// Play has a bank that is made for one payment file execute it, each group on its
// day, and gives what the banks of payer and payees would hand out: status reports,
// and of each account a notice, and a statement of each day. reject is the reason
// for which it pays nothing; empty: it pays. The same file gives the same bytes,
// another one other ids. Codes: those of [rail.Read], invalid, refused.
func Play(file []byte, reject string) (all []Told, err error) {
	f, err := rail.ReadBytes(file)
	if err != nil {
		return nil, err
	}
	if f.Initiation == nil {
		return nil, fault.Newf(fault.Invalid, "give a file of "+string(rail.Pain001), "%s asks for no payment", f.Kind)
	}
	var now time.Time
	o := Options{BIC: playBIC, Name: "Sandbox Bank", Session: fmt.Sprintf("%X", sha256.Sum256(file))[:8], Now: func() time.Time { return now }}
	if reject != "" {
		o.Misbehave = func(rail.Payment) Act { return Act{Kind: Reject, Reason: reject} }
	}
	b, err := New(o)
	if err != nil {
		return nil, err
	}
	days := map[rail.Date]bool{}
	for i := range f.Initiation.Groups {
		g := &f.Initiation.Groups[i]
		g.Bank = rail.Agent{BIC: playBIC}
		days[g.Execute] = true
	}
	in := slices.Sorted(maps.Keys(days))
	at := func(day rail.Date, hour time.Duration) {
		now, _ = time.Parse(time.DateOnly, string(day)) // a date that was read
		now = now.Add(hour * time.Hour)
	}
	at(in[0], -12)
	if err := b.fund(f.Initiation); err != nil {
		return nil, err
	}
	file, err = f.Initiation.Encode()
	if err != nil {
		return nil, err
	}
	for n, day := range in {
		at(day, 12)
		reports := [][]byte{nil}
		if n == 0 {
			reports[0], err = b.Submit(file)
		} else {
			reports, err = b.Settle()
		}
		if err != nil {
			return nil, err
		}
		for _, data := range reports {
			all = append(all, Told{fmt.Sprintf("pacs.002-%d.xml", len(all)+1), data})
		}
	}
	for _, number := range b.numbers {
		name := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
				return r
			}
			return '-'
		}, number)
		notice, err := b.Notice(number)
		if err != nil {
			return nil, err
		}
		if notice == nil {
			continue // nothing moved there
		}
		all = append(all, Told{"camt.054-" + name + ".xml", notice})
		for _, day := range in {
			data, err := b.Statement(number, day)
			if err != nil {
				return nil, err
			}
			all = append(all, Told{"camt.053-" + name + "-" + string(day) + ".xml", data})
		}
	}
	return all, b.Audit()
}

// fund opens the accounts that a file names, all here, and brings what its payers
// need; no notice tells of that.
func (b *Bank) fund(in *rail.Initiation) error {
	open := func(a rail.Account, of rail.Money, owner rail.Party) error {
		if b.accounts[a.String()] != nil {
			return nil
		}
		a.Currency = of.Currency
		return b.Open(a, owner)
	}
	for _, g := range in.Groups {
		for i := range g.Payments {
			p := &g.Payments[i]
			p.Bank = rail.Agent{BIC: b.options.BIC}
			if err := open(g.Account, p.Amount, g.Debtor); err != nil {
				return err
			}
			if b.accounts[g.Account.String()].is.Currency != p.Amount.Currency {
				continue // it is going to be rejected
			}
			if err := b.Deposit(g.Account.String(), p.Amount); err != nil {
				return err
			}
		}
	}
	for _, g := range in.Groups {
		for _, p := range g.Payments {
			if err := open(p.Account, p.Amount, p.Creditor); err != nil {
				return err
			}
		}
		if _, err := b.Notice(g.Account.String()); err != nil {
			return err
		}
	}
	return nil
}
