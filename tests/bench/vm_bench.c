/* Costs of page faults through the real pager, in instructions: run it by faultline-run --icount.
 * Lines "RES <tab> operation <tab> figure <tab> iterations <tab> fences per operation <tab> note";
 * the empty measurement is subtracted.  Frames are not zeroed ahead; page tables grow on the way,
 * which only the means show. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <faultline/process.h>

#include "abi.h"

#define PAGES      4096u
#define PAGE_BYTES 4096u

static uint64_t samples[PAGES];
static uint32_t order[PAGES];
static uint64_t overhead;

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t median(void)
{
    qsort(samples, PAGES, sizeof *samples, compare);
    return samples[PAGES / 2];
}

static uint64_t fences(void)
{
    uint64_t value = 0;

    faultline_counter(FAULTLINE_KERNEL, FL_COUNTER_FENCES, &value);
    return value;
}

static void shuffle(void)
{
    uint64_t random = 88172645463325252u;

    for (uint32_t i = 0; i < PAGES; i++)
        order[i] = i;
    for (uint32_t i = PAGES - 1; i > 0; i--) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint32_t j = (uint32_t)(random % (i + 1)), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

static void calibrate(void)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        uint64_t start = faultline_cycles();
        samples[i] = faultline_cycles() - start;
    }
    overhead = median();
}

static long minor_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* Touches every page once in random order; `faults` is what getrusage must count. */
static void touch(const char *operation, volatile uint64_t *base, int write, long faults)
{
    long before = minor_faults();
    uint64_t fenced = fences(), sum = 0;

    for (uint32_t i = 0; i < PAGES; i++) {
        volatile uint64_t *word = base + (uint64_t)order[i] * (PAGE_BYTES / 8);
        uint64_t start = faultline_cycles();
        if (write)
            *word = i;
        else
            (void)*word;
        samples[i] = faultline_cycles() - start;
        sum += samples[i] - overhead;
    }
    fenced = fences() - fenced;
    long counted = minor_faults() - before;
    if (counted != faults) {
        printf("FAIL\t%s\t%ld faults counted, %ld expected\n", operation, counted, faults);
        exit(1);
    }
    printf("RES\t%s\t%llu\t%u\t%.2f\tmedian, 4,096 pages in random order; mean %.1f\n", operation,
           (unsigned long long)(median() - overhead), PAGES, (double)fenced / PAGES,
           (double)sum / PAGES);
}

static volatile uint64_t *map(void)
{
    void *base = mmap(NULL, (size_t)PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return base;
}

int main(void)
{
    shuffle();
    calibrate();
    volatile uint64_t *fresh = map();
    touch("zero-fill write fault", fresh, 1, PAGES);
    touch("second access", fresh, 1, 0);
    munmap((void *)fresh, (size_t)PAGES * PAGE_BYTES);
    fresh = map();
    touch("first-read fault (shared zero page)", fresh, 0, PAGES);
    touch("write after read fault", fresh, 1, PAGES);
    return 0;
}
