// Package api is what every HTTP interface of a node shares: how an error is
// shown, who may ask, and how long lists are cut into pages.
package api

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"github.com/lateral-network/lateral/fault"
)

// ProblemType is the media type of an error body (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is the body of every response that is an error.
type Problem struct {
	Code   fault.Code `json:"code" doc:"Stable name of the kind of failure, listed in docs/errors.md." example:"not-found"`
	Detail string     `json:"detail" doc:"What happened." example:"there is no order O-7"`
	Remedy string     `json:"remedy,omitempty" doc:"What you can do next." example:"look the id up in the list"`
	Field  string     `json:"field,omitempty" doc:"Path of the input field that caused it." example:"terms.cycle"`
	Status int        `json:"status" doc:"The HTTP status." example:"404"`
	Trace  string     `json:"trace_id,omitempty" doc:"Names this request in the node's log."`
}

// Error gives the problem as one line.
func (p *Problem) Error() string { return p.Fault().Error() }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType gives the media type.
func (p *Problem) ContentType(string) string { return ProblemType }

// Fault gives the problem as the error that it came from.
func (p *Problem) Fault() *fault.Error {
	return &fault.Error{Code: p.Code, Detail: p.Detail, Remedy: p.Remedy, Field: p.Field}
}

// ProblemOf renders an error. What is not a fault.Error is shown as internal,
// its text left to the log.
func ProblemOf(err error, trace string) *Problem {
	f := fault.Of(err)
	return &Problem{Code: f.Code, Detail: f.Detail, Remedy: f.Remedy, Field: f.Field, Status: StatusOf(f.Code), Trace: trace}
}

// statuses are the HTTP statuses of codes. A code that is not here is a refusal
// of what was asked, by the rules of the field it concerns: 422.
var statuses = map[fault.Code]int{
	fault.Invalid:      http.StatusUnprocessableEntity,
	fault.NotFound:     http.StatusNotFound,
	fault.Conflict:     http.StatusConflict,
	fault.Refused:      http.StatusUnprocessableEntity,
	fault.NotYet:       http.StatusConflict,
	fault.Busy:         http.StatusTooManyRequests,
	fault.Unknown:      http.StatusGatewayTimeout,
	fault.Unauthorized: http.StatusUnauthorized,
	fault.Forbidden:    http.StatusForbidden,
	fault.Corrupt:      http.StatusInternalServerError,
	fault.Unavailable:  http.StatusServiceUnavailable,
	fault.Internal:     http.StatusInternalServerError,
	CodeTooLarge:       http.StatusRequestEntityTooLarge,
	CodeMethod:         http.StatusMethodNotAllowed,

	"wrong-state":            http.StatusConflict,
	"not-bound":              http.StatusConflict,
	"diverged":               http.StatusConflict,
	"id-taken":               http.StatusConflict,
	"no-such-move":           http.StatusConflict,
	"no-capacity":            http.StatusConflict,
	"reservation-expired":    http.StatusConflict,
	"period-stated":          http.StatusConflict,
	"no-agreement":           http.StatusConflict,
	"no-sheet":               http.StatusConflict,
	"no-order":               http.StatusConflict,
	"rating-not-requested":   http.StatusConflict,
	"member-inactive":        http.StatusConflict,
	"authorization-missing":  http.StatusForbidden,
	"authorization-forged":   http.StatusForbidden,
	"authorization-expired":  http.StatusForbidden,
	"authorization-replayed": http.StatusForbidden,
	"delegate-unknown":       http.StatusForbidden,
	"delegate-expired":       http.StatusForbidden,
	"delegate-role":          http.StatusForbidden,
	"member-key-needed":      http.StatusForbidden,
	"beyond-limit":           http.StatusForbidden,
	"second-person-needed":   http.StatusForbidden,
	"account-frozen":         http.StatusForbidden,
	"token-barred":           http.StatusForbidden,
	"insufficient-funds":     http.StatusConflict,
	"no-fixing":              http.StatusConflict,
	"no-basket":              http.StatusConflict,
	"unbalanced":             http.StatusInternalServerError,
	"too-much-usage":         http.StatusRequestEntityTooLarge,
	"too-many-rows":          http.StatusRequestEntityTooLarge,
	"disk-full":              http.StatusInsufficientStorage,
	"disk-failed":            http.StatusInternalServerError,
	"store-failed":           http.StatusInternalServerError,
	"import-lost":            http.StatusInternalServerError,
	"key-missing":            http.StatusInternalServerError,
	"root-differs":           http.StatusInternalServerError,
	"outbox-behind":          http.StatusServiceUnavailable,
	"signed-otherwise":       http.StatusInternalServerError,
	"version-unknown":        http.StatusServiceUnavailable,
	"unreadable":             http.StatusServiceUnavailable,
	"cancelled":              http.StatusServiceUnavailable,
	"no-answer":              http.StatusGatewayTimeout,
	"totp-required":          http.StatusUnauthorized,
	"too-many-attempts":      http.StatusTooManyRequests,
	"wrong-origin":           http.StatusForbidden,
	"csrf-token":             http.StatusForbidden,
	"password-needed":        http.StatusForbidden,
}

// Codes of the interface itself.
const (
	// CodeTooLarge says that a request body is longer than the operation takes.
	CodeTooLarge fault.Code = "body-too-large"
	// CodeMethod says that the address is there and does not take the method.
	CodeMethod fault.Code = "method-not-allowed"
)

// StatusOf gives the HTTP status of a code.
func StatusOf(c fault.Code) int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusUnprocessableEntity
}

// Write writes the problem as a whole response.
func (p *Problem) Write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a struct of strings
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", ProblemType)
	w.WriteHeader(p.Status)
	w.Write(append(body, '\n'))
}

// NewTrace gives a name for one request.
func NewTrace() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
