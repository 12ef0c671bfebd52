package wire

import "testing"

// A time that is read is written so that it reads as the same.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"2026-11-02T00:00:00Z", "2026-11-02T00:00:00.123+02:00", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+00:01"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var at, again Time
		if at.UnmarshalText(text) != nil {
			return
		}
		out, err := at.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(out); err != nil || again != at {
			t.Errorf("%s is written as %s and reads as %d, not %d: %v", text, out, again, at, err)
		}
	})
}
