// Package merkle holds the two authenticated structures of Lateral: append-only
// lists hashed as RFC 6962 says (list.go), and a compact sparse tree over hashed
// keys that commits to a set of records (sparse.go). It knows nothing of what
// the leaves mean.
package merkle

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// Log is an append-only list of leaves that proves membership of a leaf, and
// that an earlier state is a prefix of a later one. It keeps two hashes a leaf
// in memory and is rebuilt from the leaf hashes alone. The zero Log is empty
// and ready. Reads may run at the same time as each other, not as Append.
type Log struct {
	// levels[l][i] is the root of the perfect subtree over the leaves
	// i<<l to (i+1)<<l - 1, for those that are complete.
	levels [][]canon.Hash
}

// NewLog rebuilds a log from the hashes of its leaves, as LeafHash gives them.
func NewLog(leafHashes []canon.Hash) *Log {
	l := &Log{}
	for _, h := range leafHashes {
		l.AppendHash(h)
	}
	return l
}

// LeafHash is the RFC 6962 hash of a leaf's bytes.
func LeafHash(leaf []byte) canon.Hash { return canon.Hash(rfc6962.DefaultHasher.HashLeaf(leaf)) }

// Append adds a leaf and returns its index.
func (l *Log) Append(leaf []byte) (index uint64) { return l.AppendHash(LeafHash(leaf)) }

// AppendHash adds a leaf of which only the hash is at hand.
func (l *Log) AppendHash(h canon.Hash) (index uint64) {
	index = l.Size()
	for level := 0; ; level++ {
		if level == len(l.levels) {
			l.levels = append(l.levels, nil)
		}
		row := append(l.levels[level], h)
		l.levels[level] = row
		if len(row)%2 == 1 {
			return index
		}
		h = node(row[len(row)-2], row[len(row)-1])
	}
}

// Truncate drops all leaves from index size on: for a block that was tried and
// given up. A size at or beyond the end changes nothing.
func (l *Log) Truncate(size uint64) {
	for level := range l.levels {
		if keep := size >> level; keep < uint64(len(l.levels[level])) {
			l.levels[level] = l.levels[level][:keep]
		}
	}
}

// Size is the number of leaves.
func (l *Log) Size() uint64 {
	if len(l.levels) == 0 {
		return 0
	}
	return uint64(len(l.levels[0]))
}

// Leaf gives the hash of a leaf. The index must be below Size.
func (l *Log) Leaf(index uint64) canon.Hash { return l.levels[0][index] }

// Root is the root over all leaves. The root of no leaves is SHA-256 of
// nothing (RFC 6962 section 2.1).
func (l *Log) Root() canon.Hash {
	root, err := l.RootAt(l.Size())
	if err != nil {
		panic(err) // the size is our own
	}
	return root
}

// RootAt is the root when the log had that many leaves. Code: invalid when it
// never had.
func (l *Log) RootAt(size uint64) (canon.Hash, error) {
	if size > l.Size() {
		return canon.Hash{}, outside(size, l.Size())
	}
	if size == 0 {
		return EmptyRoot(), nil
	}
	ids := compact.RangeNodes(0, size, nil)
	root := l.at(ids[len(ids)-1])
	for i := len(ids) - 2; i >= 0; i-- {
		root = node(l.at(ids[i]), root)
	}
	return root, nil
}

// Inclusion proves that the leaf at index is in the log of that size. Code:
// invalid when index or size are outside of the log.
func (l *Log) Inclusion(index, size uint64) ([]canon.Hash, error) {
	if size > l.Size() || index >= size {
		return nil, outside(max(size, index+1), l.Size())
	}
	nodes, err := proof.Inclusion(index, size)
	if err != nil {
		return nil, fmt.Errorf("proving leaf %d of %d: %w", index, size, err)
	}
	return l.path(nodes)
}

// Consistency proves that the log of size from is a prefix of the log of size
// to. Code: invalid when the sizes are out of order or outside of the log.
func (l *Log) Consistency(from, to uint64) ([]canon.Hash, error) {
	if to > l.Size() || from > to {
		return nil, outside(max(from, to), l.Size())
	}
	nodes, err := proof.Consistency(from, to)
	if err != nil {
		return nil, fmt.Errorf("proving size %d within %d: %w", from, to, err)
	}
	return l.path(nodes)
}

