// Package sonata serves MEF (Mplify) LSO Sonata: the seller's APIs of release
// kylie and, as a second profile, grace; and the buyer's listener for
// notifications. Package client is the buyer's other half.
//
// What varies by business function is a list of operations (operation) and the
// handlers behind them; everything around a request is here once: who asks, what
// it may, its query and body, errors, pages, time and size. Handlers keep
// resources on a shelf (store/resource) together with the events that tell of
// them, and ask a Seller for what only the carrier knows.
//
// To add a function: give Seller an interface for it (in the function's own
// file), list its operations for each release as address.go does, and name it in
// functions.go. An operation has the operationId, parameters and statuses of the
// published file, and the shape of its body. A resource is a kind (task.go): create
// keeps it with its events and makes a request that comes twice once; update
// changes it; a record that is due is given to the function in Server.work.
package sonata

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// Options are what a server needs and how it behaves.
type Options struct {
	// Sellers are the sellers for which it answers; the first is meant where a
	// request names none. With several, requests name one in sellerId.
	Sellers []string
	// Base is the address at which partners reach it, "https://host:port", for
	// the href of resources.
	Base string
	// Contact is whom partners ask here. Without a name it is left out.
	Contact wire.Contact
	// Off are operations, by operationId, that are not offered: 501, in the releases
	// whose files let them be optional.
	Off []string
	// Key signs notifications; its id is told to partners. Nil: not signed.
	Key *Key

	Page      int           // items of an answer at most; 0: 100
	Body      int64         // bytes of a request at most; 0: 1 MiB
	Time      time.Duration // for an answer; 0: 30 seconds
	TokenLife time.Duration // of an access token; 0: one hour
	InFlight  int           // requests of one partner at the same time; 0: 64
	Keep      time.Duration // of events, for replay; 0: 90 days
	// Private lets notifications go to addresses of private networks and this
	// machine, and without TLS: for tests and laboratories.
	Private bool

	// Metrics is told of each request and notification; nil: nobody is.
	Metrics Metrics

	Now func() time.Time // nil: the clock
	ID  func() string    // makes ids of resources; nil: random
	Log *slog.Logger     // nil discards
}

// Metrics counts what goes between this seller and its buyers. Its methods are
// called at the same time.
type Metrics interface {
	// Answered tells of a request, by its operationId; "": one that is none.
	Answered(operation string, status int)
	// Notified tells of a try to notify a buyer, and whether it took it.
	Notified(taken bool)
}

// uncounted is who counts nothing.
type uncounted struct{}

func (uncounted) Answered(string, int) {}
func (uncounted) Notified(bool)        {}

// Server is the seller's side.
type Server struct {
	options  Options
	partners *Partners
	store    *resource.DB
	seller   Seller
	mux      *http.ServeMux
	grants   grants
	now      func() time.Time
	log      *slog.Logger
	work     map[string]func(context.Context, *resource.Record) error // by kind
	busy     sync.Map                                                 // partner id → *atomic.Int64
	asking   keyed                                                    // external ids that are being answered
	delivery *delivery
}

