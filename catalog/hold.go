package catalog

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of capacity.
const (
	// CodeNoCapacity says that a link has not so much bandwidth free in all of
	// the time that is asked for.
	CodeNoCapacity fault.Code = "no-capacity"
	// CodeExpired says that a reservation was not confirmed in time.
	CodeExpired fault.Code = "reservation-expired"
)

// Hold is a reservation: bandwidth of links in a span of time.
type Hold struct {
	ID        string    `cbor:"1,keyasint" json:"id"`
	State     HoldState `cbor:"2,keyasint" json:"state"`
	Offering  string    `cbor:"3,keyasint" json:"offering"`
	Version   uint32    `cbor:"4,keyasint" json:"version" doc:"Of the offering."`
	A         Spot      `cbor:"5,keyasint" json:"a"`
	Z         Spot      `cbor:"6,keyasint,omitzero" json:"z,omitzero"`
	Links     []string  `cbor:"7,keyasint,omitempty" json:"links,omitempty" doc:"Whose capacity it takes."`
	Bandwidth uint64    `cbor:"8,keyasint" json:"bandwidth" doc:"bit/s."`
	From      Time      `cbor:"9,keyasint" json:"from"`
	To        Time      `cbor:"10,keyasint,omitempty" json:"to,omitempty" doc:"Absent: without end."`
	Expires   Time      `cbor:"11,keyasint" json:"expires" doc:"When it ends unless it is confirmed."`
	For       string    `cbor:"12,keyasint,omitempty" json:"for,omitempty" doc:"What it was made for, such as a quote."`
	Order     string    `cbor:"13,keyasint,omitempty" json:"order,omitempty" doc:"What it was confirmed for."`
	Made      Time      `cbor:"14,keyasint" json:"made"`
	Changed   Time      `cbor:"15,keyasint" json:"changed"`
	// Instead is the reservation whose place this one takes. Until this one is in
	// use, only what it has more is taken beside the other; then the other has
	// nothing any more, though its order keeps it.
	Instead string `cbor:"16,keyasint,omitempty" json:"instead,omitempty" doc:"Id of the reservation whose place it takes."`
	Buyer   string `cbor:"17,keyasint,omitempty" json:"buyer,omitempty" doc:"Whom it is for."`
}

// lapsed reports whether nobody confirmed it in time.
func (h *Hold) lapsed(now int64) bool { return h.State == Reserved && now >= int64(h.Expires) }

// takes reports whether it takes capacity of some part of a span; to 0: without
// end.
func (h *Hold) takes(from, to, now int64) bool {
	return h.State.Takes() && !h.lapsed(now) && (to == 0 || int64(h.From) < to) && (h.To == 0 || int64(h.To) > from)
}

// holds is the reservations in memory. A Hold in it is never altered.
type holds struct {
	byID    map[string]*Hold
	byLink  map[string]map[string]*Hold // those that take capacity
	byBuyer map[string]map[string]*Hold // those that wait to be confirmed
}

func newHolds() *holds {
	return &holds{map[string]*Hold{}, map[string]map[string]*Hold{}, map[string]map[string]*Hold{}}
}

func (s *holds) put(h *Hold) {
	s.drop(h.ID)
	s.byID[h.ID] = h
	if !h.State.Takes() {
		return
	}
	in := func(of map[string]map[string]*Hold, key string) {
		if of[key] == nil {
			of[key] = map[string]*Hold{}
		}
		of[key][h.ID] = h
	}
	for _, l := range h.Links {
		in(s.byLink, l)
	}
	if h.State == Reserved {
		in(s.byBuyer, h.Buyer)
	}
}

func (s *holds) drop(id string) {
	old, ok := s.byID[id]
	if !ok {
		return
	}
	delete(s.byID, id)
	for _, l := range old.Links {
		delete(s.byLink[l], id)
	}
	if delete(s.byBuyer[old.Buyer], id); len(s.byBuyer[old.Buyer]) == 0 {
		delete(s.byBuyer, old.Buyer)
	}
}

