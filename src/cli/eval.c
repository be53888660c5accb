/* dsmpi eval */
#include "cli.h"

#include <stdlib.h>
#include "dsmpi/eval.h"

enum {
  REFERENCE,
  METRICS,
  JSON,
  AXES,
  ROWS,
  REFERENCE_AXES,
  REFERENCE_ROWS,
  FEATURES,
  REFERENCE_FEATURES,
  PROBABILITIES,
  REFERENCE_PROBABILITIES,
  CLASSIFIER,
  SPLITS,
  LAYERS,
  THRESHOLD,
  SUBSAMPLE,
  SUBSET,
  DIRECTIONS,
  BINS,
  NEIGHBOURS,
  COMPONENTS,
  STEPS,
  SEED,
  OPTION_COUNT
};

static const dsm_option options[OPTION_COUNT] = {
    [REFERENCE] = {"reference", 0, true, "FILE[:/DATASET]", "data that the samples should be like"},
    [METRICS] = {"metrics", 0, false, "LIST", "METRIC[@SPACE],...; default: those that suit and are cheap"},
    [JSON] = {"json", 0, false, "FILE", "write everything there too, with curves and single channels"},
    [AXES] = {"axes", 0, false, "AXES", "meaning of the axes, such as \"N C H W\""},
    [ROWS] = {"rows", 0, false, "A:B", "samples A to B-1 only"},
    [REFERENCE_AXES] = {"reference-axes", 0, false, "AXES", "of the reference; default: --axes"},
    [REFERENCE_ROWS] = {"reference-rows", 0, false, "A:B", "rows A to B-1 of the reference only"},
    [CLASSIFIER] = {"classifier", 0, false, "RUN|CHECKPOINT",
                    "makes features and probabilities of both sides"},
    [FEATURES] = {"features", 0, false, "FILE:/DATASET", "(N, k) made of the samples by any network"},
    [REFERENCE_FEATURES] = {"reference-features", 0, false, "FILE:/DATASET", "the same of the reference"},
    [PROBABILITIES] = {"probabilities", 0, false, "FILE:/DATASET", "(N, classes) of the samples"},
    [REFERENCE_PROBABILITIES] = {"reference-probabilities", 0, false, "FILE:/DATASET", "of the reference"},
    [SPLITS] = {"splits", 0, false, "K", "inception: parts to average over; default 10"},
    [LAYERS] = {"layers", 0, false, "LAYOUT", "showers: voxels of each layer, 8,16,19, or 45 equal ones"},
    [THRESHOLD] = {"threshold", 0, false, "E", "showers: a voxel above it is hit; default 0"},
    [SUBSAMPLE] = {"subsample", 0, false, "N", "rows drawn for metrics of pairs of rows; default 5000"},
    [SUBSET] = {"subset", 0, false, "N", "kernel: rows of a subset; default 1000"},
    [DIRECTIONS] = {"directions", 0, false, "K", "sliced: random directions; default 128"},
    [BINS] = {"bins", 0, false, "K", "separation: bins of a histogram; default 50"},
    [NEIGHBOURS] = {"neighbours", 0, false, "K", "precision_recall: reach of the balls; default 3"},
    [COMPONENTS] = {"components", 0, false, "K", "space pca: principal axes; default 64"},
    [STEPS] = {"steps", 0, false, "K", "c2st: steps of training; default 400"},
    [SEED] = {"seed", 0, false, "S", "of rows drawn, directions, c2st; default 0"},
};

/* A dataset that an option names, if it was given; `place` keeps the names. */
static dsm_status input(const dsm_arguments *arguments, size_t option, dsm_comm *comm, dsm_place *place,
                        dsm_eval_input *out) {
  if (!arguments->value[option]) return DSM_OK;
  DSM_TRY(dsm__place_given(arguments, option, NULL, comm, place));
  out->file = place->file;
  out->dataset = place->dataset;
  return DSM_OK;
}

static dsm_status numbers(const dsm_arguments *arguments, dsm_eval_options *o) {
  DSM_TRY(dsm__option_count(arguments, SPLITS, 1, 100000, &o->splits));
  DSM_TRY(dsm__option_real(arguments, THRESHOLD, -1e300, 1e300, &o->threshold));
  DSM_TRY(dsm__option_count(arguments, SUBSAMPLE, 20, 1000000, &o->subsample));
  DSM_TRY(dsm__option_count(arguments, SUBSET, 10, 100000, &o->subset));
  DSM_TRY(dsm__option_count(arguments, DIRECTIONS, 1, 100000, &o->directions));
  DSM_TRY(dsm__option_count(arguments, BINS, 2, 10000, &o->bins));
  DSM_TRY(dsm__option_count(arguments, NEIGHBOURS, 1, 64, &o->neighbours));
  DSM_TRY(dsm__option_count(arguments, COMPONENTS, 1, 4096, &o->components));
  DSM_TRY(dsm__option_count(arguments, STEPS, 1, 1000000, &o->steps));
  DSM_TRY(dsm__option_count(arguments, SEED, 0, UINT64_MAX, &o->seed));
  return DSM_OK;
}

