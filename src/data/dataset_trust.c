/* Input files are not trusted. HDF5 would follow a link out of the file, read any other file as "external
 * storage", load a plugin named in the file, and report sizes that nothing backs; all of these are refused
 * here, before a value is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset_private.h"
#include "filters.h"
#include "dsmpi/clock.h"
#include "dsmpi/hdf5_lock.h"
#include "dsmpi/memory.h"
#include "dsmpi/text.h"

enum { SMALL_CHUNK = 64 << 20, LARGE_CHUNK = 1 << 30 /* bytes */ };

/* ---- links --------------------------------------------------------------------------------------------- */

typedef struct name_list {
  char *text;
  size_t size, used, count;
} name_list;

static herr_t add_name(hid_t object, const char *name, const H5O_info_t *info, void *data) {
  (void)object;
  name_list *list = data;
  if (info->type != H5O_TYPE_DATASET) return 0;
  int n = snprintf(list->text + list->used, list->size - list->used, "%s/%s", list->count ? ", " : "", name);
  if (n < 0 || (size_t)n >= list->size - list->used) {
    if (list->size > 5) snprintf(list->text + list->size - 5, 5, " ...");
    return 1; /* full: enough names */
  }
  list->used += (size_t)n;
  list->count++;
  return 0;
}

const char *dsm__dataset_names(hid_t file, char *text, size_t size) {
  name_list list = {text, size, 0, 0};
  snprintf(text, size, "(none)");
  /* H5Ovisit follows hard links only and sees each object once, so loops in the file end. */
  H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, add_name, &list);
  return text;
}

static dsm_status no_such_dataset(const dsm_dataset *d) {
  char names[600];
  DSM_FAIL(DSM_NOT_FOUND, "'%s' has no dataset '%s'; it holds: %s (choose with data.dataset)", d->path,
           d->name, dsm__dataset_names(d->file, names, sizeof names));
}

dsm_status dsm__trust_links(const dsm_dataset *d) {
  dsm_status status = DSM_OK;
  char *path = strdup(d->name);
  if (!path) DSM_FAIL(DSM_NO_MEMORY, "no memory for the name of a dataset");
  /* Cut the path behind each component in turn, and look at the link that ends there. */
  for (char *end = path; *end;) {
    while (*end == '/') end++;
    if (!*end) break;
    end += strcspn(end, "/");
    char cut = *end;
    H5L_info_t info;
    *end = '\0';
    if (H5Lget_info(d->file, path, &info, H5P_DEFAULT) < 0) DSM_TRY_DONE(no_such_dataset(d));
    if (info.type != H5L_TYPE_HARD)
      DSM_FAIL_DONE(DSM_BAD_DATA,
                    "'%s' in '%s' is %s link; dsmpi follows none, as they may lead out of the file: "
                    "name the file and the dataset it points to",
                    path, d->path,
                    info.type == H5L_TYPE_SOFT       ? "a soft"
                    : info.type == H5L_TYPE_EXTERNAL ? "an external"
                                                     : "a user-defined");
    *end = cut;
  }
  hid_t object = H5Oopen(d->file, d->name, H5P_DEFAULT);
  if (object < 0) {
    char why[256];
    DSM_FAIL_DONE(DSM_BAD_DATA, "'%s' in '%s' cannot be opened: %s", d->name, d->path,
                  dsm_hdf5_message(why, sizeof why));
  }
  bool is_dataset = H5Iget_type(object) == H5I_DATASET;
  H5Oclose(object);
  if (!is_dataset) DSM_TRY_DONE(no_such_dataset(d));
done:
  free(path);
  return status;
}

/* ---- samples that are still being made ------------------------------------------------------------------ */

