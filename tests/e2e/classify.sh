#!/bin/bash
# A classifier of the eight modes, which lie five of their radii apart: nearly every point is told right; the same file on any
# number of ranks; evaluations by the classifier give the figures of its files; classifiers and models of the data are not taken
# for each other.
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
expect 64 2 classify clean --data test.h5 --rows 50:10 -o never.h5
expect_words "classify: option --rows is '50:10', which leaves nothing of the dataset's 2000 rows"
passed "accuracy $accuracy %, the same file on 1, 2 and 3 ranks"

expect 0 1 "${classifier[@]}" objective.noisy=true process.name=vp -o noisy
expect_words "cross-entropy of 8 classes, of vp"
expect 0 1 classify noisy --data test.h5 -o noisy.h5
noisy=$(sed -n 's/^accuracy \([0-9.]*\) .*/\1/p' said)
awk "BEGIN {exit !($noisy > 90)}" || fail "more than 90 % of the points should be told right: $noisy"
passed "a classifier of x_t: accuracy $noisy % of clean points"

# ---- dsmpi eval runs the classifier itself: 333 rows do not fill the last of its blocks of 16 ----
"$DSMPI" data make eight_gaussians -n 333 --seed 9 -o drawn.h5 >/dev/null
by_files() { # OUT SAMPLES REFERENCE: figures from the files of `dsmpi classify`
  expect 0 1 eval drawn.h5 --reference test.h5 "${small[@]}" --json "$1" \
    --metrics frechet@features,kernel@features,precision_recall@features,c2st@features,inception \
    --features "$2:/features" --reference-features "$3:/features" \
    --probabilities "$2:/probabilities" --reference-probabilities "$3:/probabilities"
}
by_classifier() { # OUT RANKS RUN
  expect 0 "$2" eval drawn.h5 --reference test.h5 "${small[@]}" --json "$1" --classifier "$3" \
    --metrics frechet@classifier,kernel@classifier,precision_recall@classifier,c2st@classifier,inception
}
figures() { sed 's/"space": "features"/"space": "classifier"/; /^   "protocol"/d' "$1"; }
small=(--subsample 150 --steps 20 --splits 4)
expect 0 2 classify clean --data drawn.h5 -o drawn-clean.h5
expect 0 2 classify noisy --data drawn.h5 -o drawn-noisy.h5
for run in clean noisy; do
  judged=one.h5
  if [ "$run" = noisy ]; then judged=noisy.h5; fi
  by_files files.json "drawn-$run.h5" "$judged"
  by_classifier "$run-1.json" 1 "$run"
  diff <(figures files.json) <(figures "$run-1.json") || fail "$run: by files (<) and by --classifier (>) differ"
  [ "$(grep -c '"space": "classifier"' "$run-1.json")" -eq 6 ] || fail "$run: six lines @classifier expected"
  for ranks in 2 3 4; do
    by_classifier ranks.json "$ranks" "$run"
    cmp "$run-1.json" ranks.json || fail "$run: JSON of 1 and $ranks ranks differ"
  done
done
if diff -q <(figures clean-1.json) <(figures noisy-1.json) >/dev/null; then fail "two classifiers, the same figures"; fi
by_classifier checkpoint.json 1 "$(newest clean)"
cmp checkpoint.json clean-1.json || fail "a run and its newest checkpoint give different figures"
grep -q "classifier clean/checkpoints/step-00000400.h5, step 400, average of rate 0.9 sees" clean-1.json ||
  fail "the protocol does not name the classifier"
expect 0 1 eval drawn.h5 --reference test.h5 "${small[@]}" --classifier clean
for metric in frechet@classifier precision@classifier recall@classifier inception; do
  awk -v metric="$metric" '$1 == metric && $2 ~ /^[0-9]/ && $5 ~ /^[0-9]/ {found = 1} END {exit !found}' said ||
    fail "no line '$metric' with a figure and a floor in the default list"
done
if awk 'length > 80' said | grep .; then fail "a line is longer than 80 columns"; fi
passed "evaluations by a classifier: the figures of its files, the same bytes on 1 to 4 ranks"

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
evaluated=(eval test.h5 --reference drawn.h5 --metrics frechet@classifier --json never.json)
"$DSMPI" data make gaussian_field -n 50 --side 8 -o fields.h5 >/dev/null
"$DSMPI_HELPERS/odd_dataset" nan.h5 nan
for ranks in 1 3; do
  expect 78 "$ranks" "${evaluated[@]}" --classifier model
  expect_words "model is no classifier, but a model of the data"
  expect 66 "$ranks" "${evaluated[@]}" --classifier gone
  expect_words "gone: No such file or directory"
  expect 78 "$ranks" "${evaluated[@]}"
  expect_words "frechet@classifier: it needs a classifier, give --classifier RUN"
  expect 65 "$ranks" eval fields.h5 --reference fields.h5 --classifier clean --json never.json
  expect_words "have shape (8, 8, 1)" "clean/checkpoints/step-00000400.h5, step 400, average of rate 0.9 takes (2)"
  expect 65 "$ranks" eval test.h5 --reference nan.h5 --classifier clean --metrics inception --json never.json
  expect_words "row 57"
done
if [ -e never.json ]; then fail "a refused request left a file"; fi
expect 78 1 train model.yaml objective.name=classifier -o none
expect_words "needs the labels of two or more classes"
expect 78 1 train model.yaml objective.name=classifier model.name=convnet data.conditions=labels "data.classes=[8]" -o none
expect_words "model.name convnet is for images"
expect 64 2 classify clean --data test.h5 -o never.h5 sampler.steps=5
expect_words "classify: sampler.steps has no meaning here"
expect 0 1 sample model -n 20 -o samples.h5
expect 0 1 classify clean --data samples.h5 -o classes.h5 sampler.block=7
expect_words "labels   none in samples.h5"
passed "what does not fit is refused"
