package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// declaredCodes finds every constant of type fault.Code with a literal value in
// the module's product code.
func declaredCodes(t *testing.T, root string) map[string]string {
	t.Helper()
	codes := map[string]string{} // code → where
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				if !isCode(file.Name.Name, v.Type) {
					continue
				}
				for _, value := range v.Values {
					if lit, ok := value.(*ast.BasicLit); ok {
						code, err := strconv.Unquote(lit.Value)
						if err != nil {
							return err
						}
						codes[code] = path
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

// isCode reports whether a constant's type is fault.Code, as written outside
// package fault or inside it.
func isCode(pkg string, typ ast.Expr) bool {
	switch x := typ.(type) {
	case *ast.SelectorExpr:
		p, ok := x.X.(*ast.Ident)
		return ok && p.Name == "fault" && x.Sel.Name == "Code"
	case *ast.Ident:
		return pkg == "fault" && x.Name == "Code"
	}
	return false
}

// Who gets an error can look it up, and finds nothing there that cannot come.
func TestEveryCodeIsInTheDocument(t *testing.T) {
	root := filepath.Join("..", "..")
	declared := declaredCodes(t, root)
	if len(declared) < 50 {
		t.Fatalf("only %d codes found: is the scan broken?", len(declared))
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(string(text), -1) {
		if documented[m[1]] {
			t.Errorf("docs/errors.md has %s twice", m[1])
		}
		documented[m[1]] = true
	}
	for code, where := range declared {
		if !documented[code] {
			t.Errorf("%s declares the code %s, which docs/errors.md does not explain", where, code)
		}
	}
	for code := range documented {
		if declared[code] == "" {
			t.Errorf("docs/errors.md explains %s, which nothing declares", code)
		}
	}
}

// Every module that go.mod requires by itself has its line, and no other has.
func TestEveryDependencyIsInTheDocument(t *testing.T) {
	root := filepath.Join("..", "..")
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var required []string
	for line := range strings.Lines(string(mod)) {
		line = strings.TrimSpace(line)
		if path, version, ok := strings.Cut(line, " "); ok && strings.HasPrefix(version, "v") && !strings.HasSuffix(line, "// indirect") {
			required = append(required, path)
		}
	}
	if len(required) == 0 {
		t.Fatal("no requirement found in go.mod: is the scan broken?")
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z0-9.-]+\.[a-z]+/[^ |]+)`).FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, m[1])
	}
	for _, path := range required {
		if !slices.Contains(documented, path) {
			t.Errorf("go.mod requires %s, which docs/dependencies.md does not explain", path)
		}
	}
	for _, path := range documented {
		if !strings.Contains(string(mod), "\t"+path+" v") {
			t.Errorf("docs/dependencies.md explains %s, which go.mod does not have", path)
		}
	}
}

// A link in a document leads to a file that is there.
func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	root := filepath.Join("..", "..")
	files := []string{filepath.Join(root, "README.md")}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#: ]+)(#[^)]*)?\)`)
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}
