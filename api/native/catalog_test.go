package native_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
)

const shelf = `catalogue: 1
links:
  - {id: link-ZYZZYVA, bandwidth: 1000000000}
specifications:
  - {id: e-line, name: Ethernet line, type: "urn:lateral:spec:e-line:v1.0.0:all"}
offerings:
  - id: part-ZYZZYVA
    name: Part ZYZZYVA
    specification: e-line
    state: launched
    prices: [{name: port, kind: recurring, currency: EUR, rate: "1000", unit: 1, period: {length: 1mo}}]
  - id: hk-mil
    name: Hong Kong to Milan
    description: ZYZZYVA
    specification: e-line
    state: launched
    legs: [{a: {place: HKHKG}, z: {place: ITMIL, neighbour: ZYZZYVA}, links: [link-ZYZZYVA]}]
    parts: [{offering: part-ZYZZYVA, margin: {share: 123456}}]
`

// Whatever is done with a catalogue, nothing of it goes on the ledger, sealed or
// not, and nothing comes to the partner.
func TestACatalogueNeverLeavesItsNode(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	ctx := within(t)
	pm := alpha.client(api.ProductManager)
	eventually(t, "nothing is under way", func() bool {
		a, err := alpha.client(api.Clerk).Status(ctx)
		b, err2 := bravo.client(api.Clerk).Status(ctx)
		return err == nil && err2 == nil && !a.Busy && !b.Busy && a.Height == b.Height
	})
	before := must(pm.Status(ctx)).Height
	if p, err := pm.ImportCatalog(ctx, "shelf", false, strings.NewReader(shelf)); err != nil || p.Number != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	found, err := pm.SearchCatalog(ctx, client.Filter{"a": "Hong Kong", "z_neighbour": "*"})
	if err != nil || len(found.Matches) != 1 || found.Matches[0].Parts[0].Margin.Share != 123456 {
		t.Fatalf("%+v, %v", found, err)
	}
	claim := catalog.Claim{ID: "r-ZYZZYVA", Offering: "hk-mil", Inquiry: catalog.Inquiry{A: catalog.Spot{Place: "HKHKG"}, Z: catalog.Spot{Neighbour: "*"}}, Expires: 1 << 43}
	if h, err := pm.Reserve(ctx, claim); err != nil || h.State != catalog.Reserved || h.Links[0] != "link-ZYZZYVA" {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, err := pm.ConfirmReservation(ctx, "r-ZYZZYVA", "O-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := pm.Offerings().Step(ctx, "hk-mil", catalog.PutOnHold, "ZYZZYVA"); err != nil {
		t.Fatal(err)
	}
	after := must(pm.Status(ctx)).Height
	if after != before {
		t.Errorf("the ledger went from height %d to %d", before, after)
	}
	if all, err := client.Collect(bravo.client(api.Auditor).Offerings().List(ctx, nil)); err != nil || len(all) != 0 {
		t.Errorf("the partner has %+v, %v", all, err)
	}
	alpha.stop()
	bravo.stop()
	read, own := 0, false
	err = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(data, []byte("ZYZZYVA")) {
			read += len(data)
			return err
		}
		if inside, _ := filepath.Rel(filepath.Join(alpha.dir(), "store"), path); !filepath.IsLocal(inside) {
			t.Errorf("%s holds something of the catalogue", path)
		}
		own = true
		return nil
	})
	if err != nil || read < 10_000 || !own {
		t.Errorf("%d bytes were read, the own store has it %v, %v", read, own, err)
	}
}

func TestAFileWithBadRowsIsRefusedWithTheFirst(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	ctx := within(t)
	pm := s.client(api.ProductManager)
	bad := shelf + "  - {id: x y, name: X, specification: e-line}\n"
	p, err := pm.PreviewCatalog(ctx, strings.NewReader(bad))
	if err != nil || len(p.Rejected) != 1 || p.Rejected[0].Line != 19 {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = pm.ImportCatalog(ctx, "bad", false, strings.NewReader(bad))
	if f := fault.Of(err); f == nil || f.Code != catalog.CodeRowsRejected || f.Field != "id" {
		t.Errorf("%v", err)
	}
	if p, err := pm.ImportCatalog(ctx, "bad", true, strings.NewReader(bad)); err != nil || p.Number != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	text, err := pm.ExportCatalog(ctx, "json")
	if err != nil || !bytes.Contains(text, []byte(`"share": 123456`)) {
		t.Errorf("%s, %v", text, err)
	}
	if _, err := pm.ExportCatalog(ctx, "xml"); fault.Of(err).Field != "format" {
		t.Errorf("%v", err)
	}
	checked, err := pm.CheckPayload(ctx, []byte(`{"@type":"urn:lateral:spec:uni:v1.0.0:all","speed":1000000000}`))
	if err != nil || len(checked.Violations) != 1 || checked.Violations[0].Pointer != "/medium" {
		t.Errorf("%+v, %v", checked, err)
	}
}
