/** @file same.h
 *  What ranks tell each other to find out whether they mean the same. Pure, no MPI. The layout never changes, so that
 *  programs of different versions understand each other. */
#ifndef DSMPI_DIST_SAME_H
#define DSMPI_DIST_SAME_H

#include <stdint.h>
#include "dsmpi/status.h"

typedef struct dsm__same_word {
  uint64_t digest;
  char host[64], shown[184];
} dsm__same_word;
_Static_assert(sizeof(dsm__same_word) == 256, "the layout is for all versions");

/** FNV-1a of a text. */
uint64_t dsm__same_digest(const char *text);
/** Whether all `size` words have one digest; else `text` says who has which, the kinds in the order of their first ranks. */
bool dsm__same_judge(const dsm__same_word *word, int size, char *text, size_t room);

#endif
