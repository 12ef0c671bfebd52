package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
)

// catalogCommand is "lateral catalog".
type catalogCommand struct {
	Offering      offeringCommand      `cmd:"" help:"What the carrier sells."`
	Specification specificationCommand `cmd:"" help:"What can be ordered of it."`
	Link          linkCommand          `cmd:"" help:"Resources whose capacity orders share."`
	Place         placeCommand         `cmd:"" help:"Where something can be had."`
	Schema        schemaCommand        `cmd:"" help:"By which product payloads are checked."`
	Preview       catalogPreview       `cmd:"" op:"preview-catalog" role:"product-manager" help:"Show what a file of a catalogue would change, row by row." eg:"catalogue.yaml" eg:"catalogue.yaml --json"`
	Import        catalogImport        `cmd:"" op:"import-catalog" role:"product-manager" help:"Put a file of a catalogue in force, all of it or nothing." eg:"catalogue.yaml" eg:"catalogue.yaml --without-rejected" eg:"- --name monday < catalogue.json"`
	Undo          catalogUndo          `cmd:"" op:"undo-catalog" role:"product-manager" help:"Take the last import back." eg:""`
	Imports       catalogImports       `cmd:"" op:"list-catalog-imports" help:"List what was imported, the oldest first." eg:"" eg:"--json"`
	Export        catalogExport        `cmd:"" op:"export-catalog" help:"Write the whole catalogue as import takes it." eg:"--out catalogue.yaml" eg:"--format json > catalogue.json"`
	Search        catalogSearch        `cmd:"" op:"search-catalog" help:"Find the offerings that answer an inquiry, the cheapest first." eg:"--a 'Hong Kong' --z Milan --bandwidth 100000000" eg:"--a ITMIL --type urn:lateral:spec:internet-access:v1.0.0:all" eg:"--a Singapore --z-neighbour '*' --from 2026-12-01T20:00:00Z --to 2026-12-01T22:00:00Z --latency 180000 --ceiling EUR:500 --json"`
	Reserve       catalogReserve       `cmd:"" op:"reserve-capacity" role:"product-manager,engineer" help:"Reserve what an offering needs for an inquiry." eg:"claim.yaml" eg:"claim.json --json"`
	Reservation   reservationCommand   `cmd:"" help:"What is reserved of the capacity."`
}

// stocked is one kind of item: where its items are, and what a list shows of them.
type stocked[T catalog.Item] interface {
	of(*client.Client) client.Stock[T]
	columns() string
}

type (
	offerings      struct{}
	specifications struct{}
	links          struct{}
	places         struct{}
)

func (offerings) of(c *client.Client) client.Stock[catalog.Offering] { return c.Offerings() }
func (specifications) of(c *client.Client) client.Stock[catalog.Specification] {
	return c.Specifications()
}
func (links) of(c *client.Client) client.Stock[catalog.Link]   { return c.Links() }
func (places) of(c *client.Client) client.Stock[catalog.Place] { return c.Places() }

func (offerings) columns() string      { return "item.id item.name version state item.specification at by" }
func (specifications) columns() string { return "item.id item.name version state item.type" }
func (links) columns() string          { return "item.id item.name version item.bandwidth" }
func (places) columns() string {
	return "item.id item.name item.country item.latitude item.longitude version item.names"
}

// listItems is a command that lists the items of one kind.
type listItems[T catalog.Item, K stocked[T]] struct {
	connection
	paging
	Name  string `placeholder:"TEXT" help:"Only those with this in a name."`
	State string `placeholder:"STATE" help:"Only those in this state."`
}

func (c listItems[T, K]) Run(ctx context.Context, n *remote) error {
	var k K
	return listed(n, c.paging, k.columns(), func(api *client.Client) iter.Seq2[catalog.Entry[T], error] {
		return k.of(api).List(ctx, client.Filter{"name": c.Name, "state": c.State})
	})
}

// item is a command about one item.
type item struct {
	connection
	ID string `arg:"" help:"Its id."`
}

type showItem[T catalog.Item, K stocked[T]] struct{ item }

