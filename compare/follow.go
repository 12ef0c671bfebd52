package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

// Follow says how two growing files, or folders of files, are followed.
type Follow struct {
	Job                      // without Records
	Paths   [2]string        // ours, theirs
	Formats [2]*voice.Format // nil: as the content says
	Every   time.Duration    // between two cycles
	Horizon time.Duration
	Once    bool                 // end when all is read that is there
	Warn    func(string)         // of a file; may be nil
	Learned func([]Learned)      // once, before the first delta; may be nil
	Delta   func(d *Delta) error // of each cycle
}

// How a followed file is read.
const (
	chunkBytes = 4 << 20
	pollEvery  = 200 * time.Millisecond
	cycleRows  = 1 << 20 // of a side: a cycle that has as many is closed early
)

// Run follows until the context ends, or with Once until all is read. How far a
// side was read is told by the ends of its calls: records of calls that ended before
// the latest one of both sides are settled. A side that stays a horizon behind the
// other is not waited for. Nothing is kept: one that is started again reads the
// files from their beginning, and comes to the same total. Codes: those of
// [NewWindow]; not-found; invalid for a file that cannot be read while it grows.
func (f Follow) Run(ctx context.Context) error {
	if f.Every <= 0 {
		return fault.New(fault.Invalid, "cycles take some time", "name a duration like 15s").In("every")
	}
	if f.Warn == nil {
		f.Warn = func(string) {}
	}
	var tails [2]*tail
	for s := range tails {
		tails[s] = &tail{path: f.Paths[s], format: f.Formats[s], warn: f.Warn, files: map[string]*tailed{}}
	}
	for s, t := range tails {
		for {
			in, err := t.history()
			if err != nil {
				return err
			}
			if in.Open != nil {
				f.Job.Records[s] = in
				break
			}
			if f.Once {
				return fault.Newf(fault.Invalid, "name files of call records", "there is no record in %s", t.path)
			}
			if !sleep(ctx, pollEvery) {
				return nil
			}
		}
	}
	w, err := NewWindow(ctx, f.Job, usage.Pair{}, f.Horizon)
	if err != nil {
		return err
	}
	if f.Learned != nil {
		f.Learned(w.Learned())
	}
	next, rows := time.Now().Add(f.Every), 0
	closing := func(until int64) error {
		next, rows = time.Now().Add(f.Every), 0
		if w.open {
			until = max(until, w.until)
		}
		d, err := w.Close(until)
		if err != nil {
			return err
		}
		return f.Delta(d)
	}
	for {
		read, err := f.read(ctx, w, &tails)
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		rows += read
		until, ok := f.until(w)
		switch {
		case ctx.Err() != nil:
			if !ok {
				return nil
			}
			return closing(until)
		case read == 0 && f.Once:
			return closing(max(w.newest[ours], w.newest[theirs]) + f.Job.StartTolerance.Milliseconds() + 1)
		case ok && (time.Now().After(next) || rows > cycleRows || read > 0 && w.open && until-w.until > f.Horizon.Milliseconds()/4):
			err = closing(until)
		case read == 0:
			sleep(ctx, min(pollEvery, max(time.Until(next), time.Millisecond)))
		}
		if err != nil {
			return err
		}
	}
}

// sleep waits; false when the context ends.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// until is how far both sides have been read.
func (f Follow) until(w *Window) (int64, bool) {
	low, high := min(w.newest[ours], w.newest[theirs]), max(w.newest[ours], w.newest[theirs])
	if high == math.MinInt64 {
		return 0, false
	}
	return min(max(low, high-f.Horizon.Milliseconds()), time.Now().UnixMilli()), true
}

// read reads a chunk of the side that is behind, or of the other where that has
// nothing new.
func (f Follow) read(ctx context.Context, w *Window, tails *[2]*tail) (rows int, err error) {
	order := [2]side{ours, theirs}
	if w.newest[theirs] < w.newest[ours] {
		order = [2]side{theirs, ours}
	}
	for _, s := range order {
		before := w.c.files[s].read
		more, err := tails[s].next(f.Once, func(in Input, before int64) error { return w.Read(ctx, s, in, before) })
		if err != nil {
			return 0, err
		}
		if more {
			return max(1, int(w.c.files[s].read-before)), nil
		}
	}
	return 0, nil
}

// tail reads what comes to a file or a folder.
type tail struct {
	path   string
	format *voice.Format
	warn   func(string)
	files  map[string]*tailed
}

// tailed is how far a file is read.
type tailed struct {
	file   *os.File    // nil: it is read whole, or was
	info   os.FileInfo // as it was opened
	offset int64
	lines  int64
	format *voice.Format
	header []byte // line 1 where it names the columns
	size   int64  // at the last look
	done   bool
}

