/* Owns the clocks and sleeping.
 *
 * One source: the `time` counter, which starts when the machine does.  There is no calendar:
 * CLOCK_REALTIME counts from the start of the system too.
 *
 * I1. A sleep never ends before its time: durations are rounded up to whole ticks. */
#include "libos.h"

#include <errno.h>
#include <faultline/process.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fl_calls.h"

#define NS_PER_S 1000000000ull

static uint64_t time_started_ns;

static uint64_t time_hz(void)
{
    return getauxval(PROGRAM_AT_TIMEBASE);
}

uint64_t libos_time_ns(void)
{
    uint64_t hz = time_hz(), ticks = fl_rdtime();

    return ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz;
}

void libos_start_time(void)
{
    time_started_ns = libos_time_ns();
}

uint64_t faultline_cycles(void)
{
    return fl_rdcycle();
}

uint64_t libos_time_since_start_us(void)
{
    return (libos_time_ns() - time_started_ns) / 1000;
}

uint64_t libos_time_us(uint64_t ticks)
{
    uint64_t hz = time_hz();

    return ticks / hz * 1000000 + ticks % hz * 1000000 / hz;
}

static int time_clock_exists(clockid_t clock_id)
{
    return clock_id == CLOCK_REALTIME || clock_id == CLOCK_MONOTONIC;
}

int clock_gettime(clockid_t clock_id, struct timespec *now)
{
    uint64_t ns = libos_time_ns();

    int error = time_clock_exists(clock_id) ? libos_check_write(now, sizeof *now) : EINVAL;

    if (error)
        return libos_result(error);
    *now = (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
    return 0;
}

int clock_getres(clockid_t clock_id, struct timespec *resolution)
{
    uint64_t hz = time_hz();
    int error = time_clock_exists(clock_id) ? 0 : EINVAL;

    if (!error && resolution)
        error = libos_check_write(resolution, sizeof *resolution);
    if (error)
        return libos_result(error);
    if (resolution)
        *resolution = (struct timespec){.tv_nsec = (long)((NS_PER_S + hz - 1) / hz)};
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    uint64_t us = libos_time_ns() / 1000;
    int error = libos_check_write(now, sizeof *now);

    (void)zone;
    if (error)
        return libos_result(error);
    *now =
        (struct timeval){.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
    return 0;
}

/* Ticks that surely last `duration`; far-off ends are cut to what the counter can hold. */
static uint64_t time_ticks(const struct timespec *duration)
{
    uint64_t hz = time_hz(), seconds = (uint64_t)duration->tv_sec;

    if (seconds >= UINT64_MAX / 4 / hz)
        return UINT64_MAX / 4;
    return seconds * hz + ((uint64_t)duration->tv_nsec * hz + NS_PER_S - 1) / NS_PER_S;
}

static int time_valid(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < (long)NS_PER_S;
}

/* Returns: 0 or an errno value. */
static int time_wait_until(uint64_t deadline)
{
    while (fl_rdtime() < deadline) {
        if (flr_timer_set(PROGRAM_SLOT_TIMER, deadline).status != FL_OK)
            return EIO;
        if (flr_notification_wait(PROGRAM_SLOT_NOTIFICATION).status != FL_OK)
            return EIO;
    }
    return 0;
}

/* Nothing interrupts a sleep, so `left` is not written.  Returns: 0 or an errno value, as POSIX has it
 * for this call. */
int clock_nanosleep(clockid_t clock_id, int flags, const struct timespec *wanted,
                    struct timespec *left)
{
    uint64_t now = fl_rdtime();
    int error = time_clock_exists(clock_id) ? libos_check_read(wanted, sizeof *wanted) : EINVAL;

    (void)left;
    if (!error && !time_valid(wanted))
        error = EINVAL;
    if (error)
        return error;
    if (flags & TIMER_ABSTIME)
        return time_wait_until(time_ticks(wanted));
    return time_wait_until(now + time_ticks(wanted) + 1); /* `now` is somewhere inside its tick */
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    return libos_result(clock_nanosleep(CLOCK_MONOTONIC, 0, wanted, left));
}

int usleep(useconds_t us)
{
    struct timespec wanted = {.tv_sec = (time_t)(us / 1000000),
                              .tv_nsec = (long)(us % 1000000) * 1000};

    return nanosleep(&wanted, NULL);
}

unsigned sleep(unsigned seconds)
{
    struct timespec wanted = {.tv_sec = (time_t)seconds};

    nanosleep(&wanted, NULL);
    return 0;
}
