package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// A terminal session in testdata is played in an empty folder. Its lines:
//
//	# a comment
//	file NAME         the lines until one that is "." become a file
//	$ lateral ARGS    runs the command; "" and '' quote
//	exit N            it exited with N; without this line, with 0
//	out TEXT          standard output contains the text
//	err TEXT          standard error contains the text
//	silent            standard output is empty
//	has NAME          the file exists
//	no NAME           it does not
func TestSessions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no sessions: ", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Chdir(t.TempDir())
			play(t, strings.Split(string(data), "\n"))
		})
	}
}

func play(t *testing.T, lines []string) {
	var code int
	var out, errs, ran string
	expected := false // the exit code of the last command was asked for
	at := 0
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("line %d: %s\n$ %s\n%s%s(exit %d)", at+1, fmt.Sprintf(format, args...), ran, out, errs, code)
	}
	settle := func() {
		if !expected && code != 0 {
			fail("exit %d", code)
		}
		expected = true
	}
	expected = true
	for ; at < len(lines); at++ {
		verb, rest, _ := strings.Cut(lines[at], " ")
		switch verb {
		case "", "#":
		case "file":
			var content strings.Builder
			for at++; at < len(lines) && lines[at] != "."; at++ {
				content.WriteString(lines[at] + "\n")
			}
			if err := os.WriteFile(rest, []byte(content.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		case "$":
			settle()
			args := words(rest)
			if args[0] != "lateral" {
				t.Fatalf("line %d runs %s", at+1, args[0])
			}
			ran, expected = rest, false
			code, out, errs = command(t, args[1:]...)
		case "exit":
			if want, err := strconv.Atoi(rest); err != nil || code != want {
				fail("want exit %s", rest)
			}
			expected = true
		case "out":
			if !strings.Contains(out, rest) {
				fail("standard output lacks %q", rest)
			}
		case "err":
			if !strings.Contains(errs, rest) {
				fail("standard error lacks %q", rest)
			}
		case "silent":
			if out != "" {
				fail("standard output is not empty")
			}
		case "has", "no":
			if _, err := os.Stat(rest); (err == nil) != (verb == "has") {
				fail("%s: %v", lines[at], err)
			}
		default:
			t.Fatalf("line %d is not understood: %s", at+1, lines[at])
		}
	}
	settle()
}

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
func paths(t *testing.T) (all [][]string) {
	parser, err := kong.New(&commands{}, kong.Name("lateral"))
	if err != nil {
		t.Fatal(err)
	}
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
	walk(nil, parser.Model.Node)
	return all
}

// Each command's help shows how it is used, and a wrong flag is told from a
// right one.
func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	all := paths(t)
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
		if _, errs := exits(t, 2, append(path, "--no-such-flag")...); !strings.Contains(errs, "error: ") || !strings.Contains(errs, "hint: ") {
			t.Errorf("%s --no-such-flag says %q", name, errs)
		}
	}
	top, _ := exits(t, 0, "--help")
	for _, path := range all {
		out := top
		if len(path) > 1 {
			out, _ = exits(t, 0, append(slices.Clone(path[:len(path)-1]), "--help")...)
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
		"lateral sand": "sandbox", "lateral sandbox voi": "voice", "lateral sandbox voice --rates-": "--rates-back",
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
