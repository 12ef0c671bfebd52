package rail

import (
	"crypto/sha256"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// Codes of values that break their form.
const (
	// CodeText says that a text is empty, too long, or has characters that
	// banks do not carry.
	CodeText fault.Code = "bank-text"
	// CodeAccount says that an IBAN, a BIC or a creditor reference is wrong.
	CodeAccount fault.Code = "bank-account"
	// CodeDate says that a date or time does not exist.
	CodeDate fault.Code = "bank-date"
	// CodeValue says that a code is none of its list.
	CodeValue fault.Code = "bank-code"
)

// Date is a day as the standard writes it: "2026-11-30". Empty when not said.
type Date string

// DateOf gives the day of a time, in UTC.
func DateOf(t time.Time) Date { return Date(t.UTC().Format(time.DateOnly)) }

// value makes the shape of an element without children.
func value(check func(string) *fault.Error) *shape {
	return &shape{value: func(n *node) *fault.Error { return check(n.text) }}
}

// text is any text of 1 to max characters that shows. Only what this end
// writes to a bank must be of the basic set.
func text(max int) *shape {
	return value(func(s string) *fault.Error { return checkText(s, max) })
}

func checkText(s string, max int) *fault.Error {
	if n := utf8.RuneCountInString(s); n == 0 || n > max {
		return badText("the text has %d characters, not 1 to %d", n, max)
	}
	if tidy(s) != s {
		return badText("%q has spaces around it or line ends in it", short(s))
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return badText("%q holds the character %U, which does not show", short(s), r)
		}
	}
	return nil
}

func badText(format string, args ...any) *fault.Error {
	return fault.Newf(CodeText, "shorten it, or write it with a-z A-Z 0-9 / - ? : ( ) . , ' + and spaces", format, args...)
}

// basic is a text of the characters that every bank carries (the Latin set of
// the SEPA schemes and of MT messages).
func basic(max int) *shape {
	return value(func(s string) *fault.Error { return checkBasic(s, max) })
}

func checkBasic(s string, max int) *fault.Error {
	if err := checkText(s, max); err != nil {
		return err
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" /-?:().,'+", r)) {
			return badText("%q holds %q, which is not in the basic set of banks", short(s), r)
		}
	}
	return nil
}

// ident is an id that goes through other banks' systems: the basic set, no
// slash at its ends and no two in a row, which MT fields read as codes.
func ident(max int) *shape {
	return value(func(s string) *fault.Error {
		if err := checkBasic(s, max); err != nil {
			return err
		}
		if strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") || strings.Contains(s, "//") {
			return badText("the id %q begins or ends with a slash, or has two in a row", short(s))
		}
		return nil
	})
}

// code is one of a closed list.
func code(all ...string) *shape {
	return value(func(s string) *fault.Error {
		if slices.Contains(all, s) {
			return nil
		}
		return fault.Newf(CodeValue, "use "+strings.Join(all, ", "), "%q is none of the codes", short(s))
	})
}

// listed is a code of a list that is kept outside the message definition and
// grows: its form is checked alone.
func listed(max int) *shape {
	return value(func(s string) *fault.Error {
		if len(s) == 0 || len(s) > max || strings.ContainsFunc(s, func(r rune) bool { return !alnum(r) }) {
			return fault.Newf(CodeValue, "use a code of the external code lists of ISO 20022", "%q is no code of 1 to %d letters and digits", short(s), max)
		}
		return nil
	})
}

// form is a text of least to max characters of a kind.
func form(what string, least, max int, of func(rune) bool) *shape {
	return value(func(s string) *fault.Error {
		if len(s) < least || len(s) > max || strings.ContainsFunc(s, func(r rune) bool { return !of(r) }) {
			return fault.Newf(CodeValue, "write "+what, "%q is not %s", short(s), what)
		}
		return nil
	})
}

// currency is a code of ISO 4217 that banks pay in.
func currency() *shape {
	return value(func(s string) *fault.Error {
		c, err := money.ParseCurrency(s)
		if err == nil {
			_, err = c.MinorUnits()
		}
		if err != nil {
			return fault.Of(err)
		}
		return nil
	})
}

func alnum(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
}

// digits is a number of at most max digits.
func digits(max int) *shape {
	return value(func(s string) *fault.Error {
		if len(s) == 0 || len(s) > max || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
			return fault.Newf(CodeValue, "write a whole number", "%q is no number of 1 to %d digits", short(s), max)
		}
		return nil
	})
}

// number reads what digits let through; at most 15 digits fit.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// figure is a decimal without a currency: a control sum, a total.
func figure() *shape {
	return value(func(s string) *fault.Error {
		whole, frac, ok := decimal(s)
		if !ok || len(frac) > 17 || len(strings.TrimLeft(whole+frac, "0")) > 18 {
			return amount("%q is no decimal of at most 18 digits", short(s))
		}
		return nil
	})
}

// sum is an amount with its currency, of zero or more; above is one of more.
func sum() *shape   { return amounts(0) }
func above() *shape { return amounts(1) }

func amounts(least int64) *shape {
	return &shape{amount: true, value: func(n *node) *fault.Error {
		m, err := ParseMoney(n.currency, n.text)
		if err != nil {
			return fault.Of(err)
		}
		if m.Minor < least {
			return amount("the amount is zero")
		}
		return nil
	}}
}

