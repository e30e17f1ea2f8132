/* Owns the calls that start programs, wait for them and ask about the system. */
#include "file.h"
#include "libos.h"

#include <errno.h>
#include <faultline/process.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fl_calls.h"

/* Others may take what we waited for: their tables, or their starts.  What needs more than is kept will not start at all. */
#define START_REPEATS 4u

static int process_send_argument(const char *bytes, size_t count)
{
    while (count > 0) {
        size_t part = count < FL_PROTOCOL_BYTES ? count : FL_PROTOCOL_BYTES;
        struct libos_call call = {.word = {part}, .bytes = bytes, .byte_count = part};
        int error = libos_call_posix(POSIX_ARGUMENT, &call);

        if (error)
            return error;
        bytes += part;
        count -= part;
    }
    return 0;
}

/* Nothing was sent yet when an argument is not the program's own.  Returns 0, EFAULT or EINVAL. */
static int process_check_arguments(char *const argv[])
{
    for (size_t i = 0;; i++) {
        size_t length;
        int error = libos_check_read(&argv[i], sizeof argv[i]);

        if (!error && !argv[i])
            return i ? 0 : EINVAL;
        if (!error)
            error = libos_check_string(argv[i], SIZE_MAX / 2, &length);
        if (error)
            return error;
    }
}

int libos_start_program(int (*ask)(const void *what, struct libos_call *call), const void *what,
                        struct libos_call *call)
{
    int error = ask(what, call);

    for (unsigned i = 0; error == ENOMEM && i < START_REPEATS; i++) {
        struct libos_call wait = {0};

        (void)libos_call_pager(PAGER_AWAIT_RESERVE, &wait);
        error = ask(what, call);
    }
    return error;
}

static int process_ask(const void *arguments, struct libos_call *call)
{
    char *const *argv = arguments;
    int error = 0;

    *call = (struct libos_call){0};
    for (size_t i = 0; !error && argv[i]; i++)
        error = process_send_argument(argv[i], strlen(argv[i]) + 1);
    return error ? error : libos_call_posix(POSIX_SPAWN, call);
}

pid_t faultline_spawn(char *const argv[])
{
    struct libos_call call;
    int error = process_check_arguments(argv);

    if (!error)
        error = libos_start_program(process_ask, argv, &call);
    return libos_result(error) ? -1 : (pid_t)call.word[1];
}

/* Pointers are checked before anything is asked: a child stays to be waited for.  All processes are one group: pid 0 means any child, as -1 does, and other groups have no member.
 * No child stops or goes on: WUNTRACED and WCONTINUED report nothing. */
pid_t waitpid(pid_t pid, int *status, int options)
{
    struct libos_call call = {.word = {pid > 0 ? (uint64_t)pid : 0, (uint64_t)(options & WNOHANG)}};
    int error = pid < -1 ? ECHILD : 0;

    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED))
        error = EINVAL;
    if (!error && status)
        error = libos_check_write(status, sizeof *status);
    if (!error)
        error = libos_call_posix(POSIX_WAIT, &call);
    if (libos_result(error))
        return -1;
    if (status && call.word[1])
        *status = (int)call.word[2];
    return (pid_t)call.word[1];
}

pid_t wait(int *status)
{
    return waitpid(-1, status, 0);
}

_Noreturn void faultline_poweroff(int status)
{
    struct libos_call call = {.word = {(unsigned)status & 0xff}};

    libos_call_posix(POSIX_POWEROFF, &call);
    _exit(status);
}

int faultline_counter(enum faultline_source source, unsigned which, uint64_t *value)
{
    struct libos_call call = {.word = {source, which}};
    int error = libos_check_write(value, sizeof *value);

    if (!error)
        error = libos_call_posix(POSIX_COUNTER, &call);
    if (!error)
        *value = call.word[1];
    return libos_result(error);
}

int faultline_file_name(unsigned index, char *name, size_t name_bytes, uint64_t *file_bytes)
{
    struct libos_call call = {.word = {index}};
    int error = libos_check_write(name, name_bytes);

    if (!error && file_bytes)
        error = libos_check_write(file_bytes, sizeof *file_bytes);
    if (!error)
        error = libos_call_pager(PAGER_NAME, &call);
    if (!error && name_bytes) {
        size_t length = call.word[2] < name_bytes ? call.word[2] : name_bytes - 1;

        libos_answer_bytes(name, length);
        name[length] = '\0';
    }
    if (!error && file_bytes)
        *file_bytes = call.word[1];
    return libos_result(error);
}

int sched_yield(void)
{
    flr_thread_yield(0);
    return 0;
}

static long process_frames(enum pager_statistic which)
{
    uint64_t frames = 0;

    return faultline_counter(FAULTLINE_PAGER, which, &frames) ? -1 : (long)frames;
}

long sysconf(int name)
{
    switch (name) {
    case _SC_PAGESIZE:
        return FL_PAGE_BYTES;
    case _SC_NPROCESSORS_CONF:
    case _SC_NPROCESSORS_ONLN:
        return 1;
    case _SC_CLK_TCK:
        return 1000000;
    case _SC_PHYS_PAGES:
        return process_frames(PAGER_STAT_TOTAL_FRAMES);
    case _SC_AVPHYS_PAGES:
        return process_frames(PAGER_STAT_FREE_FRAMES);
    case _SC_OPEN_MAX:
        return FILE_DESCRIPTORS;
    case _SC_MONOTONIC_CLOCK:
    case _SC_TIMERS:
    case _SC_CLOCK_SELECTION:
    case _SC_MEMORY_PROTECTION:
        return 200809;
    default:
        return libos_result(EINVAL);
    }
}

/* The machine has no source of randomness that we may read. */
int getentropy(void *buffer, size_t bytes)
{
    (void)buffer, (void)bytes;
    return libos_result(ENOSYS);
}
