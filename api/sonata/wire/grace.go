package wire

import (
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
)

// Release grace is spoken by translation: what a partner sends in grace becomes
// kylie for us, and our answers become grace. The partner's own words are kept
// beside it and given back as they came.

// cannot says that something of kylie has no form in grace.
func cannot(what string) error {
	return fault.Newf(fault.Internal, "use release kylie with this partner", "%s cannot be told in release grace", what)
}

// GraceAddress reads an address of grace (FieldedAddress, FormattedAddress,
// GeographicAddressLabel, MEFGeographicPoint) or a reference as a place of kylie.
func GraceAddress(v Value) (Place, bool) {
	p := Place{Type: TypeAddressQuery}
	get := func(name string) string { return v.Get(name).Text() }
	switch get("@type") {
	case "FieldedAddress":
		p.Fielded = []Fielded{graceFielded(v)}
	case "FormattedAddress":
		var parts []string
		for _, name := range []string{"addrLine1", "addrLine2", "locality", "city", "stateOrProvince", "postcode", "postcodeExtension", "country"} {
			if t := get(name); t != "" {
				parts = append(parts, t)
			}
		}
		p.Formatted = []Formatted{{Address: strings.Join(parts, ", ")}}
	case "GeographicAddressLabel":
		p.Labels = []Label{{Label: get("externalReferenceId"), Authority: get("externalReferenceType")}}
	case "MEFGeographicPoint":
		p.Points = []Point{{SpatialRef: get("spatialRef"), Latitude: get("y"), Longitude: get("x"), Elevation: get("z")}}
	case TypeAddressRef, TypeSiteRef:
		p = Place{Type: get("@type"), ID: get("id"), Href: get("href")}
	default:
		return Place{}, false
	}
	return p, true
}

func graceFielded(v Value) Fielded {
	get := func(name string) string { return v.Get(name).Text() }
	f := Fielded{
		StreetNr: get("streetNr"), StreetNrSuffix: get("streetNrSuffix"), StreetNrLast: get("streetNrLast"), StreetNrLastSuffix: get("streetNrLastSuffix"),
		StreetName: get("streetName"), StreetType: get("streetType"), StreetPostDirection: get("streetSuffix"), Locality: get("locality"), City: get("city"),
		Postcode: get("postcode"), PostcodeExtension: get("postcodeExtension"), StateOrProvince: get("stateOrProvince"),
	}
	if c := get("country"); len(c) == 2 {
		f.CountryCode = strings.ToUpper(c)
	}
	sub := v.Get("geographicSubAddress")
	f.BuildingName, f.PrivateStreetName, f.PrivateStreetNumber = sub.Get("buildingName").Text(), sub.Get("privateStreetName").Text(), sub.Get("privateStreetNumber").Text()
	if n := sub.Get("levelNumber").Text(); n != "" {
		f.SubUnit = append(f.SubUnit, SubUnit{Number: n, Type: sub.Get("levelType").Text()})
	}
	for _, u := range sub.Get("subUnit").Items {
		f.SubUnit = append(f.SubUnit, SubUnit{Number: u.Get("subUnitNumber").Text(), Type: u.Get("subUnitType").Text()})
	}
	return f
}

