#!/bin/bash
# Previews: what `dsmpi sample` would draw from a checkpoint of that step, measured as `dsmpi eval` would; drawing them changes
# no bit of the training; the same on any number of ranks and after a resume.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
small_mlp mlp.yaml
small_unet unet.yaml
previews=(train.held_out=200 train.evaluate_every=20 train.preview_every=20 train.preview_samples=50)
measured=("${previews[@]}" train.preview_metrics=frechet,sliced,wasserstein@scaled)

values() { h5dump -y -w 0 -m %.9g -d /samples "$1" | grep -v '^HDF5'; }
same_values() {
  values "$1" >expected.txt
  values "$2" >received.txt
  grep -q , expected.txt && cmp -s expected.txt received.txt || fail "samples of $1 and $2 are not the same"
}
# without RUN: the log without the lines of previews
without() { untimed "$1" | grep -v frechet; }

they_change_no_bit() { # CONFIGURATION
  expect 0 1 train "$1.yaml" train.held_out=20 train.evaluate_every=20 -o "$1-plain"
  expect 0 1 train "$1.yaml" train.held_out=20 train.evaluate_every=20 train.preview_every=20 train.preview_samples=20 \
    train.preview_metrics=frechet_shrunk -o "$1-seen"
  expect_words "preview  step 40: 20 samples in " "$1-seen/previews/step-00000040.png"
  grep -c frechet "$1-seen/metrics.jsonl" >count || true
  [ "$(cat count)" -eq 4 ] || fail "4 measured previews expected, $(cat count) found: at 0, 20, 40, 50"
  without "$1-seen" >seen.jsonl
  cp seen.jsonl "$1-seen/metrics.jsonl"
  untimed "$1-plain" >"$1-plain/untimed.jsonl"
  cp "$1-plain/untimed.jsonl" "$1-plain/metrics.jsonl"
  expect_same_run "$1-plain" "$1-seen"
  passed "$1: the training with previews is the one without, to the bit"
}

they_are_what_sample_and_eval_make() {
  expect 0 2 train mlp.yaml "${measured[@]}" -o run
  expect 0 1 sample run/checkpoints/step-00000040.h5 -n 50 -o by_hand.h5
  same_values by_hand.h5 run/previews/step-00000040.h5
  [ "$(head -c 4 run/previews/step-00000040.png | tail -c 3)" = PNG ] || fail "a PNG is expected"
  expect 0 1 eval by_hand.h5 --reference eight.h5 --reference-rows 800:1000 --metrics frechet,sliced,wasserstein@scaled --json by_hand.json
  sed -nE 's/^\{"step": 40, "frechet": ([^,]*), "frechet_error": ([^,]*),.*/\1 \2/p' run/metrics.jsonl >logged
  grep -A 1 '"metric": "frechet"' by_hand.json | grep -oE '"(value|error)": [0-9.e+-]+' | head -n 2 | awk '{printf "%s%s", (NR > 1 ? " " : ""), $2} END {print ""}' >evaluated
  grep -q . logged && grep -q . evaluated || fail "no frechet figure of step 40"
  awk 'NR == FNR {v = $1; e = $2; next} {exit !(v > 0 && ($1 / v - 1) ^ 2 < 1e-20 && ($2 / e - 1) ^ 2 < 1e-20)}' logged evaluated ||
    fail "frechet and its error: $(cat logged) logged, $(cat evaluated) by dsmpi eval"
  grep -q '"step": 40, .*"wasserstein@scaled": ' run/metrics.jsonl || fail "wasserstein@scaled is not in the log"
  expect 0 1 status run
  expect_words "measured    frechet " ", step 50" "held_out_loss" "preview     run/previews/step-00000050.*"
  expect 0 1 log run --csv -o run.csv
  head -n 1 run.csv | grep -q 'wasserstein@scaled,wasserstein@scaled_error,wasserstein@scaled_floor' || fail "columns of run.csv"
  expect 0 1 report run -o run.html
  grep -q 'id="preview-metric-2"' run.html || fail "run.html has no curve of the third metric"
  passed "a preview has the samples of dsmpi sample and the figures of dsmpi eval"
}

