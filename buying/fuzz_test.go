package buying

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/mesh"
)

var example = mesh.Inquiry{Product: "urn:lateral:spec:e-line:v1.0.0:all", A: mesh.Place{ID: "enni/E-1", Country: "SG", North: 129_000, East: 10_385_000}, Z: mesh.Place{ID: "ITMIL", Name: "Milan", Country: "IT"},
	Bandwidth: 100_000_000, Window: mesh.Window{From: 1_800_000_000_000}, Months: 12, Currency: "EUR", MaxLatency: 180_000, MinAvailability: 999_000_000}

// Whoever changes a vector changes what neighbours read.
func TestGoldenVectors(t *testing.T) {
	item := mesh.Item{Ref: mesh.ID{1}, Priced: true, Until: 1_800_000_000_000, Offer: mesh.Offer{Price: mesh.Price{Once: 5, Each: 7}, Latency: 20_000, Availability: 999_900_000}}
	id := quoteID("BRAVO", "q-1")
	for name, v := range map[string]struct {
		got  []byte
		want string
	}{
		"inquired":      {[]byte(request(&mesh.Header{}, &example, mesh.ID{}).Get(InquiredHeader)), goldenInquired},
		"offers":        {encodeOffers(mesh.Qualified{Complete: true, Items: []mesh.Item{item}}), goldenOffers},
		"reach":         {reachMessage{"E-1", []byte{1, 0}}.encode(), goldenReach},
		"quote id":      {id[:], goldenQuoteID},
		"configuration": {configuration(&example), goldenConfiguration},
	} {
		if got := hex.EncodeToString(v.got); got != v.want {
			t.Errorf("%s is %s, want %s", name, got, v.want)
		}
	}
}

func TestWhatIsAskedIsReadAsItIsWritten(t *testing.T) {
	h := mesh.Header{Hops: 3, Asks: 7, Time: 900, Tag: mesh.Tag{5}}
	budget, q, item, ok, err := asked(request(&h, &example, mesh.ID{9}))
	if err != nil || !ok || *budget != h || q != example || item != (mesh.ID{9}) {
		t.Errorf("is read as %+v %+v %v %v %v", budget, q, item, ok, err)
	}
	if _, _, _, ok, err := asked(http.Header{}); ok || err != nil {
		t.Errorf("no header is read as one: %v", err)
	}
	for _, bad := range []string{"AA", "====", string(bytes.Repeat([]byte("A"), maxInquired+1))} {
		if _, _, _, ok, err := asked(http.Header{InquiredHeader: {bad}}); ok || fault.CodeOf(err) != CodeBadInquired {
			t.Errorf("%.20q is read: %v", bad, err)
		}
	}
}

func FuzzAsked(f *testing.F) {
	h := request(&mesh.Header{Hops: 2}, &example, mesh.ID{})
	f.Add(h.Get(InquiredHeader), h.Get(mesh.HeaderName), "")
	f.Add("", "1;h=3", "zz")
	f.Fuzz(func(t *testing.T, inquired, budget, item string) {
		in := http.Header{InquiredHeader: {inquired}, mesh.HeaderName: {budget}, OfferHeader: {item}}
		b, q, ref, ok, err := asked(in)
		if err != nil || !ok {
			return
		}
		if b == nil {
			b = &mesh.Header{}
		}
		if again := request(b, &q, ref); again.Get(InquiredHeader) != inquired {
			t.Fatalf("a second form is read: %q", inquired)
		}
	})
}

func FuzzOffers(f *testing.F) {
	f.Add(encodeOffers(mesh.Qualified{Items: []mesh.Item{{Ref: mesh.ID{1}, Until: 7}}}))
	f.Add(encodeOffers(mesh.Qualified{Left: 7}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decodeOffers(raw, mesh.ID{})
		if err == nil && !bytes.Equal(encodeOffers(m), raw) {
			t.Fatal("a second encoding is read")
		}
	})
}

func FuzzKept(f *testing.F) {
	f.Add(canon.Must(keptOrder{Order: mesh.Order{ID: mesh.ID{1}, Up: -1, Down: 0, Next: &mesh.Revision{Number: 1, Stage: mesh.Reserved}}, Down: "E-1"}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var k keptOrder
		if canon.Decode(raw, &k) == nil && !bytes.Equal(canon.Must(k), raw) {
			t.Fatal("a kept order is read in two ways")
		}
	})
}

const (
	goldenInquired      = "71514634496e5679626a70735958526c636d46734f6e4e775a574d365a5331736157356c4f6e59784c6a41754d447068624777437041466f5a573575615339464c544544596c4e4842526f414166666f42686f416e6e5a6f41364d425a556c5554556c4d416d564e6157786862674e695356514547675831345141466f514562414141426f786863554141474441646a5256565343426f414172386743526f3769346641"
	goldenOffers        = "a3010102f50381a601500100000000000000000000000000000002a20105020703f504194e20051a3b994360061b000001a3185c5000"
	goldenReach         = "a20163452d3102420100"
	goldenQuoteID       = "f422bd9167c998b5497ed481ba3fa65b"
	goldenConfiguration = "7b224074797065223a2275726e3a6c61746572616c3a737065633a652d6c696e653a76312e302e303a616c6c222c2262616e647769647468223a3130303030303030302c22656e6441223a7b22696e74657266616365223a22656e6e69227d2c22656e645a223a7b22696e74657266616365223a22756e69227d2c226c6174656e63794f626a656374697665223a3138303030307d"
)
