/* What the threads of the space under test run: a program without libos, entered with a role.
 *
 * A role writes numbers that only grow, in an order that every consistent picture of the memory keeps;
 * the checker looks at such a picture.  It tells what it found by the address of a fault. */
#include "worker.h"

#include <stdint.h>

#include "fl_calls.h"
#include "memory_values.h"
#include "protocol.h"

#define PAGE_WORDS 512u

/* One word of a page each.  `low` and `high` lie at both ends of the memory in between. */
static volatile uint64_t low[WORKER_PAGES][PAGE_WORDS] __attribute__((aligned(4096)));
static volatile uint64_t middle[WORKER_PAGES][PAGE_WORDS] __attribute__((aligned(4096)));
static volatile uint64_t high[WORKER_PAGES][PAGE_WORDS] __attribute__((aligned(4096)));

void _start(uint64_t role) __attribute__((section(".text.start")));

static _Noreturn void worker_tell(uint64_t verdict)
{
    volatile uint64_t address = verdict; /* the compiler must not see that nothing is there */

    for (;;)
        *(volatile uint8_t *)(uintptr_t)address = 0;
}

/* Round after round: the same number into each page, first to last. */
static _Noreturn void worker_count(void)
{
    for (uint64_t n = 1;; n++)
        for (unsigned i = 0; i < WORKER_PAGES; i++)
            middle[i][0] = n;
}

/* Passes on what the counter's last page says: never more than that page holds. */
static _Noreturn void worker_follow(volatile uint64_t (*echo)[PAGE_WORDS])
{
    for (;;) {
        uint64_t n = middle[WORKER_PAGES - 1][0];

        for (unsigned i = 0; i < WORKER_PAGES; i++)
            echo[i][0] = n;
    }
}

static void worker_fill(void)
{
    for (unsigned i = 0; i < WORKER_PAGES; i++)
        low[i][0] = middle[i][0] = high[i][0] = 0;
}

/* Numbers of one writer: they fall by one at most, at one place. */
static void worker_check_round(volatile uint64_t (*pages)[PAGE_WORDS], uint64_t verdict)
{
    for (unsigned i = 1; i < WORKER_PAGES; i++)
        if (pages[i][0] > pages[i - 1][0])
            worker_tell(verdict);
}

/* Whether the pages stay what they are while the writers of another space have their turns. */
static void worker_check_still(void)
{
    uint64_t seen[3][WORKER_PAGES];

    for (unsigned i = 0; i < WORKER_PAGES; i++) {
        seen[0][i] = low[i][0];
        seen[1][i] = middle[i][0];
        seen[2][i] = high[i][0];
    }
    (void)flr_thread_yield(0);
    for (unsigned i = 0; i < WORKER_PAGES; i++)
        if (low[i][0] != seen[0][i] || middle[i][0] != seen[1][i] || high[i][0] != seen[2][i])
            worker_tell(WORKER_MOVING);
}

static _Noreturn void worker_check(void)
{
    worker_check_still();
    worker_check_round(middle, WORKER_TORN);
    worker_check_round(low, WORKER_TORN);
    worker_check_round(high, WORKER_TORN);
    if (middle[0][0] - middle[WORKER_PAGES - 1][0] > 1)
        worker_tell(WORKER_TORN);
    if (low[0][0] > middle[WORKER_PAGES - 1][0] || high[0][0] > middle[WORKER_PAGES - 1][0])
        worker_tell(WORKER_AHEAD);
    worker_tell(middle[0][0] == 0 ? WORKER_EMPTY : WORKER_FINE);
}

static _Noreturn void worker_hog(void)
{
    const uint64_t rights = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    struct fl_message answer =
        fl_ipc_call(PROGRAM_SLOT_PAGER, FL_INFO(FL_PROTOCOL_LABEL(PAGER_VERSION, PAGER_MMAP), 4), 0,
                    WORKER_HOARD * PAGE_WORDS * 8, rights | flags << 32, 0);
    volatile uint64_t *hoard = (volatile uint64_t *)(uintptr_t)answer.word[1];

    if (answer.status != FL_OK || answer.word[0] != 0)
        worker_tell(WORKER_FALSE);
    for (uint64_t i = 0; i < WORKER_HOARD; i++) {
        hoard[i * PAGE_WORDS] = i ^ 0x5a5a;
        (void)flr_thread_yield(0); /* all hogs grow alike */
    }
    for (uint64_t i = 0; i < WORKER_HOARD; i++)
        if (hoard[i * PAGE_WORDS] != (i ^ 0x5a5a) || hoard[i * PAGE_WORDS + 1] != 0)
            worker_tell(WORKER_FALSE);
    worker_tell(WORKER_FINE);
}

void _start(uint64_t role)
{
    switch ((enum worker_role)role) {
    case WORKER_FILL:
        worker_fill();
        worker_tell(WORKER_FILLED);
    case WORKER_COUNT:
        worker_count();
    case WORKER_FOLLOW_LOW:
        worker_follow(low);
    case WORKER_FOLLOW_HIGH:
        worker_follow(high);
    case WORKER_CHECK:
        worker_check();
    case WORKER_HOG:
        worker_hog();
    }
    worker_tell(WORKER_UNKNOWN);
}
