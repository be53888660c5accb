#!/bin/bash
# A checkpoint is what its description says: PyTorch loads /model by name and computes what this program computes.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
check=$DSMPI_SOURCE/tests/data/check_checkpoint.py
/usr/bin/python3 -c 'import h5py, torch, yaml' 2>said || skip "PyTorch, h5py or yaml is not installed (jobs/install-packages.sh pytorch): $(tail -n 1 said)"

agrees() { # MODEL: after 3 steps, so that nothing is at its start any more, zeros of the output layer included
  expect 0 1 train "$1.yaml" train.steps=3 optimizer.lr=0.01 -o "$1"
  "$DSMPI_HELPERS/network_output" "$(newest "$1")" "$1-output.h5" || fail "$1: no output"
  /usr/bin/python3 "$check" "$(newest "$1")" "$1-output.h5" >said 2>&1 || fail "$1: PyTorch disagrees"
  cat said
  passed "$1: PyTorch loads the checkpoint and computes the same"
}

small_mlp mlp.yaml
small_unet unet.yaml
agrees unet
agrees mlp
# a comparison that cannot fail shows nothing: the output of another checkpoint must be refused
expect 0 1 train unet.yaml train.steps=3 optimizer.lr=0.01 train.seed=1 -o other
if /usr/bin/python3 "$check" "$(newest other)" unet-output.h5 >said 2>&1; then fail "the output of another network is accepted"; fi
grep -q "largest deviation" said || fail "the other checkpoint is refused for another reason"
