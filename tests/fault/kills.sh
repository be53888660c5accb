#!/bin/bash
# kills.sh training|sampling: SIGKILL to a rank, any of them, at any moment, again and again: while it starts, computes,
# writes; the other ranks are gone at once, as with their node, or some seconds later, as mpirun does it. The same command
# after each; what comes out in the end is that of an undisturbed run, to the bit, and nothing temporary is left. Half of the
# time of this training goes into checkpoints.
#   DSMPI_KILLS=30        how many (default 6)
#   DSMPI_KILLS_SEED=7    moments and ranks of an earlier try; its seed is printed
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
kind=$1
kills=${DSMPI_KILLS:-6}
seed=${DSMPI_KILLS_SEED:-$((16#$(head -c 2 /dev/urandom | od -An -tx1 | tr -d ' ')))}
RANDOM=$seed
echo "seed $seed"
ranks=3 struck=0 amid=0 ends=0 stuck=0
limit=120
small_mlp mlp.yaml

random_seconds() { # BELOW, in milliseconds: a random time, as sleep wants it
  local ms=$(((RANDOM * 32768 + RANDOM) % $1))
  printf '%d.%03d' $((ms / 1000)) $((ms % 1000))
}
# undisturbed ARGUMENTS...: what is to be disturbed later; $span becomes the time it takes, in milliseconds
undisturbed() {
  local start
  start=$(date +%s%N)
  expect 0 $ranks "$@"
  span=$((($(date +%s%N) - start) / 1000000))
}
all_started() { [ -e ranks/0.pid ] && [ -e ranks/1.pid ] && [ -e ranks/2.pid ]; }
gone() { # PID: as the program sees it, a process that nobody has waited for yet is gone
  local state
  [ -e "/proc/$1/stat" ] || return 0
  state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 0
  [ "$state" = Z ]
}
# temporary PATHS...: temporary files whose writers are gone; a number may have been given to another process meanwhile
temporary() {
  local file
  while read -r file; do
    if gone "${file##*-}"; then echo "$file"; fi
  done < <(find "$@" -name '*.tmp*' -o -name 'owner*' -o -name '.probe*' 2>/dev/null)
}

# ---- what is killed -----------------------------------------------------------------------------------------

prepare_training() {
  local save=(train mlp.yaml train.steps=400 train.checkpoint_every=5 train.log_every=20)
  command=("${save[@]}" -o run) output=run
  undisturbed "${save[@]}" train.keep=1000 -o unbroken
}
amid_training() { [ -n "$(temporary run)" ]; } # the last kill met a file that was being written
check_training() { # whatever has the name of a checkpoint is the checkpoint of that step
  local file
  for file in run/checkpoints/step-????????.h5; do
    if [ ! -e "$file" ]; then continue; fi
    "$DSMPI_HELPERS/same_checkpoint" "unbroken/checkpoints/${file##*/}" "$file" || fail "$file is not good"
  done
  if has_checkpoint run; then resumed=$(newest run); else resumed=; fi
}
went_on_training() { # from the newest checkpoint, if it came so far
  local from
  from=$(sed -n 's/^resume   \(.*\) at step .*/\1/p' said)
  [ -z "$from" ] || [ "$from" = "$resumed" ] || fail "went on from $from; the newest checkpoint is $resumed"
}
end_training() {
  local more
  expect_same_run unbroken run
  [ -z "$(temporary run)" ] || fail "left behind: $(temporary run)"
  # less may be right: a job that was killed after its last checkpoint leaves no line of timing
  more=$(comm -23 <(ls -A run) <(ls -A unbroken))
  [ -z "$more" ] || fail "left behind: $more"
}

prepare_sampling() {
  expect 0 1 train mlp.yaml -o model
  mkdir out
  command=(sample model -n 60000 -o out/samples.h5 sampler.block=4) output=out
  undisturbed "${command[@]}"
  mv out/samples.h5 unbroken.h5
  drawn=0
}
amid_sampling() { [ -e out/samples.h5.partial ] && [ ! -e out/samples.h5 ]; }
check_sampling() { # what was drawn stays
  local now=0
  if [ -e out/samples.h5 ]; then cmp unbroken.h5 out/samples.h5 || fail "samples that are not good"; fi
  if [ -e out/samples.h5.partial ]; then
    now=$("$DSMPI_HELPERS/blocks_done" out/samples.h5.partial) || fail "the unfinished file cannot be read"
    [ "$now" -ge "$drawn" ] || fail "$drawn blocks were drawn before, $now are there now"
  fi
  drawn=$now
}
went_on_sampling() {
  [ "$drawn" -eq 0 ] || ! grep -q "^output " said || expect_words "going on with an interrupted file"
}
end_sampling() {
  cmp unbroken.h5 out/samples.h5 || fail "other samples than undisturbed"
  [ "$(ls -A out)" = samples.h5 ] || fail "left behind: $(ls -A out)"
  drawn=0
}

# end_of_job: the ranks end, and with them the job. Open MPI 4.1.4's mpirun sometimes locks itself in after the last rank is
# gone (seen twice); it is then ended, and counted.
end_of_job() {
  local rank
  for rank in 0 1 2; do wait_for "$limit" "rank $rank to be gone" gone "$(cat ranks/$rank.pid)"; done
  for ((tries = 0; tries < 500; tries++)); do
    if gone "$job"; then break; fi
    sleep 0.02
  done
  if ! gone "$job"; then
    stuck=$((stuck + 1))
    kill -KILL -- "-$job" # timeout, which has a group of its own, and mpirun
  fi
  wait_job
}

# ---- one life -----------------------------------------------------------------------------------------------

# live: starts the job; it ends by itself, or by a kill within $span
live() {
  local victim=$((RANDOM % ranks)) last=$((RANDOM % 3)) moment
  moment=$(random_seconds "$span")
  # gaps in seconds between the signals with which mpirun ends the other ranks: none, or its own, of one each
  OMPI_MCA_odls_base_sigkill_timeout=$((last == 0)) start_ranks $ranks "${command[@]}"
  wait_for 60 "the ranks to start" all_started
  sleep "$moment"
  kill -KILL "$(cat ranks/$victim.pid)" 2>/dev/null || true
  end_of_job
  [ "$code" -ne 0 ] || return 0
  struck=$((struck + 1))
  if "amid_$kind"; then amid=$((amid + 1)); fi
}

"prepare_$kind"
mkdir -p "$output"
"check_$kind"
while [ "$struck" -lt "$kills" ]; do
  live
  "went_on_$kind"
  "check_$kind"
  if [ "$code" -eq 0 ]; then
    "end_$kind"
    ends=$((ends + 1))
    rm -rf "$output"
    mkdir "$output"
    "check_$kind"
  fi
done
expect 0 2 "${command[@]}"
"went_on_$kind"
"end_$kind"
passed "$kind: $kills kills in $((ends + 1)) runs, $amid of them amid a file, mpirun stuck $stuck times: the same end each time"
