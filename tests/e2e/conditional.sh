#!/bin/bash
# configs/toy_conditional.yaml as its head says: samples of class k lie at centre k, guidance keeps them there, without conditions
# all modes come (conditional.c measures); the same bits on any number of ranks; what users get wrong.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
limit=150
expect 0 1 data make eight_gaussians -n 20000 -o eight_gaussians.h5

refused() { # CODE TEXT ARGUMENTS...: one clear error on 1 and 3 ranks
  local ranks
  for ranks in 1 3; do
    expect "$1" "$ranks" "${@:3}"
    expect_words "$2"
    [ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "more than one error on $ranks ranks: ${*:3}"
  done
  passed "refused: ${*:3}"
}

# ---- training and sampling, small ----
small_mlp small.yaml
given=(data.conditions=labels "data.classes=[-1]")
for ranks in 1 2 3; do
  expect 0 "$ranks" train small.yaml "${given[@]}" -o "small-$ranks"
  [ "$ranks" -eq 1 ] || expect_same_run small-1 "small-$ranks"
  expect 0 "$ranks" sample small-1 -n 37 --label all --guidance 2 -o "all-$ranks.h5"
  expect_words "network  40 evaluations a sample" # 20 steps, two each
  cmp all-1.h5 "all-$ranks.h5" || fail "samples drawn on $ranks ranks differ"
done
passed "the same bits on 1, 2 and 3 ranks"
grep -q 'classes: \[8\]' small-1/config.yaml || fail "the classes that were counted are not in config.yaml"
expect 0 1 train small.yaml "${given[@]}" train.steps=60 -o small-1 # goes on, with classes to be counted again
expect 0 1 sample small-1 -n 37 --conditions all-1.h5 --guidance 2 -o again.h5 # samples carry their conditions
"$DSMPI_HELPERS/conditional" same all-1.h5 all-2.h5 || fail "labels of the samples"

expect 0 1 sample small-1 -n 8 --label 3 --guidance 0 -o free.h5
expect_words "what they were to be given is not used"

# ---- every sampler with two evaluations of the network an estimate; ode: each sample with its own steps ----
expect 0 1 train small.yaml "${given[@]}" process.name=vp objective.prediction=energy -o vp
guided() { # WORDS SAMPLER SETTING...
  local ranks
  for ranks in 1 3; do
    expect 0 "$ranks" sample vp train.threads=1 -n 37 --label all --guidance 2 -o "guided-$ranks.h5" --sampler "${@:2}"
    expect_words "$1"
  done
  cmp guided-1.h5 guided-3.h5 || fail "samples by ${*:2} under guidance on 1 and 3 ranks differ"
}
for sampler in ancestral ddim euler_maruyama reverse_diffusion euler dpmpp_2m dpmpp_2m_sde; do
  guided 'network  40 evaluations a sample' "$sampler" --steps 20
done
guided 'network  78 evaluations a sample' heun --steps 20
guided 'network  80 evaluations a sample' predictor_corrector --steps 20
guided 'network  42 evaluations a sample' langevin --steps 20
guided 'network  86 evaluations a sample' langevin --steps 20 sampler.metropolis=true
guided 'network  62 evaluations a sample' annealed_langevin --steps 6 sampler.langevin_steps=5
guided 'evaluations a sample on average' ode sampler.rtol=1.0e-3 sampler.atol=1.0e-3
passed "every sampler under guidance on 1 and 3 ranks, each evaluation counted once"

train=(train small.yaml -o never)
refused 66 "colours" "${train[@]}" data.conditions=colours
refused 65 "labels of 7 classes" "${train[@]}" data.conditions=labels "data.classes=[7]"
refused 78 "needs one for each" "${train[@]}" data.conditions=labels "data.classes=[8, 8]"
refused 78 "data.conditions is empty" "${train[@]}" sampler.guidance=2
"$DSMPI_HELPERS/conditional" short short.h5
refused 65 "one row a sample" "${train[@]}" data.file=short.h5 data.conditions=short
refused 65 "NaN" "${train[@]}" data.file=short.h5 data.conditions=odd
sample=(sample small-1 -n 8 -o never.h5)
refused 78 "--label K or all" "${sample[@]}"
refused 78 "0 to 7" "${sample[@]}" --label 8
refused 78 "0 to 7" "${sample[@]}" --label -1
refused 78 "conditioned on labels (8 classes)" "${sample[@]}" --label 1 --condition 0.5
refused 66 "gone.h5" "${sample[@]}" --conditions gone.h5
refused 66 "labels" "${sample[@]}" --conditions short.h5
refused 65 "37" sample small-1 -n 38 -o never.h5 --conditions all-1.h5
[ ! -e never.h5 ] && [ ! -e never.h5.partial ] || fail "a refused request left a file"

# ---- a continuous condition ----
expect 0 2 train small.yaml data.conditions=/labels train.steps=10 -o continuous
expect 0 1 sample continuous -n 8 --condition 3.5 -o continuous.h5
expect 0 1 sample continuous -n 8 --condition 9 -o continuous.h5
expect_words "lie outside 0 to 7"

# ---- the law ----
expect 0 2 train "$DSMPI_SOURCE/configs/toy_conditional.yaml" train.threads=1 -o run
for w in 0 1 3; do
  label=(--label all)
  [ "$w" -ne 0 ] || label=()
  expect 0 2 sample run train.threads=1 -n 4000 "${label[@]}" --guidance "$w" --sampler ddim --steps 50 -o "law-$w.h5"
done
"$DSMPI_HELPERS/conditional" law law-0.h5 law-1.h5 law-3.h5 || fail "classes are not where they should be"
passed "classes at their centres, guidance, all modes without conditions"
