/* Every mistake in a configuration is answered with its place and with what to write instead. */
#include "dsmpi/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const struct {
  const char *yaml, *message;
} file_rows[] = {
    /* unknown names */
    {"train:\n  epochs: 5\n", "c.yaml:2:3: unknown key 'train.epochs'; did you mean 'train.steps'?"},
    {"train:\n  bacth: 5\n", "c.yaml:2:3: unknown key 'train.bacth'; did you mean 'train.batch'?"},
    {"train:\n  learning_rate: 5\n",
     "c.yaml:2:3: unknown key 'train.learning_rate'; did you mean 'optimizer.lr'?"},
    {"sampler:\n  batch_size: 5\n",
     "c.yaml:2:3: unknown key 'sampler.batch_size'; did you mean 'sampler.block'?"},
    {"model:\n  zzzzzz: 5\n", "c.yaml:2:3: unknown key 'model.zzzzzz'; dsmpi train --help lists the keys"},
    {"trian:\n  batch: 64\n", "c.yaml:1:1: unknown section 'trian'; did you mean 'train'?"},
    {"batch_size: 64\n", "c.yaml:1:1: unknown section 'batch_size'; did you mean the key 'train.batch'?"},
    {"train.batch: 64\n",
     "c.yaml:1:1: unknown section 'train.batch'; write 'batch:' indented below 'train:'"},
    {"wandb: {}\n",
     "c.yaml:1:1: unknown section 'wandb'; known: data, process, model, objective, optimizer, train, "
     "sampler"},
    {"process:\n  name: dpm\n",
     "c.yaml:2:9: process.name: unknown word 'dpm'; did you mean 'ddpm'? (known: ddpm, vp, "
     "ve, subvp, smld, edm, flow, single)"},
    {"process: {name: brownian}\n",
     "c.yaml:1:17: process.name: unknown word 'brownian'; known: ddpm, vp, ve, subvp, smld, edm, flow, single"},
    /* wrong kinds */
    {"train:\n  batch: many\n", "c.yaml:2:10: train.batch: expected an integer, got 'many'"},
    {"train: {batch: 1e2}", "c.yaml:1:16: train.batch: expected an integer, got '1e2'; write 100"},
    {"train: {batch: 64.5}", "c.yaml:1:16: train.batch: expected an integer, got '64.5'"},
    {"train: {batch: 1_000}", "c.yaml:1:16: train.batch: expected an integer, got '1_000'"},
    {"train: {batch: 0x40}", "c.yaml:1:16: train.batch: expected an integer, got '0x40'"},
    {"train: {batch: 0100}", "c.yaml:1:16: train.batch: expected an integer, got '0100'; write 100"},
    {"train: {seed: 99999999999999999999}",
     "c.yaml:1:15: train.seed: expected an integer, got '99999999999999999999'"},
    {"train: {batch: \"64\"}",
     "c.yaml:1:16: train.batch: expected an integer, got the text \"64\"; leave out the "
     "quotes"},
    {"train: {batch: [64]}", "c.yaml:1:16: train.batch: expected an integer, got a list"},
    {"train: {batch: {a: 1}}", "c.yaml:1:16: train.batch: expected an integer, got a mapping"},
    {"train:\n  batch:\n  seed: 1\n", "c.yaml:2:9: train.batch: has no value; expected an integer"},
    {"data: {axes: ~}", "c.yaml:1:14: data.axes: has no value; expected a text (\"\" for an empty one)"},
    {"model: {attention: null}",
     "c.yaml:1:20: model.attention: has no value; expected a list of integers ([] for an "
     "empty one)"},
    {"data: {per_channel: maybe}", "c.yaml:1:21: data.per_channel: expected true or false, got 'maybe'"},
    {"optimizer: {lr: fast}", "c.yaml:1:17: optimizer.lr: expected a number, got 'fast'"},
    {"optimizer: {lr: nan}", "c.yaml:1:17: optimizer.lr: expected a number, got 'nan'"},
    {"optimizer: {lr: 1e999}", "c.yaml:1:17: optimizer.lr: expected a number, got '1e999'"},
    {"optimizer: {lr: 1.0.0}", "c.yaml:1:17: optimizer.lr: expected a number, got '1.0.0'"},
    {"model: {multipliers: [1, two]}", "c.yaml:1:26: model.multipliers: expected an integer, got 'two'"},
    {"model: {multipliers: [1, [2]]}", "c.yaml:1:26: model.multipliers: expected an integer, got a list"},
    {"data: {file: [a.h5]}", "c.yaml:1:14: data.file: expected a text, got a list"},
    /* out of range */
    {"train: {micro_batch: 2}", "c.yaml:1:22: train.micro_batch: 2 is out of range; allowed: 4 to 1048576"},
    {"train: {seed: -1}", "c.yaml:1:15: train.seed: -1 is out of range; allowed: 0 or more"},
    {"optimizer: {lr: 0}", "c.yaml:1:17: optimizer.lr: 0 is out of range; allowed: above 0"},
    {"model: {dropout: 1}", "c.yaml:1:18: model.dropout: 1 is out of range; allowed: 0 or more, below 1"},
    {"optimizer: {ema: [0.9, 1.0]}",
     "c.yaml:1:24: optimizer.ema: 1.0 is out of range; allowed: above 0, below 1"},
    {"model: {multipliers: []}", "c.yaml:1:22: model.multipliers: has 0 values; it needs 1 to 16"},
    {"model: {attention: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
     "c.yaml:1:20: model.attention: has 17 values; it can have 16 at most"},
    {"data: {dataset: \"\"}", "c.yaml:1:17: data.dataset: must not be empty"},
    {"data: {axes: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
     "c.yaml:1:14: data.axes: 69 bytes are too long; at most 63 fit"},
    /* given twice */
    {"train:\n  seed: 1\n  batch: 64\n  seed: 2\n",
     "c.yaml:4:3: duplicate key 'train.seed'; first given on line 2"},
    {"train:\n  seed: 1\nmodel: {}\ntrain:\n  batch: 8\n",
     "c.yaml:4:1: duplicate section 'train'; first given on "
     "line 1"},
    /* not the expected form */
    {"train: 5\n", "c.yaml:1:8: section 'train' must hold lines 'key: value', got a single value"},
    {"train: [5]\n", "c.yaml:1:8: section 'train' must hold lines 'key: value', got a list"},
    {"- train\n", "c.yaml:1:1: expected sections such as 'train:', got a list"},
    {"hello\n", "c.yaml:1:1: expected sections such as 'train:', got a single value"},
    {"[a]: 5\n", "c.yaml:1:1: expected the name of a section, got a list"},
    {"train: {[a]: 5}\n", "c.yaml:1:9: expected the name of a key of 'train', got a list"},
    {"train: &t {seed: &s 1, batch: *s}\n",
     "c.yaml:1:24: 'train.batch' is given by an alias (*); write the value out"},
    {"train: &t {seed: 1}\nmodel: *t\n", "c.yaml:2:1: 'model' is given by an alias (*); write the value out"},
    {"&t {train: *t}\n", "c.yaml:1:5: 'train' is given by an alias (*); write the value out"},
    {"train: {seed: *s}\n", "c.yaml:1:15: found undefined alias"},
    {"train: {seed: 1}\n---\ntrain: {seed: 2}\n",
     "c.yaml:3:1: a second document begins here (after '---'); a "
     "configuration is one"},
    /* not YAML */
    {"train:\n\tseed: 1\n", "c.yaml:2:1: the line is indented with a tab; YAML wants spaces"},
    {"train:\n  seed: 1\n \tbatch: 8\n", "c.yaml:3:2: the line is indented with a tab; YAML wants spaces"},
    {"train: {seed: 1\n",
     "c.yaml:2:1: did not find expected ',' or '}' (while parsing a flow mapping that starts on "
     "line 1)"},
    {"train:\n  seed: 1\n batch: 2\n",
     "c.yaml:3:2: did not find expected key (while parsing a block mapping that starts "
     "on line 1)"},
    {"train:\n  seed: a: b\n", "c.yaml:2:10: mapping values are not allowed in this context"},
    {"train:\n  seed: \xff\n", "c.yaml:2:9: invalid leading UTF-8 octet; a configuration is a text in UTF-8"},
    {"\x89HDF\r\n", "c.yaml:1:1: invalid leading UTF-8 octet; a configuration is a text in UTF-8"},
    {"train: \x01\n", "c.yaml:1:8: control characters are not allowed; a configuration is a text in UTF-8"},
    /* several at once, in the order of the file */
    {"train:\n  batch: x\n  sed: 1\nmodle: {}\nmodel:\n  multipliers: [a, 2, b]\n",
     "c.yaml:2:10: train.batch: expected an integer, got 'x'\n"
     "c.yaml:3:3: unknown key 'train.sed'; did you mean 'train.seed'?\n"
     "c.yaml:4:1: unknown section 'modle'; did you mean 'model'?\n"
     "c.yaml:6:17: model.multipliers: expected an integer, got 'a'\n"
     "c.yaml:6:23: model.multipliers: expected an integer, got 'b'"},
};

