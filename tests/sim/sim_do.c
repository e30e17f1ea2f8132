/* Steps and what they do: see sim_do.h. */
#include "sim_do.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "sim_access.h"
#include "sim_call.h"
#include "sim_compare.h"
#include "sim_dirty.h"
#include "sim_file.h"
#include "sim_pager.h"
#include "sim_swap.h"
#include "stock.h"

#define SIM_SEED_STEP 0x9e3779b97f4a7c15ull
#define SIM_SALT_TAME 0xe0000u

/* What fails of the same has the same number, whatever the values. */
static uint32_t sim_number_failure(const char *text)
{
    uint32_t number = 1;

    while (*text)
        number = number * 31 + (uint8_t)*text++;
    return number;
}

_Noreturn void sim_fail(const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    sim.failure = sim_number_failure(strcmp(format, "%s") == 0 ? text : format);
    harness_fail("simulation", (int)sim.step, text);
}

/* ---- threads ---- */

/* The thread of a step, or the next one that runs; SIM_THREADS: none does. */
static uint32_t sim_do_find_thread(const struct sim_step *step)
{
    for (uint32_t i = 0; i < SIM_THREADS; i++)
        if (sim.thread[(step->thread + i) % SIM_THREADS].state == SIM_RUNS)
            return (step->thread + i) % SIM_THREADS;
    return SIM_THREADS;
}

/* The process of a step, or the next one that lives; NULL: none does. */
static struct sim_process *sim_do_find_process(const struct sim_step *step)
{
    for (uint32_t i = 0; i < SIM_PROCESSES; i++)
        if (sim.model.process[(step->thread + i) % SIM_PROCESSES].space)
            return &sim.model.process[(step->thread + i) % SIM_PROCESSES];
    return NULL;
}

/* True if a program is to be ended for the access, unless it is lucky.  What is to grow out of memory must live. */
static bool sim_do_is_wild(const struct sim_step *step)
{
    return step->argument >> 3 == 1 && !(sim.config.swap && step->salt & SIM_SALT_TAME);
}

/* The page of a step, or the next one where the access is allowed: what a program would be ended for it does
 * seldom.  SIM_PAGES: there is none. */
static uint32_t sim_do_find_page(const struct sim_process *process, const struct sim_step *step,
                                 uint32_t access)
{
    uint32_t first = step->first % SIM_PAGES;

    for (uint32_t i = 0; i < SIM_PAGES; i++)
        if (sim_do_is_wild(step) ||
            sim_page_signal(&process->page[(first + i) % SIM_PAGES], access) == 0)
            return (first + i) % SIM_PAGES;
    return SIM_PAGES;
}

static bool sim_do_choose_access(const struct sim_process *process, const struct sim_step *step,
                                 struct sim_access *access)
{
    static const uint32_t accesses[] = {FL_ACCESS_WRITE, FL_ACCESS_READ,  FL_ACCESS_EXEC,
                                        FL_ACCESS_WRITE, FL_ACCESS_WRITE, FL_ACCESS_READ,
                                        FL_ACCESS_WRITE, FL_ACCESS_WRITE};

    access->access = accesses[step->argument & 7];
    access->page = sim_do_find_page(process, step, access->access);
    access->offset = step->salt % FL_PAGE_BYTES;
    access->byte = step->byte;
    if (sim.config.swap && access->page % 2) { /* a page that may be merged */
        access->offset = 0;
        access->byte %= 4;
    }
    return access->page < SIM_PAGES;
}

static void sim_do_access(const struct sim_step *step)
{
    uint32_t number = sim_do_find_thread(step), hart = step->to % sim.config.harts;
    struct sim_thread *thread = &sim.thread[number];
    const struct sim_process *process;

    if (number == SIM_THREADS)
        return;
    process = &sim.model.process[thread->process];
    if (!thread->retries && !sim_do_choose_access(process, step, &thread->access))
        return;
    thread->retries = !sim_access_try(process, hart, &thread->access);
    if (thread->retries)
        sim_pager_send_fault(number);
}

/* One; where pages leave memory, more that need them, by other threads. */
static void sim_do_accesses(const struct sim_step *step)
{
    struct sim_step next = *step;

    for (uint32_t i = 0; i <= (sim.config.swap ? step->count : 0); i++) {
        sim_do_access(&next);
        next.thread++;
        next.first++;
    }
}

