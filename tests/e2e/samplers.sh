#!/bin/bash
# Every sampler as a user draws with it, from a network that has an energy: the same file from 1 to 4 ranks, the evaluations
# told and kept, and a reason where the process does not allow it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp mlp.yaml
expect 0 1 train mlp.yaml process.name=vp objective.prediction=energy -o vp
expect 0 1 train mlp.yaml -o ddpm

drawn=()
draws_alike() { # NAME WORDS SETTING...: 37 samples in blocks of 16, the last one short, the fourth rank without one (trap 25)
  local name=$1 words=$2 ranks file
  shift 2
  for ranks in 1 2 3 4; do
    file=$name-$ranks.h5
    expect 0 "$ranks" sample vp train.threads=1 -n 37 -o "$file" --sampler "$@"
    expect_words "$words"
    [ "$ranks" = 1 ] || cmp "$name-1.h5" "$file" || fail "samples by $* on 1 and $ranks ranks differ"
  done
  for file in "${drawn[@]}"; do
    if cmp -s "$name-1.h5" "$file"; then fail "$name and $file are the same file"; fi
  done
  drawn+=("$name-1.h5")
  passed "$*"
}

draws_alike ancestral '20 evaluations a sample' ancestral --steps 20
draws_alike ddim '20 evaluations a sample' ddim --steps 20
draws_alike langevin '31 evaluations a sample' langevin --steps 30
draws_alike mala '63 evaluations a sample' langevin --steps 30 sampler.metropolis=true
expect_words 'of the Langevin steps' Metropolis
draws_alike annealed '51 evaluations a sample' annealed_langevin sampler.langevin_steps=5
draws_alike euler_maruyama '20 evaluations a sample' euler_maruyama --steps 20
draws_alike reverse_diffusion '20 evaluations a sample' reverse_diffusion --steps 20
draws_alike corrected '60 evaluations a sample' predictor_corrector --steps 20 sampler.corrector_steps=2 sampler.corrector=annealed
draws_alike ode 'evaluations a sample on average, at most' ode sampler.rtol=1.0e-3 sampler.atol=1.0e-3
draws_alike euler '100 evaluations a sample' euler
draws_alike heun '79 evaluations a sample' heun sampler.churn=5
draws_alike dpmpp_2m '24 evaluations a sample' dpmpp_2m sampler.denoise=false sampler.grid=log_snr
draws_alike dpmpp_2m_sde '50 evaluations a sample' dpmpp_2m_sde sampler.grid=rho

expect 0 1 train mlp.yaml objective.name=hybrid -o hybrid
expect 0 1 sample hybrid -n 20 -o learned.h5 sampler.variance=learned
expect_words 'variance learned'
expect 0 1 sample hybrid -n 20 -o large.h5
if cmp -s learned.h5 large.h5; then fail "the learned variance is the large one"; fi
passed "ancestral with a learned variance"

expect 0 1 info ode-1.h5
expect_words 'evaluations a sample, at most'

for sampler in euler heun ode euler_maruyama; do
  expect 78 1 sample ddpm -n 4 -o never.h5 --sampler "$sampler"
  expect_words "the $sampler sampler cannot run on this ddpm process: time is discrete"
  [ ! -e never.h5.partial ] || fail "a file was begun for samples that cannot be drawn"
done
expect 78 1 sample ddpm -n 4 -o never.h5 --sampler ode --steps 1000 # more than there are times, but that is not the reason
expect_words "the ode sampler cannot run on this ddpm process: time is discrete"
expect 78 1 sample ddpm -n 4 -o never.h5 --sampler langevin sampler.metropolis=true
expect_words 'need not be the gradient of one'
expect 78 1 sample ddpm -n 4 -o never.h5 sampler.variance=learned
expect_words 'objective.name = hybrid'
expect 78 2 sample ddpm -n 4 -o never.h5 --sampler dpmpp_2m --steps 21
passed "impossible samplers are refused"
