package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

func example() invoice.Document {
	period := usage.Interval{From: 1_793_577_600_000, To: 1_793_581_200_000}
	row := rating.Row{Destination: `Côte d'Ivoire <"fixed"> & more`, Prefix: "225", Rate: 40_727_887, Currency: "USD", UnitSeconds: 60,
		MinimumSeconds: 30, IncrementSeconds: 6, ValidFrom: 1_767_225_600_123, ValidTo: rating.Open}
	closed := row
	closed.Prefix, closed.ValidTo, closed.Destination = "49", 1_800_000_000_000, "–"
	return invoice.Document{
		ID: "BRAVO-ALPHA-O1-1", Seller: "BRAVO", Buyer: "ALPHA", Direction: usage.Direction{From: "ALPHA", To: "BRAVO"}, Interval: period,
		Order: "O-1", Agreement: "MSA-1", Terms: canon.Hash{1, 2, 3}, Number: 2, Follows: "BRAVO-ALPHA-O1-0", Currency: "USD",
		Lines: []invoice.Line{
			{Row: 7, Rate: row, Calls: 3, RawMillis: 123_456, BilledSeconds: 126, Amount: 85_528, State: invoice.Agreed},
			{Row: 9, Adjusts: usage.Interval{From: period.From - 3_600_000, To: period.From}, Reason: usage.Late, Rate: closed, Calls: 1, RawMillis: 1, BilledSeconds: 30,
				Amount: 20_364, State: invoice.Open, Dispute: "O-1/001793577600000/001793574000000/0000000009"},
		},
		Total: 85_528, Open: 20_364, Method: "bank-transfer", Issued: 1_793_581_300_001, Due: 1_796_173_300_001,
	}
}

// discounted is the example with lines of terms about volume.
func discounted() invoice.Document {
	d := example()
	quarter := usage.Interval{From: 1_790_812_800_000, To: 1_798_761_600_000}
	d.Volume = []invoice.VolumeLine{
		{Name: `Quarter <"fixed"> & more`, Kind: invoice.Discount, Window: quarter, Seconds: 9_126, Charges: 1_085_528, Tier: 2, Amount: -8_553},
		{Name: `Quarter <"fixed"> & more`, Kind: invoice.CatchUp, Window: quarter, Seconds: 9_126, Charges: 1_085_528, Tier: 2, Amount: -50_000},
		{Name: "Minimum", Kind: invoice.Shortfall, Window: quarter, Seconds: 9_126, Charges: 1_085_528, Amount: 5_000_000},
	}
	d.Total += 5_000_000 - 58_553
	return d
}

// itemized is a bill for products.
func itemized() invoice.Document {
	d := example()
	d.Order, d.Lines, d.Open = "_MSA-1.BRAVO", nil, 0
	d.Items = []invoice.Item{
		{Number: 1, Product: "W-1", State: invoice.Agreed, Charge: rating.Charge{Price: "port <10G>", Kind: rating.Recurring, Interval: d.Interval, Quantity: 1, Amount: money.Amount{Currency: "USD", Micro: 95_528}}},
		{Number: 2, Product: "W-1", State: invoice.Agreed, Dispute: "_MSA-1.BRAVO/001793577600000/000000000000000/0000000002",
			Charge: rating.Charge{Price: "latency", Kind: rating.Credit, Interval: d.Interval, Quantity: 190_000, Amount: money.Amount{Currency: "USD", Micro: -10_000}, Why: "up to the cap"}},
	}
	return d
}

