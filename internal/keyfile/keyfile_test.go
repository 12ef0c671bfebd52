package keyfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/sign"
)

var cheap = Options{WorkFactor: 10}

const passphrase = "correct horse battery staple"

func create(t testing.TB, o Options) *File {
	t.Helper()
	f, err := Create(filepath.Join(t.TempDir(), "keys"), passphrase, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func secret(text string) Secret { return Secret{Key, []byte(text)} }

func text(all []Secret) string {
	var b strings.Builder
	for _, s := range all {
		b.Write(s.Bytes)
		b.WriteByte(' ')
	}
	return b.String()
}

func TestSecretsComeBackInTheirOrder(t *testing.T) {
	f := create(t, cheap)
	k := sign.FromSeed([32]byte{7})
	steps := []error{
		f.Add("member", SigningKey(k)),
		f.Add("seal", secret("one")),
		f.Rotate("seal", secret("two")),
		f.Rotate("seal", secret("three")),
		f.Add("token", Secret{Token, []byte("t1")}),
		f.Rotate("token", Secret{Token, []byte("t2")}),
		f.Replace("token", Secret{Token, []byte("t3")}),
		f.Add("gone", secret("x")),
		f.Remove("gone"),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*File{f, reopen(t, f, passphrase)} {
		if got := f.Names(); !slices.Equal(got, []string{"member", "seal", "token"}) {
			t.Fatalf("names %v", got)
		}
		if got := text(f.All("seal")) + text(f.All("token")); got != "three two one t3 " {
			t.Fatalf("secrets %q", got)
		}
		s, err := f.Get("member")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.SigningKey(); err != nil || got.Public() != k.Public() {
			t.Fatalf("signing key %v: %v", got, err)
		}
	}
}

func reopen(t testing.TB, f *File, passphrase string) *File {
	t.Helper()
	again, err := Open(f.Path(), passphrase, cheap)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestWrongChangesAreRefusedAndChangeNothing(t *testing.T) {
	f := create(t, cheap)
	if err := f.Add("a", secret("1")); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(f.Path())
	for name, c := range map[string]struct {
		err  error
		want fault.Code
	}{
		"add twice":        {f.Add("a", secret("2")), fault.Conflict},
		"rotate unknown":   {f.Rotate("b", secret("2")), fault.NotFound},
		"replace unknown":  {f.Replace("b", secret("2")), fault.NotFound},
		"remove unknown":   {f.Remove("b"), fault.NotFound},
		"no name":          {f.Add("", secret("2")), fault.Invalid},
		"no content":       {f.Add("c", Secret{Kind: Key}), fault.Invalid},
		"a short seed":     {f.Add("c", Secret{Ed25519, []byte("short")}), fault.Invalid},
		"empty passphrase": {f.SetPassphrase(""), fault.Invalid},
		"half of several": {f.Update(func(c *Change) error {
			return errors.Join(c.Add("new", secret("x")), c.Remove("a"), c.Remove("none"))
		}), fault.NotFound},
	} {
		if fault.CodeOf(c.err) != c.want {
			t.Errorf("%s: got %v, want code %s", name, c.err, c.want)
		}
	}
	after, _ := os.ReadFile(f.Path())
	if !bytes.Equal(before, after) || text(f.All("a")) != "1 " || len(f.Names()) != 1 {
		t.Fatal("a refused change shows")
	}
	if _, err := f.Get("none"); fault.CodeOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if _, err := Create(f.Path(), passphrase, cheap); fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("created over a file: %v", err)
	}
	if _, err := Open(f.Path()+"x", passphrase, cheap); fault.CodeOf(err) != fault.NotFound {
		t.Fatalf("opened what is not there: %v", err)
	}
	if _, err := Create(f.Path()+"x", passphrase, Options{WorkFactor: 5}); fault.CodeOf(err) != fault.Invalid {
		t.Fatalf("took a work factor of 5: %v", err)
	}
}

func TestAWrongPassphraseIsToldFromDamage(t *testing.T) {
	f := create(t, cheap)
	if err := f.Add("a", secret("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(f.Path(), "wrong", cheap); fault.CodeOf(err) != CodeWrongPassphrase {
		t.Fatalf("got %v, want code wrong-passphrase", err)
	}
	data, _ := os.ReadFile(f.Path())
	for i := range data {
		if _, err := unseal("f", data[:i], passphrase); fault.CodeOf(err) != fault.Corrupt {
			t.Fatalf("cut to %d bytes: got %v, want code corrupt", i, err)
		}
		data[i] ^= 1 << (i % 8)
		if _, err := unseal("f", data, passphrase); fault.CodeOf(err) != fault.Corrupt {
			t.Fatalf("byte %d flipped: got %v, want code corrupt", i, err)
		}
		data[i] ^= 1 << (i % 8)
	}
	if err := f.SetPassphrase("another"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(f.Path(), passphrase, cheap); fault.CodeOf(err) != CodeWrongPassphrase {
		t.Fatalf("the old passphrase: got %v, want code wrong-passphrase", err)
	}
	if got := text(reopen(t, f, "another").All("a")); got != "1 " {
		t.Fatalf("secrets %q", got)
	}
}

// full fails every write.
type full struct{ durable.FS }

func (full) OpenFile(string, int, os.FileMode) (durable.File, error) { return nil, syscall.ENOSPC }

func TestAFullDiskKeepsTheOldKeys(t *testing.T) {
	f := create(t, cheap)
	if err := f.Add("a", secret("1")); err != nil {
		t.Fatal(err)
	}
	f.o.FS = full{durable.OS}
	for name, err := range map[string]error{"rotate": f.Rotate("a", secret("2")), "passphrase": f.SetPassphrase("new")} {
		if fault.CodeOf(err) != durable.CodeDiskFull {
			t.Fatalf("%s: got %v, want code disk-full", name, err)
		}
	}
	if text(f.All("a")) != "1 " || text(reopen(t, f, passphrase).All("a")) != "1 " {
		t.Fatal("a change that was not written shows")
	}
	f.o.FS = durable.OS
	if err := f.Rotate("a", secret("2")); err != nil {
		t.Fatal(err)
	}
	if got := text(reopen(t, f, passphrase).All("a")); got != "2 1 " {
		t.Fatalf("secrets %q", got)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	f := create(t, cheap)
	s := secret("SESAME")
	if err := f.Add("a", s); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, v := range []any{s, &s, []Secret{s}, struct{ S Secret }{s}, f, struct{ F *File }{f}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		_ = json.NewEncoder(&out).Encode(v) // refusing is right
	}
	for _, leak := range []string{"SESAME", fmt.Sprintf("%x", "SESAME"), "U0VTQU1F", "83 69 83 65", passphrase, fmt.Sprintf("%x", passphrase)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q shows in:\n%s", leak, out.String())
		}
	}
	data, _ := os.ReadFile(f.Path())
	if bytes.Contains(data, []byte("SESAME")) {
		t.Error("the file holds the secret in clear")
	}
	if info, err := os.Stat(f.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
}

// The recovery that the package promises: age opens the file without us.
func TestAgeAloneOpensTheFile(t *testing.T) {
	f := create(t, cheap)
	if err := f.Add("a", secret("SESAME")); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(f.Path())
	_, rest, _ := bytes.Cut(data, []byte("\n"))
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(rest), id)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(r); err != nil || !bytes.Contains(plain, []byte("SESAME")) {
		t.Fatalf("%q: %v", plain, err)
	}
}

func TestPassphrases(t *testing.T) {
	for in, want := range map[string]string{"a b\n": "a b", "a": "a", "a\r\n": "a", " a ": " a "} {
		if got, err := PassphraseFrom(strings.NewReader(in)); err != nil || got != want {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "\n", "a\nb", "a\n\n", strings.Repeat("x", 1025)} {
		if got, err := PassphraseFrom(strings.NewReader(in)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%.10q: got %q, %v, want code invalid", in, got, err)
		}
	}
	path := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(path, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadPassphrase(path); err != nil || got != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPassphrase(path); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a file that others may read: %v", err)
	}
	if _, err := ReadPassphrase(path + "x"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("no file: %v", err)
	}
}

func FuzzUnseal(f *testing.F) {
	good, err := seal(body{1, []entry{{"a", Key, []byte("x")}}}, passphrase, 10)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := unseal("f", data, passphrase)
		if err == nil && (len(b.Entries) != 1 || b.Entries[0].Name != "a") {
			t.Fatal("opened what nobody made")
		}
	})
}

func TestAChangedFileKeepsItsWorkFactor(t *testing.T) {
	f := create(t, cheap)
	again, err := Open(f.Path(), passphrase, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Add("a", secret("a")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := factorOf(data); !ok || n != cheap.WorkFactor {
		t.Errorf("the work factor is %d", n)
	}
	dear, err := Open(f.Path(), passphrase, Options{WorkFactor: 11})
	if err != nil {
		t.Fatal(err)
	}
	if err := dear.Add("b", secret("b")); err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(f.Path()); err != nil {
		t.Fatal(err)
	}
	if n, ok := factorOf(data); !ok || n != 11 {
		t.Errorf("with another work factor asked for, it is %d", n)
	}
	for _, broken := range []string{"", "x", "lateral-keyfile/1 0\nage-encryption.org/v1\n-> X25519 abc\n", "lateral-keyfile/1 0\nage-encryption.org/v1\n-> scrypt abc 99\n"} {
		if _, ok := factorOf([]byte(broken)); ok {
			t.Errorf("%q has a work factor", broken)
		}
	}
}

// Some of a name's secrets are destroyed while another name gets one, in a single
// write: all of it or nothing.
func TestSecretsAreDroppedAndAddedInOneWrite(t *testing.T) {
	f := create(t, cheap)
	if err := errors.Join(f.Add("seal", secret("one")), f.Rotate("seal", secret("two")), f.Rotate("seal", secret("three"))); err != nil {
		t.Fatal(err)
	}
	change := func(c *Change) error {
		c.Drop("seal", func(s Secret) bool { return string(s.Bytes) != "three" })
		return c.Add("past", secret("kept"))
	}
	if err := f.Update(func(c *Change) error { return errors.Join(change(c), c.Add("seal", secret("x"))) }); err == nil || text(f.All("seal")) != "three two one " {
		t.Fatalf("a change that fails: %v, %q", err, text(f.All("seal")))
	}
	if err := f.Update(change); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*File{f, reopen(t, f, passphrase)} {
		if got := text(f.All("seal")) + text(f.All("past")); got != "three kept " {
			t.Errorf("secrets %q", got)
		}
	}
}
