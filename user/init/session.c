/* Owns the course of a session, see session.h. */
#include "session.h"

#include <errno.h>
#include <stddef.h>

#include "argument_block.h"
#include "blk.h"
#include "console.h"
#include "fl_calls.h"
#include "initrd.h"
#include "log.h"
#include "pager_client.h"
#include "process.h"
#include "protocol.h"
#include "slots.h"

#define SESSION_ARGUMENTS_FILE ".run/argv"
#define STATUS_SIGNAL(status)  ((status)&0x7f)
#define STATUS_EXIT(status)    (((status) >> 8) & 0xff)

enum session_stage { SESSION_RUN, SESSION_TOUR, SESSION_PROMPT };

static struct {
    enum session_stage stage;
    enum boot_tour tour;
    uint32_t pid;
    bool counts_work;
    uint64_t work; /* cycles that were not idle, when the first program began */
} session;

/* Why a program does not start, in words. */
static const char *session_error_text(int error)
{
    switch (error) {
    case ENOENT:
        return "no such file in the initrd";
    case ENOEXEC:
        return "not a program of this system";
    case ENOMEM:
        return "no memory left";
    case E2BIG:
        return "too many arguments";
    default:
        return "refused";
    }
}

static int session_start_program(const struct startup_strings *arguments)
{
    struct process *process;
    int error = process_start(arguments, PROCESS_ROOT, &process);

    session.pid = error ? 0 : process->pid;
    return error;
}

static void session_start_run(void)
{
    const struct cpio_file *file = initrd_find(SESSION_ARGUMENTS_FILE);
    struct startup_strings arguments;
    int error;

    if (!file)
        log_stop("run: no file `%s` in the initrd", SESSION_ARGUMENTS_FILE);
    arguments.text = initrd_contents(file);
    arguments.bytes = file->size_bytes;
    arguments.count = argument_text_count(arguments.text, arguments.bytes);
    if (arguments.count == 0)
        log_stop("run: `%s` (%lu bytes) is no list of NUL-terminated strings",
                 SESSION_ARGUMENTS_FILE, arguments.bytes);
    error = session_start_program(&arguments);
    if (error)
        log_stop("%s: %s (error %d)", arguments.text, session_error_text(error), error);
}

static void session_start_tour(void)
{
    static const char name[] = "tour";
    int error = session_start_program(&(struct startup_strings){name, sizeof name, 1});

    session.stage = SESSION_TOUR;
    if (!error)
        return;
    log_line("%s: %s (error %d)", name, session_error_text(error), error);
    if (session.tour == BOOT_TOUR_ONLY)
        log_power_off(1);
}

static void session_start_prompt(void)
{
    static const char name[] = "sh";
    int error = session_start_program(&(struct startup_strings){name, sizeof name, 1});

    session.stage = SESSION_PROMPT;
    if (error)
        log_stop("%s: %s (error %d)", name, session_error_text(error), error);
}

/* Cycles that were not idle. */
static uint64_t session_work(void)
{
    return fl_rdcycle() - flr_system_counter(FL_BOOT_SYSTEM, FL_COUNTER_IDLE_CYCLES).value;
}

void session_start(const struct boot_arguments *arguments)
{
    session.tour = arguments->tour;
    session.counts_work = arguments->counts_work;
    session.work = session_work();
    if (console_is_run_mode()) {
        session.stage = SESSION_RUN;
        session_start_run();
        return;
    }
    if (session.tour != BOOT_TOUR_SKIPPED)
        session_start_tour();
    if (session.pid == 0)
        session_start_prompt();
}

static void session_tour_ended(uint32_t status)
{
    if (STATUS_SIGNAL(status) != 0)
        log_line("the tour was ended by signal %u", STATUS_SIGNAL(status));
    else if (status != 0)
        log_line("the tour ended with status %u", STATUS_EXIT(status));
    if (session.tour == BOOT_TOUR_ONLY)
        session_power_off(status);
    session_start_prompt();
}

bool session_is_own(uint32_t pid)
{
    return pid == session.pid;
}

void session_process_ended(uint32_t pid, uint32_t status)
{
    if (pid != session.pid)
        return;
    if (session.stage == SESSION_TOUR)
        session_tour_ended(status);
    else
        session_power_off(session.stage == SESSION_RUN ? status : 0);
}

static uint64_t session_statistic(enum pager_statistic which)
{
    uint64_t value;

    return pager_read_statistic(which, &value) ? 0 : value;
}

/* Cycles of the disk driver that so many of all requests took. */
static uint64_t session_driver_cycles(uint64_t requests, uint64_t all)
{
    struct fl_message answer =
        fl_ipc_call(SLOT_BLK_ROOT, FL_INFO(FL_PROTOCOL_LABEL(BLK_VERSION, BLK_STATISTIC), 4), 0,
                    BLK_STAT_CYCLES, 0, 0);

    if (answer.status != FL_OK || answer.word[0] != 0 || all == 0)
        return 0;
    return answer.word[1] * requests / all;
}

/* What went to swap and back, and by how many requests; nothing if nothing did. */
struct session_swap {
    uint64_t in, reads, out, writes;
};

static void session_read_swap(struct session_swap *swap)
{
    swap->in = session_statistic(PAGER_STAT_SWAP_IN);
    swap->reads = session_statistic(PAGER_STAT_SWAP_READS);
    swap->out = session_statistic(PAGER_STAT_SWAP_OUT);
    swap->writes = session_statistic(PAGER_STAT_SWAP_WRITES);
}

static void session_tell_swap(const struct session_swap *swap)
{
    if (swap->in + swap->out > 0)
        log_line("swap: %lu pages in by %lu requests, %lu out by %lu", swap->in, swap->reads,
                 swap->out, swap->writes);
}

/* What a run says that counts work: all since the first program began, and what of it wrote pages to swap. */
static void session_tell_work(const struct session_swap *swap)
{
    log_line("work: %lu cycles, %lu of them to write to swap; %lu minor and %lu major faults",
             session_work() - session.work,
             session_statistic(PAGER_STAT_OUT_CYCLES) +
                 session_driver_cycles(swap->writes, swap->reads + swap->writes),
             session_statistic(PAGER_STAT_MINOR_FAULTS),
             session_statistic(PAGER_STAT_MAJOR_FAULTS));
}

_Noreturn void session_power_off(uint32_t status)
{
    struct session_swap swap;

    session_read_swap(&swap);
    if (session.counts_work)
        session_tell_work(&swap);
    session_tell_swap(&swap);
    if (console_is_run_mode()) {
        console_report_status(status);
        log_power_off(0);
    }
    log_line("power off");
    log_power_off(status != 0);
}
