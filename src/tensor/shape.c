/* Shapes of tensors: making, counting, printing, broadcasting. */
#include "dsmpi/tensor.h"
#include "dsmpi/text.h"

dsm_shape dsm__shape_make(int rank, const size_t *n) {
  DSM_ASSERT(rank >= 1 && rank <= DSM_MAX_RANK);
  dsm_shape shape = {.rank = rank};
  for (int axis = 0; axis < DSM_MAX_RANK; axis++) shape.n[axis] = axis < rank ? n[axis] : 1;
  return shape;
}

size_t dsm_shape_count(dsm_shape shape) {
  size_t count = 1;
  for (int axis = 0; axis < shape.rank; axis++) count *= shape.n[axis];
  return count;
}

bool dsm_shape_equal(dsm_shape a, dsm_shape b) {
  if (a.rank != b.rank) return false;
  for (int axis = 0; axis < a.rank; axis++) {
    if (a.n[axis] != b.n[axis]) return false;
  }
  return true;
}

const char *dsm_shape_text(dsm_shape shape, char *text, size_t size) {
  if (size == 0) return text;
  text[0] = '\0';
  for (int axis = 0; axis < shape.rank; axis++)
    dsm_append(text, size, "%s%zu", axis == 0 ? "(" : ", ", shape.n[axis]);
  dsm_append(text, size, ")");
  return text;
}

dsm_status dsm_shape_broadcast(dsm_shape a, dsm_shape b, dsm_shape *out) {
  char text_a[128], text_b[128];
  if (a.rank != b.rank) {
    DSM_FAIL(DSM_INTERNAL, "shapes %s and %s have different ranks and cannot be broadcast",
             dsm_shape_text(a, text_a, sizeof text_a), dsm_shape_text(b, text_b, sizeof text_b));
  }
  dsm_shape result = a;
  for (int axis = 0; axis < a.rank; axis++) {
    if (a.n[axis] != b.n[axis] && a.n[axis] != 1 && b.n[axis] != 1) {
      DSM_FAIL(DSM_INTERNAL, "shapes %s and %s cannot be broadcast: axis %d must be equal, or 1 on one side",
               dsm_shape_text(a, text_a, sizeof text_a), dsm_shape_text(b, text_b, sizeof text_b), axis);
    }
    if (a.n[axis] == 1) result.n[axis] = b.n[axis];
  }
  *out = result;
  return DSM_OK;
}
