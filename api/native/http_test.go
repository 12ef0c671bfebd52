package native_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// ask sends one request and gives status, headers and body.
func (s *side) ask(t testing.TB, token, method, path, body string, header ...string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, data
}

func problemIn(t testing.TB, data []byte) (p api.Problem) {
	t.Helper()
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatalf("%q is no problem: %v", data, err)
	}
	return p
}

// openAPI is what the tests read of the document.
type openAPI struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		ID       string                `json:"operationId"`
		Security []map[string][]string `json:"security"`
		Params   []struct {
			Name string `json:"name"`
			In   string `json:"in"`
		} `json:"parameters"`
		Responses map[string]any `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas         map[string]any `json:"schemas"`
		SecuritySchemes map[string]any `json:"securitySchemes"`
	} `json:"components"`
}

func (s *side) document(t testing.TB) (doc openAPI, raw []byte) {
	t.Helper()
	status, header, raw := s.ask(t, s.tokens[api.Auditor], "GET", "/v1/openapi.json", "")
	if status != 200 || !strings.Contains(header.Get("Content-Type"), "json") {
		t.Fatalf("the document comes with %d %v", status, header)
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc, raw
}

// changes says which roles may use each operation that changes something. It is
// written here once more, so that a slip in the table shows.
var changes = map[api.Role][]string{
	api.Clerk:          {"request-rating", "apply-deadline", "record-file", "acknowledge-signal", "dismiss-signal", "state-measurement", "propose-measurement", "accept-measurement", "reject-measurement", "request-bill", "submit-bill", "propose-decision", "accept-decision", "reject-decision", "assign-dispute", "correct-period", "prepare-command", "submit-command"},
	api.ProductManager: {"inquire", "open-ticket", "note-own-ticket", "close-own-ticket", "reopen-own-ticket", "cancel-own-ticket", "order-service", "withdraw-service", "change-service", "reschedule-service", "end-service", "build-service", "open-session", "close-session", "put-offering", "put-specification", "put-link", "put-place", "step-offering", "step-specification", "check-payload", "preview-catalog", "import-catalog", "undo-catalog", "reserve-capacity", "confirm-reservation", "use-reservation", "release-reservation", "resize-reservation", "correct-period", "end-bilateral", "close-divergence", "propose-agreement", "amend-agreement", "adopt-suggestion", "accept-agreement", "reject-agreement", "end-agreement", "propose-sheet", "acknowledge-sheet", "accept-sheet", "reject-sheet", "withdraw-sheet", "place-order", "accept-order", "reject-order", "suspend-order", "resume-order", "end-order", "cancel-order", "charge-order", "reschedule-order", "deliver-order", "fail-order", "suspend-product", "resume-product", "prepare-command", "submit-command"},
	api.Engineer:       {"inquire", "open-ticket", "note-own-ticket", "close-own-ticket", "reopen-own-ticket", "cancel-own-ticket", "build-service", "put-link", "put-place", "check-payload", "reserve-capacity", "confirm-reservation", "use-reservation", "release-reservation", "resize-reservation", "acknowledge-sheet", "import-usage", "close-periods", "post-anchor", "request-rating", "apply-deadline", "record-file", "acknowledge-signal", "dismiss-signal", "state-measurement", "import-readings", "request-bill", "submit-bill", "acknowledge-ticket", "progress-ticket", "ask-ticket", "resolve-ticket", "close-ticket", "put-incident"},
	api.Finance:        {"request-rating", "apply-deadline", "request-bill", "submit-bill", "dispute-items", "assign-dispute", "accept-invoice", "dispute-invoice", "reject-invoice", "propose-netting", "accept-netting", "reject-netting", "open-obligations", "advise-payment", "confirm-payment", "decline-payment", "call-round", "join-round", "propose-payee", "approve-payee", "reject-payee", "create-payment-run", "approve-payment-run", "cancel-payment-run", "export-payment-run", "import-bank-file", "resolve-payment", "approve-resolution", "open-deposit", "top-up-deposit", "release-deposits", "exit-deposits", "advise-payments", "hold-payment", "release-payment", "verify-partner", "prepare-command", "submit-command", "make-transfers", "place-hold", "post-hold", "void-hold", "offer-swap", "take-swap", "cancel-swap", "redeem-tokens", "open-lock", "top-up-lock", "state-rate", "state-reputation", "verify-credential"},
	api.Administrator:  {"add-access", "remove-access", "add-user", "change-user", "remove-user", "link-user", "erase-file", "erase-records", "propose-member", "vouch-member", "suspend-member", "restore-member", "leave-network", "propose-parameter", "vote-parameter", "open-bilateral", "add-delegate", "revoke-delegate", "define-token", "approve-token", "add-network-delegate", "revoke-network-delegate", "commit-pseudonym", "post-anchor", "rotate-channel", "export-bilateral", "rotate-key", "prepare-command", "submit-command"},
	api.Auditor:        {},
	api.Subscriber:     {},
}

// mayUse says whether a role may use an operation.
func mayUse(r api.Role, method, id string) bool {
	switch {
	case id == "get-me":
		return true
	case r == api.Subscriber:
		return false
	case id == "list-access" || id == "list-users" || id == "list-evidence":
		return r == api.Administrator || r == api.Auditor
	case method == "GET", id == "verify-proof":
		return true
	}
	return slices.Contains(changes[r], id)
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

func TestEveryRoleMayUseItsOperationsAndNoOthers(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	doc, _ := s.document(t)
	cells := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			method = strings.ToUpper(method)
			if op.ID == "get-health" {
				continue
			}
			for _, r := range api.Roles {
				status, _, data := s.ask(t, s.tokens[r], method, inBraces.ReplaceAllString(path, "x"), "{}", "Last-Event-ID", "none")
				refused := status == http.StatusForbidden
				if refused == mayUse(r, method, op.ID) {
					t.Errorf("%s %s gives %d to %s: %s", method, path, status, r, data)
				}
				if refused {
					if p := problemIn(t, data); p.Code != fault.Forbidden || !strings.Contains(p.Remedy, "role") {
						t.Errorf("%s for %s: %+v", op.ID, r, p)
					}
				}
				cells++
			}
		}
	}
	if cells < 500 {
		t.Errorf("only %d cells were tried", cells)
	}
}

func TestOnlyHealthIsOpen(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	doc, _ := s.document(t)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			for name, token := range map[string]string{"no token": "", "a wrong token": "lat_wrong"} {
				status, _, data := s.ask(t, token, strings.ToUpper(method), inBraces.ReplaceAllString(path, "x"), "")
				if path == "/health" {
					if status != 200 || len(op.Security) != 0 {
						t.Errorf("/health gives %d", status)
					}
					continue
				}
				if p := problemIn(t, data); status != 401 || p.Code != fault.Unauthorized || p.Trace == "" {
					t.Errorf("%s %s with %s gives %d %s", method, path, name, status, data)
				}
			}
		}
	}
	for _, path := range []string{"/", "/v2", "/health/../v1/status", "//health", "/docs", "/schemas/x"} {
		if status, _, _ := s.ask(t, "", "GET", path, ""); status != 401 {
			t.Errorf("%s without a token gives %d", path, status)
		}
	}
}

func TestTheOpenAPIDocumentIsWholeAndConsistent(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	doc, raw := s.document(t)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("the document is of OpenAPI %s", doc.OpenAPI)
	}
	ids := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.ID == "" || ids[op.ID] {
				t.Errorf("%s %s has no id of its own: %q", method, path, op.ID)
			}
			ids[op.ID] = true
			if len(op.Responses) == 0 {
				t.Errorf("%s describes no answer", op.ID)
			}
			var named, described []string
			for _, m := range inBraces.FindAllString(path, -1) {
				named = append(named, strings.Trim(m, "{}"))
			}
			for _, p := range op.Params {
				if p.In == "path" {
					described = append(described, p.Name)
				}
			}
			slices.Sort(named)
			slices.Sort(described)
			if !slices.Equal(named, described) {
				t.Errorf("%s has the path %s and describes %v", op.ID, path, described)
			}
			for _, sec := range op.Security {
				for name := range sec {
					if doc.Components.SecuritySchemes[name] == nil {
						t.Errorf("%s names the unknown security %s", op.ID, name)
					}
				}
			}
		}
	}
	// Every operation that a role may use is in it, and the other way round. This node has
	// no bank: nobody may use what needs one.
	all := map[string]bool{"get-health": true}
	for path, methods := range doc.Paths {
		for _, op := range methods {
			if strings.HasPrefix(path, "/v1/payments/") {
				all[op.ID] = true
			}
		}
	}
	for _, r := range api.Roles {
		me, err := s.client(r).Me(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range me.Operations {
			all[id] = true
		}
	}
	if !maps.Equal(all, ids) {
		t.Errorf("table and document differ: %v and %v", slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(ids)))
	}
	// Every reference leads somewhere.
	refs := regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllSubmatch(raw, -1)
	for _, m := range refs {
		if doc.Components.Schemas[string(m[1])] == nil {
			t.Errorf("a reference leads to no schema: %s", m[1])
		}
	}
	if len(refs) < 100 {
		t.Errorf("only %d references", len(refs))
	}
	if status, _, yaml := s.ask(t, s.tokens[api.Engineer], "GET", "/v1/openapi.yaml", ""); status != 200 || !bytes.Contains(yaml, []byte("openapi: 3.1")) {
		t.Errorf("the YAML comes with %d", status)
	}
	if bytes.Contains(raw, []byte("cdn")) || bytes.Contains(raw, []byte("unpkg")) {
		t.Error("the document loads something from elsewhere")
	}
}

// TestBadInputIsRefusedByField sends bad input to every kind of operation.
func TestBadInputIsRefusedByField(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	s := w.sides["ALPHA"]
	const at = "/v1/bilaterals/BRAVO"
	for _, c := range []struct {
		name         string
		role         api.Role
		method, path string
		body         string
		status       int
		code         fault.Code
		field        string
	}{
		{"an unknown partner", api.Clerk, "GET", "/v1/bilaterals/NOBODY", "", 404, fault.NotFound, "partner"},
		{"a list of an unknown partner", api.Clerk, "GET", "/v1/bilaterals/NOBODY/orders", "", 404, fault.NotFound, "partner"},
		{"an unknown address", api.Clerk, "GET", "/v1/nothing", "", 404, fault.NotFound, ""},
		{"a method that is not there", api.Clerk, "DELETE", "/v1/status", "", 405, api.CodeMethod, ""},
		{"a limit of zero", api.Clerk, "GET", at + "/invoices?limit=0", "", 422, fault.Invalid, "limit"},
		{"a limit too large", api.Clerk, "GET", at + "/invoices?limit=1001", "", 422, fault.Invalid, "limit"},
		{"a limit that is no number", api.Clerk, "GET", at + "/invoices?limit=x", "", 422, fault.Invalid, "limit"},
		{"an unknown filter", api.Clerk, "GET", at + "/invoices?colour=red", "", 422, fault.Invalid, "colour"},
		{"an unknown state", api.Clerk, "GET", at + "/invoices?state=lost", "", 422, fault.Invalid, "state"},
		{"a time that is none", api.Clerk, "GET", at + "/invoices?from=yesterday", "", 422, fault.Invalid, "from"},
		{"a cursor that is none", api.Clerk, "GET", at + "/log?after=x", "", 422, fault.Invalid, "after"},
		{"a cursor of a list in memory", api.Clerk, "GET", at + "/usage/imports?after=x", "", 422, fault.Invalid, "after"},
		{"an unknown agreement", api.Clerk, "GET", at + "/agreements/none", "", 404, fault.NotFound, ""},
		{"an unknown order", api.Clerk, "GET", at + "/orders/none", "", 404, fault.NotFound, ""},
		{"an unknown sheet", api.Clerk, "GET", at + "/sheets/none", "", 404, fault.NotFound, ""},
		{"an unknown sheet's file", api.Clerk, "GET", at + "/sheets/none/file", "", 404, fault.NotFound, ""},
		{"an unknown invoice", api.Clerk, "GET", at + "/invoices/none", "", 404, fault.NotFound, ""},
		{"an unknown invoice's page", api.Clerk, "GET", at + "/invoices/none/document.html", "", 404, fault.NotFound, ""},
		{"an unknown invoice's proof", api.Clerk, "GET", at + "/invoices/none/proof", "", 404, fault.NotFound, ""},
		{"an unknown dispute", api.Clerk, "GET", at + "/disputes/a~b~c~d", "", 404, fault.NotFound, ""},
		{"a trial of an unknown dispute", api.Auditor, "GET", at + "/disputes/a~b~c~d/trial?rule=%22none%22", "", 404, fault.NotFound, ""},
		{"a replay of a rule that is none", api.Auditor, "GET", at + "/rule-replay?rule=1", "", 422, "bad-rule", "rule"},
		{"a replay of a case that is none", api.Clerk, "GET", at + "/rule-replay?rule=%22none%22&case=%7B%22cost%22%3A3%7D", "", 422, fault.Invalid, "case"},
		{"a trial without a rule", api.Clerk, "GET", at + "/disputes/a~b~c~d/trial", "", 422, fault.Invalid, "rule"},
		{"an unknown dispute's evidence", api.Clerk, "GET", at + "/disputes/a~b~c~d/evidence", "", 404, fault.NotFound, ""},
		{"an unknown netting", api.Clerk, "GET", at + "/nettings/9", "", 404, fault.NotFound, ""},
		{"an unknown obligation", api.Clerk, "GET", at + "/obligations/9", "", 404, fault.NotFound, ""},
		{"an unknown period", api.Clerk, "GET", at + "/periods/O/2026-02-01T00:00:00Z", "", 404, fault.NotFound, ""},
		{"a period with a bad time", api.Clerk, "GET", at + "/periods/O/now", "", 422, fault.Invalid, "from"},
		{"an unknown member", api.Clerk, "GET", "/v1/members/NOBODY", "", 404, fault.NotFound, ""},
		{"broken JSON", api.ProductManager, "POST", at + "/orders", "{", 400, fault.Invalid, ""},
		{"no body", api.ProductManager, "POST", at + "/orders", "", 400, fault.Invalid, ""},
		{"an unknown field", api.ProductManager, "POST", at + "/orders", `{"id":"a","kind":"standing","agreement":"MSA-1","sheet":"x","line":"voice","from":"2026-01-01T00:00:00Z","x":1}`, 422, fault.Invalid, "x"},
		{"a missing field", api.ProductManager, "POST", at + "/orders", `{"id":"a","kind":"standing","agreement":"MSA-1","sheet":"s","from":"2026-01-01T00:00:00Z"}`, 422, fault.Invalid, "line"},
		{"a kind that is none", api.ProductManager, "POST", at + "/orders", `{"id":"a","kind":"once","agreement":"MSA-1","sheet":"x","line":"voice","from":"2026-01-01T00:00:00Z"}`, 422, fault.Invalid, "kind"},
		{"a bad time", api.ProductManager, "POST", at + "/orders", `{"id":"a","kind":"standing","agreement":"MSA-1","sheet":"x","line":"voice","from":"soon"}`, 422, fault.Invalid, "from"},
		{"no id and no key", api.ProductManager, "POST", at + "/orders", `{"kind":"standing","agreement":"MSA-1","sheet":"x","line":"voice","from":"2026-01-01T00:00:00Z"}`, 422, fault.Invalid, "id"},
		{"an order without a sheet", api.ProductManager, "POST", at + "/orders", `{"id":"a","kind":"standing","agreement":"MSA-1","sheet":"x","line":"voice","from":"2026-01-01T00:00:00Z"}`, 422, trade.CodeNoSheet, "sheet"},
		{"an order without agreement", api.ProductManager, "POST", at + "/orders", `{"id":"a","kind":"standing","agreement":"none","sheet":"x","line":"voice","from":"2026-01-01T00:00:00Z"}`, 422, trade.CodeNoAgreement, "agreement"},
		{"accepting what is one's own", api.ProductManager, "POST", at + "/agreements/MSA-1/accept", `{}`, 409, trade.CodeState, ""},
		{"a sheet with a bad row", api.ProductManager, "POST", at + "/sheets", "destination,prefix\nx,y\n", 422, "", ""},
		{"a sheet of another direction", api.ProductManager, "POST", at + "/sheets?direction=ALPHA%3EBRAVO", rates, 422, fault.Invalid, "direction"},
		{"a direction that is none", api.ProductManager, "POST", at + "/sheets?direction=x", rates, 422, usage.CodeBadDirection, "direction"},
		{"an amount that is none", api.Finance, "POST", at + "/obligations/1/confirm", `{"amount":{"currency":"USD","amount":"1e5"}}`, 422, fault.Invalid, "amount.amount"},
		{"no invoices", api.Finance, "POST", at + "/nettings", `{"invoices":[]}`, 422, fault.Invalid, "invoices"},
		{"an unknown invoice to accept", api.Finance, "POST", at + "/invoices/none/accept", `{}`, 404, fault.NotFound, ""},
		{"a correction of an unknown period", api.Clerk, "POST", at + "/periods/O-1/2026-11-02T00:00:00Z/correct", `{"why":"x"}`, 404, fault.NotFound, ""},
		{"a correction without a reason", api.Clerk, "POST", at + "/periods/O-1/2026-11-02T00:00:00Z/correct", `{"why":""}`, 422, fault.Invalid, "why"},
		{"an unknown period as rated", api.Auditor, "GET", at + "/periods/O-1/2026-11-02T00:00:00Z/rated", "", 404, fault.NotFound, ""},
		{"a rejection of an unknown note", api.Finance, "POST", at + "/invoices/none/reject", `{"why":"x"}`, 404, fault.NotFound, ""},
		{"a dispute without lines", api.Finance, "POST", at + "/invoices/none/dispute", `{"lines":[],"why":"x"}`, 422, fault.Invalid, "lines"},
		{"a rating of no interval", api.Clerk, "POST", at + "/periods", `{"order":"O","interval":"today"}`, 422, fault.Invalid, "interval"},
		{"a rating of no order", api.Clerk, "POST", at + "/periods", `{"order":"O","interval":"2026-02-01T00:00:00Z/2026-02-01T01:00:00Z"}`, 404, fault.NotFound, "period.order"},
		{"a tick of nothing", api.Clerk, "POST", at + "/deadlines", `{"subject":"x"}`, 422, "", ""},
		{"a file without a name", api.Clerk, "POST", at + "/files", `{"kind":"a b","hash":"` + strings.Repeat("ab", 32) + `","size":1}`, 422, fault.Invalid, "kind"},
		{"a hash that is none", api.Clerk, "POST", at + "/files", `{"kind":"ab","hash":"zz","size":1}`, 422, fault.Invalid, "hash"},
		{"a decision without a dispute", api.Clerk, "POST", at + "/disputes/a~b~c~d/propose", `{"calls":1,"billed_seconds":1,"why":"x"}`, 404, fault.NotFound, ""},
		{"a file of no call records", api.Engineer, "POST", at + "/usage", "hello", 422, "", ""},
		{"call records in a format that nobody knows", api.Engineer, "POST", at + "/usage?format=cisco", "hello", 422, voice.CodeBadProfile, "format"},
		{"call records that are not of the format", api.Engineer, "POST", at + "/usage?format=parquet", "hello", 422, voice.CodeBadHeader, ""},
		{"closing before any record", api.Engineer, "POST", at + "/usage/close", `{}`, 409, fault.NotYet, "through"},
		{"an order about no product", api.ProductManager, "POST", at + "/orders", `{"id":"P-1","kind":"product","agreement":"MSA-1","line":"connectivity","from":"2026-01-01T00:00:00Z"}`, 422, fault.Invalid, "product"},
		{"a schedule that there is not", api.ProductManager, "POST", at + "/orders", `{"id":"P-1","kind":"product","agreement":"MSA-1","line":"connectivity","from":"2026-01-01T00:00:00Z","product":{"action":"add","id":"W-1","schedule":"none"}}`, 404, fault.NotFound, "product.schedule"},
		{"a quote that is none", api.ProductManager, "POST", at + "/orders", `{"id":"P-1","kind":"product","agreement":"MSA-1","line":"connectivity","from":"2026-01-01T00:00:00Z","product":{"action":"add","id":"W-1","quote":"AAAA"}}`, 422, "bad-quote", "product.quote"},
		{"a delivery of no order", api.ProductManager, "POST", at + "/orders/P-1/deliver", `{}`, 404, fault.NotFound, "id"},
		{"a measurement of no product", api.Clerk, "POST", at + "/measurements", `{"product":"W-1","interval":"2026-02-01T00:00:00Z/2026-02-01T01:00:00Z","root":"` + strings.Repeat("ab", 32) + `"}`, 404, fault.NotFound, "product"},
		{"a bill by no agreement", api.Finance, "POST", at + "/bills", `{"agreement":"MSA-9","seller":"BRAVO","interval":"2026-02-01T00:00:00Z/2026-02-01T01:00:00Z"}`, 404, fault.NotFound, "account.agreement"},
		{"a bill of an outsider", api.Finance, "GET", at + "/bill?agreement=MSA-1&seller=NOBODY&interval=2026-02-01T00:00:00Z/2026-02-01T01:00:00Z", "", 404, fault.NotFound, "account.seller"},
		{"a delegate without roles", api.Administrator, "POST", at + "/delegates", `{"key":"` + strings.Repeat("ab", 32) + `","name":"x","roles":[]}`, 422, fault.Invalid, "roles"},
		{"a key that is none", api.Administrator, "POST", at + "/delegates/zz/revoke", ``, 422, fault.Invalid, "key"},
		{"a partner that is this carrier", api.Administrator, "POST", "/v1/bilaterals", `{"partner":"ALPHA"}`, 422, fault.Invalid, "partner"},
		{"a partner that is no member", api.Administrator, "POST", "/v1/bilaterals", `{"partner":"NOBODY"}`, 404, fault.NotFound, ""},
		{"leaving without meaning it", api.Administrator, "POST", "/v1/network/leave", `{"carrier":"BRAVO"}`, 422, fault.Invalid, "carrier"},
		{"a vote on no proposal", api.Administrator, "POST", "/v1/network/vote", `{"parameter":"vouchers","value":1,"from":1000000}`, 404, fault.NotFound, "change"},
		{"a vouch for nobody", api.Administrator, "POST", "/v1/members/NOBODY/vouch", ``, 404, fault.NotFound, ""},
		{"a token for no role", api.Administrator, "POST", "/v1/access", `{"name":"x","role":"king"}`, 422, fault.Invalid, "role"},
		{"a token that has ended", api.Administrator, "POST", "/v1/access", `{"name":"x","role":"clerk","expires":"2020-01-01T00:00:00Z"}`, 422, fault.Invalid, "expires"},
		{"the last administrator", api.Administrator, "DELETE", "/v1/access/the%20administrator", "", 422, fault.Refused, "name"},
	} {
		status, header, data := s.ask(t, s.tokens[c.role], c.method, c.path, c.body, "Content-Type", "application/json")
		p := problemIn(t, data)
		if status != c.status || c.code != "" && p.Code != c.code || c.field != "" && p.Field != c.field {
			t.Errorf("%s gives %d %s", c.name, status, data)
		}
		if p.Code == "" || p.Detail == "" || p.Remedy == "" || p.Trace == "" || p.Status != status || header.Get("Content-Type") != api.ProblemType {
			t.Errorf("%s: the problem is not whole: %s", c.name, data)
		}
	}
	long := `{"why":"` + strings.Repeat("x", 2<<20) + `"}`
	if status, _, data := s.ask(t, s.tokens[api.ProductManager], "POST", at+"/terminate", long); status != 413 || problemIn(t, data).Code != api.CodeTooLarge {
		t.Errorf("a body too large gives %d %.200s", status, data)
	}
}

func TestUsageComesCompressedToo(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	g.Write([]byte(ours))
	g.Close()
	in, err := w.sides["ALPHA"].as(api.Engineer).ImportUsage(within(t), "ours.csv.gz", &z)
	if err != nil || in.Accepted != 4 || in.Read != 5 {
		t.Errorf("imported: %+v, %v", in, err)
	}
}

func TestAStreamOfEventsGoesOnWhereItWasLeft(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	s := w.sides["ALPHA"]
	ctx := within(t)
	var all []wire.Event
	for e, err := range s.as(api.Auditor).Events(ctx, "0") {
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, e); e.Kind == "order.moved" {
			break
		}
	}
	if len(all) < 8 {
		t.Fatalf("only %d events", len(all))
	}
	for i := range all[:len(all)-1] {
		var rest []wire.Event
		for e, err := range s.as(api.Auditor).Events(ctx, all[i].ID) {
			if err != nil {
				t.Fatal(err)
			}
			if rest = append(rest, e); e.Kind == "order.moved" {
				break
			}
		}
		if !slices.Equal(rest, all[i+1:]) {
			t.Fatalf("behind %s come %d events, not %d", all[i].ID, len(rest), len(all)-i-1)
		}
	}
	for _, bad := range []string{"x", "1.x", "1.-1", "x.1"} {
		status, _, data := s.ask(t, s.tokens[api.Auditor], "GET", "/v1/bilaterals/BRAVO/events", "", "Last-Event-ID", bad)
		if p := problemIn(t, data); status != 422 || p.Field != "Last-Event-ID" {
			t.Errorf("the id %q gives %d %s", bad, status, data)
		}
	}
	var public []wire.Event
	for e, err := range s.client(api.Auditor).NetworkEvents(ctx, "0") {
		if err != nil {
			t.Fatal(err)
		}
		if public = append(public, e); e.Kind == trade.EventChannelOpened {
			break
		}
	}
	if len(public) == 0 {
		t.Error("the Omnilateral has no events")
	}
}

func TestAStreamOfAllChannelsNamesThePartnerAndGoesOn(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	s := w.sides["ALPHA"]
	ctx := within(t)
	heard := func(from string) (all []string, last string) {
		moved, opened := false, false
		for e, err := range s.client(api.Auditor).AllEvents(ctx, from, "") {
			if err != nil {
				t.Fatal(err)
			}
			all, last = append(all, string(e.Partner)+" "+e.Kind+" "+e.Subject), e.ID
			moved, opened = moved || e.Kind == "order.moved", opened || e.Kind == "channel.opened"
			if moved && opened { // channels do not wait for each other
				break
			}
		}
		return all, last
	}
	all, id := heard("0")
	if !slices.ContainsFunc(all, func(e string) bool { return strings.HasPrefix(e, " channel.opened") }) ||
		!slices.ContainsFunc(all, func(e string) bool { return strings.HasPrefix(e, "BRAVO order.moved") }) {
		t.Errorf("the events are %q", all)
	}
	var file *wire.Event
	if _, err := s.as(api.Clerk).RecordFile(ctx, wire.RecordFile{Kind: "contract", Hash: [32]byte{1}}); err != nil {
		t.Fatal(err)
	}
	for e, err := range s.client(api.Auditor).AllEvents(ctx, id, "file") {
		if err != nil {
			t.Fatal(err)
		}
		file = &e
		break
	}
	if file.Partner != "BRAVO" || !strings.HasPrefix(file.Kind, "file") {
		t.Errorf("behind %s comes %+v", id, file)
	}
	for bad, want := range map[string]int{"x": 422, "BRAVO:1,BRAVO:1": 422, ":999999": 404} {
		status, _, data := s.ask(t, s.tokens[api.Auditor], "GET", "/v1/events?after="+bad, "")
		if p := problemIn(t, data); status != want || p.Field != "after" {
			t.Errorf("after %q gives %d %s", bad, status, data)
		}
	}
	if status, _, _ := s.ask(t, s.tokens[api.Subscriber], "GET", "/v1/events", ""); status != 403 {
		t.Errorf("a subscriber gets %d", status)
	}
}

// What a node says of a proof is what anybody can find out offline; no file makes it fail.
func TestANodeChecksProofFilesAndNamesTheStepThatFails(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	s := w.sides["ALPHA"]
	ctx := within(t)
	if _, err := w.sides["BRAVO"].as(api.Engineer).Anchor(ctx); err != nil {
		t.Fatal(err)
	}
	data, err := s.as(api.Auditor).Proof(ctx, trade.AgreementKey("MSA-1"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.client(api.Auditor).VerifyProof(ctx, data)
	if err != nil || p.Record != "agreement/MSA-1" || p.Head == nil || len(p.Keys) != 2 || p.Height == 0 {
		t.Errorf("%+v, %v", p, err)
	}
	for i := 0; i < len(data); i += len(data) / 40 {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if _, err := s.client(api.Clerk).VerifyProof(ctx, bad); fault.CodeOf(err) == "" || fault.CodeOf(err) == fault.Internal {
			t.Errorf("with byte %d flipped: %v", i, err)
		}
	}
	if _, err := s.client(api.Auditor).VerifyProof(ctx, []byte("<script>")); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("no proof at all: %v", err)
	}
}

func TestTodayAndTrendTellOfAllPartners(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	ctx := within(t)
	v, err := w.sides["ALPHA"].client(api.Auditor).Today(ctx)
	if err != nil || len(v.Cycles) != 1 || v.Cycles[0].Partner != "BRAVO" || v.Cycles[0].Interval.From > int64(v.At) || v.Cycles[0].Interval.To <= int64(v.At) || len(v.Disputes) != 0 {
		t.Errorf("today: %+v, %v", v, err)
	}
	trend, err := w.sides["ALPHA"].client(api.Auditor).Trend(ctx, client.Filter{"from": "2020-01-01T00:00:00Z"})
	if err != nil || trend.To <= trend.From {
		t.Errorf("trend: %+v, %v", trend, err)
	}
	for _, q := range []string{"", "?from=x", "?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"} {
		if status, _, data := w.sides["ALPHA"].ask(t, w.sides["ALPHA"].tokens[api.Auditor], "GET", "/v1/trend"+q, ""); status != 422 || problemIn(t, data).Field != "from" {
			t.Errorf("%s gives %d %s", q, status, data)
		}
	}
}

// TestAReaderSurvivesABrokenConnection cuts the stream after each event.
func TestAReaderSurvivesABrokenConnection(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	s := w.sides["ALPHA"]
	cut := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, r.Method, s.server.URL+r.URL.String(), nil)
		req.Header = r.Header.Clone()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer res.Body.Close()
		maps.Copy(rw.Header(), res.Header)
		rw.WriteHeader(res.StatusCode)
		lines := bufio.NewScanner(res.Body)
		for seen := false; lines.Scan(); {
			fmt.Fprintln(rw, lines.Text())
			rw.(http.Flusher).Flush()
			if seen = seen || strings.HasPrefix(lines.Text(), "data:"); seen && lines.Text() == "" {
				panic(http.ErrAbortHandler) // after one event
			}
		}
	}))
	defer cut.Close()
	c := client.New(cut.URL, s.tokens[api.Auditor])
	defer c.Close()
	ids := map[string]bool{}
	for e, err := range c.With("BRAVO").Events(within(t), "0") {
		if err != nil {
			t.Fatal(err)
		}
		if ids[e.ID] {
			t.Errorf("%s came twice", e.ID)
		}
		if ids[e.ID] = true; len(ids) == 6 {
			break
		}
	}
	if len(ids) != 6 {
		t.Errorf("%d events came", len(ids))
	}
}

func TestListsPageOverHTTP(t *testing.T) {
	w := opened(t)
	s := w.sides["ALPHA"]
	ctx := within(t)
	for i := range 7 {
		_, err := s.as(api.Clerk).RecordFile(ctx, wire.RecordFile{Kind: "contract", Hash: [32]byte{byte(i + 1)}, Size: uint64(i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []string{"1", "2", "3", "7", "100"} {
		got, err := client.Collect(s.as(api.Auditor).Files(ctx))
		if err != nil || len(got) != 7 {
			t.Fatalf("%d files, %v", len(got), err)
		}
		after, seen := "", 0
		for {
			status, _, data := s.ask(t, s.tokens[api.Auditor], "GET", "/v1/bilaterals/BRAVO/files?total=true&limit="+limit+"&after="+after, "")
			var p api.Page[wire.File]
			if err := json.Unmarshal(data, &p); status != 200 || err != nil || p.Total == nil || *p.Total != 7 {
				t.Fatalf("%d %s", status, data)
			}
			for _, f := range p.Items {
				if f.Hash != got[seen].Hash {
					t.Errorf("in pages of %s, file %d is another", limit, seen)
				}
				seen++
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if seen != 7 {
			t.Errorf("in pages of %s there are %d files", limit, seen)
		}
	}
}

func TestTokensAreMadeAndRemovedByTheAdministrator(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	ctx := within(t)
	admin := s.client(api.Administrator)
	made, err := admin.AddAccess(ctx, wire.Access{Name: "robot", Role: "engineer"})
	if err != nil {
		t.Fatal(err)
	}
	robot := client.New(s.server.URL, made.Text)
	defer robot.Close()
	if me, err := robot.Me(ctx); err != nil || me.Name != "robot" || me.Role != "engineer" || me.Carrier != "ALPHA" {
		t.Errorf("me: %+v, %v", me, err)
	}
	all, err := client.Collect(admin.Access(ctx))
	if err != nil || len(all) != len(api.Roles)+2 { // one of each role, a second of finance, and this
		t.Errorf("tokens: %v, %v", all, err)
	}
	if err := admin.RemoveAccess(ctx, "robot"); err != nil {
		t.Fatal(err)
	}
	if _, err := robot.Me(ctx); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("a removed token gives %v", err)
	}
	if strings.Contains(s.w.logs.String(), made.Text) {
		t.Error("the log holds a token")
	}
}

func TestAPanicAndAnUnknownErrorShowATraceThatIsInTheLog(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	for name, open := range map[string]func(context.Context, party.Code) error{
		"a panic":          func(context.Context, party.Code) error { panic("secret in a panic") },
		"an unknown error": func(context.Context, party.Code) error { return errors.New("secret in an error") },
	} {
		o := s.options
		o.Registry, o.Open = nil, open
		server := httptest.NewServer(must(native.New(o)))
		defer server.Close()
		broken := &side{w: s.w, code: s.code, tokens: s.tokens}
		broken.server = server
		status, header, data := broken.ask(t, s.tokens[api.Administrator], "POST", "/v1/bilaterals", `{"partner":"BRAVO"}`)
		p := problemIn(t, data)
		if status != 500 || p.Code != fault.Internal || strings.Contains(string(data), "secret") || p.Trace == "" || header.Get("X-Trace-Id") != p.Trace {
			t.Errorf("%s shows %d %s", name, status, data)
		}
		if log := s.w.logs.String(); !strings.Contains(log, p.Trace) || !strings.Contains(log, "secret in") {
			t.Errorf("%s is not in the log", name)
		}
	}
}

func TestTheLogHoldsNoNumberAndNoToken(t *testing.T) {
	w := opened(t)
	contracted(t, w)
	s := w.sides["ALPHA"]
	if _, err := s.as(api.Engineer).ImportUsage(within(t), "41443334455.csv", strings.NewReader(ours)); err != nil {
		t.Fatal(err)
	}
	s.ask(t, s.tokens[api.Clerk], "GET", "/v1/members/4930123456", "")
	log := w.logs.String()
	for _, secret := range []string{"41443334455", "4930123456", s.tokens[api.Engineer], s.tokens[api.Clerk]} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
	if !strings.Contains(log, `"operation":"import-usage"`) || !strings.Contains(log, `"who":"the engineer"`) {
		t.Error("the log does not tell who did what")
	}
}

func TestANodeThatIsNotReadySaysWhy(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	if err := s.client(api.Engineer).Ready(within(t)); err != nil {
		t.Error(err)
	}
	o := s.options
	o.Registry = nil
	asked := 0
	o.Ready = func() ([]wire.Check, uint64) {
		asked++
		return []wire.Check{{Name: "store", OK: true}, {Name: "ledger", Detail: "no validator answers"}}, 7
	}
	server := httptest.NewServer(must(native.New(o)))
	defer server.Close()
	broken := &side{w: s.w, code: s.code, tokens: s.tokens}
	broken.server = server
	status, _, data := broken.ask(t, s.tokens[api.Engineer], "GET", "/ready", "")
	if status != 503 || !strings.Contains(string(data), "no validator answers") {
		t.Errorf("%d %s", status, data)
	}
	if status, _, _ := broken.ask(t, "", "GET", "/health", ""); status != 200 {
		t.Errorf("/health gives %d", status)
	}
	asked = 0
	st, err := client.New(server.URL, s.tokens[api.Engineer]).Status(within(t))
	if err != nil || st.Ready || st.Confirmed != 7 || asked != 1 {
		t.Errorf("the status is %+v, %v, for which the validators were asked %d times", st, err, asked)
	}
}

// A token that is removed ends the streams that were opened with it: what
// happens afterwards is not sent on them.
func TestARemovedTokenReadsNoFurtherEvent(t *testing.T) {
	w := opened(t)
	s := w.sides["ALPHA"]
	ctx := within(t)
	admin := s.client(api.Administrator)
	made, err := admin.AddAccess(ctx, wire.Access{Name: "robot", Role: "auditor"})
	if err != nil {
		t.Fatal(err)
	}
	robot := client.New(s.server.URL, made.Text)
	defer robot.Close()
	removed := false
	for e, err := range robot.With("BRAVO").Events(ctx, "0") {
		if err != nil {
			if !removed || fault.CodeOf(err) != fault.Unauthorized {
				t.Errorf("the stream ends with %v", err)
			}
			return
		}
		if strings.HasPrefix(e.Kind, "agreement") {
			t.Fatalf("the removed token reads %+v", e)
		}
		if removed {
			continue // was on its way
		}
		removed = true
		if err := admin.RemoveAccess(ctx, "robot"); err != nil {
			t.Fatal(err)
		}
		terms, err := s.client(api.Clerk).DefaultTerms(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.as(api.ProductManager).ProposeAgreement(ctx, wire.ProposeAgreement{ID: "MSA-1", Type: agreement.MSA, Legal: legal(),
			Lines: []product.Line{"voice"}, From: millis("2026-01-01T00:00:00Z"), Terms: terms}); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("the stream ended without a word")
}