// part is what a reservation takes of a link in a span.
type part struct {
	from, to int64 // ms UTC; to 0: without end
	bits     uint64
}

// parts is what a reservation takes of a link: all that it has, or as long as that
// has it whose place it takes, what it has more.
func (s *holds) parts(h *Hold, link string, now int64) []part {
	from, to := int64(h.From), int64(h.To)
	old, ok := s.byID[h.Instead]
	if !ok || h.State == InUse || !old.State.Takes() || old.lapsed(now) || !slices.Contains(old.Links, link) ||
		old.From > h.From || old.To != 0 && old.To <= h.From {
		return []part{{from, to, h.Bandwidth}}
	}
	more := h.Bandwidth - min(h.Bandwidth, old.Bandwidth)
	if end := int64(old.To); end != 0 && (to == 0 || to > end) {
		return []part{{from, end, more}, {end, to, h.Bandwidth}}
	}
	return []part{{from, to, more}}
}

// covers reports whether a reservation has so much of all the links already, until
// an end (0: without one).
func (s *holds) covers(id string, links []string, bandwidth uint64, to int64) bool {
	h, ok := s.byID[id]
	return ok && bandwidth <= h.Bandwidth && (h.To == 0 || to != 0 && to <= int64(h.To)) &&
		!slices.ContainsFunc(links, func(l string) bool { return !slices.Contains(h.Links, l) })
}

// peak is the most bandwidth that is taken of a link at any moment of a span,
// but for one reservation.
func (s *holds) peak(link string, from, to, now int64, but string) uint64 {
	type step struct {
		at   int64
		more bool
		bits uint64
	}
	var steps []step
	for _, h := range s.byLink[link] {
		if h.ID == but || !h.takes(from, to, now) {
			continue
		}
		for _, p := range s.parts(h, link, now) {
			if p.to != 0 && p.to <= from || to != 0 && p.from >= to {
				continue
			}
			steps = append(steps, step{max(p.from, from), true, p.bits})
			if p.to != 0 {
				steps = append(steps, step{p.to, false, p.bits})
			}
		}
	}
	// What ends at a moment is free for what begins then.
	slices.SortFunc(steps, func(a, b step) int {
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		if a.more != b.more {
			if a.more {
				return 1
			}
			return -1
		}
		return 0
	})
	var used, most uint64
	for _, x := range steps {
		if x.more {
			used += x.bits // each at most 2^62, and all together what links have
			most = max(most, used)
		} else {
			used -= x.bits
		}
	}
	return most
}

// free is the bandwidth that is free on all links in all of a span; without
// links there is no bound. The catalogue's lock is held.
func (c *Catalog) free(links []string, from, to, now int64, but string) uint64 {
	least := uint64(rating.MaxQuantity)
	for _, id := range links {
		x, ok := c.items[KindLink][id]
		if !ok || x.item == nil {
			return 0
		}
		has := x.item.(*Link).Bandwidth
		taken := c.holds.peak(id, from, to, now, but)
		if taken >= has {
			return 0 // the link may have been made smaller since
		}
		least = min(least, has-taken)
	}
	return least
}

// Claim is a request to reserve.
type Claim struct {
	ID       string  `json:"id" doc:"Chosen by you: the same claim again gives the same reservation."`
	Offering string  `json:"offering"`
	Inquiry  Inquiry `json:"inquiry" doc:"Where, when and how much."`
	Expires  Time    `json:"expires" doc:"When the reservation ends unless it is confirmed."`
	For      string  `json:"for,omitempty" doc:"What it is for, such as the id of a quote."`
	Buyer    string  `json:"buyer,omitempty" doc:"Whom it is for."`
}

