package resource

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// Event tells subscribers of a change.
type Event struct {
	Seq    int64  // its place among all events, given when it is stored
	ID     string // unique
	Topic  string // such as "kylie/quote": what hubs subscribe to
	Buyer  string
	Seller string
	Type   string
	At     time.Time
	Body   []byte // as it is sent
}

// Emit stores events in the same transaction as what they tell of.
func (t *Tx) Emit(events ...Event) error {
	for _, e := range events {
		if e.At.IsZero() {
			e.At = t.now
		}
		if _, err := t.tx.Exec("INSERT INTO event(id, topic, buyer, seller, type, at, body) VALUES(?,?,?,?,?,?,?)",
			e.ID, e.Topic, e.Buyer, e.Seller, e.Type, e.At.UnixMilli(), e.Body); err != nil {
			return explain(err)
		}
	}
	return nil
}

// Hub is one subscription. Each goes through the events by itself: Cursor is
// the last event that it has taken.
type Hub struct {
	ID       string
	Topic    string
	Buyer    string
	Seller   string
	Partner  string // who subscribed
	Named    bool   // notifications name buyer and seller
	Callback string
	Query    string // as it was given
	Types    []string
	Created  time.Time
	Cursor   int64

	Failures  int       // attempts in a row that failed
	Failing   time.Time // since when
	Due       time.Time // next attempt
	Suspended bool      // given up, until an operator replays
	Problem   string    // of the last attempt
}

// AddHub stores a subscription to what comes from now on. One that is there
// already, to the same address and for the same types, is given instead.
func (t *Tx) AddHub(h *Hub) error {
	there, err := scanHub(t.tx.QueryRow(hubColumns+"WHERE topic=? AND buyer=? AND seller=? AND callback=? AND query=?", h.Topic, h.Buyer, h.Seller, h.Callback, h.Query))
	if err == nil {
		*h = *there
		return nil
	} else if !errors.Is(err, sql.ErrNoRows) {
		return explain(err)
	}
	if err := t.tx.QueryRow("SELECT coalesce(max(seq),0) FROM event").Scan(&h.Cursor); err != nil {
		return explain(err)
	}
	h.Created = t.now
	_, err = t.tx.Exec("INSERT INTO hub(id, topic, buyer, seller, partner, named, callback, query, created, cursor) VALUES(?,?,?,?,?,?,?,?,?,?)",
		h.ID, h.Topic, h.Buyer, h.Seller, h.Partner, h.Named, h.Callback, h.Query, h.Created.UnixMilli(), h.Cursor)
	return explain(err)
}

// RemoveHub ends a subscription. Code: not-found.
func (t *Tx) RemoveHub(topic, buyer, seller, id string) error {
	r, err := t.tx.Exec("DELETE FROM hub WHERE id=? AND topic=? AND buyer=? AND seller=?", id, topic, buyer, seller)
	if err != nil {
		return explain(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(noHub(id), explain(err))
	}
	return nil
}

// Took moves a subscription's cursor behind an event that was delivered. A
// subscription that is gone, or was replayed meanwhile, stays as it is.
func (t *Tx) Took(id string, from, to int64) error {
	_, err := t.tx.Exec("UPDATE hub SET cursor=?, failures=0, failing=0, due=0, problem='' WHERE id=? AND cursor=?", to, id, from)
	return explain(err)
}

// Failed notes an attempt that failed, and when the next one is due.
func (t *Tx) Failed(id string, from int64, due time.Time, problem string, suspend bool) error {
	_, err := t.tx.Exec("UPDATE hub SET failures=failures+1, failing=CASE failing WHEN 0 THEN ? ELSE failing END, due=?, problem=?, suspended=? WHERE id=? AND cursor=?",
		t.now.UnixMilli(), due.UnixMilli(), problem, suspend, id, from)
	return explain(err)
}

// Replay sends a subscription everything from an event on once more, that event
// included, and takes its suspension back. An empty event only goes on where
// the subscription stood. Code: not-found.
func (t *Tx) Replay(hub, event string) error {
	var cursor int64
	err := t.tx.QueryRow("SELECT cursor FROM hub WHERE id=?", hub).Scan(&cursor)
	if errors.Is(err, sql.ErrNoRows) {
		return noHub(hub)
	} else if err != nil {
		return explain(err)
	}
	if event != "" {
		err := t.tx.QueryRow("SELECT e.seq-1 FROM event e JOIN hub h ON h.id=? AND e.topic=h.topic AND e.buyer=h.buyer AND e.seller=h.seller WHERE e.id=?", hub, event).Scan(&cursor)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Newf(fault.NotFound, "name an event of this subscription that is still kept", "there is no event %.64q for it", event).In("event")
		} else if err != nil {
			return explain(err)
		}
	}
	_, err = t.tx.Exec("UPDATE hub SET cursor=?, failures=0, failing=0, due=0, problem='', suspended=0 WHERE id=?", cursor, hub)
	return explain(err)
}