func (c showItem[T, K]) Run(ctx context.Context, n *remote) error {
	var k K
	e, err := k.of(n.api).Get(ctx, c.ID)
	return shown(n, e, err)
}

// itemHistory is a command that lists the versions of one item.
type itemHistory[T catalog.Item, K stocked[T]] struct {
	item
	paging
}

func (c itemHistory[T, K]) Run(ctx context.Context, n *remote) error {
	var k K
	versions := func(api *client.Client) iter.Seq2[catalog.Version[T], error] { return k.of(api).Versions(ctx, c.ID) }
	if n.json {
		return listed(n, c.paging, "version", versions)
	}
	for v, err := range versions(n.api) {
		if err != nil {
			return err
		}
		note := ""
		if v.InForce {
			note = ", in force"
		}
		at, _ := v.At.MarshalText() // never fails
		fmt.Fprintf(n.out, "version %d of %s by %s%s\n", v.Number, at, v.By, note)
		if err := writeChanges(n.out, v.Changes, v.Number == 1); err != nil {
			return err
		}
	}
	return nil
}

// writeChanges prints what differs; of something new only what it is now.
func writeChanges(w io.Writer, changes []catalog.Change, fresh bool) error {
	var b strings.Builder
	rows := make([][]string, len(changes))
	head := []string{"field", "before", "after"}
	for i, c := range changes {
		rows[i] = []string{c.Field, c.Before, c.After}
		if fresh {
			rows[i] = []string{c.Field, c.After}
		}
	}
	if fresh {
		head = []string{"field", "value"}
	}
	table(&b, "  ", head, rows, false)
	_, err := io.WriteString(w, b.String())
	return err
}

// putItem is a command that puts an item in force.
type putItem[T catalog.Item, K stocked[T]] struct {
	connection
	File string `arg:"" help:"The item, YAML or JSON; - is standard input."`
}

func (c putItem[T, K]) Run(ctx context.Context, n *remote) error {
	var k K
	var x T
	if err := n.body(c.File, &x); err != nil {
		return err
	}
	s, err := k.of(n.api).Put(ctx, x)
	if err != nil || n.json {
		return shown(n, s, err)
	}
	if !s.Changed {
		_, err = fmt.Fprintf(n.out, "version %d is in force already; nothing was done\n", s.Entry.Version)
		return err
	}
	_, err = fmt.Fprintf(n.out, "version %d is in force\n", s.Entry.Version)
	return err
}

// stepItem is a command that moves an item on in its life.
type stepItem[T catalog.Item, K stocked[T]] struct {
	item
	Event catalog.Event `arg:"" enum:"announce,launch,reject,hold,endSale,endSupport,retire" help:"announce, launch, reject, hold, endSale, endSupport or retire."`
	Why   string        `help:"Reason; it stands in the history."`
}

func (c stepItem[T, K]) Run(ctx context.Context, n *remote) error {
	var k K
	e, err := k.of(n.api).Step(ctx, c.ID, c.Event, c.Why)
	if err != nil || n.json {
		return shown(n, e, err)
	}
	_, err = fmt.Fprintf(n.out, "%s is %s\n", c.ID, e.State)
	return err
}

// offeringCommand is "lateral catalog offering".
type offeringCommand struct {
	List    listItems[catalog.Offering, offerings]   `cmd:"" op:"list-offerings" help:"List offerings." eg:"" eg:"--state launched --name milan"`
	Show    showItem[catalog.Offering, offerings]    `cmd:"" op:"get-offering" help:"Show an offering as it is in force, with margins." eg:"hk-mil"`
	Put     putItem[catalog.Offering, offerings]     `cmd:"" op:"put-offering" role:"product-manager" help:"Put an offering in force: a new one, or a new version." eg:"hk-mil.yaml"`
	Step    stepItem[catalog.Offering, offerings]    `cmd:"" op:"step-offering" role:"product-manager" help:"Move an offering on in its life." eg:"hk-mil launch" eg:"hk-mil hold --why 'Cable cut.'"`
	History itemHistory[catalog.Offering, offerings] `cmd:"" op:"list-offering-versions" help:"List all versions of an offering with what each changed." eg:"hk-mil"`
}