// Reserve reserves what an offering needs for an inquiry. The same claim again
// gives the reservation as it is. Codes: not-found, conflict when another claim
// had the id, [CodeNoCapacity], and what keeps the offering from answering.
func (c *Catalog) Reserve(r Claim, now int64) (Hold, error) {
	switch {
	case !validID(r.ID):
		return Hold{}, badID(r.ID)
	case len(r.For) > 128:
		return Hold{}, fault.New(fault.Invalid, "what it is for has more than 128 bytes", "shorten it").In("for")
	case len(r.Buyer) > 128:
		return Hold{}, fault.New(fault.Invalid, "whom it is for has more than 128 bytes", "shorten it").In("buyer")
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.RLock()
	old, again := c.holds.byID[r.ID]
	var match Match
	var err error
	if x, ok := c.items[KindOffering][r.Offering]; !again {
		if !ok || x.item == nil {
			err = notThere(KindOffering, r.Offering)
		} else {
			match, err = c.claimed(x, r.Inquiry, now)
		}
	}
	c.mu.RUnlock()
	if err != nil {
		return Hold{}, err
	}
	if again {
		in := r.Inquiry
		if old.Offering != r.Offering || old.For != r.For || old.Buyer != r.Buyer || old.Instead != in.Instead || old.A != in.A || old.Z != in.Z || in.To != old.To ||
			in.From != 0 && in.From != old.From || in.Bandwidth > old.Bandwidth {
			return Hold{}, fault.Newf(fault.Conflict, "choose another id", "the reservation %s is one of something else", r.ID).In("id")
		}
		if old.State == Expired || old.lapsed(now) {
			return Hold{}, expired(old)
		}
		return *old, nil
	}
	if int64(r.Expires) <= now {
		return Hold{}, fault.New(fault.Invalid, "the reservation would have expired already", "name a time to come").In("expires")
	}
	h := &Hold{ID: r.ID, State: Reserved, Offering: r.Offering, Version: match.Answer.Version, A: r.Inquiry.A, Z: r.Inquiry.Z, Links: match.Links,
		Bandwidth: match.Answer.Bandwidth, From: match.Answer.From, To: match.Answer.To, Expires: r.Expires, For: r.For, Made: Time(now), Changed: Time(now),
		Instead: r.Inquiry.Instead, Buyer: r.Buyer}
	return *h, c.putHolds(append(c.lapsedOn(h.Links, now), h))
}

// lapsedOn gives the reservations on links that nobody confirmed in time, as
// expired. They are written with whatever takes their place, so that a clock
// that is set back does not bring them to life again.
func (c *Catalog) lapsedOn(links []string, now int64) []*Hold {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := map[string]*Hold{}
	for _, l := range links {
		for id, h := range c.holds.byLink[l] {
			if h.lapsed(now) {
				found[id] = h.moved(Expire, now)
			}
		}
	}
	return slices.Collect(maps.Values(found))
}

// moved gives the reservation after an event that its state allows.
func (h *Hold) moved(e HoldEvent, now int64) *Hold {
	next := *h
	next.State, next.Changed = HoldTransitions[h.State][e], Time(now)
	return &next
}

// putHolds writes reservations and then shows them. The writing lock is held.
func (c *Catalog) putHolds(all []*Hold) error {
	writes := make([]merkle.Write, len(all))
	for i, h := range all {
		writes[i] = merkle.Write{Key: keyHold + h.ID, Value: canon.Must(h)}
	}
	if err := c.db.Commit(store.Batch{Writes: writes}); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range all {
		c.holds.put(h)
	}
	return nil
}

// MoveHold confirms, uses or releases a reservation; order says what it is
// confirmed for. Doing it again changes nothing. Codes: not-found,
// [CodeExpired], [CodeNoMove], conflict when it was confirmed for something else.
func (c *Catalog) MoveHold(id string, e HoldEvent, order string, now int64) (Hold, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	h, err := c.Hold(id)
	if err != nil {
		return Hold{}, err
	}
	if len(order) > 128 {
		return h, fault.New(fault.Invalid, "the order has more than 128 bytes", "shorten it").In("order")
	}
	if h.lapsed(now) {
		if err := c.putHolds([]*Hold{h.moved(Expire, now)}); err != nil {
			return h, err
		}
		h.State = Expired
	}
	if e == Confirm && (h.State == Confirmed || h.State == InUse) && order != h.Order {
		return h, fault.Newf(fault.Conflict, "reserve anew for the other order", "the reservation is confirmed for %q", h.Order).In("order")
	}
	to, ok := HoldTransitions[h.State][e]
	switch {
	case !ok && e == Expire:
		return h, noMove(&h, e)
	case done(h.State, e):
		return h, nil
	case h.State == Expired:
		return h, expired(&h)
	case !ok:
		return h, noMove(&h, e)
	case e == Expire:
		return h, fault.New(fault.Refused, "a reservation expires by its time alone", "release it")
	}
	next := h
	next.State, next.Changed = to, Time(now)
	all := []*Hold{&next}
	switch e {
	case Confirm:
		next.Order = order
	case Use:
		all = append(all, c.replaced(&next, now)...)
	}
	return next, c.putHolds(all)
}

// replaced empties the reservation whose place another takes, and has what else
// was to take it take the other's. It stays in its state: the order that has it
// goes on.
func (c *Catalog) replaced(by *Hold, now int64) (changed []*Hold) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	old, ok := c.holds.byID[by.Instead]
	if !ok || !old.State.Takes() {
		return nil
	}
	empty := *old
	empty.Bandwidth, empty.Changed = 0, Time(now)
	changed = append(changed, &empty)
	for _, id := range slices.Sorted(maps.Keys(c.holds.byID)) {
		if h := c.holds.byID[id]; h.Instead == old.ID && id != by.ID && (h.State == Reserved || h.State == Confirmed) {
			next := *h
			next.Instead, next.Changed = by.ID, Time(now)
			changed = append(changed, &next)
		}
	}
	return changed
}

