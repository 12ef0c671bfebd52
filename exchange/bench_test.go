package exchange

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// From Send to receipt between two nodes of one process over loopback TLS,
// with both outboxes synced to disk and contents in memory.

func BenchmarkSmallFiles(b *testing.B) {
	from, to := newNode(b, 1), newNode(b, 2)
	quiet := slog.New(slog.DiscardHandler)
	from.opts.Log, to.opts.Log = quiet, quiet
	from.run()
	to.run()
	peer := to.peer()
	const size, group = 400, 4 // four files for each of many short periods
	b.ReportAllocs()
	sent := 0
	var ids []canon.Hash
	for b.Loop() {
		var files []File
		for range group {
			f := from.file(peer, content(size, byte(sent)))
			f.Subject = fmt.Sprint(sent)
			files = append(files, f)
			sent++
		}
		got, err := from.ex.SendAll(context.Background(), files)
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, got...)
		// No more than a few periods ahead of the partner.
		if len(ids) > 1000 {
			from.mustArrive(ids[len(ids)-1000])
		}
	}
	for _, id := range ids {
		from.mustArrive(id)
	}
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "files/s")
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
