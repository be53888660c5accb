#!/bin/bash
# configs/toy_eight_gaussians.yaml as its head says, on two ranks: the score that it learns and the samples that it draws are
# right, by measures with a known truth (eight_gaussians.c).
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
limit=240
expect 0 1 data make eight_gaussians -n 100000 -o eight_gaussians.h5
expect 0 2 train "$DSMPI_SOURCE/configs/toy_eight_gaussians.yaml" train.threads=1 -o run
grep -E '^(Loop|Performance)' said
expect 0 2 sample run train.threads=1 -n 10000 -o ancestral.h5
expect 0 2 sample run train.threads=1 -n 10000 --sampler ddim --steps 50 -o ddim.h5
"$DSMPI_HELPERS/eight_gaussians" "$(newest run)" ancestral.h5 ddim.h5 || fail "the law of the data is not found"
