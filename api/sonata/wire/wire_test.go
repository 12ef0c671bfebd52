package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

func parse(t testing.TB, text string) Value {
	t.Helper()
	v, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestWhatIsNotChangedKeepsItsBytes(t *testing.T) {
	const text = ` { "b" : 1.50, "a":{"x" : [1e3 , "<&>\u00e9"] },"c":null , "esc\"aped":"\\\"" } `
	v := parse(t, text)
	if got := string(v.Bytes()); got != strings.TrimSpace(text) {
		t.Errorf("unchanged: %s", got)
	}
	v.Set("b", "new")
	v.Set("d", []int{1})
	v.Drop("c", "nothing")
	if got, want := string(v.Bytes()), `{"b":"new","a":{"x" : [1e3 , "<&>\u00e9"] },"esc\"aped":"\\\"","d":[1]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	x := v.Open("a")
	x.Open("x").Elements()[0] = ValueOf(2)
	if got, want := string(v.Get("a").Bytes()), `{"x":[2,"<&>\u00e9"]}`; got != want {
		t.Errorf("within: %s, want %s", got, want)
	}
}

func TestACopyDoesNotSeeChanges(t *testing.T) {
	a := parse(t, `{"n":1,"l":[1,2],"o":{"x":1}}`)
	b := a
	b.Set("n", 2)
	b.Set("m", 3)
	b.Open("l").Elements()[0] = ValueOf(9)
	b.Open("o").Set("x", 9)
	b.Rename("o", "p")
	c := a
	l := c.Get("l")
	l.Append(3)
	if got := string(a.Bytes()); got != `{"n":1,"l":[1,2],"o":{"x":1}}` {
		t.Errorf("the first is %s", got)
	}
	if got := string(b.Bytes()); got != `{"n":2,"l":[9,2],"p":{"x":9},"m":3}` {
		t.Errorf("the copy is %s", got)
	}
}

func TestTextThatIsNoGoodJSONIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "half": `{"a":`, "two": `{} {}`, "a comma": `[1,]`, "a member twice": `{"a":1,"a":2}`, "a member twice, escaped": `{"a":1,"\u0061":2}`,
		"no UTF-8": "\"\xff\"", "a bare word": "yes", "too deep": strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), "too many": "[" + strings.Repeat("1,", MaxValues) + "1]",
	} {
		if _, err := Parse([]byte(text)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	parse(t, strings.Repeat("[", MaxDepth)+strings.Repeat("]", MaxDepth))
}

func TestMoneyIsExactBothWays(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "1.50": "1.5", "-0.000001": "-0.000001", "9223372036854.775807": "9223372036854.775807", "1e3": "1000", "1.5E-3": "0.0015", "12.30e+2": "1230", "-1.5e1": "-15", "0.0000010": "0.000001", "0e5": "0",
	} {
		var d Decimal
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		m, err := d.Micro()
		if err != nil || string(DecimalOf(m)) != want {
			t.Errorf("%s: %s %v, want %s", text, DecimalOf(m), err, want)
		}
		if out, err := json.Marshal(d); err != nil || string(out) != text {
			t.Errorf("%s is written as %s %v", text, out, err)
		}
	}
	for _, text := range []string{"0.0000001", "1e-7", "1e40", "1e999999999999", "9223372036854.775808"} {
		if m, err := Decimal(text).Micro(); err == nil {
			t.Errorf("%s is taken as %s", text, m)
		}
	}
	for _, text := range []string{`true`, `"x"`, `{}`, `"1 "`, `null`} {
		var d Decimal
		if err := json.Unmarshal([]byte(text), &d); err == nil && text != "null" {
			t.Errorf("%s is taken", text)
		}
	}
	if _, err := (Money{Unit: "XXY", Value: "1"}).Amount(); err == nil {
		t.Error("an unknown currency is taken")
	}
	if a, err := MoneyOf(money.Amount{Currency: "EUR", Micro: 1_250_000}).Amount(); err != nil || a.Micro != 1_250_000 {
		t.Errorf("%v %v", a, err)
	}
}

func TestAddressesOfGraceComeBackAsTheyWere(t *testing.T) {
	for _, text := range []string{
		`{"@type":"FieldedAddress","country":"IT","city":"Milano","streetName":"Via Caldera","streetNr":"7","streetNrSuffix":"a","streetNrLast":"9","streetNrLastSuffix":"b","streetType":"Via","streetSuffix":"N","locality":"L","postcode":"20153","postcodeExtension":"1","stateOrProvince":"MI"}`,
		`{"@type":"GeographicAddressLabel","externalReferenceId":"ITMIL","externalReferenceType":"UN/LOCODE"}`,
		`{"@type":"MEFGeographicPoint","spatialRef":"WGS84","x":"9.1","y":"45.4","z":"120"}`,
		`{"@type":"FormattedAddress","addrLine1":"Via Caldera 7","city":"Milano","country":"IT"}`,
	} {
		place, ok := GraceAddress(parse(t, text))
		if !ok {
			t.Errorf("%s is not read", text)
			continue
		}
		back, err := ToGraceAddress(place.Representations)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		var a, b map[string]any
		if json.Unmarshal([]byte(text), &a) != nil || json.Unmarshal(back.Bytes(), &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s became %s", text, back.Bytes())
		}
	}
	if _, err := ToGraceAddress(Representations{Formatted: []Formatted{{Address: "somewhere"}}}); err == nil {
		t.Error("an address without a city is told in grace")
	}
}

func TestTimesAndPeriodsOfGrace(t *testing.T) {
	for d, want := range map[Duration]Duration{
		{1, "years"}: {12, "calendarMonths"}, {90, "seconds"}: {2, "calendarMinutes"}, {3, "months"}: {3, "calendarMonths"}, {1, "businessDays"}: {1, "businessDays"},
	} {
		if got := ToGraceDuration(d, false); got != want {
			t.Errorf("%v is %v, want %v", d, got, want)
		}
	}
	for _, period := range []string{"hour", "day", "week", "month", "year"} {
		if got, err := ToGracePeriod(FromGracePeriod(period)); err != nil || got != period {
			t.Errorf("%s is %s %v", period, got, err)
		}
	}
	if _, err := ToGracePeriod(Duration{15, "minutes"}); err == nil {
		t.Error("a price for 15 minutes is told in grace")
	}
}

func TestAddressesAndVersionsOfBothReleases(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Kylie.Base(Ordering), "/mefApi/sonata/productOrderingManagement/v11"},
		{Grace.Base(Ordering), "/mefApi/sonata/productOrderingManagement/v10"},
		{Kylie.ListenerBase(Billing), "/mefApi/sonata/customerBillNotification/v3/listener"},
		{Kylie.ListenerBase(Inventory), ""},
		{Grace.ListenerBase(Address), ""},
		{EventPath(Grace, "productOfferingStateChangeEvent"), "productOfferingStatusChangeEvent"},
		{EventName(Kylie, "productOfferingCreateEvent"), "productCategoryCreateEvent"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"\u00e9"}],"c":1.5e3}`, `[]`, `"x"`, `{"a":1,"a":2}`, ` [ 1 , null ] `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is taken", data)
		}
		if got := v.Bytes(); !bytes.Equal(got, bytes.Trim(data, " \t\r\n")) {
			t.Fatalf("%q became %q", data, got)
		}
		// Written anew, member by member, it is the same value.
		rebuilt := rebuild(v)
		var a, b any
		if json.Unmarshal(data, &a) != nil {
			return // a number that is out of range for it
		}
		if err := json.Unmarshal(rebuilt.Bytes(), &b); err != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%q became %q", data, rebuilt.Bytes())
		}
	})
}

