package netting

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

// pseudonym gives the key of a member of the tests, smaller ones first.
func pseudonym(i int) (k sign.PublicKey) {
	k[0], k[1] = byte(i>>8), byte(i)
	return k
}

func members(n int) []Member {
	out := make([]Member, n)
	for i := range out {
		out[i].Key = pseudonym(i)
	}
	return out
}

// debts reads triples: debtor, creditor, amount in whole units.
func debts(n int, triples ...int) Input {
	in := Input{Currency: "EUR", Members: members(n)}
	for t := range slices.Chunk(triples, 3) {
		in.Debts = append(in.Debts, Debt{uint32(t[0]), uint32(t[1]), units(t[2])})
	}
	return in
}

func units(n int) money.Micro { return money.Micro(n) * 1_000_000 }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// methods are all that make an outcome.
var methods = map[string]func(Input) (Outcome, error){"bilateral": Bilateral, "multilateral": Multilateral, "compression": Compress, "cycles": Greedy}

// random makes a small network; amounts are small, so that all subsets of flows
// can be tried.
func random(r *rand.Rand, n, most, amount int) Input {
	in := Input{Currency: "USD", Members: members(n)}
	for range r.IntN(most + 1) {
		from, to := r.IntN(n), r.IntN(n)
		if from == to || slices.ContainsFunc(in.Debts, func(d Debt) bool { return int(d.Debtor) == from && int(d.Creditor) == to }) {
			continue
		}
		in.Debts = append(in.Debts, Debt{uint32(from), uint32(to), money.Micro(1 + r.IntN(amount))})
	}
	return in
}

// best tries every circulation and gives the most that one takes off.
func best(in Input) money.Micro {
	n := len(in.Members)
	into, out := make([]money.Micro, n), make([]money.Micro, n)
	var most money.Micro
	var try func(i int, sum money.Micro)
	try = func(i int, sum money.Micro) {
		if i == len(in.Debts) {
			for v, m := range in.Members {
				if into[v] != out[v] || m.Most > 0 && out[v] > m.Most {
					return
				}
			}
			most = max(most, sum)
			return
		}
		d := in.Debts[i]
		for x := range d.Amount + 1 {
			out[d.Debtor] += x
			into[d.Creditor] += x
			try(i+1, sum+x)
			out[d.Debtor] -= x
			into[d.Creditor] -= x
		}
	}
	try(0, 0)
	return most
}

func TestCompressionTakesOffAsMuchAsTryingEveryCirculation(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	better, limited := 0, 0
	for i := range 2000 {
		in := random(r, 2+r.IntN(4), 9, 2)
		if i%3 == 0 {
			for v := range in.Members {
				in.Members[v].Most = money.Micro(r.IntN(4))
			}
		}
		o := must(Compress(in))
		if err := Verify(in, o); err != nil {
			t.Fatalf("seed %d, network %d: %v\n%+v\n%+v", seed, i, err, in, o)
		}
		if most := best(in); o.Gross-o.Left != most {
			t.Fatalf("seed %d, network %d: %s is taken off, %s can be\n%+v", seed, i, o.Gross-o.Left, most, in)
		}
		g := must(Greedy(in))
		if err := Verify(in, g); err != nil {
			t.Fatalf("seed %d, network %d, greedy: %v", seed, i, err)
		}
		if g.Left < o.Left {
			t.Fatalf("seed %d, network %d: greedy leaves less", seed, i)
		}
		if g.Left > o.Left {
			better++
		}
		for _, p := range o.Prices {
			if p.In != p.Out {
				limited++
			}
		}
	}
	if better == 0 || limited == 0 {
		t.Errorf("seed %d: better than greedy in %d networks, %d limits had a price: the networks show nothing", seed, better, limited)
	}
}

