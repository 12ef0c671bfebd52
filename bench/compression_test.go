package bench

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/netting"
)

func TestCompressionMeasuresEachMethodOnTheSameDebts(t *testing.T) {
	for _, partners := range []int{0, 6} {
		told := 0
		r, err := Compression(t.Context(), CompressionOptions{Carriers: 40, Obligations: 3000, Partners: partners, Runs: 2, Seed: 5,
			Progress: func(string, int, int) { told++ }})
		if err != nil {
			t.Fatal(err)
		}
		left := map[netting.Method]NettingRun{}
		for _, m := range r.Methods {
			left[m.Method] = m
			if m.Median <= 0 || m.CPU < 0 || // two readings of the clock may be equal
				len(m.Each) != 2 || m.Left > r.Gross || m.Reduced < 0 || m.Reduced > 1 {
				t.Errorf("%+v", m)
			}
			if !strings.Contains(r.Text(), string(m.Method)+" ") {
				t.Errorf("the text does not tell of %s:\n%s", m.Method, r.Text())
			}
		}
		pairs, circles, exact, positions := left[netting.ByPair], left[netting.ByCycle], left[netting.ByCirculation], left[netting.ByPosition]
		if !(positions.Left <= exact.Left && exact.Left < circles.Left && circles.Left < pairs.Left && pairs.Left < r.Gross) {
			t.Errorf("left: %+v", left)
		}
		if positions.Payments >= 40 || r.Debts < int(exact.Payments) || r.Debts > 40*39 || r.Verify <= 0 || r.Better <= 0 || r.Better >= 1 || told < 8 {
			t.Errorf("%+v, progress told %d times", r, told)
		}
	}
}

func TestOneSeedMakesTheSameObligations(t *testing.T) {
	o := CompressionOptions{Carriers: 30, Obligations: 500, Partners: 4, Seed: 3}
	if !reflect.DeepEqual(o.generate(), o.generate()) {
		t.Error("one seed gives two lists")
	}
	other := o
	other.Seed = 4
	if reflect.DeepEqual(o.generate(), other.generate()) {
		t.Error("two seeds give one list")
	}
}

func TestDebtsThatCannotBeMadeAreInvalid(t *testing.T) {
	for _, o := range []CompressionOptions{{Carriers: 2}, {Carriers: 1 << 20}, {Obligations: -1}, {Obligations: 1 << 30}, {Carriers: 10, Partners: 10}, {Partners: -1}, {Runs: -1}} {
		if _, err := Compression(t.Context(), o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
