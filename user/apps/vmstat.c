/* What memory, swap and the processor did: the columns of procps' vmstat.
 *
 * usage: vmstat [DELAY [COUNT]] | vmstat -h
 *
 * The first line is of the time since the start, each further one of DELAY seconds.  Columns that nobody
 * here counts are 0; -h says which, and why. */
#include <faultline/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi.h"

#define VMSTAT_PAGE_KIB 4u
#define VMSTAT_HEAD     20 /* lines after which the head comes again */

/* Counts since the start. */
struct vmstat_counts {
    uint64_t ns;
    unsigned long in_pages;
    unsigned long out_pages;
    uint64_t interrupts;
    uint64_t switches;
    uint64_t cycles;
    uint64_t idle;
};

/* As of now, KiB but for the requests that wait. */
struct vmstat_levels {
    unsigned long waiting, swap_total, swap_free, free, buffers, cached;
};

/* The number behind a name in a file of lines "NAME NUMBER" or "NAME:  NUMBER kB"; 0: there is none. */
static unsigned long vmstat_read(const char *path, const char *name)
{
    FILE *file = fopen(path, "r");
    unsigned long value = 0, found = 0;
    char line[128], word[64];

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%63[^: ]%*[: ]%lu", word, &value) == 2 && strcmp(word, name) == 0)
            found = value;
    if (file)
        fclose(file);
    return found;
}

static uint64_t vmstat_kernel(enum fl_counter which)
{
    uint64_t value = 0;

    faultline_counter(FAULTLINE_KERNEL, which, &value);
    return value;
}

static void vmstat_count(struct vmstat_counts *counts, struct vmstat_levels *levels)
{
    struct timespec now;

    levels->waiting = vmstat_read("/proc/vmstat", "nr_waiting");
    levels->swap_total = vmstat_read("/proc/meminfo", "SwapTotal");
    levels->swap_free = vmstat_read("/proc/meminfo", "SwapFree");
    levels->free = vmstat_read("/proc/meminfo", "MemFree");
    levels->buffers = vmstat_read("/proc/meminfo", "Buffers");
    levels->cached = vmstat_read("/proc/meminfo", "Cached");
    counts->in_pages = vmstat_read("/proc/vmstat", "pswpin");
    counts->out_pages = vmstat_read("/proc/vmstat", "pswpout");
    counts->interrupts = vmstat_kernel(FL_COUNTER_INTERRUPTS);
    counts->switches = vmstat_kernel(FL_COUNTER_SWITCHES);
    counts->idle = vmstat_kernel(FL_COUNTER_IDLE_CYCLES);
    counts->cycles = faultline_cycles();
    clock_gettime(CLOCK_MONOTONIC, &now);
    counts->ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* So many in so much time, for a second, rounded. */
static unsigned long vmstat_rate(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : (unsigned long)((count * 1000000000u + ns / 2) / ns);
}

static void vmstat_print_head(void)
{
    printf("procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n"
           " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n");
}

static void vmstat_print(const struct vmstat_counts *from, const struct vmstat_counts *to,
                         const struct vmstat_levels *levels)
{
    uint64_t ns = to->ns - from->ns, cycles = to->cycles - from->cycles;
    unsigned long in = vmstat_rate((to->in_pages - from->in_pages) * VMSTAT_PAGE_KIB, ns);
    unsigned long out = vmstat_rate((to->out_pages - from->out_pages) * VMSTAT_PAGE_KIB, ns);
    uint64_t idle = cycles == 0 ? 0 : ((to->idle - from->idle) * 100 + cycles / 2) / cycles;

    if (idle > 100)
        idle = 100;
    printf("%2lu %2lu %6lu %6lu %6lu %6lu %4lu %4lu %5lu %5lu %4lu %4lu %2lu %2lu %2lu %2lu %2lu\n",
           0ul, levels->waiting, levels->swap_total - levels->swap_free, levels->free,
           levels->buffers, levels->cached, in, out, in, out,
           vmstat_rate(to->interrupts - from->interrupts, ns),
           vmstat_rate(to->switches - from->switches, ns), (unsigned long)(100 - idle), 0ul,
           (unsigned long)idle, 0ul, 0ul);
    fflush(stdout);
}

static void vmstat_sleep(double seconds)
{
    struct timespec wanted = {.tv_sec = (time_t)seconds};

    wanted.tv_nsec = (long)((seconds - (double)wanted.tv_sec) * 1e9);
    nanosleep(&wanted, NULL);
}

/* count: 0 = without end. */
static void vmstat_run(double delay, long count)
{
    struct vmstat_counts counts[2] = {{0}, {0}};
    struct vmstat_levels levels;

    for (long line = 0; count == 0 || line < count; line++) {
        if (line > 0)
            vmstat_sleep(delay);
        if (line % VMSTAT_HEAD == 0)
            vmstat_print_head();
        vmstat_count(&counts[1], &levels);
        vmstat_print(&counts[0], &counts[1], &levels);
        counts[0] = counts[1];
    }
}

static int vmstat_help(void)
{
    printf("usage: vmstat [DELAY [COUNT]]\n\n"
           "b               requests that wait for a page, a frame or a disk\n"
           "swpd .. cache   KiB of swap in use, of free memory, and of files\n"
           "si so bi bo     KiB a second from and to swap; nothing else uses disks\n"
           "in cs           external interrupts and changes of address space, a second\n"
           "us id           of the time, what was not idle, and what was\n\n"
           "Always 0, for nobody counts it:\n"
           "r    threads that could run: the kernel has a queue of them and tells no number\n"
           "sy   servers are programs, so their time is in us\n"
           "wa   is in id: the disk driver knows what is out, and the kernel what is idle\n"
           "st   what a hypervisor takes is not told to us\n");
    return 0;
}

int main(int argc, char **argv)
{
    char *end[2] = {"", ""};
    double delay = argc > 1 ? strtod(argv[1], &end[0]) : 1;
    long count = argc > 1 ? 0 : 1;

    if (argc == 2 && strcmp(argv[1], "-h") == 0)
        return vmstat_help();
    if (argc > 2)
        count = strtol(argv[2], &end[1], 10);
    if (argc > 3 || *end[0] || *end[1] || !(delay > 0 && delay < 1e9) || count < 0 ||
        (argc > 2 && count == 0)) {
        fprintf(stderr, "usage: vmstat [DELAY [COUNT]]\n");
        return 1;
    }
    vmstat_run(delay, count);
    return 0;
}
