// Package fault is the one error type of Lateral: a code for programs, a
// detail for the person who asked, and a remedy that says what to do next.
//
// An Error is made where the cause is known. On the way up, wrap it with what
// you were doing (fmt.Errorf("rating batch %s: %w", id, err)); each edge (HTTP,
// terminal, ledger receipt) renders it once. Anything that is not an Error is
// shown as [Internal].
//
// Every code that the product can return is listed in docs/errors.md; a test
// compares that list with the source.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code names a kind of failure. It is stable and part of the public API:
// lower-case words joined by hyphens.
type Code string

// Codes that every package may use. A package with failures of its own
// declares further codes beside the code that returns them.
const (
	// Invalid: the input is not of the form that is asked for.
	Invalid Code = "invalid"
	// NotFound: what was named does not exist, or the asker may not see it.
	NotFound Code = "not-found"
	// Conflict: the input contradicts what already stands.
	Conflict Code = "conflict"
	// Refused: a rule forbids it, now and later.
	Refused Code = "refused"
	// NotYet: something that must come first is missing; it may work later.
	NotYet Code = "not-yet"
	// Busy: too much at once; try again after a while.
	Busy Code = "busy"
	// Unknown: the outcome is not known; ask again with the same bytes.
	Unknown Code = "unknown"
	// Unauthorized: who asks is not known.
	Unauthorized Code = "unauthorized"
	// Forbidden: who asks is known and may not.
	Forbidden Code = "forbidden"
	// Corrupt: stored data does not match its checksum or root.
	Corrupt Code = "corrupt"
	// Unavailable: a part that is needed does not answer.
	Unavailable Code = "unavailable"
	// Internal: our own mistake.
	Internal Code = "internal"
)

// Error is a failure with a code for programs and a remedy for people.
type Error struct {
	Code   Code   // stable, part of the public API
	Detail string // what happened, for the person who asked
	Remedy string // what that person can do next
	Field  string // path of the offending input field, if one is
	Cause  error  // what went wrong beneath; logged, never shown
}

// New makes an Error from a code, what happened and what to do next.
func New(code Code, detail, remedy string) *Error {
	return &Error{Code: code, Detail: detail, Remedy: remedy}
}

// Newf is New with a formatted detail.
func Newf(code Code, remedy, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...), Remedy: remedy}
}

// In returns a copy of e that names the offending input field.
func (e *Error) In(field string) *Error {
	c := *e
	if c.Field != "" && field != "" {
		c.Field = field + "." + c.Field
	} else if field != "" {
		c.Field = field
	}
	return &c
}

// Because returns a copy of e with the cause beneath.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Error renders code, field and detail in one line. The remedy is left to the
// edge that shows it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Field != "" {
		b.WriteString(" (" + e.Field + ")")
	}
	b.WriteString(": " + e.Detail)
	return b.String()
}

// Unwrap gives the cause, so that errors.Is sees through an Error.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, fault.Code("...")) unnecessary and
// errors.Is(err, &fault.Error{Code: c}) work: two Errors match by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Field == "" || t.Field == e.Field)
}

// CodeOf returns the code of the first Error in err's chain, Internal for any
// other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// Of returns the first Error in err's chain, or an Internal one that hides
// err's text from the reader and keeps it as the cause. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{
		Code:   Internal,
		Detail: "an unexpected failure inside Lateral",
		Remedy: "look in the log of this node at the time of the failure; report it if it happens again",
		Cause:  err,
	}
}
