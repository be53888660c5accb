#!/bin/bash
# The place for results is no longer what it was, or never was one: quota, limit on the size of files, no permission, a
# folder that is removed or replaced while the program is at work: exit 74, told once with the reason, nothing half-written
# taken for a result, and no wait. The output of the terminal and the log are another matter: nobody stops training for them.
# (Full and read-only disks: disk_full.sh.)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
train=(train mlp.yaml train.steps=40)
long=(train mlp.yaml train.steps=400000 train.log_every=20 train.checkpoint_every=100)

told_once() { # TEXT...
  [ "$code" -eq 74 ] || fail "exit 74 expected, $code received"
  [ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "1 error expected"
  expect_words "$@"
}
# through COMMAND...: a script that runs the program by way of a command
undisturbed=$DSMPI
through() {
  printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$*" "$undisturbed" >through.sh
  chmod +x through.sh
  DSMPI=$work/through.sh
}
directly() { DSMPI=$undisturbed; }

expect 0 1 "${train[@]}" -o unbroken

beyond_the_quota() { # from the reserving of the second checkpoint on, every call fails
  local calls=$work/calls preload="LD_PRELOAD=$DSMPI_HELPERS/failing_calls.so"
  preload="env $preload ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 FAILING_CALLS_BELOW=$work/quota/checkpoints"
  through "$preload FAILING_CALLS_LOG=$calls"
  expect 0 1 "${train[@]}" -o quota
  local reserving
  reserving=$(awk '$2 == "fallocate" { n = $1 } END { print n }' calls)
  rm -r quota
  through "$preload FAILING_CALLS_RANK=0 FAILING_CALLS_AS=EDQUOT FAILING_CALLS_AT=$reserving+"
  run_ranks 2 "${train[@]}" -o quota
  told_once "Disk quota exceeded" "step-00000040.h5" "an older one is untouched"
  [ "$(ls quota/checkpoints)" = step-00000020.h5 ] || fail "left behind: $(ls quota/checkpoints)"
  directly
  expect 0 1 "${train[@]}" -o quota
  expect_same_run unbroken quota
  passed "beyond the quota: exit 74, and with room again the same end"
}

beyond_the_limit_of_a_file() {
  local kib=$(($(stat -c %s unbroken/checkpoints/step-00000020.h5) / 1024 / 2))
  printf '#!/bin/bash\nulimit -f %d\nexec "%s" "$@"\n' "$kib" "$undisturbed" >through.sh
  chmod +x through.sh
  DSMPI=$work/through.sh
  run_ranks 1 "${train[@]}" -o limited # alone: the limit is for MPI's own files in shared memory, too
  told_once "File too large" "ulimit -f" "step-00000020.h5"
  run_ranks 1 sample unbroken -n 10000 -o limited.h5
  told_once "File too large" "limited.h5"
  directly
  if compgen -G "limited.h5*" >/dev/null; then fail "left behind: $(ls limited.h5*)"; fi
  expect 0 1 "${train[@]}" -o limited
  expect_same_run unbroken limited
  printf '#!/bin/bash\nulimit -f 1024\nexec "%s" "$@"\n' "$undisturbed" >through.sh
  mkdir loquacious
  head -c $((1024 * 1024 - 100)) /dev/zero >loquacious/log.txt
  DSMPI=$work/through.sh
  expect 0 1 "${train[@]}" -o loquacious
  expect_words "the log file cannot be written"
  directly
  expect_same_run unbroken loquacious
  passed "beyond the limit of a file: exit 74 before the kernel kills, and without it the same end"
}

without_permission() { # as somebody who is not root
  local folder=$work/locked
  if [ "$(id -u)" -eq 0 ]; then
    if ! command -v setpriv >/dev/null || ! setpriv --reuid=65534 --clear-groups test -x "$undisturbed"; then
      echo "not tried: no permission (nobody cannot run $undisturbed)"
      return
    fi
    through "setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp"
    chmod 755 "$work"
  fi
  mkdir "$folder"
  cp -r unbroken "$folder/run"
  chmod -R a+rX,a-w "$folder"
  run_ranks 1 "${train[@]}" train.steps=60 -o "$folder/new"
  told_once "Permission denied" "$folder/new"
  run_ranks 1 "${train[@]}" train.steps=60 -o "$folder/run"
  told_once "Permission denied" "$folder/run"
  run_ranks 1 sample unbroken -n 4 -o "$folder/samples.h5"
  told_once "Permission denied" "samples.h5"
  chmod a-r "$folder/run/checkpoints/step-00000040.h5"
  run_ranks 1 sample "$folder/run" -n 4 -o /dev/shm/never.h5
  told_once "Permission denied" "step-00000040.h5"
  directly
  chmod -R u+rwX "$folder"
  passed "no permission to write a folder, to make one, to read a checkpoint: exit 74"
}

at_work() { has_checkpoint "$1" && [ -s "$1/metrics.jsonl" ]; }

removed_while_running() {
  start_ranks 2 "${long[@]}" -o removed
  wait_for 30 "a checkpoint" at_work removed
  mv removed elsewhere # at once, where rm -r would take its time
  wait_job
  told_once "removed/"
  grep -qE "was the run folder moved or removed|No such file or directory" said || fail "the error does not say why"
  [ ! -e removed ] || fail "the folder has come again: $(ls -A removed)"
  expect 0 1 sample elsewhere -n 4 -o of_removed.h5
  passed "run folder removed at work: exit 74, what was moved away can be used"
}

replaced_by_a_file() {
  start_ranks 2 "${long[@]}" -o replaced
  wait_for 30 "a checkpoint" at_work replaced
  mv replaced kept && echo "a letter" >replaced
  wait_job
  told_once "replaced/"
  [ "$(cat replaced)" = "a letter" ] || fail "the file has suffered"
  passed "run folder replaced by a file: exit 74"
}

checkpoints_removed_while_running() { # and comes at once again, as a file
  start_ranks 2 "${long[@]}" -o cleaned
  wait_for 30 "a checkpoint" at_work cleaned
  mv cleaned/checkpoints saved && : >cleaned/checkpoints
  wait_job
  told_once "cleaned/checkpoints" "Not a directory"
  passed "folder of checkpoints replaced by a file: exit 74"
}

drawn() { [ "$("$DSMPI_HELPERS/blocks_done" "$1" 2>/dev/null || echo 0)" -ge 20 ]; }

output_removed_while_sampling() {
  local sample=(sample unbroken -n 20000 sampler.block=4 -o)
  mkdir out
  start_ranks 2 "${sample[@]}" out/samples.h5
  wait_for 30 "some blocks" drawn out/samples.h5.partial
  rm -r out
  wait_job
  told_once "out/samples.h5.partial was removed while it was written"
  [ ! -e out ] || fail "the folder has come again"
  mkdir out
  expect 0 2 "${sample[@]}" out/samples.h5
  passed "folder of samples removed at work: exit 74"
}

nobody_listens() { # RUN: the job has ended in spite of it
  [ "$code" -eq 0 ] || fail "exit 0 expected, $code received: $1"
  expect_same_run unbroken "$1"
}
output_that_nobody_takes() {
  code=0
  "$DSMPI" "${train[@]}" -o full >/dev/full 2>said </dev/null || code=$?
  nobody_listens full
  code=0
  "$DSMPI" "${train[@]}" -o mute >/dev/full 2>/dev/full </dev/null || code=$?
  nobody_listens mute
  code=0
  "$DSMPI" "${train[@]}" -o closed >&- 2>&- <&- || code=$?
  nobody_listens closed
  code=0
  { "$DSMPI" "${train[@]}" -o pipe 2>said </dev/null || echo $? >code_of_pipe; } | head -n 1 >/dev/null
  if [ -e code_of_pipe ]; then code=$(cat code_of_pipe); fi
  nobody_listens pipe
  code=0
  timeout -k 5 "$limit" "${mpirun[@]}" -np 2 "$DSMPI" "${train[@]}" -o ranks_full >/dev/full 2>said </dev/null || code=$?
  nobody_listens ranks_full
  mkdir full_log
  ln -s /dev/full full_log/log.txt
  expect 0 2 "${train[@]}" -o full_log
  expect_words "the log file cannot be written" "finished step 40"
  nobody_listens full_log
  passed "terminal full, closed, a pipe that nobody reads, log full: trained to the end"
}

beyond_the_quota
beyond_the_limit_of_a_file
without_permission
removed_while_running
replaced_by_a_file
checkpoints_removed_while_running
output_removed_while_sampling
output_that_nobody_takes
