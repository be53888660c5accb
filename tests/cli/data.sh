# Data: made, imported, listed, measured.
. "$(dirname "$0")/check.sh"

exits 0 data make gaussian -n 4000 --mean "1,-2" --covariance "1,0.5; 0.5,4" --seed 3 -o normal.h5
says "normal.h5"
exits 0 data info normal.h5
says "/samples"
says "4000 x 2, float32"
says "4,000 of shape (2), channels last"
says "N C (from labels in the file)"
says "contiguous"
exits 0 data info normal.h5:/samples --axes "N C" --rows 10:30
says "20 of shape (2)"
says "from --axes"
exits 0 data stats normal.h5
# 4000 samples: four standard errors of the means are 0.063 and 0.126, of the deviations 0.045 and 0.09
near='function near(x, y, t) { return x > y - t && x < y + t }'
# shellcheck disable=SC2016
that "statistics of channel 0" awk "$near"' $1 == "0" { ok = $2 == "4,000" && near($3, 1, 0.063) && near($4, 1, 0.045) && $5 < $3 && $6 > $3 } END { exit !ok }' <<<"$out"
# shellcheck disable=SC2016
that "statistics of channel 1" awk "$near"' $1 == "1" { ok = near($3, -2, 0.126) && near($4, 2, 0.09) } END { exit !ok }' <<<"$out"
exits 0 data stats normal.h5 --rows :4
says " 4 "

exits 0 data make gaussian -n 4000 --mean "1,-2" --covariance "1,0.5; 0.5,4" --seed 3 -o again.h5
that "the same seed makes the same file" cmp -s normal.h5 again.h5
exits 0 data make gaussian -n 4000 --mean "1,-2" --covariance "1,0.5; 0.5,4" --seed 4 -o other.h5
that "another seed makes another" [ -n "$(cmp normal.h5 other.h5)" ]

exits 0 data make gaussian_field -n 6 --side 16 --k0 2 --slope 3.5 -o field.h5
exits 0 data info field.h5
says "6 x 1 x 16 x 16, float32"
says "6 of shape (16, 16, 1)"
exits 0 info field.h5
says "/samples"
for kind in eight_gaussians checkerboard swiss_roll; do exits 0 data make $kind -n 50 -o $kind.h5; done

# two images of 2 x 3 as IDX: magic 00 00 08 03, sizes, bytes
printf '\0\0\10\3\0\0\0\2\0\0\0\2\0\0\0\3\1\2\3\4\5\6\7\10\11\12\13\14' >images.idx
printf '\0\0\10\1\0\0\0\2\5\11' >labels.idx
exits 0 data import idx images.idx --labels labels.idx -o images.h5
exits 0 data info images.h5
says "/labels"
says "2 x 1 x 2 x 3, uint8"
exits 0 data stats images.h5
that "all bytes arrived" grep -q '^ *0 *12 *6.5 .* 1  *12$' <<<"$out"
exits 0 data stats images.h5:/labels
that "the labels too" grep -q '^ *0 *2 *7 ' <<<"$out"
gzip -k images.idx
exits 0 data import idx images.idx.gz -o packed.h5
exits 0 data stats packed.h5
says "6.5"

mistake 66 "'images.h5' has no dataset '/colours'; it holds: /labels, /samples (choose with data.dataset)" \
  data info images.h5:/colours
# bytes all over the first kilobyte flipped, one at a time: an answer or a clear error, never "no datasets"
flips=0 wrong=0
for at in $(seq 40 23 1000); do
  cp normal.h5 flipped.h5
  byte=$(od -An -tu1 -j"$at" -N1 normal.h5)
  printf '%b' "\\x$(printf %02x $((byte ^ 255)))" | dd of=flipped.h5 bs=1 seek="$at" conv=notrunc 2>/dev/null
  run data info flipped.h5
  flips=$((flips + 1))
  case "$code $out" in "0 "*"4000 x 2"* | "65 dsmpi: error: "*) ;; *) wrong=$((wrong + 1)) && echo "byte $at: $code $out" ;; esac
done
that "of $flips damaged files $wrong were taken for something else" [ "$wrong" -eq 0 ]

printf 'not HDF5\n' >text
exits 65 data info text
says "is not an HDF5 file"

if command -v h5repack >/dev/null; then
  # chunks across samples: said, with a way out that works
  "$DSMPI" data make gaussian_field -n 64 --side 16 -o fields.h5 >/dev/null
  h5repack -l /samples:CHUNK=64x1x4x4 fields.h5 chunked.h5
  exits 0 data info chunked.h5
  says "one sample touches 16 chunks: 64 times its bytes must be read"
  advice=$(grep -o 'h5repack .*' <<<"$out")
  $advice
  exits 0 data info repacked.h5
  says "one sample touches 1 chunk"
  says "good"
  "$DSMPI" data stats fields.h5 >a && "$DSMPI" data stats repacked.h5 >b
  that "repacking keeps the values" cmp -s a b
fi
"$DSMPI" data make eight_gaussians -n 10 -o rows.h5 >/dev/null
exits 64 data info rows.h5:/samples --rows 5:2
says "data info: option --rows is '5:2', which leaves nothing of the dataset's 10 rows"
mistake 64 "data stats: option --rows is '50:60', but the dataset has 10 rows" data stats rows.h5 --rows 50:60
finish