/* The marks of the blocks in a file that this program writes samples to; NULL: the file is of another kind. */
static dsm_status read_marks(const dsm_dataset *d, unsigned char **mark, size_t *count) {
  dsm_status status = DSM_OK;
  hsize_t n = 0;
  hid_t map = -1, space = -1;
  *mark = NULL;
  if (H5Aexists(d->file, "block") <= 0 || H5Aexists(d->file, "checkpoint") <= 0 ||
      H5Lexists(d->file, "complete", H5P_DEFAULT) <= 0)
    return DSM_OK;
  map = H5Dopen2(d->file, "complete", H5P_DEFAULT);
  space = map < 0 ? -1 : H5Dget_space(map);
  if (space >= 0 && H5Sget_simple_extent_ndims(space) == 1) H5Sget_simple_extent_dims(space, &n, NULL);
  if (n == 0 || n > d->file_bytes) goto done;
  DSM_TRY_DONE(DSM_ALLOC((size_t)n, mark));
  *count = (size_t)n;
  if (H5Dread(map, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, *mark) < 0) {
    free(*mark);
    *mark = NULL;
  }
done:
  if (space >= 0) H5Sclose(space);
  if (map >= 0) H5Dclose(map);
  return status;
}

dsm_status dsm__trust_complete(const dsm_dataset *d) {
  unsigned char *mark;
  size_t count = 0, done = 0;
  DSM_TRY(read_marks(d, &mark, &count));
  if (!mark) return DSM_OK;
  for (size_t b = 0; b < count; b++) done += mark[b] != 0;
  free(mark);
  if (done < count)
    DSM_FAIL(
        DSM_BAD_DATA,
        "'%s' is not finished: %zu of its %zu blocks are there, the rest is zeros; the command that began it "
        "goes on with it",
        d->path, done, count);
  return DSM_OK;
}

/* ---- filters ------------------------------------------------------------------------------------------- */

static dsm_status trust_filters(const dsm_dataset *d, hid_t properties, char *text, size_t size) {
  int count = H5Pget_nfilters(properties);
  text[0] = '\0';
  for (int i = 0; i < count; i++) {
    unsigned flags, config;
    size_t values = 0;
    char name[64] = "";
    int id = H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);
    const dsm__filter *known = dsm__filter_known(id);
    /* An unknown number is never offered to HDF5, which would look for a plugin to load. */
    if (!known)
      DSM_FAIL(DSM_BAD_DATA,
               "'%s' in '%s' is stored through filter %d ('%.40s'), which dsmpi does not know; "
               "write it anew without: h5repack -f NONE in.h5 out.h5",
               d->name, d->path, id, name);
    if (H5Zfilter_avail(id) <= 0)
      DSM_FAIL(DSM_BAD_DATA,
               "'%s' in '%s' is compressed with %s (filter %d), which is not installed%s%s; "
               "or unpack it where it can be read: h5repack -f NONE in.h5 out.h5",
               d->name, d->path, known->name, id,
               known->package[0] ? ". On Debian or Ubuntu: apt-get install " : "", known->package);
    dsm_append(text, size, "%s%s", i ? " + " : "", known->name);
  }
  return DSM_OK;
}

/* ---- sizes --------------------------------------------------------------------------------------------- */

static const char *bytes_text(uint64_t bytes, char text[32]) {
  return dsm_bytes((double)bytes, text, 32);
}

static dsm_status trust_contiguous(dsm_dataset *d, uint64_t bytes) {
  char declared[32], there[32];
  haddr_t offset = H5Dget_offset(d->dataset);
  if (offset == HADDR_UNDEF)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' declares %s, but nothing was ever written to it", d->name, d->path,
             bytes_text(bytes, declared));
  if (offset > d->file_bytes || bytes > d->file_bytes - offset)
    DSM_FAIL(DSM_BAD_DATA,
             "'%s' in '%s' declares %s, but only %s of the file are behind its start: the file was cut off",
             d->name, d->path, bytes_text(bytes, declared),
             bytes_text(offset > d->file_bytes ? 0 : d->file_bytes - offset, there));
  d->offset = offset;
  return DSM_OK;
}

/* HDF5 unpacks whole chunks: the file alone would say how much memory every rank needs for a single row. Chunks that
 * stand out of the dataset are usual while it is small, as where rows are to be appended. */
