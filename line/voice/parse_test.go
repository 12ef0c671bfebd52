package voice_test

import (
	"bytes"
	"math/rand/v2"
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

func TestDigitsAreReadAsOneByOne(t *testing.T) {
	for range 200_000 {
		b := make([]byte, 17+rand.IntN(8))
		for i := range b {
			b[i] = byte('0' + rand.IntN(10))
			if rand.IntN(12) == 0 {
				b[i] = byte(rand.IntN(256))
			}
		}
		if v, n := voice.NumberAt(b); n > 0 {
			text := bytes.TrimPrefix(b[:n], []byte("+"))
			want, ok := usage.ParseNumber(text)
			if !ok || want != v || n < len(b) && b[n] >= '0' && b[n] <= '9' {
				t.Fatalf("%q is read as %d, %d bytes", b, v, n)
			}
		} else if n < 0 {
			i := 0
			if b[0] == '+' {
				i = 1
			}
			end := i
			for end < len(b) && b[end] >= '0' && b[end] <= '9' {
				end++
			}
			if _, ok := usage.ParseNumber(b[i:end]); ok {
				t.Fatalf("%q is refused", b)
			}
		}
	}
}

func TestATextIsPlainWithoutCommasQuotesAndOtherThanASCII(t *testing.T) {
	for range 200_000 {
		b := make([]byte, rand.IntN(30))
		want := true
		for i := range b {
			b[i] = byte(rand.IntN(128))
			if rand.IntN(30) == 0 {
				b[i] = byte(rand.IntN(256))
			}
			want = want && b[i] < 0x80 && b[i] != ',' && b[i] != '"'
		}
		if got := voice.Plain(b); got != want {
			t.Fatalf("%q: %v", b, got)
		}
	}
}
