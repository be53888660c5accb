#!/bin/bash
# DSMPI_FAULT, faults that the program brings about itself, in any build, at a step that one chooses: those of writing. Each
# kind once: exit 74 with the reason, the checkpoint before whole, nothing temporary left, and the run goes on to the same
# end. Short writes are nothing to a program that looks at what was written; a flipped bit is found when the file is read
# back. That no call at all may fail unnoticed is the matter of each_call.sh, which disturbs the program from outside.
# The training waits for its checkpoints here, so that it is known which one is struck; the last case does not.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
train=(train mlp.yaml train.steps=60 train.checkpoint_every=20 train.log_every=10 train.keep=9
  train.background_saving=false)
expect 0 1 "${train[@]}" -o unbroken

fails() { # KIND WORDS
  rm -rf run
  DSMPI_FAULT=0:40:$1 expect 74 2 "${train[@]}" -o run
  expect_words "checkpoint run/checkpoints/step-00000040.h5 was not written" "$2" "an older one is untouched"
  [ "$(newest run)" = run/checkpoints/step-00000020.h5 ] || fail "step 20 should be the newest: $(newest run)"
  if compgen -G "run/checkpoints/*tmp*" >/dev/null; then fail "temporary files are left: $(ls run/checkpoints)"; fi
  expect 0 1 "${train[@]}" -o run
  expect_same_run unbroken run
  passed "$1: exit 74, the checkpoint before stays, the run goes on"
}

fails enospc "No space left on device"
fails eio "Input/output error"
fails flip "damaged"
beside_the_training() {
  local file
  rm -rf run
  DSMPI_FAULT=0:60:enospc expect 74 2 "${train[@]}" train.background_saving=true -o run
  expect_words "was not written: " "No space left on device" "an older one is untouched"
  file=$(newest run)
  case $file in # step 40 may have been under way still when the fault struck
    run/checkpoints/step-000000[24]0.h5) ;;
    *) fail "step 20 or 40 should be the newest: $file" ;;
  esac
  expect 0 1 "${train[@]}" -o run
  expect_same_run unbroken run
  passed "a failure beside the training ends it: exit 74"
}

beside_the_training
DSMPI_FAULT=0:40:short expect 0 2 "${train[@]}" -o short
expect_same_run unbroken short
passed "short: no harm"
DSMPI_FAULT=0:40:shrot expect 64 2 "${train[@]}" -o mistake
expect_words "DSMPI_FAULT=0:40:shrot: expected rank:step:kind"
passed "a mistake in DSMPI_FAULT is told"
