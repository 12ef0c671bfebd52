package user

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
)

// cheap is a cost that tests can pay.
var cheap = Cost{Memory: 64, Passes: 1, Threads: 1}

const good = "correct horse battery staple"

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) later(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func opened(t testing.TB) (f *File, path string, c *clock) {
	t.Helper()
	c = &clock{now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	path = filepath.Join(t.TempDir(), "users.yaml")
	f, err := Open(path, [32]byte{1}, Options{cheap, c.read})
	if err != nil {
		t.Fatal(err)
	}
	return f, path, c
}

// having gives a file with ada, a clerk with a password.
func having(t testing.TB) (f *File, path string, c *clock) {
	t.Helper()
	f, path, c = opened(t)
	if _, err := f.Add("ada", api.Clerk); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SetPassword("ada", good); err != nil {
		t.Fatal(err)
	}
	return f, path, c
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestPeopleAreAddedChangedAndRemoved(t *testing.T) {
	f, path, _ := opened(t)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("a file was made before it was needed")
	}
	for _, name := range []string{"zoe", "ada"} {
		if _, err := f.Add(name, api.Clerk); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Add(" ADA ", api.Finance); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the same name again gives %v", err)
	}
	if _, err := f.SetRole("ada", "king"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("no role gives %v", err)
	}
	if u, err := f.SetRole("ada", api.Finance); err != nil || u.Role != api.Finance {
		t.Errorf("%+v, %v", u, err)
	}
	all, err := f.List()
	if err != nil || len(all) != 2 || all[0].Name != "ada" || all[0].Role != api.Finance || all[1].Name != "zoe" {
		t.Errorf("%+v, %v", all, err)
	}
	again := must(Open(path, [32]byte{1}, Options{}))
	if u, ok := again.Get("ada"); !ok || u != all[0] {
		t.Errorf("after a restart: %+v", u)
	}
	if err := f.Remove("ada"); err != nil {
		t.Fatal(err)
	}
	if _, ok := again.Get("ada"); ok {
		t.Error("another reader still has the removed one")
	}
	for name, err := range map[string]error{"remove": f.Remove("ada"), "role": second(f.SetRole("ada", api.Clerk)), "password": second(f.SetPassword("ada", good)),
		"passkeys": second(f.Passkeys("ada"))} {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s of nobody gives %v", name, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestHostileNamesAreRefused(t *testing.T) {
	f, _, _ := opened(t)
	for _, name := range []string{"", " ", ".", "..", "-rf", "a b", "a/b", "../etc/passwd", "a\nb", "a\x00b", "a\tb", "аdа", "ａda", "a\u202eb", "a\"b", "a'b", "<b>", "a:b", "a#b",
		"@a", strings.Repeat("x", 65), "\xff\xfe", "a,b", "${x}", "*", "!!binary"} {
		if _, err := f.Add(name, api.Clerk); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q gives %v", name, err)
		}
	}
	for _, name := range []string{"ada", "ada.lovelace", "ada@alpha.example", "a", "7", "null", "true", "1e3", strings.Repeat("x", 64)} {
		if _, err := f.Add(name, api.Clerk); err != nil {
			t.Errorf("%q gives %v", name, err)
		} else if u, ok := f.Get(name); !ok || u.Name != name {
			t.Errorf("%q comes back as %q", name, u.Name)
		}
	}
}

func TestAPasswordLetsInItsPersonOnly(t *testing.T) {
	f, _, _ := having(t)
	if _, err := f.Add("bob", api.Clerk); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, password string
		code           fault.Code
	}{
		{"ada", good, ""}, {"ADA", good, ""}, {" ada ", good, ""},
		{"ada", good + " ", fault.Unauthorized}, {"ada", "", fault.Unauthorized}, {"ada", strings.ToUpper(good), fault.Unauthorized},
		{"bob", good, fault.Unauthorized}, {"bob", "", fault.Unauthorized}, // who has none
		{"eve", good, fault.Unauthorized}, {"", "", fault.Unauthorized}, {"eve", strings.Repeat("x", 1<<20), fault.Unauthorized},
	} {
		u, err := f.CheckPassword(c.name, c.password, "")
		if fault.CodeOf(err) != c.code || (err == nil) != (u.Name == "ada") {
			t.Errorf("%q with %.40q gives %+v, %v", c.name, c.password, u, err)
		}
	}
}

// Who is not there is told the same, after the same work, as who has mistyped.
func TestAnUnknownNameTakesTheSamePath(t *testing.T) {
	f, _, _ := having(t)
	_, wrong := f.CheckPassword("ada", "wrong horse battery staple", "")
	_, nobody := f.CheckPassword("eve", "wrong horse battery staple", "")
	if wrong.Error() != nobody.Error() || fault.Of(wrong).Remedy != fault.Of(nobody).Remedy {
		t.Errorf("%v differs from %v", wrong, nobody)
	}
	r, _ := f.find("ada")
	mine, decoy := must(parseHash(r.Password)), must(parseHash(f.decoy))
	if mine.Cost != decoy.Cost || len(mine.salt) != len(decoy.salt) || len(mine.sum) != len(decoy.sum) {
		t.Errorf("a decoy of %+v for hashes of %+v", decoy.Cost, mine.Cost)
	}
	if f.matches(record{}, false, good) || f.matches(record{Password: r.Password}, false, good) {
		t.Error("nobody's password is right")
	}
}

func TestWeakPasswordsAreRefused(t *testing.T) {
	f, _, _ := having(t)
	for _, p := range []string{"", "short", "elevenchars", "i am Ada herself", "aaaaaaaaaaaaaaaaaaaa", "abababababababab", strings.Repeat("long enough ", 100), "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4\xf3"} {
		if _, err := f.SetPassword("ada", p); fault.CodeOf(err) != CodeWeakPassword {
			t.Errorf("%.30q gives %v", p, err)
		}
	}
	if _, err := f.CheckPassword("ada", good, ""); err != nil {
		t.Errorf("a refused password changed the old one: %v", err)
	}
	if _, err := f.SetPassword("ada", "пароль для учёта"); err != nil {
		t.Errorf("another script: %v", err)
	}
}

func TestALinkIsUsedOnce(t *testing.T) {
	f, path, c := having(t)
	text, expires, err := f.Link("ada", time.Hour, false)
	if err != nil || expires != c.read().Add(time.Hour) {
		t.Fatal(expires, err)
	}
	data, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(data), text) {
		t.Error("the file holds the link itself", err)
	}
	for _, wrong := range []string{"", text[1:], text + "x", strings.ToLower(text), hashOf(text)} {
		if _, err := f.RedeemLink(wrong); fault.CodeOf(err) != fault.Unauthorized {
			t.Errorf("%q gives %v", wrong, err)
		}
	}
	if u, err := f.RedeemLink(text); err != nil || u.Name != "ada" {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := f.RedeemLink(text); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("again: %v", err)
	}
	if !f.Knows("ada", good) {
		t.Error("a link that does not reset has forgotten the password")
	}
}

