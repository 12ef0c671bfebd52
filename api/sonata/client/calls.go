package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// Filter is the query of a list, by the names of the published file. Empty values
// are left out.
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

func (c *Client) grace() bool { return c.o.Release == wire.Grace }

// translation gives how answers of a task become kylie's.
func (c *Client) translation(items string) func(wire.Value) wire.Value {
	if !c.grace() {
		return nil
	}
	return func(v wire.Value) wire.Value { return wire.FromGraceTask(v, items) }
}

func get[T any](ctx context.Context, c *Client, f wire.Function, path, id string, translate func(wire.Value) wire.Value) (out Answer[T], err error) {
	if id == "" {
		return out, fault.New(fault.Invalid, "no id is given", "name one").In("id")
	}
	a, err := c.do(ctx, call{function: f, method: http.MethodGet, path: path + url.PathEscape(id), again: true})
	if err != nil {
		return out, err
	}
	return read[T](a, translate)
}

func list[T any](ctx context.Context, c *Client, f wire.Function, path string, filter Filter, translate func(wire.Value) wire.Value) (p Page[T], err error) {
	a, err := c.do(ctx, call{function: f, method: http.MethodGet, path: path, query: filter.values(), again: true})
	if err != nil {
		return p, err
	}
	return readList[T](a, translate)
}

// post sends a body. again says that the seller knows the request again.
func post[T any](ctx context.Context, c *Client, f wire.Function, path string, body wire.Value, again bool, translate func(wire.Value) wire.Value) (out Answer[T], err error) {
	a, err := c.do(ctx, call{function: f, method: http.MethodPost, path: path, body: &body, again: again})
	if err != nil {
		return out, err
	}
	return read[T](a, translate)
}

// All goes through a whole list, page by page, by a function that gives one page
// for an offset.
func All[T any](page func(offset int) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for offset := 0; ; {
			p, err := page(offset)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, x := range p.Items {
				if !yield(x, nil) {
					return
				}
			}
			offset += len(p.Items)
			if len(p.Items) == 0 || p.Total >= 0 && offset >= p.Total || p.Total < 0 && !p.Throttled {
				return
			}
		}
	}
}

// At gives the filter of the page that begins at an offset.
func (f Filter) At(offset int) Filter {
	g := Filter{"offset": strconv.Itoa(offset)}
	for name, value := range f {
		if name != "offset" {
			g[name] = value
		}
	}
	return g
}

// NewExternalID makes an external id that no other request has.
func NewExternalID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// ValidateAddress asks which of the seller's addresses is meant. In grace every
// question is answered at once.
func (c *Client) ValidateAddress(ctx context.Context, v wire.AddressValidation) (Answer[wire.AddressValidation], error) {
	if v.Submitted.Type == "" {
		v.Submitted.Type = wire.TypeAddressQuery
	}
	body := wire.ValueOf(v)
	if c.grace() {
		address, err := wire.ToGraceAddress(v.Submitted.Representations)
		if err != nil {
			return Answer[wire.AddressValidation]{}, err
		}
		body = wire.ValueOf(map[string]bool{"provideAlternative": true})
		body.Set("submittedGeographicAddress", address)
	}
	// An immediate question does nothing; a deferred one has no external id.
	return post[wire.AddressValidation](ctx, c, wire.Address, "/geographicAddressValidation", body, v.Instant || c.grace(), c.addressTranslation())
}

func (c *Client) addressTranslation() func(wire.Value) wire.Value {
	if !c.grace() {
		return nil
	}
	return wire.FromGraceValidation
}

// AddressValidation gives a deferred question again. Kylie only.
func (c *Client) AddressValidation(ctx context.Context, id string) (Answer[wire.AddressValidation], error) {
	return get[wire.AddressValidation](ctx, c, wire.Address, "/geographicAddressValidation/", id, nil)
}

// Address gives an address by its id.
func (c *Client) Address(ctx context.Context, id string) (Answer[wire.GeographicAddress], error) {
	var translate func(wire.Value) wire.Value
	if c.grace() {
		translate = wire.FromGraceKnownAddress
	}
	return get[wire.GeographicAddress](ctx, c, wire.Address, "/geographicAddress/", id, translate)
}

