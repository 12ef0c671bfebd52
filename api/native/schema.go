package native

import (
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// How types that are texts in JSON look in the OpenAPI document. A value that
// does not match is refused with the path of its field.

type (
	microText     struct{}
	rateText      struct{}
	hashText      struct{}
	signatureText struct{}
	intervalText  struct{}
	directionText struct{}
	shareText     struct{}
	bandText      struct{}
	degreesText   struct{}
)

func pattern(form, description, example string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: form, PatternDescription: description, Examples: []any{example}}
}

func (microText) Schema(huma.Registry) *huma.Schema {
	return pattern(`^-?[0-9]{1,13}(\.[0-9]{1,6})?$`, "an amount with at most six decimal places", "360.022194")
}

func (rateText) Schema(huma.Registry) *huma.Schema {
	return pattern(`^-?[0-9]{1,10}(\.[0-9]{1,9})?$`, "a rate with at most nine decimal places", "0.040727887")
}

func (hashText) Schema(huma.Registry) *huma.Schema {
	return pattern(`^[0-9a-fA-F]{64}$`, "64 hex digits", strings.Repeat("0a", 32))
}

func (signatureText) Schema(huma.Registry) *huma.Schema {
	return pattern(`^[0-9a-fA-F]{128}$`, "128 hex digits", strings.Repeat("0a", 64))
}

func (intervalText) Schema(huma.Registry) *huma.Schema {
	const moment = `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}(Z|[+-][0-9]{2}:[0-9]{2})`
	return pattern("^("+moment+"/"+moment+")?$", "two RFC 3339 times with a slash between them", "2026-11-02T00:00:00Z/2026-11-02T01:00:00Z")
}

func (directionText) Schema(huma.Registry) *huma.Schema {
	return pattern("^[^>]+>[^>]+$", "sender and terminator like ALPHA>BRAVO", "ALPHA>BRAVO")
}

func (shareText) Schema(huma.Registry) *huma.Schema {
	return pattern(`^[0-9]{1,3}(\.[0-9]{1,4})?$`, "a percentage with at most four decimal places", "2.5000")
}

func (bandText) Schema(huma.Registry) *huma.Schema {
	return pattern(`^[A-Za-z+-]{3,40} [0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]( [A-Za-z0-9_+/-]{1,64})?$`, "days, hours and a time zone", "mon-fri 20:00-06:00 Europe/Rome")
}

func (degreesText) Schema(huma.Registry) *huma.Schema {
	return pattern(`^-?[0-9]{1,3}(\.[0-9]{1,6})?$`, "degrees with at most six decimal places", "-33.8688")
}

// newRegistry makes the registry of schemas.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", schemaName)
	for from, to := range map[reflect.Type]reflect.Type{
		typeOf[wire.Time]():       typeOf[time.Time](),
		typeOf[catalog.Time]():    typeOf[time.Time](),
		typeOf[catalog.Band]():    typeOf[bandText](),
		typeOf[catalog.Degrees](): typeOf[degreesText](),
		typeOf[money.Micro]():     typeOf[microText](),
		typeOf[money.Rate]():      typeOf[rateText](),
		typeOf[canon.Hash]():      typeOf[hashText](),
		typeOf[sign.PublicKey]():  typeOf[hashText](),
		typeOf[sign.Signature]():  typeOf[signatureText](),
		typeOf[usage.Interval]():  typeOf[intervalText](),
		typeOf[usage.Direction](): typeOf[directionText](),
		typeOf[rating.Share]():    typeOf[shareText](),
	} {
		r.RegisterTypeAlias(from, to)
	}
	return r
}

// schemaName names a type in the OpenAPI document: types of package wire by
// their own name, those of the state machine with their package in front.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	pkg := path.Base(t.PkgPath())
	if t.Name() == "" || !strings.Contains(t.PkgPath(), "/trade") && !strings.HasSuffix(t.PkgPath(), "/catalog") {
		return name
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + name
}
