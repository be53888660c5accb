#!/bin/bash
# usage: instructions.sh sse2|avx2|avx512|neon
# The program and everything that computes with the fast kernels, under another instruction set than the best of this processor.
# shellcheck source-path=SCRIPTDIR
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
set=$1
export DSMPI_INSTRUCTIONS=$set
unit=$DSMPI_HELPERS/../unit

small_unet unet.yaml
run_ranks 1 bench unet.yaml --steps 1
if [ "$code" -eq 64 ]; then skip "no $set in this processor"; fi
expect_words "kernels fast ($set)"
passed "$set is what runs"

# the tensor tests go over all sets by themselves
for test in graph/test_graph_ops graph/test_graph_plan nn/test_nn_model nn/test_nn_reference \
  nn/test_nn_time_embedding diffusion/test_diffusion_objective; do
  timeout "$limit" "$unit/$test" >"$work/said" 2>&1 || fail "$test with $set"
  passed "$test with $set"
done

# the sets round differently, so runs part in the last bits, and 50 steps later have still about the same loss
expect 0 1 train unet.yaml -o named
unset DSMPI_INSTRUCTIONS
expect 0 1 train unet.yaml -o best
last_loss() { sed -n '$s/.*"loss": \([^,]*\),.*/\1/p' "$1/metrics.jsonl"; }
awk -v a="$(last_loss named)" -v b="$(last_loss best)" \
  'BEGIN { exit !(a > 0 && b > 0 && (a - b) / b < 1e-3 && (b - a) / b < 1e-3) }' ||
  fail "last loss $(last_loss named) with $set, $(last_loss best) with the best"
passed "a U-Net trained with $set has the loss it has with the best"

export DSMPI_INSTRUCTIONS=$set
for ranks in 2 3; do
  expect 0 "$ranks" train unet.yaml train.threads=2 -o "named-$ranks"
  expect_same_run named "named-$ranks"
  passed "the same bits on $ranks ranks x 2 threads with $set"
done
