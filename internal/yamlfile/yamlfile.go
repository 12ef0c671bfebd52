// Package yamlfile reads a YAML file that people and commands change while a
// program runs: again whenever it has changed.
package yamlfile

import (
	"bytes"
	"errors"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
)

// File is a file and what was read of it last. Its user sees that one method is
// called at a time.
type File[T any] struct {
	path, what string
	parse      func([]byte) (T, error)
	seen       os.FileInfo // of the file as it was read last
	value      T
}

// New makes a File that was not read yet; what is how errors call it.
func New[T any](path, what string, parse func([]byte) (T, error)) *File[T] {
	return &File[T]{path: path, what: what, parse: parse}
}

// Value is what was read last.
func (f *File[T]) Value() T { return f.value }

// Load reads the file when it has changed. After an error what was read last
// stands. Codes: not-found, for os.ErrNotExist among others, and those of parse.
func (f *File[T]) Load() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return f.unreadable(err)
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return f.unreadable(err)
	}
	value, err := f.parse(data)
	if err != nil {
		return err
	}
	f.value, f.seen = value, info
	return nil
}

func (f *File[T]) unreadable(err error) error {
	return fault.Newf(fault.NotFound, "let this user read it", "%s cannot be read", f.what).Because(err)
}

// Forget drops what was read.
func (f *File[T]) Forget() {
	var none T
	f.value, f.seen = none, nil
}

// Write replaces the file by a document that only this user can read, and reads
// it.
func (f *File[T]) Write(document any) error {
	data, err := yaml.Marshal(document)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS, f.path, data, 0o600); err != nil {
		return err
	}
	f.seen = nil
	return f.Load()
}

// Decode reads a document into a struct that must have all its fields. An empty
// one leaves it as it is.
func Decode(data []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
