#!/usr/bin/env bash
# End to end: the programs against each other, through a network far worse than
# any in use. Each scenario moves a file, compares it byte by byte, and has to
# be through within the limit. Called by "make e2e", which builds the programs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
isolate

limit=${E2E_LIMIT:-60} # seconds for one transfer
size=$((20 * 1024 * 1024 + 77))
bad=(--loss 0.2 --duplicate 0.05 --reorder 0.05 --corrupt 0.02 --delay 30ms --jitter 20ms --seed 1)

mkdir "$work/served"
one=$work/one.bin two=$work/two.bin
head -c "$size" /dev/urandom >"$one"
head -c "$size" /dev/urandom >"$two"

# timed COMMAND... runs a command and holds it to the limit.
timed() {
  local began seconds
  began=$(milliseconds)
  run "$@"
  seconds=$((($(milliseconds) - began) / 1000))
  [ "$seconds" -lt "$limit" ] || fail "it took $seconds s, the limit is $limit s"
}

# wants STATUS COMMAND... runs a command that has to end with a status.
wants() {
  local want=$1 status=0
  shift
  run "$@" || status=$?
  [ "$status" -eq "$want" ] || fail "the status is $status, it should be $want"
}

say "uft there and back through the bad network"
start server "$bin/uft" -a -s -p 0 -d "$work/served"
server=$pid direct=$port
start medium "$bin/medium" --listen 127.0.0.1:0 --to "127.0.0.1:$direct" "${bad[@]}"
medium=$pid bad_port=$port
timed "$bin/uft" 127.0.0.1 -p "$bad_port" -t "$one"
same "$one" "$work/served/one.bin"
timed "$bin/uft" 127.0.0.1 -p "$bad_port" -r one.bin -o "$work/one.back"
same "$one" "$work/one.back"

say "What is missing, refused or has no answer has a status of its own"
wants 3 "$bin/uft" 127.0.0.1 -p "$direct" -t "$work/no-such-file"
wants 3 "$bin/uft" 127.0.0.1 -p "$direct" -r no-such-file -o "$work/nothing"
cp "$two" "$work/other.bin"
wants 0 "$bin/uft" 127.0.0.1 -p "$direct" -t "$work/other.bin"
cp "$one" "$work/other.bin"
wants 4 "$bin/uft" 127.0.0.1 -p "$direct" -t "$work/other.bin"
same "$two" "$work/served/other.bin"
wants 5 "$bin/uft" 127.0.0.1 -p "$direct" -t "$one" -l 1.0 --timeout 2s
stop medium "$medium"
stop server "$server"

say "uft that drops 30 % of what it sends, on both sides of a clean network"
start lossy "$bin/uft" -a -s -p 0 -d "$work/served" -l 0.3
lossy=$pid
timed "$bin/uft" 127.0.0.1 -p "$port" -l 0.3 -t "$two"
same "$two" "$work/served/two.bin"
timed "$bin/uft" 127.0.0.1 -p "$port" -l 0.3 -r two.bin -o "$work/two.back"
same "$two" "$work/two.back"
stop lossy "$lossy"

say "serveur and client, both ways at once through the bad network"
# serveur is told its port, so one is borrowed from the system first.
start borrowed "$bin/medium" --listen 127.0.0.1:0 --to 127.0.0.1:9
own=$port
kill -TERM "$pid"
wait "$pid" || true
"$bin/serveur" "$one" "$work/from-client" "$own" >"$work/serveur.log" 2>&1 </dev/null &
serveur=$!
pids+=("$serveur")
start relay "$bin/medium" --listen 127.0.0.1:0 --to "127.0.0.1:$own" "${bad[@]}"
relay=$pid
timed "$bin/client" "$two" "$work/from-serveur" 127.0.0.1 "$port"
wait "$serveur" || fail "serveur ended with an error"
same "$two" "$work/from-client"
same "$one" "$work/from-serveur"
stop relay "$relay"

say "All scenarios passed."
