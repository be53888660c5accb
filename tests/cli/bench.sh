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
finish
