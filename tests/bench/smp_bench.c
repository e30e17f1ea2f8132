/* Programs that calculate and fault at the same time, for tests/bench/smp.py.  Each touches fresh pages, one after
 * another, and goes round a loop between two of them.
 *
 *   smp_bench loop                       under --icount: instructions of 1,000 rounds of the loop
 *   smp_bench time LOOPS PAGES TIMES     one program alone, then four at once, over and over: nanoseconds of each, and
 *                                        how often an entry into the kernel had to wait
 *   smp_bench run LOOPS PAGES PROGRAMS   such programs that touch nothing, then such as touch; smp_mark before, between
 *                                        and behind
 * It lies where no server lies, so that who counts instructions by their addresses can tell it from them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <faultline/process.h>

#include "abi.h"

#define PAGE_BYTES 4096ul
#define TOGETHER   4u

static volatile uint64_t value, mark;

static void calculate(uint64_t loops)
{
    for (uint64_t i = 0; i < loops; i++)
        value = value * 3 + 1;
}

/* Seen from outside. */
__attribute__((noipa)) static void smp_mark(uint64_t which)
{
    mark = which;
}

static void touch(uint64_t loops, uint64_t pages)
{
    char *memory = mmap(NULL, (pages + 1) * PAGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        _exit(1);
    for (uint64_t i = 0; i < pages; i++) {
        *(volatile char *)(memory + i * PAGE_BYTES) = 1;
        calculate(loops);
    }
    _exit(0);
}

static void run(uint64_t loops, uint64_t pages, unsigned programs)
{
    int status = 0;

    for (unsigned i = 0; i < programs; i++) {
        pid_t child = fork();

        if (child == 0)
            touch(loops, pages);
        if (child < 0)
            exit(1);
    }
    for (unsigned i = 0; i < programs; i++) {
        if (wait(&status) < 0 || status != 0)
            exit(1);
    }
}

static uint64_t nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t lock_waits(void)
{
    uint64_t waits = 0;

    faultline_counter(FAULTLINE_KERNEL, FL_COUNTER_LOCK_WAITS, &waits);
    return waits;
}

static void time_runs(uint64_t loops, uint64_t pages, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++) {
        uint64_t start = nanoseconds();
        run(loops, pages, 1);
        uint64_t middle = nanoseconds(), waits = lock_waits();
        run(loops, pages, TOGETHER);
        uint64_t end = nanoseconds();
        printf("RUN\t%llu\t%llu\t%llu\n", (unsigned long long)(middle - start),
               (unsigned long long)(end - middle), (unsigned long long)(lock_waits() - waits));
        fflush(stdout);
    }
}

static void count_loop(void)
{
    uint64_t start = faultline_cycles();
    calculate(1000);
    uint64_t middle = faultline_cycles();
    calculate(2000);
    printf("LOOP\t%llu\n", (unsigned long long)(faultline_cycles() - middle - (middle - start)));
}

int main(int argc, char **argv)
{
    uint64_t number[3] = {0};

    for (int i = 2; i < argc && i < 5; i++)
        number[i - 2] = strtoull(argv[i], NULL, 10);
    if (argc == 2 && strcmp(argv[1], "loop") == 0) {
        count_loop();
    } else if (argc == 5 && strcmp(argv[1], "time") == 0) {
        time_runs(number[0], number[1], number[2]);
    } else if (argc == 5 && strcmp(argv[1], "run") == 0) {
        run(number[0], 0, (unsigned)number[2]); /* what only the first ones do */
        smp_mark(1);
        run(number[0], 0, (unsigned)number[2]);
        smp_mark(2);
        run(number[0], number[1], (unsigned)number[2]);
        smp_mark(3);
    } else {
        fprintf(stderr,
                "usage: smp_bench loop | time LOOPS PAGES TIMES | run LOOPS PAGES PROGRAMS\n");
        return 2;
    }
    return 0;
}