func TestALinkEndsByTimeAndByTheNextOne(t *testing.T) {
	f, _, c := having(t)
	first, _, _ := f.Link("ada", time.Minute, false)
	later, _, _ := f.Link("ada", time.Minute, false)
	if _, err := f.RedeemLink(first); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("the one before gives %v", err)
	}
	c.later(time.Minute)
	if _, err := f.RedeemLink(later); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("an expired one gives %v", err)
	}
	for _, ttl := range []time.Duration{0, -time.Hour, time.Second, MaxLink + 1} {
		if _, _, err := f.Link("ada", ttl, true); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a link for %s gives %v", ttl, err)
		}
	}
	if !f.Knows("ada", good) {
		t.Error("a refused link has reset")
	}
	if text, _, err := f.Link("eve", time.Hour, false); fault.CodeOf(err) != fault.NotFound || text != "" {
		t.Errorf("a link for nobody gives %q, %v", text, err)
	}
}

func TestOfManyWhoUseALinkAtOnceOneIsLetIn(t *testing.T) {
	f, _, _ := having(t)
	text, _, _ := f.Link("ada", time.Hour, false)
	var wg sync.WaitGroup
	let := make(chan bool, 20)
	for range 20 {
		wg.Go(func() {
			_, err := f.RedeemLink(text)
			let <- err == nil
		})
	}
	wg.Wait()
	close(let)
	n := 0
	for ok := range let {
		if ok {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d were let in", n)
	}
}

// enrolled sets up one-time codes and gives the secret.
func enrolled(t *testing.T, f *File, c *clock) string {
	t.Helper()
	secret, url, err := f.EnrolTOTP("ada", "Lateral ALPHA")
	if err != nil || !strings.HasPrefix(url, "otpauth://totp/Lateral%20ALPHA:ada?") || !strings.Contains(url, secret) {
		t.Fatal(url, err)
	}
	if u, _ := f.Get("ada"); u.TOTP {
		t.Fatal("codes count before one has confirmed them")
	}
	if _, err := f.ConfirmTOTP("ada", "000000"); fault.CodeOf(err) != fault.Invalid {
		t.Fatalf("a wrong code confirms: %v", err)
	}
	if u, err := f.ConfirmTOTP("ada", must(totp.GenerateCode(secret, c.read()))); err != nil || !u.TOTP {
		t.Fatal(u, err)
	}
	return secret
}

func TestAOneTimeCodeIsNeededAndCountsOnce(t *testing.T) {
	f, _, c := having(t)
	secret := enrolled(t, f, c)
	if _, err := f.CheckPassword("ada", good, ""); fault.CodeOf(err) != CodeTOTPRequired {
		t.Errorf("without a code: %v", err)
	}
	if _, err := f.CheckPassword("ada", "wrong horse battery staple", ""); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("a wrong password tells of codes: %v", err)
	}
	used := must(totp.GenerateCode(secret, c.read()))
	if _, err := f.CheckPassword("ada", good, used); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("the code that confirmed counts again: %v", err)
	}
	c.later(step)
	next := must(totp.GenerateCode(secret, c.read()))
	if _, err := f.CheckPassword("ada", "wrong horse battery staple", next); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("a wrong password with a code: %v", err)
	}
	if _, err := f.CheckPassword("ada", good, next); err != nil {
		t.Errorf("the next code: %v", err)
	}
	for _, again := range []string{next, used, "000000", "", " " + next, next + "\n", "12345", strings.Repeat("1", 1000)} {
		if _, err := f.CheckPassword("ada", good, again); err == nil {
			t.Errorf("%.20q lets in", again)
		}
	}
	ahead := must(totp.GenerateCode(secret, c.read().Add(step)))
	if _, err := f.CheckPassword("ada", good, ahead); err != nil {
		t.Errorf("a device that is half a minute ahead: %v", err)
	}
	if _, err := f.CheckPassword("ada", good, must(totp.GenerateCode(secret, c.read().Add(3*step)))); err == nil {
		t.Error("a code of far ahead lets in")
	}
}

