// Package client speaks to the native HTTP interface of a node.
//
//	c := client.New("http://127.0.0.1:8080", token)
//	bravo := c.With("BRAVO")
//	for inv, err := range bravo.Invoices(ctx, client.Filter{"state": "issued"}) { ... }
//
// Every error that the node reports is a fault.Error with the node's code,
// detail, remedy and field. Code unavailable says that the node did not answer.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/evidence"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// Client is one node's interface, used with one token. Methods may be called at
// the same time.
type Client struct {
	base  string
	token string
	http  *http.Client
	page  *Page // lists give this page only; nil: all of a list
}

// New makes a client for the node at an address, "http://host:port".
func New(address, token string) *Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	return &Client{base: strings.TrimRight(address, "/"), token: token, http: &http.Client{Transport: t}}
}

// Base is the address of the node.
func (c *Client) Base() string { return c.base }

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Filter is the query of a list, by name: state, direction, currency, from, to
// and what else the list takes. Empty values are left out.
type Filter map[string]string

func (f Filter) values() url.Values {
	v := url.Values{}
	for name, value := range f {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         io.Reader
	media        string
	also         int // status that is an answer too
}

// send sends a request and gives the answer when its status is one of success.
func (c *Client) send(ctx context.Context, r call) (*http.Response, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, r.body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the node's address is not of the form http://host:port", "correct it").Because(err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if r.media != "" {
		req.Header.Set("Content-Type", r.media)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fault.New(fault.Unknown, "the node had not answered in time", "look whether it has been done, or ask again").Because(errors.Join(ctx.Err(), err))
		}
		return nil, fault.Newf(fault.Unavailable, "start the node, or correct its address", "the node at %s does not answer", c.base).Because(err)
	}
	if res.StatusCode/100 == 2 || res.StatusCode == r.also {
		return res, nil
	}
	defer res.Body.Close()
	return nil, problem(res)
}

// problem reads an error that the node reports.
func problem(res *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var p api.Problem
	if err != nil || json.Unmarshal(data, &p) != nil || p.Code == "" {
		return fault.Newf(fault.Unavailable, "look whether the address is that of a Lateral node", "the answer %s is not one of a node", res.Status)
	}
	f := p.Fault()
	if p.Trace != "" {
		f.Cause = fmt.Errorf("trace %s at the node", p.Trace)
	}
	return f
}

// json sends a request with a JSON body, if there is one, and reads a JSON
// answer into out.
func (c *Client) json(ctx context.Context, r call, body, out any) error {
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fault.New(fault.Invalid, "the request cannot be written as JSON", "correct it").Because(err)
		}
		r.body, r.media = bytes.NewReader(data), "application/json"
	}
	res, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fault.New(fault.Unavailable, "the node's answer cannot be read", "use a client of the node's version").Because(err)
	}
	return nil
}

func get[T any](ctx context.Context, c *Client, path string) (out T, err error) {
	err = c.json(ctx, call{method: http.MethodGet, path: path}, nil, &out)
	return out, err
}

func post[T any](ctx context.Context, c *Client, path string, body any) (out T, err error) {
	err = c.json(ctx, call{method: http.MethodPost, path: path}, body, &out)
	return out, err
}

// file gets an answer that is a file.
func (c *Client) file(ctx context.Context, path string) ([]byte, error) {
	res, err := c.send(ctx, call{method: http.MethodGet, path: path})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the node's answer broke off", "ask again").Because(err)
	}
	return data, nil
}

// Page is one page of a list.
type Page struct {
	After string  // where it begins: the Next of the page before; empty: the beginning
	Limit int     // items on it, at most api.MaxLimit
	Next  string  // where the list goes on, once it was read; empty: nowhere
	Count bool    // have the whole list counted
	Total *uint64 // how many items it has, once it was read, if they were counted

	Descending bool // the list goes from its end to its beginning
}

// OnePage gives a client whose lists end after one page. It shares its
// connections with c.
func (c *Client) OnePage(p *Page) *Client {
	one := *c
	one.page = p
	return &one
}

// list yields a list, page by page. An error ends it.
func list[T any](ctx context.Context, c *Client, path string, f Filter) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := f.values()
		if c.page != nil {
			c.page.Next, c.page.Total = "", nil
			q.Set("limit", strconv.Itoa(c.page.Limit))
			if c.page.Descending {
				q.Set("descending", "true")
			}
			if c.page.Count {
				q.Set("total", "true")
			}
			if c.page.After != "" {
				q.Set("after", c.page.After)
			}
		}
		if q.Get("limit") == "" {
			q.Set("limit", strconv.Itoa(api.MaxLimit))
		}
		for {
			var p api.Page[T]
			if err := c.json(ctx, call{method: http.MethodGet, path: path, query: q}, nil, &p); err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, x := range p.Items {
				if !yield(x, nil) {
					return
				}
			}
			if c.page != nil {
				c.page.Next, c.page.Total = p.Next, p.Total
				return
			}
			if p.Next == "" {
				return
			}
			q.Set("after", p.Next)
		}
	}
}

// Collect gathers a whole list.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for x, err := range seq {
		if err != nil {
			return out, err
		}
		out = append(out, x)
	}
	return out, nil
}

// Alive reports whether the node's process answers.
func (c *Client) Alive(ctx context.Context) error {
	return c.json(ctx, call{method: http.MethodGet, path: "/health"}, nil, nil)
}

// Ready reports whether the node can do its work, as an error when it cannot:
// code unavailable, with the checks that fail.
func (c *Client) Ready(ctx context.Context) error {
	var r wire.Readiness
	if err := c.json(ctx, call{method: http.MethodGet, path: "/ready", also: http.StatusServiceUnavailable}, nil, &r); err != nil {
		return err
	}
	if r.Ready {
		return nil
	}
	var failing []string
	for _, x := range r.Checks {
		if !x.OK {
			failing = append(failing, strings.TrimSuffix(x.Name+": "+x.Detail, ": "))
		}
	}
	return fault.Newf(fault.Unavailable, "wait, or look into the node's log", "the node is not ready: %s", strings.Join(failing, "; "))
}

