package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/party"
)

// shelf holds what the tests of this package share: lateral's binary, and one
// run of the main job.
var shelf string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lateral-sim-test-")
	if err != nil {
		panic(err)
	}
	shelf = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// builtBinary builds lateral's own binary, once, with the race detector if the
// tests have it: its packages are compiled already then, all but the last.
var builtBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(shelf, "lateral")
	out, err := exec.Command("go", "build", "-race="+strconv.FormatBool(raced), "-o", path, "../cmd/lateral").CombinedOutput()
	if err != nil {
		return "", &buildError{out, err}
	}
	return path, nil
})

type buildError struct {
	output []byte
	err    error
}

func (e *buildError) Error() string { return e.err.Error() + "\n" + string(e.output) }

func lateral(t *testing.T) string {
	t.Helper()
	path, err := builtBinary()
	if err != nil {
		t.Fatal("building ../cmd/lateral: ", err)
	}
	return path
}

// long skips a test that starts a network when only short ones are wanted.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a whole network: not with -short")
	}
}

// sharedVoice gives the folder of the pair of call-record files that another
// generator made, with its exact totals.
func sharedVoice(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "data", "voice")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the call-record files of ../shared/data/voice are not here: ", err)
	}
	return dir
}

// sharedJob is the main job on the shared files, by the hour.
func sharedJob(dir string) VoiceOptions {
	return VoiceOptions{
		Ours: filepath.Join(dir, "ours.csv"), Theirs: filepath.Join(dir, "theirs.csv"), Rates: filepath.Join(dir, "rates.csv"), Cycle: "1h",
	}
}

func testLog(t *testing.T) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	}
	return slog.New(slog.DiscardHandler)
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// built is a network that has been built for a job, and the job's input.
func built(o VoiceOptions, dir, binary string) (*Network, input, error) {
	in, err := readInput(o)
	if err != nil {
		return nil, in, err
	}
	n, err := Build(Options{
		Dir: dir, Carriers: []party.Code{in.us, in.them}, Binary: binary,
		Automatic: node.Automatic{Rate: true, Accept: true, Net: true, Pay: true},
	})
	return n, in, err
}

// reference is the main job on the shared files, done once in this process,
// under terms with unusual numbers, with two more carriers: CHARLIE, whose node
// is a validator too, and DELTA, whose node follows the ledger. Its folder is
// kept until all tests are done.
type reference struct {
	dir     string
	net     *Network // stopped
	in      input
	report  *Report
	channel canon.Hash       // of the pair
	keys    []sign.PublicKey // of the channel
}

var runReference = sync.OnceValues(func() (*reference, error) {
	r := &reference{dir: filepath.Join(shelf, "reference")}
	o := sharedJob(filepath.Join("..", "..", "shared", "data", "voice"))
	o.Dir = r.dir
	o.Terms = unusual
	in, err := readInput(o)
	if err != nil {
		return nil, err
	}
	n, err := Build(Options{
		Dir: r.dir, Carriers: []party.Code{"CHARLIE", in.us, in.them, "DELTA"}, Together: true,
		Automatic: node.Automatic{Rate: true, Accept: true, Net: true, Pay: true},
	})
	if err != nil {
		return nil, err
	}
	r.net, r.in = n, in
	for _, name := range n.Names() { // where a node of a process of its own logs
		file, err := os.Create(filepath.Join(filepath.Dir(n.byName[name].config), "log"))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		n.byName[name].log = slog.New(slog.NewTextHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	if err := n.Start(); err != nil {
		return nil, err
	}
	if r.report, err = n.voice(ctx, in, o, progress(io.Discard, time.Now())); err == nil {
		err = r.follow(ctx)
	}
	if stopped := n.Stop(); err == nil {
		err = stopped
	}
	return r, err
})

// follow notes the pair's channel, and waits until the other carriers have all
// blocks.
func (r *reference) follow(ctx context.Context) error {
	pair, err := r.net.desks(r.in.us, r.in.them)
	if err != nil {
		return err
	}
	b, err := pair[0].auditor.Bilateral(ctx)
	if err != nil {
		return err
	}
	r.channel = b.Channel
	for _, s := range b.Members.Sides {
		r.keys = append(r.keys, s.Keys...)
	}
	return errors.Join(r.net.followed(ctx, "CHARLIE", r.in.us), r.net.followed(ctx, "DELTA", r.in.us))
}

// followed waits until a carrier has all blocks that another one has now.
func (n *Network) followed(ctx context.Context, code, ahead party.Code) error {
	height := func(code party.Code) (uint64, error) {
		c, err := n.Client(code, api.Auditor)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		s, err := c.Status(ctx)
		return s.Height, err
	}
	want, err := height(ahead)
	if err != nil {
		return err
	}
	return n.poll(ctx, string(code)+" to follow", func() (bool, error) {
		h, err := height(code)
		return h >= want, err
	})
}

func theReference(t *testing.T) *reference {
	t.Helper()
	sharedVoice(t)
	long(t)
	r, err := runReference()
	if err != nil {
		t.Fatal("the job in one process: ", err)
	}
	return r
}

// same compares what two runs of one job came to. Roots, anchors and times are
// each run's own.
func same(t *testing.T, want, got *Report) {
	t.Helper()
	for _, c := range []struct {
		what      string
		want, got any
	}{
		{"records", want.Records, got.Records}, {"periods", want.Periods, got.Periods}, {"totals", want.Totals, got.Totals},
		{"differences", want.Differences, got.Differences}, {"disputes", want.Disputes, got.Disputes}, {"invoices", want.Invoices, got.Invoices},
	} {
		if !reflect.DeepEqual(c.want, c.got) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.what, c.got, c.want)
		}
	}
	if got.StateRoot.Ours != got.StateRoot.Theirs || got.StateRoot.Ours.IsZero() {
		t.Errorf("state roots %s and %s", got.StateRoot.Ours, got.StateRoot.Theirs)
	}
}

// tails shows how the logs of a network's processes end.
func tails(t *testing.T, n *Network) {
	for _, r := range n.nodes {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(r.config), "log"))
		if err != nil {
			t.Log(err)
			continue
		}
		lines := slices.DeleteFunc(strings.Split(string(data), "\n"), func(l string) bool {
			return l == "" || strings.Contains(l, "level=INFO")
		})
		t.Logf("%s:\n%s", r.name, strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
}

// sameShape compares the fields of a report and their types, as programs read
// them, with a file of testdata.
func sameShape(t *testing.T, report any, file string) {
	t.Helper()
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(strings.TrimPrefix(path+"."+k, "."), x)
			}
		case []any:
			for _, x := range v {
				walk(path+"[]", x)
			}
		default:
			found[fmt.Sprintf("%s %T", path, v)] = true
		}
	}
	walk("", doc)
	got := strings.Join(slices.Sorted(maps.Keys(found)), "\n") + "\n"
	want, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil || got != string(want) {
		t.Errorf("the shape is\n%s\nand was\n%s%v", got, want, err)
	}
}
