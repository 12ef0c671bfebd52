package node

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store"
)

func TestTheCatalogueKnowsTheFilesThatTheConfigurationNames(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("schemas/machine.json", `{"$id":"urn:acme:machine:v1","type":"object"}`)
	write("schemas/broken.json", `{"$id":"urn:acme:broken:v1","$ref":"nowhere.json"}`)
	good := write("places.csv", "id,name,country,latitude,longitude\nmil-dc1,Milan DC1,IT,45.47,9.2\n")
	bad := write("bad.csv", "id,name,country,latitude,longitude\nmil-dc1,Milan DC1,Italy,45.47,9.2\n")
	db, err := store.Open(dir, store.Options{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var log bytes.Buffer
	c, err := openCatalog(Catalog{Schemas: filepath.Join(dir, "schemas"), Places: good}, db, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Schemas().Knows("urn:acme:machine:v1") || c.Schemas().Knows("urn:acme:broken:v1") || !strings.Contains(log.String(), "broken.json") {
		t.Errorf("%+v\n%s", c.Schemas().List(), &log)
	}
	if p, err := c.Places().Find("Milan DC1"); err != nil || p.ID != "mil-dc1" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, _, err := catalog.Put(c, catalog.Specification{ID: "m", Name: "Machine", Type: "urn:acme:machine:v1"}, "pm", 1); err != nil {
		t.Error(err)
	}
	for path, code := range map[string]fault.Code{bad: fault.Invalid, filepath.Join(dir, "nowhere"): fault.NotFound} {
		if _, err := openCatalog(Catalog{Places: path}, db, slog.New(slog.DiscardHandler)); fault.CodeOf(err) != code || fault.Of(err).Field != "catalog.places" {
			t.Errorf("%s: %v", path, err)
		}
	}
}
