package trade

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite expected output")

// TestStories runs the commercial stories of testdata. A story is text: a line
// that begins with > is a command of a carrier, what follows is what the
// machine said, and # begins a comment. "world NAME" at the top chooses what
// stands before; worlds with a name are chosen by "on NAME". Run with -update to
// rewrite the expected parts, and review the difference.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories found")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, string(text), false)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("the story goes otherwise:\n%s", firstDifference(string(text), got))
			}
		})
	}
}

// A clause about credit that allows everything changes no story, and after each of
// their commands the counters are what all records come to (see execute).
func TestStoriesGoOnUnderCredit(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := tell(t, string(text), true); got != string(text) {
				t.Errorf("the story goes otherwise:\n%s", firstDifference(string(text), got))
			}
		})
	}
}

// tell runs a story and gives its text with what the machine says now.
func tell(t *testing.T, text string, lent bool) string {
	var w *world
	var out strings.Builder
	skipping := false
	named := map[string]*world{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "world "):
			name, terms, _ := strings.Cut(strings.TrimPrefix(line, "world "), " ")
			switch name {
			case "new":
				w = newWorld(t)
			case "ready":
				w = ready(t)
			case "trading":
				w = trading(t, terms, lent)
			case "locked":
				w = locked(t)
			case "tokens":
				w = tokens(t)
			case "products":
				w = products(t, terms, lent)
			default:
				t.Fatalf("no world %q", name)
			}
			w.lent = lent
			named[parseArgs(strings.Fields(terms))["name"]] = w
			out.WriteString(line + "\n")
		case strings.HasPrefix(line, "on "):
			if w = named[strings.TrimPrefix(line, "on ")]; w == nil {
				t.Fatalf("no world for %q", line)
			}
			out.WriteString(line + "\n")
			skipping = false
		case strings.HasPrefix(line, "> "):
			out.WriteString(line + "\n")
			out.WriteString(w.run(strings.TrimPrefix(line, "> ")))
			skipping = true
		case line == "" || strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
			skipping = false
		case skipping: // what the machine said before
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	return out.String()
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			from := max(0, i-4)
			return "after\n  " + strings.Join(a[from:i], "\n  ") + "\nwant\n  " + strings.Join(a[i:min(len(a), i+5)], "\n  ") + "\ngot\n  " + strings.Join(b[i:min(len(b), i+5)], "\n  ")
		}
	}
	return "there is more than expected: " + strings.Join(b[len(a):], "\n")
}