func TestCodesAreSealedAndEndByACodeOrAReset(t *testing.T) {
	f, path, c := having(t)
	secret := enrolled(t, f, c)
	data, _ := os.ReadFile(path)
	if strings.Contains(string(data), secret) {
		t.Error("the file holds the secret")
	}
	c.later(step)
	code := must(totp.GenerateCode(secret, c.read()))
	other := must(Open(path, [32]byte{2}, Options{cheap, c.read}))
	if _, err := other.CheckPassword("ada", good, code); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("under another node's key: %v", err)
	}
	if _, _, err := f.EnrolTOTP("ada", "x"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second set of codes: %v", err)
	}
	if _, err := f.RemoveTOTP("ada", "000000"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a wrong code removes: %v", err)
	}
	if u, err := f.RemoveTOTP("ada", code); err != nil || u.TOTP {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := f.RemoveTOTP("ada", code); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("removing again: %v", err)
	}
	if _, err := f.ConfirmTOTP("ada", code); fault.CodeOf(err) != fault.NotYet {
		t.Errorf("confirming what was not begun: %v", err)
	}
	enrolled(t, f, c)
	if _, _, err := f.Link("ada", time.Hour, true); err != nil {
		t.Fatal(err)
	}
	if u, _ := f.Get("ada"); u.TOTP || u.Password || u.Passkeys != 0 {
		t.Errorf("after a reset: %+v", u)
	}
}

func TestASecretThatNobodyConfirmsIsForgotten(t *testing.T) {
	f, _, c := having(t)
	secret, _, _ := f.EnrolTOTP("ada", "x")
	c.later(patience)
	if _, err := f.ConfirmTOTP("ada", must(totp.GenerateCode(secret, c.read()))); fault.CodeOf(err) != fault.NotYet {
		t.Errorf("%v", err)
	}
}

func TestAStampChangesWithWhatASessionStandsOn(t *testing.T) {
	f, _, c := having(t)
	last := must2(f.Get("ada")).Stamp
	differs := func(what string, want bool) {
		t.Helper()
		now := must2(f.Get("ada")).Stamp
		if (now != last) != want {
			t.Errorf("%s: changed %v", what, now != last)
		}
		last = now
	}
	f.SetRole("ada", api.Clerk)
	differs("the same role", false)
	f.SetRole("ada", api.Finance)
	differs("another role", true)
	f.SetPassword("ada", good+"!")
	differs("another password", true)
	f.CheckPassword("ada", good+"!", "")
	differs("signing in", false)
	text, _, _ := f.Link("ada", time.Hour, false)
	differs("a link", false)
	f.RedeemLink(text)
	differs("a link that is used", false)
	enrolled(t, f, c)
	differs("one-time codes", true)
	f.Link("ada", time.Hour, true)
	differs("a reset", true)
	f.Remove("ada")
	f.Add("ada", api.Finance)
	differs("another person by the same name", true)
}