// ToGraceAddress writes representations as one address of grace, with the members
// of an address that the seller knows when it is one.
func ToGraceAddress(r Representations) (Value, error) {
	v := Value{Kind: Object}
	set := func(name, text string) {
		if text != "" {
			v.Set(name, text)
		}
	}
	switch {
	case len(r.Fielded) > 0 && r.Fielded[0].City != "" && r.Fielded[0].StreetName != "" && r.Fielded[0].CountryCode != "":
		f := r.Fielded[0]
		set("@type", "FieldedAddress")
		set("country", f.CountryCode)
		set("city", f.City)
		set("streetName", f.StreetName)
		set("streetNr", f.StreetNr)
		set("streetNrSuffix", f.StreetNrSuffix)
		set("streetNrLast", f.StreetNrLast)
		set("streetNrLastSuffix", f.StreetNrLastSuffix)
		set("streetType", f.StreetType)
		set("streetSuffix", f.StreetPostDirection)
		set("locality", f.Locality)
		set("postcode", f.Postcode)
		set("postcodeExtension", f.PostcodeExtension)
		set("stateOrProvince", f.StateOrProvince)
		sub := Value{Kind: Object}
		for name, text := range map[string]string{"buildingName": f.BuildingName, "privateStreetName": f.PrivateStreetName, "privateStreetNumber": f.PrivateStreetNumber} {
			if text != "" {
				sub.Set(name, text)
			}
		}
		if len(f.SubUnit) > 0 {
			sub.Set("subUnit", f.SubUnit)
		}
		if len(sub.Members) > 0 {
			v.Set("geographicSubAddress", sub)
		}
	case len(r.Labels) > 0:
		set("@type", "GeographicAddressLabel")
		set("externalReferenceId", r.Labels[0].Label)
		set("externalReferenceType", r.Labels[0].Authority)
	case len(r.Points) > 0:
		set("@type", "MEFGeographicPoint")
		set("spatialRef", r.Points[0].SpatialRef)
		set("x", r.Points[0].Longitude)
		set("y", r.Points[0].Latitude)
		set("z", r.Points[0].Elevation)
	case len(r.Formatted) > 0:
		parts := strings.Split(r.Formatted[0].Address, ",")
		if len(parts) < 3 {
			return v, cannot("an address in one text without city and country")
		}
		set("@type", "FormattedAddress")
		set("addrLine1", strings.TrimSpace(strings.Join(parts[:len(parts)-2], ",")))
		set("city", strings.TrimSpace(parts[len(parts)-2]))
		set("country", strings.TrimSpace(parts[len(parts)-1]))
	default:
		return v, cannot("an address without street, label or position")
	}
	return v, nil
}

// graceUnits are the units of time of grace by those of kylie, each with how many
// of it one of ours is.
var graceUnits = map[string]struct {
	unit string
	many int64
}{
	"minutes": {"calendarMinutes", 1}, "calendarHours": {"calendarHours", 1}, "calendarDays": {"calendarDays", 1}, "months": {"calendarMonths", 1},
	"years": {"calendarMonths", 12}, "businessHours": {"businessHours", 1}, "businessDays": {"businessDays", 1},
}

// kylieUnits are the units of kylie by those of grace.
var kylieUnits = map[string]string{
	"calendarMinutes": "minutes", "businessMinutes": "minutes", "calendarHours": "calendarHours", "calendarDays": "calendarDays", "calendarMonths": "months",
	"calendarYears": "years", "businessHours": "businessHours", "businessDays": "businessDays", "seconds": "seconds", "minutes": "minutes",
}

// ToGraceDuration writes a duration in the units of grace. Seconds become whole
// minutes, since grace has nothing smaller. Discovery has units of its own.
func ToGraceDuration(d Duration, discovery bool) Duration {
	if discovery {
		switch d.Units {
		case "months":
			d.Units = "calendarMonths"
		case "years":
			d.Units = "calendarYears"
		}
		return d
	}
	if d.Units == "seconds" {
		return Duration{(d.Amount + 59) / 60, "calendarMinutes"}
	}
	if g, ok := graceUnits[d.Units]; ok {
		return Duration{d.Amount * g.many, g.unit}
	}
	return d
}

// FromGraceDuration reads a duration of grace.
func FromGraceDuration(d Duration) Duration {
	if u, ok := kylieUnits[d.Units]; ok {
		d.Units = u
	}
	return d
}

// ToGracePeriod writes what a recurring price is for: one hour, day, week, month
// or year.
func ToGracePeriod(d Duration) (string, error) {
	period, ok := map[string]string{"1 calendarHours": "hour", "1 calendarDays": "day", "7 calendarDays": "week", "1 months": "month", "12 months": "year", "1 years": "year"}[strconv.FormatInt(d.Amount, 10)+" "+d.Units]
	if !ok {
		return "", cannot("a price for each " + strconv.FormatInt(d.Amount, 10) + " " + d.Units)
	}
	return period, nil
}

