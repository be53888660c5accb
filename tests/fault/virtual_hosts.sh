# shellcheck shell=bash
# Several hosts on one machine, for scripts that have sourced ../e2e/common.sh: each is a process with a network, a name and
# mounts of its own, joined by network_switch, whose cables can be made slow, narrow, or cut. Nothing of it is visible in the
# machine's own network, and it ends with the script.
#
#   hosts_up N            hosts h1 ... hN
#   cable HOST [delay=US] [rate=KBIT] [cut]     all settings of a host's cable at once; none: a plain one
#   on_host HOST COMMAND...
#   hosts_mpirun          an array: how ranks are started, one a host

hosts=()   # names
holders=() # processes, in the same order
switch=

hosts_possible() { # or ends the script as skipped
  [ "$(id -u)" = 0 ] || skip "needs root, for network namespaces"
  if ! (: <>/dev/net/tun) 2>/dev/null; then skip "needs /dev/net/tun"; fi
  command -v ip >/dev/null || skip "needs ip (Debian: iproute2)"
  unshare --net --uts --mount true 2>/dev/null || skip "needs namespaces of its own (unshare)"
}

hosts_up() {
  local i
  mkdir net
  # shellcheck disable=SC2154 # common.sh sets it
  export DSMPI_HOSTS_OF=$work # in the environment of all that runs there
  echo 127.0.0.1 localhost >net/hosts
  for ((i = 1; i <= $1; i++)); do
    hosts+=("h$i")
    echo "10.99.0.$i h$i" >>net/hosts
    echo "$i 0 0 0" >>net/cables
  done
  for ((i = 1; i <= $1; i++)); do
    # shellcheck disable=SC2016 # expanded by the shell of the host
    unshare --net --uts --mount --propagation private bash -c '
      hostname "h$1" && mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mount --bind net/hosts /etc/hosts &&
      ip link set lo up && touch "net/h$1" && exec sleep infinity' - "$i" </dev/null &
    holders+=($!)
  done
  for ((i = 1; i <= $1; i++)); do wait_for 20 "host h$i" test -e "net/h$i"; done
  "$DSMPI_HELPERS/../fault/network_switch" net/cables "${holders[@]}" >net/switch 2>&1 </dev/null &
  switch=$!
  wait_for 20 "the switch: $(cat net/switch)" grep -q ready net/switch
  for ((i = 1; i <= $1; i++)); do
    on_host "h$i" sh -c "ip link set eth0 mtu 9000 && ip addr add 10.99.0.$i/24 dev eth0 && ip link set eth0 up"
  done
  rsh_agent
  hosts_mpirun=("${mpirun[0]}" --mca plm rsh --mca plm_rsh_agent "$work/net/rsh" --mca oob_tcp_if_include eth0
    --mca pml ob1 --mca btl "tcp,self" --mca btl_tcp_if_include eth0 --mca mpi_yield_when_idle 1 --bind-to none
    -H "$(printf '%s:1,' "${hosts[@]}")" -np "$1")
  hosts_mpirun=(nsenter -t "${holders[0]}" -n -u -m -- env -C "$work" "${hosts_mpirun[@]/%:1,/:1}")
}

# How mpirun reaches the other hosts: a program that is called with a host and words for its shell.
rsh_agent() {
  {
    echo '#!/bin/bash'
    printf 'holders=(%s)\n' "${holders[*]}"
    # shellcheck disable=SC2016 # for the script that is written
    printf 'host=$1\nshift\nexec nsenter -t "${holders[${host#h} - 1]}" -n -u -m -- env -C %q bash -c "$*"\n' "$work"
  } >net/rsh
  chmod +x net/rsh
}

on_host() {
  local i=$((${1#h} - 1))
  shift
  nsenter -t "${holders[i]}" -n -u -m -- "$@"
}

cable() {
  local port=${1#h} delay=0 rate=0 cut=0 word
  shift
  for word; do
    case $word in
    delay=*) delay=${word#*=} ;;
    rate=*) rate=${word#*=} ;;
    cut) cut=1 ;;
    *) fail "a cable cannot be made '$word'" ;;
    esac
  done
  awk -v port="$port" -v line="$port $delay $rate $cut" '$1 == port { print line; next } { print }' net/cables >net/new
  mv net/new net/cables
  kill -HUP "$switch"
}

# hosts_empty: no process is left on any host but the one that holds it
hosts_empty() {
  local i space
  for i in "${!hosts[@]}"; do
    space=$(readlink "/proc/${holders[i]}/ns/net")
    [ "$(find /proc/[0-9]*/ns/net -maxdepth 0 -printf '%l\n' 2>/dev/null | grep -cxF "$space")" -eq 1 ] || return 1
  done
}

# For `undo`: whoever of this script's processes is left, on a host whose holder has ended.
hosts_down() {
  local path
  for path in /proc/[0-9]*; do
    [ "$path" != "/proc/$$" ] || continue
    if grep -qsxzF "DSMPI_HOSTS_OF=$work" "$path/environ"; then kill -KILL "${path#/proc/}" 2>/dev/null || true; fi
  done
}
