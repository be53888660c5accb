#!/bin/bash
# usage: bit_identity.sh mlp|unet
# The same bits on any number of ranks and threads: parameters, averages, optimizer state, loss log, samples. So gradients are
# those of the whole batch on every rank (trap 8) and clipped after they are summed, clipping being on by default (trap 9); micro-
# batches that do not divide evenly count by their samples (trap 19); ranks have no seeds of their own (trap 10).
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
model=$1 alike=0

train_alike() { # RANKS THREADS [key=value]
  expect 0 "$1" train "$model.yaml" "train.threads=$2" ${3+"$3"} -o "train-$1-$2-${3-}"
  expect_same_run train-1-1 "train-$1-$2-${3-}"
  alike=$((alike + 1))
  passed "$model: 50 steps on $1 ranks x $2 threads ${3+with $3 }as on 1 x 1"
}

draw() { # RANKS THREADS SAMPLER FILE: 37 samples, so that the last of 3 blocks is short and a fourth rank has none
  expect 0 "$1" sample train-1-1 "train.threads=$2" -n 37 --sampler "$3" -o "$4"
}

draw_alike() { # RANKS THREADS SAMPLER
  draw "$1" "$2" "$3" "$3-$1-$2.h5"
  cmp "$3-1-1.h5" "$3-$1-$2.h5" || fail "$model: samples drawn by $3 on $1 ranks x $2 threads differ"
  alike=$((alike + 1))
  passed "$model: 37 samples by $3 on $1 ranks x $2 threads as on 1 x 1"
}

"small_$model" "$model.yaml"
expect 0 1 train "$model.yaml" -o train-1-1
train_alike 1 2
train_alike 2 1
train_alike 2 2
train_alike 3 1
train_alike 4 1
# trap 21: threads of OpenBLAS under those of the ranks; what the environment asks for is not taken, and what is taken is told
OPENBLAS_NUM_THREADS=3 OMP_NUM_THREADS=3 train_alike 2 1 train.log_every=10
grep -q '2 ranks x 1 thread on 1 host' said || fail "the number of threads is not told"
for ranks in 2 3 4; do train_alike "$ranks" 1 train.overlap=on; done
for sampler in ancestral ddim; do
  draw 1 1 "$sampler" "$sampler-1-1.h5"
  draw_alike 1 2 "$sampler"
  for ranks in 2 3 4; do draw_alike "$ranks" 1 "$sampler"; done
done
if cmp -s ancestral-1-1.h5 ddim-1-1.h5; then fail "two samplers drew the same: the comparison compares nothing"; fi
claim 2 "the same bits on 1 to 4 ranks, runs alike: $model" "$alike" ">=" 17
