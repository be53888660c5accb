# Pictures that teach: each is made, has the size that is said, comes out the same again, and mistakes have one message.
. "$(dirname "$0")/check.sh"

# "WIDTH x HEIGHT" from the header of a PNG
size() { od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 " x " $7 * 256 + $8 }'; }

# picture FILE WORDS...: made, of the size that is said.
picture() {
  local file=$1
  shift
  exits 0 explain "$@" -o "$file"
  that "$file is a PNG" [ "$(head -c 8 "$file" 2>/dev/null | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]
  that "$file has the size that is said" grep -qF "$file: $(size "$file") pixels" <<<"$out"
}
wide() { size "$1" | cut -d' ' -f1; }
high() { size "$1" | cut -d' ' -f3; }

exits 0 explain
for what in score langevin noising denoising; do says "  $what "; done
exits 0 help explain
says "usage: dsmpi explain WHAT"

# ---- known laws, no model --------------------------------------------------------------------------------

quick="--size 160 --points 100"
# shellcheck disable=SC2086 # options
{
  picture score.png score --size 160
  says "law      a mixture of three Gaussians"
  that "three levels" [ "$(grep -c '^t ' <<<"$out")" -eq 3 ]
  picture again.png score --size 160
  that "the same command draws the same picture" cmp -s score.png again.png
  picture one.png score --size 160 --times 0.2
  that "one level, one panel" [ "$(wide one.png)" -lt "$(wide score.png)" ]
  picture own.png score --size 160 --means "-1,0;1,0" --std 0.4 --weights 1,3
  says "law      a mixture of 2 Gaussians"
  that "other laws, other pictures" [ "$(cmp -s own.png score.png && echo same)" = "" ]
  for law in gaussian eight_gaussians checkerboard swiss_roll; do
    picture $law.png score --size 160 --law $law --times 0.1
  done

  picture langevin.png langevin $quick --steps 40
  says "chains   langevin, 40 steps, step "
  picture again.png langevin $quick --steps 40
  that "the same chains" cmp -s langevin.png again.png
  picture seeded.png langevin $quick --steps 40 --seed 1
  that "another seed, other chains" [ "$(cmp -s langevin.png seeded.png && echo same)" = "" ]
  picture far.png langevin $quick --steps 40 --start 9,9 --chains 2 --step 0.01 sampler.metropolis=true
  says "Metropolis, from (9, 9)"

  picture noising.png noising $quick --law eight_gaussians
  that "five times" [ "$(grep -c '^t ' <<<"$out")" -eq 5 ]
  picture ve.png noising $quick process.name=ve --times 0,0.5
  that "two times" [ "$(grep -c '^t ' <<<"$out")" -eq 2 ]
  picture single.png noising $quick process.name=single
  picture back.png denoising $quick --steps 20
  says "sampler  ancestral, 20 steps"
  picture again.png denoising $quick --steps 20
  that "the same cloud" cmp -s back.png again.png
  picture heun.png denoising $quick --steps 8 --sampler heun --law checkerboard process.name=edm process.sigma_max=10
  picture ddpm.png denoising $quick --steps 10 process.name=ddpm --times 0,100,1000
}

# ---- a model beside the exact law ------------------------------------------------------------------------

"$DSMPI" data make eight_gaussians -n 2000 -o eight.h5 >/dev/null
cat >toy.yaml <<'END'
data: {file: eight.h5, normalize: standardize}
process: {name: vp}
model: {name: mlp, width: 32, depth: 1}
train: {steps: 300, batch: 128, micro_batch: 64, threads: 1}
optimizer: {lr: 2.0e-3}
END
run train toy.yaml -o toy
that "a small model is trained" [ "$code" -eq 0 ]
# shellcheck disable=SC2086 # options
{
  picture learned.png score toy $quick train.threads=1
  says "law      eight Gaussians, normalised as the model sees it"
  that "an error for each of three levels" [ "$(grep -c 'E|s_learned - s|^2 / d' <<<"$out")" -eq 3 ]
  that "exact above learned" [ "$(high learned.png)" -gt $((3 * $(high score.png) / 2)) ]
  # eps = x / sqrt(alpha^2 + sigma^2), which knows nothing of the data, is off by about alpha^2 / 2 or more at small noise
  that "what is learned is better than nothing at the most noise" \
    awk '/^t /{ e = $NF } END { exit !(e > 0 && e < 0.1) }' <<<"$out"
  picture beside.png score toy $quick --times 0.3
  that "one level: side by side" [ "$(wide beside.png)" -gt $((3 * $(wide one.png) / 2)) ]
  picture learned-back.png denoising toy $quick --steps 20
  picture learned-chains.png langevin toy $quick --steps 20 --times 0.2
  picture learned-noise.png noising toy $quick

  # data whose law nobody wrote down
  "$DSMPI" sample toy -n 200 --steps 10 -o unknown.h5 >/dev/null
  picture unknown.png score toy $quick --data unknown.h5
  says "law      not known: learned panels only"
  that "learned panels only" [ "$(high unknown.png)" -lt "$(high learned.png)" ]
  mv eight.h5 elsewhere.h5
  exits 66 explain score toy $quick -o x.png
  says "the data of the model, eight.h5, are not there"
  picture named.png score toy $quick --law eight_gaussians
  that "a law that is named needs no data" cmp -s named.png learned.png
}

# ---- mistakes --------------------------------------------------------------------------------------------

mistake 64 "explain: unknown picture 'scores'; did you mean 'score'?" explain scores -o x.png
mistake 64 "explain: unknown picture 'zebra'; there are: score, langevin, noising, denoising" explain zebra -o x.png
mistake 64 "explain: option -o FILE is missing: PNG file to write" explain score
mistake 64 "explain: --chains is for langevin, not for score" explain score --chains 3 -o x.png
mistake 64 "explain: --sampler is for denoising, not for noising" explain noising --sampler ddim -o x.png
mistake 64 "explain: no law 'donut' is known; there are: mixture, gaussian, eight_gaussians, checkerboard, swiss_roll" \
  explain score --law donut -o x.png
mistake 64 "explain: --means make a law of their own; leave out --law swiss_roll" \
  explain score --law swiss_roll --means 0,0 -o x.png
mistake 64 "explain: --std and --weights belong to --means, and there are none" explain score --std 1 -o x.png
mistake 64 "explain: option --means: points in the plane are expected, \"x,y;x,y\", not 1 x 3 numbers" \
  explain score --means 1,2,3 -o x.png
mistake 64 "explain: 3 weights do not fit 2 means; give one each" explain score --means "0,0;1,1" --weights 1,2,3 -o x.png
mistake 64 "explain: the standard deviation 0 is not above 0" explain score --means 0,0 --std 0 -o x.png
mistake 78 "part 2 of a mixture has weight -1; weights are above 0" \
  explain score --means "0,0;1,1" --weights=1,-1 -o x.png
mistake 64 "explain: --times: 3 lies outside of the times of this vp process, 0 and 1e-05 ... 1" \
  explain score --times 0.5,3 -o x.png
mistake 64 "explain: --times: 0.2 does not come after 0.5; they are wanted in ascending order" \
  explain score --times 0.5,0.2 -o x.png
mistake 64 "explain: --times: 100.5 is not a whole number, as the times of a ddpm process are" \
  explain noising --times 100.5 process.name=ddpm -o x.png
mistake 64 "explain: --times: the score is that of noised data, and at t = 0 there is no noise; give times above 0" \
  explain score --times 0,0.5 -o x.png
mistake 64 "explain: langevin stays at one noise level: give --times one time, above 0" \
  explain langevin --times 0.1,0.5 -o x.png
mistake 78 "explain: the ode sampler does not take all points from time to time together, so there are no panels to \
draw; take ancestral, ddim, euler, heun, dpmpp_2m or euler_maruyama" explain denoising --sampler ode -o x.png
mistake 64 "explain: --data are those of a model, and there is none; --law and --means name laws" \
  explain score --data elsewhere.h5 -o x.png
mistake 64 "explain: --data have a law of their own; leave out --law and --means, or --data" \
  explain score toy --data elsewhere.h5 --law gaussian -o x.png
mistake 64 "explain: --points and --seed are for clouds, chains and the error of what is learned; the score of a known \
law is the same without" explain score --seed 3 -o x.png
mistake 78 "'train.batch=3': a picture without a model is changed by process.* and sampler.* only" \
  explain score train.batch=3 -o x.png
exits 78 explain score toy process.name=ve -o x.png
says "'process.name=ve': the checkpoint fixes everything but"
exits 78 explain langevin --step 1000 --size 160 --points 64 -o x.png
says "the chains have run away to infinity: --step 1000 is too long for this law"
exits 66 explain score nowhere -o x.png
exits 74 explain score --size 160 --times 0.5 -o nowhere/x.png
that "no picture after a mistake" [ ! -e x.png ]

"$DSMPI" data make gaussian --dimension 3 -n 200 -o three.h5 >/dev/null
run train toy.yaml data.file=three.h5 train.steps=2 -o three
exits 65 explain score three -o x.png
says "explain draws models of points in the plane, samples of shape (2)"
finish
