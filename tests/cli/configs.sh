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
that "a dry run writes nothing" [ "$(ls)" = "$(printf 'eight_gaussians.h5\ngaussian_field.h5\nruns')" ]
finish
