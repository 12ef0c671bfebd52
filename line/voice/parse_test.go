package voice_test

import (
	"bytes"
	"testing"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

func BenchmarkParse(b *testing.B) {
	a, _, _, _ := generate(b, 1, million, 40_000, voice.LivePlant)
	lines := bytes.Split(a, []byte("\n"))[1:]
	lines = lines[:len(lines)-1]
	p := voice.Parser{Pair: usage.Pair{"ALPHA", "BRAVO"}}
	b.SetBytes(int64(len(a)))
	var row voice.Row
	for b.Loop() {
		for _, l := range lines {
			if err := p.Parse(l, &row); err != nil {
				b.Fatal(err)
			}
		}
	}
	perSecond(b, "rows", len(lines))
}
