#!/bin/bash
# A real Slurm (munged, slurmctld, one slurmd a node) of several nodes on this machine, for as long as a command runs:
#   tests/slurm/cluster.sh [-n NODES] [-c CPUS] [COMMAND...]      2 nodes of 4 CPUs; the command is a shell by default
# and in that command, where sbatch, squeue and all the others work:
#   "$CLUSTER" kill NODE        power cut: SIGKILL to all that runs on the node
#   "$CLUSTER" freeze NODE      it hangs: SIGSTOP to all of that; `thaw NODE` goes on
#   "$CLUSTER" boot NODE        a killed node comes back
#   "$CLUSTER" pids NODE        its processes
# Partition `batch` has all nodes and is the default; jobs in `urgent` preempt those in `scavenge`, which are requeued.
#
# All of it lives in process, network and mount namespaces of its own, so it ends with the command, however that ends; nothing of
# it is seen outside, no port is taken, and several clusters do not meet. A node is a slurmd under its own host name: Open
# MPI tells hosts, and the names of what it shares in memory, by that. Files are shared by all nodes, as on a cluster.
# Needs root and what `jobs/install-packages.sh slurm` installs; without, or where namespaces are refused: exit 77, told.
set -eu

skip() {
  printf 'skipped: %s\n' "$*"
  exit 77
}
die() {
  printf 'cluster.sh: %s\n' "$*" >&2
  exit 70
}

# ---- nodes ----

# pids_of NODE: all that runs under its name
pids_of() {
  local space
  [ -s "$CLUSTER_STATE/$1/space" ] || return 0
  space=$(cat "$CLUSTER_STATE/$1/space")
  find /proc/[0-9]*/ns/uts -maxdepth 0 -printf '%l %h\n' 2>/dev/null |
    awk -v space="$space" '$1 == space { split($2, part, "/"); print part[3] }'
}
signal_node() { # SIGNAL NODE
  local pids
  pids=$(pids_of "$2" | running)
  # shellcheck disable=SC2086 # a list, of which some may have ended
  [ -z "$pids" ] || kill "-$1" $pids 2>/dev/null || true
}
kill_node() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do # what was being started meanwhile
    signal_node KILL "$1"
    [ -n "$(pids_of "$1" | running)" ] || return 0
    sleep 0.05
  done
  die "something on $1 cannot be killed: $(pids_of "$1" | xargs)"
}
# running: of the processes on standard input, those that have not died
running() {
  local pid state
  while read -r pid; do
    state=$(sed -n 's/^State:\s*\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) || true
    case $state in "" | Z | X) ;; *) echo "$pid" ;; esac
  done
}
boot_node() {
  local state=$CLUSTER_STATE/$1
  mkdir -p "$state/spool" "$state/tmp"
  chmod 1777 "$state/tmp"
  # shellcheck disable=SC2016 # expanded inside
  unshare --uts --mount --propagation private bash -euc '
    echo "$1" >/proc/sys/kernel/hostname
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    readlink /proc/self/ns/uts >"$2/space"
    exec slurmd -N "$1"' - "$1" "$state" </dev/null >>"$state/slurmd.out" 2>&1 ||
    die "slurmd of $1 did not start: $(tail -n 5 "$state/slurmd.out")"
}

# ---- the whole ----

configuration() { # NODES CPUS
  cat <<END
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
# a requeued job may start again when the credentials of its life before have run out: by default after two minutes
AuthType=auth/munge
AuthInfo=socket=$CLUSTER_STATE/munge.sock,cred_expire=5
StateSaveLocation=$CLUSTER_STATE/state
SlurmdSpoolDir=$CLUSTER_STATE/%n/spool
# PMIx makes a folder there for each step, and expects none: one place a node
TmpFS=$CLUSTER_STATE/%n/tmp
SlurmctldPidFile=$CLUSTER_STATE/slurmctld.pid
SlurmdPidFile=$CLUSTER_STATE/%n/slurmd.pid
SlurmctldLogFile=$CLUSTER_STATE/slurmctld.log
SlurmdLogFile=$CLUSTER_STATE/%n/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
# nodes have the CPUs that are written here, whatever the machine has
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=2
KillWait=10
MessageTimeout=30
# so long a node may be silent before it counts as lost
SlurmdTimeout=10
MinJobAge=3600
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
END
  local i
  # all at one address: daemons call back to the address that a call came from
  for ((i = 1; i <= $1; i++)); do
    echo "NodeName=node$i NodeHostname=node$i NodeAddr=127.0.0.1 Port=$((17000 + i)) CPUs=$2 RealMemory=4000"
  done
  echo "PartitionName=batch Nodes=ALL Default=YES PriorityTier=1 PreemptMode=OFF"
  echo "PartitionName=scavenge Nodes=ALL PriorityTier=1 PreemptMode=REQUEUE"
  echo "PartitionName=urgent Nodes=ALL PriorityTier=10 PreemptMode=OFF"
}

