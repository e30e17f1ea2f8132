/* Costs of same-page merging, in instructions: run it by faultline-run --icount -m 128M.  Lines as those of
 * vm_bench.c, a page each.  It switches merging on and off itself. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <faultline/process.h>
#include <faultline/setting.h>

#include "abi.h"
#include "protocol.h"

#define PAIRS      512u /* pages, and as many that are equal to them */
#define PAGE_BYTES 4096u
#define WORDS      (PAGE_BYTES / sizeof(uint64_t))
#define CALLS      8192u /* of the scan without idle time: a page for each eighth */
#define PAUSES     600u

static volatile uint64_t *base;
static uint64_t samples[PAIRS];

static uint64_t counter(enum faultline_source source, unsigned which)
{
    uint64_t value = 0;

    faultline_counter(source, which, &value);
    return value;
}

static uint64_t work(void)
{
    return faultline_cycles() - counter(FAULTLINE_KERNEL, FL_COUNTER_IDLE_CYCLES);
}

static void fail(const char *what)
{
    printf("FAIL\t%s\n", what);
    exit(1);
}

static void tell(const char *operation, uint64_t figure, const char *note)
{
    printf("RES\t%s\t%llu\t%u\t-\t%s\n", operation, (unsigned long long)figure, PAIRS, note);
}

static void merge(const char *value)
{
    if (faultline_setting_write("merge", value) != 0)
        fail("the setting");
}

/* Fills all pages: page i and page i + PAIRS alike, or all different. */
static void fill(int alike, uint64_t salt)
{
    for (uint64_t page = 0; page < 2 * PAIRS; page++)
        for (uint64_t word = 0; word < WORDS; word++)
            base[page * WORDS + word] = (alike ? page % PAIRS : page) << 32 ^ word ^ salt << 16;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The median of one access to each of PAIRS pages. */
static uint64_t access_pages(uint64_t first, int write)
{
    for (uint64_t i = 0; i < PAIRS; i++) {
        volatile uint64_t *word = &base[(first + i) * WORDS];
        uint64_t start = faultline_cycles();

        if (write)
            *word = i;
        else
            (void)*word;
        samples[i] = faultline_cycles() - start;
    }
    qsort(samples, PAIRS, sizeof *samples, compare);
    return samples[PAIRS / 2];
}

/* Idle time until all pairs are merged.  Returns: the work of that, a pair. */
static uint64_t wait_for_pairs(void)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    uint64_t free = counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES), start = work();

    for (unsigned i = 0; counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) < free + PAIRS; i++) {
        if (i == PAUSES)
            fail("pages are not merged");
        nanosleep(&pause, NULL);
    }
    return (work() - start) / PAIRS;
}

/* Calls that do nothing, each eighth of which looks at a page if merging is on.  Returns: their cost. */
static uint64_t call(void)
{
    uint64_t start = work();

    for (unsigned i = 0; i < CALLS; i++)
        madvise((void *)(uintptr_t)base, PAGE_BYTES, MADV_NORMAL);
    return work() - start;
}

int main(void)
{
    uint64_t off, pair;
    void *memory = mmap(NULL, 2 * PAIRS * PAGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || madvise(memory, 2 * PAIRS * PAGE_BYTES, MADV_MERGEABLE) != 0)
        fail("memory");
    base = memory;
    fill(0, 1);
    off = call();
    merge("on");
    call();
    tell("same-page merging: a page looked at", (call() - off) / (CALLS / 8),
         "unchanged, and equal to none");
    fill(1, 2);
    pair = wait_for_pairs();
    tell("same-page merging: two equal pages merged", pair,
         "all looks at both until the scanner rests");
    tell("same-page merging: read of a merged page", access_pages(0, 0), "in no table; a fault");
    access_pages(PAIRS, 0);
    tell("same-page merging: write to a merged page", access_pages(0, 1), "a fault and a copy");
    tell("same-page merging: write by the last sharer", access_pages(PAIRS, 1),
         "a fault; it keeps the frame");
    return 0;
}
