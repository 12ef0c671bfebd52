package resource

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// Tx is one change. It is good until the function that got it returns.
type Tx struct {
	tx  *sql.Tx
	now time.Time
}

// Now is the time of the change.
func (t *Tx) Now() time.Time { return t.now }

// scope gives the number of a scope, or 0.
func scopeOf(q querier, s Scope) (id int64, err error) {
	err = q.QueryRow("SELECT id FROM scope WHERE kind=? AND buyer=? AND seller=?", s.Kind, s.Buyer, s.Seller).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, explain(err)
}

type querier interface {
	QueryRow(query string, args ...any) *sql.Row
}

func (t *Tx) scope(s Scope) (int64, error) {
	id, err := scopeOf(t.tx, s)
	if err != nil || id != 0 {
		return id, err
	}
	r, err := t.tx.Exec("INSERT INTO scope(kind, buyer, seller) VALUES(?,?,?)", s.Kind, s.Buyer, s.Seller)
	if err != nil {
		return 0, explain(err)
	}
	id, err = r.LastInsertId()
	return id, explain(err)
}

// Insert puts a new record. Its version, and times that are not set, are filled
// in. Code: conflict when its id is taken.
func (t *Tx) Insert(r *Record) error {
	scope, err := t.scope(r.Scope)
	if err != nil {
		return err
	}
	var taken int
	if err := t.tx.QueryRow("SELECT count(*) FROM resource WHERE scope=? AND id=?", scope, r.ID).Scan(&taken); err != nil {
		return explain(err)
	}
	if taken > 0 {
		return fault.Newf(fault.Conflict, "use another id", "there is a %s %s already", r.Kind, r.ID)
	}
	r.Version, r.Changed = 1, t.now
	if r.Created.IsZero() {
		r.Created = t.now
	}
	res, err := t.tx.Exec("INSERT INTO resource(scope, id, state, version, created, changed, body, summary, due) VALUES(?,?,?,?,?,?,?,?,?)",
		scope, r.ID, r.State, r.Version, r.Created.UnixMilli(), r.Changed.UnixMilli(), r.Body, r.Summary, millis(r.Due))
	if err != nil {
		return explain(err)
	}
	seq, err := res.LastInsertId()
	if err != nil {
		return explain(err)
	}
	return errors.Join(t.index(scope, seq, r.Attributes), t.count(scope, r.State, 1))
}

// Put replaces a record whose version is still the one that r has. Codes:
// not-found, conflict.
func (t *Tx) Put(r *Record) error {
	scope, err := t.scope(r.Scope)
	if err != nil {
		return err
	}
	var seq, version int64
	var state string
	err = t.tx.QueryRow("SELECT seq, version, state FROM resource WHERE scope=? AND id=?", scope, r.ID).Scan(&seq, &version, &state)
	if errors.Is(err, sql.ErrNoRows) {
		return missing(r.Scope, r.ID)
	} else if err != nil {
		return explain(err)
	}
	if version != r.Version {
		return fault.Newf(fault.Conflict, "read it again and repeat the change", "%s %s has changed meanwhile", r.Kind, r.ID)
	}
	r.Version, r.Changed = version+1, t.now
	if _, err := t.tx.Exec("UPDATE resource SET state=?, version=?, changed=?, body=?, summary=?, due=? WHERE seq=?",
		r.State, r.Version, r.Changed.UnixMilli(), r.Body, r.Summary, millis(r.Due), seq); err != nil {
		return explain(err)
	}
	if _, err := t.tx.Exec("DELETE FROM attribute WHERE seq=?", seq); err != nil {
		return explain(err)
	}
	if err := t.index(scope, seq, r.Attributes); err != nil || state == r.State {
		return err
	}
	return errors.Join(t.count(scope, state, -1), t.count(scope, r.State, 1))
}

func (t *Tx) index(scope, seq int64, all []Attribute) error {
	for _, a := range all {
		if _, err := t.tx.Exec("INSERT OR IGNORE INTO attribute(scope, name, value, seq) VALUES(?,?,?,?)", scope, a.Name, a.Value, seq); err != nil {
			return explain(err)
		}
	}
	return nil
}

// count keeps how many records a scope has by state, so that the total of a
// long list costs nothing.
func (t *Tx) count(scope int64, state string, by int) error {
	_, err := t.tx.Exec("INSERT INTO tally(scope, state, n) VALUES(?,?,?) ON CONFLICT(scope, state) DO UPDATE SET n=n+excluded.n", scope, state, by)
	return explain(err)
}

func missing(s Scope, id string) error {
	return fault.Newf(fault.NotFound, "look the id up in the list", "there is no %s %.64q", s.Kind[strings.LastIndexByte(s.Kind, '/')+1:], id)
}

