package node

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/keyfile"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
)

// brittle is a disk that stops at a step, as a crash there does.
type brittle struct {
	durable.FS
	left int // steps
}

var errStopped = errors.New("stopped here")

func (b *brittle) step() error {
	if b.left == 0 {
		return errStopped
	}
	b.left--
	return nil
}

func (b *brittle) OpenFile(name string, flag int, perm os.FileMode) (durable.File, error) {
	if err := b.step(); err != nil {
		return nil, err
	}
	f, err := b.FS.OpenFile(name, flag, perm)
	return brittleFile{f, b}, err
}

func (b *brittle) Rename(from, to string) error {
	if err := b.step(); err != nil {
		return err
	}
	return b.FS.Rename(from, to)
}

func (b *brittle) Remove(name string) error {
	if err := b.step(); err != nil {
		return err
	}
	return b.FS.Remove(name)
}

func (b *brittle) SyncDir(dir string) error {
	if err := b.step(); err != nil {
		return err
	}
	return b.FS.SyncDir(dir)
}

type brittleFile struct {
	durable.File
	b *brittle
}

func (f brittleFile) Write(p []byte) (int, error) {
	if f.b.left == 0 {
		n, err := f.File.Write(p[:len(p)/2])
		return n, errors.Join(err, errStopped, io.ErrShortWrite)
	}
	f.b.left--
	return f.File.Write(p)
}

func (f brittleFile) Sync() error {
	if err := f.b.step(); err != nil {
		return err
	}
	return f.File.Sync()
}

// A node that stops while old keys are destroyed has the old file or the new
// one: a key is never gone before what it opened is kept.
func TestOldKeysGoInTheWriteThatKeepsWhatTheyOpened(t *testing.T) {
	old, now := seal.KeyFromSeed([32]byte{1}), seal.KeyFromSeed([32]byte{2})
	id := canon.Hash{7}
	for steps := range 30 {
		path := filepath.Join(t.TempDir(), "keys")
		disk := &brittle{FS: durable.OS, left: 1 << 20}
		o := keyfile.Options{WorkFactor: 10, FS: disk}
		file, err := keyfile.Create(path, "secret", o)
		if err != nil {
			t.Fatal(err)
		}
		first := old.Seed()
		second := now.Seed()
		if err := errors.Join(file.Add(keySealing, keyfile.Secret{Kind: keyfile.HPKE, Bytes: first[:]}),
			file.Rotate(keySealing, keyfile.Secret{Kind: keyfile.HPKE, Bytes: second[:]}),
			file.Add(keyPast+id.String(), keyfile.Secret{Kind: keyfile.Key, Bytes: []byte("before")})); err != nil {
			t.Fatal(err)
		}
		k := &keys{file: file, channels: map[sign.PublicKey]sign.PrivateKey{}}
		disk.left = steps
		failed := k.Retire([]seal.PublicKey{old.Public()}, map[canon.Hash][]byte{id: []byte("after"), {8}: []byte("new")})
		disk.left = 1 << 20
		again, err := keyfile.Open(path, "secret", o)
		if err != nil {
			t.Fatalf("after %d steps: %v", steps, err)
		}
		r := &keys{file: again, channels: map[sign.PublicKey]sign.PrivateKey{}}
		var there []seal.PublicKey
		for _, s := range r.Sealing() {
			there = append(there, s.Public())
		}
		past := string(r.Past(id)) + string(r.Past(canon.Hash{8}))
		before := slices.Equal(there, []seal.PublicKey{now.Public(), old.Public()}) && past == "before"
		after := slices.Equal(there, []seal.PublicKey{now.Public()}) && past == "afternew"
		if !before && !after || failed == nil && !after {
			t.Fatalf("after %d steps (%v): %d keys, %q", steps, failed, len(there), past)
		}
		if failed == nil {
			return
		}
	}
	t.Error("it never succeeds")
}
