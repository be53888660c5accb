# What dsmpi bench says, and that it measures what it was told to.
. "$(dirname "$0")/check.sh"
cat >unet.yaml <<'Y'
data: {shape: [8, 8, 1]}
model: {width: 16, multipliers: [1, 2], blocks: 1, attention: [4]}
train: {steps: 1, batch: 8, micro_batch: 4, threads: 1}
sampler: {block: 4}
Y

exits 0 bench unet.yaml --steps 1
says "winograd"
says "kernels fast"
exits 0 bench unet.yaml --steps 1 train.kernels=im2col
says "im2col"
says "kernels im2col"
that "train.kernels=im2col leaves no Winograd" [ "${out/winograd/}" = "$out" ]
exits 0 bench unet.yaml --steps 1 train.kernels=ref
says "kernels ref (plain)"
says "direct"

# The tables: below the banner, 80 columns; the groups are all of a micro-batch.
exits 0 bench unet.yaml --steps 3 --json one.json
tables=${out#*operation}
that "80 columns" [ "$(wc -L <<<"$tables")" -le 80 ]
shares=$(sed -n '/^one micro-batch/,/^machine/s/^  .* \([0-9.]*\)%.*/\1/p' <<<"$out")
that "shares add up to 100 %" awk '{ sum += $1 } END { exit !(NR >= 5 && sum > 99 && sum < 101) }' <<<"$shares"
for word in convolutions products norms element-wise gradients optimizer "samples/s" "training, " "first step"; do
  says "$word"
done
that "one rank has nothing to communicate" [ "${out/communication/}" = "$out" ]
that "one rank has no sum over ranks in the file" [ "$(grep -c gradient_sum one.json)" -eq 0 ]
for key in step training evaluation start_seconds machine groups operations peak_memory_bytes; do
  that "--json writes $key" grep -q "\"$key\": " one.json
done
if command -v python3 >/dev/null; then that "--json writes JSON" python3 -m json.tool one.json /dev/null; fi

out=$($DSMPI_MPIRUN -np 2 "$DSMPI" bench unet.yaml --steps 2 --json two.json 2>&1)
says "communication"
says "by the tree"
says "by MPI_Allreduce"
says "overlap with computing"
that "--json writes gradient_sum" grep -q '"gradient_sum": .*"mpi_allreduce_seconds": ' two.json
that "80 columns on two ranks" [ "$(wc -L <<<"${out#*operation}")" -le 80 ]
exits 74 bench unet.yaml --steps 1 --json no/such.json
says "error: no/such.json cannot be opened for writing"
finish
