#!/bin/bash
# Installs the Debian or Ubuntu packages that dsmpi needs, those that are missing only, and says which.
#   jobs/install-packages.sh build [data] [test] [slurm] [browser] [python] [pytorch]
# slurm: for the tests with a real queue; browser: for those that look at pages; python, pytorch: for those that compare.
set -eu
packages="build-essential cmake pkg-config openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libopenblas-openmp-dev
          libyaml-dev libjansson-dev libpng-dev zlib1g-dev librandom123-dev libkissfft-dev"
for what in "$@"; do
  case $what in
    build) ;;
    data) packages="$packages dataset-fashion-mnist" ;;
    test) packages="$packages libcmocka-dev python3-h5py hdf5-tools" ;;
    slurm) packages="$packages slurm-wlm-basic-plugins slurmctld slurmd slurm-client munge iproute2" ;;
    browser) packages="$packages chromium fonts-dejavu-core" ;;
    python) packages="$packages python3-numpy python3-scipy python3-sklearn" ;;
    pytorch) packages="$packages python3-h5py python3-yaml python3-torch" ;;
    *) echo "install-packages.sh: unknown word '$what'; known: build, data, test, slurm, browser, python, pytorch" >&2; exit 64 ;;
  esac
done

missing=""
for package in $packages; do
  case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "install-packages.sh: no apt-get here; please install what corresponds to:$missing" >&2
  exit 69
fi
root=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-packages.sh: run as root, or install first:$missing" >&2; exit 69; }
  root="sudo"
fi
echo "installing:$missing"
log=$(mktemp)
if ! { $root apt-get update && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
         $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "install-packages.sh: apt-get failed, see above" >&2
  exit 69
fi
rm -f "$log"
