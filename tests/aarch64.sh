#!/bin/bash
# The tensor and graph layers for aarch64 (NEON), compiled and tested on another machine under qemu, with Debian's OpenBLAS and cmocka
# for arm64, which are unpacked beside the build and not installed.
#   tests/aarch64.sh [FOLDER]      default build-aarch64; needs gcc-aarch64-linux-gnu and qemu-user; minutes to half an hour
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath -m "${1:-$here/build-aarch64}")
for program in aarch64-linux-gnu-gcc qemu-aarch64; do
  command -v "$program" >/dev/null || {
    echo "tests/aarch64.sh: $program is missing: apt-get install gcc-aarch64-linux-gnu qemu-user" >&2
    exit 69
  }
done

root=$folder/root libraries=usr/lib/aarch64-linux-gnu
if [ ! -e "$root" ]; then
  mkdir -p "$folder"/{packages,lists/partial,cache/archives/partial}
  foreign=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::lists=$folder/lists"
    -o "Dir::Cache=$folder/cache")
  apt-get "${foreign[@]}" -qq update
  (cd "$folder/packages" && apt-get "${foreign[@]}" -qq download libopenblas0-openmp libopenblas-openmp-dev libopenblas-dev \
    libcmocka0 libcmocka-dev libgfortran5 librandom123-dev)
  for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$root.new"; done
  mv "$root.new" "$root"
fi

# as in CMakeLists.txt
flags=(-std=c11 -O3 -D_GNU_SOURCE -fopenmp -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Wshadow
  -Wno-unknown-pragmas -Werror -I"$here/include" -I"$here/src" -I"$here/tests"
  -isystem "$root/usr/include/aarch64-linux-gnu/openblas-openmp" -isystem "$root/usr/include")
libs=(-L"$root/$libraries/openblas-openmp" -L"$root/$libraries" "-Wl,-rpath-link,$root/$libraries" -lopenblas -lcmocka -lm)
cd "$here/src"
sources=(base/{status,log,memory,clock}.c base/random*.c)
while IFS= read -r file; do sources+=("$file"); done \
  < <(find tensor graph -name '*.c' ! -name 'simd_sse2.c' ! -name 'simd_avx*.c' | sort)
mkdir -p "$folder/objects"
printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -I{} sh -c \
  'file=$1 out=$2 && shift 2 && "$@" -c "$file" -o "$out/$(echo "$file" | tr / _).o"' \
  sh {} "$folder/objects" aarch64-linux-gnu-gcc "${flags[@]}"

export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu OMP_WAIT_POLICY=passive
for test in tensor/{shape,reference,functions,kernels,winograd} graph/{plan,ops}; do
  name=test_${test/\//_}
  aarch64-linux-gnu-gcc "${flags[@]}" "$here/tests/unit/$test.c" "$folder"/objects/*.o "${libs[@]}" -o "$folder/$name"
  qemu-aarch64 -E "LD_LIBRARY_PATH=$root/$libraries/openblas-openmp:$root/$libraries:/usr/aarch64-linux-gnu/lib" \
    "$folder/$name" >"$folder/$name.log" 2>&1 || { cat "$folder/$name.log"; exit 1; }
  echo "passed: $test"
done
