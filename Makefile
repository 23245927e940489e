# What can be done with this repository. It needs Go, make, git and bash; the
# linters are fetched by Go at the versions pinned here.

GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The platforms that every change has to compile for.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 \
             windows/amd64 windows/arm64 freebsd/amd64 freebsd/arm64

.PHONY: demo test build lint cross unit fuzz e2e clean help
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

# The tests of the other systems are type-checked too (go vet), where the
# files differ between systems; the processor makes no difference to them.
cross: ## compile for every platform
	@for platform in $(PLATFORMS); do \
	  export CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/}; \
	  echo "go build ./... for $$platform"; go build ./... || exit 1; \
	  if [ "$$GOARCH" = amd64 ] && [ "$$GOOS" != linux ]; then go vet ./... || exit 1; fi; \
	done

# The race detector needs a C compiler. Whether it works is tried on a package
# of the standard library, so that nothing of ours can pass for its absence.
unit: ## every Go test, shuffled, under the race detector
	@race=-race; \
	if ! go test -race -vet=off -run '^$$' errors >/dev/null 2>&1; then \
	  race=; export CGO_ENABLED=0; echo "NOTE: WITHOUT THE RACE DETECTOR: it does not build here (is there a C compiler?)"; \
	fi; \
	echo "go test$${race:+ $$race} -shuffle=on ./..."; \
	go test $$race -shuffle=on -timeout 5m ./...

fuzz: ## every fuzz target for a few seconds
	@bash scripts/fuzz.sh

e2e: build ## the programs against each other through a very bad network
	@bash scripts/e2e.sh

clean: ## remove the programs
	rm -rf bin

help: ## this list
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/make \1: \2/p' Makefile
