#!/bin/bash
# A classifier of the eight modes, which lie five of their radii apart: nearly every point is told right; the same file on any
# number of ranks; classifiers and models of the data are not taken for each other.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp model.yaml
"$DSMPI" data make eight_gaussians -n 2000 --seed 5 -o test.h5 >/dev/null
classifier=(train model.yaml objective.name=classifier data.conditions=labels "data.classes=[-1]"
  train.steps=400 optimizer.lr=0.01)

expect 0 2 "${classifier[@]}" -o clean
expect_words "cross-entropy of 8 classes, of clean data" "next     dsmpi classify clean"
expect 0 1 classify clean --data test.h5 -o one.h5
accuracy=$(sed -n 's/^accuracy \([0-9.]*\) .*/\1/p' said)
awk "BEGIN {exit !($accuracy > 98)}" || fail "more than 98 % of the points should be told right: $accuracy"
for ranks in 2 3; do
  expect 0 $ranks classify clean --data test.h5 -o ranks.h5
  cmp one.h5 ranks.h5 || fail "the file differs on $ranks ranks"
  [ "$(sed -n 's/^accuracy \([0-9.]*\) .*/\1/p' said)" = "$accuracy" ] || fail "the accuracy differs on $ranks ranks"
done
passed "accuracy $accuracy %, the same file on 1, 2 and 3 ranks"

expect 0 1 "${classifier[@]}" objective.noisy=true process.name=vp -o noisy
expect_words "cross-entropy of 8 classes, of vp"
expect 0 1 classify noisy --data test.h5 -o noisy.h5
noisy=$(sed -n 's/^accuracy \([0-9.]*\) .*/\1/p' said)
awk "BEGIN {exit !($noisy > 90)}" || fail "more than 90 % of the points should be told right: $noisy"
passed "a classifier of x_t: accuracy $noisy % of clean points"

expect 78 1 sample clean -n 4 -o samples.h5
expect_words "clean is a classifier, not a model of the data"
expect 0 1 train model.yaml -o model
expect 78 2 classify model --data test.h5 -o x.h5
expect_words "model is no classifier"
expect 78 1 train model.yaml objective.name=classifier -o none
expect_words "needs the labels of two or more classes"
expect 78 1 train model.yaml objective.name=classifier model.name=convnet data.conditions=labels "data.classes=[8]" -o none
expect_words "model.name convnet is for images"
expect 0 1 sample model -n 20 -o samples.h5
expect 0 1 classify clean --data samples.h5 -o classes.h5
expect_words "labels   none in samples.h5"
passed "what does not fit is refused"
