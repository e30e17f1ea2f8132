/* Costs of page faults, fork and memory calls through the real pager, in instructions: run it by
 * faultline-run --icount.  Lines
 * "RES <tab> operation <tab> figure <tab> iterations <tab> fences per operation <tab> note"; the empty
 * measurement is subtracted.  Frames are not zeroed ahead but for one row; page tables grow on the way,
 * which only the means show.  Each row compares what it did with the pager's counters. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <faultline/process.h>

#include "abi.h"
#include "order.h"
#include "protocol.h"

#define PAGES      4096u
#define PAGE_BYTES 4096u
#define READY      256u /* frames that the pager zeroes ahead in idle time */

static uint64_t samples[PAGES];
static uint32_t order[PAGES];
static uint64_t overhead;

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t median(uint32_t count)
{
    qsort(samples, count, sizeof *samples, compare);
    return samples[count / 2];
}

static uint64_t fences(void)
{
    uint64_t value = 0;

    faultline_counter(FAULTLINE_KERNEL, FL_COUNTER_FENCES, &value);
    return value;
}

static void calibrate(void)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        uint64_t start = faultline_cycles();
        samples[i] = faultline_cycles() - start;
    }
    overhead = median(PAGES);
}

static long minor_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static uint64_t pager_counter(enum pager_statistic which)
{
    uint64_t value = 0;

    faultline_counter(FAULTLINE_PAGER, which, &value);
    return value;
}

static void expect(const char *operation, const char *what, uint64_t counted, uint64_t expected)
{
    if (counted == expected)
        return;
    printf("FAIL\t%s\t%llu %s counted, %llu expected\n", operation, (unsigned long long)counted,
           what, (unsigned long long)expected);
    exit(1);
}

/* What was counted when a row began. */
struct counters {
    uint64_t fences;
    uint64_t copied;
    uint64_t taken;
    uint64_t ready; /* zeroed ahead */
    long faults;
};

static struct counters count(void)
{
    return (struct counters){fences(), pager_counter(PAGER_STAT_PAGES_COPIED),
                             pager_counter(PAGER_STAT_PAGES_TAKEN),
                             pager_counter(PAGER_STAT_ZEROED_TAKEN), minor_faults()};
}

/* `wanted`: what must have happened since `before`; its fences are not looked at. */
static void check(const char *operation, const struct counters *before,
                  const struct counters *wanted)
{
    long faults = minor_faults() - before->faults;

    expect(operation, "faults", (uint64_t)faults, (uint64_t)wanted->faults);
    expect(operation, "copied pages", pager_counter(PAGER_STAT_PAGES_COPIED) - before->copied,
           wanted->copied);
    expect(operation, "taken pages", pager_counter(PAGER_STAT_PAGES_TAKEN) - before->taken,
           wanted->taken);
    expect(operation, "pages zeroed ahead", pager_counter(PAGER_STAT_ZEROED_TAKEN) - before->ready,
           wanted->ready);
}

/* Prints the median of `done` samples. */
static void report(const char *operation, uint32_t done, uint64_t fenced, const char *note)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < done; i++)
        sum += samples[i] - overhead;
    printf("RES\t%s\t%llu\t%u\t%.2f\tmedian, %s; mean %.1f\n", operation,
           (unsigned long long)(median(done) - overhead), done, (double)fenced / done, note,
           (double)sum / done);
}

/* Writes to all pages of the samples: after a fork these are shared too, and no part of a row. */
static void warm(void)
{
    for (uint32_t i = 0; i < PAGES; i += PAGE_BYTES / sizeof *samples)
        samples[i] = 0;
    samples[PAGES - 1] = 0;
}

/* ---- faults ---- */

/* Touches every page once in random order, and must do what `wanted` counts. */
static void touch(const char *operation, volatile uint64_t *base, bool write,
                  struct counters wanted)
{
    struct counters before = count();
    uint64_t fenced;

    for (uint32_t i = 0; i < PAGES; i++) {
        volatile uint64_t *word = base + (uint64_t)order[i] * (PAGE_BYTES / 8);
        uint64_t start = faultline_cycles();
        if (write)
            *word = i;
        else
            (void)*word;
        samples[i] = faultline_cycles() - start;
    }
    fenced = fences() - before.fences;
    check(operation, &before, &wanted);
    report(operation, PAGES, fenced, "4,096 pages in random order");
}

