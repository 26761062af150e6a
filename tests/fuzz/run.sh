#!/usr/bin/env bash
# Fuzzes the comparer with the stable toolchain: tests/fuzz/run.sh [SECONDS, default 60]. Needs a C++ compiler for libFuzzer.
#
# Starts from the labelled pairs of tests/cases/diff and keeps what it learns in target/fuzz-corpus. An input that breaks a law
# is written to target/fuzz-findings and fails the run; replay it with tests/fuzz/run.sh FILE.
set -euo pipefail
cd "$(dirname "$0")/../.."

TARGET=${CARGO_TARGET_DIR:-target}
CORPUS=$TARGET/fuzz-corpus
FINDINGS=$TARGET/fuzz-findings
WHAT=${1:-60}

# Coverage for libFuzzer, as `cargo fuzz` asks for it but for the sanitizer, which needs nightly. The triple is named, so that
# build scripts and macros are built without it.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
TRIPLE=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --quiet --manifest-path tests/fuzz/Cargo.toml --target-dir "$TARGET/fuzz" --target "$TRIPLE"
PAIR=$TARGET/fuzz/$TRIPLE/release/pair

if [ -f "$WHAT" ]; then
    exec "$PAIR" "$WHAT"
fi
mkdir -p "$CORPUS" "$FINDINGS"
python3 tests/fuzz/seeds.py tests/cases/diff "$CORPUS"
"$PAIR" -max_total_time="$WHAT" -max_len=16384 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$FINDINGS/" "$CORPUS" 2>&1 | grep -vE '^(#[0-9]+[[:space:]]+(NEW|REDUCE|pulse)|".*# Uses:|######|INFO:)' | tail -40
exit "${PIPESTATUS[0]}"
