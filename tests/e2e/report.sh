#!/bin/bash
# dsmpi report and dsmpi log on runs as users have them: finished, half-written, damaged, without data; and the page in a
# browser, which has to find every figure and no need to scroll sideways on a phone.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

# section FILE ID: the page has an element of that id
has() { grep -qF "id=\"$2\"" "$1" || fail "$1 has no $2"; }
has_not() { ! grep -qF "id=\"$2\"" "$1" || fail "$1 has $2, whose data are not there"; }
has_words() { grep -qF -- "$2" "$1" || fail "$1: words expected: $2"; }

# page RUN FILE OPTIONS...: makes a page, which needs no network and no script and is below 5 MB
page() {
  local run=$1 file=$2
  shift 2
  expect 0 1 report "$run" -o "$file" "$@"
  [ "$(stat -c %s "$file")" -lt 5000000 ] || fail "$file has $(stat -c %s "$file") bytes"
  ! grep -qiE '<script|<link|src="[^d]|href=|@import|url\([^#]' "$file" || fail "$file needs something from outside"
  tail -n 1 "$file" | grep -qxF '</html>' || fail "$file has no end"
}

# ---- runs ----
small_mlp mlp.yaml
small_unet unet.yaml
expect 0 2 train mlp.yaml -o points
expect 0 1 train unet.yaml -o fields
page points before.html
has before.html data-scatter
has_not before.html samples-scatter
expect 0 1 sample points -n 200 -o points/samples/samples.h5
expect 0 1 sample fields -n 20 -o fields/samples/samples.h5
mkdir fields/previews
for step in 20 40; do
  expect 0 1 view fields/samples/samples.h5 -n 4 -o fields/previews/step-000000$step.png
done
# what training and dsmpi eval will have written
awk '{ sub(/}$/, ""); sub(/, "noise_scale": [^,}]*/, ""); print $0 ", \"held_out_loss\": " 1 + 1 / NR ", \"held_out_levels\": [5,4,3,2,1,1,1,1,0.5,0.1], " \
  "\"held_out_channels\": [0.5, 0.25], \"noise_scale\": " 10 * NR "}" }' fields/metrics.jsonl >with.jsonl
mv with.jsonl fields/metrics.jsonl
cat >fields/eval.json <<'END'
{"samples": "fields/samples/samples.h5:/samples, 20 x (8, 8, 1)", "reference": "field.h5:/samples, 100 x (8, 8, 1)", "seed": 0, "evaluations": 1,
 "metrics": [
  {"metric": "sliced", "space": "raw", "figure": {"value": 0.5, "error": 0.1, "samples": 20, "reference": 100},
   "floor": {"value": 0.1, "error": 0.02, "samples": 20, "reference": 80}, "ideal": 0, "unit": "x", "protocol": "in <words>"},
  {"metric": "two_point", "space": "raw", "figure": {"value": null, "error": null, "samples": 20, "reference": 100},
   "floor": {"value": 0.1, "error": 0.02, "samples": 20, "reference": 80}, "ideal": 0, "unit": "", "protocol": "of pairs"},
  {"metric": "spectrum", "space": "raw", "figure": {"value": 0.2, "error": 0.1, "samples": 20, "reference": 100},
   "floor": {"value": 0.1, "error": null, "samples": 20, "reference": 80}, "ideal": null, "unit": "", "protocol": "of power",
   "channel_0_samples": [1, 0.5, 0.25, 0.1, 0.05], "channel_0_reference": [1, 0.4, 0.2, 0.1, 0.05]}],
 "notes": []}
END

# ---- pages ----
page points points.html
expect 0 1 eval points/samples/samples.h5 --reference eight.h5 --metrics sliced,wasserstein,separation --json points/eval.json
page points evaluated.html
has evaluated.html metric-table
has_words evaluated.html "of 3 metrics"
! sed -n '/id="metric-table"/,/<\/table>/p' evaluated.html | grep -qF '<td>–</td>' || fail "a metric of evaluated.html has no floor"
for id in head training loss gradient rate speed samples samples-scatter data-scatter histogram-0 histogram-1 timing timing-bars \
  jobs settings provenance; do has points.html "$id"; done
has_not points.html held-out
has_not points.html metrics
has_words points.html "finished"
has_words points.html "50 of 50"
has_words points.html "<span>eval</span>"
has_words points.html "2 × 1" # ranks and hosts of the job
has_words points.html '<tr class="changed"><th>width</th><td>16</td></tr>'
has_words points.html '<tr><th>clip</th><td>1.0</td></tr>'
page fields fields.html
for id in held-out held-out-loss held-out-levels held-out-channels noise-scale previews samples-grid data-grid histogram-0 measured \
  measured-0 metrics metric-table; do has fields.html "$id"; done