// A charge that was changed on an export is found, with its place.
func TestAnItemThatWasChangedIsNamed(t *testing.T) {
	for form, write := range map[string]func(invoice.Document) ([]byte, error){"json": JSON, "html": HTML} {
		data, err := write(itemized())
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(bytes.Replace(data, []byte("-0.010000"), []byte("-0.020000"), 1))
		if f := fault.Of(err); f == nil || f.Code != CodeAltered || f.Field != "items.1.charge.amount.amount" {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func TestExportsGiveBackTheCanonicalBytes(t *testing.T) {
	plain := example()
	plain.Follows, plain.Open, plain.Lines = "", 0, plain.Lines[:1]
	alone := discounted()
	alone.Lines, alone.Open = nil, 0
	note := example()
	note.Note, note.Version, note.Why, note.Total, note.Open = invoice.Credit, 2, "the sheet <of> November", -105_892, 0
	note.Lines[0].State, note.Lines[0].Amount, note.Lines[1].State, note.Lines[1].Amount = invoice.Reversed, -85_528, invoice.Reversed, -20_364
	for name, d := range map[string]invoice.Document{"full": example(), "plain": plain, "note": note, "discounted": discounted(), "of volume alone": alone, "items": itemized()} {
		for form, write := range map[string]func(invoice.Document) ([]byte, error){"json": JSON, "html": HTML} {
			data, err := write(d)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(data)
			if err != nil || !bytes.Equal(got, canon.Must(d)) {
				t.Errorf("%s %s does not give the canonical bytes back: %v", name, form, err)
			}
			if got, err := Parse(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))); form == "html" && (err != nil || !bytes.Equal(got, canon.Must(d))) {
				t.Errorf("%s with the line ends of another system: %v", name, err)
			}
		}
	}
}

// TestEveryVisibleValueOfTheJSONIsCompared changes each value in turn.
func TestEveryVisibleValueOfTheJSONIsCompared(t *testing.T) {
	data, err := JSON(discounted())
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&whole); err != nil {
		t.Fatal(err)
	}
	changed := 0
	var walk func(path string, v any, set func(any))
	walk = func(path string, v any, set func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(path+"."+k, v[k], func(x any) { v[k] = x })
			}
		case []any:
			for i := range v {
				walk(fmt.Sprintf("%s.%d", path, i), v[i], func(x any) { v[i] = x })
			}
		default:
			set(other(v))
			altered, err := json.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Parse(altered); err == nil {
				t.Errorf("a change of %s is not noticed", path)
			}
			set(v)
			changed++
		}
	}
	walk("", whole["document"], nil)
	if changed < 55 {
		t.Errorf("only %d values were changed", changed)
	}
}

// other gives a value of the same form that differs.
func other(v any) any {
	switch v := v.(type) {
	case json.Number:
		return json.Number(v.String() + "1")
	case string:
		return changeDigit(v)
	}
	return "other"
}

var digit = regexp.MustCompile(`[0-9]`)

func changeDigit(s string) string {
	if at := digit.FindStringIndex(s); at != nil {
		c := s[at[0]]
		return s[:at[0]] + string('0'+(c-'0'+1)%10) + s[at[0]+1:]
	}
	return s + "x"
}

// TestEveryVisibleValueOfThePageIsCompared changes each value, wherever it
// stands on the page: people read the original that was recorded ([R73], as a
// page and JSON; not as PDF).
func TestEveryVisibleValueOfThePageIsCompared(t *testing.T) {
	data, err := HTML(discounted())
	if err != nil {
		t.Fatal(err)
	}
	all := valueForm.FindAllSubmatchIndex(data, -1)
	if len(all) < 60 {
		t.Fatalf("only %d values on the page", len(all))
	}
	for _, at := range all {
		path, value := string(data[at[2]:at[3]]), string(data[at[6]:at[7]])
		altered := string(data[:at[6]]) + changeDigit(value) + string(data[at[7]:])
		if _, err := Parse([]byte(altered)); err == nil {
			t.Errorf("a change of %s from %q is not noticed", path, value)
		}
	}
}

