package catalog

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store"
)

// claim asks for bandwidth on the line from Hong Kong to Milan.
func claim(id string, bandwidth uint64, from, to int64) Claim {
	return Claim{ID: id, Offering: "hk-mil", Expires: Time(now + hour), For: "quote " + id,
		Inquiry: Inquiry{A: Spot{Place: "HKHKG"}, Z: Spot{Place: "ITMIL"}, Bandwidth: bandwidth, From: Time(from), To: Time(to)}}
}

func TestAReservationGoesAsItsTableSays(t *testing.T) {
	for _, s := range []HoldState{Reserved, Confirmed, InUse, Released, Expired} {
		for _, e := range []HoldEvent{Confirm, Use, Release} {
			c, _ := stocked(t)
			h := must(c.Reserve(claim("r", 1e9, now, now+9*hour), now))
			if h.State != Reserved || h.Bandwidth != 1e9 || h.Version != 1 || h.Links[0] != "hk-mil" {
				t.Fatalf("%+v", h)
			}
			when := now
			for _, step := range map[HoldState][]HoldEvent{Confirmed: {Confirm}, InUse: {Confirm, Use}, Released: {Release}}[s] {
				must(c.MoveHold("r", step, "order", now))
			}
			if s == Expired {
				when = now + hour
			}
			want, allowed := HoldTransitions[s][e]
			got, err := c.MoveHold("r", e, "order", when)
			switch {
			case allowed && (err != nil || got.State != want):
				t.Errorf("%s in %s: %s, %v", e, s, got.State, err)
			case !allowed && done(s, e) && (err != nil || got.State != s):
				t.Errorf("%s in %s again: %s, %v", e, s, got.State, err)
			case !allowed && !done(s, e) && fault.CodeOf(err) != CodeNoMove && fault.CodeOf(err) != CodeExpired:
				t.Errorf("%s in %s: %v", e, s, err)
			}
			after := must(c.Hold("r"))
			free := must2(c.Free("hk-mil", now, now+hour, when))
			if taken := after.State.Takes(); (free == 0) != taken {
				t.Errorf("%s in %s: it is %s and %d bit/s are free", e, s, after.State, free)
			}
		}
	}
}

func must2[T, U any](_ T, v U, err error) U { return must(v, err) }

func TestCapacityIsFreeWhereNoReservationIs(t *testing.T) {
	c, db := stocked(t)
	for i, x := range []struct {
		mbit     uint64
		from, to int64 // hours
		ok       bool
	}{
		{600, 0, 2, true}, {500, 1, 3, false}, {400, 1, 3, true}, {600, 2, 4, true}, {1, 2, 3, false}, {400, 3, 9, true}, {1000, 9, 0, true}, {1, 20, 21, false}, {600, 4, 9, true},
	} {
		to := int64(0)
		if x.to > 0 {
			to = now + x.to*hour
		}
		_, err := c.Reserve(claim(fmt.Sprint("r", i), x.mbit*1e6, now+x.from*hour, to), now)
		if x.ok != (err == nil) {
			t.Errorf("%d: %v", i, err)
		}
		if !x.ok {
			refused(t, fmt.Sprint(i), err, CodeNoCapacity, "inquiry.bandwidth")
		}
	}
	again := must(Open(db.Node(), nil, nil))
	if len(again.Holds()) != 6 || must2(again.Free("hk-mil", now, now+hour, now)) != 400e6 {
		t.Errorf("after a restart: %+v", again.Holds())
	}
}

func TestTheSameClaimAgainIsTheSameReservation(t *testing.T) {
	c, _ := stocked(t)
	first := must(c.Reserve(claim("r", 6e8, now, now+hour), now))
	if again, err := c.Reserve(claim("r", 6e8, now, now+hour), now+1); err != nil || again.Made != first.Made {
		t.Errorf("%+v, %v", again, err)
	}
	for name, other := range map[string]Claim{"more": claim("r", 7e8, now, now+hour), "later": claim("r", 6e8, now+1000, now+hour), "longer": claim("r", 6e8, now, now+2*hour)} {
		_, err := c.Reserve(other, now)
		refused(t, name, err, fault.Conflict, "id")
	}
	_, err := c.Reserve(claim("r", 6e8, now, now+2*hour), now+2*hour)
	refused(t, "another one, later", err, fault.Conflict, "id")
	_, err = c.Reserve(claim("r", 6e8, now, now+hour), now+hour)
	refused(t, "when it has expired", err, CodeExpired, "")
	must(c.Reserve(claim("s", 1e6, now, now+hour), now))
	must(c.MoveHold("s", Confirm, "O-1", now))
	_, err = c.MoveHold("s", Confirm, "O-2", now)
	refused(t, "confirmed for another order", err, fault.Conflict, "order")
}

