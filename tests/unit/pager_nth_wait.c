/* The N-th failure of everything while requests wait, for a page that is fetched or for a frame. */
#include "pager_nth.h"

#include "harness.h"

#define COUNT(table) (uint32_t)(sizeof(table) / sizeof((table)[0]))
#define SLOW         FREE_AT               /* the slow file, for reading */
#define SLOW_PRIVATE (FREE_AT + 32 * PAGE) /* the same, private and writable */

static void prepare_slow(void)
{
    bool mapped = slow_map(&nth.slow, nth.a, SLOW, 0, SLOW_PAGES, false) &&
                  slow_map(&nth.slow, nth.a, SLOW_PRIVATE, 0, SLOW_PAGES, true);

    fail_nth_expect(mapped, "the world is not as the test needs it: the slow file");
}

static void end_fetches(void)
{
    while (nth.slow.fetches > 0)
        slow_end_fetch(&nth.slow, nth.slow.fetch[0], true);
}

/* What became of a thread's request, when all that it could wait for has come. */
static int thread_result(struct slow_thread *thread)
{
    int result;

    end_fetches();
    switch (thread->state) {
    case SLOW_SERVED:
        return 0;
    case SLOW_FAILED:
        return thread->error;
    case SLOW_STOPPED: /* who waits for its frames looks again */
        result = nth_stopped(thread->space);
        slow_serve(&nth.slow);
        return result;
    case SLOW_AGAIN:
        return NTH_REFUSED;
    case SLOW_WAITS: /* for frames of the largest, which was ended; and does not any more */
        if (!nth.vm->event_first)
            break;
        wait_drop_space(nth.vm, thread->space);
        thread->state = SLOW_IDLE;
        return nth_stopped(NULL);
    case SLOW_IDLE:
    case SLOW_GONE:
        break;
    }
    fail_nth_expect(false, "a request waits for ever");
    return EIO;
}

static int fault(uint64_t address, uint32_t access)
{
    slow_fault(&nth.slow, &nth.slow.thread[0], nth.a, address, access);
    return thread_result(&nth.slow.thread[0]);
}

static int call_fetch(void)
{
    return fault(SLOW + 2 * PAGE, FL_ACCESS_READ);
}
static int call_fetch_copy(void)
{
    return fault(SLOW_PRIVATE + PAGE, FL_ACCESS_WRITE);
}
static int call_fetch_write(void)
{
    slow_write(&nth.slow, &nth.slow.thread[0], nth.a, SLOW_PRIVATE + 3 * PAGE, 0x99);
    return thread_result(&nth.slow.thread[0]);
}

/* All that can come has come; the root task lets a stopped program go on, and who waited for its frames
 * looks again.  ENOMEM if it was stopped. */
static int settle(void)
{
    int result = 0;

    end_fetches();
    while (nth.a->stopped) {
        result = nth_stopped(nth.a);
        slow_serve(&nth.slow);
        end_fetches();
    }
    return result;
}

/* Two on one page, and one on another: one fetch for the first two. */
static int call_fetch_two(void)
{
    int result;

    slow_fault(&nth.slow, &nth.slow.thread[0], nth.a, SLOW + PAGE, FL_ACCESS_READ);
    slow_fault(&nth.slow, &nth.slow.thread[1], nth.a, SLOW_PRIVATE + PAGE, FL_ACCESS_READ);
    slow_fault(&nth.slow, &nth.slow.thread[2], nth.a, SLOW_PRIVATE + 2 * PAGE, FL_ACCESS_WRITE);
    result = settle();
    for (uint32_t i = 0; i < 3; i++)
        if (nth.slow.thread[i].state != SLOW_STOPPED && thread_result(&nth.slow.thread[i]) != 0)
            result = ENOMEM;
    return result;
}

