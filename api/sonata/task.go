package sonata

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// kind is a kind of resource on the shelf.
type kind struct {
	name     string // "quote"
	path     string // of one, beneath the function's base: "/quote/"
	function wire.Function
	// state gives the member that holds the state: "state" or "status".
	state string
	// moves are the moves of its state (state.go); nil: any.
	moves moves
	// summary gives what lists show, from the whole resource.
	summary func(wire.Value) wire.Value
	// attributes gives what lists filter by.
	attributes func(wire.Value) []resource.Attribute
	// once says what a second request of the same external id is: within this
	// time an equal one is the first one again, and its answer is given; later,
	// and when it differs, it is a new request. 0: an equal one is the first for
	// ever, one that differs is refused.
	once time.Duration
}

// pick gives an object of some members of another.
func pick(v wire.Value, names ...string) wire.Value {
	out := wire.Value{Kind: wire.Object}
	for _, name := range names {
		if m := v.Get(name); !m.IsZero() {
			out.Set(name, m)
		}
	}
	return out
}

// attributesOf indexes members of a resource as they are named: texts as they
// are, the listed dates so that they sort.
func attributesOf(v wire.Value, texts, dates []string) (all []resource.Attribute) {
	for _, name := range texts {
		if t := v.Get(name).Text(); t != "" {
			all = append(all, resource.Attribute{Name: name, Value: t})
		}
	}
	for _, name := range dates {
		if t, err := time.Parse(time.RFC3339Nano, v.Get(name).Text()); err == nil {
			all = append(all, resource.Attribute{Name: name, Value: resource.Date(t)})
		}
	}
	return all
}

// fill gives a record its body and all that follows from it.
func (k *kind) fill(r *resource.Record, body wire.Value) {
	r.Body, r.State = body.Bytes(), body.Get(k.state).Text()
	r.Summary, r.Attributes = nil, nil
	if k.summary != nil {
		r.Summary = k.summary(body).Bytes()
	}
	if k.attributes != nil {
		r.Attributes = k.attributes(body)
	}
}

// made is a resource that a handler has made: with when it is due and what is to
// be told of it.
type made struct {
	body   wire.Value
	due    time.Time
	events []resource.Event
	also   func(*resource.Tx) error // what changes with it; nil: nothing
}

// keyed is a mutex for each of many names.
type keyed struct {
	mu   sync.Mutex // guards held
	held map[string]*holder
}

// holder is one name's mutex, and how many hold it or wait for it.
type holder struct {
	sync.Mutex
	count int
}

// lock waits for a name, and gives what lets it go.
func (k *keyed) lock(name string) (unlock func()) {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[string]*holder{}
	}
	h := k.held[name]
	if h == nil {
		h = &holder{}
		k.held[name] = h
	}
	h.count++
	k.mu.Unlock()
	h.Lock()
	return func() {
		h.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if h.count--; h.count == 0 {
			delete(k.held, name)
		}
	}
}

// create keeps a new resource and answers it. A request that was made before
// under the same external id is not made again. make gets the id of the new one.
func (c *call) create(k *kind, make func(id string) (*made, error)) (*reply, error) {
	scope, external := c.scope(k.name), c.body.Get("externalId").Text()
	digest := sha256.Sum256(c.body.Bytes())
	if external != "" {
		// Two requests that arrive together are one after the other.
		defer c.s.asking.lock(scope.Kind + "\x00" + scope.Buyer + "\x00" + scope.Seller + "\x00" + external)()
		before, err := c.s.store.Once(c.ctx, scope, external)
		if err != nil {
			return nil, err
		}
		if before != nil {
			same := before.Same(digest[:])
			switch {
			case !same && k.once == 0:
				return nil, fault.Newf(fault.Conflict, "choose another external id for another request", "the external id stands for %s already", before.ID).In("externalId")
			case same && (k.once == 0 || c.s.now().Sub(before.At) < k.once):
				r, err := c.s.store.Get(c.ctx, scope, before.ID)
				if err != nil {
					return nil, err
				}
				return &reply{status: http.StatusCreated, body: r.Body}, nil
			}
		}
	}
	id := c.s.options.ID()
	m, err := make(id)
	if err != nil {
		return nil, err
	}
	r := &resource.Record{Scope: scope, ID: id, Due: m.due}
	k.fill(r, m.body)
	if err := k.moves.check(c.release, "", r.State); err != nil {
		return nil, err
	}
	// What the seller has answered is kept even if the asker is gone: it asks
	// again under the same external id.
	err = c.s.store.Update(context.WithoutCancel(c.ctx), func(tx *resource.Tx) error {
		if err := tx.Insert(r); err != nil {
			return err
		}
		if external != "" {
			if err := tx.Remember(scope, external, digest[:], id); err != nil {
				return err
			}
		}
		if m.also != nil {
			if err := m.also(tx); err != nil {
				return err
			}
		}
		return tx.Emit(m.events...)
	})
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusCreated, body: r.Body}, nil
}

