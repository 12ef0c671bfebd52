package selling_test

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// records is a state in memory.
type records map[string][]byte

func (m records) Get(key string) ([]byte, bool) { v, ok := m[key]; return v, ok }

func (m records) Scan(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if strings.HasPrefix(k, prefix) && !yield(k, m[k]) {
				return
			}
		}
	}
}

// bilateral is the channel of ALPHA and BRAVO, with an agreement on connectivity.
type bilateral struct {
	t       *testing.T
	w       *world
	machine *trade.Machine

	mu            sync.Mutex // guards what follows
	public, state records
	height        uint64
	deaf          bool // nobody is told of what happens
}

func (b *bilateral) View(f func(trade.View) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return f(trade.View{Records: b.state})
}

// item reads an order that stands.
func (b *bilateral) item(id string) (it order.Item) {
	b.View(func(v trade.View) error {
		it, _ = v.Item(id)
		return nil
	})
	return it
}

const chain = "test-00000000000000000000000000000000"

var channelID = canon.Sum("test/channel")

func newBilateral(t *testing.T, w *world) *bilateral {
	b := &bilateral{t: t, w: w, machine: trade.New(connectivity.Line{}), public: records{}, state: records{}, height: 1}
	var members []party.Signed
	for _, code := range []string{"ALPHA", "BRAVO"} {
		sealing := make([]byte, 1216)
		sealing[0] = code[0]
		members = append(members, party.Application{Code: party.Code(code), LegalName: code, Country: "CH", Exchange: "test:1", Sealing: sealing}.
			Sign(key(code+".member"), key(code+".node"), key(code+".recovery")))
	}
	for _, x := range must(trade.Genesis(trade.GenesisDocument{Network: trade.DefaultNetwork("test"), Members: members, Validators: []trade.Validator{{Name: "v", Key: key("v").Public(), Power: 1}}})) {
		b.public[x.Key] = x.Value
	}
	keys := [2]sign.PublicKey{key("ALPHA.channel").Public(), key("BRAVO.channel").Public()}
	slices.SortFunc(keys[:], func(x, y sign.PublicKey) int { return cmp.Compare(x.String(), y.String()) })
	b.must("ALPHA.node", "", trade.KindChannelOpen, trade.ChannelOpen{Channel: channelID, Keys: keys, Invitation: []byte("sealed"), Expires: w.ms.Load() + 1_000_000})
	for _, code := range []string{"ALPHA", "BRAVO"} {
		b.must(code+".channel", "", trade.KindChannelConfirm, trade.ChannelConfirm{Channel: channelID})
	}
	for _, code := range []string{"ALPHA", "BRAVO"} {
		b.must(code+".channel", code+".member", trade.KindBind, trade.Bind{Member: party.Code(code), Keys: keys, Key: key(code + ".channel").Public()})
	}
	for _, code := range []string{"ALPHA", "BRAVO"} {
		b.must(code+".channel", code+".member", trade.KindDelegateAdd, trade.DelegateAdd{Key: key(code + ".desk").Public(), Name: "Desk", Roles: []party.Role{party.Contracts, party.Orders, party.Disputes, party.Finance},
			Limits: []money.Amount{{Currency: "EUR", Micro: 1e12}}})
	}
	terms := agreement.Defaults()
	terms.Cycle, terms.Products = "1mo", []agreement.ProductTerms{agreement.DefaultProduct("annex", string(connectivity.Name))}
	b.must("ALPHA.channel", "ALPHA.desk", trade.KindAgreementPropose, trade.AgreementPropose{ID: "MSA", Type: agreement.MSA, Terms: terms, From: w.ms.Load() - 1000, Lines: []product.Line{connectivity.Name},
		Legal: agreement.Legal{Document: canon.Sum("contract"), GoverningLaw: "Swiss", Jurisdiction: "Zürich", Indemnity: "own", Liability: "capped", ForceMajeure: "usual", Taxes: "net", Term: "open", Obligations: "annexed", Definitions: "annexed"}})
	a, _ := trade.View{Records: b.state}.Agreement("MSA")
	b.must("BRAVO.channel", "BRAVO.desk", trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA", Terms: a.Pending.Terms})
	w.with.Store(b)
	return b
}

// deliver orders what was quoted, and has it accepted and delivered at once, with
// its reservation.
func (b *bilateral) deliver(id string, signed []byte) {
	b.t.Helper()
	b.w.ms.Add(1000) // a change comes after what it changes
	q := must(order.OpenQuote(signed)).Quote
	product := cmp.Or(q.Item, "P-1")
	b.must("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, trade.OrderPlace{ID: id, Kind: order.Product, Agreement: "MSA", Line: connectivity.Name, From: max(q.From, b.w.ms.Load()),
		Request: &order.Request{Action: q.Action, Product: product, Quote: signed, Offer: q.Offer, Until: q.To}})
	b.must("ALPHA.channel", "ALPHA.desk", trade.KindOrderAccept, trade.OrderAnswer{ID: id})
	b.must("ALPHA.channel", "ALPHA.desk", trade.KindOrderDeliver, trade.OrderDeliver{ID: id, At: b.w.ms.Load()})
	until(b.t, "what it needs is in use", func() bool {
		h, ok := b.w.catalog.HoldOf(id)
		return ok && h.State == catalog.InUse
	})
}

