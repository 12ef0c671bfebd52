// Command zonegen writes zones.txt from the time zone tables that the Go
// toolchain carries. Run it with go generate ./trade/usage, where a constant
// names the release and the form is explained.
package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	files, err := zip.OpenReader(filepath.Join(runtime.GOROOT(), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	names := map[string][]string{} // by content: one zone has several names
	for _, f := range files.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			log.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			log.Fatal(err)
		}
		text := zone(data)
		names[text] = append(names[text], f.Name)
	}
	var out []string
	for text, n := range names {
		slices.Sort(n)
		out = append(out, strings.Join(n, " ")+"\n"+text)
	}
	slices.Sort(out)
	if err := os.WriteFile("zones.txt", []byte(strings.Join(out, "")), 0o644); err != nil {
		log.Fatal(err)
	}
}

// zone gives the second, 64-bit part of a file of RFC 8536 as three lines: the
// rule for the time after the last change, the kinds of local time, and the
// changes.
func zone(data []byte) string {
	const header = 44
	count := func(at, i int) int { return int(binary.BigEndian.Uint32(data[at+20+4*i:])) }
	// utc, standard, leap, changes, kinds, letters
	at := header + count(0, 3)*5 + count(0, 4)*6 + count(0, 5) + count(0, 2)*8 + count(0, 1) + count(0, 0)
	if string(data[:4]) != "TZif" || data[4] < '2' || count(at, 2) != 0 {
		log.Fatal("a table is not of the expected form")
	}
	changes, kinds, letters := count(at, 3), count(at, 4), count(at, 5)
	times := data[at+header:]
	which := times[8*changes:]
	types := which[changes:]
	text := types[6*kinds:]
	rule := text[letters+count(at, 1)+count(at, 0):]
	var b strings.Builder
	fmt.Fprintf(&b, "\t%s\n\t", strings.Trim(string(rule), "\n"))
	for i := range kinds {
		t := types[6*i:]
		name, _, _ := bytes.Cut(text[t[5]:], []byte{0})
		fmt.Fprintf(&b, " %s,%d,%d", name, int32(binary.BigEndian.Uint32(t)), t[4])
	}
	b.WriteString("\n\t")
	last := int64(0)
	for i := range changes {
		t := int64(binary.BigEndian.Uint64(times[8*i:]))
		fmt.Fprintf(&b, " %d,%d", t-last, which[i])
		last = t
	}
	return b.String() + "\n"
}
