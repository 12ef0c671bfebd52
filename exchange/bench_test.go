package exchange

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// From Send to receipt between two nodes of one process over loopback TLS,
// with both outboxes synced to disk and contents in memory.

func BenchmarkSmallFiles(b *testing.B) {
	for _, hands := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d periods at once", hands), func(b *testing.B) { smallFiles(b, hands) })
	}
}

// smallFiles sends four files of 400 bytes for each period.
func smallFiles(b *testing.B, hands int) {
	from, to := newNode(b, 1), newNode(b, 2)
	quiet := slog.New(slog.DiscardHandler)
	from.opts.Log, to.opts.Log = quiet, quiet
	from.run()
	to.run()
	peer := to.peer()
	const size, each = 400, 4
	var period atomic.Int64
	var work sync.WaitGroup
	start := make(chan bool)
	for range hands {
		work.Go(func() {
			var last []canon.Hash
			for range start {
				n := period.Add(1)
				var files []File
				for i := range each {
					f := from.file(peer, content(size, byte(i)))
					f.Subject = fmt.Sprint(n)
					files = append(files, f)
				}
				ids, err := from.ex.SendAll(context.Background(), files)
				if err != nil {
					b.Error(err)
					return
				}
				for _, id := range last { // one period ahead of the partner
					from.mustArrive(id)
				}
				last = ids
			}
			for _, id := range last {
				from.mustArrive(id)
			}
		})
	}
	for b.Loop() {
		start <- true
	}
	close(start)
	work.Wait()
	b.ReportMetric(each*float64(period.Load())/b.Elapsed().Seconds(), "files/s")
}

func BenchmarkLargeFile(b *testing.B) {
	from, to := newNode(b, 1), newNode(b, 2)
	quiet := slog.New(slog.DiscardHandler)
	from.opts.Log, to.opts.Log = quiet, quiet
	to.opts.Receive = nothing
	from.run()
	to.run()
	const size = 64 << 20
	f := from.file(to.peer(), content(size, 1))
	b.SetBytes(size)
	n := 0
	for b.Loop() {
		f.Subject = fmt.Sprint(n)
		n++
		from.mustArrive(from.send(f))
	}
	if rest, err := filepath.Glob(filepath.Join(to.opts.Dir, "partial", "*", "*")); err != nil || len(rest) > 0 {
		b.Errorf("partial files stay behind: %v, %v", rest, err)
	}
}

func nothing(context.Context, sign.PublicKey, Meta, func() (io.ReadCloser, error)) error { return nil }

func echo(_ context.Context, _ sign.PublicKey, body []byte) ([]byte, error) { return body, nil }

func BenchmarkCall(b *testing.B) {
	from, to := newNode(b, 1).run(), newNode(b, 2).run()
	to.ex.Handle("echo", echo)
	peer, body := to.peer(), make([]byte, 300)
	for b.Loop() {
		if _, err := from.ex.Call(context.Background(), peer, "echo", body); err != nil {
			b.Fatal(err)
		}
	}
}
