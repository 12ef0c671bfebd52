// Package client speaks LSO Sonata as a buyer: typed calls for the seller's APIs
// of release kylie or grace.
//
//	c, err := client.New(client.Options{Base: "https://alpha.example", ID: "bravo", Secret: secret})
//	q, err := c.CreateQuote(ctx, wire.Quote{Level: wire.Firm, Instant: true, Items: items})
//
// Requests and answers have kylie's form in Go, whatever is spoken. An answer
// keeps the bytes that came (Answer.Raw), for what a type does not have.
//
// A seller's refusal is a *Refusal. Code unavailable says that the seller did
// not answer as it should; unknown that it may have done what was asked: the
// same call with the same external id may be repeated. What may be repeated
// without harm is repeated by the client itself.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// Options say where the seller is and who asks.
type Options struct {
	Base    string       // "https://host" or with a path before /mefApi
	Release wire.Release // "": kylie
	// Token is where access tokens are got; "": Base + /oauth2/token. With no ID
	// requests bear none.
	Token  string
	ID     string
	Secret string
	Scope  string // "": all that the seller lets this buyer do
	// BuyerID and SellerID are sent where one party stands for several.
	BuyerID, SellerID string

	Timeout time.Duration // for one attempt; 0: 30 seconds
	Retries int           // of what may be repeated; 0: 3, below 0: none
	Body    int64         // bytes of an answer at most; 0: 8 MiB
	// Header is sent with every request: how far an inquiry may go, and the like.
	Header http.Header

	HTTP  *http.Client                                     // nil: one of its own
	Now   func() time.Time                                 // nil: the clock
	Sleep func(ctx context.Context, d time.Duration) error // nil: waits
}

// Client is one seller's interface. Methods may be called at the same time.
type Client struct {
	o    Options
	http *http.Client

	mu      sync.Mutex // guards what follows, while a token is being got too
	token   string
	expires time.Time
}

