/* Which accesses to fresh anonymous memory fault, and what a fault costs.
 *
 * usage: timing [PAGES]
 *
 * First on each page: read, read, write, write.  Then on fresh pages: write, read.  `cycles` are
 * instructions under --icount, else the host's time. */
#include "course.h"

struct sample {
    unsigned long cycles;
    long minor, major;
};

static const struct timing_access {
    const char *name;
    int write, fresh; /* on the pages of the second part */
} timing_accesses[] = {
    {"first read", 0, 0},   {"second read", 0, 0},  {"first write", 1, 0},
    {"second write", 1, 0}, {"write, fresh", 1, 1}, {"then read", 0, 1},
};
#define TIMING_ACCESSES (sizeof timing_accesses / sizeof timing_accesses[0])

static unsigned long timing_overhead;

static unsigned long timing_touch(volatile unsigned char *byte, int write)
{
    uint64_t before, after;

    if (write) {
        before = faultline_cycles();
        *byte = 1;
        after = faultline_cycles();
    } else {
        before = faultline_cycles();
        (void)*byte;
        after = faultline_cycles();
    }
    return (unsigned long)(after - before);
}

static struct sample timing_measure(volatile unsigned char *byte, int write)
{
    struct rusage before, after;
    struct sample sample;

    getrusage(RUSAGE_SELF, &before);
    sample.cycles = timing_touch(byte, write);
    getrusage(RUSAGE_SELF, &after);
    sample.cycles -= sample.cycles > timing_overhead ? timing_overhead : sample.cycles;
    sample.minor = after.ru_minflt - before.ru_minflt;
    sample.major = after.ru_majflt - before.ru_majflt;
    return sample;
}

static void timing_show(size_t page, const char *access, struct sample sample)
{
    printf("%-6zu  %-13s  %12lu  %8ld  %8ld\n", page, access, sample.cycles, sample.minor,
           sample.major);
}

/* Makes all code, stack and stream pages that the measurement needs present, and takes the cost of
 * an access that does not fault. */
static void timing_warm_up(void)
{
    volatile unsigned char *page = course_map(1, MAP_PRIVATE);

    printf("%-6s  %-13s  %12s  %8s  %8s\n", "page", "access", "cycles", "minor", "major");
    timing_measure(page, 0);
    timing_measure(page, 1);
    timing_overhead = timing_touch(page, 0);
    course_unmap(page, 1);
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 2);

    timing_warm_up();
    for (size_t part = 0; part < 2; part++) {
        volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);

        for (size_t i = 0; i < pages * TIMING_ACCESSES; i++) {
            const struct timing_access *access = &timing_accesses[i % TIMING_ACCESSES];
            size_t page = i / TIMING_ACCESSES;

            if (access->fresh == (int)part)
                timing_show(page, access->name,
                            timing_measure(memory + page * COURSE_PAGE, access->write));
        }
        course_unmap(memory, pages);
    }
    return 0;
}