// path gathers the hashes that a proof names.
func (l *Log) path(nodes proof.Nodes) ([]canon.Hash, error) {
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		h := l.at(id)
		hashes[i] = h[:]
	}
	hashes, err := nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, err
	}
	out := make([]canon.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = canon.Hash(h)
	}
	return out, nil
}

func (l *Log) at(id compact.NodeID) canon.Hash { return l.levels[id.Level][id.Index] }

// VerifyInclusion checks that leaf stands at index in the list of that size
// and root. Code: refused.
func VerifyInclusion(root canon.Hash, index, size uint64, leaf []byte, path []canon.Hash) error {
	h := LeafHash(leaf)
	err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, h[:], byteSlices(path), root[:])
	if err != nil {
		return fault.Newf(fault.Refused, "ask whoever made the proof for a new one",
			"leaf %d is not in the list of %d leaves with root %s", index, size, root).Because(err)
	}
	return nil
}

// VerifyConsistency checks that the list of fromSize leaves is a prefix of the
// list of toSize leaves. Code: refused.
func VerifyConsistency(fromRoot canon.Hash, fromSize uint64, toRoot canon.Hash, toSize uint64, path []canon.Hash) error {
	err := error(nil)
	switch {
	case fromSize > toSize:
		err = errors.New("the sizes are out of order")
	case fromSize == 0 && fromRoot != EmptyRoot():
		// The library takes any root for an empty list.
		err = errors.New("not the root of an empty list")
	default:
		err = proof.VerifyConsistency(rfc6962.DefaultHasher, fromSize, toSize, byteSlices(path), fromRoot[:], toRoot[:])
	}
	if err != nil {
		return fault.Newf(fault.Refused, "ask whoever made the proof for a new one",
			"the list of %d leaves with root %s is not a prefix of that of %d with root %s",
			fromSize, fromRoot, toSize, toRoot).Because(err)
	}
	return nil
}

// ListRoot is the root over leaves in their order.
func ListRoot(leaves [][]byte) canon.Hash {
	var r Root
	for _, leaf := range leaves {
		r.Add(leaf)
	}
	return r.Sum()
}

// Root computes the root over leaves that come one by one, in memory that
// grows with the logarithm of their number: for millions of records. It gives
// what Log.Root gives. The zero Root is empty and ready.
type Root struct {
	// pending[l] is the root of the perfect subtree of 2^l leaves that waits
	// for its right sibling; it counts when bit l of size is set.
	pending [64]canon.Hash
	size    uint64
}

// Add takes the next leaf.
func (r *Root) Add(leaf []byte) { r.AddHash(LeafHash(leaf)) }

// AddHash takes the next leaf by its hash.
func (r *Root) AddHash(h canon.Hash) {
	level := 0
	for ; r.size>>level&1 == 1; level++ {
		h = node(r.pending[level], h)
	}
	r.pending[level] = h
	r.size++
}

// Size is the number of leaves so far.
func (r *Root) Size() uint64 { return r.size }

// Sum is the root so far. More leaves may follow.
func (r *Root) Sum() canon.Hash {
	if r.size == 0 {
		return EmptyRoot()
	}
	var sum canon.Hash
	some := false
	for level := range r.pending {
		if r.size>>level&1 == 0 {
			continue
		}
		if some {
			sum = node(r.pending[level], sum)
		} else {
			sum, some = r.pending[level], true
		}
	}
	return sum
}

// EmptyRoot is the root of a list without leaves.
func EmptyRoot() canon.Hash { return canon.Hash(rfc6962.DefaultHasher.EmptyRoot()) }

func node(left, right canon.Hash) canon.Hash {
	var b [1 + 2*len(left)]byte
	b[0] = rfc6962.RFC6962NodeHashPrefix
	copy(b[1:], left[:])
	copy(b[1+len(left):], right[:])
	return sha256.Sum256(b[:])
}

func byteSlices(path []canon.Hash) [][]byte {
	out := make([][]byte, len(path))
	for i := range path {
		out[i] = path[i][:]
	}
	return out
}

func outside(want, size uint64) error {
	return fault.Newf(fault.Invalid, "ask for what the log holds",
		"leaf or size %d is outside of a log of %d leaves", want, size)
}
