package sonata_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/lateral-network/lateral/api/sonata/wire"
)

// published is the folder of the files that MEF (Mplify) publishes.
const published = "../../../shared/specs/mef"

// specFiles are the files of a function: the seller's API and the buyer's.
var specFiles = map[wire.Release]map[wire.Function][2]string{
	wire.Kylie: {
		wire.Address:       {"geographic-address-management", "geographic-address-notification"},
		wire.Site:          {"geographic-site-management", ""},
		wire.Catalog:       {"product-catalog", "product-catalog-notification"},
		wire.Discovery:     {"product-offering-availability-and-pricing-discovery", ""},
		wire.Qualification: {"product-offering-qualification-management", "product-offering-qualification-notification"},
		wire.Quoting:       {"quote-management", "quote-notification"},
		wire.Ordering:      {"product-order-management", "product-order-notification"},
		wire.Inventory:     {"product-inventory-management", ""},
		wire.Billing:       {"billing-management", "billing-notification"},
		wire.TroubleTicket: {"trouble-ticket-management", "trouble-ticket-notification"},
	},
	wire.Grace: {
		wire.Address:       {"serviceability/address/geographicAddressManagement", ""},
		wire.Site:          {"serviceability/site/geographicSiteManagement", ""},
		wire.Catalog:       {"catalog/productCatalog", "catalog/productCatalogNotification"},
		wire.Discovery:     {"availabilityAndPricingDiscovery/productOfferingAvailabilityAndPricingDiscovery", ""},
		wire.Qualification: {"serviceability/offeringQualification/productOfferingQualificationManagement", "serviceability/offeringQualification/productOfferingQualificationNotification"},
		wire.Quoting:       {"quote/quoteManagement", "quote/quoteNotification"},
		wire.Ordering:      {"order/productOrderManagement", "order/productOrderNotification"},
		wire.Inventory:     {"inventory/productInventoryManagement", ""},
		wire.Billing:       {"billing/billingManagement", "billing/billingNotification"},
		wire.TroubleTicket: {"troubleTicket/troubleTicketManagement", "troubleTicket/troubleTicketNotification"},
	},
}

// spec is one published file, ready to judge messages.
type spec struct {
	doc    *openapi3.T
	router routers.Router
}

// specHost stands for the host in the files' addresses.
const specHost = "http://sonata.test"

var specs sync.Map // path → func() (*spec, error)

// loadSpec reads a published file once for the whole test binary. base is the
// path at which its operations are.
func loadSpec(path, base string) (*spec, error) {
	once, _ := specs.LoadOrStore(path, sync.OnceValues(func() (*spec, error) {
		doc, err := openapi3.NewLoader().LoadFromFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		doc.Servers = openapi3.Servers{{URL: specHost + base}}
		router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return &spec{doc, router}, nil
	}))
	return once.(func() (*spec, error))()
}

func specPath(r wire.Release, name string) string {
	if r == wire.Grace {
		return filepath.Join(published, "grace", "productApi", name+".api.yaml")
	}
	return filepath.Join(published, "kylie", name+".api.yaml")
}

// needPublished skips a test where the published files are absent.
func needPublished(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(published); err != nil {
		t.Skip("the published files of MEF are not at " + published + ": nothing to compare with")
	}
}

// specFor finds the file that an address belongs to; nil: none of ours.
func specFor(path string) (*spec, error) {
	for _, r := range wire.Releases {
		for f, names := range specFiles[r] {
			if base := r.Base(f); strings.HasPrefix(path, base+"/") {
				return loadSpec(specPath(r, names[0]), base)
			}
			if base := r.ListenerBase(f); base != "" && strings.HasPrefix(path, base+"/") {
				return loadSpec(specPath(r, names[1]), strings.TrimSuffix(base, "/listener"))
			}
		}
	}
	return nil, nil
}

// judge is a transport that compares each request and each answer with the
// published file of its address. A request that is wrong on purpose bears the
// header wrongOnPurpose; its answer is compared all the same.
type judge struct {
	t    testing.TB
	next http.RoundTripper
}

const wrongOnPurpose = "X-Wrong-On-Purpose"

func (j *judge) RoundTrip(r *http.Request) (*http.Response, error) {
	s, err := specFor(r.URL.Path)
	if err != nil {
		j.t.Error(err)
	}
	wrong := r.Header.Get(wrongOnPurpose) != ""
	r.Header.Del(wrongOnPurpose)
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := j.next.RoundTrip(r)
	if err != nil || s == nil {
		return res, err
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(answer))
	j.compare(s, r, body, wrong, res, answer)
	return res, nil
}

func (j *judge) compare(s *spec, r *http.Request, body []byte, wrong bool, res *http.Response, answer []byte) {
	j.t.Helper()
	copied, err := http.NewRequest(r.Method, specHost+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		j.t.Error(err)
		return
	}
	copied.Header = r.Header.Clone()
	route, params, err := s.router.FindRoute(copied)
	if err != nil {
		if !wrong {
			j.t.Errorf("%s %s is not in the published file: %v", r.Method, r.URL.Path, err)
		}
		return
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}
	in := &openapi3filter.RequestValidationInput{Request: copied, PathParams: params, Route: route, Options: options}
	if !wrong {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			j.t.Errorf("%s %s: the request is not of the published form: %v\n%s", r.Method, r.URL, err, body)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: options}
	out.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		j.t.Errorf("%s %s: the answer %d is not of the published form: %v\n%s", r.Method, r.URL, res.StatusCode, err, answer)
	}
}
