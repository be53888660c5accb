# The configurations that come with the program: each can be used as it stands.
. "$(dirname "$0")/check.sh"
configs=$DSMPI_SOURCE/configs

mkdir runs
"$DSMPI" data make gaussian_field -n 300 --side 28 -o runs/fashion.h5 >/dev/null
"$DSMPI" data make gaussian_field -n 300 -o gaussian_field.h5 >/dev/null
"$DSMPI" data make eight_gaussians -n 2000 -o eight_gaussians.h5 >/dev/null
# 100 labelled pictures of noise
{ printf '\0\0\10\3\0\0\0\144\0\0\0\34\0\0\0\34' && head -c 78400 /dev/urandom; } >images
{ printf '\0\0\10\1\0\0\0\144' && for _ in 1 2 3 4 5 6 7 8 9 10; do printf '\0\1\2\3\4\5\6\7\10\11'; done; } >labels
"$DSMPI" data import idx images --labels labels -o runs/fashion-train.h5 >/dev/null
rm images labels
for config in "$configs"/*.yaml; do
  name=$(basename "$config")
  that "$name is in the table of README.md" grep -qF "\`$name\`" "$configs/README.md"
  that "$name says how to run it" grep -q "^#.*dsmpi [a-z]* .*configs/$name" "$config"
  case $name in
  bench_*) # data without a file are for bench, and the check of all settings comes before that refusal
    exits 78 train "$config" --dry-run
    says "data.shape is for bench only" ;;
  fashion.yaml) # wants more pictures than there are here, and a classifier to judge
    exits 66 train "$config" --dry-run train.threads=1 train.held_out=20
    exits 0 train "$config" --dry-run train.threads=1 train.held_out=20 train.preview_classifier= train.preview_metrics=c2st ;;
  *)
    exits 0 train "$config" --dry-run train.threads=1 ;;
  esac
done

# A preset holds a method; the data come in a second file.
for data in "$configs"/data/*.yaml; do
  that "data/$(basename "$data") is in README.md" grep -qF "\`data/$(basename "$data")\`" "$configs/README.md"
done
for config in "$configs"/presets/*.yaml; do
  name=$(basename "$config" .yaml)
  that "$name is in the table of README.md" grep -q "^| \`$name\` |" "$configs/README.md"
  that "$name names its paper" grep -q '^#.*arXiv:' "$config"
  that "$name says how to run it" \
    grep -q "^#   dsmpi train configs/presets/$name.yaml configs/data/eight_gaussians.yaml" "$config"
  that "$name is one of jobs/presets.sh" grep -q "^ *\[.*presets=(.*\b$name\b" "$DSMPI_SOURCE/jobs/presets.sh"
  for data in "$configs"/data/*.yaml; do
    exits 0 train "$config" "$data" --dry-run train.threads=1
    says "samples"
  done
done
exits 78 train "$configs/presets/edm.yaml" --dry-run
says "data.file is not set"
says "train.steps is not set"
that "a dry run writes nothing" [ "$(ls)" = "$(printf 'eight_gaussians.h5\ngaussian_field.h5\nruns')" ]
finish
