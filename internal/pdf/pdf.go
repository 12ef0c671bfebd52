// Package pdf writes plain pages of text as PDF: lines in columns, in the fonts
// that every reader has. Letters beyond Windows-1252 are written as "?".
package pdf

import (
	"bytes"
	"fmt"
	"strings"
)

// Page sizes and margins, in points (1/72 inch): A4.
const (
	width  = 595
	height = 842
	margin = 50
	// lines of a page, and points of one.
	leading = 14
	lines   = (height - 2*margin) / leading
)

// Cell is a piece of text in a line.
type Cell struct {
	At    int  // points from the left margin
	Right bool // the text ends there
	Text  string
}

// Document is lines of cells. The zero Document is empty.
type Document struct {
	rows []row
}

type row struct {
	bold  bool
	cells []Cell
}

// Line adds a line.
func (d *Document) Line(cells ...Cell) { d.rows = append(d.rows, row{false, cells}) }

// Bold adds a line in bold.
func (d *Document) Bold(cells ...Cell) { d.rows = append(d.rows, row{true, cells}) }

// Bytes gives the file. The same lines give the same bytes.
func (d *Document) Bytes() []byte {
	pages := max(1, (len(d.rows)+lines-1)/lines)
	var out bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n", len(offsets))
		fmt.Fprintf(&out, format, args...)
		out.WriteString("\nendobj\n")
	}
	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	var kids []string
	for i := range pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", 5+2*i))
	}
	object("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), pages)
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>")
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Courier-Bold /Encoding /WinAnsiEncoding >>")
	for i := range pages {
		content := d.page(d.rows[i*lines : min(len(d.rows), (i+1)*lines)])
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /Font << /R 3 0 R /B 4 0 R >> >> /Contents %d 0 R >>", width, height, 6+2*i)
		object("<< /Length %d >>\nstream\n%s\nendstream", len(content), content)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return out.Bytes()
}

// Size of the letters in points; a letter of Courier is 0.6 of it wide.
const size = 9

func (d *Document) page(rows []row) []byte {
	var b bytes.Buffer
	for i, r := range rows {
		font := "R"
		if r.bold {
			font = "B"
		}
		for _, c := range r.cells {
			text := encode(c.Text)
			x := float64(margin + c.At)
			if c.Right {
				x -= 0.6 * size * float64(len(text))
			}
			fmt.Fprintf(&b, "BT /%s %d Tf %.1f %d Td (%s) Tj ET\n", font, size, x, height-margin-(i+1)*leading, escape(text))
		}
	}
	return b.Bytes()
}

// windows are the letters that Windows-1252 has between 0x80 and 0x9f.
var windows = map[rune]byte{'€': 0x80, '‚': 0x82, 'ƒ': 0x83, '„': 0x84, '…': 0x85, '†': 0x86, '‡': 0x87, '‰': 0x89, 'Š': 0x8a, 'Œ': 0x8c, 'Ž': 0x8e,
	'‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96, '—': 0x97, '™': 0x99, 'š': 0x9a, 'œ': 0x9c, 'ž': 0x9e, 'Ÿ': 0x9f}

func encode(s string) []byte {
	var b []byte
	for _, r := range s {
		switch w, ok := windows[r]; {
		case ok:
			b = append(b, w)
		case r >= ' ' && r < 0x7f, r >= 0xa0 && r <= 0xff:
			b = append(b, byte(r))
		default:
			b = append(b, '?')
		}
	}
	return b
}

func escape(text []byte) []byte {
	var b []byte
	for _, c := range text {
		if c == '(' || c == ')' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return b
}
