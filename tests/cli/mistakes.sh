# Mistakes on the command line and in the configuration: exit code and the exact words.
. "$(dirname "$0")/check.sh"

mistake 64 "unknown command 'trian'; did you mean 'train'?" trian
mistake 64 "unknown command 'frobnicate'; 'dsmpi help' lists them" frobnicate
mistake 64 "unknown command 'data mkae'; did you mean 'data make'?" data mkae
mistake 64 "'data' needs a second word: see 'dsmpi help data'" data
mistake 64 "a command was expected before '--fresh'; 'dsmpi help' lists the commands" --fresh train
mistake 64 "help config: there is no section 'trian'; did you mean 'train'?" help config trian
mistake 64 "help: one word too many: 'now'" help train now

mistake 64 "train: CONFIG is missing; 'dsmpi help train' tells what is expected" train
mistake 64 "data import: IMAGES is missing; 'dsmpi help data import' tells what is expected" data import idx
mistake 64 "train: one word too many: 'i.yaml'; 'dsmpi help train' tells what is expected" \
  train a.yaml b.yaml c.yaml d.yaml e.yaml f.yaml g.yaml h.yaml i.yaml -o r
mistake 64 "train: unknown option '--mahx'; did you mean '--maxh'?" train a.yaml -o r --mahx 3
mistake 64 "train: unknown option '--color'; 'dsmpi help train' lists the options" train a.yaml --color=no
mistake 64 "train: unknown option '-x'; 'dsmpi help train' lists the options" train a.yaml -x
mistake 64 "train: option --maxh needs a value: --maxh H" train a.yaml -o r --maxh
mistake 64 "train: option --maxh needs a value, but '--fresh' follows (write --maxh=--fresh if it is meant)" \
  train a.yaml -o r --maxh --fresh
mistake 64 "train: the value of option --output is empty" train a.yaml --output=
mistake 64 "train: option --fresh takes no value" train a.yaml -o r --fresh=yes
mistake 64 "train: option --output is given twice" train a.yaml -o r -os
mistake 64 "train: option -o RUN is missing: run folder, created if missing; needed but for --dry-run" train a.yaml
mistake 64 "train: option --maxh: 'soon' is not a number" train a.yaml -o r --maxh soon
mistake 64 "train: option --maxh: -1 is outside 0.0001 ... 100000" train a.yaml -o r --maxh -1
mistake 64 "sample: option -n N is missing: number of samples" sample runs/a -o f.h5
mistake 64 "sample: option -n: '0' is not a whole number from 1 to 1000000000000" sample runs/a -o f.h5 -n 0
mistake 64 "sample: option -n: '1e3' is not a whole number from 1 to 1000000000000" sample runs/a -o f.h5 -n1e3
mistake 64 "view: 'a=b' looks like a setting, and this command takes none (write ./a=b for a file)" view a=b -o p.png
mistake 64 "data import: unknown format 'npy'; known: idx" data import npy x -o f.h5
mistake 64 "data make: option --covariance: rows of '1,2;3' have 2 and 1 numbers" \
  data make gaussian -n 9 -o f.h5 --covariance "1,2;3"
mistake 64 "data make: option --covariance: 1 x 3 is not square" data make gaussian -n 9 -o f.h5 --covariance 1,2,3
mistake 64 "data make: a mean of 3 values does not fit dimension 2" \
  data make gaussian -n 9 -o f.h5 --dimension 2 --mean 1,2,3
mistake 64 "data make: --side is for gaussian_field, not for swiss_roll" data make swiss_roll -n 9 -o f.h5 --side 8
exits 64 data make donuts -n 9 -o f.h5
says "eight_gaussians"
that "nothing was written" [ ! -e f.h5 ]

mistake 66 "there is no file 'gone.h5' (No such file or directory)" info gone.h5
mistake 66 "the folder . holds no checkpoint" info .
mistake 66 "cannot open the configuration gone.yaml: No such file or directory" train gone.yaml -o r

printf 'data: {file: f.h5, axis: N}\ntrain: {stepz: 10}\n' >two.yaml
mistake 78 "two.yaml:1:20: unknown key 'data.axis'; did you mean 'data.axes'?
two.yaml:2:9: unknown key 'train.stepz'; did you mean 'train.steps'?" train two.yaml -o r
printf 'data: {file: f.h5}\ntrain: {steps: 10}\n' >good.yaml
mistake 78 "command line override 2: unknown key 'train.step'; did you mean 'train.steps'?" \
  train good.yaml train.seed=1 -o r train.step=4

# several files: the mistake is in the second, its line is that of the second, and what it contradicts may be in the first
mistake 78 "two.yaml:1:20: unknown key 'data.axis'; did you mean 'data.axes'?
two.yaml:2:9: unknown key 'train.stepz'; did you mean 'train.steps'?" train good.yaml two.yaml -o r
mistake 66 "cannot open the configuration gone.yaml: No such file or directory" train good.yaml gone.yaml -o r
mistake 64 "train: option -o RUN is missing: run folder, created if missing; needed but for --dry-run" \
  train good.yaml runs/a
mistake 66 "cannot read the configuration .: Is a directory" train good.yaml . -o r
printf 'optimizer: {warmup: 10}\n' >warm.yaml
mistake 78 "optimizer.warmup = 10 must be below train.steps = 10" train good.yaml warm.yaml -o r
printf 'data: {shape: [8, 8, 1]}\ntrain: {steps: 10}\n' >shape.yaml
exits 78 train shape.yaml -o r
says "data.shape is for bench only"
that "no run folder was made" [ ! -e r ]

# the places of a failure are for those who ask
export DSMPI_TRAIL=1
exits 66 info gone.h5
says "at src/"
unset DSMPI_TRAIL

if [ -w /dev/full ]; then
  "$DSMPI" help >/dev/full 2>error && code=0 || code=$?
  out=$(cat error)
  that "help into a full disk fails" [ "$code" -eq 74 ]
fi
finish