they_are_the_same_on_ranks() {
  local ranks step
  for ranks in 1 3; do
    expect 0 "$ranks" train mlp.yaml "${measured[@]}" -o "ranks-$ranks"
    expect_same_run run "ranks-$ranks"
    for step in 00 20 40 50; do
      cmp "run/previews/step-000000$step.png" "ranks-$ranks/previews/step-000000$step.png" || fail "pictures of step $step"
      same_values "run/previews/step-000000$step.h5" "ranks-$ranks/previews/step-000000$step.h5"
    done
  done
  passed "the same previews and figures on 1, 2 and 3 ranks"
}

a_resumed_run_has_the_same() {
  expect 0 1 train mlp.yaml "${measured[@]}" optimizer.schedule=constant -o whole train.steps=80
  expect 0 2 train mlp.yaml "${measured[@]}" optimizer.schedule=constant -o parts train.steps=60
  # a life that drew more than it saved
  cp parts/previews/step-00000060.h5 parts/previews/step-00000070.h5
  cp parts/previews/step-00000060.png parts/previews/step-00000070.png
  echo '{"step": 70, "frechet": 1}' >>parts/metrics.jsonl
  expect 0 3 train mlp.yaml "${measured[@]}" optimizer.schedule=constant -o parts train.steps=80
  expect_same_run whole parts
  [ "$(ls parts/previews)" = "$(ls whole/previews)" ] || fail "previews: $(ls parts/previews)"
  cmp whole/previews/step-00000080.png parts/previews/step-00000080.png || fail "the last pictures differ"
  # one that was killed before its first checkpoint begins anew, with nothing of the other left
  mkdir -p anew/previews
  cp parts/previews/step-00000060.h5 anew/previews/step-00000000.h5
  : >anew/previews/step-00000040.h5.partial
  echo '{"step": 0, "frechet": 1}' >anew/metrics.jsonl
  expect 0 1 train mlp.yaml "${measured[@]}" optimizer.schedule=constant -o anew train.steps=80
  expect_same_run whole anew
  [ "$(ls anew/previews)" = "$(ls whole/previews)" ] || fail "previews: $(ls anew/previews)"
  same_values whole/previews/step-00000000.h5 anew/previews/step-00000000.h5
  # a run that had none before has one at once
  expect 0 1 train mlp.yaml -o later
  expect 0 1 train mlp.yaml train.steps=60 train.preview_every=10 -o later
  [ "$(cd later/previews && echo *.png)" = "step-00000050.png step-00000060.png" ] || fail "previews: $(ls later/previews)"
  passed "a resumed run has the previews of an unbroken one, and none beyond its steps"
}

a_stop_does_not_wait_for_them() {
  local slow=(train mlp.yaml train.preview_every=1 train.preview_samples=200000 -o slow)
  start_ranks 2 "${slow[@]}"
  under_way() { [ -e slow/previews/step-00000000.h5.partial ]; }
  wait_for 30 "a preview that is under way" under_way
  kill -USR1 "$(cat ranks/1.pid)"
  wait_job
  expect_words "preview  of step 0 left out" "(SIGUSR1)" "exit status 75"
  [ -z "$(ls slow/previews)" ] || fail "nothing should be left in previews: $(ls slow/previews)"
  expect 0 2 "${slow[@]}" train.preview_every=0
  passed "a job that is to stop leaves a preview out, and the next one goes on"
}

