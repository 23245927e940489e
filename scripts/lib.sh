# For demo.sh: a folder of its own for a run, programs started in the background
# on ports that the system chose, and an end that leaves nothing behind. To be
# sourced by bash, from the root of the repository. Beyond bash only coreutils
# are used, which is what a small machine with Go, make and git may have.

bin=$PWD/bin
work=$(mktemp -d "${TMPDIR:-/tmp}/uft.XXXXXX")
pids=()

finish() {
  local status=$?
  trap - EXIT
  if [ "$status" -ne 0 ]; then
    tail -n 25 "$work"/*.log >&2 2>/dev/null || true
  fi
  exec 2>/dev/null # bash would report each program that is killed here
  for pid in ${pids[@]+"${pids[@]}"}; do
    kill -KILL "$pid" || true
  done
  wait || true
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# isolate keeps the keys and the known hosts of the run apart from the user's.
# Whatever asks Go something has to come before it.
isolate() {
  export HOME=$work/home
  export XDG_STATE_HOME=$HOME/state XDG_CONFIG_HOME=$HOME/config
  export XDG_DATA_HOME=$HOME/data XDG_CACHE_HOME=$HOME/cache
  mkdir -p "$HOME"
}

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

say() { printf '\n%s\n' "$*"; }

# run shows a command as a user would type it, and runs it.
run() {
  printf '$ %s\n' "${*//$bin\//}"
  "$@"
}

# milliseconds prints the time in milliseconds; whole seconds where bash is old.
milliseconds() {
  if [ -n "${EPOCHREALTIME:-}" ]; then
    local microseconds=${EPOCHREALTIME/[.,]/}
    echo $((microseconds / 1000))
  else
    echo $(($(date +%s) * 1000))
  fi
}

# start NAME COMMAND... runs a program in the background with its output in
# NAME.log, waits until it says where it listens, and leaves the port in $port
# and the process in $pid.
start() {
  local name=$1 log=$work/$1.log
  shift
  printf '$ %s &\n' "${*//$bin\//}"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  pids+=("$pid")
  local try
  for try in $(seq 200); do
    port=$(listening "$log")
    if [ -n "$port" ]; then
      return
    fi
    if ! kill -0 "$pid" 2>/dev/null; then
      fail "$name ended before it listened"
    fi
    sleep 0.05
  done
  fail "$name did not say within $try tries of 50 ms where it listens"
}

# listening prints the port of the first address, ADDRESS:PORT, that follows the
# word "listening" in a log.
listening() {
  if [[ $(<"$1") =~ [Ll]istening\ [a-z]+\ [^\ ,]*:([0-9]+) ]]; then
    echo "${BASH_REMATCH[1]}"
  fi
}

# stop NAME PID asks a program to end, shows what it said, and wants status 0.
stop() {
  local name=$1 log=$work/$1.log status=0 line
  kill -TERM "$2" 2>/dev/null || true
  wait "$2" || status=$?
  printf '%s said:\n' "$name"
  while IFS= read -r line; do printf '  %s\n' "$line"; done < <(tail -n 25 "$log")
  [ "$status" -eq 0 ] || fail "$name ended with status $status"
}

# same fails unless two files are identical. Without cmp (diffutils) their
# SHA-256 has to do.
same() {
  if command -v cmp >/dev/null; then
    cmp "$1" "$2" || fail "$2 differs from what was sent"
  else
    [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ] || fail "$2 differs from what was sent"
  fi
}