// New makes a client. Code: invalid.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.Base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.New(fault.Invalid, "the seller's address is not of the form https://host", "correct it").In("base")
	}
	o.Base = strings.TrimRight(o.Base, "/")
	if o.Release == "" {
		o.Release = wire.Kylie
	}
	if !o.Release.Valid() {
		return nil, fault.Newf(fault.Invalid, "use kylie or grace", "%.40q is no release that is spoken", string(o.Release)).In("release")
	}
	if o.Token == "" {
		o.Token = o.Base + "/oauth2/token"
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	if o.Body == 0 {
		o.Body = 8 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	c := &Client{o: o, http: o.HTTP}
	if c.http == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 16
		t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
		// A seller that leads elsewhere would get the token.
		c.http = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return c, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Release is what is spoken with the seller.
func (c *Client) Release() wire.Release { return c.o.Release }

// Refusal is a seller's answer that refuses, with its status and the standard's
// errors. fault.CodeOf gives our code for it.
type Refusal struct {
	Status int
	Errors []wire.Error // at least one
	as     *fault.Error
}

// Error gives the first error in one line.
func (r *Refusal) Error() string { return r.as.Error() }

// Unwrap gives the refusal as one of our errors.
func (r *Refusal) Unwrap() error { return r.as }

// codes are our codes for the standard's.
var codes = map[string]fault.Code{
	"missingQueryParameter": "missing-parameter", "missingQueryValue": "missing-value", "invalidQuery": "bad-query", "invalidBody": "bad-body",
	"missingCredentials": fault.Unauthorized, "invalidCredentials": fault.Unauthorized, "accessDenied": fault.Forbidden, "forbiddenRequester": "wrong-party",
	"tooManyUsers": fault.Busy, "notFound": fault.NotFound, "conflict": fault.Conflict, "missingProperty": "missing-property", "invalidValue": fault.Invalid,
	"invalidFormat": "bad-format", "referenceNotFound": "reference-unknown", "unexpectedProperty": "unexpected-property", "tooManyRecords": "too-many-records",
	"otherIssue": fault.Refused, "notImplemented": "not-offered", "internalError": fault.Unavailable,
}

// refusal reads an answer that refuses. One error and an array of them are both
// taken at every status.
func refusal(status int, body wire.Value) error {
	r := &Refusal{Status: status}
	items := body.Items
	if body.Kind == wire.Object {
		items = []wire.Value{body}
	}
	for _, v := range items {
		var e wire.Error
		if v.Kind == wire.Object && v.Decode(&e) == nil && e.Code != "" {
			r.Errors = append(r.Errors, e)
		}
	}
	if len(r.Errors) == 0 {
		return garbage(status)
	}
	first := r.Errors[0]
	code, ok := codes[first.Code]
	if !ok {
		code = fault.Refused
	}
	remedy := first.Message
	if remedy == "" {
		remedy = "ask the seller"
	}
	r.as = &fault.Error{Code: code, Detail: "the seller refuses: " + first.Reason, Remedy: remedy, Field: first.PropertyPath}
	return r
}

func garbage(status int) error {
	return fault.Newf(fault.Unavailable, "look whether the address is that of a Sonata seller, and ask the seller", "the answer (status %d) is not one of the standard", status)
}

// call is one request.
type call struct {
	function wire.Function
	method   string
	path     string
	query    url.Values
	body     *wire.Value
	// again says that the request does no harm when it comes twice: it reads, or
	// the seller knows it again by its external id.
	again bool
	bare  bool // it takes no buyerId and sellerId
	// base is that of calls which the standard lacks; "": the release's.
	base  string
	media string // of the answer; "": JSON
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   wire.Value
	raw    []byte
	token  string // that the request bore
}

// do sends a request, with as many attempts as it may have.
func (c *Client) do(ctx context.Context, r call) (answer, error) {
	fresh := false // a token was got anew for this call
	for attempt := 0; ; attempt++ {
		a, err := c.once(ctx, r)
		switch {
		case err == nil && a.status/100 == 2:
			return a, nil
		case err == nil:
			err = refusal(a.status, a.body)
			if a.status == http.StatusUnauthorized && c.o.ID != "" && !fresh {
				// It may have expired, or the seller was started again. Nothing has
				// been done, so anything may be repeated.
				c.drop(a.token)
				fresh = true
				attempt--
				continue
			}
		}
		if !r.again || attempt >= c.o.Retries || !passing(a.status, err) || ctx.Err() != nil {
			return a, err
		}
		if stop := c.o.Sleep(ctx, pause(attempt, a.header)); stop != nil {
			return a, err
		}
	}
}

// passing says whether a failure may pass by itself.
func passing(status int, err error) bool {
	if status == 0 {
		code := fault.CodeOf(err)
		return code == fault.Unavailable || code == fault.Unknown
	}
	refused, ok := errors.AsType[*Refusal](err)
	return status >= 500 && status != http.StatusNotImplemented || status == http.StatusTooManyRequests || ok && refused.as.Code == fault.Busy
}

// pause is how long the next attempt waits: twice as long each time, half of it by
// chance, and not less than the seller asks for.
func pause(attempt int, header http.Header) time.Duration {
	d := min(200*time.Millisecond<<attempt, 5*time.Second)
	d = d/2 + rand.N(d/2)
	if s, err := time.ParseDuration(header.Get("Retry-After") + "s"); err == nil && s > d {
		return min(s, 30*time.Second)
	}
	return d
}

// once sends a request once. Codes: unavailable when the seller did not get it or
// answers nonsense, unknown when it may have done it.
func (c *Client) once(ctx context.Context, r call) (a answer, err error) {
	token, err := c.access(ctx)
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	query := url.Values{}
	for name, values := range r.query {
		query[name] = values
	}
	if !r.bare {
		if c.o.BuyerID != "" {
			query.Set("buyerId", c.o.BuyerID)
		}
		if c.o.SellerID != "" {
			query.Set("sellerId", c.o.SellerID)
		}
	}
	base := r.base
	if base == "" {
		base = c.o.Release.Base(r.function)
	}
	address := c.o.Base + base + r.path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body.Bytes())
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return a, fault.New(fault.Invalid, "the request's address cannot be written", "correct the id").Because(err)
	}
	for name, values := range c.o.Header {
		req.Header[name] = values
	}
	if h, ok := ctx.Value(headerKey{}).(http.Header); ok {
		for name, values := range h {
			req.Header[name] = values
		}
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", wire.ContentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return a, c.lost(ctx, r, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, c.o.Body+1))
	if err != nil {
		return a, c.lost(ctx, r, err)
	}
	a = answer{status: res.StatusCode, header: res.Header, raw: data, token: token}
	if len(data) == 0 && (res.StatusCode == http.StatusNoContent || res.StatusCode/100 != 2) {
		if res.StatusCode/100 != 2 {
			return a, garbage(res.StatusCode)
		}
		return a, nil
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if r.media != "" && media == r.media && int64(len(data)) <= c.o.Body {
		return a, nil
	}
	if int64(len(data)) > c.o.Body || media != "" && media != "application/json" {
		return a, garbage(res.StatusCode)
	}
	if a.body, err = wire.Parse(data); err != nil {
		return a, garbage(res.StatusCode)
	}
	return a, nil
}

// lost says what is known when no whole answer came.
func (c *Client) lost(ctx context.Context, r call, err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return fault.Newf(fault.Unavailable, "look whether the seller's node runs, and its address", "the seller at %s does not answer", c.o.Base).Because(err)
	}
	if r.method == http.MethodGet && ctx.Err() == nil {
		return fault.New(fault.Unavailable, "the seller's answer broke off", "ask again").Because(err)
	}
	return fault.New(fault.Unknown, "the seller had not answered in time", "look whether it has been done, or repeat the request with the same external id").Because(errors.Join(ctx.Err(), err))
}

type headerKey struct{}

// WithHeader gives a context whose calls send these headers as well.
func WithHeader(ctx context.Context, h http.Header) context.Context {
	return context.WithValue(ctx, headerKey{}, h)
}

// early is how long before its end an access token is replaced: clocks differ,
// and requests take time.
const early = 30 * time.Second

// access gives an access token that is in force, "" when none is needed.
func (c *Client) access(ctx context.Context) (string, error) {
	if c.o.ID == "" {
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && c.o.Now().Before(c.expires) {
		return c.token, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}}
	if c.o.Scope != "" {
		form.Set("scope", c.o.Scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fault.New(fault.Invalid, "the address for access tokens cannot be read", "correct it").Because(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(c.o.ID), url.QueryEscape(c.o.Secret)) // RFC 6749 section 2.3.1
	res, err := c.http.Do(req)
	if err != nil {
		return "", fault.Newf(fault.Unavailable, "look whether the seller's node runs", "no access token can be got at %s", c.o.Token).Because(err)
	}
	defer res.Body.Close()
	var t struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int64  `json:"expires_in"` // seconds
		Error   string `json:"error"`
		Why     string `json:"error_description"`
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || json.Unmarshal(data, &t) != nil {
		return "", garbage(res.StatusCode)
	}
	switch {
	case res.StatusCode/100 != 2 && t.Error != "" && res.StatusCode < 500:
		return "", fault.Newf(fault.Unauthorized, "check the client id and secret with the seller", "the seller gives no access token: %.40s %.200s", t.Error, t.Why)
	case res.StatusCode/100 != 2 || t.Token == "" || !strings.EqualFold(t.Type, "Bearer"):
		return "", garbage(res.StatusCode)
	}
	life := time.Duration(t.Expires) * time.Second
	if t.Expires <= 0 {
		life = 5 * time.Minute // the seller does not say
	}
	c.token, c.expires = t.Token, c.o.Now().Add(max(life-early, life/2))
	return c.token, nil
}

// drop forgets an access token, unless there is a newer one.
func (c *Client) drop(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == token {
		c.token = ""
	}
}

// Answer is an answer of the seller: its value in kylie's form, and the bytes
// that came.
type Answer[T any] struct {
	Value T
	Raw   []byte
}

// Page is one page of a list.
type Page[T any] struct {
	Items     []T
	Raw       []byte
	Total     int  // of the whole list; -1: the seller did not say
	Throttled bool // the seller gave less than was asked for
}

// read reads an answer into a type. Where the files declare one thing as an array
// of one, an object and an array of one are both taken.
func read[T any](a answer, translate func(wire.Value) wire.Value) (out Answer[T], err error) {
	v := a.body
	if v.Kind == wire.Array && len(v.Items) == 1 {
		v = v.Items[0]
	}
	if v.Kind != wire.Object {
		return out, garbage(a.status)
	}
	out.Raw = a.raw
	if translate != nil {
		v = translate(v)
	}
	if err := v.Decode(&out.Value); err != nil {
		return out, misread(err)
	}
	return out, nil
}

func misread(err error) error {
	return fault.New(fault.Unavailable, "the seller's answer has another form than the standard's", "ask the seller which release it speaks").Because(err)
}

// readList reads a list. One object is taken as a list of one.
func readList[T any](a answer, translate func(wire.Value) wire.Value) (p Page[T], err error) {
	items := a.body.Items
	switch a.body.Kind {
	case wire.Object:
		items = []wire.Value{a.body}
	case wire.Array:
	default:
		return p, garbage(a.status)
	}
	p.Raw, p.Total = a.raw, -1
	for _, v := range items {
		if translate != nil {
			v = translate(v)
		}
		var x T
		if err := v.Decode(&x); err != nil {
			return p, misread(err)
		}
		p.Items = append(p.Items, x)
	}
	if n := a.header.Get("X-Total-Count"); n != "" {
		if _, err := fmt.Sscanf(n, "%d", &p.Total); err != nil {
			p.Total = -1
		}
	}
	p.Throttled = strings.EqualFold(a.header.Get("X-Pagination-Throttled"), "true")
	return p, nil
}
