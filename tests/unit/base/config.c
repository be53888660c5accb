#include "dsmpi/config.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/schema.h"

static void assert_value(const dsm_config *config, const char *key, const char *expected) {
  char text[2 * DSM_TEXT_MAX];
  assert_int_equal(dsm_config_value(config, key, text, sizeof text), DSM_OK);
  if (strcmp(text, expected) != 0) fail_msg("%s is %s, not %s", key, text, expected);
}

static void parse_ok(const char *yaml, dsm_config *config) {
  dsm_config_defaults(config);
  if (dsm_config_parse("c.yaml", yaml, config) != DSM_OK) fail_msg("%s\nin\n%s", dsm_trail(), yaml);
}

static void defaults_are_those_of_the_documentation(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"data.dataset", "/samples"},
      {"data.normalize", "standardize"},
      {"data.per_channel", "true"},
      {"data.shuffle_window", "256"},
      {"process.name", "ddpm"},
      {"process.steps", "1000"},
      {"process.beta_max", "20.0"},
      {"model.width", "32"},
      {"model.multipliers", "[1, 2, 2]"},
      {"model.attention", "[]"},
      {"objective.prediction", "eps"},
      {"optimizer.lr", "2.0e-4"},
      {"optimizer.eps", "1.0e-8"},
      {"optimizer.ema", "[0.9999]"},
      {"train.batch", "128"},
      {"train.micro_batch", "32"},
      {"train.reduction", "tree"},
      {"train.kernels", "fast"},
      {"train.keep", "3"},
      {"sampler.variance", "large"},
      {"sampler.clip", "\"off\""},
      {"sampler.ema", "-1.0"},
      {"sampler.block", "64"},
  };
  dsm_config config;
  memset(&config, 0xff, sizeof config);
  dsm_config_defaults(&config);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) assert_value(&config, rows[r][0], rows[r][1]);
  assert_int_equal(config.train.steps, 0);
  assert_string_equal(config.data.file, "");
  assert_int_equal(dsm_config_value(&config, "train.nothing", (char[8]){0}, 8), DSM_BAD_CONFIG);
}

static void values_are_read_in_every_spelling_people_use(void **state) {
  (void)state;
  static const char *const rows[][3] = {
      {"train: {steps: 60000}", "train.steps", "60000"},
      {"train: {steps: +5}", "train.steps", "5"},
      {"train: {seed: 9223372036854775807}", "train.seed", "9223372036854775807"},
      {"optimizer: {lr: 1e-4}", "optimizer.lr", "1.0e-4"},
      {"optimizer: {lr: .5}", "optimizer.lr", "0.5"},
      {"optimizer: {lr: 1.}", "optimizer.lr", "1.0"},
      {"optimizer: {lr: 3}", "optimizer.lr", "3.0"},
      {"optimizer: {lr: 1E+10}", "optimizer.lr", "1.0e+10"},
      {"data: {per_channel: No}", "data.per_channel", "false"},
      {"data: {per_channel: off}", "data.per_channel", "false"},
      {"data: {per_channel: yes}", "data.per_channel", "true"},
      {"data: {per_channel: TRUE}", "data.per_channel", "true"},
      {"model: {multipliers: 4}", "model.multipliers", "[4]"},
      {"model:\n  multipliers:\n    - 1\n    - 3\n", "model.multipliers", "[1, 3]"},
      {"model: {attention: [16, 8]}", "model.attention", "[16, 8]"},
      {"optimizer: {ema: 0.999}", "optimizer.ema", "[0.999]"},
      {"optimizer: {ema: []}", "optimizer.ema", "[]"},
      {"sampler: {clip: off}", "sampler.clip", "\"off\""},
      {"sampler: {clip: \"data\"}", "sampler.clip", "data"},
      {"data: {file: a b.h5}", "data.file", "\"a b.h5\""},
      {"data: {file: 'x'}", "data.file", "x"},
      {"data: {axes: N C H W}", "data.axes", "\"N C H W\""},
      {"data: {rows: \"0:1000\"}", "data.rows", "\"0:1000\""},
      {"data: {rows: 0:1000}", "data.rows", "\"0:1000\""},
      {"data: {axes: \"\"}", "data.axes", "\"\""},
      {"# nothing but a comment\n", "train.batch", "128"},
      {"", "train.batch", "128"},
      {"---\ntrain: {batch: 8}\n...\n", "train.batch", "8"},
      {"%YAML 1.1\n---\ntrain: {batch: 8}\n", "train.batch", "8"},
      {"train:\n#  batch: 8\n", "train.batch", "128"},
      {"\xef\xbb\xbftrain: {batch: 8}\n", "train.batch", "8"},      /* byte order mark */
      {"train:\r\n  batch: 8\r\n  seed: 3\r\n", "train.seed", "3"}, /* written on Windows */
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    dsm_config config;
    parse_ok(rows[r][0], &config);
    assert_value(&config, rows[r][1], rows[r][2]);
  }
}

