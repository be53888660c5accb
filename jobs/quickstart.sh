#!/bin/bash
# From a clean clone to a picture of samples, in less than ten minutes on two cores: installs what is missing, builds,
# imports Fashion-MNIST, trains a small U-Net over MPI, draws samples in parallel. Run it again and it goes on where it
# stopped.
#   jobs/quickstart.sh [RUN]     default runs/quickstart
set -eu
cd "$(dirname "$0")/.."
run=${1:-runs/quickstart}
data=runs/fashion.h5
idx=/usr/share/datasets/fashion-mnist
ranks=$(nproc)
[ "$ranks" -le 8 ] || ranks=8 # the batch of the quickstart has eight micro-batches
start=$SECONDS
say() { printf '\n== %s  [%d:%02d]\n' "$*" $(((SECONDS - start) / 60)) $(((SECONDS - start) % 60)); }

say "packages"
jobs/install-packages.sh build data
echo "all there"

say "build"
cmake -S . -B build -DDSMPI_TESTS=OFF | tail -n 1
cmake --build build -j "$(nproc)" --target dsmpi | tail -n 1
dsmpi=build/dsmpi

# Open MPI refuses to start as root, and counts slots by cores, unless told otherwise
[ "$(id -u)" -ne 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpi="mpirun -np $ranks"

say "data: Fashion-MNIST as HDF5"
mkdir -p runs
[ -e "$data" ] || $dsmpi data import idx $idx/train-images-idx3-ubyte.gz \
  --labels $idx/train-labels-idx1-ubyte.gz -o "$data"
$dsmpi data info "$data"

say "train on $ranks ranks, six minutes at most"
# exit status 75 is "time is up, the checkpoint is complete": good enough for a picture
$mpi $dsmpi train configs/quick_fashion.yaml -o "$run" --maxh 0.1 || [ $? -eq 75 ]

say "sample on $ranks ranks"
mkdir -p "$run/samples"
$mpi $dsmpi sample "$run" -n 64 -o "$run/samples/samples.h5"

say "picture"
$dsmpi view "$run/samples/samples.h5" -o "$run/samples/samples.png"
$dsmpi report "$run" -o "$run/report.html"

say "done"
cat <<TXT
Look at   $run/samples/samples.png
          $run/report.html in a browser: has it converged, how did it grow
Try next
  $dsmpi info $run                                   what was trained
  $mpi $dsmpi sample $run -n 1000 --sampler ddim --steps 50 -o more.h5
  $dsmpi view $data -o data.png                      the training data, to compare
  $mpi $dsmpi train configs/quick_fashion.yaml -o runs/longer train.steps=6000     longer is better
  $dsmpi train --help                                every key explained
TXT
