#!/usr/bin/env bash
# The demonstration: a real file crosses a bad network to a server and comes
# back, both times by uft, and both copies are compared with the original.
# Called by "make demo", which builds the programs first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

goroot=$(go env GOROOT)
. scripts/lib.sh
isolate

# The file: Go's own source as far as it goes, then random bytes, and an end that
# does not fill a block of 1024 bytes.
size=$((64 * 1024 * 1024 + 333))
file=$work/go-source.bin
(set +o pipefail; shopt -s globstar; cat "$goroot"/src/**/*.go 2>/dev/null | head -c $((size - 1024 * 1024)) >"$file")
head -c $((size - $(wc -c <"$file"))) /dev/urandom >>"$file"
[ "$(wc -c <"$file")" -eq "$size" ] || fail "the file to send has the wrong size"

say "A server that accepts files and serves them, and between it and us a network
that loses 5 %, delays 40 ms each way, reorders 2 % and damages 1 %:"
mkdir "$work/served" "$work/fetched"
start server "$bin/uft" -a -s -p 0 -d "$work/served"
server=$pid
start medium "$bin/medium" --listen 127.0.0.1:0 --to "127.0.0.1:$port" \
  --loss 0.05 --delay 40ms --reorder 0.02 --corrupt 0.01
medium=$pid

say "A file of $size bytes there:"
began=$(milliseconds)
run "$bin/uft" 127.0.0.1 -p "$port" -t "$file"
there=$(($(milliseconds) - began))
same "$file" "$work/served/${file##*/}"

say "And back:"
began=$(milliseconds)
run "$bin/uft" -r "${file##*/}" 127.0.0.1 -p "$port" -o "$work/fetched/copy"
back=$(($(milliseconds) - began))
same "$file" "$work/fetched/copy"

say "The other two, asked to end:"
stop medium "$medium"
stop server "$server"

# figures DIRECTION MILLISECONDS prints the time and the goodput of one way.
figures() {
  local tenths=$((size * 8 / 100 / ($2 > 0 ? $2 : 1)))
  printf '  %-6s %6d ms  %5d.%d Mbit/s of file\n' "$1" "$2" $((tenths / 10)) $((tenths % 10))
}
say "Both copies are identical to the original, $size bytes:"
figures there "$there"
figures back "$back"
