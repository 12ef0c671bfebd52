package agreement

import (
	"fmt"

	"github.com/lateral-network/lateral/fault"
)

// maxVolume bounds the terms about volume, of either kind: each has a window
// that every invoice of its direction and currency looks at.
const maxVolume = 32

// checkVolume names the first thing in the terms about volume that is not of the
// form. Whether their windows fit the billing cycle is for package trade to
// check, as the cycle is.
func (t Terms) checkVolume() error {
	named := map[string]bool{}
	check := func(list string, i int, name string, err error) error {
		at := fmt.Sprintf("%s[%d]", list, i)
		switch {
		case err != nil:
			f := *fault.Of(err)
			f.Field = at + "." + f.Field
			return &f
		case i >= maxVolume:
			return fault.Newf(fault.Invalid, "agree on fewer", "more than %d terms about volume", maxVolume).In(list)
		case named[name]:
			return fault.Newf(fault.Invalid, "give each a name of its own: invoices show it", "two terms about volume have the name %.80q", name).In(at + ".name")
		}
		named[name] = true
		return nil
	}
	for i, v := range t.Volume {
		if err := check("volume", i, v.Name, v.Validate()); err != nil {
			return err
		}
	}
	for i, c := range t.Commitments {
		if err := check("commitments", i, c.Name, c.Validate()); err != nil {
			return err
		}
	}
	return nil
}
