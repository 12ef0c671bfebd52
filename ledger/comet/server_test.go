package comet

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// served is a lone validator with a follower that it lets in for as long as
// admitted is set.
func served(t *testing.T, log *slog.Logger) (l *lone, v *Validator, f *Follower, admitted *atomic.Bool) {
	l, admitted = newLone(t), &atomic.Bool{}
	admitted.Store(true)
	l.config.FollowListen = "127.0.0.1:0"
	l.config.AllowFollower = func(k sign.PublicKey) bool { return k == testKey("follower", 0).Public() && admitted.Load() }
	if log != nil {
		l.config.Log = log
	}
	v = l.open()
	t.Cleanup(func() { v.Close() })
	return l, v, l.follow(v, testKey("follower", 0)), admitted
}

func (l *lone) follow(v *Validator, key sign.PrivateKey) *Follower {
	l.t.Helper()
	f, err := Follow(FollowerConfig{Network: l.config.Network, Key: key,
		Endpoints: []Endpoint{{l.config.NodeKey.Public(), v.FollowAddress()}}})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { f.Close() })
	return f
}

func TestAReaderThatIsExpelledReadsNoFurther(t *testing.T) {
	l, v, f, admitted := served(t, nil)
	l.submit(v)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	res, err := f.request(ctx, f.ends[0], http.MethodGet, "/blocks", map[string][]string{"from": {"1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	if _, _, err := readFrame(in); err != nil {
		t.Fatal(err)
	}
	admitted.Store(false)
	tip, _ := v.app.where()
	last := l.submit(v)
	for {
		s, _, err := readFrame(in)
		if err != nil {
			break // the stream has ended
		}
		// One block may have been on its way.
		if h := ledger.Height(s.Header.Height); h > tip+1 || h >= last.Height {
			t.Fatalf("block %d was sent to a reader that was expelled at block %d", h, tip)
		}
	}
	if ctx.Err() != nil {
		t.Fatal("the stream does not end")
	}
	if _, err := f.request(ctx, f.ends[0], http.MethodGet, "/status", nil, nil); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("asked again: %v, want forbidden", err)
	}
}

func TestStrangersFillNoLog(t *testing.T) {
	var out lockedBuffer
	l, v, _, _ := served(t, slog.New(slog.NewTextHandler(&out, nil)))
	for i := range 20 {
		f := l.follow(v, testKey("stranger", i))
		if _, err := f.Status(t.Context()); err == nil {
			t.Fatal("a stranger is let in")
		}
	}
	if n := strings.Count(out.String(), "unregistered"); n < 1 || n > 3 {
		t.Errorf("%d lines about 20 strangers", n)
	}
}

// lockedBuffer takes a log from several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
