package sonata_test

import (
	"context"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// places is a seller's address book in memory.
type places map[string]wire.GeographicAddress

func (p places) ValidateAddress(_ context.Context, _ sonata.Party, q wire.Place) (a sonata.AddressAnswer, err error) {
	for _, id := range []string{"MIL", "HKG"} {
		x := p[id]
		switch {
		case len(q.Labels) > 0 && q.Labels[0].Label == x.Labels[0].Label, len(q.Fielded) > 0 && q.Fielded[0].City == x.Fielded[0].City:
			a.Best = &x
		case len(q.Fielded) > 0:
			a.Others = append(a.Others, x)
		}
	}
	if len(q.Fielded) > 0 && q.Fielded[0].City == "Atlantis" {
		return a, fault.New(fault.Invalid, "there is no such city", "name another").In("submittedGeographicAddress.fieldedAddressRepresentation.0.city")
	}
	return a, nil
}

func (p places) Address(_ context.Context, _ sonata.Party, id string) (wire.GeographicAddress, error) {
	a, ok := p[id]
	if !ok {
		return a, fault.New(fault.NotFound, "there is no such address", "ask for another")
	}
	return a, nil
}

func atlas() places {
	return places{
		"MIL": {ID: "MIL", HasPublicSite: "true", AllowsNewSite: "false", Representations: wire.Representations{
			Fielded: []wire.Fielded{{StreetNr: "7", StreetName: "Via Caldera", City: "Milano", CountryCode: "IT", BuildingName: "B & C"}},
			Labels:  []wire.Label{{Label: "ITMIL", Authority: "UN/LOCODE"}}}},
		"HKG": {ID: "HKG", Representations: wire.Representations{
			Fielded: []wire.Fielded{{StreetName: "Chai Wan Road", City: "Hong Kong", CountryCode: "HK"}},
			Labels:  []wire.Label{{Label: "HKHKG", Authority: "UN/LOCODE"}}}},
	}
}

const (
	addressBase = "/mefApi/sonata/geographicAddressManagement/v8"
	graceBase   = "/mefApi/sonata/geographicAddressManagement/v7"
	askMilan    = `{"instantSyncValidation":true, "submittedGeographicAddress": {"@type":"GeographicAddress_Query", "labelRepresentation":[{"label":"ITMIL","administrativeAuthority":"UN/LOCODE"}],"x": 1.50 }}`
)

func TestAnAddressIsValidatedAtOnceAndTheQuestionComesBackUnchanged(t *testing.T) {
	sonatatest.Need(t)
	w := newWorld(t, sonata.Seller{Addresses: atlas()})
	a := w.must(200, ask{partner: "bravo", path: addressBase + "/geographicAddressValidation", body: askMilan})
	if got := a.body.Get("bestMatchGeographicAddress").Get("id").Text(); got != "MIL" || a.body.Get("state").Text() != "ready" || a.body.Has("id") {
		t.Errorf("the answer is %s", a.text)
	}
	if !strings.Contains(a.text, `{"@type":"GeographicAddress_Query", "labelRepresentation":[{"label":"ITMIL","administrativeAuthority":"UN/LOCODE"}],"x": 1.50 }`) {
		t.Errorf("the question has been rewritten: %s", a.text)
	}
	b := w.must(200, ask{partner: "bravo", path: addressBase + "/geographicAddress/HKG"})
	if b.body.Get("allowsNewSite").Text() != "unknown" {
		t.Errorf("the address is %s", b.text)
	}
}

func TestADeferredAddressIsToldOfWhenItIsReady(t *testing.T) {
	sonatatest.Need(t)
	w := newWorld(t, sonata.Seller{Addresses: atlas()})
	in := w.newInbox()
	w.must(201, ask{partner: "bravo", path: addressBase + "/hub", body: `{"callback":"` + in.url + `"}`})
	w.run()
	a := w.must(201, ask{partner: "bravo", path: addressBase + "/geographicAddressValidation", body: strings.Replace(askMilan, "true", "false", 1)})
	id := a.body.Get("id").Text()
	until(t, "the notification comes", func() bool { return len(in.all()) > 0 })
	if n := in.all()[0]; n.Event.Of.ID != id || n.Event.Of.State != "ready" || n.Sender != sellerKey || n.Function != wire.Address {
		t.Errorf("the notification is %+v", n)
	}
	b := w.must(200, ask{partner: "bravo", path: addressBase + "/geographicAddressValidation/" + id})
	if b.body.Get("bestMatchGeographicAddress").Get("id").Text() != "MIL" {
		t.Errorf("the answer is %s", b.text)
	}
}

func TestGraceIsSpokenToAPartnerOfGrace(t *testing.T) {
	sonatatest.Need(t)
	w := newWorld(t, sonata.Seller{Addresses: atlas()})
	a := w.must(200, ask{partner: "golf", path: graceBase + "/geographicAddressValidation",
		body: `{"provideAlternative":true,"submittedGeographicAddress":{"@type":"FieldedAddress","country":"IT","city":"Milano","streetName":"Via Caldera"}}`})
	if a.body.Get("validationResult").Text() != "success" || a.body.Get("bestMatchGeographicAddress").Get("id").Text() != "MIL" || len(a.body.Get("alternateGeographicAddress").Items) != 1 {
		t.Errorf("the answer is %s", a.text)
	}
	w.must(200, ask{partner: "golf", path: graceBase + "/geographicAddress/MIL"})
	if r := w.must(403, ask{partner: "golf", path: addressBase + "/geographicAddress/MIL"}); r.code() != "accessDenied" {
		t.Errorf("the paths of another release: %s", r.text)
	}
}

func TestEachRefusalHasTheStatusAndCodeOfTheStandard(t *testing.T) {
	sonatatest.Need(t)
	w := newWorld(t, sonata.Seller{Addresses: atlas()}, func(o *sonata.Options) { o.Off = []string{"retrieveGeographicAddressValidation"} })
	w.add(sonata.Partner{ID: "several", Buyers: []string{"B1", "B2"}, Release: wire.Kylie, Scopes: []string{"retrieveGeographicAddress"}})
	validate, one := addressBase+"/geographicAddressValidation", addressBase+"/geographicAddress/MIL"
	for name, c := range map[string]struct {
		ask    ask
		status int
		code   string
		path   string
	}{
		"no token":                     {ask{path: one}, 401, "missingCredentials", ""},
		"another token":                {ask{path: one, header: map[string]string{"Authorization": "Bearer x"}}, 401, "invalidCredentials", ""},
		"no scope":                     {ask{partner: "several", path: validate + "?buyerId=B1", body: askMilan}, 403, "accessDenied", ""},
		"a buyer must be named":        {ask{partner: "several", path: one}, 400, "missingQueryParameter", ""},
		"another's buyer":              {ask{partner: "several", path: one + "?buyerId=B3"}, 403, "forbiddenRequester", ""},
		"one of several buyers":        {ask{partner: "several", path: one + "?buyerId=B2"}, 200, "", ""},
		"another seller":               {ask{partner: "bravo", path: one + "?sellerId=X"}, 400, "invalidQuery", ""},
		"an unknown parameter":         {ask{partner: "bravo", path: one + "?fields=id", wrong: true}, 400, "invalidQuery", ""},
		"a parameter without value":    {ask{partner: "bravo", path: one + "?buyerId="}, 400, "missingQueryValue", ""},
		"a parameter that comes twice": {ask{partner: "bravo", path: one + "?buyerId=BRAVO&buyerId=BRAVO"}, 400, "invalidQuery", ""},
		"an id that is not there":      {ask{partner: "bravo", path: addressBase + "/geographicAddress/X"}, 404, "notFound", ""},
		"switched off":                 {ask{partner: "bravo", path: validate + "/x"}, 501, "notImplemented", ""},
		"no JSON":                      {ask{partner: "bravo", path: validate, body: `{`, wrong: true}, 400, "invalidBody", ""},
		"a member twice":               {ask{partner: "bravo", path: validate, body: `{"instantSyncValidation":true,"instantSyncValidation":false}`, wrong: true}, 400, "invalidBody", ""},
		"another media type":           {ask{partner: "bravo", path: validate, body: askMilan, header: map[string]string{"Content-Type": "text/plain"}, wrong: true}, 400, "invalidBody", ""},
		"too long":                     {ask{partner: "bravo", path: validate, body: `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, wrong: true}, 400, "invalidBody", ""},
		"too deep":                     {ask{partner: "bravo", path: validate, body: strings.Repeat("[", 1000) + strings.Repeat("]", 1000), wrong: true}, 400, "invalidBody", ""},
		"a member is missing":          {ask{partner: "bravo", path: validate, body: `{"instantSyncValidation":true}`, wrong: true}, 400, "invalidBody", ""},
		"a member of another kind":     {ask{partner: "bravo", path: validate, body: strings.Replace(askMilan, "true", `"true"`, 1), wrong: true}, 400, "invalidBody", ""},
		"no representation":            {ask{partner: "bravo", path: validate, body: `{"instantSyncValidation":true,"submittedGeographicAddress":{"@type":"GeographicAddress_Query","x":1}}`}, 422, "missingProperty", "/submittedGeographicAddress"},
		"what the seller sets":         {ask{partner: "bravo", path: validate, body: strings.Replace(askMilan, "{", `{"state":"ready",`, 1)}, 422, "unexpectedProperty", "/state"},
		"what the business refuses": {ask{partner: "bravo", path: validate, body: `{"instantSyncValidation":true,"submittedGeographicAddress":{"@type":"GeographicAddress_Query","fieldedAddressRepresentation":[{"city":"Atlantis"}]}}`},
			422, "invalidValue", "/submittedGeographicAddress/fieldedAddressRepresentation/0/city"},
		"a callback without TLS or host": {ask{partner: "bravo", path: addressBase + "/hub", body: `{"callback":"ftp://x"}`}, 422, "invalidValue", "/callback"},
		"an unknown event type":          {ask{partner: "bravo", path: addressBase + "/hub", body: `{"callback":"https://x.example","query":"eventType=x"}`}, 422, "invalidValue", "/query"},
		"a subscription of nobody":       {ask{partner: "bravo", path: addressBase + "/hub/x"}, 404, "notFound", ""},
		"no subscription to end":         {ask{partner: "bravo", method: "DELETE", path: addressBase + "/hub/x"}, 404, "notFound", ""},
		"an address of nothing":          {ask{partner: "bravo", path: addressBase + "/nothing", wrong: true}, 404, "notFound", ""},
		"another method":                 {ask{partner: "bravo", method: "DELETE", path: one, wrong: true}, 405, "notImplemented", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do(c.ask)
			if a.status != c.status || a.code() != c.code || a.propertyPath() != c.path {
				t.Errorf("%d %s %s, want %d %s %s\n%s", a.status, a.code(), a.propertyPath(), c.status, c.code, c.path, a.text)
			}
		})
	}
}