static void every_mistake_in_a_file_is_named_with_its_place(void **state) {
  (void)state;
  for (size_t r = 0; r < sizeof file_rows / sizeof *file_rows; r++) {
    dsm_config config, before;
    dsm_config_defaults(&config);
    before = config;
    dsm_status status = dsm_config_parse("c.yaml", file_rows[r].yaml, &config);
    if (status != DSM_BAD_CONFIG) fail_msg("accepted:\n%s", file_rows[r].yaml);
    assert_string_equal(dsm_trail_message(), file_rows[r].message);
    assert_memory_equal(&config, &before, sizeof config); /* all or nothing */
  }
}

static const struct {
  const char *assignment, *message;
} override_rows[] = {
    {"train.epoch=5", "command line override 1: unknown key 'train.epoch'; did you mean 'train.steps'?"},
    {"batch=5", "command line override 1: unknown key 'batch'; did you mean 'train.batch'?"},
    {"lr=1e-3", "command line override 1: unknown key 'lr'; did you mean 'optimizer.lr'?"},
    {"optimiser.lr=1e-3",
     "command line override 1: unknown key 'optimiser.lr'; did you mean 'optimizer.lr'?"},
    {"qqqqq.wwwww=1",
     "command line override 1: unknown key 'qqqqq.wwwww'; dsmpi train --help lists the keys"},
    {"train=1", "command line override 1: unknown key 'train'; dsmpi train --help lists the keys"},
    {"train.batch", "command line override 1: expected section.key=value, got 'train.batch'"},
    {"=5", "command line override 1: expected section.key=value, got '=5'"},
    {"", "command line override 1: expected section.key=value, got ''"},
    {"train.batch=", "command line override 1: train.batch: has no value; expected an integer"},
    {"train.batch=3", "command line override 1: train.batch: 3 is out of range; allowed: 4 to 1073741824"},
    {"train.batch=8 9", "command line override 1: train.batch: expected an integer, got '8 9'"},
    {"data.file=", "command line override 1: data.file: must not be empty"},
    {"data.file=a: b",
     "command line override 1: data.file: expected a text, got a mapping; a text with a colon needs "
     "quotes"},
    {"model.multipliers=[1, 2",
     "command line override 1: did not find expected ',' or ']' (while parsing a flow "
     "sequence that starts on line 1)"},
    {"train.reduction=tre",
     "command line override 1: train.reduction: unknown word 'tre'; did you mean 'tree'? (known: "
     "tree, fast)"},
};

