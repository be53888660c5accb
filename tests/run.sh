#!/bin/bash
# Installs what is missing, builds from clean with warnings as errors, and runs all tests.
#   tests/run.sh             the release build
#   tests/run.sh --sanitize  the same under AddressSanitizer and UndefinedBehaviorSanitizer
set -eu
cd "$(dirname "$0")/.."
jobs/install-packages.sh build data test
# tests with a real queue start it as root; they are skipped by others, and where it cannot be had
[ "$(id -u)" -ne 0 ] || jobs/install-packages.sh slurm || echo "tests/run.sh: no Slurm: its tests will be skipped"
jobs/install-packages.sh browser || echo "tests/run.sh: no Chromium: pages are not looked at in a browser"
jobs/install-packages.sh python || echo "tests/run.sh: no scipy or scikit-learn: metrics are not compared with theirs"
jobs/install-packages.sh pytorch || echo "tests/run.sh: no PyTorch: checkpoints are not loaded into it"

build=build-tests options=()
case ${1:-} in
  "") ;;
  --sanitize) build=build-sanitize
              options=(-DCMAKE_BUILD_TYPE=RelWithDebInfo -DDSMPI_SANITIZE=address,undefined) ;;
  *) echo "tests/run.sh: unknown option '$1'; known: --sanitize" >&2; exit 64 ;;
esac
rm -rf "$build"
cmake -S . -B "$build" -DDSMPI_WERROR=ON "${options[@]}" >"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
cmake --build "$build" -j "$(nproc)" >>"$build.log" 2>&1 || { tail -n 40 "$build.log"; exit 1; }
rm -f "$build.log"
ctest --test-dir "$build" --output-on-failure -j "$(nproc)"
