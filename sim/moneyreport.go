package sim

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/token"
)

// MoneyReport is what became of a month of trade. Its JSON form is the output of
// "lateral sandbox money --json"; amounts are decimal strings with six places.
// All is of one currency, and of one token on it.
type MoneyReport struct {
	Currency   money.Currency `json:"currency"`
	Token      token.Code     `json:"token"`
	Seed       uint64         `json:"seed"`
	Carriers   int            `json:"carriers"`
	Bilaterals int            `json:"bilaterals"`
	Cycles     int            `json:"cycles"`
	Invoices   int            `json:"invoices"` // of all pairs

	// What was open at the end of the month between pairs that pay by bank, and what
	// would be left to pay of it in each of the three ways.
	Obligations     int         `json:"obligations"`
	Gross           money.Micro `json:"gross"`
	NetBilateral    money.Micro `json:"net_bilateral"`
	NetMultilateral money.Micro `json:"net_multilateral"`
	NetCompressed   money.Micro `json:"net_compressed"`

	Rounds []MoneyRound `json:"rounds"` // of netting, in which carriers took them off each other

	// Netted is what pairs that pay by token have set off against each other, as their
	// agreements say.
	Netted money.Micro `json:"netted"`

	Payments int `json:"payments"` // by all rails
	Rails    struct {
		Token MoneyRail `json:"token"` // out of deposits, by the nodes alone
		Bank  MoneyRail `json:"bank"`  // by pain.001, each for all that one owes another
	} `json:"rails"`
	Late int `json:"late"` // debts that were paid, or are not, after they were due and the time for the advice was over

	Minted        money.Micro `json:"minted"`
	Redeemed      money.Micro `json:"redeemed"`
	Supply        money.Micro `json:"supply"`
	Reserve       money.Micro `json:"reserve"`         // as recorded
	ReserveAtBank money.Micro `json:"reserve_at_bank"` // as the bank has it
	Deposited     money.Micro `json:"deposited"`       // in all deposits, at first

	Default MoneyDefault `json:"default"`
	Exit    MoneyExit    `json:"exit"`

	Pairs    []MoneyPair    `json:"pairs"`
	Standing []MoneyCarrier `json:"standing"` // of each carrier, at the end

	Journals   int         `json:"journals"` // entries, of all channels
	Postings   int         `json:"postings"`
	JournalSum money.Micro `json:"journal_sum"` // of all accounts, channel by channel and currency by currency, without sign: zero
	Seconds    float64     `json:"seconds"`

	out string // folder that was kept, empty without
}

// MoneyRound is a round of netting among carriers that know their partners only.
type MoneyRound struct {
	Method   netting.Method `json:"method"`
	Debts    int            `json:"debts"` // that were offered, each from one to another
	Offered  money.Micro    `json:"offered"`
	Left     money.Micro    `json:"left"` // of it
	Payments int            `json:"payments"`
	Paid     money.Micro    `json:"paid"` // of positions, by token
}

// MoneyRail is what went one way.
type MoneyRail struct {
	Payments int         `json:"payments"`
	Amount   money.Micro `json:"amount"`
}

// MoneyDefault is the carrier that has stopped paying.
type MoneyDefault struct {
	Carrier party.Code  `json:"carrier"`
	Debts   int         `json:"debts"`     // that are open
	Overdue int         `json:"overdue"`   // of them
	Amount  money.Micro `json:"defaulted"` // left of them: what its partners have lost
	Deposit money.Micro `json:"deposit"`   // that came out of its deposit before it was empty
	Blocked int         `json:"blocked"`   // partners that sell it no more
	Refused fault.Code  `json:"refused"`   // what its next order is refused with
}

// MoneyExit is the carrier that has left its deposits with a partner alone.
type MoneyExit struct {
	Carrier     party.Code  `json:"carrier"`
	Partner     party.Code  `json:"partner"`
	Share       money.Micro `json:"share"`    // its own, by the last totals that both have signed
	Partners    money.Micro `json:"partners"` // the other's
	Got         money.Micro `json:"got"`      // on its account, once nobody could contest it any more
	ChallengeMS int64       `json:"challenge_ms"`
}

// MoneyPair is what two carriers had with each other, as both report it: what the
// first owes the second, then the other way.
type MoneyPair struct {
	Carriers [2]party.Code  `json:"carriers"`
	ByToken  bool           `json:"by_token"` // netted, and paid out of deposits; else by bank
	Billed   [2]money.Micro `json:"billed"`
	Paid     [2]money.Micro `json:"paid"`
	Netted   [2]money.Micro `json:"netted"`  // by rounds
	Carried  [2]money.Micro `json:"carried"` // less than a coin, to the next debt
	Left     [2]money.Micro `json:"left"`
}

