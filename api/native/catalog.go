package native

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/catalog/intent"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

const atCatalog = "/v1/catalog"

// catalogue gives the carrier's catalogue. Code: not-found.
func (s *server) catalogue() (*catalog.Catalog, error) {
	if s.Catalog == nil {
		return nil, fault.New(fault.NotFound, "this node has no catalogue", "ask a carrier's node")
	}
	return s.Catalog, nil
}

func nowMillis() int64 { return time.Now().UnixMilli() }

// ItemPath names an item of the catalogue.
type ItemPath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id."`
}

// catalog registers the carrier's own catalogue. Nothing of it goes anywhere but
// to who asks here.
func (s *server) catalog() {
	stock[catalog.Offering](s, "offerings", "offering", "offerings")
	stock[catalog.Specification](s, "specifications", "specification", "specifications")
	stock[catalog.Link](s, "links", "link", "links, whose capacity reservations take")
	stock[catalog.Place](s, "places", "place", "places")
	steps[catalog.Offering](s, "offerings", "offering")
	steps[catalog.Specification](s, "specifications", "specification")
	get(s, atCatalog+"/links/{id}/capacity", "get-capacity", tagCatalog, "How much of a link is free in a span of time", s.getCapacity)
	s.catalogSchemas()
	s.catalogFiles()
	s.reservations()
	get(s, atCatalog+"/search", "search-catalog", tagCatalog, "Which offerings answer an inquiry, the cheapest first, with their prices for the time", s.searchCatalog)
	get(s, "/v1/inquiry", "parse-inquiry", tagCatalog, "Read an inquiry in words; nobody is asked", s.parseInquiry)
}

// stock registers what all kinds of items have.
func stock[T catalog.Item](s *server, path, id, what string) {
	at := atCatalog + "/" + path
	get(s, at, "list-"+path, tagCatalog, "The catalogue's own "+what, func(_ context.Context, in *struct {
		PageQuery
		State string `query:"state" maxLength:"20" doc:"Of offerings and specifications."`
		Name  string `query:"name" maxLength:"200" doc:"That is part of the name, or of a place's other names. Of places, the built-in ones are listed too."`
	}) (*reply[api.Page[catalog.Entry[T]]], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		all := entries[T](c, in.State, in.Name)
		return cut(all, in.wanted(), func(e catalog.Entry[T]) catalog.Entry[T] { return e })
	})
	get(s, at+"/{id}", "get-"+id, tagCatalog, "One "+id+" as it is in force", func(_ context.Context, in *ItemPath) (*reply[catalog.Entry[T]], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		e, err := catalog.Get[T](c, in.ID)
		return answer(e), err
	})
	get(s, at+"/{id}/versions", "list-"+id+"-versions", tagCatalog, "All versions of one "+id+", with what each changed", func(_ context.Context, in *struct {
		ItemPath
		PageQuery
	}) (*reply[api.Page[catalog.Version[T]]], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		all, err := catalog.History[T](c, in.ID)
		if err != nil {
			return nil, err
		}
		return cut(all, in.wanted(), func(v catalog.Version[T]) catalog.Version[T] { return v })
	})
	post(s, at, "put-"+id, tagCatalog, "Put a "+id+" in force: a new one, or a new version", func(ctx context.Context, in *struct{ Body T }) (*reply[wire.Stocked[T]], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		e, changed, err := catalog.Put(c, in.Body, api.ActorOf(ctx).Name, nowMillis())
		return answer(wire.Stocked[T]{Changed: changed, Entry: e}), err
	})
}

// entries gives the items that a list is asked for.
func entries[T catalog.Item](c *catalog.Catalog, state, name string) []catalog.Entry[T] {
	var all []catalog.Entry[T]
	if catalog.KindOf[T]() == catalog.KindPlace {
		for _, p := range c.Places().All() {
			if e, err := catalog.Get[T](c, p.ID); err == nil {
				all = append(all, e)
			}
		}
	} else {
		all = catalog.List[T](c)
	}
	out := all[:0]
	for _, e := range all {
		if (state == "" || string(e.State) == state) && (name == "" || called(&e.Item, strings.ToLower(name))) {
			out = append(out, e)
		}
	}
	return out
}

// called reports whether a text is in one of an item's names.
func called(item any, text string) bool {
	var names []string
	switch x := item.(type) {
	case *catalog.Place:
		names = append([]string{x.ID, x.Name}, x.Names...)
	case *catalog.Link:
		names = []string{x.ID, x.Name}
	case *catalog.Specification:
		names = []string{x.ID, x.Name}
	case *catalog.Offering:
		names = []string{x.ID, x.Name}
	}
	for _, n := range names {
		if strings.Contains(strings.ToLower(n), text) {
			return true
		}
	}
	return false
}

