/** @file run.h
 *  A run under way: its folder and whose that is, its checkpoints and log, where the time goes, who waits for whom, when to
 *  stop. */
#ifndef DSMPI_TRAIN_RUN_H
#define DSMPI_TRAIN_RUN_H

#include "job.h"

/* ---- run_folder.c, resume.c ---------------------------------------------------------------------------- */

typedef struct dsm__run_folder {
  char path[DSM_TEXT_MAX], checkpoints[DSM_TEXT_MAX + 16], metrics[DSM_TEXT_MAX + 16],
      timing[DSM_TEXT_MAX + 16], stop[DSM_TEXT_MAX + 16];
} dsm__run_folder;
/** Whose a run folder is, see owner.c. Stays where it is from take to release. */
typedef struct dsm__owner {
  char path[DSM_TEXT_MAX + 16]; /* "" = nobody's: the functions below then do nothing */
  unsigned long long token;
  struct dsm__heartbeat *heartbeat;
} dsm__owner;
/** Creates the folder with checkpoints/ and samples/, or checks that it can be written, and makes it this job's; moves an
 * old run aside if `fresh`; removes a stale STOP file; opens log.txt. Collective. @return DSM_IO if another job is at
 * work there. */
dsm_status dsm__run_folder_open(dsm_comm *comm, const char *path, bool fresh, dsm__run_folder *folder,
                                dsm__owner *owner);
/** Writes config.yaml. Rank 0. */
dsm_status dsm__run_folder_config(const dsm__run_folder *folder, const dsm_config *config);

/** Header of the newest checkpoint of a folder that has a readable one; older ones are tried with a warning.
 * Rank 0. `path` is "" if there is no checkpoint at all; failure if there are some and none can be read. */
dsm_status dsm__newest_header(const char *folder, char *path, size_t size, dsm_checkpoint *header);
/** The same with the arrays: the newest checkpoint that is whole. Arrays of a failed try may be partly
 * overwritten. */
dsm_status dsm__newest_whole(const char *folder, const dsm_checkpoint_arrays *arrays, char *path, size_t size,
                             dsm_checkpoint *header);
/** DSM_BAD_CONFIG if the checkpoint's network was shown times in another way than this program does. */
dsm_status dsm__check_label(const dsm_checkpoint *header, const char *path, const dsm_process *process);
/** Sends the numbers of a normalisation, which all ranks have made for equally many channels. Collective. */
dsm_status dsm__share_normalization(dsm_comm *comm, const dsm_normalization *n);
/** Sends a header from rank 0 to all. Collective. */
dsm_status dsm__share_header(dsm_comm *comm, dsm_checkpoint *header);

/* ---- owner.c: whose a run folder is -------------------------------------------------------------------- */

/** Makes the folder this job's, and shows life from now on. Rank 0. @return DSM_OK; DSM_IO if another job is at work there, named. */
dsm_status dsm__owner_take(const dsm__run_folder *folder, dsm__owner *owner);
/** DSM_IO if the folder has been taken over, by whom. Rank 0, before anything is overwritten. */
dsm_status dsm__owner_check(const dsm__owner *owner);
/** Gives the folder back. @return whether it was still this job's. */
bool dsm__owner_release(dsm__owner *owner);

typedef enum dsm__owner_state {
  DSM__OWNER_NONE,
  DSM__OWNER_UNREADABLE, /* the file does not say whose the folder is */
  DSM__OWNER_AT_WORK,
  DSM__OWNER_GONE,  /* its process, of this host, does not exist any more */
  DSM__OWNER_SILENT /* no life for longer than a job that is well needs for a sign */
} dsm__owner_state;
typedef struct dsm__owner_sight {
  dsm__owner_state state;
  char host[64], job[64], since[40];
  long pid;
  double silent; /* seconds since it showed life, by this host's clock */
} dsm__owner_sight;
/** Looks whose a run folder is, and touches nothing. */
void dsm__owner_look(const char *run, dsm__owner_sight *sight);

/* ---- heartbeat.c --------------------------------------------------------------------------------------- */

typedef struct dsm__heartbeat dsm__heartbeat;
/** Calls beat(context) from a thread of its own, every so many seconds until stop: short, and without failures to tell. */
dsm_status dsm__heartbeat_start(double seconds, void (*beat)(void *context), void *context,
                                dsm__heartbeat **heartbeat);
/** Accepts NULL in `*heartbeat`. */
void dsm__heartbeat_stop(dsm__heartbeat **heartbeat);

/* ---- saver.c: checkpoints, written while the training goes on ------------------------------------------- */

typedef struct dsm__saver_params {
  dsm_checkpoint_arrays arrays; /* of the training; borrowed until destroy */
  const char *folder;           /* of the checkpoints; borrowed */
  size_t keep;                  /* newest ones that stay, and those of every so many steps */
  int64_t keep_every;
  bool background;          /* write from a copy; else the training waits */
  dsm_checkpoint_gate gate; /* asked from another thread */
} dsm__saver_params;
typedef struct dsm__saver dsm__saver;
/** Rank 0. The functions below do nothing on NULL, which the other ranks have. */
dsm_status dsm__saver_create(const dsm__saver_params *params, dsm__saver **saver);
/** Takes what is to be saved, arrays and header, and begins to write; waits for the one before. The header's texts and
 *  arrays stay borrowed until it is over. @return what became of the one before. */