// FromGracePeriod reads what a recurring price is for.
func FromGracePeriod(period string) Duration {
	return map[string]Duration{"hour": {1, "calendarHours"}, "day": {1, "calendarDays"}, "week": {7, "calendarDays"}, "month": {1, "months"}, "year": {1, "years"}}[period]
}

// FromGraceTask reads a qualification or a quote of grace in the form of kylie.
// items is the name of its list of items.
func FromGraceTask(v Value, items string) Value {
	list := v.Open(items).Elements()
	for i := range list {
		item := &list[i]
		fromGracePlaces(item.Open("product"))
		if t := item.Open("requestedQuoteItemTerm"); t != nil {
			fromGraceTerm(t)
		}
		terms := item.Open("quoteItemTerm").Elements()
		for j := range terms {
			fromGraceTerm(&terms[j])
		}
		for _, name := range []string{"requestedQuoteItemInstallationInterval", "quoteItemInstallationInterval", "installationInterval"} {
			eachDuration(item, name, FromGraceDuration)
		}
		prices := item.Open("quoteItemPrice").Elements()
		for j := range prices {
			fromGracePrice(&prices[j])
		}
		others := item.Open("alternateProductOfferingProposal").Elements()
		for j := range others {
			eachDuration(&others[j], "installationInterval", FromGraceDuration)
		}
		fromGraceStates(item)
	}
	fromGraceStates(&v)
	return v
}

// fromGraceStates gives a qualification or an item of it the states of kylie.
func fromGraceStates(v *Value) {
	if from := v.Get("state").Text(); from != FromGraceState(from) {
		v.Set("state", FromGraceState(from))
	}
	changes := v.Open("stateChange").Elements()
	for i := range changes {
		fromGraceStates(&changes[i])
	}
}

// GraceState writes a state of a qualification in grace. In kylie a request that
// cannot be answered in time is terminatedWithError, and one that is not good
// enough rejected; in grace they are done.unableToProvide and terminatedWithError.
func GraceState(state string, item bool) string {
	switch {
	case state == Done:
		return "done.ready"
	case state == Rejected:
		return TerminatedWithError
	case state == TerminatedWithError && item:
		return Abandoned
	case state == TerminatedWithError:
		return "done.unableToProvide"
	}
	return state
}

// FromGraceState reads the state of a qualification in grace; those of quotes are
// the same in both releases.
func FromGraceState(state string) string {
	switch state {
	case "done.ready":
		return Done
	case "done.unableToProvide":
		return TerminatedWithError
	case TerminatedWithError:
		return Rejected
	}
	return state
}

func fromGracePlaces(product *Value) {
	if product == nil {
		return
	}
	places := product.Open("place").Elements()
	for i, p := range places {
		place, ok := GraceAddress(p)
		if !ok {
			continue
		}
		places[i] = ValueOf(RelatedPlace{Place: place, Role: p.Get("role").Text()})
	}
}

func fromGraceTerm(t *Value) {
	eachDuration(t, "duration", FromGraceDuration)
	eachDuration(t, "rollInterval", FromGraceDuration)
}

func fromGracePrice(p *Value) {
	if period := p.Get("recurringChargePeriod").Text(); period != "" {
		p.Set("recurringChargePeriod", FromGracePeriod(period))
	}
}

// eachDuration changes a member that is a duration.
func eachDuration(v *Value, name string, change func(Duration) Duration) {
	m := v.Get(name)
	var d Duration
	if m.Kind == Object && m.Decode(&d) == nil {
		v.Set(name, change(d))
	}
}

// ToGraceTask writes a qualification or a quote in the form of grace: a request
// of ours, or what we as a seller add to one.
func ToGraceTask(v Value, items string) (Value, error) {
	ToGraceContacts(&v)
	list := v.Open(items).Elements()
	for i := range list {
		ToGraceContacts(&list[i])
		if err := ToGraceItem(&list[i]); err != nil {
			return v, err
		}
	}
	return v, nil
}

