package fault

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestAnErrorShowsCodeFieldAndDetailAndKeepsItsCause(t *testing.T) {
	e := New(Invalid, "a rate is negative", "correct the row").In("rate").In("rows.3").Because(io.EOF)
	if got, want := e.Error(), "invalid (rows.3.rate): a rate is negative"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(e, io.EOF) {
		t.Error("the cause is lost")
	}
	if strings.Contains(e.Error(), "EOF") {
		t.Error("the cause is shown to the reader")
	}
}

func TestACopyLeavesTheOriginalAsItWas(t *testing.T) {
	e := New(Invalid, "x", "y")
	_ = e.In("a").Because(io.EOF)
	if e.Field != "" || e.Cause != nil {
		t.Errorf("the original changed: %+v", e)
	}
}

func TestCodesAreFoundThroughWrapping(t *testing.T) {
	inner := New(NotYet, "wait", "wait")
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, ""},
		{inner, NotYet},
		{fmt.Errorf("rating batch 3: %w", inner), NotYet},
		{errors.Join(io.EOF, inner), NotYet},
		{io.EOF, Internal},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%v: code %q, want %q", c.err, got, c.want)
		}
	}
	if !errors.Is(fmt.Errorf("w: %w", inner), &Error{Code: NotYet}) || errors.Is(inner, &Error{Code: Busy}) {
		t.Error("errors do not match by code")
	}
}

func TestAnUnknownErrorIsShownAsInternalAndNothingElse(t *testing.T) {
	e := Of(errors.New("dial tcp 10.0.0.1: secret"))
	if e.Code != Internal || strings.Contains(e.Error()+e.Remedy, "secret") {
		t.Errorf("%+v", e)
	}
	if Of(nil) != nil {
		t.Error("no error is no error")
	}
}