// money gives an amount that was checked; of no element, none.
func (n *node) money() Money {
	if n == nil {
		return Money{}
	}
	m, _ := ParseMoney(n.currency, n.text) // checked by its shape
	return m
}

// leafMoney makes the element of an amount; of none it is nil.
func leafMoney(name string, m Money) *node {
	if m.IsZero() {
		return nil
	}
	return &node{name: name, text: m.Decimal(), currency: string(m.Currency)}
}

// flag is true or false.
func flag() *shape { return code("true", "false", "1", "0") }

func isTrue(s string) bool { return s == "true" || s == "1" }

// day is a date; a zone behind it is taken off when it is read.
func day() *shape {
	return value(func(s string) *fault.Error {
		if _, ok := readDate(s); !ok {
			return fault.Newf(CodeDate, "write a day like 2026-11-30", "%q is no date", short(s))
		}
		return nil
	})
}

func readDate(s string) (Date, bool) {
	m := dateForm.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	t, err := time.Parse(time.DateOnly, m[1])
	if err != nil || t.Year() < 1900 {
		return "", false
	}
	return Date(m[1]), true
}

var dateForm = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?$`)

// moment is a date with a time. One without a zone is taken as UTC.
func moment() *shape {
	return value(func(s string) *fault.Error {
		if _, ok := readTime(s); !ok {
			return fault.Newf(CodeDate, "write a time like 2026-11-30T10:00:00Z", "%q is no date with a time", short(s))
		}
		return nil
	})
}

func readTime(s string) (time.Time, bool) {
	if !timeForm.MatchString(s) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	return t.UTC(), err == nil && t.Year() >= 1900
}

var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$`)

// time gives a time that was checked; of no element, the zero time.
func (n *node) time() time.Time {
	if n == nil {
		return time.Time{}
	}
	t, _ := readTime(n.text)
	return t
}

// leafTime writes a time to the second, in UTC.
func leafTime(name string, t time.Time) *node {
	if t.IsZero() {
		return nil
	}
	return leaf(name, t.UTC().Format("2006-01-02T15:04:05Z"))
}

// dated is a day, or a day with a time of which the day is taken.
func dated() *shape { return choice(one("Dt", day()), one("DtTm", moment())) }

// date gives the day of such an element.
func (n *node) date() Date {
	if d, ok := readDate(n.get("Dt")); ok {
		return d
	}
	if t := n.at("DtTm"); t != nil {
		return DateOf(t.time())
	}
	return ""
}

func leafDate(name string, d Date) *node { return el(name, leaf("Dt", string(d))) }

// IBAN refuses what is no international bank account number: its form, and its
// check digits by ISO 7064 mod 97-10. Code: bank-account.
func IBAN(s string) error {
	if err := checkIBAN(s); err != nil {
		return err
	}
	return nil
}

func checkIBAN(s string) *fault.Error {
	if len(s) < 15 || !ibanForm.MatchString(s) || !checkDigits(s) {
		return fault.Newf(CodeAccount, "compare it with the paper it comes from; write it without spaces", "%q is no IBAN: its form or its check digits are wrong", short(s))
	}
	return nil
}

var ibanForm = regexp.MustCompile(`^[A-Z]{2}\d\d[A-Z0-9]{1,30}$`)

// checkDigits computes ISO 7064 mod 97-10 of what has its check digits at the
// third and fourth place.
func checkDigits(s string) bool { return mod97(s[4:]+s[:4]) == 1 }

func mod97(s string) int {
	rest := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			rest = (rest*10 + int(r-'0')) % 97
		default:
			rest = (rest*100 + int(r-'A') + 10) % 97
		}
	}
	return rest
}

// BIC refuses what has not the form of a business identifier code (ISO 9362).
// Code: bank-account.
func BIC(s string) error {
	if err := checkBIC(s); err != nil {
		return err
	}
	return nil
}

func checkBIC(s string) *fault.Error {
	if !bicForm.MatchString(s) {
		return fault.Newf(CodeAccount, "write 8 or 11 capitals and digits, like DEUTDEFF", "%q is no BIC", short(s))
	}
	return nil
}

var bicForm = regexp.MustCompile(`^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$`)

// checkCreditor checks a creditor reference of ISO 11649, which begins with RF.
func checkCreditor(s string) *fault.Error {
	if !creditorForm.MatchString(s) || !checkDigits(s) {
		return fault.Newf(CodeAccount, "compare it with the invoice", "%q is no creditor reference of ISO 11649: its form or its check digits are wrong", short(s))
	}
	return nil
}

var creditorForm = regexp.MustCompile(`^RF\d\d[A-Z0-9]{1,21}$`)

// CreditorReference gives the creditor reference (ISO 11649, 25 characters) that stands
// for an id of any length on bank files. It is made of 108 bits of the id's
// hash, so the payee finds its item by computing the same.
func CreditorReference(id string) string {
	hash := sha256.Sum256([]byte("lateral/bank-reference/1\x00" + id))
	const length = 21 // what ISO 11649 has room for
	n := new(big.Int).SetBytes(hash[:])
	n.Mod(n, new(big.Int).Exp(big.NewInt(36), big.NewInt(length), nil))
	body := strings.ToUpper(n.Text(36))
	body = strings.Repeat("0", length-len(body)) + body
	check := 98 - mod97(body+"RF00")
	return "RF" + strconv.Itoa(check/10) + strconv.Itoa(check%10) + body
}