// Sites gives a page of the sites at a place.
func (c *Client) Sites(ctx context.Context, q wire.SiteQuery, page Filter) (Page[wire.GeographicSite], error) {
	if c.grace() {
		f := Filter{"name": q.Name, "customerName": q.CustomerName, "siteType": q.RestrictionType}
		if q.Place != nil && q.Place.ID != "" {
			f["geographicAddress.id"] = q.Place.ID
		} else if q.Place != nil && len(q.Place.Fielded) > 0 {
			p := q.Place.Fielded[0]
			f["streetNr"], f["streetName"], f["streetType"], f["city"], f["postcode"], f["country"] = p.StreetNr, p.StreetName, p.StreetType, p.City, p.Postcode, p.CountryCode
		}
		return list[wire.GeographicSite](ctx, c, wire.Site, "/geographicSite", f, wire.FromGraceSite)
	}
	body := wire.ValueOf(q)
	a, err := c.do(ctx, call{function: wire.Site, method: http.MethodPost, path: "/geographicSite", query: page.values(), body: &body, again: true})
	if err != nil {
		return Page[wire.GeographicSite]{}, err
	}
	return readList[wire.GeographicSite](a, nil)
}

// Site gives a site by its id.
func (c *Client) Site(ctx context.Context, id string) (Answer[wire.GeographicSite], error) {
	var translate func(wire.Value) wire.Value
	if c.grace() {
		translate = wire.FromGraceSite
	}
	return get[wire.GeographicSite](ctx, c, wire.Site, "/geographicSite/", id, translate)
}

// Categories gives a page of the catalogue's categories.
func (c *Client) Categories(ctx context.Context, f Filter) (Page[wire.Category], error) {
	return list[wire.Category](ctx, c, wire.Catalog, "/category", f, nil)
}

// Category gives a category by its id.
func (c *Client) Category(ctx context.Context, id string) (Answer[wire.Category], error) {
	return get[wire.Category](ctx, c, wire.Catalog, "/category/", id, nil)
}

// Offerings gives a page of what is for sale, without terms and prices.
func (c *Client) Offerings(ctx context.Context, f Filter) (Page[wire.Offering], error) {
	return list[wire.Offering](ctx, c, wire.Catalog, "/productOffering", f, c.offeringTranslation())
}

// Offering gives an offering by its id.
func (c *Client) Offering(ctx context.Context, id string) (Answer[wire.Offering], error) {
	return get[wire.Offering](ctx, c, wire.Catalog, "/productOffering/", id, c.offeringTranslation())
}

func (c *Client) offeringTranslation() func(wire.Value) wire.Value {
	if !c.grace() {
		return nil
	}
	return wire.FromGraceOffering
}

// Specifications gives a page of what can be ordered.
func (c *Client) Specifications(ctx context.Context, f Filter) (Page[wire.Specification], error) {
	return list[wire.Specification](ctx, c, wire.Catalog, "/productSpecification", f, c.specificationTranslation())
}

// Specification gives a specification by its id.
func (c *Client) Specification(ctx context.Context, id string) (Answer[wire.Specification], error) {
	return get[wire.Specification](ctx, c, wire.Catalog, "/productSpecification/", id, c.specificationTranslation())
}

func (c *Client) specificationTranslation() func(wire.Value) wire.Value {
	if !c.grace() {
		return nil
	}
	return wire.FromGraceSpecification
}

// Availability is the answer to an AvailabilityRequest.
type Availability struct {
	wire.AvailabilityRequest
	Configurations []wire.OfferingConfiguration `json:"availableProductOfferingConfiguration"`
}

// Available asks what is offered at some places.
func (c *Client) Available(ctx context.Context, q wire.AvailabilityRequest) (Answer[Availability], error) {
	return discover[Availability](ctx, c, "/productOfferingAvailability", wire.ValueOf(q))
}

// Pricing is the answer to a PricingRequest.
type Pricing struct {
	wire.PricingRequest
	Prices []wire.PricingAndTerm `json:"pricingAndTerm"`
}

// Pricing asks what a configuration costs.
func (c *Client) Pricing(ctx context.Context, q wire.PricingRequest) (Answer[Pricing], error) {
	return discover[Pricing](ctx, c, "/pricingDiscovery", wire.ValueOf(q))
}

func discover[T any](ctx context.Context, c *Client, path string, body wire.Value) (out Answer[T], err error) {
	var translate func(wire.Value) wire.Value
	if c.grace() {
		if body, err = wire.ToGraceDiscovery(body); err != nil {
			return out, err
		}
		translate = wire.FromGraceDiscovery
	}
	return post[T](ctx, c, wire.Discovery, path, body, true, translate)
}

