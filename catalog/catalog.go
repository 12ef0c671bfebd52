package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
)

// CodeNoMove says that an offering, specification or reservation cannot do this
// from the state in which it is.
const CodeNoMove fault.Code = "no-such-move"

// Item is what a catalogue keeps in versions.
type Item interface {
	Place | Link | Specification | Offering
}

// Entry is an item as it is in force.
type Entry[T Item] struct {
	Item    T      `json:"item"`
	Version uint32 `json:"version"`
	At      Time   `json:"at" doc:"When this version was put in force first."`
	By      string `json:"by,omitempty" doc:"Who did."`
	State   State  `json:"state,omitempty" doc:"Of an offering or a specification."`
	Moves   []Move `json:"moves,omitempty" doc:"How it came into its state, the oldest first."`
	// Allowed are the steps that lead on from here, in the order of a life, and put
	// where it may get a new version.
	Allowed []string `json:"allowed" nullable:"false" doc:"What may be done with it now: steps of its life, and put for a new version."`
}

// Move is one step of an item's life.
type Move struct {
	At    Time   `cbor:"1,keyasint" json:"at"`
	State State  `cbor:"2,keyasint" json:"state"` // after it
	Event Event  `cbor:"3,keyasint,omitempty" json:"event,omitempty"`
	By    string `cbor:"4,keyasint,omitempty" json:"by,omitempty"`
	Why   string `cbor:"5,keyasint,omitempty" json:"why,omitempty"`
}

// Version is one content of an item. It never changes.
type Version[T Item] struct {
	Number  uint32   `json:"version"`
	At      Time     `json:"at"`
	By      string   `json:"by,omitempty"`
	Import  uint32   `json:"import,omitempty" doc:"Number of the import that brought it."`
	InForce bool     `json:"in_force"`
	Item    T        `json:"item"`
	Changes []Change `json:"changes" nullable:"false" doc:"Against the version before."`
}

// head is what is stored of an item beside its versions.
type head struct {
	Current uint32 `cbor:"1,keyasint"` // version in force; 0: taken back
	Last    uint32 `cbor:"2,keyasint"` // newest version
	Moves   []Move `cbor:"3,keyasint,omitempty"`
}

func (h head) state() State {
	if len(h.Moves) == 0 {
		return ""
	}
	return h.Moves[len(h.Moves)-1].State
}

// stored is a version as it is stored.
type stored struct {
	At      Time   `cbor:"1,keyasint"`
	By      string `cbor:"2,keyasint,omitempty"`
	Import  uint32 `cbor:"3,keyasint,omitempty"`
	Content []byte `cbor:"4,keyasint"` // canonical encoding of the item
}

// record is an item in memory. It is never altered, but put in the place of.
type record struct {
	head
	version stored // the one in force
	item    any    // *Place, *Link, *Specification or *Offering; nil when taken back
}

// Keys in the store.
const (
	keyHead    = "catalog/item/"
	keyVersion = "catalog/version/"
	keyHold    = "catalog/hold/"
	keyImport  = "catalog/import/"
)

func headKey(k Kind, id string) string { return keyHead + string(k) + "/" + id }

func versionKey(k Kind, id string, n uint32) string {
	return fmt.Sprintf("%s%s/%s/%010d", keyVersion, k, id, n)
}

// Catalog is a carrier's catalogue. All methods may be called at the same time.
// Changes come one after another and are on disk when they return; reads never
// wait for the disk.
type Catalog struct {
	db      *store.Channel
	schemas *Schemas
	base    *Places // what the node knows without the catalogue's own

	writing sync.Mutex // held through a change

	mu      sync.RWMutex // guards all below
	items   map[Kind]map[string]*record
	places  *Places
	index   *index
	holds   *holds
	imports []FileImport
	watch   []func([]Turn)
}

// Turn is what a change made of an offering.
type Turn struct {
	Offering string
	Before   State // "": it was not there
	After    State // "": it was taken back
	Anew     bool  // another version is in force
}

