/* The guided tour: runs a few programs and says what one sees, with figures from the counters.
 *
 * Ends with status 0 when everything was as it says. */
#include <errno.h>
#include <faultline/process.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "protocol.h"

static uint64_t tour_kernel(enum fl_counter which)
{
    uint64_t value = 0;

    faultline_counter(FAULTLINE_KERNEL, which, &value);
    return value;
}

static uint64_t tour_pager(enum pager_statistic which)
{
    uint64_t value = 0;

    faultline_counter(FAULTLINE_PAGER, which, &value);
    return value;
}

static pid_t tour_start(char *const argv[])
{
    pid_t pid;

    fflush(stdout);
    pid = faultline_spawn(argv);
    if (pid < 0)
        printf("tour: %s: %s\n", argv[0], strerror(errno));
    return pid;
}

/* Returns: the wait status, or -1. */
static int tour_wait(pid_t pid)
{
    int status;

    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static int tour_run(char *const argv[])
{
    return tour_wait(tour_start(argv));
}

static bool tour_who(void)
{
    uint64_t free_frames = tour_pager(PAGER_STAT_FREE_FRAMES);
    uint64_t total = tour_pager(PAGER_STAT_TOTAL_FRAMES);

    printf("\n1. Who runs\n");
    printf("   The kernel in supervisor mode: threads, messages, page tables, no policy.\n");
    printf("   Two servers in user mode that never fault: init and the pager.\n");
    printf("   Programs, each in a space of its own, such as this one; spaces now: %" PRIu64 ".\n",
           tour_pager(PAGER_STAT_SPACES));
    printf("   The pager owns %" PRIu64 " page frames of 4 KiB, %" PRIu64 " of them free.\n", total,
           free_frames);
    return total > 0 && free_frames <= total;
}

static bool tour_hello(void)
{
    uint64_t messages = tour_kernel(FL_COUNTER_PAGE_FAULTS);
    int status;

    printf("\n2. Every page of a program comes by a fault message to the pager\n");
    status = tour_run((char *[]){"hello", "world", NULL});
    messages = tour_kernel(FL_COUNTER_PAGE_FAULTS) - messages;
    printf("   From start to end of hello, the kernel sent %" PRIu64 " fault messages;\n",
           messages);
    printf("   the pager answered each with a page to map, or hello would not have run.\n");
    return status == 0 && messages > 0;
}

static bool tour_timing(void)
{
    int status;

    printf("\n3. The first access to a page faults, the second does not\n");
    status = tour_run((char *[]){"timing", NULL});
    printf("   A first read maps a shared page of zeros, a first write gets a page of its own.\n");
    return status == 0;
}

static bool tour_two_spaces(void)
{
    pid_t first, second;
    int statuses;

    printf("\n4. One address, two programs, two contents\n");
    first = tour_start((char *[]){"hello_vm", "apples", "0.5", NULL});
    second = tour_start((char *[]){"hello_vm", "pears", "0.5", NULL});
    statuses = tour_wait(first) | tour_wait(second);
    return statuses == 0;
}

static bool tour_bad_accesses(void)
{
    static char *const modes[] = {"null-write", "kernel-read", "text-write", "stack-exec"};
    bool fine = true;

    printf("\n5. A program that goes where it must not is ended, alone\n");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        int status = tour_run((char *[]){"segv", modes[i], NULL});

        printf("   segv %s: ended by signal %d\n", modes[i], WTERMSIG(status));
        fine &= status > 0 && WIFSIGNALED(status);
    }
    printf("   This program and the servers never noticed.\n");
    return fine;
}

static bool tour_frames(uint64_t frames_before, uint64_t objects_before)
{
    uint64_t frames = tour_pager(PAGER_STAT_FREE_FRAMES), objects = tour_kernel(FL_COUNTER_OBJECTS);

    printf("\n6. Nothing is lost\n");
    printf("   Free frames before the programs ran: %" PRIu64 ", now: %" PRIu64 ".\n",
           frames_before, frames);
    printf("   Kernel objects before: %" PRIu64 ", now: %" PRIu64 ".\n", objects_before, objects);
    return frames == frames_before && objects == objects_before;
}

int main(void)
{
    uint64_t frames, objects;
    bool fine;

    printf("Faultline: a microkernel whose page faults are messages to a pager in user mode.\n");
    fine = tour_who();
    tour_run((char *[]){"true", NULL}); /* the servers' own first-time needs are not a leak */
    frames = tour_pager(PAGER_STAT_FREE_FRAMES);
    objects = tour_kernel(FL_COUNTER_OBJECTS);
    fine &= tour_hello();
    fine &= tour_timing();
    fine &= tour_two_spaces();
    fine &= tour_bad_accesses();
    fine &= tour_frames(frames, objects);
    printf("\n%s\n", fine ? "The tour is over; all was as it should be."
                          : "The tour is over; something above was NOT as it should be.");
    return fine ? 0 : 1;
}
