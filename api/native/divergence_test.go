package native_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
)

// lying executes as the law says, but for one file, of which it writes another
// size than was acknowledged.
type lying struct {
	channel.Law
	about canon.Hash
}

func (l lying) Apply(ctx trade.Context, state trade.Records, cmd trade.Command) trade.Result {
	r := l.Law.Apply(ctx, state, cmd)
	for i, w := range r.Writes {
		if w.Key == trade.FileKey(l.about) {
			var f trade.File
			if err := canon.Decode(w.Value, &f); err != nil {
				panic(err)
			}
			f.Size++
			r.Writes[i].Value = canon.Must(f)
		}
	}
	return r
}

// hasty is a clock whose timers end early: nobody waits five seconds for a head.
type hasty struct{}

func (hasty) Now() time.Time                         { return time.Now() }
func (hasty) After(d time.Duration) <-chan time.Time { return time.After(d / 50) }

// rebuild gives a side a store that is executed from the ledger again, by a
// node that executes right.
func (s *side) rebuild() {
	s.w.t.Helper()
	s.stop()
	if err := os.RemoveAll(filepath.Join(s.dir(), "store")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.w.t.Fatal(err)
	}
	delete(s.w.laws, s.code)
	s.mu.Lock()
	s.desk = nil
	s.mu.Unlock()
	s.start()
}

// file is what a side acknowledges; n tells one from the other.
func file(n byte) wire.RecordFile {
	return wire.RecordFile{Kind: "contract", Hash: canon.Hash{n, 1}, Size: 7}
}

// calls is a file of one call an hour, from an hour of the day on.
func calls(hours ...string) string {
	var b strings.Builder
	b.WriteString(callsHeader)
	for _, h := range hours {
		b.WriteString("c" + h + ",41443334455,4930123456,2026-02-01T" + h + ":10:00Z,60000,success,ALPHA,BRAVO,t1\n")
	}
	return b.String()
}

// bill has both sides clear the calls of an hour up to a debt, and gives it.
func (w *world) bill(t *testing.T, hour string) (debt wire.Obligation) {
	t.Helper()
	ctx := within(t)
	for _, s := range w.sides {
		engineer := s.as(api.Engineer)
		eventually(t, "the calls are taken in", func() bool {
			_, err := engineer.ImportUsage(ctx, "calls-"+hour+".csv", strings.NewReader(calls(hour)))
			return err == nil
		})
		if _, err := engineer.Close(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	buyer := w.sides["ALPHA"].as(api.Finance)
	inv := awaitInvoice(t, w.sides["ALPHA"], client.Filter{"state": "issued"})
	if _, err := buyer.AcceptInvoice(ctx, inv.ID, inv.Document); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a debt", func() bool {
		all, err := client.Collect(buyer.Obligations(ctx, client.Filter{"state": "owed"}))
		if err != nil || len(all) != 1 {
			return false
		}
		debt = all[0]
		return true
	})
	return debt
}

