//go:build race

package sim

// raced: the race detector watches this test.
const raced = true
