/* Importance sampling by the second moment of the loss (Nichol & Dhariwal 2021, arXiv:2102.09672, section 3.3). The times
 * are cut into bins, each step of a discrete process one if they are not too many; from the last 10 losses of each,
 *   p_b = (1 - 0.001) q_b sqrt(mean L_b^2) / sum_c q_c sqrt(mean L_c^2) + 0.001 q_b,   q_b the share of the bin,
 * which is the law whose weighted losses have the least variance, with a little of the uniform one so that every
 * bin keeps being visited. A loss counts q_b / p_b times, so the expected gradient stays that of uniform times. Until each
 * bin has 10 losses the law is uniform. */
#include "objective/importance.h"

#include <math.h>
#include <string.h>
#include "dsmpi/memory.h"

enum { HISTORY = 10, BINS_MAX = 1000, BINS_CONTINUOUS = 100, ROW = HISTORY + 1 };
static const double uniform_share = 0.001;

/* What is known of a bin: the state is these numbers alone. */
typedef struct bin {
  double count; /* of losses so far, up to HISTORY */
  double loss[HISTORY];
} bin;
_Static_assert(sizeof(bin) == ROW * sizeof(double), "a bin is a row of the state");

typedef struct law {
  double begin; /* where the share of the bin begins; the next one begins where it ends */
  double below; /* probability of the bins before it */
} law;

struct dsm__importance {
  size_t bins;
  bool discrete;
  double steps; /* T */
  law *law;     /* bins + 1 */
  bin bin[];
};

/* Bins end where steps do. */
static double begin_of(const dsm__importance *m, size_t b) {
  const double share = (double)b / (double)m->bins;
  return m->discrete ? ceil(share * m->steps - 1e-9) / m->steps : share;
}

dsm_status dsm__importance_create(const dsm_process *process, dsm__importance **importance) {
  const bool discrete = dsm_process_discrete(process);
  const double steps = dsm_process_last(process);
  const size_t bins = !discrete ? BINS_CONTINUOUS : steps < BINS_MAX ? (size_t)steps : BINS_MAX;
  dsm__importance *m = NULL;
  const size_t head = sizeof *m + bins * sizeof(bin);
  DSM_TRY(dsm_alloc(1, head + (bins + 1) * sizeof(law), (void **)&m));
  m->bins = bins;
  m->discrete = discrete;
  m->steps = steps;
  m->law = (law *)((char *)m + head);
  for (size_t b = 0; b <= bins; b++) m->law[b].begin = begin_of(m, b);
  dsm__importance_refresh(m);
  *importance = m;
  return DSM_OK;
}

static double width(const dsm__importance *m, size_t b) {
  return m->law[b + 1].begin - m->law[b].begin;
}

static double probability(const dsm__importance *m, size_t b) {
  return m->law[b + 1].below - m->law[b].below;
}

static double root_mean_square(const bin *b) {
  double sum = 0;
  for (size_t i = 0; i < HISTORY; i++) sum += b->loss[i] * b->loss[i];
  return sqrt(sum / HISTORY);
}

void dsm__importance_refresh(dsm__importance *m) {
  double total = 0;
  bool warm = true;
  for (size_t b = 0; b < m->bins; b++) {
    warm &= m->bin[b].count == HISTORY;
    total += width(m, b) * root_mean_square(&m->bin[b]);
  }
  const bool uniform = !warm || !(total > 0);
  m->law[0].below = 0;
  for (size_t b = 0; b < m->bins; b++) {
    const double by_loss = uniform ? 1 : root_mean_square(&m->bin[b]) / total;
    m->law[b + 1].below = m->law[b].below + width(m, b) * ((1 - uniform_share) * by_loss + uniform_share);
  }
}

/* The last bin that begins, by `below` or by `begin`, at or before x, by halving. */
static size_t find(const dsm__importance *m, double x, bool by_share) {
  size_t low = 0, high = m->bins;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if ((by_share ? m->law[middle].begin : m->law[middle].below) <= x)
      low = middle;
    else
      high = middle;
  }
  return low;
}

double dsm__importance_draw(const dsm__importance *m, double u) {
  const double x = u * m->law[m->bins].below; /* which is 1 up to rounding */
  const size_t b = find(m, x, false);
  const double inside = fmin((x - m->law[b].below) / probability(m, b), 1 - 1e-12);
  return m->law[b].begin + inside * width(m, b);
}

double dsm__importance_weight(const dsm__importance *m, double share) {
  const size_t b = find(m, share, true);
  return width(m, b) / probability(m, b);
}

void dsm__importance_add(dsm__importance *m, double share, double loss) {
  const size_t i = find(m, share, true);
  bin *b = &m->bin[i];
  const double plain = loss * probability(m, i) / width(m, i);
  if (!isfinite(plain)) return; /* training ends on such a loss; the history should not */
  if (b->count == HISTORY)
    memmove(b->loss, b->loss + 1, (HISTORY - 1) * sizeof *b->loss);
  else
    b->count++;
  b->loss[(size_t)b->count - 1] = plain;
}

size_t dsm__importance_state_count(const dsm__importance *m) {
  return m->bins * ROW;
}

void dsm__importance_save(const dsm__importance *m, double *state) {
  memcpy(state, m->bin, m->bins * sizeof(bin));
}

dsm_status dsm__importance_restore(dsm__importance *m, const double *state) {
  for (size_t i = 0; i < m->bins * ROW; i++) {
    const bool count = i % ROW == 0;
    if (!isfinite(state[i]) || (count && (state[i] < 0 || state[i] > HISTORY || state[i] != floor(state[i]))))
      DSM_FAIL(DSM_BAD_DATA, "the state of importance sampling has %g at number %zu: it is damaged", state[i],
               i);
  }
  memcpy(m->bin, state, m->bins * sizeof(bin));
  dsm__importance_refresh(m);
  return DSM_OK;
}
