/* The program `dsmpi`: a table of commands, one options engine, one place that prints failures. Each command
 * lives in a file of its own and turns words into a call of the library, nothing more. */
#ifndef DSM_CLI_H
#define DSM_CLI_H

#include <stdint.h>
#include <stdio.h>

#include "dsmpi/config.h"
#include "dsmpi/data.h"
#include "dsmpi/dist.h"
#include "dsmpi/status.h"
#include "dsmpi/train.h"

/* ---- commands (commands.c) ----------------------------------------------------------------------------- */

typedef struct dsm_option {
  const char *name;     /* long form, without the dashes */
  char letter;          /* short form, or 0 */
  bool required;        /* the command cannot run without it */
  const char *argument; /* word for its value in the help; NULL for a switch */
  const char *sentence;
} dsm_option;

enum { DSM_OPTIONS_MAX = 24, DSM_OPERANDS_MAX = 4096, DSM_CONFIGS_MAX = 8, DSM_OVERRIDES_MAX = 256 };

typedef struct dsm_arguments {
  const struct dsm_command *command;
  const char
      *value[DSM_OPTIONS_MAX]; /* in the order of command->options; "" for a switch; NULL = not given */
  const char *operand[DSM_OPERANDS_MAX];
  size_t operand_count;
  const char *override[DSM_OVERRIDES_MAX]; /* "key=value" words */
  size_t override_count;
  bool help; /* --help was asked for; nothing else is checked then */
} dsm_arguments;

typedef struct dsm_command {
  const char *name;     /* "train", "data make" */
  const char *operands; /* as in the help: "CONFIG ... [key=value ...]" */
  const char *sentence; /* what it does, to follow its name in a list */
  const char *details;  /* paragraphs below the options, or NULL */
  const char *section;  /* section of the configuration to list in the help, "all", or NULL */
  const dsm_option *options;
  size_t option_count;
  size_t min_operands, max_operands;
  bool overrides; /* key=value words are taken */
  bool parallel;  /* collective over all ranks; otherwise rank 0 works and the others wait */
  bool lone;      /* parallel, but a process on its own starts no MPI */
  bool stops;     /* SIGUSR1 asks it to stop, from its beginning on */
  /* `comm` is NULL for a command that is not parallel, or lone where it is. */
  dsm_status (*run)(const dsm_arguments *arguments, dsm_comm *comm);
} dsm_command;

extern const dsm_command dsm__command_train, dsm__command_sample, dsm__command_info, dsm__command_view,
    dsm__command_data_make, dsm__command_data_import, dsm__command_data_info, dsm__command_data_stats,
    dsm__command_bench, dsm__command_encode, dsm__command_decode, dsm__command_interpolate,
    dsm__command_explain, dsm__command_likelihood, dsm__command_classify, dsm__command_eval,
    dsm__command_restore, dsm__command_status, dsm__command_doctor, dsm__command_log, dsm__command_report;

extern const dsm_command *const dsm__commands[]; /* in the order of the help; ends with NULL */
/* True when `name` is the first word of commands of two words: "data". */
bool dsm__is_group(const char *name, size_t length);
/* The command that the first of `count` words name, and how many of the words are its name.
 * DSM_USAGE names the nearest command. */
dsm_status dsm__command_find(size_t count, char *const *words, const dsm_command **command, size_t *used);

/* ---- words into arguments (options.c, values.c) -------------------------------------------------------- */

/* Reads what follows the command's name. Options may stand anywhere, in the forms --name value, --name=value,
 * -n value, -nvalue; a word that looks like key=value is an override where the command takes them; "--" ends
 * options. */
dsm_status dsm__arguments_read(const dsm_command *command, size_t count, char *const *words,
                               dsm_arguments *arguments);
/* Values of options, checked; the output is left alone when the option was not given. */
dsm_status dsm__option_count(const dsm_arguments *arguments, size_t option, uint64_t min, uint64_t max,
                             uint64_t *value);
dsm_status dsm__option_real(const dsm_arguments *arguments, size_t option, double min, double max,
                            double *value);
/* The place of the option's word among `words` (NULL at the end). */
dsm_status dsm__option_word(const dsm_arguments *arguments, size_t option, const char *const *words,
                            int *place);
