#!/bin/bash
# Trains every preset of configs/presets/ on eight Gaussians in the plane, draws 10,000 samples with its own sampler and with all
# others at several numbers of evaluations, and prints the tables of configs/README.md: the sliced Wasserstein-2 distance to fresh
# points of the law, over that of fresh points among themselves. 1 is perfect; a preset with its own sampler must reach 2.
#   jobs/presets.sh [--own] [-r RANKS] [-o FOLDER] [PROGRAM [PRESET...]]
# By default on as many ranks as there are cores, at most 4, in runs/presets, with build/dsmpi, all presets. --own leaves out the
# samplers of others. Run again, it goes on where it stopped. Ends with 1 if a preset misses the bound.
set -eu
export LC_ALL=C OMP_WAIT_POLICY=passive
[ "$(id -u)" -ne 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
source=$(cd "$(dirname "$0")/.." && pwd)
bound=2 points=10000 seed=1
folder=runs/presets grid=yes
ranks=$(nproc)
[ "$ranks" -le 4 ] || ranks=4 # a batch has four micro-batches
while [ $# -gt 0 ]; do
  case $1 in
    --own) grid=no ;;
    -r) ranks=${2:?-r needs a number}; shift ;;
    -o) folder=${2:?-o needs a folder}; shift ;;
    -*) echo "jobs/presets.sh: unknown option '$1'; known: --own, -r RANKS, -o FOLDER" >&2; exit 64 ;;
    *) break ;;
  esac
  shift
done
program=$(realpath "${1:-$source/build/dsmpi}")
[ $# -eq 0 ] || shift
presets=("$@")
[ $# -gt 0 ] || presets=(ncsn ncsnv2 ddpm improved_ddpm vp subvp ve edm flow energy)
ratio_of=${DSMPI_HELPERS:-$(dirname "$program")/tests/e2e}/fresh_ratio
for needed in "$program" "$ratio_of"; do
  [ -x "$needed" ] || { echo "jobs/presets.sh: there is no program $needed; build with cmake --build build" >&2; exit 66; }
done
mpi=() # one rank needs no launcher
[ "$ranks" -eq 1 ] || read -ra mpi <<<"${DSMPI_MPIRUN:-mpirun --bind-to none} -np $ranks"
mkdir -p "$folder"
cd "$folder"

say() { printf '%s\n' "$*" >&2; }
# runs WORDS...: the program on all ranks, its words to the file `said`, its exit status passed on. The seconds that all cores
# together worked go to $took: unlike those on the clock they mean something on a machine that others use too.
runs() {
  local code=0 TIMEFORMAT='%U %S'
  { time "${mpi[@]}" "$program" "$@" train.threads=1 >said 2>&1 </dev/null; } 2>seconds || code=$?
  took=$(awk '{ print $1 + $2 }' seconds)
  return $code
}
# evaluations: of the network, a sample, as the last command said
evaluations() { sed -nE 's/^network +([0-9.]+) evaluations a sample.*/\1/p' said; }
failed() { say "jobs/presets.sh: $* failed:"; tail -n 20 said >&2; exit 70; }

[ -e eight_gaussians.h5 ] || "$program" data make eight_gaussians -n 100000 -o eight_gaussians.h5 >said 2>&1 ||
  failed "making the data"

# ---- each preset with its own sampler ----

for preset in "${presets[@]}"; do
  if [ ! -e "$preset/own.h5" ] || [ ! -e "$preset/took" ]; then
    say "$preset: training"
    runs train "$source/configs/presets/$preset.yaml" "$source/configs/data/eight_gaussians.yaml" -o "$preset" --fresh ||
      failed "training $preset"
    training=$took
    runs sample "$preset" -n "$points" -o "$preset/own.h5" --seed "$seed" || failed "sampling from $preset"
    echo "$training $took $(evaluations) $(sed -nE 's/^sampler +([a-z_0-9]+),.*/\1/p' said)" >"$preset/took"
  fi
done

# ---- all samplers ----

samplers=(ancestral ddim dpmpp_2m dpmpp_2m_sde euler heun ode euler_maruyama reverse_diffusion predictor_corrector
  annealed_langevin langevin)
budgets=(10 30 100)
# settings SAMPLER BUDGET: words that make a sampler take about so many evaluations
settings() {
  case $1 in
    heun) echo "sampler.steps=$((($2 + 1) / 2))" ;; # 2 K - 1
    predictor_corrector) echo "sampler.steps=$(($2 / 2)) sampler.corrector_steps=1" ;;
    annealed_langevin) echo "sampler.steps=10 sampler.langevin_steps=$(($2 / 10)) sampler.langevin_step=0" ;;
    langevin) echo "sampler.steps=$(($2 - 1)) sampler.langevin_step=0" ;;
    ode) # has no number of steps, but a tolerance
      case $2 in
        10) echo "sampler.steps=0 sampler.rtol=0.1 sampler.atol=0.1" ;;
        30) echo "sampler.steps=0 sampler.rtol=1.0e-3 sampler.atol=1.0e-3" ;;
        *) echo "sampler.steps=0 sampler.rtol=1.0e-5 sampler.atol=1.0e-5" ;;
      esac ;;
    *) echo "sampler.steps=$2" ;;
  esac
}
draw_all() { # PRESET: files PRESET/SAMPLER-BUDGET.h5, or .no with the reason
  local sampler budget name words
  for budget in "${budgets[@]}"; do
    for sampler in "${samplers[@]}"; do
      name=$1/$sampler-$budget
      if [ -e "$name.h5" ] || [ -e "$name.no" ]; then continue; fi
      read -ra words <<<"$(settings "$sampler" "$budget")"
      if runs sample "$1" -n "$points" -o "$name.h5" --seed "$seed" sampler.name="$sampler" "${words[@]}" \
        sampler.grid=auto sampler.metropolis=false sampler.denoise=true sampler.ema=-1; then
        evaluations >"$name.evaluations"
      elif grep -q 'cannot run on this\|there are no times\|no more levels\|are more than' said; then
        grep -m 1 'error:' said | sed 's/.*error: //' >"$name.no"
      else
        failed "sampling $name"
      fi
    done
  done
}
if [ "$grid" = yes ]; then
  for preset in "${presets[@]}"; do
    say "$preset: all samplers"
    draw_all "$preset"
  done
