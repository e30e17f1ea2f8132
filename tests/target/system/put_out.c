/* For tests of views: so many pages of a child are out of memory when this ends, and stay there.
 *
 * usage: put_out PAGES */
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <faultline/process.h>

#include "abi.h"
#include "protocol.h"

#define PAGE 4096u

static uint64_t requests(void)
{
    uint64_t value = 1;

    (void)faultline_counter(FAULTLINE_PAGER, PAGER_STAT_DISK_REQUESTS, &value);
    return value;
}

/* Writes the pages, no two alike, puts them out, and stays.  Step by step: a call puts out as many as there are requests. */
static void stay(size_t pages, volatile int *ready)
{
    volatile uint64_t *memory =
        mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t i = 0; i < pages; i++)
        memory[i * (PAGE / sizeof *memory)] = i + 1;
    for (size_t i = 0; i < pages; i += 64) {
        madvise((char *)(uintptr_t)memory + i * PAGE, (pages - i < 64 ? pages - i : 64) * PAGE,
                MADV_PAGEOUT);
        while (requests() > 0)
            sched_yield();
    }
    *ready = 1;
    for (;;)
        nanosleep(&(struct timespec){.tv_sec = 3600}, NULL);
}

int main(int argc, char **argv)
{
    size_t pages = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 64;
    volatile int *ready =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (ready == MAP_FAILED)
        return 1;
    switch (fork()) {
    case -1:
        return 1;
    case 0:
        stay(pages, ready);
    }
    while (!*ready)
        sched_yield();
    return 0;
}
