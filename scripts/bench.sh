#!/usr/bin/env bash
# The benchmarks. Both ends of everything run on this machine.
#
#   scripts/bench.sh [OPTION...]     clean path: bench/, whose options -h lists;
#                                    the programs in bin/ are measured as they are
#   scripts/bench.sh race [OPTION...]
#                                    uft and its peers over emulated bad links
#                                    (root); race -h lists the options
#   scripts/bench.sh micro           every Benchmark function, COUNT (6) times for
#                                    TIME (1s); to $NEW (bench-new.out). With
#                                    OLD=FILE of an earlier run both are compared
#   scripts/bench.sh smoke           whether the bench itself works, in seconds
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

benchstat='go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da'

# micro runs the micro-benchmarks of all packages that have some.
micro() {
  local new=${NEW:-bench-new.out} package folder packages=()
  while read -r package folder; do
    if grep -qs '^func Benchmark' "$folder"/*_test.go; then
      packages+=("$package")
    fi
  done < <(go list -f '{{.ImportPath}} {{.Dir}}' ./...)
  go test -run '^$' -bench "${BENCH:-.}" -benchmem -benchtime "${TIME:-1s}" -count "${COUNT:-6}" "${packages[@]}" | tee "$new"
  $benchstat ${OLD:+"$OLD"} "$new"
}

# clean builds the bench, which is a module of its own, and runs it.
clean() {
  built=$(mktemp -d "${TMPDIR:-/tmp}/uft-bench.XXXXXX")
  trap 'rm -rf "$built"' EXIT
  (cd bench && CGO_ENABLED=0 go build -trimpath -o "$built/bench" .)
  trap : INT TERM # the bench has them too, cleans up, and ends with an error
  "$built/bench" "$@"
}

case ${1:-} in
  micro) micro ;;
  smoke)
    (cd bench && go vet ./... && go test ./...)
    clean --size 16M --rounds 1 --only raw,pipe,uft
    ;;
  *) clean "$@" ;;
esac
