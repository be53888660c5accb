#!/bin/bash
# encode, decode, interpolate: there and back, the ends of a line, the same bytes on any number of ranks, conditions, what is
# refused. That the latents are the right ones is for the unit tests, where they are known in closed form.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

near() { # TOLERANCE A ROWS B ROWS: rows of A as those of B
  local off
  off=$("$DSMPI_HELPERS/distance" "${@:2}") || fail "distance ${*:2}"
  awk -v off="$off" -v most="$1" 'BEGIN { exit !(off + 0 == off && off <= most) }' ||
    fail "$4 $5 is off $2 $3 by $off, allowed $1"
  passed "$4 $5 as $2 $3, off by $off"
}
apart() { # LEAST A ROWS B ROWS
  local off
  off=$("$DSMPI_HELPERS/distance" "${@:2}") || fail "distance ${*:2}"
  awk -v off="$off" -v least="$1" 'BEGIN { exit !(off >= least) }' || fail "$4 $5 is as $2 $3: nothing was done"
}
alike() { # RANKS FILE COMMAND...: FILE as from one rank
  local ranks
  for ranks in $1; do
    expect 0 "$ranks" "${@:3}" -o again.h5
    cmp "$2" again.h5 || fail "$2 differs on $ranks ranks"
    rm again.h5
  done
  passed "$2: the same bytes on $1 ranks"
}
refused() { # CODE TEXT ARGUMENTS...: one clear error, no file
  expect "$1" 3 "${@:3}" -o never.h5
  expect_words "$2"
  [ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "more than one error: ${*:3}"
  if compgen -G 'never.h5*' >/dev/null; then fail "a refused request left a file"; fi
  passed "refused: ${*:3}"
}

# ---- pictures, continuous time: the ODE, by default with tolerance 1e-5 a step. The field of a network that has hardly been
# trained is rough: some 50 steps of either way, and what it pulls apart on the way, leave 4e-3 (at tolerance 1e-6: 7e-4).
small_unet unet.yaml
expect 0 2 train unet.yaml train.steps=100 objective.prediction=v -o vp
encode=(encode vp --data field.h5 --rows 3:21 sampler.block=8)
expect 0 1 "${encode[@]}" -o latents.h5
expect_words "ode, at most 1000 steps" "latents  mean"
expect 0 1 info latents.h5
expect_words "/latents" "3 of 3 written"
alike "3" latents.h5 "${encode[@]}"
expect 0 2 decode vp --data latents.h5 -o back.h5 sampler.block=8
near 1e-2 field.h5:/samples 3:21 back.h5:/samples 0:18
apart 0.1 field.h5:/samples 3:21 latents.h5:/latents 0:18
alike "3" back.h5 decode vp --data latents.h5 sampler.block=8
between=(interpolate vp --data field.h5 --rows 3: --pairs "0:1,4:9,7:7" --steps 5 sampler.block=4)
expect 0 1 "${between[@]}" -o between.h5
alike "3" between.h5 "${between[@]}"
near 1e-2 field.h5:/samples 3,7,10 between.h5:/samples 0,5,10
near 1e-2 field.h5:/samples 4,12,10 between.h5:/samples 4,9,14
near 1e-2 field.h5:/samples 10,10,10 between.h5:/samples 11,12,13 # between a sample and itself
apart 0.1 field.h5:/samples 3,4 between.h5:/samples 2,2
expect 0 1 view between.h5 -o between.png --columns 5

# ---- points, discrete time: ddim walked backwards, to first order in its steps
small_mlp mlp.yaml
expect 0 2 train mlp.yaml train.steps=2000 process.steps=500 objective.prediction=v -o ddpm
for steps in 100 400; do
  expect 0 1 encode ddpm --data eight.h5 --rows :50 --steps "$steps" -o "z-$steps.h5"
  expect 0 1 decode ddpm --data "z-$steps.h5" --steps "$steps" -o "back-$steps.h5"
done
near 0.1 eight.h5:/samples 0:50 back-100.h5:/samples 0:50
near 0.03 eight.h5:/samples 0:50 back-400.h5:/samples 0:50
alike "3" z-100.h5 encode ddpm --data eight.h5 --rows :50 --steps 100

# ---- noise of deviation 80: latents are in units of it
expect 0 2 train mlp.yaml train.steps=2000 process.name=edm objective.prediction=edm -o edm
expect 0 1 encode edm --data eight.h5 --rows :50 -o z.h5
sed -n 's/.*latents  mean .*, deviation \([0-9.]*\);.*/\1/p' said | awk '{ exit !($1 > 0.3 && $1 < 3) }' ||
  fail "latents are not of unit deviation"
expect 0 1 decode edm --data z.h5 -o back.h5
near 0.01 eight.h5:/samples 0:50 back.h5:/samples 0:50

# ---- conditions: beside the samples, kept with the latents
expect 0 2 train mlp.yaml train.steps=2000 process.steps=500 objective.prediction=v data.conditions=labels \
  "data.classes=[8]" -o given
expect 0 1 encode given --data eight.h5 --rows :50 --steps 400 --guidance 2 -o z.h5
expect_words "labels (8 classes): eight.h5"
expect 0 3 decode given --data z.h5 --steps 400 --guidance 2 -o back.h5
near 0.1 eight.h5:/samples 0:50 back.h5:/samples 0:50
near 0 eight.h5:/labels 0:50 back.h5:/labels 0:50
expect 0 1 encode given --data eight.h5 --rows :50 --steps 400 --label 3 -o z-3.h5
apart 1e-3 z.h5:/latents 0:50 z-3.h5:/latents 0:50
expect 0 1 interpolate given --data eight.h5 --pairs 0:1 --steps 6 -o line.h5
near 0 eight.h5:/labels 0,0,0,1,1,1 line.h5:/labels 0:6
near 0.05 eight.h5:/samples 0,1 line.h5:/samples 0,5

# ---- what users get wrong
"$DSMPI" data make gaussian -n 40 --mean 0,0,0 --covariance '1,0,0;0,1,0;0,0,1' -o three.h5 >/dev/null
refused 65 "(3)" encode ddpm --data three.h5
refused 66 "gone.h5" encode ddpm --data gone.h5
refused 78 "ode (continuous time) and ddim" encode vp --data field.h5 --sampler heun
refused 78 "use ddim" encode ddpm --data eight.h5 --sampler ode
refused 78 "it is for decode" encode vp --data field.h5 sampler.denoise=true
refused 78 "sampler.eta is 1" decode vp --data latents.h5 --sampler ddim sampler.eta=1
refused 66 "latents" decode vp --data field.h5
refused 64 "lies outside" interpolate vp --data field.h5 --pairs 0:100
refused 64 "0:1,4:9" interpolate vp --data field.h5 --pairs 0-1
refused 66 "conditioned on labels" encode given --data back-100.h5
"$DSMPI_HELPERS/odd_dataset" nan.h5 nan
expect 65 3 encode ddpm --data nan.h5 -o never.h5 --steps 10
expect_words "row 57 has the value nan"
