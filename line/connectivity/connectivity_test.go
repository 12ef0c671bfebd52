package connectivity

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/usage"
)

var _ trade.Line = Line{}

func TestPayloadsThatSayTheSameHaveOneHash(t *testing.T) {
	const want = `{"@type":"urn:test:wave:1","a":[1,{"b":null,"c":true}],"é":"\n\"/","speed":100000000000}`
	first, err := Line{}.Spec([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if first.Type != "urn:test:wave:1" || first.Name != first.Type || first.Line != Name || first.Metered || first.Configuration.IsZero() {
		t.Errorf("%+v", first)
	}
	for _, same := range []string{
		` { "speed" : 1e11, "a" : [ 1.0 , { "c":true, "b":null } ], "@type" : "urn:test:wave:1", "\u00e9":"\u000a\u0022\/" } `,
		`{"speed":100000000000.000,"é":"\n\"/","a":[10e-1,{"b":null,"c":true}],"@type":"urn:test:wave:1"}`,
	} {
		s, err := Line{}.Spec([]byte(same))
		if err != nil || s.Configuration != first.Configuration {
			c, _ := Canonical([]byte(same))
			t.Errorf("%s is another: %s, %v", same, c, err)
		}
	}
	for _, other := range []string{
		strings.Replace(want, "100000000000", "100000000001", 1),
		strings.Replace(want, "[1,", `["1",`, 1),
		strings.Replace(want, "wave:1", "wave:2", 1),
		strings.Replace(want, "null", "false", 1),
	} {
		if s, err := (Line{}).Spec([]byte(other)); err != nil || s.Configuration == first.Configuration {
			t.Errorf("%s is the same: %v", other, err)
		}
	}
}

// The vectors of RFC 8785 that have no floating point in them.
func TestTheCanonicalFormIsThatOfRFC8785(t *testing.T) {
	for in, want := range map[string]string{
		`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`: "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		`[56, {"d": true, "10": null, "1": [ ]}]`:     `[56,{"1":[],"10":null,"d":true}]`,
		`"\u000f\u007f\b\t\f"`:                        "\"\\u000f\u007f\\b\\t\\f\"",
		`[-0, 0.0, -0.50, 4.50, 2e-3, 1E2, 0.000001]`: `[0,0,-0.5,4.5,0.002,100,0.000001]`,
		`{}`: `{}`,
	} {
		got, err := Canonical([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestPayloadsThatAreNoneAreRefused(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": "", "no object": `[]`, "no type": `{"a":1}`, "a type that is no text": `{"@type":1}`, "an empty type": `{"@type":""}`,
		"a long type": `{"@type":"` + strings.Repeat("x", 201) + `"}`, "a member twice": `{"@type":"a","b":1,"b":2}`, "half of it": `{"@type":"a"`,
		"two": `{"@type":"a"}{"@type":"a"}`, "something after": `{"@type":"a"} x`, "deep": strings.Repeat("[", 40) + strings.Repeat("]", 40),
		"long": `{"@type":"` + strings.Repeat(" ", maxPayload) + `"}`, "no UTF-8": "{\"@type\":\"\xff\"}", "a number of many digits": `{"@type":"a","b":` + strings.Repeat("9", 41) + `}`,
		"an exponent beyond all": `{"@type":"a","b":1e999999999}`, "a trailing comma": `{"@type":"a",}`,
	} {
		if _, err := (Line{}).Spec([]byte(in)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (Line{}).ReadUsage(nil, usage.Pair{}); fault.CodeOf(err) != fault.Refused {
		t.Error(err)
	}
	if len(Line{}.Units()) == 0 {
		t.Error("nothing is measured")
	}
}

// Whatever is taken, its canonical form is JSON, is taken too, and is its own.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`{"@type":"a","b":[1,2.5e3,-0.10]}`, `"\ud800"`, `{"a":{"a":{"a":null}}}`, `1e-40`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		once, err := Canonical(in)
		if err != nil {
			return
		}
		twice, err := Canonical(once)
		if err != nil || string(once) != string(twice) || !json.Valid(once) {
			t.Fatalf("%q gives %q, and that gives %q, %v", in, once, twice, err)
		}
	})
}