// specificationCommand is "lateral catalog specification".
type specificationCommand struct {
	List    listItems[catalog.Specification, specifications]   `cmd:"" op:"list-specifications" help:"List specifications." eg:"" eg:"--state published"`
	Show    showItem[catalog.Specification, specifications]    `cmd:"" op:"get-specification" help:"Show a specification." eg:"e-line"`
	Put     putItem[catalog.Specification, specifications]     `cmd:"" op:"put-specification" role:"product-manager" help:"Put a specification in force: a new one, or a new version." eg:"e-line.yaml"`
	Step    stepItem[catalog.Specification, specifications]    `cmd:"" op:"step-specification" role:"product-manager" help:"Retire a specification, once no offering of it is left." eg:"e-line retire"`
	History itemHistory[catalog.Specification, specifications] `cmd:"" op:"list-specification-versions" help:"List all versions of a specification with what each changed." eg:"e-line"`
}

// linkCommand is "lateral catalog link".
type linkCommand struct {
	List     listItems[catalog.Link, links]   `cmd:"" op:"list-links" help:"List links." eg:""`
	Show     showItem[catalog.Link, links]    `cmd:"" op:"get-link" help:"Show a link." eg:"cable"`
	Put      putItem[catalog.Link, links]     `cmd:"" op:"put-link" role:"product-manager,engineer" help:"Put a link in force: a new one, or a new version." eg:"cable.yaml"`
	History  itemHistory[catalog.Link, links] `cmd:"" op:"list-link-versions" help:"List all versions of a link with what each changed." eg:"cable"`
	Capacity linkCapacity                     `cmd:"" op:"get-capacity" help:"Tell how much of a link is free in a span of time." eg:"cable" eg:"cable --from 2026-12-01T20:00:00Z --to 2026-12-01T22:00:00Z"`
}

type linkCapacity struct {
	item
	From wire.Time `placeholder:"TIME" help:"Default: now."`
	To   wire.Time `placeholder:"TIME" help:"Default: without end."`
}

func (c linkCapacity) Run(ctx context.Context, n *remote) error {
	x, err := n.api.Capacity(ctx, c.ID, c.From, c.To)
	return shown(n, x, err)
}

// placeCommand is "lateral catalog place".
type placeCommand struct {
	List    listItems[catalog.Place, places]   `cmd:"" op:"list-places" help:"List places, the built-in ones too." eg:"--name milan" eg:"--all"`
	Show    showItem[catalog.Place, places]    `cmd:"" op:"get-place" help:"Show a place." eg:"ITMIL"`
	Put     putItem[catalog.Place, places]     `cmd:"" op:"put-place" role:"product-manager,engineer" help:"Put a place in force: a new one, or a new version, or in the place of a built-in one." eg:"mil-dc1.yaml"`
	History itemHistory[catalog.Place, places] `cmd:"" op:"list-place-versions" help:"List all versions of an own place with what each changed." eg:"mil-dc1"`
}

// schemaCommand is "lateral catalog schema".
type schemaCommand struct {
	List  schemaList  `cmd:"" op:"list-schemas" help:"List the schemas that a node has." eg:"" eg:"--json"`
	Show  schemaShow  `cmd:"" op:"get-schema" help:"Print a schema as JSON." eg:"urn:lateral:spec:e-line:v1.0.0:all"`
	Check schemaCheck `cmd:"" op:"check-payload" role:"product-manager,engineer" help:"Check a product payload by the schema of its @type." eg:"payload.json"`
	Try   schemaTry   `cmd:"" help:"Load a folder of schemas as a node would, and tell what cannot be used; needs no node." eg:"./schemas" eg:"./schemas --payload payload.json"`
}

type schemaList struct {
	connection
	paging
}

func (c schemaList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "type title built_in file", func(api *client.Client) iter.Seq2[catalog.SchemaInfo, error] { return api.Schemas(ctx) })
}

type schemaShow struct {
	connection
	out
	Type string `arg:"" help:"The @type of its payloads."`
}