func (b *bilateral) product(id string) product.Instance {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, _ := trade.View{Records: b.state}.Product(id)
	return p
}

// run executes a command, sent by a key and authorised by another; nil: done.
func (b *bilateral) run(sender, by string, k trade.Kind, body any) error {
	return b.execute(sender, by, trade.NewCommand(k, body))
}

func (b *bilateral) execute(sender, by string, cmd trade.Command) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.height++
	ctx := trade.Context{Sender: key(sender).Public(), Block: trade.Block{Chain: chain, Height: b.height, Time: b.w.ms.Load()}}
	state := b.public
	if by != "" {
		ctx.Block.Channel, ctx.Public, ctx.Attested = channelID, b.public, b.height-1
		state = b.state
		nonce := canon.Sum("nonce", []byte(cmd.Kind), []byte{byte(b.height)})
		nonce[0] = 0
		cmd = trade.Authorize(cmd, key(by), chain, channelID, ctx.Block.Time+time.Hour.Milliseconds(), nonce)
	}
	r := b.machine.Apply(ctx, state, cmd)
	for _, x := range r.Writes {
		if x.Value == nil {
			delete(state, x.Key)
		} else {
			state[x.Key] = x.Value
		}
	}
	if r.Fault != nil {
		return r.Fault
	}
	for _, e := range r.Events {
		if !b.deaf {
			b.w.deals.Told("BRAVO", e.Subject)
		}
	}
	return nil
}

// says runs a command of a carrier, which its delegate has signed.
func (b *bilateral) says(who string, k trade.Kind, body any) error {
	return b.run(who+".channel", who+".desk", k, body)
}

func (b *bilateral) must(sender, by string, k trade.Kind, body any) {
	b.t.Helper()
	if err := b.run(sender, by, k, body); err != nil {
		b.t.Fatalf("%s %s: %v", sender, k, err)
	}
}

func TestTheSignedQuoteIsWhatAnOrderOnTheBilateralRestsOn(t *testing.T) {
	w := newWorld(t)
	p := line("600000000")
	q := must(w.buyer("bravo", wire.Kylie).CreateQuote(t.Context(), firm(p))).Value
	if len(q.Proofs) != 1 || q.Proofs[0].Item != "1" {
		t.Fatalf("the quote's proofs: %+v", q.Proofs)
	}
	signed, err := order.OpenQuote(q.Proofs[0].Signed)
	if err != nil || signed.Key != key("ALPHA.node").Public() {
		t.Fatalf("%v %v", signed.Key, err)
	}
	of := signed.Quote
	if of.ID != q.ID || of.Buyer != "BRAVO" || of.Seller != "ALPHA" || of.Until != q.ValidFor.End.UnixMilli() || of.Held != of.Until || of.Offer.Metres == 0 || len(of.Offer.Prices) != 3 {
		t.Errorf("signed: %+v", of)
	}
	b := newBilateral(t, w)
	place := trade.OrderPlace{ID: "O-1", Kind: order.Product, Agreement: "MSA", Line: connectivity.Name, Payload: p.Configuration.Bytes(), From: w.ms.Load(),
		Request: &order.Request{Action: order.Add, Product: "P-1", Quote: q.Proofs[0].Signed, Offer: of.Offer}}
	// Another payload is not what was quoted.
	other := place
	other.Payload = line("700000000").Configuration.Bytes()
	if err := b.run("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, other); fault.CodeOf(err) != trade.CodeQuoteMismatch {
		t.Errorf("another configuration is ordered by the quote: %v", err)
	}
	b.must("BRAVO.channel", "BRAVO.desk", trade.KindOrderPlace, place)
	it, ok := trade.View{Records: b.state}.Item("O-1")
	if !ok || it.Quoted != q.ID || it.State != order.ItemAcknowledged || it.Deadline > of.Held {
		t.Errorf("the order: %+v", it)
	}
}
