// Package document writes invoices for people and other systems to keep, as
// JSON and as a printable HTML page, and reads them back.
//
// Both forms show every value of the invoice's document and carry its canonical
// bytes, those that a proof shows. [Parse] computes the bytes again from the
// values that a reader sees, so a file in which one visible value was changed
// is refused, or gives other bytes than the proof has.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/rating"
)

// Format names the form of an exported invoice. A change of the form gets
// another number, and the old one stays readable.
const Format = "lateral-invoice/1"

// CodeAltered says that an exported file was changed after it was written, or
// is not one that this release writes.
const CodeAltered fault.Code = "export-altered"

// Export is an invoice as JSON.
type Export struct {
	Format    string        `json:"format"`
	Document  wire.Document `json:"document"`
	Canonical []byte        `json:"canonical" doc:"The document's canonical bytes, as a proof shows them."`
}

// JSON writes an invoice as JSON.
func JSON(d invoice.Document) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(Export{Format, Wire(d), canon.Must(d)})
	return b.Bytes(), err
}

// Parse reads an exported invoice, JSON or HTML, and gives the canonical bytes
// of what it shows. Codes: invalid when it is neither, export-altered when what
// it shows is not what it carries.
func Parse(data []byte) (canonical []byte, err error) {
	switch trimmed := bytes.TrimLeft(data, " \t\r\n"); {
	case bytes.HasPrefix(trimmed, []byte("{")):
		return parseJSON(trimmed)
	case bytes.HasPrefix(trimmed, []byte("<!doctype html>")):
		return parseHTML(trimmed)
	}
	return nil, fault.New(fault.Invalid, "the file is no exported invoice", "give the .json or .html file that the node wrote")
}

func parseJSON(data []byte) ([]byte, error) {
	if err := noTwins(data); err != nil {
		return nil, err
	}
	var e Export
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return nil, fault.New(CodeAltered, "the file has not the form of an exported invoice", "export the invoice again").Because(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(CodeAltered, "something follows the exported invoice", "export the invoice again")
	}
	if err := exactly(data, e); err != nil {
		return nil, err
	}
	if e.Format != Format {
		return nil, fault.Newf(fault.Invalid, "use a release that knows it", "the format %.40q is not known here", e.Format).In("format")
	}
	return compare(e.Document, e.Canonical)
}

// exactly refuses a file that does not show what was read from it: the decoder
// takes a field's name in any case, and another reader would take it for another
// field.
func exactly(data []byte, e Export) error {
	tree := func(data []byte) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		err = d.Decode(&v)
		return v, err
	}
	again, err := json.Marshal(e)
	if err != nil {
		return fault.New(CodeAltered, "the file has not the form of an exported invoice", "export the invoice again").Because(err)
	}
	theirs, err := tree(data)
	if err != nil {
		return fault.New(CodeAltered, "the file is not proper JSON", "export the invoice again").Because(err)
	}
	ours, err := tree(again)
	if err != nil || !reflect.DeepEqual(theirs, ours) {
		return fault.New(CodeAltered, "the file names or writes a field otherwise than an export does", "export the invoice again").Because(err)
	}
	return nil
}

// noTwins refuses an object that names a field twice: two readers could take
// two values.
func noTwins(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	type level struct {
		object, value bool // value: a key was read, its value comes
		seen          map[string]bool
	}
	var open []level
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.New(CodeAltered, "the file is not proper JSON", "export the invoice again").Because(err)
		}
		var top *level
		if len(open) > 0 {
			top = &open[len(open)-1]
		}
		if delim, ok := t.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:len(open)-1]
			continue
		}
		if top != nil && top.object {
			if !top.value {
				key := t.(string)
				if top.seen[key] {
					return fault.Newf(CodeAltered, "export the invoice again", "the field %.40q is there twice", key)
				}
				top.seen[key], top.value = true, true
				continue
			}
			top.value = false
		}
		if delim, ok := t.(json.Delim); ok {
			open = append(open, level{object: delim == '{', seen: map[string]bool{}})
		}
	}
}

// compare computes the canonical bytes of what is shown and compares them with
// what is carried, naming the first value that differs.
func compare(shown wire.Document, carried []byte) ([]byte, error) {
	computed := canon.Must(Domain(shown))
	if bytes.Equal(computed, carried) {
		return computed, nil
	}
	altered := fault.New(CodeAltered, "a value that the file shows is not the one that it carries", "export the invoice again")
	var d invoice.Document
	if canon.Decode(carried, &d) != nil {
		return nil, altered
	}
	a, b := flat(shown), flat(Wire(d))
	for _, k := range order(a, b) {
		if a[k] != b[k] {
			return nil, fault.Newf(CodeAltered, altered.Remedy, "the file shows %.40q where it carries %.40q", a[k], b[k]).In(k)
		}
	}
	return nil, altered
}