func TestNothingIsAddedToOrHiddenOnAPage(t *testing.T) {
	data, err := HTML(example())
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for name, altered := range map[string]string{
		"a label":            strings.Replace(page, "<dt>Total</dt>", "<dt>Total in EUR</dt>", 1),
		"hidden by style":    strings.Replace(page, ".none { color: #777; }", ".none { color: #777; } dd { display: none; }", 1),
		"text beside":        strings.Replace(page, "</h1>", "</h1><p>Pay 1 USD only</p>", 1),
		"a second value":     strings.Replace(page, "</dl>", `<dt>Total</dt><dd><span data-v="total">1.000000</span></dd></dl>`, 1),
		"no bytes":           strings.Replace(page, "data-canonical=", "data-other=", 1),
		"a line taken away":  regexp.MustCompile(`(?s)<tr class="open">.*?</tr>\n`).ReplaceAllString(page, ""),
		"the title":          strings.Replace(page, "<title>Invoice BRAVO", "<title>Invoice ALPHA", 1),
		"a script":           strings.Replace(page, "</head>", "<script>1</script></head>", 1),
		"an unknown value":   strings.Replace(page, "</dl>", `<span data-v="bonus">1</span></dl>`, 1),
		"an index too large": strings.Replace(page, "</dl>", `<span data-v="lines.99999999999.calls">1</span></dl>`, 1),
	} {
		if altered == page {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := Parse([]byte(altered)); fault.CodeOf(err) != CodeAltered {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "http") {
		t.Error("the page has a script or loads something")
	}
}

func TestAJSONFileThatTwoReadersReadDifferentlyIsRefused(t *testing.T) {
	data, err := JSON(example())
	if err != nil {
		t.Fatal(err)
	}
	s := string(data)
	for name, altered := range map[string]string{
		"a field twice":    strings.Replace(s, `"total": "0.085528"`, `"total": "9.000000", "total": "0.085528"`, 1),
		"an unknown field": strings.Replace(s, `"total": "0.085528"`, `"total": "0.085528", "discount": "1"`, 1),
		"something behind": s + "{}",
		"other bytes":      strings.Replace(s, `"canonical": "`, `"canonical": "AAAA`, 1),
		"cut off":          s[:len(s)/2],
	} {
		if _, err := Parse([]byte(altered)); fault.CodeOf(err) != CodeAltered {
			t.Errorf("%s gives %v", name, err)
		}
	}
	for name, other := range map[string]string{"empty": "", "text": "hello", "another format": strings.Replace(s, Format, "lateral-invoice/9", 1),
		"another page": "<!doctype html><p>hello</p>"} {
		if _, err := Parse([]byte(other)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

// The decoder of the standard library takes a field in any case, and of two
// that differ in case the last.
func TestAFieldInAnotherCaseIsRefused(t *testing.T) {
	data, err := JSON(example())
	if err != nil {
		t.Fatal(err)
	}
	seller := []byte(`"seller": "BRAVO"`)
	if !bytes.Contains(data, seller) {
		t.Fatalf("the export has no %s", seller)
	}
	for _, other := range []string{`"SELLER": "BRAVO"`, `"Seller": "EVIL", "seller": "BRAVO"`, `"seller": "BRAVO", "sellEr": "BRAVO"`} {
		if _, err := Parse(bytes.Replace(data, seller, []byte(other), 1)); fault.CodeOf(err) != CodeAltered {
			t.Errorf("%s gives %v", other, err)
		}
	}
}

func TestADifferingValueIsNamed(t *testing.T) {
	data, err := JSON(example())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse(bytes.Replace(data, []byte(`"amount": "0.085528"`), []byte(`"amount": "0.085529"`), 1))
	if f := fault.Of(err); f.Code != CodeAltered || f.Field != "lines.0.amount" {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, d := range []invoice.Document{example(), discounted()} {
		j, _ := JSON(d)
		h, _ := HTML(d)
		f.Add(j)
		f.Add(h)
	}
	f.Add([]byte(`{"format":"lateral-invoice/1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		canonical, err := Parse(data)
		if err != nil {
			return
		}
		var d invoice.Document
		if err := canon.Decode(canonical, &d); err != nil {
			t.Fatalf("what was read back is no document: %v", err)
		}
		if !bytes.Equal(canon.Must(d), canonical) {
			t.Fatal("what was read back is not canonical")
		}
	})
}

// Pages that were exported before a value came up go on to be read: a document
// without it makes the page that it made then.
func TestAPageOfBeforeIsWrittenAsItWas(t *testing.T) {
	d := example()
	d.Lines[1].Reason = ""
	page, err := HTML(d)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := canon.Sum("test/page", page).String(), "f9d695c36e45c4d32c82fe8af36394f58dd7312dea481b43c2038cd1e14928c2"; got != want {
		t.Errorf("the page is another: %s, was %s", got, want)
	}
}
