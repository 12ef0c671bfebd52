//go:build !race

package sim

// raced: the race detector does not watch this test.
const raced = false
