package catalog

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lateral-network/lateral/fault"
)

// published is where the schemas of MEF lie on a developer's machine. They are
// not part of this repository.
func published(t testing.TB) string {
	dir := filepath.FromSlash("../../shared/specs/mef/grace/productSchema")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("skipped: the published payload schemas are not beside this repository (../shared/specs/mef)")
	}
	return dir
}

func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPayloadsAreCheckedByTheSchemaOfTheirType(t *testing.T) {
	eline := func(rest string) string {
		return `{"@type":"urn:lateral:spec:e-line:v1.0.0:all","bandwidth":100000000,"endA":{"interface":"uni"},"endZ":{"interface":"enni","outerVlan":7}` + rest + `}`
	}
	for _, c := range []struct{ name, payload, want string }{
		{"a line", eline(""), ""},
		{"all of a line", eline(`,"classOfService":"realTime","maximumFrameSize":9000,"latencyObjective":180000,"availabilityObjective":999900`), ""},
		{"a class that is none", eline(`,"classOfService":"gold"`), "/classOfService invalidValue"},
		{"another property", eline(`,"colour":"red"`), "/colour unexpectedProperty"},
		{"two faults", eline(`,"classOfService":"gold","maximumFrameSize":1`), "/classOfService invalidValue,/maximumFrameSize invalidValue"},
		{"an eNNI whose VLAN the seller allots", `{"@type":"urn:lateral:spec:e-line:v1.0.0:all","bandwidth":100000000,"endA":{"interface":"enni"},"endZ":{"interface":"uni"}}`, ""},
		{"no bandwidth", `{"@type":"urn:lateral:spec:e-line:v1.0.0:all","endA":{"interface":"uni"},"endZ":{"interface":"uni"}}`, "/bandwidth missingProperty"},
		{"a bandwidth that is a text", strings.Replace(eline(""), "100000000", `"100M"`, 1), "/bandwidth invalidValue"},
		{"access", `{"@type":"urn:lateral:spec:internet-access:v1.0.0:all","bandwidthDown":1000000,"bandwidthUp":1000000,"addressing":{"ipv4":29}}`, ""},
		{"BGP without a number", `{"@type":"urn:lateral:spec:internet-access:v1.0.0:all","bandwidthDown":1000000,"bandwidthUp":1000000,"addressing":{"ipv6":48},"routing":"bgp"}`, "/asn missingProperty"},
		{"no addresses", `{"@type":"urn:lateral:spec:internet-access:v1.0.0:all","bandwidthDown":1000000,"bandwidthUp":1000000,"addressing":{}}`, "/addressing invalidValue"},
		{"a port", `{"@type":"urn:lateral:spec:uni:v1.0.0:all","speed":1000000000,"medium":"copper","connector":"RJ45"}`, ""},
		{"a port of glass with copper's plug", `{"@type":"urn:lateral:spec:uni:v1.0.0:all","speed":1000000000,"medium":"copper","connector":"LC"}`, "/connector invalidValue"},
		{"an access", `{"@type":"urn:lateral:spec:enni-access:v1.0.0:all","bandwidth":1000000,"enni":{"identifier":"E1","outerVlan":5},"uni":{"vlans":[1,2]}}`, ""},
		{"a VLAN twice", `{"@type":"urn:lateral:spec:enni-access:v1.0.0:all","bandwidth":1000000,"enni":{"identifier":"E1","outerVlan":5},"uni":{"vlans":[1,1]}}`, "/uni/vlans invalidValue"},
		{"a VPN", `{"@type":"urn:lateral:spec:ip-vpn:v1.0.0:all","bandwidth":1000000,"sites":[{"prefixes":["10.0.0.0/8"]},{"prefixes":["fd00::/8"]}]}`, ""},
		{"a prefix that is none", `{"@type":"urn:lateral:spec:ip-vpn:v1.0.0:all","bandwidth":1000000,"sites":[{"prefixes":["10.0.0.0/8"]},{"prefixes":["here"]}]}`, "/sites/1/prefixes/0 invalidFormat"},
	} {
		bad, err := Embedded().Check([]byte(c.payload))
		var got []string
		for _, v := range bad {
			got = append(got, v.Pointer+" "+string(v.Reason))
		}
		if err != nil || strings.Join(got, ",") != c.want {
			t.Errorf("%s: %v, %v, want %s", c.name, bad, err, c.want)
		}
		err = Embedded().Validate([]byte(c.payload))
		if first, _, _ := strings.Cut(c.want, " "); c.want == "" && err != nil || c.want != "" && (fault.CodeOf(err) != CodeBadPayload || fault.Of(err).Field != first) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for name, c := range map[string]struct {
		payload string
		code    fault.Code
		field   string
	}{
		"no JSON":  {`{"@type":`, CodeBadPayload, ""},
		"two":      {`{"@type":"urn:x"}{}`, CodeBadPayload, ""},
		"no type":  {`{"type":"x"}`, CodeBadPayload, "/@type"},
		"a list":   {`[]`, CodeBadPayload, "/@type"},
		"a number": {`{"@type":5}`, CodeBadPayload, "/@type"},
		"unknown":  {`{"@type":"urn:nobody:knows"}`, CodeUnknownType, "/@type"},
		"deep":     {`{"@type":"urn:x","a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, CodeBadPayload, ""},
		"long":     {`{"@type":"` + strings.Repeat("x", maxPayload) + `"}`, CodeBadPayload, ""},
	} {
		_, err := Embedded().Check([]byte(c.payload))
		refused(t, name, err, c.code, c.field)
	}
}

// A new product needs a file and no code.
func TestANewProductIsAFileInTheFolder(t *testing.T) {
	s, bad := LoadSchemas(folder(t, map[string]string{
		"cloud/machine.yaml": "$schema: http://json-schema.org/draft-07/schema#\n$id: urn:acme:spec:machine:v1\ntitle: Machine\ntype: object\nrequired: [cores]\nproperties:\n  cores: {$ref: '../common/types.yaml#/definitions/Count'}\n  port: {$ref: 'urn:lateral:test:port'}\n",
		"common/types.yaml":  "definitions:\n  Count: {type: integer, minimum: 1}\n",
		"port.json":          `{"$id":"urn:lateral:test:port","type":"string","format":"ipv4"}`,
		"read me.txt":        "no schema",
		"api.yaml":           "openapi: 3.0.1\n",
	}))
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	for payload, want := range map[string]string{
		`{"@type":"urn:acme:spec:machine:v1","cores":4,"port":"10.0.0.1"}`: "",
		`{"@type":"urn:acme:spec:machine:v1","cores":0}`:                   "/cores",
		`{"@type":"urn:acme:spec:machine:v1","cores":1.5}`:                 "/cores",
		`{"@type":"urn:acme:spec:machine:v1","cores":1,"port":"x"}`:        "/port",
	} {
		if err := s.Validate([]byte(payload)); (err == nil) != (want == "") || err != nil && fault.Of(err).Field != want {
			t.Errorf("%s: %v, want %q", payload, err, want)
		}
	}
	if len(s.List()) != len(Embedded().List())+2 || Embedded().Knows("urn:acme:spec:machine:v1") {
		t.Errorf("%+v", s.List())
	}
	doc, err := s.Document("urn:acme:spec:machine:v1")
	var read map[string]any
	if err != nil || json.Unmarshal(doc, &read) != nil || read["$id"] != "urn:acme:spec:machine:v1" {
		t.Errorf("%s, %v", doc, err)
	}
}

func TestEachBadSchemaIsToldByItsFileAndTheOthersLoad(t *testing.T) {
	deep := strings.Repeat(`{"not":`, 200) + "{}" + strings.Repeat("}", 200)
	dir := folder(t, map[string]string{
		"good.json":         `{"$id":"urn:test:good","type":"object"}`,
		"tree.json":         `{"$id":"urn:test:tree","type":"object","properties":{"child":{"$ref":"#"}}}`,
		"broken.json":       `{"$id":"urn:test:broken",`,
		"no-type.json":      `{"$id":"urn:test:no-type","type":"strange"}`,
		"missing.json":      `{"$id":"urn:test:missing","$ref":"nowhere.json"}`,
		"fetched.json":      `{"$id":"urn:test:fetched","$ref":"http://127.0.0.1:1/schema.json"}`,
		"outside.json":      `{"$id":"urn:test:outside","$ref":"file:///etc/passwd"}`,
		"loop.json":         `{"$id":"urn:test:loop","$ref":"#/definitions/a","definitions":{"a":{"allOf":[{"$ref":"#/definitions/b"}]},"b":{"$ref":"#/definitions/a"}}}`,
		"twice.json":        `{"$id":"urn:test:good"}`,
		"ours.json":         `{"$id":"urn:lateral:spec:uni:v1.0.0:all"}`,
		"deep.json":         strings.Replace(deep, "{", `{"$id":"urn:test:deep",`, 1),
		"alias.yaml":        "$id: urn:test:alias\ndefinitions: &a {x: 1}\nproperties: *a\n",
		"pattern.json":      `{"$id":"urn:test:pattern","pattern":"("}`,
		"large.json":        `{"$id":"urn:test:large","description":"` + strings.Repeat("x", maxSchemaFile) + `"}`,
		"binary.yaml":       "\x00\x01\x02",
		"same-key.yaml":     "$id: urn:test:same\ntype: object\ntype: string\n",
		"bad-fragment.json": `{"$id":"urn:test:fragment","$ref":"good.json#/definitions/none"}`,
	})
	s, bad := LoadSchemas(dir)
	var files []string
	for _, err := range bad {
		f := fault.Of(err)
		if f.Code != CodeBadSchema || f.Remedy == "" {
			t.Errorf("%v", err)
		}
		files = append(files, f.Field)
	}
	slices.Sort(files)
	want := []string{"alias.yaml", "bad-fragment.json", "binary.yaml", "broken.json", "deep.json", "fetched.json", "large.json", "loop.json", "missing.json",
		"no-type.json", "ours.json", "outside.json", "pattern.json", "same-key.yaml", "twice.json"}
	if !slices.Equal(files, want) {
		t.Errorf("refused are %v, want %v\n%v", files, want, bad)
	}
	if !s.Knows("urn:test:good") || !s.Knows("urn:test:tree") || s.Knows("urn:test:loop") {
		t.Errorf("%+v", s.List())
	}
	nested := `{"@type":"urn:test:tree"` + strings.Repeat(`,"child":{"a":1`, 50) + strings.Repeat("}", 50) + "}"
	if err := s.Validate([]byte(nested)); err != nil {
		t.Errorf("a schema that refers to itself for a part: %v", err)
	}
	if _, bad := LoadSchemas(filepath.Join(dir, "nowhere")); len(bad) != 1 {
		t.Errorf("a folder that is not there: %v", bad)
	}
}

// filled makes a value that a schema takes, with all that it describes down to a
// depth; false when none is found.
func filled(s *jsonschema.Schema, depth int) (any, bool) {
	properties, types, items, enum := map[string]*jsonschema.Schema{}, "", any(nil), []any(nil)
	var least *jsonschema.Schema
	var gather func(x *jsonschema.Schema)
	gather = func(x *jsonschema.Schema) {
		if x == nil {
			return
		}
		for name, p := range x.Properties {
			properties[name] = p
		}
		if x.Types != nil {
			types = strings.Join(x.Types.ToStrings(), ",")
		}
		if x.Enum != nil {
			enum = x.Enum.Values
		}
		if x.Items != nil {
			items = x.Items
		}
		if x.MinItems != nil || x.Minimum != nil {
			least = x
		}
		gather(x.Ref)
		for _, y := range x.AllOf {
			gather(y)
		}
		if len(x.OneOf) > 0 {
			gather(x.OneOf[0])
		}
		if len(x.AnyOf) > 0 {
			gather(x.AnyOf[0])
		}
	}
	gather(s)
	var tries []any
	switch {
	case len(enum) > 0:
		tries = enum
	case types == "array":
		list := []any{}
		if item, ok := items.(*jsonschema.Schema); ok && depth > 0 {
			if v, ok := filled(item, depth-1); ok {
				list = append(list, v)
			}
		}
		tries = []any{list, []any{}}
	case types == "object" || len(properties) > 0:
		m, bare := map[string]any{}, map[string]any{}
		if depth > 0 {
			for name, p := range properties {
				if v, ok := filled(p, depth-1); ok {
					m[name] = v
					if slices.Contains(s.Required, name) {
						bare[name] = v
					}
				}
			}
		}
		tries = []any{m, bare}
	case types == "boolean":
		tries = []any{true, false}
	case types == "integer" || types == "number":
		tries = []any{json.Number("1"), json.Number("64"), json.Number("1522"), json.Number("0.5"), json.Number("100")}
		if least != nil && least.Minimum != nil {
			tries = append(tries, json.Number(least.Minimum.RatString()))
		}
	default:
		tries = []any{"a", "10.0.0.1", "2001:db8::1", "10.0.0.0/24", "2026-11-26T12:00:00Z", "PT1S", "00:00:5E:00:53:01", map[string]any{}}
	}
	for _, v := range tries {
		if s.Validate(v) == nil {
			return v, true
		}
	}
	return nil, false
}

func TestEveryPublishedPayloadSchemaLoadsAndTellsGoodFromBad(t *testing.T) {
	s, bad := LoadSchemas(published(t))
	for _, err := range bad {
		t.Error(err)
	}
	types, faults := 0, 0
	for _, x := range s.List() {
		if x.BuiltIn {
			continue
		}
		types++
		compiled := s.byType[x.Type].compiled
		good, ok := filled(compiled, 12)
		payload, object := good.(map[string]any)
		if !ok || !object || len(payload) == 0 {
			t.Errorf("%s: no payload was found that it takes", x.Type)
			continue
		}
		check := func() []Violation {
			payload["@type"] = x.Type
			return must(s.Check(must(json.Marshal(payload))))
		}
		if v := check(); len(v) > 0 {
			t.Errorf("%s: a good payload has %v", x.Type, v)
		}
		for name, value := range payload {
			if name == "@type" {
				continue
			}
			// Nothing that the schemas describe is a list of one number in a list.
			payload[name] = []any{[]any{json.Number("1")}}
			if v := check(); len(v) == 0 || !strings.HasPrefix(v[0].Pointer, "/"+name) {
				t.Errorf("%s: a wrong %s has %v", x.Type, name, v)
			}
			faults++
			delete(payload, name)
			if v := check(); len(v) > 0 && (v[0].Reason != MissingProperty || v[0].Pointer != "/"+name) {
				t.Errorf("%s without %s: %v", x.Type, name, v)
			} else if len(v) > 0 {
				faults++
			}
			payload[name] = value
		}
	}
	if types != 20 || faults < 100 {
		t.Errorf("%d types and %d bad payloads", types, faults)
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte(`{"@type":"urn:lateral:spec:uni:v1.0.0:all","speed":1,"medium":"copper"}`))
	f.Add([]byte(`{"@type":"urn:lateral:spec:ip-vpn:v1.0.0:all","sites":[{},1e999]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		v, err := Embedded().Check(payload)
		if err != nil && (fault.CodeOf(err) != CodeBadPayload && fault.CodeOf(err) != CodeUnknownType || v != nil) {
			t.Errorf("%v, %v", v, err)
		}
	})
}
