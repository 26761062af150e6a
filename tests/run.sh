#!/usr/bin/env bash
# Everything that has to hold, in one command: installs what the tests need by package name, then formatting, lints, all
# tests, dependencies and scripts. Ends with 0 only if each section passed.
#
#   tests/run.sh            on a Debian-like machine with a Rust toolchain
#   MATAPALO_FUZZ_SECONDS=N fuzzes the comparer for N seconds instead of 60
#   PROPTEST_RNG_SEED=N     other cases of the properties: a run is repeatable, what is new is searched for by the fuzzer
#   MATAPALO_SKIP_DENY=1    leaves out building cargo-deny (minutes on a small machine) where it is not there
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

FAILED=()
STARTED=$(date +%s)

# section NAME COMMAND…: runs it, times it, remembers a failure, goes on.
section() {
    local name=$1 begun status
    shift
    begun=$(date +%s)
    printf '\n=== %s\n' "$name"
    "$@"
    status=$?
    if [ "$status" -eq 0 ]; then
        printf -- '--- %s: good (%s s)\n' "$name" "$(($(date +%s) - begun))"
    else
        printf -- '--- %s: FAILED with %s (%s s)\n' "$name" "$status" "$(($(date +%s) - begun))"
        FAILED+=("$name")
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

have() {
    command -v "$1" >/dev/null 2>&1
}

php_has() {
    have php && php -m | grep -qix "$1"
}

# Debian's own interpreter: another python3 may stand before it in PATH and know nothing of Debian's packages.
python_has() {
    /usr/bin/python3 -c "import $1" 2>/dev/null
}

# What is missing of what the build (cc, c++, cmake) and the tests (the demonstration site, the stacks of tests/corpus, the
# scripts' lint) need. Go is used where it is: its pairs are recorded, and it is too large to install for them.
missing_packages() {
    have cc || echo gcc libc6-dev
    have c++ || echo g++
    have cmake || echo cmake
    have make || echo make
    have curl || echo curl
    have openssl || echo openssl
    have sqlite3 || echo sqlite3
    have php || echo php-cli
    compgen -G '/usr/sbin/php-fpm*' >/dev/null || echo php-fpm
    php_has pdo_sqlite || echo php-sqlite3
    php_has mbstring || echo php-mbstring
    have nginx || [ -x /usr/sbin/nginx ] || echo nginx-light
    have python3 || echo python3
    [ -x /usr/bin/gunicorn ] || have gunicorn || echo gunicorn
    php_has intl || echo php-intl
    php_has dom || echo php-xml
    php_has gd || echo php-gd
    python_has flask || echo python3-flask
    python_has fastapi || echo python3-fastapi
    python_has multipart || echo python3-multipart
    python_has uvicorn || echo python3-uvicorn
    python_has django || echo python3-django
    python_has grpc || echo python3-grpcio
    python_has pip || echo python3-pip
    have node || echo nodejs
    have shellcheck || echo shellcheck
}

install_packages() {
    local packages
    mapfile -t packages < <(missing_packages | tr ' ' '\n')
    if [ ${#packages[@]} -eq 0 ]; then
        echo "all there"
        return 0
    fi
    echo "installing: ${packages[*]}"
    if ! have apt-get; then
        echo "this machine has no apt-get: install the above in its own way, then start again" >&2
        return 1
    fi
    # No service may start by itself: the tests start their own, on their own ports.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 sh -c '
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' sh "${packages[@]}" </dev/null
}

# OpenTelemetry's own reading of what the door exports. Debian has no package of it: it gets a folder beside what is built.
OPENTELEMETRY=opentelemetry-proto==1.45.2
install_schema() {
    local folder="${CARGO_TARGET_DIR:-target}/python"
    if [ -d "$folder/opentelemetry_proto-${OPENTELEMETRY#*==}.dist-info" ]; then
        echo "all there"
        return 0
    fi
    /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$folder" "$OPENTELEMETRY"
}

toolchain() {
    if ! have cargo; then
        echo "no cargo: install a Rust toolchain (rustup.rs), at least version $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)" >&2
        return 1
    fi
    rustc --version && cargo --version && cargo fmt --version && cargo clippy --version
}

# Licences, bans and sources need this clone only; advisories need the advisory database from its git host.
dependencies() {
    if ! have cargo-deny; then
        if [ -n "${MATAPALO_SKIP_DENY:-}" ]; then
            echo "NOT CHECKED: cargo-deny is not there, and MATAPALO_SKIP_DENY says not to build it"
            return 0
        fi
        echo "building cargo-deny"
        if ! cargo install cargo-deny --locked --quiet; then
            echo "NOT CHECKED: cargo-deny could not be built here"
            return 0
        fi
    fi
    cargo deny --locked check licenses bans sources || return 1
    if timeout 120 cargo deny fetch db >/dev/null 2>&1; then
        cargo deny --offline --locked check advisories
    else
        echo "NOT CHECKED: advisories. The advisory database (github.com/RustSec/advisory-db) cannot be reached from here"
    fi
}

scripts() {
    local found
    mapfile -t found < <(git ls-files -co --exclude-standard -- '*.sh' .ci/run)
    shellcheck "${found[@]}" && echo "${#found[@]} scripts"
}

section "packages" install_packages
section "schema" install_schema
section "toolchain" toolchain
if [ ${#FAILED[@]} -gt 0 ]; then
    echo "cannot go on without: ${FAILED[*]}" >&2
    exit 1
fi
section "formatting" cargo fmt --check
section "lints" cargo clippy --all-targets --locked --quiet -- -D warnings
section "tests" env MATAPALO_PAIRS=100000 PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-1859}" cargo test --locked --no-fail-fast
section "corpus" python3 tests/corpus/run.py check "${CARGO_TARGET_DIR:-target}/debug/matapalo"
section "fuzzing" tests/fuzz/run.sh "${MATAPALO_FUZZ_SECONDS:-60}"
section "scripts" scripts
section "dependencies" dependencies

printf '\n=== %s s in all\n' "$(($(date +%s) - STARTED))"
if [ ${#FAILED[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "${FAILED[*]}" >&2
    exit 1
fi
echo "everything holds"