func toGraceInterval(d Duration) Duration { return ToGraceDuration(d, false) }

// ToGraceItem writes an item of a qualification or a quote in the form of grace.
func ToGraceItem(item *Value) error {
	if err := toGracePlaces(item.Open("product")); err != nil {
		return err
	}
	for _, name := range []string{"requestedQuoteItemTerm", "quoteItemTerm"} {
		t := item.Open(name)
		terms := t.Elements()
		if t != nil && t.Kind == Object {
			eachDuration(t, "duration", toGraceInterval)
			eachDuration(t, "rollInterval", toGraceInterval)
		}
		for j := range terms {
			eachDuration(&terms[j], "duration", toGraceInterval)
			eachDuration(&terms[j], "rollInterval", toGraceInterval)
		}
	}
	for _, name := range []string{"requestedQuoteItemInstallationInterval", "quoteItemInstallationInterval", "installationInterval"} {
		eachDuration(item, name, toGraceInterval)
	}
	prices := item.Open("quoteItemPrice").Elements()
	for j := range prices {
		if err := ToGracePrice(&prices[j]); err != nil {
			return err
		}
	}
	others := item.Open("alternateProductOfferingProposal").Elements()
	for j := range others {
		eachDuration(&others[j], "installationInterval", toGraceInterval)
		others[j].Drop("serviceabilityConfidence", "serviceabilityConfidenceReason", "guaranteedUntilDate", "deliveryType")
	}
	item.Drop("deliveryType", "3rdPartyProvider", "3rdPartyProviderProductOffering")
	return nil
}

// ToGracePrice writes a price's period as grace does.
func ToGracePrice(p *Value) error {
	m := p.Get("recurringChargePeriod")
	if m.Kind != Object {
		return nil
	}
	var d Duration
	if err := m.Decode(&d); err != nil {
		return err
	}
	period, err := ToGracePeriod(d)
	if err != nil {
		return err
	}
	p.Set("recurringChargePeriod", period)
	return nil
}

func toGracePlaces(product *Value) error {
	if product == nil {
		return nil
	}
	places := product.Open("place").Elements()
	for i, p := range places {
		if !p.Has("place") {
			continue // it is in the form of grace already
		}
		var related RelatedPlace
		if err := p.Decode(&related); err != nil {
			return err
		}
		v, err := ToGracePlace(related.Place)
		if err != nil {
			return err
		}
		v.Set("role", related.Role)
		places[i] = v
	}
	return nil
}

// ToGracePlace writes a place in the form of grace.
func ToGracePlace(p Place) (Value, error) {
	if p.ID == "" {
		return ToGraceAddress(p.Representations)
	}
	v := Value{Kind: Object}
	v.Set("@type", p.Type)
	v.Set("id", p.ID)
	return v, nil
}

// FromGraceDiscovery reads a request or an answer of discovery in grace.
func FromGraceDiscovery(v Value) Value {
	fromGracePlaces(&v)
	v.Rename("productConfigurationIdentifier", "productOfferingConfigurationIdentifier")
	v.Rename("availableProductOfferingConfigurations", "availableProductOfferingConfiguration")
	v.Rename("pricingAndTerms", "pricingAndTerm")
	list := v.Open("availableProductOfferingConfiguration").Elements()
	for i := range list {
		list[i].Rename("productConfigurationIdentifier", "productOfferingConfigurationIdentifier")
		eachDuration(&list[i], "installationInterval", FromGraceDuration)
	}
	list = v.Open("pricingAndTerm").Elements()
	for i := range list {
		eachDuration(&list[i], "installationInterval", FromGraceDuration)
		fromGraceTerm(list[i].Open("term"))
		prices := list[i].Open("price").Elements()
		for j := range prices {
			fromGracePrice(&prices[j])
		}
	}
	return v
}

