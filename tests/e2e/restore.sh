#!/bin/bash
# dsmpi restore from the command line: every task on fields of 8 x 8 and points in the plane; the same bytes on 1 and 3
# ranks and after an interruption; known pixels kept; errors smaller than those of the observation; what users get wrong.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp mlp.yaml
small_unet unet.yaml
expect 0 1 train mlp.yaml train.steps=300 -o points
expect 0 1 train unet.yaml train.steps=400 -o fields
"$DSMPI_HELPERS/restoration" make inputs.h5

# same NAME ARGUMENTS...: restored on 1 and 3 ranks
same() {
  local name=$1 ranks
  shift
  for ranks in 1 3; do
    expect 0 "$ranks" restore "$@" -o "$name-$ranks.h5"
    expect_words "restored"
    if grep -q "not finite" said; then fail "$name: numbers that are not finite"; fi
  done
  cmp "$name-1.h5" "$name-3.h5" || fail "$name: files restored on 1 and 3 ranks differ"
  passed "$name"
}
walk=(--sampler ddim --steps 12 sampler.block=8)
data=(--data field.h5 --rows 0:9 --degrade "${walk[@]}")
same inpaint fields --task inpaint --mask inputs.h5:/hole "${data[@]}" --draws 3
same masks fields --task inpaint --mask inputs.h5:/holes "${data[@]}" --noise 0.1 --guidance-form pigdm
same superres fields --task superres --factor 2 --noise 0.1 "${data[@]}" --draws 2
same deblur fields --task deblur --kernel inputs.h5:/kernel --border periodic --noise 0.1 "${data[@]}" --iterations 2
same noisy fields --task inpaint --noise 1 --guidance-form dps "${data[@]}"
data=(--data field.h5 --rows 0:9 --degrade --steps 12 sampler.block=8) # with noise of its own
same denoise fields --task denoise --noise 0.5 "${data[@]}" --draws 4
same expected fields --task denoise --noise 0.5 "${data[@]}" --draws 0
same linear points --task linear --matrix inputs.h5:/matrix --noise 0.2 --data eight.h5 --rows -40: --degrade --draws 5
"$DSMPI_HELPERS/restoration" check inpaint-1.h5 masks-1.h5 superres-1.h5 deblur-1.h5 denoise-1.h5 linear-1.h5 ||
  fail "what is in the files"

# the labels of a conditional model stand beside the data, or are given
expect 0 1 train mlp.yaml data.conditions=labels "data.classes=[-1]" train.steps=100 -o labelled
same labels labelled --task linear --matrix inputs.h5:/matrix --data eight.h5 --rows 0:20 --degrade --noise 0.2
expect 0 1 restore labelled --task linear --matrix inputs.h5:/matrix --data eight.h5 --rows 0:20 --degrade \
  --noise 0.2 --label 3 -o other.h5
"$DSMPI_HELPERS/restoration" same labels-1.h5 other.h5 observation || fail "the label changed the observations"
! "$DSMPI_HELPERS/restoration" same labels-1.h5 other.h5 samples || fail "the label changed nothing"

# observations made before, with NaN, give what --degrade gave
same given fields --task inpaint --data inpaint-1.h5:/observation "${walk[@]}" --draws 3
"$DSMPI_HELPERS/restoration" same inpaint-1.h5 given-1.h5 mean || fail "given observations and degraded ones differ"

# a file cut off goes on
cp inpaint-1.h5 whole.h5
"$DSMPI_HELPERS/restoration" forget inpaint-1.h5 1 cut.h5.partial
expect 0 1 restore fields --task inpaint --mask inputs.h5:/hole --data field.h5 --rows 0:9 --degrade \
  "${walk[@]}" --draws 3 -o cut.h5
expect_words "going on"
cmp cut.h5 whole.h5 || fail "the file that was cut off ends up different"
passed "an interrupted file goes on"

expect 0 1 view superres-1.h5 --beside observation,draws,mean,std,truth -o beside.png
expect_words "rows;"
expect 65 1 view linear-1.h5 --beside draws -o never.png

ranks=1
refused() { # CODE TEXT ARGUMENTS...: one clear error on $ranks ranks
  expect "$1" "$ranks" "${@:3}"
  expect_words "$2"
  [ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "more than one error on $ranks ranks: ${*:3}"
  passed "refused: ${*:3}"
}
r=(restore fields --data field.h5 -o never.h5)
refused 64 "none of denoise, inpaint" "${r[@]}" --task repair
refused 64 "needs --factor" "${r[@]}" --task superres
refused 64 "needs --kernel" "${r[@]}" --task deblur
refused 64 "needs --matrix" "${r[@]}" --task linear
refused 64 "needs --noise" "${r[@]}" --task denoise
refused 64 "of no use with --task inpaint" "${r[@]}" --task inpaint --factor 2
refused 64 "of no use with --task denoise" "${r[@]}" --task denoise --noise 1 --guidance-form pigdm
refused 64 "of the guidance form moments" "${r[@]}" --task inpaint --guidance-form pigdm --iterations 4
refused 64 "whole number from 1" "${r[@]}" --task inpaint --draws 0
refused 78 "odd" "${r[@]}" --task deblur --kernel inputs.h5:/even
refused 78 "no space" restore points --data eight.h5 -o never.h5 --task superres --factor 2
refused 78 "use --draws 0" "${r[@]}" --task denoise --noise 1e-4
refused 78 "no noise of its own" "${r[@]}" --task denoise --noise 0.5 --sampler heun
refused 78 "divides by the noise" "${r[@]}" --task inpaint --guidance-form dps
refused 66 "no-such" "${r[@]}" --task inpaint --mask inputs.h5:/no-such
refused 78 "factor of 3" "${r[@]}" --task superres --factor 3
refused 65 "the mask" "${r[@]}" --task inpaint --mask inputs.h5:/kernel
refused 65 "columns" "${r[@]}" --task linear --matrix inputs.h5:/matrix
ranks=3 # what each of them meets
refused 66 "gone.h5" "${r[@]}" --task inpaint --mask gone.h5
refused 65 "of shape (4, 4, 1)" "${r[@]}" --task superres --factor 2
refused 78 "more than the model was trained on" "${r[@]}" --task denoise --noise 1e9
[ ! -e never.h5 ] && [ ! -e never.h5.partial ] || fail "a refused request left a file"
