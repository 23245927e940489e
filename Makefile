# What can be done with this repository. It needs Go, make, git and bash; the
# linters are fetched by Go at the versions pinned here.

GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The platforms that every change has to compile for: each system, with the
# processor that most of its machines have, and both of Linux. No file of ours
# is for one processor.
PLATFORMS := linux/amd64 linux/arm64 darwin/arm64 windows/amd64 freebsd/amd64

.PHONY: demo test build lint cross unit fuzz e2e sim bench bench-micro race clean help
.NOTPARALLEL:

demo: build ## move a real file both ways over a bad network, and compare
	@bash scripts/demo.sh

test: build lint cross unit fuzz e2e ## everything that has to hold before a change goes in
	@echo "make test: all of build, lint, cross, unit, fuzz and e2e passed"

build: ## the programs, one static binary each, in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

lint: ## gofumpt, go vet and staticcheck, pinned
	@echo "$(GOFUMPT) -l ."
	@files=$$($(GOFUMPT) -l .) || exit 1; \
	if [ -n "$$files" ]; then echo "gofumpt would change:"; echo "$$files"; exit 1; fi
	go vet ./...
	$(STATICCHECK) ./...
	@for script in scripts/*.sh .ci/run; do bash -n "$$script" || exit 1; done

# Whether it compiles does not depend on the optimiser, and without it an empty
# build cache is filled a third faster. The tests of the other systems are
# type-checked too (go vet). This machine's own platform is left to
# build and lint.
cross: ## compile for every platform
	@own=$$(go env GOHOSTOS)/$$(go env GOHOSTARCH); \
	for platform in $(PLATFORMS); do \
	  [ "$$platform" != "$$own" ] || continue; \
	  export CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/}; \
	  echo "go build ./... for $$platform"; go build -gcflags='all=-N -l' ./... || exit 1; \
	  if [ "$$GOOS" != linux ]; then go vet -gcflags='all=-N -l' ./... || exit 1; fi; \
	done

# The race detector needs a C compiler. Whether it works is tried on a package
# of the standard library, so that nothing of ours can pass for its absence.
# The end-to-end tests have a stage of their own: their programs are processes,
# into which the race detector of a test does not see.
unit: ## every Go test but those of e2e, shuffled, under the race detector
	@race=-race; \
	if ! go test -race -vet=off -run '^$$' errors >/dev/null 2>&1; then \
	  race=; export CGO_ENABLED=0; echo "NOTE: WITHOUT THE RACE DETECTOR: it does not build here (is there a C compiler?)"; \
	fi; \
	echo "go test$${race:+ $$race} -shuffle=on, every package but internal/e2e"; \
	packages=; for package in $$(go list ./...); do \
	  case $$package in */internal/e2e) ;; *) packages="$$packages $$package" ;; esac; \
	done; \
	go test $$race -shuffle=on -timeout 15m $$packages

fuzz: ## every fuzz target for a few seconds
	@bash scripts/fuzz.sh

# -count=1: what the programs do is not in the key of Go's test cache. The
# tests that wait for time limits run side by side, whatever the processors.
e2e: ## the built programs, through very bad networks and across network namespaces
	@left=; \
	if [ "$$(go env GOOS)" != linux ]; then left="this is not Linux"; \
	elif [ "$$(id -u)" -ne 0 ]; then left="no root"; \
	elif ! command -v ip >/dev/null; then left="no program ip (iproute2)"; fi; \
	[ -z "$$left" ] || echo "NOTE: WITHOUT NETWORK NAMESPACES ($$left): left out are the capture, the rate on the wire, and the command lines between two machines"; \
	echo "UFT_E2E=all go test ./internal/e2e"; \
	UFT_E2E=all go test -count=1 -parallel 8 -timeout 20m ./internal/e2e

clean: ## remove the programs
	rm -rf bin

sim: ## the matrix of simulated links as a table, in docs/measurements/links.md (OPTIONS=...)
	@bash scripts/sim.sh $(OPTIONS)

bench: build ## what this machine can, uft, and the peers, in one run (takes long; OPTIONS=...)
	@bash scripts/bench.sh --case all --write $(OPTIONS)

bench-micro: ## the micro-benchmarks, compared with those of OLD=FILE
	@bash scripts/bench.sh micro

race: build ## uft and its peers over emulated bad links (root; takes about an hour; OPTIONS=...)
	@bash scripts/bench.sh race --write $(OPTIONS)

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1: \2/p' Makefile
