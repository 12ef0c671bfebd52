# Lateral: the targets a newcomer needs. `make help` lists them.
GO ?= go
BIN := bin/lateral

.PHONY: help build run test test-long vet fuzz bench bench-duckdb clean

help: ## what there is to make
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/lateral
	$(GO) build -o $(BIN) ./cmd/lateral

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
test: export GORACE = atexit_sleep_ms=100
test: vet ## everything: formatting, vet, and all tests under the race detector
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
	rm -rf bin