/* A program that was stopped still has frames: who finds none waits for them, until it is destroyed. */
static int call_wait_memory(void)
{
    slow_fault(&nth.slow, &nth.slow.thread[0], nth.a, ANON + 7 * PAGE, FL_ACCESS_WRITE);
    if (nth.c)
        nth_destroy(nth.c);
    nth.c = NULL;
    return thread_result(&nth.slow.thread[0]);
}
static int call_wait_memory_two(void)
{
    int first, second;

    slow_fault(&nth.slow, &nth.slow.thread[0], nth.a, ANON + 7 * PAGE, FL_ACCESS_WRITE);
    slow_fault(&nth.slow, &nth.slow.thread[1], nth.b, ANON, FL_ACCESS_WRITE);
    if (nth.c)
        nth_destroy(nth.c);
    nth.c = NULL;
    first = thread_result(&nth.slow.thread[0]);
    second = thread_result(&nth.slow.thread[1]);
    return first ? first : second;
}
static void prepare_stopped(void)
{
    const struct space_event event = {.kind = PAGER_EVENT_EXCEPTION, .signal = 4};

    vm_stop_space(nth.vm, nth.c, &event);
    fail_nth_expect(space_next_event(nth.vm) == nth.c, "no event of the stopped program");
    nth.mask = (struct snapshot_mask){.space = nth.c, .whole = true};
}
static const char *check_nothing(void)
{
    return NULL;
}

/* Calls that come to a page on its way say so, and nothing else. */
static int again(int (*call)(void))
{
    int error = call();

    for (uint32_t turn = 0; turn < 2 * SLOW_PAGES && error == EINPROGRESS; turn++) {
        end_fetches();
        error = call();
    }
    return error;
}
static int resident(void)
{
    return vm_resident(nth.vm, nth.a, ANON, 12 * PAGE, SLOW_PRIVATE + PAGE - 6, &nth.at);
}
static int call_resident(void)
{
    return again(resident);
}
static int wire(void)
{
    return vm_wire(nth.vm, nth.a, SLOW_PRIVATE, 3 * PAGE, 0);
}
static int call_wire(void)
{
    return again(wire);
}
static int read_into(void)
{
    int64_t done = kit_read(&nth.slow.fake, nth.a, NTH_F, SLOW_PRIVATE, 100, 0);

    return done < 0 ? (int)-done : 0;
}
static int call_read(void)
{
    return again(read_into);
}
static int write_from(void)
{
    int64_t done = kit_write(&nth.slow.fake, nth.a, NTH_SHM, SLOW + PAGE, 100, 0);

    return done < 0 ? (int)-done : 0;
}
static int call_write(void)
{
    return again(write_from);
}
static int fork_busy(void)
{
    return vm_fork(nth.vm, nth.a, nth.child);
}
static void prepare_fork_busy(void)
{
    prepare_slow();
    nth.child = space_create(nth.vm, 9);
    slow_fault(&nth.slow, &nth.slow.thread[0], nth.a, SLOW + PAGE, FL_ACCESS_READ);
    slow_fault(&nth.slow, &nth.slow.thread[1], nth.a, SLOW_PRIVATE + 2 * PAGE, FL_ACCESS_WRITE);
}

static const struct nth_scenario waits[] = {
    {"fetch", call_fetch, NTH_NO_MEMORY, NTH_VISIBLE, prepare_slow, NULL},
    {"fetch-copy", call_fetch_copy, NTH_NO_MEMORY, NTH_VISIBLE, prepare_slow, NULL},
    {"fetch-write", call_fetch_write, NTH_NO_MEMORY, NTH_VISIBLE, prepare_slow, NULL},
    {"fetch-two", call_fetch_two, NTH_NO_MEMORY, NTH_VISIBLE, prepare_slow, NULL},
    {"fetch-resident", call_resident, NTH_ERROR(EFAULT), NTH_VISIBLE, prepare_slow, NULL},
    {"fetch-wire", call_wire, NTH_NO_MEMORY | NTH_ERROR(EAGAIN), NTH_VISIBLE, prepare_slow, NULL},
    {"fetch-read", call_read, NTH_NO_MEMORY, NTH_VISIBLE, prepare_slow, NULL},
    {"fetch-source", call_write, NTH_NO_MEMORY | NTH_ERROR(ENOSPC), NTH_VISIBLE, prepare_slow,
     NULL},
    {"fetch-fork", fork_busy, NTH_NO_MEMORY, NTH_EXACT, prepare_fork_busy, NULL},
    {"wait-memory", call_wait_memory, NTH_NO_MEMORY, NTH_PARTIAL, prepare_stopped, check_nothing},
    {"wait-memory-two", call_wait_memory_two, NTH_NO_MEMORY, NTH_PARTIAL, prepare_stopped,
     check_nothing},
};

TEST("who waits for a page or a frame gets it, or is told that there is none, whatever fails "
     "meanwhile")
{
    nth_sweep(waits, COUNT(waits));
}
