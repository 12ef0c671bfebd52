package comet

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/p2p"
	protomem "github.com/cometbft/cometbft/proto/tendermint/mempool"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// pooled makes an envelope as the pool gets it.
func pooled(t *testing.T, sender int, sequence uint64, size int) *held {
	t.Helper()
	e := ledger.Envelope{Header: ledger.Header{Chain: "test", Sequence: sequence}, Payload: make([]byte, size)}
	e.Sign(testKey("sender", sender))
	raw := e.Marshal()
	h, err := open(raw, sha256.Sum256(raw))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Where blocks are too small for everybody, no sender waits for longer than it
// takes to serve the others once.
func TestTheSenderThatHasWaitedLongestIsServedFirst(t *testing.T) {
	last := map[lane]uint64{}
	p := newPool(1<<30, func(e ledger.Envelope) error {
		if want := last[lane{e.Header.Channel, e.Header.Sender}] + 1; e.Header.Sequence != want {
			return ledger.NotYet(want, e.Header.Sequence)
		}
		return nil
	})
	const senders, perBlock, size = 7, 2, 10_000
	before := map[lane]int{} // height at which a sender was served last
	next := map[int]uint64{}
	for height := 1; height <= 4*senders; height++ {
		for s := range senders { // each always has two waiting
			for p.lanes[pooled(t, s, 1, 0).lane()] == nil || len(p.lanes[pooled(t, s, 1, 0).lane()].run) < 2 {
				next[s]++
				if _, err := p.admit(pooled(t, s, next[s], size), true); err != nil {
					t.Fatal(err)
				}
			}
		}
		block, err := p.resolve(p.propose(perBlock*size + 5_000))
		if err != nil {
			t.Fatal(err)
		}
		if len(block) != perBlock {
			t.Fatalf("block %d holds %d envelopes, want %d", height, len(block), perBlock)
		}
		for _, h := range block {
			last[h.lane()] = h.sequence()
			const most = (senders + perBlock - 1) / perBlock
			if gap := height - before[h.lane()]; gap > most {
				t.Errorf("sender %s waited for %d blocks, at most %d are fair", h.lane().sender.Short(), gap, most)
			}
			before[h.lane()] = height
		}
		p.settle(ledger.Height(height), block)
	}
	if len(before) != senders {
		t.Errorf("%d of %d senders were served", len(before), senders)
	}
}

// accounted is a pool whose machine takes everything. Each member pays for
// several channels, and has a sender of its own in each.
type accounted struct {
	*pool
	t      *testing.T
	member map[sign.PublicKey]int
	next   map[[2]int]uint64
}

const small = 8 << 10 // bytes up to which the machine calls an envelope small

func newAccounted(t *testing.T, limit int64) *accounted {
	a := &accounted{t: t, member: map[sign.PublicKey]int{}, next: map[[2]int]uint64{}}
	last := map[lane]uint64{}
	a.pool = newPool(limit, func(e ledger.Envelope) error {
		if want := last[lane{e.Header.Channel, e.Header.Sender}] + 1; e.Header.Sequence > want {
			return ledger.NotYet(want, e.Header.Sequence)
		}
		return nil
	})
	a.accountsOf = func(e ledger.Envelope) ([]ledger.Account, bool, error) {
		return []ledger.Account{
			{Name: "channel/" + e.Header.Channel.String(), Percent: 20},
			{Name: fmt.Sprint("member/", a.member[e.Header.Sender]), Percent: 25},
		}, len(e.Payload) <= small, nil
	}
	return a
}

// send hands the pool the next envelope of a member in a channel.
func (a *accounted) send(member, channel, size int) (*held, error) {
	a.t.Helper()
	key := testKey("sender", 16*member+channel)
	a.member[key.Public()] = member
	at := [2]int{member, channel}
	e := ledger.Envelope{Header: ledger.Header{Chain: "test", Channel: canon.Sum("c", []byte{byte(member), byte(channel)}), Sequence: a.next[at] + 1}, Payload: make([]byte, size)}
	e.Sign(key)
	raw := e.Marshal()
	h, err := open(raw, sha256.Sum256(raw))
	if err != nil {
		a.t.Fatal(err)
	}
	if h, err = a.admit(h, true); err == nil {
		a.next[at]++
	} else if fault.CodeOf(err) != fault.Busy {
		a.t.Fatal(err)
	}
	return h, err
}

// fill sends from all channels of a member until none finds room.
func (a *accounted) fill(member, channels, size int) (bytes int64) {
	_, before := a.pending()
	for open := true; open; {
		open = false
		for c := range channels {
			_, err := a.send(member, c, size)
			open = open || err == nil
		}
	}
	_, after := a.pending()
	return after - before
}

func TestOneMemberCannotFillThePool(t *testing.T) {
	const limit = 4 << 20
	a := newAccounted(t, limit)
	if got, most := a.fill(0, 1, 60_000), int64(limit*20/100); got > most || got < most-61_000 {
		t.Errorf("one channel took %d bytes, its part is %d", got, most)
	}
	_, before := a.pending()
	if got, most := before+a.fill(0, 8, 60_000), int64(limit*25/100); got > most || got < most-61_000 {
		t.Errorf("one member took %d bytes over eight channels, its part is %d", got, most)
	}
	if _, err := a.send(1, 0, 60_000); err != nil {
		t.Errorf("another member finds no room: %v", err)
	}
	// What leaves the pool makes room again.
	for _, h := range a.byID {
		a.drop(h, nil)
	}
	if len(a.accounts) != 0 || a.total != (room{}) {
		t.Fatalf("an empty pool counts %v, %v", a.total, a.accounts)
	}
}

func TestAHeadFindsRoomInAFullPool(t *testing.T) {
	const limit, head = 16 << 20, 600
	a := newAccounted(t, limit)
	for member := range 8 {
		a.fill(member, 4, 60_000)
	}
	if _, err := a.send(9, 0, 60_000); fault.CodeOf(err) != fault.Busy {
		t.Fatalf("the pool is not full: %v", err)
	}
	if _, err := a.send(9, 0, head); err != nil {
		t.Fatalf("a head finds no room: %v", err)
	}
	// Trade in small envelopes takes its sender's own part of the reserve.
	for member := range 4 {
		a.fill(member, 4, small)
		if got, most := a.accounts[fmt.Sprint("member/", member)].reserved, int64(limit/reservePart*25/100/reserveSplit); got == 0 || got > most {
			t.Errorf("member %d took %d bytes of the reserve, its part is %d", member, got, most)
		}
	}
	if _, err := a.send(9, 1, head); err != nil {
		t.Errorf("a head finds no room beside others' small envelopes: %v", err)
	}
	if _, bytes := a.pending(); bytes > limit {
		t.Errorf("the pool holds %d bytes, its bound is %d", bytes, limit)
	}
}

// A block settles under the lock that admission needs: what waits for a missing
// number must not make it slow.
func TestWhatIsParkedCostsOneQuestionALane(t *testing.T) {
	const lanes, parked = 4, 300
	taken := map[sign.PublicKey]uint64{}
	asked := 0
	p := newPool(1<<30, func(e ledger.Envelope) error {
		asked++
		switch want, n := taken[e.Header.Sender]+1, e.Header.Sequence; {
		case n > want:
			return ledger.NotYet(want, n)
		case n < want:
			return fault.New(fault.Refused, "the number is used", "")
		}
		return nil
	})
	for s := range lanes {
		for n := range uint64(parked) {
			if _, err := p.admit(pooled(t, s, n+2, 10), true); err != nil {
				t.Fatal(err)
			}
		}
	}
	asked = 0
	p.settle(1, nil)
	if asked > lanes {
		t.Errorf("%d questions for %d lanes with %d parked envelopes each", asked, lanes, parked)
	}
	// The missing number comes in a block: all the others stand in line. One
	// that another envelope has taken meanwhile goes.
	key := testKey("sender", 0).Public()
	taken[key] = 2
	lost := p.lanes[lane{sender: key}].parked[2]
	p.settle(2, nil)
	q := p.lanes[lane{sender: key}]
	if len(q.parked) != 0 || len(q.run) != parked-1 || q.run[0].sequence() != 3 {
		t.Errorf("%d stand in line, %d are parked", len(q.run), len(q.parked))
	}
	select {
	case <-lost.done:
		if fault.CodeOf(lost.err) != fault.Refused {
			t.Errorf("the overtaken envelope ends with %v", lost.err)
		}
	default:
		t.Error("the overtaken envelope still waits")
	}
}

func TestALinkDoesNotWaitForEnvelopesToBeChecked(t *testing.T) {
	hold := make(chan struct{})
	g := newGossip(newPool(1<<20, func(ledger.Envelope) error { return nil }), func([][]byte) { <-hold })
	g.SetLogger(engineLog{to: testLog("gossip")})
	g.EnableInOutTxs()
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		close(hold)
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
		g.done.Wait()
	}()
	received := make(chan struct{})
	go func() {
		defer close(received)
		for range 10 * maxHeard {
			g.Receive(p2p.Envelope{ChannelID: mempool.MempoolChannel, Message: &protomem.Txs{Txs: [][]byte{{1}}}})
		}
	}()
	select {
	case <-received:
	case <-time.After(time.Minute):
		t.Fatal("the link waits, and votes with it")
	}
}
