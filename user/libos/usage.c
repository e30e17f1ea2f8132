/* Owns what a program and its children used: getrusage, wait3, wait4, times.
 *
 * Faults and pages are the pager's counters; the process server keeps those of ended children and
 * gives them to the parent that waits.  Nobody counts a program's share of the processor: clock(),
 * times() and ru_utime give the time since a program started, of ended ones the time that they
 * lived.
 *
 * I1. The children's usage in the message buffer is read before another call is made. */
#include "libos.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

static struct rusage usage_make(const struct posix_usage *used, uint64_t us)
{
    return (struct rusage){
        .ru_utime = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)},
        .ru_minflt = (long)used->minor_faults,
        .ru_majflt = (long)used->major_faults,
        .ru_maxrss = (long)(used->peak_pages * (FL_PAGE_BYTES / 1024)),
    };
}

static int usage_of_self(struct rusage *usage)
{
    struct libos_call call = {0};
    int error = libos_call_pager(PAGER_RUSAGE, &call);

    if (!error)
        *usage = usage_make(&(struct posix_usage){call.word[1], call.word[2], call.word[3], 0},
                            libos_time_since_start_us());
    return error;
}

static int usage_of_children(struct posix_usage *used)
{
    struct libos_call call = {0};
    int error = libos_call_posix(POSIX_CHILDREN_USAGE, &call);

    if (!error)
        libos_answer_bytes(used, sizeof *used);
    return error;
}

int getrusage(int who, struct rusage *usage)
{
    struct posix_usage used;
    int error = who == RUSAGE_SELF || who == RUSAGE_CHILDREN
                    ? libos_check_write(usage, sizeof *usage)
                    : EINVAL;

    if (error)
        return libos_result(error);
    if (who == RUSAGE_SELF)
        return libos_result(usage_of_self(usage));
    error = usage_of_children(&used);
    if (!error)
        *usage = usage_make(&used, libos_time_us(used.ticks));
    return libos_result(error);
}

/* picolibc's adds the children's time. */
clock_t clock(void)
{
    return (clock_t)libos_time_since_start_us();
}

/* In microseconds: CLOCKS_PER_SEC, and sysconf(_SC_CLK_TCK). */
clock_t times(struct tms *usage)
{
    struct posix_usage used = {0};
    uint64_t us = libos_time_since_start_us();
    int error = libos_check_write(usage, sizeof *usage);

    if (!error)
        error = usage_of_children(&used);
    if (libos_result(error))
        return (clock_t)-1;
    *usage =
        (struct tms){.tms_utime = (clock_t)us, .tms_cutime = (clock_t)libos_time_us(used.ticks)};
    return (clock_t)(libos_time_ns() / 1000);
}

/* *usage: of the child, with those that it has waited for. */
pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    int error = usage ? libos_check_write(usage, sizeof *usage) : 0;
    pid_t child = error ? libos_result(error) : waitpid(pid, status, options);
    struct posix_usage used;

    if (child > 0 && usage) {
        libos_answer_bytes(&used, sizeof used);
        *usage = usage_make(&used, libos_time_us(used.ticks));
    }
    return child;
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}