// Get gives a record. Code: not-found.
func (t *Tx) Get(s Scope, id string) (*Record, error) {
	scope, err := scopeOf(t.tx, s)
	if err != nil {
		return nil, err
	}
	return get(t.tx, scope, s, id)
}

// Get gives a record. Code: not-found.
func (d *DB) Get(_ context.Context, s Scope, id string) (*Record, error) {
	scope, err := d.scope(s)
	if err != nil {
		return nil, err
	}
	return get(d.read, scope, s, id)
}

// scope gives the number of a scope, or 0. Numbers never change, so they are
// remembered.
func (d *DB) scope(s Scope) (int64, error) {
	if id, ok := d.scopes.Load(s); ok {
		return id.(int64), nil
	}
	id, err := scopeOf(d.read, s)
	if err == nil && id != 0 {
		d.scopes.Store(s, id)
	}
	return id, err
}

func get(q interface {
	querier
	Query(query string, args ...any) (*sql.Rows, error)
}, scope int64, s Scope, id string) (*Record, error) {
	r := &Record{Scope: s, ID: id}
	var seq, created, changed, due int64
	err := q.QueryRow("SELECT seq, state, version, created, changed, body, summary, due FROM resource WHERE scope=? AND id=?", scope, id).
		Scan(&seq, &r.State, &r.Version, &created, &changed, &r.Body, &r.Summary, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing(s, id)
	} else if err != nil {
		return nil, explain(err)
	}
	r.Created, r.Changed, r.Due = time.UnixMilli(created).UTC(), time.UnixMilli(changed).UTC(), moment(due)
	rows, err := q.Query("SELECT name, value FROM attribute WHERE seq=? ORDER BY name, value", seq)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a Attribute
		if err := rows.Scan(&a.Name, &a.Value); err != nil {
			return nil, explain(err)
		}
		r.Attributes = append(r.Attributes, a)
	}
	return r, explain(rows.Err())
}

// Query says which records of a scope a list has.
type Query struct {
	Scope
	State  string      // "": any
	Equal  []Attribute // all of them
	Ranges []Range     // all of them
	Offset int
	Limit  int
}

// Range asks for an attribute after and before two values, neither included.
// An empty one is no bound.
type Range struct{ Name, After, Before string }

// Found is one page of a list, in the order in which the records were made.
type Found struct {
	Total     int // of the whole list
	Summaries [][]byte
}

// Find gives a page of a list.
func (d *DB) Find(ctx context.Context, q Query) (Found, error) {
	scope, err := d.scope(q.Scope)
	if err != nil || scope == 0 {
		return Found{}, err
	}
	from, where, args := q.plan(scope)
	order := "r.seq"
	if len(q.Equal)+len(q.Ranges) > 0 {
		order = "a.seq"
	}
	var f Found
	count := "SELECT count(*) FROM " + from + where
	if len(q.Equal)+len(q.Ranges) == 0 {
		count = "SELECT coalesce(sum(n),0) FROM tally r" + where
	} else if q.State == "" && len(q.Equal)+len(q.Ranges) == 1 {
		from, _, _ := strings.Cut(from, " CROSS JOIN ") // the index alone knows
		count = "SELECT count(*) FROM " + from + where
	}
	if err := d.read.QueryRowContext(ctx, count, args...).Scan(&f.Total); err != nil {
		return Found{}, explain(err)
	}
	if q.Offset >= f.Total || q.Limit <= 0 {
		return f, nil
	}
	query := "SELECT coalesce(r.summary, r.body) FROM " + from + where + " ORDER BY " + order + " LIMIT ? OFFSET ?"
	if len(q.Equal)+len(q.Ranges) == 0 {
		// What comes before the page is passed over in the index alone.
		query = "SELECT coalesce(r.summary, r.body) FROM (SELECT r.seq FROM " + from + where + " ORDER BY r.seq LIMIT ? OFFSET ?) a CROSS JOIN resource r ON r.seq=a.seq ORDER BY a.seq"
	}
	rows, err := d.read.QueryContext(ctx, query, append(args, q.Limit, q.Offset)...)
	if err != nil {
		return Found{}, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return Found{}, explain(err)
		}
		f.Summaries = append(f.Summaries, b)
	}
	return f, explain(rows.Err())
}