// Watch has f called with what each change made of offerings, after it stands
// and before the next. f must not wait, nor use the catalogue.
func (c *Catalog) Watch(f func([]Turn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch = append(c.watch, f)
}

// turn says what a change makes of an offering; before is nil for a new one.
func turn(id string, before, after *record) Turn {
	t := Turn{Offering: id}
	if before != nil && before.item != nil {
		t.Before = before.state()
	}
	if after.item != nil {
		t.After = after.state()
	}
	t.Anew = before == nil || before.Current != after.Current
	return t
}

// Open reads the catalogue from a keyspace of the store. base are the places
// beside the catalogue's own; nil: those that are built in. Code: corrupt.
func Open(db *store.Channel, schemas *Schemas, base *Places) (*Catalog, error) {
	if base == nil {
		base = BuiltIn()
	}
	if schemas == nil {
		schemas = Embedded()
	}
	c := &Catalog{db: db, schemas: schemas, base: base, items: map[Kind]map[string]*record{}, holds: newHolds()}
	for _, k := range Kinds {
		c.items[k] = map[string]*record{}
		for r, err := range db.Scan(keyHead + string(k) + "/") {
			if err != nil {
				return nil, err
			}
			id := strings.TrimPrefix(r.Key, keyHead+string(k)+"/")
			x := &record{}
			if err := canon.Stored(r.Value, &x.head); err != nil {
				return nil, err
			}
			if x.Current != 0 {
				if x.version, x.item, err = c.read(k, id, x.Current); err != nil {
					return nil, err
				}
			}
			c.items[k][id] = x
		}
	}
	for r, err := range db.Scan(keyHold) {
		if err != nil {
			return nil, err
		}
		var h Hold
		if err := canon.Stored(r.Value, &h); err != nil {
			return nil, err
		}
		c.holds.put(&h)
	}
	for r, err := range db.Scan(keyImport) {
		if err != nil {
			return nil, err
		}
		var i FileImport
		if err := canon.Stored(r.Value, &i); err != nil {
			return nil, err
		}
		c.imports = append(c.imports, i)
	}
	var err error
	if c.places, err = c.allPlaces(nil); err != nil {
		return nil, err
	}
	c.index = newIndex(c.places)
	for _, x := range c.items[KindOffering] {
		c.index.put(x)
	}
	return c, nil
}

// read gives a version from the store.
func (c *Catalog) read(k Kind, id string, n uint32) (stored, any, error) {
	data, ok, err := c.db.Get(versionKey(k, id, n))
	if err != nil {
		return stored{}, nil, err
	}
	if !ok {
		return stored{}, nil, fault.Newf(fault.NotFound, "look its versions up", "the %s %.80s has no version %d", k, id, n)
	}
	var v stored
	if err := canon.Stored(data, &v); err != nil {
		return v, nil, err
	}
	item := blank(k)
	return v, item, canon.Stored(v.Content, item)
}

func blank(k Kind) any {
	switch k {
	case KindPlace:
		return new(Place)
	case KindLink:
		return new(Link)
	case KindSpecification:
		return new(Specification)
	case KindOffering:
		return new(Offering)
	}
	panic("no kind " + string(k))
}

// KindOf gives the kind of a type of items.
func KindOf[T Item]() Kind {
	var x T
	k, _ := describe(&x)
	return k
}

// describe gives kind and id of an item.
func describe(item any) (Kind, string) {
	switch x := item.(type) {
	case *Place:
		return KindPlace, x.ID
	case *Link:
		return KindLink, x.ID
	case *Specification:
		return KindSpecification, x.ID
	case *Offering:
		return KindOffering, x.ID
	}
	panic(fmt.Sprintf("%T is no item", item))
}

// Schemas gives the schemas by which payloads are checked.
func (c *Catalog) Schemas() *Schemas { return c.schemas }

// Places gives all places: those that are built in, the operator's, and those of
// the catalogue.
func (c *Catalog) Places() *Places {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.places
}

// Get gives an item as it is in force. A place may be one that is built in, with
// version 0. Code: not-found.
func Get[T Item](c *Catalog, id string) (Entry[T], error) {
	k := KindOf[T]()
	c.mu.RLock()
	defer c.mu.RUnlock()
	if x, ok := c.items[k][id]; ok && x.item != nil {
		return entry[T](x), nil
	}
	if p, ok := c.places.Get(id); ok && k == KindPlace {
		return Entry[T]{Item: any(p).(T), Allowed: allowed(k, "")}, nil
	}
	return Entry[T]{}, notThere(k, id)
}

func notThere(k Kind, id string) error {
	return fault.Newf(fault.NotFound, "list them with lateral catalog "+string(k)+" list", "the catalogue has no %s %.80q", k, id)
}

func entry[T Item](x *record) Entry[T] {
	return Entry[T]{Item: *x.item.(*T), Version: x.Current, At: x.version.At, By: x.version.By, State: x.state(), Moves: slices.Clone(x.Moves), Allowed: allowed(KindOf[T](), x.state())}
}

// List gives all items of a kind that are in force, in order of their ids.
// Places that are built in are in [Catalog.Places].
func List[T Item](c *Catalog) []Entry[T] {
	k := KindOf[T]()
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []Entry[T]
	for _, id := range slices.Sorted(maps.Keys(c.items[k])) {
		if x := c.items[k][id]; x.item != nil {
			out = append(out, entry[T](x))
		}
	}
	return out
}

// History gives all versions of an item, the oldest first, each with what it
// changed. Code: not-found.
func History[T Item](c *Catalog, id string) ([]Version[T], error) {
	k := KindOf[T]()
	c.mu.RLock()
	x, ok := c.items[k][id]
	c.mu.RUnlock()
	if !ok {
		return nil, notThere(k, id)
	}
	var out []Version[T]
	var before any
	for n := uint32(1); n <= x.Last; n++ {
		v, item, err := c.read(k, id, n)
		if err != nil {
			return nil, err
		}
		changes, err := Diff(before, item)
		if err != nil {
			return nil, err
		}
		out = append(out, Version[T]{Number: n, At: v.At, By: v.By, Import: v.Import, InForce: n == x.Current, Item: *item.(*T), Changes: changes})
		before = item
	}
	return out, nil
}

// At gives an item as it was in a version, which a quote or an order may still
// name. Code: not-found.
func At[T Item](c *Catalog, id string, version uint32) (T, error) {
	_, item, err := c.read(KindOf[T](), id, version)
	if err != nil {
		var none T
		return none, err
	}
	return *item.(*T), nil
}

// Put puts an item in force: as a new version when it differs from the one in
// force. An offering begins inTest, a specification published. It reports
// whether anything changed. Codes: those of the item, not-found when it names
// what is not there, refused when it is no longer sold, disk-full, store-failed.
func Put[T Item](c *Catalog, item T, by string, now int64) (Entry[T], bool, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	tx := c.begin(by, now)
	changed, err := tx.put(&item)
	if err != nil {
		return Entry[T]{}, false, err
	}
	if err := tx.commit(); err != nil {
		return Entry[T]{}, false, err
	}
	_, id := describe(&item)
	e, err := Get[T](c, id)
	return e, changed, err
}

// Step moves an offering or a specification on in its life. Codes: not-found,
// [CodeNoMove].
func Step[T Item](c *Catalog, id string, e Event, why, by string, now int64) (Entry[T], error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	tx := c.begin(by, now)
	if err := tx.step(KindOf[T](), id, e, why); err != nil {
		return Entry[T]{}, err
	}
	if err := tx.commit(); err != nil {
		return Entry[T]{}, err
	}
	return Get[T](c, id)
}

// change is a set of changes that stand all or none. The catalogue's writing
// lock is held.
type change struct {
	c      *Catalog
	by     string
	now    Time
	number uint32 // of the import that it is; 0: none
	staged map[Kind]map[string]*record
	writes []merkle.Write
	done   []func() // applied to memory after the commit, under the lock
	places *Places  // with those of the change; nil: as before
}

func (c *Catalog) begin(by string, now int64) *change {
	return &change{c: c, by: by, now: Time(now), staged: map[Kind]map[string]*record{}}
}

// get gives an item as it will be. It may be one that was taken back.
func (tx *change) get(k Kind, id string) (*record, bool) {
	if x, ok := tx.staged[k][id]; ok {
		return x, true
	}
	tx.c.mu.RLock()
	defer tx.c.mu.RUnlock()
	x, ok := tx.c.items[k][id]
	return x, ok
}

func (tx *change) there(k Kind, id string) bool {
	x, ok := tx.get(k, id)
	return ok && x.item != nil
}

func (tx *change) stage(k Kind, id string, x *record) {
	if tx.staged[k] == nil {
		tx.staged[k] = map[string]*record{}
	}
	tx.staged[k][id] = x
}

// put stages an item.
func (tx *change) put(item any) (changed bool, err error) {
	if err := item.(interface{ Validate() error }).Validate(); err != nil {
		return false, err
	}
	if err := tx.check(item); err != nil {
		return false, err
	}
	k, id := describe(item)
	content := canon.Must(item)
	next := &record{item: item, version: stored{At: tx.now, By: tx.by, Import: tx.number, Content: content}}
	if old, ok := tx.get(k, id); ok {
		if old.item != nil {
			if slices.Equal(old.version.Content, content) {
				return false, nil
			}
			if s := old.state(); s != "" && !s.Changeable() {
				return false, fault.Newf(fault.Refused, "what was sold stays as it was; make a new one under another id", "the %s %s is %s", k, id, s)
			}
		}
		next.head = head{Last: old.Last, Moves: slices.Clone(old.Moves)}
		if old.item == nil {
			next.begin(k, tx)
		}
	} else {
		next.begin(k, tx)
	}
	next.Last++
	next.Current = next.Last
	tx.stage(k, id, next)
	if k == KindPlace {
		tx.places = nil
	}
	tx.writes = append(tx.writes, merkle.Write{Key: versionKey(k, id, next.Last), Value: canon.Must(next.version)})
	return true, nil
}

// begin gives a new item its first state.
func (x *record) begin(k Kind, tx *change) {
	switch k {
	case KindOffering:
		x.Moves = append(x.Moves, Move{At: tx.now, State: InTest, By: tx.by})
	case KindSpecification:
		x.Moves = append(x.Moves, Move{At: tx.now, State: Published, By: tx.by})
	}
}

// check refuses an item that names what is not there.
func (tx *change) check(item any) error {
	switch x := item.(type) {
	case *Specification:
		if !tx.c.schemas.Knows(x.Type) {
			return unknownType(x.Type).In("type")
		}
	case *Offering:
		return tx.checkOffering(x)
	}
	return nil
}

func (tx *change) checkOffering(o *Offering) error {
	missing := func(field string, k Kind, id string) error { return fault.Of(notThere(k, id)).In(field) }
	s, ok := tx.get(KindSpecification, o.Specification)
	if !ok || s.item == nil {
		return missing("specification", KindSpecification, o.Specification)
	}
	if s.state() != Published {
		return fault.Newf(fault.Refused, "choose one that is published", "the specification %s is %s", o.Specification, s.state()).In("specification")
	}
	places, err := tx.allPlaces()
	if err != nil {
		return err
	}
	for i, id := range o.Coverage.Places {
		if _, ok := places.Get(id); !ok {
			return missing(fmt.Sprintf("coverage.places.%d", i), KindPlace, id)
		}
	}
	for i, x := range o.Coverage.Circles {
		if _, ok := places.Get(x.Place); !ok {
			return missing(fmt.Sprintf("coverage.circles.%d.place", i), KindPlace, x.Place)
		}
	}
	for i, l := range o.Legs {
		for j, end := range []End{l.A, l.Z} {
			if _, ok := places.Get(end.Place); !ok {
				return missing(fmt.Sprintf("legs.%d.%s.place", i, []string{"a", "z"}[j]), KindPlace, end.Place)
			}
		}
		for j, id := range l.Links {
			if !tx.there(KindLink, id) {
				return missing(fmt.Sprintf("legs.%d.links.%d", i, j), KindLink, id)
			}
		}
	}
	for i, id := range o.Links {
		if !tx.there(KindLink, id) {
			return missing(fmt.Sprintf("links.%d", i), KindLink, id)
		}
	}
	for i, p := range o.Parts {
		if p.Offering == "" {
			continue
		}
		field := fmt.Sprintf("parts.%d.offering", i)
		part, ok := tx.get(KindOffering, p.Offering)
		if !ok || part.item == nil {
			return missing(field, KindOffering, p.Offering)
		}
		if part.item.(*Offering).Bundle() {
			return fault.Newf(fault.Invalid, "name its parts instead", "the part %s is a bundle itself", p.Offering).In(field)
		}
		if p.Version > part.Last {
			return fault.Newf(fault.NotFound, "look its versions up, or leave the version out", "the offering %s has no version %d", p.Offering, p.Version).In(fmt.Sprintf("parts.%d.version", i))
		}
	}
	if o.Bundle() {
		if x, ok := tx.get(KindOffering, o.ID); ok && x.item != nil && !x.item.(*Offering).Bundle() {
			if who := tx.bundleWith(o.ID); who != "" {
				return fault.Newf(fault.Conflict, "take it out of that bundle first", "%s is a part of the bundle %s and cannot become one", o.ID, who).In("parts")
			}
		}
	}
	prices, err := tx.prices(o)
	if err != nil {
		return err
	}
	return currencies(prices)
}

// bundleWith names a bundle that an offering is a part of.
func (tx *change) bundleWith(id string) string {
	found := ""
	tx.each(KindOffering, func(x *record) {
		o := x.item.(*Offering)
		if slices.ContainsFunc(o.Parts, func(p Part) bool { return p.Offering == id }) {
			found = max(found, o.ID)
		}
	})
	return found
}

// each calls f with every item of a kind as it will be.
func (tx *change) each(k Kind, f func(*record)) {
	tx.c.mu.RLock()
	defer tx.c.mu.RUnlock()
	for id, x := range tx.c.items[k] {
		if _, ok := tx.staged[k][id]; !ok && x.item != nil {
			f(x)
		}
	}
	for _, x := range tx.staged[k] {
		if x.item != nil {
			f(x)
		}
	}
}

// allPlaces gives the places as they will be.
func (tx *change) allPlaces() (*Places, error) {
	if len(tx.staged[KindPlace]) == 0 {
		return tx.c.Places(), nil
	}
	if tx.places == nil {
		tx.c.mu.RLock()
		defer tx.c.mu.RUnlock()
		var err error
		if tx.places, err = tx.c.allPlaces(tx.staged[KindPlace]); err != nil {
			return nil, err
		}
	}
	return tx.places, nil
}

// allPlaces gives the places with those of a change. The lock is held, or the
// catalogue is not shared yet.
func (c *Catalog) allPlaces(staged map[string]*record) (*Places, error) {
	var own []Place
	for id, x := range c.items[KindPlace] {
		if _, ok := staged[id]; !ok && x.item != nil {
			own = append(own, *x.item.(*Place))
		}
	}
	for _, x := range staged {
		if x.item != nil {
			own = append(own, *x.item.(*Place))
		}
	}
	if len(own) == 0 {
		return c.base, nil
	}
	return c.base.With(own)
}

// step stages a move of an item's life.
func (tx *change) step(k Kind, id string, e Event, why string) error {
	x, ok := tx.get(k, id)
	if !ok || x.item == nil {
		return notThere(k, id)
	}
	table := Transitions
	if k == KindSpecification {
		table = SpecificationTransitions
	}
	to, ok := table[x.state()][e]
	if !ok {
		return fault.Newf(CodeNoMove, "from here it can: "+spokenMoves(table[x.state()]), "the %s %s is %s: there is no %s", k, id, x.state(), e)
	}
	if len(why) > maxText {
		return fault.New(fault.Invalid, "the reason has more than 4000 bytes", "shorten it").In("why")
	}
	if k == KindSpecification {
		if who := tx.soldOf(id); who != "" {
			return fault.Newf(fault.Conflict, "end and retire it first", "the offering %s is of this specification", who)
		}
	}
	tx.move(k, id, x, Move{At: tx.now, State: to, Event: e, By: tx.by, Why: why})
	return nil
}

// soldOf names an offering of a specification that is not at its end.
func (tx *change) soldOf(spec string) string {
	found := ""
	tx.each(KindOffering, func(x *record) {
		if o := x.item.(*Offering); o.Specification == spec && x.state() != Obsolete && x.state() != Rejected {
			found = max(found, o.ID)
		}
	})
	return found
}

func (tx *change) move(k Kind, id string, x *record, m Move) {
	next := *x
	next.Moves = append(slices.Clone(x.Moves), m)
	tx.stage(k, id, &next)
}

func spokenMoves(events map[Event]State) string {
	if len(events) == 0 {
		return "go nowhere any more"
	}
	var names []string
	for _, e := range slices.Sorted(maps.Keys(events)) {
		names = append(names, string(e))
	}
	return strings.Join(names, ", ")
}

// way gives the events that lead from one state to another, the fewest; false
// when none do.
func way(from, to State) ([]Event, bool) {
	type at struct {
		state State
		path  []Event
	}
	seen := map[State]bool{from: true}
	for queue := []at{{from, nil}}; len(queue) > 0; queue = queue[1:] {
		x := queue[0]
		if x.state == to {
			return x.path, true
		}
		for _, e := range slices.Sorted(maps.Keys(Transitions[x.state])) {
			if next := Transitions[x.state][e]; !seen[next] {
				seen[next] = true
				queue = append(queue, at{next, append(slices.Clone(x.path), e)})
			}
		}
	}
	return nil, false
}

// commit writes the change and then shows it.
func (tx *change) commit() error {
	for k, items := range tx.staged {
		for id, x := range items {
			tx.writes = append(tx.writes, merkle.Write{Key: headKey(k, id), Value: canon.Must(x.head)})
		}
	}
	if len(tx.writes) == 0 {
		return nil
	}
	places, err := tx.allPlaces()
	if err != nil {
		return err
	}
	if err := tx.c.db.Commit(store.Batch{Writes: tx.writes}); err != nil {
		return err
	}
	c := tx.c
	c.mu.Lock()
	defer c.mu.Unlock()
	moved := len(tx.staged[KindPlace]) > 0
	var turns []Turn
	for k, items := range tx.staged {
		for id, x := range items {
			if k == KindOffering {
				turns = append(turns, turn(id, c.items[k][id], x))
			}
			if k == KindOffering && !moved {
				if old := c.items[k][id]; old != nil {
					c.index.remove(old)
				}
				c.index.put(x)
			}
			c.items[k][id] = x
		}
	}
	if moved { // places lie elsewhere: who is near whom is found anew
		c.places = places
		c.index = newIndex(places)
		for _, x := range c.items[KindOffering] {
			c.index.put(x)
		}
	}
	for _, f := range tx.done {
		f()
	}
	if len(turns) > 0 {
		slices.SortFunc(turns, func(a, b Turn) int { return strings.Compare(a.Offering, b.Offering) })
		for _, f := range c.watch {
			f(turns)
		}
	}
	return nil
}
