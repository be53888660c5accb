/* What a rank may be doing, in words, and what it means for the others. */
#include "board.h"

static const dsm__place_facts places[DSM__PLACES] = {
    [DSM__DATA] = {"reading data", DSM__WORKS},
    [DSM__COMPUTE] = {"computing gradients", DSM__WORKS},
    [DSM__REDUCE] = {"summing gradients", DSM__WAITS},
    [DSM__OPTIMIZER] = {"updating the parameters", DSM__WORKS, .after_all = true},
    [DSM__CHECKPOINT] = {"writing a checkpoint", DSM__ROOT_WORKS, .unbounded = true},
    [DSM__EVALUATE] = {"evaluating the model", DSM__WORKS},
    [DSM__OTHER] = {"recording the step", DSM__ROOT_WORKS},
    [DSM__STARTING] = {"getting ready", DSM__WORKS, .unbounded = true},
    [DSM__FITTING] = {"fitting process.sigma", DSM__ROOT_WORKS, .computes = true, .unbounded = true},
    [DSM__BLOCK] = {"computing", DSM__WORKS},
    [DSM__BLOCKS_DONE] = {"waiting for the others", DSM__WAITS, .unbounded = true},
    [DSM__FINISHING] = {"finishing the file", DSM__ROOT_WORKS, .after_all = true, .unbounded = true},
};

const dsm__place_facts *dsm__place_facts_of(int place) {
  static const dsm__place_facts somewhere = {.doing = "somewhere", .kind = DSM__WORKS};
  return place >= 0 && place < DSM__PLACES ? &places[place] : &somewhere;
}

bool dsm__place_waits(int place, int rank) {
  const dsm__place_kind kind = dsm__place_facts_of(place)->kind;
  return kind == DSM__WAITS || (kind == DSM__ROOT_WORKS && rank != 0);
}
