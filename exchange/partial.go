package exchange

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// partials are large files that have come in part: opened, in the order of the
// file, one file on disk each, in a directory for each sender. They are
// enciphered with a key that the node key gives, so that a disk that is lost
// does not show them and an erased file leaves nothing readable here. Nothing
// in them is trusted before the whole has its hash: they need no tag and no
// sync.
type partials struct {
	dir    string
	secret []byte

	mu     sync.Mutex
	claims map[canon.Hash]*claim // by transfer
}

// claim is the right to write one partial file.
type claim struct {
	interrupt func() error  // makes its holder give up; called with the lock held
	gone      chan struct{} // closed when its holder has
}

func openPartials(dir string, key sign.PrivateKey) (*partials, error) {
	seed := key.Seed()
	secret, err := hkdf.Key(sha256.New, seed[:], nil, "lateral/exchange/partials/1", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of partial files: %w", err)
	}
	return &partials{dir: dir, secret: secret, claims: map[canon.Hash]*claim{}}, makeDir(dir)
}

// stream gives the cipher of one transfer's file, from its start. Only the
// sender could make it run over two contents, and knows both.
func (p *partials) stream(t Transfer) (cipher.Stream, error) {
	id := t.ID()
	key, err := hkdf.Expand(sha256.New, p.secret, string(id[:]), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize)), nil
}

func (p *partials) path(t Transfer) string {
	return filepath.Join(p.dir, t.From.String(), t.ID().String())
}

// size is how much of a file is here.
func (p *partials) size(t Transfer) (int64, error) {
	info, err := os.Stat(p.path(t))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, notStored(err)
	}
	return min(info.Size(), t.Meta.Size), nil
}

// claim takes the right to write a file from whoever has it.
func (p *partials) claim(ctx context.Context, t Transfer, interrupt func() error) (release func(), err error) {
	id := t.ID()
	own := &claim{interrupt: interrupt, gone: make(chan struct{})}
	for {
		p.mu.Lock()
		other := p.claims[id]
		if other == nil {
			p.claims[id] = own
			p.mu.Unlock()
			return func() {
				p.mu.Lock()
				defer p.mu.Unlock()
				delete(p.claims, id)
				close(own.gone)
			}, nil
		}
		err := other.interrupt()
		p.mu.Unlock()
		if err != nil {
			return nil, notStored(err)
		}
		select {
		case <-other.gone:
		case <-ctx.Done():
			return nil, fault.New(fault.Busy, "the file is coming over another connection", "nothing: it is tried again").Because(ctx.Err())
		}
	}
}

// open opens the file of a transfer to be written from an offset on.
func (p *partials) open(t Transfer, offset int64) (*partial, error) {
	path := p.path(t)
	folder := filepath.Dir(path)
	if err := makeDir(folder); err != nil {
		return nil, err
	}
	if offset == 0 {
		others, err := os.ReadDir(folder)
		if err != nil {
			return nil, notStored(err)
		}
		if len(others) >= maxPartials {
			return nil, fault.New(fault.Busy, "too many files of this sender have come in part only", "finish or cancel those first")
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, notStored(err)
	}
	out := &partial{File: file, want: t.Meta, sum: sha256.New()}
	out.restart = func() (cipher.Stream, error) { return p.stream(t) }
	if err := out.skip(offset); err != nil {
		return nil, errors.Join(notStored(err), file.Close())
	}
	return out, nil
}

// prune removes what nobody has gone on with since a time.
func (p *partials) prune(before time.Time) error {
	var all []error
	folders, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		files, err := os.ReadDir(filepath.Join(p.dir, folder.Name()))
		all = append(all, err)
		for _, f := range files {
			info, err := f.Info()
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err == nil && info.ModTime().Before(before) {
				err = os.Remove(filepath.Join(p.dir, folder.Name(), f.Name()))
			}
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// partial is one file that comes in pieces.
type partial struct {
	*os.File
	want    Meta
	size    int64 // bytes of content that are here
	sum     hash.Hash
	cipher  cipher.Stream // stands at size
	restart func() (cipher.Stream, error)
}

// skip goes to an offset and drops what comes after. What is before counts for
// the hash again: the disk may have changed it.
func (p *partial) skip(offset int64) error {
	content, err := p.content()
	if err != nil {
		return err
	}
	if p.size, err = io.CopyN(p.sum, content, offset); err != nil {
		return fmt.Errorf("reading what is here of a file, wanted to byte %d: %w", offset, err)
	}
	p.cipher = content.S
	return p.Truncate(offset)
}

// content reads the file from its start.
func (p *partial) content() (cipher.StreamReader, error) {
	if _, err := p.Seek(0, io.SeekStart); err != nil {
		return cipher.StreamReader{}, err
	}
	stream, err := p.restart()
	return cipher.StreamReader{S: stream, R: p.File}, err
}

// errPartial marks an error of our own disk.
var errPartial = errors.New("the partial file cannot be written")

// fill appends what r gives to its end. What has come stays when r breaks
// off. Code wrong-hash: the file is whole and not what its hash or size says.
func (p *partial) fill(r io.Reader) error {
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.Read(buffer)
		if p.size+int64(n) > p.want.Size {
			return wrongSize()
		}
		p.sum.Write(buffer[:n])
		p.cipher.XORKeyStream(buffer[:n], buffer[:n])
		if _, err := p.Write(buffer[:n]); err != nil {
			return fmt.Errorf("%w: %w", errPartial, err)
		}
		p.size += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if p.size != p.want.Size {
		return wrongSize()
	}
	if canon.Hash(p.sum.Sum(nil)) != p.want.Hash {
		return wrongHash()
	}
	return nil
}
