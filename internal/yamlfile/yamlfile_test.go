package yamlfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

type names struct {
	Names []string `yaml:"names"`
}

func TestAFileIsReadAgainWhenItHasChangedAndStandsWhenItCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "names.yaml")
	parsed := 0
	f := New(path, "the file of names", func(data []byte) (n names, err error) {
		parsed++
		return n, Decode(data, &n)
	})
	if err := f.Load(); !errors.Is(err, os.ErrNotExist) || fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := f.Write(names{[]string{"a"}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Load(); err != nil || len(f.Value().Names) != 1 || parsed != 1 {
		t.Errorf("%+v after %d times, %v", f.Value(), parsed, err)
	}
	put := func(text string, at time.Time) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	put("names: [b, c]", time.Now().Add(time.Hour))
	if err := f.Load(); err != nil || len(f.Value().Names) != 2 {
		t.Errorf("what has changed is not read: %+v, %v", f.Value(), err)
	}
	put("nomes: [d]", time.Now().Add(2*time.Hour))
	for range 2 { // it stays wrong
		if err := f.Load(); err == nil || len(f.Value().Names) != 2 {
			t.Errorf("a field that is not known: %+v, %v", f.Value(), err)
		}
	}
	put("", time.Now().Add(3*time.Hour))
	if err := f.Load(); err != nil || len(f.Value().Names) != 0 {
		t.Errorf("an empty file: %+v, %v", f.Value(), err)
	}
	f.Forget()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := f.Load(); err == nil || f.Value().Names != nil {
		t.Errorf("what is forgotten: %+v, %v", f.Value(), err)
	}
}