a_classifier_judges() {
  expect 0 1 train mlp.yaml objective.name=classifier data.conditions=labels "data.classes=[-1]" -o judge
  expect 0 2 train mlp.yaml "${previews[@]}" train.preview_classifier=judge train.preview_metrics=frechet_shrunk@classifier,inception -o judged
  expect 0 1 eval judged/previews/step-00000050.h5 --reference eight.h5 --reference-rows 800:1000 --classifier judge \
    --metrics inception --json judged.json
  grep -A 1 '"metric": "inception"' judged.json | grep -oE '"value": [0-9.e+-]+' | head -n 1 | cut -d' ' -f2 >evaluated
  sed -nE 's/^\{"step": 50, .*"inception": ([^,]*),.*/\1/p' judged/metrics.jsonl >logged
  grep -q . logged && cmp logged evaluated || fail "inception score $(cat logged) logged, $(cat evaluated) by dsmpi eval"
  grep -q '"step": 50, "frechet_shrunk@classifier": ' judged/metrics.jsonl || fail "no distance of features in the log"
  expect 78 1 train mlp.yaml "${previews[@]}" train.preview_classifier=judge -o bad
  expect_words "train.preview_classifier = 'judge', but train.preview_metrics has nothing to judge"
  expect 78 2 train mlp.yaml "${measured[@]}" train.preview_classifier=run -o bad
  expect_words "run is no classifier"
  expect 66 1 train mlp.yaml "${measured[@]}" train.preview_classifier=nowhere -o bad
  expect_words "nowhere"
  expect 66 1 train mlp.yaml "${measured[@]}" train.preview_classifier=nowhere --dry-run
  passed "a classifier judges, as for dsmpi eval"
}

a_long_list_has_room() {
  expect 0 2 train unet.yaml train.held_out=40 train.preview_every=50 train.preview_metrics=all -o long
  [ "$(tail -n 1 long/metrics.jsonl | wc -c)" -gt 1200 ] || fail "a line of many figures is expected"
  tail -n 1 long/metrics.jsonl | grep -q '"c2st": .*}$' || fail "the line of all metrics is cut"
  passed "all metrics at once"
}

conditions_are_given() {
  expect 0 2 train mlp.yaml train.preview_every=50 train.preview_samples=20 data.conditions=labels "data.classes=[-1]" -o labels
  h5dump -y -w 0 -d /labels labels/previews/step-00000050.h5 | grep -q '0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3' ||
    fail "each class in turn is expected"
  # continuous ones: those of the first rows of the training
  expect 0 1 train mlp.yaml train.preview_every=50 train.preview_samples=20 data.conditions=labels "data.classes=[0]" -o numbers
  h5dump -y -w 0 -m %.0f -d /labels numbers/previews/step-00000050.h5 | tr -d ' \n' | grep -oE 'DATA\{[^}]*' >given
  h5dump -y -w 0 -d '/labels[0;;20;]' eight.h5 | tr -d ' \n' | grep -oE 'DATA\{[^}]*' | head -n 1 >those
  cmp given those || fail "conditions $(cat given), those of the data $(cat those)"
  # of these only, and in turn where there are fewer than samples
  expect 0 1 train mlp.yaml train.preview_every=50 train.preview_samples=20 data.conditions=labels "data.classes=[0]" data.rows=985:1000 \
    train.held_out=5 -o few
  h5dump -y -w 0 -m %.0f -d /labels few/previews/step-00000050.h5 | tr -d ' \n' | grep -oE 'DATA\{[^}]*' >given
  h5dump -y -w 0 -d '/labels[985;;10;]' eight.h5 | tr -d ' \n' | grep -oE 'DATA\{[^}]*' | head -n 1 >those
  sed -E 's/DATA\{(.*)/DATA{\1,\1/' those >twice
  cmp given twice || fail "conditions $(cat given), those of the data, twice, $(cat twice)"
  expect 0 1 train mlp.yaml train.preview_every=50 train.preview_samples=4 data.conditions=labels "data.classes=[-1]" \
    sampler.label=3 -o three
  h5dump -y -w 0 -d /labels three/previews/step-00000050.h5 | grep -q '3, 3, 3, 3' || fail "class 3 is expected"
  passed "labels in turn, conditions of the data, those of the settings"
}

