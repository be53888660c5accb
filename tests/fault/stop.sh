#!/bin/bash
# A run that is asked to stop stops on all ranks after the same step, with a checkpoint, exit code 75; the same command goes
# on, and what comes out is what an unbroken run gives: parameters, moments, averages, loss log.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
limit=240 # the whole run under sanitizers, on a busy machine
# long enough to be met in the middle, STOP being looked for once a second; stops fall between two checkpoints and two log lines
steps=3000
train=(train mlp.yaml "train.steps=$steps" train.checkpoint_every=700 train.log_every=30
  model.width=64 train.batch=640 train.micro_batch=64)

signal_to_rank_1() { # once the run is on its way
  wait_for 30 "a line of the loss log" more_lines_than "$1"
  kill -USR1 "$(cat ranks/1.pid)"
  wait_job
}
more_lines_than() { [ -e run/metrics.jsonl ] && [ "$(wc -l <run/metrics.jsonl)" -gt "$1" ]; }

stopped() { # TEXT: the last job ended as asked, and said so
  expect_words "dsmpi: stopped at step" "$1" "exit status 75 is expected"
  if grep -q 'dsmpi: error' said; then fail "a stop on request is told as an error"; fi
  local step file
  step=$(sed -n 's/^dsmpi: stopped at step \([0-9]*\) of .*/\1/p' said)
  file=$(newest run)
  [ "$file" = "$(printf 'run/checkpoints/step-%08d.h5' "$step")" ] ||
    fail "stopped at step $step, but the newest checkpoint is $file"
  [ "$step" -lt $steps ] || fail "the run was over before it was asked to stop"
}

a_signal_to_one_rank_stops_all() {
  # mpirun ends all ranks when the first has left with 75, and some of them would die of that signal, after their end
  OMPI_MCA_orte_abort_on_non_zero_status=0 start_ranks 3 "${train[@]}" -o run
  signal_to_rank_1 0
  stopped "(SIGUSR1)"
  for rank in 0 1 2; do
    [ "$(cat "ranks/$rank.code")" -eq 75 ] || fail "rank $rank: exit 75 expected, $(cat "ranks/$rank.code") received"
  done
  passed "SIGUSR1 to one of 3 ranks: all of them exit 75 after the same step"
}

a_signal_to_one_rank_ends_the_job_with_75() {
  start_ranks 2 "${train[@]}" -o run
  signal_to_rank_1 "$(wc -l <run/metrics.jsonl)"
  [ "$code" -eq 75 ] || fail "exit 75 expected of mpirun, $code received"
  stopped "(SIGUSR1)"
  passed "SIGUSR1 to one of 2 ranks: the job exits 75"
}

so_does_sigterm() {
  OMPI_MCA_orte_abort_on_non_zero_status=0 start_ranks 2 "${train[@]}" -o run
  wait_for 30 "a line of the loss log" more_lines_than "$(wc -l <run/metrics.jsonl)"
  kill -TERM "$(cat ranks/1.pid)"
  wait_job
  stopped "(SIGTERM)"
  for rank in 0 1; do
    [ "$(cat "ranks/$rank.code")" -eq 75 ] || fail "rank $rank: exit 75 expected, $(cat "ranks/$rank.code") received"
  done
  passed "SIGTERM to one of 2 ranks: both exit 75 after the same step"
}

the_time_limit_stops() {
  expect 75 2 "${train[@]}" -o run --maxh 0.0001
  stopped "(time limit)"
  passed "--maxh: exit 75"
}

a_file_stops() {
  start_ranks 2 "${train[@]}" -o run
  wait_for 30 "the run to go on" grep -q "^resume" said # what an earlier life left would be gone by then
  touch run/STOP
  wait_job
  [ "$code" -eq 75 ] || fail "exit 75 expected, $code received"
  stopped "(STOP file)"
  passed "run/STOP: exit 75"
}

a_signal_to_one_rank_stops_all
a_signal_to_one_rank_ends_the_job_with_75
so_does_sigterm
the_time_limit_stops
a_file_stops
expect 0 1 "${train[@]}" -o run
expect_words "removed run/STOP" "dsmpi: finished step $steps (target reached)"
expect 0 1 "${train[@]}" -o unbroken
expect_same_run unbroken run
passed "stopped five times, on 3, 2 and 1 ranks: as the unbroken run"
