#include "schema.h"

#include <stdarg.h>
#include <stdlib.h>

enum { MISTAKES_SHOWN = 40 };

dsm_status dsm__mistakes_begin(dsm__mistakes *mistakes, const char *where, bool positions) {
  *mistakes = (dsm__mistakes){.where = where, .positions = positions};
  mistakes->out = open_memstream(&mistakes->text, &mistakes->length);
  if (!mistakes->out) DSM_FAIL(DSM_NO_MEMORY, "no memory for messages about the configuration");
  return DSM_OK;
}

void dsm__mistake(dsm__mistakes *mistakes, size_t line, size_t column, const char *format, ...) {
  va_list arguments;
  if (++mistakes->count > MISTAKES_SHOWN) return;
  if (mistakes->count > 1) fputc('\n', mistakes->out);
  if (mistakes->where && mistakes->positions)
    fprintf(mistakes->out, "%s:%zu:%zu: ", mistakes->where, line, column);
  else if (mistakes->where)
    fprintf(mistakes->out, "%s: ", mistakes->where);
  va_start(arguments, format);
  vfprintf(mistakes->out, format, arguments);
  va_end(arguments);
}

dsm_status dsm__mistakes_end(dsm__mistakes *mistakes) {
  dsm_status status = DSM_OK;
  if (mistakes->count > MISTAKES_SHOWN)
    fprintf(mistakes->out, "\nand %zu more", mistakes->count - MISTAKES_SHOWN);
  bool whole = fclose(mistakes->out) == 0;
  if (mistakes->count > 0)
    DSM_FAIL_DONE(DSM_BAD_CONFIG, "%s", whole ? mistakes->text : "the configuration has mistakes");
done:
  free(mistakes->text);
  return status;
}
