# Several ranks: one voice, one exit code, and work for one process done once.
. "$(dirname "$0")/check.sh"
: "${DSMPI_MPIRUN:?}"

# On two ranks; what mpirun itself says about exit codes is left out.
run() {
  local all
  # shellcheck disable=SC2086 # several words
  all=$($DSMPI_MPIRUN -np 2 "$DSMPI" "$@" 2>&1) && code=0 || code=$?
  out=$(printf '%s\n' "$all" | sed '/^------/,/^------/d')
}

exits 0 --version
that "the version is told once" [ "$(grep -c '^dsmpi ' <<<"$out")" -eq 1 ]
mistake 64 "unknown command 'trian'; did you mean 'train'?" trian
mistake 64 "train: option --maxh: 'soon' is not a number" train a.yaml -o r --maxh soon
exits 66 info gone.h5
that "a failure is told once" [ "$(grep -c 'there is no file' <<<"$out")" -eq 1 ]
printf 'train: {stepz: 10}\n' >bad.yaml
exits 78 train bad.yaml -o r
that "mistakes in the configuration are told once" [ "$(grep -c 'bad.yaml:1:9: unknown key' <<<"$out")" -eq 1 ]

exits 0 data make eight_gaussians -n 200 -o points.h5
that "made once" [ "$(wc -l <<<"$out")" -eq 1 ]
cat >points.yaml <<END
data: {file: points.h5}
model: {name: mlp, width: 8, depth: 1}
train: {steps: 2, batch: 8, micro_batch: 4, threads: 4096}
END
exits 0 train points.yaml --dry-run
that "more threads than cores are warned of once" [ "$(grep -c 'more threads than cores' <<<"$out")" -eq 1 ]
exits 0 train points.yaml train.threads=1 optimizer.ema=[] sampler.ema=0 -o run
exits 0 sample run -n 4 -o few.h5 train.threads=1
that "a rank without work is warned of once" [ "$(grep -c 'some have nothing to do' <<<"$out")" -eq 1 ]
exits 0 info points.h5
that "listed once" [ "$(grep -c /samples <<<"$out")" -eq 1 ]

# tasks that MPI does not bring together are refused before any work
run() { out=$("$DSMPI" "$@" 2>&1) && code=0 || code=$?; }
export OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0
exits 69 info points.h5
says "MPI sees 1"
OMPI_COMM_WORLD_RANK=1
exits 69 info points.h5
that "the other task is silent" [ -z "$out" ]
finish
