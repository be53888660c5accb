#!/bin/bash
# Likelihoods as a user computes them: the same file from 1 and from 3 ranks and around a kill; in the units of the data; quantised
# data; the terms of the bound; what the mathematics does not allow. How right the numbers are: the unit tests, field.sh.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
tool="$DSMPI_HELPERS/likelihood"
small_mlp mlp.yaml
"$DSMPI" data make eight_gaussians -n 100 --seed 7 -o test.h5 >/dev/null
for process in vp ddpm; do
  expect 0 1 train mlp.yaml process.name=$process -o $process
done

alike() { # NAME WORDS ARGUMENTS...: 100 samples in blocks of 16, the last one short
  local name=$1 words=$2 ranks
  shift 2
  for ranks in 1 3; do
    expect 0 "$ranks" likelihood "$@" --data test.h5 train.threads=1 -o "$name-$ranks.h5"
    expect_words "$words" "nats/dim"
  done
  cmp "$name-1.h5" "$name-3.h5" || fail "$name: files of 1 and 3 ranks differ"
  if grep -vE '^(with|model|rated|dsmpi: warning)' said | awk 'length > 80' | grep .; then fail "a line is longer than 80 columns"; fi
  passed "$name"
}
alike exact 'exact divergence' vp
alike probes '3 gaussian probes' vp --probe-law gaussian --probes 3
expect_words 'random probes leave'
alike bound '20 of 20 terms' ddpm
alike strata '6 of 20 terms' ddpm --strata 5 --variance small
"$tool" mean exact-1.h5 nats_per_dim >exact.txt
"$tool" mean probes-1.h5 nats_per_dim >>exact.txt
awk '{x[NR] = $1} END {exit x[1] == x[2] || x[1] - x[2] > 0.15 || x[2] - x[1] > 0.15}' exact.txt ||
  fail "3 probes a sample are not near the exact divergence: $(tr '\n' ' ' <exact.txt)" # 0.03 is their noise
"$tool" terms bound-1.h5 0 || fail "the terms of the bound do not add up"

# ---- in the units of the data (trap 14: no offset is hidden in them) ----
# Data times 4, standardised, are the same numbers to the network, bit for bit, and so is all that it learns.
"$tool" scale eight.h5 eight4.h5 4
"$tool" scale test.h5 test4.h5 4
for process in vp ddpm; do
  expect 0 1 train mlp.yaml process.name=$process "data.file=$work/eight4.h5" -o "$process-4"
  expect 0 2 likelihood $process-4 --data test4.h5 train.threads=1 -o $process-4.h5
done
"$tool" shift exact-1.h5 vp-4.h5 1.3862943611198906 || fail "trap 14: the likelihood of data times 4 is not ln 4 higher"
"$tool" shift bound-1.h5 ddpm-4.h5 1.3862943611198906 || fail "trap 14: the bound of data times 4 is not ln 4 higher"
passed "data times 4: each sample ln 4 nats/dim higher"
"$tool" steps test.h5 steps.h5 0.25
"$tool" scale steps.h5 steps4.h5 4
for process in vp ddpm; do
  expect 0 1 likelihood $process --data steps.h5 --quantized 0.25 -o a.h5
  expect_words "an upper bound of -ln P of the steps of 0.25"
  expect 0 1 likelihood $process-4 --data steps4.h5 --quantized 1 -o b.h5
  "$tool" shift a.h5 b.h5 0 || fail "$process: a probability has no unit, but it changed with that of the data"
done
"$tool" terms b.h5 1 || fail "the terms of the bound of quantised data do not add up"
passed "quantised data: the same probability in any unit"

# ---- interrupted ----
"$DSMPI" data make eight_gaussians -n 4000 -o many.h5 >/dev/null
whole=(likelihood vp --data many.h5 -o many-nll.h5 sampler.block=4 train.threads=1 --rows 0:1000 sampler.rtol=1.0e-3 sampler.atol=1.0e-3)
written() { [ "$("$DSMPI_HELPERS/blocks_done" many-nll.h5.partial 2>/dev/null || echo 0)" -ge 5 ]; }
start_ranks 2 "${whole[@]}"
wait_for 30 "some blocks" written
kill -KILL "$(cat ranks/1.pid)"
wait_job
[ "$code" -ne 0 ] || fail "the job was over before it was killed"
[ ! -e many-nll.h5 ] || fail "an unfinished file has the name of a finished one"
expect 0 3 "${whole[@]}"
expect_words "going on with an interrupted file"
mv many-nll.h5 killed.h5
expect 0 1 "${whole[@]}"
cmp many-nll.h5 killed.h5 || fail "likelihoods computed around a kill differ from those computed at once"
passed "killed on 2 ranks, finished on 3: byte for byte as on 1"

# ---- conditions: those of the file ----
expect 0 1 train mlp.yaml process.name=vp data.conditions=labels "data.classes=[8]" train.steps=200 -o labelled
expect 0 1 likelihood labelled --data test.h5 -o labelled.h5
expect 0 2 likelihood labelled --data test.h5 -o guided.h5 sampler.guidance=2
expect_words "guidance 2"
expect 0 1 likelihood labelled --data test.h5 -o free.h5 sampler.guidance=0
for other in guided free; do
  if cmp -s labelled.h5 $other.h5; then fail "labelled.h5 and $other.h5 are the same file"; fi
done
passed "conditions from the data"

# ---- refused ----
ranks=1
refused() { # CODE TEXT ARGUMENTS...: one clear error, and no file
  expect "$1" "$ranks" likelihood "${@:3}" -o never.h5
  expect_words "$2"
  [ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "more than one error on $ranks ranks: ${*:3}"
  if [ -e never.h5 ] || [ -e never.h5.partial ]; then fail "a refused request left a file"; fi
}
refused 78 "process ddpm is discrete" ddpm --data test.h5 --method ode
refused 78 "process vp is continuous" vp --data test.h5 --method bound
refused 78 "--strata belongs to the other method" vp --data test.h5 --strata 5
refused 78 "--probes belongs to the other method" ddpm --data test.h5 --probes 5
refused 78 "--probe-law belongs to the other method" ddpm --data test.h5 --probe-law exact
refused 78 "1 to 19" ddpm --data test.h5 --strata 20
refused 78 "objective.name = hybrid" ddpm --data test.h5 --variance learned
refused 78 "received 1" vp --data test.h5 --first-time 1
refused 78 "the checkpoint fixes everything but" vp --data test.h5 process.beta_max=10
refused 64 "give one of the two" vp --data test.h5 --probes 2 --probe-law exact
refused 64 "none of ode, bound" vp --data test.h5 --method exact
ranks=3
refused 65 "no whole number" vp --data test.h5 --quantized 0.25
refused 66 "gone.h5" vp --data gone.h5
"$DSMPI" data make gaussian_field -n 10 --side 12 -o field.h5 >/dev/null
refused 65 "(12, 12, 1)" vp --data field.h5
"$DSMPI_HELPERS/odd_dataset" nan.h5 nan
code=0
expect 65 2 likelihood vp --data nan.h5 -o nan-nll.h5
expect_words "row 57"
passed "what cannot be rated is refused"
