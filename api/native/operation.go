package native

import (
	"context"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// reply is an answer with a JSON body.
type reply[T any] struct{ Body T }

func answer[T any](v T) *reply[T] { return &reply[T]{v} }

// PartnerPath names the Bilateral in a path. What is embedded in an input is
// exported, because huma reads exported fields only.
type PartnerPath struct {
	Partner party.Code `path:"partner" maxLength:"32" doc:"Member code of the partner."`
}

// OnwardQuery asks for a page of a list that is read from its beginning only.
type OnwardQuery struct {
	After string `query:"after" maxLength:"300" doc:"The next of the page before. Absent: from the beginning."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Items on a page."`
	Total bool   `query:"total" doc:"Count the whole list."`
}

func (q OnwardQuery) wanted() api.Wanted {
	return api.Wanted{After: q.After, Limit: q.Limit, Total: q.Total}
}

// PageQuery asks for a page of a list, which can be read from its end.
type PageQuery struct {
	OnwardQuery
	Descending bool `query:"descending" doc:"From the end of the list to its beginning: of what is in the order of its time, the latest first."`
}

func (q PageQuery) wanted() api.Wanted {
	w := q.OnwardQuery.wanted()
	w.Descending = q.Descending
	return w
}

// RetryHeader makes a request that can be sent again.
type RetryHeader struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"Chosen by you, once for each thing to do: the same request again does nothing more, and gets the same record."`
}

// tags of the operations, in the order of the document.
const (
	tagNode       = "node"
	tagNetwork    = "network"
	tagContracts  = "contracts"
	tagOrders     = "orders"
	tagUsage      = "usage"
	tagBilling    = "billing"
	tagDisputes   = "disputes"
	tagSettlement = "settlement"
	tagCatalog    = "catalogue"
	tagMarket     = "market"
	tagLog        = "log"
	tagKeys       = "keys"
	tagTokens     = "tokens"
	tagTreasury   = "treasury"
	tagAccess     = "access"
)

// maxBody bounds a JSON body. A signed application or terms are far below.
const maxBody = 1 << 20

// operation describes one operation from its id, and who may use it.
func operation(method, path, id, tag, summary string) huma.Operation {
	roles, known := allowed[id]
	if !known {
		panic("operation " + id + " is not in the table of roles")
	}
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary,
		Description: "Roles: " + spoken(roles) + ".",
		Security:    []map[string][]string{{"token": {}}}, MaxBodyBytes: maxBody,
	}
}

// add registers an operation. What it returns as an error is shown as a
// Problem.
func add[I, O any](s *server, op huma.Operation, f func(context.Context, *I) (*O, error)) {
	if s.Treasury != nil || !strings.HasPrefix(op.Path, "/v1/payments/") { // a node without a bank refuses these
		s.served[op.OperationID], s.at[op.OperationID] = true, op.Path
	}
	s.describeErrors(&op)
	op.Middlewares = append(op.Middlewares, s.guard)
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// get and post register an operation that reads or changes.
func get[I, O any](s *server, path, id, tag, summary string, f func(context.Context, *I) (*O, error)) {
	add(s, operation(http.MethodGet, path, id, tag, summary), f)
}

func post[I, O any](s *server, path, id, tag, summary string, f func(context.Context, *I) (*O, error)) {
	add(s, operation(http.MethodPost, path, id, tag, summary), f)
}

// describeErrors says in the document how an error looks.
func (s *server) describeErrors(op *huma.Operation) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	schema := s.api.OpenAPI().Components.Schemas.Schema(typeOf[api.Problem](), true, "Problem")
	op.Responses["default"] = &huma.Response{
		Description: "What went wrong, and what to do next.",
		Content:     map[string]*huma.MediaType{api.ProblemType: {Schema: schema}},
	}
}

// guard lets a request on when the bearer's role may use the operation.
func (s *server) guard(ctx huma.Context, next func(huma.Context)) {
	noteOperation(ctx.Context(), ctx.Operation().OperationID)
	if err := permit(api.ActorOf(ctx.Context()), ctx.Operation().OperationID); err != nil {
		s.write(ctx, s.problem(ctx.Context(), err))
		return
	}
	next(ctx)
}

// write writes a problem through huma's context.
func (s *server) write(ctx huma.Context, p *api.Problem) {
	ctx.SetHeader("Content-Type", api.ProblemType)
	ctx.SetStatus(p.Status)
	if err := s.api.Marshal(ctx.BodyWriter(), "application/json", p); err != nil {
		s.Log.Warn("an answer could not be written", "err", err)
	}
}

// problem renders an error. What is our own fault goes into the log, with its
// cause, under the trace id that is shown.
func (s *server) problem(ctx context.Context, err error) *api.Problem {
	trace := traceOf(ctx)
	p := api.ProblemOf(err, trace)
	if p.Status >= http.StatusInternalServerError {
		s.Log.Error("request failed", "trace", trace, "code", p.Code, "err", err, "cause", fault.Of(err).Cause)
	}
	return p
}

// problems turns what huma itself finds wrong with a request into a Problem.
func (s *server) problems(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &api.Problem{Code: fault.Invalid, Detail: m.Detail, Status: m.Status, Trace: traceOf(ctx.Context()), Remedy: "look the operation up in /v1/openapi.json"}
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		p.Code = api.CodeTooLarge
	case http.StatusInternalServerError:
		p = api.ProblemOf(m, p.Trace)
		s.Log.Error("request failed", "trace", p.Trace, "code", p.Code, "err", m)
	}
	if len(m.Errors) > 0 && m.Errors[0] != nil {
		p.Detail, p.Field = m.Errors[0].Message, field(m.Errors[0].Location)
		if missing := requiredProperty.FindStringSubmatch(p.Detail); missing != nil {
			p.Detail, p.Field = "the field is missing", strings.TrimPrefix(p.Field+"."+missing[1], ".")
		}
	}
	return p, nil
}

// requiredProperty is how huma names a field that is missing.
var requiredProperty = regexp.MustCompile(`^expected required property (\S+) to be present$`)

// field gives the path of an input field as the other errors write it.
func field(location string) string {
	if location == "body" {
		return ""
	}
	for _, part := range []string{"body.", "query.", "path.", "header."} {
		if len(location) > len(part) && location[:len(part)] == part {
			return location[len(part):]
		}
	}
	return location
}
