package sonata

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// Codes that a seller's business functions, and this package, answer with. The
// standard has a code of its own for each; the table below says which.
const (
	// CodeMissingProperty: something that this product, or this request, needs is
	// not in the body.
	CodeMissingProperty fault.Code = "missing-property"
	// CodeUnexpectedProperty: something is in the body that must not be there.
	CodeUnexpectedProperty fault.Code = "unexpected-property"
	// CodeBadFormat: a value is not written as it should be.
	CodeBadFormat fault.Code = "bad-format"
	// CodeReferenceUnknown: the body names something that is not there.
	CodeReferenceUnknown fault.Code = "reference-unknown"
	// CodeTooManyRecords: a list would be longer than the seller gives.
	CodeTooManyRecords fault.Code = "too-many-records"
	// CodeNotOffered: the operation is optional, and not offered here.
	CodeNotOffered fault.Code = "not-offered"
	// CodeBadBody: the body is not of the form that the published file asks for.
	CodeBadBody fault.Code = "bad-body"
	// CodeBadQuery: a query parameter is not known, or its value not of its form.
	CodeBadQuery fault.Code = "bad-query"
	// CodeMissingParameter: a query parameter that must be there is not.
	CodeMissingParameter fault.Code = "missing-parameter"
	// CodeMissingValue: a query parameter has no value.
	CodeMissingValue fault.Code = "missing-value"
	// CodeWrongParty: the partner may not act for that buyer, or we not for that
	// seller.
	CodeWrongParty fault.Code = "wrong-party"
	// CodeNoCredentials: the request bears no access token.
	CodeNoCredentials fault.Code = "no-credentials"
)

// meaning is a status and the standard's code for it.
type meaning struct {
	status int
	code   string
}

// meanings is the one table from our codes to the standard's. A code that is not
// here is a refusal by the rules of the business: 422 otherIssue.
var meanings = map[fault.Code]meaning{
	CodeBadQuery:           {http.StatusBadRequest, "invalidQuery"},
	CodeMissingParameter:   {http.StatusBadRequest, "missingQueryParameter"},
	CodeMissingValue:       {http.StatusBadRequest, "missingQueryValue"},
	CodeBadBody:            {http.StatusBadRequest, "invalidBody"},
	CodeNoCredentials:      {http.StatusUnauthorized, "missingCredentials"},
	fault.Unauthorized:     {http.StatusUnauthorized, "invalidCredentials"},
	fault.Forbidden:        {http.StatusForbidden, "accessDenied"},
	CodeWrongParty:         {http.StatusForbidden, "forbiddenRequester"},
	fault.Busy:             {http.StatusForbidden, "tooManyUsers"},
	fault.NotFound:         {http.StatusNotFound, "notFound"},
	fault.Conflict:         {http.StatusConflict, "conflict"},
	CodeMissingProperty:    {http.StatusUnprocessableEntity, "missingProperty"},
	fault.Invalid:          {http.StatusUnprocessableEntity, "invalidValue"},
	CodeBadFormat:          {http.StatusUnprocessableEntity, "invalidFormat"},
	CodeReferenceUnknown:   {http.StatusUnprocessableEntity, "referenceNotFound"},
	CodeUnexpectedProperty: {http.StatusUnprocessableEntity, "unexpectedProperty"},
	CodeTooManyRecords:     {http.StatusUnprocessableEntity, "tooManyRecords"},
	fault.Internal:         {http.StatusInternalServerError, "internalError"},
	fault.Unknown:          {http.StatusInternalServerError, "internalError"},
	fault.Unavailable:      {http.StatusInternalServerError, "internalError"},
	fault.Corrupt:          {http.StatusInternalServerError, "internalError"},
	"store-failed":         {http.StatusInternalServerError, "internalError"},
	"disk-full":            {http.StatusInternalServerError, "internalError"},
	"disk-failed":          {http.StatusInternalServerError, "internalError"},
	CodeNotOffered:         {http.StatusNotImplemented, "notImplemented"},
	codeMethod:             {http.StatusMethodNotAllowed, "notImplemented"},
}