// retrieve answers one resource of the caller by its id.
func (c *call) retrieve(k *kind) (*reply, error) {
	r, err := c.s.store.Get(c.ctx, c.scope(k.name), c.id)
	if err != nil {
		return nil, err
	}
	return &reply{body: r.Body}, nil
}

// list answers a page of the caller's resources.
func (c *call) list(k *kind) (*reply, error) { return c.page(c.scope(k.name)) }

// change is what a function does to a resource that is there.
type change struct {
	body   wire.Value
	due    time.Time
	events []resource.Event
	also   func(*resource.Tx) error // what changes with it; nil: nothing
}

// update changes a resource: do gets its body and gives the new one, or nil to
// leave it. It is repeated when somebody else changed it meanwhile, so do may be
// called more than once.
func (s *Server) update(ctx context.Context, k *kind, scope resource.Scope, id string, do func(*resource.Record, wire.Value) (*change, error)) (*resource.Record, error) {
	var r *resource.Record
	err := s.store.Update(ctx, func(tx *resource.Tx) (err error) {
		r, err = edit(tx, k, scope, id, do)
		return err
	})
	return r, err
}

// edit changes a resource within a change of the shelf.
func edit(tx *resource.Tx, k *kind, scope resource.Scope, id string, do func(*resource.Record, wire.Value) (*change, error)) (*resource.Record, error) {
	r, err := tx.Get(scope, id)
	if err != nil {
		return nil, err
	}
	body, err := wire.Parse(r.Body)
	if err != nil {
		return nil, err
	}
	ch, err := do(r, body)
	if err != nil || ch == nil {
		return r, err
	}
	from := r.State
	r.Due = ch.due
	k.fill(r, ch.body)
	if err := k.moves.check(releaseOf(scope), from, r.State); err != nil {
		return nil, err
	}
	if err := tx.Put(r); err != nil {
		return nil, err
	}
	if ch.also != nil {
		if err := ch.also(tx); err != nil {
			return nil, err
		}
	}
	return r, tx.Emit(ch.events...)
}

// of is the scope of another kind of the same partner.
func of(scope resource.Scope, k *kind) resource.Scope {
	scope.Kind = string(releaseOf(scope)) + "/" + k.name
	return scope
}

// setState gives a resource, or an item of it, a state and adds to its history.
func setState(v *wire.Value, member, history, state string, now time.Time, reason string) {
	v.Set(member, state)
	entry := wire.Value{Kind: wire.Object}
	entry.Set("changeDate", wire.Time(now))
	if reason != "" {
		entry.Set("changeReason", reason)
	}
	entry.Set(member, state)
	h := v.Get(history)
	h.Append(entry)
	v.Set(history, h)
}

// unexpected refuses members that only the seller sets.
func unexpected(v wire.Value, names ...string) (err error) {
	for _, name := range names {
		if v.Has(name) {
			return fault.Newf(CodeUnexpectedProperty, "leave it out: the seller sets it", "the request has %s", name).In(name)
		}
	}
	return nil
}

// many gathers faults, so that a partner sees all of them at once.
type many []error

func (m *many) add(err error) {
	if err != nil {
		*m = append(*m, err)
	}
}

func (m many) err() error { return errors.Join(m...) }

// unexpectedIn refuses members of an item that only the seller sets.
func unexpectedIn(v wire.Value, path string, names ...string) error {
	if err := unexpected(v, names...); err != nil {
		return fault.Of(err).In(path)
	}
	return nil
}

// newID refuses two items of one id.
func newID(seen map[string]bool, id, path string) error {
	if seen[id] {
		return fault.Newf(fault.Invalid, "give each item its own", "two items have the id %.64q", id).In(path + ".id")
	}
	seen[id] = true
	return nil
}