// Metrics gives the node's metrics in the text format of Prometheus.
func (c *Client) Metrics(ctx context.Context) ([]byte, error) { return c.file(ctx, "/metrics") }

// OpenAPI gives the interface's OpenAPI document as JSON.
func (c *Client) OpenAPI(ctx context.Context) ([]byte, error) {
	return c.file(ctx, "/v1/openapi.json")
}

// Me tells who the token is.
func (c *Client) Me(ctx context.Context) (wire.Me, error) { return get[wire.Me](ctx, c, "/v1/me") }

// Status tells where the node stands.
func (c *Client) Status(ctx context.Context) (wire.Status, error) {
	return get[wire.Status](ctx, c, "/v1/status")
}

// Today tells what runs and what waits with all partners.
func (c *Client) Today(ctx context.Context) (wire.Today, error) {
	return get[wire.Today](ctx, c, "/v1/today")
}

// Trend gives calls and money over a time. Filter: from, to.
func (c *Client) Trend(ctx context.Context, f Filter) (t wire.Trend, err error) {
	return t, c.json(ctx, call{method: http.MethodGet, path: "/v1/trend", query: f.values()}, nil, &t)
}

// VerifyProof has the node check a proof file. Codes: invalid, refused.
func (c *Client) VerifyProof(ctx context.Context, data []byte) (p evidence.Proven, err error) {
	return p, c.json(ctx, call{method: http.MethodPost, path: "/v1/proofs/verify", body: bytes.NewReader(data), media: "application/octet-stream"}, nil, &p)
}

// Network gives the parameters of the network.
func (c *Client) Network(ctx context.Context) (wire.Network, error) {
	return get[wire.Network](ctx, c, "/v1/network")
}

// Leave ends this carrier's membership, for ever. It repeats the carrier's own
// code, so that nobody leaves by mistake.
func (c *Client) Leave(ctx context.Context, carrier party.Code) (wire.Done[wire.Member], error) {
	return post[wire.Done[wire.Member]](ctx, c, "/v1/network/leave", wire.Leave{Carrier: carrier})
}

// Members lists the members of the network. Filter: state.
func (c *Client) Members(ctx context.Context, f Filter) iter.Seq2[wire.Member, error] {
	return list[wire.Member](ctx, c, "/v1/members", f)
}

// Member gives one member.
func (c *Client) Member(ctx context.Context, code party.Code) (wire.Member, error) {
	return get[wire.Member](ctx, c, "/v1/members/"+url.PathEscape(string(code)))
}

// Propose sponsors an applicant.
func (c *Client) Propose(ctx context.Context, a party.Signed) (wire.Done[wire.Member], error) {
	return post[wire.Done[wire.Member]](ctx, c, "/v1/members", wire.Apply{Application: a})
}

// Vouch vouches for an applicant.
func (c *Client) Vouch(ctx context.Context, code party.Code) (wire.Done[wire.Member], error) {
	return c.vote(ctx, code, "vouch")
}

// Suspend votes to suspend a member.
func (c *Client) Suspend(ctx context.Context, code party.Code) (wire.Done[wire.Member], error) {
	return c.vote(ctx, code, "suspend")
}

// Restore votes to restore a suspended member.
func (c *Client) Restore(ctx context.Context, code party.Code) (wire.Done[wire.Member], error) {
	return c.vote(ctx, code, "restore")
}

// Proposals lists the changes of parameters that members vote on.
func (c *Client) Proposals(ctx context.Context) iter.Seq2[wire.ParameterProposal, error] {
	return list[wire.ParameterProposal](ctx, c, "/v1/network/proposals", nil)
}

// ProposeParameter proposes a change of a parameter, and votes for it.
func (c *Client) ProposeParameter(ctx context.Context, p wire.ParameterChange) (wire.Done[wire.Network], error) {
	return post[wire.Done[wire.Network]](ctx, c, "/v1/network/propose", p)
}

// VoteParameter votes for a change that is proposed.
func (c *Client) VoteParameter(ctx context.Context, p wire.ParameterChange) (wire.Done[wire.Network], error) {
	return post[wire.Done[wire.Network]](ctx, c, "/v1/network/vote", p)
}

func (c *Client) vote(ctx context.Context, code party.Code, motion string) (wire.Done[wire.Member], error) {
	return post[wire.Done[wire.Member]](ctx, c, "/v1/members/"+url.PathEscape(string(code))+"/"+motion, nil)
}

// Problems lists steps of clearing that do not succeed by themselves. Filter:
// partner.
func (c *Client) Problems(ctx context.Context, f Filter) iter.Seq2[wire.PartnerProblem, error] {
	return list[wire.PartnerProblem](ctx, c, "/v1/problems", f)
}

// Bilaterals lists the channels with partners.
func (c *Client) Bilaterals(ctx context.Context) iter.Seq2[wire.Bilateral, error] {
	return list[wire.Bilateral](ctx, c, "/v1/bilaterals", nil)
}

// Open opens a channel with a partner. It is in use when its state is open; see
// Partner.AwaitOpen.
func (c *Client) Open(ctx context.Context, partner party.Code) (wire.Bilateral, error) {
	return post[wire.Bilateral](ctx, c, "/v1/bilaterals", wire.OpenBilateral{Partner: partner})
}

// OwnKeys gives the carrier's application and its node's keys.
func (c *Client) OwnKeys(ctx context.Context) (wire.OwnKeys, error) {
	return get[wire.OwnKeys](ctx, c, "/v1/keys")
}

