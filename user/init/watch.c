/* Owns the watch's thread, its timer and the count of work in progress.  See watch.h for G1 to G3. */
#include "watch.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "console.h"
#include "fl_calls.h"
#include "frames.h"
#include "log.h"
#include "process.h"
#include "slots.h"
#include "stall.h"

/* Above our main stack, with a page between them that is never mapped. */
#define WATCH_STACK     (FL_BOOT_STACK + FL_PAGE_BYTES)
#define WATCH_STACK_END (WATCH_STACK + FL_PAGE_BYTES)

/* Faults of a thread that nobody answers are older than this when they are reported. */
#define WATCH_PATIENCE_SECONDS ((STALL_LOOKS - 1) * WATCH_PERIOD_SECONDS)
_Static_assert(WATCH_PATIENCE_SECONDS >= 10, "the time that a slow pager has");

void server_thread_entry(void);

static struct {
    _Atomic uint64_t work; /* G1 */
    _Atomic bool armed;    /* G2 */
    _Atomic uint64_t calls_begun;
    _Atomic uint64_t calls_ended;
    _Atomic uint64_t disk_requests; /* as the pager said last */
    bool has_disks;                 /* what waits may wait for one */
    uint64_t period;                /* ticks */
    uint64_t deadline;              /* armed: of the timer */
    struct frames_run buffer;       /* the watch's message buffer, not mapped before its report */
    struct stall stall;
} watch;

/* --- the server's side -------------------------------------------------------------------------
 */

void watch_begin_work(void)
{
    atomic_fetch_add(&watch.work, 1);
    if (!atomic_load(&watch.armed))
        (void)flr_notification_signal(SLOT_WATCH_NOTIFICATION);
}

void watch_end_work(void)
{
    atomic_fetch_sub(&watch.work, 1);
}

void watch_begin_call(void)
{
    atomic_fetch_add(&watch.calls_begun, 1);
    watch_begin_work();
}

void watch_end_call(void)
{
    atomic_fetch_add(&watch.calls_ended, 1);
    watch_end_work();
}

void watch_tell_disks(uint64_t requests, uint64_t calls)
{
    atomic_store(&watch.disk_requests, requests);
    atomic_fetch_sub(&watch.calls_begun, calls);
    atomic_fetch_sub(&watch.calls_ended, calls);
}

/* --- looking -----------------------------------------------------------------------------------
 */

static uint64_t watch_counter(enum fl_counter which)
{
    return flr_system_counter(FL_BOOT_SYSTEM, which).value;
}

/* Whether the thread waits in a call, a send or, with `fault`, in a fault. */
static bool watch_is_waiting(uint64_t state, bool fault)
{
    return (FL_STATE(state) == FL_STATE_SENDING || FL_STATE(state) == FL_STATE_AWAIT_REPLY) &&
           ((state & FL_STATE_FAULT) != 0) == fault;
}

/* A record without a thread has an empty slot: its state reads as 0, which is STOPPED. */
static uint64_t watch_state(uint64_t tcb)
{
    return flr_tcb_state(tcb).value;
}

static struct stall_look watch_look(void)
{
    struct stall_look look = {.faults_sent = watch_counter(FL_COUNTER_PAGE_FAULTS),
                              .calls_begun = atomic_load(&watch.calls_begun),
                              .calls_ended = atomic_load(&watch.calls_ended),
                              .excused = watch_is_waiting(watch_state(SLOT_PAGER_TCB), false)};

    look.excused |= look.calls_begun == look.calls_ended && atomic_load(&watch.disk_requests) > 0;

    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        uint64_t state = watch_state(process_tcb_slot(process_at(i)));

        if (watch_is_waiting(state, true))
            stall_add_fault(&look, FL_STATE_COUNT(state));
    }
    return look;
}

/* A pager that nobody waits for may have stopped as well, in a call of a program say, and one that is
 * waited for may wait for a disk: the server asks it, and that is what the next looks find. */
static void watch_probe(const struct stall_look *look)
{
    if (atomic_load(&watch.work) > 0 && (look->waiting == 0 || watch.has_disks) &&
        look->calls_begun == look->calls_ended)
        (void)flr_notification_signal(SLOT_WAKE_WATCH);
}

