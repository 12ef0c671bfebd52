package merkle

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"sort"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// Tags of the sparse tree's hashes. All but the keyed ones are canon.Sum under
// these tags, written out below so that a node costs no allocation.
const (
	tagPath    = "lateral/sparse-path/1"    // key to path, when there is no secret
	tagContent = "lateral/sparse-content/1" // key, value
	tagRecord  = "lateral/sparse-record/1"  // salt, content
	tagLeaf    = "lateral/sparse-leaf/1"    // path, record
	tagInner   = "lateral/sparse-inner/1"   // left, right
)

// First bytes of what the channel secret is asked for, so that a path is never
// a salt.
const (
	macPath = 'p'
	macSalt = 's'
)

// Write is one record that changes. A nil Value removes it; an empty one that
// is not nil is a record without content.
type Write struct {
	Key   string
	Value []byte
}

// Sparse commits to a set of records by one root: a binary tree over 256-bit
// paths in which an empty subtree is the zero hash and a subtree with one
// record is that record's leaf, however deep it could go. The root depends on
// the records alone, not on how they came.
//
//	path    = HMAC-SHA-256(secret, 'p' key)
//	content = canon.Sum(tagContent, key, value)
//	salt    = HMAC-SHA-256(secret, 's' content)
//	record  = canon.Sum(tagRecord, salt, content)
//	leaf    = canon.Sum(tagLeaf, path, record)
//	inner   = canon.Sum(tagInner, left, right)
//
// Without a secret the path is canon.Sum(tagPath, key) and the salt is zero:
// everybody may check everything. With one, the siblings in a proof say
// nothing of the records beneath them, not even to somebody who has seen an
// earlier proof of the same record: the salt changes with the content.
//
// The tree keeps paths and hashes in memory (about 190 bytes a record) and no
// values. Nodes are never changed once made, so Clone is free and an Update
// that panics leaves the tree as it was. Root and Prove may run at the same
// time as each other, not as Update; a Clone is independent.
type Sparse struct {
	keys keyed
	root ref
	size int
}

// NewSparse makes an empty tree. An empty secret makes a public one.
func NewSparse(secret []byte) *Sparse { return &Sparse{keys: newKeyed(secret)} }

// Clone gives an independent tree with the same records, at once: the two
// share what neither changes.
func (t *Sparse) Clone() *Sparse {
	return &Sparse{keys: newKeyed(t.keys.secret), root: t.root, size: t.size}
}

// Root is the commitment. The root of no records is the zero hash.
func (t *Sparse) Root() canon.Hash { return t.root.hash() }

// Size is the number of records.
func (t *Sparse) Size() int { return t.size }

// Update applies a set of writes at once and returns the new root. The order
// of writes does not matter; removing what is not there changes nothing. Two
// writes of one key have no order that could decide between them: code
// invalid, and nothing is changed.
func (t *Sparse) Update(writes []Write) (canon.Hash, error) {
	return t.update(writes, nil)
}

// UpdateUndo is Update, and gives the bytes by which Undo takes it back: 33 for
// each record that is new, 65 for each that was there.
func (t *Sparse) UpdateUndo(writes []Write) (root canon.Hash, undo []byte, err error) {
	undo = make([]byte, 0, (hashSize+1)*len(writes))
	root, err = t.update(writes, &undo)
	return root, undo, err
}

// Undo takes back the last Update, by the bytes that UpdateUndo gave for it.
// Code: corrupt when they are cut off or not in order. Whether they are the
// right ones the root tells.
func (t *Sparse) Undo(undo []byte) error {
	bad := fault.New(fault.Corrupt, "what takes back an update of a tree is damaged", "rebuild the tree from its records")
	var items []item
	for len(undo) > 0 {
		size := hashSize + 1
		if len(undo) >= size && undo[hashSize] == 1 {
			size += hashSize
		}
		if len(undo) < size || undo[hashSize] > 1 {
			return bad
		}
		it := item{path: canon.Hash(undo[:hashSize])}
		copy(it.record[:], undo[hashSize+1:size])
		if n := len(items); n > 0 && bytes.Compare(items[n-1].path[:], it.path[:]) >= 0 {
			return bad
		}
		items, undo = append(items, it), undo[size:]
	}
	added := 0
	t.root = update(t.root, 0, items, &added, nil)
	t.size += added
	return nil
}

