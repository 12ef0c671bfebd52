# Lateral: the targets a newcomer needs. `make help` lists them.
GO ?= go
BIN := bin/lateral

.PHONY: help build run test vet fuzz bench bench-duckdb clean

help: ## what there is to make
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/lateral
	$(GO) build -o $(BIN) ./cmd/lateral

run: build ## build and start the sandbox: four validators, two carriers, live calls; Ctrl-C ends it
	./$(BIN) sandbox

# Packages run one after the other: several start whole networks, and two of them
# at once on a small machine starve each other.
test: vet ## everything: formatting, vet, and all tests under the race detector
	$(GO) test -race -p 1 -timeout 40m ./...

vet:
	@unformatted=$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...)); \
	if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...

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

bench-duckdb: ## build bin/lateral-duckdb, the peer of "lateral bench compare --duckdb" (needs a C compiler)
	cd bench/duckdb && $(GO) build -buildvcs=false -o ../../bin/lateral-duckdb .

clean: ## remove what was built
	rm -rf bin
