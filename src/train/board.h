/** @file board.h
 *  The inside of the board: what a rank reports, how rank 0 judges the reports, how they travel. board.c puts it together. */
#ifndef DSMPI_TRAIN_BOARD_H
#define DSMPI_TRAIN_BOARD_H

#include "internal.h"

enum { DSM__HOST_MAX = 64 };

/* ---- places.c ------------------------------------------------------------------------------------------ */

typedef enum dsm__place_kind {
  DSM__WORKS,     /* the rank works on its own; bytes that it reads and writes are progress */
  DSM__WAITS,     /* it is here because others have not come yet */
  DSM__ROOT_WORKS /* rank 0 works, the others wait for it */
} dsm__place_kind;
typedef struct dsm__place_facts {
  const char *doing; /* "reading data" */
  dsm__place_kind kind;
  bool computes;  /* for so long, without a tick, that processor time has to count as progress */
  bool after_all; /* rank 0 is here only when all ranks have come */
  bool unbounded; /* others may wait here longer than any limit, if it is seen that somebody works */
} dsm__place_facts;
/** Never NULL: a place that is not known, from a datagram, is "somewhere". */
const dsm__place_facts *dsm__place_facts_of(int place);
/** Whether this rank is in the place to wait for others. */
bool dsm__place_waits(int place, int rank);

/* ---- verdict.c: the judge, a function of reports and times --------------------------------------------- */

typedef struct dsm__report {
  int64_t count;   /* the step or block */
  double in_place; /* seconds */
  double idle;     /* seconds without a sign of progress */
  int32_t place, unused;
} dsm__report;

/** What is known of one rank. */
typedef struct dsm__seen {
  char host[DSM__HOST_MAX];
  dsm__report report; /* the last one */
  bool ever;          /* there was one */
  double heard;       /* when */
  double counted;     /* when its count last changed; 0: not seen changing yet */
  bool late, late_silent;
  double late_since;
  dsm__report late_report; /* as it was when it was told that it is late */
  int64_t late_count;      /* and what the others waited in */
} dsm__seen;

typedef struct dsm__watch {
  int ranks;
  const char *unit;
  bool together;
  double limit;  /* seconds; 0 = none */
  double late;   /* seconds that others may wait before it is said, at least */
  double silent; /* seconds without a report after which a rank counts as silent */
  double started;
  /* what came of it */
  double longest;     /* seconds for one count, when nobody was silent */
  double silence;     /* when somebody last was */
  double quiet_until; /* nobody is called late before */
  double stuck_since; /* all wait for each other, which was said; 0: not */
  int64_t stuck_count;
  bool deaf_told;
  dsm__seen *rank; /* (ranks) */
  bool *marked;    /* (ranks) room for the judge, who must not fail for lack of memory */
} dsm__watch;

typedef enum dsm__verdict {
  DSM__QUIET,
  DSM__LATE, /* who is waited for */
  DSM__BACK, /* who was, and has come */
  DSM__DEAF, /* whose reports do not arrive, so that it could not be named */
  DSM__HANG  /* nothing moves any more */
} dsm__verdict;

/** How long others may wait before it is said, for a job that ends after `limit` seconds (0: never): 10 s, or a sixth of a
 *  shorter limit. */
double dsm__patience(double limit);
/** A report of `rank` has arrived at `now`. */
void dsm__watch_hear(dsm__watch *w, int rank, const dsm__report *report, double now);
/** The judge itself was stopped until `now`: what it has not heard is nobody's fault. */
void dsm__watch_forgive(dsm__watch *w, double now);
/** Seconds since anything moved on any rank, as far as it is known. */
double dsm__watch_idle(const dsm__watch *w, double now);
/** The next thing that is to be said, each once, in `text`; to be asked until DSM__QUIET. */
dsm__verdict dsm__watch_judge(dsm__watch *w, double now, char *text, size_t size);

/* ---- verdict_words.c ----------------------------------------------------------------------------------- */

/** A text that is appended to, see dsm_append. */
typedef struct dsm__words {
  char *text;
  size_t size;
} dsm__words;
bool dsm__watch_silent(const dsm__watch *w, int rank, double now);
/** "rank 3 (node12), which has been reading data for 14 s, and for ranks 4 and 5 (node13), from which nothing has been heard
 *  for 12 s (last: step 118, computing gradients)": the ranks marked in `which`, in a few groups of one host and place.
 *  @param[in] join  between groups: " and for " */
void dsm__words_of_ranks(dsm__words *words, const dsm__watch *w, const bool *which, double now,
                         const char *join);
/** "rank 3 (node12) is", "ranks 4, 5, 6, 7 and 60 more (node13) are": ranks of one host, the first one's. */
void dsm__words_of_names(dsm__words *words, const dsm__watch *w, const bool *which, bool verb);

/* ---- board_wire.c: datagrams --------------------------------------------------------------------------- */

enum { DSM__WAYS = 16 };
/** Where rank 0 listens; what all ranks are told once. */
typedef struct dsm__door {
  unsigned char token[16];              /* in every datagram of this job: strangers do not know it */
  uint16_t port;                        /* 0: it does not listen */
  uint16_t ways;                        /* addresses */
  unsigned char address[DSM__WAYS][16]; /* IPv6, or IPv4 in it, loopback last */
} dsm__door;

/** A datagram: a report to rank 0, or its answer. */
typedef struct dsm__datagram {
  unsigned char token[16];
  uint64_t number;    /* rising: what comes late, or twice, is dropped */
  dsm__report report; /* answer: idle of the whole job */
  int32_t rank;
  int16_t way; /* the address that a report was sent to; an answer repeats it */
  int16_t answer;
} dsm__datagram;

typedef struct dsm__wire {
  int socket; /* -1: none */
  bool four;  /* of IPv4 alone: the machine has no IPv6 */
  dsm__door door;
} dsm__wire;

/** Rank 0: listens. Where it cannot, `wire->socket` is -1, door.port 0, and `why` says why. */
void dsm__wire_listen(dsm__wire *wire, char *why, size_t size);
/** Another rank: for sending to the door of rank 0. Where it cannot, `wire->socket` is -1. */
void dsm__wire_reach(dsm__wire *wire, const dsm__door *door);
/** Accepts socket -1. */
void dsm__wire_close(dsm__wire *wire);
/** Sends to way `d->way`; never waits; what is lost is lost. */
void dsm__wire_send(const dsm__wire *wire, dsm__datagram *d);
/** The next datagram of this job, if there is one; never waits. `from` is for dsm__wire_answer. */
typedef struct dsm__sender {
  unsigned char address[32];
  unsigned length;
} dsm__sender;
bool dsm__wire_receive(const dsm__wire *wire, dsm__datagram *d, dsm__sender *from);
void dsm__wire_answer(const dsm__wire *wire, dsm__datagram *d, const dsm__sender *to);

/* ---- board.c ------------------------------------------------------------------------------------------- */

/** The board of one rank, without MPI: what dsm__board_begin starts when all have been told. `hosts` (ranks, DSM__HOST_MAX)
 *  is read here only. `wire` is handed over, to be closed by dsm__board_end, or here in case of a failure. */
typedef struct dsm__board_rank {
  int rank, ranks;
  bool
      speaks_first; /* of the ranks of its host but rank 0: its last words are enough if they bring the others down */
  const char *hosts;
  dsm__wire wire;
  void (*say)(void *context, dsm__verdict verdict, const char *text); /* NULL: the log */
  void *context;
} dsm__board_rank;
dsm_status dsm__board_start(const dsm__board_params *params, const dsm__board_rank *self, dsm__board **board);

#endif
