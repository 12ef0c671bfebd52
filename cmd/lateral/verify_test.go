package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/lateral-network/lateral/api/evidence"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// proofsOf lists the proofs of a run.
func proofsOf(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "proofs", "*.proof"))
	if err != nil || len(found) < 2 {
		t.Fatalf("proofs in %s: %v, %v", dir, found, err)
	}
	return found
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// put writes a file into a temporary folder and gives its path.
func put(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// everyByte has all bytes of a proof tried instead of every fourth. It is read
// before TestMain takes such variables away.
var everyByte = os.Getenv("LATERAL_TEST_LONG") != ""

// Every single byte of a proof counts. A run tries every fourth, from another
// one on each time; make test-long tries all.
func TestAProofWithAnyByteFlippedIsRefused(t *testing.T) {
	dir := smallRun(t).dir
	network, err := node.ReadNetwork(filepath.Join(dir, "network.json"))
	if err != nil {
		t.Fatal(err)
	}
	data := read(t, proofsOf(t, dir)[0])
	refused := func(what string, data []byte) {
		v, err := proof.Verify(data, node.Trust(network))
		if err == nil {
			t.Errorf("%s: accepted as %s", what, v.Hash)
		} else if code := fault.CodeOf(err); code == fault.Internal {
			t.Errorf("%s: refused without a reason: %v", what, err)
		}
	}
	start, step := rand.IntN(4), 4
	if everyByte {
		start, step = 0, 1
	}
	t.Logf("of %d bytes, number %d and every %d. behind it", len(data), start, step)
	positions := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range positions {
				bits := []int{i % 8}
				if i%97 < step {
					bits = []int{0, 1, 2, 3, 4, 5, 6, 7}
				}
				for _, b := range bits {
					bad := bytes.Clone(data)
					bad[i] ^= 1 << b
					refused(fmt.Sprintf("bit %d of byte %d", b, i), bad)
				}
			}
		})
	}
	for i := start; i < len(data); i += step {
		positions <- i
	}
	close(positions)
	workers.Wait()
	for n := 0; n < len(data); n += 1 + len(data)/200 {
		refused(fmt.Sprintf("cut to %d bytes", n), data[:n])
	}
	refused("one byte short", data[:len(data)-1])
	for _, more := range []string{"\x00", "\xf6", "x", string(data)} {
		refused(fmt.Sprintf("%.10q behind it", more), append(bytes.Clone(data), more...))
	}
	if _, err := proof.Verify(data, node.Trust(network)); err != nil {
		t.Errorf("the proof itself: %v", err)
	}
}

