package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

// CodeRowsRejected says that a file of a catalogue has rows that cannot be taken.
const CodeRowsRejected fault.Code = "catalogue-refused"

// File is a whole catalogue as it is imported and exported.
type File struct {
	Catalogue      int             `json:"catalogue"` // version of the form: 1
	Places         []Place         `json:"places,omitempty"`
	Links          []Link          `json:"links,omitempty"`
	Specifications []Specification `json:"specifications,omitempty"`
	Offerings      []OfferingRow   `json:"offerings,omitempty"`
}

// OfferingRow is an offering with the state that it is to be in; none: as it
// is.
type OfferingRow struct {
	Offering
	State State `json:"state,omitempty"`
}

// What becomes of a row.
const (
	Added     = "added"
	Changed   = "changed"
	Unchanged = "unchanged"
)

// ImportChange is what an import makes of one item.
type ImportChange struct {
	Kind   Kind     `cbor:"1,keyasint" json:"kind"`
	ID     string   `cbor:"2,keyasint" json:"id"`
	What   string   `cbor:"3,keyasint" json:"what" doc:"added, changed or unchanged."`
	Before uint32   `cbor:"4,keyasint" json:"before,omitempty" doc:"Version in force before; absent: none."`
	After  uint32   `cbor:"5,keyasint" json:"after,omitempty"`
	From   State    `cbor:"6,keyasint,omitempty" json:"state_before,omitempty"`
	To     State    `cbor:"7,keyasint,omitempty" json:"state_after,omitempty"`
	Diff   []Change `cbor:"-" json:"changes,omitempty"`
}

// FileImport is a file that was put in force.
type FileImport struct {
	Number  uint32         `cbor:"1,keyasint" json:"number"`
	At      Time           `cbor:"2,keyasint" json:"at"`
	By      string         `cbor:"3,keyasint,omitempty" json:"by,omitempty"`
	Name    string         `cbor:"4,keyasint,omitempty" json:"name,omitempty" doc:"Of the file."`
	Changes []ImportChange `cbor:"5,keyasint" json:"changes" nullable:"false"`
	Undone  Time           `cbor:"6,keyasint,omitempty" json:"undone,omitempty" doc:"When it was taken back."`
}

// BadRow is a row that cannot be taken.
type BadRow struct {
	Line   int        `json:"line"`
	List   string     `json:"list" doc:"places, links, specifications or offerings."`
	Row    int        `json:"row" doc:"In its list, from 1."`
	ID     string     `json:"id,omitempty"`
	Code   fault.Code `json:"code"`
	Field  string     `json:"field,omitempty"`
	Detail string     `json:"detail"`
	Remedy string     `json:"remedy,omitempty"`
}

// Preview is what a file changes.
type Preview struct {
	Rows     int            `json:"rows"`
	Rejected []BadRow       `json:"rejected" nullable:"false"`
	Counts   map[string]int `json:"counts" doc:"Items added, changed and unchanged."`
	Changes  []ImportChange `json:"changes" nullable:"false" doc:"Without what stays as it is."`
	Number   uint32         `json:"number,omitempty" doc:"Of the import that it became."`
}

// maxCatalogFile bounds a file of a catalogue, bytes.
const maxCatalogFile = 64 << 20

// row is one row of a file.
type row struct {
	BadRow // where it is; the rest when it is rejected
	item   any
	state  State
}

// readFile reads YAML or JSON row by row. A bad row does not hinder the others.
func readFile(r io.Reader) (rows []row, err error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCatalogFile+1))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the file breaks off", "send it whole").Because(err)
	}
	if len(data) > maxCatalogFile {
		return nil, fault.Newf(fault.Invalid, "split it", "the file has more than %d bytes", maxCatalogFile)
	}
	bad := func(line int, format string, args ...any) error {
		f := fault.Newf(fault.Invalid, "begin the file with catalogue: 1, and lists of places, links, specifications and offerings", format, args...)
		if line > 0 {
			return f.In("line " + strconv.Itoa(line))
		}
		return f
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, bad(0, "the file is neither YAML nor JSON: %v", err)
	}
	if doc.Kind != yaml.DocumentNode || doc.Content[0].Kind != yaml.MappingNode {
		return nil, bad(0, "the file is no catalogue")
	}
	form := false
	lists := map[string]*yaml.Node{}
	top := doc.Content[0]
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		switch name := key.Value; name {
		case "catalogue":
			if form = value.Value == "1"; !form {
				return nil, bad(value.Line, "the form %.20q of a catalogue is not known", value.Value)
			}
		case "places", "links", "specifications", "offerings":
			if value.Kind != yaml.SequenceNode && value.Tag != "!!null" {
				return nil, bad(value.Line, "%s is no list", name)
			}
			if lists[name] != nil {
				return nil, bad(key.Line, "%s comes twice", name)
			}
			lists[name] = value
		default:
			return nil, bad(key.Line, "there is no list %.40q", name)
		}
	}
	if !form {
		return nil, bad(0, "the file does not say that it is a catalogue")
	}
	seen := map[string]bool{}
	for _, l := range []struct {
		name  string
		blank func() any
	}{
		{"places", func() any { return new(Place) }}, {"links", func() any { return new(Link) }},
		{"specifications", func() any { return new(Specification) }}, {"offerings", func() any { return new(OfferingRow) }},
	} {
		if lists[l.name] == nil {
			continue
		}
		for i, n := range lists[l.name].Content {
			x := row{BadRow: BadRow{Line: n.Line, List: l.name, Row: i + 1}}
			item := l.blank()
			if err := decodeRow(n, item); err != nil {
				x.reject(err)
				rows = append(rows, x)
				continue
			}
			if o, ok := item.(*OfferingRow); ok {
				x.item, x.state = &o.Offering, o.State
			} else {
				x.item = item
			}
			_, x.ID = describe(x.item)
			if key := l.name + "/" + x.ID; seen[key] {
				x.reject(fault.New(fault.Invalid, "the file has it twice", "keep one of the rows").In("id"))
			} else {
				seen[key] = true
			}
			rows = append(rows, x)
		}
	}
	// Bundles come behind what they are made of.
	slices.SortStableFunc(rows, func(a, b row) int { return a.rank() - b.rank() })
	return rows, nil
}

