#!/bin/bash
# A loss that is not a number: the step is left out on all ranks, told with rank and row, counted; the run is the same on
# any number of ranks and after a resume. Too many in a row end it, and what was saved before stays.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
train=(train mlp.yaml train.steps=60 train.checkpoint_every=20 train.log_every=10 train.keep=9)

one_step_is_left_out() {
  DSMPI_FAULT=1:31:nan expect 0 2 "${train[@]}" -o two
  expect_words "DSMPI_FAULT: rank 1 will be struck by 'nan' in step 31" "step 31 is left out, number 1 in a row" \
    "samples whose loss is not finite: rank 1 (" "): 1, first row "
  grep -q '^{"step": 30, .*"skipped": 0,' two/metrics.jsonl || fail "step 30: skipped 0 expected in metrics.jsonl"
  grep -q '^{"step": 40, .*"skipped": 1,' two/metrics.jsonl || fail "step 40: skipped 1 expected in metrics.jsonl"
  # wherever it strikes, the step is out
  DSMPI_FAULT=0:31:nan expect 0 1 "${train[@]}" -o one
  expect_same_run one two
  rm two/checkpoints/step-00000060.h5
  expect 0 3 "${train[@]}" -o two
  expect_words "two/checkpoints/step-00000040.h5 at step 40"
  expect_same_run one two
  passed "one step left out: the same on 1 and 2 ranks, and resumed on 3"
}

too_many_end_the_run() {
  local faults=0:41:nan,0:42:nan,0:43:nan
  DSMPI_FAULT=$faults expect 76 2 "${train[@]}" -o many train.max_skipped=2
  expect_words "step 42 is left out, number 2 in a row" "step 43: " "more than train.max_skipped = 2" \
    "the checkpoints before them are good"
  [ "$(newest many)" = many/checkpoints/step-00000040.h5 ] || fail "step 40 should be the newest: $(newest many)"
  DSMPI_FAULT=$faults expect 0 2 "${train[@]}" -o enough train.max_skipped=3
  expect 0 1 "${train[@]}" -o many
  expect 0 1 "${train[@]}" -o unbroken
  expect_same_run many unbroken
  passed "too many in a row: exit 76, and the run goes on from the checkpoint before"
}

a_run_that_explodes_keeps_its_checkpoints() {
  expect 0 1 "${train[@]}" -o exploding train.steps=20
  expect 76 2 "${train[@]}" -o exploding train.steps=200 optimizer.lr=1.0e+30 optimizer.clip=0
  expect_words "the checkpoints before"
  [ "$(newest exploding)" = exploding/checkpoints/step-00000020.h5 ] || fail "a checkpoint of a run that exploded"
  grep -q ' dsmpi: error: .*try ' exploding/log.txt || fail "the log does not say why the run has ended"
  expect 0 1 status exploding
  expect_words "exploding: FAILED" "last said   dsmpi: error: "
  expect 0 1 report exploding -o exploding.html
  grep -q 'The last job ended with an error: step ' exploding.html || fail "the report does not say why the run has ended"
  expect 75 1 "${train[@]}" -o stopped --maxh 0.0001 train.steps=1000000
  if grep ' dsmpi: error: ' stopped/log.txt; then fail "a stop is no error"; fi
  passed "a learning rate of 1e30: exit 76, nothing saved that is not finite, the log and dsmpi status say why"
}

one_step_is_left_out
too_many_end_the_run
a_run_that_explodes_keeps_its_checkpoints
