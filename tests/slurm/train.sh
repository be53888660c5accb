#!/bin/bash
# The job scripts in a real queue: stopped by the time limit, requeued, preempted, on other numbers of nodes, with mpirun, in
# arrays and chains. However often a run was interrupted, its end is that of the unbroken run, bit by bit.
# Jobs sleep more than they compute (DSMPI_FAULT slow: half a second a step), so that they can run beside each other.
cluster_of=(-n 8 -c 4)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp mlp.yaml
export CONFIG=mlp.yaml
steps=50 many=90
words=("train.steps=$steps" train.checkpoint_every=3)
slow_2=0:1:slow,1:1:slow slow_4=$slow_2,2:1:slow,3:1:slow
two_nodes=(-N2 --ntasks-per-node=1)

saved() { wait_for 60 "a checkpoint in $1" has_checkpoint "$1"; } # RUN: it is on its way
as_unbroken() { # RUN JOB
  expect_same_run unbroken "$1"
  expect_said "$2" "dsmpi: finished step $steps (target reached)"
}
stopped_for() { words_of "$1" | grep -o 'stopped at step [0-9]* of [0-9]* ([^)]*)' | xargs | sed 's/) /), /g'; }

# ---- the real end of a job's time; it takes more than a minute and goes on beside all others ----

the_time_limit_begins() {
  DSMPI_FAULT=$slow_2 RUN=limit submit "${two_nodes[@]}" --time=1 --signal=USR1@10 "$scripts/train.sbatch" train.steps=$many
  limit_job=$job
}
the_time_limit_ends() {
  expect_end "$limit_job" COMPLETED 300
  expect_restarts "$limit_job" 1
  expect_said "$limit_job" "train.sbatch: requeued" "exit status 75 is expected"
  expect 0 1 train mlp.yaml train.steps=$many -o unbroken.limit
  expect_same_run unbroken.limit limit
  passed "a time limit of a minute: $(stopped_for "$limit_job"), requeued each time: as the unbroken run"
}

# ---- preemption: Slurm stops the job and puts it back ----

preemption_begins() {
  DSMPI_FAULT=$slow_2 RUN=preempted submit "${two_nodes[@]}" "$scripts/train.sbatch" "${words[@]}"
  preempted_job=$job
  saved preempted
  scontrol requeue "$preempted_job"
}
preemption_ends() {
  expect_end "$preempted_job" COMPLETED 120
  expect_restarts "$preempted_job" 1
  expect_said "$preempted_job" "(SIGTERM)"
  as_unbroken preempted "$preempted_job"
  passed "scontrol requeue: $(stopped_for "$preempted_job"), put back by Slurm: as the unbroken run"
}

# ---- a signal to one rank, and other numbers of nodes ----

# tasks_that_left_with CODE JOB: how many srun tells of
tasks_that_left_with() {
  words_of "$2" | sed -n "s/^srun: error: [^:]*: tasks\{0,1\} \([0-9,-]*\): Exited with exit code $1\$/\1/p" |
    tr , '\n' | awk -F- '{ n += $NF - $1 + 1 } END { print n + 0 }'
}
one_rank_is_told_under_srun() {
  DSMPI_FAULT=$slow_4 RUN=elastic MAX_RESTARTS=0 submit -N2 --ntasks-per-node=2 "$scripts/train.sbatch" "${words[@]}"
  saved elastic
  kill -USR1 "$(rank_of "$job" SLURM_PROCID=3)"
  expect_end "$job" FAILED 60
  expect_said "$job" "(SIGUSR1)" "started again 0 times (MAX_RESTARTS): not requeued"
  [ "$(tasks_that_left_with 75 "$job")" -eq 4 ] || job_fails "$job" "exit 75 of all 4 ranks expected"
  passed "SIGUSR1 to rank 3 of 4 under srun: all exit 75, $(stopped_for "$job")"
}
another_number_of_nodes() { # NODES TASKS_PER_NODE FAULT
  local before
  before=$(newest elastic)
  DSMPI_FAULT=$3 RUN=elastic MAX_RESTARTS=0 submit -N"$1" --ntasks-per-node="$2" "$scripts/train.sbatch" "${words[@]}"
  wait_for 60 "the run to go on" beyond "$before"
  expect_said "$job" "resume "
}
beyond() { [ "$(newest elastic)" != "$1" ]; }
nodes_come_and_go() {
  one_rank_is_told_under_srun # on 2 nodes
  another_number_of_nodes 1 2 $slow_2
  touch elastic/STOP
  expect_end "$job" FAILED 60
  expect_said "$job" "(STOP file)" "STOP is there: not requeued"
  another_number_of_nodes 2 1 ""
  expect_end "$job" COMPLETED 120
  as_unbroken elastic "$job"
  passed "2 nodes with 4 ranks, then 1 with 2, then 2 with 2: as the unbroken run"
}