// New makes a server. Serve its Handler, and let Run run beside it.
func New(partners *Partners, store *resource.DB, seller Seller, o Options) (*Server, error) {
	if len(o.Sellers) == 0 {
		return nil, fault.New(fault.Invalid, "the Sonata interface answers for no seller", "name one").In("sellers")
	}
	for _, d := range []struct {
		value *time.Duration
		is    time.Duration
	}{{&o.Time, 30 * time.Second}, {&o.TokenLife, time.Hour}, {&o.Keep, 90 * 24 * time.Hour}} {
		if *d.value == 0 {
			*d.value = d.is
		}
	}
	if o.Page == 0 {
		o.Page = 100
	}
	if o.Body == 0 {
		o.Body = 1 << 20
	}
	if o.InFlight == 0 {
		o.InFlight = 64
	}
	if o.Metrics == nil {
		o.Metrics = uncounted{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ID == nil {
		o.ID = func() string { return strings.ToLower(random("")[:22]) }
	}
	if o.Log == nil {
		o.Log = discard
	}
	s := &Server{
		options: o, partners: partners, store: store, seller: seller, mux: http.NewServeMux(), now: o.Now, log: o.Log,
		grants: grants{live: map[[32]byte]grant{}}, work: map[string]func(context.Context, *resource.Record) error{},
	}
	s.delivery = newDelivery(store, o)
	return s, s.routes()
}

// operation is one operation of a published file.
type operation struct {
	id     string // operationId: also the scope that a caller needs
	method string
	path   string // beneath the function's base
	params []param
	body   *shape // nil: it takes none
	status int    // of success; 0: 200
	errors []int  // the statuses that the file lists
	do     func(*call) (*reply, error)
}

// optional says whether the file lets a seller do without the operation.
func (o *operation) optional() bool { return slices.Contains(o.errors, http.StatusNotImplemented) }

// The lists of statuses that come again and again.
var (
	listErrors   = []int{400, 401, 403, 422, 500}
	createErrors = []int{400, 401, 403, 422, 500}
	getErrors    = []int{400, 401, 403, 404, 500}
)

// plus adds statuses to a list.
func plus(list []int, more ...int) []int { return append(slices.Clone(list), more...) }

// call is one request on its way to a handler.
type call struct {
	ctx      context.Context
	s        *Server
	release  wire.Release
	function wire.Function
	partner  Partner
	buyer    string
	seller   string
	named    bool   // the partner has several buyers, or we several sellers
	id       string // of the path
	query    query
	body     wire.Value // as it was sent
	header   http.Header
}

// scope is where this caller's resources of a kind are.
func (c *call) scope(kind string) resource.Scope {
	return resource.Scope{Kind: string(c.release) + "/" + kind, Buyer: c.buyer, Seller: c.seller}
}

// party is what a Seller is told of who asks.
func (c *call) party() Party {
	return Party{Buyer: c.buyer, Seller: c.seller, Release: c.release, Header: c.header}
}

// reply is an answer that does not refuse.
type reply struct {
	status  int // 0: the operation's
	body    []byte
	headers map[string]string
}

// answered gives a reply of one value.
func answered(v wire.Value) *reply { return &reply{body: v.Bytes()} }

type traceKey struct{}

func traceOf(ctx context.Context) string {
	t, _ := ctx.Value(traceKey{}).(string)
	return t
}

// routes registers every operation that this server offers.
func (s *Server) routes() error {
	known, optional := map[string]bool{}, map[string]bool{}
	for _, release := range wire.Releases {
		for _, f := range s.functions() {
			for _, op := range f.operations(release) {
				known[op.id] = true
				optional[op.id] = optional[op.id] || op.optional()
				base := release.Base(f.function)
				if f.base != "" {
					// Calls of our own are the same in every release.
					if release != wire.Releases[0] {
						continue
					}
					base = f.base
				}
				s.mux.HandleFunc(op.method+" "+base+op.path, func(w http.ResponseWriter, r *http.Request) {
					s.serve(w, r, release, f, &op)
				})
			}
		}
	}
	for _, id := range s.options.Off {
		switch {
		case !known[id]:
			return fault.Newf(fault.Invalid, "name operations as the published files do", "there is no operation %.64q", id).In("off")
		case !optional[id]:
			return fault.Newf(fault.Invalid, "leave it on: the standard says so", "the operation %s cannot be off", id).In("off")
		}
	}
	return nil
}

// functionOf is a business function and its operations.
type functionOf struct {
	function   wire.Function
	operations func(wire.Release) []operation
	base       string // of calls that the standard lacks; "": the release's
}

// Handler answers partners: the APIs under /mefApi/sonata, and TokenPath. It may
// be served by many connections at the same time.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		trace := api.NewTrace()
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), traceKey{}, trace), s.options.Time)
		defer cancel()
		r = r.WithContext(ctx)
		seen := &watched{ResponseWriter: w}
		h := seen.Header()
		h.Set("X-Trace-Id", trace)
		h.Set("X-Content-Type-Options", "nosniff")
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.Error("sonata: a request panicked", "trace", trace, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if seen.status == 0 {
					s.refuse(ctx, seen, fmt.Errorf("panic: %v", p), nil)
				}
			}
			s.options.Metrics.Answered(seen.operation, seen.status)
			// Neither paths nor queries are logged: they may name what only the
			// two carriers are to know.
			s.log.Info("sonata: request", "trace", trace, "operation", seen.operation, "method", r.Method, "status", seen.status, "ms", time.Since(began).Milliseconds(), "who", seen.who)
		}()
		if r.URL.Path == TokenPath {
			seen.operation = "token"
			s.token(seen, r)
			return
		}
		answer, pattern := s.mux.Handler(r)
		if pattern == "" {
			s.nowhere(seen, r, answer)
			return
		}
		s.mux.ServeHTTP(seen, r)
	})
}

