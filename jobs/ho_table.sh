#!/bin/bash
# The table of Ho et al. 2020 (arXiv:2006.11239, table 2) at small scale, on Fashion-MNIST: what the network predicts and how the
# loss is weighted, all else alike (configs/presets/ddpm.yaml, same seed): the mean of a reverse step with the variational bound L,
# the noise with L, the noise with L_simple. Prints how far the samples are from the data, with the floor beside: as many other
# pictures of the data. No Inception network here; distances are of the pixels, see tests/e2e/picture_distance.c.
#   jobs/ho_table.sh [-r RANKS] [-o FOLDER] [-n SAMPLES] [-k STEPS] [PROGRAM [key=value...]]
# By default on as many ranks as there are cores, at most 8, in runs/ho, with 512 samples of each, drawn in 250 of the 1000 steps,
# by build/dsmpi.
# Settings such as train.steps=6000 go to all three trainings. Run again, it goes on where it stopped.
set -eu
export LC_ALL=C OMP_WAIT_POLICY=passive
[ "$(id -u)" -ne 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
source=$(cd "$(dirname "$0")/.." && pwd)
folder=runs/ho count=512 steps=250
ranks=$(nproc)
[ "$ranks" -le 8 ] || ranks=8 # a batch has eight micro-batches
while [ $# -gt 0 ]; do
  case $1 in
    -r) ranks=${2:?-r needs a number}; shift ;;
    -o) folder=${2:?-o needs a folder}; shift ;;
    -k) steps=${2:?-k needs a number}; shift ;;
    -n) count=${2:?-n needs a number}; shift ;;
    -*) echo "jobs/ho_table.sh: unknown option '$1'; known: -r RANKS, -o FOLDER, -n SAMPLES, -k STEPS" >&2; exit 64 ;;
    *) break ;;
  esac
  shift
done
program=$(realpath "${1:-$source/build/dsmpi}")
[ $# -eq 0 ] || shift
distance=$(dirname "$program")/tests/e2e/picture_distance
images=/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz
for needed in "$program" "$distance"; do
  [ -x "$needed" ] || { echo "jobs/ho_table.sh: there is no program $needed; build with cmake --build build" >&2; exit 66; }
done
[ -e "$images" ] || { echo "jobs/ho_table.sh: there is no $images; jobs/install-packages.sh build data installs it" >&2; exit 66; }
mpi=(mpirun --bind-to none -np "$ranks" "$program")
mkdir -p "$folder"
cd "$folder"
[ -e fashion.h5 ] || "$program" data import idx "$images" -o fashion.h5 >&2

names=(mean_bound noise_bound noise_simple)
declare -A choice=(
  [mean_bound]='objective.prediction=mu objective.weighting=vlb'
  [noise_bound]='objective.prediction=eps objective.weighting=vlb'
  [noise_simple]='objective.prediction=eps objective.weighting=simple'
)
for name in "${names[@]}"; do
  read -ra settings <<<"${choice[$name]}"
  printf '\n== %s\n' "$name" >&2
  "${mpi[@]}" train "$source/configs/presets/ddpm.yaml" "$source/configs/data/fashion.yaml" data.file=fashion.h5 \
    "${settings[@]}" "$@" train.threads=1 -o "$name" >&2
  [ -e "$name.h5" ] || "${mpi[@]}" sample "$name" -n "$count" --sampler ancestral --steps "$steps" train.threads=1 -o "$name.h5" >&2
done
"$distance" fashion.h5 "${names[@]/%/.h5}" >distances

row() { # NAME TEXT
  local sliced frechet
  read -r sliced frechet _ < <(grep " $1\$" distances)
  printf '| %s | %s | %s |\n' "$2" "$sliced" "$frechet"
}
printf '| prediction and loss | sliced Wasserstein-2 | Frechet |\n|---|---|---|\n'
row mean_bound.h5 'mean, L'
row noise_bound.h5 'noise, L'
row noise_simple.h5 'noise, L_simple'
row floor "floor: $count other pictures"
