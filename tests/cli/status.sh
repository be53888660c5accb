# dsmpi status: what it says of runs that are at work, stopped, finished, killed, damaged; nothing in the folder changes.
. "$(dirname "$0")/check.sh"

"$DSMPI" data make eight_gaussians -n 400 -o eight.h5 >/dev/null
cat >mlp.yaml <<'END'
data: {file: eight.h5}
process: {name: vp}
model: {name: mlp, width: 8, depth: 1}
optimizer: {ema: [0.9]}
train: {steps: 40, batch: 8, micro_batch: 4, threads: 1, log_every: 5, checkpoint_every: 10}
sampler: {ema: 0.9}
END
narrow() { ! printf '%s\n' "$out" | grep -q '.\{81\}'; }
# wait_until COMMAND...: for half a minute at most
wait_until() {
  local tries=600
  while ! "$@" && [ "$tries" -gt 0 ]; do
    sleep 0.05
    tries=$((tries - 1))
  done
  [ "$tries" -gt 0 ]
}
contents() { find "$1" -type f ! -name owner -exec sha256sum {} + | sort; }
json() { python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())[sys.argv[1]])' "$1" <<<"$out"; }

# ---- one that ended ----
run train mlp.yaml -o run
that "a small model is trained" [ "$code" -eq 0 ]
before=$(contents run)
exits 0 status run
says "run: FINISHED"
says "40 of 40 (100.0 %)"
says "samples/s"
says "step 40, "
says "3 kept"
says "dsmpi: finished step 40 (target reached)"
that "a finished run has no owner" [ "${out/owner/}" = "$out" ]
that "80 columns" narrow
that "a look changes nothing" [ "$(contents run)" = "$before" ]
exits 0 status run/
says "FINISHED"
exits 0 status --json run
says '"state": "FINISHED", "run": "run", "step": 40, "steps": 40, "loss": '
says '"checkpoint_step": 40'
says '"notes": []'
if command -v python3 >/dev/null; then that "JSON" [ "$(json samples_per_second | cut -c1)" != "" ]; fi
run train mlp.yaml train.steps=100000000 -o run --maxh 0.0001
that "stopped at once" [ "$code" -eq 75 ]
exits 0 status run
says "run: STOPPED"
says "of 100,000,000 ("
says "(time limit)"

# ---- one at work ----
"$DSMPI" train mlp.yaml train.steps=100000000 train.keep=2 -o "at work" >job 2>&1 </dev/null &
job=$!
logged() { [ -s "at work/metrics.jsonl" ]; }
that "the job is on its way" wait_until logged
run status "at work"
says "at work: RUNNING"
says "process $job on $(hostname)"
says " left"
that "80 columns while at work" narrow
wrong=0
for _ in $(seq 20); do # lines are written and checkpoints removed under our eyes
  run status --json "at work"
  case "$code $out" in *'"state": "RUNNING"'*'"notes": []'*) ;; *) wrong=$((wrong + 1)) && echo "$code $out" ;; esac
done
that "20 looks at a run at work, $wrong of them wrong" [ "$wrong" -eq 0 ]
kill -STOP "$job" # frozen: no life for two minutes
touch -d '2 minutes ago' "at work/owner"
run status "at work"
says "at work: LIFELESS"
kill -KILL "$job"
wait "$job" 2>/dev/null
touch "at work/owner" # as if the last sign of life was given a moment ago
run status "at work"
says "at work: LIFELESS"
says "it was killed"
printf 'host elsewhere pid 1 job 8123 restarts 0 since 2026-01-01T00:00:00 token 1\n' >"at work/owner"
run status "at work"
says "at work: RUNNING"
says "job 8123, process 1 on elsewhere"
touch -d '2 minutes ago' "at work/metrics.jsonl"
run status "at work"
says "no line of the loss log for 2:0"
rm "at work/owner"

# ---- pieces that are damaged or missing ----
cp -r run hurt
printf '{"step": 99, "epoch": 1, "lo' >>hurt/metrics.jsonl
exits 0 status hurt
says "samples/s, logged"
says "metrics.jsonl ends within a line"
printf 'host elsewhere pid 1 job - restarts 0 since 2026-01-01T00:00:00 token 1\n' >hurt/owner
exits 0 status hurt
says "RUNNING"
that "half a line is no damage while it is being written" [ "${out/ends within/}" = "$out" ]
printf '\n' >>hurt/metrics.jsonl
exits 0 status hurt
says "metrics.jsonl: 1 of its last lines are damaged"
printf 'nonsense' >hurt/owner
exits 0 status hurt
says "LIFELESS"
says "owner does not say whose the folder is"
rm hurt/owner
newest=$(find hurt/checkpoints -name '*.h5' | sort | tail -n 1)
printf 'nothing' >"$newest"
exits 0 status hurt
says "checkpoint of step"
says "not an HDF5 file"
says "checkpoint  step "
that "80 columns with notes" narrow
for file in hurt/checkpoints/*.h5; do printf 'nothing' >"$file"; done
exits 0 status hurt
says "none can be read"
says "the run cannot go on"
rm -r hurt/checkpoints hurt/config.yaml
exits 0 status hurt
says "config.yaml is missing"
says "of ? (-)"
says "none yet"
rm hurt/metrics.jsonl hurt/log.txt
printf 'train: {stepz: 3}\n' >hurt/config.yaml
exits 0 status hurt
says "config.yaml is damaged"
says "nothing is logged yet"

# ---- a long log: the end is found ----
cp -r run long
for i in $(seq 2000); do printf '{"step": %d, "loss": 1.5, "skipped": 0, "seconds": 0.1, "samples_per_second": 10.0}\n' "$i"; done >long/metrics.jsonl
exits 0 status long --json
says '"step": 2000,'
says '"loss": 1.5,'
printf '{"step": 2001, "loss": null, "skipped": 1, "seconds": 0.1, "samples_per_second": 10.0}\n' >>long/metrics.jsonl
exits 0 status long
says "loss        -, 10.0 samples/s"
says "1 step without a finite loss and gradient left out"
# the job's own estimate, which has previews in it, before one from the speed of the steps
printf '{"step": 2002, "loss": 1, "seconds": 0.1, "samples_per_second": 10.0, "seconds_left": 777}\n' >>long/metrics.jsonl
exits 0 status long --json
says '"seconds_left": 777'

# ---- several ----
cp -r run "a run whose name is far too long for a column"
exits 0 status run hurt "a run whose name is far too long for a column"
that "80 columns of a table" narrow
says "left    saved"
that "a line each" [ "$(grep -c 'STOPPED' <<<"$out")" -eq 3 ]
says "...g for a column"
says "    config.yaml is damaged"
many=()
for i in $(seq 40); do many+=(run); done
exits 0 status "${many[@]}"
that "any number of runs" [ "$(grep -c '^run  *STOPPED' <<<"$out")" -eq 40 ]
exits 66 status run gone
says "gone"
says "STOPPED"
says "1 of 2 are no run folders"

# ---- none ----
mistake 66 "there is no run folder gone" status gone
mistake 66 "eight.h5 is a file, not a run folder; 'dsmpi info' tells what is in it" status eight.h5
mkdir empty
exits 66 status empty
says "empty is not a run folder"
mistake 64 "status: RUN is missing; 'dsmpi help status' tells what is expected" status
finish
