#!/bin/bash
# How good are the samples, and what do they cost? Trains the classifier and the model of configs/fashion.yaml on Fashion-MNIST, draws
# samples with several samplers at several numbers of evaluations, compares them with the 10,000 pictures of the test set, which no
# training has seen, and prints the table of README.md: Frechet distance between features of the classifier, inception score,
# precision and recall of the same features, AUC of a two-sample test; in the last line what as many pictures of the data reach.
#   jobs/samplers_table.sh [-r RANKS] [-o FOLDER] [-n SAMPLES] [PROGRAM]
# By default on as many ranks as there are cores, at most 8, in runs/samplers, with 1,000 samples of each, by build/dsmpi. About an hour
# on two cores. Run again, it goes on where it stopped.
set -eu
export LC_ALL=C OMP_WAIT_POLICY=passive
[ "$(id -u)" -ne 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
source=$(cd "$(dirname "$0")/.." && pwd)
folder=runs/samplers count=1000
ranks=$(nproc)
[ "$ranks" -le 8 ] || ranks=8 # a batch has eight micro-batches
while [ $# -gt 0 ]; do
  case $1 in
    -r) ranks=${2:?-r needs a number}; shift ;;
    -o) folder=${2:?-o needs a folder}; shift ;;
    -n) count=${2:?-n needs a number}; shift ;;
    -*) echo "jobs/samplers_table.sh: unknown option '$1'; known: -r RANKS, -o FOLDER, -n SAMPLES" >&2; exit 64 ;;
    *) break ;;
  esac
  shift
done
program=$(realpath "${1:-$source/build/dsmpi}")
images=/usr/share/datasets/fashion-mnist
[ -x "$program" ] || { echo "jobs/samplers_table.sh: there is no program $program; build with cmake --build build" >&2; exit 66; }
[ -d "$images" ] || { echo "jobs/samplers_table.sh: there is no $images; jobs/install-packages.sh build data installs it" >&2; exit 66; }
mpi=(mpirun --bind-to none -np "$ranks" "$program")
mkdir -p "$folder/runs"
cd "$folder"

say() { printf '%s\n' "$*" >&2; }
# runs WORDS...: the program on all ranks, its words to the file `said`
runs() {
  "${mpi[@]}" "$@" >said 2>&1 </dev/null || { say "jobs/samplers_table.sh: $* failed:"; tail -n 20 said >&2; exit 70; }
}
import() { # NAME OF: pictures and labels
  [ -e "runs/$1" ] || "$program" data import idx "$images/$2-images-idx3-ubyte.gz" --labels "$images/$2-labels-idx1-ubyte.gz" -o "runs/$1" >&2
}

# ---- data, classifier, model: paths as the configurations have them ----

import fashion-train.h5 train
import fashion-test.h5 t10k
say "classifier: training"
runs train "$source/configs/classifier.yaml" -o runs/classifier
say "model: training"
runs train "$source/configs/fashion.yaml" -o runs/fashion-vp

# ---- samples and figures ----

metrics=frechet@classifier,inception,precision_recall@classifier,c2st
mkdir -p runs/fashion-vp/samples

# figures FILE: "value error" of each metric in the order of the table, then the same of the floors
figures() {
  awk -F '[":, ]+' '
    function number(key) { for (i = 1; i < NF; i++) if ($i == key) return $(i + 1); return "nan" }
    /"metric":/ { name = number("metric") }
    /"figure":/ { value[name] = number("value") " " number("error") }
    /"floor":/ { floor[name] = number("value") " " number("error") }
    END {
      n = split("frechet inception precision recall c2st", order, " ")
      for (i = 1; i <= n; i++) printf "%s ", value[order[i]]
      for (i = 1; i <= n; i++) printf "%s ", floor[order[i]]
      print ""
    }' "$1"
}
row() { # NAME EVALUATIONS FIGURES...
  printf '| %s | %s ' "$1" "$2"
  awk -v "f=${*:3}" 'BEGIN {
    split(f, x, " ")
    split("%.2f %.2f %.3f %.3f %.3f", form, " ")
    for (i = 1; i <= 5; i++) printf "| " form[i] " ± " form[i] " ", x[2 * i - 1], x[2 * i]
    print "|"
  }'
}

printf '| sampler | evaluations | Fréchet distance | inception score | precision | recall | AUC |\n|---|---|---|---|---|---|---|\n'
for request in "ddim 10 10" "ddim 20 20" "ddim 50 50" "heun 9 5" "heun 19 10" "heun 49 25" "dpmpp_2m 10 10" "dpmpp_2m 20 20" \
  "dpmpp_2m 50 50" "ancestral 1000 1000"; do
  read -r sampler evaluations steps <<<"$request"
  name=runs/fashion-vp/samples/$sampler-$evaluations
  if [ ! -e "$name.h5" ]; then
    say "$sampler, $evaluations evaluations"
    runs sample runs/fashion-vp -n "$count" -o "$name.h5" --sampler "$sampler" --steps "$steps"
  fi
  [ -e "$name.json" ] ||
    runs eval "$name.h5" --reference runs/fashion-test.h5 --classifier runs/classifier --metrics "$metrics" --json "$name.json"
  read -ra of <<<"$(figures "$name.json")"
  row "\`$sampler\`" "$evaluations" "${of[@]:0:10}"
done
row "pictures of the data" "" "${of[@]:10:10}"

# the page shows the newest samples, which are the last ones, and the figures that lie beside the run
cp "$name.json" runs/fashion-vp/eval.json
"$program" report runs/fashion-vp -o runs/fashion-vp/report.html >&2
