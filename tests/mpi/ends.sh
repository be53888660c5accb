#!/bin/sh
# usage: ends.sh PROBE MPIRUN...     Exit codes and messages of jobs that cannot go on.
probe=$1
shift
words=$(mktemp)
trap 'rm -f "$words"' EXIT
failed=0

# expect CODE TEXT TIMES COMMAND...: the command exits with CODE and says TEXT so many times
expect() {
  code=$1 text=$2 times=$3
  shift 3
  "$@" >"$words" 2>&1
  got=$?
  said=$(grep -c -- "$text" "$words")
  if [ "$got" -ne "$code" ] || [ "$said" -ne "$times" ]; then
    echo "FAILED: exit $got (expected $code), \"$text\" $said times (expected $times): $*"
    cat "$words"
    failed=1
  fi
}

expect 0 "rank" 0 "$@" "$probe" none
expect 74 "rank 1 (.*): the disk of rank 1 is gone" 1 "$@" "$probe" agree
expect 74 "rank 1 (.*): the disk of rank 1 is gone" 1 "$@" "$probe" abort
expect 70 "broken assertion at tests/mpi/ends.c" 1 "$@" "$probe" assert

# Tasks that were started together but do not see each other.
expect 69 "started 4 tasks (PMI_SIZE) but MPI sees 1.*--mpi=pmix" 1 env PMI_SIZE=4 PMI_RANK=0 "$probe" none
expect 69 "." 0 env PMI_SIZE=4 PMI_RANK=2 "$probe" none
expect 69 "started 4 tasks (SLURM_STEP_NUM_TASKS)" 1 \
  env SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0 "$probe" none
expect 69 "." 0 env PMIX_RANK=2 "$probe" none
# Legitimate single tasks: alone, and by hand inside an allocation of many tasks.
expect 0 "." 0 "$probe" none
expect 0 "." 0 env SLURM_NTASKS=8 SLURM_PROCID=0 "$probe" none
exit $failed