static void every_mistake_in_an_override_is_named(void **state) {
  (void)state;
  for (size_t r = 0; r < sizeof override_rows / sizeof *override_rows; r++) {
    dsm_config config, before;
    dsm_config_defaults(&config);
    before = config;
    assert_int_equal(dsm_config_override(override_rows[r].assignment, 1, &config), DSM_BAD_CONFIG);
    assert_string_equal(dsm_trail_message(), override_rows[r].message);
    assert_memory_equal(&config, &before, sizeof config);
  }
}

/* Overrides applied to a configuration that is valid without them, and what dsm_config_check says then. */
static const struct {
  const char *overrides[3], *message;
} check_rows[] = {
    {{"train.batch=100"}, "train.micro_batch = 32 does not divide train.batch = 100; 25 or 50 would"},
    {{"train.batch=13", "train.micro_batch=5"},
     "train.micro_batch = 5 does not divide train.batch = 13; 13 would"},
    {{"train.batch=16"}, "train.micro_batch = 32 is more than train.batch = 16; it can be at most that"},
    {{"optimizer.warmup=1000"}, "optimizer.warmup = 1000 must be below train.steps = 1000"},
    {{"process.name=vp", "process.beta_min=30"}, "process.beta_min = 30 must be below process.beta_max = 20"},
    {{"process.name=ve", "process.sigma_min=50"},
     "process.sigma_min = 50 must be below process.sigma_max = 50"},
    {{"process.name=edm", "process.sigma_min=60"},
     "process.sigma_min = 60 must be below process.sigma_max = 50"},
    {{"process.name=smld", "process.steps=10", "sampler.steps=11"},
     "sampler.steps = 11 is more than process.steps = 10; a smld process has no more levels"},
    {{"process.schedule=list", "process.betas=[0.1, 0.2]", "process.steps=3"},
     "process.betas has 2 numbers, but process.steps = 3; there must be one a step"},
    {{"process.betas=[0.1, 0.2]"},
     "process.betas is given, but not used: that takes process.name = ddpm and process.schedule = list"},
    {{"sampler.steps=2000"},
     "sampler.steps = 2000 is more than process.steps = 1000; a ddpm process has no more levels"},
    {{"optimizer.ema=[0.9, 0.9]"}, "optimizer.ema has the rate 0.9 twice"},
    {{"sampler.ema=0.5"},
     "sampler.ema = 0.5 is not one of optimizer.ema = [0.9999]; take one of these, or -1 (the first of them) "
     "or "
     "0 (none)"},
    {{"optimizer.ema=[]"},
     "sampler.ema = -1, but optimizer.ema is empty; sampler.ema = 0 takes the parameters "
     "themselves"},
};