dsm_status dsm__saver_save(dsm__saver *saver, const dsm_checkpoint *header);
/** What became of a checkpoint that is over by now, told once: dsm_checkpoint_write's result. Never waits. */
dsm_status dsm__saver_poll(dsm__saver *saver);
/** The same, after waiting for it. */
dsm_status dsm__saver_wait(dsm__saver *saver);
/** Waits too. */
void dsm__saver_destroy(dsm__saver **saver);
/** Bytes of the copy. */
size_t dsm__saver_memory(const dsm__saver_params *params);

/* ---- stop.c -------------------------------------------------------------------------------------------- */

typedef enum dsm__stop_reason {
  DSM__GO_ON,
  DSM__STOP_TIME,
  DSM__STOP_SIGNAL,
  DSM__STOP_TERM,
  DSM__STOP_FILE,
  DSM__STOP_REASONS
} dsm__stop_reason;
/** Starts watching: SIGUSR1 and SIGTERM on any rank, a second one 5 s or more later ends the process at once; on rank 0
 *  (`root`) also the clock, `hours` from now (0 = no limit) or the end of a Slurm job's time, and the file. */
void dsm__stop_watch(double hours, const char *stop_file, bool root);
/** Gives the signals back to whoever had them; any number of times. */
void dsm__stop_unwatch(void);
/** Time that stopping takes: the clock then stops that much earlier. */
void dsm__stop_reserve(double seconds);
/** Whether the clock stops the run within so many seconds. Rank 0. */
bool dsm__stop_near(double seconds);
/** This rank's wish; what happens is agreed by all. */
dsm__stop_reason dsm__stop_wanted(bool root);
const char *dsm__stop_text(dsm__stop_reason reason);
/** Seconds that this Slurm job has left; below 0: not in one, or not known. Asks Slurm. */
double dsm__slurm_left(void);
/** Seconds of a duration as Slurm writes it, "[days-]hours:minutes:seconds"; below 0: none ("UNLIMITED"). */
double dsm__slurm_seconds(const char *text);

/* ---- skipped.c: steps without a finite loss and gradient ----------------------------------------------- */

typedef struct dsm__skipped {
  int64_t in_row;        /* steps left out until now; 0 again, by the caller, when one was taken */
  uint64_t samples, row; /* of this rank and step: those whose loss is not finite; the first one's row */
} dsm__skipped;
/** Before each step. */
void dsm__skipped_begin(dsm__skipped *skipped);
/** Notes which of n losses are not finite; `row` of each in the data. */
void dsm__skipped_note(dsm__skipped *skipped, const float *loss, const uint64_t *row, size_t n);
/** Tells that the step is left out and which samples it was, or `why` where it was none of them. Collective.
 *  @param[in] most       train.max_skipped
 *  @param[in] first_row  of the data, in the file
 *  @return DSM_OK; DSM_DIVERGED: too many in a row. */
dsm_status dsm__skipped_tell(dsm__skipped *skipped, dsm_comm *comm, int64_t step, int64_t most,
                             uint64_t first_row, const char *why);

/* ---- sections.c: where the time goes ------------------------------------------------------------------- */

typedef enum dsm__section {
  DSM__DATA,       /* waiting for the loader */
  DSM__COMPUTE,    /* forward and backward */
  DSM__REDUCE,     /* gradient sum: local sums and communication, waiting included */
  DSM__OPTIMIZER,  /* clip, AdamW, averages */
  DSM__CHECKPOINT, /* writing, and waiting for it */
  DSM__EVALUATE,   /* held-out losses, previews */
  DSM__OTHER,
  DSM__SECTIONS
} dsm__section;
struct dsm__board;
typedef struct dsm__sections {
  double seconds[DSM__SECTIONS], started, since;
  dsm__section now;
  struct dsm__board *board; /* told where this rank is; borrowed, may be NULL */
} dsm__sections;
void dsm__sections_start(dsm__sections *s, struct dsm__board *board);
/** Ends the current section, starts `next`. */
void dsm__sections_enter(dsm__sections *s, dsm__section next);
/** Prints the table over ranks, and appends it as a line to the file `timing`:
 *    {"steps", "batch", "ranks", "hosts", "ended", "seconds", "peak_memory", "sections": {NAME: [min, mean, max], ...}}
 *  in seconds and bytes, of this job alone. Collective. @return DSM_OK; DSM_IO. */
dsm_status dsm__sections_table(dsm__sections *s, dsm_comm *comm, int64_t steps, uint64_t batch,
                               const char *timing);
/** Prints what the gradient sum over several ranks cost a step, `facts` of this rank. Collective. */
dsm_status dsm__sections_sum(const dsm_reducer_facts *facts, dsm_comm *comm, int64_t steps);

