// Package zone is the time zone tables that every node of a rule version has
// alike: the IANA database, compiled in. The machine's own tables are never
// read, because two nodes with different ones would cut different periods.
package zone

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// Version is the release of the IANA time zone database that is compiled in
// (public domain; the file is the one that Go 1.26 carries). It is part of the
// rule version of a channel.
const Version = "2025c"

// CodeUnknownZone says that a name is no zone of the IANA database.
const CodeUnknownZone fault.Code = "unknown-zone"

//go:embed zoneinfo.zip
var archive []byte

// loaded keeps the zones read so far; a zone is the same whoever reads it first.
var loaded sync.Map // string to *time.Location

// Load gives the zone of an IANA name such as "Europe/Berlin"; "" and "UTC" are
// UTC. Any other name is refused with code [CodeUnknownZone].
func Load(name string) (*time.Location, error) {
	if name == "" || name == "UTC" {
		return time.UTC, nil
	}
	if l, ok := loaded.Load(name); ok {
		return l.(*time.Location), nil
	}
	unknown := fault.Newf(CodeUnknownZone, "use a name of the IANA time zone database, like Europe/Berlin", "no time zone is called %.40q", name)
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
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
	loaded.Store(name, l)
	return l, nil
}
