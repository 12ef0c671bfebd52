package sheet

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
)

// CodeTooLarge says that a spreadsheet unpacks to more than is read of one: it
// may be made to exhaust memory.
const CodeTooLarge fault.Code = "spreadsheet-too-large"

// limits bound what a spreadsheet can ask for, whatever it says of itself.
type limits struct {
	unpacked int64 // bytes of the worksheet's part
	shared   int   // bytes of the texts that cells share
	cells    int   // of a row
	cell     int   // bytes of a cell's text
}

var usual = limits{unpacked: 2 << 30, shared: 256 << 20, cells: 1024, cell: 64 << 10}

// spreadsheet is the table of one worksheet of an XLSX file. It reads the parts
// of the file as they are unpacked and keeps one row, and the texts that cells
// share.
//
// It knows of the format what values need: rows, cells, their types and texts.
// Formulas, styles and everything else are passed over.
type spreadsheet struct {
	limits limits
	part   io.ReadCloser
	xml    *markup
	shared texts
	date   kind
	line   uint64

	buffer []byte
	ends   []int // of the cells in buffer
	cells  [][]byte
	kinds  []kind
}

// texts are many short texts in one piece of memory.
type texts struct {
	bytes []byte
	ends  []int
}

func (t *texts) at(i int) []byte {
	from := 0
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.bytes[from:t.ends[i]]
}

func broken(what string, cause error) error {
	if f, ok := errors.AsType[*fault.Error](cause); ok && f.Code == CodeTooLarge {
		return cause
	}
	return fault.Newf(voice.CodeUnreadable, "save it again as XLSX, or as CSV", "the spreadsheet cannot be read: %s", what).Because(cause)
}

