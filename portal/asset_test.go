package portal

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lateral-network/lateral/fault"
)

var nonceIn = regexp.MustCompile(`script-src 'self' 'nonce-([A-Za-z0-9+/=]{24})'`)

func TestEachPageHasANonceOfItsOwn(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	seen := map[string]bool{}
	for _, path := range []string{"/", "/orders", "/orders/O-7/lines", "/index.html", "/sign-in", "/", "//", "/v1x", "/sessions"} {
		a := b.ask("GET", path, "")
		m := nonceIn.FindStringSubmatch(a.header.Get("Content-Security-Policy"))
		if a.status != 200 || m == nil || seen[m[1]] {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Content-Security-Policy"))
			continue
		}
		seen[m[1]] = true
		if string(a.body) != `<script nonce="`+m[1]+`"></script><style nonce="`+m[1]+`"></style>` {
			t.Errorf("%s: %s", path, a.body)
		}
		if want := "default-src 'none'; script-src 'self' 'nonce-N'; style-src 'self' 'nonce-N'; style-src-attr 'unsafe-inline'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"; strings.ReplaceAll(a.header.Get("Content-Security-Policy"), m[1], "N") != want {
			t.Errorf("%s: %s", path, a.header.Get("Content-Security-Policy"))
		}
		for name, want := range map[string]string{"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8"} {
			if a.header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, a.header.Get(name))
			}
		}
		if a.header.Get("Permissions-Policy") == "" {
			t.Errorf("%s: no Permissions-Policy", path)
		}
	}
}

func TestFilesComeWithTheirTypeAndPackedWhereTheClientTakesIt(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	for _, c := range []struct{ accept, body, coding string }{
		{"gzip, deflate, br", "brotli", "br"}, {"gzip", "gzip", "gzip"}, {"br;q=0, gzip;q=0.5", "gzip", "gzip"}, {"identity", "plain", ""}, {"gzip;q=0", "plain", ""}, {"x-gzip", "plain", ""},
	} {
		a := b.ask("GET", "/assets/app-1.js", "", "Accept-Encoding", c.accept)
		if a.status != 200 || string(a.body) != c.body || a.header.Get("Content-Encoding") != c.coding || a.header.Get("Vary") != "Accept-Encoding" ||
			a.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || a.header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s: %d %q %v", c.accept, a.status, a.body, a.header)
		}
	}
	if a := b.ask("GET", "/favicon.svg", ""); a.status != 200 || a.header.Get("Content-Type") != "image/svg+xml" || a.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := b.ask("HEAD", "/favicon.svg", ""); a.status != 200 || len(a.body) != 0 || a.header.Get("Content-Length") != "6" {
		t.Errorf("HEAD: %d %q %v", a.status, a.body, a.header)
	}
	for _, path := range []string{"/assets/none.js", "/assets/", "/assets/app-1", "/assets/app-1.js.br", "/.keep", "/assets/.keep", "/a/../.keep", "/..%2f..%2fgo.mod", "/%2e%2e/go.mod", "/assets/%5c..%5cx.js", "/robots.txt", "/a//b.js", "/x\x00.js"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = strings.NewReplacer("%2f", "/", "%2e", ".", "%5c", `\`).Replace(path)
		w := httptest.NewRecorder()
		h.portal.ServeHTTP(w, r)
		if w.Code != 404 || !strings.Contains(w.Body.String(), string(fault.NotFound)) {
			t.Errorf("%q gives %d %.60s", path, w.Code, w.Body)
		}
	}
}

func TestWithoutWebFilesThePageSaysHowToBuildThem(t *testing.T) {
	h := newHouse(t)
	h.portal.Assets = fstest.MapFS{".keep": {}}
	b := h.browser()
	a := b.ask("GET", "/orders", "")
	if a.status != 200 || !strings.Contains(string(a.body), "make build") || nonceIn.FindString(a.header.Get("Content-Security-Policy")) == "" || strings.Contains(string(a.body), noncePlace) {
		t.Errorf("%d %s", a.status, a.body)
	}
	b.ask("GET", "/assets/app-1.js", "").is(t, "a file", 404, fault.NotFound)
	h.portal.Assets = nil
	if a := b.ask("GET", "/", ""); a.status != 200 || !strings.Contains(string(a.body), "make build") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTheBinaryHoldsItsWebFiles(t *testing.T) {
	if _, err := Dist().Open("."); err != nil {
		t.Error(err)
	}
}
