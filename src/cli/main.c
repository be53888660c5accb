/* The program: words -> command -> status -> exit code. The only place that prints a failure or ends the
 * process. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "dsmpi/host.h"
#include "dsmpi/log.h"
#include "dsmpi/memory.h"

static dsm_status print_version(FILE *out) {
  char facts[4096];
  DSM_TRY(dsm_version_facts(facts, sizeof facts));
  /* the first line is for scripts: name and version, nothing else */
  fprintf(out, "%s\n%s\n", dsm_version_line(), facts);
  return DSM_OK;
}

/* What the words ask for: a text, answered at once without MPI, or a command with its arguments. */
static dsm_status read_words(size_t count, char *const *words, FILE *out, dsm_arguments *arguments) {
  size_t used = 0;
  const dsm_command *command;
  arguments->command = NULL;
  if (count == 0 || strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
    dsm__help_overview(out);
    return DSM_OK;
  }
  if (strcmp(words[0], "--version") == 0 || strcmp(words[0], "-V") == 0) return print_version(out);
  if (strcmp(words[0], "help") == 0) return dsm__help_topic(count - 1, words + 1, out);
  if (words[0][0] == '-') {
    DSM_FAIL(DSM_USAGE, "a command was expected before '%s'; 'dsmpi help' lists the commands", words[0]);
  }
  bool group_help = count > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0);
  if (group_help && dsm__is_group(words[0], strlen(words[0]))) return dsm__help_topic(1, words, out);

  DSM_TRY(dsm__command_find(count, words, &command, &used));
  DSM_TRY(dsm__arguments_read(command, count - used, words + used, arguments));
  if (arguments->help) {
    arguments->command = NULL;
    return dsm__help_command(command, out);
  }
  return DSM_OK;
}

/* "train a.yaml -o run": `*text` is owned by the caller: free(). */
static dsm_status join_words(int argc, char **argv, char **text) {
  size_t length = 1;
  for (int i = 1; i < argc; i++) length += strlen(argv[i]) + 1;
  DSM_TRY(DSM_ALLOC(length, text));
  char *end = *text;
  for (int i = 1; i < argc; i++) end += sprintf(end, "%s%s", i > 1 ? " " : "", argv[i]);
  return DSM_OK;
}

/* All ranks must be the same program, told the same: before anything else passes between them, which another version may
 * not understand. */
static dsm_status check_same(dsm_comm *comm, int argc, char **argv) {
  char id[64], program[160], *words = NULL;
  snprintf(program, sizeof program, "%s, build %.12s", dsm_version_line(), dsm_program_id(id, sizeof id));
  DSM_TRY(dsm_comm_same(comm, DSM_LAUNCHER, "programs", program, id,
                        "start all ranks from one installation that every host sees"));
  DSM_AGREE(comm, join_words(argc, argv, &words));
  const dsm_status status =
      dsm_comm_same(comm, DSM_BAD_CONFIG, "command lines", words, words,
                    "start all ranks with the same words: they train one model together");
  free(words);
  return status == DSM_OK ? status : dsm__forward(status, __FILE__, __LINE__);
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  const dsm_command *command = arguments->command;
  if (command->parallel) return command->run(arguments, comm);
  /* work for one process: the others wait for its outcome */
  dsm_status status = !comm || dsm_comm_rank(comm) == 0 ? command->run(arguments, NULL) : DSM_OK;
  return comm ? dsm_agree(comm, status) : status;
}

/* Whatever was printed must have arrived: a full disk behind stdout is a failure too. */
static dsm_status flush_output(void) {
  if (fflush(stdout) != 0 || ferror(stdout)) DSM_FAIL(DSM_IO, "writing to standard output failed");
  return DSM_OK;
}

static void report(dsm_status status) {
  const char *trail = getenv("DSMPI_TRAIL");
  bool places = status == DSM_INTERNAL || (trail && strcmp(trail, "1") == 0);
  const char *text = places ? dsm_trail() : dsm_trail_message();
  fflush(stdout); /* what was found before the failure comes before it */
  if (status == DSM_STOPPED) {
    dsm_info("dsmpi: exit status 75 is expected: run the same command again to go on");
  } else if (text[0] || status != DSM_LAUNCHER) { /* of tasks that cannot see each other one has the words */
    dsm_error("%s", text[0] ? text : dsm_status_text(status));
  }
}

int main(int argc, char **argv) {
  dsm_arguments arguments;
  dsm_comm *comm = NULL;
  int task;
  bool several = dsm_launched_several(&task), speaks = task == 0;
  FILE *out = speaks ? stdout : fopen("/dev/null", "w");
  signal(SIGXFSZ, SIG_IGN); /* beyond ulimit -f, writing is then a failure that can be told */

  dsm_status status = read_words(argc > 0 ? (size_t)argc - 1 : 0, argv + 1, out ? out : stdout, &arguments);
  if (!speaks && out) fclose(out);

  /* MPI is started only where it is needed: some login nodes refuse it. Mistakes in the words are found by
   * every task alike, but mpirun ends all tasks when the first of them fails, even before another has told
   * why: so tasks with others beside them leave through MPI's end, which waits for all. */
  bool answered = status == DSM_OK && !arguments.command;
  const bool wanted =
      status == DSM_OK && !answered && arguments.command->parallel && !arguments.command->lone;
  if (status == DSM_OK && !answered && arguments.command->stops) dsm_stop_listen();
  if (!answered && (several || wanted)) {
    dsm_status started = dsm_comm_create(&comm);
    if (started == DSM_OK) started = check_same(comm, argc, argv);
    if (started != DSM_OK) status = started;
    /* without the others each speaks for itself; of tasks that the launcher did not join one alone has words */
    speaks = !comm || dsm_comm_rank(comm) == 0;
  }
  if (status == DSM_OK && !answered) status = run(&arguments, comm);
  if (status == DSM_OK) status = flush_output();

  if (status != DSM_OK && speaks) report(status);
  /* srun --kill-on-bad-exit sends SIGTERM to all tasks as soon as the first has left with a failure. They are leaving too, and
   * died of it, in place of the exit status they were about to have, were it not ignored. */
  if (status != DSM_OK && several) signal(SIGTERM, SIG_IGN);
  dsm_comm_destroy(&comm);
  /* mpirun ends all tasks, and drops what they have printed last, as soon as one has left with a failure: so the
   * one that speaks leaves first. */
  if (status != DSM_OK && several && !speaks) usleep(300000);
  return dsm_status_exit_code(status);
}