fi

# ---- tables ----

declare -A ratio
files=()
for preset in "${presets[@]}"; do
  files+=("$preset/own.h5")
  for file in "$preset"/*-*.h5; do [ "$grid" = no ] || [ ! -e "$file" ] || files+=("$file"); done
done
"$ratio_of" "${files[@]}" >ratios
while read -r value file; do ratio[$file]=$value; done <ratios

printf '| preset | sampler | evaluations | training, core seconds | sampling, core seconds | distance |\n|---|---|---|---|---|---|\n'
missed=0
for preset in "${presets[@]}"; do
  read -r training sampling count sampler <"$preset/took"
  value=${ratio[$preset/own.h5]}
  printf '| `%s` | `%s` | %.0f | %.0f | %.0f | %.2f |\n' "$preset" "$sampler" "$count" "$training" "$sampling" "$value"
  if awk -v a="$value" -v b="$bound" 'BEGIN { exit !(a > b) }'; then
    say "$preset: $value is above the bound $bound"
    missed=1
  fi
done

# refusal MESSAGE: its cell, by the kind of reason; one message of each kind is told below the table
declare -A example
refusal() {
  local reason
  case $1 in
    *'time is discrete'*) reason=1 ;;
    *'no more levels'* | *'are more than'*) reason=2 ;;
    *) reason=3 ;;
  esac
  example[$reason]=$1
  printf ' (%s) |' "$reason"
}
if [ "$grid" = yes ]; then
  printf '\n| preset | evaluations |'
  printf ' `%s` |' "${samplers[@]}"
  printf '\n|---|---|'
  printf '%.0s---|' "${samplers[@]}"
  printf '\n'
  for preset in "${presets[@]}"; do
    for budget in "${budgets[@]}"; do
      printf '| `%s` | %s |' "$preset" "$budget"
      for sampler in "${samplers[@]}"; do
        name=$preset/$sampler-$budget
        if [ -e "$name.no" ]; then
          refusal "$(cat "$name.no")"
        elif [ "$sampler" = ode ]; then
          printf ' %.1f (%s) |' "${ratio[$name.h5]}" "$(cat "$name.evaluations")"
        else
          printf ' %.1f |' "${ratio[$name.h5]}"
        fi
      done
      printf '\n'
    done
  done
  printf '\n'
  for reason in 1 2 3; do
    [ -z "${example[$reason]-}" ] || printf '%s\n' "($reason) ${example[$reason]}"
  done
fi
exit $missed
