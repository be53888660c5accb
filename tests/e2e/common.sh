# shellcheck shell=bash
# What the end-to-end tests share: a folder of their own, running the program on ranks, comparing what it leaves.
# A script sources this first; ctest tells it where things are. By hand:
#   ctest --test-dir BUILD -R NAME --output-on-failure
set -eu
: "${DSMPI:?the program; ctest sets it}"
: "${DSMPI_MPIRUN:?how ranks are started, without their number; ctest sets it}"
: "${DSMPI_HELPERS:?folder of the helper programs; ctest sets it}"
: "${DSMPI_SOURCE:?the source tree; ctest sets it}"
export TERM=dumb OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
limit=${DSMPI_LIMIT:-60} # seconds for one command; whatever takes longer counts as hanging
read -ra mpirun <<<"$DSMPI_MPIRUN"

work=$(mktemp -d "${TMPDIR:-/tmp}/dsmpi-test.XXXXXX")
undo() { :; } # what else is to be undone at the end; for scripts to redefine
leave() {
  local code=$? pid
  trap - EXIT
  for pid in $(jobs -p); do kill -TERM "$pid" 2>/dev/null || true; done # timeout, which passes it on
  wait
  cd /
  undo
  rm -rf "$work"
  exit "$code"
}
trap leave EXIT
cd "$work"

# ---- verdicts ----

# fail TEXT: ends the script; what the last command said comes along
fail() {
  {
    printf 'FAILED: %s\n' "$*"
    if [ -s "$work/said" ]; then
      echo "---- the last command said:"
      tail -n 60 "$work/said"
    fi
  } >&2
  exit 1
}
passed() { printf 'ok: %s\n' "$*"; }
skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

# ---- claims of the oracle ladder (../ladder.h) ----

# add_claim FIELD...: a line to the file that DSMPI_LADDER names, if there is one
add_claim() {
  local IFS=$'\t'
  printf 'level %s\n' "$*"
  [ -z "${DSMPI_LADDER-}" ] || printf '%s\n' "$*" >>"$DSMPI_LADDER"
}
# claim LEVEL WHAT FIGURE "<="|">=" BOUND: that the figure keeps to the bound; ends the script if it does not
claim() {
  local verdict=FAILED figure=${3:-none}
  if [[ $figure =~ ^-?[0-9.]+(e[-+]?[0-9]+)?$ ]]; then
    if awk "BEGIN { exit !($figure $4 $5) }"; then verdict=ok; fi
    figure=$(awk "BEGIN { printf \"%.3g\", $figure }")
  fi
  add_claim "$1" "$2" "$figure" "$4 $5" "$verdict"
  [ "$verdict" = ok ] || fail "$2: $3, expected $4 $5"
}
# cannot_claim LEVEL WHAT WHY: what was not looked at
cannot_claim() { add_claim "$1" "$2" - "$3" skipped; }

# ---- running ----

# run_ranks N ARGUMENTS...: the program on N ranks (1: alone, as at a desk). Its words go to `said`, its code to $code.
run_ranks() {
  local start=()
  if [ "$1" -gt 1 ]; then start=("${mpirun[@]}" -np "$1"); fi
  shift
  code=0
  timeout -k 5 "$limit" "${start[@]}" "$DSMPI" "$@" >"$work/said" 2>&1 </dev/null || code=$?
}

# expect CODE N ARGUMENTS...: the program on N ranks ends with CODE
expect() {
  local expected=$1
  shift
  run_ranks "$@"
  if [ "$code" -eq 124 ]; then fail "no end after $limit s on $1 ranks (exit $expected was expected): ${*:2}"; fi
  [ "$code" -eq "$expected" ] || fail "exit $expected expected, $code received on $1 ranks: ${*:2}"
}

# expect_words TEXT...: the last command said each of them
expect_words() {
  local text
  for text; do grep -qF -- "$text" "$work/said" || fail "words expected: $text"; done
}