# ---- mpirun ----

mpirun_begins() {
  DSMPI_FAULT=$slow_2 RUN=mpirun submit "${two_nodes[@]}" "$scripts/train-mpirun.sbatch" "${words[@]}"
  mpirun_job=$job
  saved mpirun
  scancel -b -s USR1 "$mpirun_job" # what --signal=B:USR1@... does before the time is up
  DSMPI_FAULT=$slow_2 RUN=mpirun.one MAX_RESTARTS=0 submit "${two_nodes[@]}" "$scripts/train-mpirun.sbatch" "${words[@]}"
  saved mpirun.one
  kill -USR1 "$(rank_of "$job" OMPI_COMM_WORLD_RANK=1)"
  expect_end "$job" FAILED 60
  expect_said "$job" "(SIGUSR1)" "exit status 75 is expected" "MAX_RESTARTS"
  passed "SIGUSR1 to rank 1 of 2 under mpirun: $(stopped_for "$job"), exit 75"
}
mpirun_ends() {
  expect_end "$mpirun_job" COMPLETED 120
  expect_restarts "$mpirun_job" 1
  expect_said "$mpirun_job" "(SIGUSR1)" "train-mpirun.sbatch: requeued"
  as_unbroken mpirun "$mpirun_job"
  passed "train-mpirun.sbatch: USR1 to the batch shell, $(stopped_for "$mpirun_job"), requeued: as the unbroken run"
}

# ---- arrays ----

array_begins() {
  printf '# three rates\noptimizer.lr=1.0e-3\n\noptimizer.lr=2.0e-3\noptimizer.lr=3.0e-3 optimizer.warmup=2\n' >sweep.txt
  DSMPI_FAULT=$slow_2 RUN=sweep submit --array=1-3 "${two_nodes[@]}" "$scripts/sweep.sbatch" "${words[@]}"
  array_job=$job
  local variant
  for variant in 1 2 3; do saved sweep/$variant; done
  array_variant=$(scontrol -o show job "$array_job" | sed -n "s/^JobId=$array_job .* ArrayTaskId=\([0-9]*\) .*/\1/p")
  scancel -s USR1 "${array_job}_$array_variant" # the task that has the number of the array: it must requeue itself only
}
array_ends() {
  local variant
  for variant in 1 2 3; do expect_end "${array_job}_$variant" COMPLETED 120; done
  for variant in 1 2 3; do
    [ "$(fact "${array_job}_$variant" Restarts)" -eq $((variant == array_variant)) ] ||
      job_fails "${array_job}_$variant" "one restart of variant $array_variant expected, none of others"
  done
  expect_said "${array_job}_$array_variant" "sweep.sbatch: requeued"
  expect_same_run unbroken sweep/1
  expect 0 1 train mlp.yaml "train.steps=$steps" optimizer.lr=3.0e-3 optimizer.warmup=2 -o unbroken.3
  expect_same_run unbroken.3 sweep/3
  passed "an array of 3: each its own run, task $array_variant requeued itself alone: as the unbroken runs"
}
array_without_a_line() {
  submit --array=4 -N1 --ntasks-per-node=1 "$scripts/sweep.sbatch"
  expect_end "${job}_4" FAILED 60
  expect_said "${job}_4" "there is no variant 4, sweep.txt has 3 lines"
  passed "a task of an array without a line is told"
}

# ---- chains ----