// RotateKey replaces a key of the carrier: member, sealing or node.
func (c *Client) RotateKey(ctx context.Context, key string) (wire.NewKey, error) {
	return post[wire.NewKey](ctx, c, "/v1/keys/"+url.PathEscape(key)+"/rotate", nil)
}

// Prepare gives a command for a key that is kept elsewhere.
func (c *Client) Prepare(ctx context.Context, p wire.Prepare) (wire.Command, error) {
	return post[wire.Command](ctx, c, "/v1/commands/prepare", p)
}

// Submit sends a prepared command with its signature.
func (c *Client) Submit(ctx context.Context, signed wire.Command) (wire.Receipt, error) {
	return post[wire.Receipt](ctx, c, "/v1/commands", signed)
}

// Evidence lists envelopes under numbers that their senders had used before.
func (c *Client) Evidence(ctx context.Context) iter.Seq2[wire.Rival, error] {
	return list[wire.Rival](ctx, c, "/v1/network/evidence", nil)
}

// DefaultTerms gives terms for voice to begin with.
func (c *Client) DefaultTerms(ctx context.Context) (agreement.Terms, error) {
	return get[agreement.Terms](ctx, c, "/v1/terms")
}

// AddAccess makes a token. Its text is in the answer and nowhere else.
func (c *Client) AddAccess(ctx context.Context, t wire.Access) (wire.NewAccess, error) {
	return post[wire.NewAccess](ctx, c, "/v1/access", t)
}

// Access lists the node's tokens, without their texts.
func (c *Client) Access(ctx context.Context) iter.Seq2[wire.Access, error] {
	return list[wire.Access](ctx, c, "/v1/access", nil)
}

// Users lists the people who sign in to the node's portal.
func (c *Client) Users(ctx context.Context) iter.Seq2[wire.User, error] {
	return list[wire.User](ctx, c, "/v1/users", nil)
}

// AddUser adds a person, who can sign in once there is a link.
func (c *Client) AddUser(ctx context.Context, u wire.AddUser) (wire.User, error) {
	return post[wire.User](ctx, c, "/v1/users", u)
}

// ChangeUser gives a person another role.
func (c *Client) ChangeUser(ctx context.Context, name string, u wire.ChangeUser) (out wire.User, err error) {
	err = c.json(ctx, call{method: http.MethodPut, path: joined("users", name)}, u, &out)
	return out, err
}

// RemoveUser removes a person, and ends their sessions.
func (c *Client) RemoveUser(ctx context.Context, name string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: joined("users", name)}, nil, nil)
}

// LinkUser makes a link by which a person signs in once. Its token is in the answer
// and nowhere else.
func (c *Client) LinkUser(ctx context.Context, name string, l wire.LinkUser) (wire.Link, error) {
	return post[wire.Link](ctx, c, joined("users", name, "link"), l)
}

// RemoveAccess removes a token by name.
func (c *Client) RemoveAccess(ctx context.Context, name string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: "/v1/access/" + url.PathEscape(name)}, nil, nil)
}

// EraseFile erases a file of the node for good. Code: refused while clearing
// needs it.
func (c *Client) EraseFile(ctx context.Context, hash canon.Hash) error {
	return c.json(ctx, call{method: http.MethodDelete, path: "/v1/files/" + hash.String()}, nil, nil)
}

// NetworkLog lists the Omnilateral's envelopes. Filter: kind, refused, after.
func (c *Client) NetworkLog(ctx context.Context, f Filter) iter.Seq2[wire.Entry, error] {
	return list[wire.Entry](ctx, c, "/v1/network/log", f)
}

// NetworkEvents yields the Omnilateral's events as they happen; see
// Partner.Events.
func (c *Client) NetworkEvents(ctx context.Context, from string) iter.Seq2[wire.Event, error] {
	return c.NetworkEventsOf(ctx, from, "")
}

// NetworkEventsOf yields the Omnilateral's events whose kind begins so.
func (c *Client) NetworkEventsOf(ctx context.Context, from, kind string) iter.Seq2[wire.Event, error] {
	return c.events(ctx, "/v1/network/events", from, kind)
}

// AllEvents yields the events of all channels whose kind begins so, each channel's in
// its order. from is the id of the last event that was dealt with, "0" for the beginning,
// empty for now; see Partner.Events.
func (c *Client) AllEvents(ctx context.Context, from, kind string) iter.Seq2[wire.Event, error] {
	return c.events(ctx, "/v1/events", from, kind)
}

// With gives what belongs to one partner.
func (c *Client) With(partner party.Code) *Partner {
	return &Partner{c, "/v1/bilaterals/" + url.PathEscape(string(partner))}
}

// Partner is the channel with one partner, and all that is traded on it.
type Partner struct {
	c    *Client
	path string
}

func (p *Partner) at(parts ...string) string {
	path := p.path
	for _, s := range parts {
		path += "/" + url.PathEscape(s)
	}
	return path
}

// Bilateral tells where the channel stands.
func (p *Partner) Bilateral(ctx context.Context) (wire.Bilateral, error) {
	return get[wire.Bilateral](ctx, p.c, p.path)
}

