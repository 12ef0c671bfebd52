package compare

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// marker is the file by which a folder is known to be one of ours.
const marker = ".lateral-compare"

// CheckFolder refuses a folder that holds anything but an earlier result. Code:
// conflict.
func CheckFolder(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		return fault.Newf(fault.Conflict, "name a folder", "%s is a file", dir).In("out")
	}
	if err != nil {
		return durable.Explain("read "+dir, err)
	}
	if len(list) > 0 && !slices.ContainsFunc(list, func(e os.DirEntry) bool { return e.Name() == marker }) {
		return fault.Newf(fault.Conflict, "choose another folder, or an empty one", "%s holds files of something else", dir).In("out")
	}
	return nil
}

// folder is where a result is written, file by file; each is there in full or
// not at all.
type folder struct {
	dir     string
	written map[string]bool
	book    *book
}

// openFolder makes a folder ready. What an earlier run wrote stays until it is
// replaced.
func openFolder(dir string) (*folder, error) {
	if err := CheckFolder(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "causes"), 0o755); err != nil {
		return nil, durable.Explain("make "+dir, err)
	}
	f := &folder{dir: dir, written: map[string]bool{}}
	if err := f.file(marker, func(w io.Writer) error {
		_, err := io.WriteString(w, "written by lateral compare, which may replace everything here\n")
		return err
	}); err != nil {
		return nil, err
	}
	var err error
	f.book, err = newBook()
	return f, err
}

// file writes one file; the name has slashes.
func (f *folder) file(name string, write func(io.Writer) error) error {
	f.written[name] = true
	return durable.Replace(durable.OS, filepath.Join(f.dir, filepath.FromSlash(name)), 0o644, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 256<<10)
		if err := write(b); err != nil {
			return err
		}
		return b.Flush()
	})
}

