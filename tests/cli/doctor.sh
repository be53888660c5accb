# dsmpi doctor: what it looks at, what it makes of trouble, with which exit code; nothing is written.
. "$(dirname "$0")/check.sh"
: "${DSMPI_MPIRUN:?}"
unset "${!OMP_@}" "${!GOMP_@}" "${!SLURM_@}" OPENBLAS_CORETYPE DSMPI_INSTRUCTIONS DSMPI_FAULT
# sanitizers end a program that asks for too much memory, unless they are told that it can bear a refusal
if [ -n "${ASAN_OPTIONS:-}" ]; then export ASAN_OPTIONS=$ASAN_OPTIONS:allocator_may_return_null=1; fi

"$DSMPI" data make eight_gaussians -n 400 -o eight.h5 >/dev/null
cat >mlp.yaml <<'END'
data: {file: eight.h5}
process: {name: vp}
model: {name: mlp, width: 32, depth: 1}
optimizer: {ema: [0.9]}
train: {steps: 40, batch: 8, micro_batch: 4, threads: 1, keep: 3}
sampler: {ema: 0.9}
END
narrow() { ! printf '%s\n' "$out" | grep -q '.\{81\}'; }
# Lines of the output put together again, one a finding.
flat() { printf '%s\n' "$out" | sed -e ':a' -e '$!N;s/\n       / /;ta' -e 'P;D'; }
# finding LEVEL TEXT: there is one of this level that contains the text
finding() {
  checks=$((checks + 1))
  flat | grep -F "[$1]" | grep -qF -- "$2" || fail "missing: [$1] ... $2"
}
failed() { that "$1 failed" [ "$(grep -c '^\[fail\]' <<<"$out")" -eq "$1" ]; }

# A Slurm and an mpirun that say what this script wants; everything else is that of the machine.
mkdir bin
fake() { # NAME: a program of that name that says what is read from the standard input
  { printf '#!/bin/sh\ncat <<"SAID"\n'; cat; printf 'SAID\n'; } >bin/"$1"
  chmod +x bin/"$1"
}
PATH=$PWD/bin:$PATH

# ---- alone ----
before=$(ls -la)
run doctor
that "nothing fails on the machine of the tests" [ "$code" -eq 0 ]
that "80 columns" narrow
finding ok "not started by a launcher: one process (fine on a login node)"
finding ok "MPI_THREAD_SERIALIZED"
finding ok "start here with: mpirun -np "
finding ok "not enough slots"
finding ok "ranks: 1 with "
finding ok "environment: nothing"
finding ok "processor: "
finding ok "kernels "
finding ok "OpenBLAS "
finding ok "memory: "
finding ok "unpacks gzip"
that "the last line counts" grep -qx 'dsmpi: doctor: [0-9]* ok, [0-9]* to look at, 0 failed' <<<"${out##*$'\n'}"
that "the counts are those of the lines" [ "$(grep -c '^\[ok\]' <<<"$out") $(grep -c '^\[warn\]' <<<"$out")" = \
  "$(sed -n 's/^dsmpi: doctor: \([0-9]*\) ok, \([0-9]*\) to.*/\1 \2/p' <<<"$out")" ]
says "free" # room of the current folder
that "nothing is written" [ "$(ls -la)" = "$before" ]

# ---- a configuration ----
exits 0 doctor mlp.yaml -o runs/not/there
that "80 columns with a configuration" narrow
finding ok "configuration: valid; 40 steps of 8 samples, 2 micro-batches for 1 rank"
finding ok "data: eight.h5:/samples, 400 x 2 float32, contiguous"
finding ok "model: mlp of 2, width 32"
finding ok " more on rank 0 for checkpoints; 1 rank on "
finding ok "checkpoints: "
finding ok ", 4 at most: "
says "run folder: . is on "
that "no folder is made" [ ! -e runs ]
exits 0 doctor mlp.yaml train.keep_every=10
finding ok ", 8 at most: "
exits 66 doctor mlp.yaml data.file=gone.h5
finding fail "data: there is no file 'gone.h5'"
failed 1
finding ok "processor: " # the other checks are made all the same
exits 78 doctor mlp.yaml train.stepz=3
finding fail "configuration: command line override 1: unknown key 'train.stepz'; did you mean 'train.steps'?"
failed 1
exits 66 doctor gone.yaml
finding fail "configuration: cannot open the configuration gone.yaml"
printf 'data: {shape: [4]}\ntrain: {steps: 40}\n' >shape.yaml
exits 78 doctor shape.yaml
finding fail "data.file is not set"
exits 71 doctor mlp.yaml model.width=16384 model.depth=64
finding fail "memory: about 1.5 TB a rank"
finding fail "checkpoints: 1.0 TB each, but "
says "2 checks failed: see the lines with [fail]"
exits 71 doctor mlp.yaml model.width=16384 train.micro_batch=1000000 train.batch=1000000 model.depth=64
finding fail "no memory for " # asked for and refused, without harm
mistake 64 "doctor: 'train.steps=3' changes a configuration, and none is named" doctor train.steps=3

# ---- trouble ----
fake mpirun <<<'mpirun (Open MPI) 1.2.3'
exits 0 doctor
finding warn "mpirun on the PATH is 'mpirun (Open MPI) 1.2.3', but dsmpi is linked to "
printf '#!/bin/sh\nexit 1\n' >bin/mpirun
exits 0 doctor
finding warn "mpirun is not found or does not answer"
rm bin/mpirun
if [ "$(id -u)" -eq 0 ]; then
  out=$(env -u OMPI_ALLOW_RUN_AS_ROOT "$DSMPI" doctor 2>&1)
  finding warn "OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 are set"
