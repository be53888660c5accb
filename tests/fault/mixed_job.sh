#!/bin/bash
# Ranks that do not belong together are refused on all of them, by name: other programs (exit 69), other command lines (78).
# Ranks that sit badly, or on other processors, are warned of, once; a job that is well is not.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
sed 's/width: 16/width: 8/' mlp.yaml >other.yaml
host=$(hostname)
dry=(train.steps=2 --dry-run)

# job CODE WORDS...: mpirun with these words, which must end with the code
job() {
  local expected=$1
  shift
  code=0
  timeout -k 5 "$limit" "$@" >said 2>&1 </dev/null || code=$?
  [ "$code" -eq "$expected" ] || fail "exit $expected expected, $code received: $*"
}
warnings() { grep -c '^dsmpi: warning: ' said || true; }
told_once() { [ "$(grep -c '^dsmpi: error: ' said)" -eq 1 ] || fail "one error expected"; }

other_programs_are_refused() {
  cp "$DSMPI" other
  if readelf -n "$DSMPI" 2>/dev/null | grep -q 'Build ID'; then # the same program but for that
    objcopy --dump-section .note.gnu.build-id=id "$DSMPI"
    printf '\252\252\252\252' | dd of=id bs=1 seek=16 conv=notrunc 2>/dev/null
    objcopy --update-section .note.gnu.build-id=id other
  else
    printf 'another' >>other
  fi
  job 69 "${mpirun[@]}" -np 2 "$DSMPI" train mlp.yaml "${dry[@]}" : -np 1 ./other train mlp.yaml "${dry[@]}"
  expect_words "ranks of one job have different programs" "on ranks 0, 1 ($host); " "on rank 2 ($host); " "installation"
  told_once
  job 69 "${mpirun[@]}" -np 1 ./other info other.yaml : -np 1 "$DSMPI" info other.yaml # a command for one process, too
  expect_words "different programs"
  job 0 "${mpirun[@]}" -np 2 ./other train mlp.yaml "${dry[@]}"
  cp "$DSMPI" copy
  job 0 "${mpirun[@]}" -np 1 ./copy train mlp.yaml "${dry[@]}" : -np 1 "$DSMPI" train mlp.yaml "${dry[@]}"
  passed "another program is refused, a copy of the same one is not"
}

other_words_are_refused() {
  job 78 "${mpirun[@]}" -np 1 "$DSMPI" train mlp.yaml -o run : -np 1 "$DSMPI" train other.yaml -o run
  expect_words "ranks of one job have different command lines: 'train mlp.yaml -o run' on rank 0 ($host); " \
    "'train other.yaml -o run' on rank 1 ($host)"
  told_once
  job 78 "${mpirun[@]}" -np 1 "$DSMPI" train mlp.yaml -o run : -np 2 "$DSMPI" train mlp.yaml train.seed=1 -o run
  expect_words "on ranks 1, 2 ($host)"
  job 78 "${mpirun[@]}" -np 1 "$DSMPI" train mlp.yaml -o run : -np 1 "$DSMPI" trian mlp.yaml -o run # one mistaken
  expect_words "'trian mlp.yaml -o run' on rank 1"
  [ ! -e run ] || fail "a refused job has made a run folder"
  passed "other command lines are refused"
}

a_job_that_is_well_is_not_warned_of() {
  [ "$(nproc)" -ge 2 ] || return 0
  job 0 "${mpirun[0]}" -np 2 "$DSMPI" train mlp.yaml "${dry[@]}" # bound as mpirun does it by itself
  [ "$(warnings)" -eq 0 ] || fail "no warning expected"
  job 0 "${mpirun[@]}" -np 2 "$DSMPI" train mlp.yaml "${dry[@]}"
  [ "$(warnings)" -eq 0 ] || fail "no warning expected of ranks that are not bound"
  job 0 "$DSMPI" train mlp.yaml "${dry[@]}"
  [ "$(warnings)" -eq 0 ] || fail "no warning expected of one process"
  passed "two ranks on two cores, bound or not: nothing to warn of"
}

overlapping_masks_are_told() {
  local core
  [ "$(nproc)" -ge 2 ] || return 0
  core=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
  job 0 "${mpirun[@]}" -np 2 taskset -c "$core" "$DSMPI" train mlp.yaml train.steps=2 -o run
  expect_words "overlapping affinity masks: ranks 0, 1 on $host have 2 threads but may run on 1 core only ($core)"
  [ "$(warnings)" -eq 1 ] || fail "one warning expected"
  grep -q "overlapping affinity masks" run/log.txt || fail "the log does not have the warning"
  job 0 "${mpirun[@]}" -np 2 taskset -c "$core" "$DSMPI" sample run -n 8 -o a.h5 sampler.block=4
  expect_words "overlapping affinity masks"
  job 0 taskset -c "$core" "$DSMPI" train mlp.yaml train.threads=2 "${dry[@]}"
  expect_words "more threads than cores: rank 0 on $host has 2 threads and may run on 1 core only ($core)"
  passed "overlapping masks are told, in training and sampling"
}

crowds_are_told() {
  job 0 "${mpirun[@]}" -np 3 "$DSMPI" train mlp.yaml train.threads=1000 "${dry[@]}"
  expect_words "more threads than cores: 3 ranks with 3000 threads in all take turns on the $(getconf _NPROCESSORS_ONLN) core"
  [ "$(warnings)" -eq 1 ] || fail "one warning expected"
  passed "more threads than cores are told"
}

mixed_processors_are_told() {
  DSMPI_INSTRUCTIONS=sse2 "$DSMPI" bench mlp.yaml --steps 1 >said 2>&1 || return 0 # a processor with one set only
  job 0 "${mpirun[@]}" -np 1 env DSMPI_INSTRUCTIONS=sse2 "$DSMPI" train mlp.yaml "${dry[@]}" : \
    -np 1 "$DSMPI" train mlp.yaml "${dry[@]}"
  if [ "$(uname -m)" = x86_64 ] && grep -q avx2 /proc/cpuinfo; then
    expect_words "mixed processors: rank 0 ($host): " ", kernels sse2, " "; rank 1 ($host): " "bits may differ"
    [ "$(warnings)" -eq 1 ] || fail "one warning expected"
    passed "mixed processors are told"
  fi
}

other_programs_are_refused
other_words_are_refused
a_job_that_is_well_is_not_warned_of
overlapping_masks_are_told
crowds_are_told
mixed_processors_are_told
