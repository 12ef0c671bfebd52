package main

import (
	"cmp"
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
)

// elsewhere are operations that are not for the command line, and why.
var elsewhere = map[string]string{
	"verify-proof":     "lateral verify checks the same without a node",
	"get-openapi-yaml": "what lateral openapi prints, in another form",
	"parse-inquiry":    "lateral inquire reads a sentence with it before it asks, and with --parse instead",
}

// narrower are commands for fewer roles than their operations, and why.
var narrower = map[string]string{
	"key recover":        "it brings one kind of command, which an administrator alone may bring",
	"token act propose":  "it brings commands of officers, which finance alone may bring",
	"token act approve":  "it brings commands of officers, which finance alone may bring",
	"token act reject":   "it brings commands of officers, which finance alone may bring",
	"credential publish": "it brings commands of compliance, which finance alone may bring",
	"credential revoke":  "it brings commands of compliance, which finance alone may bring",
	"token feed state":   "it brings commands of sources, which finance alone may bring",
	"obligation pay":     "it asks what debts come to, which everybody may, and says that they are paid",
}

// operation is what the OpenAPI document says of one.
type operation struct {
	ID          string `json:"operationId"`
	Description string `json:"description"` // its roles among it
	Parameters  []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
}

// operations gives the operations of the OpenAPI document. No node runs: the
// document is made from types.
func operations(t *testing.T) map[string]operation {
	t.Helper()
	text, token := api.NewToken("reader", api.Auditor, time.Time{})
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	if err := api.WriteTokens(path, []api.Token{token}); err != nil {
		t.Fatal(err)
	}
	tokens, err := api.OpenTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := native.New(native.Options{
		Member: struct{ native.Member }{}, Tokens: tokens,
		Desk:      func(party.Code) (native.Desk, bool) { return nil, false },
		Authorize: func(_ api.Actor, _ party.Role, c trade.Command, _ canon.Hash) (trade.Command, error) { return c, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := httptest.NewRequest("GET", "/v1/openapi.json", nil)
	asked.Header.Set("Authorization", "Bearer "+text)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, asked)
	var doc struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &doc); err != nil {
		t.Fatalf("%d: %v", answer.Code, err)
	}
	all := map[string]operation{}
	for _, methods := range doc.Paths {
		for _, op := range methods {
			all[op.ID] = op
		}
	}
	if len(all) < 90 {
		t.Fatalf("only %d operations", len(all))
	}
	return all
}

// leaves calls f with every command that can be run.
func leaves(f func(n *kong.Node)) {
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		if n.Leaf() {
			f(n)
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(grammar().Model.Node)
}

var documented = regexp.MustCompile(`Roles: ([a-z, -]+)\.`)

func TestEveryOperationHasACommandThatNamesItsRoles(t *testing.T) {
	known := operations(t)
	served := map[string]bool{}
	leaves(func(n *kong.Node) {
		if _, remote := n.Target.Addr().Interface().(asks); remote != n.Tag.Has("op") {
			t.Errorf("%s: asks a node %v, names operations %v", n.Path(), remote, n.Tag.Has("op"))
		}
		if !n.Tag.Has("op") {
			return
		}
		for _, id := range strings.Split(n.Tag.Get("op"), ",") {
			served[id] = true
			op, ok := known[id]
			if !ok {
				t.Errorf("%s is for the operation %s, which the API has not", n.Path(), id)
				continue
			}
			m := documented.FindStringSubmatch(op.Description)
			if m == nil {
				continue // open to everybody
			}
			var can []string
			for _, r := range strings.Split(strings.ReplaceAll(m[1], " or ", ", "), ", ") {
				if r != string(api.Subscriber) { // who may do nothing but ask who it is
					can = append(can, r)
				}
			}
			var says []string
			for _, r := range rolesOf(n) {
				says = append(says, string(r))
			}
			slices.Sort(can)
			slices.Sort(says)
			if narrower[n.Path()] != "" {
				if len(says) > len(can) || slices.ContainsFunc(says, func(r string) bool { return !slices.Contains(can, r) }) {
					t.Errorf("%s says %v, and is listed as narrower than %s, which is for %v", n.Path(), says, id, can)
				}
			} else if !slices.Equal(can, says) {
				t.Errorf("%s says %v, and %s is for %v", n.Path(), says, id, can)
			}
		}
	})
	for id := range known {
		if served[id] == (elsewhere[id] != "") {
			t.Errorf("%s: has a command %v, is listed as elsewhere %v", id, served[id], elsewhere[id] != "")
		}
	}
	for id := range elsewhere {
		if _, ok := known[id]; !ok {
			t.Errorf("%s is listed, and the API has it not", id)
		}
	}
}

// What a request can be asked with, a command can be: its filters are flags.
func TestEveryQueryOfAnOperationIsAFlag(t *testing.T) {
	other := map[string]string{ // --from of a list is a filter, --from of a stream the event before
		"propose-sheet from": "begin", "stream-events after": "from", "stream-network-events after": "from", "stream-all-events after": "from",
	}
	known, count := operations(t), 0
	leaves(func(n *kong.Node) {
		words := map[string]bool{}
		for _, group := range n.AllFlags(true) {
			for _, f := range group {
				words[f.Name] = true
			}
		}
		for _, a := range n.Positional {
			words[a.Name] = true
		}
		for _, id := range strings.Split(n.Tag.Get("op"), ",") {
			if n.Path() == "journal export" {
				continue // it writes all of the list
			}
			for _, p := range known[id].Parameters {
				name := cmp.Or(other[id+" "+p.Name], strings.ReplaceAll(p.Name, "_", "-"))
				if p.In == "query" && !words[name] {
					t.Errorf("lateral %s has no %s, which %s takes", n.Path(), name, id)
				}
				count++
			}
		}
	})
	if count < 100 {
		t.Errorf("only %d parameters", count)
	}
}

// An example that does not parse teaches a mistake.
func TestEveryExampleParses(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	filled := strings.NewReplacer("OWN-KEY", hex, "PARTNER-KEY", hex, "KEY", hex, "LOCK", hex, "5f0c...e1", hex)
	count := 0
	leaves(func(n *kong.Node) {
		for _, e := range n.Tag.GetAll("eg") {
			line, _, _ := strings.Cut(strings.TrimSpace(n.Path()+" "+e), " < ")
			line, _, _ = strings.Cut(line, " > ")
			if _, err := grammar().Parse(words(filled.Replace(line))); err != nil {
				t.Errorf("lateral %s: %v", line, err)
			}
			count++
		}
	})
	if count < 100 {
		t.Errorf("only %d examples", count)
	}
}

// The guides are typed in as they stand.
func TestEveryCommandInTheGuidesParses(t *testing.T) {
	guides, err := filepath.Glob("../../docs/guide/*.md")
	if err != nil {
		t.Fatal(err)
	}
	hex := strings.Repeat("0a", 32)
	filled, inner := strings.NewReplacer("HASH", hex, "KEY", hex), regexp.MustCompile(`\$\([^)]*\)`)
	count := 0
	for _, path := range append(guides, "../../README.md") {
		shell := false
		text := strings.ReplaceAll(string(read(t, path)), "\\\n", "") // a line that goes on
		for line := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(line, "```") {
				shell = !shell
			}
			line, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "$ "), "lateral ")
			if !shell || !ok {
				continue
			}
			line = inner.ReplaceAllString(line, hex)
			for _, end := range []string{" #", " > ", " < ", " | ", " &"} {
				line, _, _ = strings.Cut(line, end)
			}
			if _, err := grammar().Parse(words(filled.Replace(line))); err != nil {
				t.Errorf("%s: lateral %s: %v", filepath.Base(path), line, err)
			}
			count++
		}
	}
	if count < 60 {
		t.Errorf("only %d commands", count)
	}
}