/* A thread in the middle of an access makes that first. */
static void sim_do_call(const struct sim_step *step)
{
    uint32_t number = sim_do_find_thread(step);

    if (number == SIM_THREADS)
        return;
    if (sim.thread[number].retries)
        sim_do_access(step);
    else
        sim_pager_send_call(number, step);
}

/* ---- the pager, the root task, the environment ---- */

static void sim_do_serve(const struct sim_step *step)
{
    for (uint32_t i = 0; i <= step->count % (sim.config.swap ? SIM_THREADS : 3u); i++)
        sim_pager_serve();
    if (sim.config.swap) { /* which takes time */
        sim_swap_poll(step->argument / 32u);
        sim_pager_attend();
    }
}

static void sim_do_exit(const struct sim_step *step)
{
    struct sim_process *process = sim_do_find_process(step);

    if (process && !(sim.config.swap && step->salt & SIM_SALT_TAME))
        sim_pager_destroy(process);
}

static void sim_do_replace(const struct sim_step *step)
{
    sim_pager_replace_file(1 + step->argument % (SIM_OPEN_FILES - 1));
}

static void sim_do_disk(const struct sim_step *step)
{
    (void)sim_file_poll(step->argument % 16u);
    if (sim.config.swap)
        sim_swap_poll(step->argument / 16u);
    sim_pager_attend();
}

static void sim_do_evict(const struct sim_step *step)
{
    const struct sim_process *process = sim_do_find_process(step);
    struct sim_range range = sim_call_range(step);

    if (process)
        sim_vm()->port.unmap(sim_vm()->port.context, process->space->id,
                             sim_page_address(range.first), range.count);
}

static void sim_do_shortage(const struct sim_step *step)
{
    if (step->argument % 3 == 0)
        sim_pager_take_frames(step->to % 24u);
    else
        sim_pager_give_frames();
}

static void sim_do_refuse(const struct sim_step *step)
{
    if (step->argument % 2)
        sim.kernel.map_refusals = 1 + step->to % 2u;
    else
        sim.kernel.reply_refusals = 1 + step->to % 2u;
}

/* Where pages leave memory D is the core's to take. */
static void sim_do_harvest(void)
{
    if (sim.config.swap)
        return;
    if (!sim.compared)
        sim_compare_programs();
    sim_dirty_harvest();
}

static void sim_do_other(const struct sim_step *step)
{
    switch ((enum sim_step_kind)step->kind) {
    case SIM_STEP_serve:
        sim_do_serve(step);
        break;
    case SIM_STEP_exit:
        sim_do_exit(step);
        break;
    case SIM_STEP_event:
        sim_pager_next_event();
        break;
    case SIM_STEP_replace:
        sim_do_replace(step);
        break;
    case SIM_STEP_disk:
        sim_do_disk(step);
        break;
    case SIM_STEP_idle:
        (void)stock_fill(sim_vm());
        break;
    case SIM_STEP_evict:
        sim_do_evict(step);
        break;
    case SIM_STEP_shortage:
        sim_do_shortage(step);
        break;
    case SIM_STEP_refuse:
        sim_do_refuse(step);
        break;
    case SIM_STEP_harvest:
        sim_do_harvest();
        break;
    case SIM_STEP_press:
    case SIM_STEP_swapon:
    case SIM_STEP_setting:
    case SIM_STEP_window:
    case SIM_STEP_merge:
        if (sim.config.swap)
            sim_swap_step(step);
        break;
    default:
        sim_do_call(step);
        break;
    }
}

void sim_do_step(const struct sim_step *step)
{
    uint64_t seed = (step->salt + 1) * SIM_SEED_STEP, messages = sim.counts.messages;
    bool sends = step->kind <= SIM_STEP_LAST_OF_CALLS;

    sim_machine_seed(seed >> 16);
    sim_disk_seed(sim.disk, seed);
    if (sim.config.swap)
        sim_swap_seed(seed);
    sim.pager_hart = sim_machine_random(sim.config.harts);
    if (step->kind == SIM_STEP_access)
        sim_do_accesses(step);
    else
        sim_do_other(step);
    sim_compare_all(!sends || sim.counts.messages != messages);
    sim.counts.operations++;
}

void sim_do_trace(const struct sim_config *config, const struct sim_step *steps, uint32_t count)
{
    sim_pager_begin(config);
    for (sim.step = 0; sim.step < count; sim.step++)
        sim_do_step(&steps[sim.step]);
    sim_pager_end();
    sim.counts.traces++;
}
