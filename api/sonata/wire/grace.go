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