// steps registers the moves of what has a life.
func steps[T catalog.Item](s *server, path, id string) {
	post(s, atCatalog+"/"+path+"/{id}/step", "step-"+id, tagCatalog, "Move one "+id+" on in its life", func(ctx context.Context, in *struct {
		ItemPath
		Body wire.Step
	}) (*reply[catalog.Entry[T]], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		e, err := catalog.Step[T](c, in.ID, in.Body.Event, in.Body.Why, api.ActorOf(ctx).Name, nowMillis())
		return answer(e), err
	})
}

// momentOf reads a time of a query; empty is zero.
func momentOf(text, field string) (catalog.Time, error) {
	if text == "" {
		return 0, nil
	}
	var t catalog.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		return 0, fault.Of(err).In(field)
	}
	return t, nil
}

func (s *server) getCapacity(_ context.Context, in *struct {
	ItemPath
	From string `query:"from" doc:"RFC 3339. Absent: now."`
	To   string `query:"to" doc:"RFC 3339. Absent: without end."`
}) (*reply[wire.Capacity], error) {
	c, err := s.catalogue()
	if err != nil {
		return nil, err
	}
	now := nowMillis()
	from, err := momentOf(in.From, "from")
	if err != nil {
		return nil, err
	}
	to, err := momentOf(in.To, "to")
	if err != nil {
		return nil, err
	}
	if from == 0 {
		from = catalog.Time(now)
	}
	has, free, err := c.Free(in.ID, int64(from), int64(to), now)
	return answer(wire.Capacity{Bandwidth: has, Free: free}), err
}

// catalogSchemas registers the schemas of payloads.
func (s *server) catalogSchemas() {
	get(s, atCatalog+"/schemas", "list-schemas", tagCatalog, "The schemas by which product payloads are checked", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[catalog.SchemaInfo]], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		return cut(c.Schemas().List(), in.wanted(), func(x catalog.SchemaInfo) catalog.SchemaInfo { return x })
	})
	s.raw(withPath(operation(http.MethodGet, atCatalog+"/schemas/{type}", "get-schema", tagCatalog, "One schema, as JSON"), "type"), "application/schema+json", "JSON Schema.",
		func(w http.ResponseWriter, r *http.Request) {
			c, err := s.catalogue()
			var data []byte
			if err == nil {
				data, err = c.Schemas().Document(r.PathValue("type"))
			}
			s.give(w, r, "application/schema+json", data, err)
		})
	add(s, takesFile(operation(http.MethodPost, atCatalog+"/payloads/check", "check-payload", tagCatalog, "Check a product payload by the schema of its @type; nothing is kept"),
		"The payload, JSON.", "application/octet-stream"), func(_ context.Context, in *struct{ FileBody }) (*reply[wire.Checked], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(in.body, maxBody+1))
		if err != nil {
			return nil, err
		}
		bad, err := c.Schemas().Check(data)
		if err != nil {
			return nil, err
		}
		t, err := catalog.TypeOf(data)
		return answer(wire.Checked{Type: t, Violations: append([]catalog.Violation{}, bad...)}), err
	})
}

