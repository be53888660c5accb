/** @file status.h
 *  How dsmpi reports failure: every function that can fail returns a dsm_status; results leave through its
 *  last pointers. The place and the message of a failure, and the places it passed on its way up, form the
 *  *trail* of the thread; `main` prints it once. Nothing below `main` ends the process. */
#ifndef DSMPI_STATUS_H
#define DSMPI_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* name, exit code of the program, sentence */
#define DSM_STATUS_MAP(XX)                                                                                   \
  XX(OK, 0, "done")                                                                                          \
  XX(USAGE, 64, "the command line is not as expected")                                                       \
  XX(BAD_DATA, 65, "the data are not as expected")                                                           \
  XX(NOT_FOUND, 66, "an input is missing")                                                                   \
  XX(LAUNCHER, 69, "the program was not started as an MPI job should be")                                    \
  XX(INTERNAL, 70, "internal error: please report it with the lines above")                                  \
  XX(NO_MEMORY, 71, "not enough memory")                                                                     \
  XX(IO, 74, "reading or writing failed")                                                                    \
  XX(STOPPED, 75, "stopped early on request; run the same command again to go on")                           \
  XX(DIVERGED, 76, "the training diverged")                                                                  \
  XX(BAD_CONFIG, 78, "the configuration is not valid")

typedef enum dsm_status {
#define DSM_STATUS_ENUM(name, exit_code, sentence) DSM_##name,
  DSM_STATUS_MAP(DSM_STATUS_ENUM)
#undef DSM_STATUS_ENUM
      DSM_STATUS_COUNT
} dsm_status;

/** Sentence for a status; never NULL. */
const char *dsm_status_text(dsm_status status);
/** Exit code of the program for a status (sysexits.h where it has one). */
int dsm_status_exit_code(dsm_status status);

/** Text of the calling thread's trail: the message of the last failure on the first line, then, indented,
 *  one line for each place it passed. Valid until the next failure in this thread; "" when there was none. */
const char *dsm_trail(void);
/** The message of the trail alone, without places: one line, or several where it lists several mistakes. */
const char *dsm_trail_message(void);
/** Forgets the trail, after a failure that was dealt with. */
void dsm_trail_clear(void);
/** Replaces the trail by a text made elsewhere (another thread, another rank) and returns `status`. */
dsm_status dsm_trail_set(dsm_status status, const char *text);

dsm_status dsm__fail(dsm_status status, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
dsm_status dsm__forward(dsm_status status, const char *file, int line);

/** Starts a failure and returns it. Messages name the value received and what to try. */
#define DSM_FAIL(status_, ...) return dsm__fail((status_), __FILE__, __LINE__, __VA_ARGS__)
/** Returns the failure of `call`, if any, adding this place to the trail. */
#define DSM_TRY(call)                                                                                        \
  do {                                                                                                       \
    dsm_status dsm_status_ = (call);                                                                         \
    if (dsm_status_ != DSM_OK) return dsm__forward(dsm_status_, __FILE__, __LINE__);                         \
  } while (0)
/** The same two for functions that clean up: they set the local variable `status` and go to the label
 *  `done`. */
#define DSM_FAIL_DONE(status_, ...)                                                                          \
  do {                                                                                                       \
    status = dsm__fail((status_), __FILE__, __LINE__, __VA_ARGS__);                                          \
    goto done;                                                                                               \
  } while (0)
#define DSM_TRY_DONE(call)                                                                                   \
  do {                                                                                                       \
    status = (call);                                                                                         \
    if (status != DSM_OK) {                                                                                  \
      dsm__forward(status, __FILE__, __LINE__);                                                              \
      goto done;                                                                                             \
    }                                                                                                        \
  } while (0)

/** For our own mistakes only. Calls the panic hook, which does not return (dist points it at MPI_Abort). */
#define DSM_ASSERT(condition)                                                                                \
  do {                                                                                                       \
    if (!(condition)) dsm__panic(__FILE__, __LINE__, #condition);                                            \
  } while (0)
void dsm__panic(const char *file, int line, const char *what) __attribute__((noreturn));
typedef void (*dsm_panic_hook)(const char *message);
/** Sets what happens on a broken assertion, after its message was printed. NULL: the process aborts. */
void dsm_set_panic_hook(dsm_panic_hook hook);

#endif