// codeMethod is that of package api: the address is there, the method is not.
const codeMethod = "method-not-allowed"

func meaningOf(c fault.Code) meaning {
	if m, ok := meanings[c]; ok {
		return m
	}
	return meaning{http.StatusUnprocessableEntity, "otherIssue"}
}

// instead says what a status becomes where the file does not list it for an
// operation: a partner's program knows the listed ones only.
var instead = map[int]meaning{
	http.StatusNotFound:            {http.StatusUnprocessableEntity, "referenceNotFound"},
	http.StatusConflict:            {http.StatusUnprocessableEntity, "otherIssue"},
	http.StatusUnprocessableEntity: {http.StatusBadRequest, "invalidQuery"},
	http.StatusNotImplemented:      {http.StatusInternalServerError, "internalError"},
}

// flatten gives the single errors of joined ones.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}

// refuse writes an error as the standard has it. listed are the statuses that
// the file has for the operation; nil: any.
func (s *Server) refuse(ctx context.Context, w http.ResponseWriter, err error, listed []int) {
	var out []wire.Error
	status := 0
	for _, e := range flatten(err) {
		f := fault.Of(e)
		m := meaningOf(f.Code)
		for !allowed(m.status, listed) {
			next, ok := instead[m.status]
			if !ok {
				break
			}
			m = next
		}
		if m.status >= 500 && m.status != http.StatusNotImplemented {
			s.log.Error("sonata: a request failed", "trace", traceOf(ctx), "err", e, "cause", f.Cause)
		}
		// The gravest comes alone; several refusals of one body come together.
		if status != 0 && rank(m.status) > rank(status) {
			continue
		}
		if status == 0 || rank(m.status) < rank(status) {
			status, out = m.status, nil
		}
		x := wire.Error{Code: m.code, Reason: cut(f.Detail, 255), Message: f.Remedy}
		if m.status == http.StatusUnprocessableEntity && f.Field != "" {
			x.PropertyPath = pointer(f.Field)
		} else if m.status == http.StatusBadRequest && f.Field != "" {
			x.Message = pointer(f.Field) + ": " + f.Remedy
		}
		out = append(out, x)
	}
	var body []byte
	if status == http.StatusUnprocessableEntity {
		body, err = wire.Marshal(out)
	} else {
		body, err = wire.Marshal(out[0])
	}
	if err != nil {
		panic(err) // strings only
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	s.write(ctx, w, status, body)
}

// rank orders statuses: who asks comes before what is asked.
func rank(status int) int {
	order := []int{http.StatusInternalServerError, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotImplemented, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity}
	if i := slices.Index(order, status); i >= 0 {
		return i
	}
	return len(order)
}

func allowed(status int, listed []int) bool {
	return listed == nil || slices.Contains(listed, status) || status == http.StatusMethodNotAllowed
}

func (s *Server) write(ctx context.Context, w http.ResponseWriter, status int, body []byte) {
	if body != nil && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", wire.ContentType)
	}
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.log.Debug("sonata: an answer could not be written", "trace", traceOf(ctx), "err", err)
	}
}

// pointer writes a field's path as RFC 6901 does: items.0.id is /items/0/id.
// A path that is one already stays.
func pointer(field string) string {
	if strings.HasPrefix(field, "/") {
		return field
	}
	return "/" + strings.ReplaceAll(field, ".", "/")
}

// cut shortens a text to so many characters, as the standard's limits ask.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// at puts the path of a part before the fields of errors of it.
func at(path string, err error) error {
	if err == nil {
		return nil
	}
	var all []error
	for _, e := range flatten(err) {
		f := fault.Of(e)
		c := *f
		c.Field = path + pointerOrNone(f.Field)
		all = append(all, &c)
	}
	return errors.Join(all...)
}

func pointerOrNone(field string) string {
	if field == "" {
		return ""
	}
	return pointer(field)
}

// discard is where logs go that nobody wants.
var discard = slog.New(slog.DiscardHandler)