vectors_have_histograms() {
  expect 0 1 data make gaussian -n 200 --dimension 5 -o vectors.h5
  expect 0 1 train mlp.yaml data.file=vectors.h5 train.preview_every=50 -o vectors
  expect_words "preview  step 50: 64 samples in " "vectors/previews/step-00000050.png"
  expect 0 1 view vectors/previews/step-00000050.h5 -o view.png
  same_size view.png vectors/previews/step-00000050.png || fail "other panels than those of dsmpi view"
  passed "samples of 5 numbers: histograms"
}
same_size() { cmp -s <(od -j16 -N8 "$1") <(od -j16 -N8 "$2"); } # of two PNG files

failing_ones_do_not_end_a_training() {
  local broken=(train mlp.yaml train.steps=1000000 train.preview_every=200 -o broken)
  mkdir broken
  : >broken/previews # a file where the folder should be: found at the start
  expect 74 2 "${broken[@]}"
  expect_words "broken/previews"
  rm broken/previews
  start_ranks 2 "${broken[@]}"
  drawn() { [ -e broken/previews/step-00000200.png ]; }
  told() { grep -q "preview of step [0-9]*: .*; training goes on" said; }
  wait_for 30 "a preview" drawn
  mv broken/previews broken/aside
  wait_for 30 "a warning" told
  touch broken/STOP
  wait_job
  expect_words "exit status 75"
  # where the run goes on it is made up for
  local step
  step=$(newest broken)
  step=$((10#$(basename "${step##*-}" .h5)))
  expect 0 2 train mlp.yaml "train.preview_every=$step" -o broken "train.steps=$((step + 1))"
  [ -e "broken/previews/step-$(printf %08d "$step").h5" ] || fail "no preview of step $step, which the run went on from"
  passed "a preview that cannot be written later on is told of, and the training goes on"
}

bad_settings_are_refused() {
  expect 78 1 train mlp.yaml train.preview_metrics=frechet -o bad
  expect_words "train.preview_metrics = 'frechet', but there are no previews"
  expect 78 1 train mlp.yaml train.preview_every=10 train.preview_metrics=frechet train.preview_samples=5 -o bad
  expect_words "train.preview_samples = 5, but train.preview_metrics need 20 or more"
  expect 78 2 train mlp.yaml train.preview_every=10 train.preview_metrics=frechte -o bad
  expect_words "train.preview_metrics: there is no metric 'frechte'; did you mean 'frechet'?"
  expect 78 2 train mlp.yaml train.preview_every=10 train.preview_metrics=spectrum -o bad
  expect_words "train.preview_metrics spectrum: it is for fields"
  expect 78 2 train mlp.yaml train.preview_every=10 train.preview_metrics=spectrum -o bad # and again, with nothing left behind
  expect_words "train.preview_metrics spectrum: it is for fields"
  [ -z "$(ls bad/previews)" ] || fail "previews of a run that was refused: $(ls bad/previews)"
  expect 65 1 train unet.yaml train.preview_every=10 train.preview_metrics=frechet -o bad
  expect_words "frechet: 64 samples are too few" "use train.preview_metrics frechet_shrunk"
  expect 78 1 train mlp.yaml train.preview_every=10 train.preview_metrics=frechte --dry-run
  expect_words "did you mean 'frechet'?"
  expect 78 1 train mlp.yaml train.preview_every=10 train.preview_metrics=frechet train.held_out=10 -o bad
  expect_words "train.held_out = 10, but train.preview_metrics are taken against these rows and need 20 or more"
  expect 78 1 train mlp.yaml train.preview_every=10 objective.name=classifier data.conditions=labels "data.classes=[-1]" -o bad
  expect_words "objective.name classifier makes no samples"
  expect 78 2 train mlp.yaml train.preview_every=10 data.conditions=labels "data.classes=[-1]" sampler.label=8 -o bad
  expect_words "sampler.label is '8', but 'labels' has 8 classes"
  passed "settings of previews that cannot be are refused before the first step"
}

they_change_no_bit mlp
they_change_no_bit unet
they_are_what_sample_and_eval_make
they_are_the_same_on_ranks
a_resumed_run_has_the_same
a_stop_does_not_wait_for_them
a_classifier_judges
a_long_list_has_room
conditions_are_given
vectors_have_histograms
failing_ones_do_not_end_a_training
bad_settings_are_refused