static void overrides_change_one_key_each(void **state) {
  (void)state;
  static const char *const rows[][3] = {
      {"train.batch=64", "train.batch", "64"},
      {"train.batch= 64", "train.batch", "64"},
      {"model.multipliers=[1,2,4]", "model.multipliers", "[1, 2, 4]"},
      {"model.attention=", "model.attention", NULL},
      {"data.file=/a/b=c.h5", "data.file", "\"/a/b=c.h5\""},
      {"data.rows=-100:", "data.rows", NULL},
      {"data.rows=\"-100:\"", "data.rows", "\"-100:\""},
      {"data.rows=0:100", "data.rows", "\"0:100\""},
      {"data.axes=", "data.axes", "\"\""},
      {"sampler.name=ddim", "sampler.name", "ddim"},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    dsm_config config, before;
    parse_ok("data: {axes: N C}", &config);
    before = config;
    if (!rows[r][2]) {
      assert_int_equal(dsm_config_override(rows[r][0], 1, &config), DSM_BAD_CONFIG);
      continue;
    }
    assert_int_equal(dsm_config_override(rows[r][0], 1, &config), DSM_OK);
    assert_value(&config, rows[r][1], rows[r][2]);
    for (size_t i = 0; i < dsm__schema_count; i++) {
      if (strcmp(dsm__schema[i].key, rows[r][1]) == 0) continue;
      size_t offset = dsm__schema[i].offset;
      assert_memory_equal((char *)&config + offset, (char *)&before + offset, dsm__schema[i].size);
    }
  }
}

static void assert_round_trip(const dsm_config *config) {
  char *text = NULL, *again = NULL;
  dsm_config back;
  assert_int_equal(dsm_config_text(config, &text), DSM_OK);
  parse_ok(text, &back);
  if (memcmp(&back, config, sizeof back) != 0) {
    dsm_config_text(&back, &again);
    fail_msg("wrote\n%s\nread\n%s", text, again);
  }
  free(text);
}

static void text_of_a_configuration_reads_back_byte_for_byte(void **state) {
  (void)state;
  dsm_config config;
  dsm_config_defaults(&config);
  assert_round_trip(&config); /* required keys not set yet */
  static const char *const texts[] = {
      "a.h5",
      "/scratch/u/a.h5",
      "./a.h5",
      "../x y.h5",
      "yes",
      "Null",
      "1.5",
      "1e5",
      "- a",
      "a: b",
      "a #b",
      "#a",
      "'",
      "\"",
      "back\\slash",
      "tab\there",
      "line\nbreak",
      "caf\xc3\xa9.h5",
      "\x7f\x01",
      " lead",
      "trail ",
      "*a",
      "&a",
      "!t",
      "[a",
      "{a",
      "%d",
      "@a",
      "`a",
      "|",
      ">",
      "?",
      "0:1000",
      "12:30:45",
      "2026-01-31",
      "~",
      ".inf",
      "=",
      "<<",
      "a,b",
      "on",
      "a\xe2\x80\xa8 b",
      "\xc2\x85",
      "\xef\xbb\xbf",
      "\xf0\x9f\x8c\x8a.h5",
  };
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
    memset(config.data.file, 0, sizeof config.data.file);
    strcpy(config.data.file, texts[t]);
    assert_round_trip(&config);
  }
  config.train.steps = INT64_MAX;
  config.data.per_channel = false;
  config.model.attention = (dsm_int_list){.count = DSM_LIST_MAX};
  for (int i = 0; i < DSM_LIST_MAX; i++) config.model.attention.value[i] = i + 1;
  config.optimizer.ema = (dsm_real_list){.count = 0};
  config.process.betas.count = DSM_BETAS_MAX;
  for (int i = 0; i < DSM_BETAS_MAX; i++) config.process.betas.value[i] = (i + 1) / 4097.0;
  assert_round_trip(&config);
}