# start_ranks N ARGUMENTS...: the program on N ranks in the background. ranks/R.pid holds the process of rank R,
# ranks/R.code its exit code when it has ended by itself; the job itself is $job.
start_ranks() {
  local n=$1
  shift
  rm -rf ranks
  mkdir ranks
  : >"$work/said"
  # mpirun ends all when one has ended with a failure; the shells live on until they have noted how their rank ended
  # shellcheck disable=SC2016 # expanded by the shell of each rank
  timeout -k 5 "$limit" "${mpirun[@]}" -np "$n" bash -c '
    rank=$OMPI_COMM_WORLD_RANK
    trap : TERM
    "$@" &
    echo $! >"$0/rank.$rank" && mv "$0/rank.$rank" "$0/$rank.pid"
    wait $!
    code=$?
    if [ "$code" -gt 128 ]; then # a signal to this shell, or to the rank? only in the first case it is still to be waited for
      wait $!
      again=$?
      if [ "$again" -ne 127 ]; then code=$again; fi
    fi
    echo "$code" >"$0/$rank.code"
    exit "$code"' "$work/ranks" "$DSMPI" "$@" >"$work/said" 2>&1 </dev/null &
  job=$!
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds
wait_for() {
  local tries=$(($1 * 50)) what=$2
  shift 2
  while ! "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "waited in vain for $what"
    sleep 0.02
  done
}

# wait_job: until the job in the background has ended; its exit code to $code
wait_job() {
  code=0
  wait "$job" || code=$?
  [ "$code" -ne 124 ] || fail "the job did not end within $limit s"
}

# ---- results ----

# newest RUN: path of the newest checkpoint
newest() {
  local files=("$1"/checkpoints/step-????????.h5)
  [ -e "${files[-1]}" ] || fail "no checkpoint in $1"
  echo "${files[-1]}"
}

has_checkpoint() { compgen -G "$1/checkpoints/step-????????.h5" >/dev/null; }

# untimed RUN: the loss log without the fields that depend on the clock
untimed() { sed -E 's/, "seconds": [0-9.e+-]+, "samples_per_second": [0-9a-z.e+-]+, "seconds_left": [0-9a-z.e+-]+//' "$1/metrics.jsonl"; }

# expect_same_run A B: newest checkpoints alike to the bit, same loss log
expect_same_run() {
  local a b
  a=$(newest "$1")
  b=$(newest "$2")
  [ "${a##*/}" = "${b##*/}" ] || fail "newest checkpoints: $a expected, $b received"
  "$DSMPI_HELPERS/same_checkpoint" "$a" "$b" || fail "checkpoints of $1 and $2 are not the same"
  untimed "$1" >metrics.expected
  untimed "$2" >metrics.received
  [ -s metrics.expected ] || fail "$1/metrics.jsonl is empty"
  diff metrics.expected metrics.received || fail "loss logs of $1 (<) and $2 (>) are not the same"
}

# ---- small models that train in a moment ----

# small_mlp FILE: 5 micro-batches, so that 3 and 4 ranks have unequal shares; eight Gaussians in eight.h5
small_mlp() {
  [ -e eight.h5 ] || "$DSMPI" data make eight_gaussians -n 1000 -o eight.h5 >/dev/null
  cat >"$1" <<END
data: {file: $work/eight.h5}
process: {name: ddpm, steps: 20, schedule: cosine}
model: {name: mlp, width: 16, depth: 2}
optimizer: {lr: 1.0e-3, warmup: 1, ema: [0.9, 0.99]}
train: {steps: 50, batch: 20, micro_batch: 4, threads: 1, log_every: 10, checkpoint_every: 20}
sampler: {block: 16}
END
}

# small_unet FILE: 6 micro-batches, attention, dropout; fields of 8 x 8 in field.h5
small_unet() {
  [ -e field.h5 ] || "$DSMPI" data make gaussian_field -n 100 --side 8 -o field.h5 >/dev/null
  cat >"$1" <<END
data: {file: $work/field.h5}
process: {name: vp}
model: {name: unet, width: 8, multipliers: [1, 2], blocks: 1, attention: [4], dropout: 0.1}
optimizer: {lr: 1.0e-3, schedule: cosine, ema: [0.99]}
train: {steps: 50, batch: 24, micro_batch: 4, threads: 1, log_every: 10, checkpoint_every: 20}
sampler: {block: 16, steps: 20}
END
}
