package compare

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
)

func TestTheExampleOfADealSaysEverythingThatHoldsWithoutOne(t *testing.T) {
	d, err := ReadDeal(strings.NewReader(DealExample))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultDeal()
	if d.Terms.Hash() != want.Terms.Hash() {
		t.Errorf("%+v\nwant\n%+v", d.Terms, want.Terms)
	}
	if d.Rounding() != want.Rounding() || d.Dispute.MaxDays != want.Dispute.MaxDays {
		t.Errorf("%+v, want %+v", d, want)
	}
	for _, v := range []any{agreement.Terms{}, Deal{}, agreement.RateNotice{}, DisputePolicy{}, Basis{}, Discount{}, DiscountTier{}, Commitment{}, Before{}} {
		for i := range reflect.TypeOf(v).NumField() {
			if reflect.TypeOf(v).Field(i).Anonymous {
				continue
			}
			name, _, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ",")
			if !strings.Contains(DealExample, name+":") {
				t.Errorf("the example says nothing of %s", name)
			}
		}
	}
}

func TestAnEmptyDealIsTheDefault(t *testing.T) {
	for _, s := range []string{"", "# nothing\n", "terms: {cycle: 1d}\n"} {
		if _, err := ReadDeal(strings.NewReader(s)); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestADealThatSaysNonsenseIsRefused(t *testing.T) {
	for name, s := range map[string]string{
		"an unknown name":      "terms: {cycel: 1d}",
		"a wrong type":         "terms: {cycle: [1]}",
		"no YAML":              "terms: {cycle",
		"a cycle that is none": "terms: {cycle: 7s}",
		"a negative tolerance": "terms: {start_tolerance_millis: -1}",
		"too many places":      "round_places: 9",
		"another rounding":     "round_per: month",
		"two documents":        "round_places: 6\n---\nround_places: 2",
		"a list":               "- 1",
		"no rule":              "terms: {rule: {text: 'kind =='}}",
	} {
		if _, err := ReadDeal(strings.NewReader(s)); fault.CodeOf(err) == "" || fault.CodeOf(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadDeal(f *testing.F) {
	f.Add(DealExample)
	f.Add("terms: {cycle: 1d}")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ReadDeal(strings.NewReader(s)); err == nil && d.Validate() != nil {
			t.Error("a deal was read that is not valid")
		}
	})
}