static void every_word_reads_back(void **state) {
  (void)state;
  dsm_config config;
  dsm_config_defaults(&config);
  for (size_t i = 0; i < dsm__schema_count; i++) {
    const dsm__setting *s = &dsm__schema[i];
    for (int w = 0; s->kind == DSM__WORD && s->words[w]; w++) {
      *(int *)((char *)&config + s->offset) = w;
      assert_round_trip(&config);
      assert_string_equal(dsm_config_word(s->key, w), s->words[w]);
    }
  }
  assert_string_equal(dsm_config_word("objective.prediction", DSM_PREDICT_V), "v");
  assert_string_equal(dsm_config_word("objective.prediction", 99), "?");
  assert_string_equal(dsm_config_word("objective.prediction", -1), "?");
  assert_string_equal(dsm_config_word("train.batch", 0), "?");
  assert_string_equal(dsm_config_word("no.key", 0), "?");
}

/* What PyYAML's resolver, made for YAML 1.1, takes for a float: [-+]?[0-9]+\.[0-9]*([eE][-+][0-9]+)? */
static bool is_yaml_1_1_float(const char *p) {
  p += *p == '-';
  size_t digits = strspn(p, "0123456789");
  if (digits == 0 || p[digits] != '.') return false;
  p += digits + 1;
  digits = strspn(p, "0123456789");
  if (digits == 0) return false;
  p += digits;
  if (*p == '\0') return true;
  if (p[0] != 'e' || (p[1] != '-' && p[1] != '+')) return false;
  p += 2;
  return *p && p[strspn(p, "0123456789")] == '\0';
}

static void numbers_read_back_to_the_bit_and_as_numbers_in_yaml_1_1(void **state) {
  (void)state;
  static const double values[] = {1e-4,
                                  0.1,
                                  1.0 / 3,
                                  2e-4,
                                  0.9999,
                                  1e22,
                                  1.7976931348623157e308,
                                  5e-324,
                                  123456,
                                  1e6,
                                  1e7,
                                  9999999.5,
                                  0.001,
                                  0.0009999,
                                  2.2250738585072014e-308,
                                  1.5,
                                  0.30000000000000004,
                                  1234567.875,
                                  100,
                                  20};
  dsm_config config, back;
  char text[64];
  for (size_t v = 0; v < sizeof values / sizeof *values; v++)
    for (int nudge = 0; nudge < 3; nudge++) {
      union {
        double value;
        uint64_t bits;
      } x = {values[v]};
      if (nudge == 1) x.bits++;
      if (nudge == 2) x.bits--;
      if (!(x.value > 0 && x.value <= 1.7976931348623157e308)) continue;
      dsm_config_defaults(&config);
      config.optimizer.lr = x.value;
      assert_round_trip(&config);
      assert_int_equal(dsm_config_value(&config, "optimizer.lr", text, sizeof text), DSM_OK);
      if (!is_yaml_1_1_float(text)) fail_msg("%s", text);
    }
  parse_ok("optimizer: {lr: 0.30000000000000004}", &back);
  assert_value(&back, "optimizer.lr", "0.30000000000000004");
  parse_ok("optimizer: {lr: 0.3}", &back);
  assert_value(&back, "optimizer.lr", "0.3"); /* the shortest, not 0.29999999999999999 */
}

static void every_key_has_a_row_and_every_row_its_own_field(void **state) {
  (void)state;
  static char covered[sizeof(dsm_config)];
  for (size_t i = 0; i < dsm__schema_count; i++) {
    const dsm__setting *s = &dsm__schema[i];
    assert_ptr_equal(dsm__schema_find(s->key), s);
    size_t size = s->kind == DSM__BOOL                                            ? sizeof(bool)
                  : s->kind == DSM__INT                                           ? sizeof(int64_t)
                  : s->kind == DSM__REAL                                          ? sizeof(double)
                  : s->kind == DSM__WORD                                          ? sizeof(int)
                  : s->kind == DSM__INT_LIST                                      ? sizeof(dsm_int_list)
                  : s->kind == DSM__REAL_LIST && s->size != sizeof(dsm_beta_list) ? sizeof(dsm_real_list)
                                                                                  : s->size;
    assert_int_equal(s->size, size);
    for (size_t b = 0; b < s->size; b++) assert_int_equal(covered[s->offset + b]++, 0);
    bool known = false;
    for (int k = 0; dsm__sections[k]; k++) known |= dsm__in_section(s, dsm__sections[k]);
    assert_true(known);
    assert_int_equal(s->sentence[strlen(s->sentence) - 1], '.');
  }
  size_t gap = 0;
  for (size_t b = 0; b < sizeof covered; b++) {
    gap = covered[b] ? 0 : gap + 1;
    assert_true(gap < 8); /* padding at most, no forgotten number or list */
  }
}

