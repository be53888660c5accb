#!/bin/bash
# dsmpi eval as a user runs it: the same table and the same JSON on 1 to 4 ranks, whatever the data; bad input refused with one clear
# message. How right the figures are: the unit tests eval_*, eval_python.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

"$DSMPI" data make eight_gaussians -n 900 -o points.h5 >/dev/null
"$DSMPI" data make eight_gaussians -n 400 --seed 1 -o samples.h5 >/dev/null
"$DSMPI" data make gaussian_field -n 500 --side 8 -o fields.h5 >/dev/null
"$DSMPI" data make gaussian_field -n 300 --side 8 --slope 5 --seed 1 -o drawn.h5 >/dev/null

alike() { # NAME ARGUMENTS...: table and JSON of 1 to 4 ranks are the same bytes
  local name=$1 ranks
  shift
  for ranks in 1 2 3 4; do
    expect 0 "$ranks" eval "$@" --json "$name-$ranks.json"
    sed '/^seed/s/; [0-9.:]* *[a-z]*$//' said >"$name-$ranks.txt"
    cmp "$name-1.json" "$name-$ranks.json" || fail "$name: JSON of 1 and $ranks ranks differ"
    diff "$name-1.txt" "$name-$ranks.txt" || fail "$name: tables of 1 (<) and $ranks (>) ranks differ"
  done
  if awk 'length > 80' "$name-1.txt" | grep .; then fail "a line is longer than 80 columns"; fi
  if [ -e "$name-1.json.partial" ]; then fail "a temporary file was left behind"; fi
  passed "$name: the same on 1 to 4 ranks"
}
has_rows() { # FILE METRIC...: the table has a line of each, with a floor that is a number
  local file=$1 metric
  shift
  for metric; do
    awk -v metric="$metric" '$1 == metric && $2 ~ /^-?[0-9]/ && $5 ~ /^-?[0-9]/ {found = 1} END {exit !found}' "$file" ||
      fail "no line '$metric' with a figure and a floor in $file"
  done
}
small=(--steps 60 --directions 20 --subsample 300)
alike points samples.h5 --reference points.h5 --metrics all "${small[@]}"
has_rows points-1.txt frechet frechet_limit frechet_shrunk sliced wasserstein separation two_point precision recall c2st nearest \
  copies mmd kernel frechet@pca
alike fields drawn.h5 --reference fields.h5 "${small[@]}" --layers 8
has_rows fields-1.txt frechet sliced spectrum spectrum_axes two_point c2st profile_energy@layers separation@layers c2st@layers
alike chosen samples.h5 --reference points.h5 --metrics sliced@scaled,two_point --rows 100:400 --seed 3
has_rows chosen-1.txt sliced@scaled two_point
[ "$(grep -cE ' \+- .* \+- .*[0-9]$' chosen-1.txt)" -eq 2 ] || fail "metrics that were not asked for"
expect_words "seed 3" "none was chosen among several" # trap 20: the protocol is stated
grep -q '"evaluations": 1' chosen-1.json || fail "trap 20: the JSON does not say how often the metric was taken"
grep -q '"samples": 300' chosen-1.json || fail "--rows was not followed"

# ---- names that are wider than a line are broken, and nothing of them is lost ----
long=a_folder_with_a_name_of_some_length/and_another_one_below_it/and_one_more_before_the_file_that_is_meant
mkdir -p "$long"
cp samples.h5 "$long/samples.h5"
expect 0 1 eval "$long/samples.h5" --reference points.h5 --metrics two_point
if awk 'length > 80' said | grep .; then fail "a line is longer than 80 columns"; fi
sed -n '/^samples /,/^reference /p' said | sed 's/^ *//' | tr -d '\n' | grep -q "$long/samples.h5:/samples, 400 x (2)" ||
  fail "the name of the samples is not whole"
passed "long names are broken"

# ---- another seed draws other rows, the same one the same ----
expect 0 1 eval samples.h5 --reference points.h5 --metrics sliced@scaled,two_point --rows 100:400 --seed 3 --json again.json
cmp again.json chosen-1.json || fail "the same command gave other figures"
expect 0 1 eval samples.h5 --reference points.h5 --metrics sliced@scaled,two_point --rows 100:400 --seed 4 --json again.json
if cmp -s again.json chosen-1.json; then fail "--seed changes nothing"; fi
passed "the seed decides"

# ---- refused: one error, the right code, no JSON ----
ranks=1
refused() { # CODE TEXT ARGUMENTS...
  expect "$1" "$ranks" eval "${@:3}" --json never.json
  expect_words "$2"
  [ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "more than one error on $ranks ranks: ${*:3}"
  if [ -e never.json ]; then fail "a refused request left a file"; fi
}
for ranks in 1 3; do
  refused 65 "(8, 8, 1)" drawn.h5 --reference points.h5
  refused 66 "gone.h5" samples.h5 --reference gone.h5
  refused 66 "nothing" samples.h5 --reference points.h5:/nothing
  refused 64 "did you mean 'sliced'" samples.h5 --reference points.h5 --metrics slised
  refused 78 "these are vectors" samples.h5 --reference points.h5 --metrics spectrum
  refused 65 "frechet_shrunk" drawn.h5 --reference fields.h5 --metrics frechet --rows 0:50
done
"$DSMPI_HELPERS/odd_dataset" nan.h5 nan
refused 65 "row 57" nan.h5 --reference points.h5 --metrics separation
refused 65 "row 57" samples.h5 --reference nan.h5
"$DSMPI_HELPERS/odd_dataset" words.h5 words
refused 65 "words.h5" words.h5 --reference points.h5
refused 64 "--reference" samples.h5
refused 64 "--bins" samples.h5 --reference points.h5 --bins 1
refused 78 "--features" samples.h5 --reference points.h5 --metrics kernel@features
for ranks in 1 2; do
  for rows in 50:10 0:0 100:5000 3; do
    refused 64 "eval: option --rows is '$rows'" samples.h5 --reference points.h5 --rows "$rows"
  done
  refused 64 "--reference-rows is '700:650', which leaves nothing of the dataset's 900 rows" samples.h5 --reference points.h5 \
    --reference-rows 700:650
  # told before anything is measured: a list of metrics that cannot be is not reached
  expect 74 "$ranks" eval samples.h5 --reference points.h5 --metrics spectrum --json "$work/no/such/folder.json"
  expect_words "cannot be opened for writing"
  mkdir -p folder.json
  expect 74 "$ranks" eval samples.h5 --reference points.h5 --metrics spectrum --json folder.json
  expect_words "folder.json is a folder"
done
passed "what cannot be compared is refused"