static volatile uint64_t *map(uint64_t pages)
{
    void *base = mmap(NULL, (size_t)pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return base;
}

static void unmap(volatile uint64_t *base, uint64_t pages)
{
    munmap((void *)base, (size_t)pages * PAGE_BYTES);
}

static void fill(volatile uint64_t *base, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++)
        base[i * (PAGE_BYTES / 8)] = i;
}

static void fault_rows(void)
{
    volatile uint64_t *fresh = map(PAGES);

    touch("zero-fill write fault", fresh, true, (struct counters){.faults = PAGES});
    touch("second access", fresh, true, (struct counters){0});
    unmap(fresh, PAGES);
    fresh = map(PAGES);
    touch("first-read fault (shared zero page)", fresh, false, (struct counters){.faults = PAGES});
    touch("write after read fault", fresh, true, (struct counters){.faults = PAGES});
    unmap(fresh, PAGES);
}

/* Uses up what was zeroed ahead, so that what follows does not depend on pauses before it. */
static void spend_ready(void)
{
    volatile uint64_t *base = map(READY);

    fill(base, READY);
    unmap(base, READY);
}

/* After a pause: no other row has one before it. */
static void ready_row(void)
{
    const char *operation = "zero-fill write fault, frame zeroed ahead";
    const struct timespec second = {.tv_sec = 1};
    volatile uint64_t *base = map(READY);
    struct counters before;

    nanosleep(&second, NULL);
    before = count();
    for (uint32_t i = 0; i < READY; i++) {
        uint64_t start = faultline_cycles();
        base[(uint64_t)i * (PAGE_BYTES / 8)] = i;
        samples[i] = faultline_cycles() - start;
    }
    check(operation, &before, &(struct counters){.faults = READY, .ready = READY});
    report(operation, READY, fences() - before.fences, "256 pages in order, after a pause");
    unmap(base, READY);
}

/* ---- copy-on-write and fork ---- */

/* A child that does something with the parent's pages and ends. */
typedef void child_work(volatile uint64_t *base, uint64_t pages);

static void work_nothing(volatile uint64_t *base, uint64_t pages)
{
    (void)base, (void)pages;
}

static void work_read(volatile uint64_t *base, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++)
        (void)base[i * (PAGE_BYTES / 8)];
}

/* Keeps its share of the pages while the parent writes them: the processor is idle only then. */
static void work_sleep(volatile uint64_t *base, uint64_t pages)
{
    const struct timespec second = {.tv_sec = 1};

    (void)base, (void)pages;
    nanosleep(&second, NULL);
}

static pid_t start_child(child_work *work, volatile uint64_t *base, uint64_t pages)
{
    pid_t pid = fork();

    if (pid == 0) {
        work(base, pages);
        _exit(0);
    }
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    return pid;
}

static void write_rows(void)
{
    const char *copy = "COW write fault, shared (copy)";
    volatile uint64_t *base = map(PAGES);
    pid_t pid;

    fill(base, PAGES);
    pid = start_child(work_sleep, base, PAGES);
    warm();
    touch(copy, base, true, (struct counters){.faults = PAGES, .copied = PAGES});
    expect(copy, "children that ended too early", (uint64_t)waitpid(pid, NULL, WNOHANG), 0);
    waitpid(pid, NULL, 0);
    spend_ready();
    waitpid(start_child(work_nothing, base, PAGES), NULL, 0);
    warm();
    touch("COW write fault, last reference (reuse)", base, true,
          (struct counters){.faults = PAGES, .taken = 0});
    unmap(base, PAGES);
}

