package usage

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// ZoneVersion is the release of the IANA time zone database that is compiled in
// (public domain; the file is the one that Go 1.26 carries). It is part of the
// rule version of a channel.
const ZoneVersion = "2025c"

// CodeUnknownZone says that a name is no zone of the IANA database.
const CodeUnknownZone fault.Code = "unknown-zone"

// zoneinfo is the time zone tables that every node of a rule version has alike.
// The machine's own tables are never read, because two nodes with different
// ones would cut different periods.
//
//go:embed zoneinfo.zip
var zoneinfo []byte

// zones keeps the zones read so far; a zone is the same whoever reads it first.
var zones sync.Map // string to *time.Location

// loadZone gives the zone of an IANA name such as "Europe/Berlin"; "" and "UTC" are
// UTC. Any other name is refused with code [CodeUnknownZone].
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "UTC" {
		return time.UTC, nil
	}
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	unknown := fault.Newf(CodeUnknownZone, "use a name of the IANA time zone database, like Europe/Berlin", "no time zone is called %.40q", name)
	files, err := zip.NewReader(bytes.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		return nil, unknown.Because(err)
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, unknown.Because(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, unknown.Because(err)
	}
	l, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, unknown.Because(err)
	}
	zones.Store(name, l)
	return l, nil
}
