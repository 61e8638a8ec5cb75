# wefka. `make help` explains each target.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
DATE    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

# The race detector needs a C compiler; without one the tests run all the same.
RACE := $(shell command -v gcc >/dev/null 2>&1 && echo -race)

.PHONY: help build quickstart test lint fuzz bench bench-server bench-hosts bench-growth peers ordeal dist clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the static binary ./wefka, stamped with version, commit and date
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o wefka ./cmd/wefka

quickstart: build ## see it work: simulated Windows hosts → collector → demo broker → your terminal; Ctrl-C ends
	./wefka quickstart $(ARGS)

test: peers ## everything, with real Apache Kafka; fetches what it needs; RUN=Name for a part
	go test $(RACE) -timeout 20m $(if $(RUN),-run $(RUN)) ./...

lint: ## gofmt, go vet, staticcheck, govulncheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	sh .ci/govulncheck

fuzz: ## every fuzz target for FUZZTIME (30s each)
	sh .ci/fuzz $(or $(FUZZTIME),30s)

bench: ## benchmarks of the hot path: ns, bytes and allocations an event
	go test -run '^$$' -bench . -benchmem $(BENCHFLAGS) ./events ./wsman/... ./output/... ./subscriptions ./simulator

bench-server: ## the whole program on real Kafka: CPU an event, latency, memory; RUN=tls/sldc/json/160 for a part, ARGS="-broker null -events 1000000"
	go test -run '^$$' -bench 'Server/$(RUN)' -benchtime 1x -timeout 60m ./internal/bench $(ARGS)
	@cat build/bench/server.md; echo "the table and profiles of each row: build/bench"

bench-hosts: ## memory of idle hosts, and all of them back at once; ARGS="-crowd 20000"
	go test -run '^$$' -bench 'Hosts/$(RUN)' -benchtime 1x -timeout 60m ./internal/bench -broker null $(ARGS)
	@cat build/bench/hosts.md

bench-growth: ## CPU an event with 1 to 10,000 hosts, and memory while a backlog drains
	go test -run '^$$' -bench 'Growth|Backlog' -benchtime 1x -timeout 60m ./internal/bench -broker null $(ARGS)
	@cat build/bench/growth.md build/bench/backlog.md

peers: ## what the tests need beside Go: Java and Maven for Apache Kafka, MIT krb5, Samba, python3-gssapi
	sh .ci/peers

ordeal: peers ## real Kafka, two collectors and hosts under FOR=30m of faults; SEED=n plays one again; is anything acknowledged missing?
	WEFKA_ORDEAL_FOR=$(or $(FOR),30m) WEFKA_ORDEAL_SEED=$(SEED) go test -count=1 -timeout 0 -v -run 'TestOrdeal$$' ./internal/ordeal

dist: ## a release into dist/: archives, deb, rpm, apk, image, bills of materials, checksums; equal sources give equal files
	deploy/dist

clean: ## what the targets above left
	rm -rf wefka build dist
