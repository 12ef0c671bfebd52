package merkle

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

var secret = []byte("a channel secret of 32 bytes ...")

// oracle computes the root from a map: the definition written out with
// canon.Sum and crypto/hmac, not the implementation.
func oracle(secret []byte, records map[string][]byte) canon.Hash {
	leaves := map[canon.Hash]canon.Hash{}
	for key, value := range records {
		path, salt := canon.Sum("lateral/sparse-path/1", []byte(key)), canon.Hash{}
		content := canon.Sum("lateral/sparse-content/1", []byte(key), value)
		if len(secret) > 0 {
			path = mac(secret, append([]byte{'p'}, key...))
			salt = mac(secret, append([]byte{'s'}, content[:]...))
		}
		record := canon.Sum("lateral/sparse-record/1", salt[:], content[:])
		leaves[path] = canon.Sum("lateral/sparse-leaf/1", path[:], record[:])
	}
	return oracleRoot(leaves, 0)
}

func oracleRoot(leaves map[canon.Hash]canon.Hash, depth int) canon.Hash {
	if len(leaves) == 0 {
		return canon.Hash{}
	}
	if len(leaves) == 1 {
		for _, sum := range leaves {
			return sum
		}
	}
	halves := [2]map[canon.Hash]canon.Hash{{}, {}}
	for path, sum := range leaves {
		halves[path[depth/8]>>(7-depth%8)&1][path] = sum
	}
	l, r := oracleRoot(halves[0], depth+1), oracleRoot(halves[1], depth+1)
	return canon.Sum("lateral/sparse-inner/1", l[:], r[:])
}

func mac(secret, msg []byte) canon.Hash {
	m := hmac.New(sha256.New, secret)
	m.Write(msg)
	return canon.Hash(m.Sum(nil))
}

