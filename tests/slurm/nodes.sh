#!/bin/bash
# Nodes that die, and nodes that hang and come back: Slurm requeues what ran there, its next life takes the run folder over at
# once, and a rank that comes back from the dead writes nothing more. The end is that of the unbroken run.
cluster_of=(-n 8 -c 2)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp mlp.yaml
export CONFIG=mlp.yaml
steps=40
words=("train.steps=$steps" train.checkpoint_every=2)

# begin RUN NODES [SCRIPT]: a job of one rank a node; its number to $job, the node of rank 0 to $node
begin() {
  DSMPI_FAULT=0:1:slow RUN=$1 submit -N"$2" --exclusive --ntasks-per-node=1 "$scripts/${3-train.sbatch}" "${words[@]}"
  wait_for 60 "a checkpoint in $1" has_checkpoint "$1"
  node=$(fact "$job" BatchHost)
}
is_idle() { [ "$(sinfo -h -N -n "$1" -p batch -o %T)" = idle ]; }
goes_on() { said_by "$1" "resume "; }

the_dead_nodes_job_goes_on() {
  wait_for 180 "the job of $dead_node to go on" goes_on "$dead_job"
  expect_restarts "$dead_job" 1
  expect_said "$dead_job" "taken over from process" "on $dead_node: an earlier life of this job"
  "$CLUSTER" boot "$dead_node"
  expect_end "$dead_job" COMPLETED 120
  expect_same_run unbroken dead
  passed "$dead_node lost its power: requeued by Slurm, taken over at once: as the unbroken run"
}

mpirun_misses_a_node() {
  wait_for 180 "the job of $missed_node to go on" goes_on "$missed_job"
  expect_said "$missed_job" "train-mpirun.sbatch: requeued"
  expect_end "$missed_job" COMPLETED 120
  expect_same_run unbroken missed
  passed "$missed_node lost its power under mpirun: requeued by the script: as the unbroken run"
}

the_frozen_rank_writes_nothing() {
  local before
  wait_for 180 "the job of $frozen_node to go on" goes_on "$frozen_job"
  expect_said "$frozen_job" "on $frozen_node: an earlier life of this job"
  before=$(cat frozen/owner)
  kill -CONT "$frozen_rank" # alone: Slurm, thawed with it, would kill it, and might be in time
  wait_for 60 "the rank that was frozen to see it" grep -q "has been taken over by process .* nothing more is written" life.0
  [ "$(cat frozen/owner)" = "$before" ] || fail "the rank that came back has taken the folder: $(cat frozen/owner)"
  expect_end "$frozen_job" COMPLETED 120
  # not before: the srun of the earlier life, thawed, ends the step of that number, which is its successor's as well
  "$CLUSTER" thaw "$frozen_node"
  wait_for 60 "$frozen_node to be back" is_idle "$frozen_node"
  expect_same_run unbroken frozen
  passed "$frozen_node hung and came back: its rank wrote nothing in the run of its successor: as the unbroken run"
}

expect 0 1 train mlp.yaml "train.steps=$steps" -o unbroken
begin dead 2
dead_job=$job dead_node=$node
# what a rank of a node that hangs has to say gets nowhere but into a file
# shellcheck disable=SC2016 # expanded when it runs
printf '#!/bin/bash\nexec "%s" "$@" 2>"%s/life.${SLURM_RESTART_COUNT:-0}"\n' "$DSMPI" "$work" >program
chmod +x program
PROGRAM=./program begin frozen 1
frozen_job=$job frozen_node=$node
frozen_rank=$(rank_of "$job" SLURM_PROCID=0)
begin missed 2 train-mpirun.sbatch
missed_job=$job
missed_node=$(scontrol show hostnames "$(fact "$job" NodeList)" | grep -vx "$node") # mpirun runs on the other one
"$CLUSTER" kill "$missed_node"
"$CLUSTER" kill "$dead_node"
"$CLUSTER" freeze "$frozen_node"
[ -e dead/owner ] || fail "a killed job cannot have given its folder back"
the_frozen_rank_writes_nothing
the_dead_nodes_job_goes_on
mpirun_misses_a_node
