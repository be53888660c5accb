/* Which file system a path is on, and how much room there is. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dsmpi/io.h"

/* Numbers that <linux/magic.h> of older systems, or any, does not have. */
static const struct {
  unsigned long magic;
  const char *type;
  dsm_storage kind;
} known[] = {
    {EXT4_SUPER_MAGIC, "ext4", DSM_STORAGE_DISK},   {0x58465342, "xfs", DSM_STORAGE_DISK},
    {0x9123683e, "btrfs", DSM_STORAGE_DISK},        {0x2fc12fc1, "zfs", DSM_STORAGE_DISK},
    {0xf2f52010, "f2fs", DSM_STORAGE_DISK},         {TMPFS_MAGIC, "tmpfs", DSM_STORAGE_MEMORY},
    {RAMFS_MAGIC, "ramfs", DSM_STORAGE_MEMORY},     {0x794c7630, "overlay", DSM_STORAGE_LAYER},
    {0x61756673, "aufs", DSM_STORAGE_LAYER},        {SQUASHFS_MAGIC, "squashfs", DSM_STORAGE_LAYER},
    {NFS_SUPER_MAGIC, "nfs", DSM_STORAGE_NETWORK},  {0xff534d42, "cifs", DSM_STORAGE_NETWORK},
    {0xfe534d42, "smb", DSM_STORAGE_NETWORK},       {0x5346414f, "afs", DSM_STORAGE_NETWORK},
    {0x01021997, "9p", DSM_STORAGE_NETWORK},        {0x65735546, "fuse", DSM_STORAGE_UNKNOWN},
    {0x0bd00bd0, "lustre", DSM_STORAGE_LUSTRE},     {0x47504653, "gpfs", DSM_STORAGE_PARALLEL},
    {0x19830326, "beegfs", DSM_STORAGE_PARALLEL},   {0x00c36400, "ceph", DSM_STORAGE_PARALLEL},
    {0x20030528, "orangefs", DSM_STORAGE_PARALLEL}, {0xaad7aaea, "panfs", DSM_STORAGE_PARALLEL},
};

static void name_it(unsigned long magic, dsm_file_system *s) {
  s->kind = DSM_STORAGE_UNKNOWN;
  snprintf(s->type, sizeof s->type, "of type 0x%lx", magic);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (known[i].magic != magic) continue;
    s->kind = known[i].kind;
    snprintf(s->type, sizeof s->type, "%s", known[i].type);
  }
}

/* Shortens `folder` to the folder above it: "a/b" to "a", "a" to ".", "/a" to "/". */
static void go_up(char *folder) {
  char *slash = strrchr(folder, '/');
  if (slash == folder)
    folder[1] = '\0';
  else if (slash)
    *slash = '\0';
  else
    strcpy(folder, ".");
}

dsm_status dsm_file_system_of(const char *path, dsm_file_system *s) {
  struct stat facts;
  struct statfs found;
  memset(s, 0, sizeof *s);
  const int length = snprintf(s->folder, sizeof s->folder, "%s", path[0] ? path : ".");
  if (length < 0 || (size_t)length >= sizeof s->folder)
    DSM_FAIL(DSM_IO, "the name %.60s... is too long", path);
  while (stat(s->folder, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    if (strcmp(s->folder, "/") == 0 || strcmp(s->folder, ".") == 0)
      DSM_FAIL(DSM_IO, "%s cannot be looked at: %s", path, strerror(errno));
    go_up(s->folder);
  }
  if (statfs(s->folder, &found) != 0)
    DSM_FAIL(DSM_IO, "the file system of %s tells nothing: %s", s->folder, strerror(errno));
  name_it((unsigned long)found.f_type & 0xffffffff, s);
  s->size = (double)found.f_blocks * (double)found.f_frsize;
  s->room = (double)found.f_bavail * (double)found.f_frsize;
  s->writable = access(s->folder, W_OK | X_OK) == 0;
  return DSM_OK;
}
