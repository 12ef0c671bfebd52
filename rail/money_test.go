package rail

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

func TestWhatIsPayableIsInMinorUnitsAndTheRestIsKept(t *testing.T) {
	for _, c := range []struct {
		owed  money.Amount
		minor int64
		rest  money.Micro
	}{
		{money.Amount{Currency: "EUR", Micro: 360_022194}, 36002, 2194},
		{money.Amount{Currency: "EUR", Micro: 9_999}, 0, 9_999},
		{money.Amount{Currency: "JPY", Micro: 1_999_999}, 1, 999_999},
		{money.Amount{Currency: "BHD", Micro: 1_250_001}, 1250, 1},
		{money.Amount{Currency: "CLF", Micro: 1_250_199}, 12501, 99},
		{money.Amount{Currency: "EUR", Micro: -360_022194}, -36002, -2194},
		{money.Amount{Currency: "EUR", Micro: math.MaxInt64}, math.MaxInt64 / 10_000, math.MaxInt64 % 10_000},
		{money.Amount{Currency: "EUR", Micro: math.MinInt64}, math.MinInt64 / 10_000, math.MinInt64 % 10_000},
	} {
		pays, rest, err := Payable(c.owed)
		if err != nil || pays != (Money{c.owed.Currency, c.minor}) || rest != c.rest {
			t.Errorf("%s pays %s and keeps %s, %v", c.owed, pays, rest, err)
		}
	}
	for c, want := range map[money.Currency]fault.Code{money.XDR: money.CodeNoMinorUnit, "USDt": money.CodeUnknownCurrency, "": money.CodeUnknownCurrency} {
		if _, _, err := Payable(money.Amount{Currency: c, Micro: 1}); fault.CodeOf(err) != want {
			t.Errorf("%q is payable: %v", c, err)
		}
	}
}

// However a debt grows, what was paid and what is carried is what is owed, and
// what is carried is never as much as a bank could pay.
func TestPaidAndCarriedIsOwedAlways(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for _, c := range []money.Currency{"EUR", "JPY", "KWD", "CLF"} {
		_, unit, err := places(c)
		if err != nil {
			t.Fatal(err)
		}
		var owed, paid, carried money.Micro
		for range 5_000 {
			more := money.Micro(random.Int64N(1 << random.IntN(44)))
			if random.IntN(8) == 0 {
				more = -more
			}
			owed += more
			pays, rest, err := Payable(money.Amount{Currency: c, Micro: carried + more})
			if err != nil {
				t.Fatal(err)
			}
			six, err := pays.Amount()
			if err != nil {
				t.Fatal(err)
			}
			paid, carried = paid+six.Micro, rest
			if paid+carried != owed || max(carried, -carried) >= money.Micro(1_000_000/unit) {
				t.Fatalf("%s: owed %s, paid %s, carried %s", c, owed, paid, carried)
			}
		}
	}
}

func TestAmountsAreReadAsTheStandardWritesThem(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1": 100, "1.5": 150, "1.50": 150, "01.50": 150, "+1.50": 150, ".5": 50, "7.": 700,
		"9999999999999999.99": mostMinor} {
		if m, err := ParseMoney("EUR", text); err != nil || m != eur(want) {
			t.Errorf("%s is %s, %v", text, m, err)
		}
	}
	for _, text := range []string{"", ".", "-", "-1", "-0", "1,5", "1 5", "1.500", "1e3", "٣", "0x1", "NaN", "10000000000000000.00", "1.5.5"} {
		if m, err := ParseMoney("EUR", text); fault.CodeOf(err) != CodeAmount {
			t.Errorf("%q is %s, %v", text, m, err)
		}
	}
	for _, m := range []Money{eur(0), eur(5), eur(-5), eur(123456), {"JPY", 7}, {"BHD", 1250}, {"CLF", -1}} {
		data, err := json.Marshal(m)
		var again Money
		if err != nil || json.Unmarshal(data, &again) != nil || again != m {
			t.Errorf("%s is %s and read as %s, %v", m, data, again, err)
		}
	}
	if text := (Money{"BHD", -1250}).String() + " " + eur(5).String() + " " + (Money{"JPY", 7}).String(); text != "BHD -1.250 EUR 0.05 JPY 7" {
		t.Errorf("they print as %s", text)
	}
}

func TestSumsThatLeave64BitsAreErrors(t *testing.T) {
	if _, err := eur(math.MaxInt64).plus(eur(1)); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("the sum is no error: %v", err)
	}
	if _, err := eur(math.MinInt64).plus(eur(-1)); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("the difference is no error: %v", err)
	}
	if _, err := (Money{"JPY", math.MaxInt64}).Amount(); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("the amount is no error: %v", err)
	}
}

func TestAccountNumbersAreCheckedByTheirDigits(t *testing.T) {
	for _, s := range []string{"DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606", "CH9300762011623852957", "NO9386011117947"} {
		if err := IBAN(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		wrong := []byte(s)
		wrong[7], wrong[8] = wrong[8], wrong[7]
		if err := IBAN(string(wrong)); wrong[7] != wrong[8] && fault.CodeOf(err) != CodeAccount {
			t.Errorf("%s is taken: %v", wrong, err)
		}
	}
	for s, ok := range map[string]bool{"DEUTDEFF": true, "DEUTDEFF500": true, "deutdeff": false, "DEUTDEF": false, "DEUTDEFF50": false, "DEUT1EFF": false, "": false} {
		if err := BIC(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// Both ends compute the same reference of an id that is too long for banks.
func TestAReferenceStandsForAnIdOfAnyLength(t *testing.T) {
	const id = "BRAVO-ALPHA-V-ALPHA-20261102T000000Z-20261102T010000Z-USD-1"
	if got := CreditorReference(id); got != "RF23FXONS7ASOMYPJI6LIAWLP" {
		t.Errorf("the reference of %s is %s", id, got)
	}
	seen := map[string]bool{}
	for i := range 2_000 {
		ref := CreditorReference(id + string(rune('a'+i%26)) + string(rune('0'+i/26)))
		if err := checkCreditor(ref); err != nil || len(ref) != 25 || seen[ref] {
			t.Fatalf("%s: %v", ref, err)
		}
		seen[ref] = true
	}
}