func noHub(id string) error {
	return fault.Newf(fault.NotFound, "list the subscriptions", "there is no subscription %.64q", id)
}

const hubColumns = "SELECT id, topic, buyer, seller, partner, named, callback, query, created, cursor, failures, failing, due, suspended, problem FROM hub "

func scanHub(row interface{ Scan(...any) error }) (*Hub, error) {
	var h Hub
	var created, failing, due int64
	if err := row.Scan(&h.ID, &h.Topic, &h.Buyer, &h.Seller, &h.Partner, &h.Named, &h.Callback, &h.Query, &created, &h.Cursor, &h.Failures, &failing, &due, &h.Suspended, &h.Problem); err != nil {
		return nil, err
	}
	h.Created, h.Failing, h.Due = time.UnixMilli(created).UTC(), moment(failing), moment(due)
	h.Types = EventTypes(h.Query)
	return &h, nil
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// EventTypes reads a subscription's query: "eventType=a,b" or
// "eventType=a&eventType=b". None: all.
func EventTypes(query string) (types []string) {
	for part := range strings.SplitSeq(query, "&") {
		list, ok := strings.CutPrefix(part, "eventType=")
		if !ok {
			continue
		}
		for t := range strings.SplitSeq(list, ",") {
			if t = strings.TrimSpace(t); t != "" {
				types = append(types, t)
			}
		}
	}
	return types
}

// Hub gives one subscription of a partner. Code: not-found.
func (d *DB) Hub(ctx context.Context, topic, buyer, seller, id string) (*Hub, error) {
	h, err := scanHub(d.read.QueryRowContext(ctx, hubColumns+"WHERE id=? AND topic=? AND buyer=? AND seller=?", id, topic, buyer, seller))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noHub(id)
	}
	return h, explain(err)
}

// Hubs gives all subscriptions, oldest first.
func (d *DB) Hubs(ctx context.Context) (all []*Hub, err error) {
	rows, err := d.read.QueryContext(ctx, hubColumns+"ORDER BY created, id")
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		h, err := scanHub(rows)
		if err != nil {
			return nil, explain(err)
		}
		all = append(all, h)
	}
	return all, explain(rows.Err())
}

// Next gives the first event that a subscription has not taken, nil when there
// is none. Events of other types are passed over.
func (d *DB) Next(ctx context.Context, h *Hub) (*Event, error) {
	query := "SELECT seq, id, topic, buyer, seller, type, at, body FROM event WHERE topic=? AND buyer=? AND seller=? AND seq>?"
	args := []any{h.Topic, h.Buyer, h.Seller, h.Cursor}
	if len(h.Types) > 0 {
		query += " AND type IN (?" + strings.Repeat(",?", len(h.Types)-1) + ")"
		for _, t := range h.Types {
			args = append(args, t)
		}
	}
	var e Event
	var at int64
	err := d.read.QueryRowContext(ctx, query+" ORDER BY seq LIMIT 1", args...).Scan(&e.Seq, &e.ID, &e.Topic, &e.Buyer, &e.Seller, &e.Type, &at, &e.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	e.At = time.UnixMilli(at).UTC()
	return &e, explain(err)
}

// Waiting counts the events that a subscription has not taken.
func (d *DB) Waiting(ctx context.Context, h *Hub) (n int, err error) {
	query, args := "SELECT count(*) FROM event WHERE topic=? AND buyer=? AND seller=? AND seq>?", []any{h.Topic, h.Buyer, h.Seller, h.Cursor}
	if len(h.Types) > 0 {
		query += " AND type IN (?" + strings.Repeat(",?", len(h.Types)-1) + ")"
		for _, t := range h.Types {
			args = append(args, t)
		}
	}
	err = d.read.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, explain(err)
}

// Forget drops events and marks of heard ones that are older than a time. What
// a subscription has not taken yet is dropped with them.
func (t *Tx) Forget(before time.Time) error {
	_, err := t.tx.Exec("DELETE FROM event WHERE at<?", before.UnixMilli())
	if err == nil {
		_, err = t.tx.Exec("DELETE FROM heard WHERE at<?", before.UnixMilli())
	}
	return explain(err)
}

// Heard says whether an event of a sender was noted.
func (d *DB) Heard(ctx context.Context, sender, id string) (bool, error) {
	var n int
	err := d.read.QueryRowContext(ctx, "SELECT count(*) FROM heard WHERE sender=? AND id=?", sender, id).Scan(&n)
	return n > 0, explain(err)
}

// Hear notes an event that came from a sender.
func (t *Tx) Hear(sender, id string) error {
	_, err := t.tx.Exec("INSERT OR IGNORE INTO heard(sender, id, at) VALUES(?,?,?)", sender, id, t.now.UnixMilli())
	return explain(err)
}