// list gives the files, those of a folder by name. Hidden ones, and such as are
// being copied, do not count.
func (t *tail) list() ([]string, error) {
	info, err := os.Stat(t.path)
	if err != nil {
		if len(t.files) > 0 && errors.Is(err, fs.ErrNotExist) {
			return nil, nil // it is being replaced
		}
		return nil, fault.Newf(fault.NotFound, "name a file or folder that this user can read", "%s cannot be read", t.path).Because(err)
	}
	if !info.IsDir() {
		return []string{t.path}, nil
	}
	entries, err := os.ReadDir(t.path)
	if err != nil {
		return nil, fault.Newf(fault.NotFound, "name a file or folder that this user can read", "%s cannot be read", t.path).Because(err)
	}
	var out []string
	for _, e := range entries {
		if name := e.Name(); e.Type().IsRegular() && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".tmp") && !strings.HasSuffix(name, ".part") {
			out = append(out, filepath.Join(t.path, name))
		}
	}
	return out, nil
}

// history gives the largest file that is there, to learn from; none where none has
// anything in it.
func (t *tail) history() (in Input, err error) {
	paths, err := t.list()
	if err != nil {
		return in, err
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() > in.Size {
			if in, err = File(path); err != nil {
				return in, err
			}
		}
	}
	in.Format = t.format
	return in, nil
}

// next hands on the next chunk of the first file that has one, with the number of
// lines before it. last says that nothing more will come.
func (t *tail) next(last bool, read func(in Input, before int64) error) (bool, error) {
	paths, err := t.list()
	if err != nil {
		return false, err
	}
	for _, path := range paths {
		f := t.files[path]
		if f == nil {
			f = &tailed{}
			t.files[path] = f
		}
		more, err := t.file(path, f, last, read)
		if more || err != nil {
			return more, err
		}
	}
	for path, f := range t.files {
		if !slices.Contains(paths, path) && len(paths) > 0 {
			f.close()
			delete(t.files, path)
		}
	}
	return false, nil
}

func (f *tailed) close() {
	if f.file != nil {
		f.file.Close() // it was read alone
	}
	*f = tailed{}
}

// file hands on the next chunk of a file.
func (t *tail) file(path string, f *tailed, last bool, read func(Input, int64) error) (bool, error) {
	if f.done {
		return false, nil
	}
	if f.file == nil {
		if more, err := t.open(path, f, last, read); more || err != nil || f.file == nil {
			return more, err
		}
	}
	size := f.offset
	if info, err := f.file.Stat(); err == nil {
		size = info.Size()
	}
	if size < f.offset {
		t.warn(fmt.Sprintf("%s was cut from %d to %d bytes and is read from its beginning again; rows that come twice count once", path, f.offset, size))
		f.close()
		return true, nil
	}
	data := make([]byte, min(size-f.offset, chunkBytes))
	n, err := f.file.ReadAt(data, f.offset)
	if err != nil && err != io.EOF {
		return false, fault.Newf(voice.CodeUnreadable, "look at the disk, then start again", "%s cannot be read after byte %d", path, f.offset).Because(err)
	}
	data = data[:n]
	whole := bytes.LastIndexByte(data, '\n') + 1
	replaced := false
	if now, err := os.Stat(path); err == nil {
		replaced = !os.SameFile(now, f.info)
	}
	if whole == 0 && (len(data) == chunkBytes || last || replaced) {
		whole = len(data) // a line that is too long, or the last one of the file
	}
	if data = data[:whole]; whole == 0 {
		if replaced {
			f.close()
			return true, nil
		}
		return false, nil
	}
	before := f.lines
	f.offset += int64(whole)
	f.lines += int64(bytes.Count(data, []byte{'\n'}))
	if before > 0 && f.header != nil {
		data = slices.Concat(f.header, []byte{'\n'}, data)
		before--
	}
	return true, read(Input{Name: path, Size: int64(len(data)), Format: f.format, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}, before)
}

// open opens a file that is new here, once its first line is whole. One that is not
// read line by line is read at once, where it stands in a folder and does not grow
// any more.
func (t *tail) open(path string, f *tailed, last bool, read func(Input, int64) error) (bool, error) {
	in, err := File(path)
	if err != nil {
		return false, nil // empty, or gone again
	}
	r, err := os.Open(path)
	if err != nil {
		return false, nil
	}
	keep := false
	defer func() {
		if !keep {
			r.Close()
		}
	}()
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, nil
	}
	head = head[:n]
	line, _, ended := bytes.Cut(head, []byte{'\n'})
	packed := bytes.HasPrefix(head, []byte{0x1f, 0x8b})
	format, err := voice.Sniff(bytes.NewReader(head), t.format)
	if err == nil && !packed && format.Lines() {
		if !ended && !last && n < len(head) {
			return false, nil
		}
		line = bytes.TrimSuffix(bytes.TrimPrefix(line, []byte(voice.Mark)), []byte{'\r'})
		_, taken, err := format.Layout(line)
		if err != nil {
			return false, fmt.Errorf("reading %s: %w", path, err)
		}
		if f.info, err = r.Stat(); err != nil {
			return false, nil
		}
		f.file, f.format, keep = r, format, true
		if taken {
			f.header = slices.Clone(line)
		}
		return false, nil
	}
	if err != nil && !packed {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	if path == t.path && !last {
		return false, fault.Newf(fault.Invalid, "put whole files into a folder and follow that", "%s is compressed, or of a format that cannot be read while it grows", path)
	}
	if in.Size != f.size && !last {
		f.size = in.Size // it may grow still
		return false, nil
	}
	f.done = true
	in.Format = t.format
	return true, read(in, 0)
}