func rebuild(v Value) Value {
	switch v.Kind {
	case Object:
		out := Value{Kind: Object}
		for _, m := range v.Members {
			out.Set(m.Name, rebuild(m.Value))
		}
		return out
	case Array:
		out := Value{Kind: Array}
		for _, x := range v.Items {
			out.Append(rebuild(x))
		}
		return out
	}
	return v
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"1.5", "1e3", "-0.000001", "1e-6", "9223372036854.775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d Decimal
		if json.Unmarshal([]byte(s), &d) != nil {
			return
		}
		m, err := d.Micro()
		if err != nil {
			return
		}
		if again, err := DecimalOf(m).Micro(); err != nil || again != m {
			t.Fatalf("%s: %s became %s %v", s, m, again, err)
		}
	})
}

// Whatever a partner sends as a task of grace, it does not make us fail.
func FuzzGraceTask(f *testing.F) {
	f.Add([]byte(`{"quoteItem":[{"product":{"place":[{"@type":"FieldedAddress","role":"A"}]},"requestedQuoteItemTerm":{"duration":{"amount":1,"units":"calendarMonths"}},"quoteItemPrice":[{"recurringChargePeriod":"month"}]}]}`))
	f.Add([]byte(`{"quoteItem":[{"product":7,"state":"done.ready","stateChange":[1]}],"validFor":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err != nil {
			return
		}
		kylie := FromGraceTask(v, "quoteItem")
		var q Quote
		if kylie.Decode(&q) != nil {
			return
		}
		if _, err := ToGraceTask(kylie, "quoteItem"); err != nil && fault.CodeOf(err) == "" {
			t.Fatal(err)
		}
	})
}

func TestAnEventKeepsWhatItsTypeDoesNotName(t *testing.T) {
	var e Event
	if err := json.Unmarshal([]byte(`{"eventId":"1","eventTime":"2026-11-02T09:00:00Z","eventType":"x","event":{"id":"Q","quoteItemId":"2","state":"done"}}`), &e); err != nil {
		t.Fatal(err)
	}
	if e.Of.ID != "Q" || e.Of.State != "done" || e.Of.Raw.Get("quoteItemId").Text() != "2" || !e.Time.Equal(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", e)
	}
}
