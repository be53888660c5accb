#!/bin/bash
# Submits a training, the sampling that follows it when the target step is reached, and a picture of the samples after that:
#   CONFIG=my.yaml RUN=runs/a COUNT=10000 jobs/slurm/chain.sh [key=value...]
# Words of the command line go to the training. What the three scripts take from the environment is passed on; options of sbatch
# for each of them stand in TRAIN_OPTIONS, SAMPLE_OPTIONS, VIEW_OPTIONS ("-N 4 --time=12:00:00"), those for all in Slurm's own
# variables (SBATCH_ACCOUNT, SBATCH_PARTITION). TRAIN=train-mpirun.sbatch trains with mpirun.
# If one ends for good without reaching its aim, those behind it are cancelled.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
TRAIN=${TRAIN:-train.sbatch}
read -ra train_options <<<"${TRAIN_OPTIONS-}"
read -ra sample_options <<<"${SAMPLE_OPTIONS-}"
read -ra view_options <<<"${VIEW_OPTIONS-}"

submitted=()
# submit OPTIONS_OF_SBATCH...: its number to $job. One that is refused takes those before it back.
submit() {
  if ! job=$(sbatch --parsable "$@"); then
    [ "${#submitted[@]}" -eq 0 ] || scancel "${submitted[@]}"
    echo "chain.sh: sbatch $* failed: nothing was submitted" >&2
    exit 1
  fi
  job=${job%%;*} # behind it may stand the name of the cluster
  submitted+=("$job")
}
after() { next=(--dependency=afterok:"$job" --kill-on-invalid-dep=yes); }
submit "${train_options[@]}" "$here/$TRAIN" "$@"
after
submit "${next[@]}" "${sample_options[@]}" "$here/sample.sbatch"
after
submit "${next[@]}" "${view_options[@]}" "$here/view.sbatch"
echo "train ${submitted[0]}, then sample ${submitted[1]}, then view ${submitted[2]}"