// watched remembers what was answered.
type watched struct {
	http.ResponseWriter
	status    int
	operation string
	who       string
}

func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// nowhere answers what no operation takes. Who does not say who it is learns
// only that.
func (s *Server) nowhere(w *watched, r *http.Request, answer http.Handler) {
	if _, _, err := s.authenticate(r); err != nil {
		s.refuse(r.Context(), w, err, nil)
		return
	}
	probe := &probe{header: http.Header{}}
	answer.ServeHTTP(probe, r)
	err := fault.New(fault.NotFound, "there is nothing at this address", "look at the base paths of the release")
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		err = fault.New(codeMethod, "this address does not take the method "+cut(r.Method, 16), "use one of "+probe.header.Get("Allow"))
	}
	s.refuse(r.Context(), w, err, nil)
}

// probe takes the mux's own answer to an address that it does not know.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) WriteHeader(status int)      { p.status = status }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }

// serve takes a request to its handler.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, release wire.Release, f functionOf, op *operation) {
	if seen, ok := w.(*watched); ok {
		seen.operation = op.id
	}
	out, err := s.answer(w, r, release, f, op)
	if err != nil {
		s.refuse(r.Context(), w, err, op.errors)
		return
	}
	for name, value := range out.headers {
		w.Header().Set(name, value)
	}
	status := out.status
	if status == 0 {
		status = op.status
	}
	if status == 0 {
		status = http.StatusOK
	}
	s.write(r.Context(), w, status, out.body)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, release wire.Release, f functionOf, op *operation) (*reply, error) {
	partner, scopes, err := s.authenticate(r)
	if err != nil {
		return nil, err
	}
	if seen, ok := w.(*watched); ok {
		seen.who = partner.ID
	}
	leave, err := s.enter(partner)
	if err != nil {
		return nil, err
	}
	defer leave()
	if f.base != "" {
		release = partner.Release
	} else if partner.Release != release {
		return nil, fault.Newf(fault.Forbidden, "use the paths of that release, or ask the seller's operator for another", "this partner is set up for release %s", partner.Release)
	}
	if !partner.may(op.id) || len(scopes) > 0 && !slices.Contains(scopes, op.id) {
		return nil, fault.Newf(fault.Forbidden, "get an access token with that scope, if the seller's operator gave it to you", "the scope %s is needed", op.id)
	}
	if op.optional() && slices.Contains(s.options.Off, op.id) {
		return nil, fault.New(CodeNotOffered, "this seller does not offer the operation", "do without it")
	}
	c := &call{ctx: r.Context(), s: s, release: release, function: f.function, partner: partner, id: r.PathValue("id"), header: r.Header}
	// The billing files forget the two parties; they are taken there as well.
	params := append(slices.Clone(op.params), param{name: "buyerId"}, param{name: "sellerId"})
	if c.query, err = readQuery(r.URL.RawQuery, params); err != nil {
		return nil, err
	}
	if err := c.parties(); err != nil {
		return nil, err
	}
	if len(c.id) > 256 {
		return nil, fault.New(fault.NotFound, "there is nothing of so long an id", "look the id up in the list")
	}
	if op.body != nil {
		if c.body, err = s.readBody(w, r); err != nil {
			return nil, err
		}
		if err := op.body.check(c.body); err != nil {
			return nil, err
		}
	}
	return op.do(c)
}

// enter bounds how much one partner asks at the same time.
func (s *Server) enter(p Partner) (leave func(), err error) {
	n, _ := s.busy.LoadOrStore(p.ID, new(atomic.Int64))
	count := n.(*atomic.Int64)
	if count.Add(1) > int64(s.options.InFlight) {
		count.Add(-1)
		return nil, fault.Newf(fault.Busy, "wait for answers before you ask more", "more than %d requests of this partner are being answered", s.options.InFlight)
	}
	return func() { count.Add(-1) }, nil
}

// parties finds out for which buyer and seller a request is. Codes:
// missing-parameter, wrong-party, bad-query.
func (c *call) parties() error {
	buyers, sellers := c.partner.Buyers, c.s.options.Sellers
	c.buyer, c.seller = buyers[0], sellers[0]
	c.named = len(buyers) > 1 || len(sellers) > 1
	for _, p := range []struct {
		name  string
		may   []string
		value *string
		code  fault.Code
	}{{"buyerId", buyers, &c.buyer, CodeWrongParty}, {"sellerId", sellers, &c.seller, CodeBadQuery}} {
		given := c.query.Get(p.name)
		switch {
		case given == "" && len(p.may) > 1:
			return fault.Newf(CodeMissingParameter, "name one", "the parameter %s is needed, because there are several", p.name)
		case given == "":
		case !slices.Contains(p.may, given):
			return fault.Newf(p.code, "name one that this partner and this seller stand for, or none", "the parameter %s names a party that cannot be meant here", p.name)
		default:
			*p.value = given
		}
	}
	return nil
}