/* Prints the table, and writes it to `json` too; NULL: nowhere. */
static dsm_status evaluate(dsm_comm *comm, const dsm_eval_options *o, const char *json) {
  dsm_evaluation evaluation;
  dsm_status status = dsm_evaluate(comm, o, &evaluation);
  const bool root = dsm_comm_rank(comm) == 0;
  if (status == DSM_OK && root) dsm_evaluation_print(&evaluation);
  if (status == DSM_OK && json)
    status = dsm_agree(comm, root ? dsm_evaluation_json(&evaluation, json) : DSM_OK);
  dsm_evaluation_destroy(&evaluation);
  DSM_TRY(status);
  return DSM_OK;
}

static dsm_status run(const dsm_arguments *arguments, dsm_comm *comm) {
  dsm_place samples, place[OPTION_COUNT];
  dsm_eval_options o = dsm_eval_defaults();
  const char *const *value = arguments->value;
  DSM_TRY(numbers(arguments, &o));
  DSM_TRY(dsm__place_shared(arguments->operand[0], NULL, comm, &samples));
  o.samples = (dsm_eval_input){samples.file, samples.dataset, value[AXES], value[ROWS]};
  o.reference.axes = value[value[REFERENCE_AXES] ? REFERENCE_AXES : AXES];
  o.reference.rows = value[REFERENCE_ROWS];
  DSM_TRY(input(arguments, REFERENCE, comm, &place[REFERENCE], &o.reference));
  DSM_TRY(dsm__option_rows(arguments, ROWS, &samples, o.samples.axes, comm));
  DSM_TRY(dsm__option_rows(arguments, REFERENCE_ROWS, &place[REFERENCE], o.reference.axes, comm));
  DSM_TRY(input(arguments, FEATURES, comm, &place[FEATURES], &o.features));
  DSM_TRY(input(arguments, REFERENCE_FEATURES, comm, &place[REFERENCE_FEATURES], &o.reference_features));
  DSM_TRY(input(arguments, PROBABILITIES, comm, &place[PROBABILITIES], &o.probabilities));
  DSM_TRY(input(arguments, REFERENCE_PROBABILITIES, comm, &place[REFERENCE_PROBABILITIES],
                &o.reference_probabilities));
  o.metrics = value[METRICS];
  o.layers = value[LAYERS];

  /* before hours of work, not after them */
  if (value[JSON])
    DSM_AGREE(comm, dsm_comm_rank(comm) == 0 ? dsm_evaluation_json_check(value[JSON]) : DSM_OK);

  dsm_judge *judge = NULL;
  dsm_eval_classifier classifier;
  if (value[CLASSIFIER]) {
    DSM_TRY(dsm_judge_create(comm, value[CLASSIFIER], NULL, 0, &judge));
    classifier = dsm_judge_in_evaluation(judge);
    o.classifier = &classifier;
  }
  const dsm_status status = evaluate(comm, &o, value[JSON]);
  dsm_judge_destroy(&judge);
  DSM_TRY(status);
  return DSM_OK;
}

const dsm_command dsm__command_eval = {
    .name = "eval",
    .operands = "SAMPLES[:/DATASET]",
    .sentence = "compare samples with data: metrics, their errors, the floor",
    .details = "Prints a table: each metric with its error (one standard error) and the rows behind "
               "it, beside it the floor: the same metric between two parts of the reference. Below the "
               "table stands what was computed. The figures are the same on any number of ranks.\n"
               "\n"
               "Metrics (x@SPACE where another space than raw is meant):\n"
               "  frechet           distance between normals of the same moments (FID)\n"
               "  frechet_shrunk    the same with shrunk covariances, for few samples\n"
               "  kernel            MMD^2 with the cubic kernel of KID\n"
               "  mmd               MMD^2 with a Gaussian kernel\n"
               "  sliced            sliced Wasserstein-2 distance\n"
               "  wasserstein       Wasserstein-1 distance of each channel or feature\n"
               "  separation        separation power of histograms\n"
               "  spectrum          power spectra, radial and along axes; fields\n"
               "  two_point         correlations along axes, or between features\n"
               "  precision_recall  how real, how varied (k nearest neighbours)\n"
               "  c2st              can a classifier tell samples from data? (AUC)\n"
               "  nearest           distance to the training data; copies of it\n"
               "  profile           energy and hits of the layers of showers (--layers)\n"
               "  inception         how sure, how varied the classes of a classifier\n"
               "  all               those that suit the data, costly ones too\n"
               "Spaces: raw, the values as they are; scaled, each channel to mean 0 and deviation 1 of the "
               "reference; pca, its first principal axes; layers, energies and hits of the layers of "
               "showers; features, as given by --features; classifier, what the last layer of "
               "--classifier sees.\n"
               "\n"
               "--classifier is a run of objective.name=classifier for samples of this shape. It is run "
               "once over all rows and gives features, for the space classifier, and probabilities, for "
               "inception. --probabilities that are given come before its own. Files of 'dsmpi classify' "
               "as --features and --probabilities make the same figures.\n"
               "\n"
               "Metrics of pairs of rows (kernel, mmd, precision_recall, c2st) take --subsample rows "
               "drawn at random, those along lines (sliced, wasserstein) up to ten times as many, the "
               "others all.\n"
               "\n"
               "  mpirun -np 4 dsmpi eval samples.h5 --reference train.h5 --json eval.json\n"
               "  dsmpi eval s.h5 --reference t.h5 --metrics frechet@pca,spectrum\n"
               "  dsmpi eval s.h5 --reference t.h5 --classifier runs/classifier",
    .options = options,
    .option_count = OPTION_COUNT,
    .min_operands = 1,
    .max_operands = 1,
    .parallel = true,
    .run = run,
};