/* ---- board.c: who waits for whom ----------------------------------------------------------------------- */

/** What a rank is doing: a section of the loop, or one of these. places.c has their words. */
typedef enum dsm__place {
  DSM__STARTING = DSM__SECTIONS, /* before the loop: opening, reading statistics, sharing a checkpoint */
  DSM__FITTING,                  /* process.sigma, by rank 0 */
  DSM__BLOCK,                    /* computing one */
  DSM__BLOCKS_DONE,              /* waiting for the blocks of others */
  DSM__FINISHING,                /* the file of results, by rank 0 */
  DSM__PLACES
} dsm__place;

/** Every rank tells rank 0 once a second, by a thread and without MPI, what it is doing and for how long. Rank 0 says in
 *  the log for whom the others wait, and ends the job with exit status 70 when nothing moves any more. See board.c. */
typedef struct dsm__board dsm__board;
typedef struct dsm__board_params {
  const char *unit; /* what is counted: "step", "block"; a text that stays */
  bool together;    /* all ranks work on the same one: who has not come is waited for */
  int64_t limit;    /* train.watchdog in seconds; 0 = the job is never ended */
  const char *log;  /* file that a rank appends its last words to if it is there; NULL: none; copied */
} dsm__board_params;
/** In DSM__STARTING, count 0. Without a network for it the job goes on, and a line says what is missing. Collective.
 *  @return DSM_OK; DSM_NO_MEMORY. */
dsm_status dsm__board_begin(dsm_comm *comm, const dsm__board_params *params, dsm__board **board);
/** Where this rank is now, a dsm__section or dsm__place; from one thread at a time. These three cost some ten nanoseconds
 *  and accept NULL. */
void dsm__board_enter(dsm__board *board, int place);
/** The step or block that is worked on now. */
void dsm__board_count(dsm__board *board, int64_t count);
/** Something has been done in this place: for those where one can be for long. */
void dsm__board_tick(dsm__board *board);
/** Not collective. Accepts NULL in `*board`. */
void dsm__board_end(dsm__board **board);

/* ---- progress.c, metrics.c, metrics_tail.c, file_tail.c ------------------------------------------------ */

/** One line every so often in a file, a bar on a terminal. */
typedef struct dsm__progress {
  const char *what;   /* "step", "evaluation" */
  const char *header; /* column titles, printed above the first line; may be NULL */
  int64_t first, total;
  double started, line_at, bar_at;
  bool titled;
} dsm__progress;
void dsm__progress_start(dsm__progress *p, const char *what, const char *header, int64_t first,
                         int64_t total);
/** Called often; `detail` are the columns of a line, under the header. `force` prints the line in any case. */
void dsm__progress_show(dsm__progress *p, int64_t done, const char *detail, bool force);
/** Seconds until the end at the pace since the start, all that is done between the steps included; NAN at the start. */
double dsm__progress_left(const dsm__progress *p, int64_t done, double now);

enum { DSM__METRICS_LINE_MAX = 8192 }; /* bytes of a line of metrics.jsonl */
/** Drops the lines of metrics.jsonl beyond `step`: they are of a life that did not reach a checkpoint. -1: all. */
dsm_status dsm__metrics_rewind(const char *path, int64_t step);
/** Appends one line, flushed. Numbers that are not finite become null. */
dsm_status dsm__metrics_append(const char *path, const char *json);
/** A line of metrics.jsonl; numbers that it does not have are NAN, or -1 where they count. */
typedef struct dsm__metrics_line {
  int64_t step, skipped;
  double loss, seconds, samples_per_second, seconds_left;
  bool trained; /* it tells of the training; else of samples held out, or of a preview */
} dsm__metrics_line;
/** Reads one line, of `length` characters without the newline. @return false: not a whole line of this log. */
bool dsm__metrics_parse(const char *line, size_t length, dsm__metrics_line *parsed);
typedef struct dsm__metrics_tail {
  dsm__metrics_line last; /* the last whole line; step -1: there is none */
  int64_t damaged;        /* lines after or shortly before it that are not of this log */
  bool cut;               /* the file ends within a line: one is being written, or the writer was killed */
  double age;             /* seconds since the file was written */
  dsm_run_figure figure[DSM_RUN_FIGURES];
  size_t figures; /* of each name the newest */
} dsm__metrics_tail;
/** Looks at the end of metrics.jsonl, which may be written meanwhile. @return DSM_OK; DSM_NOT_FOUND; DSM_IO. */
dsm_status dsm__metrics_last(const char *path, dsm__metrics_tail *tail);

/** The last `most` bytes of a file, with a 0 behind them; where that is not the whole file, from the start of a line on.
 *  `*text` is owned by the caller: free(). @return DSM_OK; DSM_NOT_FOUND; DSM_IO; DSM_NO_MEMORY. */
dsm_status dsm__file_tail(const char *path, size_t most, char **text, size_t *length);

#endif
