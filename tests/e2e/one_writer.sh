#!/bin/bash
# trap 12: files of a run are written by one rank. Here each rank has a folder of its own to work in, as on nodes without a shared
# file system, and the run folder has a relative name: whatever a rank writes is seen in its own folder.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp mlp.yaml
mkdir a b c
words=("$DSMPI" train "$work/mlp.yaml" -o run)
timeout -k 5 "$limit" "${mpirun[@]}" -np 1 -wdir "$work/a" "${words[@]}" : -np 1 -wdir "$work/b" "${words[@]}" : \
  -np 1 -wdir "$work/c" "${words[@]}" >said 2>&1 </dev/null || fail "training in three folders"
for file in config.yaml metrics.jsonl log.txt checkpoints/step-00000050.h5; do
  [ -s "a/run/$file" ] || fail "rank 0 did not write run/$file"
  for folder in b c; do
    [ ! -e "$folder/run/$file" ] || fail "another rank wrote run/$file too"
  done
done
expect 0 1 train mlp.yaml -o alone
expect_same_run alone a/run
passed "one rank of three writes, and what it writes is the run"
