# Sourced by the scripts of this folder: runs the program in a folder of its own and compares what it says.
# DSMPI is the program, DSMPI_MPIRUN how to start it on several ranks, DSMPI_SOURCE the repository.
set -u
: "${DSMPI:?}" "${DSMPI_SOURCE:?}"
export LC_ALL=C
failures=0 checks=0 code=0 out=
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

fail() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n' "$1"
  printf '  said: %s\n' "${out//$'\n'/$'\n'        }"
}

# run WORDS...: leaves output of both kinds in $out, exit code in $code.
run() { out=$("$DSMPI" "$@" 2>&1) && code=0 || code=$?; }

# exits CODE WORDS...
exits() {
  local want=$1
  shift
  run "$@"
  checks=$((checks + 1))
  [ "$code" -eq "$want" ] || fail "dsmpi $*: exit code $code, expected $want"
}

# says TEXT: the last output contains the text.
says() {
  checks=$((checks + 1))
  case $out in *"$1"*) ;; *) fail "missing: $1" ;; esac
}

# mistake CODE MESSAGE WORDS...: the program must answer with exactly this message, and nothing else.
mistake() {
  local want=$1 message="dsmpi: error: $2"
  shift 2
  exits "$want" "$@"
  checks=$((checks + 1))
  [ "$out" = "$message" ] || fail "dsmpi $*: expected exactly: $message"
}

# that TEXT TEST...: a condition with a name.
that() {
  local name=$1
  shift
  checks=$((checks + 1))
  "$@" || fail "$name"
}

finish() {
  printf '%d checks, %d failures\n' "$checks" "$failures"
  [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
  exit
}