// A clock that is set back brings no expired reservation to life whose capacity
// has been given to another.
func TestCapacityThatExpiredIsGivenOnceWhateverTheClockSays(t *testing.T) {
	c, db := stocked(t)
	must(c.Reserve(claim("first", 1e9, now, now+9*hour), now))
	later := claim("second", 1e9, now+2*hour, now+9*hour)
	later.Expires = Time(now + 3*hour)
	_, err := c.Reserve(later, now+hour-1)
	refused(t, "before the first expires", err, CodeNoCapacity, "inquiry.bandwidth")
	must(c.Reserve(later, now+hour))
	c = must(Open(db.Node(), nil, nil))
	_, err = c.MoveHold("first", Confirm, "order", now)
	refused(t, "with the clock set back", err, CodeExpired, "")
	if h := must(c.MoveHold("second", Confirm, "order", now)); h.State != Confirmed {
		t.Errorf("%+v", h)
	}
}

func TestExpiredReservationsAreSweptAndOldOnesGo(t *testing.T) {
	c, db := stocked(t)
	must(c.Reserve(claim("a", 1e6, now, now+9*hour), now))
	must(c.Reserve(claim("b", 1e6, now, now+9*hour), now))
	must(c.MoveHold("b", Confirm, "O", now))
	if n := must(c.Sweep(now + hour)); n != 1 {
		t.Errorf("%d expired", n)
	}
	if n := must(c.Sweep(now + hour)); n != 0 {
		t.Errorf("%d expired twice", n)
	}
	must(c.Reserve(Claim{ID: "c", Offering: "hk-mil", Expires: Time(now + 2*hour), Inquiry: Inquiry{A: Spot{Place: "HKHKG"}, Z: Spot{Place: "ITMIL"}}}, now+hour))
	must(c.MoveHold("c", Confirm, "O", now+hour))
	must(c.Sweep(now + hour + keepHolds + 1))
	if all := c.Holds(); len(all) != 2 || all[0].ID != "b" {
		t.Errorf("%+v", all)
	}
	must(c.Sweep(now + 9*hour + keepHolds + 1)) // the time of b is over, c has no end
	for _, c := range []*Catalog{c, must(Open(db.Node(), nil, nil))} {
		if all := c.Holds(); len(all) != 1 || all[0].ID != "c" {
			t.Errorf("%+v", all)
		}
	}
}

func TestAnOrderThatChangesInFlightKeepsToTheCapacity(t *testing.T) {
	c, _ := stocked(t)
	must(c.Reserve(claim("a", 4e8, now, now+9*hour), now))
	must(c.MoveHold("a", Confirm, "O", now))
	must(c.Reserve(claim("b", 4e8, now, now+9*hour), now))
	_, err := c.Resize("a", 7e8, now)
	refused(t, "beyond the capacity", err, CodeNoCapacity, "bandwidth")
	if h := must(c.Resize("a", 6e8, now)); h.Bandwidth != 6e8 || h.State != Confirmed {
		t.Errorf("%+v", h)
	}
	if h := must(c.Resize("a", 7e8, now+hour)); h.Bandwidth != 7e8 { // b has expired
		t.Errorf("%+v", h)
	}
	_, err = c.Resize("b", 1, now)
	refused(t, "the expired one, with the clock set back", err, CodeNoMove, "")
	must(c.MoveHold("a", Release, "", now))
	_, err = c.Resize("a", 1, now)
	refused(t, "a released one", err, CodeNoMove, "")
}