// ToGraceDiscovery writes a request of discovery in the form of grace.
func ToGraceDiscovery(v Value) (Value, error) {
	v.Rename("productOfferingConfigurationIdentifier", "productConfigurationIdentifier")
	return v, toGracePlaces(&v)
}

func toDiscovery(d Duration) Duration { return ToGraceDuration(d, true) }

// ToGraceConfiguration gives an available configuration the form of grace.
func ToGraceConfiguration(v *Value) {
	v.Rename("productOfferingConfigurationIdentifier", "productConfigurationIdentifier")
	eachDuration(v, "installationInterval", toDiscovery)
}

// ToGracePricing writes one way to have a configuration in the form of grace,
// which asks for the offering.
func ToGracePricing(x PricingAndTerm) (Value, error) {
	if x.Offering == nil {
		return Value{}, cannot("a price without its offering")
	}
	v := ValueOf(x)
	eachDuration(&v, "installationInterval", toDiscovery)
	term := v.Open("term")
	eachDuration(term, "duration", toDiscovery)
	eachDuration(term, "rollInterval", toDiscovery)
	prices := v.Open("price").Elements()
	for i := range prices {
		if err := ToGracePrice(&prices[i]); err != nil {
			return v, err
		}
	}
	return v, nil
}

// graceLifecycle are the states of an offering in grace by those of kylie.
var graceLifecycle = map[string]string{"active": "announced", "launched": "orderable"}

// GraceLifecycle writes the state of an offering in grace.
func GraceLifecycle(state string) string {
	if g := graceLifecycle[state]; g != "" {
		return g
	}
	return state
}

// FromGraceLifecycle reads the state of an offering in grace.
func FromGraceLifecycle(state string) string {
	switch state {
	case "announced":
		return "active"
	case "orderable":
		return "launched"
	case "pilotBeta":
		return "inTest"
	}
	return state
}

// ToGraceOffering writes an offering in the form of grace, which has no prices
// and no bundles, and wants lists that kylie leaves open.
func ToGraceOffering(o Offering) Value {
	v := ValueOf(o)
	v.Drop("isBundle", "isSellable", "bundledProductOffering", "productRelationshipConstraint", "placeRelationshipConstraint")
	v.Rename("productOfferingSpecificationSchema", "productOfferingSpecification")
	v.Set("lifecycleStatus", GraceLifecycle(o.LifecycleStatus))
	if !v.Has("agreement") {
		v.Set("agreement", "")
	}
	for _, name := range []string{"channel", "marketSegment", "category", "region"} {
		if !v.Has(name) {
			v.Set(name, []any{})
		}
	}
	regions := v.Open("region").Elements()
	for i := range regions {
		regions[i].Rename("countryCode", "country")
		regions[i].Drop("city")
	}
	steps := v.Open("statusTransition").Elements()
	for i, step := range o.StatusTransition {
		steps[i].Set("transitionLifecycleStatus", GraceLifecycle(step.Status))
		steps[i].Drop("lifecycleStatus", "statusReason")
	}
	terms := v.Open("productOfferingTerm").Elements()
	for i := range terms {
		terms[i].Drop("productOfferingPrice")
		eachDuration(&terms[i], "duration", toGraceInterval)
		eachDuration(&terms[i], "rollInterval", toGraceInterval)
	}
	if c := v.Open("relatedContactInformation"); c != nil {
		c.Drop("postalAddress")
	}
	if len(o.Relationships) > 0 {
		v.Set("productRelationship", graceConstraints(o.Relationships))
	}
	if len(o.Places) > 0 {
		v.Set("placeRelationship", gracePlaceConstraints(o.Places))
	}
	return v
}

// ToGraceSpecification writes a specification in the form of grace.
func ToGraceSpecification(s Specification) Value {
	v := ValueOf(s)
	v.Drop("agreement")
	if len(s.Relationships) > 0 {
		v.Set("productRelationship", graceConstraints(s.Relationships))
	}
	if len(s.Places) > 0 {
		v.Set("placeRelationship", gracePlaceConstraints(s.Places))
	}
	return v
}