func (c schemaShow) Run(ctx context.Context, n *remote) error {
	data, err := n.api.Schema(ctx, c.Type)
	return c.write(n.terminal, append(data, '\n'), err)
}

type schemaCheck struct {
	connection
	File string `arg:"" help:"The payload, JSON; - is standard input."`
}

func (c schemaCheck) Run(ctx context.Context, n *remote) error {
	data, err := n.read(c.File)
	if err != nil {
		return err
	}
	x, err := n.api.CheckPayload(ctx, data)
	if err != nil || n.json {
		return shown(n, x, err)
	}
	return writeChecked(n.out, x)
}

func writeChecked(w io.Writer, x wire.Checked) error {
	if len(x.Violations) == 0 {
		_, err := fmt.Fprintf(w, "it satisfies %s\n", x.Type)
		return err
	}
	return writeList(w, x.Violations, "pointer reason detail")
}

type schemaTry struct {
	Dir     string `arg:"" help:"Folder with schemas, .json, .yaml and .yml."`
	Payload string `placeholder:"FILE" help:"Check this payload too."`
	JSON    bool   `name:"json" help:"Print one JSON document."`
}

// tried is what a folder of schemas holds.
type tried struct {
	Schemas []catalog.SchemaInfo `json:"schemas"`
	Refused []refusedFile        `json:"refused"`
	Payload *wire.Checked        `json:"payload,omitempty"`
}

type refusedFile struct {
	File   string     `json:"file"`
	Code   fault.Code `json:"code"`
	Detail string     `json:"detail"`
	Remedy string     `json:"remedy"`
}

func (c schemaTry) Run(t terminal) error {
	s, bad := catalog.LoadSchemas(c.Dir)
	x := tried{Schemas: s.List(), Refused: []refusedFile{}}
	for _, err := range bad {
		f := fault.Of(err)
		x.Refused = append(x.Refused, refusedFile{f.Field, f.Code, f.Detail, f.Remedy})
	}
	if c.Payload != "" {
		data, err := t.read(c.Payload)
		if err != nil {
			return err
		}
		v, err := s.Check(data)
		if err != nil {
			return err
		}
		typ, err := catalog.TypeOf(data)
		if err != nil {
			return err
		}
		x.Payload = &wire.Checked{Type: typ, Violations: append([]catalog.Violation{}, v...)}
	}
	if c.JSON {
		return t.document(x)
	}
	own := slices.DeleteFunc(slices.Clone(x.Schemas), func(i catalog.SchemaInfo) bool { return i.BuiltIn })
	if err := writeList(t.out, own, "type title file"); err != nil {
		return err
	}
	if len(x.Refused) > 0 {
		fmt.Fprintln(t.out)
		if err := writeList(t.out, x.Refused, "file detail"); err != nil {
			return err
		}
	}
	if x.Payload != nil {
		fmt.Fprintln(t.out)
		return writeChecked(t.out, *x.Payload)
	}
	return nil
}

type catalogPreview struct {
	connection
	File string `arg:"" help:"The catalogue, YAML or JSON; - is standard input."`
}

func (c catalogPreview) Run(ctx context.Context, n *remote) error {
	f, err := n.open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := n.api.PreviewCatalog(ctx, f)
	if err != nil || n.json {
		return shown(n, p, err)
	}
	return writePreview(n.out, p)
}

// writePreview tells what a file changes: the rows that were rejected, and each
// item that is new or differs.
func writePreview(w io.Writer, p catalog.Preview) error {
	fmt.Fprintf(w, "%d rows: %d added, %d changed, %d unchanged, %d rejected\n", p.Rows, p.Counts[catalog.Added], p.Counts[catalog.Changed], p.Counts[catalog.Unchanged], len(p.Rejected))
	if len(p.Rejected) > 0 {
		fmt.Fprintln(w)
		if err := writeList(w, p.Rejected, "line list row id field code detail"); err != nil {
			return err
		}
	}
	for _, x := range p.Changes {
		state := string(x.To)
		if x.From != "" && x.From != x.To {
			state = string(x.From) + " to " + state
		}
		if state != "" {
			state = ", " + state
		}
		fmt.Fprintf(w, "\n%s %s %s: version %d%s\n", x.What, x.Kind, x.ID, x.After, state)
		if x.What == catalog.Changed && len(x.Diff) > 0 {
			if err := writeChanges(w, x.Diff, false); err != nil {
				return err
			}
		}
	}
	return nil
}