/* --- the report --------------------------------------------------------------------------------
 */

static const char *watch_state_text(uint64_t state)
{
    static const char *const texts[] = {
        [FL_STATE_STOPPED] = "stopped",
        [FL_STATE_READY] = "runs",
        [FL_STATE_SENDING] = "waits to be received",
        [FL_STATE_RECEIVING] = "waits for a message",
        [FL_STATE_AWAIT_REPLY] = "waits for an answer",
        [FL_STATE_AWAIT_BITS] = "waits for a notification",
    };
    unsigned number = FL_STATE(state);

    return number < sizeof texts / sizeof texts[0] ? texts[number] : "in a state of no name";
}

/* Registers of a thread that is stopped or waits in a fault; NULL if they can't be read.  They are
 * in the message buffer: valid until the next line is printed.  [0] is the pc. */
static const volatile uint64_t *watch_registers(uint64_t tcb)
{
    if (flr_tcb_read_registers(tcb, 0).status != FL_OK)
        return NULL;
    return (const volatile uint64_t *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
}

static void watch_report_process(const struct process *process)
{
    uint64_t tcb = process_tcb_slot(process), state = watch_state(tcb);
    const volatile uint64_t *registers = watch_registers(tcb);

    if (watch_is_waiting(state, true) && registers)
        log_line("%s[%u]: %s, fault %u at pc 0x%lx", process->name, process->pid,
                 watch_state_text(state), FL_STATE_COUNT(state), registers[0]);
    else
        log_line("%s[%u]: %s, last fault %u", process->name, process->pid, watch_state_text(state),
                 FL_STATE_COUNT(state));
}

/* `state`: before it was stopped. */
static void watch_report_pager(uint64_t state)
{
    enum { RA = 1, SP = 2, A0 = 10, ARGUMENTS = 8 };
    const volatile uint64_t *registers;
    uint64_t pc, ra, sp, a[ARGUMENTS];

    log_line("pager: %s", watch_state_text(state));
    registers = watch_registers(SLOT_PAGER_TCB);
    if (!registers)
        return;
    pc = registers[0];
    ra = registers[RA];
    sp = registers[SP];
    for (unsigned i = 0; i < ARGUMENTS; i++)
        a[i] = registers[A0 + i];
    log_line("pager: pc 0x%lx sp 0x%lx ra 0x%lx", pc, sp, ra);
    log_line("pager: a0 0x%lx a1 0x%lx a2 0x%lx a3 0x%lx", a[0], a[1], a[2], a[3]);
    log_line("pager: a4 0x%lx a5 0x%lx a6 0x%lx a7 0x%lx", a[4], a[5], a[6], a[7]);
}

static void watch_report_counters(void)
{
#define FL_COUNTER(number, name, doc) [number] = #name,
    static const char *const names[] = {
#include "counters.def"
    };
#undef FL_COUNTER

    for (unsigned i = 0; i < FL_COUNTER_COUNT; i++)
        log_line("counter %s %lu", names[i], watch_counter((enum fl_counter)i));
}

/* The process whose fault has the number; NULL if there is none. */
static const struct process *watch_find_faulter(uint32_t number)
{
    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        uint64_t state = watch_state(process_tcb_slot(process_at(i)));

        if (watch_is_waiting(state, true) && FL_STATE_COUNT(state) == number)
            return process_at(i);
    }
    return NULL;
}

_Noreturn static void watch_stop(const struct stall_look *look)
{
    const struct process *faulter = watch_find_faulter(look->oldest);

    if (look->waiting == 0 || !faulter)
        log_stop("the pager does not answer: call %lu of init waits for more than %u s",
                 look->calls_begun, WATCH_PATIENCE_SECONDS);
    log_stop("the pager does not answer: fault %u of %s[%u], the oldest of %u, waits for more than "
             "%u s",
             look->oldest, faulter->name, faulter->pid, look->waiting, WATCH_PATIENCE_SECONDS);
}

/* From here on the watch is the server, with its own message buffer at the buffers' address (G3).
 * The server may have been in a call to the console driver: a FLUSH waits until there is room again
 * for what follows.  Without the buffer nothing can be printed. */
