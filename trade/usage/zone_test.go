package usage

import (
	"archive/zip"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// The Go toolchain carries the tables as well; where it is of our release, each
// zone must change at the same moments to the same local time.
func TestTheZonesAreThoseOfTheToolchain(t *testing.T) {
	files, err := zip.OpenReader(filepath.Join(runtime.GOROOT(), "lib", "time", "zoneinfo.zip"))
	if err != nil || !strings.HasPrefix(runtime.Version(), "go1.26") {
		t.Skipf("%s does not carry the tables of release %s: %v", runtime.Version(), ZoneVersion, err)
	}
	defer files.Close()
	compared := 0
	for _, f := range files.File {
		if strings.HasSuffix(f.Name, "/") || f.Name == "UTC" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := time.LoadLocationFromTZData(f.Name, data)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := LoadZone(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		same := func(at time.Time) {
			a, b := at.In(ours), at.In(theirs)
			nameA, offsetA := a.Zone()
			nameB, offsetB := b.Zone()
			if nameA != nameB || offsetA != offsetB || a.IsDST() != b.IsDST() {
				t.Fatalf("%s at %s: %s%+d, and the toolchain has %s%+d", f.Name, at, nameA, offsetA, nameB, offsetB)
			}
		}
		for at := time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2100; at = at.AddDate(0, 0, 27) {
			same(at)
		}
		at := int64(0)
		for change := range strings.FieldsSeq(strings.Split(zoneTable()[f.Name], "\n")[2]) {
			since, _, _ := strings.Cut(change, ",")
			at += zoneNumber(since)
			same(time.Unix(at-1, 0))
			same(time.Unix(at, 0))
		}
		compared++
	}
	if compared != len(zoneTable())-1 { // all but UTC
		t.Errorf("%d zones compared of %d", compared, len(zoneTable()))
	}
}

func TestANameThatIsNoZoneIsRefused(t *testing.T) {
	for _, name := range []string{"Europe", "europe/berlin", "../UTC", "Europe/Berlin ", "Local", "\tGMT0"} {
		if _, err := LoadZone(name); fault.CodeOf(err) != CodeUnknownZone {
			t.Errorf("%q gives %v", name, err)
		}
	}
}
