package usage

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// ZoneVersion is the release of the IANA time zone database that is compiled in
// (public domain). It is part of the rule version of a channel.
const ZoneVersion = "2025c"

// CodeUnknownZone says that a name is no zone of the IANA database.
const CodeUnknownZone fault.Code = "unknown-zone"

// zoneText is the time zone tables that every node of a rule version has alike.
// The machine's own tables are never read, because two nodes with different
// ones would cut different periods. Each zone has a line with its names and
// three indented ones: the rule behind the last change (POSIX TZ); the kinds of
// local time, each name, seconds east of UTC, and 1 in summer; and the changes,
// each in seconds since the one before (the first since 1970) and the kind that
// begins.
//
//go:generate go run ../../internal/zonegen
//go:embed zones.txt
var zoneText string

// zoneTable gives the three lines of each name's zone.
var zoneTable = sync.OnceValue(func() map[string]string {
	table := map[string]string{}
	for text := zoneText; text != ""; {
		names, rest, _ := strings.Cut(text, "\n")
		end := 0
		for range 3 {
			end += strings.IndexByte(rest[end:], '\n') + 1
		}
		for name := range strings.FieldsSeq(names) {
			table[name] = rest[:end]
		}
		text = rest[end:]
	}
	return table
})

// zones keeps the zones read so far; a zone is the same whoever reads it first.
var zones sync.Map // string to *time.Location

// LoadZone gives the zone of an IANA name such as "Europe/Berlin"; "" and "UTC" are
// UTC. Any other name is refused with code [CodeUnknownZone].
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "UTC" {
		return time.UTC, nil
	}
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	text, ok := zoneTable()[name]
	if !ok {
		return nil, fault.Newf(CodeUnknownZone, "use a name of the IANA time zone database, like Europe/Berlin", "no time zone is called %.40q", name)
	}
	l, err := time.LoadLocationFromTZData(name, zoneFile(text))
	if err != nil {
		panic(fmt.Sprintf("the table of the zone %s that is compiled in cannot be read: %v", name, err))
	}
	zones.Store(name, l)
	return l, nil
}

// zoneFile makes of a zone's three lines what the time package reads: a file of
// RFC 8536 whose first, 32-bit part is empty.
func zoneFile(text string) []byte {
	lines := strings.Split(text, "\n")
	var times, which, types, letters []byte
	kinds, changes := 0, 0
	for kind := range strings.FieldsSeq(lines[1]) {
		f := strings.Split(kind, ",")
		types = binary.BigEndian.AppendUint32(types, uint32(zoneNumber(f[1])))
		types = append(types, byte(zoneNumber(f[2])), byte(len(letters)))
		letters = append(append(letters, f[0]...), 0)
		kinds++
	}
	at := int64(0)
	for change := range strings.FieldsSeq(lines[2]) {
		f := strings.Split(change, ",")
		at += zoneNumber(f[0])
		times = binary.BigEndian.AppendUint64(times, uint64(at))
		which = append(which, byte(zoneNumber(f[1])))
		changes++
	}
	header := func(changes, kinds, letters int) []byte {
		h := append([]byte("TZif2"), make([]byte, 15)...)
		for _, n := range []int{0, 0, 0, changes, kinds, letters} {
			h = binary.BigEndian.AppendUint32(h, uint32(n))
		}
		return h
	}
	out := append(header(0, 0, 0), header(changes, kinds, len(letters))...)
	for _, part := range [][]byte{times, which, types, letters} {
		out = append(out, part...)
	}
	return append(out, "\n"+strings.TrimSpace(lines[0])+"\n"...)
}

func zoneNumber(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("the zone tables that are compiled in hold " + s)
	}
	return n
}
