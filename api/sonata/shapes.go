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

// The parts of products.
var (
	configurationShape = object(req("@type", text))
	relationshipShape  = object(req("id", text), req("relationshipType", text), opt("href", text))
	graceRelationship  = relationshipShape.with(opt("groupingKey", text))
	itemRelationship   = object(req("id", text), req("relationshipType", text))
	noteShape          = object(req("date", date), req("author", text), req("id", text), req("source", oneOf("buyer", "seller")), req("text", text))
	termActions        = oneOf("roll", "autoDisconnect", "autoRenew")
)

// durationShape is Duration of a release.
func durationShape(r wire.Release) *shape {
	if r == wire.Grace {
		return object(req("amount", integer), req("units", graceUnits))
	}
	return object(req("amount", natural), req("units", timeUnits))
}

func termShape(r wire.Release) *shape {
	return object(req("duration", durationShape(r)), req("endOfTermAction", termActions), req("name", text), opt("description", text), opt("rollInterval", durationShape(r)))
}

// productShape is the product of an item.
func productShape(r wire.Release, more ...field) *shape {
	place, relation := relatedPlaceShape, relationshipShape
	if r == wire.Grace {
		place, relation = gracePlaceShape, graceRelationship
	}
	return object(opt("id", text), opt("href", text), opt("place", list(place, 0)), opt("productConfiguration", configurationShape),
		opt("productOffering", referenceShape), opt("productRelationship", list(relation, 0))).with(more...)
}

func contactsShape(r wire.Release, least int) *shape {
	if r == wire.Grace {
		return list(graceRelatedContact, least)
	}
	return list(relatedContactShape, least)
}