// pay has a debt advised and confirmed.
func (w *world) pay(t *testing.T, o wire.Obligation) {
	t.Helper()
	ctx, coins := within(t), settlement.Payable(o.Amount)
	if _, err := w.sides["ALPHA"].as(api.Finance).Advise(ctx, o.ID, wire.Advise{Amount: coins, Method: o.Method, Reference: "bank " + o.ID, PaidAt: millis("2026-03-01T00:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	var done wire.Done[wire.Obligation]
	payee := w.sides["BRAVO"].as(api.Finance)
	eventually(t, "the payee has the advice", func() bool {
		var err error
		done, err = payee.Confirm(ctx, o.ID, wire.Confirm{Amount: coins})
		return err == nil
	})
	if done.Record.State != settlement.Settled {
		t.Fatalf("the debt is %s", done.Record.State)
	}
}

// level waits until both sides show one state, and gives it.
func (w *world) level(t *testing.T) (one wire.Bilateral) {
	t.Helper()
	ctx, alpha, bravo := within(t), w.sides["ALPHA"].as(api.Auditor), w.sides["BRAVO"].as(api.Auditor)
	eventually(t, "both sides have one root, signed by both", func() bool {
		a, err := alpha.Bilateral(ctx)
		b, err2 := bravo.Bilateral(ctx)
		one = a
		return err == nil && err2 == nil && a.Root == b.Root && a.Position == b.Position && a.Attested == a.Position && b.Attested == b.Position
	})
	return one
}

// A node computes wrongly. Both nodes find out and name the command; the
// channel takes what it still may and nothing else; the wrong node is rebuilt
// from the ledger; both sides close the divergence; trade goes on.
func TestADivergenceIsFoundMendedAndClosedByBoth(t *testing.T) {
	const bad = 7
	w := opened(t, func(w *world) {
		w.laws = map[party.Code]channel.Law{"BRAVO": lying{channel.Trade(trade.New(voice.Line{})), file(bad).Hash}}
		w.clock = hasty{}
	})
	contracted(t, w)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	terms := must(alpha.client(api.Clerk).DefaultTerms(ctx))
	a := must(alpha.as(api.ProductManager).ProposeAgreement(ctx, wire.ProposeAgreement{ID: "MSA-2", Type: agreement.MSA, Legal: legal(),
		Lines: []product.Line{"voice"}, From: millis("2025-01-01T00:00:00Z"), Until: millis("2026-01-01T00:00:00Z"), Terms: terms}))
	eventually(t, "a second agreement, for the year before", func() bool {
		_, err := bravo.as(api.ProductManager).AcceptAgreement(ctx, "MSA-2", a.Record.Pending.Hash)
		return err == nil
	})
	debt := w.bill(t, "00")
	if b := w.level(t); b.State != "open" || b.Divergence != nil {
		t.Fatalf("before: %+v", b)
	}

	if _, err := alpha.as(api.Clerk).RecordFile(ctx, file(bad)); err != nil {
		t.Fatal(err)
	}
	var found [2]wire.Bilateral
	for i, s := range []*side{alpha, bravo} {
		auditor := s.client(api.Auditor)
		eventually(t, "the difference is found, and evidence of it is in the state", func() bool {
			st, err := auditor.Status(ctx)
			if err != nil || len(st.Bilaterals) != 1 {
				return false
			}
			found[i] = st.Bilaterals[0]
			d := found[i].Divergence
			return found[i].State == "diverged" && d != nil && d.Searching && d.Height > 0 && !d.Evidence.IsZero()
		})
	}
	if a, b := found[0].Divergence, found[1].Divergence; *a != *b || a.Kind != trade.KindDocumentRecord {
		t.Fatalf("the two sides show %+v and %+v", a, b)
	}

	// What goes on: payment of what is agreed, keys, delegates, termination.
	w.pay(t, debt)
	if _, err := alpha.as(api.Administrator).AddDelegate(ctx, wire.AddDelegate{Key: alpha.keys.recovery.Public(), Name: "Ada", Roles: []party.Role{party.Finance}}); err != nil {
		t.Errorf("a delegate: %v", err)
	}
	if _, err := alpha.as(api.Administrator).Rotate(ctx); err != nil {
		t.Errorf("a channel key: %v", err)
	}
	if _, err := alpha.as(api.ProductManager).EndAgreement(ctx, "MSA-2", "over"); err != nil {
		t.Errorf("termination: %v", err)
	}
	refused := func(when string) {
		t.Helper()
		for _, s := range w.sides {
			if _, err := s.as(api.Clerk).RecordFile(ctx, file(20)); fault.CodeOf(err) != channel.CodeDiverged {
				t.Errorf("%s, %s records a file: %v", when, s.code, err)
			}
		}
	}
	refused("while the logs differ")
	mend := func(s *side) (wire.Done[wire.Divergence], error) {
		return s.as(api.ProductManager).CloseDivergence(ctx, wire.CloseDivergence{Why: "rebuilt"})
	}
	for _, s := range w.sides {
		if _, err := mend(s); fault.CodeOf(err) != fault.NotYet {
			t.Errorf("%s closes what is not mended: %v", s.code, err)
		}
	}

	bravo.rebuild()
	for _, s := range []*side{alpha, bravo} {
		auditor := s.as(api.Auditor)
		eventually(t, "both have signed one log again", func() bool {
			b, err := auditor.Bilateral(ctx)
			return err == nil && b.Divergence != nil && !b.Divergence.Searching
		})
	}
	if b := w.level(t); b.State != "diverged" || b.Divergence.Evidence != found[0].Divergence.Evidence || b.Divergence.Height != found[0].Divergence.Height {
		t.Errorf("until both sides close it: %s, %+v", b.State, b.Divergence)
	}
	refused("before it is closed")

	other := wire.CloseDivergence{Evidence: canon.Hash{1}}
	if _, err := alpha.as(api.ProductManager).CloseDivergence(ctx, other); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("other evidence than was looked at: %v", err)
	}
	first, err := mend(alpha)
	if err != nil || first.Record.ClosedBy != "ALPHA" || first.Repeated || first.Receipt.Kind != trade.KindDivergenceEnd {
		t.Fatalf("the first side: %+v, %v", first, err)
	}
	if again, err := mend(alpha); err != nil || !again.Repeated || again.Record.ClosedBy != "ALPHA" {
		t.Errorf("the first side once more: %+v, %v", again, err)
	}
	refused("after one side has closed it")
	// BRAVO's delegate signs where the key is.
	prepared, err := bravo.client(api.ProductManager).Prepare(ctx, wire.Prepare{Partner: "ALPHA", Kind: trade.KindDivergenceEnd})
	if err != nil {
		t.Fatal(err)
	}
	body := canon.Must(trade.DivergenceClose{Evidence: first.Record.Evidence})
	if !bytes.Equal(prepared.Body, body) {
		t.Errorf("prepared: %x", prepared.Body)
	}
	if _, err := bravo.client(api.ProductManager).Submit(ctx, signed(t, prepared, bravo.keys.delegates[party.Contracts])); err != nil {
		t.Fatal(err)
	}
	if b := w.level(t); b.State != "open" || b.Divergence != nil {
		t.Errorf("after both have closed it: %s, %+v", b.State, b.Divergence)
	}
	if last, err := alpha.as(api.ProductManager).CloseDivergence(ctx, wire.CloseDivergence{Evidence: first.Record.Evidence}); err != nil || !last.Repeated || last.Record.Closed == 0 {
		t.Errorf("what is closed already: %+v, %v", last, err)
	}
	if _, err := mend(alpha); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("without a divergence: %v", err)
	}

	// Trade goes on, and a proof of it can be had.
	bravo.clear(clearing.Automatic{Rate: true})
	w.pay(t, w.bill(t, "02"))
	for i, s := range []*side{alpha, bravo} {
		if _, err := s.as(api.Clerk).RecordFile(ctx, file(30+byte(i))); err != nil {
			t.Errorf("%s: %v", s.code, err)
		}
	}
	w.level(t)
	anchor, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := bravo.as(api.Engineer).Anchor(anchor); err != nil {
		t.Error(err)
	}
}

// witnessed is a member on whose Omnilateral one record more stands.
type witnessed struct {
	native.Member
	key   string
	value []byte
}

func (m witnessed) Omni() native.Channel { return witness{m.Member.Omni(), m} }

type witness struct {
	native.Channel
	m witnessed
}

func (c witness) View(f func(channel.View) error) error {
	return c.Channel.View(func(v channel.View) error {
		v.Records = oneMore{v.Records, c.m}
		return f(v)
	})
}

type oneMore struct {
	trade.Records
	m witnessed
}

func (r oneMore) Scan(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if strings.HasPrefix(r.m.key, prefix) && !yield(r.m.key, r.m.value) {
			return
		}
		r.Records.Scan(prefix)(yield)
	}
}

