#!/bin/bash
# A newest checkpoint that is damaged is noticed, told, and passed over for the one before it; the end is the same.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml

cut_short() { truncate -s $(($(stat -c %s "$1") * 2 / 3)) "$1"; }
flip() { printf '\252\125' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; } # FILE OFFSET
flip_in_the_middle() { flip "$1" $(($(stat -c %s "$1") / 2)); }
flip_everywhere() {
  local at bytes
  bytes=$(stat -c %s "$1")
  for ((at = bytes / 16; at < bytes; at += bytes / 16)); do flip "$1" "$at"; done
}
emptied() { : >"$1"; }
foreign() { cp eight.h5 "$1"; }

passed_over() { # DAMAGE: of the checkpoint of step 40
  rm -rf run
  cp -r stopped run
  "$1" run/checkpoints/step-00000040.h5
  if cmp -s stopped/checkpoints/step-00000040.h5 run/checkpoints/step-00000040.h5; then fail "$1 did no damage"; fi
  if [ "$1" != flip_in_the_middle ]; then # that one spares the average that sampling needs
    expect 0 1 sample run -n 20 -o "$1.h5"
    cmp reference.h5 "$1.h5" || fail "$1: samples are not those of step 20"
  fi
  expect 0 2 train mlp.yaml -o run
  expect_words "step-00000040.h5" "trying the checkpoint before it" "resume   run/checkpoints/step-00000020.h5 at step 20"
  [ "$(grep -c "trying the checkpoint before it" said)" -eq 1 ] || fail "$1: told more than once"
  expect_same_run unbroken run
  passed "$1: passed over, and the same end"
}

expect 0 1 train mlp.yaml -o unbroken
expect 0 1 train mlp.yaml train.steps=40 -o stopped
# samples tell in an attribute which checkpoint they are from: the same path, then
cp -r stopped run
rm run/checkpoints/step-00000040.h5
expect 0 1 sample run -n 20 -o reference.h5
passed_over cut_short
passed_over flip_in_the_middle
passed_over flip_everywhere
passed_over emptied
passed_over foreign

# What has the name of a checkpoint but is no file, and files that are under way, are not taken for one.
rm -rf run
cp -r stopped run
mv run/checkpoints/step-00000040.h5 run/checkpoints/step-00000040.h5.tmp-elsewhere-1
mkfifo run/checkpoints/step-00000040.h5
mkdir run/checkpoints/step-00000060.h5
: >run/checkpoints/step-00000070.h5.tmp-"$(uname -n)"-99999999
expect 0 1 sample run -n 20 -o no_files.h5
cmp reference.h5 no_files.h5 || fail "samples are not those of step 20"
expect 74 2 train mlp.yaml -o run # nor are they replaced
expect_words "resume   run/checkpoints/step-00000020.h5 at step 20" "step-00000040.h5" "not a regular file"
[ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "1 error expected"
rm run/checkpoints/step-00000040.h5
expect 0 2 train mlp.yaml -o run
"$DSMPI_HELPERS/same_checkpoint" {unbroken,run}/checkpoints/step-00000050.h5 || fail "the end is not the same"
[ ! -e run/checkpoints/step-00000070.h5.tmp-"$(uname -n)"-99999999 ] || fail "a temporary file of the dead is left"
passed "a pipe, a folder, files under way: not taken for checkpoints, the same end"
