package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"filippo.io/age"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
)

// CodeWrongKey: the key that is given does not open the files.
const CodeWrongKey fault.Code = "wrong-key"

// Blobs keeps files by the SHA-256 of their content: records, sheets,
// documents, evidence. Each is encrypted in the format of age (chunks of 64
// KiB, ChaCha20-Poly1305) under a key of its own, which stands beside it,
// wrapped by the key that OpenBlobs is given. Who erases a file's key erases
// the file, also in backups that leave the *.key files out.
//
// All methods may be called at the same time, by one process.
type Blobs struct {
	fs   durable.FS
	dir  string
	wrap cipher.AEAD

	mu sync.Mutex // one change of the directory at a time
}

// Info is a file's address and size.
type Info struct {
	Hash canon.Hash // SHA-256 of the content
	Size int64      // bytes of content
}

const (
	blobSuffix  = ".blob"
	keySuffix   = ".key"
	keyCheck    = "check.key" // opens with the right key
	tagBlobKey  = "lateral/blob-key/1"
	fileKeySize = 16 // what age calls a file key
)

// OpenBlobs opens the files in dir, makes the directory when there is none,
// and removes what a crash left half done. fs is durable.OS but in tests.
// Codes: wrong-key, disk-full, disk-failed.
func OpenBlobs(fs durable.FS, dir string, key [32]byte) (*Blobs, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	wrap, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	b := &Blobs{fs: fs, dir: dir, wrap: wrap}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, durable.Explain("make "+dir, err)
	}
	if err := b.checkKey(); err != nil {
		return nil, err
	}
	return b, b.sweep()
}

// checkKey tells a wrong key from damaged files.
func (b *Blobs) checkKey() error {
	path := filepath.Join(b.dir, keyCheck)
	sealed, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return durable.WriteFile(b.fs, path, b.wrap.Seal(nil, nil, nil, []byte(keyCheck)), 0o600)
	}
	if err != nil {
		return durable.Explain("read "+path, err)
	}
	if _, err := b.wrap.Open(nil, nil, sealed, []byte(keyCheck)); err != nil {
		return fault.Newf(CodeWrongKey, "use the key file that this directory was made with", "the key does not open the files in %s", b.dir)
	}
	return nil
}

