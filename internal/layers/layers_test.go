// Package layers holds one test: the imports of this module follow the
// picture in docs/architecture.md. Few arrows, one direction, no circles.
package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lateral-network/lateral/"

// rows is the picture, from the top down. A package may import packages of
// rows below its own; packages of one row do not know each other, except where
// within says how. A name stands for the package and the folders beneath it.
var rows = [][]string{
	{"cmd"},
	{"bench", "sim"},
	{"node"},
	{"buying"},
	{"selling"},
	{"portal"},
	{"api"},
	{"clearing", "treasury"},
	{"mesh", "exchange", "dns"},
	{"channel", "catalog"},
	{"store", "ledger", "proof"},
	{"compare"},
	{"line", "rail"},
	{"trade"},
	{"internal"},
	{"fault"},
}

// nouns are the packages under trade/, each of which may import those before it.
var nouns = []string{"money", "credit", "party", "usage", "rating", "product", "agreement", "order",
	"invoice", "reconcile", "dispute", "settlement", "token", "repute", "credential", "netting", "fraud", "habit"}

func rowOf(pkg string) int {
	top, _, _ := strings.Cut(pkg, "/")
	return slices.IndexFunc(rows, func(r []string) bool { return slices.Contains(r, top) })
}

// allowed says whether package from may import package to (paths inside the
// module), and why not.
func allowed(from, to string) (string, bool) {
	f, t := rowOf(from), rowOf(to)
	switch {
	case f < 0:
		return "package " + from + " has no place in the picture", false
	case t < 0:
		return "package " + to + " has no place in the picture", false
	case strings.HasPrefix(from, "ledger/"):
		top, _, _ := strings.Cut(to, "/")
		if !slices.Contains([]string{"ledger", "fault", "internal"}, top) {
			return "a ledger driver knows ledger, fault and internal only", false
		}
	case strings.HasPrefix(from, "trade/"):
		noun := strings.Split(from, "/")[1]
		switch {
		case to == "trade":
			return "trade imports its nouns, not the other way round", false
		case strings.HasPrefix(to, "trade/"):
			other := strings.Split(to, "/")[1]
			if other != noun && slices.Index(nouns, other) >= slices.Index(nouns, noun) {
				return "a noun imports the nouns before it in the list only", false
			}
		case t < f:
			return "arrows point downwards", false
		}
		return "", true
	case strings.HasPrefix(from, "api/") && strings.HasPrefix(to, "ledger"):
		return "an API knows no ledger", false
	}
	ftop, _, _ := strings.Cut(from, "/")
	ttop, _, _ := strings.Cut(to, "/")
	if t < f || t == f && ftop != ttop {
		return "arrows point downwards, and neighbours do not know each other", false
	}
	return "", true
}

func TestImportsFollowThePicture(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "node_modules" || rel == filepath.Join("bench", "duckdb") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || filepath.Dir(rel) == "." {
			return nil
		}
		test := strings.HasSuffix(path, "_test.go")
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := filepath.ToSlash(filepath.Dir(rel))
		for _, imp := range f.Imports {
			to, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module)
			if !ours {
				continue
			}
			seen++
			// Tests may look sideways (a real store, a real driver), never upwards.
			if test && rowOf(to) >= rowOf(from) {
				continue
			}
			if why, ok := allowed(from, to); !ok {
				t.Errorf("%s imports %s: %s", rel, to, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Fatal("no import of our own was found: the test looked in the wrong place")
	}
}

// A catalogue never leaves its node: what writes to a ledger or to a partner does
// not know it, and it knows neither.
func TestNothingThatSendsKnowsTheCatalogue(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	imports := func(dir string, f func(from, to string)) {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, imp := range file.Imports {
				seen++
				f(path[len(root)+1:], strings.TrimPrefix(strings.Trim(imp.Path.Value, `"`), module))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"trade", "ledger", "store", "proof", "channel", "exchange", "clearing", "compare", "line"} {
		imports(dir, func(from, to string) {
			if to == "catalog" || strings.HasPrefix(to, "catalog/") {
				t.Errorf("%s imports %s", from, to)
			}
		})
	}
	imports("catalog", func(from, to string) {
		top, _, _ := strings.Cut(to, "/")
		if slices.Contains([]string{"ledger", "channel", "exchange", "clearing", "net"}, top) && to != "net/url" {
			t.Errorf("%s imports %s", from, to)
		}
	})
	if seen < 500 {
		t.Errorf("only %d imports were seen", seen)
	}
}

func TestTheCoreIsPure(t *testing.T) {
	forbidden := map[string]string{
		"time": "time comes with the block", "math/rand": "no randomness", "math/rand/v2": "no randomness",
		"crypto/rand": "no randomness", "os": "no environment, no files", "net": "no network", "net/http": "no network",
	}
	root, _ := filepath.Abs("../../trade")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			name := strings.Trim(imp.Path.Value, `"`)
			// usage needs calendar arithmetic and zone tables, never the clock.
			if name == "time" && strings.HasSuffix(filepath.Dir(path), filepath.Join("trade", "usage")) {
				continue
			}
			if why, bad := forbidden[name]; bad {
				t.Errorf("%s imports %s: %s", path[len(root)-5:], name, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Bank files are read and matched the same way whenever and wherever: what does
// it opens no file, asks no network and reads no clock.
func TestBankFilesNeedNoMachine(t *testing.T) {
	files, err := filepath.Glob("../../rail/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no file of rail was found: ", err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			name := strings.Trim(imp.Path.Value, `"`)
			if slices.Contains([]string{"os", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand"}, name) {
				t.Errorf("%s imports %s", path, name)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Now" {
				if p, ok := s.X.(*ast.Ident); ok && p.Name == "time" {
					t.Errorf("%s reads the clock", path)
				}
			}
			return true
		})
	}
}

func TestThePictureRefusesWrongArrows(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"cmd/lateral", "node", true},
		{"channel", "store", true},
		{"store", "channel", false},
		{"store", "proof", false},
		{"trade/usage", "trade/money", true},
		{"trade/money", "trade/usage", false},
		{"trade/usage", "trade", false},
		{"ledger/comet", "ledger", true},
		{"ledger/comet", "trade", false},
		{"api/native", "ledger", false},
		{"line/voice", "trade/usage", true},
		{"catalog", "store", true},
		{"channel", "catalog", false},
		{"trade", "internal/canon", true},
		{"rail", "trade/money", true},
		{"rail/bank", "rail", true},
		{"rail", "line", false},
		{"trade", "rail", false},
		{"somewhere", "trade", false},
	} {
		if _, ok := allowed(c.from, c.to); ok != c.ok {
			t.Errorf("%s → %s: allowed %v, want %v", c.from, c.to, ok, c.ok)
		}
	}
}
