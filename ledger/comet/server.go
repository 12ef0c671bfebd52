package comet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// server lets followers in: registered node keys only.
type server struct {
	v       *Validator
	allow   func(sign.PublicKey) bool
	http    *http.Server
	address string
	stop    context.CancelFunc
	done    chan struct{}
	log     *slog.Logger

	mu      sync.Mutex // guards what follows
	warned  time.Time  // of a stranger
	unnamed int        // strangers since
}

func serve(v *Validator, listen string, node sign.PrivateKey, allow func(sign.PublicKey) bool, log *slog.Logger) (*server, error) {
	s := &server{v: v, allow: allow, done: make(chan struct{}), log: log}
	tlsConfig, err := nodeTLS(node, s.admit)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fault.Newf(fault.Unavailable, "choose another listen address", "cannot listen for followers on %s", listen).Because(err)
	}
	s.address = l.Addr().String()
	base, stop := context.WithCancel(context.Background())
	s.stop = stop
	mux := http.NewServeMux()
	mux.HandleFunc("POST /submit", s.guard(s.submit))
	mux.HandleFunc("GET /blocks", s.guard(s.blocks))
	mux.HandleFunc("GET /certificate", s.guard(s.certificate))
	mux.HandleFunc("GET /proof", s.guard(s.proof))
	mux.HandleFunc("GET /status", s.guard(s.status))
	s.http = &http.Server{
		Handler:           mux,
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 512, SendPingTimeout: 15 * time.Second},
	}
	go func() {
		defer close(s.done)
		if err := s.http.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the listener for followers has stopped", "err", err)
		}
	}()
	return s, nil
}

func (s *server) close() error {
	s.stop()
	err := s.http.Close()
	<-s.done
	return err
}

// admit refuses a node that is not registered.
func (s *server) admit(node sign.PublicKey) error {
	if s.allow == nil || !s.allow(node) {
		s.warn(node)
		return fault.Newf(fault.Forbidden, "register the node key on the Omnilateral", "node %s is not registered", node.Short())
	}
	return nil
}

// warnEvery is the shortest time between two lines about strangers: whoever can
// reach the port may knock as often as it likes.
const warnEvery = 10 * time.Second

func (s *server) warn(node sign.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.warned) < warnEvery {
		s.unnamed++
		return
	}
	s.log.Warn("refusing an unregistered follower", "node", node.String(), "others_since_the_last_line", s.unnamed)
	s.warned, s.unnamed = time.Now(), 0
}

// guard asks again at each request: a key may have been struck off since.
func (s *server) guard(handle func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		node, err := peerKey(*r.TLS)
		if err == nil {
			err = s.admit(node)
		}
		if err == nil {
			err = handle(w, r)
		}
		if err == nil {
			return
		}
		f := fault.Of(err)
		if f.Code == fault.Internal {
			s.log.Error("answering a follower", "path", r.URL.Path, "err", err)
		}
		w.WriteHeader(statusOf(f.Code))
		answer(w, canon.Must(failure{string(f.Code), f.Detail, f.Remedy, f.Field}))
	}
}

// answer sends a body. A link that breaks meanwhile is the follower's to notice.
func answer(w io.Writer, body []byte) { _, _ = w.Write(body) }

func (s *server) submit(w http.ResponseWriter, r *http.Request) error {
	after := uint64(0)
	if r.URL.Query().Has("after") {
		var err error
		if after, err = number(r, "after", 64); err != nil {
			return err
		}
	}
	var raw bytes.Buffer
	raw.Grow(int(min(max(r.ContentLength, 0), ledger.MaxEnvelope)) + bytes.MinRead)
	if _, err := raw.ReadFrom(http.MaxBytesReader(w, r.Body, ledger.MaxEnvelope)); err != nil {
		return fault.Newf(fault.Invalid, "split the batch", "no envelope of at most %d bytes arrived", ledger.MaxEnvelope).Because(err)
	}
	at, err := s.v.submit(r.Context(), raw.Bytes(), ledger.Height(after))
	if err != nil {
		return err
	}
	f := final{Position: at}
	rec, ok, err := s.v.receiptFor(at)
	switch {
	case err != nil && fault.CodeOf(err) != fault.NotFound:
		return err
	case err == nil && ok:
		f.Receipt = &rec
	}
	answer(w, canon.Must(f))
	return nil
}

func (s *server) blocks(w http.ResponseWriter, r *http.Request) error {
	from, err := number(r, "from", 64)
	if err != nil {
		return err
	}
	node, err := peerKey(*r.TLS)
	if err != nil {
		return err
	}
	flush := http.NewResponseController(w)
	for h := max(ledger.Height(from), 1); ; h++ {
		if err := s.v.app.reach(r.Context(), h); err != nil {
			return nil // the follower is gone, or this node ends: the stream breaks off
		}
		if s.admit(node) != nil {
			return nil // struck off while it read: it hears why when it asks again
		}
		b, err := s.v.blockAt(h)
		var head seal
		if err == nil {
			head, err = s.v.sealAt(h)
		}
		if err != nil && h > ledger.Height(from) {
			panic(http.ErrAbortHandler) // too late for a status: break the stream off
		}
		if err != nil {
			return err
		}
		txs := make([][]byte, len(b.txs))
		for i, tx := range b.txs {
			txs[i] = tx
		}
		if writeFrame(w, head, txs) != nil {
			return nil
		}
		if tip, _ := s.v.app.where(); h >= tip {
			if flush.Flush() != nil {
				return nil
			}
		}
	}
}

func (s *server) certificate(w http.ResponseWriter, r *http.Request) error {
	h, err := number(r, "height", 64)
	if err != nil {
		return err
	}
	c, err := s.v.Certified(r.Context(), ledger.Height(h))
	if err != nil {
		return err
	}
	answer(w, c.Bytes)
	return nil
}

func (s *server) proof(w http.ResponseWriter, r *http.Request) error {
	h, err := number(r, "height", 64)
	if err != nil {
		return err
	}
	i, err := number(r, "index", 32)
	if err != nil {
		return err
	}
	p, err := s.v.Included(r.Context(), ledger.Position{Height: ledger.Height(h), Index: uint32(i)})
	if err != nil {
		return err
	}
	answer(w, p.Bytes)
	return nil
}

func (s *server) status(w http.ResponseWriter, r *http.Request) error {
	st, err := s.v.Status(r.Context())
	if err != nil {
		return err
	}
	answer(w, canon.Must(report{st.Tip, st.TipTime, st.Earliest, st.Syncing}))
	return nil
}

func number(r *http.Request, name string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(r.URL.Query().Get(name), 10, bits)
	if err != nil {
		return 0, fault.New(fault.Invalid, "not a number", "write decimal digits").In(name).Because(err)
	}
	return n, nil
}