func must2[T any](v T, ok bool) T {
	if !ok {
		panic("not there")
	}
	return v
}

func TestAChangedFileCountsAtOnceAndADamagedOneLeavesWhatWas(t *testing.T) {
	f, path, _ := having(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), "role: clerk", "role: auditor", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if u, _ := f.Get("ada"); u.Role != api.Auditor {
		t.Errorf("%+v", u)
	}
	if err := os.WriteFile(path, []byte("users: [{nam"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CheckPassword("ada", good, ""); err != nil {
		t.Errorf("a damaged file locks out: %v", err)
	}
	if _, err := f.List(); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("and nobody is told: %v", err)
	}
	if _, err := f.Add("bob", api.Clerk); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a damaged file is written over: %v", err)
	}
}

func TestABadFileIsRefusedByField(t *testing.T) {
	_, path, _ := having(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	whole := strings.TrimPrefix(text, "users:\n")
	for name, bad := range map[string]string{
		"no yaml":        "users: [",
		"unknown field":  text + "      colour: red\n",
		"unknown role":   strings.Replace(text, "role: clerk", "role: king", 1),
		"a bad name":     strings.Replace(text, "name: ada", "name: Ada", 1),
		"no id":          strings.Replace(text, "    id:", "    added: 2026-01-01T00:00:00Z #", 1),
		"twice":          text + whole,
		"a costly hash":  strings.Replace(text, "m=64", "m=99999999", 1),
		"another hash":   strings.Replace(text, "argon2id", "argon2i", 1),
		"no parallelism": strings.Replace(text, "p=1", "p=0", 1),
		"a plain text":   strings.Replace(text, "password: ", "password: x #", 1),
	} {
		if bad == text {
			t.Fatalf("%s: nothing was changed in\n%s", name, text)
		}
		if _, err := parse([]byte(bad)); fault.CodeOf(err) != fault.Invalid && fault.CodeOf(err) != fault.Conflict {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if all, err := parse(nil); err != nil || len(all) != 0 {
		t.Errorf("an empty file: %v", err)
	}
}

func TestAnEmptyFileIsMadePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	if err := WriteEmpty(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	f, err := Open(path, [32]byte{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if all, err := f.List(); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestWhatWasBegunNeverFillsTheMemory(t *testing.T) {
	var p pending[int]
	now := time.Now()
	for i := range 3 * maxPending {
		p.put(random(8), i, now.Add(time.Duration(i)))
	}
	if len(p.all) > maxPending {
		t.Errorf("%d wait", len(p.all))
	}
	p.put("x", 1, now.Add(time.Hour))
	if len(p.all) != 1 {
		t.Errorf("%d wait after their time", len(p.all))
	}
	if _, ok := p.take("x", now.Add(time.Hour)); !ok {
		t.Error("it is gone")
	}
	if _, ok := p.take("x", now.Add(time.Hour)); ok {
		t.Error("it was taken twice")
	}
}

// Users that are read are whole, and read again when they are written.
func FuzzFile(f *testing.F) {
	file, path, c := having(f)
	file.EnrolTOTP("ada", "x")
	f.Add(must(os.ReadFile(path)))
	file.Link("ada", time.Hour, true)
	f.Add(must(os.ReadFile(path)))
	full := record{Name: "bob", Role: api.Clerk, ID: random(16), Stamp: random(8), Added: c.read(), TOTP: &code{Sealed: strings.Repeat("QUJD", 12), Used: 7},
		Passkeys: []key{{ID: "QUJD", Key: "QUJD", Site: "alpha.example", Name: "phone", Added: c.read()}}}
	if err := full.validate(); err != nil {
		f.Fatal(err)
	}
	f.Add(must(yaml.Marshal(document{[]record{full}})))
	f.Add([]byte("users:\n- {name: x, role: king}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parse(data)
		if err != nil {
			return
		}
		for _, r := range all {
			if err := r.validate(); err != nil {
				t.Error(err)
			}
			person{r, "alpha.example"}.WebAuthnCredentials()
		}
		text, err := yaml.Marshal(document{all})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parse(text); err != nil || len(again) != len(all) {
			t.Errorf("%v in\n%s", err, text)
		}
	})
}

func FuzzHash(f *testing.F) {
	f.Add(cheap.hash(good))
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=255$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err == nil && (h.Memory > dearest.Memory || h.Passes > dearest.Passes || h.Threads > dearest.Threads || h.Passes == 0 || h.Threads == 0) {
			t.Errorf("%+v", h.Cost)
		}
	})
}
