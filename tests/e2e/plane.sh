#!/bin/bash
# usage: plane.sh eight_gaussians|swiss_roll|checkerboard
# A law of the plane learned by the network of configs/toy_eight_gaussians.yaml on two ranks: its score beside the exact one, its
# samples beside fresh points of the law, whose own distance from each other is chance. Of the eight Gaussians, as the head of
# that file says, the modes too.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
limit=240
kind=$1

expect 0 1 data make "$kind" -n 100000 -o data.h5
expect 0 1 data make "$kind" -n 10000 --seed 1 -o fresh.h5
expect 0 2 train "$DSMPI_SOURCE/configs/toy_eight_gaussians.yaml" data.file=data.h5 train.threads=1 -o run
grep -E '^(Loop|Performance)' said

"$DSMPI_HELPERS/score_error" "$(newest run)" data.h5 >score 2>said || fail "no error of the score"
read -r error nothing <score
awk "BEGIN { exit !($nothing > 0.5) }" || fail "a score of zeros has an error of $nothing only: the measure itself is broken"
claim 2 "score error, sigma^2-weighted: $kind" "$error" "<=" 0.05

expect 0 2 sample run train.threads=1 -n 10000 -o ancestral.h5
expect 0 1 eval ancestral.h5 --reference fresh.h5 --metrics sliced
claim 2 "sliced W2, samples / fresh: $kind" "$(awk '$1 == "sliced" { print $2 / $5 }' said)" "<=" 2

if [ "$kind" = eight_gaussians ]; then
  expect 0 2 sample run train.threads=1 -n 10000 --sampler ddim --steps 50 -o ddim.h5
  "$DSMPI_HELPERS/eight_gaussians" ancestral.h5 ddim.h5 || fail "the law of the data is not found"
fi