start() { # NODES CPUS
  local i up
  ip link set lo up
  ip addr add 10.98.0.1/32 dev lo # the resolver finds no names on a host that has no address but 127.0.0.1
  echo control >/proc/sys/kernel/hostname
  mkdir "$CLUSTER_STATE/state"
  configuration "$1" "$2" >"$SLURM_CONF"
  {
    echo "127.0.0.1 localhost control"
    for ((i = 1; i <= $1; i++)); do echo "127.0.0.1 node$i"; done
  } >"$CLUSTER_STATE/hosts"
  mount --bind "$CLUSTER_STATE/hosts" /etc/hosts
  (umask 077 && head -c 1024 /dev/urandom >"$CLUSTER_STATE/munge.key")
  munged --key-file="$CLUSTER_STATE/munge.key" --socket="$CLUSTER_STATE/munge.sock" \
    --pid-file="$CLUSTER_STATE/munged.pid" --log-file="$CLUSTER_STATE/munged.log" --seed-file="$CLUSTER_STATE/munge.seed" ||
    die "munged did not start: $(tail -n 3 "$CLUSTER_STATE/munged.log")"
  slurmctld >"$CLUSTER_STATE/slurmctld.out" 2>&1 ||
    die "slurmctld did not start: $(tail -n 5 "$CLUSTER_STATE/slurmctld.out" "$CLUSTER_STATE/slurmctld.log")"
  for ((i = 1; i <= $1; i++)); do boot_node "node$i"; done
  for ((SECONDS = 0; SECONDS < 60; )); do
    up=$(timeout 20 sinfo -h -N -p batch -o '%T' 2>/dev/null | grep -c '^idle$' || true)
    [ "$up" -lt "$1" ] || return 0
    sleep 0.1
  done
  die "of $1 nodes $up are up after a minute: $(tail -n 5 "$CLUSTER_STATE/slurmctld.log")"
}

# Nodes share this machine's cores: ranks of Open MPI that wait give way, and are bound to none. What they send each other goes
# by TCP, as between machines.
surroundings() {
  unset "${!SLURM_@}" "${!OMPI_@}" "${!PMIX_@}"
  export SLURM_CONF=$CLUSTER_STATE/slurm.conf
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
  export OMPI_MCA_pml=ob1 OMPI_MCA_btl=tcp,vader,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
}

# ---- words ----

case ${1-} in
  kill | freeze | thaw | boot | pids)
    [ -d "${CLUSTER_STATE:?only inside a command of cluster.sh}/${2:?a node}" ] || die "there is no node $2"
    case $1 in
      kill) kill_node "$2" ;;
      freeze) signal_node STOP "$2" ;;
      thaw) signal_node CONT "$2" ;;
      boot) boot_node "$2" ;;
      pids) pids_of "$2" ;;
    esac
    exit ;;
  --inside) # the first process of the namespaces: what it leaves behind ends with it
    nodes=$2 cpus=$3
    shift 3
    trap 'exit 143' TERM INT HUP
    mount -t tmpfs -o mode=755 tmpfs "$CLUSTER_STATE"
    surroundings
    start "$nodes" "$cpus"
    code=0
    "$@" || code=$?
    exit "$code" ;;
esac

nodes=2 cpus=4
while getopts n:c: option; do
  case $option in
    n) nodes=$OPTARG ;;
    c) cpus=$OPTARG ;;
    *) die "usage: cluster.sh [-n NODES] [-c CPUS] [COMMAND...]" ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- "${SHELL:-bash}"

[ "$(id -u)" -eq 0 ] || skip "a Slurm for tests needs root"
for program in munged slurmctld slurmd sbatch srun ip unshare; do
  command -v "$program" >/dev/null || skip "$program is missing; 'jobs/install-packages.sh slurm' installs it"
done
namespaces=(unshare --pid --fork --kill-child --mount-proc --net --uts --ipc --mount --propagation private)
"${namespaces[@]}" ip link set lo up 2>/dev/null || skip "namespaces are not allowed here"

CLUSTER=$(realpath "$0")
CLUSTER_STATE=/run/dsmpi-test-slurm # in memory, and seen inside only; short: sockets lie there, whose names may have 107 bytes
export CLUSTER CLUSTER_STATE
mkdir -p "$CLUSTER_STATE"
exec "${namespaces[@]}" bash "$CLUSTER" --inside "$nodes" "$cpus" "$@"
