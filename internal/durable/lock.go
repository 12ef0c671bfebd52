package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lateral-network/lateral/fault"
)

// Lock is one process's ownership of a directory. The system gives it back
// when the process ends, however it ends.
type Lock struct{ f *os.File }

// LockDir takes a directory for this process, by a file named OWNER in it.
// Codes: directory-in-use when somebody has it, this process included.
func LockDir(dir string) (*Lock, error) {
	path := filepath.Join(dir, "OWNER")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, Explain("open "+path, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &Lock{f}, nil
	}
	_ = f.Close() // nothing was written
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fault.Newf(CodeInUse, "stop the other node that uses this directory", "another process owns %s", dir).Because(err)
	}
	return nil, Explain("lock "+path, err)
}

// Release gives the directory back.
func (l *Lock) Release() error { return Explain("release "+l.f.Name(), l.f.Close()) }