// AwaitOpen asks until the channel is open. Code: refused when it has lapsed or
// halted.
func (p *Partner) AwaitOpen(ctx context.Context) (wire.Bilateral, error) {
	for {
		b, err := p.Bilateral(ctx)
		switch {
		case err != nil && fault.CodeOf(err) != fault.NotFound:
			return b, err
		case b.State == "open" || b.State == "diverged":
			return b, nil
		case b.State == "lapsed" || b.State == "halted":
			return b, fault.Newf(fault.Refused, "look at the partner's node, and open another", "the channel is %s", b.State)
		}
		select {
		case <-ctx.Done():
			return b, fault.New(fault.NotYet, "the channel is not open yet", "wait for the partner's node").Because(ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Terminate ends every agreement with the partner.
func (p *Partner) Terminate(ctx context.Context, why string) (wire.Ended, error) {
	return post[wire.Ended](ctx, p.c, p.at("terminate"), wire.EndBilateral{Why: why})
}

// CloseDivergence says that the two members' states are one again. It counts
// once both sides have said so.
func (p *Partner) CloseDivergence(ctx context.Context, c wire.CloseDivergence) (wire.Done[wire.Divergence], error) {
	return post[wire.Done[wire.Divergence]](ctx, p.c, p.at("divergence", "close"), c)
}

// Export has the partner sent the sealed export of the channel, from which its
// node restores what destroyed keys do not open.
func (p *Partner) Export(ctx context.Context) (wire.Exported, error) {
	return post[wire.Exported](ctx, p.c, p.at("export"), nil)
}

// Rotate replaces this node's channel key.
func (p *Partner) Rotate(ctx context.Context) (wire.NewKey, error) {
	return post[wire.NewKey](ctx, p.c, p.at("rotate"), nil)
}

// Proof gives a proof of any record of the channel that anybody can check
// offline. Where no anchor covers it yet, one is posted. Code: not-yet.
func (p *Partner) Proof(ctx context.Context, key string) ([]byte, error) {
	return p.c.file(ctx, p.at("proof")+"?key="+url.QueryEscape(key))
}

// Anchors lists how far the channel is attested, the oldest first.
func (p *Partner) Anchors(ctx context.Context) iter.Seq2[wire.Anchor, error] {
	return list[wire.Anchor](ctx, p.c, p.at("anchors"), nil)
}

// Anchor has the channel attested as it is now.
func (p *Partner) Anchor(ctx context.Context) (wire.Anchor, error) {
	return post[wire.Anchor](ctx, p.c, p.at("anchors"), nil)
}

// Agreements lists agreements. Filter: state.
func (p *Partner) Agreements(ctx context.Context, f Filter) iter.Seq2[wire.Agreement, error] {
	return list[wire.Agreement](ctx, p.c, p.at("agreements"), f)
}

// Agreement gives one agreement with its terms.
func (p *Partner) Agreement(ctx context.Context, id string) (wire.Agreement, error) {
	return get[wire.Agreement](ctx, p.c, p.at("agreements", id))
}

// ProposeAgreement proposes an agreement.
func (p *Partner) ProposeAgreement(ctx context.Context, a wire.ProposeAgreement) (wire.Done[wire.Agreement], error) {
	return post[wire.Done[wire.Agreement]](ctx, p.c, p.at("agreements"), a)
}

// AmendAgreement proposes other terms.
func (p *Partner) AmendAgreement(ctx context.Context, id string, a wire.AmendAgreement) (wire.Done[wire.Agreement], error) {
	return post[wire.Done[wire.Agreement]](ctx, p.c, p.at("agreements", id, "amend"), a)
}

// Suggestions lists amendments that own records call for.
func (p *Partner) Suggestions(ctx context.Context) iter.Seq2[wire.Suggestion, error] {
	return list[wire.Suggestion](ctx, p.c, p.at("suggestions"), nil)
}

// AdoptSuggestion proposes the amendment that is suggested.
func (p *Partner) AdoptSuggestion(ctx context.Context, id string, a wire.AdoptSuggestion) (wire.Done[wire.Agreement], error) {
	return post[wire.Done[wire.Agreement]](ctx, p.c, p.at("suggestions", id, "adopt"), a)
}

// AcceptAgreement accepts the terms with a hash; the zero hash: what is pending.
func (p *Partner) AcceptAgreement(ctx context.Context, id string, terms canon.Hash) (wire.Done[wire.Agreement], error) {
	return post[wire.Done[wire.Agreement]](ctx, p.c, p.at("agreements", id, "accept"), wire.AnswerTerms{Hash: terms})
}

// RejectAgreement rejects what the partner proposed last.
func (p *Partner) RejectAgreement(ctx context.Context, id, why string) (wire.Done[wire.Agreement], error) {
	return post[wire.Done[wire.Agreement]](ctx, p.c, p.at("agreements", id, "reject"), wire.AnswerTerms{Why: why})
}

// EndAgreement terminates an agreement.
func (p *Partner) EndAgreement(ctx context.Context, id, why string) (wire.Done[wire.Agreement], error) {
	return post[wire.Done[wire.Agreement]](ctx, p.c, p.at("agreements", id, "terminate"), wire.Answer{Why: why})
}

// Delegates lists who may authorise. Filter: member.
func (p *Partner) Delegates(ctx context.Context, f Filter) iter.Seq2[wire.Delegate, error] {
	return list[wire.Delegate](ctx, p.c, p.at("delegates"), f)
}

// AddDelegate registers a delegate of this carrier.
func (p *Partner) AddDelegate(ctx context.Context, d wire.AddDelegate) (wire.Done[wire.Delegate], error) {
	return post[wire.Done[wire.Delegate]](ctx, p.c, p.at("delegates"), d)
}

// RevokeDelegate ends a delegate of this carrier.
func (p *Partner) RevokeDelegate(ctx context.Context, key sign.PublicKey) (wire.Done[wire.Delegate], error) {
	return post[wire.Done[wire.Delegate]](ctx, p.c, p.at("delegates", key.String(), "revoke"), nil)
}

// Sheets lists rate sheets. Filter: state, direction.
func (p *Partner) Sheets(ctx context.Context, f Filter) iter.Seq2[wire.Sheet, error] {
	return list[wire.Sheet](ctx, p.c, p.at("sheets"), f)
}

// Sheet gives one rate sheet.
func (p *Partner) Sheet(ctx context.Context, id string) (wire.Sheet, error) {
	return get[wire.Sheet](ctx, p.c, p.at("sheets", id))
}

// ProposeSheet uploads a rate sheet (CSV, gzip or not) and proposes it for calls
// of a direction; the zero direction: from the partner to this carrier. from
// says when it begins to price calls; 0: with its first row.
func (p *Partner) ProposeSheet(ctx context.Context, d usage.Direction, from wire.Time, csv io.Reader) (wire.Done[wire.Sheet], error) {
	q := url.Values{}
	if d != (usage.Direction{}) {
		q.Set("direction", d.String())
	}
	if from != 0 {
		q.Set("from", usage.Stamp(int64(from)))
	}
	var out wire.Done[wire.Sheet]
	err := p.c.json(ctx, call{method: http.MethodPost, path: p.at("sheets"), query: q, body: csv, media: "text/csv"}, nil, &out)
	return out, err
}

// SheetFile gives the file of a sheet, as its seller sent it.
func (p *Partner) SheetFile(ctx context.Context, id string) ([]byte, error) {
	return p.c.file(ctx, p.at("sheets", id, "file"))
}

// AcknowledgeSheet tells the partner that the file of its sheet is here. Code:
// not-yet while it has not come.
func (p *Partner) AcknowledgeSheet(ctx context.Context, id string) (wire.Done[wire.Sheet], error) {
	return post[wire.Done[wire.Sheet]](ctx, p.c, p.at("sheets", id, "acknowledge"), nil)
}

// AcceptSheet accepts a sheet of the partner. Code: not-yet while its file has
// not arrived.
func (p *Partner) AcceptSheet(ctx context.Context, id string) (wire.Done[wire.Sheet], error) {
	return post[wire.Done[wire.Sheet]](ctx, p.c, p.at("sheets", id, "accept"), nil)
}

// RejectSheet rejects a sheet of the partner.
func (p *Partner) RejectSheet(ctx context.Context, id, why string) (wire.Done[wire.Sheet], error) {
	return post[wire.Done[wire.Sheet]](ctx, p.c, p.at("sheets", id, "reject"), wire.Answer{Why: why})
}

// WithdrawSheet takes back a sheet that the partner has not answered.
func (p *Partner) WithdrawSheet(ctx context.Context, id, why string) (wire.Done[wire.Sheet], error) {
	return post[wire.Done[wire.Sheet]](ctx, p.c, p.at("sheets", id, "withdraw"), wire.Answer{Why: why})
}

// Orders lists orders. Filter: kind, state, direction, product.
func (p *Partner) Orders(ctx context.Context, f Filter) iter.Seq2[wire.Order, error] {
	return list[wire.Order](ctx, p.c, p.at("orders"), f)
}

// Order gives one order.
func (p *Partner) Order(ctx context.Context, id string) (wire.Order, error) {
	return get[wire.Order](ctx, p.c, p.at("orders", id))
}

// PlaceOrder orders from the partner. retry, when it is not empty, is the
// Idempotency-Key: sending the same again does nothing more.
func (p *Partner) PlaceOrder(ctx context.Context, o wire.PlaceOrder, retry string) (wire.Done[wire.Order], error) {
	r := call{method: http.MethodPost, path: p.at("orders")}
	if retry != "" {
		r.header = http.Header{"Idempotency-Key": {retry}}
	}
	var out wire.Done[wire.Order]
	err := p.c.json(ctx, r, o, &out)
	return out, err
}

// MoveOrder moves an order: move is accept, reject, suspend, resume or
// terminate, and of an order about a product cancel or fail.
func (p *Partner) MoveOrder(ctx context.Context, id, move, why string) (wire.Done[wire.Order], error) {
	return post[wire.Done[wire.Order]](ctx, p.c, p.at("orders", id, move), wire.Answer{Why: why})
}

// ImportUsage imports own call records of any length whose content says how they
// are written.
func (p *Partner) ImportUsage(ctx context.Context, name string, file io.Reader) (wire.Import, error) {
	return p.ImportUsageAs(ctx, name, "", file)
}

// ImportUsageAs imports own call records in a format: a name, or the text of a
// mapping profile in YAML.
func (p *Partner) ImportUsageAs(ctx context.Context, name, format string, file io.Reader) (wire.Import, error) {
	var out wire.Import
	err := p.c.json(ctx, call{method: http.MethodPost, path: p.at("usage"), query: Filter{"name": name, "format": format}.values(), body: file, media: "text/csv"}, nil, &out)
	return out, err
}

// Imports lists what was imported.
func (p *Partner) Imports(ctx context.Context) iter.Seq2[wire.Import, error] {
	return list[wire.Import](ctx, p.c, p.at("usage", "imports"), nil)
}

// Archive lists what the archive has of own records, by day and import.
func (p *Partner) Archive(ctx context.Context) iter.Seq2[wire.Archived, error] {
	return list[wire.Archived](ctx, p.c, p.at("usage", "archive"), nil)
}

// EraseRecords erases the own records of a day (2026-11-02, UTC) for good. Codes:
// not-found, refused until all imports with calls of it are sealed.
func (p *Partner) EraseRecords(ctx context.Context, day string) (wire.ErasedRecords, error) {
	var out wire.ErasedRecords
	err := p.c.json(ctx, call{method: http.MethodDelete, path: p.at("usage", "archive", day)}, nil, &out)
	return out, err
}

// Exceptions lists own calls that no row prices.
func (p *Partner) Exceptions(ctx context.Context) iter.Seq2[wire.Exception, error] {
	return list[wire.Exception](ctx, p.c, p.at("usage", "exceptions"), nil)
}

// Signals lists what looks like fraud in own records. The filter may have state.
func (p *Partner) Signals(ctx context.Context, f Filter) iter.Seq2[wire.Signal, error] {
	return list[wire.Signal](ctx, p.c, p.at("usage", "signals"), f)
}

// JudgeSignal says what a person makes of a signal: move is acknowledge or
// dismiss.
func (p *Partner) JudgeSignal(ctx context.Context, number uint32, move, why string) (wire.Signal, error) {
	return post[wire.Signal](ctx, p.c, p.at("usage", "signals", strconv.FormatUint(uint64(number), 10), move), wire.Answer{Why: why})
}

// Summary tells what the own records come to, rated alone.
func (p *Partner) Summary(ctx context.Context) (wire.Summary, error) {
	return get[wire.Summary](ctx, p.c, p.at("usage", "summary"))
}

// Close says that all records of periods that end by a moment are in; 0: of all
// periods that have a record.
func (p *Partner) Close(ctx context.Context, through wire.Time) (wire.Closed, error) {
	return post[wire.Closed](ctx, p.c, p.at("usage", "close"), wire.CloseThrough{Through: through})
}

// Periods lists billing periods. Filter: state, direction, order, from, to.
func (p *Partner) Periods(ctx context.Context, f Filter) iter.Seq2[wire.Period, error] {
	return list[wire.Period](ctx, p.c, p.at("periods"), f)
}

// Period gives one period.
func (p *Partner) Period(ctx context.Context, order string, i usage.Interval) (wire.Period, error) {
	return get[wire.Period](ctx, p.c, p.at("periods", order, usage.Stamp(i.From)))
}

// RequestRating requests rating of a period.
func (p *Partner) RequestRating(ctx context.Context, order string, i usage.Interval) (wire.Done[wire.Period], error) {
	return post[wire.Done[wire.Period]](ctx, p.c, p.at("periods"), wire.RequestRating{Order: order, Interval: i})
}

// Lines lists the lines of a period as both sides state them. Filter:
// differing.
func (p *Partner) Lines(ctx context.Context, order string, i usage.Interval, f Filter) iter.Seq2[wire.Compared, error] {
	return list[wire.Compared](ctx, p.c, p.at("periods", order, usage.Stamp(i.From), "lines"), f)
}

// Rated gives a version of a rated period; 0: the one in force.
func (p *Partner) Rated(ctx context.Context, order string, i usage.Interval, version uint32) (wire.RatedPeriod, error) {
	return get[wire.RatedPeriod](ctx, p.c, p.at("periods", order, usage.Stamp(i.From), "rated")+"?version="+strconv.FormatUint(uint64(version), 10))
}

// Calls lists own calls of a line of a period. Filter: row, adjusts, day.
func (p *Partner) Calls(ctx context.Context, order string, i usage.Interval, f Filter) iter.Seq2[wire.LineCall, error] {
	return list[wire.LineCall](ctx, p.c, p.at("periods", order, usage.Stamp(i.From), "calls"), f)
}

// CorrectPeriod rates a period again by the sheets in force now.
func (p *Partner) CorrectPeriod(ctx context.Context, order string, i usage.Interval, why string) (wire.Corrected, error) {
	return post[wire.Corrected](ctx, p.c, p.at("periods", order, usage.Stamp(i.From), "correct"), wire.CorrectPeriod{Why: why})
}

// Differences lists lines on which the two sides differ. Filter: direction,
// from, to, open.
func (p *Partner) Differences(ctx context.Context, f Filter) iter.Seq2[wire.Difference, error] {
	return list[wire.Difference](ctx, p.c, p.at("differences"), f)
}

// ApplyDeadline has the agreed outcome of a passed deadline applied.
func (p *Partner) ApplyDeadline(ctx context.Context, subject string) (wire.Receipt, error) {
	return post[wire.Receipt](ctx, p.c, p.at("deadlines"), wire.Tick{Subject: subject})
}

// Invoices lists invoices. Filter: state, direction, currency, from, to,
// payable.
func (p *Partner) Invoices(ctx context.Context, f Filter) iter.Seq2[wire.Invoice, error] {
	return list[wire.Invoice](ctx, p.c, p.at("invoices"), f)
}

// Invoice gives one invoice with its document.
func (p *Partner) Invoice(ctx context.Context, id string) (wire.Invoice, error) {
	return get[wire.Invoice](ctx, p.c, p.at("invoices", id))
}

// InvoiceJSON gives an invoice's document as JSON to keep.
func (p *Partner) InvoiceJSON(ctx context.Context, id string) ([]byte, error) {
	return p.c.file(ctx, p.at("invoices", id, "document.json"))
}

// InvoiceHTML gives an invoice's document as a page for people.
func (p *Partner) InvoiceHTML(ctx context.Context, id string) ([]byte, error) {
	return p.c.file(ctx, p.at("invoices", id, "document.html"))
}

// InvoiceCanonical gives the canonical bytes of an invoice's document.
func (p *Partner) InvoiceCanonical(ctx context.Context, id string) ([]byte, error) {
	return p.c.file(ctx, p.at("invoices", id, "document.cbor"))
}

// InvoiceProof gives a proof of an invoice's document that anybody can check
// offline. Where no anchor covers it yet, one is posted. Code: not-yet.
func (p *Partner) InvoiceProof(ctx context.Context, id string) ([]byte, error) {
	return p.c.file(ctx, p.at("invoices", id, "proof"))
}

// AcceptInvoice accepts an invoice; the zero hash: as it is. reserved are lines
// on which the own figures differ within the agreed thresholds.
func (p *Partner) AcceptInvoice(ctx context.Context, id string, doc canon.Hash, reserved ...wire.Objection) (wire.Done[wire.Invoice], error) {
	return post[wire.Done[wire.Invoice]](ctx, p.c, p.at("invoices", id, "accept"), wire.AcceptInvoice{Document: doc, Reserved: reserved})
}

// RejectInvoice rejects a credit or debit note; the zero hash: as it is.
func (p *Partner) RejectInvoice(ctx context.Context, id string, doc canon.Hash, why string) (wire.Done[wire.Invoice], error) {
	return post[wire.Done[wire.Invoice]](ctx, p.c, p.at("invoices", id, "reject"), wire.RejectInvoice{Document: doc, Why: why})
}

// DisputeInvoice disputes lines of an invoice.
func (p *Partner) DisputeInvoice(ctx context.Context, id string, d wire.DisputeInvoice) (wire.Done[wire.Invoice], error) {
	return post[wire.Done[wire.Invoice]](ctx, p.c, p.at("invoices", id, "dispute"), d)
}

// Volume gives where the terms about volume stand in their windows.
func (p *Partner) Volume(ctx context.Context) ([]wire.VolumeWindow, error) {
	out, err := get[wire.VolumeWindows](ctx, p.c, p.at("volume"))
	return out.Windows, err
}

// Credit gives how far both sides trust each other.
func (p *Partner) Credit(ctx context.Context) (wire.CreditList, error) {
	return get[wire.CreditList](ctx, p.c, p.at("credit"))
}

// Waterfall leads from what an invoice claims to what the buyer expects, by cause.
func (p *Partner) Waterfall(ctx context.Context, id string) (wire.Waterfall, error) {
	return get[wire.Waterfall](ctx, p.c, p.at("invoices", id, "waterfall"))
}

// Totals gives what is invoiced, settled, disputed and due.
func (p *Partner) Totals(ctx context.Context) ([]wire.Totals, error) {
	out, err := get[wire.TotalsList](ctx, p.c, p.at("totals"))
	return out.Totals, err
}

// Disputes lists disputed lines. Filter: state, invoice, people, by,
// assigned, from, to.
func (p *Partner) Disputes(ctx context.Context, f Filter) iter.Seq2[wire.Dispute, error] {
	return list[wire.Dispute](ctx, p.c, p.at("disputes"), f)
}

// DisputeCounts counts disputes by what became of them.
func (p *Partner) DisputeCounts(ctx context.Context) (wire.DisputeCounts, error) {
	return get[wire.DisputeCounts](ctx, p.c, p.at("dispute-counts"))
}

// disputeAt is the address of a dispute: slashes of its id are written as ~.
func (p *Partner) disputeAt(id string, more ...string) string {
	return p.at(append([]string{"disputes", strings.ReplaceAll(id, "/", "~")}, more...)...)
}

// Dispute gives one dispute.
func (p *Partner) Dispute(ctx context.Context, id string) (wire.Dispute, error) {
	return get[wire.Dispute](ctx, p.c, p.disputeAt(id))
}

// Evidence gives the calls that people have to decide.
func (p *Partner) Evidence(ctx context.Context, id string) (wire.Evidence, error) {
	return get[wire.Evidence](ctx, p.c, p.disputeAt(id, "evidence"))
}

// ReplayRule asks what a rule would have made of past lines, of periods that begin
// in a span (RFC 3339; empty: without an end), and of cases that are written down.
func (p *Partner) ReplayRule(ctx context.Context, rule, from, to string, cases ...string) (wire.Replay, error) {
	q := url.Values{"rule": {rule}, "case": cases}
	for name, v := range map[string]string{"from": from, "to": to} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return get[wire.Replay](ctx, p.c, p.at("rule-replay")+"?"+q.Encode())
}

// TryRule asks what a rule would answer for the differing calls of a line.
func (p *Partner) TryRule(ctx context.Context, id, rule string) (wire.Trial, error) {
	return get[wire.Trial](ctx, p.c, p.disputeAt(id, "trial")+"?rule="+url.QueryEscape(rule))
}

// ProposeDecision offers how to decide a line. Code: conflict when another offer is
// there than was seen.
func (p *Partner) ProposeDecision(ctx context.Context, id string, d wire.ProposeDecision) (wire.Done[wire.Dispute], error) {
	return post[wire.Done[wire.Dispute]](ctx, p.c, p.disputeAt(id, "propose"), d)
}

// AcceptDecision accepts the partner's offer; nil: as it is.
func (p *Partner) AcceptDecision(ctx context.Context, id string, offer *wire.Verdict) (wire.Done[wire.Dispute], error) {
	return post[wire.Done[wire.Dispute]](ctx, p.c, p.disputeAt(id, "accept"), wire.AcceptDecision{Offer: offer})
}

// AssignDispute hands a dispute to a colleague.
func (p *Partner) AssignDispute(ctx context.Context, id string, to wire.AssignDispute) (wire.Dispute, error) {
	return post[wire.Dispute](ctx, p.c, p.disputeAt(id, "assign"), to)
}

// RejectDecision rejects the partner's offer.
func (p *Partner) RejectDecision(ctx context.Context, id, why string) (wire.Done[wire.Dispute], error) {
	return post[wire.Done[wire.Dispute]](ctx, p.c, p.disputeAt(id, "reject"), wire.RejectDecision{Why: why})
}

// Nettings lists nettings. Filter: state.
func (p *Partner) Nettings(ctx context.Context, f Filter) iter.Seq2[wire.Netting, error] {
	return list[wire.Netting](ctx, p.c, p.at("nettings"), f)
}

// Netting gives one netting.
func (p *Partner) Netting(ctx context.Context, id string) (wire.Netting, error) {
	return get[wire.Netting](ctx, p.c, p.at("nettings", id))
}

// ProposeNetting proposes to offset final invoices.
func (p *Partner) ProposeNetting(ctx context.Context, invoices []string) (wire.Done[wire.Netting], error) {
	return post[wire.Done[wire.Netting]](ctx, p.c, p.at("nettings"), wire.Invoices{Invoices: invoices})
}

// AnswerNetting accepts or rejects a netting of the partner.
func (p *Partner) AnswerNetting(ctx context.Context, id string, accept bool) (wire.Done[wire.Netting], error) {
	word := "reject"
	if accept {
		word = "accept"
	}
	return post[wire.Done[wire.Netting]](ctx, p.c, p.at("nettings", id, word), nil)
}

// Obligations lists debts. Filter: state, payer.
func (p *Partner) Obligations(ctx context.Context, f Filter) iter.Seq2[wire.Obligation, error] {
	return list[wire.Obligation](ctx, p.c, p.at("obligations"), f)
}

// Obligation gives one debt.
func (p *Partner) Obligation(ctx context.Context, id string) (wire.Obligation, error) {
	return get[wire.Obligation](ctx, p.c, p.at("obligations", id))
}

// OpenObligations makes final invoices due one by one.
func (p *Partner) OpenObligations(ctx context.Context, invoices []string) ([]wire.Obligation, error) {
	out, err := post[wire.Opened](ctx, p.c, p.at("obligations"), wire.Invoices{Invoices: invoices})
	return out.Obligations, err
}

// Advise says that this carrier has paid.
func (p *Partner) Advise(ctx context.Context, id string, a wire.Advise) (wire.Done[wire.Obligation], error) {
	return post[wire.Done[wire.Obligation]](ctx, p.c, p.at("obligations", id, "advise"), a)
}

// Confirm confirms that the money came.
func (p *Partner) Confirm(ctx context.Context, id string, a wire.Confirm) (wire.Done[wire.Obligation], error) {
	return post[wire.Done[wire.Obligation]](ctx, p.c, p.at("obligations", id, "confirm"), a)
}

// Decline says that no such money came.
func (p *Partner) Decline(ctx context.Context, id string, a wire.Confirm) (wire.Done[wire.Obligation], error) {
	return post[wire.Done[wire.Obligation]](ctx, p.c, p.at("obligations", id, "decline"), a)
}

// Payable gives what debts come to as one payment now; method "": that of the
// first.
func (p *Partner) Payable(ctx context.Context, ids []string, method string) (wire.Payable, error) {
	q := url.Values{"obligation": ids}
	if method != "" {
		q.Set("method", method)
	}
	return get[wire.Payable](ctx, p.c, p.at("payable")+"?"+q.Encode())
}

// AdviseAll says that this carrier has paid several debts together.
func (p *Partner) AdviseAll(ctx context.Context, a wire.AdviseAll) (wire.Advised, error) {
	return post[wire.Advised](ctx, p.c, p.at("payments"), a)
}

// Hold holds a payment, or lets it go.
func (p *Partner) Hold(ctx context.Context, id string, hold bool, why string) (wire.Done[wire.Obligation], error) {
	step := "release"
	if hold {
		step = "hold"
	}
	return post[wire.Done[wire.Obligation]](ctx, p.c, p.at("obligations", id, step), wire.Reason{Why: why})
}

// Verify puts on record that the partner was checked.
func (p *Partner) Verify(ctx context.Context, x wire.Verify) (wire.Done[wire.Verified], error) {
	return post[wire.Done[wire.Verified]](ctx, p.c, p.at("verification"), x)
}

// Verified gives which side has checked the other.
func (p *Partner) Verified(ctx context.Context) (wire.VerifiedList, error) {
	return get[wire.VerifiedList](ctx, p.c, p.at("verification"))
}

// Statement gives the account with the partner. Filter: from, to.
func (p *Partner) Statement(ctx context.Context, f Filter) (wire.StatementList, error) {
	return get[wire.StatementList](ctx, p.c, p.at("statement")+"?"+f.values().Encode())
}

// Ageing gives how old debts are.
func (c *Client) Ageing(ctx context.Context) (wire.Ageing, error) {
	return get[wire.Ageing](ctx, c, "/v1/ageing")
}

// Journal lists postings by command, the oldest first.
func (p *Partner) Journal(ctx context.Context) iter.Seq2[wire.Journal, error] {
	return list[wire.Journal](ctx, p.c, p.at("journal"), nil)
}

// Balances lists what stands on each account.
func (p *Partner) Balances(ctx context.Context) iter.Seq2[wire.Balance, error] {
	return list[wire.Balance](ctx, p.c, p.at("balances"), nil)
}

// Files lists files that were acknowledged on the channel.
func (p *Partner) Files(ctx context.Context) iter.Seq2[wire.File, error] {
	return list[wire.File](ctx, p.c, p.at("files"), nil)
}

// RecordFile acknowledges a file.
func (p *Partner) RecordFile(ctx context.Context, f wire.RecordFile) (wire.Done[wire.File], error) {
	return post[wire.Done[wire.File]](ctx, p.c, p.at("files"), f)
}

// Log lists the channel's envelopes with their receipts. Filter: kind, refused,
// after.
func (p *Partner) Log(ctx context.Context, f Filter) iter.Seq2[wire.Entry, error] {
	return list[wire.Entry](ctx, p.c, p.at("log"), f)
}

// Events yields the channel's events as they happen, until ctx ends. from is
// the id of the last event that was dealt with, "0" for the beginning, empty
// for now. A broken connection is made again and goes on behind the last event,
// so none is lost or told twice. An error that the node reports ends it.
func (p *Partner) Events(ctx context.Context, from string) iter.Seq2[wire.Event, error] {
	return p.EventsOf(ctx, from, "")
}

// EventsOf yields the events whose kind begins so, like "invoice"; see Events.
func (p *Partner) EventsOf(ctx context.Context, from, kind string) iter.Seq2[wire.Event, error] {
	return p.c.events(ctx, p.at("events"), from, kind)
}
