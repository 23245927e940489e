#!/usr/bin/env bash
# A fuzz smoke: every fuzz target of the module runs for a few seconds, all of
# them together for a little over FUZZ_SECONDS. A target that finds something
# leaves the input in its testdata folder, where plain "go test" repeats it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

total=${FUZZ_SECONDS:-25} # for all targets together, compiling not counted
most=3000                 # milliseconds for one target

# "go test -list" prints the targets of a package, then "ok" and its name.
listed=$(go test -list '^Fuzz' ./...) || { printf '%s\n' "$listed" >&2; exit 1; }
targets=()
names=()
while read -r first second _; do
  case $first in
    Fuzz*) names+=("$first") ;;
    ok)
      for name in ${names[@]+"${names[@]}"}; do
        targets+=("$second $name")
      done
      names=()
      ;;
  esac
done <<<"$listed"
[ "${#targets[@]}" -gt 0 ] || { echo "fuzz: no fuzz target found" >&2; exit 1; }

each=$((total * 1000 / ${#targets[@]}))
[ "$each" -le "$most" ] || each=$most

# Without a limit Go spends up to a minute on making the first input shorter that
# reaches something new; where that is not the same every time, nothing else runs.
fuzz() { go test -run '^$' -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 0x "$1"; }

for target in "${targets[@]}"; do
  pkg=${target% *} name=${target#* }
  status=0
  out=$(fuzz "$pkg" "$name" "${each}ms" 2>&1) || status=$?
  # Up to Go 1.26 the end of the time itself can be reported as a failure
  # (golang/go#75804). A number of runs, instead of a time, has no such end.
  if [ "$status" -ne 0 ] && [[ $out == *'context deadline exceeded'* && $out != *'Failing input'* ]]; then
    status=0
    out=$(fuzz "$pkg" "$name" 2000x 2>&1) || status=$?
  fi
  if [ "$status" -ne 0 ]; then
    printf '%s\n' "$out" >&2
    echo "fuzz: $name in $pkg failed" >&2
    exit 1
  fi
  [[ $out =~ .*(execs:\ [0-9]+) ]] && execs=${BASH_REMATCH[1]} || execs= # the last of them
  printf 'ok  %s %s: %s\n' "$pkg" "$name" "$execs"
done
echo "fuzz: ${#targets[@]} targets, ${each} ms each, passed"