/* Numbers separated by commas, rows by semicolons: "1,0.5;0.5,2". `*value` is owned by the caller: free().
 * Rows are equally long; *rows = 0 when the option was not given. */
dsm_status dsm__option_matrix(const dsm_arguments *arguments, size_t option, double **value, size_t *rows,
                              size_t *columns);

typedef struct dsm_overrides {
  char text[DSM_OPTIONS_MAX][DSM_TEXT_MAX];
  const char *word[DSM_OPTIONS_MAX + DSM_OVERRIDES_MAX];
  size_t count;
} dsm_overrides;
/* What those of `options` that were given are short for, by their names (overrides.c), then the key=value words;
 * points into itself and into `arguments`. */
void dsm__overrides_of(const dsm_arguments *arguments, const size_t *options, size_t count,
                       dsm_overrides *overrides);

/* ---- text for people (help.c, facts.c) ----------------------------------------------------------------- */

void dsm__help_overview(FILE *out);
/* Help on what `dsmpi help WORDS` names: a command, a group, "config" or "config SECTION". */
dsm_status dsm__help_topic(size_t count, char *const *words, FILE *out);
dsm_status dsm__help_command(const dsm_command *command, FILE *out);

enum { DSM_COLUMNS = 80 };
/* Prints `text` word by word from `column` on, further lines beginning at `indent`; '\n' in the text begins a
 * line of its own, and a line of the text that starts with blanks (an example) stays as it is. */
void dsm__wrapped(const char *text, size_t column, size_t indent, FILE *out);
/* One line "  name       text". */
void dsm__fact(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* 60000 as "60,000"; returns `text`. */
const char *dsm__grouped(uint64_t number, char *text, size_t size);

/* ---- what several commands share ----------------------------------------------------------------------- */

/* The configuration files that the operands name, with the overrides on top. Not collective. */
dsm_status dsm__config_read(const dsm_arguments *arguments, dsm_config *config);
/* The configuration files that the operands name, in their order, with the overrides on top, read by rank 0 and
 * handed to all. Collective. */
dsm_status dsm__config_load(const dsm_arguments *arguments, dsm_comm *comm, dsm_config *config);

/* "FILE" or "FILE:/dataset". Without a dataset it is /samples, or the only one of the file. */
typedef struct dsm_place {
  char file[DSM_TEXT_MAX], dataset[DSM_TEXT_MAX];
} dsm_place;
dsm_status dsm__place_of(const char *text, dsm_place *place);
/* Settles the dataset when the text named none. DSM_NOT_FOUND lists those to choose from. */
dsm_status dsm__place_settle(dsm_place *place);
/* Both, by rank 0 for all; without a dataset it is `usual`, or, for NULL, settled.
 * Collective. */
dsm_status dsm__place_shared(const char *text, const char *usual, dsm_comm *comm, dsm_place *place);
/* The same for the value of an option. */
dsm_status dsm__place_given(const dsm_arguments *arguments, size_t option, const char *usual, dsm_comm *comm,
                            dsm_place *place);
/* Reads the value of an option of rows, "A:B", of the dataset at `place` with those axes (NULL: found), by rank 0 for all, or,
 * without a comm, by the one that asks; does nothing when it was not given. Collective. @return DSM_USAGE: malformed, or none
 * of the dataset's rows. */
dsm_status dsm__option_rows(const dsm_arguments *arguments, size_t option, const dsm_place *place,
                            const char *axes, dsm_comm *comm);
/* What a command of a trained model and data is told: its operand, the overrides behind those of `settings` that were given
 * (dsm__overrides_of), and the options called data, output, rows and axes; `usual` as in dsm__place_given. Points into
 * itself and into `arguments`. Collective. */
typedef struct dsm_on_data {
  dsm_overrides overrides;
  dsm_place place;
  dsm_on_data_options options;
} dsm_on_data;
dsm_status dsm__on_data(const dsm_arguments *arguments, const size_t *settings, size_t count,
                        const char *usual, dsm_comm *comm, dsm_on_data *told);
/* Prints shape, type, axes and layout of a dataset, and what reading it in training costs. */
void dsm__dataset_facts(const dsm_place *place, const dsm_dataset_info *info);
/* Prints all datasets of a file, a line each. */
dsm_status dsm__dataset_list(const char *file);

#endif