// The command says yes with exit code 0 and the hash, and no with 1.
func TestVerifyTellsGoodProofsFromBad(t *testing.T) {
	small := smallRun(t)
	dir := small.dir
	all := proofsOf(t, dir)
	exits(t, 0, append([]string{"verify"}, all...)...)
	one := all[0]
	id := strings.TrimSuffix(filepath.Base(one), ".proof")
	asJSON, asHTML := filepath.Join(dir, "invoices", id+".json"), filepath.Join(dir, "invoices", id+".html")
	other := filepath.Join(dir, "invoices", strings.TrimSuffix(filepath.Base(all[1]), ".proof")+".json")
	for _, f := range []string{asJSON, asHTML} {
		out, errs := exits(t, 0, "verify", "--invoice", f, one)
		if len(strings.Fields(out)[0]) != 64 || !strings.Contains(errs, "shows exactly what is proven") {
			t.Errorf("%s: %q %q", f, out, errs)
		}
	}
	network := read(t, filepath.Join(dir, "network.json"))
	refuse := func(what, says string, args ...string) {
		out, errs := exits(t, 1, append([]string{"verify"}, args...)...)
		if out != "" || !strings.Contains(errs, says) || !strings.Contains(errs, "hint: ") {
			t.Errorf("%s: %q %q", what, out, errs)
		}
	}
	bad := bytes.Clone(read(t, one))
	bad[len(bad)/2] ^= 4
	refuse("a changed proof", "error: ", "--network", filepath.Join(dir, "network.json"), put(t, "bad.proof", bad))
	refuse("an empty proof", "error: ", "--network", filepath.Join(dir, "network.json"), put(t, "empty.proof", nil))
	refuse("the second of two is bad", "bad.proof", "--network", filepath.Join(dir, "network.json"), put(t, "bad.proof", bad), one)
	refuse("no such proof", "nope.proof", filepath.Join(dir, "nope.proof"))
	refuse("no network file", "network.json", put(t, "alone.proof", read(t, one)))
	refuse("a network file that is none", "cannot be understood", "--network", asHTML, one)
	for what, change := range map[string][2]string{
		"another chain": {`"sandbox-`, `"Sandbox-`}, "another validator": {`"key": "`, `"key": "0`}, "more power": {`"power": 1`, `"power": 9`},
	} {
		changed := bytes.Replace(network, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, network) {
			t.Errorf("%s: the network file has no %s", what, change[0])
		}
		refuse(what, "error: ", "--network", put(t, "network.json", changed), one)
	}
	refuse("another invoice", "is not the invoice", "--invoice", other, one)
	figures := 0
	for _, f := range []string{asJSON, asHTML} {
		data := read(t, f)
		// Any digit of what is shown, changed.
		for i := 0; i < len(data); i++ {
			if data[i] < '0' || data[i] > '9' || figures%53 != 0 {
				if data[i] >= '0' && data[i] <= '9' {
					figures++
				}
				continue
			}
			figures++
			changed := bytes.Clone(data)
			changed[i] = '0' + (changed[i]-'0'+1)%10
			code, out, errs := command(t, "verify", "--invoice", put(t, filepath.Base(f), changed), one)
			if code != 1 || out != "" {
				t.Errorf("%s with digit %d changed (…%s…): exit %d %s %s", filepath.Base(f), i, data[max(0, i-30):min(len(data), i+10)], code, out, errs)
			}
		}
		refuse("a cut invoice", "error: ", "--invoice", put(t, filepath.Base(f), data[:len(data)-10]), one)
		refuse("a longer invoice", "error: ", "--invoice", put(t, filepath.Base(f), append(bytes.Clone(data), " <p>and 5 USD more</p>"...)), one)
	}
	refuse("no such invoice", "cannot be read", "--invoice", filepath.Join(dir, "nope"), one)
}

// Whoever closes a divergence names its evidence, and a proof of the record is
// where to read it.
func TestAProofOfADivergenceTellsWhatItsClosingNames(t *testing.T) {
	d := trade.Divergence{Leaf: 7, Detail: []byte("leaves")}
	_, content, err := trade.ShowRecord("divergence", canon.Must(d))
	if err != nil {
		t.Fatal(err)
	}
	of := evidence.Of(content)
	if of != d.Hash() {
		t.Errorf("it is %s, not %s", of, d.Hash())
	}
	var errs bytes.Buffer
	proven{Proven: evidence.Proven{Evidence: of}}.print(terminal{out: io.Discard, err: &errs})
	if !strings.HasSuffix(errs.String(), "\nevidence "+d.Hash().String()+"\n") {
		t.Errorf("it prints %s", &errs)
	}
	var fields map[string]any
	if err := (terminal{}).body(put(t, "close.yaml", []byte("evidence: "+of.String()+"\n")), &fields); err != nil {
		t.Fatal(err)
	}
	body, err := trade.EncodeBody(trade.KindDivergenceEnd, fields)
	if err != nil || !bytes.Equal(body, canon.Must(trade.DivergenceClose{Evidence: d.Hash()})) {
		t.Errorf("the closing is %x, %v", body, err)
	}
	if other := evidence.Of(trade.Bilateral{}); !other.IsZero() {
		t.Errorf("another record has the evidence %s", other)
	}
}

// Two heads of one size under one key prove themselves, without any network.
func TestWhatAKeyHasSignedTwiceIsVerifiedFromItsSignatures(t *testing.T) {
	key := sign.FromSeed([32]byte{5})
	head := trade.Head{Channel: canon.Hash{1}, Position: 3, Size: 2, Root: canon.Hash{1}}
	shown := wire.SignedTwice{Member: "BRAVO", Key: key.Public(), One: head.Sign(key, 0)}
	head.Root = canon.Hash{2}
	shown.Two = head.Sign(key, 0)
	file := func() string {
		text, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		return put(t, "twice.json", text)
	}
	if _, told := exits(t, 0, "verify", file()); !strings.Contains(told, key.Public().String()+" has signed two heads of one size") {
		t.Errorf("it says %s", told)
	}
	shown.Two.Head.Root = canon.Hash{3}
	if _, told := exits(t, 1, "verify", file()); !strings.Contains(told, "refused") {
		t.Errorf("of a forged one it says %s", told)
	}
}