func (t *Sparse) update(writes []Write, undo *[]byte) (canon.Hash, error) {
	items := make([]item, len(writes))
	for i, w := range writes {
		items[i].path = t.keys.path(w.Key)
		if w.Value != nil {
			_, items[i].record = t.keys.record(w.Key, w.Value)
		}
	}
	slices.SortFunc(items, func(a, b item) int { return bytes.Compare(a.path[:], b.path[:]) })
	for i := 1; i < len(items); i++ {
		if items[i].path == items[i-1].path {
			return canon.Hash{}, fault.New(fault.Invalid, "two writes of one record in one update", "keep the last write of each key")
		}
	}
	added := 0
	t.root = update(t.root, 0, items, &added, undo)
	t.size += added
	return t.Root(), nil
}

// item is a write on its way down: a zero record removes.
type item struct{ path, record canon.Hash }

// ref points to an inner node or a leaf, or to neither: an empty subtree.
type ref struct {
	inner *inner
	leaf  *leaf
}

type inner struct {
	sum  canon.Hash
	kids [2]ref
}

// leaf is a record in the tree. Its hash is kept: as its neighbours come and go
// it moves down and up, and is asked for each time.
type leaf struct {
	path, record, sum canon.Hash
}

func newLeaf(it *item) *leaf { return &leaf{it.path, it.record, leafHash(&it.path, &it.record)} }

func (r ref) hash() canon.Hash {
	switch {
	case r.inner != nil:
		return r.inner.sum
	case r.leaf != nil:
		return r.leaf.sum
	}
	return canon.Hash{}
}

// update gives the subtree at depth with items, sorted by path, applied. What
// was there before is added to undo, in the same order; nil keeps nothing.
func update(r ref, depth int, items []item, added *int, undo *[]byte) ref {
	if len(items) == 0 {
		return r
	}
	if r.inner == nil && len(items) == 1 {
		it := &items[0]
		switch {
		case r.leaf == nil && it.record.IsZero():
			return r
		case r.leaf == nil:
			*added++
			keepUndo(undo, it, nil)
			return ref{leaf: newLeaf(it)}
		case r.leaf.path == it.path && it.record.IsZero():
			*added--
			keepUndo(undo, it, r.leaf)
			return ref{}
		case r.leaf.path == it.path && r.leaf.record == it.record:
			return r
		case r.leaf.path == it.path:
			keepUndo(undo, it, r.leaf)
			return ref{leaf: newLeaf(it)}
		case it.record.IsZero():
			return r
		}
	}
	kids := r.split(depth)
	cut := sort.Search(len(items), func(i int) bool { return bit(&items[i].path, depth) == 1 })
	next := [2]ref{
		update(kids[0], depth+1, items[:cut], added, undo),
		update(kids[1], depth+1, items[cut:], added, undo),
	}
	if r.inner != nil && next == kids {
		return r
	}
	return join(next)
}

// keepUndo notes what a path held before: nothing, or a leaf.
func keepUndo(undo *[]byte, it *item, was *leaf) {
	if undo == nil {
		return
	}
	*undo = append(*undo, it.path[:]...)
	if was == nil {
		*undo = append(*undo, 0)
		return
	}
	*undo = append(append(*undo, 1), was.record[:]...)
}

// split gives the two halves of a subtree. A lone leaf goes to its side.
func (r ref) split(depth int) (kids [2]ref) {
	switch {
	case r.inner != nil:
		return r.inner.kids
	case r.leaf != nil:
		kids[bit(&r.leaf.path, depth)] = r
	}
	return kids
}

