package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/sim"
	"github.com/lateral-network/lateral/trade/party"
)

// A terminal session in testdata is played in an empty folder. Its lines:
//
//	# a comment
//	file NAME         the lines until one that is "." become a file
//	$ lateral ARGS    runs the command; "" and '' quote; < FILE is its standard input
//	~ lateral ARGS    runs it until it exits 0 and the next lines out and err hold
//	show NAME         what the file holds stands for a command's standard output
//	keep NAME TEXT    what follows the text in standard output, up to a space, quote
//	                  or end of line, is $NAME from here on; \n is an end of line
//	set NAME VALUE    sets an environment variable; without a value, unsets it
//	exit N            it exited with N; without this line, with 0
//	out TEXT          standard output contains the text; spaces in a row count as one
//	err TEXT          standard error contains it
//	silent            standard output is empty
//	has NAME          the file exists
//	no NAME           it does not
func TestSessions(t *testing.T) {
	for name, lines := range sessions(t, "testdata") {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			play(t, lines, map[string]string{})
		})
	}
}

// sessions yields the sessions of a folder in the order of their names.
func sessions(t *testing.T, dir string) iter.Seq2[string, []string] {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no sessions: ", err)
	}
	return func(yield func(string, []string) bool) {
		for _, path := range files {
			if !yield(strings.TrimSuffix(filepath.Base(path), ".txt"), strings.Split(string(read(t, path)), "\n")) {
				return
			}
		}
	}
}