type catalogImport struct {
	connection
	File            string `arg:"" help:"The catalogue, YAML or JSON; - is standard input."`
	Name            string `placeholder:"NAME" help:"Of the file, for people; default: its own."`
	WithoutRejected bool   `help:"Take the good rows of a file that has bad ones."`
}

func (c catalogImport) Run(ctx context.Context, n *remote) error {
	f, err := n.open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	name := c.Name
	if name == "" && c.File != "-" {
		name = filepath.Base(c.File)
	}
	p, err := n.api.ImportCatalog(ctx, name, c.WithoutRejected, f)
	if err != nil || n.json {
		return shown(n, p, err)
	}
	if err := writePreview(n.out, p); err != nil {
		return err
	}
	if p.Number == 0 {
		_, err = fmt.Fprintln(n.out, "\nnothing differs, and nothing was done")
	} else {
		_, err = fmt.Fprintf(n.out, "\nimport %d is in force; lateral catalog undo takes it back\n", p.Number)
	}
	return err
}

type catalogUndo struct{ connection }

func (c catalogUndo) Run(ctx context.Context, n *remote) error {
	x, err := n.api.UndoCatalog(ctx)
	if err != nil || n.json {
		return shown(n, x, err)
	}
	_, err = fmt.Fprintf(n.out, "import %d is taken back: %d items are as they were before\n", x.Number, len(x.Changes))
	return err
}

type catalogImports struct {
	connection
	paging
}

func (c catalogImports) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "number name at by undone", func(api *client.Client) iter.Seq2[catalog.FileImport, error] { return api.CatalogImports(ctx) })
}

type catalogExport struct {
	connection
	out
	Format string `enum:"yaml,json" default:"yaml" placeholder:"FORMAT" help:"yaml or json; default: ${default}."`
}

func (c catalogExport) Run(ctx context.Context, n *remote) error {
	data, err := n.api.ExportCatalog(ctx, c.Format)
	return c.write(n.terminal, data, err)
}

type catalogSearch struct {
	connection
	A            string    `placeholder:"PLACE" help:"One end, or where the product is wanted: id, code or name."`
	Z            string    `placeholder:"PLACE" help:"The other end."`
	ANeighbour   string    `placeholder:"CODE" help:"The end A is an eNNI with this neighbour; * is any."`
	ZNeighbour   string    `placeholder:"CODE" help:"The end Z is an eNNI with this neighbour; * is any."`
	Type         string    `placeholder:"URN" help:"The @type of the product; default: any."`
	Bandwidth    uint64    `placeholder:"BITS" help:"bit/s at least."`
	From         wire.Time `placeholder:"TIME" help:"Default: as soon as it can be had."`
	To           wire.Time `placeholder:"TIME" help:"Default: without end."`
	Latency      uint64    `placeholder:"MICROSECONDS" help:"One way at most."`
	Availability uint32    `placeholder:"MILLIONTHS" help:"At least: 999900 is 99.99%."`
	Ceiling      string    `placeholder:"EUR:AMOUNT" help:"The most that all of it may cost."`
	Limit        int       `default:"20" placeholder:"N" help:"Answers at most; default: ${default}."`
}