fi
out=$(OMPI_MCA_pml=nonsense "$DSMPI" doctor 2>&1) && code=0 || code=$?
that "MPI that does not start: exit 69" [ "$code" -eq 69 ]
finding fail "MPI does not start"
finding ok "processor: " # and is survived
out=$(OMP_PROC_BIND=true OMP_DYNAMIC=true OPENBLAS_CORETYPE=Haswell "$DSMPI" doctor 2>&1)
finding warn "environment: OMP_DYNAMIC=true lets OpenMP use fewer threads"
finding ok "environment: OPENBLAS_CORETYPE=Haswell chooses"
that "binding is no matter for one rank" [ "${out/OMP_PROC_BIND/}" = "$out" ]
if [ "$(uname -m)" = x86_64 ]; then
  out=$(DSMPI_INSTRUCTIONS=sse2 "$DSMPI" doctor 2>&1)
  finding warn "kernels sse2: "
fi
out=$(ulimit -n 150 && "$DSMPI" doctor 2>&1)
finding warn "ulimit -n allows 150 open files"
out=$(ulimit -f 20 && "$DSMPI" doctor mlp.yaml 2>&1) && code=0 || code=$?
that "files that cannot be written: exit 74" [ "$code" -eq 74 ]
finding fail "ulimit -f allows files of 20.5 kB"
out=$(ulimit -f 20 && "$DSMPI" doctor 2>&1)
finding warn "ulimit -f allows files of 20.5 kB"
out=$("$DSMPI" doctor mlp.yaml train.threads=4000 2>&1)
finding warn "more threads than cores: 1 rank with 4000 threads in all"
if [ "$(id -u)" -ne 0 ]; then
  mkdir locked && chmod 500 locked
  exits 74 doctor -o locked/run
  finding fail "run folder: locked ("
fi
exits 0 doctor -o /dev/shm/dsmpi-run-not-there
if [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then finding warn "run folder: /dev/shm is on tmpfs"; fi

# ---- Slurm ----
fake srun <<<'slurm 22.05.8' # whatever it is asked
exits 0 doctor
finding ok "srun is installed, but no Slurm answers here ('slurm 22.05.8')"
slurm() { # LIST: an srun with these types of MPI
  cat >bin/srun <<END
#!/bin/sh
case \$1 in --version) echo slurm-wlm 22.05.8 ;; --mpi=list) printf '$1' >&2 ;; esac
END
  printf '#!/bin/sh\necho 1-02:03:04\n' >bin/squeue
  chmod +x bin/srun bin/squeue
}
slurm 'MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix\nspecific pmix plugin versions available: pmix_v4\n'
exits 0 doctor
finding ok "Slurm 22.05.8; srun MPI types: none pmi2 pmix pmix_v4 -> use srun --mpi=pmix"
slurm 'MPI plugin types are...\n\tnone\n\tpmi2\n'
exits 0 doctor
finding warn "srun MPI types: none pmi2, without pmix: srun cannot start Open MPI"
out=$(SLURM_JOB_ID=77 SLURM_JOB_NUM_NODES=2 SLURM_CPUS_PER_TASK=4 "$DSMPI" doctor 2>&1)
finding ok "Slurm job 77 on 2 nodes: 1d 02:03 left"
finding warn "export SRUN_CPUS_PER_TASK=\$SLURM_CPUS_PER_TASK"
printf '#!/bin/sh\nexit 1\n' >bin/squeue
out=$(SLURM_JOB_ID=77 "$DSMPI" doctor 2>&1)
finding warn "Slurm job 77: the time that is left is not known"
rm bin/srun bin/squeue

# ---- several ranks ----
run() {
  local all
  # shellcheck disable=SC2086 # several words
  all=$($DSMPI_MPIRUN -np "$ranks" "$DSMPI" "$@" 2>&1) && code=0 || code=$?
  out=$(printf '%s\n' "$all" | sed '/^------/,/^------/d')
}
ranks=2
exits 0 doctor mlp.yaml
that "80 columns on two ranks" narrow
finding ok "2 ranks started by mpirun"
finding ok "ranks: 2 with 1 thread each on 1 host"
finding ok "2 micro-batches for 2 ranks"
finding ok " more on rank 0 for checkpoints; 2 ranks on "
that "each finding is told once" [ "$(grep -c '^\[ok\]   processor' <<<"$out")" -eq 1 ]
ranks=3
exits 78 doctor mlp.yaml
finding fail "configuration: 3 ranks but only 2 micro-batches a step; start at most 2"
ranks=2
exits 66 doctor mlp.yaml data.file=gone.h5
export OMP_PROC_BIND=close
exits 0 doctor
finding warn "environment: OMP_PROC_BIND=close may bind the threads of all ranks"
unset OMP_PROC_BIND
# one rank elsewhere: another current folder, without the data
mkdir elsewhere
# shellcheck disable=SC2086,SC2016
out=$($DSMPI_MPIRUN -np 2 sh -c '[ "$OMPI_COMM_WORLD_RANK" = 0 ] || cd elsewhere; exec "$0" doctor mlp.yaml' "$DSMPI" 2>&1) &&
  code=0 || code=$?
that "data that one rank does not see: exit 66" [ "$code" -eq 66 ]
finding fail "data: rank 1 ("
finding fail "cannot read eight.h5, unlike rank 0"
finish
