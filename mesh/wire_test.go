package mesh

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

func TestAHeaderIsReadAsItIsWritten(t *testing.T) {
	h := Header{Hops: 3, Asks: 88, Time: 2350, Tag: Tag{0xab, 15: 0x01}}
	const want = "1;h=3;a=88;t=2350;i=ab000000000000000000000000000001"
	if h.Encode() != want {
		t.Errorf("is written %s", h.Encode())
	}
	if got, err := DecodeHeader(want); err != nil || got != h {
		t.Errorf("is read as %+v, %v", got, err)
	}
}

func TestEveryOtherHeaderIsRefused(t *testing.T) {
	for _, s := range []string{"", "1", "2;h=3;a=88;t=2350;i=ab000000000000000000000000000001", "1;h=16;a=88;t=2350;i=ab000000000000000000000000000001",
		"1;h=3;a=10000;t=2350;i=ab000000000000000000000000000001", "1;h=3;a=88;t=60001;i=ab000000000000000000000000000001",
		"1;h=03;a=88;t=2350;i=ab000000000000000000000000000001", "1;h=-1;a=88;t=2350;i=ab000000000000000000000000000001",
		"1;h=3;a=88;t=2350;i=AB000000000000000000000000000001", "1;h=3;a=88;t=2350;i=ab", "1;a=88;h=3;t=2350;i=ab000000000000000000000000000001",
		"1;h=3;a=88;t=2350;i=ab000000000000000000000000000001;x=1", "1;h= 3;a=88;t=2350;i=ab000000000000000000000000000001"} {
		if h, err := DecodeHeader(s); fault.CodeOf(err) != CodeBadHeader {
			t.Errorf("%q is read as %+v, %v", s, h, err)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(Header{Hops: 4, Asks: 480, Time: 4900}.Encode())
	f.Add("1;h=;a=;t=;i=")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := DecodeHeader(s); err == nil && h.Encode() != s {
			t.Fatalf("%q is written %q", s, h.Encode())
		}
	})
}

func TestReachIsReadAsItIsWritten(t *testing.T) {
	r := &Reach{Levels: [][]Print{prints([]string{"a", "b", "c"}), {}, prints([]string{"d"})}}
	got, err := DecodeReach(r.Encode())
	if err != nil || !got.Equal(r) {
		t.Errorf("is read as %+v, %v", got, err)
	}
	for i, place := range []string{"a", "d"} {
		if level, ok := got.level(PrintOf(place), 3); !ok || level != 2*i {
			t.Errorf("%s is at level %d, %v", place, level, ok)
		}
	}
	if _, ok := got.level(PrintOf("d"), 1); ok {
		t.Error("a place is seen beyond the level that was asked for")
	}
	for _, bad := range [][]byte{nil, {1}, {2, 0}, {1, 5}, {1, 1, 1}, {1, 1, 2, 3, 0}, {1, 1, 1, 0x80, 0x00}, {1, 0, 0}, {1, 1, 1, 0xff, 0xff, 0xff, 0x7f}} {
		if _, err := DecodeReach(bad); fault.CodeOf(err) != CodeBadReach {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

func TestAPrintIsFoundInListsOfEveryShape(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, size := range []int{0, 1, 2, 70, 1000, 20_000} {
		for _, within := range []uint32{1 << printBits, 1 << 14, 3} { // even lists, and lists that are not
			var l []Print
			in := map[Print]bool{}
			for range size {
				p := Print(r.Uint32N(within))
				l, in[p] = append(l, p), true
			}
			slices.Sort(l)
			l = slices.Compact(l)
			for i := range 2000 {
				p := Print(r.Uint32N(min(4*within, 1<<printBits)))
				if i < len(l) {
					p = l[i]
				}
				if listed(l, p) != in[p] {
					t.Fatalf("of %d prints below %d, %d is listed: %v", size, within, p, !in[p])
				}
			}
		}
	}
}

func FuzzReach(f *testing.F) {
	f.Add((&Reach{Levels: [][]Print{{1, 2, 70_000}, {}}}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeReach(data)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Encode(), data) {
			t.Fatal("a second encoding was read")
		}
		for _, l := range r.Levels {
			if !slices.IsSorted(l) {
				t.Fatal("prints are not sorted")
			}
		}
	})
}

// Whoever changes a vector changes what partners recognise.
func TestGoldenVectors(t *testing.T) {
	inquiry := wanted("a", "z")
	q := Quote{ID: ID{1}, Seller: "BRAVO", Buyer: "ALPHA", Inquiry: inquiry.Hash(), Tag: Tag{2}, Currency: "USD",
		Price: Price{Once: 5_000_000, Each: 150_000_000}, Months: 12, Latency: 20_000, Availability: 999_000_000,
		Legs: []Leg{{From: "a", To: "z", OnNet: true, Latency: 20_000, Availability: 999_000_000}}, Until: 1_800_000_000_000}
	secret := [32]byte{1}
	tag := root(&secret, 1)
	next := tag.Next()
	standing := inquiry
	standing.Hours = 40
	hourly := inquiry
	hourly.Months, hourly.Period = 0, "1h"
	masked := tag.Mask([]byte("key"), ID{1})
	for name, v := range map[string]struct {
		got  []byte
		want string
	}{
		"inquiry":  {func() []byte { h := inquiry.Hash(); return h[:] }(), goldenInquiry},
		"standing": {func() []byte { h := standing.Hash(); return h[:] }(), goldenStanding},
		"hourly":   {func() []byte { h := hourly.Hash(); return h[:] }(), goldenHourly},
		"root":     {tag[:], goldenRoot},
		"next":     {next[:], goldenNext},
		"masked":   {masked[:], goldenMasked},
		"print":    {[]byte{byte(PrintOf("a") >> 16), byte(PrintOf("a") >> 8), byte(PrintOf("a"))}, goldenPrint},
	} {
		if got := hex.EncodeToString(v.got); got != v.want {
			t.Errorf("%s is %s, want %s", name, got, v.want)
		}
	}
	var back Supply
	kept := Supply{Sold: Signed{Quote: q}, Bought: &Signed{Quote: q, Proof: []byte("proof")}, Own: []OwnLeg{{Of: "x"}}}
	if err := canon.Decode(canon.Must(kept), &back); err != nil || !bytes.Equal(canon.Must(back), canon.Must(kept)) {
		t.Errorf("what a quote rests on is not read as it was kept: %v", err)
	}
}

const (
	goldenInquiry  = "f33ef340882b2c72341a2333219b6f49177d57f3b5c4782c7ebefed3bb61167a"
	goldenStanding = "1d2378f5e4a46944ea2a99aa0e014ee75af4f158f2db6b849b157ddde57565ad"
	goldenHourly   = "b35314bb9e2f39c480ef31fc2744fccde8c13ecd14bbf76278a707d74bbec149"
	goldenRoot     = "0a5dcd130fbc4bb2676b1133549de6e8"
	goldenNext     = "868267a090e6caf0017d81f7a3e87281"
	goldenMasked   = "ece2c7114071476ee108d1f9742a3f00"
	goldenPrint    = "b8ab4d"
)
