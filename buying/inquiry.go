package buying

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/store"
)

// keyInquiry begins the keys of inquiries in the node's store; the id follows.
const keyInquiry = "buying/inquiry/"

// maxInquiries is how many inquiries are kept: the oldest goes when one more is made.
const maxInquiries = 500

// Inquired is an inquiry of the carrier with what it has found.
type Inquired struct {
	At      int64 // when it was asked, ms since 1970
	Request Request
	Answer  Answer
	Service mesh.ID // that was ordered of it; zero: none was
}

// keptInquiry is one as it is stored. Request is JSON: its attributes are of any form.
type keptInquiry struct {
	At      int64  `cbor:"1,keyasint"`
	Request []byte `cbor:"2,keyasint"`
	Answer  []byte `cbor:"3,keyasint"`
}

// errNoInquiry says that an inquiry is not kept.
var errNoInquiry = fault.New(fault.NotFound, "there is no such inquiry here, or it is too old", "look it up in the list, or ask again")

// keepInquiry keeps an inquiry that has its answer, and forgets the oldest.
func (b *Broker) keepInquiry(x Inquired) error {
	request, err := json.Marshal(x.Request)
	if err != nil {
		return err
	}
	answer, err := json.Marshal(x.Answer)
	if err != nil {
		return err
	}
	key := func(x *Inquired) string { return keyInquiry + x.Answer.ID.String() }
	writes := []merkle.Write{{Key: key(&x), Value: canon.Must(keptInquiry{x.At, request, answer})}}
	b.mu.Lock()
	defer b.mu.Unlock()
	over := max(len(b.inquiries)+1-maxInquiries, 0)
	for i := range b.inquiries[:over] {
		writes = append(writes, merkle.Write{Key: key(&b.inquiries[i])})
	}
	slices.SortFunc(writes, func(x, y merkle.Write) int { return cmp.Compare(x.Key, y.Key) })
	if err := b.o.Store.Commit(store.Batch{Writes: writes}); err != nil {
		return err
	}
	b.inquiries = append(b.inquiries[over:], x)
	return nil
}

// restoreInquiries reads what was kept, the oldest first.
func (b *Broker) restoreInquiries() error {
	for r, err := range b.o.Store.Scan(keyInquiry) {
		if err != nil {
			return err
		}
		var k keptInquiry
		if err := canon.Decode(r.Value, &k); err != nil {
			return err
		}
		x := Inquired{At: k.At}
		if err := json.Unmarshal(k.Request, &x.Request); err != nil {
			return err
		}
		if err := json.Unmarshal(k.Answer, &x.Answer); err != nil {
			return err
		}
		b.inquiries = append(b.inquiries, x)
	}
	slices.SortStableFunc(b.inquiries, func(x, y Inquired) int { return cmp.Compare(x.At, y.At) })
	return nil
}

// withOrder says which service was ordered of an inquiry. The lock is held.
func (b *Broker) withOrder(x Inquired) Inquired {
	quotes := []mesh.ID{}
	if best := x.Answer.Best; best != nil {
		quotes = append(quotes, best.Quote)
	}
	for i := range x.Answer.Alternatives {
		quotes = append(quotes, x.Answer.Alternatives[i].Quote)
	}
	for _, q := range quotes {
		if _, ok := b.cascade.Order(q); ok {
			x.Service = q
		}
	}
	return x
}

// Inquiries lists the inquiries of the carrier that are kept, the newest first.
func (b *Broker) Inquiries() (out []Inquired) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range slices.Backward(b.inquiries) {
		out = append(out, b.withOrder(x))
	}
	return out
}

// Inquiry gives one. Code: not-found.
func (b *Broker) Inquiry(id mesh.ID) (Inquired, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.inquiries {
		if x.Answer.ID == id {
			return b.withOrder(x), nil
		}
	}
	return Inquired{}, errNoInquiry
}