// plan gives the tables and conditions of a query. What filters most goes first
// and decides the order in which rows are visited: an equal value, whose rows lie
// in the order of the list, so that a page ends the search; else a range, whose
// rows are sorted; else the records themselves.
func (q Query) plan(scope int64) (from, where string, args []any) {
	equal, ranges := q.Equal, q.Ranges
	switch {
	case len(equal) > 0:
		from, where = "attribute a CROSS JOIN resource r ON r.seq=a.seq", " WHERE a.scope=? AND a.name=? AND a.value=?"
		args = []any{scope, equal[0].Name, equal[0].Value}
		equal = equal[1:]
	case len(ranges) > 0:
		bounds, values := ranges[0].bounds("")
		from = "(SELECT DISTINCT seq FROM attribute WHERE scope=? AND name=?" + bounds + ") a CROSS JOIN resource r ON r.seq=a.seq"
		args = append([]any{scope, ranges[0].Name}, values...)
		ranges, where = ranges[1:], " WHERE 1"
	default:
		from, where, args = "resource r", " WHERE r.scope=?", []any{scope}
	}
	if q.State != "" {
		where, args = where+" AND r.state=?", append(args, q.State)
	}
	for _, e := range equal {
		where, args = where+" AND EXISTS(SELECT 1 FROM attribute x WHERE x.scope=? AND x.name=? AND x.value=? AND x.seq=r.seq)", append(args, scope, e.Name, e.Value)
	}
	for _, g := range ranges {
		bounds, values := g.bounds("x.")
		where, args = where+" AND EXISTS(SELECT 1 FROM attribute x WHERE x.seq=r.seq AND x.name=?"+bounds+")", append(append(args, g.Name), values...)
	}
	return from, where, args
}

// bounds gives the conditions of a range on a column "value" of a table.
func (r Range) bounds(table string) (conditions string, values []any) {
	if r.After != "" {
		conditions, values = " AND "+table+"value>?", append(values, r.After)
	}
	if r.Before != "" {
		conditions, values = conditions+" AND "+table+"value<?", append(values, r.Before)
	}
	return conditions, values
}

// Due gives records of all kinds and partners whose time has come, the longest
// overdue first, at most limit.
func (d *DB) Due(ctx context.Context, at time.Time, limit int) ([]*Record, error) {
	rows, err := d.read.QueryContext(ctx, "SELECT s.kind, s.buyer, s.seller, r.id FROM resource r JOIN scope s ON s.id=r.scope WHERE r.due>0 AND r.due<=? ORDER BY r.due, r.seq LIMIT ?", at.UnixMilli(), limit)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var keys []Record
	for rows.Next() {
		var k Record
		if err := rows.Scan(&k.Kind, &k.Buyer, &k.Seller, &k.ID); err != nil {
			return nil, explain(err)
		}
		keys = append(keys, k)
	}
	if err := rows.Err(); err != nil {
		return nil, explain(err)
	}
	var all []*Record
	for _, k := range keys {
		r, err := d.Get(ctx, k.Scope, k.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// NextDue gives when the next record is due; zero: none is.
func (d *DB) NextDue(ctx context.Context) (time.Time, error) {
	var ms sql.NullInt64
	err := d.read.QueryRowContext(ctx, "SELECT min(due) FROM resource WHERE due>0").Scan(&ms)
	return moment(ms.Int64), explain(err)
}

// Postpone makes a record due at another time. It is no change of the record.
func (t *Tx) Postpone(s Scope, id string, due time.Time) error {
	scope, err := t.scope(s)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec("UPDATE resource SET due=? WHERE scope=? AND id=?", millis(due), scope, id)
	return explain(err)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Once is what a buyer has asked for under an external id of its own.
type Once struct {
	Digest []byte // SHA-256 of the request
	ID     string // of the record
	At     time.Time
}

// Same says whether it was the same request.
func (o *Once) Same(digest []byte) bool { return bytes.Equal(o.Digest, digest) }

// Once gives what was asked for under an external id, nil when nothing was.
func (d *DB) Once(_ context.Context, s Scope, external string) (*Once, error) {
	return once(d.read, s, external)
}

// Once gives what was asked for under an external id, nil when nothing was.
func (t *Tx) Once(s Scope, external string) (*Once, error) { return once(t.tx, s, external) }

func once(q querier, s Scope, external string) (*Once, error) {
	scope, err := scopeOf(q, s)
	if err != nil || scope == 0 {
		return nil, err
	}
	var o Once
	var at int64
	err = q.QueryRow("SELECT digest, id, at FROM once WHERE scope=? AND external=?", scope, external).Scan(&o.Digest, &o.ID, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	o.At = time.UnixMilli(at).UTC()
	return &o, explain(err)
}

// Remember keeps what was asked for under an external id, in place of what was
// asked before.
func (t *Tx) Remember(s Scope, external string, digest []byte, id string) error {
	scope, err := t.scope(s)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec("INSERT OR REPLACE INTO once(scope, external, digest, id, at) VALUES(?,?,?,?,?)", scope, external, digest, id, t.now.UnixMilli())
	return explain(err)
}
