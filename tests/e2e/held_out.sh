#!/bin/bash
# The held-out loss: its rows are never trained on, measuring changes no bit of the training, and the figures are the same on
# any number of ranks and after a resume.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp mlp.yaml
small_unet unet.yaml

# figure RUN STEP KEY: what the line of that step says
figure() { sed -nE "s/^\{\"step\": $2, .*\"$3\": (\[[^]]*\]|[^],}[]*)[,}].*/\1/p" "$1/metrics.jsonl"; }

a_run_is_that_of_the_other_rows() { # MODEL ROWS HELD
  expect 0 1 train "$1.yaml" "train.held_out=$3" train.evaluate_every=10 -o "$1-held"
  expect_words "held out  loss "
  expect 0 2 train "$1.yaml" "data.rows=0:$2" -o "$1-plain"
  grep -v held_out "$1-held/metrics.jsonl" >without.jsonl
  mv "$1-held/metrics.jsonl" "$1-held/with.jsonl"
  mv without.jsonl "$1-held/metrics.jsonl"
  expect_same_run "$1-plain" "$1-held"
  mv "$1-held/with.jsonl" "$1-held/metrics.jsonl"
  passed "$1: with rows held out, the run is that of the others alone, to the bit"
}

the_figures_are_the_same_on_ranks() { # MODEL HELD
  local ranks
  for ranks in 2 3; do
    expect 0 "$ranks" train "$1.yaml" "train.held_out=$2" train.evaluate_every=10 -o "$1-held-$ranks"
    expect_same_run "$1-held" "$1-held-$ranks"
  done
  [ "$(grep -c held_out "$1-held/metrics.jsonl")" -eq 5 ] || fail "5 measurements in 50 steps expected"
  passed "$1: the same figures on 1, 2 and 3 ranks"
}

a_resumed_run_has_the_same_figures() {
  local held=(train mlp.yaml train.held_out=30 optimizer.schedule=constant)
  expect 0 1 "${held[@]}" train.steps=100 -o whole
  [ "$(grep -c held_out whole/metrics.jsonl)" -eq 5 ] || fail "a measurement with each of 5 checkpoints expected"
  expect 0 2 "${held[@]}" train.steps=60 -o parts
  expect 0 3 "${held[@]}" train.steps=100 -o parts
  expect_same_run whole parts
  # a life that measured more than it saved: what is behind the checkpoint is measured again
  rm parts/checkpoints/step-00000100.h5
  expect 0 2 "${held[@]}" train.steps=100 -o parts
  expect_same_run whole parts
  expect 78 1 "${held[@]}" train.held_out=31 train.steps=120 -o parts
  expect_words "train.held_out: was 30, is 31"
  passed "resumed runs have the figures of an unbroken one; the rows cannot change"
}

figures_mean_what_they_say() {
  # every sample is at a time of its own, so the mean over the levels, ten of equal size, is the loss
  local loss mean channel
  expect 0 2 train mlp.yaml train.held_out=200 train.steps=300 train.evaluate_every=100 -o trained
  loss=$(figure trained 300 held_out_loss)
  mean=$(figure trained 300 held_out_levels | tr -d '[],' | awk '{for (i = 1; i <= NF; i++) s += $i; print s / NF}')
  channel=$(figure trained 300 held_out_channels | tr -d '[],' | awk '{for (i = 1; i <= NF; i++) s += $i; print s / NF, NF}')
  awk "BEGIN {exit !(($loss - $mean) ^ 2 < 1e-8)}" || fail "mean of the levels $mean, loss $loss"
  awk -v "c=$channel" "BEGIN {split(c, p, \" \"); exit !((p[1] - $loss) ^ 2 < 1e-8 && p[2] == 2)}" ||
    fail "mean and number of channels $channel, loss $loss"
  awk "BEGIN {exit !($loss < 0.95 * $(figure trained 100 held_out_loss))}" || fail "the loss should have fallen: $loss"
  passed "levels and channels add up to the loss, $loss, which falls"
}

a_classifier_is_right_about_what_it_has_not_seen() {
  local accuracy
  expect 0 2 train mlp.yaml objective.name=classifier data.conditions=labels "data.classes=[-1]" train.held_out=100 \
    train.steps=300 optimizer.lr=0.01 -o classifier
  accuracy=$(figure classifier 300 held_out_accuracy)
  awk "BEGIN {exit !($accuracy > 0.97)}" || fail "an accuracy above 0.97 is expected: $accuracy"
  [ -z "$(figure classifier 300 held_out_levels)" ] || fail "a classifier of clean data has no levels"
  passed "a classifier: accuracy $accuracy"
}

bad_settings_are_refused() {
  expect 78 2 train mlp.yaml train.held_out=1000 -o bad
  expect_words "train.held_out = 1000 leaves nothing to train on of the 1000 rows"
  expect 78 1 train mlp.yaml train.evaluate_every=10 -o bad
  expect_words "train.evaluate_every = 10, but there is nothing to evaluate"
  expect 78 1 train mlp.yaml train.held_out=10 objective.name=esm_kde -o bad
  expect_words "objective.name esm_kde"
  "$DSMPI_HELPERS/odd_dataset" nan.h5 nan
  expect 65 2 train mlp.yaml data.file=nan.h5 data.rows=:60 train.held_out=10 -o bad
  expect_words "nan.h5" "row 57"
  passed "nothing left, nothing held out, no loss of others, no number: refused with the reason"
}

a_run_is_that_of_the_other_rows mlp 800 200
the_figures_are_the_same_on_ranks mlp 200
a_run_is_that_of_the_other_rows unet 83 17
the_figures_are_the_same_on_ranks unet 17
a_resumed_run_has_the_same_figures
figures_mean_what_they_say
a_classifier_is_right_about_what_it_has_not_seen
bad_settings_are_refused