// join makes one subtree of two halves: a lone leaf rises.
func join(kids [2]ref) ref {
	for side := range kids {
		if other := kids[1-side]; kids[side] == (ref{}) && other.inner == nil {
			return other
		}
	}
	return ref{inner: &inner{innerHash(kids[0].hash(), kids[1].hash()), kids}}
}

// bit is the depth-th bit of a path, the most significant first.
func bit(path *canon.Hash, depth int) int { return int(path[depth/8] >> (7 - depth%8) & 1) }

// SparseProof shows that a record is in a tree, or that it is not. Path and
// Salt belong to the record that is asked for. They, the siblings and the
// other leaf tell nothing of other records but roughly how many there are.
type SparseProof struct {
	Path     canon.Hash   `cbor:"1,keyasint"`           // where the record's key leads
	Salt     canon.Hash   `cbor:"2,keyasint"`           // zero in a public tree, and when the record is absent
	Siblings []canon.Hash `cbor:"3,keyasint,omitempty"` // from the root down; zero where empty
	Other    *OtherLeaf   `cbor:"4,keyasint,omitempty"` // record absent: the leaf that stands in its place, if one does
}

// OtherLeaf is the leaf of an unnamed record in the place where another record
// would be.
type OtherLeaf struct {
	Path   canon.Hash `cbor:"1,keyasint"`
	Record canon.Hash `cbor:"2,keyasint"` // salted
}

// Prove shows that key has exactly this value, or with a nil value that there
// is no record of that key. Code: conflict when the tree says otherwise.
func (t *Sparse) Prove(key string, value []byte) (SparseProof, error) {
	keys := newKeyed(t.keys.secret) // not shared, so that proofs may be made at the same time
	p := SparseProof{Path: keys.path(key)}
	at := t.root
	for depth := 0; at.inner != nil; depth++ {
		side := bit(&p.Path, depth)
		p.Siblings = append(p.Siblings, at.inner.kids[1-side].hash())
		at = at.inner.kids[side]
	}
	present := at.leaf != nil && at.leaf.path == p.Path
	if value == nil {
		if present {
			return SparseProof{}, fault.New(fault.Conflict, "the record that is to be proven absent is there", "prove its value instead")
		}
		if at.leaf != nil {
			p.Other = &OtherLeaf{at.leaf.path, at.leaf.record}
		}
		return p, nil
	}
	salt, record := keys.record(key, value)
	if !present || at.leaf.record != record {
		return SparseProof{}, fault.New(fault.Conflict, "the tree does not hold this value of the record", "prove the value that the same state holds")
	}
	p.Salt = salt
	return p, nil
}

// VerifySparse checks that key has value in the tree of that root, whatever
// the tree's secret. It cannot check that a record is absent, for only the
// secret tells where an absent record would be: see VerifySparseIn. Code:
// refused.
func VerifySparse(root canon.Hash, key string, value []byte, p SparseProof) error {
	if value == nil {
		return refuse("only who knows the tree's secret can see that a record is absent")
	}
	if p.Other != nil {
		return refuse("a proof of a record's value names another record")
	}
	content := contentHash(key, value)
	record := recordHash(&p.Salt, &content)
	return p.rise(root, leafHash(&p.Path, &record))
}

// VerifySparseIn is VerifySparse by one who knows the tree's secret, or in a
// public tree, whose secret is empty. Path and salt are checked too. A nil
// value asks whether the record is absent. Code: refused.
func VerifySparseIn(secret []byte, root canon.Hash, key string, value []byte, p SparseProof) error {
	keys := newKeyed(secret)
	if p.Path != keys.path(key) {
		return refuse("the proof leads to another place than the record's")
	}
	if value != nil {
		if salt, _ := keys.record(key, value); salt != p.Salt {
			return refuse("the proof has another salt than the record")
		}
		return VerifySparse(root, key, value, p)
	}
	if !p.Salt.IsZero() {
		return refuse("a proof of absence has a salt")
	}
	if p.Other == nil {
		return p.rise(root, canon.Hash{})
	}
	if p.Other.Path == p.Path {
		return refuse("the record that should be absent is there")
	}
	for depth := range p.Siblings {
		if depth >= maxDepth || bit(&p.Other.Path, depth) != bit(&p.Path, depth) {
			return refuse("the other record is in another place")
		}
	}
	return p.rise(root, leafHash(&p.Other.Path, &p.Other.Record))
}

