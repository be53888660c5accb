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

expect 0 1 train model.yaml process.name=vp train.steps=800 -o plain
expect 0 2 sample plain -n 800 -o led.h5 --classifier noisy --sampler ddim --steps 50
expect_words "guided   by the classifier noisy/checkpoints/" "scale 1, class all in turn"
expect 0 1 sample plain -n 800 -o again.h5 --classifier noisy --sampler ddim --steps 50
cmp led.h5 again.h5 || fail "guided samples differ on 1 and 2 ranks"
expect 0 1 classify noisy --data led.h5 -o judged.h5
led=$(sed -n 's/^accuracy \([0-9.]*\) .*/\1/p' said)
awk "BEGIN {exit !($led > 80)}" || fail "more than 80 % of the samples should be of the class they were led to: $led"
expect 0 1 sample plain -n 64 -o three.h5 --classifier noisy --class 3 --scale 2 --sampler ddim --steps 20
expect 64 1 sample plain -n 4 -o x.h5 --classifier noisy --class 8
expect_words "knows classes 0 to 7"
expect 78 1 sample plain -n 4 -o x.h5 --classifier clean
expect_words "judges clean data"
expect 0 1 train model.yaml process.name=vp process.beta_max=10 train.steps=10 -o other
expect 78 2 sample other -n 4 -o x.h5 --classifier noisy
expect_words "was trained on another noise"
passed "samples of a plain model are led to classes: $led % arrive"

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