// Networks too large to try everything: the prices prove the optimum.
func TestEveryMethodGivesASoundOutcomeOfAnyDebts(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	for i := range 60 {
		n := 2 + r.IntN(60)
		in := random(r, n, 6*n, 1+r.IntN(1<<r.IntN(40)))
		for v := range in.Members {
			if r.IntN(4) == 0 {
				in.Members[v].Most = money.Micro(1 + r.IntN(1<<r.IntN(40)))
			}
		}
		for name, net := range methods {
			o := must(net(in))
			if err := Verify(in, o); err != nil {
				t.Fatalf("seed %d, network %d, %s: %v", seed, i, name, err)
			}
			if o.Left > o.Gross {
				t.Fatalf("seed %d, network %d, %s: more is left than was offered", seed, i, name)
			}
		}
		if len(must(Multilateral(in)).Payments) >= n {
			t.Fatalf("seed %d, network %d: as many payments as members", seed, i)
		}
	}
}

func TestTheOrderOfInputDoesNotMatter(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 3))
	for range 30 {
		in := random(r, 12, 80, 100)
		in.Members[3].Most = 50
		in.Debts = append(in.Debts, in.Debts...) // two debts of each pair
		mixed := Input{Currency: in.Currency, Members: make([]Member, len(in.Members)), Debts: slices.Clone(in.Debts)}
		places := r.Perm(len(in.Members))
		for i, p := range places {
			mixed.Members[p] = in.Members[i]
		}
		for i, d := range mixed.Debts {
			mixed.Debts[i].Debtor, mixed.Debts[i].Creditor = uint32(places[d.Debtor]), uint32(places[d.Creditor])
		}
		r.Shuffle(len(mixed.Debts), func(i, j int) { mixed.Debts[i], mixed.Debts[j] = mixed.Debts[j], mixed.Debts[i] })
		for name, net := range methods {
			a, b := must(net(in)), must(net(mixed))
			if !reflect.DeepEqual(a, b) || string(canon.Must(a)) != string(canon.Must(b)) {
				t.Fatalf("seed %d: %s gives two outcomes of the same debts", seed, name)
			}
			if err := Verify(mixed, a); err != nil {
				t.Fatalf("seed %d: %s: %v", seed, name, err)
			}
		}
	}
}

// net(A,B) = −net(B,A): with all debts turned round, everybody's position is the
// other way and as much is left. By pairs, each change is turned round too.
func TestDebtsTurnedRoundNetToTheMirrorImage(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 5))
	for range 200 {
		in := random(r, 10, 60, 1000)
		in.Members[2].Most = 300
		back := in
		back.Debts = slices.Clone(in.Debts)
		for i, d := range back.Debts {
			back.Debts[i].Debtor, back.Debts[i].Creditor = d.Creditor, d.Debtor
		}
		for _, net := range []func(Input) (Outcome, error){Bilateral, Multilateral, Compress} {
			a, b := must(net(in)), must(net(back))
			if a.Left != b.Left {
				t.Fatalf("seed %d: %s leaves %s, turned round %s", seed, a.Method, a.Left, b.Left)
			}
			if a.Method != ByPair {
				continue
			}
			for _, c := range a.Changes {
				if !slices.Contains(b.Changes, Change{c.Creditor, c.Debtor, c.Old, c.New}) {
					t.Fatalf("seed %d: %+v is not turned round", seed, c)
				}
			}
		}
	}
}

// Offsetting each two first would take 20 off; leaving one of the two debts takes
// 30 off. So compression does not begin with pairs.
func TestACircleOfThreeCanBeWorthMoreThanAPair(t *testing.T) {
	in := debts(3, 0, 1, 10, 1, 0, 10, 1, 2, 10, 2, 0, 10)
	if o := must(Compress(in)); o.Left != units(10) {
		t.Errorf("%s is left", o.Left)
	}
	if o := must(Greedy(in)); o.Left != units(20) {
		t.Errorf("greedy: %s is left", o.Left)
	}
}

func TestALimitBoundsWhatIsTakenOffAMember(t *testing.T) {
	in := debts(3, 0, 1, 10, 1, 2, 10, 2, 0, 10)
	in.Members[1].Most = units(4)
	for _, net := range []func(Input) (Outcome, error){Compress, Greedy} {
		if o := must(net(in)); o.Left != units(18) || len(o.Changes) != 3 || o.Changes[0].New != units(6) {
			t.Errorf("%+v", o)
		}
	}
}