func (r *row) rank() int {
	switch x := r.item.(type) {
	case *Place, nil:
		return 0
	case *Link:
		return 1
	case *Specification:
		return 2
	case *Offering:
		if x.Bundle() {
			return 4
		}
	}
	return 3
}

func (r *row) reject(err error) {
	f := fault.Of(err)
	r.Code, r.Field, r.Detail, r.Remedy, r.item = f.Code, f.Field, f.Detail, f.Remedy, nil
}

// decodeRow reads one row into an item.
func decodeRow(n *yaml.Node, into any) error {
	v, err := plainNode(n, 0)
	if err != nil {
		return fault.Newf(fault.Invalid, "correct the row", "%v", err)
	}
	data, err := json.Marshal(texts(v))
	if err != nil {
		return fault.Newf(fault.Invalid, "correct the row", "it cannot be read: %v", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if f := fault.Of(err); f.Code != fault.Internal {
			return f
		}
		return fault.Newf(fault.Invalid, "correct the row; rates and other amounts are texts, in quotes when they are whole numbers", "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// texts makes texts of numbers with a point, which stand for decimals.
func texts(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = texts(x[k])
		}
	case []any:
		for i := range x {
			x[i] = texts(x[i])
		}
	case json.Number:
		if strings.ContainsAny(x.String(), ".eE") {
			return x.String()
		}
	}
	return v
}

// Preview tells what a file would change, and changes nothing. Code: invalid
// when it is no catalogue at all.
func (c *Catalog) Preview(r io.Reader, by string, now int64) (Preview, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	p, _, err := c.take(r, by, now)
	return p, err
}

// Import puts a file in force, all of it or nothing; without the rows that are
// rejected only when that is asked for. Codes: invalid, [CodeRowsRejected] with
// the first rejected row.
func (c *Catalog) Import(r io.Reader, name string, withoutRejected bool, by string, now int64) (Preview, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	p, tx, err := c.take(r, by, now)
	if err != nil {
		return p, err
	}
	if n := len(p.Rejected); n > 0 && !withoutRejected {
		x := p.Rejected[0]
		return p, fault.Newf(CodeRowsRejected, "correct the rows, or import the others without them",
			"%d of %d rows were rejected; the first is row %d of %s, line %d: %s", n, p.Rows, x.Row, x.List, x.Line, x.Detail).In(x.Field)
	}
	if len(p.Changes) == 0 {
		return p, nil
	}
	done := FileImport{Number: tx.number, At: Time(now), By: by, Name: name, Changes: slices.Clone(p.Changes)}
	for i := range done.Changes {
		done.Changes[i].Diff = nil
	}
	tx.writes = append(tx.writes, merkle.Write{Key: importKey(done.Number), Value: canon.Must(done)})
	tx.done = append(tx.done, func() { c.imports = append(c.imports, done) })
	p.Number = done.Number
	return p, tx.commit()
}

func importKey(n uint32) string { return fmt.Sprintf("%s%010d", keyImport, n) }

// take stages the rows of a file. The writing lock is held.
func (c *Catalog) take(r io.Reader, by string, now int64) (Preview, *change, error) {
	p := Preview{Rejected: []BadRow{}, Changes: []ImportChange{}, Counts: map[string]int{}}
	rows, err := readFile(r)
	if err != nil {
		return p, nil, err
	}
	tx := c.begin(by, now)
	tx.number = uint32(len(c.imports)) + 1 // only the writing lock's holder adds to them
	p.Rows = len(rows)
	for i := range rows {
		x := &rows[i]
		if x.item == nil {
			p.Rejected = append(p.Rejected, x.BadRow)
			continue
		}
		made, err := tx.takeRow(x)
		if err != nil {
			x.reject(err)
			p.Rejected = append(p.Rejected, x.BadRow)
			continue
		}
		p.Counts[made.What]++
		if made.What != Unchanged {
			p.Changes = append(p.Changes, made)
		}
	}
	slices.SortStableFunc(p.Rejected, func(a, b BadRow) int { return a.Line - b.Line })
	return p, tx, nil
}

func (tx *change) takeRow(x *row) (ImportChange, error) {
	k, id := describe(x.item)
	made := ImportChange{Kind: k, ID: id, What: Added}
	old, ok := tx.get(k, id)
	var before any
	if ok && old.item != nil {
		made.What, made.Before, made.From, before = Changed, old.Current, old.state(), old.item
	}
	from := State(InTest)
	if made.From != "" {
		from = made.From
	}
	var events []Event
	if x.state != "" {
		var leads bool
		if events, leads = way(from, x.state); !leads {
			return made, fault.Newf(CodeNoMove, "name a state that it can come into, or none", "nothing leads from %s to %.40q", from, string(x.state)).In("state")
		}
	}
	changed, err := tx.put(x.item)
	if err != nil {
		return made, err
	}
	for _, e := range events {
		if err := tx.step(k, id, e, "imported"); err != nil {
			return made, err // the way leads there, so this does not happen
		}
	}
	if !changed && len(events) == 0 {
		made.What = Unchanged
		return made, nil
	}
	next, _ := tx.get(k, id)
	made.After, made.To = next.Current, next.state()
	made.Diff, err = Diff(before, x.item)
	return made, err
}

// Imports gives what was imported, the oldest first.
func (c *Catalog) Imports() []FileImport {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.imports)
}

// takenBack is the event of a state that an undone import had changed.
const takenBack Event = "undo"

// Undo takes back the last import that stands: what it added is gone, what it
// changed is as it was before. All versions stay in the history. Codes:
// not-found when there is none, conflict when something has changed since or
// rests on what would go.
func (c *Catalog) Undo(by string, now int64) (FileImport, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	at := -1
	imports := c.Imports()
	for i, x := range imports {
		if x.Undone == 0 {
			at = i
		}
	}
	if at < 0 {
		return FileImport{}, fault.New(fault.NotFound, "no import stands that could be taken back", "look at lateral catalog imports")
	}
	done := imports[at]
	tx := c.begin(by, now)
	for _, x := range done.Changes {
		old, ok := tx.get(x.Kind, x.ID)
		if !ok || old.Current != x.After || old.state() != x.To {
			return FileImport{}, fault.Newf(fault.Conflict, "change it by hand", "the %s %s has changed since the import", x.Kind, x.ID)
		}
		next := &record{head: head{Current: x.Before, Last: old.Last, Moves: slices.Clone(old.Moves)}}
		if x.Before != 0 {
			var err error
			if next.version, next.item, err = c.read(x.Kind, x.ID, x.Before); err != nil {
				return FileImport{}, err
			}
			if x.From != x.To {
				next.Moves = append(next.Moves, Move{At: Time(now), State: x.From, Event: takenBack, By: by})
			}
		}
		tx.stage(x.Kind, x.ID, next)
	}
	var rests error
	var all []*Offering
	tx.each(KindOffering, func(x *record) {
		if s := x.state(); s != Obsolete && s != Rejected { // what they were of may have gone before
			all = append(all, x.item.(*Offering))
		}
	})
	for _, o := range all {
		if err := tx.checkOffering(o); err != nil && rests == nil {
			rests = fault.Newf(fault.Conflict, "change that offering first", "the offering %s rests on what would go: %s", o.ID, fault.Of(err).Detail)
		}
	}
	if rests != nil {
		return FileImport{}, rests
	}
	done.Undone = Time(now)
	tx.writes = append(tx.writes, merkle.Write{Key: importKey(done.Number), Value: canon.Must(done)})
	tx.done = append(tx.done, func() {
		c.imports = slices.Clone(c.imports)
		c.imports[at] = done
	})
	return done, tx.commit()
}

// Export gives the whole catalogue as it is in force.
func (c *Catalog) Export() File {
	f := File{Catalogue: 1}
	for _, e := range List[Place](c) {
		f.Places = append(f.Places, e.Item)
	}
	for _, e := range List[Link](c) {
		f.Links = append(f.Links, e.Item)
	}
	for _, e := range List[Specification](c) {
		f.Specifications = append(f.Specifications, e.Item)
	}
	for _, e := range List[Offering](c) {
		f.Offerings = append(f.Offerings, OfferingRow{e.Item, e.State})
	}
	return f
}

// YAML writes the catalogue as a person edits it.
func (f File) YAML() ([]byte, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var plainly func(n *yaml.Node)
	plainly = func(n *yaml.Node) {
		n.Style = 0
		for _, x := range n.Content {
			plainly(x)
		}
	}
	plainly(&doc)
	return yaml.Marshal(&doc)
}