static dsm_status trust_chunk_size(const dsm_dataset *d, bool filtered, uint64_t bytes) {
  uint64_t chunk = d->element.size;
  char chunk_text[32], declared[32];
  for (int a = 0; a < d->rank; a++)
    if (__builtin_mul_overflow(chunk, d->chunk[a], &chunk)) chunk = UINT64_MAX;
  if (chunk > SMALL_CHUNK && chunk > bytes)
    DSM_FAIL(DSM_BAD_DATA,
             "'%s' in '%s' has chunks of %s, more than all its values (%s); write it anew with smaller ones: "
             "h5repack -l CONTI in.h5 out.h5",
             d->name, d->path, bytes_text(chunk, chunk_text), bytes_text(bytes, declared));
  if (chunk > LARGE_CHUNK && filtered)
    DSM_FAIL(
        DSM_BAD_DATA,
        "'%s' in '%s' is packed in chunks of %s, each of which is unpacked whole for a single row; write "
        "it anew: h5repack -f NONE -l CONTI in.h5 out.h5",
        d->name, d->path, bytes_text(chunk, chunk_text));
  return DSM_OK;
}

static dsm_status trust_chunks(dsm_dataset *d, hid_t properties, uint64_t bytes) {
  hsize_t chunk[DSM_MAX_RANK], stored = 0;
  uint64_t expected = 1;
  char declared[32];
  if (H5Pget_chunk(properties, d->rank, chunk) != d->rank)
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has damaged chunk sizes", d->name, d->path);
  for (int a = 0; a < d->rank; a++) {
    if (chunk[a] == 0) DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has damaged chunk sizes", d->name, d->path);
    d->chunk[a] = chunk[a];
    expected *= (d->dims[a] - 1) / chunk[a] + 1; /* no overflow: at most the number of elements */
  }
  DSM_TRY(trust_chunk_size(d, H5Pget_nfilters(properties) > 0, bytes));
  hid_t space = H5Dget_space(d->dataset); /* HDF5 1.10 does not take H5S_ALL here */
  herr_t failed = H5Dget_num_chunks(d->dataset, space, &stored);
  char why[256] = "";
  if (failed < 0) dsm_hdf5_message(why, sizeof why);
  H5Sclose(space);
  if (failed < 0)
    DSM_FAIL(DSM_BAD_DATA, "the chunks of '%s' in '%s' cannot be listed: %s", d->name, d->path, why);
  /* Missing chunks would be read as the fill value: made-up data, and no bound on memory. */
  if (stored < expected)
    DSM_FAIL(
        DSM_BAD_DATA,
        "'%s' in '%s' declares %s in %llu chunks, but only %llu are stored; the others would be read as fill "
        "values. Copy the part that was written to a new file",
        d->name, d->path, bytes_text(bytes, declared), (unsigned long long)expected,
        (unsigned long long)stored);
  return DSM_OK;
}

dsm_status dsm__trust_storage(dsm_dataset *d, hid_t properties, char *filters, size_t size) {
  uint64_t bytes = d->element.size;
  H5D_layout_t layout = H5Pget_layout(properties);
  if (layout == H5D_VIRTUAL)
    DSM_FAIL(
        DSM_BAD_DATA,
        "'%s' in '%s' is a virtual dataset, put together from other files; make it one real dataset with: "
        "h5repack -l CONTI in.h5 out.h5",
        d->name, d->path);
  if (H5Pget_external_count(properties) != 0)
    DSM_FAIL(DSM_BAD_DATA,
             "'%s' in '%s' keeps its values in another file (external storage), which dsmpi does not read; "
             "copy them into one file",
             d->name, d->path);
  for (int a = 0; a < d->rank; a++)
    if (__builtin_mul_overflow(bytes, d->dims[a], &bytes) || bytes > INT64_MAX)
      DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' declares an impossible size: %s", d->name, d->path,
               d->info.file_shape);
  DSM_TRY(trust_filters(d, properties, filters, size));
  switch (layout) {
  case H5D_CONTIGUOUS:
    DSM_TRY(trust_contiguous(d, bytes));
    break;
  case H5D_CHUNKED:
    DSM_TRY(trust_chunks(d, properties, bytes));
    break;
  case H5D_COMPACT:
    break; /* at most 64 kB, inside the header */
  default:
    DSM_FAIL(DSM_BAD_DATA, "'%s' in '%s' has a storage layout that is not known", d->name, d->path);
  }
  return DSM_OK;
}
