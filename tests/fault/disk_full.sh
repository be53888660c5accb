#!/bin/bash
# The disk fills up while a checkpoint is written: exit 74 with the reason, earlier checkpoints whole, nothing left behind;
# with room again the same command goes on to the same end. Needs a small file system of its own, so the script starts
# itself again in a mount name space; where that is not allowed it is skipped.
if [ -z "${DSMPI_OWN_MOUNTS:-}" ]; then
  for rights in "--mount" "--mount --user --map-root-user"; do
    # shellcheck disable=SC2086 # several words
    if unshare $rights sh -c 'mount -t tmpfs -o size=1m tmpfs /mnt' 2>/dev/null; then
      # shellcheck disable=SC2086
      DSMPI_OWN_MOUNTS=1 exec unshare $rights bash "$0"
    fi
  done
  echo "skipped: no right to mount a small file system"
  exit 77
fi
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../e2e/common.sh"
small_mlp mlp.yaml
train=(train mlp.yaml train.keep=10 model.width=64) # so wide that parameters, not HDF5's own tables, fill the disk
undo() { umount "$work/disk" 2>/dev/null || true; }
expect 0 1 "${train[@]}" -o unbroken
bytes=$(stat -c %s unbroken/checkpoints/step-00000020.h5)

mkdir disk
mount -t tmpfs -o size=16m tmpfs disk
# room for one checkpoint and a half; in a user's own name space a mount cannot be resized, but a file can go
fallocate -l $((16 * 1024 * 1024 - bytes * 3 / 2 / 4096 * 4096)) disk/others
for ranks in 1 3; do
  rm -rf disk/run
  expect 74 "$ranks" "${train[@]}" -o disk/run
  expect_words "dsmpi: error:" "step-00000040.h5" "No space left on device"
  [ "$(grep -c '^dsmpi: error:' said)" -eq 1 ] || fail "1 error expected on $ranks ranks"
  [ "$(ls disk/run/checkpoints)" = step-00000020.h5 ] || fail "left behind: $(ls disk/run/checkpoints)"
  "$DSMPI_HELPERS/same_checkpoint" {unbroken,disk/run}/checkpoints/step-00000020.h5 || fail "the earlier checkpoint has suffered"
  passed "disk full on $ranks ranks: exit 74, the checkpoint before it is whole"
done

expect 74 2 sample unbroken -n 100000 -o disk/samples.h5
expect_words "No space left on device"
if compgen -G "disk/samples*" >/dev/null; then fail "left behind: $(ls disk)"; fi
passed "samples that do not fit: exit 74 before any is drawn"

mount -o remount,bind,ro disk
expect 74 2 "${train[@]}" -o disk/run
expect_words "Read-only file system"
passed "read-only: exit 74"

mount -o remount,bind,rw disk
rm disk/others
expect 0 2 "${train[@]}" -o disk/run
expect_words "resume " "dsmpi: finished step 50"
expect_same_run unbroken disk/run
passed "with room again: as the unbroken run"
