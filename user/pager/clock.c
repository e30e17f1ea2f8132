/* Owns the pager's timer: see clock.h. */
#include "clock.h"

#include "log.h"

#define CLOCK_CYCLES 1000u /* of work, that count as a microsecond */
#define CLOCK_SECOND 1000000u

static struct {
    uint64_t hz; /* of `time` */
    bool counts_work;
    uint64_t idle;  /* cycles, when the kernel was asked last */
    bool asks_idle; /* the idle thread was woken to see whether anybody runs */
    uint64_t armed; /* when the timer signals, in `time`; 0: it does not */
    uint64_t due;   /* the end of the window that it was set for: another length may move that */
} clock;

void clock_start(uint64_t timebase_hz, bool counts_work)
{
    clock.hz = timebase_hz;
    clock.counts_work = counts_work;
}

/* Microseconds, but for what was idled since the kernel was asked. */
static uint64_t clock_at_most(void)
{
    uint64_t time;

    if (clock.counts_work)
        return (fl_rdcycle() - clock.idle) / CLOCK_CYCLES;
    time = fl_rdtime();
    return time / clock.hz * CLOCK_SECOND + time % clock.hz * CLOCK_SECOND / clock.hz;
}

static uint64_t clock_now(void)
{
    struct fl_result idle;

    if (!clock.counts_work)
        return clock_at_most();
    idle = flr_system_counter(PAGER_SLOT_SYSTEM, FL_COUNTER_IDLE_CYCLES);
    if (idle.status != FL_OK)
        log_stop("clock: what was idled: status 0x%lx", idle.status);
    clock.idle = idle.value;
    return clock_at_most();
}

static void clock_set_timer(uint64_t microseconds)
{
    uint64_t deadline = fl_rdtime() + microseconds * clock.hz / CLOCK_SECOND + 1, status;

    if (clock.armed && clock.armed <= deadline)
        return;
    clock.armed = deadline;
    status = flr_timer_set(PAGER_SLOT_TIMER, deadline).status;
    if (status != FL_OK)
        log_stop("clock: its timer: status 0x%lx", status);
}

/* Something is due in so many microseconds.  `fired`: the timer came.  True: it is not set again. */
static bool clock_wait(struct pager *pager, uint64_t microseconds, bool fired)
{
    if (clock.counts_work && pager->vm.load.suspended == 0)
        return true;
    if (clock.counts_work && microseconds > 0) {
        if (pager->disks_pending) /* a disk's end comes */
            return true;
        if (fired) {
            clock.asks_idle = true;
            (void)flr_notification_signal(PAGER_SLOT_IDLE_WAKE);
        }
    }
    clock_set_timer(microseconds);
    return clock.asks_idle;
}

void clock_note_idle(struct pager *pager)
{
    if (!clock.asks_idle)
        return;
    clock.asks_idle = false;
    if (pager->disks_pending)
        return;
    load_note_idle(&pager->vm);
}

void clock_tell_load(struct pager *pager)
{
    struct load_event event;

    while (load_take_event(&pager->vm, &event)) {
        bool waits = event.reason == LOAD_OVERLOAD || event.reason == LOAD_EXCHANGE;

        log_line("load control: process %lu %s: %s (it used %u pages, all %u of %u)", event.pid,
                 waits ? "waits" : "goes on", load_reason_name(event.reason), (unsigned)event.set,
                 (unsigned)event.needed, (unsigned)event.frames);
    }
}

/* True if what is due next may have to be waited for by the timer alone: no disk's end will come. */
static bool clock_lacks_timer(const struct pager *pager)
{
    return clock.counts_work && !clock.armed && pager->vm.load.suspended > 0 &&
           !pager->disks_pending;
}

/* A window runs and is not due: nothing is to do.  The shortest way to see it, taken with each message. */
static bool clock_rests(const struct pager *pager)
{
    const struct windows *windows = &pager->vm.windows;

    if (windows->due != clock.due || windows->due == 0 || windows->sweeps ||
        clock_lacks_timer(pager))
        return false;
    return clock.armed ? fl_rdtime() < clock.armed : clock_at_most() < windows->due;
}

bool clock_attend(struct pager *pager)
{
    struct vm *vm = &pager->vm;
    uint64_t due, now;
    bool fired, late;

    if (clock_rests(pager))
        return clock.armed == 0;
    due = window_due(vm);
    fired = clock.armed && fl_rdtime() >= clock.armed;
    if (fired)
        clock.armed = 0;
    if (due == WINDOW_NEVER)
        return false;
    now = clock_at_most();
    if (now >= due || fired)
        now = clock_now();
    if (now >= due)
        (void)window_step(vm, now);
    due = window_due(vm);
    clock.due = vm->windows.due;
    late = due != WINDOW_NEVER && clock_wait(pager, due > now ? due - now : 0, fired);
    return late;
}
