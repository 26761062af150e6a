#!/usr/bin/env bash
# The demo site's two stacks, without the door: legacy (PHP on php-fpm behind nginx) and new (Python under gunicorn).
#
#   origins.sh start DIR LEGACY_PORT NEW_PORT    seeds DIR/archive.db if there is none, starts both, returns when both answer
#   origins.sh bugs DIR all|none|ID,ID…          new's workers are replaced, without a failed request, by ones with these bugs
#   origins.sh stop DIR                          stops both, returns when they are gone; DIR stays
#
# Everything they write is below DIR. DEMO_BUGS (default: all) says which of the seeded bugs (BUGS.md) new starts with;
# DEMO_PYTHON names the interpreter, if it should not be the first one that knows gunicorn.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # where Debian keeps nginx and php-fpm, not in every user's PATH

START_SECONDS=20 # longest wait for a stack's first answer
STOP_SECONDS=10  # longest wait for a process that was asked to go
SOCKET_PATH_MAX=107 # bytes: what Linux allows a unix socket's path

fail() {
  printf 'origins.sh: %s\n' "$*" >&2
  exit 1
}

# ---- what runs ----

find_php_fpm() {
  local candidate
  for candidate in php-fpm8.2 php-fpm8.4 php-fpm8.3 php-fpm8.1 php-fpm; do
    command -v "$candidate" && return
  done
  fail "no php-fpm found; on Debian: apt-get install php-fpm php-sqlite3 php-mbstring"
}

# Another python3 may stand before Debian's in PATH and know nothing of Debian's gunicorn.
find_python() {
  local candidate
  for candidate in ${DEMO_PYTHON:-/usr/bin/python3 python3}; do
    if "$candidate" -c 'import gunicorn, sqlite3' 2>/dev/null; then
      command -v "$candidate" && return
    fi
  done
  fail "no python3 with gunicorn found; on Debian: apt-get install gunicorn"
}

PORT_IS_TAKEN=3 # exit status of the probe below; any other failure is its own

require_free() {
  local port=$1 status=0
  [[ $port =~ ^[0-9]{1,5}$ ]] || fail "want a port number, found $port"
  "$python" - "$port" "$PORT_IS_TAKEN" <<'PY' || status=$?
import socket, sys
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", int(sys.argv[1])))
    except OSError:
        sys.exit(int(sys.argv[2]))
PY
  case $status in
    0) ;;
    "$PORT_IS_TAKEN") fail "port $port of 127.0.0.1 is taken by another process; choose another one or stop that process (ss -ltnp 'sport = :$port')" ;;
    *) fail "could not find out whether port $port is free" ;;
  esac
}

# ---- configuration, all of it below $dir ----

write_php_fpm_config() {
  local pool_user="" # only a master that runs as root can and must say whose workers it wants
  if [ "$(id -u)" = 0 ]; then
    pool_user=$(printf 'user = %s\ngroup = %s' "$(id -un)" "$(id -gn)")
  fi
  cat >"$dir/php-fpm.conf" <<CONF
[global]
pid = $dir/php-fpm.pid
error_log = $dir/php-fpm.log
daemonize = yes

[archive]
$pool_user
listen = $dir/php-fpm.sock
listen.backlog = 1024
pm = static
pm.max_children = 4
env[DEMO_DB] = $dir/archive.db
catch_workers_output = yes
php_admin_flag[display_errors] = off
php_admin_flag[log_errors] = on
php_admin_value[error_log] = $dir/php-errors.log
php_admin_value[error_reporting] = 32767
CONF
}

write_nginx_config() {
  local nginx_user=""
  if [ "$(id -u)" = 0 ]; then
    nginx_user="user $(id -un) $(id -gn);"
  fi
  cat >"$dir/nginx.conf" <<CONF
$nginx_user
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/nginx-error.log warn;
events { worker_connections 1024; }
http {
  access_log $dir/nginx-access.log;
  client_body_temp_path $dir/tmp/body;
  fastcgi_temp_path $dir/tmp/fastcgi;
  proxy_temp_path $dir/tmp/proxy;
  scgi_temp_path $dir/tmp/scgi;
  uwsgi_temp_path $dir/tmp/uwsgi;
  types { text/css css; }
  default_type application/octet-stream;
  gzip on;
  gzip_vary on;
  gzip_proxied any;
  gzip_types text/css application/json application/rss+xml;
  server {
    listen 127.0.0.1:$legacy_port backlog=1024;
    root $here/legacy/html;
    location /css/ { }
    location / {
      fastcgi_pass unix:$dir/php-fpm.sock;
      fastcgi_param SCRIPT_FILENAME $here/legacy/html/index.php;
      fastcgi_param SCRIPT_NAME /index.php;
      fastcgi_param REQUEST_URI \$request_uri;
      fastcgi_param QUERY_STRING \$query_string;
      fastcgi_param REQUEST_METHOD \$request_method;
      fastcgi_param CONTENT_TYPE \$content_type;
      fastcgi_param CONTENT_LENGTH \$content_length;
      fastcgi_param SERVER_PROTOCOL \$server_protocol;
      fastcgi_param GATEWAY_INTERFACE CGI/1.1;
      fastcgi_param REMOTE_ADDR \$remote_addr;
      fastcgi_param HTTP_PROXY "";
      fastcgi_param REDIRECT_STATUS 200;
    }
  }
}
CONF
}

