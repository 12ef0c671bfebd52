package comet

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	protomem "github.com/cometbft/cometbft/proto/tendermint/mempool"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
)

// The driver's paths must lead to the root that the engine puts into headers,
// for trees of every shape.
func TestPathsLeadToTheEnginesResultsHash(t *testing.T) {
	for total := 1; total <= 33; total++ {
		var txs types.Txs
		var results []*abci.ExecTxResult
		for i := range total {
			tx := fmt.Appendf(nil, "tx %d", i)
			txs = append(txs, tx)
			results = append(results, result(sha256.Sum256(tx), uint32(i)))
		}
		want := types.NewResults(results).Hash()
		for i, tx := range txs {
			node := leafHash(leafOf(sha256.Sum256(tx), uint32(i)))
			for _, s := range prove(txs, i) {
				if s.Left {
					node = innerHash(s.Hash, node)
				} else {
					node = innerHash(node, s.Hash)
				}
			}
			if !bytes.Equal(node, want) {
				t.Fatalf("the path of %d in %d leads elsewhere", i, total)
			}
		}
	}
}

// The vector is computed by hand from the encodings (protobuf field 2, CBOR map).
// What a result hashes to stands under the validators' signatures: whoever
// changes it must raise appVersion.
func TestResultGoldenVector(t *testing.T) {
	const want = "08683d8654010e2405fef7c283857a614b1c9abd866c15be76651cd534f9fc44"
	if got := fmt.Sprintf("%x", leafHash(leafOf(sha256.Sum256([]byte("tx")), 7))); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestFaultyCountsByPower(t *testing.T) {
	for _, c := range []struct {
		powers []int64
		want   int
	}{
		{[]int64{1}, 0}, {[]int64{1, 1, 1}, 0}, {[]int64{1, 1, 1, 1}, 1}, {[]int64{1, 1, 1, 1, 1, 1, 1}, 2},
		{[]int64{10, 1, 1, 1}, 0}, {[]int64{2, 2, 2, 2, 2, 2, 2}, 2},
	} {
		n := testFile(len(c.powers))
		for i := range n.Validators {
			n.Validators[i].Power = c.powers[i]
		}
		com, err := newCommittee(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := com.faulty(); got != c.want {
			t.Errorf("powers %v: f is %d, want %d", c.powers, got, c.want)
		}
	}
}

func TestConfirmedIsWhatOneHonestValidatorHas(t *testing.T) {
	com, err := newCommittee(testFile(4))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reports []ledger.Height
		want    ledger.Height
	}{{nil, 0}, {[]ledger.Height{9}, 0}, {[]ledger.Height{900, 7}, 7}, {[]ledger.Height{5, 900, 7, 6}, 7}} {
		if got := com.confirmed(c.reports); got != c.want {
			t.Errorf("%v: got %d, want %d", c.reports, got, c.want)
		}
	}
}

func TestNetworkFilesThatCannotBeTrustedAreInvalid(t *testing.T) {
	for name, change := range map[string]func(*ledger.Network){
		"another driver":          func(n *ledger.Network) { n.Driver = "local" },
		"chain id of another":     func(n *ledger.Network) { n.ChainID = ledger.ChainID("test", canon.Sum("x")) },
		"no validators":           func(n *ledger.Network) { n.Validators = nil },
		"one validator twice":     func(n *ledger.Network) { n.Validators[1].Key = n.Validators[0].Key },
		"no power":                func(n *ledger.Network) { n.Validators[0].Power = 0 },
		"power beyond all bounds": func(n *ledger.Network) { n.Validators[0].Power = 1 << 62 },
		"a key of small order":    func(n *ledger.Network) { n.Validators[0].Key = [32]byte{1} },
	} {
		t.Run(name, func(t *testing.T) {
			n := testFile(4)
			change(&n)
			if _, err := newCommittee(n); fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("got %v, want code invalid", err)
			}
		})
	}
}

// Decoders get bytes from strangers.