func (c catalogSearch) Run(ctx context.Context, n *remote) error {
	f := client.Filter{"a": c.A, "z": c.Z, "a_neighbour": c.ANeighbour, "z_neighbour": c.ZNeighbour, "type": c.Type, "ceiling": c.Ceiling, "limit": strconv.Itoa(c.Limit)}
	for name, v := range map[string]uint64{"bandwidth": c.Bandwidth, "latency": c.Latency, "availability": uint64(c.Availability)} {
		if v != 0 {
			f[name] = strconv.FormatUint(v, 10)
		}
	}
	for name, t := range map[string]wire.Time{"from": c.From, "to": c.To} {
		if t != 0 {
			f[name] = stamp(t)
		}
	}
	found, err := n.api.SearchCatalog(ctx, f)
	if err != nil || n.json {
		return shown(n, found, err)
	}
	if err := writeList(n.out, found.Matches, "answer.offering answer.name answer.bandwidth answer.latency answer.availability answer.cost.total.amount answer.cost.total.currency answer.cost.span free"); err != nil {
		return err
	}
	if len(found.Passed) > 0 {
		var why []string
		for _, k := range slices.Sorted(maps.Keys(found.Passed)) {
			why = append(why, fmt.Sprintf("%s %d", k, found.Passed[k]))
		}
		_, err = fmt.Fprintf(n.err, "others at these places do not answer by: %s\n", strings.Join(why, ", "))
	}
	return err
}

type catalogReserve struct {
	connection
	File string `arg:"" help:"The claim, YAML or JSON: id, offering, inquiry, expires, for; - is standard input."`
}

func (c catalogReserve) Run(ctx context.Context, n *remote) error {
	var claim catalog.Claim
	if err := n.body(c.File, &claim); err != nil {
		return err
	}
	h, err := n.api.Reserve(ctx, claim)
	return shown(n, h, err)
}

// reservationCommand is "lateral catalog reservation".
type reservationCommand struct {
	List    reservationList    `cmd:"" op:"list-reservations" help:"List reservations." eg:"" eg:"--state reserved --offering hk-mil"`
	Show    reservationShow    `cmd:"" op:"get-reservation" help:"Show a reservation." eg:"r-1"`
	Confirm reservationConfirm `cmd:"" op:"confirm-reservation" role:"product-manager,engineer" help:"Confirm a reservation for an order, before it expires." eg:"r-1 --order O-7"`
	Use     reservationUse     `cmd:"" op:"use-reservation" role:"product-manager,engineer" help:"Say that what was reserved is in use." eg:"r-1"`
	Release reservationRelease `cmd:"" op:"release-reservation" role:"product-manager,engineer" help:"Give the capacity back." eg:"r-1"`
	Resize  reservationResize  `cmd:"" op:"resize-reservation" role:"product-manager,engineer" help:"Change the bandwidth of a reservation." eg:"r-1 200000000"`
}

type reservationList struct {
	connection
	paging
	State    string `placeholder:"STATE" help:"reserved, confirmed, inUse, released or expired."`
	Offering string `placeholder:"ID" help:"Of this offering."`
}

func (c reservationList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id state offering bandwidth from to expires for order", func(api *client.Client) iter.Seq2[wire.Reservation, error] {
		return api.Reservations(ctx, client.Filter{"state": c.State, "offering": c.Offering})
	})
}

type (
	reservationShow    struct{ item }
	reservationConfirm struct {
		item
		Order string `required:"" placeholder:"ID" help:"What it is confirmed for."`
	}
	reservationUse     struct{ item }
	reservationRelease struct{ item }
	reservationResize  struct {
		item
		Bandwidth uint64 `arg:"" help:"bit/s."`
	}
)

func (c reservationShow) Run(ctx context.Context, n *remote) error {
	h, err := n.api.Reservation(ctx, c.ID)
	return shown(n, h, err)
}

func (c reservationConfirm) Run(ctx context.Context, n *remote) error {
	h, err := n.api.ConfirmReservation(ctx, c.ID, c.Order)
	return shown(n, h, err)
}

func (c reservationUse) Run(ctx context.Context, n *remote) error {
	h, err := n.api.UseReservation(ctx, c.ID)
	return shown(n, h, err)
}

func (c reservationRelease) Run(ctx context.Context, n *remote) error {
	h, err := n.api.ReleaseReservation(ctx, c.ID)
	return shown(n, h, err)
}

func (c reservationResize) Run(ctx context.Context, n *remote) error {
	h, err := n.api.ResizeReservation(ctx, c.ID, c.Bandwidth)
	return shown(n, h, err)
}
