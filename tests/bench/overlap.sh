#!/bin/bash
# overlap.sh - how much of the gradient's way over a network is hidden behind backward.
#
#   overlap.sh BUILD [-c CONFIG] [-n STEPS] [-r RATE] [-t] [key=value ...]
#
# Two ranks on two "hosts" of this machine (network namespaces joined by a cable of RATE, default 1gbit) run
# bench_overlap on CONFIG. -t: with the settings of jobs/openmpi-tcp.conf. Needs root, and Debian's iproute2,
# util-linux, openmpi-bin.
set -u
usage="usage: overlap.sh BUILD [-c CONFIG] [-n STEPS] [-r RATE] [-t] [key=value ...]"
source=$(cd "$(dirname "$0")/../.." && pwd)
[ -d "${1-}" ] || { echo "$usage" >&2; exit 64; }
[ "$(id -u)" = 0 ] || { echo "overlap.sh: needs root, for network namespaces" >&2; exit 77; }
program=$(realpath "$1")/tests/bench/bench_overlap config=$source/configs/bench_unet64.yaml steps=15 rate=1gbit
settings=()
shift
while getopts 'c:n:r:t' option; do
  case $option in
  c) config=$(realpath "$OPTARG") ;; n) steps=$OPTARG ;; r) rate=$OPTARG ;;
  t) settings=(--mca mca_base_param_files "$source/jobs/openmpi-tcp.conf") ;;
  *) echo "$usage" >&2; exit 64 ;;
  esac
done
shift $((OPTIND - 1))

work=$(mktemp -d)
holders=()
# The ranks end with mpirun; the holders, and with them the cable, end here.
trap 'kill "${holders[@]}" 2>/dev/null; rm -rf "$work"' EXIT

# A host is a process with a network, a name and mounts of its own.
printf '127.0.0.1 localhost\n10.98.0.1 h1\n10.98.0.2 h2\n' >"$work/hosts"
for i in 1 2; do
  unshare --net --uts --mount --propagation private bash -c '
    hostname "h$1"; mount -t tmpfs -o mode=1777 tmpfs /dev/shm; mount --bind "$2/hosts" /etc/hosts
    ip link set lo up; touch "$2/h$1"; exec sleep infinity' - $i "$work" &
  holders+=($!)
  until [ -e "$work/h$i" ]; do sleep 0.05; done
done
ip link add eth0 netns "${holders[0]}" type veth peer name eth0 netns "${holders[1]}" || exit 1
for i in 1 2; do
  nsenter -t "${holders[i - 1]}" -n -u -m sh -c "ip addr add 10.98.0.$i/24 dev eth0 && ip link set eth0 up &&
    tc qdisc add dev eth0 root tbf rate $rate burst 256kb latency 20ms" || exit 1
done
cat >"$work/rsh" <<END
#!/bin/bash
[ "\$1" = h1 ] && host=${holders[0]} || host=${holders[1]}
shift
exec nsenter -t \$host -n -u -m -- bash -c "\$*"
END
chmod +x "$work/rsh"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
nsenter -t "${holders[0]}" -n -u -m -- mpirun -H h1:1,h2:1 --bind-to none --leave-session-attached \
  --mca plm rsh --mca plm_rsh_agent "$work/rsh" --mca oob_tcp_if_include eth0 --mca pml ob1 --mca btl tcp,self \
  --mca btl_tcp_if_include eth0 ${settings[@]+"${settings[@]}"} -x OMP_NUM_THREADS \
  "$program" "$steps" "$config" train.threads=1 "$@"
