package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/sim"
	"github.com/lateral-network/lateral/trade/usage"
)

// shelf holds what the tests of this package share.
var shelf string

// asLateral is set where the program of the tests is to be lateral itself: nodes
// that run as processes of their own need no other build then.
const asLateral = "LATERAL_TEST_AS_LATERAL"

func TestMain(m *testing.M) {
	newKeyFiles.WorkFactor = 10
	if os.Getenv(asLateral) != "" {
		main()
	}
	dir, err := os.MkdirTemp("", "lateral-test-")
	if err != nil {
		panic(err)
	}
	shelf = dir
	for _, v := range os.Environ() { // what the tester has set is not the tests'
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "LATERAL_") {
			os.Unsetenv(name)
		}
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// command runs lateral as its main function does.
func command(t testing.TB, args ...string) (code int, out, errs string) {
	t.Helper()
	return commandWith(t, nil, args...)
}

// commandWith runs lateral with something on its standard input.
func commandWith(t testing.TB, in []byte, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	parser := fresh()
	code = perform(t.Context(), parser, args, terminal{in: bytes.NewReader(in), out: &o, err: &e})
	select {
	case idle <- parser:
	default:
	}
	return code, o.String(), e.String()
}

// idle are command lines in which no command runs. The tests run hundreds of
// commands, and building one takes a fifth of a second under the race detector.
var idle = make(chan *kong.Kong, 4)

// fresh gives a command line in which nothing of a command before it is left.
func fresh() *kong.Kong {
	select {
	case parser := <-idle:
		kong.Visit(parser.Model, func(x kong.Visitable, next kong.Next) error {
			switch x := x.(type) {
			case *kong.Node:
				x.Active = false
			case *kong.Value:
				x.Set, x.Active = false, false
			}
			return next(nil)
		})
		return parser
	default:
		return commandLine()
	}
}

// exits runs lateral and expects an exit code.
func exits(t testing.TB, code int, args ...string) (out, errs string) {
	t.Helper()
	got, out, errs := command(t, args...)
	if got != code {
		t.Errorf("lateral %q exits with %d, want %d\n%s%s", args, got, code, out, errs)
	}
	return out, errs
}

// small is one run of "sandbox voice" over two hours of generated calls.
type small struct {
	dir    string
	report sim.Report
}

var smallOnce = sync.OnceValues(func() (*small, error) {
	s := &small{dir: filepath.Join(shelf, "small")}
	from := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	g, err := voice.NewGenerator(voice.Plan{Seed: 1, Ours: "ALPHA", Theirs: "BRAVO", Prefixes: 30,
		Span: usage.Interval{From: from.UnixMilli(), To: from.Add(2 * time.Hour).UnixMilli()}})
	if err != nil {
		return nil, err
	}
	var files [3]bytes.Buffer
	files[0].WriteString(voice.UsageHeader + "\n")
	files[1].WriteString(voice.UsageHeader + "\n")
	if err := g.Write(&files[0], &files[1], usage.Interval{From: from.UnixMilli(), To: from.Add(2 * time.Hour).UnixMilli()}, 120); err != nil {
		return nil, err
	}
	if err := g.WriteSheet(&files[2]); err != nil {
		return nil, err
	}
	var paths [3]string
	for i, name := range []string{"ours.csv", "theirs.csv", "rates.csv"} {
		paths[i] = filepath.Join(shelf, name)
		if err := os.WriteFile(paths[i], files[i].Bytes(), 0o600); err != nil {
			return nil, err
		}
	}
	var out, errs bytes.Buffer
	code := run(context.Background(), []string{"sandbox", "voice", "--ours", paths[0], "--theirs", paths[1], "--rates", paths[2],
		"--json", "--out", s.dir}, terminal{out: &out, err: &errs})
	if code != 0 {
		return nil, errors.New(errs.String())
	}
	return s, json.Unmarshal(out.Bytes(), &s.report)
})

func smallRun(t *testing.T) *small {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a whole network: not with -short")
	}
	s, err := smallOnce()
	if err != nil {
		t.Fatal("lateral sandbox voice: ", err)
	}
	return s
}

// The tests run many commands in one command line: it keeps nothing of the one
// before.
func TestACommandLineKeepsNothingOfTheOneBefore(t *testing.T) {
	text, _ := exits(t, 0, "version")
	if doc, _ := exits(t, 0, "version", "--json"); doc == text || !strings.HasPrefix(doc, "{") {
		t.Errorf("with --json it says %s", doc)
	}
	if help, _ := exits(t, 0, "version", "--help"); !strings.HasPrefix(help, "Usage: lateral version") {
		t.Errorf("with --help it says %s", help)
	}
	if again, _ := exits(t, 0, "version"); again != text {
		t.Errorf("it says %s, before it was %s", again, text)
	}
	exits(t, 1, "verify", "nothing.proof")
	if _, errs := exits(t, 2, "verify"); !strings.Contains(errs, "expected") {
		t.Errorf("without a file it says %s", errs)
	}
}
