// Package durable writes files that survive a crash: whole files that are
// replaced at once (file.go), journals of checksummed records (journal.go), and
// the lock by which one process owns a directory (lock.go). What it reports
// written is on the disk; what it does not report is there in full or not at
// all.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lateral-network/lateral/fault"
)

// Codes of this package.
const (
	// CodeDiskFull: the disk has no room. What was written before stands.
	CodeDiskFull fault.Code = "disk-full"
	// CodeDiskFailed: the disk refused a read, a write or a sync.
	CodeDiskFailed fault.Code = "disk-failed"
	// CodeInUse: another process owns the directory.
	CodeInUse fault.Code = "directory-in-use"
)

// FS is the part of the file system that this package writes through, so that
// tests can make it fail. OS is the real one.
type FS interface {
	OpenFile(name string, flag int, perm os.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
}

// File is an open file of an FS.
type File interface {
	io.Reader
	io.Writer
	io.Seeker
	Sync() error
	Truncate(size int64) error
	Close() error
}

// OS is the operating system's file system.
var OS FS = osFS{}

type osFS struct{}

func (osFS) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	return os.OpenFile(name, flag, perm)
}
func (osFS) Rename(from, to string) error { return os.Rename(from, to) }
func (osFS) Remove(name string) error     { return os.Remove(name) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// WriteFile replaces the file at path by data, at once: a reader sees the old
// bytes or the new ones, also after a crash. Codes: disk-full, disk-failed.
func WriteFile(fs FS, path string, data []byte, perm os.FileMode) error {
	return Replace(fs, path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Replace is WriteFile for content that write streams. When write fails the
// old file stays, and its error is returned as it is.
func Replace(fs FS, path string, perm os.FileMode, write func(io.Writer) error) error {
	t, err := Create(fs, filepath.Dir(path), perm)
	if err != nil {
		return err
	}
	defer t.Discard()
	if err := write(t); err != nil {
		return err
	}
	return t.Commit(path)
}

// Temp is a file that has no name of its own yet. It must end with Commit or
// Discard. A crash leaves it behind as a file that IsTemp knows.
type Temp struct {
	fs   FS
	f    File
	path string
	done bool
}

const tempPrefix = ".tmp-"

// IsTemp reports whether the base name of a file is that of a Temp, which
// nobody needs once its process is gone.
func IsTemp(name string) bool {
	return len(name) > len(tempPrefix) && name[:len(tempPrefix)] == tempPrefix
}

// Create begins a new file in the directory that it is to stand in, so that
// its renaming is atomic.
func Create(fs FS, dir string, perm os.FileMode) (*Temp, error) {
	path := filepath.Join(dir, tempPrefix+rand.Text())
	f, err := fs.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, Explain("create a file in "+dir, err)
	}
	return &Temp{fs: fs, f: f, path: path}, nil
}

// Write adds bytes to the file.
func (t *Temp) Write(p []byte) (int, error) {
	n, err := t.f.Write(p)
	if err != nil {
		err = Explain("write "+t.path, err)
	}
	return n, err
}

// Commit makes the bytes durable and gives the file its name, in place of a
// file that may have it. On error the name is as it was.
func (t *Temp) Commit(path string) error {
	if t.done {
		return errors.New("durable: the file is committed or discarded already")
	}
	t.done = true
	err := t.f.Sync()
	if closeErr := t.f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = t.fs.Rename(t.path, path)
	}
	if err != nil {
		_ = t.fs.Remove(t.path) // what stays is swept as a temporary file
		return Explain("write "+path, err)
	}
	if err := t.fs.SyncDir(filepath.Dir(path)); err != nil {
		return Explain("make the name of "+path+" durable", err)
	}
	return nil
}

// Discard removes the file. After Commit it does nothing.
func (t *Temp) Discard() {
	if t.done {
		return
	}
	t.done = true
	_ = t.f.Close()
	_ = t.fs.Remove(t.path) // what stays is swept as a temporary file
}

// Remove deletes a file and makes that durable. A file that is not there is
// no error.
func Remove(fs FS, path string) error {
	if err := fs.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Explain("remove "+path, err)
	}
	if err := fs.SyncDir(filepath.Dir(path)); err != nil {
		return Explain("make the removal of "+path+" durable", err)
	}
	return nil
}

// Explain gives an error of the file system a code and a remedy; what was
// tried goes into the detail. An Error stays as it is, and so does nil.
func Explain(tried string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.New(CodeDiskFull, "no room on the disk to "+tried, "make room and try again: what was written before stands").Because(err)
	}
	if errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.NotFound, "cannot "+tried+": there is no such file or directory", "check the path").Because(err)
	}
	if errors.Is(err, os.ErrPermission) {
		return fault.New(CodeDiskFailed, "cannot "+tried+": permission denied", "give the user that runs the node access to it").Because(err)
	}
	return fault.New(CodeDiskFailed, fmt.Sprintf("cannot %s", tried), "look at the disk, then start the node again").Because(err)
}
