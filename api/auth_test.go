package api

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

func bearing(header string) *http.Request {
	r := httptest.NewRequest("GET", "/v1/me", nil)
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	return r
}

// tokenFileWith writes a token file with one administrator beside the given.
func tokenFileWith(t *testing.T, more ...Token) (path, admin string) {
	t.Helper()
	admin, a := NewToken("root", Administrator, time.Time{})
	path = filepath.Join(t.TempDir(), "tokens.yaml")
	if err := WriteTokens(path, append([]Token{a}, more...)); err != nil {
		t.Fatal(err)
	}
	return path, admin
}

func TestATokenIsKnownByItsTextOnly(t *testing.T) {
	ended, endedLine := NewToken("old", Clerk, time.Now().Add(-time.Minute))
	lasting, lastingLine := NewToken("new", Clerk, time.Now().Add(time.Hour))
	path, admin := tokenFileWith(t, endedLine, lastingLine)
	tokens, err := OpenTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, header string
		role         Role
		code         fault.Code
	}{
		{"the right token", "Bearer " + admin, Administrator, ""},
		{"one that lasts", "Bearer " + lasting, Clerk, ""},
		{"one that has ended", "Bearer " + ended, "", fault.Unauthorized},
		{"no header", "", "", fault.Unauthorized},
		{"another scheme", "Basic " + admin, "", fault.Unauthorized},
		{"an empty token", "Bearer ", "", fault.Unauthorized},
		{"a shortened token", "Bearer " + admin[:len(admin)-1], "", fault.Unauthorized},
		{"a changed token", "Bearer " + admin[:len(admin)-1] + flip(admin[len(admin)-1]), "", fault.Unauthorized},
		{"the stored hash", "Bearer " + lastingLine.Hash, "", fault.Unauthorized},
	} {
		who, err := tokens.Authenticate(bearing(c.header))
		if fault.CodeOf(err) != c.code || who.Role != c.role {
			t.Errorf("%s gives %+v, %v", c.name, who, err)
		}
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestTheTokenFileHoldsNoTokenAndIsPrivate(t *testing.T) {
	path, admin := tokenFileWith(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), admin) || strings.Contains(string(data), strings.TrimPrefix(admin, tokenPrefix)) {
		t.Error("the file holds the token's text")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}

func TestAChangedTokenFileCountsAtOnce(t *testing.T) {
	path, admin := tokenFileWith(t)
	tokens, err := OpenTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	text, line := NewToken("late", Auditor, time.Time{})
	_, a := NewToken("root", Administrator, time.Time{})
	if err := WriteTokens(path, []Token{a, line}); err != nil {
		t.Fatal(err)
	}
	if who, err := tokens.Authenticate(bearing("Bearer " + text)); err != nil || who.Name != "late" {
		t.Errorf("the new token gives %+v, %v", who, err)
	}
	if _, err := tokens.Authenticate(bearing("Bearer " + admin)); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("the token that is gone gives %v", err)
	}
	// A file that cannot be read leaves the tokens in force and locks nobody in.
	if err := os.WriteFile(path, []byte("tokens: [{nam"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Authenticate(bearing("Bearer " + text)); err != nil {
		t.Errorf("a damaged file locks out: %v", err)
	}
}

func TestTokensAreAddedAndRemoved(t *testing.T) {
	path, _ := tokenFileWith(t)
	tokens, err := OpenTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := tokens.Add("ann", Finance, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Add("ann", Clerk, time.Time{}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the same name again gives %v", err)
	}
	for _, bad := range []struct {
		name string
		role Role
	}{{"", Clerk}, {"x\ny", Clerk}, {strings.Repeat("x", 65), Clerk}, {"bob", "king"}} {
		if _, err := tokens.Add(bad.name, bad.role, time.Time{}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q as %s gives %v", bad.name, bad.role, err)
		}
	}
	again, err := OpenTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	if who, err := again.Authenticate(bearing("Bearer " + text)); err != nil || who.Role != Finance {
		t.Errorf("after a restart: %+v, %v", who, err)
	}
	if err := tokens.Remove("ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Authenticate(bearing("Bearer " + text)); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("a removed token gives %v", err)
	}
	if err := tokens.Remove("ann"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("removing it again gives %v", err)
	}
	if err := tokens.Remove("root"); fault.CodeOf(err) != fault.Refused {
		t.Errorf("removing the last administrator gives %v", err)
	}
}

func TestABadTokenFileIsRefusedByField(t *testing.T) {
	for name, text := range map[string]string{
		"no yaml":         "tokens: [",
		"unknown field":   "tokens: [{name: a, role: clerk, sha256: " + strings.Repeat("a", 64) + ", colour: red}]",
		"unknown role":    "tokens: [{name: a, role: king, sha256: " + strings.Repeat("a", 64) + "}]",
		"no hash":         "tokens: [{name: a, role: clerk}]",
		"hash too short":  "tokens: [{name: a, role: clerk, sha256: abcd}]",
		"token as a hash": "tokens: [{name: a, role: clerk, sha256: lat_abc}]",
	} {
		path := filepath.Join(t.TempDir(), "tokens.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenTokens(path); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if _, err := OpenTokens(filepath.Join(t.TempDir(), "none")); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("no file gives %v", err)
	}
}