has_words fields.html "0.50 ± 0.10"
has_words fields.html "in &#60;words&#62;"
has_words fields.html "2 of 2 metrics tell the samples from data. Furthest from its floor is two_point: not finite"
has_words fields.html '<figure id="samples-grid" class="pixels">'
has_words fields.html '<div class="figures previews pixels">'
[ "$(grep -o 'src="data:image/png;base64,iVBORw0KGgo' fields.html | wc -l)" -eq 4 ] || fail "four pictures expected"
passed "pages of points and of fields have all their figures"

# ---- convergence ----
# logs TEST VALUE: the folder, with a log of 40 lines whose loss at line NR is the expression VALUE of awk
logs() { awk 'BEGIN { for (n = 1; n <= 40; n++) printf "{\"step\": %d, \"loss\": %.6f}\n", n, '"$2"' }' >"$1/metrics.jsonl"; }
rm -rf course
cp -r points course
logs course '1 + 0.001 * (n % 2)'
page course course.html
has_words course.html "Training has converged"
sed -i 's|^  steps: 50|  steps: 80|' course/config.yaml
page course course.html
has_words course.html "has levelled off"
! grep -qF "Training has converged" course.html || fail "a run that is not at its end has converged"
logs course '1 + 1 / n'
page course course.html
has_words course.html "still falls"
logs course 'n < 20 ? 1 + 0.1 * (n % 2) : 4.3 + 0.1 * (n % 2)'
page course course.html
has_words course.html "something goes wrong"
has_words course.html "above its best"
logs course '1 + 0.3 * ((n * 7919) % 13) / 13'
page course course.html
has_words course.html "cannot be told yet"
passed "converged, falling, risen, and not to be told"

# ---- samples, evaluation and model that do not belong together ----
cp -r points apart
expect 0 1 sample points -n 50 --seed 3 -o apart/samples/b.h5
page apart apart.html
has_words apart.html "The evaluation is of other samples, points/samples/samples.h5"
has_words apart.html "<span>apart/samples/b.h5</span>"
! grep -qF "of 3 metrics" apart.html || fail "the headline has figures of other samples than those that are shown"
page apart apart.html --samples points/samples/samples.h5
has_words apart.html "of 3 metrics"
touch -d '1 hour ago' apart/eval.json
page apart apart.html --samples points/samples/samples.h5
has_words apart.html "have been written after their evaluation"
expect 0 2 train mlp.yaml train.steps=60 -o apart
page apart apart.html
has_words apart.html "The samples are of step 50, and the newest checkpoint is of step 60"
has_words apart.html "<span>apart/samples/step-60.h5</span>"
passed "an evaluation of other samples, or of an earlier model, is told"

# ---- where the time went ----
printf '%s\n' '{"steps": 50, "batch": 32, "ranks": 2, "hosts": 1, "ended": "", "seconds": 10, "peak_memory": 1e6, "sections":
{"data wait": [0, 0, 0], "compute": [1, 1, 1], "gradient sum": [0.5, 0.5, 0.5], "optimizer": [0, 0, 0],
"checkpoint": [0, 0, 0], "evaluation": [8, 8, 8], "other": [0.5, 0.5, 0.5]}}' | tr -d '\n' >apart/timing.jsonl
page apart apart.html
has_words apart.html "Most of the rest, 80 % of the time, went into held-out losses and previews"
sed -i 's/\[8, 8, 8\]/[3, 3, 3]/; s/"optimizer": \[0, 0, 0\]/"optimizer": [2.5, 2.5, 2.5]/; s/"compute": \[1, 1, 1\]/"compute": [3, 3, 3]/' apart/timing.jsonl
page apart apart.html
has_words apart.html "The largest part of the rest, 30 % of the time, went into held-out losses and previews"
has_words apart.html "Next is: optimizer, 25 %."
passed "the largest cost is named"

# ---- the log ----
expect 0 1 log fields --csv -o fields.csv
[ "$(wc -l <fields.csv)" -eq 6 ] || fail "5 logged steps expected in fields.csv"
[ "$(head -n 1 fields.csv | tr ',' '\n' | grep -c '^held_out_levels_')" -eq 10 ] || fail "10 levels expected in fields.csv"
[ "$(cut -d , -f 1 fields.csv | tr '\n' ' ')" = "step 10 20 30 40 50 " ] || fail "steps of fields.csv"
expect 0 1 log points
expect_words "samples/s"
expect 64 1 log points --csv -n 3
passed "the loss log as CSV and for people"

