/* Demand-zero memory: nothing is allocated until it is touched; reads share one zero page; a write
 * gets a frame of its own.  (Free frames are the whole system's: run it alone.)
 *
 * usage: demand_zero [PAGES] */
#include <faultline/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "protocol.h"

static long faults_before;
static uint64_t frames_before;

static uint64_t demand_free_frames(void)
{
    uint64_t frames = 0;

    faultline_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES, &frames);
    return frames;
}

/* Prints what changed since the last call.  Returns: frames taken. */
static long demand_report(const char *what)
{
    struct rusage usage;
    uint64_t frames = demand_free_frames();
    long taken = (long)(frames_before - frames);

    getrusage(RUSAGE_SELF, &usage);
    if (what)
        printf("%-34s %8ld %8ld\n", what, usage.ru_minflt - faults_before, taken);
    getrusage(RUSAGE_SELF, &usage);
    faults_before = usage.ru_minflt;
    frames_before = demand_free_frames();
    return taken;
}

int main(int argc, char **argv)
{
    size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 64, size = (size_t)getpagesize();
    unsigned sum = 0;
    long mapped, read, written;
    char *memory;

    printf("%-34s %8s %8s\n", "step", "faults", "frames");
    demand_report(NULL);
    demand_report("nothing");
    memory = mmap(NULL, pages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("demand_zero: mmap");
        return 2;
    }
    mapped = demand_report("map the memory");
    for (size_t i = 0; i < pages; i++)
        sum += *(volatile unsigned char *)(memory + i * size);
    read = demand_report("read each page (shared zero page)");
    for (size_t i = 0; i < pages; i++)
        *(volatile char *)(memory + i * size) = 1;
    written = demand_report("write each page (a frame each)");
    munmap(memory, pages * size);
    demand_report("unmap");
    printf("%zu pages, sum of all bytes read: %u\n", pages, sum);
    return sum == 0 && mapped < 2 && read < 8 && written >= (long)pages ? 0 : 1;
}
