#!/bin/bash
# One rank of two is refused memory, at any of its requests: all ranks end with exit 71, the reason told once, and nobody waits
# for the one that failed; what was there before stays, and with memory the same command comes to the same end.
#   DSMPI_EVERY=1   tries all requests (default: ten of training and ten of sampling, spread over all)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
train=(train mlp.yaml train.steps=40 -o run)
sample=(sample before -n 40 -o samples.h5)

undisturbed=$DSMPI
cat >disturbed <<END
#!/bin/sh
LD_PRELOAD=$DSMPI_HELPERS/failing_memory.so ASAN_OPTIONS=\$ASAN_OPTIONS:verify_asan_link_order=0 \
  FAILING_MEMORY_OF=$undisturbed exec "$undisturbed" "\$@"
END
chmod +x disturbed
disturb() { # RANK REQUEST ARGUMENTS...: 0 counts
  DSMPI=$work/disturbed FAILING_MEMORY_RANK=$1 FAILING_MEMORY_AT=$2 FAILING_MEMORY_LOG=$work/requests run_ranks 2 "${@:3}"
}

refused() { # RANK REQUEST ARGUMENTS...
  rm -f requests
  disturb "$@"
  # which rank takes which block may be a matter of speed: then a rank may have needed less
  if [ "$code" -eq 0 ] && [ "$(cat requests)" -lt "$2" ]; then return; fi
  [ "$code" -eq 71 ] || fail "exit 71 expected, $code received (124: waiting) without memory at request $2 of rank $1"
  [ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "1 error expected at request $2 of rank $1"
  expect_words "no memory"
  if [ -n "$(find . -name '*.tmp-*')" ]; then fail "left behind at request $2 of rank $1: $(find . -name '*.tmp-*')"; fi
}

# sweep RESTORE ARGUMENTS...: rank 0 and 1 in turn; the function RESTORE puts things as they were
sweep() {
  local rank all every request restore=$1
  shift
  for rank in 0 1; do
    "$restore"
    rm -f requests
    disturb $rank 0 "$@"
    [ "$code" -eq 0 ] || fail "exit 0 expected, $code received with all memory"
    all=$(cat requests)
    [ "$all" -gt 20 ] || fail "only $all requests are counted: is the module loaded?"
    every=${DSMPI_EVERY:-$((all / 5))}
    for ((request = 1; request <= all; request += every)); do
      "$restore"
      refused $rank $request "$@"
    done
    passed "$1: rank $rank without memory at the first and every $every. of $all requests after it: exit 71 of all"
  done
}

expect 0 1 train mlp.yaml train.steps=20 -o before
before_training() {
  rm -rf run
  cp -r before run
}
before_training
expect 0 1 "${train[@]}"
mv run unbroken
sweep before_training "${train[@]}"
expect 0 1 "${train[@]}"
expect_same_run unbroken run

before_sampling() { rm -f samples.h5*; }
expect 0 1 "${sample[@]}"
mv samples.h5 unbroken.h5
sweep before_sampling "${sample[@]}"
expect 0 1 "${sample[@]}"
cmp samples.h5 unbroken.h5 || fail "other samples than undisturbed"
