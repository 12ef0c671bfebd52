package pdf

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"testing"
)

func TestTheTableOfADocumentLeadsToItsObjects(t *testing.T) {
	var d Document
	for i := range 3 * lines {
		d.Bold(Cell{Text: fmt.Sprintf("line %d (a\\b) € 你", i)}, Cell{At: 300, Right: true, Text: "1.50"})
	}
	b := d.Bytes()
	start, err := strconv.Atoi(string(regexp.MustCompile(`startxref\n(\d+)`).FindSubmatch(b)[1]))
	if err != nil || !bytes.HasPrefix(b[start:], []byte("xref\n")) {
		t.Fatalf("the table is not at %d", start)
	}
	for i, m := range regexp.MustCompile(`(\d{10}) 00000 n `).FindAllSubmatch(b, -1) {
		at, _ := strconv.Atoi(string(m[1]))
		if want := fmt.Sprintf("%d 0 obj\n", i+1); !bytes.HasPrefix(b[at:], []byte(want)) {
			t.Errorf("object %d is not at %d", i+1, at)
		}
	}
	if !bytes.Contains(b, []byte("/Count 3")) || !bytes.Contains(b, []byte("line 7 \\(a\\\\b\\) \x80 ?")) {
		t.Errorf("pages or letters are lost")
	}
	for _, m := range regexp.MustCompile(`/Length (\d+) >>\nstream\n`).FindAllSubmatchIndex(b, -1) {
		n, _ := strconv.Atoi(string(b[m[2]:m[3]]))
		if !bytes.HasPrefix(b[m[1]+n:], []byte("\nendstream")) {
			t.Errorf("a stream is not %d bytes long", n)
		}
	}
	if !bytes.Equal(b, d.Bytes()) {
		t.Error("the same lines gave other bytes")
	}
}
