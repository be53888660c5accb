/* The table of all settings. Everything the program knows about a key stands in one row of schema.c: reading,
 * printing, checking and --help are loops over it. */
#ifndef DSMPI_BASE_SCHEMA_H
#define DSMPI_BASE_SCHEMA_H

#include <stdio.h>
#include "dsmpi/config.h"

typedef enum dsm__kind {
  DSM__BOOL,      /* bool */
  DSM__INT,       /* int64_t */
  DSM__REAL,      /* double */
  DSM__WORD,      /* int, index into `words` */
  DSM__TEXT,      /* char [size] */
  DSM__INT_LIST,  /* dsm_int_list */
  DSM__REAL_LIST, /* dsm_real_list, or one with another number of values */
} dsm__kind;

enum {
  DSM__FIXED = 1,    /* must not change when a run goes on */
  DSM__REQUIRED = 2, /* has no default; dsm_config_check wants it set */
  DSM__ABOVE = 4,    /* `low` itself is not allowed */
  DSM__BELOW = 8,    /* `high` itself is not allowed */
  DSM__FILLED = 16   /* a text or list that must not be empty */
};

typedef struct dsm__setting {
  const char *key; /* "section.name" */
  dsm__kind kind;
  size_t offset, size; /* of the field in dsm_config */
  unsigned flags;
  double low, high;         /* of numbers, and of each element of a list; infinite where there is no limit */
  const char *const *words; /* in the order of the enum, NULL at the end */
  const char *initial;      /* default, as YAML; NULL: zero or empty */
  const char *also;         /* names other programs give it, separated by spaces; only for "did you mean" */
  const char *sentence;
} dsm__setting;

extern const dsm__setting dsm__schema[];
extern const size_t dsm__schema_count;

/** The sections in the order of the schema, NULL at the end. */
extern const char *const dsm__sections[];

/** Row of a key "section.name", or NULL. */
const dsm__setting *dsm__schema_find(const char *key);
/** True when the key of the row is in `section`. */
bool dsm__in_section(const dsm__setting *setting, const char *section);
/** "batch" of "train.batch". */
const char *dsm__leaf(const dsm__setting *setting);

/** The key most likely meant by `leaf` in `section` (NULL: any section); NULL when none is close. */
const dsm__setting *dsm__nearest_key(const char *section, const char *leaf);

/** "4 or more", "0 or more, below 1": the range of a number; "" when there is none. */
const char *dsm__range_text(const dsm__setting *setting, char *text, size_t size);
bool dsm__in_range(const dsm__setting *setting, double value);
/** "an integer", "a list of integers", ... */
const char *dsm__kind_text(dsm__kind kind);
bool dsm__is_list(dsm__kind kind);
/** How many values the field of a list has room for. */
size_t dsm__list_room(const dsm__setting *setting);

/** Reads one YAML scalar into the field, or into element `index` of a list. `quoted`: it stood in quotes, so
 * it is a text even if it looks like a number. @return false with the reason in `why`. */
bool dsm__scalar_read(const dsm__setting *setting, const char *text, bool quoted, size_t index,
                      dsm_config *config, char *why, size_t why_size);
/** Ends the reading of a list of `count` elements: what lies beyond is zeroed, so equal lists are equal
 * bytes. */
void dsm__list_end(const dsm__setting *setting, size_t count, dsm_config *config);
/** Writes the value as YAML. */
void dsm__value_print(const dsm__setting *setting, const dsm_config *config, FILE *out);
/** What is wrong with a value that was not read but set by a program: true when nothing. */
bool dsm__value_allowed(const dsm__setting *setting, const dsm_config *config, char *why, size_t why_size);
/** Copy of a text fit to be quoted in a message: at most 60 bytes, without control characters. */
const char *dsm__shown(const char *text, char shown[80]);

/* ---- mistakes, collected so that one run shows them all ------------------------------------------------ */

typedef struct dsm__mistakes {
  const char *where; /* file name or "command line override 2"; NULL: no place */
  bool positions;    /* add line and column */
  size_t count;
  FILE *out;
  char *text;
  size_t length;
} dsm__mistakes;

dsm_status dsm__mistakes_begin(dsm__mistakes *mistakes, const char *where, bool positions);
/** Adds one; `line` and `column` count from 1. */
void dsm__mistake(dsm__mistakes *mistakes, size_t line, size_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Releases the list. @return DSM_OK when it is empty, else DSM_BAD_CONFIG with all of them as the message.
 */
dsm_status dsm__mistakes_end(dsm__mistakes *mistakes);

/** Reads YAML of `length` bytes over `config`: sections with keys, or for a `setting` its value alone. What
 * is wrong goes to `mistakes`, and `config` is then partly filled. */
void dsm__yaml_read(const char *text, size_t length, const dsm__setting *setting, dsm_config *config,
                    dsm__mistakes *mistakes);

#endif