static void watch_take_over(void)
{
    uint64_t status;

    (void)flr_tcb_suspend(FL_BOOT_TCB);
    status = flr_vspace_map(FL_BOOT_VSPACE, FL_BOOT_RAM + watch.buffer.range, watch.buffer.page,
                            FL_BUFFER, 1, FL_RIGHT_READ | FL_RIGHT_WRITE | FL_MAP_REPLACE)
                 .status;
    if (status != FL_OK)
        log_power_off(1);
    console_flush();
}

_Noreturn static void watch_report(const struct stall_look *look)
{
    uint64_t pager = watch_state(SLOT_PAGER_TCB), server = watch_state(FL_BOOT_TCB);

    (void)flr_tcb_suspend(SLOT_PAGER_TCB);
    watch_take_over();
    log_line("the pager does not answer; all threads:");
    log_line("server: %s", watch_state_text(server));
    for (unsigned i = 0; i < PROCESSES_MAX; i++)
        if (process_at(i)->state == PROCESS_RUNNING)
            watch_report_process(process_at(i));
    watch_report_pager(pager);
    watch_report_counters();
    watch_stop(look);
}

/* --- the thread --------------------------------------------------------------------------------
 */

static void watch_expect(const char *what, uint64_t status)
{
    if (status != FL_OK)
        log_stop("watch: %s: status 0x%lx", what, status);
}

/* Work that begins after the question finds `armed` false, and signals. */
static void watch_arm(void)
{
    atomic_store(&watch.armed, false);
    if (atomic_load(&watch.work) == 0)
        return;
    atomic_store(&watch.armed, true);
    watch.deadline = fl_rdtime() + watch.period;
    (void)flr_timer_set(SLOT_WATCH_TIMER, watch.deadline);
}

static void watch_run(uint64_t argument)
{
    (void)argument;
    for (;;) {
        struct stall_look look;

        (void)flr_notification_wait(SLOT_WATCH_NOTIFICATION);
        if (atomic_load(&watch.armed)) {
            if (fl_rdtime() < watch.deadline)
                continue;
            look = watch_look();
            if (stall_judge(&watch.stall, &look))
                watch_report(&look);
            watch_probe(&look);
        }
        watch_arm();
    }
}

/* Returns: where the stack ends. */
static uint64_t watch_map_stack(void)
{
    struct frames_run stack = frames_take(1, "the watch's stack");

    frames_map(FL_BOOT_VSPACE, FL_BOOT_RAM + stack.range, stack.page, WATCH_STACK, 1,
               FL_RIGHT_READ | FL_RIGHT_WRITE);
    return WATCH_STACK_END;
}

void watch_start(uint64_t timebase_hz, bool has_disks)
{
    static const uint64_t start[2] = {(uint64_t)(uintptr_t)watch_run, 0};
    uint64_t tcb = SLOT_WATCH_TCB, stack_end = watch_map_stack();

    watch.has_disks = has_disks;
    atomic_store(&watch.armed, timebase_hz == 0); /* and it never is, then */
    watch.period = WATCH_PERIOD_SECONDS * timebase_hz;
    watch.buffer = frames_take(1, "the watch's message buffer");
    watch_expect("timer", flr_timer_bind(SLOT_WATCH_TIMER, SLOT_WATCH_NOTIFICATION).status);
    watch_expect(
        "message buffer",
        flr_tcb_set_buffer(tcb, FL_BOOT_RAM + watch.buffer.range, watch.buffer.page, 0).status);
    watch_expect("CSpace", flr_tcb_set_cspace(tcb, FL_BOOT_CNODE).status);
    watch_expect("space", flr_tcb_set_space(tcb, FL_BOOT_VSPACE, FL_BOOT_SYSTEM).status);
    watch_expect("priority", flr_tcb_set_priority(tcb, FL_BOOT_SCHED, PRIORITY_WATCH).status);
    watch_expect("start", flr_tcb_start(tcb, (uint64_t)(uintptr_t)server_thread_entry, stack_end,
                                        (uint64_t)(uintptr_t)start)
                              .status);
}