// TestSessionsOnARunningNode plays one working day on one small network: a
// validator, and the nodes of ALPHA and BRAVO in folders of these names; that of
// CHARLIE, who applies, does not run. Each session goes on where the one before
// it ended, with its files and names. $TOMORROW is a time to come.
func TestSessionsOnARunningNode(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a whole network: not with -short")
	}
	dir := t.TempDir()
	network, err := sim.Build(sim.Options{Dir: dir, Carriers: []party.Code{"ALPHA", "BRAVO"}, Validators: 1, Banks: map[party.Code]node.Bank{
		"ALPHA": {Holder: "ALPHA Telecom", Accounts: []node.BankAccount{{IBAN: "DE89370400440532013000", BIC: "SANDDEFF"}}},
		"BRAVO": {Holder: "BRAVO Telecom", Accounts: []node.BankAccount{{IBAN: "GB82WEST12345698765432", BIC: "SANDDEFF"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	newNode(t, filepath.Join(dir, "charlie"))
	if err := network.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := network.Stop(); err != nil {
			t.Error(err)
		}
	}()
	known := map[string]string{"TOMORROW": time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)}
	played := map[string]bool{}
	for name, lines := range sessions(t, filepath.Join("testdata", "running")) {
		ok := t.Run(name, func(t *testing.T) {
			t.Chdir(dir)
			for _, path := range play(t, lines, known) {
				played[path] = true
			}
		})
		if !ok {
			t.Fatal("the sessions behind it need what it does")
		}
	}
	t.Run("a log is followed until it is interrupted", func(t *testing.T) {
		t.Chdir(dir)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		seen := &until{text: "invoice.accept", then: cancel}
		var errs bytes.Buffer
		if code := run(ctx, []string{"log", "--follow", "--node", "ALPHA"}, terminal{out: seen, err: &errs}); code != 0 || !strings.Contains(seen.String(), seen.text) {
			t.Errorf("exit %d, %s%s", code, seen, &errs)
		}
	})
	leaves(func(n *kong.Node) {
		if n.Tag.Has("op") && !played[n.Path()] {
			t.Errorf("no session plays lateral %s", n.Path())
		}
	})
}

// newNode makes a carrier's node with a key file that opens quickly.
func newNode(t *testing.T, dir string) node.Setup {
	t.Helper()
	s, err := node.Init(node.InitOptions{
		Dir: dir, Carrier: "CHARLIE", LegalName: "Charlie Telecom", Country: "CH", Exchange: "127.0.0.1:1", API: "127.0.0.1:2", WorkFactor: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A script reads from the document where to find what it hands on.
func TestTheDocumentOfANewNodeNamesItsFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "charlie")
	m := initCommand{Dir: dir}.made(newNode(t, dir))
	files := append(slices.Collect(maps.Values(m.Tokens)), m.Config, m.Application, m.Recovery)
	if len(files) != 3+len(api.Roles) || len(m.Delegates) != 5 || m.Validator != "" {
		t.Errorf("the document is %+v", m)
	}
	for _, path := range files {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// until does something once a text was written.
type until struct {
	bytes.Buffer
	text string
	then func()
}

func (u *until) Write(p []byte) (int, error) {
	n, err := u.Buffer.Write(p)
	if strings.Contains(u.String(), u.text) {
		u.then()
	}
	return n, err
}

// play plays a session. known holds the values of names; it gives the paths of
// the commands that were run.
func play(t *testing.T, lines []string, known map[string]string) (ran []string) {
	var code int
	var out, errs, last string
	expected := true // the exit code of the last command was asked for
	at := 0
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf("line %d: %s\n$ %s\n%s%s(exit %d)", at+1, fmt.Sprintf(format, args...), last, out, errs, code)
	}
	settle := func() {
		t.Helper()
		if !expected && code != 0 {
			wrong("exit %d", code)
		}
		expected = true
	}
	filled := func(s string) string {
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(known))) { // the longer of two that begin alike first
			s = strings.ReplaceAll(s, "$"+name, known[name])
		}
		return s
	}
	run := func(line string) {
		last = filled(line)
		line, from, redirected := strings.Cut(last, " < ")
		args := words(line)
		if args[0] != "lateral" {
			t.Fatalf("line %d runs %s", at+1, args[0])
		}
		var in []byte
		if redirected {
			in = read(t, from)
		}
		ran = append(ran, commandOf(args[1:]))
		code, out, errs = commandWith(t, in, args[1:]...)
	}
	holds := func(line string) bool {
		verb, rest, _ := strings.Cut(filled(line), " ")
		if verb == "err" {
			return strings.Contains(single(errs), single(rest))
		}
		return strings.Contains(single(out), single(rest))
	}
	for ; at < len(lines); at++ {
		verb, rest, _ := strings.Cut(lines[at], " ")
		switch verb {
		case "", "#":
		case "file":
			var content strings.Builder
			for at++; at < len(lines) && lines[at] != "."; at++ {
				content.WriteString(filled(lines[at]) + "\n")
			}
			if err := os.WriteFile(rest, []byte(content.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		case "$":
			settle()
			run(rest)
			expected = false
		case "~":
			settle()
			until := at + 1
			for until < len(lines) && (strings.HasPrefix(lines[until], "out ") || strings.HasPrefix(lines[until], "err ")) {
				until++
			}
			for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
				run(rest)
				if code == 0 && !slices.ContainsFunc(lines[at+1:until], func(l string) bool { return !holds(l) }) {
					break
				}
				if time.Now().After(end) {
					wrong("not so in time")
					return ran
				}
			}
		case "exit":
			if want, err := strconv.Atoi(rest); err != nil || code != want {
				wrong("want exit %s", rest)
			}
			expected = true
		case "out", "err":
			if !holds(lines[at]) {
				wrong("standard %s lacks %q", verb, filled(rest))
			}
		case "silent":
			if out != "" {
				wrong("standard output is not empty")
			}
		case "show":
			settle()
			last, out, errs, code = "show "+rest, string(read(t, rest)), "", 0
		case "keep":
			name, text, _ := strings.Cut(rest, " ")
			_, value, ok := strings.Cut(out, strings.ReplaceAll(filled(text), `\n`, "\n"))
			value = strings.TrimLeft(value, " ")
			if end := strings.IndexAny(value, " \"\n"); end >= 0 {
				value = value[:end]
			}
			if !ok || value == "" {
				wrong("nothing follows %q", text)
				return ran
			}
			known[name] = value
		case "set":
			name, value, given := strings.Cut(filled(rest), " ")
			t.Setenv(name, value)
			if !given {
				os.Unsetenv(name)
			}
		case "has", "no":
			if _, err := os.Stat(rest); (err == nil) != (verb == "has") {
				wrong("%s: %v", lines[at], err)
			}
		default:
			t.Fatalf("line %d is not understood: %s", at+1, lines[at])
		}
	}
	settle()
	return ran
}

// single writes spaces in a row as one: how wide a table is depends on ids.
func single(s string) string { return spaces.ReplaceAllString(s, " ") }

var spaces = regexp.MustCompile(` +`)

// commandOf gives the path of the command that a command line runs.
func commandOf(args []string) string {
	k, err := kong.Trace(grammar(), args)
	if err != nil || k.Selected() == nil {
		return ""
	}
	return k.Selected().Path()
}

// grammar is the command line without what runs it; it takes a moment to build.
var grammar = sync.OnceValue(func() *kong.Kong { return kong.Must(&commands{}, kong.Name("lateral")) })

// words splits a command line as a shell does, with quotes and nothing else.
func words(line string) (all []string) {
	var word strings.Builder
	quote, in := byte(0), false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && c == ' ':
			if in {
				all = append(all, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in {
		all = append(all, word.String())
	}
	return all
}

// paths gives the words of every command that can be run.
func paths() (all [][]string) {
	var walk func(path []string, n *kong.Node)
	walk = func(path []string, n *kong.Node) {
		leaf := true
		for _, c := range n.Children {
			if c.Type == kong.CommandNode {
				leaf = false
				walk(append(path[:len(path):len(path)], c.Name), c)
			}
		}
		if leaf {
			all = append(all, path)
		}
	}
	walk(nil, grammar().Model.Node)
	return all
}

// Each command's help shows how it is used, and a wrong flag is told from a
// right one.
func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	all := paths()
	if len(all) < 8 {
		t.Fatalf("only %d commands: %v", len(all), all)
	}
	for _, path := range all {
		out, errs := exits(t, 0, append(path, "--help")...)
		name := "lateral " + strings.Join(path, " ")
		if !strings.HasPrefix(out, "Usage: "+name) || errs != "" {
			t.Errorf("%s --help prints %.60q and %q", name, out, errs)
		}
		_, examples, ok := strings.Cut(out, "Example")
		if !ok || !strings.Contains(examples, strings.TrimSuffix(name, " live")) {
			t.Errorf("the help of %s has no example of it", name)
		}
		if _, err := grammar().Parse(append(path, "--no-such-flag")); err == nil {
			t.Errorf("%s takes --no-such-flag", name)
		}
	}
	top, _ := exits(t, 0, "--help")
	nouns := map[string]string{}
	for _, path := range all {
		out := top
		if len(path) > 1 {
			above := path[:len(path)-1]
			name := strings.Join(above, " ")
			if nouns[name] == "" {
				nouns[name], _ = exits(t, 0, append(slices.Clone(above), "--help")...)
			}
			out = nouns[name]
		}
		if !strings.Contains(top, "\n  "+path[0]+" ") || !strings.Contains(out, "\n  "+strings.Join(path, " ")+" ") {
			t.Errorf("no help lists %q", path)
		}
	}
}

// The completion scripts are understood by their shells, and bash completes.
func TestCompletionScriptsWork(t *testing.T) {
	for _, c := range []struct{ script, shell string }{{"bash", "bash"}, {"zsh", "bash"}, {"zsh", "zsh"}, {"fish", "fish"}} {
		script, _ := exits(t, 0, "completion", c.script)
		for _, word := range []string{"sandbox", "verify", "rates-back", "genesis"} {
			if !strings.Contains(script, word) {
				t.Errorf("the script for %s does not know %s", c.script, word)
			}
		}
		if _, err := exec.LookPath(c.shell); err != nil {
			t.Logf("%s is not on this machine: its script is not parsed", c.shell)
			continue
		}
		check := exec.Command(c.shell, "-n")
		check.Stdin = strings.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s does not parse the script for %s: %v %s", c.shell, c.script, err, out)
		}
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not on this machine: ", err)
	}
	script, _ := exits(t, 0, "completion", "bash")
	for line, want := range map[string]string{
		"lateral sand": "sandbox", "lateral sandbox voi": "voice", "lateral sandbox voice --rates-": "--rates-back", "lateral gen": "generate", "lateral generate voice --pl": "--plant",
		"lateral dispute ev": "evidence", "lateral network par": "parameter", "lateral network parameter vo": "vote", "lateral file erase HASH --y": "--yes",
		"lateral key prepare bind --bo": "--body", "lateral dispute decide ID --bill": "--billed-seconds", "lateral invoice list --pay": "--payable",
		"lateral node init dir --adv": "--advertise", "lateral --he": "--help", "lateral completion --": "--help",
	} {
		bash := exec.Command("bash")
		bash.Stdin = strings.NewReader(script + "\nCOMP_WORDS=(" + line + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_lateral\necho \"${COMPREPLY[@]}\"\n")
		out, err := bash.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q completes to %q, want %q; %v", line, out, want, err)
		}
	}
}
