#!/bin/bash
# usage: field.sh 4|16
# A U-Net learns periodic random fields with a known spectrum, 4 x 4 or 16 x 16, and rates new ones: nats/dim above what the exact
# law says of these very samples within 1 % of the entropy. That difference is the model's divergence from the law; the entropy
# itself is what the law says on average, and 512 samples would add their own chance, 0.2 %. 4: independent pixels would have 1.419
# nats, 15 % more; measured 0.3 % above the law, and with rtol 1e-5 in the place of 1e-3 the same to 0.0003 nats. 16: 5 % more; of
# its samples the spectrum, shell by shell, and the values at a point, too.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
side=$1
case $side in
  4) law=(1 3) network='width: 24, multipliers: [1], blocks: 1, attention: [4]' steps=2000 ema=0.995
     limit=450 ;; # sanitizers need seven times as long
  16) law=(4 2) network='width: 24, multipliers: [1, 2], blocks: 1, attention: [8]' steps=5000 ema=0.998
      limit=3000 ;; # four minutes, if nothing else runs
  *) fail "usage: field.sh 4|16" ;;
esac
make() { expect 0 1 data make gaussian_field -n "$2" --seed "$3" --side "$side" --k0 "${law[0]}" --slope "${law[1]}" -o "$1"; }
make train.h5 $((side == 4 ? 20000 : 50000)) 0
make test.h5 512 1
cat >field.yaml <<END
data: {file: $work/train.h5}
process: {name: vp}
model: {name: unet, $network}
objective: {prediction: v}
optimizer: {lr: 2.0e-3, schedule: cosine, warmup: 100, ema: [$ema]}
train: {steps: $steps, batch: 64, micro_batch: $((side == 4 ? 32 : 16)), threads: 1, checkpoint_every: $steps}
END
expect 0 2 train field.yaml -o run
expect 0 2 likelihood run --data test.h5 -o nll.h5 --probes 1 sampler.rtol=1.0e-3 sampler.atol=1.0e-3 train.threads=1
grep '^result' said
"$DSMPI_HELPERS/likelihood" field test.h5 nll.h5 "${law[@]}" >nats 2>said || fail "no entropy"
read -r model exact entropy <nats
echo "nats/dim: model $model, exact law $exact on these samples, entropy $entropy"
above=$(awk "BEGIN { print ($model - $exact) / $entropy }")
awk "BEGIN { exit !($above > -0.01) }" || fail "the model rates the samples above their own law: $above"
claim 3 "nats/dim above the entropy, part of it: $side x $side" "$above" "<=" 0.01

if [ "$side" = 16 ]; then
  make fresh.h5 10000 2
  # of second order: 100 steps of ddim would add 2 % to the error of the spectrum
  expect 0 2 sample run train.threads=1 -n 2048 -o samples.h5 --sampler dpmpp_2m --steps 50 sampler.grid=log_snr
  expect 0 2 eval samples.h5 --reference fresh.h5 --metrics spectrum,wasserstein
  cat said
  figure() { awk -v "metric=$1" '$1 == metric && $3 == "+-" { print $2 }' said; }
  claim 3 "power spectrum, rms over shells: $side x $side" "$(figure spectrum)" "<=" 0.05
  claim 3 "W1 of the values [deviations]: $side x $side" "$(figure wasserstein)" "<=" 0.02
fi