// readBody reads a request's body as JSON. Code: bad-body.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (wire.Value, error) {
	bad := func(detail, remedy string) (wire.Value, error) {
		return wire.Value{}, fault.New(CodeBadBody, detail, remedy)
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return bad("the body is not said to be JSON in UTF-8", "send the header Content-Type: "+wire.ContentType)
	}
	data, err := readAll(http.MaxBytesReader(w, r.Body, s.options.Body), r.ContentLength)
	if err != nil {
		if isTooLarge(err) {
			return bad(fmt.Sprintf("the body is longer than %d bytes", s.options.Body), "send less at once")
		}
		return bad("the body breaks off", "send it whole")
	}
	v, err := wire.Parse(data)
	if err != nil {
		f := fault.Of(err)
		return bad(f.Detail, f.Remedy)
	}
	return v, nil
}

// Run does what is due and delivers notifications until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { s.delivery.run(ctx) })
	all.Go(func() { s.workLoop(ctx) })
	all.Wait()
	return nil
}

// Signals that are looked at again at the latest after this.
const idle = 5 * time.Second

// workLoop does what records are due for.
func (s *Server) workLoop(ctx context.Context) {
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for ctx.Err() == nil {
		changed := s.store.Changed()
		n, err := s.Work(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("sonata: what is due cannot be read", "err", err)
		}
		if n > 0 && err == nil {
			continue
		}
		wake := time.NewTimer(s.untilDue(ctx))
		select {
		case <-ctx.Done():
		case <-changed:
		case <-wake.C:
		case <-tick.C:
		}
		wake.Stop()
	}
}

func (s *Server) untilDue(ctx context.Context) time.Duration {
	next, err := s.store.NextDue(ctx)
	if err != nil || next.IsZero() {
		return idle
	}
	return min(max(next.Sub(s.now()), 10*time.Millisecond), idle)
}

// together is how many records are worked on at the same time.
const together = 8

// Work does once what is due now, and gives how many records it went on with.
// One that fails is tried again after a while.
func (s *Server) Work(ctx context.Context) (int, error) {
	due, err := s.store.Due(ctx, s.now(), 64)
	if err != nil {
		return 0, err
	}
	var wait sync.WaitGroup
	var done atomic.Int64
	slots := make(chan struct{}, together)
	for _, r := range due {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if s.workOn(ctx, r) {
				done.Add(1)
			}
		})
	}
	wait.Wait()
	return int(done.Load()), nil
}

// again is how long a record waits after its work failed.
const again = 10 * time.Second

func (s *Server) workOn(ctx context.Context, r *resource.Record) (ok bool) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Time)
	defer cancel()
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		do := s.work[r.Kind[strings.LastIndexByte(r.Kind, '/')+1:]]
		if do == nil {
			return fault.Newf(fault.Internal, "report this", "nothing is known to do with %s", r.Kind)
		}
		return do(ctx, r)
	}()
	switch {
	case err == nil:
		return true
	case fault.CodeOf(err) == fault.Conflict:
		return false // somebody changed it meanwhile; it is looked at again
	}
	s.log.Warn("sonata: a resource cannot go on", "kind", r.Kind, "id", r.ID, "err", err)
	if err := s.store.Update(context.WithoutCancel(ctx), func(tx *resource.Tx) error {
		return tx.Postpone(r.Scope, r.ID, s.now().Add(again))
	}); err != nil {
		s.log.Error("sonata: a resource cannot be put off", "kind", r.Kind, "id", r.ID, "err", err)
	}
	return false
}

// carrierNAT is the address space that carriers share inside (RFC 6598).
var carrierNAT = &net.IPNet{IP: net.IPv4(100, 64, 0, 0).To4(), Mask: net.CIDRMask(10, 32)}

// isPrivate says whether an address is of this machine or a private network.
func isPrivate(ip net.IP) bool {
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip.IsUnspecified() || ip.IsMulticast() || carrierNAT.Contains(ip)
}
