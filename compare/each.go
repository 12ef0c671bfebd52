package compare

import (
	"sync"
	"sync/atomic"
)

// each calls a function for 0 to n-1 on as many goroutines as workers. make
// gives each of them a function of its own, with its own buffers.
func each(workers, n int, make func() func(int)) {
	var (
		next atomic.Int64
		done sync.WaitGroup
	)
	for range min(workers, n) {
		done.Go(func() {
			f := make()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(i)
			}
		})
	}
	done.Wait()
}
