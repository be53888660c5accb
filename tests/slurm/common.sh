# shellcheck shell=bash disable=SC2034 # names for the scripts
# What the tests with Slurm share. A script sources this first, which starts the script again inside a cluster of its own:
#   cluster_of=(-n NODES -c CPUS)
#   . "$(dirname "$0")/common.sh"
if [ -z "${CLUSTER_STATE-}" ]; then
  # shellcheck disable=SC2154 # by the script
  exec bash "$(dirname "$0")/cluster.sh" "${cluster_of[@]}" bash "$0" "$@"
fi
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
scripts=$DSMPI_SOURCE/jobs/slurm
export PROGRAM=$DSMPI MPIRUN=mpirun OMP_WAIT_POLICY=passive # what the job scripts take from the environment

# wait_for SECONDS WHAT COMMAND...: as in e2e/common.sh, by the clock: what is asked of Slurm takes its time
wait_for() {
  local until=$((SECONDS + $1)) what=$2
  shift 2
  while ! "$@"; do
    if [ "$SECONDS" -ge "$until" ]; then
      { squeue && tail -n 30 ./*.out; } >said 2>&1
      fail "waited in vain for $what"
    fi
    sleep 0.1
  done
}
undo() { # nobody writes any more when the folder goes
  local node
  scancel --quiet --user=root || true
  for node in $(sinfo -h -N -p batch -o %N); do "$CLUSTER" kill "$node"; done
}

# ---- jobs ----

# submit OUTPUT_OF_SBATCH...: a job; its number to $job
submit() { job=$(sbatch --parsable "$@"); }

# fact JOB NAME: what scontrol says of it: JobState, Restarts, BatchHost ...; of an array: of its first task
fact() { scontrol -o show job "$1" 2>/dev/null | head -n 1 | sed -n "s/.* $2=\([^ ]*\).*/\1/p"; }
is_in() { [ "$(fact "$1" JobState)" = "$2" ]; }

# words_of JOB: all that it has written, in all its lives
words_of() {
  local id=$1
  cat ./*."$id".out 2>/dev/null || true
}
said_by() { words_of "$1" | grep -qF -- "$2"; } # JOB TEXT
expect_said() { # JOB TEXT...
  local id=$1 text
  shift
  for text; do said_by "$id" "$text" || job_fails "$id" "words expected: $text"; done
}
job_fails() { # JOB TEXT
  words_of "$1" >said
  fail "job $1 ($(fact "$1" JobState), $(fact "$1" Restarts) restarts): $2"
}

# expect_end JOB STATE SECONDS: it ends so, within that time
expect_end() {
  local until=$((SECONDS + $3)) state
  while :; do
    state=$(fact "$1" JobState)
    case $state in
      PENDING | RUNNING | COMPLETING | CONFIGURING | REQUEUED | SUSPENDED) ;;
      "$2") return 0 ;;
      *) job_fails "$1" "$2 expected" ;;
    esac
    [ "$SECONDS" -lt "$until" ] || job_fails "$1" "no end after $3 s"
    sleep 0.1
  done
}
# expect_restarts JOB AT_LEAST
expect_restarts() { [ "$(fact "$1" Restarts)" -ge "$2" ] || job_fails "$1" "$2 restarts expected"; }

# rank_of JOB VARIABLE=RANK: the process in whose environment the launcher has put that
rank_of() {
  local pid
  for pid in $(pgrep -x dsmpi); do
    if [ "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c -x -e "SLURM_JOB_ID=$1" -e "$2")" -eq 2 ]; then
      echo "$pid"
      return 0
    fi
  done
  fail "job $1 has no rank $2"
}
