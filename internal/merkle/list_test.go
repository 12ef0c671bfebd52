package merkle

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// rfcRoot is MTH of RFC 6962 section 2.1, written out.
func rfcRoot(leaves [][]byte) canon.Hash {
	h := rfc6962.DefaultHasher
	switch len(leaves) {
	case 0:
		return canon.Hash(h.EmptyRoot())
	case 1:
		return canon.Hash(h.HashLeaf(leaves[0]))
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	l, r := rfcRoot(leaves[:k]), rfcRoot(leaves[k:])
	return canon.Hash(h.HashChildren(l[:], r[:]))
}

func leavesOf(n int) [][]byte {
	leaves := make([][]byte, n)
	for i := range leaves {
		leaves[i] = fmt.Append(nil, "leaf ", i)
	}
	return leaves
}

func TestListsHashAsRFC6962Says(t *testing.T) {
	const most = 70
	leaves := leavesOf(most)
	log := &Log{}
	rng := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for n := 0; n <= most; n++ {
		want := rfcRoot(leaves[:n])
		if got := ListRoot(leaves[:n]); got != want {
			t.Fatalf("ListRoot of %d leaves: %s, want %s", n, got, want)
		}
		if log.Root() != want || log.Size() != uint64(n) {
			t.Fatalf("Log of %d leaves: size %d, root %s, want %s", n, log.Size(), log.Root(), want)
		}
		if n > 0 {
			if library, err := rng.GetRootHash(nil); err != nil || canon.Hash(library) != want {
				t.Fatalf("the library says %x for %d leaves, we say %s: %v", library, n, want, err)
			}
		}
		if n < most {
			if i := log.Append(leaves[n]); i != uint64(n) {
				t.Fatalf("leaf %d got index %d", n, i)
			}
			if err := rng.Append(rfc6962.DefaultHasher.HashLeaf(leaves[n]), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := 0; n <= most; n++ {
		if got, err := log.RootAt(uint64(n)); err != nil || got != rfcRoot(leaves[:n]) {
			t.Fatalf("RootAt(%d): %s, %v", n, got, err)
		}
	}
}

// Test vectors of the certificate-transparency project for RFC 6962 trees.
func TestListGoldenVectors(t *testing.T) {
	leaves := [][]byte{{}, {0}, {0x10}, {0x20, 0x21}, {0x30, 0x31}, {0x40, 0x41, 0x42, 0x43},
		{0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57}, {0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f}}
	for n, want := range map[int]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	} {
		if got := ListRoot(leaves[:n]).String(); got != want {
			t.Errorf("root of %d leaves: %s, want %s", n, got, want)
		}
	}
}

func TestListProofs(t *testing.T) {
	const most = 33
	leaves := leavesOf(most)
	log := &Log{}
	for _, leaf := range leaves {
		log.Append(leaf)
	}
	for size := uint64(1); size <= most; size++ {
		root, _ := log.RootAt(size)
		for i := range size {
			path, err := log.Inclusion(i, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := VerifyInclusion(root, i, size, leaves[i], path); err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{
				"another leaf":  VerifyInclusion(root, i, size, []byte("x"), path),
				"another index": VerifyInclusion(root, i+1, size, leaves[i], path),
				"another root":  VerifyInclusion(canon.Hash{}, i, size, leaves[i], path),
				"a longer path": VerifyInclusion(root, i, size, leaves[i], append(path[:len(path):len(path)], canon.Hash{})),
			} {
				if fault.CodeOf(err) != fault.Refused {
					t.Fatalf("leaf %d of %d with %s: %v", i, size, what, err)
				}
			}
		}
		for from := uint64(0); from <= size; from++ {
			fromRoot, _ := log.RootAt(from)
			path, err := log.Consistency(from, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := VerifyConsistency(fromRoot, from, root, size, path); err != nil {
				t.Fatal(err)
			}
			if err := VerifyConsistency(canon.Sum("x"), from, root, size, path); fault.CodeOf(err) != fault.Refused {
				t.Fatalf("prefix %d of %d with another root: %v", from, size, err)
			}
		}
	}
	root := log.Root()
	for what, err := range map[string]error{
		"sizes out of order": VerifyConsistency(root, most, root, most-1, nil),
		"no proof":           VerifyConsistency(canon.Sum("x"), 5, root, most, nil),
	} {
		if fault.CodeOf(err) != fault.Refused {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestALogAnswersOnlyForWhatItHolds(t *testing.T) {
	log := NewLog([]canon.Hash{LeafHash([]byte("a")), LeafHash([]byte("b"))})
	for what, call := range map[string]func() error{
		"RootAt":         func() error { _, err := log.RootAt(3); return err },
		"Inclusion":      func() error { _, err := log.Inclusion(2, 2); return err },
		"Inclusion size": func() error { _, err := log.Inclusion(0, 3); return err },
		"Consistency":    func() error { _, err := log.Consistency(2, 1); return err },
	} {
		if err := call(); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want code invalid", what, err)
		}
	}
}

func TestATruncatedLogIsTheEarlierLog(t *testing.T) {
	const most = 40
	leaves := leavesOf(most)
	for size := range uint64(most) {
		log := &Log{}
		for _, leaf := range leaves {
			log.Append(leaf)
		}
		full := log.Root()
		log.Truncate(size)
		if want := rfcRoot(leaves[:size]); log.Root() != want || log.Size() != size {
			t.Fatalf("cut to %d: size %d, root %s, want %s", size, log.Size(), log.Root(), want)
		}
		for _, leaf := range leaves[size:] {
			log.Append(leaf)
		}
		if log.Root() != full {
			t.Fatalf("cut to %d and appended again: another root", size)
		}
	}
}

func BenchmarkRoot(b *testing.B) {
	leaf := make([]byte, 120)
	var r Root
	for b.Loop() {
		r.Add(leaf)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}

// pathOf cuts bytes into the hashes of a proof.
func pathOf(data []byte) (path []canon.Hash) {
	for len(data) >= len(canon.Hash{}) {
		path, data = append(path, canon.Hash(data[:len(canon.Hash{})])), data[len(canon.Hash{}):]
	}
	return path
}

func flat(path []canon.Hash) (data []byte) {
	for _, h := range path {
		data = append(data, h[:]...)
	}
	return data
}

// No proof shows a leaf where another stands.
func FuzzVerifyInclusion(f *testing.F) {
	const size = 21
	log := NewLog(nil)
	leaf := func(i uint64) []byte { return fmt.Appendf(nil, "leaf %d", i) }
	for i := range uint64(size) {
		log.Append(leaf(i))
	}
	for _, i := range []uint64{0, 7, 16, 20} {
		path, err := log.Inclusion(i, size)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, uint64(size), leaf(i), flat(path))
	}
	f.Add(uint64(1)<<63, ^uint64(0), leaf(0), make([]byte, 64*32))
	f.Fuzz(func(t *testing.T, index, of uint64, data, path []byte) {
		err := VerifyInclusion(log.Root(), index, of, data, pathOf(path))
		if err != nil && fault.CodeOf(err) != fault.Refused {
			t.Fatalf("code of %v", err)
		}
		if err == nil && of == size && (index >= size || !bytes.Equal(data, leaf(index))) {
			t.Fatalf("%q is proven to be leaf %d", data, index)
		}
	})
}

// No proof shows a list to be the beginning of one that begins otherwise.
func FuzzVerifyConsistency(f *testing.F) {
	const size = 21
	log := NewLog(nil)
	for i := range size {
		log.Append(fmt.Appendf(nil, "leaf %d", i))
	}
	root := func(n uint64) canon.Hash {
		r, err := log.RootAt(n)
		if err != nil {
			f.Fatal(err)
		}
		return r
	}
	for _, n := range []uint64{0, 1, 8, 13, 20, 21} {
		path, err := log.Consistency(n, size)
		if err != nil {
			f.Fatal(err)
		}
		r := root(n)
		f.Add(r[:], n, flat(path))
	}
	f.Add(make([]byte, 32), ^uint64(0), []byte{})
	f.Fuzz(func(t *testing.T, from []byte, n uint64, path []byte) {
		var r canon.Hash
		copy(r[:], from)
		err := VerifyConsistency(r, n, log.Root(), size, pathOf(path))
		if err != nil && fault.CodeOf(err) != fault.Refused {
			t.Fatalf("code of %v", err)
		}
		if err == nil && (n > size || r != root(n)) {
			t.Fatalf("another list of %d leaves is proven to be the beginning", n)
		}
		_ = VerifyConsistency(log.Root(), size, r, n, pathOf(path)) // of any later list, without a panic
	})
}