// The example is what a newcomer sends, so every field of the terms is
// explained, the explanations are of fields that exist, and the file is read
// back as it is meant.
func TestTheExampleOfAnAgreementIsExplainedAndReadBack(t *testing.T) {
	out, _ := exits(t, 0, "agreement", "example")
	raw, err := json.Marshal(agreement.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	for name := range fields {
		if comments["terms."+name] == "" {
			t.Errorf("terms.%s is not explained", name)
		}
	}
	for path, says := range comments {
		if !strings.Contains(out, "# "+says+"\n") {
			t.Errorf("the example has no place for %s: %s", path, says)
		}
	}
	path := put(t, "msa.yaml", []byte(out))
	var read wire.ProposeAgreement
	if err := (terminal{}).body(path, &read); err != nil {
		t.Fatal(err)
	}
	if read.Terms.Hash() != agreement.Defaults().Hash() {
		t.Errorf("the terms read back are %+v", read.Terms)
	}
	// Who takes the comment signs off gets terms that are good.
	plain, volume, ok := strings.Cut(out, "  # Discounts by volume")
	if !ok {
		t.Fatal("the example does not show terms about volume")
	}
	volume = strings.ReplaceAll(volume, "\n  # ", "\n  ")
	volume = volume[strings.Index(volume, "  volume:"):]
	var with wire.ProposeAgreement
	if err := (terminal{}).body(put(t, "volume.yaml", []byte(strings.Split(plain, "  # Credit")[0]+volume)), &with); err != nil {
		t.Fatal(err)
	}
	if err := with.Terms.Validate(); err != nil || len(with.Terms.Volume) != 1 || len(with.Terms.Commitments) != 2 || with.Terms.Volume[0].Tiers[0].Discount != 25_000 {
		t.Errorf("%v: %+v %+v", err, with.Terms.Volume, with.Terms.Commitments)
	}
	plain, products, ok := strings.Cut(plain, "  # Products other than calls")
	if !ok {
		t.Fatal("the example does not show a clause about products")
	}
	products = strings.ReplaceAll(products, "\n  # ", "\n  ")
	products = products[strings.Index(products, "  products:"):]
	with = wire.ProposeAgreement{}
	if err := (terminal{}).body(put(t, "products.yaml", []byte(strings.Split(plain, "  # Credit")[0]+products)), &with); err != nil {
		t.Fatal(err)
	}
	plain, lent, ok := strings.Cut(plain, "  # Credit")
	if !ok {
		t.Fatal("the example does not show a clause about credit")
	}
	lent = strings.ReplaceAll(lent, "\n  # ", "\n  ")
	lent = lent[strings.Index(lent, "  credit:"):]
	var credited wire.ProposeAgreement
	if err := (terminal{}).body(put(t, "credit.yaml", []byte(plain+lent)), &credited); err != nil {
		t.Fatal(err)
	}
	if err := credited.Terms.Validate(); err != nil || credited.Terms.Credit == nil || credited.Terms.Credit.Deposit != 1_000_000 || credited.Terms.Credit.Ceiling[0].Micro != 20_000_000_000 {
		t.Errorf("%v: %+v", err, credited.Terms.Credit)
	}
	if err := with.Terms.Validate(); err != nil || len(with.Terms.Products) != 1 || len(with.Terms.Products[0].Schedules) != 1 || with.Terms.Products[0].Notice != 2592000000 {
		t.Errorf("%v: %+v", err, with.Terms.Products)
	}
}