// Wire gives a document as it is shown.
func Wire(d invoice.Document) wire.Document {
	out := wire.Document{
		ID: d.ID, Seller: d.Seller, Buyer: d.Buyer, Direction: d.Direction, Interval: d.Interval, Order: d.Order, Agreement: d.Agreement,
		Terms: d.Terms, Number: d.Number, Follows: d.Follows, Currency: d.Currency, Total: d.Total, Open: d.Open, Method: d.Method,
		Issued: wire.Time(d.Issued), Due: wire.Time(d.Due), Note: d.Note, Version: d.Version, Why: d.Why, Lines: make([]wire.DocumentLine, len(d.Lines)),
	}
	for i, l := range d.Lines {
		out.Lines[i] = WireLine(l)
	}
	for _, l := range d.Volume {
		out.Volume = append(out.Volume, wire.VolumeLine(l))
	}
	out.Items = d.Items
	return out
}

// WireLine gives a document's line as it is shown.
func WireLine(l invoice.Line) wire.DocumentLine {
	return wire.DocumentLine{
		Row: l.Row, Adjusts: l.Adjusts, Rate: WireRow(l.Rate), Calls: l.Calls, RawMillis: l.RawMillis,
		BilledSeconds: l.BilledSeconds, Amount: l.Amount, State: l.State, Dispute: l.Dispute, Reason: l.Reason,
	}
}

// Domain gives back the document that is shown.
func Domain(d wire.Document) invoice.Document {
	out := invoice.Document{
		ID: d.ID, Seller: d.Seller, Buyer: d.Buyer, Direction: d.Direction, Interval: d.Interval, Order: d.Order, Agreement: d.Agreement,
		Terms: d.Terms, Number: d.Number, Follows: d.Follows, Currency: d.Currency, Total: d.Total, Open: d.Open, Method: d.Method,
		Issued: int64(d.Issued), Due: int64(d.Due), Note: d.Note, Version: d.Version, Why: d.Why, Items: d.Items,
	}
	for _, l := range d.Lines {
		out.Lines = append(out.Lines, invoice.Line{
			Row: l.Row, Adjusts: l.Adjusts, Rate: domainRow(l.Rate), Calls: l.Calls, RawMillis: l.RawMillis,
			BilledSeconds: l.BilledSeconds, Amount: l.Amount, State: l.State, Dispute: l.Dispute, Reason: l.Reason,
		})
	}
	for _, l := range d.Volume {
		out.Volume = append(out.Volume, invoice.VolumeLine(l))
	}
	return out
}

// WireRow gives a rate version as it is shown.
func WireRow(r rating.Row) wire.Row {
	out := wire.Row{
		Destination: r.Destination, Prefix: r.Prefix, Rate: r.Rate, Currency: r.Currency, UnitSeconds: r.UnitSeconds,
		MinimumSeconds: r.MinimumSeconds, IncrementSeconds: r.IncrementSeconds, ValidFrom: wire.Time(r.ValidFrom),
	}
	if r.ValidTo != rating.Open {
		to := wire.Time(r.ValidTo)
		out.ValidTo = &to
	}
	out.ConnectFee, out.OriginPrefix, out.Blocked = r.ConnectFee, r.OriginPrefix, r.Blocked
	if !r.Band.IsZero() {
		out.Band = &r.Band
	}
	return out
}

func domainRow(r wire.Row) rating.Row {
	out := rating.Row{
		Destination: r.Destination, Prefix: r.Prefix, Rate: r.Rate, Currency: r.Currency, UnitSeconds: r.UnitSeconds,
		MinimumSeconds: r.MinimumSeconds, IncrementSeconds: r.IncrementSeconds, ValidFrom: int64(r.ValidFrom), ValidTo: rating.Open,
	}
	if r.ValidTo != nil {
		out.ValidTo = int64(*r.ValidTo)
	}
	out.ConnectFee, out.OriginPrefix, out.Blocked = r.ConnectFee, r.OriginPrefix, r.Blocked
	if r.Band != nil {
		out.Band = *r.Band
	}
	return out
}

// flat gives every value of a document by its path, as text.
func flat(d wire.Document) map[string]string {
	data, err := json.Marshal(d)
	if err != nil {
		return nil
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return nil
	}
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(join(path, k), x)
			}
		case []any:
			for i, x := range v {
				walk(fmt.Sprintf("%s.%d", path, i), x)
			}
		default:
			out[path] = fmt.Sprint(v)
		}
	}
	walk("", v)
	return out
}

func join(path, k string) string {
	if path == "" {
		return k
	}
	return path + "." + k
}