// sweep removes temporary files, files whose key is erased, and keys whose
// file was never finished.
func (b *Blobs) sweep() error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return durable.Explain("list "+b.dir, err)
	}
	here := map[string]bool{}
	for _, e := range entries {
		here[e.Name()] = true
	}
	for name := range here {
		stem, suffix := name, filepath.Ext(name)
		stem = strings.TrimSuffix(stem, suffix)
		lost := durable.IsTemp(name) ||
			suffix == blobSuffix && !here[stem+keySuffix] ||
			suffix == keySuffix && name != keyCheck && !here[stem+blobSuffix]
		if !lost {
			continue
		}
		if err := durable.Remove(b.fs, filepath.Join(b.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Put keeps all that r gives. A content that is there already is not written
// again. Codes: disk-full, disk-failed; errors of r as they are.
func (b *Blobs) Put(r io.Reader) (Info, error) {
	return b.put(nil, r)
}

// PutAs is Put for content whose hash is known. Code: refused when it comes
// out differently, and then nothing is kept.
func (b *Blobs) PutAs(want canon.Hash, r io.Reader) (Info, error) {
	return b.put(&want, r)
}

func (b *Blobs) put(want *canon.Hash, r io.Reader) (Info, error) {
	t, err := durable.Create(b.fs, b.dir, 0o600)
	if err != nil {
		return Info{}, err
	}
	defer t.Discard()
	var key fileKey
	sealed, err := age.Encrypt(t, &key)
	if err != nil {
		return Info{}, fmt.Errorf("encrypting a file: %w", err)
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(sum, sealed), r)
	if err == nil {
		err = sealed.Close()
	}
	if err != nil {
		return Info{}, fmt.Errorf("keeping a file: %w", err)
	}
	info := Info{canon.Hash(sum.Sum(nil)), size}
	if want != nil && info.Hash != *want {
		return Info{}, fault.Newf(fault.Refused, "fetch the file again from where it came", "the content has hash %s, not %s", info.Hash, *want)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Has(info.Hash) {
		return info, nil
	}
	// First the key: a key without a file is swept, a file without its key is
	// lost. An old file whose key was erased must not meet the new key.
	if err := durable.Remove(b.fs, b.path(info.Hash, blobSuffix)); err != nil {
		return Info{}, err
	}
	wrapped := b.wrap.Seal(nil, nil, key.bytes, keyLabel(info.Hash))
	if err := durable.WriteFile(b.fs, b.path(info.Hash, keySuffix), wrapped, 0o600); err != nil {
		return Info{}, err
	}
	if err := t.Commit(b.path(info.Hash, blobSuffix)); err != nil {
		return Info{}, err
	}
	return info, nil
}

// Has reports whether a file is there.
func (b *Blobs) Has(h canon.Hash) bool {
	_, errBlob := os.Stat(b.path(h, blobSuffix))
	_, errKey := os.Stat(b.path(h, keySuffix))
	return errBlob == nil && errKey == nil
}

// Open opens a file for reading. Codes: not-found, corrupt.
func (b *Blobs) Open(h canon.Hash) (*Blob, error) {
	wrapped, err := os.ReadFile(b.path(h, keySuffix))
	if err != nil {
		return nil, missing(h, err)
	}
	key, err := b.wrap.Open(nil, nil, wrapped, keyLabel(h))
	if err != nil {
		return nil, damaged(h, err)
	}
	f, err := os.Open(b.path(h, blobSuffix))
	if err != nil {
		return nil, missing(h, err)
	}
	blob, err := newBlob(h, f, key)
	if err != nil {
		_ = f.Close() // only read
		return nil, err
	}
	return blob, nil
}

// Get gives a file's content. Codes: not-found, corrupt.
func (b *Blobs) Get(h canon.Hash) ([]byte, error) {
	f, err := b.Open(h)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// List yields the hashes of all files, in byte order. An error ends it.
func (b *Blobs) List() iter.Seq2[canon.Hash, error] {
	return func(yield func(canon.Hash, error) bool) {
		entries, err := os.ReadDir(b.dir)
		if err != nil {
			yield(canon.Hash{}, durable.Explain("list "+b.dir, err))
			return
		}
		for _, e := range entries {
			stem, ok := strings.CutSuffix(e.Name(), blobSuffix)
			if !ok {
				continue
			}
			h, err := canon.ParseHash(stem)
			if err == nil && !b.Has(h) {
				continue // being erased
			}
			if !yield(h, err) || err != nil {
				return
			}
		}
	}
}

// Erase removes a file for good, its key first. A file that is not there is
// no error.
func (b *Blobs) Erase(h canon.Hash) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := durable.Remove(b.fs, b.path(h, keySuffix)); err != nil {
		return err
	}
	return durable.Remove(b.fs, b.path(h, blobSuffix))
}

func (b *Blobs) path(h canon.Hash, suffix string) string {
	return filepath.Join(b.dir, h.String()+suffix)
}

// Blob is an open file. Read goes through the whole content from the start and
// checks it: what it gave counts once it has returned io.EOF; a content that
// was altered gives code corrupt instead. ReadAt gives any part and checks that
// the part was not altered. Read is for one goroutine, ReadAt for many.
type Blob struct {
	Info
	f   *os.File
	at  io.ReaderAt
	seq io.Reader
	sum hash.Hash
}

func newBlob(h canon.Hash, f *os.File, key []byte) (*Blob, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, durable.Explain("read "+f.Name(), err)
	}
	at, size, err := age.DecryptReaderAt(f, stat.Size(), &fileKey{key})
	if err != nil {
		return nil, damaged(h, err)
	}
	return &Blob{Info{h, size}, f, at, io.NewSectionReader(at, 0, size), sha256.New()}, nil
}

// Read gives the content from the start.
func (f *Blob) Read(p []byte) (int, error) {
	n, err := f.seq.Read(p)
	f.sum.Write(p[:n])
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, damaged(f.Hash, err)
	case canon.Hash(f.sum.Sum(nil)) != f.Hash:
		return n, damaged(f.Hash, errors.New("content does not match its hash"))
	}
	return n, io.EOF
}

// ReadAt gives len(p) bytes of content from an offset on.
func (f *Blob) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.at.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = damaged(f.Hash, err)
	}
	return n, err
}

// Close closes the file.
func (f *Blob) Close() error { return f.f.Close() }

// fileKey stands in for the recipients of an age file: the file's key is kept
// beside the file and not in it, so that it can be erased.
type fileKey struct{ bytes []byte }

const stanzaType = "lateral-key-beside"

// Wrap takes the key that age has made for a new file.
func (k *fileKey) Wrap(key []byte) ([]*age.Stanza, error) {
	k.bytes = append([]byte(nil), key...)
	return []*age.Stanza{{Type: stanzaType}}, nil
}

// Unwrap gives the key back to age.
func (k *fileKey) Unwrap([]*age.Stanza) ([]byte, error) {
	if len(k.bytes) != fileKeySize {
		return nil, age.ErrIncorrectIdentity
	}
	return k.bytes, nil
}

func keyLabel(h canon.Hash) []byte { return append([]byte(tagBlobKey), h[:]...) }

func missing(h canon.Hash, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fault.Newf(fault.NotFound, "fetch it from the partner or from a backup, if it was not erased", "there is no file %s", h).Because(err)
	}
	return durable.Explain("read file "+h.String(), err)
}

func damaged(h canon.Hash, err error) error {
	return fault.Newf(fault.Corrupt, "erase it and fetch it again from the partner or from a backup",
		"file %s does not match its checksum", h).Because(err)
}