// knownItem refuses a relationship to an item that is not in the request.
func knownItem[T any](items []T, id func(T) string, named, path string) error {
	for _, x := range items {
		if id(x) == named {
			return nil
		}
	}
	return fault.Newf(CodeReferenceUnknown, "name an item of this request", "there is no item %.64q in the request", named).In(path + ".id")
}

// checkProduct checks a product by the action of its item: what is added has an
// offering (or, where the function takes one, a specification) and a
// configuration, and no id; what is changed or ended has an id.
func checkProduct(action string, p wire.Product, path string, specification bool) error {
	var faults many
	miss := func(name, why string) {
		faults.add(fault.New(CodeMissingProperty, why, "send it").In(path + ".product." + name))
	}
	must := func(ok bool, name, why string) {
		if !ok {
			faults.add(fault.New(CodeUnexpectedProperty, why, "leave it out").In(path + ".product." + name))
		}
	}
	switch action {
	case wire.Add:
		must(p.ID == "", "id", "a product that is to be added has an id already")
		switch {
		case p.Offering == nil && (!specification || p.Specification == nil):
			miss("productOffering", "a product that is to be added has no offering")
		case p.Offering != nil && p.Specification != nil:
			must(false, "productSpecification", "a product has both an offering and a specification")
		}
		if p.Configuration.IsZero() {
			miss("productConfiguration", "a product that is to be added has no configuration")
		}
	case wire.Modify:
		if p.ID == "" {
			miss("id", "a product that is to be changed has no id")
		}
		if p.Configuration.IsZero() {
			miss("productConfiguration", "a product that is to be changed has no new configuration")
		}
	case wire.Delete:
		if p.ID == "" {
			miss("id", "a product that is to be ended has no id")
		}
		must(p.Configuration.IsZero(), "productConfiguration", "a product that is to be ended has a configuration")
	}
	return faults.err()
}

// needContact asks for a contact in a role.
func needContact(v wire.Value, role string) error {
	for i, c := range v.Get("relatedContactInformation").Items {
		switch c.Get("role").Text() {
		case role:
			return nil
		case wire.SellerContact:
			return fault.New(CodeUnexpectedProperty, "the request has a contact of the seller", "leave it out: the seller sets it").In("relatedContactInformation." + strconv.Itoa(i))
		}
	}
	return fault.Newf(CodeMissingProperty, "send a contact in that role", "the request has no contact in the role %s", role).In("relatedContactInformation")
}

// addContact adds whom a partner can ask here.
func (s *Server) addContact(body *wire.Value) {
	if s.options.Contact.Name == "" {
		return
	}
	c := s.options.Contact
	c.Role = wire.SellerContact
	list := body.Get("relatedContactInformation")
	list.Append(c)
	body.Set("relatedContactInformation", list)
}

// partyOf is what a Seller is told of whose resource goes on.
func partyOf(r *resource.Record) Party {
	return Party{Buyer: r.Buyer, Seller: r.Seller, Release: releaseOf(r.Scope)}
}

// notYet says whether an answer of a Seller only takes longer.
func notYet(err error) bool {
	switch fault.CodeOf(err) {
	case fault.NotYet, fault.Unavailable, fault.Unknown:
		return true
	}
	return isTimeout(err)
}

func isTimeout(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

// step changes a record that was due, unless somebody changed it meanwhile.
func (s *Server) step(ctx context.Context, k *kind, r *resource.Record, do func(wire.Value) (*change, error)) error {
	_, err := s.update(context.WithoutCancel(ctx), k, r.Scope, r.ID, func(now *resource.Record, body wire.Value) (*change, error) {
		if now.Version != r.Version {
			return nil, nil
		}
		return do(body)
	})
	return err
}

// soon is when something that is not ready is looked at again: after a while, at
// the latest at a time.
func (s *Server) soon(latest time.Time) time.Time {
	due := s.now().Add(again)
	if !latest.IsZero() && latest.Before(due) {
		return latest
	}
	return due
}

// postpone looks at a record again at a time.
func (s *Server) postpone(ctx context.Context, r *resource.Record, due time.Time) error {
	return s.store.Update(context.WithoutCancel(ctx), func(tx *resource.Tx) error { return tx.Postpone(r.Scope, r.ID, due) })
}
