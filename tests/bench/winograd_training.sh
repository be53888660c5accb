#!/bin/bash
# Does training with Winograd's convolutions end where training without them does? The same small U-Net on Fashion-MNIST,
# three seeds, train.kernels=fast and im2col in turn, on one thread:
#
#   tests/bench/winograd_training.sh build/dsmpi [FOLDER]      about 10 minutes; default a folder that is removed again
#
# 2000 steps of 16 samples are half an epoch: every loss is that of samples not yet trained on, so the mean over the last 200
# steps is a held-out loss. Runs with the same seed see the same samples, noise and initial values.
# Exit status 1 if the means over seeds differ by more than the spread (highest less lowest) over seeds without Winograd.
set -eu
program=$(realpath "$1") folder=${2:-}
here=$(cd "$(dirname "$0")/../.." && pwd)
[ -n "$folder" ] || { folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; }
mkdir -p "$folder"
cd "$folder"
images=/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz
mkdir -p runs
[ -e runs/fashion.h5 ] || "$program" data import idx $images -o runs/fashion.h5 >/dev/null

for seed in 0 1 2; do
  for kernels in fast im2col; do
    "$program" train "$here/configs/quick_fashion.yaml" -o "runs/$kernels-$seed" train.seed=$seed train.kernels=$kernels \
      train.threads=1 train.steps=2000 train.batch=16 train.micro_batch=8 optimizer.lr=5.0e-4 train.log_every=100 \
      train.checkpoint_every=2000 >/dev/null
  done
done

python3 - <<'PYTHON'
import json
import sys

LAST, SEEDS = 200, range(3)


def loss(kernels, seed):
    """Mean loss of the last steps, and the time of all."""
    with open(f"runs/{kernels}-{seed}/metrics.jsonl") as file:
        lines = [json.loads(line) for line in file]
    last = [line["loss"] for line in lines if line["step"] > lines[-1]["step"] - LAST]
    return sum(last) / len(last), lines[-1]["seconds"]


print(f"mean loss of steps {2000 - LAST + 1} to 2000      Winograd      im2col    relative difference")
rows = [(loss("fast", seed), loss("im2col", seed)) for seed in SEEDS]
for seed, ((fast, _), (im2col, _)) in zip(SEEDS, rows):
    print(f"seed {seed} {fast:33.6f} {im2col:11.6f} {fast / im2col - 1:+22.1e}")
fast, im2col = ([row[k][0] for row in rows] for k in range(2))
means = sum(fast) / len(fast), sum(im2col) / len(im2col)
spread = max(im2col) - min(im2col)
print(f"mean   {means[0]:33.6f} {means[1]:11.6f} {means[0] / means[1] - 1:+22.1e}")
print(f"spread over seeds {spread:34.6f} {spread / means[1]:22.1e}")
print(f"seconds, all three {sum(row[0][1] for row in rows):21.0f} {sum(row[1][1] for row in rows):11.0f}")
sys.exit(abs(means[0] - means[1]) > spread)
PYTHON