func TestAChangeTakesThePlaceOfWhatItsProductHas(t *testing.T) {
	c, db := stocked(t)
	free := func() uint64 { return must2(c.Free("hk-mil", now, 0, now)) }
	change := func(id string, bandwidth uint64, instead string) (Hold, error) {
		r := claim(id, bandwidth, 0, 0)
		r.Inquiry.Instead = instead
		return c.Reserve(r, now)
	}
	must(c.Reserve(claim("first", 6e8, 0, 0), now))
	must(c.MoveHold("first", Confirm, "O-1", now))
	must(c.MoveHold("first", Use, "O-1", now))

	// Only what is more is taken, and no more than there is.
	_, err := change("wide", 11e8, "first")
	refused(t, "more than the link has", err, CodeNoCapacity, "inquiry.bandwidth")
	must(change("wide", 9e8, "first"))
	if free() != 1e8 {
		t.Errorf("%d bit/s are free beside 900 Mbit/s", free())
	}
	_, err = change("wider", 8e8, "first") // beside the other change
	refused(t, "two changes", err, CodeNoCapacity, "inquiry.bandwidth")
	must(c.MoveHold("wide", Confirm, "O-2", now))
	if free() != 1e8 {
		t.Errorf("%d bit/s are free once it is confirmed", free())
	}

	// In use, it has all, and what it stands for nothing; the first order keeps it.
	must(change("narrow", 1e8, "first"))
	must(c.MoveHold("wide", Use, "O-2", now))
	for _, c := range []*Catalog{c, must(Open(db.Node(), nil, nil))} {
		first, wide, narrow := must(c.Hold("first")), must(c.Hold("wide")), must(c.Hold("narrow"))
		if first.State != InUse || first.Bandwidth != 0 || first.Order != "O-1" || wide.Bandwidth != 9e8 || narrow.Instead != "wide" || must2(c.Free("hk-mil", now, 0, now)) != 1e8 {
			t.Errorf("%+v\n%+v\n%+v", first, wide, narrow)
		}
	}

	// A smaller one needs nothing more, where the link was made smaller too.
	put(t, c, Link{ID: "hk-mil", Bandwidth: 2e8})
	must(change("smaller", 3e8, "wide"))
	must(c.MoveHold("smaller", Confirm, "O-3", now))
	must(c.MoveHold("smaller", Use, "O-3", now))
	put(t, c, Link{ID: "hk-mil", Bandwidth: 1e9})
	if free() != 7e8 {
		t.Errorf("%d bit/s are free beside 300 Mbit/s", free())
	}
	// One that comes to nothing leaves what there was.
	must(change("more", 1e9, "smaller"))
	must(c.MoveHold("more", Release, "", now))
	if h := must(c.Hold("smaller")); h.Bandwidth != 3e8 || free() != 7e8 {
		t.Errorf("%+v, and %d bit/s are free", h, free())
	}
	// What is gone has no place to be taken.
	must(c.MoveHold("smaller", Release, "", now))
	_, err = change("late", 1e8, "smaller")
	refused(t, "instead of a released one", err, fault.NotFound, "inquiry.instead")
	_, err = change("more", 1e9, "other")
	refused(t, "the same claim instead of another", err, fault.Conflict, "id")
}

// A later end takes the time that is added, and nothing twice of the time before it.
func TestALaterEndTakesTheTimeThatIsAdded(t *testing.T) {
	c, _ := stocked(t)
	longer := func(id string, bandwidth uint64, to int64) error {
		r := claim(id, bandwidth, now, to)
		r.Inquiry.Instead = "tonight"
		_, err := c.Reserve(r, now)
		return err
	}
	free := func(from, to int64) uint64 { return must2(c.Free("hk-mil", from, to, now)) }
	must(c.Reserve(claim("tonight", 6e8, now, now+2*hour), now))
	must(c.MoveHold("tonight", Confirm, "O-1", now))
	must(c.Reserve(claim("others", 5e8, now+3*hour, now+5*hour), now))
	refused(t, "what others have", longer("late", 6e8, now+4*hour), CodeNoCapacity, "inquiry.bandwidth")
	if err := longer("longer", 6e8, now+3*hour); err != nil {
		t.Fatal(err)
	}
	if free(now, now+2*hour) != 4e8 || free(now+2*hour, now+3*hour) != 4e8 || free(now, now+4*hour) != 4e8 || free(now+3*hour, now+4*hour) != 5e8 {
		t.Errorf("%d bit/s are free before the first end, and %d until the later one", free(now, now+2*hour), free(now+2*hour, now+3*hour))
	}
}

func TestAChangeOfATimedProductMayComeShortBeforeItsEnd(t *testing.T) {
	c, _ := stocked(t)
	o := must(Get[Offering](c, "hk-mil")).Item
	o.Term.Min = 3600
	put(t, c, o)
	must(c.Reserve(claim("tonight", 6e8, now, now+2*hour), now))
	must(c.MoveHold("tonight", Confirm, "O-1", now))
	late := now + 2*hour - 60_000
	r := claim("last minute", 7e8, 0, now+2*hour)
	r.ID, r.Expires = "last-minute", Time(late+hour)
	_, err := c.Reserve(r, late)
	refused(t, "a new product for a minute", err, CodeUnfit, "inquiry.term")
	r.Inquiry.Instead = "tonight"
	if h := must(c.Reserve(r, late)); h.Bandwidth != 7e8 {
		t.Errorf("%+v", h)
	}
	if free := must2(c.Free("hk-mil", late, 0, late)); free != 3e8 {
		t.Errorf("%d bit/s are free", free)
	}
}

