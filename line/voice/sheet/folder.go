package sheet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/rating"
)

// Codes of a folder of versions.
const (
	// CodeUnchanged says that a sheet would change nothing: the same file twice.
	CodeUnchanged fault.Code = "sheet-unchanged"
	// CodeNoVersion says that the folder has no such version, or none in force.
	CodeNoVersion fault.Code = "no-sheet-version"
)

// Version is one state of a sheet: what stood after a file was taken over.
type Version struct {
	Number  int            `json:"version"`
	After   int            `json:"after,omitempty"` // the version that it was made from; 0: none
	Applied string         `json:"applied"`         // RFC 3339
	File    string         `json:"file"`            // name of the file that was taken over
	Sum     canon.Hash     `json:"file_hash"`       // SHA-256 of it
	Mapping string         `json:"mapping,omitempty"`
	Partial bool           `json:"partial,omitempty"`
	Rows    int            `json:"rows"`
	Root    canon.Hash     `json:"root"`
	Read    uint64         `json:"read"`
	Refused uint64         `json:"rejected"`
	Changes map[Change]int `json:"changes"`
	InForce bool           `json:"in_force,omitempty"`
	Undone  bool           `json:"undone,omitempty"` // neither in force nor before what is
}

// Folder keeps the versions of one sheet. Each is a file of its own in the
// canonical form, which is never changed; index.json says which there are and
// which is in force, and is replaced at once. So a crash leaves the state before
// or the state after, and what a version needs is on the disk before the index
// names it.
type Folder struct {
	fs    durable.FS
	path  string
	lock  *durable.Lock
	index index
}

type index struct {
	InForce  int       `json:"in_force"` // 0: none
	Versions []Version `json:"versions"`
}

// OpenFolder opens a folder of versions for one process at a time, and makes it
// when it is not there. Codes: those of package durable, corrupt.
func OpenFolder(path string) (*Folder, error) { return openFolder(durable.OS, path) }

func openFolder(fsys durable.FS, path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, durable.Explain("make the folder "+path, err)
	}
	lock, err := durable.LockDir(path)
	if err != nil {
		return nil, err
	}
	f := &Folder{fs: fsys, path: path, lock: lock}
	data, err := os.ReadFile(f.indexPath())
	if err == nil {
		if err = json.Unmarshal(data, &f.index); err == nil && (f.index.InForce < 0 || f.index.InForce > len(f.index.Versions)) {
			err = errors.New("no such version is in force")
		}
		if err != nil {
			err = fault.Newf(fault.Corrupt, "restore the folder from a backup", "%s cannot be read", f.indexPath()).Because(err)
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return f, nil
}

// Close gives the folder free.
func (f *Folder) Close() error { return f.lock.Release() }

func (f *Folder) indexPath() string { return filepath.Join(f.path, "index.json") }

func (f *Folder) file(n int) string { return filepath.Join(f.path, fmt.Sprintf("v%06d.csv", n)) }

// History gives all versions, oldest first.
func (f *Folder) History() []Version {
	out := make([]Version, len(f.index.Versions))
	before := map[int]bool{}
	for n := f.index.InForce; n > 0; n = f.index.Versions[n-1].After {
		before[n] = true
	}
	for i, v := range f.index.Versions {
		v.InForce, v.Undone = v.Number == f.index.InForce, !before[v.Number]
		out[i] = v
	}
	return out
}

// Current gives the sheet in force; nil while there is none.
func (f *Folder) Current() (*rating.Sheet, error) {
	if f.index.InForce == 0 {
		return nil, nil
	}
	return f.Sheet(f.index.InForce)
}

// Sheet reads a version, 0 being the one in force. Codes: [CodeNoVersion],
// corrupt.
func (f *Folder) Sheet(n int) (*rating.Sheet, error) {
	if n == 0 {
		n = f.index.InForce
	}
	if n < 1 || n > len(f.index.Versions) {
		return nil, fault.Newf(CodeNoVersion, "lateral rates history lists them", "there is no version %d of the sheet in %s", n, f.path)
	}
	file, err := os.Open(f.file(n))
	if err != nil {
		return nil, durable.Explain("read version "+f.file(n), err)
	}
	defer file.Close()
	s, _, err := voice.ReadSheet(file)
	if err != nil || s.Root() != f.index.Versions[n-1].Root {
		return nil, fault.Newf(fault.Corrupt, "restore the folder from a backup", "%s is not as it was written", f.file(n)).Because(err)
	}
	return s, nil
}

// Apply puts a sheet in force as a new version beside the old ones. Of v the
// caller gives what the version was made of. Codes: [CodeUnchanged], those of
// package durable.
func (f *Folder) Apply(s *rating.Sheet, v Version) (Version, error) {
	if n := f.index.InForce; n > 0 && f.index.Versions[n-1].Root == s.Root() {
		return v, fault.Newf(CodeUnchanged, "there is nothing to do", "%s changes nothing: version %d has the same rows", v.File, n)
	}
	v.Number, v.After, v.Rows, v.Root = len(f.index.Versions)+1, f.index.InForce, s.Len(), s.Root()
	err := durable.Replace(f.fs, f.file(v.Number), 0o600, func(w io.Writer) error { return voice.WriteSheet(w, s.Rows()) })
	if err != nil {
		return v, err
	}
	next := index{v.Number, append(f.index.Versions[:len(f.index.Versions):len(f.index.Versions)], v)}
	if err := f.save(next); err != nil {
		return v, err
	}
	v.InForce = true
	return v, nil
}

// Undo puts the version in force that the present one was made from; 0 is none.
// Code: [CodeNoVersion].
func (f *Folder) Undo() (now int, err error) {
	if f.index.InForce == 0 {
		return 0, fault.New(CodeNoVersion, "lateral rates history lists the versions", "no version is in force: there is nothing to undo")
	}
	next := index{f.index.Versions[f.index.InForce-1].After, f.index.Versions}
	return next.InForce, f.save(next)
}

func (f *Folder) save(next index) error {
	data, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(f.fs, f.indexPath(), append(data, '\n'), 0o600); err != nil {
		return err
	}
	f.index = next
	return nil
}
