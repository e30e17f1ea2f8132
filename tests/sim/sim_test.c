/* The simulation of the whole system: random traces on every kind of machine, and those that found something
 * once.  A failure is shrunk and printed with an id; SIM=id in the environment runs that case alone.
 * OPERATIONS=n or SECONDS=n say how long to go on, SEED=n with which traces, CONFIG=n on which machine. */
/* sources: tests/sim/sim_machine.c tests/sim/sim_tlb.c tests/sim/sim_mmu.c tests/sim/sim_fence.c */
/* sources: tests/sim/sim_check.c tests/sim/sim_assert.c tests/sim/sim_kernel.c tests/sim/sim_port.c */
/* sources: tests/sim/sim_kernel_start.c tests/sim/sim_kernel_check.c tests/unit/pager_fake.c */
/* sources: tests/sim/sim_disk.c tests/sim/sim_file.c tests/sim/sim_model.c tests/sim/sim_step.c */
/* sources: tests/sim/sim_access.c tests/sim/sim_call.c tests/sim/sim_map.c tests/sim/sim_remap.c */
/* sources: tests/sim/sim_transfer.c tests/sim/sim_walk.c tests/sim/sim_compare.c tests/sim/sim_pager.c */
/* sources: tests/sim/sim_root.c tests/sim/sim_dirty.c tests/sim/sim_do.c tests/sim/sim_trace.c tests/sim/sim_regressions.c */
/* sources: tests/sim/sim_swap.c */
/* sources: mm/[a-z]*.c user/pager/core/[a-z]*.c */
/* sources: user/common/elf.c user/common/cpio.c user/common/text.c */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "effort.h"
#include "harness.h"
#include "sim_regressions.h"
#include "sim_trace.h"

#define SIM_OPERATIONS    120000u
#define SIM_STEPS_EACH    400u
#define SIM_LONG_EVERY    7u   /* traces, one of SIM_TRACE_STEPS; no divisor either */
#define SIM_CONFIG_STRIDE 857u /* no divisor of SIM_PLAIN_CONFIGS */
#define SIM_SWAP_EVERY    17u  /* traces, one with swap, which is long; no divisor either */

/* What the child that runs the traces tells. */
struct sim_told {
    uint32_t config;
    uint64_t seed;
    uint64_t done;
    struct sim_counts counts;
    uint64_t accesses;
};

static struct sim_trace sim_case;

static uint64_t sim_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void sim_run_traces(void *context)
{
    struct sim_told *told = context;
    struct effort effort = effort_begin(SIM_OPERATIONS);
    uint64_t seed = sim_environment("SEED", 1) << 32, only = sim_environment("CONFIG", SIM_CONFIGS);
    bool goes_on = true;

    for (uint32_t config = 0; goes_on; config = (config + SIM_CONFIG_STRIDE) % SIM_PLAIN_CONFIGS) {
        uint32_t steps = 0, most;

        told->seed = ++seed;
        told->config = only < SIM_CONFIGS
                           ? (uint32_t)only
                           : config + (seed % SIM_SWAP_EVERY ? 0 : SIM_PLAIN_CONFIGS);
        most = seed % SIM_LONG_EVERY && told->config < SIM_PLAIN_CONFIGS ? SIM_STEPS_EACH
                                                                         : SIM_TRACE_STEPS;
        while (steps < most && (goes_on = effort_continues(&effort)))
            steps++;
        sim_trace_generate(&sim_case, told->config, told->seed, steps);
        sim_trace_run(&sim_case);
        told->done = effort.done;
        told->counts = sim.counts;
        told->accesses += sim_machine_counts()->accesses;
    }
}

static void sim_tell(const struct sim_told *told)
{
    const struct sim_counts *counts = &told->counts;

    harness_note("%" PRIu64 " operations in %" PRIu64 " traces: %" PRIu64 " accesses (%" PRIu64
                 " in the middle of calls), %" PRIu64 " messages (%" PRIu64 " parked, %" PRIu64
                 " refused), %" PRIu64 " forks, %" PRIu64 " pages compared",
                 counts->operations, counts->traces, told->accesses, counts->meanwhile,
                 counts->messages, counts->parked, counts->refused, counts->forks,
                 counts->compared);
    harness_note("with swap: %" PRIu64 " pages left memory, %" PRIu64 " came back, %" PRIu64
                 " could not; %" PRIu64 " were merged; %" PRIu64 " programs were suspended",
                 counts->left, counts->came, counts->lost, counts->merged, counts->suspended);
}

TEST("whatever programs do, on any machine, they see what the model says")
{
    struct sim_told *told =
        mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *wanted = getenv("SIM");
    pid_t child;
    int status = 0;

    CHECK(told != MAP_FAILED);
    if (wanted) {
        if (!sim_trace_read(&sim_case, wanted))
            harness_fail(__FILE__, __LINE__, "SIM names no case of this program");
        sim_trace_list(&sim_case);
        sim_trace_run(&sim_case);
        return;
    }
    child = fork();
    if (child == 0)
        _exit(harness_try(sim_run_traces, told) ? 0 : 1);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    sim_tell(told);
    if (status == 0)
        return;
    harness_note("SIM=%" PRIu32 ":%" PRIu64 " fails", told->config, told->seed);
    sim_trace_generate(&sim_case, told->config, told->seed, SIM_TRACE_STEPS);
    CHECK(sim_trace_fails(&sim_case)); /* else it depends on more than its id */
    sim_trace_shrink(&sim_case);
    sim_trace_print(&sim_case);
    CHECK(status == 0);
}

TEST("no trace that once found a defect fails")
{
    for (uint32_t i = 0; i < sim_regression_count; i++) {
        CHECK(sim_trace_read(&sim_case, sim_regressions[i].id));
        if (!sim_trace_fails(&sim_case))
            continue;
        harness_note("%s", sim_regressions[i].what);
        sim_trace_print(&sim_case);
        CHECK(false);
    }
}
