package sonata

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// subscriptionShape is EventSubscriptionInput.
var subscriptionShape = object(req("callback", text), opt("query", text))

// hub gives the operations by which a partner subscribes to a function's events.
// get is whether the release lets one be read; the statuses are those of the
// file for POST and DELETE.
func (s *Server) hub(get bool, post, remove []int) []operation {
	ops := []operation{
		{id: "registerListener", method: http.MethodPost, path: "/hub", body: subscriptionShape, status: http.StatusCreated, errors: post, do: (*call).subscribe},
		{id: "unregisterListener", method: http.MethodDelete, path: "/hub/{id}", status: http.StatusNoContent, errors: remove, do: (*call).unsubscribe},
	}
	if get {
		ops = append(ops, operation{id: "retrieveHub", method: http.MethodGet, path: "/hub/{id}", errors: plus(getErrors, 501), do: (*call).subscription})
	}
	return ops
}

func (c *call) topic() string { return topic(c.release, c.function) }

func topic(r wire.Release, f wire.Function) string { return string(r) + "/" + string(f) }

func (c *call) subscribe() (*reply, error) {
	callback, query := c.body.Get("callback").Text(), c.body.Get("query").Text()
	if err := c.s.checkCallback(c.partner, callback); err != nil {
		return nil, fault.Of(err).In("callback")
	}
	if err := checkEventQuery(c.release, c.function, query); err != nil {
		return nil, fault.Of(err).In("query")
	}
	h := &resource.Hub{ID: c.s.options.ID(), Topic: c.topic(), Buyer: c.buyer, Seller: c.seller, Callback: callback, Query: query, Partner: c.partner.ID, Named: c.named}
	if err := c.s.store.Update(c.ctx, func(tx *resource.Tx) error { return tx.AddHub(h) }); err != nil {
		return nil, err
	}
	return answered(c.shownHub(h)), nil
}

func (c *call) shownHub(h *resource.Hub) wire.Value {
	return wire.ValueOf(wire.Subscription{ID: h.ID, Callback: h.Callback, Query: h.Query})
}

func (c *call) subscription() (*reply, error) {
	h, err := c.s.store.Hub(c.ctx, c.topic(), c.buyer, c.seller, c.id)
	if err != nil {
		return nil, err
	}
	return answered(c.shownHub(h)), nil
}

func (c *call) unsubscribe() (*reply, error) {
	return &reply{}, c.s.store.Update(c.ctx, func(tx *resource.Tx) error { return tx.RemoveHub(c.topic(), c.buyer, c.seller, c.id) })
}

// checkCallback says whether notifications of a partner may go to an address.
func (s *Server) checkCallback(p Partner, callback string) error {
	u, err := url.Parse(callback)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(callback) > 1024:
		return fault.New(CodeBadFormat, "the callback is not an address of the form https://host/path", "correct it")
	case u.Scheme != "https" && !(s.options.Private && u.Scheme == "http"):
		return fault.New(fault.Invalid, "the callback is not under https", "use https")
	}
	if len(p.Callbacks) == 0 {
		return nil
	}
	for _, prefix := range p.Callbacks {
		prefix = strings.TrimSuffix(prefix, "/")
		if callback == prefix || strings.HasPrefix(callback, prefix+"/") {
			return nil
		}
	}
	return fault.New(fault.Invalid, "the callback is none that the seller's operator has entered for this partner", "ask for it to be entered")
}

// checkEventQuery says whether a subscription's query is one that is kept.
func checkEventQuery(r wire.Release, f wire.Function, query string) error {
	if query == "" {
		return nil
	}
	for part := range strings.SplitSeq(query, "&") {
		if !strings.HasPrefix(part, "eventType=") {
			return fault.New(fault.Invalid, "the query has something else than eventType", "write eventType=a,b or leave the query out")
		}
	}
	types := resource.EventTypes(query)
	if len(types) == 0 {
		return fault.New(fault.Invalid, "the query names no event type", "write eventType=a,b or leave the query out")
	}
	for _, t := range types {
		if !slices.Contains(wire.EventTypes(r, f), t) {
			return fault.Newf(fault.Invalid, "use one of "+words(wire.EventTypes(r, f)), "there is no event of type %.64q", t)
		}
	}
	return nil
}
