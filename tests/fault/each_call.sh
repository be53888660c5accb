#!/bin/bash
# each_call.sh training|sampling: of all calls that could change something below the output (opening, writing, reserving,
# flushing, renaming ...) one fails, each in turn, on rank 0 of 2: full disk, quota, broken disk; and at each the process is
# killed. The end is exit 74 with the reason, told once, or, where what failed does no harm, a whole result; what was there
# before stays whole; the same command then comes to the same end and leaves nothing temporary.
#   DSMPI_EVERY=1                   tries all calls; by default, of calls that repeat each other only every sixteenth
#   DSMPI_AS="EIO KILL"             does all of these to each (default: one of ENOSPC, EIO, EDQUOT, KILL, in turn)
# The calls are made to fail from outside the program, by failing_calls.c. What the program brings about itself, at a step
# one can choose and in any build (DSMPI_FAULT), is the matter of failing_writes.sh.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
kind=$1
every=${DSMPI_EVERY:-16}
read -ra turns <<<"${DSMPI_AS:-}"
declare -A words=([ENOSPC]="No space left on device" [EIO]="Input/output error" [EDQUOT]="Disk quota exceeded")
small_mlp mlp.yaml
train=(train mlp.yaml train.steps=40)

# The program as it is run, and with the calls of $below failing as the environment says.
undisturbed=$DSMPI
cat >disturbed <<END
#!/bin/sh
FAILING_CALLS_RANK=0 LD_PRELOAD=$DSMPI_HELPERS/failing_calls.so ASAN_OPTIONS=\$ASAN_OPTIONS:verify_asan_link_order=0 \
  exec "$undisturbed" "\$@"
END
chmod +x disturbed
disturb() { # CALL AS: "" counts
  rm -f calls
  DSMPI=$work/disturbed FAILING_CALLS_BELOW=$work/$below FAILING_CALLS_LOG=$work/calls FAILING_CALLS_AT=$1 \
    FAILING_CALLS_AS=$2 run_ranks 2 "${command[@]}"
  if [ "$code" -eq 124 ]; then fail "no end after $limit s with $2 at call $1: $(named "$1")"; fi
}
named() { sed -n "s/^$1 //p" calls | sed "s|$work/||"; }
temporary() { find "$@" -name '*.tmp*' -o -name 'owner*' -o -name '.probe*' 2>/dev/null; }

# ---- what is disturbed --------------------------------------------------------------------------------------

prepare_training() {
  below=run command=("${train[@]}" -o run)
  expect 0 1 train mlp.yaml train.steps=20 -o before
  cp -r before unbroken
  expect 0 1 "${train[@]}" -o unbroken
}
renew_training() {
  rm -rf run
  cp -r before run
}
check_training() { # the checkpoint before is as it was; one that is there beside it is good
  local name=checkpoints/step-00000020.h5 later=checkpoints/step-00000040.h5
  cmp "before/$name" "run/$name" || fail "$1: the checkpoint before has suffered"
  [ ! -e run/$later ] || "$DSMPI_HELPERS/same_checkpoint" {unbroken,run}/$later || fail "$1: a checkpoint that is not good"
}
finish_training() {
  expect 0 1 "${command[@]}"
  expect_same_run unbroken run
  [ -z "$(temporary run)" ] || fail "$1: left behind: $(temporary run)"
}

prepare_sampling() {
  below=out command=(sample model -n 40 -o out/samples.h5)
  expect 0 1 train mlp.yaml train.steps=20 -o model
  mkdir out
  expect 0 1 "${command[@]}"
  mv out/samples.h5 unbroken.h5
}
renew_sampling() {
  rm -rf out
  mkdir out
}
check_sampling() { # an unfinished file has not the name of a finished one
  [ ! -e out/samples.h5 ] || cmp unbroken.h5 out/samples.h5 || fail "$1: samples that are not good"
}
finish_sampling() {
  expect 0 1 "${command[@]}"
  cmp unbroken.h5 out/samples.h5 || fail "$1: other samples after it"
  [ "$(ls -A out)" = samples.h5 ] || fail "$1: left behind: $(ls -A out)"
}

# ---- one call -----------------------------------------------------------------------------------------------

one_call() { # CALL AS
  local what told
  "renew_$kind"
  disturb "$1" "$2"
  what="$2 at call $1 of $all, $(named "$1")"
  told=$(grep -c '^dsmpi: error:' said || true)
  if [ "$(wc -l <calls)" -lt "$1" ]; then
    [ "$code" -eq 0 ] || fail "$what: never reached, but exit $code"
  elif [ "$2" = KILL ]; then
    [ "$code" -ne 0 ] || fail "$what: the process was not killed"
  elif [ "$code" -eq 0 ]; then
    harmless=$((harmless + 1))
    [[ $(named "$1") == *" run/log.txt" ]] || fail "$what: went on as if nothing had happened"
    expect_words "the log file cannot be written"
  else
    [ "$code" -eq 74 ] || fail "$what: exit 74 expected, $code received"
    [ "$told" -eq 1 ] || fail "$what: 1 error expected, $told received"
    grep -E "^dsmpi: (error|warning):" said | grep -qF "${words[$2]}" || fail "$what: the error does not say why"
    grep -A1 '^dsmpi: error:' said | grep -qF "$below" || fail "$what: the error does not say where"
    [ -z "$(temporary "$below")" ] || fail "$what: left behind: $(temporary "$below")"
  fi
  "check_$kind" "$what"
  "finish_$kind" "$what"
  tried=$((tried + 1))
}

"prepare_$kind"
"renew_$kind"
disturb "" ""
[ "$code" -eq 0 ] || fail "exit 0 expected, $code received without a failure"
all=$(wc -l <calls)
[ "$all" -ge 20 ] || fail "only $all calls are counted: is the module loaded?"
mapfile -t listed < <(sed -E 's/^[0-9]+ //; s/-[0-9]+$//' calls) # without number and process
mixed=(ENOSPC EIO EDQUOT KILL)
tried=0 harmless=0
for ((n = 1; n <= all; n++)); do
  if [ $((n % every)) -ne 0 ] && [ "$n" -gt 1 ] && [ "${listed[n - 1]}" = "${listed[n - 2]}" ]; then continue; fi
  for as in "${turns[@]:-${mixed[tried % 4]}}"; do one_call "$n" "$as"; done
done
passed "$kind: $tried failures at $all calls: each told, and then the same end; $harmless harmless, of the log alone"
