#!/bin/bash
# What a user may get wrong, and what may be wrong with the files: each is refused with its exit code, told once whatever
# the number of ranks, names what is wrong, and ends at once. All cases run; the failures are counted.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
limit=20
failures=0 cases=0

# complain TEXT: as fail, but goes on
complain() {
  failures=$((failures + 1))
  (
    trap - EXIT
    fail "$*"
  ) || true
}

on=(1 3) # ranks
# refused CODE TEXT ARGUMENTS...: on 1 and on 3 ranks
refused() {
  local expected=$1 text=$2 ranks told
  shift 2
  for ranks in "${on[@]}"; do
    cases=$((cases + 1))
    run_ranks "$ranks" "$@"
    told=$(grep -c '^dsmpi: error:' said || true)
    if [ "$code" -ne "$expected" ]; then
      complain "exit $expected expected, $code received (124: hanging) on $ranks ranks: $*"
    elif [ "$told" -ne 1 ]; then
      complain "1 error expected, $told received on $ranks ranks: $*"
    elif ! grep -qF -- "$text" said; then
      complain "words expected on $ranks ranks: \"$text\": $*"
    fi
  done
}

small_mlp mlp.yaml
small_unet unet.yaml
printf 'this is a letter, not a data file\n%.0s' {1..200} >letter.h5
cp eight.h5 cut.h5
truncate -s 5000 cut.h5
for kind in empty nan infinite elsewhere words; do "$DSMPI_HELPERS/odd_dataset" "$kind.h5" "$kind"; done

# ---- data files ----
train=(train mlp.yaml -o never)
refused 66 "gone.h5" "${train[@]}" data.file=gone.h5
refused 65 "letter.h5" "${train[@]}" data.file=letter.h5
refused 65 "cut.h5" "${train[@]}" data.file=cut.h5
refused 65 "$work" "${train[@]}" "data.file=$work"
refused 66 "/points/positions" "${train[@]}" data.file=elsewhere.h5 # the datasets that are there are named
refused 65 "empty.h5" "${train[@]}" data.file=empty.h5
refused 65 "words.h5" "${train[@]}" data.file=words.h5
refused 65 "N C H W" "${train[@]}" "data.axes=N C H W"
refused 78 "C W" "${train[@]}" "data.axes=C W"
refused 78 "five:ten" "${train[@]}" data.rows=five:ten
refused 78 "2000:3000" "${train[@]}" data.rows=2000:3000

# ---- files that an enemy has made: refused before a value is read ----
hostile() { "$DSMPI_HELPERS/odd_dataset" "$1.h5" "$1"; }
for kind in external outer soft conditions virtual declared sparse chunk filter; do hostile "$kind"; done
for target in outer conditions virtual; do cp eight.h5 "$target.h5.target"; done
on=(3) # what holds for 3 ranks holds for one
refused 65 "external storage" "${train[@]}" data.file=external.h5
refused 65 "an external link" "${train[@]}" data.file=outer.h5
refused 65 "a soft link" "${train[@]}" data.file=soft.h5
refused 65 "an external link" "${train[@]}" data.file=conditions.h5 data.conditions=labels "data.classes=[-1]"
refused 65 "a virtual dataset" "${train[@]}" data.file=virtual.h5
refused 65 "declares 68.7 GB" "${train[@]}" data.file=declared.h5
refused 65 "declares 68.7 GB" "${train[@]}" data.file=sparse.h5
refused 65 "chunks of 838.9 MB" "${train[@]}" data.file=chunk.h5
refused 65 "filter 31999 ('unheard of')" "${train[@]}" data.file=filter.h5
mkfifo pipe # nobody ever writes to it
refused 65 "a pipe" "${train[@]}" data.file=pipe
refused 66 "Is a directory" train "$work" -o never

on=(1 3)

# ---- settings ----
refused 78 "did you mean 'train.batch'" "${train[@]}" train.bach=20
refused 78 "optimizer.lr" "${train[@]}" optimizer.lr=-1
refused 78 "train.micro_batch" "${train[@]}" train.micro_batch=7
refused 78 "optimizer.ema" "${train[@]}" "optimizer.ema=[0.9, 1.5]"
refused 64 "--colour" "${train[@]}" --colour
refused 64 "-o RUN" train mlp.yaml
refused 66 "gone.yaml" train gone.yaml -o never
# 8 x 8 cannot be halved four times; sizes that fit are named
refused 78 "16" train unet.yaml -o never "model.multipliers=[1, 2, 2, 2, 2]" "model.attention=[]"
refused 78 "attention" train unet.yaml -o never "model.attention=[5]"
refused 78 "width" train unet.yaml -o never model.width=6
refused 78 "unet" train unet.yaml -o never "data.file=$work/eight.h5" # vectors are not pictures
[ ! -e never ] || complain "a run that was refused left a run folder: $(ls -R never)"

# what is found only when all the data have been read
refused 65 "row 57" "${train[@]}" data.file=nan.h5
refused 65 "row 57" "${train[@]}" data.file=infinite.h5

# more ranks than micro-batches: what can be changed is named
cases=$((cases + 1))
run_ranks 3 train mlp.yaml -o never train.batch=8 train.micro_batch=4
if [ "$code" -ne 78 ]; then complain "3 ranks for 2 micro-batches: exit 78 expected, $code received"; fi
for text in "3 ranks" train.batch train.micro_batch; do
  grep -qF -- "$text" said || complain "3 ranks for 2 micro-batches: words expected: $text"
done

# ---- run folders and checkpoints ----
expect 0 1 train mlp.yaml train.steps=2 -o other
refused 78 "model.width: was 16, is 32" train mlp.yaml train.steps=4 model.width=32 -o other
refused 78 "train.seed: was 0, is 1" train mlp.yaml train.steps=4 train.seed=1 -o other
refused 78 "optimizer.lr" sample other -n 4 -o never.h5 optimizer.lr=1
refused 78 "0.99" sample other -n 4 -o never.h5 sampler.ema=0.5 # the averages that are there are named
refused 66 "nowhere" sample nowhere -n 4 -o never.h5
refused 66 "holds no checkpoint" sample . -n 4 -o never.h5
refused 65 "letter.h5" sample letter.h5 -n 4 -o never.h5
refused 65 "eight.h5" sample eight.h5 -n 4 -o never.h5 # HDF5, but not a checkpoint
on=(3)
refused 65 "external.h5" sample external.h5 -n 4 -o never.h5
refused 65 "pipe" sample pipe -n 4 -o never.h5
refused 74 "pipe" sample other -n 4 -o pipe
refused 65 "external storage" likelihood other --data external.h5 -o never.h5
refused 65 "a pipe" encode other --data pipe -o never.h5
on=(1 3)
refused 74 "nofolder" sample other -n 4 -o nofolder/never.h5
if [ -e never.h5 ] || [ -e never.h5.partial ]; then complain "'sample', refused, left a file"; fi
# root may write everywhere, but nobody can make a folder below a file
refused 74 "letter.h5" train mlp.yaml -o letter.h5
refused 74 "letter.h5" train mlp.yaml -o letter.h5/run
for file in other/checkpoints/*.h5; do cp letter.h5 "$file"; done
refused 65 "step-00000002.h5" train mlp.yaml -o other # all of them damaged: nothing to go on from
refused 65 "step-00000002.h5" sample other -n 4 -o never.h5

[ "$failures" -eq 0 ] || fail "$failures of $cases cases"
passed "$cases cases, each refused with its exit code, once, in time"
