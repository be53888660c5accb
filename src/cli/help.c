/* Help texts, made of the tables; no line is longer than 80 columns. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = DSM_COLUMNS, OPTION_COLUMN = 26, NAME_COLUMN = 16 };

void dsm__wrapped(const char *text, size_t column, size_t indent, FILE *out) {
  bool line_start = true;
  while (*text) {
    if (line_start && *text == ' ') { /* example */
      size_t length = strcspn(text, "\n");
      fprintf(out, "%.*s", (int)length, text);
      text += length;
    }
    if (*text == '\n') {
      fputc('\n', out);
      text++;
      column = 0;
      line_start = true;
      if (*text != '\n' && *text != ' ' && *text) column = (size_t)fprintf(out, "%*s", (int)indent, "");
      continue;
    }
    size_t length = strcspn(text, " \n");
    if (!line_start) {
      if (column + 1 + length > COLUMNS) {
        fprintf(out, "\n%*s", (int)indent, "");
        column = indent;
      } else if (length > 0) {
        fputc(' ', out);
        column++;
      }
    }
    fwrite(text, 1, length, out);
    column += length;
    text += length;
    text += *text == ' ';
    line_start = false;
  }
  fputc('\n', out);
}

/* "usage: dsmpi train CONFIG [key=value ...] -o RUN [--maxh H]", an option never torn from its argument. */
static void usage(const dsm_command *command, FILE *out) {
  char piece[96];
  size_t column = (size_t)fprintf(out, "usage: dsmpi %s", command->name);
  size_t indent = column + 1;
  column += (size_t)fprintf(out, " %s", command->operands);
  for (size_t i = 0; i < command->option_count; i++) {
    const dsm_option *o = &command->options[i];
    char dash[40];
    if (o->letter) {
      snprintf(dash, sizeof dash, "-%c", o->letter);
    } else {
      snprintf(dash, sizeof dash, "--%s", o->name);
    }
    snprintf(piece, sizeof piece, "%s%s%s%s%s", o->required ? "" : "[", dash, o->argument ? " " : "",
             o->argument ? o->argument : "", o->required ? "" : "]");
    if (column + 1 + strlen(piece) > COLUMNS) {
      fprintf(out, "\n%*s", (int)indent - 1, "");
      column = indent - 1;
    }
    column += (size_t)fprintf(out, " %s", piece);
  }
  fputs("\n\n", out);
}

static void option_line(char letter, const char *name, const char *argument, const char *sentence,
                        FILE *out) {
  size_t column;
  if (letter) {
    column = (size_t)fprintf(out, "  -%c, --%s", letter, name);
  } else {
    column = (size_t)fprintf(out, "      --%s", name);
  }
  if (argument) column += (size_t)fprintf(out, " %s", argument);
  if (column + 2 > OPTION_COLUMN) {
    fputc('\n', out);
    column = 0;
  }
  fprintf(out, "%*s", (int)(OPTION_COLUMN - column), "");
  dsm__wrapped(sentence, OPTION_COLUMN, OPTION_COLUMN, out);
}

static dsm_status print_section(const char *section, FILE *out) {
  char *text;
  DSM_TRY(dsm_config_help(section, &text));
  fputs(text, out);
  free(text);
  return DSM_OK;
}

dsm_status dsm__help_command(const dsm_command *command, FILE *out) {
  usage(command, out);
  char capital[256];
  snprintf(capital, sizeof capital, "%c%s.", command->sentence[0] & ~0x20, command->sentence + 1);
  dsm__wrapped(capital, 0, 0, out);
  fputc('\n', out);
  for (size_t i = 0; i < command->option_count; i++) {
    const dsm_option *o = &command->options[i];
    option_line(o->letter, o->name, o->argument, o->sentence, out);
  }
  option_line('h', "help", NULL, "print this text", out);
  if (command->details) {
    fputc('\n', out);
    dsm__wrapped(command->details, 0, 0, out);
  }
  if (command->section) {
    fprintf(out, "\nSettings (key=value):\n");
    DSM_TRY(print_section(strcmp(command->section, "all") == 0 ? NULL : command->section, out));
  }
  return DSM_OK;
}

static void command_list(const char *group, FILE *out) {
  for (size_t i = 0; dsm__commands[i]; i++) {
    const dsm_command *command = dsm__commands[i];
    if (group && strncmp(command->name, group, strlen(group)) != 0) continue;
    fprintf(out, "  %-*s", NAME_COLUMN - 2, command->name);
    dsm__wrapped(command->sentence, NAME_COLUMN, NAME_COLUMN, out);
  }
}

void dsm__help_overview(FILE *out) {
  fprintf(out, "%s: diffusion models over MPI on CPUs\n\n", dsm_version_line());
  fputs("usage: dsmpi COMMAND ...                    one process\n"
        "       mpirun -np 4 dsmpi COMMAND ...       several (or srun)\n\n",
        out);
  command_list(NULL, out);
  fputs("\n"
        "dsmpi help COMMAND           operands and options of a command\n"
        "dsmpi help config [SECTION]  settings of train, sample and bench\n"
        "dsmpi --version              version, build and libraries\n",
        out);
}

dsm_status dsm__help_topic(size_t count, char *const *words, FILE *out) {
  if (count == 0) {
    dsm__help_overview(out);
    return DSM_OK;
  }
  if (strcmp(words[0], "config") == 0) {
    if (count > 2) DSM_FAIL(DSM_USAGE, "help config takes one section, not '%s' too", words[2]);
    if (count == 1) {
      fputs("A configuration is a YAML file of sections with keys. Of several files each wins\n"
            "over those before it, key by key. On the command line a key is set by\n"
            "section.key=value, which wins over all files.\n\n",
            out);
    }
    if (print_section(count == 2 ? words[1] : NULL, out) != DSM_OK) {
      char message[512];
      snprintf(message, sizeof message, "%s", dsm_trail_message());
      DSM_FAIL(DSM_USAGE, "help config: %s", message);
    }
    return DSM_OK;
  }
  if (count == 1 && dsm__is_group(words[0], strlen(words[0]))) {
    fprintf(out, "usage: dsmpi %s COMMAND ...\n\n", words[0]);
    command_list(words[0], out);
    fprintf(out, "\ndsmpi help %s COMMAND   operands and options of a command\n", words[0]);
    return DSM_OK;
  }
  const dsm_command *command;
  size_t used;
  DSM_TRY(dsm__command_find(count, words, &command, &used));
  if (used < count) DSM_FAIL(DSM_USAGE, "help: one word too many: '%s'", words[used]);
  DSM_TRY(dsm__help_command(command, out));
  return DSM_OK;
}