func mustUpdate(t testing.TB, tree *Sparse, writes ...Write) canon.Hash {
	t.Helper()
	root, err := tree.Update(writes)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func newRand(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestSparseIsTheDefinitionAfterEachBlock(t *testing.T) {
	for name, secret := range map[string][]byte{"public": nil, "secret": secret} {
		t.Run(name, func(t *testing.T) {
			rng := newRand(t)
			tree, records := NewSparse(secret), map[string][]byte{}
			for block := range 60 {
				writes := randomBlock(rng, records)
				before := tree.Clone()
				beforeRoot := tree.Root()
				root := mustUpdate(t, tree, writes...)
				if want := oracle(secret, records); root != want || tree.Root() != want {
					t.Fatalf("block %d: root %s, want %s", block, root, want)
				}
				if tree.Size() != len(records) {
					t.Fatalf("block %d: size %d, want %d", block, tree.Size(), len(records))
				}
				if before.Root() != beforeRoot {
					t.Fatalf("block %d: the update changed a clone", block)
				}
				rng.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
				if got := mustUpdate(t, before, writes...); got != root {
					t.Fatalf("block %d: the order of writes shows", block)
				}
			}
		})
	}
}

// randomBlock makes writes with one a key and applies them to the map.
func randomBlock(rng *rand.Rand, records map[string][]byte) []Write {
	block := map[string][]byte{}
	for range rng.IntN(40) {
		key := fmt.Sprint("invoice/", rng.IntN(150))
		switch rng.IntN(5) {
		case 0, 1:
			block[key] = nil
		case 2:
			block[key] = []byte{}
		default:
			block[key] = fmt.Append(nil, rng.Uint32())
		}
	}
	var writes []Write
	for key, value := range block {
		writes = append(writes, Write{key, value})
		if value == nil {
			delete(records, key)
		} else {
			records[key] = value
		}
	}
	return writes
}

func TestTheRootForgetsHowRecordsCame(t *testing.T) {
	oneByOne, atOnce := NewSparse(secret), NewSparse(secret)
	var writes []Write
	for i := range 300 {
		w := Write{fmt.Sprint("k", i), fmt.Append(nil, i)}
		writes = append(writes, w)
		mustUpdate(t, oneByOne, Write{w.Key, []byte("an earlier value")}, Write{fmt.Sprint("passing", i), []byte("x")})
		mustUpdate(t, oneByOne, w, Write{fmt.Sprint("passing", i), nil})
	}
	slices.Reverse(writes)
	mustUpdate(t, atOnce, writes...)
	if oneByOne.Root() != atOnce.Root() {
		t.Fatal("the same records have two roots")
	}
	for i := range writes {
		writes[i].Value = nil
	}
	if root := mustUpdate(t, oneByOne, writes...); !root.IsZero() || oneByOne.Size() != 0 {
		t.Fatalf("the empty tree has root %s and %d records", root, oneByOne.Size())
	}
}

func TestTwoWritesOfOneKeyAreRefusedAndChangeNothing(t *testing.T) {
	tree := NewSparse(nil)
	root := mustUpdate(t, tree, Write{"a", []byte("1")})
	_, err := tree.Update([]Write{{"b", []byte("1")}, {"a", []byte("2")}, {"b", nil}})
	if fault.CodeOf(err) != fault.Invalid || tree.Root() != root {
		t.Fatalf("got %v, root %s", err, tree.Root())
	}
}

func TestSparseGoldenVectors(t *testing.T) {
	for _, c := range []struct {
		name   string
		secret []byte
		n      int
		want   string
	}{
		{"public, one record", nil, 1, "5f300cac3427ca9139a97daf63cf7ca20d32f9073d99e88728381970839d6a21"},
		{"public, five records", nil, 5, "997e810a567f0ae98126e0a7d0dce0afab53e53fe01ce06c417c4f74c7b57232"},
		{"secret, one record", secret, 1, "f444c248a6064caf41b407a5e29e401109f9bf093b8f3e7e286cf0db311317bc"},
		{"secret, five records", secret, 5, "5315b40362a85b4955e56f65d66e8f99170b837724aba47e00c4acc2302b7b4c"},
	} {
		tree := NewSparse(c.secret)
		for i := range c.n {
			mustUpdate(t, tree, Write{fmt.Sprint("key/", i), fmt.Append(nil, "value ", i)})
		}
		if got := tree.Root().String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// filled gives a tree of n records "k0".."kn-1" whose values are their keys.
func filled(t testing.TB, secret []byte, n int) *Sparse {
	tree := NewSparse(secret)
	writes := make([]Write, n)
	for i := range writes {
		key := fmt.Sprint("k", i)
		writes[i] = Write{key, []byte(key)}
	}
	mustUpdate(t, tree, writes...)
	return tree
}

func TestProofsOfPresenceAndAbsence(t *testing.T) {
	for name, secret := range map[string][]byte{"public": nil, "secret": secret} {
		for _, n := range []int{1, 2, 3, 100} {
			t.Run(fmt.Sprintf("%s of %d", name, n), func(t *testing.T) {
				tree := filled(t, secret, n)
				for i := range n {
					key := fmt.Sprint("k", i)
					p, err := tree.Prove(key, []byte(key))
					if err != nil {
						t.Fatal(err)
					}
					if err := VerifySparse(tree.Root(), key, []byte(key), p); err != nil {
						t.Fatal(err)
					}
					if err := VerifySparseIn(secret, tree.Root(), key, []byte(key), p); err != nil {
						t.Fatal(err)
					}
					for what, err := range map[string]error{
						"another value":       VerifySparse(tree.Root(), key, []byte("other"), p),
						"another key":         VerifySparse(tree.Root(), key+"x", []byte(key), p),
						"another root":        VerifySparse(canon.Sum("x"), key, []byte(key), p),
						"absence":             VerifySparseIn(secret, tree.Root(), key, nil, p),
						"absence, no secret":  VerifySparse(tree.Root(), key, nil, p),
						"the wrong secret":    VerifySparseIn([]byte("wrong"), tree.Root(), key, []byte(key), p),
						"moved to other part": VerifySparse(tree.Root(), "", []byte(key+key), p),
					} {
						if fault.CodeOf(err) != fault.Refused {
							t.Fatalf("%s: got %v, want code refused", what, err)
						}
					}
					if _, err := tree.Prove(key, nil); fault.CodeOf(err) != fault.Conflict {
						t.Fatalf("proved a present record absent: %v", err)
					}
					if _, err := tree.Prove(key, []byte("other")); fault.CodeOf(err) != fault.Conflict {
						t.Fatalf("proved a value that is not there: %v", err)
					}
				}
				for i := range 50 {
					key := fmt.Sprint("absent", i)
					p, err := tree.Prove(key, nil)
					if err != nil {
						t.Fatal(err)
					}
					if err := VerifySparseIn(secret, tree.Root(), key, nil, p); err != nil {
						t.Fatal(err)
					}
					if err := VerifySparseIn(secret, tree.Root(), key, []byte("x"), p); fault.CodeOf(err) != fault.Refused {
						t.Fatalf("a proof of absence passes for presence: %v", err)
					}
				}
			})
		}
	}
}

// A liar may try to prove a present record absent by a leaf that stands
// elsewhere, or by cutting the path short at an inner node.
func TestAPresentRecordCannotBeProvenAbsent(t *testing.T) {
	tree := filled(t, nil, 50)
	p, err := tree.Prove("k7", []byte("k7"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := tree.Prove("k8", []byte("k8"))
	if err != nil {
		t.Fatal(err)
	}
	content := contentHash("k8", []byte("k8"))
	lie := other
	lie.Path = p.Path
	lie.Salt = canon.Hash{}
	lie.Other = &OtherLeaf{other.Path, recordHash(&other.Salt, &content)}
	for name, lie := range map[string]SparseProof{
		"leaf from elsewhere": lie,
		"own leaf as other":   {Path: p.Path, Siblings: p.Siblings, Other: &OtherLeaf{p.Path, recordHash(&p.Salt, &content)}},
		"empty place":         {Path: p.Path, Siblings: p.Siblings},
		"cut short":           {Path: p.Path, Siblings: p.Siblings[:len(p.Siblings)-1]},
	} {
		if err := VerifySparseIn(nil, tree.Root(), "k7", nil, lie); fault.CodeOf(err) != fault.Refused {
			t.Errorf("%s: got %v, want code refused", name, err)
		}
	}
}

func TestEachAlteredByteOfASparseProofIsRefused(t *testing.T) {
	tree := filled(t, secret, 40)
	for _, c := range []struct {
		key   string
		value []byte
	}{{"k3", []byte("k3")}, {"absent3", nil}} {
		p, err := tree.Prove(c.key, c.value)
		if err != nil {
			t.Fatal(err)
		}
		data := canon.Must(p)
		for i := range data {
			for _, flip := range []byte{1, 0x80} {
				data[i] ^= flip
				var altered SparseProof
				if canon.Decode(data, &altered) == nil && VerifySparseIn(secret, tree.Root(), c.key, c.value, altered) == nil {
					t.Errorf("%s: byte %d altered passes", c.key, i)
				}
				data[i] ^= flip
			}
		}
	}
}

// What a proof shows of others is salted: the same neighbour in two channels,
// or with two values, looks unrelated, and its salt is not in the proof.
func TestAProofTellsNothingOfItsNeighbours(t *testing.T) {
	tree := filled(t, secret, 2)
	p, err := tree.Prove("k0", []byte("k0"))
	if err != nil {
		t.Fatal(err)
	}
	content := contentHash("k1", []byte("k1"))
	plain := recordHash(&canon.Hash{}, &content)
	path := canon.Sum(tagPath, []byte("k1"))
	saltOfK0 := recordHash(&p.Salt, &content)
	neighbour, err := tree.Prove("k1", []byte("k1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, guess := range []canon.Hash{leafHash(&path, &plain), leafHash(&neighbour.Path, &plain), leafHash(&neighbour.Path, &saltOfK0)} {
		if slices.Contains(p.Siblings, guess) {
			t.Fatal("a guess of the neighbour's value can be checked against the proof")
		}
	}
	mustUpdate(t, tree, Write{"k1", []byte("next value")})
	after, err := tree.Prove("k1", []byte("next value"))
	if err != nil {
		t.Fatal(err)
	}
	if after.Salt == neighbour.Salt {
		t.Fatal("who has seen a proof of a record's old value could check guesses of its new one")
	}
}

func TestAnUpdateThatPanicsLeavesTheTree(t *testing.T) {
	tree := filled(t, secret, 100)
	root, size := tree.Root(), tree.Size()
	for attempt := range 2 {
		func() {
			defer func() { _ = recover() }()
			defer func(p *pair) { innerPair = p }(innerPair)
			innerPair = nil // the first inner node that is made panics
			_, _ = tree.Update([]Write{{"k1", []byte("x")}, {"new", []byte("y")}})
			t.Errorf("attempt %d did not panic", attempt)
		}()
		if tree.Root() != root || tree.Size() != size {
			t.Fatal("the tree changed")
		}
	}
	p, err := tree.Prove("k1", []byte("k1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifySparse(root, "k1", []byte("k1"), p); err != nil {
		t.Fatal(err)
	}
}

func TestTheFixedLayoutIsCanonSum(t *testing.T) {
	a, b := canon.Sum("a"), canon.Sum("b")
	for _, tag := range []string{tagRecord, tagLeaf, tagInner} {
		if got, want := newPair(tag).sum(&a, &b), canon.Sum(tag, a[:], b[:]); got != want {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
}

func FuzzSparseUpdate(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0, 1, 0, 255, 4, 2, 9})
	f.Fuzz(func(t *testing.T, ops []byte) {
		tree, records := NewSparse(secret), map[string][]byte{}
		block := map[string][]byte{}
		for i := 0; i+1 < len(ops); i += 2 {
			key := fmt.Sprint(ops[i] % 32)
			if ops[i+1]%3 == 0 {
				block[key] = nil
			} else {
				block[key] = ops[i+1 : i+2]
			}
			if ops[i] >= 200 || i+3 >= len(ops) {
				var writes []Write
				for k, v := range block {
					writes = append(writes, Write{k, v})
					if records[k] = v; v == nil {
						delete(records, k)
					}
				}
				mustUpdate(t, tree, writes...)
				clear(block)
			}
		}
		if tree.Root() != oracle(secret, records) {
			t.Fatal("not the definition's root")
		}
	})
}

func FuzzVerifySparse(f *testing.F) {
	tree := filled(f, nil, 20)
	p, err := tree.Prove("k3", []byte("k3"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canon.Must(p), "k3", []byte("k3"), false)
	q, err := tree.Prove("absent", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canon.Must(q), "absent", []byte{}, true)
	f.Fuzz(func(t *testing.T, data []byte, key string, value []byte, absent bool) {
		var p SparseProof
		if canon.Decode(data, &p) != nil {
			return
		}
		var n int
		isThere := func() bool {
			_, err := fmt.Sscanf(key, "k%d", &n)
			return err == nil && n >= 0 && n < 20 && key == fmt.Sprint("k", n)
		}()
		if absent {
			if VerifySparseIn(nil, tree.Root(), key, nil, p) == nil && isThere {
				t.Fatal("a present record is proven absent")
			}
		} else if VerifySparse(tree.Root(), key, value, p) == nil && (!isThere || string(value) != key) {
			t.Fatal("a record that is not there is proven")
		}
	})
}

// Run with -bench . -benchmem; keys are 40 bytes, values 120.
func BenchmarkSparseUpdate(b *testing.B) {
	const records = 1_000_000
	tree := NewSparse(secret)
	value := make([]byte, 120)
	key := func(i int) string { return fmt.Sprintf("usage/statement/line/%019d", i) }
	for at := 0; at < records; {
		writes := make([]Write, 20_000)
		for i := range writes {
			writes[i] = Write{key(at), value}
			at++
		}
		mustUpdate(b, tree, writes...)
	}
	for _, size := range []int{500, 5_000, 20_000} {
		b.Run(fmt.Sprint(size, " a block"), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			perm := rng.Perm(records)
			at, n := 0, 0
			for b.Loop() {
				writes := make([]Write, size)
				for i := range writes {
					writes[i] = Write{key(perm[at]), fmt.Append(value[:100:100], rng.Uint32())}
					at = (at + 1) % records
				}
				mustUpdate(b, tree, writes...)
				n += size
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "keys/s")
		})
	}
	b.Run("prove", func(b *testing.B) {
		tree := filled(b, secret, records)
		i := 0
		for b.Loop() {
			k := fmt.Sprint("k", i%records)
			if _, err := tree.Prove(k, []byte(k)); err != nil {
				b.Fatal(err)
			}
			i += 7919
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
	})
}

// Whatever an update does, its undo takes it back, and nothing else does.
func TestAnUpdateIsTakenBack(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	for _, secret := range [][]byte{nil, secret} {
		tree := NewSparse(secret)
		type step struct {
			root canon.Hash
			size int
			undo []byte
		}
		var steps []step
		for range 60 {
			var writes []Write
			for _, k := range rng.Perm(40)[:rng.IntN(12)] {
				w := Write{Key: fmt.Sprint("k", k)}
				if rng.IntN(3) > 0 {
					w.Value = []byte{byte(rng.IntN(3))}
				}
				writes = append(writes, w)
			}
			before := step{root: tree.Root(), size: tree.Size()}
			plain := tree.Clone()
			want, err := plain.Update(writes)
			if err != nil {
				t.Fatal(err)
			}
			got, undo, err := tree.UpdateUndo(writes)
			if err != nil || got != want {
				t.Fatalf("another root with an undo: %v", err)
			}
			before.undo = undo
			steps = append(steps, before)
		}
		for _, s := range slices.Backward(steps) {
			if len(s.undo) > 0 {
				cut := tree.Clone()
				if err := cut.Undo(s.undo[:len(s.undo)-1]); err == nil && cut.Root() == s.root {
					t.Error("a cut undo does as well")
				}
				if err := tree.Clone().Undo(append(slices.Clone(s.undo), s.undo...)); fault.CodeOf(err) != fault.Corrupt {
					t.Errorf("twice the same undo: %v", err)
				}
			}
			if err := tree.Undo(s.undo); err != nil {
				t.Fatal(err)
			}
			if tree.Root() != s.root || tree.Size() != s.size {
				t.Fatalf("not back: root %s, size %d, want %s, %d", tree.Root(), tree.Size(), s.root, s.size)
			}
		}
	}
}

// Whatever a store holds for an undo, the tree takes it or says that it is
// damaged; and what it takes leads to one root, as if it had been built so.
func FuzzUndo(f *testing.F) {
	before := filled(f, nil, 20)
	tree := before.Clone()
	_, undo, err := tree.UpdateUndo([]Write{{"k3", []byte("other")}, {"k4", nil}, {"new", []byte("n")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(undo)
	f.Add(undo[:len(undo)-1])
	f.Add([]byte{})
	f.Add(append(slices.Clone(undo), undo...))
	f.Fuzz(func(t *testing.T, data []byte) {
		back, again := tree.Clone(), tree.Clone()
		err := back.Undo(data)
		if other := again.Undo(data); (err == nil) != (other == nil) || back.Root() != again.Root() {
			t.Fatalf("twice the same gives %v and %v", err, other)
		}
		if err != nil {
			if fault.CodeOf(err) != fault.Corrupt || back.Root() != tree.Root() {
				t.Fatalf("a damaged undo changes the tree, or has another code: %v", err)
			}
			return
		}
		if bytes.Equal(data, undo) != (back.Root() == before.Root()) && len(data) <= len(undo) {
			t.Fatal("other bytes take the update back")
		}
		if back.Undo(data) != nil || back.Root() != again.Root() {
			t.Fatal("the same undo once more changes the tree")
		}
		if back.Size() < 0 || back.Size() > tree.Size()+len(data) {
			t.Fatalf("%d records are left", back.Size())
		}
	})
}
