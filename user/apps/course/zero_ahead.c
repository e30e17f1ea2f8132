/* Frames zeroed ahead: who pauses finds pages of zeros ready, and a first write costs less.
 *
 * usage: zero_ahead [PAGES]     (at most ZERO_PAGES_MAX)
 *
 * `ready` are the pages that were zeroed before they were wanted, `cycles` what one write costs:
 * instructions under --icount. */
#include <time.h>

#include "course.h"

#define ZERO_PAGES_MAX 128u /* half of the pager's stock */
#define ZERO_SPENT     512u /* more than the stock holds */

struct zero_count {
    uint64_t ready;
    uint64_t cycles; /* median */
};

static int zero_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Writes to fresh pages, one after the other. */
static struct zero_count zero_write(size_t pages)
{
    static uint64_t samples[ZERO_SPENT];
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);
    struct zero_count count;

    for (size_t i = 0; i < ZERO_SPENT; i++)
        samples[i] = 0; /* present before anything is counted */
    count.ready = course_counter(FAULTLINE_PAGER, PAGER_STAT_ZEROED_TAKEN);
    for (size_t i = 0; i < pages; i++) {
        uint64_t start = faultline_cycles();

        memory[i * COURSE_PAGE] = 1;
        samples[i] = faultline_cycles() - start;
    }
    count.ready = course_counter(FAULTLINE_PAGER, PAGER_STAT_ZEROED_TAKEN) - count.ready;
    course_unmap(memory, pages);
    qsort(samples, pages, sizeof *samples, zero_compare);
    count.cycles = samples[pages / 2];
    return count;
}

static void zero_show(const char *what, struct zero_count count)
{
    printf("%-40s  %6lu  %8lu\n", what, (unsigned long)count.ready, (unsigned long)count.cycles);
}

int main(int argc, char **argv)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    size_t pages = course_pages(argc, argv, 64);
    struct zero_count busy, rested, spent;

    if (pages > ZERO_PAGES_MAX) {
        fprintf(stderr, "usage: %s [PAGES]   (1 to %u)\n", argv[0], ZERO_PAGES_MAX);
        return 2;
    }
    zero_write(ZERO_SPENT);
    busy = zero_write(pages);
    nanosleep(&pause, NULL);
    rested = zero_write(pages);
    zero_write(ZERO_SPENT);
    spent = zero_write(pages);
    printf("%-40s  %6s  %8s\n", "first write to each page", "ready", "cycles");
    zero_show("without a pause", busy);
    zero_show("after a pause", rested);
    zero_show("when what was ready is used up", spent);
    printf("saved by a page that was ready:  %ld\n", (long)busy.cycles - (long)rested.cycles);
    return 0;
}
