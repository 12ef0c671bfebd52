package comet

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
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

func FuzzVerify(f *testing.F) {
	n := testFile(4)
	f.Add(canon.Must(seal{}))
	f.Add(canon.Must(inclusion{}))
	f.Add(canon.Must(seal{Header: header{BlockVersion: 11, AppVersion: appVersion, Height: 2}, Votes: []vote{{Validator: 3}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, _, err := VerifyCertificate(n, data); err == nil {
			t.Fatal("a forged certificate is accepted")
		}
		if _, _, err := VerifyInclusion(n, data); err == nil {
			t.Fatal("a forged proof is accepted")
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
