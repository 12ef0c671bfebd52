package agreement

import (
	"fmt"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

func TestTermsAboutVolumeAreCheckedByName(t *testing.T) {
	basis := rating.Basis{Currency: "USD", Window: usage.Cycle{Length: "1mo"}}
	discount := rating.Volume{Name: "V", Basis: basis, Measure: rating.ByMoney, Reach: rating.Whole, Tiers: []rating.Tier{{Charges: 1, Discount: 1}}}
	commitment := rating.Commitment{Name: "C", Basis: basis, Charges: 1}
	for field, change := range map[string]func(*Terms){
		"": func(*Terms) {},
		"volume[1].tiers": func(x *Terms) {
			bad := discount
			bad.Name, bad.Tiers = "W", nil
			x.Volume = append(x.Volume, bad)
		},
		"volume[0].currency":     func(x *Terms) { x.Volume[0].Currency = "" },
		"commitments[0].charges": func(x *Terms) { x.Commitments[0].Charges = 0 },
		"volume[1].name":         func(x *Terms) { x.Volume = append(x.Volume, discount) },
		"commitments[0].name":    func(x *Terms) { x.Commitments[0].Name = "V" },
		"commitments": func(x *Terms) {
			for i := range maxVolume {
				c := commitment
				c.Name = fmt.Sprint(i)
				x.Commitments = append(x.Commitments, c)
			}
		},
	} {
		x := Defaults()
		x.Volume, x.Commitments = []rating.Volume{discount}, []rating.Commitment{commitment}
		change(&x)
		if err := x.Validate(); field == "" && err != nil || field != "" && (err == nil || fault.Of(err).Field != field) {
			t.Errorf("wrong %q: %v", field, err)
		}
	}
}