// openSpreadsheet finds a worksheet by name, the first when name is empty.
func openSpreadsheet(r io.ReaderAt, size int64, name string, l limits) (*spreadsheet, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, broken("its archive is damaged", err)
	}
	parts := map[string]*zip.File{}
	for _, f := range z.File {
		parts[strings.TrimPrefix(f.Name, "/")] = f
	}
	var book struct {
		Properties struct {
			From1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
		} `xml:"sheets>sheet"`
	}
	var links struct {
		Links []struct {
			ID     string `xml:"Id,attr"`
			Type   string `xml:"Type,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	for _, p := range []struct {
		name string
		to   any
	}{{"xl/workbook.xml", &book}, {"xl/_rels/workbook.xml.rels", &links}} {
		if err := readPart(parts[p.name], p.to); err != nil {
			return nil, broken("it has no good "+p.name, err)
		}
	}
	target := func(t string) string {
		if rest, ok := strings.CutPrefix(t, "/"); ok {
			return rest
		}
		return path.Join("xl", t)
	}
	s := &spreadsheet{limits: l, date: isNumber}
	if v := book.Properties.From1904; v == "1" || v == "true" {
		s.date = isNumber1904
	}
	var worksheet *zip.File
	var names []string
	for _, b := range book.Sheets {
		names = append(names, b.Name)
		if worksheet != nil || name != "" && b.Name != name {
			continue
		}
		for _, l := range links.Links {
			if l.ID == b.ID {
				worksheet = parts[target(l.Target)]
			}
		}
	}
	if worksheet == nil {
		return nil, fault.Newf(CodeBadMapping, fmt.Sprintf("name one of its worksheets: %.200q", names), "the file has no worksheet %.80q", name).In("worksheet")
	}
	for _, l := range links.Links {
		if strings.HasSuffix(l.Type, "/sharedStrings") && parts[target(l.Target)] != nil {
			if err := s.readShared(parts[target(l.Target)]); err != nil {
				return nil, broken("the texts of its cells", err)
			}
		}
	}
	if s.part, err = worksheet.Open(); err != nil {
		return nil, broken("its worksheet", err)
	}
	s.xml = newMarkup(&bounded{s.part, l.unpacked}, l.cell)
	return s, nil
}

func (s *spreadsheet) close() error { return s.part.Close() }

// readPart reads a small part that is not worth a reader of its own.
func readPart(f *zip.File, to any) error {
	if f == nil {
		return errors.New("it is not there")
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return xml.NewDecoder(&bounded{r, 4 << 20}).Decode(to)
}

// bounded fails when a part unpacks to more than it may.
type bounded struct {
	in   io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fault.New(CodeTooLarge, "the spreadsheet unpacks to more than is read of one", "save the rates alone, as XLSX or as CSV, in several files if need be")
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// readShared reads the texts that cells name by number. Of a text in several
// styles the pieces are put together; how it is pronounced is left out.
func (s *spreadsheet) readShared(f *zip.File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	x := newMarkup(&bounded{r, 2 * int64(s.limits.shared)}, s.limits.cell)
	inText, spoken := false, false
	for {
		switch err := x.next(); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if inText && !spoken {
			s.shared.bytes = append(s.shared.bytes, x.text...)
		}
		inText = x.is("t") && !x.closing && !x.single
		switch {
		case x.is("rPh"):
			spoken = !x.closing && !x.single
		case x.is("si") && (x.closing || x.single):
			s.shared.ends = append(s.shared.ends, len(s.shared.bytes))
		}
		if len(s.shared.bytes)+8*len(s.shared.ends) > s.limits.shared {
			return fault.New(CodeTooLarge, "the texts of the spreadsheet's cells are more than is read of one", "save the rates alone, or as CSV")
		}
	}
}

// next implements table.
func (s *spreadsheet) next() (row, error) {
	for {
		r, err := s.read()
		if err != nil && !isRow(err) || err == nil && !r.empty() || isRow(err) {
			return r, err
		}
	}
}

// read gives the next row, also an empty one.
func (s *spreadsheet) read() (row, error) {
	for {
		if err := s.xml.next(); err == io.EOF {
			return row{}, io.EOF
		} else if err != nil {
			return row{}, broken(fmt.Sprintf("it breaks off after row %d", s.line), err)
		}
		if s.xml.is("row") && !s.xml.closing {
			break
		}
	}
	s.line++
	if n, err := strconv.ParseUint(string(s.xml.attribute("r")), 10, 32); err == nil && n >= s.line {
		s.line = n
	}
	s.buffer, s.ends, s.kinds = s.buffer[:0], s.ends[:0], s.kinds[:0]
	var bad error
	if !s.xml.single {
		var err error
		if bad, err = s.readCells(); err != nil {
			return row{}, broken(fmt.Sprintf("it breaks off in row %d", s.line), err)
		}
	}
	s.cells = s.cells[:0]
	from := 0
	for _, end := range s.ends {
		s.cells = append(s.cells, s.buffer[from:end])
		from = end
	}
	return row{s.line, s.cells, s.kinds}, bad
}

// readCells reads to the end of a row. bad is what makes the row unusable.
func (s *spreadsheet) readCells() (bad, err error) {
	typ, collect := "", false
	number := true
	for {
		if err := s.xml.next(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		x := s.xml
		if collect {
			s.buffer = append(s.buffer, x.text...)
			if len(s.buffer) > s.limits.cells*s.limits.cell/16 {
				return nil, fault.Newf(CodeTooLarge, "look for what fills it", "row %d has more text than a row of rates", s.line)
			}
		}
		collect = false
		switch {
		case x.is("row") && x.closing:
			return bad, nil
		case x.is("c") && !x.closing:
			typ = string(x.attribute("t"))
			number = typ == "" || typ == "n"
			at := len(s.ends)
			if ref := x.attribute("r"); len(ref) > 0 {
				if n, ok := columnOf(ref); ok && n >= at {
					at = n
				}
			}
			if at >= s.limits.cells {
				if bad == nil {
					bad = badCell(voice.CodeColumns, "", "the row has more than %d cells", s.limits.cells)
				}
				typ, number = "skip", false
				continue
			}
			for len(s.ends) <= at { // cells between are empty
				s.ends, s.kinds = append(s.ends, len(s.buffer)), append(s.kinds, isText)
			}
			if x.single {
				typ = ""
			}
		case x.is("c") && x.closing && len(s.ends) > 0 && typ != "skip":
			s.finish(typ, number, &bad)
		case (x.is("v") || x.is("t")) && !x.closing && !x.single && typ != "skip":
			collect = true
		}
	}
}

// finish makes the value of the cell that has been read: what stands behind the
// cell before it in the buffer.
func (s *spreadsheet) finish(typ string, number bool, bad *error) {
	last := len(s.ends) - 1
	from := 0
	if last > 0 {
		from = s.ends[last-1]
	}
	value := s.buffer[from:]
	switch {
	case typ == "s":
		i, err := strconv.Atoi(string(value))
		if err != nil || i < 0 || i >= len(s.shared.ends) {
			if *bad == nil {
				*bad = badCell(voice.CodeBadField, "", "the row names a text that the file does not have")
			}
			i = -1
		}
		s.buffer = s.buffer[:from]
		if i >= 0 {
			s.buffer = append(s.buffer, s.shared.at(i)...)
		}
	case number && len(value) > 0:
		s.kinds[last] = s.date
		s.buffer = append(s.buffer[:from], decimalText(value)...)
	}
	s.ends[last] = len(s.buffer)
}

// decimalText writes a number of a spreadsheet as people see it: spreadsheets
// keep 15 digits and write 0.0123 as 1.2299999999999999E-2.
func decimalText(value []byte) []byte {
	whole := len(value) <= 15
	for _, c := range value {
		whole = whole && c >= '0' && c <= '9'
	}
	if whole {
		return value
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return value
	}
	if f, err = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64); err != nil {
		return value
	}
	return strconv.AppendFloat(nil, f, 'f', -1, 64)
}

// columnOf reads the letters of a cell's name: B3 is in column 1.
func columnOf(ref []byte) (int, bool) {
	n := 0
	for i, c := range ref {
		if c < 'A' || c > 'Z' {
			return n - 1, i > 0
		}
		if n = n*26 + int(c-'A') + 1; n > 1<<20 {
			return 0, false
		}
	}
	return n - 1, len(ref) > 0
}

// markup reads the elements of an XML document one after the other. It keeps
// one tag and the text before it, both bounded. A document type, which could
// define texts that grow, is refused.
type markup struct {
	in      *bufio.Reader
	most    int
	text    []byte // before the tag
	tag     []byte // between its brackets
	name    []byte // without its namespace
	closing bool
	single  bool // an element without content
}

func newMarkup(r io.Reader, most int) *markup {
	return &markup{in: bufio.NewReaderSize(r, 256<<10), most: most}
}

// is reports whether the tag has a name.
func (m *markup) is(name string) bool { return string(m.name) == name }

var errMarkup = errors.New("its XML is not well formed")

// next goes on to the next tag.
func (m *markup) next() error {
	m.text = m.text[:0]
	for {
		began := len(m.text)
		text, err := m.until('<', m.text)
		if err == io.EOF {
			return io.EOF
		}
		if err != nil {
			return err
		}
		m.text = unescape(text, began)
		if m.tag, err = m.until('>', m.tag[:0]); err != nil {
			return ended(err)
		}
		switch {
		case bytes.HasPrefix(m.tag, []byte("!--")):
			for !bytes.HasSuffix(m.tag, []byte("--")) {
				if m.tag, err = m.until('>', m.tag[:0]); err != nil {
					return ended(err)
				}
			}
			continue
		case bytes.HasPrefix(m.tag, []byte("![CDATA[")):
			m.text = append(m.text, m.tag[len("![CDATA["):]...)
			for !bytes.HasSuffix(m.text, []byte("]]")) {
				m.text = append(m.text, '>')
				if m.text, err = m.until('>', m.text); err != nil {
					return ended(err)
				}
			}
			m.text = m.text[:len(m.text)-2]
			continue
		case bytes.HasPrefix(m.tag, []byte("?")):
			continue
		case bytes.HasPrefix(m.tag, []byte("!")):
			return errMarkup
		}
		for bytes.Count(m.tag, []byte{'"'})%2 == 1 { // a bracket inside a value
			m.tag = append(m.tag, '>')
			if m.tag, err = m.until('>', m.tag); err != nil {
				return ended(err)
			}
		}
		t := m.tag
		m.closing = len(t) > 0 && t[0] == '/'
		m.single = len(t) > 0 && t[len(t)-1] == '/'
		t = bytes.Trim(t, "/")
		if i := bytes.IndexAny(t, " \t\r\n"); i >= 0 {
			t = t[:i]
		}
		if i := bytes.IndexByte(t, ':'); i >= 0 {
			t = t[i+1:]
		}
		if m.name = t; len(t) == 0 {
			return errMarkup
		}
		return nil
	}
}

func ended(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// until appends what comes before a byte, which is passed over.
func (m *markup) until(end byte, to []byte) ([]byte, error) {
	for {
		part, err := m.in.ReadSlice(end)
		if err == nil {
			part = part[:len(part)-1]
		}
		if len(to)+len(part) > m.most {
			return to, fault.Newf(CodeTooLarge, "look for what fills it", "a cell or tag of the spreadsheet is longer than %d bytes", m.most)
		}
		to = append(to, part...)
		if err != bufio.ErrBufferFull {
			return to, err
		}
	}
}

// attribute gives a value of the tag, as it is written.
func (m *markup) attribute(name string) []byte {
	for t := m.tag; ; {
		i := bytes.Index(t, []byte(name))
		if i < 0 {
			return nil
		}
		rest := t[i+len(name):]
		if i > 0 && (t[i-1] == ' ' || t[i-1] == '\n' || t[i-1] == '\t') && len(rest) > 2 && rest[0] == '=' && (rest[1] == '"' || rest[1] == '\'') {
			if end := bytes.IndexByte(rest[2:], rest[1]); end >= 0 {
				return rest[2 : 2+end]
			}
			return nil
		}
		t = rest
	}
}

// unescape replaces the entities of a text from a place on, in place.
func unescape(text []byte, from int) []byte {
	i := bytes.IndexByte(text[from:], '&')
	if i < 0 {
		return text
	}
	out := text[:from+i]
	for rest := text[from+i:]; len(rest) > 0; {
		end := bytes.IndexByte(rest, ';')
		if rest[0] != '&' || end < 0 || end > 10 {
			out, rest = append(out, rest[0]), rest[1:]
			continue
		}
		var r rune
		switch name := string(rest[1:end]); name {
		case "lt":
			r = '<'
		case "gt":
			r = '>'
		case "amp":
			r = '&'
		case "quot":
			r = '"'
		case "apos":
			r = '\''
		default:
			if digits, ok := strings.CutPrefix(name, "#"); ok {
				base := 10
				if hex, ok := strings.CutPrefix(digits, "x"); ok {
					digits, base = hex, 16
				}
				if n, err := strconv.ParseUint(digits, base, 32); err == nil {
					r = rune(n)
				}
			}
		}
		if r == 0 { // nothing that XML knows: it stays as it is
			out, rest = append(out, rest[0]), rest[1:]
			continue
		}
		out = append(out, string(r)...) // never longer than its entity
		rest = rest[end+1:]
	}
	return out
}
