#!/usr/bin/env bash
# The demo: a PHP site and its Python port behind matapalo, with traffic, and what the door found out about the port.
#
#   up.sh [--seconds N] [--once] [--no-build BIN]
#
#   --seconds N      traffic before the report, in seconds (default 30)
#   --once           print the report, stop everything and leave (exit 1 when something failed); else stay until Ctrl-C
#   --no-build BIN   use this matapalo instead of building one (about ten minutes on two cores); a debug build will do
#
# Environment: DEMO_PORT (8080), DEMO_ADMIN_PORT (9901), DEMO_LEGACY_PORT (8081), DEMO_NEW_PORT (8082): all on 127.0.0.1.
# DEMO_DIR: where everything is written (default: run/ beside this file; made anew on every start). DEMO_BUGS: see BUGS.md.
# DEMO_RATE: requests per second (60 before the report, a third of it after). CARGO_TARGET_DIR is respected.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # where Debian keeps nginx and php-fpm, not in every user's PATH

door_port=${DEMO_PORT:-8080} admin_port=${DEMO_ADMIN_PORT:-9901} legacy_port=${DEMO_LEGACY_PORT:-8081} new_port=${DEMO_NEW_PORT:-8082}
dir=${DEMO_DIR:-$here/run}
rate=${DEMO_RATE:-60}
seconds=30 once="" bin=""

READY_SECONDS=20 # longest wait for the door
STOP_SECONDS=40  # longest wait for the door to drain

say() { printf '%s\n' "$*"; }
fail() {
  printf '\nup.sh: %s\n' "$*" >&2
  exit 1
}
section() { printf '\n== %s\n' "$*"; }

while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?--seconds wants a number} && shift 2 ;;
    --once) once=yes && shift ;;
    --no-build) bin=${2:?--no-build wants the path of a matapalo} && shift 2 ;;
    -h | --help) sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) fail "unknown option $1; see up.sh --help" ;;
  esac
done
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "--seconds wants a whole number of 1 or more, found $seconds"

# ---- what it needs ----

php_fpm_is_there() { compgen -c php-fpm >/dev/null; }
php_knows() { php -m 2>/dev/null | grep -ix "$1" >/dev/null; } # not -q: php would meet a closed pipe
gunicorn_is_there() {
  local python
  for python in ${DEMO_PYTHON:-/usr/bin/python3 python3}; do
    "$python" -c 'import gunicorn' 2>/dev/null && return
  done
  return 1
}

