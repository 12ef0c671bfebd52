package portal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
)

// noncePlace stands in the built page where the nonce of an answer goes.
const noncePlace = "__CSP_NONCE__"

// unbuilt is shown by a binary that was built without the web files.
const unbuilt = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lateral</title>
<style nonce="` + noncePlace + `">body { font: 16px/1.5 sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em }</style>
</head>
<body>
<main>
<h1>The portal is not built</h1>
<p>This node runs, and its API answers at <code>/v1</code>. The binary holds no web files: build it anew with <code>make build</code> and start the node again.</p>
</main>
</body>
</html>
`

// protect sets the headers that go with everything of ours. A page says more.
func protect(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), display-capture=()")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
}

// policy is what a page may do.
func policy(nonce string) string {
	return "default-src 'none'; script-src 'self' 'nonce-" + nonce + "'; style-src 'self' 'nonce-" + nonce + "'; style-src-attr 'unsafe-inline'; " +
		"connect-src 'self'; img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; " +
		"frame-ancestors 'none'; object-src 'none'"
}

// serveAsset answers with a web file, or with the page, which finds its own way by
// the path.
func (p *portal) serveAsset(w http.ResponseWriter, r *http.Request) {
	defer p.caught(w, r)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		p.refuse(w, r, fault.New(api.CodeMethod, "this address does not take the method", "use GET, or an address under /v1"))
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	asset := strings.HasPrefix(name, "assets/")
	// Files lie in assets or at the root. What is deeper is a page's address, and may
	// have a dot in an id.
	file := asset || !strings.Contains(name, "/") && strings.Contains(name, ".") && name != "index.html"
	odd := strings.Contains(name, ".") && !fs.ValidPath(name)
	switch {
	case !file && !odd:
		p.servePage(w, r)
	case odd || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") || !p.serveFile(w, r, name, asset):
		p.refuse(w, r, fault.New(fault.NotFound, "there is no such file", "open the portal at /"))
	}
}

// servePage answers with the page, under a nonce of its own.
func (p *portal) servePage(w http.ResponseWriter, r *http.Request) {
	page := []byte(unbuilt)
	if p.Assets != nil {
		if built, err := fs.ReadFile(p.Assets, "index.html"); err == nil {
			page = built
		}
	}
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	nonce := base64.StdEncoding.EncodeToString(b[:])
	page = bytes.ReplaceAll(page, []byte(noncePlace), []byte(nonce))
	protect(w.Header())
	w.Header().Set("Content-Security-Policy", policy(nonce))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	give(w, r, page)
}

// media are the types of what a web build makes; what the machine calls them does
// not count.
var media = map[string]string{
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".ico": "image/x-icon",
	".woff2": "font/woff2", ".woff": "font/woff", ".txt": "text/plain; charset=utf-8", ".html": "text/html; charset=utf-8",
}

// serveFile answers with a file; false when there is none. The names of assets
// change with their content, so that they are good for ever.
func (p *portal) serveFile(w http.ResponseWriter, r *http.Request, name string, asset bool) bool {
	kind, known := media[path.Ext(name)]
	if p.Assets == nil || !known {
		return false
	}
	data, err := fs.ReadFile(p.Assets, name)
	if err != nil {
		return false
	}
	protect(w.Header())
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	if asset {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("Vary", "Accept-Encoding")
	for _, packed := range []struct{ coding, end string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if !takes(r, packed.coding) {
			continue
		}
		if smaller, err := fs.ReadFile(p.Assets, name+packed.end); err == nil {
			w.Header().Set("Content-Encoding", packed.coding)
			data = smaller
			break
		}
	}
	give(w, r, data)
	return true
}

// takes tells whether a client takes a content coding.
func takes(r *http.Request, coding string) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for one := range strings.SplitSeq(header, ",") {
			name, weight, _ := strings.Cut(one, ";")
			if !strings.EqualFold(strings.TrimSpace(name), coding) {
				continue
			}
			q, given := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			n, err := strconv.ParseFloat(q, 64)
			return !given || err == nil && n > 0
		}
	}
	return false
}

func give(w http.ResponseWriter, r *http.Request, data []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method != http.MethodHead {
		io.Copy(w, bytes.NewReader(data)) // the client has gone, if it fails
	}
}