write_gunicorn_config() {
  local bugs=$1 port=$2
  cat >"$dir/gunicorn.conf.py" <<CONF
bind = "127.0.0.1:$port"
backlog = 1024
workers = 2
worker_class = "sync"
chdir = "$here/new"
pidfile = "$dir/gunicorn.pid"
errorlog = "$dir/gunicorn.log"
daemon = True
proc_name = "archive in $dir"
raw_env = ["DEMO_DB=$dir/archive.db", "DEMO_BUGS=$bugs"]
CONF
}

# ---- starting ----

answers() { curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$1/healthz"; }

await_answer() {
  local name=$1 port=$2 log=$3 deadline=$((SECONDS + START_SECONDS))
  until answers "$port"; do
    if ((SECONDS >= deadline)); then
      tail -n 20 "$log" >&2 || true
      fail "$name did not answer http://127.0.0.1:$port/healthz within $START_SECONDS s; its log is $log"
    fi
    sleep 0.05
  done
}

start() {
  python=$(find_python)
  local php_fpm nginx may_run_as_root=()
  php_fpm=$(find_php_fpm)
  nginx=$(command -v nginx) || fail "no nginx found; on Debian: apt-get install nginx-light"
  "$python" "$here/new/archive/quirks.py" "$bugs" || fail "DEMO_BUGS is not understood"
  if ((${#dir} + 13 > SOCKET_PATH_MAX)); then
    fail "$dir is too long for a unix socket in it; choose a folder with a shorter path"
  fi
  running && fail "already running in $dir; first: $0 stop $dir"
  require_free "$legacy_port"
  require_free "$new_port"

  mkdir -p "$dir/tmp"
  [ -s "$dir/archive.db" ] || "$python" "$here/seed.py" "$dir/archive.db"
  write_php_fpm_config
  write_nginx_config
  write_gunicorn_config "$bugs" "$new_port"

  if [ "$(id -u)" = 0 ]; then may_run_as_root=(--allow-to-run-as-root); fi
  # What started must not stay when something after it fails.
  trap 'stop >&2' EXIT
  "$php_fpm" "${may_run_as_root[@]}" -d expose_php=1 --fpm-config "$dir/php-fpm.conf" >"$dir/php-fpm.start" 2>&1 ||
    fail "php-fpm did not start: $(cat "$dir/php-fpm.start")"
  "$nginx" -p "$dir" -e "$dir/nginx-error.log" -c "$dir/nginx.conf" >"$dir/nginx.start" 2>&1 </dev/null ||
    fail "nginx did not start: $(cat "$dir/nginx.start")"
  env -u GUNICORN_CMD_ARGS "$python" -m gunicorn --config "$dir/gunicorn.conf.py" archive.app:application >"$dir/gunicorn.start" 2>&1 </dev/null ||
    fail "gunicorn did not start: $(cat "$dir/gunicorn.start")"
  await_answer legacy "$legacy_port" "$dir/nginx-error.log"
  await_answer new "$new_port" "$dir/gunicorn.log"
  trap - EXIT
}

# ---- stopping, and new workers ----

# The process of a pid file, if it is still ours: a pid may have been given to somebody else since.
pid_of() {
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -F -- "$dir" >/dev/null || return 1
  printf '%s' "$pid"
}

running() { pid_of gunicorn >/dev/null || pid_of nginx >/dev/null || pid_of php-fpm >/dev/null; }

gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

stop_one() {
  local name=$1 pid children child deadline=$((SECONDS + STOP_SECONDS))
  pid=$(pid_of "$name") || return 0
  children=$(children_of "$pid")
  kill -TERM "$pid" 2>/dev/null || true
  until gone "$pid"; do
    if ((SECONDS >= deadline)); then
      kill -KILL "$pid" 2>/dev/null || true
      for child in $children; do kill -KILL "$child" 2>/dev/null || true; done
    fi
    sleep 0.02
  done
  rm -f "$dir/$name.pid"
}

stop() {
  stop_one gunicorn
  stop_one nginx
  stop_one php-fpm
  rm -f "$dir/php-fpm.sock"
}

children_of() { cat "/proc/$1/task/$1/children" 2>/dev/null || true; }

any_left() {
  local child
  for child in "$@"; do gone "$child" || return 0; done
  return 1
}

change_bugs() {
  local master old port deadline=$((SECONDS + START_SECONDS))
  python=$(find_python)
  "$python" "$here/new/archive/quirks.py" "$bugs" || fail "these bugs are not known"
  master=$(pid_of gunicorn) || fail "new does not run in $dir"
  port=$(sed -n 's/^bind = "127.0.0.1:\([0-9]*\)"$/\1/p' "$dir/gunicorn.conf.py")
  old=$(children_of "$master")
  write_gunicorn_config "$bugs" "$port"
  kill -HUP "$master"
  # shellcheck disable=SC2086 # a list of pids
  while any_left $old; do
    ((SECONDS < deadline)) || fail "new's old workers did not leave within $START_SECONDS s; its log is $dir/gunicorn.log"
    sleep 0.02
  done
  await_answer new "$port" "$dir/gunicorn.log"
}

usage() {
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

[ $# -ge 2 ] || usage
command=$1
[ "$command" = start ] && mkdir -p "$2"
dir=$(cd "$2" 2>/dev/null && pwd) || fail "no such folder: $2"
case "$command:$#" in
  start:4)
    legacy_port=$3 new_port=$4 bugs=${DEMO_BUGS:-all}
    start
    ;;
  bugs:3)
    bugs=$3
    change_bugs
    ;;
  stop:2) stop ;;
  *) usage ;;
esac
