#!/bin/bash
# One run folder, one job: a second one is refused by name; a dead one's folder is taken over; one that comes back from the
# dead finds that it was, and writes nothing more.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
train=(train mlp.yaml train.steps=400000 train.checkpoint_every=100 train.log_every=20 train.keep=100000)
on_its_way() { has_checkpoint run; }
second() { # CODE ARGUMENTS...: another job, beside the one that is at work
  local got=0
  "$DSMPI" "${@:2}" >second 2>&1 </dev/null || got=$?
  [ "$got" -eq "$1" ] || { cat second; fail "exit $1 expected of the second job, $got received"; }
}
gone() { ! kill -0 "$1" 2>/dev/null; }

a_second_job_is_refused() {
  start_ranks 2 "${train[@]}" -o run
  wait_for 30 "a checkpoint" on_its_way
  second 74 "${train[@]}" -o run
  grep -q "run folder run is in use: process [0-9]* on .* has trained in it since" second || { cat second; fail "no such words"; }
  second 74 "${train[@]}" -o run --fresh
  [ ! -e run.old-1 ] || fail "--fresh moved a run aside that is at work"
  has_checkpoint run || fail "the run at work has lost its checkpoints"
  passed "a second job is refused, with --fresh too, and told whose the folder is"
}

a_dead_ones_folder_is_taken_over() {
  local rank
  for rank in 0 1; do kill -KILL "$(cat ranks/$rank.pid)"; done
  wait_job
  for rank in 0 1; do wait_for 10 "rank $rank to be gone" gone "$(cat ranks/$rank.pid)"; done
  [ -e run/owner ] || fail "a killed job cannot have given its folder back"
  start_ranks 1 "${train[@]}" -o run
  wait_for 30 "the run to go on" grep -q "^resume" said
  expect_words "taken over from process" "its process is gone"
  passed "a killed job's folder is taken over at once"
}

one_back_from_the_dead_writes_nothing() {
  local frozen before
  frozen=$(cat ranks/0.pid)
  kill -STOP "$frozen"
  touch -d '2 minutes ago' run/owner
  second 75 "${train[@]}" -o run --maxh 0.001
  grep -q "taken over from process $frozen on .*: it shows no life" second || { cat second; fail "no such words"; }
  second 75 "${train[@]}" -o run --maxh 0.0005
  [ ! -e run/owner ] || fail "a job that has ended gives its folder back"
  printf 'host elsewhere pid 1 job 7 restarts 0 since 2026-01-01 token 1\n' >run/owner # a successor that is at work
  before=$(sha256sum run/metrics.jsonl run/checkpoints/*.h5)
  kill -CONT "$frozen"
  wait_job
  [ "$code" -eq 74 ] || fail "exit 74 expected of the job that came back, $code received"
  expect_words "has been taken over by process 1 on elsewhere (job 7)"
  [ "$(sha256sum run/metrics.jsonl run/checkpoints/*.h5)" = "$before" ] || fail "it has written: $(ls run/checkpoints)"
  passed "a job that comes back from the dead leaves, with exit 74"
}

two_at_once_are_one() {
  local codes=() first=0 other=0 both
  for _ in 1 2; do
    rm -rf twins
    "$DSMPI" "${train[@]}" -o twins --maxh 0.0003 >first 2>&1 </dev/null & both=$!
    "$DSMPI" "${train[@]}" -o twins --maxh 0.0003 >second 2>&1 </dev/null && other=0 || other=$?
    wait "$both" && first=0 || first=$?
    codes+=("$first $other")
    case "$first $other" in
    "75 74" | "74 75") ;; # one trains, the other is refused
    "75 75") grep -q "^resume" first second || fail "two jobs in one folder" ;; # one after the other
    *) cat first second; fail "75 of one and 74 of the other expected, received $first and $other" ;;
    esac
    if compgen -G "twins/owner*" >/dev/null; then fail "left behind: $(ls twins)"; fi
  done
  passed "two jobs started at once: one has the folder (${codes[*]})"
}

two_at_once_are_one
a_second_job_is_refused
a_dead_ones_folder_is_taken_over
one_back_from_the_dead_writes_nothing
