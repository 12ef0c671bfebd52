package sonata

import "github.com/lateral-network/lateral/api/sonata/wire"

// The parts that several functions' bodies have.

var (
	timeUnits  = oneOf("seconds", "minutes", "businessHours", "calendarHours", "businessDays", "calendarDays", "months", "years")
	graceUnits = oneOf("calendarMonths", "calendarDays", "calendarHours", "calendarMinutes", "businessDays", "businessHours", "businessMinutes")

	subUnitShape = object(req("subUnitNumber", text), req("subUnitType", text))

	fieldedShape = object(
		opt("streetNr", text), opt("streetNrSuffix", text), opt("streetNrLast", text), opt("streetNrLastSuffix", text), opt("streetPreDirection", text),
		opt("streetName", text), opt("streetType", text), opt("streetPostDirection", text), opt("poBox", text), opt("locality", text), opt("city", text),
		opt("postcode", text), opt("postcodeExtension", text), opt("stateOrProvince", text), opt("countryCode", two), opt("subUnit", list(subUnitShape, 0)),
		opt("buildingName", text), opt("privateStreetNumber", text), opt("privateStreetName", text), opt("language", two))

	representations = []field{
		opt("fieldedAddressRepresentation", list(fieldedShape, 0)),
		opt("formattedAddressRepresentation", list(object(req("formattedAddress", text), opt("language", two)), 0)),
		opt("geographicPointRepresentation", list(object(req("spatialRef", text), req("latitude", text), req("longitude", text), opt("elevation", text)), 0)),
		opt("labelRepresentation", list(object(req("label", text), req("administrativeAuthority", text), opt("language", two)), 0)),
	}
	addressQueryShape = object(representations...).members(2)
	referenceShape    = object(req("id", text), opt("href", text))

	// placeShape is PlaceRefOrQuery of kylie.
	placeShape = byType(map[string]*shape{wire.TypeAddressRef: referenceShape, wire.TypeSiteRef: referenceShape, wire.TypeAddressQuery: addressQueryShape})
	// addressPlaceShape is GeographicAddressRefOrQuery of kylie.
	addressPlaceShape = byType(map[string]*shape{wire.TypeAddressRef: referenceShape, wire.TypeAddressQuery: addressQueryShape})

	contactShape = object(req("number", text), req("emailAddress", text), req("name", text), opt("organization", text), opt("numberExtension", text), opt("postalAddress", fieldedShape))
	// relatedPlaceShape is RelatedPlaceRefOrQueryWithSubUnit of kylie.
	relatedPlaceShape   = object(req("place", placeShape), req("role", text), opt("subUnit", list(subUnitShape, 0)), opt("contact", list(contactShape, 0)))
	relatedContactShape = contactShape.with(req("role", text))

	// Addresses of grace, by their @type.
	graceSubAddress = object(opt("buildingName", text), opt("subUnit", list(subUnitShape, 0)), opt("levelType", text), opt("levelNumber", text),
		opt("privateStreetNumber", text), opt("privateStreetName", text))
	graceFieldedShape = object(req("country", text), req("city", text), req("streetName", text), opt("streetType", text), opt("postcodeExtension", text),
		opt("streetNr", text), opt("locality", text), opt("postcode", text), opt("streetNrLast", text), opt("streetNrSuffix", text),
		opt("stateOrProvince", text), opt("streetNrLastSuffix", text), opt("geographicSubAddress", graceSubAddress), opt("streetSuffix", text))
	graceAddresses = map[string]*shape{
		"FieldedAddress": graceFieldedShape,
		"FormattedAddress": object(req("country", text), req("city", text), req("addrLine1", text), opt("addrLine2", text), opt("postcodeExtension", text),
			opt("stateOrProvince", text), opt("locality", text), opt("postcode", text)),
		"GeographicAddressLabel": object(req("externalReferenceId", text), req("externalReferenceType", text)),
		"MEFGeographicPoint":     object(req("spatialRef", text), req("x", text), req("y", text), opt("z", text)),
	}
	graceAddressShape   = byType(graceAddresses)
	graceContactShape   = object(req("number", text), req("emailAddress", text), req("name", text), opt("organization", text), opt("numberExtension", text), opt("postalAddress", graceFieldedShape))
	graceRelatedContact = graceContactShape.with(req("role", text))
	// gracePlaceShape is RelatedPlaceRefOrValue of grace.
	gracePlaceShape = func() *shape {
		types := map[string]*shape{wire.TypeAddressRef: referenceShape.with(req("role", text)), wire.TypeSiteRef: referenceShape.with(req("role", text))}
		for name, s := range graceAddresses {
			types[name] = s.with(req("role", text))
		}
		return byType(types)
	}()
)
