/* Which environments mean "several tasks were started", and which do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "dist/launcher.h"

/* name, value, ..., NULL */
static const char *const *environment;

static char *get(const char *name) {
  for (const char *const *e = environment; *e; e += 2)
    if (strcmp(e[0], name) == 0) return (char *)e[1];
  return NULL;
}

static dsm_launcher read_environment(const char *const *e) {
  environment = e;
  return dsm__launcher_read(get);
}
#define ENVIRONMENT(...) read_environment((const char *const[]){__VA_ARGS__, NULL})

static void a_plain_shell_is_one_task(void **state) {
  (void)state;
  dsm_launcher l = ENVIRONMENT("HOME", "/root");
  assert_int_equal(l.tasks, 1);
  assert_null(l.variable);
}

static void srun_without_pmi_is_seen(void **state) {
  (void)state;
  dsm_launcher l = ENVIRONMENT("SLURM_STEP_ID", "0", "SLURM_STEP_NUM_TASKS", "4", "SLURM_PROCID", "3");
  assert_int_equal(l.tasks, 4);
  assert_int_equal(l.task, 3);
  assert_string_equal(l.variable, "SLURM_STEP_NUM_TASKS");
}

static void srun_of_one_task_is_one_task(void **state) {
  (void)state;
  dsm_launcher l = ENVIRONMENT("SLURM_STEP_ID", "2", "SLURM_STEP_NUM_TASKS", "1", "SLURM_NTASKS", "1");
  assert_int_equal(l.tasks, 1);
}

/* sbatch -n 8, then ./dsmpi info in the script; salloc; an interactive step */
static void a_shell_inside_an_allocation_is_one_task(void **state) {
  (void)state;
  assert_int_equal(ENVIRONMENT("SLURM_NTASKS", "8", "SLURM_NPROCS", "8", "SLURM_PROCID", "0").tasks, 1);
  assert_int_equal(
      ENVIRONMENT("SLURM_NTASKS", "8", "SLURM_STEP_ID", "batch", "SLURM_STEP_NUM_TASKS", "8").tasks, 1);
  assert_int_equal(ENVIRONMENT("SLURM_STEP_ID", "4294967291", "SLURM_STEP_NUM_TASKS", "8").tasks, 1);
  assert_int_equal(ENVIRONMENT("SLURM_STEP_ID", "4294967290", "SLURM_STEP_NUM_TASKS", "8").tasks, 1);
  assert_int_equal(ENVIRONMENT("SLURM_STEP_NUM_TASKS", "8").tasks, 1);
}

/* mpirun -np 1 whose rank sits on the second of three nodes: Slurm's step is that of the daemons */
static void mpirun_inside_slurm_is_believed_before_slurm(void **state) {
  (void)state;
  dsm_launcher l = ENVIRONMENT("SLURM_STEP_ID", "0", "SLURM_STEP_NUM_TASKS", "2", "OMPI_COMM_WORLD_SIZE", "1",
                               "OMPI_COMM_WORLD_RANK", "0", "PMIX_RANK", "0");
  assert_int_equal(l.tasks, 1);
  l = ENVIRONMENT("SLURM_STEP_ID", "0", "SLURM_STEP_NUM_TASKS", "2", "PMI_SIZE", "1", "PMI_RANK", "0");
  assert_int_equal(l.tasks, 1);
}

static void the_mpirun_of_another_mpi_is_seen(void **state) {
  (void)state;
  dsm_launcher l = ENVIRONMENT("PMI_SIZE", "6", "PMI_RANK", "5");
  assert_int_equal(l.tasks, 6);
  assert_int_equal(l.task, 5);
  l = ENVIRONMENT("OMPI_COMM_WORLD_SIZE", "3", "OMPI_COMM_WORLD_RANK", "1");
  assert_int_equal(l.tasks, 3);
  assert_int_equal(l.task, 1);
}

static void a_pmix_number_above_zero_means_others(void **state) {
  (void)state;
  dsm_launcher l = ENVIRONMENT("PMIX_RANK", "2");
  assert_int_equal(l.tasks, 3);
  assert_int_equal(l.task, 2);
  assert_string_equal(l.variable, "PMIX_RANK");
  assert_int_equal(ENVIRONMENT("PMIX_RANK", "0").tasks, 1);
}