// sweep removes what an earlier run wrote and this one did not, and what a run
// that was killed left half written.
func (f *folder) sweep() error {
	for _, sub := range []string{".", "causes"} {
		list, err := os.ReadDir(filepath.Join(f.dir, sub))
		if err != nil {
			return durable.Explain("read "+f.dir, err)
		}
		for _, e := range list {
			name := e.Name()
			old := durable.IsTemp(name) || sub == "causes" && strings.HasSuffix(name, ".csv") && !f.written["causes/"+name]
			if !old {
				continue
			}
			if err := durable.Remove(durable.OS, filepath.Join(f.dir, sub, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// table is rows that go to a CSV file and, where one is asked for, to a sheet of
// the workbook.
type table struct {
	folder *folder
	name   string
	temp   *durable.Temp
	out    *bufio.Writer
	csv    *csv.Writer
	record []string
	sheet  *tab
}

// table begins a file of columns. title names its sheet, empty: none.
func (f *folder) table(name, title string, columns ...string) (*table, error) {
	temp, err := durable.Create(durable.OS, filepath.Dir(filepath.Join(f.dir, filepath.FromSlash(name))), 0o644)
	if err != nil {
		return nil, err
	}
	t := &table{folder: f, name: name, temp: temp, out: bufio.NewWriterSize(temp, 256<<10), record: make([]string, len(columns))}
	t.csv = csv.NewWriter(t.out)
	if title != "" {
		if t.sheet, err = f.book.tab(title, columns); err != nil {
			temp.Discard()
			return nil, err
		}
	}
	return t, t.csv.Write(columns)
}

// millis prints in seconds.
type millis uint64

func (m millis) String() string { return fmt.Sprintf("%d.%03d", m/1000, m%1000) }

// stamp is a moment, ms UTC.
type stamp int64

// put adds a row: texts, whole numbers, amounts, rates, durations, moments; nil
// is an empty cell.
func (t *table) put(cells ...any) error {
	for i, c := range cells {
		switch v := c.(type) {
		case nil:
			t.record[i] = ""
		case string:
			t.record[i] = harmless(v)
		case uint64:
			t.record[i] = strconv.FormatUint(v, 10)
		case uint32:
			t.record[i] = strconv.FormatUint(uint64(v), 10)
		case int64:
			t.record[i] = strconv.FormatInt(v, 10)
		case stamp:
			t.record[i] = usage.Stamp(int64(v))
		default:
			t.record[i] = fmt.Sprint(v)
		}
	}
	if err := t.csv.Write(t.record); err != nil {
		return err
	}
	if t.sheet == nil {
		return nil
	}
	return t.sheet.put(cells)
}

// harmless keeps a spreadsheet from taking a text of the other side for a
// formula.
func harmless(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}

// close gives the file its name.
func (t *table) close() error {
	t.csv.Flush()
	if err := t.csv.Error(); err != nil {
		return err
	}
	if err := t.out.Flush(); err != nil {
		return err
	}
	if t.sheet != nil {
		if err := t.sheet.close(t.name); err != nil {
			return err
		}
	}
	t.folder.written[t.name] = true
	return t.temp.Commit(filepath.Join(t.folder.dir, filepath.FromSlash(t.name)))
}

// discard gives a table up; after close it does nothing.
func (t *table) discard() { t.temp.Discard() }

// book is the workbook. Its sheets are written as streams: what does not fit a
// few MB of memory waits in temporary files.
type book struct {
	file         *excelize.File
	head, amount int // styles
	most         int // rows of a sheet
	cut          []string
}

func newBook() (*book, error) {
	b := &book{file: excelize.NewFile(), most: excelize.TotalRows}
	var err error
	if b.head, err = b.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return nil, err
	}
	six := "0.000000"
	b.amount, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &six})
	return b, err
}

// write writes the workbook. It goes straight to out: the library would keep all
// of it in memory first.
func (b *book) write(out io.Writer) error {
	b.file.SetZipWriter(func(io.Writer) excelize.ZipWriter {
		z := zip.NewWriter(out)
		z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
		return z
	})
	_, err := b.file.WriteToBuffer()
	return err
}

// tab is one sheet of the workbook.
type tab struct {
	book   *book
	title  string
	stream *excelize.StreamWriter
	row    int
	left   uint64 // rows beyond what a sheet takes
	cells  []any
}

// widths are of columns that hold more than a number, in characters.
var widths = map[string]int{"cause": 20, "what": 48, "why": 36, "evidence": 36, "destination": 24, "causes": 30, "hour": 21, "period_from": 21, "period_to": 21,
	"our_start": 25, "their_start": 25, "our_row": 34, "their_row": 34, "originating_number": 20, "destination_number": 20}

func (b *book) tab(title string, columns []string) (*tab, error) {
	if list := b.file.GetSheetList(); len(list) == 1 && list[0] == "Sheet1" {
		if err := b.file.SetSheetName("Sheet1", title); err != nil {
			return nil, err
		}
	} else if _, err := b.file.NewSheet(title); err != nil {
		return nil, err
	}
	w, err := b.file.NewStreamWriter(title)
	if err != nil {
		return nil, err
	}
	if err := w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	for i, c := range columns {
		if err := w.SetColWidth(i+1, i+1, float64(max(len(c)+2, widths[c], 14))); err != nil {
			return nil, err
		}
	}
	s := &tab{book: b, title: title, stream: w}
	head := make([]any, len(columns))
	for i, c := range columns {
		head[i] = excelize.Cell{StyleID: b.head, Value: c}
	}
	s.row++
	return s, w.SetRow("A1", head)
}

// put adds a row. The last that a sheet takes is kept for a word on what it
// lacks.
func (s *tab) put(cells []any) error {
	if s.row >= s.book.most-1 {
		s.left++
		return nil
	}
	s.cells = append(s.cells[:0], cells...)
	for i, c := range s.cells {
		switch v := c.(type) {
		case money.Micro:
			s.cells[i] = excelize.Cell{StyleID: s.book.amount, Value: float64(v) / 1e6}
		case money.Rate:
			s.cells[i] = float64(v) / 1e9
		case millis:
			s.cells[i] = float64(v) / 1e3
		case stamp:
			s.cells[i] = usage.Stamp(int64(v))
		case money.Currency:
			s.cells[i] = string(v)
		}
	}
	s.row++
	return s.stream.SetRow("A"+strconv.Itoa(s.row), s.cells)
}

func (s *tab) close(csv string) error {
	if s.left > 0 {
		s.row++
		note := fmt.Sprintf("a sheet takes no more rows: %d more are in %s", s.left, csv)
		s.book.cut = append(s.book.cut, fmt.Sprintf("sheet %q of drilldown.xlsx lacks %d rows, which are in %s", s.title, s.left, csv))
		if err := s.stream.SetRow("A"+strconv.Itoa(s.row), []any{excelize.Cell{StyleID: s.book.head, Value: note}}); err != nil {
			return err
		}
	}
	return s.stream.Flush()
}
