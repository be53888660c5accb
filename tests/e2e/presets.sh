#!/bin/bash
# The quickest presets on eight Gaussians, as jobs/presets.sh trains and judges all of them (configs/README.md has its table): their
# samples are as near to the law as fresh points are among themselves, to a factor of 2. And it would notice worse ones.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
limit=240
presets=(edm flow improved_ddpm)
"$DSMPI_SOURCE/jobs/presets.sh" --own -o runs "$DSMPI" "${presets[@]}" >table 2>said || fail "a preset misses its bound: $(cat table)"
cat table
for preset in "${presets[@]}"; do
  grep -qE "^\| \`$preset\` \| \`[a-z_0-9]+\` \| [0-9]+ \| [0-9]+ \| [0-9]+ \| [01]\.[0-9]+ \|$" table || fail "no row of $preset"
done
passed "${presets[*]}"

rm runs/edm/own.h5
expect 0 1 sample runs/edm train.threads=1 -n 10000 --sampler euler --steps 4 -o runs/edm/own.h5
code=0
"$DSMPI_SOURCE/jobs/presets.sh" --own -o runs "$DSMPI" edm >table 2>said || code=$?
[ "$code" -eq 1 ] || fail "four steps of Euler's method pass for good samples: $(cat table)"
expect_words 'is above the bound 2'
passed "worse samples are noticed"
