// Package sonatatest judges LSO Sonata messages in tests by the files that MEF
// (Mplify) publishes. They are beside the repository, never in it.
package sonatatest

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

// folder gives the folder of the published files: beside the module's own.
var folder = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			break
		}
	}
	return filepath.Join(dir, "..", "shared", "specs", "mef")
})

// files are the files of a function: the seller's API and the buyer's.
var files = map[wire.Release]map[wire.Function][2]string{
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

// Spec is one published file, ready to judge messages.
type Spec struct {
	Doc    *openapi3.T
	Router routers.Router
}

// Host stands for the host in the files' addresses.
const Host = "http://sonata.test"

var specs sync.Map // path → func() (*Spec, error)

// Load reads the file of a function's seller.
func Load(r wire.Release, f wire.Function) (*Spec, error) {
	return load(pathOf(r, files[r][f][0]), r.Base(f))
}

// load reads a published file once for the whole test binary. base is the
// path at which its operations are.
func load(path, base string) (*Spec, error) {
	once, _ := specs.LoadOrStore(path, sync.OnceValues(func() (*Spec, error) {
		doc, err := openapi3.NewLoader().LoadFromFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		doc.Servers = openapi3.Servers{{URL: Host + base}}
		router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return &Spec{doc, router}, nil
	}))
	return once.(func() (*Spec, error))()
}

func pathOf(r wire.Release, name string) string {
	if r == wire.Grace {
		return filepath.Join(folder(), "grace", "productApi", name+".api.yaml")
	}
	return filepath.Join(folder(), "kylie", name+".api.yaml")
}

// There reports whether the published files are there.
func There() bool {
	_, err := os.Stat(folder())
	return err == nil
}

// Need skips a test where the published files are absent.
func Need(t testing.TB) {
	t.Helper()
	if !There() {
		t.Skip("the published files of MEF are not at " + folder() + ": nothing to compare with")
	}
}

// For finds the file that an address belongs to; nil: none of ours.
func For(path string) (*Spec, error) {
	for _, r := range wire.Releases {
		for f, names := range files[r] {
			if base := r.Base(f); strings.HasPrefix(path, base+"/") {
				return load(pathOf(r, names[0]), base)
			}
			if base := r.ListenerBase(f); base != "" && strings.HasPrefix(path, base+"/") {
				return load(pathOf(r, names[1]), strings.TrimSuffix(base, "/listener"))
			}
		}
	}
	return nil, nil
}

// Judge is a transport that compares each request and each answer with the
// published file of its address. A request that is wrong on purpose bears the
// header WrongOnPurpose; its answer is compared all the same.
type Judge struct {
	T    testing.TB
	Next http.RoundTripper
}

// WrongOnPurpose is such a header.
const WrongOnPurpose = "X-Wrong-On-Purpose"

// RoundTrip sends a request, and judges it and its answer.
func (j *Judge) RoundTrip(r *http.Request) (*http.Response, error) {
	s, err := For(r.URL.Path)
	if err != nil {
		j.T.Error(err)
	}
	wrong := r.Header.Get(WrongOnPurpose) != ""
	r.Header.Del(WrongOnPurpose)
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := j.Next.RoundTrip(r)
	if err != nil || s == nil {
		return res, err
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(answer))
	j.Compare(s, r, body, wrong, res, answer)
	return res, nil
}

// Compare judges a request and its answer by a file.
func (j *Judge) Compare(s *Spec, r *http.Request, body []byte, wrong bool, res *http.Response, answer []byte) {
	j.T.Helper()
	copied, err := http.NewRequest(r.Method, Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		j.T.Error(err)
		return
	}
	copied.Header = r.Header.Clone()
	route, params, err := s.Router.FindRoute(copied)
	if err != nil {
		if !wrong {
			j.T.Errorf("%s %s is not in the published file: %v", r.Method, r.URL.Path, err)
		}
		return
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}
	in := &openapi3filter.RequestValidationInput{Request: copied, PathParams: params, Route: route, Options: options}
	if !wrong {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			j.T.Errorf("%s %s: the request is not of the published form: %v\n%s", r.Method, r.URL, err, body)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: options}
	out.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		j.T.Errorf("%s %s: the answer %d is not of the published form: %v\n%s", r.Method, r.URL, res.StatusCode, err, answer)
	}
}