chain_begins() {
  local answer
  answer=$(DSMPI_FAULT=$slow_2 RUN=chain COUNT=200 TRAIN_OPTIONS="${two_nodes[*]}" SAMPLE_OPTIONS="${two_nodes[*]}" \
    VIEW_OPTIONS="--time=5" "$scripts/chain.sh" "${words[@]}")
  read -r _ chain_train _ _ chain_sample _ _ chain_view <<<"${answer//,/}"
  saved chain
  scancel -s USR1 "$chain_train" # what follows waits for the end, not for a stop
}
chain_ends() {
  expect_end "$chain_view" COMPLETED 180
  expect_restarts "$chain_train" 1
  as_unbroken chain "$chain_train"
  expect 0 1 sample chain -n 200 -o samples.h5
  cmp samples.h5 chain/samples/samples.h5 || job_fails "$chain_sample" "samples differ from those that are drawn alone"
  expect 0 1 view samples.h5 -o samples.png
  cmp samples.png chain/samples/samples.png || job_fails "$chain_view" "another picture than that of these samples"
  passed "train, requeued once, then sample, then view: samples and picture are those that are made alone"
}
a_chain_that_breaks_is_taken_down() {
  local answer train sample view
  answer=$(RUN=broken TRAIN_OPTIONS="${two_nodes[*]}" SAMPLE_OPTIONS="${two_nodes[*]}" "$scripts/chain.sh" no.such=key)
  read -r _ train _ _ sample _ _ view <<<"${answer//,/}"
  expect_end "$train" FAILED 60
  expect_end "$sample" CANCELLED 60
  expect_end "$view" CANCELLED 60
  passed "a chain whose training fails: what would follow is cancelled"
  code=0 # sample.sbatch asks for 16 tasks a node, nodes here have 4
  SBATCH_JOB_NAME=refused TRAIN_OPTIONS="${two_nodes[*]} --hold" "$scripts/chain.sh" >said 2>&1 || code=$?
  [ "$code" -eq 1 ] || fail "exit 1 expected of a chain that is refused, $code received"
  expect_words "nothing was submitted"
  [ -z "$(squeue -h -n refused)" ] || fail "a part of a refused chain waits: $(squeue)"
  passed "a chain of which a part is refused: nothing of it waits"
}

# ---- sampling ----

sampling_begins() { # of the unbroken run; each rank half a second slower in each block, so that it is met in the middle
  DSMPI_FAULT=$slow_2 RUN=unbroken SAMPLES=stopped.h5 COUNT=800 submit "${two_nodes[@]}" "$scripts/sample.sbatch" sampler.block=16
  sampling=$job
  wait_for 60 "a block of samples" some_blocks stopped.h5
  scancel -s USR1 "$sampling"
}
some_blocks() { [ "$("$DSMPI_HELPERS/blocks_done" "$1.partial" 2>/dev/null || echo 0)" -ge 4 ]; }
sampling_ends() {
  expect_end "$sampling" COMPLETED 180
  expect_restarts "$sampling" 1
  expect_said "$sampling" "blocks still missing (SIGUSR1)" "sample.sbatch: requeued" "going on with an interrupted file"
  expect 0 1 sample unbroken -n 800 -o alone.h5 sampler.block=16
  cmp alone.h5 stopped.h5 || job_fails "$sampling" "samples differ from those that are drawn alone"
  passed "sampling stopped by scancel -s USR1, requeued: byte for byte as drawn alone"
}

# ---- a cancelled job stays away ----

cancelled() { # SCRIPT RUN
  DSMPI_FAULT=$slow_2 RUN=$2 submit "${two_nodes[@]}" "$scripts/$1" "${words[@]}"
  saved "$2"
  scancel "$job"
  expect_end "$job" CANCELLED 60
  passed "$1: scancel is the end of it"
}

expect 0 1 train mlp.yaml "train.steps=$steps" -o unbroken
the_time_limit_begins
preemption_begins
mpirun_begins
array_begins
chain_begins
sampling_begins
nodes_come_and_go
array_without_a_line
a_chain_that_breaks_is_taken_down
cancelled train.sbatch cancelled
cancelled train-mpirun.sbatch cancelled.mpirun
preemption_ends
mpirun_ends
array_ends
chain_ends
sampling_ends
the_time_limit_ends
