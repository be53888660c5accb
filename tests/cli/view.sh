# Pictures: of the size that is said, and with the right things in them.
. "$(dirname "$0")/check.sh"

# "WIDTH x HEIGHT" from the header of a PNG
size() { od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 " x " $7 * 256 + $8 }'; }

"$DSMPI" data make gaussian_field -n 40 --side 16 -o field.h5 >/dev/null
exits 0 view field.h5 -o grid.png -n 10 --columns 5 --zoom 2
says "10 images of 16 x 16"
that "the picture has the size that is said" grep -qF "grid.png: $(size grid.png) pixels" <<<"$out"
narrow=$(size grid.png)
exits 0 view field.h5 -o grid2.png -n 10 --columns 2 --zoom 2
that "fewer columns make it narrower" [ "${narrow%% *}" -gt "$(size grid2.png | cut -d' ' -f1)" ]
exits 0 view field.h5 -o bodies.png -n 10 --columns 5 --zoom 2 --axes "N Z Y X"
says "10 images of 16 x 16, the middle planes"
that "the middle plane of a body" cmp -s grid.png bodies.png
exits 0 view field.h5 -o all.png
says "40 images"
exits 0 view field.h5 -o some.png --rows 3:8
says "5 images"

# the range shown leaves out the outermost half per cent unless it is given
range=$(sed -n 's/.*black to white: //p' <<<"$out")
that "a range from the values" awk '{ exit !($1 > -6 && $1 < -1 && $3 > 1 && $3 < 6) }' <<<"$range"
exits 0 view field.h5 -o own.png --low -3 --high 2.5
says "black to white: -3 ... 2.5"
exits 0 view field.h5 -o again.png --low -3 --high 2.5
that "the same command draws the same picture" cmp -s own.png again.png
mistake 64 "view: option --low: one number or one a channel (1) is expected, not 1 x 2" view field.h5 -o x.png --low 1,2

"$DSMPI" data make eight_gaussians -n 3000 -o points.h5 >/dev/null
exits 0 view points.h5 -o points.png
says "3000 points"
that "a square" [ "$(size points.png)" = "800 x 800" ]
exits 0 view points.h5 -o near.png --low=-3,-3 --high 3,3 -n 100
says "100 points"
mistake 64 "view: for points --low and --high are needed together" view points.h5 -o x.png --low=-3,-3
mistake 64 "view: --columns and --zoom are for images, and these are points in the plane" view points.h5 -o x.png --zoom 2

"$DSMPI" data make gaussian -n 9 --dimension 5 -o vectors.h5 >/dev/null
exits 0 view vectors.h5 -o vectors.png
says "9 vectors, histograms of 5 features; left to right:"
exits 0 view vectors.h5 -o tall.png --columns 1 --low -4 --high 4
says "left to right: -4 ... 4, -4 ... 4"
that "a column is narrower" [ "$(size tall.png | cut -d' ' -f1)" -lt "$(size vectors.png | cut -d' ' -f1)" ]
exits 0 view vectors.h5 -o series.png --axes "N L"
says "9 series of 5, 1 channel; bottom to top:"
mistake 64 "view: --zoom is for images, and these are vectors" view vectors.h5 -o x.png --zoom 2
mistake 64 "view: --zoom is for images, and these are series" view vectors.h5 -o x.png --zoom 2 --axes "N L"
"$DSMPI" data make gaussian -n 9 --dimension 70 -o wide.h5 >/dev/null
exits 0 view wide.h5 -o wide.png
says "histograms of the first 64 features"
exits 74 view field.h5 -o nowhere/x.png
that "no picture after a mistake" [ ! -e x.png ]
finish
