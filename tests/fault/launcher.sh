#!/bin/bash
# A launcher that starts tasks which MPI does not bring together: each would train the whole run over the others' files.
# They are refused (exit 69, told once, by task 0); single runs are not, wherever they stand.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
train=("$DSMPI" train mlp.yaml train.steps=2)

# lonely TOLD VARIABLE=VALUE...: a process that was told of other tasks but is alone in MPI
lonely() {
  local expected=$1 told
  shift
  code=0
  timeout "$limit" env "$@" "${train[@]}" -o never >said 2>&1 </dev/null || code=$?
  [ "$code" -eq 69 ] || fail "exit 69 expected, $code received with $*"
  told=$(grep -c '^dsmpi: error:' said || true)
  [ "$told" -eq "$expected" ] || fail "$expected errors expected, $told received with $*"
  [ "$expected" -eq 0 ] || expect_words "4 tasks" "MPI sees 1" "--mpi=pmix"
  [ ! -e never ] || fail "a refused task left a run folder"
  passed "refused: $*"
}

# alone VARIABLE=VALUE...: a legitimate single run
alone() {
  code=0
  rm -rf run
  timeout "$limit" env "$@" "${train[@]}" -o run >said 2>&1 </dev/null || code=$?
  [ "$code" -eq 0 ] || fail "exit 0 expected, $code received with $*"
  expect_words "finished step 2"
  passed "not refused: $*"
}

lonely 1 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0
lonely 0 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=3
lonely 1 PMI_SIZE=4 PMI_RANK=0
lonely 0 PMI_SIZE=4 PMI_RANK=1
alone SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_PROCID=0                         # ./dsmpi in a batch script of 4 tasks
alone SLURM_JOB_ID=7 SLURM_STEP_ID=4294967290 SLURM_STEP_NUM_TASKS=4       # in an interactive shell of srun --pty
alone SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 # srun -n 1
