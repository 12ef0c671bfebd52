package comet

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb/journal"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/ledgertest"
)

// lone is a committee of one on a disk of its own: what its stores do is seen
// without the help of others.
type lone struct {
	t       *testing.T
	config  Config
	machine *ledgertest.Machine
	next    uint64 // number of the next envelope
}

func newLone(t *testing.T) *lone {
	return &lone{t: t, machine: ledgertest.NewMachine(), next: 1, config: Config{
		Network: testFile(1), Start: time.Now(), Home: t.TempDir(), Key: testKey("block", 0), NodeKey: testKey("node", 0),
		Tuning: testTuning, Log: testLog("lone"),
	}}
}

func (l *lone) path(name string) string { return filepath.Join(l.config.Home, "data", name) }

func (l *lone) open() *Validator {
	l.t.Helper()
	v, err := Open(l.config, l.machine)
	if err != nil {
		l.t.Fatalf("%v (%v)", err, fault.Of(err).Cause)
	}
	return v
}

// run opens the validator, makes some envelopes final, and closes it.
func (l *lone) run(envelopes int) {
	l.t.Helper()
	v := l.open()
	for range envelopes {
		l.submit(v)
	}
	if err := v.Close(); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lone) submit(v *Validator) ledger.Position {
	l.t.Helper()
	at, err := v.Submit(l.t.Context(), l.envelope(l.next))
	if err != nil {
		l.t.Fatal(err)
	}
	l.next++
	return at
}

func (l *lone) envelope(n uint64) ledger.Envelope {
	e := ledger.Envelope{Header: ledger.Header{Chain: l.config.Network.ChainID, Sequence: n}, Payload: make([]byte, 1000)}
	e.Sign(ledgertest.Sender(0))
	return e
}

func TestAnEngineThatCannotStartSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   fault.Code
		damage func(l *lone) (mend func())
	}{
		{"the data of another chain", fault.Conflict, func(l *lone) func() {
			own := l.config.Network
			l.config.Network.Genesis = canon.Sum("another genesis")
			l.config.Network.ChainID = ledger.ChainID("test", l.config.Network.Genesis)
			return func() { l.config.Network = own }
		}},
		{"an unreadable record of the last vote", fault.Corrupt, func(l *lone) func() {
			return l.replace("last-signed.json", []byte("{"))
		}},
		{"a file in place of the blocks", fault.Corrupt, func(l *lone) func() {
			return l.replace("blockstore.db", []byte("no folder"))
		}},
		{"a file in place of the evidence", fault.Corrupt, func(l *lone) func() {
			return l.replace("evidence.db", []byte("no folder"))
		}},
		{"a port that is taken", fault.Unavailable, func(l *lone) func() {
			other := newLone(l.t)
			v := other.open()
			l.config.Listen = v.Address()
			return func() {
				if err := v.Close(); err != nil {
					l.t.Error(err)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLone(t)
			l.run(2)
			mend := c.damage(l)
			for range 2 { // what the first try opened is closed again
				if v, err := Open(l.config, l.machine); fault.CodeOf(err) != c.code {
					if err == nil {
						v.Close()
					}
					t.Fatalf("got %v, want code %s", err, c.code)
				}
			}
			mend()
			l.run(1)
		})
	}
}

// replace puts a file in the place of a store; mend puts the store back.
func (l *lone) replace(name string, content []byte) (mend func()) {
	l.t.Helper()
	aside := l.path(name + ".aside")
	must := func(err error) {
		if err != nil {
			l.t.Fatal(err)
		}
	}
	must(os.Rename(l.path(name), aside))
	must(os.WriteFile(l.path(name), content, 0o600))
	return func() {
		must(os.Remove(l.path(name)))
		must(os.Rename(aside, l.path(name)))
	}
}

// A bit that flips in a validator's files, or a file that loses its end, is
// found, or changes nothing of what is final.
func TestDamageInAValidatorsStoresIsNeverAnotherHistory(t *testing.T) {
	l := newLone(t)
	l.config.Tuning.EmptyInterval = time.Hour
	l.run(4) // each restart makes tables of what was in the logs
	l.run(4)
	l.run(4)
	type final struct {
		e  ledger.Envelope
		at ledger.Position
	}
	var want []final
	v := l.open()
	for i := range uint64(12) {
		e := l.envelope(i + 1)
		at, err := v.Submit(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, final{e, at})
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	tip := want[len(want)-1].at.Height
	home, machine := l.config.Home, l.machine

	// try starts a validator on damaged files and reads everything.
	try := func(t *testing.T, file string, damage func([]byte) []byte) (found string) {
		t.Helper()
		c := l.config
		c.Home = t.TempDir()
		if err := os.CopyFS(c.Home, os.DirFS(home)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(c.Home, "data", file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, damage(data), 0o600); err != nil {
			t.Fatal(err)
		}
		m := machine.Clone()
		v, err := Open(c, m)
		if err != nil {
			if code := fault.CodeOf(err); code != fault.Corrupt && code != durable.CodeDiskFailed {
				t.Errorf("%s: found, but with code %s: %v", file, code, err)
			}
			return "at the start"
		}
		defer v.Close()
		for h := ledger.Height(1); h <= tip; h++ {
			b, err := v.blockAt(h)
			if err != nil {
				found = "when it is read"
				continue
			}
			for i, e := range b.Envelopes {
				for _, w := range want {
					if w.e.ID() == e.ID() && w.at != (ledger.Position{Height: h, Index: uint32(i)}) {
						t.Errorf("%s: envelope %d stands at %d/%d, it was final at %s", file, w.e.Header.Sequence, h, i, w.at)
					}
				}
			}
		}
		for _, w := range want {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			at, err := v.Submit(ctx, w.e)
			cancel()
			if err != nil {
				found = "when it is asked for"
			} else if at != w.at {
				t.Errorf("%s: envelope %d was final at %s, now at %s", file, w.e.Header.Sequence, w.at, at)
			}
		}
		for h := ledger.Height(1); h <= tip; h++ {
			before, _ := machine.Root(h)
			if now, ok := m.Root(h); ok && now != before {
				t.Errorf("%s: another root after block %d", file, h)
			}
		}
		return found
	}

	var files []string
	err := fs.WalkDir(os.DirFS(filepath.Join(home, "data")), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(path) != "LOCK" && filepath.Base(path) != "LOG" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seed := time.Now().UnixNano()
	t.Logf("seed %d, %d files", seed, len(files))
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	outcomes := map[string]int{}
	for _, file := range files {
		at, bit := random.Float64(), random.IntN(8)
		outcomes[try(t, file, func(b []byte) []byte {
			if len(b) > 0 {
				b[int(at*float64(len(b)))] ^= 1 << bit
			}
			return b
		})]++
		outcomes[try(t, file, func(b []byte) []byte { return b[:int(at*float64(len(b)))] })]++
	}
	t.Logf("found: %v", outcomes)
	if outcomes["at the start"] == 0 {
		t.Error("no damage is found")
	}
}

func TestEveryChangeOfTheLastVoteIsFound(t *testing.T) {
	l := newLone(t)
	l.run(2)
	path := l.path("last-signed.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, err := loadSigner(l.config.Key, path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		for _, x := range []byte{1, 2, 4} { // a digit becomes another digit
			changed := slices.Clone(data)
			changed[i] ^= x
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := loadSigner(l.config.Key, path)
			if err != nil {
				if fault.CodeOf(err) != fault.Corrupt {
					t.Fatalf("byte %d: %v", i, err)
				}
				continue
			}
			if now, then := s.LastSignState, before.LastSignState; now.Height != then.Height || now.Round != then.Round || now.Step != then.Step {
				t.Fatalf("byte %d of %d changed by %d: height %d, round %d, step %d", i, len(data), x, now.Height, now.Round, now.Step)
			}
		}
	}
}

// A write that a crash has torn is not damage, and damage is not a torn write.
func TestATornLogIsToldFromADamagedOne(t *testing.T) {
	var log bytes.Buffer
	w := journal.NewWriter(&log)
	for i := range 40 {
		r, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Write(bytes.Repeat([]byte{byte(i)}, 3000+i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := log.Bytes()
	if torn(whole) {
		t.Error("a whole log is called torn")
	}
	last := len(whole) - 3000
	for _, cut := range []int{last + 10, last + 1000, len(whole) - 1} {
		if !torn(whole[:cut]) {
			t.Errorf("a log cut at %d of %d is not called torn", cut, len(whole))
		}
	}
	for _, at := range []int{5, 3020, 3500, 33_000, 70_000} {
		damaged := slices.Clone(whole)
		damaged[at] ^= 4
		if torn(damaged) {
			t.Errorf("a bit that flipped at %d of %d is called a torn write", at, len(whole))
		}
	}
	if torn(nil) {
		t.Error("an empty log is called torn")
	}
}

// Writes that were synced stay, or the store is not opened.
func TestAStoreWithADamagedLogIsNotOpened(t *testing.T) {
	const writes, size = 20, 1000
	for name, c := range map[string]struct {
		damage func([]byte) []byte
		code   fault.Code
		kept   int
	}{
		"a bit has flipped in the first write": {func(b []byte) []byte { b[500] ^= 1; return b }, fault.Corrupt, 0},
		"a bit has flipped in a later write":   {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, fault.Corrupt, 0},
		"the last write is torn":               {func(b []byte) []byte { return b[:len(b)-size/2] }, "", writes - 1},
		"nothing is damaged":                   {func(b []byte) []byte { return b }, "", writes},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t.TempDir())
			db, err := d.open("some")
			if err != nil {
				t.Fatal(err)
			}
			for i := range writes {
				if err := db.SetSync([]byte{byte(i)}, bytes.Repeat([]byte{byte(i)}, size)); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			logs, err := filepath.Glob(filepath.Join(d.home, "data", "some.db", "*.log"))
			if err != nil || len(logs) != 1 {
				t.Fatal(logs, err)
			}
			data, err := os.ReadFile(logs[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(logs[0], c.damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			db, err = d.open("some")
			if fault.CodeOf(err) != c.code {
				t.Fatalf("got %v, want code %q", err, c.code)
			}
			if err != nil {
				return
			}
			defer db.Close()
			for i := range writes {
				if got, err := db.Has([]byte{byte(i)}); err != nil || got != (i < c.kept) {
					t.Errorf("write %d is there: %v, %v", i, got, err)
				}
			}
		})
	}
}
