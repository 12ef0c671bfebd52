# Lateral: the targets a newcomer needs. `make help` lists them.
GO ?= go
BIN := bin/lateral

NPM ?= npm

.PHONY: help build portal run test test-go test-web test-pages bench-pages screenshots chromium test-long vet fuzz bench bench-duckdb clean

help: ## what there is to make
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: portal ## build bin/lateral with the portal in it
	$(GO) build -o $(BIN) ./cmd/lateral

# The portal's types are those of the API's own document, which the program prints.
WEB_SOURCES = $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/test-results/*' -not -path 'web/screenshots/*')
API_SOURCES = $(shell find api/native -name '*.go' -not -name '*_test.go')

portal: portal/dist/index.html ## build the portal's pages into portal/dist

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && $(NPM) ci --ignore-scripts --no-progress

web/openapi.json: $(API_SOURCES)
	$(GO) run ./cmd/lateral openapi --own --out $@

web/src/api/schema.d.ts: web/openapi.json web/node_modules/.package-lock.json
	cd web && $(NPM) run -s types
	@touch $@

portal/dist/index.html: $(WEB_SOURCES) web/src/api/schema.d.ts
	cd web && $(NPM) run -s build

run: build ## build and start the sandbox: four validators, seven carriers, live calls; Ctrl-C ends it
	./$(BIN) sandbox

# Packages that start whole networks (all whose tests hold the engine) are tested one
# after the other: two at once on a small machine starve each other. Of the others
# two are at a time.
NETWORKS = $$($(GO) list -test -f '{{if .ForTest}}{{.ForTest}} {{.Deps}}{{end}}' ./... | awk '/\/ledger\/comet[] ]/ {print $$1}' | sort -u)
OTHERS = $$($(GO) list ./... | grep -vxF "$(NETWORKS)")
# vet goes before, with the same race detector: what it compiles is what the tests
# link, and it need not run again. A program under the race detector sleeps a second
# before it ends, for what goroutines that are left may still do; GORACE makes that a tenth.
test-go: export GORACE = atexit_sleep_ms=100
test: test-web test-go test-pages ## everything: the portal's tests; formatting, vet, and all tests of Go under the race detector; the portal's stories in a browser

test-web: portal ## the portal's own tests
	cd web && $(NPM) test -s

# Stories in a browser run against a sandbox of their own, after everything else: no
# other test starves them.
test-pages: build chromium ## the portal's stories in Debian's Chromium, against a real sandbox
	cd web && CHROMIUM=$(CHROMIUM) npx playwright test --grep-invert '@screenshots|@speed'

screenshots: build chromium ## pictures of every page: light and dark, desktop and telephone, into web/screenshots
	cd web && CHROMIUM=$(CHROMIUM) npx playwright test --grep @screenshots

bench-pages: build chromium ## how fast pages are on the sandbox with a million calls loaded
	cd web && CHROMIUM=$(CHROMIUM) npx playwright test --grep @speed

CHROMIUM ?= /usr/bin/chromium
chromium:
	@if [ -x "$(CHROMIUM)" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0; \
	fi; \
	echo "Chromium is missing: install Debian's package chromium, or name the program: make test-pages CHROMIUM=/path/to/it" >&2; exit 1

test-go: vet
	@failed=0; \
	$(GO) test -race -vet=off -p 2 -timeout 40m $(OTHERS) || failed=1; \
	$(GO) test -race -vet=off -p 1 -timeout 40m $(NETWORKS) || failed=1; \
	exit $$failed

test-long: ## as test, and what takes too long for every run in full: each byte of a proof, more traffic
	LATERAL_TEST_LONG=1 $(MAKE) test

vet:
	@unformatted=$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...)); \
	if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet -race ./...

FUZZTIME ?= 20s
fuzz: ## run every fuzz target for FUZZTIME (20s) each
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

bench: build ## the measures of docs/benchmarks.md
	./$(BIN) bench ledger
	./$(BIN) bench rating
	./$(BIN) bench voice
	./$(BIN) bench voice --calls 100000 --period 15s
	./$(BIN) bench compare
	./$(BIN) bench sonata
	./$(BIN) bench compare --cycle
	./$(BIN) bench mesh
	./$(BIN) bench compression
	./$(BIN) bench money --seconds 30 --obligations 100000

bench-duckdb: ## build bin/lateral-duckdb, the peer of "lateral bench compare --duckdb" (needs a C compiler)
	cd bench/duckdb && $(GO) build -buildvcs=false -o ../../bin/lateral-duckdb .

clean: ## remove what was built
	rm -rf bin web/openapi.json web/src/api/schema.d.ts web/test-results web/screenshots
	find portal/dist -mindepth 1 -not -name .keep -delete