static void fork_row(const char *operation, uint64_t pages, uint32_t rounds, child_work *work)
{
    volatile uint64_t *base = pages ? map(pages) : NULL;
    uint64_t shadows, fenced;

    fill(base, pages);
    shadows = pager_counter(PAGER_STAT_SHADOWS_MADE);
    fenced = fences();
    for (uint32_t i = 0; i < rounds; i++) {
        uint64_t start = faultline_cycles();
        waitpid(start_child(work, base, pages), NULL, 0);
        samples[i] = faultline_cycles() - start;
    }
    fenced = fences() - fenced;
    shadows = pager_counter(PAGER_STAT_SHADOWS_MADE) - shadows;
    expect(operation, "forks that shared nothing", shadows < 2 * (uint64_t)rounds, 0);
    report(operation, rounds, fenced, "whole cycle, with this program's own pages");
    if (pages)
        unmap(base, pages);
}

static void fork_rows(void)
{
    fork_row("fork+exit+wait, 0 touched pages", 0, 60, work_nothing);
    fork_row("fork+exit+wait, 16", 16, 60, work_nothing);
    fork_row("fork+exit+wait, 256", 256, 60, work_nothing);
    fork_row("fork+exit+wait, 4096", PAGES, 15, work_nothing);
    fork_row("fork+exit+wait, 4096, the child reads all", PAGES, 15, work_read);
    fork_row("fork+exit+wait, 4096, the child writes all", PAGES, 15, fill);
}

/* ---- memory calls ---- */

static void map_rows(uint32_t rounds)
{
    static uint64_t unmaps[PAGES];
    uint64_t fenced = fences();

    for (uint32_t i = 0; i < rounds; i++) {
        uint64_t start = faultline_cycles(), middle;
        volatile uint64_t *base = map(1);
        middle = faultline_cycles();
        unmap(base, 1);
        unmaps[i] = faultline_cycles() - middle;
        samples[i] = middle - start;
    }
    fenced = fences() - fenced;
    report("mmap 1 page, untouched", rounds, fenced, "the same page again and again");
    for (uint32_t i = 0; i < rounds; i++)
        samples[i] = unmaps[i];
    report("munmap 1 page, untouched", rounds, fenced, "the same page again and again");
}

static void unmap_row(const char *operation, uint64_t pages, uint32_t rounds)
{
    uint64_t free_frames = pager_counter(PAGER_STAT_FREE_FRAMES), fenced = fences();

    for (uint32_t i = 0; i < rounds; i++) {
        volatile uint64_t *base = map(pages);
        uint64_t start;
        fill(base, pages);
        start = faultline_cycles();
        unmap(base, pages);
        samples[i] = faultline_cycles() - start;
    }
    fenced = fences() - fenced;
    expect(operation, "free frames", pager_counter(PAGER_STAT_FREE_FRAMES), free_frames);
    report(operation, rounds, fenced, "whole mapping");
}

/* One way of changing the protection of all of a mapping; the way back is not timed. */
static void protect_row(const char *operation, uint64_t pages, int from, int to)
{
    const uint32_t rounds = 500;
    volatile uint64_t *base = map(pages);
    uint64_t fenced;

    fill(base, pages);
    fenced = fences();
    for (uint32_t i = 0; i < rounds; i++) {
        uint64_t start;
        mprotect((void *)base, pages * PAGE_BYTES, from);
        if (from & PROT_WRITE)
            fill(base, pages); /* the page tables allow it only then */
        start = faultline_cycles();
        mprotect((void *)base, pages * PAGE_BYTES, to);
        samples[i] = faultline_cycles() - start;
    }
    fenced = fences() - fenced;
    report(operation, rounds, fenced, "whole mapping");
    unmap(base, pages);
}

static void call_rows(void)
{
    const int rw = PROT_READ | PROT_WRITE;

    map_rows(3000);
    unmap_row("munmap 1 touched page", 1, 200);
    unmap_row("munmap 256 touched pages", 256, 200);
    protect_row("mprotect 1 page, whole mapping, RO", 1, rw, PROT_READ);
    protect_row("mprotect 1 page, whole mapping, RW", 1, PROT_READ, rw);
    protect_row("mprotect 256 touched pages, RO", 256, rw, PROT_READ);
    protect_row("mprotect 256 touched pages, RW", 256, PROT_READ, rw);
}

int main(void)
{
    order_shuffle(order, PAGES);
    calibrate();
    spend_ready();
    fault_rows();
    write_rows();
    fork_rows();
    call_rows();
    ready_row();
    return 0;
}
