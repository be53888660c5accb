#!/bin/bash
# Sampling that is asked to stop finishes the blocks in hand, leaves with 75, and goes on to the same bytes; a slow rank is
# given fewer blocks, so that all ranks end together.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
expect 0 1 train mlp.yaml -o model
sample=(sample model -n 6000 sampler.block=4)
expect 0 1 "${sample[@]}" -o unbroken.h5

some_blocks() { [ "$("$DSMPI_HELPERS/blocks_done" "$1.partial" 2>/dev/null || echo 0)" -ge "$2" ]; }

stopped_by() { # SIGNAL RANK RANKS
  rm -f samples.h5
  # each rank is to leave by itself: mpirun ends all when the first has left with 75
  OMPI_MCA_orte_abort_on_non_zero_status=0 start_ranks "$3" "${sample[@]}" -o samples.h5
  wait_for 60 "some blocks" some_blocks samples.h5 20
  kill "-$1" "$(cat "ranks/$2.pid")"
  wait_job
  expect_words "blocks still missing (SIG$1)" "exit status 75 is expected"
  for ((rank = 0; rank < $3; rank++)); do
    [ "$(cat "ranks/$rank.code")" -eq 75 ] || fail "rank $rank: exit 75 expected, $(cat "ranks/$rank.code") received"
  done
  [ -e samples.h5.partial ] && [ ! -e samples.h5 ] || fail "an unfinished file should be called samples.h5.partial"
  expect 65 1 eval samples.h5.partial --reference unbroken.h5
  expect_words "'samples.h5.partial' is not finished: " " of its 1500 blocks are there" "the command that began it goes on with it"
  expect 0 2 "${sample[@]}" -o samples.h5
  expect_words "going on with an interrupted file"
  cmp unbroken.h5 samples.h5 || fail "what was drawn around SIG$1 differs from what is drawn at once"
  passed "SIG$1 to rank $2 of $3: all exit 75, and the same command ends with the same bytes"
}

# "1:30" and "4.5 s" in seconds
seconds() { awk -F: '{t = 0; for (i = 1; i <= NF; i++) t = 60 * t + $i; print t}' <<<"${1% s}"; }

all_end_together() { # RANKS SLOW
  local line longest spread
  rm -f slow.h5
  DSMPI_FAULT=$2:1:slow expect 0 "$1" sample model -n 2400 sampler.block=4 -o slow.h5 sampler.steps=20
  line=$(grep '^blocks ' said) || fail "no line about the blocks"
  longest=$(seconds "$(sed 's/.*took up to \([^;]*\);.*/\1/' <<<"$line")")
  spread=$(seconds "$(sed 's/.*ended within //' <<<"$line")")
  # half a second for a machine with more ranks than cores
  awk "BEGIN {exit !($spread <= $longest + 0.5)}" || fail "rank $2 of $1 slowed: $line"
  [[ $line =~ ^blocks\ +([0-9]+)\ to\ ([0-9]+)\  ]] && [ "${BASH_REMATCH[1]}" -lt "${BASH_REMATCH[2]}" ] ||
    fail "the slow rank should have fewer blocks: $line"
  passed "rank $2 of $1 slowed: $line"
}

stopped_by USR1 1 3
stopped_by TERM 0 2
all_end_together 2 1
all_end_together 3 0
all_end_together 4 2
