package sonata_test

import (
	"context"
	"sync/atomic"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
)

// failing is a shop that a test can break.
type failing struct {
	*shop
	broken atomic.Bool
}

func orBroken[T any](f *failing, x T, err error) (T, error) {
	if f.broken.Load() {
		var none T
		return none, errBroken
	}
	return x, err
}

func (f *failing) FindSites(ctx context.Context, p sonata.Party, q wire.SiteQuery) ([]wire.GeographicSite, error) {
	x, err := f.shop.FindSites(ctx, p, q)
	return orBroken(f, x, err)
}

func (f *failing) Site(ctx context.Context, p sonata.Party, id string) (wire.GeographicSite, error) {
	x, err := f.shop.Site(ctx, p, id)
	return orBroken(f, x, err)
}

func (f *failing) Categories(ctx context.Context, p sonata.Party) ([]wire.Category, error) {
	x, err := f.shop.Categories(ctx, p)
	return orBroken(f, x, err)
}

func (f *failing) Offerings(ctx context.Context, p sonata.Party) ([]wire.Offering, error) {
	x, err := f.shop.Offerings(ctx, p)
	return orBroken(f, x, err)
}

func (f *failing) Specifications(ctx context.Context, p sonata.Party) ([]wire.Specification, error) {
	x, err := f.shop.Specifications(ctx, p)
	return orBroken(f, x, err)
}

func (f *failing) Available(ctx context.Context, p sonata.Party, q wire.AvailabilityRequest) ([]wire.OfferingConfiguration, error) {
	x, err := f.shop.Available(ctx, p, q)
	return orBroken(f, x, err)
}

func (f *failing) Pricing(ctx context.Context, p sonata.Party, q wire.PricingRequest) ([]wire.PricingAndTerm, error) {
	x, err := f.shop.Pricing(ctx, p, q)
	return orBroken(f, x, err)
}

// failingPlaces is the address book of such a shop.
type failingPlaces struct{ *failing }

func (f failingPlaces) ValidateAddress(ctx context.Context, p sonata.Party, q wire.Place) (sonata.AddressAnswer, error) {
	x, err := atlas().ValidateAddress(ctx, p, q)
	return orBroken(f.failing, x, err)
}

func (f failingPlaces) Address(ctx context.Context, p sonata.Party, id string) (wire.GeographicAddress, error) {
	x, err := atlas().Address(ctx, p, id)
	return orBroken(f.failing, x, err)
}