static void nonsense_is_not_a_number_of_tasks(void **state) {
  (void)state;
  assert_int_equal(ENVIRONMENT("OMPI_COMM_WORLD_SIZE", "", "PMI_SIZE", "four", "PMIX_RANK", "-1").tasks, 1);
}

/* The value of a setting among the shortcuts, "" if it is not there. */
static const char *shortcut(const char *const *e, const char *name) {
  environment = e;
  for (const char *const *s = dsm__launcher_shortcuts(get); *s; s += 2)
    if (strcmp(s[0], name) == 0) return s[1];
  return "";
}
#define SHORTCUT(name, ...) shortcut((const char *const[]){__VA_ARGS__, NULL}, name)

static void a_process_alone_starts_no_daemon_and_searches_no_network(void **state) {
  (void)state;
  assert_string_equal(SHORTCUT("OMPI_MCA_ess_singleton_isolated", "HOME", "/root"), "1");
  assert_string_equal(SHORTCUT("OMPI_MCA_orte_create_session_dirs", "HOME", "/root"), "0");
  assert_string_equal(SHORTCUT("OMPI_MCA_pml", "HOME", "/root"), "ob1");
  assert_string_equal(SHORTCUT("OMPI_MCA_pml", "SLURM_NTASKS", "8", "SLURM_STEP_ID", "batch"), "ob1");
}

static void ranks_of_one_host_search_no_network_but_keep_their_daemon(void **state) {
  (void)state;
  const char *const here[] = {"OMPI_COMM_WORLD_SIZE", "4", "OMPI_COMM_WORLD_LOCAL_SIZE", "4", NULL};
  assert_string_equal(shortcut(here, "OMPI_MCA_pml"), "ob1");
  assert_string_equal(shortcut(here, "OMPI_MCA_ess_singleton_isolated"), "");
}

static void ranks_that_may_have_others_elsewhere_are_left_to_the_mpi(void **state) {
  (void)state;
  assert_string_equal(
      SHORTCUT("OMPI_MCA_pml", "OMPI_COMM_WORLD_SIZE", "4", "OMPI_COMM_WORLD_LOCAL_SIZE", "2"), "");
  assert_string_equal(SHORTCUT("OMPI_MCA_pml", "OMPI_COMM_WORLD_SIZE", "4"), "");
  assert_string_equal(SHORTCUT("OMPI_MCA_pml", "PMI_SIZE", "4", "PMI_RANK", "0"), "");
  assert_string_equal(SHORTCUT("OMPI_MCA_pml", "PMIX_RANK", "0"), "");
  assert_string_equal(SHORTCUT("OMPI_MCA_pml", "SLURM_STEP_ID", "0", "SLURM_STEP_NUM_TASKS", "1"), "");
}

static void library_names_are_short(void **state) {
  (void)state;
  char text[96];
  assert_string_equal(
      dsm__library_name("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4", text, sizeof text),
      "Open MPI 4.1.4");
  assert_string_equal(dsm__library_name("MPICH Version:\t4.0.2\nMPICH Release date:\tThu", text, sizeof text),
                      "MPICH 4.0.2");
  assert_string_equal(dsm__library_name("Intel(R) MPI Library 2021.9 for Linux* OS\n", text, sizeof text),
                      "Intel(R) MPI Library 2021.9 for Linux* OS");
  assert_string_equal(dsm__library_name("Open MPI v4.1.4", text, 9), "Open MPI");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_plain_shell_is_one_task),
      cmocka_unit_test(srun_without_pmi_is_seen),
      cmocka_unit_test(srun_of_one_task_is_one_task),
      cmocka_unit_test(a_shell_inside_an_allocation_is_one_task),
      cmocka_unit_test(mpirun_inside_slurm_is_believed_before_slurm),
      cmocka_unit_test(the_mpirun_of_another_mpi_is_seen),
      cmocka_unit_test(a_pmix_number_above_zero_means_others),
      cmocka_unit_test(nonsense_is_not_a_number_of_tasks),
      cmocka_unit_test(a_process_alone_starts_no_daemon_and_searches_no_network),
      cmocka_unit_test(ranks_of_one_host_search_no_network_but_keep_their_daemon),
      cmocka_unit_test(ranks_that_may_have_others_elsewhere_are_left_to_the_mpi),
      cmocka_unit_test(library_names_are_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
