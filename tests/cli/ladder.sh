#!/bin/bash
# The table of tests/run_ladder.sh, of tests made up here: claims that hold and that fail, one that was not looked at, tests that
# break without a word; its exit codes and its 80 columns; claims of scripts.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
unset DSMPI_LADDER # the claims made here are not those of the ladder
mkdir build
ln -s "$DSMPI" build/dsmpi

# made_up NAME LEVEL COMMANDS: a test of the ladder, in bash
made_up() {
  printf '. "%s/tests/e2e/common.sh"\n%s\n' "$DSMPI_SOURCE" "$3" >"build/$1.sh"
  printf 'add_test(%s bash "%s/build/%s.sh")\nset_tests_properties(%s PROPERTIES LABELS "e2e;ladder%s" SKIP_RETURN_CODE 77)\n' \
    "$1" "$work" "$1" "$1" "$2" >>build/CTestTestfile.cmake
}
# table CODE ARGUMENT...: run_ladder.sh ends with CODE
table() {
  local expected=$1
  shift
  code=0
  BUILD=$work/build timeout -k 5 "$limit" "$DSMPI_SOURCE/tests/run_ladder.sh" "$@" >said 2>table.errors </dev/null || code=$?
  [ "$code" -eq "$expected" ] || fail "exit $expected expected, $code received: run_ladder.sh $*: $(cat table.errors)"
  if awk 'length > 80' said | grep .; then fail "a line is longer than 80 columns"; fi
}
expect_line() { grep -qE "$1" said || fail "a line like this expected: $1"; } # REGULAR EXPRESSION

made_up good 1 'claim 1 "a figure below its bound" 0.25 "<=" 0.5; claim 1 "one above" 1e3 ">=" -2'
made_up absent 4 'cannot_claim 4 "what needs data" "no data; install them"; skip "no data"'
table 0 -o copy
expect_line '^level 1: a linear network$'
expect_line '^  a figure below its bound +0\.25  <= 0\.5 +ok$'
expect_line '^  what needs data +- +skipped$'
expect_line '^skipped: no data; install them$'
expect_line '^2 of 2 claims hold, 1 skipped$'
cmp said copy || fail "-o writes something else"
passed "claims that hold, one skipped"

made_up bad 2 'claim 2 "a figure above its bound" 0.51 "<=" 0.5; claim 2 "never reached" 1 "<=" 2'
made_up odd 2 'claim 2 "not a number" nan "<=" 0.5'
made_up mute 3 'exit 3'
table 1
expect_line '^  a figure above its bound +0\.51  <= 0\.5 +FAILED$'
expect_line '^  not a number +nan  <= 0\.5 +FAILED$'
expect_line '^  the test mute as a whole +-  passed +FAILED$'
expect_line '^2 of 7 claims hold, 1 skipped$' # bad and odd failed as tests, too
table 0 --level 1
expect_line '^2 of 2 claims hold$'
table 1 --level 3
table 1 --level 0 # where nothing is measured nothing is shown
passed "claims that fail, tests that break"

table 64 --level 5
table 64 --levels
table 64 -o
table 0 --help
expect_line '^usage: tests/run_ladder.sh'
passed "its options"
