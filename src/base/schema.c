#include "schema.h"

#include <math.h>
#include <string.h>

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FIELD(section_, field_)                                                                              \
  .offset = offsetof(dsm_config, section_.field_), .size = sizeof(((dsm_config *)0)->section_.field_)
#define FROM(low_)         .low = (low_), .high = INFINITY
#define RANGE(low_, high_) .low = (low_), .high = (high_)

const char *const dsm__sections[] = {"data",      "process", "model",   "objective",
                                     "optimizer", "train",   "sampler", NULL};

/* clang-format off */
const dsm__setting dsm__schema[] = {
    /* ---- data ---- */
    {"data.file", DSM__TEXT, FIELD(data, file), .flags = DSM__REQUIRED | DSM__FILLED,
     .also = "path filename input",
     /* not fixed: data may move between two jobs; what must stay is the data set inside */
     .sentence = "HDF5 file with the training data."},
    {"data.dataset", DSM__TEXT, FIELD(data, dataset), .flags = DSM__FIXED | DSM__FILLED,
     .initial = "/samples", .also = "name key",
     .sentence = "Dataset inside the file; its first axis counts the samples unless axes says otherwise."},
    {"data.axes", DSM__TEXT, FIELD(data, axes), .flags = DSM__FIXED, .also = "layout order dims",
     .sentence = "Meaning of the axes, such as \"N C H W\"; empty: from the labels in the file, or guessed "
                 "from their number."},
    {"data.rows", DSM__TEXT, FIELD(data, rows), .flags = DSM__FIXED, .also = "range slice subset",
     .sentence = "Samples to use, as start:stop; negative numbers count from the end; empty: all."},
    {"data.shape", DSM__INT_LIST, FIELD(data, shape), FROM(1), .initial = "[]", .also = "size sample_shape",
     .sentence = "Shape of a sample, such as [28, 28, 1] with the channels last, when there is no file; only "
                 "for bench."},
    {"data.normalize", DSM__WORD, FIELD(data, normalize), .flags = DSM__FIXED,
     .words = WORDS([DSM_NORMALIZE_NONE] = "none", [DSM_NORMALIZE_STANDARDIZE] = "standardize",
                    [DSM_NORMALIZE_RANGE] = "range"),
     .initial = "standardize", .also = "normalization scaling transform",
     .sentence = "Scaling before training, undone in the samples: to mean 0 and deviation 1, or to the "
                 "range -1 to 1."},
    {"data.per_channel", DSM__BOOL, FIELD(data, per_channel), .flags = DSM__FIXED, .initial = "true",
     .sentence = "Scale each channel by its own numbers rather than all by the same."},
    {"data.shuffle_window", DSM__INT, FIELD(data, shuffle_window), .flags = DSM__FIXED, FROM(1),
     .initial = "256", .also = "shuffle buffer window",
     .sentence = "MiB of data shuffled together when the file is larger than memory."},
    {"data.conditions", DSM__TEXT, FIELD(data, conditions), .flags = DSM__FIXED,
     .also = "condition labels cond context class_labels",
     .sentence = "Datasets of the same file that the model is conditioned on, as \"labels, energies\": one row a "
                 "sample, (N) or (N, k)."},
    {"data.classes", DSM__INT_LIST, FIELD(data, classes), .flags = DSM__FIXED, RANGE(-1, 65536),
     .initial = "[]", .also = "num_classes class_count",
     .sentence = "Number of classes of each of these; 0: a continuous quantity, standardised; -1: labels, counted in "
                 "the file. Empty: all continuous."},
    {"data.condition_columns", DSM__INT_LIST, FIELD(data, condition_columns), .flags = DSM__FIXED,
     RANGE(1, 65536), .initial = "[]", .also = "condition_dim cond_dim",
     .sentence = "Columns of each of these; empty: as in the file."},

    /* ---- process ---- */
    {"process.name", DSM__WORD, FIELD(process, name), .flags = DSM__FIXED,
     .words = WORDS([DSM_PROCESS_DDPM] = "ddpm", [DSM_PROCESS_VP] = "vp", [DSM_PROCESS_VE] = "ve",
                    [DSM_PROCESS_SUBVP] = "subvp", [DSM_PROCESS_SMLD] = "smld", [DSM_PROCESS_EDM] = "edm",
                    [DSM_PROCESS_FLOW] = "flow", [DSM_PROCESS_SINGLE] = "single"),
     .initial = "ddpm", .also = "type sde kind",
     .sentence = "How noise is added: discrete steps of DDPM or of a noise ladder (smld); the variance "
                 "preserving, exploding or sub-VP SDE; the noise level itself (edm); a straight line (flow); "
                 "one level (single)."},
    {"process.schedule", DSM__WORD, FIELD(process, schedule), .flags = DSM__FIXED,
     .words = WORDS([DSM_SCHEDULE_LINEAR] = "linear", [DSM_SCHEDULE_COSINE] = "cosine",
                    [DSM_SCHEDULE_SIGMOID] = "sigmoid", [DSM_SCHEDULE_LIST] = "list"),
     .initial = "linear", .also = "beta_schedule",
     .sentence = "Schedule of the betas (ddpm); list: those of process.betas."},
    {"process.betas", DSM__REAL_LIST, FIELD(process, betas), .flags = DSM__FIXED | DSM__ABOVE, RANGE(0, 1),
     .initial = "[]", .also = "beta_list",
     .sentence = "The betas themselves, one a step, up to 4096 (ddpm, schedule list)."},
    {"process.steps", DSM__INT, FIELD(process, steps), .flags = DSM__FIXED, RANGE(1, 1000000),
     .initial = "1000",
     .also = "T timesteps num_timesteps", .sentence = "Number T of noise levels (ddpm, smld)."},
    {"process.beta_min", DSM__REAL, FIELD(process, beta_min), .flags = DSM__FIXED, FROM(0), .initial = "0.1",
     .also = "beta_start", .sentence = "Rate of noise at t = 0 (vp, subvp)."},
    {"process.beta_max", DSM__REAL, FIELD(process, beta_max), .flags = DSM__FIXED | DSM__ABOVE, FROM(0),
     .initial = "20", .also = "beta_end", .sentence = "Rate of noise at t = 1 (vp, subvp)."},
    {"process.sigma_min", DSM__REAL, FIELD(process, sigma_min), .flags = DSM__FIXED | DSM__ABOVE, FROM(0),
     .initial = "0.01", .sentence = "Smallest noise level (ve, smld, edm)."},
    {"process.sigma_max", DSM__REAL, FIELD(process, sigma_max), .flags = DSM__FIXED | DSM__ABOVE, FROM(0),
     .initial = "50", .sentence = "Largest noise level (ve, smld, edm)."},
    {"process.sigma", DSM__REAL, FIELD(process, sigma), .flags = DSM__FIXED, FROM(0), .initial = "0.1",
     .also = "noise_level std bandwidth",
     .sentence = "The noise level (single), in normalised units; 0 = fitted to the data when training starts: the "
                 "bandwidth of a kernel density estimate of objective.centres rows with the largest held-out "
                 "likelihood."},

    /* ---- model ---- */
    {"model.name", DSM__WORD, FIELD(model, name), .flags = DSM__FIXED,
     .words = WORDS([DSM_MODEL_MLP] = "mlp", [DSM_MODEL_UNET] = "unet",
                    [DSM_MODEL_LINEAR] = "linear", [DSM_MODEL_CONVNET] = "convnet"), .initial = "unet",
     .also = "type architecture network arch",
     .sentence = "Network: a U-Net for images, a residual MLP for vectors, or F = W x + b without time; convnet, the first "
                 "half of the U-Net, classifies images, and mlp vectors."},
    {"model.width", DSM__INT, FIELD(model, width), .flags = DSM__FIXED, RANGE(1, 65536), .initial = "32",
     .also = "channels nf dim hidden base_channels",
     .sentence = "U-Net: channels of the first level; MLP: width of the layers."},
    {"model.depth", DSM__INT, FIELD(model, depth), .flags = DSM__FIXED, RANGE(1, 1024), .initial = "3",
     .also = "layers num_layers", .sentence = "MLP: number of residual blocks."},
    {"model.multipliers", DSM__INT_LIST, FIELD(model, multipliers),
     .flags = DSM__FIXED | DSM__FILLED, RANGE(1, 64),
     .initial = "[1, 2, 2]", .also = "ch_mult channel_mult dim_mults levels",
     .sentence = "U-Net: channels of each level as multiples of the width; their number is the number of "
                 "levels."},
    {"model.blocks", DSM__INT, FIELD(model, blocks), .flags = DSM__FIXED, RANGE(1, 64), .initial = "2",
     .also = "num_res_blocks res_blocks", .sentence = "U-Net: residual blocks in each level."},
    {"model.attention", DSM__INT_LIST, FIELD(model, attention), .flags = DSM__FIXED, FROM(1), .initial = "[]",
     .also = "attn_resolutions attention_resolutions",
     .sentence = "U-Net: heights of the levels that have self-attention; [] for none."},
    {"model.up_attention", DSM__WORD, FIELD(model, up_attention), .flags = DSM__FIXED,
     .words = WORDS([DSM_UP_ATTENTION_EVERY] = "every", [DSM_UP_ATTENTION_ONCE] = "once"), .initial = "every",
     .sentence = "U-Net: on the way up, attention after every block of such a level or once at its end."},
    {"model.dropout", DSM__REAL, FIELD(model, dropout), .flags = DSM__BELOW, RANGE(0, 1), .initial = "0",
     .sentence = "Probability that an activation is dropped in training."},

    /* ---- objective ---- */
    {"objective.name", DSM__WORD, FIELD(objective, name), .flags = DSM__FIXED,
     .words = WORDS([DSM_OBJECTIVE_DENOISING] = "denoising",
                    [DSM_OBJECTIVE_HYBRID] = "hybrid", [DSM_OBJECTIVE_ESM_KDE] = "esm_kde",
                    [DSM_OBJECTIVE_ISM] = "ism",
                    [DSM_OBJECTIVE_ISM_HUTCHINSON] = "ism_hutchinson", [DSM_OBJECTIVE_SLICED] = "sliced",
                    [DSM_OBJECTIVE_SLICED_VR] = "sliced_vr",
                    [DSM_OBJECTIVE_CLASSIFIER] = "classifier"),
     .initial = "denoising", .also = "type loss",
     .sentence = "What is minimised: the error of denoising, also with a learned variance (hybrid), explicit score matching "
                 "of a kernel density estimate (esm_kde), implicit score matching with the exact trace, "
                 "an estimate of it, or slices; or the cross-entropy of the labels in data.conditions (classifier)."},
    {"objective.noisy", DSM__BOOL, FIELD(objective, noisy), .flags = DSM__FIXED, .initial = "false",
     .sentence = "Classifier: of x_t at all times of the process, for guidance, instead of clean data."},
    {"objective.prediction", DSM__WORD, FIELD(objective, prediction), .flags = DSM__FIXED,
     .words = WORDS([DSM_PREDICT_EPS] = "eps", [DSM_PREDICT_X0] = "x0", [DSM_PREDICT_SCORE] = "score",
                    [DSM_PREDICT_V] = "v", [DSM_PREDICT_ENERGY] = "energy", [DSM_PREDICT_MU] = "mu",
                    [DSM_PREDICT_EDM] = "edm", [DSM_PREDICT_FLOW] = "flow"),
     .initial = "eps", .also = "predict parametrization parameterization target",
     .sentence = "What the network predicts: the noise, the clean sample, the score, the velocity v, an "
                 "energy whose gradient is the score, the mean of a reverse step (mu), what EDM's preconditioning "
                 "leaves to it, or noise minus sample (flow)."},
    {"objective.sigma_data", DSM__REAL, FIELD(objective, sigma_data), .flags = DSM__FIXED | DSM__ABOVE, FROM(0),
     .initial = "1", .also = "sigma_d data_std",
     .sentence = "Standard deviation of the data as the network sees them: 1 after standardize, about 0.5 for "
                 "pictures in -1 to 1 (edm: prediction and weighting)."},
    {"objective.weighting", DSM__WORD, FIELD(objective, weighting), .flags = DSM__FIXED,
     .words = WORDS([DSM_WEIGHT_SIMPLE] = "simple", [DSM_WEIGHT_SIGMA2] = "sigma2",
                    [DSM_WEIGHT_LIKELIHOOD] = "likelihood", [DSM_WEIGHT_VLB] = "vlb",
                    [DSM_WEIGHT_MIN_SNR] = "min_snr", [DSM_WEIGHT_SOFT_MIN_SNR] = "soft_min_snr",
                    [DSM_WEIGHT_EDM] = "edm", [DSM_WEIGHT_OUTPUT] = "output"),
     .initial = "simple", .also = "weight weights loss_weighting",
     .sentence = "Weight of the noise levels in the loss: equal on the noise (simple), on the network's output "
                 "whatever it is (output; with flow, flow matching), or as each name says."},
    {"objective.min_snr_gamma", DSM__REAL, FIELD(objective, min_snr_gamma), .flags = DSM__FIXED | DSM__ABOVE,
     FROM(0), .initial = "5", .also = "snr_gamma gamma",
     .sentence = "Signal-to-noise ratio from which on it counts no more (min_snr, soft_min_snr)."},
    {"objective.vlb_variance", DSM__WORD, FIELD(objective, vlb_variance), .flags = DSM__FIXED,
     .words = WORDS([DSM_VARIANCE_SMALL] = "small", [DSM_VARIANCE_LARGE] = "large"), .initial = "large",
     .also = "var_type", .sentence = "Variance of a reverse step: that of the posterior, or beta (vlb)."},

    {"objective.centres", DSM__INT, FIELD(objective, centres), .flags = DSM__FIXED, RANGE(1, 1 << 20),
     .initial = "2048", .also = "kernels parzen",
     .sentence = "Rows of the data that are the centres of the kernel density estimate (esm_kde); the time of a "
                 "step grows with them."},
    {"objective.vlb_weight", DSM__REAL, FIELD(objective, vlb_weight), .flags = DSM__FIXED, FROM(0),
     .initial = "0.001", .also = "lambda vlb_lambda",
     .sentence = "Weight of the variational bound in hybrid, which trains the variance."},
    {"objective.condition_drop", DSM__REAL, FIELD(objective, condition_drop), .flags = DSM__FIXED, RANGE(0, 1),
     .initial = "0.1", .also = "cond_drop_prob p_uncond uncond_prob class_dropout_prob",
     .sentence = "Probability that a training sample is shown without its conditions, so that the model knows "
                 "both and guidance is possible."},

    {"objective.times", DSM__WORD, FIELD(objective, times), .flags = DSM__FIXED,
     .words = WORDS([DSM_TIMES_UNIFORM] = "uniform", [DSM_TIMES_STRATIFIED] = "stratified",
                    [DSM_TIMES_LOG_NORMAL] = "log_normal", [DSM_TIMES_IMPORTANCE] = "importance"),
     .initial = "uniform", .also = "time_sampling timestep_sampling schedule_sampler noise_distribution",
     .sentence = "How the times of a batch are drawn: uniformly, evenly spread (stratified), by the logarithm of "
                 "the noise level (log_normal; for the process edm), or more often where losses are large, which "
                 "then count less (importance)."},
    {"objective.log_sigma_mean", DSM__REAL, FIELD(objective, log_sigma_mean), .flags = DSM__FIXED,
     .low = -INFINITY, .high = INFINITY, .initial = "-1.2", .also = "P_mean",
     .sentence = "Mean of the logarithm of the noise level sigma / alpha (log_normal)."},
    {"objective.log_sigma_std", DSM__REAL, FIELD(objective, log_sigma_std), .flags = DSM__FIXED | DSM__ABOVE,
     FROM(0), .initial = "1.2", .also = "P_std", .sentence = "Its standard deviation (log_normal)."},

    /* ---- optimizer ---- */
    {"optimizer.lr", DSM__REAL, FIELD(optimizer, lr), .flags = DSM__ABOVE, FROM(0), .initial = "2.0e-4",
     .also = "learning_rate rate", .sentence = "Learning rate of AdamW."},
    {"optimizer.beta1", DSM__REAL, FIELD(optimizer, beta1), .flags = DSM__BELOW, RANGE(0, 1),
     .initial = "0.9", .also = "betas", .sentence = "Decay of the mean of the gradient."},
    {"optimizer.beta2", DSM__REAL, FIELD(optimizer, beta2), .flags = DSM__BELOW, RANGE(0, 1),
     .initial = "0.999",
     .sentence = "Decay of the mean of its square."},
    {"optimizer.eps", DSM__REAL, FIELD(optimizer, eps), .flags = DSM__ABOVE, FROM(0), .initial = "1.0e-8",
     .also = "epsilon", .sentence = "Added to the root of the mean square."},
    {"optimizer.weight_decay", DSM__REAL, FIELD(optimizer, weight_decay), FROM(0), .initial = "0",
     .also = "decay wd",
     .sentence = "Decoupled weight decay, times the learning rate."},
    {"optimizer.clip", DSM__REAL, FIELD(optimizer, clip), FROM(0), .initial = "1",
     .also = "grad_clip clip_norm max_norm grad_norm",
     .sentence = "Largest norm of the whole gradient; longer ones are shortened to it; 0 = off."},
    {"optimizer.schedule", DSM__WORD, FIELD(optimizer, schedule),
     .words = WORDS([DSM_LR_CONSTANT] = "constant", [DSM_LR_COSINE] = "cosine",
                    [DSM_LR_INVERSE_SQRT] = "inverse_sqrt"),
     .initial = "constant", .also = "lr_schedule scheduler",
     .sentence = "Course of the learning rate after warm-up."},
    {"optimizer.warmup", DSM__INT, FIELD(optimizer, warmup), FROM(0), .initial = "0", .also = "warmup_steps",
     .sentence = "Steps over which the learning rate rises from 0."},
    {"optimizer.ema", DSM__REAL_LIST, FIELD(optimizer, ema), .flags = DSM__FIXED | DSM__ABOVE | DSM__BELOW,
     RANGE(0, 1), .initial = "[0.9999]", .also = "ema_decay ema_rate ema_rates",
     .sentence = "Decay rates of the averages of the parameters that are kept; [] for none."},

    /* ---- train ---- */
    {"train.steps", DSM__INT, FIELD(train, steps), .flags = DSM__REQUIRED, FROM(1),
     .also = "epoch epochs iterations iters max_steps num_steps n_iters",
     .sentence = "Steps of the whole run."},
    {"train.batch", DSM__INT, FIELD(train, batch), .flags = DSM__FIXED, RANGE(4, 1 << 30), .initial = "128",
     .also = "batch_size global_batch", .sentence = "Samples in one step, over all ranks together."},
    {"train.micro_batch", DSM__INT, FIELD(train, micro_batch), RANGE(4, 1 << 20), .initial = "32",
     .also = "microbatch micro_batch_size",
     .sentence = "Samples computed at a time; divides batch; memory grows with it; part of what makes runs "
                 "repeat to the bit."},
    {"train.seed", DSM__INT, FIELD(train, seed), .flags = DSM__FIXED, FROM(0), .initial = "0",
     .also = "random_seed",
     .sentence = "Seed of all random numbers of the training."},
    {"train.reduction", DSM__WORD, FIELD(train, reduction),
     .words = WORDS([DSM_REDUCE_TREE] = "tree", [DSM_REDUCE_FAST] = "fast"), .initial = "tree",
     .also = "allreduce",
     .sentence = "Sum of gradients over ranks: a fixed tree, the same bits on any number of ranks, or "
                 "MPI's own."},
    {"train.overlap", DSM__WORD, FIELD(train, overlap),
     .words = WORDS([DSM_OVERLAP_AUTO] = "auto", [DSM_OVERLAP_ON] = "on", [DSM_OVERLAP_OFF] = "off"),
     .initial = "auto", .also = "overlap_comm overlap_communication",
     .sentence = "Send gradients while the last micro-batch is still computed (tree only); auto = where ranks "
                 "are on several hosts. The result is the same."},
    {"train.threads", DSM__INT, FIELD(train, threads), RANGE(0, 4096), .initial = "0", .also = "num_threads",
     .sentence = "Threads of a rank; 0 = as many as it has cores."},
    {"train.kernels", DSM__WORD, FIELD(train, kernels),
     .words = WORDS([DSM_KERNEL_SET_FAST] = "fast", [DSM_KERNEL_SET_REF] = "ref",
                    [DSM_KERNEL_SET_IM2COL] = "im2col"),
     .initial = "fast", .also = "backend",
     .sentence = "Computing kernels: the fast ones; the same with convolutions as plain matrix products "
                 "(no Winograd); or the plain C they are tested against."},
    {"train.log_every", DSM__INT, FIELD(train, log_every), FROM(1), .initial = "50",
     .also = "log_interval log_freq",
     .sentence = "Steps between two lines of the log."},
    {"train.checkpoint_every", DSM__INT, FIELD(train, checkpoint_every), FROM(1), .initial = "1000",
     .also = "save_every checkpoint_interval save_interval snapshot_freq",
     .sentence = "Steps between two checkpoints."},
    {"train.keep", DSM__INT, FIELD(train, keep), FROM(1), .initial = "3", .also = "keep_last max_to_keep",
     .sentence = "Checkpoints that are kept, the newest ones."},
    {"train.keep_every", DSM__INT, FIELD(train, keep_every), FROM(0), .initial = "0",
     .also = "keep_period keep_checkpoint_every",
     .sentence = "Checkpoints of steps that this divides are kept for good, besides; 0 = none."},
    {"train.background_saving", DSM__BOOL, FIELD(train, background_saving), .initial = "true",
     .also = "async_save async_checkpoint",
     .sentence = "Write checkpoints while training goes on, from a copy, which takes memory of rank 0."},
    {"train.held_out", DSM__INT, FIELD(train, held_out), .flags = DSM__FIXED, RANGE(0, 1 << 24),
     .initial = "0", .also = "validation val_size valid holdout heldout test_size",
     .sentence = "Samples at the end of data.rows that are not trained on; their loss is measured now and then with the "
                 "averaged parameters, at times and with noise that stay the same."},
    {"train.evaluate_every", DSM__INT, FIELD(train, evaluate_every), FROM(0), .initial = "0",
     .also = "eval_every eval_interval val_interval validate_every eval_freq",
     .sentence = "Steps between two measurements of the held-out loss; 0 = as many as between two checkpoints."},
    {"train.preview_every", DSM__INT, FIELD(train, preview_every), FROM(0), .initial = "0",
     .also = "sample_every save_and_sample_every sample_interval demo_every",
     .sentence = "Steps between two previews, the first before training: samples drawn with the averaged parameters into "
                 "RUN/previews, with a picture; 0 = none."},
    {"train.preview_samples", DSM__INT, FIELD(train, preview_samples), RANGE(1, 1 << 24), .initial = "64",
     .also = "num_samples n_samples demo_samples",
     .sentence = "Samples of a preview; drawn as sampler.* says, of labels each in turn."},
    {"train.preview_metrics", DSM__TEXT, FIELD(train, preview_metrics), .also = "metrics eval_metrics",
     .sentence = "Metrics of the previews, as in dsmpi eval --metrics, against the rows held out, or, without those, "
                 "those of the training; they go into metrics.jsonl with their errors and floors. Empty: none."},
    {"train.preview_classifier", DSM__TEXT, FIELD(train, preview_classifier), .also = "classifier",
     .sentence = "Run folder or checkpoint of a classifier, as in dsmpi eval --classifier, for metrics such as "
                 "frechet@classifier and inception."},
    {"train.max_skipped", DSM__INT, FIELD(train, max_skipped), FROM(0), .initial = "10",
     .also = "skip_nan max_nan_steps nan_limit",
     .sentence = "Steps in a row that may be left out because loss or gradient is not a finite number; one more ends "
                 "the run with exit status 76."},
    {"train.watchdog", DSM__INT, FIELD(train, watchdog), FROM(0), .initial = "600",
     .also = "timeout hang_timeout nccl_timeout stall_timeout",
     .sentence = "Seconds without a sign of progress on any rank after which the job ends with exit status 70 and names "
                 "the ranks that are waited for; 0 = never."},

    /* ---- sampler ---- */
    {"sampler.name", DSM__WORD, FIELD(sampler, name),
     .words = WORDS([DSM_SAMPLER_ANCESTRAL] = "ancestral", [DSM_SAMPLER_DDIM] = "ddim",
                    [DSM_SAMPLER_LANGEVIN] = "langevin",
                    [DSM_SAMPLER_ANNEALED_LANGEVIN] = "annealed_langevin",
                    [DSM_SAMPLER_EULER_MARUYAMA] = "euler_maruyama",
                    [DSM_SAMPLER_REVERSE_DIFFUSION] = "reverse_diffusion",
                    [DSM_SAMPLER_PREDICTOR_CORRECTOR] = "predictor_corrector", [DSM_SAMPLER_ODE] = "ode",
                    [DSM_SAMPLER_EULER] = "euler", [DSM_SAMPLER_HEUN] = "heun",
                    [DSM_SAMPLER_DPMPP_2M] = "dpmpp_2m", [DSM_SAMPLER_DPMPP_2M_SDE] = "dpmpp_2m_sde"),
     .initial = "ancestral", .also = "type method",
     .sentence = "How samples are drawn: step by step back through the process (ancestral, ddim), along its "
                 "reverse SDE (euler_maruyama, reverse_diffusion, predictor_corrector, dpmpp_2m_sde), along "
                 "its ODE (euler, heun, dpmpp_2m, ode), or by Langevin dynamics."},
    {"sampler.steps", DSM__INT, FIELD(sampler, steps), RANGE(0, 1000000), .initial = "0",
     .also = "num_steps timesteps nfe",
     .sentence = "Steps from noise to sample; 0 = those that suit the sampler: dpmpp_2m 25, heun 40, "
                 "dpmpp_2m_sde 50, euler 100, annealed_langevin 10 levels; else all times of a discrete "
                 "process, or 1000. ode: the most it may take."},
    {"sampler.grid", DSM__WORD, FIELD(sampler, grid),
     .words = WORDS([DSM_GRID_AUTO] = "auto", [DSM_GRID_UNIFORM] = "uniform",
                    [DSM_GRID_QUADRATIC] = "quadratic", [DSM_GRID_LOG_SNR] = "log_snr",
                    [DSM_GRID_RHO] = "rho"),
     .initial = "auto", .also = "spacing timestep_spacing time_grid",
     .sentence = "Times of the steps, both ends included: uniform, quadratic (more near the data), uniform in "
                 "the log-SNR, or in sigma to the power 1/rho; auto: rho where the time is sigma (edm) "
                 "and for heun on vp, else uniform."},
    {"sampler.rho", DSM__REAL, FIELD(sampler, rho), RANGE(0.01, 10000), .initial = "7",
     .sentence = "Exponent of the grid rho."},
    {"sampler.denoise", DSM__BOOL, FIELD(sampler, denoise), .initial = "true", .also = "final_denoise",
     .sentence = "The last step removes the noise of the first time; false leaves it in."},
    {"sampler.eta", DSM__REAL, FIELD(sampler, eta), RANGE(0, 1), .initial = "0",
     .sentence = "Noise of ddim: 0 = none, 1 = as much as ancestral sampling."},
    {"sampler.variance", DSM__WORD, FIELD(sampler, variance),
     .words = WORDS([DSM_VARIANCE_SMALL] = "small", [DSM_VARIANCE_LARGE] = "large",
                    [DSM_VARIANCE_LEARNED] = "learned"),
     .initial = "large", .also = "var_type",
     .sentence = "Variance of an ancestral step: that of the posterior, or beta, or between the two as the "
                 "network learned it (objective.name hybrid)."},
    {"sampler.langevin_step", DSM__REAL, FIELD(sampler, langevin_step), FROM(0), .initial = "0",
     .also = "step_size epsilon xi tau eta step_lr",
     .sentence = "Step of Langevin dynamics (at the lowest noise of annealed_langevin, elsewhere as "
                 "sigma^2); 0 = a fifth of sigma^2."},
    {"sampler.step_convention", DSM__WORD, FIELD(sampler, step_convention),
     .words = WORDS([DSM_STEP_TAU] = "tau", [DSM_STEP_HALF] = "half"), .initial = "tau",
     .sentence = "What langevin_step is: tau of x + tau s + sqrt(2 tau) z, as in the code of NCSN, or eta of "
                 "x + eta/2 s + sqrt(eta) z, as in papers."},
    {"sampler.langevin_steps", DSM__INT, FIELD(sampler, langevin_steps), RANGE(1, 1000000),
     .initial = "100", .also = "n_steps_each steps_per_level",
     .sentence = "Steps of annealed_langevin at each noise level."},
    {"sampler.langevin_time", DSM__REAL, FIELD(sampler, langevin_time), FROM(0), .initial = "0",
     .also = "time level noise_level",
     .sentence = "Time whose noise level langevin stays at; 0 = the lowest noise."},
    {"sampler.metropolis", DSM__BOOL, FIELD(sampler, metropolis), .initial = "false", .also = "mala",
     .sentence = "Accept or reject Langevin steps by Metropolis's rule; needs a network that has an energy."},
    {"sampler.predictor", DSM__WORD, FIELD(sampler, predictor),
     .words = WORDS([DSM_PREDICTOR_REVERSE_DIFFUSION] = "reverse_diffusion",
                    [DSM_PREDICTOR_EULER_MARUYAMA] = "euler_maruyama"),
     .initial = "reverse_diffusion", .sentence = "Predictor of predictor_corrector."},
    {"sampler.corrector", DSM__WORD, FIELD(sampler, corrector),
     .words = WORDS([DSM_CORRECTOR_LANGEVIN] = "langevin", [DSM_CORRECTOR_ANNEALED] = "annealed"),
     .initial = "langevin",
     .sentence = "Step of the corrector: from the norms of score and noise of each sample (langevin; for "
                 "samples of many elements), or from sigma alone."},
    {"sampler.corrector_steps", DSM__INT, FIELD(sampler, corrector_steps), RANGE(0, 1000000),
     .initial = "1", .also = "n_corrector n_steps_each n_steps",
     .sentence = "Langevin steps before each step of the predictor."},
    {"sampler.snr", DSM__REAL, FIELD(sampler, snr), .flags = DSM__ABOVE, FROM(0), .initial = "0.16",
     .also = "r signal_to_noise",
     .sentence = "Signal-to-noise ratio that sets the step of the corrector; usual 0.05 to 0.2."},
    {"sampler.rtol", DSM__REAL, FIELD(sampler, rtol), FROM(0), .initial = "1.0e-5",
     .sentence = "Relative error allowed in a step of ode."},
    {"sampler.atol", DSM__REAL, FIELD(sampler, atol), .flags = DSM__ABOVE, FROM(0), .initial = "1.0e-5",
     .sentence = "Absolute error allowed in a step of ode, in normalised units."},
    {"sampler.churn", DSM__REAL, FIELD(sampler, churn), FROM(0), .initial = "0", .also = "S_churn s_churn",
     .sentence = "Noise that heun adds and removes again, over all steps; 0 = none."},
    {"sampler.churn_min", DSM__REAL, FIELD(sampler, churn_min), FROM(0), .initial = "0",
     .also = "S_min s_tmin", .sentence = "Lowest sigma/alpha with churn."},
    {"sampler.churn_max", DSM__REAL, FIELD(sampler, churn_max), FROM(0), .initial = "0",
     .also = "S_max s_tmax", .sentence = "Highest sigma/alpha with churn; 0 = no limit."},
    {"sampler.churn_noise", DSM__REAL, FIELD(sampler, churn_noise), FROM(0), .initial = "1",
     .also = "S_noise s_noise", .sentence = "Factor on the noise of the churn."},
    {"sampler.clip", DSM__WORD, FIELD(sampler, clip),
     .words = WORDS([DSM_CLIP_OFF] = "off", [DSM_CLIP_DATA] = "data"), .initial = "off",
     .also = "clip_denoised clip_x0",
     .sentence = "Keep the predicted clean sample inside the range of the data."},
    {"sampler.block", DSM__INT, FIELD(sampler, block), RANGE(4, 1 << 20), .initial = "64",
     .also = "batch batch_size",
     .sentence = "Samples drawn together; any rank may take any block."},
    {"sampler.ema", DSM__REAL, FIELD(sampler, ema), .flags = DSM__BELOW, RANGE(-1, 1), .initial = "-1",
     .also = "ema_rate",
     .sentence = "Average of the parameters to use, one of optimizer.ema; 0 = the parameters themselves; "
                 "-1 = the "
                 "first average."},
    {"sampler.seed", DSM__INT, FIELD(sampler, seed), FROM(0), .initial = "0",
     .sentence = "Seed of the samples; another seed gives other samples."},
    {"sampler.guidance", DSM__REAL, FIELD(sampler, guidance), RANGE(0, 1000), .initial = "1",
     .also = "guidance_scale cfg_scale cond_scale w",
     .sentence = "Strength w of classifier-free guidance, eps = eps_0 + w (eps_c - eps_0): 1 as trained, 0 without "
                 "conditions, above 1 closer to them; other than 0 and 1 costs two evaluations."},
    {"sampler.label", DSM__TEXT, FIELD(sampler, label), .also = "class class_label labels y",
     .sentence = "Class to draw, from 0 on (one each, as \"3, 1\", where data.conditions has several sets of labels); "
                 "all: the classes in turn."},
    {"sampler.condition", DSM__REAL_LIST, FIELD(sampler, condition), RANGE(-INFINITY, INFINITY), .initial = "[]", .also = "cond context",
     .sentence = "Values of the continuous conditions, in their own units and the order of data.conditions, the same "
                 "for all samples."},
    {"sampler.condition_file", DSM__TEXT, FIELD(sampler, condition_file), .also = "conditions",
     .sentence = "HDF5 file with the datasets of data.conditions, one row a sample, instead of the two above."},
};
/* clang-format on */
const size_t dsm__schema_count = sizeof dsm__schema / sizeof *dsm__schema;

const dsm__setting *dsm__schema_find(const char *key) {
  for (size_t i = 0; i < dsm__schema_count; i++)
    if (strcmp(dsm__schema[i].key, key) == 0) return &dsm__schema[i];
  return NULL;
}

bool dsm__in_section(const dsm__setting *setting, const char *section) {
  size_t length = strlen(section);
  return strncmp(setting->key, section, length) == 0 && setting->key[length] == '.';
}

const char *dsm__leaf(const dsm__setting *setting) {
  return strchr(setting->key, '.') + 1;
}
