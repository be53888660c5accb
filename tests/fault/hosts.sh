#!/bin/bash
# Three hosts and a network of 1 ms delay and limited bandwidth, on one machine: training gives the bits of one host; a cable that
# is gone for two seconds does not hurt; one that is gone for good ends the job on both sides, with the hosts named, and nobody
# is left. With the settings for TCP that dsmpi comes with.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
# shellcheck source-path=SCRIPTDIR
. "$DSMPI_SOURCE/tests/fault/virtual_hosts.sh"
undo() { hosts_down; }
hosts_possible
limit=150
small_mlp mlp.yaml
hosts_up 3
for host in "${hosts[@]}"; do cable "$host" delay=500 rate=200000; done
mpirun=("${hosts_mpirun[@]}")
# not by --mca: mpirun has read its own settings before it reads its command line
export OMPI_MCA_mca_base_param_files=$DSMPI_SOURCE/jobs/openmpi-tcp.conf
train=(train mlp.yaml model.width=64)

said_so() { grep -qE -- "$1" said; }
start_hosts() { # ARGUMENTS...: a rank on each host, in the background
  timeout -k 5 "$limit" "${mpirun[@]}" "$DSMPI" "$@" >said 2>&1 </dev/null &
  job=$!
}
more_lines_than() { [ -e "$2/metrics.jsonl" ] && [ "$(wc -l <"$2/metrics.jsonl")" -gt "$1" ]; }

three_hosts_are_as_one() {
  start_hosts "${train[@]}" -o three
  wait_job
  [ "$code" -eq 0 ] || fail "exit 0 expected, $code received"
  expect_words "3 ranks x 1 thread on 3 hosts" "overlap on"
  if said_so 'warning'; then fail "a warning where all is well"; fi
  expect_same_run one three
  passed "three hosts: the bits of one"
}

a_short_cut_heals() {
  # slow enough to be met in the middle: half a second a step
  DSMPI_FAULT=0:8:slow start_hosts "${train[@]}" -o cut train.steps=16 train.log_every=2
  wait_for 60 "a few steps" more_lines_than 3 cut
  cable h3 delay=500 rate=200000 cut
  sleep 2 # what is tested
  cable h3 delay=500 rate=200000
  wait_job
  [ "$code" -eq 0 ] || fail "exit 0 expected, $code received"
  expect_same_run short cut
  passed "a cable cut for 2 s: the run goes on, the same bits"
}

a_lasting_cut_ends_both_sides() { # mpirun notices it after 10 + 3 * 5 s
  local from
  DSMPI_FAULT=0:8:slow start_hosts "${train[@]}" -o lost train.steps=1000 train.log_every=2 train.watchdog=60
  wait_for 60 "a few steps" more_lines_than 4 lost
  cable h3 cut
  from=$SECONDS
  wait_job
  wait_for 30 "everything on the hosts to be gone" hosts_empty
  [ $((SECONDS - from)) -le 60 ] || fail "both sides have ended, but after $((SECONDS - from)) s"
  [ "$code" -ne 0 ] || fail "exit 0 of a job that was cut"
  said_so 'warning: step [0-9]+: 2 ranks wait since [0-9]+ s for rank 2 \(h3\), from which nothing has been heard for [0-9]+ s' ||
    fail "rank 2 was not named"
  grep -qE 'warning: rank 2 of 3: step [0-9]+: rank 0 \(h1\) has not answered for [0-9]+ s' lost/log.txt ||
    fail "the other side does not name rank 0: $(tail lost/log.txt)"
  expect_words "lost communication with a remote daemon" "on node h3"
  passed "a cable cut for good: both sides named the other and ended, exit $code, $((SECONDS - from)) s after the cut"
}

expect 0 1 "${train[@]}" -o one
expect 0 1 "${train[@]}" -o short train.steps=16 train.log_every=2
three_hosts_are_as_one
a_short_cut_heals
a_lasting_cut_ends_both_sides