// MoneyCarrier is where a carrier stands at the end.
type MoneyCarrier struct {
	Carrier      party.Code  `json:"carrier"`
	Sold         money.Micro `json:"sold"`
	Bought       money.Micro `json:"bought"`
	PaidByToken  money.Micro `json:"paid_by_token"`
	GotByToken   money.Micro `json:"got_by_token"`
	Netted       money.Micro `json:"netted"` // by rounds, off its debts
	Claims       money.Micro `json:"claims"` // by rounds, off its claims: it got the difference by token, or paid it
	PaidByBank   money.Micro `json:"paid_by_bank"`
	GotByBank    money.Micro `json:"got_by_bank"`
	Carried      money.Micro `json:"carried"`
	Open         money.Micro `json:"open"` // that it still owes
	TokensBought money.Micro `json:"tokens_bought"`
	Redeemed     money.Micro `json:"redeemed"`
	Tokens       money.Micro `json:"tokens"` // on its accounts
	Locked       money.Micro `json:"locked"` // its share of deposits
	Bank         money.Micro `json:"bank"`   // at its bank
}

// conserved refuses a report in which a unit is missing or came from nowhere.
func (r *MoneyReport) conserved() error {
	lost := func(format string, args ...any) error {
		return fault.Newf(fault.Internal, "report this", "money is not conserved: "+format, args...)
	}
	sums := map[party.Code]*MoneyCarrier{}
	at := func(c party.Code) *MoneyCarrier {
		if sums[c] == nil {
			sums[c] = &MoneyCarrier{}
		}
		return sums[c]
	}
	var byBank, left, netted money.Micro
	for _, p := range r.Pairs {
		var owes [2]money.Micro // paid or left
		for i, code := range p.Carriers {
			other := p.Carriers[1-i]
			owes[i] = p.Paid[i] + p.Netted[i] + p.Left[i] + p.Carried[i]
			own := at(code)
			own.Bought += p.Billed[i]
			own.Open += p.Left[i]
			own.Carried += p.Carried[i]
			own.Netted += p.Netted[i]
			at(other).Claims += p.Netted[i]
			at(other).Sold += p.Billed[i]
			left += p.Left[i]
			switch {
			case p.ByToken:
				netted += p.Billed[i] - owes[i]
				own.PaidByToken += p.Paid[i]
				at(other).GotByToken += p.Paid[i]
			default:
				byBank += p.Billed[i]
				own.PaidByBank += p.Paid[i]
				at(other).GotByBank += p.Paid[i]
				if owes[i] != p.Billed[i] {
					return lost("%s is billed %s by %s, and has %s paid, %s netted, %s left and %s carried", code, p.Billed[i], other, p.Paid[i], p.Netted[i], p.Left[i], p.Carried[i])
				}
			}
			if p.Left[i] != 0 && code != r.Default.Carrier {
				return lost("%s owes %s still %s", code, other, p.Left[i])
			}
		}
		if net := p.Billed[0] - p.Billed[1]; p.ByToken && owes[0]-owes[1] != net {
			return lost("%s owes %s %s net, and %s is paid or left", p.Carriers[0], p.Carriers[1], net, owes[0]-owes[1])
		}
	}
	switch {
	case r.JournalSum != 0:
		return lost("all journals come to %s", r.JournalSum)
	case r.Supply > r.Reserve || r.Reserve != r.ReserveAtBank:
		return lost("%s %s are out, the reserve is %s and the bank has %s", r.Supply, r.Token, r.Reserve, r.ReserveAtBank)
	case r.Minted-r.Redeemed != r.Supply:
		return lost("%s were minted and %s redeemed, and %s are out", r.Minted, r.Redeemed, r.Supply)
	case r.Netted != netted || netted < 0:
		return lost("%s of bills is neither paid nor left, and %s is set off", netted, r.Netted)
	case r.Default.Amount != left:
		return lost("%s is open, and %s of it is told as lost", left, r.Default.Amount)
	case r.Exit.Got != r.Exit.Share:
		return lost("%s left with %s and got %s", r.Exit.Carrier, r.Exit.Share, r.Exit.Got)
	case r.Gross != byBank:
		return lost("bills of %s are paid by bank, and debts of %s were open", byBank, r.Gross)
	case r.NetBilateral > r.Gross || r.NetCompressed > r.NetBilateral || r.NetMultilateral > r.NetCompressed:
		return lost("netting leaves %s of %s by pairs, %s in circles and %s by position", r.NetBilateral, r.Gross, r.NetCompressed, r.NetMultilateral)
	}
	var off, rounds money.Micro // by rounds
	for _, x := range r.Rounds {
		off += x.Offered - x.Left
	}
	var held, token, bank money.Micro
	for _, c := range r.Standing {
		s := at(c.Carrier)
		if c.Sold != s.Sold || c.Bought != s.Bought || c.PaidByToken != s.PaidByToken || c.GotByToken != s.GotByToken || c.PaidByBank != s.PaidByBank ||
			c.GotByBank != s.GotByBank || c.Carried != s.Carried || c.Open != s.Open || c.Netted != s.Netted || c.Claims != s.Claims {
			return lost("what %s has with its partners is not what it has in all", c.Carrier)
		}
		if have := c.TokensBought + c.GotByToken - c.PaidByToken + c.Claims - c.Netted - c.Redeemed; c.Tokens+c.Locked != have {
			return lost("%s has %s %s and %s in deposits, and should have %s", c.Carrier, c.Tokens, r.Token, c.Locked, have)
		}
		if have := bankBegin*10_000 + c.GotByBank - c.PaidByBank - c.TokensBought + c.Redeemed; c.Bank != have {
			return lost("%s has %s at its bank, and should have %s", c.Carrier, c.Bank, have)
		}
		held, token, bank, rounds = held+c.Tokens+c.Locked, token+c.PaidByToken, bank+c.PaidByBank, rounds+c.Netted
	}
	switch {
	case len(r.Standing) != len(sums):
		return lost("%d carriers trade, and %d are told of", len(sums), len(r.Standing))
	case off != rounds:
		return lost("rounds have taken off %s, and %s is off debts", off, rounds)
	case held != r.Supply:
		return lost("the carriers have %s %s together, and %s are out", held, r.Token, r.Supply)
	case token != r.Rails.Token.Amount || bank != r.Rails.Bank.Amount:
		return lost("%s is paid by token and %s by bank, and the carriers say %s and %s", r.Rails.Token.Amount, r.Rails.Bank.Amount, token, bank)
	}
	return nil
}

