package compare

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// newArena makes room for n values in large pages, where the system has them:
// values of a thousand parts are written in turn, and small pages would be looked
// up for each. Where it has none, any memory will do.
func newArena[T any](n int) []T {
	const large = 2 << 20
	v := make([]T, n+large/sizeOf[T]())
	from := uintptr(unsafe.Pointer(&v[0]))
	skip := (large - from%large) % large
	data := bytesOf(v)
	if whole := (uintptr(len(data)) - skip) / large * large; whole > 0 {
		_ = unix.Madvise(data[skip:skip+whole], unix.MADV_HUGEPAGE) // a hint
	}
	return v
}