// task sends a request that the seller keeps. It bears an external id, by which
// the seller knows it again.
func task[T any](ctx context.Context, c *Client, f wire.Function, path, items string, body wire.Value) (out Answer[T], err error) {
	if !body.Has("externalId") {
		body.Set("externalId", NewExternalID())
	}
	if c.grace() {
		if body, err = wire.ToGraceTask(body, items); err != nil {
			return out, err
		}
	}
	return post[T](ctx, c, f, path, body, true, c.translation(items))
}

// CreateQualification asks whether products can be delivered. It gets an external
// id when it has none.
func (c *Client) CreateQualification(ctx context.Context, q wire.POQ) (Answer[wire.POQ], error) {
	return task[wire.POQ](ctx, c, wire.Qualification, "/productOfferingQualification", "productOfferingQualificationItem", wire.ValueOf(q))
}

// Qualification gives a qualification by its id.
func (c *Client) Qualification(ctx context.Context, id string) (Answer[wire.POQ], error) {
	return get[wire.POQ](ctx, c, wire.Qualification, "/productOfferingQualification/", id, c.translation("productOfferingQualificationItem"))
}

// Qualifications gives a page of qualifications, in short.
func (c *Client) Qualifications(ctx context.Context, f Filter) (Page[wire.POQ], error) {
	return list[wire.POQ](ctx, c, wire.Qualification, "/productOfferingQualification", f, c.translation("productOfferingQualificationItem"))
}

// CreateQuote asks what products cost. It gets an external id when it has none.
func (c *Client) CreateQuote(ctx context.Context, q wire.Quote) (Answer[wire.Quote], error) {
	return task[wire.Quote](ctx, c, wire.Quoting, "/quote", "quoteItem", wire.ValueOf(q))
}

// Quote gives a quote by its id.
func (c *Client) Quote(ctx context.Context, id string) (Answer[wire.Quote], error) {
	return get[wire.Quote](ctx, c, wire.Quoting, "/quote/", id, c.translation("quoteItem"))
}

// Quotes gives a page of quotes, in short.
func (c *Client) Quotes(ctx context.Context, f Filter) (Page[wire.Quote], error) {
	return list[wire.Quote](ctx, c, wire.Quoting, "/quote", f, c.translation("quoteItem"))
}

// CancelQuote ends a quote that is in progress. Once it is ended the seller
// refuses a second time, so it is not repeated by itself.
func (c *Client) CancelQuote(ctx context.Context, o wire.QuoteOperation) error {
	_, err := post[wire.QuoteOperation](ctx, c, wire.Quoting, "/cancelQuote", wire.ValueOf(o), false, nil)
	return err
}

// DeclineQuote says no to a quote that could be ordered; in grace it is called
// reject.
func (c *Client) DeclineQuote(ctx context.Context, o wire.QuoteOperation) error {
	path := "/declineQuote"
	if c.grace() {
		path = "/rejectQuote"
	}
	_, err := post[wire.QuoteOperation](ctx, c, wire.Quoting, path, wire.ValueOf(o), false, nil)
	return err
}

// Subscribe asks to be told of a function's events of some types at an address;
// none: all types.
func (c *Client) Subscribe(ctx context.Context, f wire.Function, callback string, types ...string) (Answer[wire.Subscription], error) {
	s := wire.Subscription{Callback: callback}
	if len(types) > 0 {
		s.Query = "eventType=" + strings.Join(types, ",")
	}
	// A Lateral seller knows a subscription again; another may keep it twice, and
	// the listener takes each event once.
	const again = true
	return post[wire.Subscription](ctx, c, f, "/hub", wire.ValueOf(s), again, nil)
}

// Subscription gives a subscription by its id. Grace has that for few functions.
func (c *Client) Subscription(ctx context.Context, f wire.Function, id string) (Answer[wire.Subscription], error) {
	return get[wire.Subscription](ctx, c, f, "/hub/", id, nil)
}

// Unsubscribe ends a subscription. One that is gone already is no error.
func (c *Client) Unsubscribe(ctx context.Context, f wire.Function, id string) error {
	_, err := c.do(ctx, call{function: f, method: http.MethodDelete, path: "/hub/" + url.PathEscape(id), again: true})
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}
