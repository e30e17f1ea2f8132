/* What the tests of processes that copy themselves share: how to fork, how to wait without counting
 * on time, and what every test leaves as it found it.
 *
 * Where one process must wait for another it looks at the number of spaces in the system, which each
 * fork and each end changes. */
#ifndef FORK_KIT_H
#define FORK_KIT_H

#include "harness.h"

#include <errno.h>
#include <faultline/process.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fl_calls.h"
#include "protocol.h"

#define FORK_PAGE    4096u
#define EXITED(code) ((code) << 8)

static inline uint64_t fork_counter(enum faultline_source source, unsigned which)
{
    uint64_t value = UINT64_MAX;

    CHECK_EQ(faultline_counter(source, which, &value), 0);
    return value;
}

/* One of the laws of a file of tests. */
#define FORK_LAW(quantity, source, which)   \
    TEST_LAW(quantity)                      \
    {                                       \
        return fork_counter(source, which); \
    }

/* In a child: ends it with a code that names the line when something does not hold. */
#define CHILD_CHECK(condition) ((condition) ? (void)0 : fork_child_fails(__LINE__, #condition))

static inline _Noreturn void fork_child_fails(int line, const char *text)
{
    printf("# child %d, line %d: %s (errno %d)\n", (int)getpid(), line, text, errno);
    _exit(99);
}

static inline uint64_t fork_spaces(void)
{
    return fork_counter(FAULTLINE_PAGER, PAGER_STAT_SPACES);
}

static inline void fork_await_spaces(uint64_t spaces)
{
    while (fork_spaces() != spaces)
        sched_yield();
}

static inline int fork_wait(pid_t pid)
{
    int status = -1;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

/* Runs `body` in a child.  Returns: its status. */
static inline int fork_run(int (*body)(void))
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(body());
    CHECK(pid > 0);
    return fork_wait(pid);
}

/* Starts a child that others await by the number of spaces: it ends when `spaces` are left. */
static inline pid_t fork_open_gate(uint64_t spaces)
{
    pid_t pid = fork();

    if (pid == 0) {
        fork_await_spaces(spaces);
        _exit(0);
    }
    CHECK(pid > 0);
    return pid;
}

/* So many processes at once, each the next one's parent.  Returns: 0 when all went well. */
static inline int fork_line(int processes)
{
    int status = -1;
    pid_t pid = processes > 0 ? fork() : -1;

    if (pid == 0)
        _exit(fork_line(processes - 1));
    if (pid > 0)
        waitpid(pid, &status, 0);
    return processes > 0 && status != 0;
}

/* Pages of this program's data, heap and stack, tables for what tests map, and what the servers keep
 * for reuse are there before the laws are measured for the first time. */
static void __attribute__((constructor)) fork_warm_up(void)
{
    extern volatile char __start_tests[], _end[];
    volatile char stack[16 * FORK_PAGE];
    volatile char *mapped, *heap;

    for (volatile char *at = __start_tests - (uintptr_t)__start_tests % FORK_PAGE; at < _end;
         at += FORK_PAGE)
        *at = *at;
    for (size_t i = 0; i < sizeof stack; i += FORK_PAGE)
        stack[i] = 1;
    mapped = mmap(NULL, FORK_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    heap = malloc(64);
    *mapped = *heap = 1;
    free((void *)heap);
    if (fork_line(4))
        perror("warm-up");
}

#endif
