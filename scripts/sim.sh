#!/usr/bin/env bash
# The matrix of links in the simulator: virtual time, no network, the same table
# on every machine.
#
#   scripts/sim.sh [OPTION...]     all scenarios; prints the table and writes it
#                                  to docs/measurements/links.md
#   scripts/sim.sh -only REGEXP    some scenarios; prints their table only
#
# What was missed is in the table and no failure: `go test ./internal/matrix`
# fails when a line is broken that is held.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

write=(-write docs/measurements/links.md)
for option in "$@"; do
  case $option in
    -only* | --only* | -seed* | --seed*) write=() ;;
  esac
done
exec go run ./internal/matrix/report ${write[@]+"${write[@]}"} "$@"
