package client

import (
	"bytes"
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/catalog/intent"
)

// Stock is the items of one kind in the carrier's own catalogue.
type Stock[T catalog.Item] struct {
	c  *Client
	at string
}

// Offerings are what the carrier sells.
func (c *Client) Offerings() Stock[catalog.Offering] {
	return Stock[catalog.Offering]{c, inCatalog("offerings")}
}

// Specifications are what can be ordered.
func (c *Client) Specifications() Stock[catalog.Specification] {
	return Stock[catalog.Specification]{c, inCatalog("specifications")}
}

// Links are what has a capacity.
func (c *Client) Links() Stock[catalog.Link] { return Stock[catalog.Link]{c, inCatalog("links")} }

// Places are where something can be had, the built-in ones too.
func (c *Client) Places() Stock[catalog.Place] { return Stock[catalog.Place]{c, inCatalog("places")} }

func inCatalog(parts ...string) string {
	path := "/v1/catalog"
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// List lists the items that are in force. Filter: state, name.
func (s Stock[T]) List(ctx context.Context, f Filter) iter.Seq2[catalog.Entry[T], error] {
	return list[catalog.Entry[T]](ctx, s.c, s.at, f)
}

// Get gives one item.
func (s Stock[T]) Get(ctx context.Context, id string) (catalog.Entry[T], error) {
	return get[catalog.Entry[T]](ctx, s.c, s.at+"/"+url.PathEscape(id))
}

// Versions lists all versions of an item, the oldest first.
func (s Stock[T]) Versions(ctx context.Context, id string) iter.Seq2[catalog.Version[T], error] {
	return list[catalog.Version[T]](ctx, s.c, s.at+"/"+url.PathEscape(id)+"/versions", nil)
}

// Put puts an item in force.
func (s Stock[T]) Put(ctx context.Context, item T) (wire.Stocked[T], error) {
	return post[wire.Stocked[T]](ctx, s.c, s.at, item)
}

// Step moves an offering or a specification on in its life.
func (s Stock[T]) Step(ctx context.Context, id string, e catalog.Event, why string) (catalog.Entry[T], error) {
	return post[catalog.Entry[T]](ctx, s.c, s.at+"/"+url.PathEscape(id)+"/step", wire.Step{Event: e, Why: why})
}

// Capacity tells how much of a link is free in a span; zero times: from now,
// without end.
func (c *Client) Capacity(ctx context.Context, link string, from, to wire.Time) (out wire.Capacity, err error) {
	q := url.Values{}
	for name, t := range map[string]wire.Time{"from": from, "to": to} {
		if t != 0 {
			text, _ := t.MarshalText() // never fails
			q.Set(name, string(text))
		}
	}
	err = c.json(ctx, call{method: http.MethodGet, path: inCatalog("links", link, "capacity"), query: q}, nil, &out)
	return out, err
}

// Schemas lists the schemas by which payloads are checked.
func (c *Client) Schemas(ctx context.Context) iter.Seq2[catalog.SchemaInfo, error] {
	return list[catalog.SchemaInfo](ctx, c, inCatalog("schemas"), nil)
}

// Schema gives one schema as JSON.
func (c *Client) Schema(ctx context.Context, typ string) ([]byte, error) {
	return c.file(ctx, inCatalog("schemas", typ))
}

// CheckPayload checks a product payload by the schema of its @type.
func (c *Client) CheckPayload(ctx context.Context, payload []byte) (out wire.Checked, err error) {
	err = c.json(ctx, call{method: http.MethodPost, path: inCatalog("payloads", "check"), body: bytes.NewReader(payload), media: "application/octet-stream"}, nil, &out)
	return out, err
}

// PreviewCatalog tells what a file of a catalogue would change.
func (c *Client) PreviewCatalog(ctx context.Context, file io.Reader) (out catalog.Preview, err error) {
	err = c.json(ctx, call{method: http.MethodPost, path: inCatalog("preview"), body: file, media: "application/yaml"}, nil, &out)
	return out, err
}

// ImportCatalog puts a file of a catalogue in force. Code: catalogue-refused
// when rows are bad, unless the others are to be taken without them.
func (c *Client) ImportCatalog(ctx context.Context, name string, withoutRejected bool, file io.Reader) (out catalog.Preview, err error) {
	f := Filter{"name": name}
	if withoutRejected {
		f["without_rejected"] = "true"
	}
	err = c.json(ctx, call{method: http.MethodPost, path: inCatalog("imports"), query: f.values(), body: file, media: "application/yaml"}, nil, &out)
	return out, err
}

// CatalogImports lists what was imported, the oldest first.
func (c *Client) CatalogImports(ctx context.Context) iter.Seq2[catalog.FileImport, error] {
	return list[catalog.FileImport](ctx, c, inCatalog("imports"), nil)
}

// UndoCatalog takes the last import back.
func (c *Client) UndoCatalog(ctx context.Context) (catalog.FileImport, error) {
	return post[catalog.FileImport](ctx, c, inCatalog("undo"), nil)
}

// ExportCatalog gives the whole catalogue, as yaml or json.
func (c *Client) ExportCatalog(ctx context.Context, format string) ([]byte, error) {
	path := inCatalog("export")
	if format != "" {
		path += "?format=" + url.QueryEscape(format)
	}
	return c.file(ctx, path)
}

// SearchCatalog gives the offerings that answer an inquiry. Query: type, a, z,
// a_neighbour, z_neighbour, bandwidth, from, to, latency, availability, ceiling,
// limit.
func (c *Client) SearchCatalog(ctx context.Context, f Filter) (out catalog.Found, err error) {
	err = c.json(ctx, call{method: http.MethodGet, path: inCatalog("search"), query: f.values()}, nil, &out)
	return out, err
}

// ParseInquiry reads an inquiry in words. Query: text, zone, at.
func (c *Client) ParseInquiry(ctx context.Context, f Filter) (out intent.Intent, err error) {
	err = c.json(ctx, call{method: http.MethodGet, path: "/v1/inquiry", query: f.values()}, nil, &out)
	return out, err
}

// Reservations lists reservations of capacity. Filter: state, offering.
func (c *Client) Reservations(ctx context.Context, f Filter) iter.Seq2[wire.Reservation, error] {
	return list[wire.Reservation](ctx, c, inCatalog("reservations"), f)
}

// Reservation gives one reservation.
func (c *Client) Reservation(ctx context.Context, id string) (wire.Reservation, error) {
	return get[wire.Reservation](ctx, c, inCatalog("reservations", id))
}

// Reserve reserves what an offering needs for an inquiry.
func (c *Client) Reserve(ctx context.Context, claim catalog.Claim) (wire.Reservation, error) {
	return post[wire.Reservation](ctx, c, inCatalog("reservations"), claim)
}

// ConfirmReservation confirms a reservation for an order.
func (c *Client) ConfirmReservation(ctx context.Context, id, order string) (wire.Reservation, error) {
	return post[wire.Reservation](ctx, c, inCatalog("reservations", id, "confirm"), wire.Confirmation{Order: order})
}

// UseReservation says that what was reserved is in use.
func (c *Client) UseReservation(ctx context.Context, id string) (wire.Reservation, error) {
	return post[wire.Reservation](ctx, c, inCatalog("reservations", id, "use"), nil)
}

// ReleaseReservation gives the capacity back.
func (c *Client) ReleaseReservation(ctx context.Context, id string) (wire.Reservation, error) {
	return post[wire.Reservation](ctx, c, inCatalog("reservations", id, "release"), nil)
}

// ResizeReservation changes the bandwidth of a reservation, bit/s.
func (c *Client) ResizeReservation(ctx context.Context, id string, bandwidth uint64) (wire.Reservation, error) {
	return post[wire.Reservation](ctx, c, inCatalog("reservations", id, "resize"), wire.Resize{Bandwidth: bandwidth})
}