# ---- runs that are stopped, at work, damaged ----
cp -r points odd
printf '{"step": 60, "loss": <b>}\n\0\n{"step": 70, "lo' >>odd/metrics.jsonl
printf 'junk' >odd/checkpoints/step-00000090.h5
printf '{"metrics": 3}' >odd/eval.json
printf 'half a line' >>odd/timing.jsonl
printf 'not a picture' >odd/samples/zz.h5
mkdir odd/previews
printf 'not a picture' >odd/previews/step-00000010.png
sed -i "s|^  file: .*|  file: \"$work/<i>gone.h5\"|; s|^  steps: 50|  steps: 80|" odd/config.yaml
page odd odd.html
has odd.html notes
has_words odd.html "2 lines of metrics.jsonl cannot be read"
has_words odd.html "ends within a line"
has_words odd.html "is no evaluation"
has_words odd.html "gone.h5"
has_words odd.html "step-00000090.h5"
has_words odd.html "stopped before its target"
! grep -qF '<i>gone' odd.html || fail "a name from a file is markup in the page"
has_not odd.html data-scatter
page odd again.html --data eight.h5 --samples points/samples/samples.h5
has again.html samples-scatter
has again.html data-scatter
printf 'host nowhere pid 1 job 7 restarts 0 since 2026-01-01T00:00:00+00:00 token 1\n' >odd/owner
page odd running.html
has_words running.html '>running<'
touch -d '1 hour ago' odd/owner
page odd silent.html
has_words silent.html '>no sign of life<'
printf 'no: yaml: at all' >odd/config.yaml
page odd odd.html
rm -rf odd/checkpoints odd/samples odd/config.yaml odd/timing.jsonl
page odd odd.html
has_words odd.html "metrics.jsonl"
passed "what is missing or damaged is told in the page"

# ---- no log ----
cp -r points unlogged
rm unlogged/metrics.jsonl
page unlogged unlogged.html
has unlogged.html samples-scatter
has_not unlogged.html training
has_words unlogged.html "No step is logged"
expect 66 1 log unlogged
passed "a run without a log has a page"

# ---- no page ----
mkdir empty
expect 66 1 report empty -o none.html
expect_words "no logged step"
expect 66 1 report nowhere -o none.html
expect 66 1 report points/config.yaml -o none.html
expect 66 1 report points -o none.html --eval nowhere.json
expect 65 1 report points -o none.html --eval mlp.yaml
expect 66 1 report points -o none.html --samples nowhere.h5
expect 65 1 report points -o none.html --data mlp.yaml
expect 66 1 log empty --csv
[ ! -e none.html ] || fail "a page was written for a run that is none"
expect 74 1 report points -o nowhere/none.html
passed "exit codes where there is nothing to tell"

# ---- in a browser ----
chromium=$(command -v chromium || command -v chromium-browser || true)
[ -n "$chromium" ] || skip "no chromium: pages are not looked at in a browser (jobs/install-packages.sh browser installs it)"
export HOME=$work XDG_RUNTIME_DIR=$work
browse() {
  timeout -k 5 120 "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
    --allow-file-access-from-files --user-data-dir="$work/browser" "$@" 2>browser.log || {
    cp browser.log said
    fail "chromium"
  }
}
# measure FILE: a page around it, with a frame as wide as each of these windows, asks how wide it is there, and how many of its
# figures have a size and lie inside
widths="320 390 1100"
measure() {
  cat >frame.html <<END
<!DOCTYPE html><body><script>
var widths = '$widths'.split(' ').map(Number), left = widths.length, found = [];
widths.forEach(function (wide, k) {
  var frame = document.createElement('iframe');
  frame.style = 'border:0;height:800px;width:' + wide + 'px';
  frame.onload = function () {
    var d = frame.contentDocument, sized = 0;
    d.querySelectorAll('svg, img').forEach(function (e) {
      var box = e.getBoundingClientRect();
      sized += box.width > 100 && box.height > 60 && box.right <= wide + 1 && (e.tagName != 'IMG' || e.naturalWidth > 0);
    });
    found[k] = d.documentElement.scrollWidth + ':' + sized;
    if (--left == 0) document.body.setAttribute('data-found', found.join(' '));
  };
  frame.src = '$1';
  document.body.appendChild(frame);
});
</script>
END
  browse --virtual-time-budget=20000 --dump-dom "file://$work/frame.html" >dom.html
  found=$(sed -n 's/.*data-found="\([^"]*\)".*/\1/p' dom.html)
}
for name in points evaluated fields again apart unlogged; do
  figures=$(grep -cE '<svg|<img' "$name.html")
  expected=$(for width in $widths; do printf '%s:%s ' "$width" "$figures"; done)
  measure "$name.html"
  [ "$found " = "$expected" ] || fail "$name.html, width of window:figures inside: $expected expected, $found received"
done
browse --window-size=390,3000 --screenshot="$work/phone.png" "file://$work/fields.html" >/dev/null
[ "$(stat -c %s phone.png)" -gt 20000 ] || fail "the screenshot is empty"
if [ -n "${DSMPI_KEEP-}" ]; then cp ./*.html phone.png "$DSMPI_KEEP"; fi
passed "figures are found in a browser, and nothing is wider than a phone"
