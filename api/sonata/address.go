package sonata

import (
	"context"
	"net/http"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// Addresses knows places by their addresses.
type Addresses interface {
	// ValidateAddress gives the address that a query means, if one does, and
	// others that it may mean. A query that cannot be answered is refused.
	ValidateAddress(context.Context, Party, wire.Place) (AddressAnswer, error)
	// Address gives an address by its id. Code: not-found.
	Address(context.Context, Party, string) (wire.GeographicAddress, error)
}

// AddressAnswer is what an address validation found.
type AddressAnswer struct {
	Best   *wire.GeographicAddress
	Others []wire.GeographicAddress
}

// validationKind is a deferred address validation.
var validationKind = &kind{name: "geographicAddressValidation", path: "/geographicAddressValidation/", function: wire.Address, state: "state", moves: validationMoves}

var (
	validationShape      = object(req("submittedGeographicAddress", byType(map[string]*shape{wire.TypeAddressQuery: addressQueryShape})), req("instantSyncValidation", boolean))
	graceValidationShape = object(req("submittedGeographicAddress", graceAddressShape), req("provideAlternative", boolean))
)

func (s *Server) addressOperations(r wire.Release) []operation {
	byID := operation{id: "retrieveGeographicAddress", method: http.MethodGet, path: "/geographicAddress/{id}", errors: getErrors, do: (*call).address}
	if r == wire.Grace {
		return []operation{
			{id: "createGeographicAddressValidation", method: http.MethodPost, path: "/geographicAddressValidation", body: graceValidationShape, errors: createErrors, do: (*call).validateGraceAddress},
			byID,
		}
	}
	s.work[validationKind.name] = s.workAddress
	return append([]operation{
		{id: "createGeographicAddressValidation", method: http.MethodPost, path: "/geographicAddressValidation", body: validationShape, errors: createErrors, do: (*call).validateAddress},
		{id: "retrieveGeographicAddressValidation", method: http.MethodGet, path: "/geographicAddressValidation/{id}", errors: plus(getErrors, 501), do: func(c *call) (*reply, error) { return c.retrieve(validationKind) }},
		byID,
	}, s.hub(true, plus(createErrors, 501), plus(getErrors, 422, 501))...)
}

// validateAddress answers at once, or takes the question and tells when it is
// ready.
func (c *call) validateAddress() (*reply, error) {
	if err := unexpected(c.body, "id", "state", "bestMatchGeographicAddress", "alternateGeographicAddress"); err != nil {
		return nil, err
	}
	place, err := submitted(c.body)
	if err != nil {
		return nil, err
	}
	if c.body.Get("instantSyncValidation").True() {
		answer, err := c.s.seller.Addresses.ValidateAddress(c.ctx, c.party(), place)
		if err != nil {
			return nil, err
		}
		body := c.body
		c.s.fillAddress(&body, answer)
		return answered(body), nil
	}
	return c.create(validationKind, func(id string) (*made, error) {
		body := c.body
		body.Set("id", id)
		body.Set("state", wire.Acknowledged)
		body.Set("alternateGeographicAddress", []any{})
		now := c.s.now()
		return &made{body: body, due: now}, nil
	})
}

// submitted reads the address that is asked about.
func submitted(body wire.Value) (wire.Place, error) {
	var place wire.Place
	if err := body.Get("submittedGeographicAddress").Decode(&place); err != nil {
		return place, fault.New(CodeBadBody, "the address cannot be read", "send it as the published file says").In("submittedGeographicAddress").Because(err)
	}
	r := place.Representations
	if len(r.Fielded)+len(r.Formatted)+len(r.Points)+len(r.Labels) == 0 {
		return place, fault.New(CodeMissingProperty, "the address is told in no way at all", "send one of the representations").In("submittedGeographicAddress")
	}
	return place, nil
}

func (s *Server) fillAddress(body *wire.Value, a AddressAnswer) {
	body.Set("state", wire.Ready)
	others := wire.Value{Kind: wire.Array}
	for _, o := range a.Others {
		others.Append(s.kylieAddress(o))
	}
	body.Set("alternateGeographicAddress", others)
	if a.Best != nil {
		body.Set("bestMatchGeographicAddress", s.kylieAddress(*a.Best))
	}
}

// kylieAddress writes an address that we know.
func (s *Server) kylieAddress(a wire.GeographicAddress) wire.Value {
	a.Type, a.Href = wire.TypeAddress, s.href(wire.Kylie, wire.Address, "/geographicAddress/"+a.ID)
	for _, flag := range []*string{&a.HasPublicSite, &a.AllowsNewSite} {
		if *flag == "" {
			*flag = "unknown"
		}
	}
	return wire.ValueOf(a)
}

// graceAddress writes an address that we know in grace.
func (s *Server) graceAddress(a wire.GeographicAddress) (wire.Value, error) {
	v, err := wire.ToGraceAddress(a.Representations)
	if err != nil {
		return v, err
	}
	v.Set("id", a.ID)
	if h := s.href(wire.Grace, wire.Address, "/geographicAddress/"+a.ID); h != "" {
		v.Set("href", h)
	}
	for name, flag := range map[string]string{"hasPublicSite": a.HasPublicSite, "allowsNewSite": a.AllowsNewSite} {
		if flag == "true" || flag == "false" {
			v.Set(name, flag == "true")
		}
	}
	return v, nil
}

// workAddress answers a question that was taken.
func (s *Server) workAddress(ctx context.Context, r *resource.Record) error {
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	place, err := submitted(body)
	if err != nil {
		return err
	}
	answer, err := s.seller.Addresses.ValidateAddress(ctx, Party{Buyer: r.Buyer, Seller: r.Seller, Release: releaseOf(r.Scope)}, place)
	refused := err != nil && meaningOf(fault.CodeOf(err)).status < 500
	if err != nil && !refused {
		return err
	}
	_, err = s.update(ctx, validationKind, r.Scope, r.ID, func(now *resource.Record, body wire.Value) (*change, error) {
		if now.Version != r.Version {
			return nil, nil
		}
		if refused {
			body.Set("state", wire.Rejected)
		} else {
			s.fillAddress(&body, answer)
		}
		href := s.href(releaseOf(r.Scope), wire.Address, validationKind.path+r.ID)
		return &change{body: body, events: []resource.Event{
			s.event(r.Scope, wire.Address, "geographicAddressValidationStateChangeEvent", r.ID, href, body.Get("state").Text()),
		}}, nil
	})
	return err
}

func (c *call) validateGraceAddress() (*reply, error) {
	if err := unexpected(c.body, "validationResult", "bestMatchGeographicAddress", "alternateGeographicAddress"); err != nil {
		return nil, err
	}
	place, _ := wire.GraceAddress(c.body.Get("submittedGeographicAddress"))
	answer, err := c.s.seller.Addresses.ValidateAddress(c.ctx, c.party(), place)
	if err != nil {
		return nil, err
	}
	body := c.body
	result := "fail"
	if answer.Best != nil {
		best, err := c.s.graceAddress(*answer.Best)
		if err != nil {
			return nil, err
		}
		body.Set("bestMatchGeographicAddress", best)
		result = "success"
	}
	if len(answer.Others) > 0 && c.body.Get("provideAlternative").True() {
		others := wire.Value{Kind: wire.Array}
		for _, o := range answer.Others {
			v, err := c.s.graceAddress(o)
			if err != nil {
				return nil, err
			}
			others.Append(v)
		}
		body.Set("alternateGeographicAddress", others)
		if result == "fail" {
			result = "partial"
		}
	}
	body.Set("validationResult", result)
	return answered(body), nil
}

func (c *call) address() (*reply, error) {
	a, err := c.s.seller.Addresses.Address(c.ctx, c.party(), c.id)
	if err != nil {
		return nil, err
	}
	if c.release == wire.Grace {
		v, err := c.s.graceAddress(a)
		if err != nil {
			return nil, err
		}
		return answered(v), nil
	}
	return answered(c.s.kylieAddress(a)), nil
}