// takesFile says in the document that an operation takes a file.
func takesFile(op huma.Operation, what string, media ...string) huma.Operation {
	op.RequestBody = &huma.RequestBody{Description: what, Required: true, Content: map[string]*huma.MediaType{}}
	for _, m := range media {
		op.RequestBody.Content[m] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return op
}

// catalogFiles registers import and export of the whole catalogue.
func (s *server) catalogFiles() {
	const what = "Places, links, specifications and offerings in the form of docs/guide/catalogue.md, YAML or JSON."
	add(s, takesFile(operation(http.MethodPost, atCatalog+"/preview", "preview-catalog", tagCatalog, "What a file of a catalogue would change, row by row"), what, "application/yaml"),
		func(ctx context.Context, in *struct{ FileBody }) (*reply[catalog.Preview], error) {
			c, err := s.catalogue()
			if err != nil {
				return nil, err
			}
			p, err := c.Preview(in.body, api.ActorOf(ctx).Name, nowMillis())
			return answer(p), err
		})
	add(s, takesFile(operation(http.MethodPost, atCatalog+"/imports", "import-catalog", tagCatalog, "Put a file of a catalogue in force, all of it or nothing"), what, "application/yaml"),
		func(ctx context.Context, in *struct {
			FileBody
			Name            string `query:"name" maxLength:"200" doc:"Of the file, for people."`
			WithoutRejected bool   `query:"without_rejected" doc:"Take the good rows of a file that has bad ones."`
		}) (*reply[catalog.Preview], error) {
			c, err := s.catalogue()
			if err != nil {
				return nil, err
			}
			p, err := c.Import(in.body, in.Name, in.WithoutRejected, api.ActorOf(ctx).Name, nowMillis())
			return answer(p), err
		})
	get(s, atCatalog+"/imports", "list-catalog-imports", tagCatalog, "What was imported, the oldest first", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[catalog.FileImport]], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		return cut(c.Imports(), in.wanted(), func(x catalog.FileImport) catalog.FileImport { return x })
	})
	post(s, atCatalog+"/undo", "undo-catalog", tagCatalog, "Take the last import back", func(ctx context.Context, _ *struct{}) (*reply[catalog.FileImport], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		x, err := c.Undo(api.ActorOf(ctx).Name, nowMillis())
		return answer(x), err
	})
	s.raw(withQuery(operation(http.MethodGet, atCatalog+"/export", "export-catalog", tagCatalog, "The whole catalogue as it is in force, YAML or JSON, as import takes it"), "format", "yaml (default) or json"), "application/yaml", "The catalogue.",
		func(w http.ResponseWriter, r *http.Request) {
			c, err := s.catalogue()
			var data []byte
			media := "application/yaml"
			if err == nil {
				switch r.URL.Query().Get("format") {
				case "", "yaml":
					data, err = c.Export().YAML()
				case "json":
					media = "application/json"
					data, err = json.MarshalIndent(c.Export(), "", "  ")
				default:
					err = fault.New(fault.Invalid, "there is no such format", "use yaml or json").In("format")
				}
			}
			s.give(w, r, media, data, err)
		})
}

// withQuery describes a query parameter of a raw operation.
func withQuery(op huma.Operation, name, what string) huma.Operation {
	op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Description: what, Schema: &huma.Schema{Type: huma.TypeString}})
	return op
}

// reservations registers what is reserved of the capacity.
func (s *server) reservations() {
	const at = atCatalog + "/reservations"
	get(s, at, "list-reservations", tagCatalog, "Reservations of capacity", func(_ context.Context, in *struct {
		PageQuery
		State    string `query:"state" enum:"reserved,confirmed,inUse,released,expired"`
		Offering string `query:"offering" maxLength:"64"`
	}) (*reply[api.Page[wire.Reservation]], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		all := c.Holds()
		out := all[:0]
		for _, h := range all {
			if (in.State == "" || in.State == string(h.State)) && (in.Offering == "" || in.Offering == h.Offering) {
				out = append(out, h)
			}
		}
		return cut(out, in.wanted(), shownReservation)
	})
	get(s, at+"/{id}", "get-reservation", tagCatalog, "One reservation", func(_ context.Context, in *ItemPath) (*reply[wire.Reservation], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		h, err := c.Hold(in.ID)
		return answer(shownReservation(h)), err
	})
	post(s, at, "reserve-capacity", tagCatalog, "Reserve what an offering needs for an inquiry; the same again does nothing more", func(_ context.Context, in *struct{ Body catalog.Claim }) (*reply[wire.Reservation], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		h, err := c.Reserve(in.Body, nowMillis())
		return answer(shownReservation(h)), err
	})
	post(s, at+"/{id}/confirm", "confirm-reservation", tagCatalog, "Confirm a reservation for an order, before it expires", func(_ context.Context, in *struct {
		ItemPath
		Body wire.Confirmation
	}) (*reply[wire.Reservation], error) {
		return s.moveHold(in.ID, catalog.Confirm, in.Body.Order)
	})
	for _, m := range []struct {
		path, id, summary string
		event             catalog.HoldEvent
	}{
		{"use", "use-reservation", "Say that what was reserved is in use", catalog.Use},
		{"release", "release-reservation", "Give the capacity back", catalog.Release},
	} {
		post(s, at+"/{id}/"+m.path, m.id, tagCatalog, m.summary, func(_ context.Context, in *ItemPath) (*reply[wire.Reservation], error) {
			return s.moveHold(in.ID, m.event, "")
		})
	}
	post(s, at+"/{id}/resize", "resize-reservation", tagCatalog, "Change the bandwidth of a reservation", func(_ context.Context, in *struct {
		ItemPath
		Body wire.Resize
	}) (*reply[wire.Reservation], error) {
		c, err := s.catalogue()
		if err != nil {
			return nil, err
		}
		h, err := c.Resize(in.ID, in.Body.Bandwidth, nowMillis())
		return answer(shownReservation(h)), err
	})
}

