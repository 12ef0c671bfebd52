package proof

import (
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

// publicDocument proves that a/1 and c/1 are so, and that there is no b/1.
func publicDocument(t testing.TB) Public {
	t.Helper()
	tree := merkle.NewSparse(nil)
	if _, err := tree.Update([]merkle.Write{{Key: "a/1", Value: []byte("one")}, {Key: "c/1", Value: []byte("three")}, {Key: "d/1", Value: []byte("four")}}); err != nil {
		t.Fatal(err)
	}
	p, err := ProvePublic(tree, []PublicRecord{{Key: "a/1", Value: []byte("one")}, {Key: "b/1"}, {Key: "c/1", Value: []byte("three")}})
	if err != nil {
		t.Fatal(err)
	}
	p.Log = merkle.ListRoot([][]byte{[]byte("omnilateral block")})
	p.Certificate = certify(testChain, OmniRoot(p.State, p.Log))
	return p
}

func TestRecordsOfTheOmnilateralAreProvenAndTheirAbsence(t *testing.T) {
	p, ok := ReadPublic(publicDocument(t).Marshal())
	if !ok {
		t.Fatal("the document is not read")
	}
	v, err := p.Verify(trust)
	if err != nil || v.Height != 90 || v.Time != 1_700_000_000_000 || len(v.Records) != 3 || string(v.Records["c/1"]) != "three" || v.Records["b/1"] != nil {
		t.Fatalf("proven are %+v, %v", v, err)
	}
	if _, ok := ReadPublic(newWorld(t).document(t).Marshal()); ok {
		t.Error("a document of a Bilateral is taken for one of the Omnilateral")
	}
	if _, err := Verify(publicDocument(t).Marshal(), trust); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a document of the Omnilateral is taken for one of a Bilateral: %v", err)
	}
}

func TestEachAlteredByteOfAPublicDocumentIsRefused(t *testing.T) {
	doc := publicDocument(t).Marshal()
	passes := func(doc []byte) bool {
		p, ok := ReadPublic(doc)
		if !ok {
			return false
		}
		_, err := p.Verify(trust)
		return err == nil
	}
	for i := range doc {
		for _, flip := range []byte{1 << (i % 8), 0xff} {
			doc[i] ^= flip
			if passes(doc) {
				t.Errorf("byte %d of %d flipped by %#x passes", i, len(doc), flip)
			}
			doc[i] ^= flip
		}
	}
	if passes(append(doc, 0)) {
		t.Error("a trailing byte passes")
	}
}

func TestWhatIsNotSoOnTheOmnilateralIsRefusedByName(t *testing.T) {
	for name, c := range map[string]struct {
		field string
		lie   func(*Public)
	}{
		"another value":                    {"records", func(p *Public) { p.Records[0].Value = []byte("two") }},
		"a record that is there as absent": {"records", func(p *Public) { p.Records[0].Value = nil }},
		"a record that is not there":       {"records", func(p *Public) { p.Records[1].Value = []byte("two") }},
		"a record twice":                   {"records", func(p *Public) { p.Records[1] = p.Records[0] }},
		"no record":                        {"records", func(p *Public) { p.Records = nil }},
		"another network":                  {"certificate", func(p *Public) { p.Certificate = certify("test-2", OmniRoot(p.State, p.Log)) }},
		"another log":                      {"certificate", func(p *Public) { p.Log = canon.Sum("another") }},
		"another state":                    {"certificate", func(p *Public) { p.State = canon.Sum("another") }},
	} {
		p := publicDocument(t)
		c.lie(&p)
		if _, err := p.Verify(trust); fault.CodeOf(err) != fault.Refused || fault.Of(err).Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}
