#!/bin/bash
# process.sigma = 0: the level is fitted to the data when a run begins and is part of the run from then on: the same on any
# number of ranks, in the configuration, in the checkpoint, on resuming, in sampling.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp single.yaml
sed -i 's/^process: .*/process: {name: single, sigma: 0}\nobjective: {name: esm_kde, prediction: score, weighting: sigma2, centres: 300}/' single.yaml
sed -i 's/^sampler: .*/sampler: {block: 16, name: langevin, steps: 20}/' single.yaml

fitted() { sed -n 's/^  sigma: \(.*\)$/\1/p' "$1/config.yaml"; }

for ranks in 1 2 3; do
  expect 0 "$ranks" train single.yaml -o "run-$ranks"
  expect_words "fitted to 300 rows by their held-out likelihood"
  [ "$ranks" = 1 ] || expect_same_run run-1 "run-$ranks"
done
sigma=$(fitted run-1)
awk -v s="$sigma" 'BEGIN { exit !(s > 0.02 && s < 0.2) }' || # modes have a deviation of 0.07 in these units, 37 rows each
  fail "the bandwidth of 300 points of eight Gaussians is '$sigma'"
grep -q "fitted to 300 rows" run-1/log.txt || fail "the log does not keep what was fitted"
passed "the same bandwidth, $sigma, on 1, 2 and 3 ranks"

expect 0 1 train single.yaml train.steps=30 -o parts
expect 0 2 train single.yaml -o parts
expect_words "as fitted when the run began" "resume "
expect_same_run run-1 parts
expect 0 1 train single.yaml "process.sigma=$sigma" -o parts # the number itself is the same run
expect_words "target reached before"
expect 78 1 train single.yaml process.sigma=0.3 train.steps=60 -o parts
expect_words "process.sigma: was $sigma, is 0.3"
expect 0 1 train single.yaml train.steps=10 -o parts --fresh # does not ask the old run
expect_words "fitted to 300 rows"
passed "a run that is gone on with keeps its bandwidth"

expect 0 2 sample run-1 -n 20 -o samples.h5
expect 0 1 train single.yaml objective.name=denoising -o denoising
[ "$(fitted denoising)" = "$sigma" ] || fail "denoising has another bandwidth: $(fitted denoising)"
expect 0 1 train single.yaml process.name=vp objective.name=denoising train.steps=5 -o vp # has no use for it
if grep -q fitted said; then fail "a bandwidth was fitted for vp"; fi
expect 0 1 train single.yaml --dry-run
expect_words "fitted to 300 rows"
expect 78 1 bench single.yaml
expect_words "0 is fitted to the data by dsmpi train alone"
"$DSMPI_HELPERS/conditional" short short.h5 # 7 rows again and again
for ranks in 1 2; do
  expect 65 "$ranks" train single.yaml data.file=short.h5 -o never
  expect_words "comes twice"
done
passed "other objectives, other processes, and data that have no bandwidth"