// genuine makes a seal of the test committee over a header that says root and
// results, as the validators sign it.
func genuine(t testing.TB, n ledger.Network, root ledger.Root, results []byte) seal {
	t.Helper()
	com, err := newCommittee(n)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(what string) []byte { h := sha256.Sum256([]byte(what)); return h[:] }
	h := &types.Header{
		Version: cmtversion.Consensus{Block: 11, App: appVersion}, ChainID: n.ChainID, Height: 8, Time: time.Unix(1_700_000_000, 5).UTC(),
		LastBlockID:    types.BlockID{Hash: hash("last"), PartSetHeader: types.PartSetHeader{Total: 1, Hash: hash("parts")}},
		LastCommitHash: hash("commit"), DataHash: hash("data"), ValidatorsHash: com.hash, NextValidatorsHash: com.hash,
		ConsensusHash: hash("params"), AppHash: root[:], LastResultsHash: results, EvidenceHash: hash("evidence"),
		ProposerAddress: com.set.Validators[0].Address,
	}
	id := types.BlockID{Hash: h.Hash(), PartSetHeader: types.PartSetHeader{Total: 1, Hash: hash("own parts")}}
	commit := &types.Commit{Height: h.Height, BlockID: id}
	for _, v := range com.set.Validators {
		for i := range n.Validators {
			key := engineKey(testKey("block", i))
			if !bytes.Equal(key.PubKey().Address(), v.Address) {
				continue
			}
			signature, err := key.Sign(types.VoteSignBytes(n.ChainID, &cmtproto.Vote{
				Type: cmtproto.PrecommitType, Height: h.Height, BlockID: id.ToProto(), Timestamp: h.Time}))
			if err != nil {
				t.Fatal(err)
			}
			commit.Signatures = append(commit.Signatures, types.CommitSig{
				BlockIDFlag: types.BlockIDFlagCommit, ValidatorAddress: v.Address, Timestamp: h.Time, Signature: signature})
		}
	}
	return sealOf(h, commit)
}

func FuzzVerify(f *testing.F) {
	n := testFile(4)
	e := ledger.Envelope{Header: ledger.Header{Chain: n.ChainID, Sequence: 1}, Payload: []byte("included")}
	e.Sign(testKey("sender", 0))
	txs := types.Txs{[]byte("first"), e.Marshal(), []byte("last")}
	var results []*abci.ExecTxResult
	for i, tx := range txs {
		results = append(results, result(sha256.Sum256(tx), uint32(i)))
	}
	good := genuine(f, n, ledger.Root{1}, types.NewResults(results).Hash())
	cert := canon.Must(good)
	proof := canon.Must(inclusion{Seal: good, Envelope: txs[1], Index: 1, Path: prove(txs, 1)})
	if h, root, _, err := VerifyCertificate(n, cert); err != nil || h != 7 || root != (ledger.Root{1}) {
		f.Fatalf("the genuine certificate: block %d, root %s, %v", h, root, err)
	}
	if got, at, err := VerifyInclusion(n, proof); err != nil || !got.Equal(e) || at != (ledger.Position{Height: 7, Index: 1}) {
		f.Fatalf("the genuine proof: %s, %v", at, err)
	}
	f.Add(cert)
	f.Add(proof)
	f.Add(canon.Must(seal{}))
	f.Add(canon.Must(inclusion{}))
	f.Add(canon.Must(seal{Header: header{BlockVersion: 11, AppVersion: appVersion, Height: 2}, Votes: []vote{{Validator: 3}}}))
	three := good
	three.Votes = good.Votes[:3] // still more than two thirds
	f.Add(canon.Must(three))
	f.Fuzz(func(t *testing.T, data []byte) {
		// What is accepted says what the validators signed, by whichever votes.
		if h, root, _, err := VerifyCertificate(n, data); err == nil && (h != 7 || root != (ledger.Root{1})) {
			t.Fatalf("a forged certificate is accepted: block %d, root %s", h, root)
		}
		if got, at, err := VerifyInclusion(n, data); err == nil && (!got.Equal(e) || at != (ledger.Position{Height: 7, Index: 1})) {
			t.Fatalf("a forged proof is accepted: %s", at)
		}
	})
}