func graceConstraints(list []RelationshipConstraint) Value {
	out := Value{Kind: Array}
	for _, c := range list {
		v := ValueOf(c)
		v.Rename("productSpecification", "id")
		v.Drop("isModifiable")
		out.Append(v)
	}
	return out
}

func gracePlaceConstraints(list []PlaceConstraint) Value {
	out := Value{Kind: Array}
	for _, c := range list {
		v := ValueOf(c)
		v.Drop("isModifiable")
		out.Append(v)
	}
	return out
}

// FromGraceKnownAddress reads an address that a seller of grace knows.
func FromGraceKnownAddress(v Value) Value {
	place, ok := GraceAddress(v)
	if !ok {
		return v
	}
	a := GeographicAddress{ID: v.Get("id").Text(), Href: v.Get("href").Text(), HasPublicSite: "unknown", AllowsNewSite: "unknown", Representations: place.Representations, Type: TypeAddress}
	for name, flag := range map[string]*string{"hasPublicSite": &a.HasPublicSite, "allowsNewSite": &a.AllowsNewSite} {
		if m := v.Get(name); m.Kind == Bool {
			*flag = string(m.Bytes())
		}
	}
	return ValueOf(a)
}

// FromGraceValidation reads a seller's answer to an address validation.
func FromGraceValidation(v Value) Value {
	out := ValueOf(map[string]any{"instantSyncValidation": true, "state": Ready})
	if place, ok := GraceAddress(v.Get("submittedGeographicAddress")); ok {
		out.Set("submittedGeographicAddress", place)
	}
	if best := v.Get("bestMatchGeographicAddress"); best.Kind == Object {
		out.Set("bestMatchGeographicAddress", FromGraceKnownAddress(best))
	}
	others := Value{Kind: Array}
	for _, o := range v.Get("alternateGeographicAddress").Items {
		others.Append(FromGraceKnownAddress(o))
	}
	out.Set("alternateGeographicAddress", others)
	return out
}

// FromGraceSite reads a site of grace.
func FromGraceSite(v Value) Value {
	s := GeographicSite{ID: v.Get("id").Text(), Href: v.Get("href").Text(), Name: v.Get("name").Text(), Authority: v.Get("companyName").Text(),
		CustomerName: v.Get("customerName").Text(), RestrictionType: v.Get("siteType").Text(), Type: TypeSite}
	if places := v.Get("place").Items; len(places) > 0 {
		s.Place, _ = GraceAddress(places[0])
	}
	return ValueOf(s)
}

// FromGraceOffering reads an offering of grace.
func FromGraceOffering(v Value) Value {
	v.Rename("productOfferingSpecification", "productOfferingSpecificationSchema")
	v.Rename("productRelationship", "productRelationshipConstraint")
	v.Rename("placeRelationship", "placeRelationshipConstraint")
	if s := v.Get("lifecycleStatus").Text(); s != "" {
		v.Set("lifecycleStatus", FromGraceLifecycle(s))
		v.Set("isSellable", s == "orderable")
	}
	regions := v.Open("region").Elements()
	for i := range regions {
		regions[i].Rename("country", "countryCode")
	}
	steps := v.Open("statusTransition").Elements()
	for i := range steps {
		steps[i].Set("lifecycleStatus", FromGraceLifecycle(steps[i].Get("transitionLifecycleStatus").Text()))
	}
	terms := v.Open("productOfferingTerm").Elements()
	for i := range terms {
		fromGraceTerm(&terms[i])
	}
	relations := v.Open("productRelationshipConstraint").Elements()
	for i := range relations {
		relations[i].Rename("id", "productSpecification")
	}
	return v
}

// FromGraceSpecification reads a specification of grace.
func FromGraceSpecification(v Value) Value {
	relations := v.Open("productRelationship").Elements()
	for i := range relations {
		relations[i].Rename("id", "productSpecification")
	}
	return v
}
