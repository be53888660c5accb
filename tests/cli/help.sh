# Help: complete, no wider than a terminal, printed once and without MPI.
. "$(dirname "$0")/check.sh"

narrow() { ! printf '%s\n' "$out" | grep -q '.\{81\}'; }

exits 0 help
overview=$out
that "the overview fits 80 columns" narrow
exits 0
that "dsmpi alone gives the overview" [ "$out" = "$overview" ]
exits 0 --help
that "--help gives the overview" [ "$out" = "$overview" ]

commands=$(printf '%s\n' "$overview" | sed -n 's/^  \([a-z][a-z ]*[a-z]\)   *.*/\1/p')
for needed in train status doctor sample likelihood encode decode interpolate info view bench "data make" "data import" "data info" "data stats"; do
  that "the overview lists $needed" grep -qx "$needed" <<<"$commands"
done

while read -r command; do
  # shellcheck disable=SC2086 # a command may be two words
  exits 0 help $command
  text=$out
  that "help $command fits 80 columns" narrow
  # shellcheck disable=SC2086
  exits 0 $command --help
  that "$command --help is help $command" [ "$out" = "$text" ]
  # shellcheck disable=SC2086
  exits 0 $command --nonsense -h
  that "$command: help wins over mistakes" [ "$out" = "$text" ]
  # every option of the usage has its line, and every line is in the usage
  usage=$(printf '%s\n' "$text" | sed '/^$/q')
  lines=$(printf '%s\n' "$text" | sed -n 's/^  \(-[a-z], \|    \)--\([a-z0-9-]*\).*/\1--\2/p')
  that "$command has options" [ -n "$lines" ]
  for option in $(printf '%s\n' "$usage" | grep -o -- '-[-a-z0-9]*[a-z0-9]' | grep '^-'); do
    case $option in
    --*) that "$command explains $option" grep -q -- "$option\$" <<<"$lines" ;;
    -[a-z]) that "$command explains $option" grep -q -- "^$option," <<<"$lines" ;;
    esac
  done
  while read -r line; do
    case $line in
    *--help) ;;
    -?,*) that "usage of $command names ${line%%,*}" grep -q -- "[[ ]${line%%,*}[] ]" <<<"$usage " ;;
    *) that "usage of $command names $line" grep -q -- "$line" <<<"$usage" ;;
    esac
  done <<<"$lines"
done <<<"$commands"

exits 0 help data
that "help of a group fits 80 columns" narrow
group=$out
exits 0 data --help
that "data --help is help data" [ "$out" = "$group" ]
exits 0 help config
says "train.batch:"
that "help config fits 80 columns" narrow
exits 0 help config sampler
says "sampler.steps:"
that "help config sampler keeps to its section" [ "${out/train.batch/}" = "$out" ]
exits 0 train --help
says "train.batch:"

exits 0 --version
that "the first line of --version is for scripts" grep -qx 'dsmpi [0-9.]*' <<<"${out%%$'\n'*}"
says "HDF5"

# A launcher that MPI knows nothing of is an error for whoever starts MPI: help must not.
export OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1
exits 0 train --help
that "task 1 leaves the help to task 0" [ -z "$out" ]
OMPI_COMM_WORLD_RANK=0
exits 0 train --help
says "usage: dsmpi train"
finish