// Text renders the report for people.
func (r *MoneyReport) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(&b, "%d carriers, %d Bilaterals, %d cycles: %d bills, all agreed by both sides\n\n", r.Carriers, r.Bilaterals, r.Cycles, r.Invoices)
	fmt.Fprintf(&b, "%d debts that banks pay were open at the end of the month\n", r.Obligations)
	for _, x := range []struct {
		name string
		left money.Micro
	}{{"gross", r.Gross}, {"net by pairs", r.NetBilateral}, {"net by position", r.NetMultilateral}, {"net in circles", r.NetCompressed}} {
		fmt.Fprintf(w, "%s\t%s %s\t%s\t\n", x.name, r.Currency, x.left, share(x.left, r.Gross))
	}
	flush(w)
	for _, x := range r.Rounds {
		fmt.Fprintf(&b, "a round by %s left %s of %s %s, and %d payments of %s by token\n", x.Method, x.Left, r.Currency, x.Offered, x.Payments, x.Paid)
	}
	fmt.Fprintf(&b, "pairs that pay by token have set off %s %s as they went\n", r.Currency, r.Netted)
	fmt.Fprintln(&b, "\nwhat was paid")
	fmt.Fprintln(w, "rail\tpayments\tamount\t")
	fmt.Fprintf(w, "token, out of deposits\t%d\t%s %s\t\n", r.Rails.Token.Payments, r.Token, r.Rails.Token.Amount)
	fmt.Fprintf(w, "bank, by file\t%d\t%s %s\t\n", r.Rails.Bank.Payments, r.Currency, r.Rails.Bank.Amount)
	flush(w)
	fmt.Fprintln(&b, "\nwhere each carrier stands")
	fmt.Fprintln(w, "carrier\tsold\tbought\tpaid by token\tgot by token\tpaid by bank\tgot by bank\tstill owes\ttokens\tin deposits\tat its bank\t")
	for _, c := range r.Standing {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", c.Carrier, c.Sold, c.Bought, c.PaidByToken, c.GotByToken, c.PaidByBank, c.GotByBank,
			c.Open, c.Tokens, c.Locked, c.Bank)
	}
	flush(w)
	x := &r.Default
	fmt.Fprintf(&b, "\n%s has stopped paying: its deposit paid %s, %d debts of %s are lost, %d of them overdue; %d partners sell it no more (%s)\n",
		x.Carrier, x.Deposit, x.Debts, x.Amount, x.Overdue, x.Blocked, x.Refused)
	fmt.Fprintf(&b, "%s left its deposits with %s alone: %s was its own, and came %.0f s later; %s was the other's\n",
		r.Exit.Carrier, r.Exit.Partner, r.Exit.Share, float64(r.Exit.ChallengeMS)/1000, r.Exit.Partners)
	fmt.Fprintf(&b, "%s %s minted, %s redeemed by bank and burned; %s are out, and the reserve is %s %s\n", r.Minted, r.Token, r.Redeemed, r.Supply, r.Currency, r.Reserve)
	fmt.Fprintf(&b, "%d journals with %d postings, read on both sides of each pair and on the Omnilateral, come to %s\n", r.Journals, r.Postings, r.JournalSum)
	fmt.Fprintf(&b, "%.1f seconds\n", r.Seconds)
	if r.out != "" {
		fmt.Fprintf(&b, "\nthe nodes' data are in %s\n", r.out)
	}
	return b.String()
}

// share writes what part of a whole is left, in percent.
func share(part, whole money.Micro) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}
