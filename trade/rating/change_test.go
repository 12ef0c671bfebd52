package rating

import (
	"testing"

	"github.com/lateral-network/lateral/trade/money"
)

func TestASheetRaisesWhenAPriceRisesOrGoes(t *testing.T) {
	rated := func(prefix string, rate int64, from int64) Row {
		return with(row(prefix, from, Open), func(r *Row) { r.Rate = money.Rate(rate) * 1_000_000 })
	}
	before := []Row{rated("49", 10, 0), rated("4915", 20, 0), rated("33", 10, 0), rated("34", 10, 0)}
	for name, c := range map[string]struct {
		after []Row
		want  bool
	}{
		"the same":                         {before, false},
		"a lower price":                    {[]Row{rated("49", 9, 0), rated("4915", 20, 0), rated("33", 10, 0), rated("34", 10, 0)}, false},
		"a higher price":                   {[]Row{rated("49", 11, 0), rated("4915", 20, 0), rated("33", 10, 0), rated("34", 10, 0)}, true},
		"a higher price later":             {append([]Row{rated("49", 11, 500)}, before...), true},
		"a code that falls to a cheaper":   {[]Row{rated("49", 10, 0), rated("33", 10, 0), rated("34", 10, 0)}, false},
		"a code that falls to no price":    {before[:3], true},
		"a new code above its shorter one": {append([]Row{rated("4916", 11, 0)}, before...), true},
		"a new code that had no price":     {append([]Row{rated("7", 99, 0)}, before...), false},
		"a blocked destination":            {append([]Row{with(rated("34", 0, 0), func(r *Row) { r.Blocked = true })}, before[:3]...), true},
		"a longer increment":               {append([]Row{with(rated("34", 9, 0), func(r *Row) { r.IncrementSeconds = 60 })}, before[:3]...), true},
		"another currency":                 {append([]Row{with(rated("34", 1, 0), func(r *Row) { r.Currency = "EUR" })}, before[:3]...), true},
		"the same by another unit":         {append([]Row{with(rated("34", 0, 0), func(r *Row) { r.Rate, r.UnitSeconds = 5_000_000, 30 })}, before[:3]...), false},
		"a connect fee":                    {append([]Row{with(rated("34", 10, 0), func(r *Row) { r.ConnectFee = 1 })}, before[:3]...), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Raises(sheetOf(t, before...), sheetOf(t, c.after...), 100); got != c.want {
				t.Errorf("raises %v, want %v", got, c.want)
			}
		})
	}
}