missing_packages() {
  command -v php >/dev/null && php_fpm_is_there || echo php-fpm php-cli
  php_knows pdo_sqlite || echo php-sqlite3
  php_knows mbstring || echo php-mbstring
  command -v nginx >/dev/null || echo nginx-light
  command -v python3 >/dev/null || echo python3
  gunicorn_is_there || echo gunicorn
  command -v curl >/dev/null || echo curl
  command -v sqlite3 >/dev/null || echo sqlite3
  [ -n "$bin" ] && return
  command -v cmake >/dev/null || echo cmake
  command -v cc >/dev/null && command -v make >/dev/null || echo gcc libc6-dev make
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The packages bring services that would take port 80: they are installed, not started. The demo starts its own.
install_packages() {
  local policy=/usr/sbin/policy-rc.d
  command -v apt-get >/dev/null || fail "missing: $*; install what your system calls these, then run this again"
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "missing: $*; as root: apt-get install $*"
  say "installing: $*"
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
    undo_policy=$policy
  fi
  as_root apt-get update -qq || say "(the package lists could not be renewed; trying with those that are there)"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$dir/apt.log" 2>&1 ||
    fail "apt-get could not install $*; its log is $dir/apt.log"
  allow_services
}

allow_services() {
  [ -z "${undo_policy:-}" ] || as_root rm -f "$undo_policy"
  undo_policy=""
}

# ---- stopping: whatever happens, nothing is left behind ----

door_pid="" traffic_pid="" report_status=0

alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

# shellcheck disable=SC2317 # called by the trap
end() {
  local name=$1 pid=$2 deadline=$((SECONDS + STOP_SECONDS))
  alive "$pid" || return 0
  kill -TERM "$pid" 2>/dev/null || true
  while alive "$pid"; do
    if ((SECONDS >= deadline)); then
      say "$name did not stop within $STOP_SECONDS s and is killed"
      kill -KILL "$pid" 2>/dev/null || true
    fi
    sleep 0.05
  done
  wait "$pid" 2>/dev/null || true
}

# shellcheck disable=SC2317 # the trap
stop_everything() {
  local status=$?
  trap - EXIT
  trap '' INT TERM # a second Ctrl-C must not leave half of it running
  allow_services
  if [ -n "$door_pid$traffic_pid" ]; then section "Stopping"; fi
  end "the traffic" "$traffic_pid"
  end "the door" "$door_pid"
  if [ -e "$dir/gunicorn.conf.py" ]; then "$here/origins.sh" stop "$dir" || status=1; fi
  exit "$status"
}
trap stop_everything EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the steps ----

require_free() {
  local name=$1 port=$2
  # shellcheck disable=SC2016 # the shell that is started expands it
  if timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"' _ "$port" 2>/dev/null; then
    fail "port $port (for $name) is taken by another process; stop it (ss -ltnp 'sport = :$port' names it) or set $3 to a free port"
  fi
}

prepare() {
  section "1/5  What the demo needs"
  require_free "the door" "$door_port" DEMO_PORT
  require_free "the door's admin" "$admin_port" DEMO_ADMIN_PORT
  [ -z "$bin" ] || [ -x "$bin" ] || fail "$bin is not a program"
  [ -n "$bin" ] || command -v cargo >/dev/null || fail "no cargo found: install a Rust toolchain (https://rustup.rs), or name a built door with --no-build"
  if [ -d "$dir" ] && [ ! -e "$dir/.made-by-up.sh" ] && [ -n "$(ls -A "$dir")" ]; then
    fail "$dir holds something that is not the demo's; choose another DEMO_DIR"
  fi
  [ ! -e "$dir/gunicorn.conf.py" ] || "$here/origins.sh" stop "$dir" # of a run that was killed
  require_free "the PHP site" "$legacy_port" DEMO_LEGACY_PORT
  require_free "the Python site" "$new_port" DEMO_NEW_PORT
  rm -rf "$dir"
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  touch "$dir/.made-by-up.sh"
  local missing
  missing=$(missing_packages | tr '\n' ' ')
  # shellcheck disable=SC2086 # a list of packages
  if [ -n "${missing// /}" ]; then install_packages $missing; fi
  say "php-fpm, nginx, python3 with gunicorn, curl, sqlite3: there"
}

build() {
  section "2/5  The door"
  if [ -z "$bin" ]; then
    say "cargo build --release --locked (about ten minutes the first time, on two cores)"
    (cd "$root" && cargo build --release --locked) || fail "the build failed"
    bin=$(cd "$root" && cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/matapalo
  fi
  bin=$(cd "$(dirname "$bin")" && pwd)/$(basename "$bin")
  say "$("$bin" --version): $bin"
}

start_origins() {
  section "3/5  The two stacks"
  "$here/origins.sh" start "$dir" "$legacy_port" "$new_port" || fail "the two stacks did not start"
  say "legacy: PHP $(php -r 'echo PHP_VERSION;') on php-fpm behind nginx, http://127.0.0.1:$legacy_port"
  say "new:    Python under gunicorn on the same database, http://127.0.0.1:$new_port, bugs on purpose: ${DEMO_BUGS:-all}"
}

# Not another door that has taken the port since it was found free.
door_is_open() {
  local window=http://127.0.0.1:$admin_port
  curl --silent --fail --max-time 2 --output /dev/null "$window/readyz" &&
    curl --silent --fail --max-time 2 "$window/api/v1/status" | grep -E "\"pid\": *$door_pid\b" >/dev/null
}

start_door() {
  section "4/5  The door in front of them"
  config=$dir/matapalo.yaml
  sed -e "s/127\.0\.0\.1:8080/127.0.0.1:$door_port/" -e "s/127\.0\.0\.1:9901/127.0.0.1:$admin_port/" \
    -e "s/127\.0\.0\.1:8081/127.0.0.1:$legacy_port/" -e "s/127\.0\.0\.1:8082/127.0.0.1:$new_port/" \
    -e "s|path: matapalo\.db|path: $dir/matapalo.db|" "$here/matapalo.yaml" >"$config"
  "$bin" check -c "$config" || fail "the config was refused"
  "$bin" run -c "$config" >"$dir/door.log" 2>&1 &
  door_pid=$!
  local deadline=$((SECONDS + READY_SECONDS))
  until door_is_open; do
    if ! alive "$door_pid" || ((SECONDS >= deadline)); then
      tail -n 20 "$dir/door.log" >&2
      fail "the door is not ready; its log is $dir/door.log"
    fi
    sleep 0.05
  done
  say "open: http://127.0.0.1:$door_port (log: $dir/door.log)"
}

drive_traffic() {
  section "5/5  $seconds s of traffic: eight visitors, four of them with an account"
  python3 "$here/traffic.py" "http://127.0.0.1:$door_port" --seconds "$seconds" --rate "$rate" &
  traffic_pid=$!
  wait "$traffic_pid" || report_status=$?
  traffic_pid=""
  [ "$report_status" = 0 ] || say "Some requests failed: see above, and $dir/door.log"
}

report() {
  section "The report"
  await_comparisons
  "$bin" report -c "$config" || report_status=$?
  say "The bugs that are in the Python site on purpose: $here/BUGS.md. Each should stand above, under its own cause, and nothing else."
}

# The last copies are compared and stored after the users' answers: wait until the counts stand still.
await_comparisons() {
  local before="" now deadline=$((SECONDS + 10))
  while ((SECONDS < deadline)); do
    now=$("$bin" report -c "$config" --format json 2>/dev/null | cksum) || return 0
    [ "$now" != "$before" ] || return 0
    before=$now
    sleep 0.5
  done
}

explain() {
  cat <<TEXT

== What now

  The site             http://127.0.0.1:$door_port   (log in as alice, password alice-password)
  The door's window    http://127.0.0.1:$admin_port/metrics, /api/v1/status, /api/v1/report
  Its config           $config
  The bugs on purpose  $here/BUGS.md

  A little traffic keeps coming while this runs. In another terminal:

  Every route at a glance:
    $bin -c $config status

  The report again, or one route of it:
    $bin -c $config report
    $bin -c $config report package-page

  A route that is ready: flip it, by this command or by editing the word in the file; no request fails:
    $bin -c $config stage account new
    python3 $here/traffic.py http://127.0.0.1:$door_port --watch

  Who answers a request, and why:
    $bin -c $config explain GET http://127.0.0.1:$door_port/packages/ACE

  The new answer of the route that is at stage canary, whoever you are (Server: gunicorn):
    curl -si -H 'X-Stage: new' 'http://127.0.0.1:$door_port/rpc/?v=5&type=search&arg=font' | head -3

  Mend a bug in the Python site and watch its route's verdict turn (two minutes later, when the old answers no longer count):
    $here/origins.sh bugs $dir wrong-link,double-escape
    $bin -c $config gate statistics

  Everything back to legacy at once, and the file's word again:
    $bin -c $config rollback --all
    $bin -c $config resume --all

  Ctrl-C stops everything.
TEXT
}

# Until Ctrl-C, or until something ends that should not.
stay() {
  python3 "$here/traffic.py" "http://127.0.0.1:$door_port" --seconds 0 --rate "$((rate / 3 > 0 ? rate / 3 : 1))" --seed after >"$dir/traffic.log" 2>&1 &
  traffic_pid=$!
  wait -n "$door_pid" "$traffic_pid" || true
  alive "$door_pid" || fail "the door ended by itself; its log is $dir/door.log"
  fail "the traffic ended by itself; its log is $dir/traffic.log"
}

prepare
build
start_origins
start_door
drive_traffic
report
if [ -n "$once" ]; then exit "$report_status"; fi
explain
stay
