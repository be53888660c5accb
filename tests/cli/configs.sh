# The configurations that come with the program: each can be used as it stands.
. "$(dirname "$0")/check.sh"
configs=$DSMPI_SOURCE/configs

mkdir runs
"$DSMPI" data make gaussian_field -n 300 --side 28 -o runs/fashion.h5 >/dev/null
"$DSMPI" data make gaussian_field -n 300 -o gaussian_field.h5 >/dev/null
"$DSMPI" data make eight_gaussians -n 2000 -o eight_gaussians.h5 >/dev/null
for config in "$configs"/*.yaml; do
  name=$(basename "$config")
  that "$name is in the table of README.md" grep -qF "\`$name\`" "$configs/README.md"
  that "$name says how to run it" grep -q "^#.*dsmpi [a-z]* .*configs/$name" "$config"
  case $name in
  bench_*) # data without a file are for bench, and the check of all settings comes before that refusal
    exits 78 train "$config" --dry-run
    says "data.shape is for bench only" ;;
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
