#!/bin/bash
# Can the numbers be trusted? Measures the program against known answers, from closed forms to real data, and prints one table:
# what is claimed, the figure measured here and now, the bound that it keeps to.
set -eu
export LC_ALL=C
source=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$source/build} level="[0-4]" output="" columns=80

help() {
  cat <<'TXT'
usage: tests/run_ladder.sh [--level K] [-o FILE]

Measures dsmpi against known answers, each level a step nearer to real use:

  0  exact score injected: laws of samples, orders of convergence, likelihoods
  1  a linear network: score matching in all its forms, against closed forms
  2  a small network, laws of the plane: its score, its samples, the same bits
  3  a U-Net, random fields with a known spectrum: spectrum, nats/dim
  4  a U-Net, Fashion-MNIST: no exact answer, but floors made of the data, and
     a twin that PyTorch trains from the same start

Levels 3 and 4 train for minutes, not hours: a U-Net of 0.4 million
parameters, and the quickstart's model, whose distance from the data is held to
25 times that of training pictures. jobs/install-packages.sh pytorch installs
PyTorch; without it the twin is skipped.

Prints a table and ends with 1 if a claim fails. It needs a build with tests,
made in build/ (or the folder that the variable BUILD names) if there is none,
and about 18 minutes on 2 quiet cores: 1 for levels 0 to 2, 5 for level 3, 12
for level 4, half of them PyTorch's.

      --level K    that level only
  -o, --output FILE
                   write the table there too
  -h, --help       print this text

Figures in [errors] are distances from the closed form in standard errors of
the samples drawn; 4.5 is one in 100,000 by chance. The worst of all processes
and settings is shown; a bound above 4.5 has what the method itself is off.
TXT
}
usage() { echo "tests/run_ladder.sh: $*; see tests/run_ladder.sh --help" >&2; exit 64; }

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help; exit 0 ;;
    --level) level=${2-}; [[ $level =~ ^[0-4]$ ]] || usage "--level takes 0 to 4, received '$level'"; shift ;;
    -o | --output) output=${2-}; [ -n "$output" ] || usage "$1 takes a file"; shift ;;
    *) usage "unknown option '$1'; known: --level K, -o FILE" ;;
  esac
  shift
done

work=$(mktemp -d "${TMPDIR:-/tmp}/dsmpi-ladder.XXXXXX")
trap 'rm -rf "$work"' EXIT
say() { [ ! -t 2 ] || printf '%s\n' "$*" >&2; }

# ---- the build ----

if [ ! -e "$build/CTestTestfile.cmake" ] || [ ! -x "$build/dsmpi" ]; then
  say "building in $build"
  "$source/jobs/install-packages.sh" build data test >&2
  { cmake -S "$source" -B "$build" -DDSMPI_TESTS=ON && cmake --build "$build" -j "$(nproc)"; } >"$work/log" 2>&1 ||
    { tail -n 40 "$work/log" >&2; exit 70; }
fi

# ---- the claims: the tests of the level, each adding lines as it goes (ladder.h) ----

export DSMPI_LADDER=$work/claims
: >"$DSMPI_LADDER"
if [ -t 2 ]; then progress=/dev/stderr; else progress=/dev/null; fi
ctest --test-dir "$build" -C ladder -L "^ladder$level\$" --output-on-failure -O "$work/log" >"$progress" 2>&1 || true

# A test that failed before, after or beside its claims is a claim that failed: "12 - name (Failed)" in the log's end.
sed -nE 's/^[[:space:]]*[0-9]+ - ([a-z_0-9]+) \(([A-Za-z -]+)\).*/\1 \2/p' "$work/log" | while read -r test how; do
  case $how in Skipped | Disabled) continue ;; esac
  of=$(ctest --test-dir "$build" -C ladder -N -R "^$test\$" --show-only=json-v1 | grep -oE 'ladder[0-4]' | head -n 1)
  printf '%s\tthe test %s as a whole\t-\tpassed\tFAILED\n' "${of#ladder}" "$test"
done >"$work/broken"
cat "$work/broken" >>"$DSMPI_LADDER"

# ---- the table ----

table() {
  sort -s -t $'\t' -k 1,1n -k 2,2 "$DSMPI_LADDER" | awk -F '\t' -v columns=$columns '
    BEGIN {
      split("exact score injected|a linear network|a small network, laws of the plane|a U-Net, random fields|" \
            "a U-Net, Fashion-MNIST", name, "|")
      wide = columns - 31
      printf "%-" wide "s %9s  %-11s %s\n", "claim", "figure", "bound", "verdict"
    }
    $1 != level { level = $1; seen = 1; printf "level %d: %s\n", level, name[level + 1] }
    {
      bound = $4
      if ($5 == "skipped") { bound = ""; reason[++skipped] = $4 }
      printf "  %-" (wide - 2) "s %9s  %-11s %s\n", substr($2, 1, wide - 2), $3, bound, $5
      held += $5 == "ok"; failed += $5 == "FAILED"
    }
    END {
      for (i = 1; i <= skipped; i++) if (!told[reason[i]]++) print "skipped: " reason[i]
      printf "%d of %d claims hold", held, held + failed
      if (skipped) printf ", %d skipped", skipped
      print ""
      exit failed > 0 || held == 0
    }'
}
code=0
table >"$work/table" || code=1
cat "$work/table"
[ -z "$output" ] || cp "$work/table" "$output"
# what failed says why
if [ "$code" -ne 0 ] && [ -s "$work/log" ]; then
  grep -E '^(FAILED:|\[ *ERROR|\[  FAILED|.*standard errors)' "$work/log" | head -n 20 >&2 || true
fi
exit "$code"