func TestWhatWaitsForABuyerIsKnown(t *testing.T) {
	c, db := stocked(t)
	for i, buyer := range []string{"BRAVO", "BRAVO", "BRAVO", "CHARLIE", ""} {
		r := claim(fmt.Sprint("r", i), 1e6, 0, 0)
		r.Buyer, r.Expires = buyer, r.Expires+Time(i)
		must(c.Reserve(r, now))
	}
	must(c.MoveHold("r1", Confirm, "O", now))
	for _, c := range []*Catalog{c, must(Open(db.Node(), nil, nil))} {
		for when, want := range map[int64]string{now: "r0 r2", now + hour: "r2", now + hour + 2: ""} {
			var ids []string
			for _, h := range c.Waiting("BRAVO", when) {
				ids = append(ids, h.ID)
			}
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("after %d ms there wait %q, want %q", when-now, got, want)
			}
		}
		if n := len(c.Waiting("CHARLIE", now)); n != 1 {
			t.Errorf("%d wait for another", n)
		}
	}
}

// Many ask at the same time for more than there is; at no moment is more given.
func TestNothingIsBookedTwiceByManyAtOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c, db := stocked(t)
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(g)))
			for i := range 60 {
				from := now + int64(random.IntN(20))*hour
				id := fmt.Sprintf("r-%d-%d", g, i)
				_, err := c.Reserve(claim(id, uint64(1+random.IntN(500))*1e6, from, from+int64(1+random.IntN(5))*hour), now)
				if err != nil && fault.CodeOf(err) != CodeNoCapacity {
					t.Error(err)
				}
				if err == nil && random.IntN(2) == 0 {
					if _, err := c.MoveHold(id, Confirm, "O", now); err != nil {
						t.Error(err)
					}
				}
				if err == nil && random.IntN(4) == 0 {
					if _, err := c.MoveHold(id, Release, "", now); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wait.Wait()
	overbooked(t, must(Open(db.Node(), nil, nil)), now)
}

// overbooked looks at every hour for more than the link has.
func overbooked(t *testing.T, c *Catalog, now int64) {
	t.Helper()
	taken := 0
	for h := int64(0); h < 40; h++ {
		sum := uint64(0)
		for _, x := range c.Holds() {
			if x.takes(now+h*hour, now+h*hour+1, now) {
				sum += x.Bandwidth
				taken++
			}
		}
		if sum > 1e9 {
			t.Errorf("%d bit/s are given in hour %d", sum, h)
		}
	}
	if taken == 0 {
		t.Error("nothing was reserved")
	}
}

// A process that is killed keeps what it has reported.
func TestReservationsSurviveAKill(t *testing.T) {
	if dir := os.Getenv("CATALOG_KILLED"); dir != "" {
		db := must(store.Open(dir, store.Options{}))
		c := must(Open(db.Node(), nil, nil))
		if len(List[Offering](c)) == 0 {
			put(t, c, Specification{ID: "e-line", Name: "Ethernet line", Type: TypeELine})
			put(t, c, Link{ID: "hk-mil", Bandwidth: 1e9})
			put(t, c, line("hk-mil", "HKHKG", "ITMIL", "hk-mil"))
			launch(t, c, "hk-mil")
		}
		for i := 0; ; i++ {
			id := fmt.Sprintf("r-%d-%d", len(c.Holds()), i)
			if _, err := c.Reserve(claim(id, 1e6, now, now+hour), now); err != nil {
				fmt.Println("full")
				select {}
			}
			fmt.Println(id)
			if _, err := c.MoveHold(id, Confirm, "O", now); err == nil {
				fmt.Println("confirmed", id)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "store")
	said := map[string]HoldState{}
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestReservationsSurviveAKill$")
		cmd.Env = append(os.Environ(), "CATALOG_KILLED="+dir)
		out := must(cmd.StdoutPipe())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+round*7 && lines.Scan(); n++ {
			switch text := lines.Text(); {
			case strings.HasPrefix(text, "confirmed "):
				said[strings.TrimPrefix(text, "confirmed ")] = Confirmed
			case strings.HasPrefix(text, "r-"):
				said[text] = Reserved
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, ended := errors.AsType[*exec.ExitError](cmd.Wait()); !ended {
			t.Fatal("the process ended by itself")
		}
	}
	db := must(store.Open(dir, store.Options{}))
	defer db.Close()
	c := must(Open(db.Node(), nil, nil))
	if len(said) < 30 {
		t.Fatalf("only %d reservations were reported", len(said))
	}
	for id, state := range said {
		h, err := c.Hold(id)
		if err != nil || h.State != state && h.State != Confirmed {
			t.Errorf("%s was reported as %s: %+v, %v", id, state, h, err)
		}
	}
	overbooked(t, c, now)
}