static void differences_name_fixed_keys_only(void **state) {
  (void)state;
  dsm_config was, is;
  char text[500];
  parse_ok("", &was);
  parse_ok("optimizer: {lr: 1.0, ema: [0.5]}\ntrain: {steps: 7, log_every: 9, batch: 64}\nmodel: "
           "{multipliers: [1]}\n"
           "data: {file: moved.h5}",
           &is);
  assert_int_equal(dsm_config_difference(&was, &is, text, sizeof text), 3);
  assert_string_equal(text, "model.multipliers: was [1, 2, 2], is [1]\n"
                            "optimizer.ema: was [0.9999], is [0.5]\n"
                            "train.batch: was 128, is 64");
  assert_int_equal(dsm_config_difference(&was, &was, text, sizeof text), 0);
  assert_string_equal(text, "");
  assert_int_equal(dsm_config_difference(&was, &is, text, 10), 3);
  assert_string_equal(text, "model.mul");
  assert_int_equal(dsm_config_difference(&was, &is, NULL, 0), 3);
}

static void help_fits_a_terminal_and_names_every_key(void **state) {
  (void)state;
  char *text;
  assert_int_equal(dsm_config_help(NULL, &text), DSM_OK);
  for (size_t i = 0; i < dsm__schema_count; i++) assert_non_null(strstr(text, dsm__schema[i].key));
  for (const char *line = text, *end; *line; line = end + 1) {
    end = strchr(line, '\n');
    assert_non_null(end);
    if (end - line > 80) fail_msg("%d columns: %.*s", (int)(end - line), (int)(end - line), line);
    if (end > line) assert_int_not_equal(end[-1], ' ');
  }
  free(text);
  assert_int_equal(dsm_config_help("model", &text), DSM_OK);
  assert_non_null(strstr(text, "model.width: an integer, 1 to 65536; default 32\n"));
  assert_null(strstr(text, "train."));
  free(text);
  assert_int_equal(dsm_config_help("modle", &text), DSM_BAD_CONFIG);
  assert_null(text);
  assert_string_equal(dsm_trail_message(), "there is no section 'modle'; did you mean 'model'?");
}

static void a_file_is_read_like_its_text(void **state) {
  (void)state;
  char path[] = "/tmp/dsmpi-config-XXXXXX";
  dsm_config config;
  int file = mkstemp(path);
  static const char yaml[] = "train:\n  batch: 64\n";
  assert_true(file >= 0);
  assert_int_equal(write(file, yaml, sizeof yaml - 1), sizeof yaml - 1);
  close(file);
  dsm_config_defaults(&config);
  assert_int_equal(dsm_config_read(path, &config), DSM_OK);
  assert_int_equal(config.train.batch, 64);
  unlink(path);
}

static void a_second_file_replaces_the_keys_that_it_has(void **state) {
  (void)state;
  dsm_config config, before;
  parse_ok("train: {batch: 64, seed: 3}\nmodel: {multipliers: [1, 2, 4]}\noptimizer: {ema: [0.9, 0.99]}",
           &config);
  assert_int_equal(
      dsm_config_parse("second.yaml", "train: {batch: 32}\nmodel: {multipliers: [1]}\nsampler:\n", &config),
      DSM_OK);
  assert_value(&config, "train.batch", "32");
  assert_value(&config, "train.seed", "3");
  assert_value(&config, "model.multipliers", "[1]"); /* lists as a whole */
  assert_value(&config, "optimizer.ema", "[0.9, 0.99]");
  assert_round_trip(&config); /* nothing of the longer list is left behind the shorter one */

  before = config;
  assert_int_equal(dsm_config_parse("third.yaml", "train: {seed: 4}\nmodel: {widht: 8}", &config),
                   DSM_BAD_CONFIG);
  assert_string_equal(dsm_trail_message(),
                      "third.yaml:2:9: unknown key 'model.widht'; did you mean 'model.width'?");
  assert_memory_equal(&config, &before, sizeof config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_those_of_the_documentation),
      cmocka_unit_test(values_are_read_in_every_spelling_people_use),
      cmocka_unit_test(overrides_change_one_key_each),
      cmocka_unit_test(text_of_a_configuration_reads_back_byte_for_byte),
      cmocka_unit_test(every_word_reads_back),
      cmocka_unit_test(numbers_read_back_to_the_bit_and_as_numbers_in_yaml_1_1),
      cmocka_unit_test(every_key_has_a_row_and_every_row_its_own_field),
      cmocka_unit_test(differences_name_fixed_keys_only),
      cmocka_unit_test(help_fits_a_terminal_and_names_every_key),
      cmocka_unit_test(a_file_is_read_like_its_text),
      cmocka_unit_test(a_second_file_replaces_the_keys_that_it_has),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