// maxDepth is how deep two different paths can share their way.
const maxDepth = 8 * len(canon.Hash{})

// rise hashes from the bottom up and compares with the root.
func (p SparseProof) rise(root, sum canon.Hash) error {
	if len(p.Siblings) > maxDepth {
		return refuse("the proof is deeper than a tree can be")
	}
	for depth := len(p.Siblings) - 1; depth >= 0; depth-- {
		if bit(&p.Path, depth) == 0 {
			sum = innerHash(sum, p.Siblings[depth])
		} else {
			sum = innerHash(p.Siblings[depth], sum)
		}
	}
	if sum != root {
		return refuse("the proof does not lead to root " + root.String())
	}
	return nil
}

func refuse(detail string) error {
	return fault.New(fault.Refused, detail, "ask whoever made the proof for a new one")
}

// keyed derives paths and salts from a tree's secret. It is not for concurrent
// use.
type keyed struct {
	secret []byte
	mac    hash.Hash // nil without a secret
	in     []byte    // scratch
}

func newKeyed(secret []byte) keyed {
	if len(secret) == 0 {
		return keyed{}
	}
	return keyed{secret: secret, mac: hmac.New(sha256.New, secret)}
}

func (k *keyed) sum(kind byte, msg string) (out canon.Hash) {
	k.in = append(append(k.in[:0], kind), msg...)
	k.mac.Reset()
	k.mac.Write(k.in)
	k.mac.Sum(out[:0])
	return out
}

func (k *keyed) path(key string) canon.Hash {
	if k.mac == nil {
		return canon.Sum(tagPath, []byte(key))
	}
	return k.sum(macPath, key)
}

// record gives the salted commitment to a record, and the salt.
func (k *keyed) record(key string, value []byte) (salt, record canon.Hash) {
	content := contentHash(key, value)
	if k.mac != nil {
		salt = k.sum(macSalt, string(content[:]))
	}
	return salt, recordHash(&salt, &content)
}

func contentHash(key string, value []byte) canon.Hash {
	return canon.Sum(tagContent, []byte(key), value)
}

var (
	recordPair = newPair(tagRecord)
	leafPair   = newPair(tagLeaf)
	innerPair  = newPair(tagInner)
)

func recordHash(salt, content *canon.Hash) canon.Hash { return recordPair.sum(salt, content) }
func leafHash(path, record *canon.Hash) canon.Hash    { return leafPair.sum(path, record) }
func innerHash(left, right canon.Hash) canon.Hash     { return innerPair.sum(&left, &right) }

// pair is canon.Sum of two hashes under one tag, laid out before so that it
// takes two rounds of SHA-256 and no allocation.
type pair struct {
	frame [119]byte // the longest message of two SHA-256 blocks
	size  int
}

const hashSize = len(canon.Hash{})

func newPair(tag string) *pair {
	p := &pair{}
	b := binary.BigEndian.AppendUint64(p.frame[:0], uint64(len(tag)))
	b = append(b, tag...)
	for range 2 {
		b = binary.BigEndian.AppendUint64(b, uint64(hashSize))
		b = append(b, make([]byte, hashSize)...)
	}
	p.size = len(b)
	if p.size > len(p.frame) {
		panic("merkle: tag too long: " + tag)
	}
	return p
}

func (p *pair) sum(a, b *canon.Hash) canon.Hash {
	frame := p.frame
	copy(frame[p.size-2*hashSize-8:], a[:])
	copy(frame[p.size-hashSize:], b[:])
	return sha256.Sum256(frame[:p.size])
}
