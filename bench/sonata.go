package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/store/resource"
)

// SonataOptions say how to measure a Sonata seller. The zero value of each field
// takes its default.
type SonataOptions struct {
	Orders   int           // in store before the clock starts; default 100,000
	Clients  int           // connections, each with one request at a time; default 16
	Duration time.Duration // of each run; default 10 s
	Seed     uint64        // of what is asked for; default 1
	Dir      string        // for the store, on the disk to measure; "": the system's temporary one
	Progress io.Writer     // nil: none
}

// SonataResult is what was measured.
type SonataResult struct {
	Machine Machine     `json:"machine"`
	Orders  int         `json:"orders"`
	Clients int         `json:"clients"`
	Size    int         `json:"order_bytes"`
	Bytes   int64       `json:"store_bytes"`
	Runs    []SonataRun `json:"runs"`
}

// SonataRun is one kind of request.
type SonataRun struct {
	Name      string  `json:"name"`
	Requests  int     `json:"requests"`
	PerSecond float64 `json:"requests_per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	CPU       float64 `json:"cpu_seconds_per_second"` // server and load together
	Others    float64 `json:"others_cpu_seconds_per_second"`
}

// Text writes the result for people.
func (r SonataResult) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "machine  %s\nstore    %d orders of %d bytes, %.0f MiB on disk\nload     %d connections over loopback HTTP with access tokens, one request at a time on each, in the same process\n",
		r.Machine, r.Orders, r.Size, float64(r.Bytes)/(1<<20), r.Clients)
	for _, x := range r.Runs {
		fmt.Fprintf(&b, "%-8s %.0f requests/s, p50 %.1f ms, p99 %.1f ms (%d requests; %.2f cores, others %.2f)\n", x.Name, x.PerSecond, x.P50, x.P99, x.Requests, x.CPU, x.Others)
	}
	return b.String()
}

// deliverer is an order desk that delivers everything at once.
type deliverer struct{}

func (deliverer) AcceptOrder(context.Context, sonata.Party, wire.Order) error { return nil }

func (deliverer) OrderProgress(_ context.Context, _ sonata.Party, o wire.Order) (p sonata.OrderProgress, err error) {
	for range o.Items {
		p.Items = append(p.Items, sonata.ItemProgress{State: wire.Completed})
	}
	return p, nil
}

func (deliverer) CancelOrder(context.Context, sonata.Party, wire.Order, wire.CancelOrder) (c sonata.Consent, err error) {
	return c, nil
}

func (deliverer) Reschedule(context.Context, sonata.Party, wire.Order, wire.Reschedule) (c sonata.Consent, err error) {
	return c, nil
}

func (deliverer) AnswerCharge(context.Context, sonata.Party, wire.Order, wire.Charge, []wire.ChargeItemAnswer) error {
	return nil
}

func (deliverer) ChargeAnswered(context.Context, sonata.Party, wire.Charge) error { return nil }

// Sonata measures requests a second of a seller with many orders in store: pages
// near the beginning of the list and anywhere in it, lists with filters, orders by
// id, and new orders, which are delivered meanwhile.
// Code: invalid.
func Sonata(ctx context.Context, o SonataOptions) (res SonataResult, err error) {
	def := func(n *int, is int) {
		if *n == 0 {
			*n = is
		}
	}
	def(&o.Orders, 100_000)
	def(&o.Clients, 16)
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.Orders < 1 || o.Clients < 1 || o.Clients > 64 || o.Duration < 0 {
		return res, fault.New(fault.Invalid, "these options cannot be measured", "give at least one order, and 1 to 64 clients")
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	dir, err := os.MkdirTemp(o.Dir, "lateral-bench-")
	if err != nil {
		return res, durable.Explain("make a temporary folder", err)
	}
	defer os.RemoveAll(dir)
	s, err := startSonata(ctx, dir, o)
	if err != nil {
		return res, err
	}
	defer s.stop()
	res = SonataResult{Machine: here(), Orders: o.Orders, Clients: o.Clients}
	if res.Size, err = s.fill(ctx, o.Orders); err != nil {
		return res, err
	}
	if info, err := os.Stat(filepath.Join(dir, resource.File)); err == nil {
		res.Bytes = info.Size()
	}
	for _, run := range []struct {
		name string
		ask  func(*rand.Rand) (method, path, body string)
	}{
		{"list", func(r *rand.Rand) (string, string, string) {
			return http.MethodGet, "/productOrder?limit=10&offset=" + strconv.Itoa(r.IntN(min(o.Orders, 1000))), ""
		}},
		{"deep", func(r *rand.Rand) (string, string, string) {
			return http.MethodGet, "/productOrder?limit=10&offset=" + strconv.Itoa(r.IntN(o.Orders)), ""
		}},
		{"filter", func(r *rand.Rand) (string, string, string) {
			return http.MethodGet, "/productOrder?limit=10&state=completed&externalId=" + s.external(r.IntN(o.Orders)), ""
		}},
		{"get", func(r *rand.Rand) (string, string, string) {
			return http.MethodGet, "/productOrder/" + s.order(r.IntN(o.Orders)), ""
		}},
		{"post", func(r *rand.Rand) (string, string, string) {
			return http.MethodPost, "/productOrder", orderOf(fmt.Sprintf("N-%016x%016x", r.Uint64(), r.Uint64()))
		}},
	} {
		fmt.Fprintf(o.Progress, "%s: %s\n", run.name, o.Duration)
		one, err := s.load(ctx, o, run.ask)
		if err != nil {
			return res, err
		}
		one.Name = run.name
		res.Runs = append(res.Runs, one)
	}
	return res, nil
}

// sonataServer is a seller over loopback HTTP with a store of its own.
type sonataServer struct {
	shelf *resource.DB
	url   string
	token string
	stop  func()
}

func startSonata(ctx context.Context, dir string, o SonataOptions) (*sonataServer, error) {
	shelf, err := resource.Open(dir, resource.Options{})
	if err != nil {
		return nil, err
	}
	s := &sonataServer{shelf: shelf}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	h := &http.Server{ReadHeaderTimeout: 10 * time.Second}
	s.stop = func() {
		cancel()
		h.Close()
		running.Wait()
		shelf.Close()
	}
	partners, err := sonata.OpenPartners(filepath.Join(dir, "partners.yaml"))
	var secret string
	if err == nil {
		secret, err = partners.Add(sonata.Partner{ID: "bravo", Buyers: []string{"BRAVO"}, Release: wire.Kylie}, time.Now())
	}
	var server *sonata.Server
	if err == nil {
		server, err = sonata.New(partners, shelf, sonata.Seller{Orders: deliverer{}}, sonata.Options{Sellers: []string{"ALPHA"}, Base: "https://alpha.example"})
	}
	var l net.Listener
	if err == nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	s.url = "http://" + l.Addr().String()
	h.Handler = server.Handler()
	running.Go(func() { _ = h.Serve(l) }) // it ends with stop
	running.Go(func() { _ = server.Run(ctx) })
	if s.token, err = fetchToken(ctx, s.url, secret); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func fetchToken(ctx context.Context, base, secret string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+sonata.TokenPath, strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("bravo", secret)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var t struct {
		Token string `json:"access_token"`
	}
	err = json.NewDecoder(res.Body).Decode(&t)
	return t.Token, err
}

const orderBase = "/mefApi/sonata/productOrderingManagement/v11"

// orderOf is an order of one line of 100 Mbit/s.
func orderOf(external string) string {
	contact := func(role string) string {
		return `{"role":"` + role + `","name":"Desk","number":"+39 02 000","emailAddress":"desk@bravo.example"}`
	}
	return `{"externalId":"` + external + `","projectId":"bench","relatedContactInformation":[` + contact("productOrderContact") + `],"productOrderItem":[{"id":"1","action":"add",` +
		`"requestedCompletionDate":"2026-12-01T00:00:00Z","billingAccount":{"id":"BA-1"},"requestedItemTerm":{"name":"year","duration":{"amount":12,"units":"months"},"endOfTermAction":"autoRenew"},` +
		`"relatedContactInformation":[` + contact("buyerProductOrderItemContact") + `,` + contact("buyerImplementationContact") + `,` + contact("buyerTechnicalContact") + `],` +
		`"product":{"productOffering":{"id":"line"},"productConfiguration":{"@type":"urn:lateral:line:v1","bandwidth":{"value":100,"unit":"Mbit/s"},"latency":{"value":180,"unit":"ms"},"protection":"none"},` +
		`"place":[{"role":"A","place":{"@type":"GeographicSiteRef","id":"HKG-1"}},{"role":"Z","place":{"@type":"GeographicSiteRef","id":"MIL-1"}}]}}]}`
}

func (s *sonataServer) external(i int) string { return fmt.Sprintf("E-%08d", i) }
func (s *sonataServer) order(i int) string    { return fmt.Sprintf("order-%016d", i) }

// fill puts orders into the store: one is placed and delivered, and the others
// are its copies, each with its own ids. It gives the size of one.
func (s *sonataServer) fill(ctx context.Context, n int) (int, error) {
	c := &http.Client{Timeout: time.Minute}
	defer c.CloseIdleConnections()
	const external = "E-template"
	data, err := s.ask(ctx, c, http.MethodPost, "/productOrder", orderOf(external))
	if err != nil {
		return 0, err
	}
	var made struct{ ID, State string }
	if err := json.Unmarshal(data, &made); err != nil {
		return 0, err
	}
	for deadline := time.Now().Add(time.Minute); made.State != wire.Completed; time.Sleep(10 * time.Millisecond) {
		if data, err = s.ask(ctx, c, http.MethodGet, "/productOrder/"+made.ID, ""); err != nil {
			return 0, err
		}
		if err := json.Unmarshal(data, &made); err != nil || time.Now().After(deadline) {
			return 0, fault.New(fault.Internal, "the first order was not delivered", "report this").Because(err)
		}
	}
	scope := resource.Scope{Kind: "kylie/productOrder", Buyer: "BRAVO", Seller: "ALPHA"}
	one, err := s.shelf.Get(ctx, scope, made.ID)
	if err != nil {
		return 0, err
	}
	const batch = 2000
	for from := 0; from < n; from += batch {
		err := s.shelf.Update(ctx, func(tx *resource.Tx) error {
			for i := from; i < min(from+batch, n); i++ {
				id, ext := s.order(i), s.external(i)
				own := func(b []byte) []byte {
					return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte(made.ID), []byte(id)), []byte(external), []byte(ext))
				}
				r := &resource.Record{Scope: scope, ID: id, State: one.State, Body: own(one.Body), Summary: own(one.Summary), Attributes: slices.Clone(one.Attributes)}
				for j := range r.Attributes {
					if r.Attributes[j].Name == "externalId" {
						r.Attributes[j].Value = ext
					}
				}
				if err := tx.Insert(r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return len(one.Body), nil
}

func (s *sonataServer) ask(ctx context.Context, c *http.Client, method, path, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+orderBase+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if body != "" {
		r.Header.Set("Content-Type", wire.ContentType)
	}
	res, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fault.Newf(fault.Internal, "report this", "the seller answered %s: %.200s", res.Status, data)
	}
	return data, err
}

// load asks in a closed loop until the time is over.
func (s *sonataServer) load(ctx context.Context, o SonataOptions, ask func(*rand.Rand) (method, path, body string)) (run SonataRun, err error) {
	c := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: o.Clients}}
	defer c.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([][]time.Duration, o.Clients)
	var over atomic.Bool
	m := startMeter()
	var clients sync.WaitGroup
	for i := range o.Clients {
		r := rand.New(rand.NewPCG(o.Seed, uint64(i)))
		clients.Go(func() {
			for !over.Load() && ctx.Err() == nil {
				method, path, body := ask(r)
				began := time.Now()
				if _, err := s.ask(ctx, c, method, path, body); err != nil {
					cancel(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	select {
	case <-ctx.Done():
	case <-time.After(o.Duration):
	}
	over.Store(true)
	clients.Wait()
	if ctx.Err() != nil {
		return run, context.Cause(ctx)
	}
	elapsed, own, others := m.read()
	all := slices.Concat(took...)
	slices.Sort(all)
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return all[min(int(share*float64(len(all))), len(all)-1)].Seconds() * 1000
	}
	return SonataRun{Requests: len(all), PerSecond: float64(len(all)) / elapsed.Seconds(), P50: at(0.5), P99: at(0.99), CPU: own.Seconds() / elapsed.Seconds(), Others: others}, nil
}