func shownReservation(h catalog.Hold) wire.Reservation {
	x := wire.Reservation{Hold: h, Allowed: h.State.Allowed()}
	if h.State == catalog.Reserved && nowMillis() >= int64(h.Expires) {
		x.Allowed = []string{} // nobody has confirmed it in time
	}
	return x
}

func (s *server) moveHold(id string, e catalog.HoldEvent, order string) (*reply[wire.Reservation], error) {
	c, err := s.catalogue()
	if err != nil {
		return nil, err
	}
	h, err := c.MoveHold(id, e, order, nowMillis())
	return answer(shownReservation(h)), err
}

func (s *server) searchCatalog(_ context.Context, in *struct {
	Limit        int        `query:"limit" minimum:"1" maximum:"1000" default:"20" doc:"Answers at most."`
	Type         string     `query:"type" maxLength:"300" doc:"The @type of the product. Absent: any."`
	A            string     `query:"a" maxLength:"200" doc:"One end, or where the product is wanted: id, code or name of a place."`
	Z            string     `query:"z" maxLength:"200" doc:"The other end."`
	ANeighbour   party.Code `query:"a_neighbour" maxLength:"32" doc:"The end A is an eNNI with this neighbour; * is any."`
	ZNeighbour   party.Code `query:"z_neighbour" maxLength:"32" doc:"The end Z is an eNNI with this neighbour; * is any."`
	Bandwidth    uint64     `query:"bandwidth" doc:"bit/s at least."`
	From         string     `query:"from" doc:"RFC 3339. Absent: as soon as it can be had."`
	To           string     `query:"to" doc:"RFC 3339. Absent: without end."`
	Latency      uint64     `query:"latency" doc:"Microseconds one way at most."`
	Availability uint32     `query:"availability" doc:"Millionths at least: 999900 is 99.99%."`
	Ceiling      string     `query:"ceiling" maxLength:"40" doc:"The most that it may cost, like EUR:500."`
}) (*reply[catalog.Found], error) {
	c, err := s.catalogue()
	if err != nil {
		return nil, err
	}
	x := catalog.Inquiry{Type: in.Type, A: catalog.Spot{Neighbour: in.ANeighbour}, Z: catalog.Spot{Neighbour: in.ZNeighbour},
		Bandwidth: in.Bandwidth, Latency: in.Latency, Availability: in.Availability}
	for _, end := range []struct {
		text, field string
		into        *string
	}{{in.A, "a", &x.A.Place}, {in.Z, "z", &x.Z.Place}} {
		if end.text == "" {
			continue
		}
		p, err := c.Places().Find(end.text)
		if err != nil {
			return nil, fault.Of(err).In(end.field)
		}
		*end.into = p.ID
	}
	if x.From, err = momentOf(in.From, "from"); err != nil {
		return nil, err
	}
	if x.To, err = momentOf(in.To, "to"); err != nil {
		return nil, err
	}
	if in.Ceiling != "" {
		currency, amount, _ := strings.Cut(in.Ceiling, ":")
		m, err := money.ParseMicro(amount)
		if err != nil {
			return nil, fault.Of(err).In("ceiling")
		}
		x.Ceiling = &money.Amount{Currency: money.Currency(currency), Micro: m}
	}
	f, err := c.Search(x, in.Limit, nowMillis())
	return answer(f), err
}

func (s *server) parseInquiry(_ context.Context, in *struct {
	Text string `query:"text" required:"true" maxLength:"500" doc:"Like: 100 Mbit/s Hong Kong to Milan tonight 20-22h, under 180 ms."`
	Zone string `query:"zone" maxLength:"64" doc:"The asker's time zone, like Europe/Rome. Absent: UTC."`
	At   string `query:"at" doc:"RFC 3339: what now means. Absent: now."`
}) (*reply[intent.Intent], error) {
	c, err := s.catalogue()
	if err != nil {
		return nil, err
	}
	now, err := momentOf(in.At, "at")
	if err != nil {
		return nil, err
	}
	if now == 0 {
		now = catalog.Time(nowMillis())
	}
	x, err := intent.Parse(in.Text, intent.Options{Places: c.Places(), Zone: in.Zone, Now: int64(now)})
	if err != nil {
		return nil, fault.Of(err).In("text")
	}
	return answer(x), nil
}
