//go:build !linux

package compare

// newArena makes room for n values.
func newArena[T any](n int) []T { return make([]T, n) }