// What a side's key has signed twice is shown with the channel, with the two
// signatures by which anybody can see it.
func TestWhatAKeyHasSignedTwiceIsShownWithTheChannel(t *testing.T) {
	w := opened(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	b := bravo.member.Bilaterals()[0]
	keys, mine := b.Keys()
	key, _ := bravo.keys.Channel(keys[mine])
	head := trade.Head{Channel: b.ID(), Position: 3, Size: 2, Root: canon.Hash{1}}
	twice := trade.Equivocation{Key: keys[mine], One: head.Sign(key, uint8(mine))}
	head.Root = canon.Hash{2}
	twice.Two = head.Sign(key, uint8(mine))
	o := alpha.options
	o.Member, o.Registry = witnessed{o.Member, trade.EquivocationKey(b.ID(), twice.Key), canon.Must(twice)}, nil
	server := httptest.NewServer(must(native.New(o)))
	defer server.Close()
	c := client.New(server.URL, alpha.tokens[api.Auditor])
	defer c.Close()
	got, err := c.With("BRAVO").Bilateral(within(t))
	want := wire.SignedTwice{Member: "BRAVO", Key: twice.Key, One: twice.One, Two: twice.Two}
	if err != nil || len(got.Twice) != 1 || got.Twice[0] != want {
		t.Errorf("shown: %+v, %v", got.Twice, err)
	}
}
