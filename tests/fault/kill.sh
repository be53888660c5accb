#!/bin/bash
# Killed without warning (a node lost): the same command goes on from the newest checkpoint, and the end is that of the
# unbroken run. The same for samples: what was drawn before the kill stays.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
train=(train mlp.yaml train.steps=4000 train.checkpoint_every=100 train.log_every=20)

killed() { # the last job did not end by itself, and left nobody behind
  [ "$code" -ne 0 ] || fail "the job was over before it was killed"
  for rank in 0 1 2; do
    if [ -e "ranks/$rank.pid" ] && kill -0 "$(cat "ranks/$rank.pid")" 2>/dev/null; then
      wait_for 10 "rank $rank to be gone" gone "$(cat "ranks/$rank.pid")"
    fi
  done
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# of_this_job_and_ahead OLD: there is a checkpoint newer than OLD, and the log has lines of steps that no checkpoint holds:
# those that a kill is to lose
of_this_job_and_ahead() {
  local now saved logged
  has_checkpoint run || return 1
  now=$(newest run)
  [ "$now" != "$1" ] || return 1
  logged=$(tail -n 1 run/metrics.jsonl | sed -n 's/^{"step": \([0-9]*\),.*/\1/p')
  saved=${now##*/step-}
  [ "${logged:-0}" -gt "$((10#${saved%.h5}))" ]
}

a_killed_training_goes_on_to_the_same_end() {
  expect 0 1 "${train[@]}" -o unbroken
  local before=none
  for victim in 1 0; do
    start_ranks 3 "${train[@]}" -o run
    wait_for 30 "log lines beyond a new checkpoint" of_this_job_and_ahead "$before"
    kill -KILL "$(cat "ranks/$victim.pid")"
    wait_job
    killed
    before=$(newest run)
    passed "rank $victim of 3 killed: the job ended with exit $code"
  done
  expect 0 2 "${train[@]}" -o run
  expect_words "resume " "dsmpi: finished step 4000"
  expect_same_run unbroken run
  if compgen -G "run/checkpoints/*tmp*" >/dev/null; then fail "temporary files are left: $(ls run/checkpoints)"; fi
  passed "killed twice, gone on with: as the unbroken run"
}

drawn() { [ "$(h5_blocks "$1.partial")" -ge "$2" ]; }
h5_blocks() { "$DSMPI_HELPERS/blocks_done" "$1" 2>/dev/null || echo 0; }

killed_results_go_on_to_the_same_bytes() { # FILE ARGUMENTS...
  local file=$1 job_words=("${@:2}" -o "$1" sampler.block=4)
  start_ranks 2 "${job_words[@]}"
  wait_for 30 "some blocks" drawn "$file" 20
  kill -KILL "$(cat ranks/1.pid)"
  wait_job
  killed
  [ ! -e "$file" ] || fail "an unfinished file has the name of a finished one"
  expect 0 3 "${job_words[@]}"
  expect_words "going on with an interrupted file"
  [ ! -e "$file.partial" ] || fail "$file.partial is left"
  mv "$file" killed.h5
  expect 0 1 "${job_words[@]}"
  cmp "$file" killed.h5 || fail "$2: what was made around a kill differs from what is made at once"
  passed "$2 killed on 2 ranks, finished on 3: byte for byte as on 1"
}

# What is left of one request is not taken for another: other labels, from the same words, begin anew.
an_interrupted_file_of_other_conditions_is_replaced() {
  local sample=(sample given -n 5000 -o other.h5 sampler.block=4 --conditions rows.h5)
  cp labelled.h5 rows.h5 # samples carry their labels
  start_ranks 2 "${sample[@]}"
  wait_for 30 "some blocks" drawn other.h5 20
  kill -KILL "$(cat ranks/1.pid)"
  wait_job
  killed
  expect 0 1 sample given -n 5000 -o rows.h5 sampler.block=4 --label 3
  expect 0 3 "${sample[@]}"
  expect_words "was of another request"
  expect 0 1 sample given -n 5000 -o three.h5 sampler.block=4 --label 3
  "$DSMPI_HELPERS/conditional" equal other.h5 three.h5 || fail "samples of another request are among them"
  passed "an interrupted file of other conditions begins anew"
}

a_killed_training_goes_on_to_the_same_end
killed_results_go_on_to_the_same_bytes samples.h5 sample unbroken -n 5000
killed_results_go_on_to_the_same_bytes latents.h5 encode unbroken --data samples.h5
expect 0 1 train mlp.yaml data.conditions=labels "data.classes=[-1]" -o given
killed_results_go_on_to_the_same_bytes labelled.h5 sample given -n 5000 --label all --guidance 2
an_interrupted_file_of_other_conditions_is_replaced