func TestDebtsThatGoNowhereAroundStay(t *testing.T) {
	in := debts(4, 0, 1, 10, 1, 2, 10, 0, 2, 5, 2, 3, 1)
	if o := must(Compress(in)); len(o.Changes) != 0 || o.Left != o.Gross || o.Debts != 4 || len(o.Touched()) != 0 {
		t.Errorf("%+v", o)
	}
	o := must(Multilateral(in))
	if o.Left != units(15) || len(o.Payments) != 2 || o.Debts != 2 || len(o.Touched()) != 4 {
		t.Errorf("%+v", o)
	}
}

func TestNothingOfferedNetsToNothing(t *testing.T) {
	for name, net := range methods {
		for n := range 3 {
			in := debts(n)
			o, err := net(in)
			if err != nil || o.Gross != 0 || len(o.Changes) != 0 || o.Debts != 0 {
				t.Errorf("%s of %d members: %+v, %v", name, n, o, err)
			}
			if err := Verify(in, o); err != nil {
				t.Errorf("%s of %d members: %v", name, n, err)
			}
		}
	}
}

func TestAtTheEdgeOf64BitsASumIsAnErrorAndNeverWraps(t *testing.T) {
	const all = money.Micro(math.MaxInt64)
	in := Input{Currency: "USD", Members: members(3), Debts: []Debt{{0, 1, all - 2}, {1, 2, 1}, {2, 0, 1}}}
	for name, net := range methods {
		o := must(net(in))
		if err := Verify(in, o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "compression" && o.Left != all-3 {
			t.Errorf("%s is left", o.Left)
		}
	}
	in.Members[0].Most = 1
	if err := Verify(in, must(Compress(in))); err != nil {
		t.Error(err)
	}
	over := in
	over.Debts = append(slices.Clone(in.Debts), Debt{0, 1, 1})
	for name, net := range methods {
		if _, err := net(over); fault.CodeOf(err) != money.CodeOverflow {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := must(Multilateral(in))
	o.Payments = []Payment{{0, 1, all}, {0, 1, all}}
	if err := Verify(in, o); err == nil || fault.CodeOf(err) == fault.Internal {
		t.Errorf("payments beyond 64 bits: %v", err)
	}
}

func TestWhatIsNoInputIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Input){
		"a debt of nothing":         func(in *Input) { in.Debts[0].Amount = 0 },
		"a debt below zero":         func(in *Input) { in.Debts[0].Amount = -1 },
		"a debt to oneself":         func(in *Input) { in.Debts[0].Creditor = 0 },
		"a debtor who is no member": func(in *Input) { in.Debts[0].Debtor = 3 },
		"a creditor far away":       func(in *Input) { in.Debts[0].Creditor = math.MaxUint32 },
		"a pseudonym twice":         func(in *Input) { in.Members[2].Key = in.Members[0].Key },
		"a limit below zero":        func(in *Input) { in.Members[0].Most = -1 },
		"too many members":          func(in *Input) { in.Members = make([]Member, MaxMembers+1) },
	} {
		in := debts(3, 0, 1, 10, 1, 2, 10)
		spoil(&in)
		for method, net := range methods {
			if _, err := net(in); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s, %s: %v", name, method, err)
			}
		}
		if err := Verify(in, Outcome{}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	in := debts(2, 0, 1, 1)
	in.Currency = "euro"
	if _, err := Compress(in); fault.CodeOf(err) != money.CodeUnknownCurrency {
		t.Error(err)
	}
}

func TestAnOutcomeThatIsNotOfTheDebtsIsUnsound(t *testing.T) {
	in := debts(4, 0, 1, 10, 1, 2, 12, 2, 0, 14, 1, 0, 3, 2, 3, 5)
	in.Members[2].Most = units(12)
	for name, net := range methods {
		for what, spoil := range map[string]func(*Outcome){
			"another currency":         func(o *Outcome) { o.Currency = "USD" },
			"another member":           func(o *Outcome) { o.Keys[3] = pseudonym(9) },
			"a member more":            func(o *Outcome) { o.Keys = append(o.Keys, pseudonym(9)) },
			"no method":                func(o *Outcome) { o.Method = "magic" },
			"a change left out":        func(o *Outcome) { o.Changes = o.Changes[1:] },
			"a change twice":           func(o *Outcome) { o.Changes = append(o.Changes, o.Changes[len(o.Changes)-1]) },
			"changes in another order": func(o *Outcome) { o.Changes[0], o.Changes[1] = o.Changes[1], o.Changes[0] },
			"a debt that grows":        func(o *Outcome) { o.Changes[0].New = o.Changes[0].Old + 1 },
			"a debt that turns round":  func(o *Outcome) { o.Changes[0].New = -1 },
			"a debt from another sum":  func(o *Outcome) { o.Changes[0].Old++ },
			"a debt unchanged":         func(o *Outcome) { o.Changes[0].New = o.Changes[0].Old },
			"one member gets less":     func(o *Outcome) { o.Changes[0].New++ },
			"a new debt":               func(o *Outcome) { o.Changes[len(o.Changes)-1] = Change{3, 0, units(5), units(4)} },
			"a debt of no member":      func(o *Outcome) { o.Changes[0].Debtor = 4 },
			"a wrong gross":            func(o *Outcome) { o.Gross++ },
			"a wrong rest":             func(o *Outcome) { o.Left++ },
			"a wrong count":            func(o *Outcome) { o.Debts++ },
			"a payment between no two": func(o *Outcome) { o.Payments = append(o.Payments, Payment{1, 1, 5}) },
			"a payment to nobody":      func(o *Outcome) { o.Payments = append(o.Payments, Payment{1, 4, 5}) },
			"a payment of nothing":     func(o *Outcome) { o.Payments = append(o.Payments, Payment{1, 3, 0}) },
			"a payment below zero":     func(o *Outcome) { o.Payments = append(o.Payments, Payment{1, 3, -5}) },
			"a circle of payments": func(o *Outcome) {
				o.Payments = append(o.Payments, Payment{1, 3, 5}, Payment{3, 1, 5})
				o.Left += 10
				o.Debts += 2
			},
			"prices of others": func(o *Outcome) { o.Prices = append(o.Prices, Price{}) },
		} {
			o := must(net(in))
			if err := Verify(in, o); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if spoil(&o); fault.CodeOf(Verify(in, o)) != CodeUnsound {
				t.Errorf("%s, %s: %v", name, what, Verify(in, o))
			}
		}
	}
}

// With sums that fit, only the one check that each is for can find them.
func TestAnOutcomeWithRightSumsIsUnsoundAllTheSame(t *testing.T) {
	in := debts(4, 0, 1, 10, 1, 2, 12, 2, 0, 14, 2, 3, 5)
	for what, changes := range map[string][]Change{
		"a circle of debts that grow": {{0, 1, units(10), units(11)}, {1, 2, units(12), units(13)}, {2, 0, units(14), units(15)}},
		"positions that change":       {{0, 1, units(10), units(9)}, {1, 2, units(12), units(11)}},
		"a change of nothing":         {{2, 3, units(5), units(5)}},
	} {
		o := Outcome{Method: ByCycle, Currency: "EUR", Gross: units(41), Left: units(41), Debts: 4, Changes: changes}
		for _, m := range in.Members {
			o.Keys = append(o.Keys, m.Key)
		}
		for _, c := range changes {
			o.Left += c.New - c.Old
		}
		if err := Verify(in, o); fault.CodeOf(err) != CodeUnsound {
			t.Errorf("%s: %v", what, err)
		}
	}
	// All debts gone, and nobody pays.
	o := must(Multilateral(in))
	o.Payments, o.Left, o.Debts = nil, 0, 0
	if err := Verify(in, o); fault.CodeOf(err) != CodeUnsound {
		t.Errorf("no payments: %v", err)
	}
	// A round about way, and more payments than are needed.
	in = debts(4, 0, 2, 10, 1, 3, 10)
	o = must(Multilateral(in))
	for what, payments := range map[string][]Payment{
		"through another": {{0, 1, units(10)}, {1, 2, units(10)}, {1, 3, units(10)}},
		"too many":        {{0, 2, units(5)}, {0, 3, units(5)}, {1, 2, units(5)}, {1, 3, units(5)}},
	} {
		o.Payments, o.Left, o.Debts = payments, 0, uint32(len(payments))
		for _, p := range payments {
			o.Left += p.Amount
		}
		if err := Verify(in, o); fault.CodeOf(err) != CodeUnsound {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestACompressionThatCouldTakeOffMoreIsUnsound(t *testing.T) {
	in := debts(3, 0, 1, 10, 1, 0, 10, 1, 2, 10, 2, 0, 10)
	less, most := must(Greedy(in)), must(Compress(in))
	less.Method, less.Prices = ByCirculation, most.Prices
	if err := Verify(in, less); fault.CodeOf(err) != CodeUnsound {
		t.Errorf("the prices of the optimum prove less: %v", err)
	}
	// No prices at all prove it: every small set is tried.
	for p := range 5 * 5 * 5 {
		less.Prices = []Price{{int32(p % 5), int32(p % 5)}, {int32(p / 5 % 5), int32(p / 5 % 5)}, {int32(p / 25), int32(p / 25)}}
		if err := Verify(in, less); fault.CodeOf(err) != CodeUnsound {
			t.Fatalf("%v prove less: %v", less.Prices, err)
		}
	}
	// The limit that a member named is not broken by what would be largest without it.
	in.Members[2].Most = units(1)
	if err := Verify(in, most); fault.CodeOf(err) != CodeUnsound {
		t.Errorf("beyond a limit: %v", err)
	}
	// A price for a limit that does not bind proves nothing.
	in.Members[2].Most = units(50)
	most.Prices[2].In++
	if err := Verify(in, most); fault.CodeOf(err) != CodeUnsound {
		t.Errorf("two prices: %v", err)
	}
}

// A long circle, a star and a ladder: shapes that make the solver go far.
func TestLongWaysAreFound(t *testing.T) {
	const n = 500
	ring := Input{Currency: "EUR", Members: members(n)}
	for v := range n {
		ring.Debts = append(ring.Debts, Debt{uint32(v), uint32((v + 1) % n), money.Micro(1000 + v)})
	}
	if o := must(Compress(ring)); o.Left != o.Gross-1000*n {
		t.Errorf("a ring of %d leaves %s", n, o.Left)
	}
	ladder := Input{Currency: "EUR", Members: members(n)}
	for v := range n {
		ladder.Debts = append(ladder.Debts, Debt{uint32(v), uint32((v + 1) % n), 1 << (v % 40)}, Debt{uint32(v), uint32((v + n - 1) % n), 1 << ((v * 7) % 40)})
		if v%5 == 0 {
			ladder.Debts = append(ladder.Debts, Debt{uint32(v), uint32((v*v + 3) % n), 1 << (v % 33)})
		}
	}
	ladder.Debts = slices.DeleteFunc(ladder.Debts, func(d Debt) bool { return d.Debtor == d.Creditor })
	if err := Verify(ladder, must(Compress(ladder))); err != nil {
		t.Error(err)
	}
}

func FuzzOutcomesAreSound(f *testing.F) {
	f.Add([]byte{3, 0, 1, 10, 1, 2, 10, 2, 0, 10})
	f.Add([]byte{4, 0, 1, 10, 1, 0, 5, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 300 {
			return
		}
		n := 2 + int(data[0])%14
		in := Input{Currency: "EUR", Members: members(n)}
		for t := range slices.Chunk(data[1:], 3) {
			if len(t) < 3 || int(t[0])%n == int(t[1])%n {
				continue
			}
			if t[0] > 200 {
				in.Members[int(t[0])%n].Most = money.Micro(t[2])
			}
			in.Debts = append(in.Debts, Debt{uint32(int(t[0]) % n), uint32(int(t[1]) % n), 1 + money.Micro(t[2])})
		}
		for name, net := range methods {
			o, err := net(in)
			if err != nil {
				t.Fatal(name, err)
			}
			if err := Verify(in, o); err != nil {
				t.Fatal(name, err)
			}
		}
	})
}
