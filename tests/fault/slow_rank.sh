#!/bin/bash
# A rank that is stopped, for a while or for ever: it is named while the others wait for it; the run goes on when it comes
# back, to the same bits; when it does not, the job ends with exit 70 and leaves nobody behind. The patience of the watchdog is
# a sixth of its limit, and here short.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
limit=120
train=(train mlp.yaml train.steps=12 train.checkpoint_every=3 train.log_every=2)

is_stopped() { [ -e "ranks/$1.pid" ] && grep -q '^State:.T' "/proc/$(cat "ranks/$1.pid")/status"; }
said_so() { grep -qE -- "$1" said; }
drawn() { [ "$("$DSMPI_HELPERS/blocks_done" "$1.partial" 2>/dev/null || echo 0)" -ge "$2" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }
nobody_is_left() { # of 3 ranks
  local rank
  for rank in 0 1 2; do wait_for 20 "rank $rank to be gone" gone "$(cat "ranks/$rank.pid")"; done
}
# stop_rank R ARGUMENTS...: 3 ranks with steps of half a second, of which R stops in step 6; the job is in the background. Slow,
# so that the ranks have heard of each other before, and that the run is not over before it is said that the rank is back.
stop_rank() {
  DSMPI_FAULT="$1:6:stop,1:1:slow" start_ranks 3 "${@:2}"
  wait_for 60 "rank $1 to be stopped" is_stopped "$1"
}
resume_rank() { kill -CONT "$(cat "ranks/$1.pid")"; }

a_stopped_rank_is_named_and_comes_back() {
  stop_rank 2 "${train[@]}" -o stopped train.watchdog=24
  wait_for 60 "rank 2 to be named" said_so \
    'warning: step 6: 2 ranks wait since [0-9]+ s for rank 2 \(.+\), from which nothing has been heard for [0-9]+ s'
  resume_rank 2
  wait_job
  [ "$code" -eq 0 ] || fail "exit 0 expected, $code received"
  said_so "^rank 2 \($(hostname)\) is back after [0-9]+ s" || fail "it was not said that rank 2 is back"
  [ "$(grep -c 'wait since' said)" -eq 1 ] || fail "it was not said once that rank 2 is late"
  grep -q 'for rank 2 (' stopped/log.txt || fail "log.txt does not name rank 2"
  expect_same_run unbroken stopped
  passed "one of 3 ranks stopped: named with its host, back, the same bits"
}

so_is_rank_0() {
  stop_rank 0 "${train[@]}" -o judge train.watchdog=24
  wait_for 60 "rank 0 to be named" said_so 'rank 1 of 3: step 6: rank 0 \(.+\) has not answered for [0-9]+ s'
  resume_rank 0
  wait_job
  [ "$code" -eq 0 ] || fail "exit 0 expected, $code received"
  said_so '^dsmpi: warning: rank 0 \(.+\) itself was stopped for [0-9]+ s' || fail "rank 0 did not notice"
  if said_so 'wait since'; then fail "rank 0 blames others for its own sleep"; fi
  expect_same_run unbroken judge
  passed "rank 0 stopped: named by another, it notices itself, the same bits"
}

one_that_never_comes_back_ends_the_job() { # RANK WORDS: within the watchdog's time, and some for a busy machine
  local from=$SECONDS
  stop_rank "$1" "${train[@]}" -o "never$1" train.watchdog=6
  wait_job
  [ "$code" -eq 70 ] || fail "exit 70 expected, $code received"
  [ $((SECONDS - from)) -le 40 ] || fail "the job ended after $((SECONDS - from)) s"
  said_so "$2" || fail "words expected: $2"
  grep -qE "$2" "never$1/log.txt" || fail "log.txt does not say: $2"
  nobody_is_left
  expect 0 2 "${train[@]}" -o "never$1" train.watchdog=0 # the key may change
  expect_same_run unbroken "never$1"
  passed "rank $1 stopped for ever: exit 70 after $((SECONDS - from)) s, nobody is left, the run goes on"
}

a_rank_that_died_is_named_by_mpirun() {
  start_dead=(env DSMPI_FAULT=1:6:kill timeout -k 5 "$limit" "${mpirun[@]}" -np 3 "$DSMPI" "${train[@]}" -o dead)
  code=0
  "${start_dead[@]}" >said 2>&1 </dev/null || code=$?
  [ "$code" -eq 137 ] || fail "exit 137 expected, $code received"
  tr '\n' ' ' <said | grep -qE 'rank 1 with PID [0-9]+ on node .+ exited on signal 9 \(Killed\)' ||
    fail "rank, host and signal are not named"
  passed "a rank that died is named, with host and signal"
}

a_rank_stopped_while_sampling_is_named() {
  local sample=(sample unbroken -n 5000 sampler.block=4 train.watchdog=12)
  expect 0 1 "${sample[@]}" -o expected.h5
  start_ranks 3 "${sample[@]}" -o samples.h5
  wait_for 60 "the first blocks" drawn samples.h5 20
  kill -STOP "$(cat ranks/1.pid)"
  wait_for 60 "rank 1 to be named" said_so 'rank 1 \(.+\), from which nothing has been heard for [0-9]+ s \(last: block'
  resume_rank 1
  wait_job
  [ "$code" -eq 0 ] || fail "exit 0 expected, $code received"
  said_so '^rank 1 \(.+\) is back after' || fail "it was not said that rank 1 is back"
  cmp expected.h5 samples.h5 || fail "the samples are others"
  passed "a rank stopped while sampling: named, back, the same bytes"
}

expect 0 1 "${train[@]}" -o unbroken
a_stopped_rank_is_named_and_comes_back
so_is_rank_0
one_that_never_comes_back_ends_the_job 1 'error: nothing has moved for [0-9]+ s: step 6: 2 ranks wait since [0-9]+ s for rank 1 '
one_that_never_comes_back_ends_the_job 0 \
  'error: rank [12] of 3: step 6: nothing has moved for .* and rank 0 \(.+\) has not answered for [0-9]+ s'
a_rank_that_died_is_named_by_mpirun
a_rank_stopped_while_sampling_is_named