// Answers of validators, and envelopes on the links between them.

func fuzzOne[T any](t *testing.T, data []byte) {
	var v T
	if canon.Decode(data, &v) == nil && !bytes.Equal(canon.Must(v), data) {
		t.Fatalf("%T has a second encoding", v)
	}
}

func FuzzAnswers(f *testing.F) {
	n := testFile(4)
	com, err := newCommittee(n)
	if err != nil {
		f.Fatal(err)
	}
	tx := sha256.Sum256([]byte("tx"))
	rec := receipt{Seal: genuine(f, n, ledger.Root{1}, tx[:]), Txs: tx[:]}
	f.Add(canon.Must(final{Position: ledger.Position{Height: 8}, Receipt: &rec}))
	f.Add(canon.Must(final{Position: ledger.Position{Height: 1 << 60, Index: 9}}))
	f.Add(canon.Must(failure{"busy", "too much", "wait", "payload"}))
	f.Add(canon.Must(report{9, 1_700_000_000_000, 1, true}))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzOne[failure](t, data)
		fuzzOne[report](t, data)
		fuzzOne[final](t, data)
		var says final
		if canon.Decode(data, &says) == nil && says.Receipt != nil {
			if _, err := com.receipt(*says.Receipt, tx); err == nil {
				t.Fatal("a receipt is accepted for a block that does not hold the envelope")
			}
		}
	})
}

func FuzzGossip(f *testing.F) {
	n := testFile(4)
	e := ledger.Envelope{Header: ledger.Header{Chain: n.ChainID, Sequence: 1}, Payload: []byte("heard")}
	e.Sign(testKey("sender", 0))
	forged := e
	forged.Payload = []byte("changed")
	for _, txs := range [][][]byte{{e.Marshal()}, {e.Marshal(), forged.Marshal(), e.Marshal()}, {nil}, {}} {
		m := protomem.Message{Sum: &protomem.Message_Txs{Txs: &protomem.Txs{Txs: txs}}}
		data, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m protomem.Message
		if m.Unmarshal(data) != nil || m.GetTxs() == nil {
			return
		}
		p := newPool(1<<20, func(ledger.Envelope) error { return nil })
		v := &Validator{config: Config{Network: n}, app: &app{pool: p}, log: engineLog{to: testLog("fuzz")}}
		v.hear(m.GetTxs().GetTxs())
		for _, h := range p.byID {
			if !h.envelope.Verify() || h.envelope.Header.Chain != n.ChainID {
				t.Fatal("an envelope that nobody signed for this ledger is held")
			}
		}
	})
}

func FuzzLoadSigner(f *testing.F) {
	key := testKey("block", 0)
	dir := f.TempDir()
	signer, err := loadSigner(key, filepath.Join(dir, "genuine.json"))
	if err != nil {
		f.Fatal(err)
	}
	id := types.BlockID{Hash: make([]byte, 32), PartSetHeader: types.PartSetHeader{Total: 1, Hash: make([]byte, 32)}}
	vote := cmtproto.Vote{Type: cmtproto.PrevoteType, Height: 7, Round: 1, BlockID: id.ToProto(), Timestamp: time.Unix(1, 0)}
	if err := signer.SignVote("chain", &vote); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "genuine.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{}"))
	f.Add([]byte(`{"height":"9","round":0,"step":3}`))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "last-signed.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := loadSigner(key, path)
		if err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if last := s.LastSignState; last.Height != 7 || last.Round != 1 || last.Step != 2 {
			t.Fatalf("a vote that was never signed is taken for the last: height %d, round %d, step %d", last.Height, last.Round, last.Step)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	var b bytes.Buffer
	if err := writeFrame(&b, seal{}, [][]byte{{1}, {}, {2, 3}}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, txs, err := readFrame(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeFrame(&again, s, txs); err != nil || !bytes.HasPrefix(data, again.Bytes()) {
			t.Fatal("a frame has a second encoding")
		}
	})
}
