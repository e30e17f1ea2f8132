/* Which accesses to fresh anonymous memory fault, and what a fault costs.
 *
 * usage: timing [PAGES]
 *
 * Part 1: read, read, write, write each page.  Part 2, on fresh pages: write, then read. */
#include <faultline/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

struct sample {
    unsigned long cycles;
    long minor, major;
};

static unsigned long timing_overhead;

static unsigned long timing_access(volatile char *byte, int write)
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

static struct sample timing_measure(volatile char *byte, int write)
{
    struct rusage before, after;
    struct sample sample;

    getrusage(RUSAGE_SELF, &before);
    sample.cycles = timing_access(byte, write);
    getrusage(RUSAGE_SELF, &after);
    sample.cycles -= sample.cycles > timing_overhead ? timing_overhead : sample.cycles;
    sample.minor = after.ru_minflt - before.ru_minflt;
    sample.major = after.ru_majflt - before.ru_majflt;
    return sample;
}

static char *timing_map(size_t pages)
{
    char *memory = mmap(NULL, pages * (size_t)getpagesize(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory != MAP_FAILED)
        return memory;
    perror("timing: mmap");
    exit(2);
}

/* Makes all code, stack and stream pages that the measurement needs present, and takes the cost of
 * an access that does not fault. */
static void timing_warm_up(void)
{
    char *page = timing_map(1);

    printf("%-6s %-13s %12s %8s %8s\n", "page", "access", "cycles", "minor", "major");
    timing_measure(page, 0);
    timing_measure(page, 1);
    timing_overhead = timing_access(page, 0);
    munmap(page, (size_t)getpagesize());
}

/* Prints one access.  Returns: whether it faulted as often as expected. */
static int timing_show(size_t page, const char *name, volatile char *byte, int write, long expected)
{
    struct sample sample = timing_measure(byte, write);

    printf("%-6zu %-13s %12lu %8ld %8ld\n", page, name, sample.cycles, sample.minor, sample.major);
    return sample.minor == expected && sample.major == 0;
}

int main(int argc, char **argv)
{
    size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 2, size = (size_t)getpagesize();
    int fine = 1;
    char *memory;

    if (pages == 0 || pages > 100000) {
        fprintf(stderr, "usage: timing [PAGES]   (1 to 100000)\n");
        return 2;
    }
    timing_warm_up();
    memory = timing_map(pages);
    for (size_t i = 0; i < pages; i++) {
        fine &= timing_show(i, "first read", memory + i * size, 0, 1);
        fine &= timing_show(i, "second read", memory + i * size, 0, 0);
        fine &= timing_show(i, "first write", memory + i * size, 1, 1);
        fine &= timing_show(i, "second write", memory + i * size, 1, 0);
    }
    munmap(memory, pages * size);
    memory = timing_map(pages);
    for (size_t i = 0; i < pages; i++) {
        fine &= timing_show(i, "write fresh", memory + i * size, 1, 1);
        fine &= timing_show(i, "then read", memory + i * size, 0, 0);
    }
    printf("%s\n", fine ? "first accesses fault, second ones do not, a read after a write never"
                        : "UNEXPECTED: the faults are not those of demand paging");
    return fine ? 0 : 1;
}