// Withdraw releases a reservation that nobody has confirmed, such as that of a
// quote that has ended. One that an order rests on, or that is not there, stays
// as it is.
func (c *Catalog) Withdraw(id string, now int64) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	h, err := c.Hold(id)
	if err != nil || h.State != Reserved {
		return nil
	}
	e := Release
	if h.lapsed(now) {
		e = Expire
	}
	return c.putHolds([]*Hold{h.moved(e, now)})
}

// done reports whether a state is already what an event leads to.
func done(s HoldState, e HoldEvent) bool {
	switch e {
	case Confirm:
		return s == Confirmed || s == InUse
	case Use:
		return s == InUse
	case Release:
		return s == Released || s == Expired
	}
	return false
}

func expired(h *Hold) error {
	return fault.Newf(CodeExpired, "reserve anew, under another id", "the reservation %s expired at %s", h.ID, usage.Stamp(int64(h.Expires)))
}

func noMove(h *Hold, e HoldEvent) error {
	return fault.Newf(CodeNoMove, "look at the reservation: lateral catalog reservation show "+h.ID, "the reservation %s is %s: there is no %s", h.ID, h.State, e)
}

// Resize changes the bandwidth of a reservation whose capacity is taken: an
// order changed in flight. Codes: not-found, [CodeExpired], [CodeNoMove],
// [CodeNoCapacity].
func (c *Catalog) Resize(id string, bandwidth uint64, now int64) (Hold, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	h, err := c.Hold(id)
	switch {
	case err != nil:
		return h, err
	case h.lapsed(now):
		return h, expired(&h)
	case !h.State.Takes():
		return h, fault.Newf(CodeNoMove, "reserve anew", "the reservation %s is %s and takes no capacity", id, h.State)
	case bandwidth == 0 || bandwidth > rating.MaxQuantity:
		return h, fault.New(fault.Invalid, "the bandwidth is zero or out of range", "name bit/s, or release the reservation").In("bandwidth")
	}
	c.mu.RLock()
	free := c.free(h.Links, max(int64(h.From), now), int64(h.To), now, id)
	c.mu.RUnlock()
	if bandwidth > free && bandwidth > h.Bandwidth {
		return h, noCapacity(bandwidth, free)
	}
	next := h
	next.Bandwidth, next.Changed = bandwidth, Time(now)
	return next, c.putHolds(append(c.lapsedOn(h.Links, now), &next))
}