static void valid(dsm_config *config) {
  dsm_config_defaults(config);
  assert_int_equal(dsm_config_parse("c", "data: {file: a.h5}\ntrain: {steps: 1000}", config), DSM_OK);
  assert_int_equal(dsm_config_check(config), DSM_OK);
}

static void keys_that_contradict_each_other_are_named_with_their_values(void **state) {
  (void)state;
  for (size_t r = 0; r < sizeof check_rows / sizeof *check_rows; r++) {
    dsm_config config;
    valid(&config);
    for (int o = 0; o < 3 && check_rows[r].overrides[o]; o++)
      assert_int_equal(dsm_config_override(check_rows[r].overrides[o], o + 1, &config), DSM_OK);
    assert_int_equal(dsm_config_check(&config), DSM_BAD_CONFIG);
    assert_string_equal(dsm_trail_message(), check_rows[r].message);
  }
}

static void contradictions_that_do_not_matter_are_let_pass(void **state) {
  (void)state;
  static const char *const overrides[] = {"process.beta_min=30", "process.sigma_min=99", "sampler.ema=0.9999",
                                          "optimizer.warmup=999"};
  dsm_config config;
  valid(&config);
  for (int o = 0; o < 4; o++) assert_int_equal(dsm_config_override(overrides[o], o + 1, &config), DSM_OK);
  assert_int_equal(dsm_config_check(&config), DSM_OK);
}

static void required_keys_must_be_set(void **state) {
  (void)state;
  dsm_config config;
  dsm_config_defaults(&config);
  assert_int_equal(dsm_config_check(&config), DSM_BAD_CONFIG);
  assert_string_equal(
      dsm_trail_message(),
      "data.file is not set; name the HDF5 file with the training data, in the configuration or as "
      "data.file=PATH\n"
      "train.steps is not set; say how long to train, in the configuration or as train.steps=N");
}

static void values_set_by_a_program_are_checked_too(void **state) {
  (void)state;
  dsm_config config;
  valid(&config);
  config.train.micro_batch = 2;
  config.process.name = 17;
  config.model.multipliers.count = 0;
  config.optimizer.lr = -1;
  assert_int_equal(dsm_config_check(&config), DSM_BAD_CONFIG);
  assert_string_equal(dsm_trail_message(), "process.name: has the unknown value 17\n"
                                           "model.multipliers: has 0 values; it needs 1 to 16\n"
                                           "optimizer.lr: -1 is out of range; allowed: above 0\n"
                                           "train.micro_batch: 2 is out of range; allowed: 4 to 1048576");
}

static void files_that_cannot_be_read_are_named(void **state) {
  (void)state;
  dsm_config config;
  dsm_config_defaults(&config);
  assert_int_equal(dsm_config_read("/no/such/c.yaml", &config), DSM_NOT_FOUND);
  assert_string_equal(dsm_trail_message(),
                      "cannot open the configuration /no/such/c.yaml: No such file or directory");
  assert_int_equal(dsm_config_read("/tmp", &config), DSM_NOT_FOUND);
  assert_string_equal(dsm_trail_message(), "cannot read the configuration /tmp: Is a directory");
  assert_int_equal(dsm_config_read("/dev/zero", &config), DSM_BAD_CONFIG);
  assert_string_equal(dsm_trail_message(),
                      "/dev/zero has more than 1048576 bytes; is it really a configuration?");
}

static void a_flood_of_mistakes_is_cut_with_their_number(void **state) {
  (void)state;
  static char yaml[20000];
  dsm_config config;
  dsm_config_defaults(&config);
  strcpy(yaml, "train:\n");
  for (int i = 0; i < 1000; i++) sprintf(yaml + strlen(yaml), "  q%dqqqq: 1\n", i);
  assert_int_equal(dsm_config_parse("c.yaml", yaml, &config), DSM_BAD_CONFIG);
  const char *last = strrchr(dsm_trail_message(), '\n');
  assert_non_null(last);
  assert_string_equal(last, "\nand 960 more");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_mistake_in_a_file_is_named_with_its_place),
      cmocka_unit_test(every_mistake_in_an_override_is_named),
      cmocka_unit_test(keys_that_contradict_each_other_are_named_with_their_values),
      cmocka_unit_test(contradictions_that_do_not_matter_are_let_pass),
      cmocka_unit_test(required_keys_must_be_set),
      cmocka_unit_test(values_set_by_a_program_are_checked_too),
      cmocka_unit_test(files_that_cannot_be_read_are_named),
      cmocka_unit_test(a_flood_of_mistakes_is_cut_with_their_number),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
