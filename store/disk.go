package store

import (
	"errors"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the file system as Pebble sees it: one on which no write ever fails.
// Pebble answers some failing writes with a panic that nothing can catch, and
// retries others for ever. So the first write that fails closes the store for
// commits and never returns: what Pebble had under way stands still, as in a
// crash, which it is made to survive. Reads go on. The goroutines and memory of
// a failed store stay until the process ends.
type disk struct {
	vfs.FS
	failed func(error)
}

// must takes the error of a write. It does not return when there is one.
func (d *disk) must(err error) {
	if err != nil {
		d.failed(err)
		select {}
	}
}

// wrap gives a file whose writes do not fail.
func (d *disk) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &diskFile{f, d}, nil
}

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	d.must(err)
	return d.wrap(f, nil)
}

func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.wrap(d.FS.OpenReadWrite(name, c, opts...))
}

func (d *disk) OpenDir(name string) (vfs.File, error) { return d.wrap(d.FS.OpenDir(name)) }

func (d *disk) Link(from, to string) error {
	err := d.FS.Link(from, to)
	if !errors.Is(err, os.ErrExist) {
		d.must(err)
	}
	return err
}

func (d *disk) Rename(from, to string) error {
	d.must(d.FS.Rename(from, to))
	return nil
}

func (d *disk) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(from, to, c)
	d.must(err)
	return d.wrap(f, nil)
}

// Remove may fail: the file is then removed at the next start.
func (d *disk) Remove(name string) error { return d.FS.Remove(name) }

// Unwrap gives the file system beneath.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// diskFile is a file that is written.
type diskFile struct {
	vfs.File
	d *disk
}

func (f *diskFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.d.must(err)
	return n, nil
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	f.d.must(err)
	return n, nil
}

func (f *diskFile) Preallocate(off, length int64) error {
	f.d.must(f.File.Preallocate(off, length))
	return nil
}

func (f *diskFile) Sync() error {
	f.d.must(f.File.Sync())
	return nil
}

func (f *diskFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	f.d.must(err)
	return full, nil
}

func (f *diskFile) SyncData() error {
	f.d.must(f.File.SyncData())
	return nil
}