func noCapacity(asked, free uint64) error {
	return fault.Newf(CodeNoCapacity, "ask for less, or for another time", "%d bit/s are asked for and %d are free in all of the time", asked, free).In("bandwidth")
}

// Hold gives a reservation. Code: not-found.
func (c *Catalog) Hold(id string) (Hold, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if h, ok := c.holds.byID[id]; ok {
		return *h, nil
	}
	return Hold{}, fault.Newf(fault.NotFound, "list them with lateral catalog reservation list", "there is no reservation %.80q", id)
}

// Waiting gives the reservations for a buyer that wait to be confirmed, in order
// of their ids.
func (c *Catalog) Waiting(buyer string, now int64) (out []Hold) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	of := c.holds.byBuyer[buyer]
	for _, id := range slices.Sorted(maps.Keys(of)) {
		if h := of[id]; !h.lapsed(now) {
			out = append(out, *h)
		}
	}
	return out
}

// HoldOf gives the reservation that takes capacity for an order.
func (c *Catalog) HoldOf(order string) (Hold, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var found *Hold
	for _, h := range c.holds.byID {
		if order != "" && h.Order == order && h.State.Takes() && (found == nil || h.ID < found.ID) {
			found = h
		}
	}
	if found == nil {
		return Hold{}, false
	}
	return *found, true
}

// Holds gives all reservations in order of their ids.
func (c *Catalog) Holds() []Hold {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]Hold, 0, len(c.holds.byID))
	for _, id := range slices.Sorted(maps.Keys(c.holds.byID)) {
		out = append(out, *c.holds.byID[id])
	}
	return out
}

// Free gives the bandwidth of a link, and how much of it is free in all of a
// span; to 0: without end. Code: not-found.
func (c *Catalog) Free(link string, from, to, now int64) (has, free uint64, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	x, ok := c.items[KindLink][link]
	if !ok || x.item == nil {
		return 0, 0, notThere(KindLink, link)
	}
	return x.item.(*Link).Bandwidth, c.free([]string{link}, from, to, now, ""), nil
}

// keepHolds is how long what is over stays to be looked at, ms.
const keepHolds = 90 * 24 * 3600 * 1000

// over reports whether a reservation has been at its end, or its time over, for
// as long as it is kept.
func (h *Hold) over(now int64) bool {
	return !h.State.Takes() && int64(h.Changed)+keepHolds < now || h.To != 0 && int64(max(h.To, h.Changed))+keepHolds < now
}

// Sweep writes down which reservations have expired, and removes what has been
// over for ninety days. It gives how many expired.
func (c *Catalog) Sweep(now int64) (expired int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	var lapsed []*Hold
	var gone []string
	c.mu.RLock()
	for id, h := range c.holds.byID {
		switch {
		case h.lapsed(now):
			lapsed = append(lapsed, h.moved(Expire, now))
		case h.over(now):
			gone = append(gone, id)
		}
	}
	c.mu.RUnlock()
	if len(lapsed) > 0 {
		if err := c.putHolds(lapsed); err != nil {
			return 0, err
		}
	}
	if len(gone) > 0 {
		writes := make([]merkle.Write, len(gone))
		for i, id := range gone {
			writes[i].Key = keyHold + id
		}
		if err := c.db.Commit(store.Batch{Writes: writes}); err != nil {
			return len(lapsed), err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, id := range gone {
			c.holds.drop(id)
		}
	}
	return len(lapsed), nil
}
