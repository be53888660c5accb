#!/bin/bash
# A run in two jobs, on another number of ranks, is the run in one (trap 11: order of the data and random numbers go on).
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp mlp.yaml
small_unet unet.yaml
small_mlp importance.yaml
echo 'objective: {times: importance}' >>importance.yaml # each of the 20 times has its ten losses long before step 60
# a schedule that knows the end of the run would differ on purpose between a job of 60 steps and one of 100
whole=(train.steps=100 optimizer.schedule=constant)
part=(train.steps=60 optimizer.schedule=constant)

sixty_steps_on_2_ranks_and_forty_on_3_are_a_hundred_at_once() { # MODEL
  expect 0 1 train "$1.yaml" "${whole[@]}" -o "$1-whole"
  expect 0 2 train "$1.yaml" "${part[@]}" -o "$1-parts"
  expect_words "dsmpi: finished step 60 (target reached)"
  expect 0 3 train "$1.yaml" "${whole[@]}" -o "$1-parts"
  expect_words "resume   $1-parts/checkpoints/step-00000060.h5 at step 60" "dsmpi: finished step 100"
  expect_same_run "$1-whole" "$1-parts"
  grep -q '"noise_scale": ' "$1-whole/metrics.jsonl" || fail "a gradient noise scale is expected in each line"
  passed "$1: 60 steps on 2 ranks, then 40 on 3, are 100 at once"
}

a_run_that_is_done_does_nothing_more() {
  cp "$(newest mlp-whole)" before.h5
  cp mlp-whole/metrics.jsonl before.jsonl
  for ranks in 1 3; do
    expect 0 "$ranks" train mlp.yaml "${whole[@]}" -o mlp-whole
    expect_words "0 steps" "dsmpi: finished step 100"
    cmp before.h5 "$(newest mlp-whole)" || fail "the checkpoint of a finished run was written again"
    cmp before.jsonl mlp-whole/metrics.jsonl || fail "the loss log of a finished run was changed"
  done
  passed "a run that is done does nothing more"
}

fresh_moves_the_old_run_aside() {
  expect 0 2 train mlp.yaml "${part[@]}" -o mlp-parts --fresh
  [ -e mlp-parts.old-1/checkpoints/step-00000100.h5 ] || fail "the old run is not in mlp-parts.old-1"
  [ ! -e mlp-parts/checkpoints/step-00000100.h5 ] || fail "the new run has checkpoints of the old one"
  expect_same_run mlp-whole mlp-parts.old-1
  passed "--fresh moves the old run aside, whole"
}

sixty_steps_on_2_ranks_and_forty_on_3_are_a_hundred_at_once mlp
sixty_steps_on_2_ranks_and_forty_on_3_are_a_hundred_at_once unet
sixty_steps_on_2_ranks_and_forty_on_3_are_a_hundred_at_once importance
a_run_that_is_done_does_nothing_more
fresh_moves_the_old_run_aside
