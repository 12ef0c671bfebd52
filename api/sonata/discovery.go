package sonata

import (
	"context"
	"net/http"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// Discovery says what is offered where and at which list price, without a quote.
type Discovery interface {
	// Available gives what can be had at some places.
	Available(context.Context, Party, wire.AvailabilityRequest) ([]wire.OfferingConfiguration, error)
	// Pricing gives the ways to have a configuration that Available named. Code:
	// reference-unknown.
	Pricing(context.Context, Party, wire.PricingRequest) ([]wire.PricingAndTerm, error)
}

func (s *Server) discoveryOperations(r wire.Release) []operation {
	place := object(req("place", byType(map[string]*shape{wire.TypeAddressRef: referenceShape, wire.TypeSiteRef: referenceShape})), req("role", text), opt("subUnit", list(subUnitShape, 0)))
	identifier := "productOfferingConfigurationIdentifier"
	if r == wire.Grace {
		ref := referenceShape.with(req("role", text))
		place = byType(map[string]*shape{wire.TypeAddressRef: ref, wire.TypeSiteRef: ref})
		identifier = "productConfigurationIdentifier"
	}
	request := object(req("action", oneOf("add", "modify")), opt("productRef", referenceShape), opt("productRelationship", list(relationshipShape, 0)), opt("place", list(place, 0)))
	return []operation{
		{id: "productOfferingAvailabilityRequest", method: http.MethodPost, path: "/productOfferingAvailability", body: request.with(opt("productSpecification", referenceShape)), errors: createErrors, do: (*call).available},
		{id: "pricingDiscoveryRequest", method: http.MethodPost, path: "/pricingDiscovery", body: request.with(req(identifier, text)), errors: createErrors, do: (*call).pricing},
	}
}

// readDiscovery reads a request in kylie's form, and checks that what is changed
// is named and what is added is not.
func (c *call) readDiscovery(into any) error {
	body := c.body
	if c.release == wire.Grace {
		body = wire.FromGraceDiscovery(body)
	}
	if err := body.Decode(into); err != nil {
		return fault.New(CodeBadBody, "the body cannot be read", "send it as the published file says").Because(err)
	}
	switch action, has := body.Get("action").Text(), body.Has("productRef"); {
	case action == wire.Modify && !has:
		return fault.New(CodeMissingProperty, "the product that is to be changed is not named", "send its id").In("productRef")
	case action == wire.Add && has:
		return fault.New(CodeUnexpectedProperty, "a product that is to be added has an id already", "leave it out").In("productRef")
	}
	return nil
}

func (c *call) available() (*reply, error) {
	var q wire.AvailabilityRequest
	if err := c.readDiscovery(&q); err != nil {
		return nil, err
	}
	found, err := c.s.seller.Discovery.Available(c.ctx, c.party(), q)
	if err != nil {
		return nil, err
	}
	list := wire.Value{Kind: wire.Array}
	for _, x := range found {
		v := wire.ValueOf(x)
		if c.release == wire.Grace {
			wire.ToGraceConfiguration(&v)
		}
		list.Append(v)
	}
	body, name := c.body, "availableProductOfferingConfiguration"
	if c.release == wire.Grace {
		name += "s"
	}
	body.Set(name, list)
	return answered(body), nil
}

func (c *call) pricing() (*reply, error) {
	var q wire.PricingRequest
	if err := c.readDiscovery(&q); err != nil {
		return nil, err
	}
	found, err := c.s.seller.Discovery.Pricing(c.ctx, c.party(), q)
	if err != nil {
		return nil, err
	}
	list := wire.Value{Kind: wire.Array}
	for _, x := range found {
		v := wire.ValueOf(x)
		if c.release == wire.Grace {
			if v, err = wire.ToGracePricing(x); err != nil {
				return nil, err
			}
		} else {
			v.Drop("productOffering")
		}
		list.Append(v)
	}
	body, name := c.body, "pricingAndTerm"
	if c.release == wire.Grace {
		name += "s"
	}
	body.Set(name, list)
	return answered(body), nil
}
