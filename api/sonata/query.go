package sonata

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// param is one query parameter that an operation takes.
type param struct {
	name string
	form paramForm
	enum []string // of a choice
	// filter is the attribute of the record that is compared; "" when the
	// handler reads the value itself. "state" is the record's own state.
	filter string
}

type paramForm int

const (
	aText paramForm = iota
	aDate           // compared as a time; the name ends in .gt or .lt
	aChoice
	aBool
	aCount // a whole number from 0
)

// equal is a filter by an attribute of the parameter's name.
func equal(name string) param { return param{name: name, filter: name} }

// choice is a filter by one of some texts.
func choice(name, filter string, texts ...string) param {
	return param{name: name, form: aChoice, enum: texts, filter: filter}
}

// between are the two filters of a date: name.gt and name.lt.
func between(name string) []param {
	return []param{{name: name + ".gt", form: aDate, filter: name}, {name: name + ".lt", form: aDate, filter: name}}
}

// paged are the parameters of a list that comes in pages.
var paged = []param{{name: "offset", form: aCount}, {name: "limit", form: aCount}}

// query is what a request's query says, checked.
type query struct {
	values map[string]string
	params []param
	Offset int
	Limit  int // -1: not given
}

// Get gives the value of a parameter, "" when it is not there.
func (q query) Get(name string) string { return q.values[name] }

// readQuery checks a raw query against what an operation takes. Codes:
// bad-query, missing-value.
func readQuery(raw string, params []param) (query, error) {
	q := query{values: map[string]string{}, params: params, Limit: -1}
	all, err := url.ParseQuery(raw)
	if err != nil {
		return q, fault.New(CodeBadQuery, "the query of the address cannot be read", "escape it as RFC 3986 says")
	}
	for name, values := range all {
		i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
		switch {
		case i < 0:
			return q, fault.Newf(CodeBadQuery, "use the parameters that the published file lists", "the operation takes no parameter %.64q", name)
		case len(values) > 1:
			return q, fault.Newf(CodeBadQuery, "give it once", "the parameter %s comes more than once", name)
		case values[0] == "":
			return q, fault.Newf(CodeMissingValue, "give a value, or leave the parameter out", "the parameter %s has no value", name)
		}
		if err := q.take(params[i], values[0]); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *query) take(p param, value string) error {
	wrong := func(remedy string) error {
		return fault.Newf(CodeBadQuery, remedy, "the parameter %s has a value of another form", p.name)
	}
	switch p.form {
	case aDate:
		t, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return wrong("write a date and time as RFC 3339 does, and escape a plus sign")
		}
		value = resource.Date(t)
	case aChoice:
		if !slices.Contains(p.enum, value) {
			return wrong("use one of " + words(p.enum))
		}
	case aBool:
		if value != "true" && value != "false" {
			return wrong("use true or false")
		}
	case aCount:
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return wrong("use a whole number from 0")
		}
		switch p.name {
		case "offset":
			q.Offset = int(n)
		case "limit":
			q.Limit = int(n)
		}
	}
	q.values[p.name] = value
	return nil
}

// find gives the query of the shelf that the filters ask for.
func (q query) find(scope resource.Scope) resource.Query {
	f := resource.Query{Scope: scope, Offset: q.Offset}
	for _, p := range q.params {
		value, ok := q.values[p.name]
		if !ok || p.filter == "" {
			continue
		}
		if p.form != aDate {
			if p.filter == "state" {
				f.State = value
			} else {
				f.Equal = append(f.Equal, resource.Attribute{Name: p.filter, Value: value})
			}
			continue
		}
		i := slices.IndexFunc(f.Ranges, func(r resource.Range) bool { return r.Name == p.filter })
		if i < 0 {
			i = len(f.Ranges)
			f.Ranges = append(f.Ranges, resource.Range{Name: p.filter})
		}
		if strings.HasSuffix(p.name, ".gt") {
			f.Ranges[i].After = value
		} else {
			f.Ranges[i].Before = value
		}
	}
	return f
}

// page answers a list from the shelf, with its headers.
func (c *call) page(scope resource.Scope) (*reply, error) {
	f := c.query.find(scope)
	var throttled bool
	f.Limit, throttled = c.s.pageLimit(c.query)
	found, err := c.s.store.Find(c.ctx, f)
	if err != nil {
		return nil, err
	}
	return listReply(found.Summaries, found.Total, throttled && c.query.Offset+len(found.Summaries) < found.Total), nil
}

// pageLimit gives how many items an answer has at most, and whether that is our
// limit and not the asker's.
func (s *Server) pageLimit(q query) (limit int, ours bool) {
	if q.Limit < 0 || q.Limit > s.options.Page {
		return s.options.Page, true
	}
	return q.Limit, false
}

// cutPage answers a list that is in memory as a whole.
func (c *call) cutPage(all []wire.Value) *reply {
	limit, ours := c.s.pageLimit(c.query)
	from := min(c.query.Offset, len(all))
	to := min(from+limit, len(all))
	items := make([][]byte, 0, to-from)
	for _, v := range all[from:to] {
		items = append(items, v.Bytes())
	}
	return listReply(items, len(all), ours && to < len(all))
}

func listReply(items [][]byte, total int, throttled bool) *reply {
	body := append(append([]byte{'['}, bytes.Join(items, []byte{','})...), ']')
	r := &reply{body: body, headers: map[string]string{
		"X-Total-Count":  strconv.Itoa(total),
		"X-Result-Count": strconv.Itoa(len(items)),
	}}
	if throttled {
		r.headers["X-Pagination-Throttled"] = "true"
	}
	return r
}
