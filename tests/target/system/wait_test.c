/* Children and their ends, checked by their parent: who learns what, what happens where there is no room
 * for one more, and that nothing is lost on the way.  What a copy is: fork_test.c. */
#include "fork_kit.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>

#define SIGNALED(sig) (sig)

static volatile uintptr_t wait_null;
static volatile int wait_data;

FORK_LAW("kernel: free frames", FAULTLINE_KERNEL, FL_COUNTER_FRAMES_FREE)
FORK_LAW("kernel: objects", FAULTLINE_KERNEL, FL_COUNTER_OBJECTS)
FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("kernel: pins", FAULTLINE_KERNEL, FL_COUNTER_PINS)
FORK_LAW("pager: free frames", FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)
FORK_LAW("pager: spaces", FAULTLINE_PAGER, PAGER_STAT_SPACES)
FORK_LAW("pager: entries", FAULTLINE_PAGER, PAGER_STAT_ENTRIES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

/* --- ends ---------------------------------------------------------------------------------------
 */
TEST("each child's status is its own")
{
    static const int codes[] = {0, 1, 42, 255, 256};
    pid_t pids[5];

    for (int i = 0; i < 5; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(codes[i]);
    }
    for (int i = 4; i >= 0; i--)
        CHECK_EQ(fork_wait(pids[i]), EXITED(codes[i] & 0xff));
}

static int wait_write_null(void)
{
    *(volatile int *)wait_null = 1;
    return 0;
}

static int wait_abort(void)
{
    abort();
}

TEST("a child that a signal ends is reported so, and the parent goes on")
{
    int status = fork_run(wait_write_null);

    CHECK_EQ(status, SIGNALED(SIGSEGV));
    CHECK(WIFSIGNALED(status) && !WIFEXITED(status) && WTERMSIG(status) == SIGSEGV);
    status = fork_run(wait_abort);
    CHECK_EQ(status, SIGNALED(SIGABRT));
}

TEST("WNOHANG says 0 while the child runs; an ended child keeps its status until asked")
{
    uint64_t spaces = fork_spaces();
    pid_t pid = fork(), gate;
    int status = -1;

    if (pid == 0) {
        fork_await_spaces(spaces + 2);
        _exit(21);
    }
    CHECK(pid > 0);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
    CHECK_EQ(status, -1);
    gate = fork_open_gate(spaces + 1);
    CHECK_EQ(fork_wait(gate), EXITED(0)); /* it ends after the first */
    fork_await_spaces(spaces);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), pid);
    CHECK_EQ(status, EXITED(21));
    errno = 0;
    CHECK_EQ(waitpid(pid, &status, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
}

static void wait_check_wait_error(pid_t pid, int options, int error)
{
    int status = -5;

    errno = 0;
    CHECK_EQ(waitpid(pid, &status, options), -1);
    CHECK_EQ(errno, error);
    CHECK_EQ(status, -5);
}

TEST("waitpid names what is wrong with a call, and collects nothing then")
{
    pid_t pid;

    wait_check_wait_error(-1, 0, ECHILD);
    wait_check_wait_error(getpid(), 0, ECHILD);
    wait_check_wait_error(getppid(), 0, ECHILD);
    pid = fork();
    if (pid == 0)
        _exit(4);
    wait_check_wait_error(pid, 1 << 20, EINVAL);
    wait_check_wait_error(-1, -1, EINVAL);
    wait_check_wait_error(pid + 1, 0, ECHILD);
    wait_check_wait_error(-pid, 0, ECHILD);
    wait_check_wait_error(INT32_MIN, 0, ECHILD);
    CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    wait_check_wait_error(pid, 0, ECHILD);
}

/* --- what children used -------------------------------------------------------------------------
 */
static void wait_touch(size_t pages)
{
    volatile char *at =
        mmap(NULL, pages * FORK_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHILD_CHECK(at != MAP_FAILED);
    for (size_t i = 0; i < pages; i++)
        at[i * FORK_PAGE] = 1;
}

/* Runs a child that touches so many pages, and waits for a child of its own that does if `below` is
 * not 0.  Returns: what wait4 tells of it. */
static struct rusage wait_use(size_t pages, size_t below)
{
    struct rusage usage;
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        pid = below ? fork() : 0;
        wait_touch(pid ? pages : below ? below : pages);
        if (pid)
            CHILD_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        _exit(0);
    }
    memset(&usage, 0x55, sizeof usage);
    CHECK_EQ(wait4(pid, &status, 0, &usage), pid);
    CHECK_EQ(status, EXITED(0));
    return usage;
}

static int64_t wait_us(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

TEST("wait4 tells a child's faults and its most pages, and no other's")
{
    struct rusage less = wait_use(100, 0), more = wait_use(300, 0);
    int status = -1;

    CHECK(less.ru_minflt >= 100 && less.ru_minflt < 200);
    CHECK_EQ(more.ru_minflt - less.ru_minflt, 200);
    CHECK_EQ(more.ru_maxrss - less.ru_maxrss, 200 * (FORK_PAGE / 1024));
    CHECK_EQ(more.ru_majflt, 0);
    CHECK_EQ(wait3(&status, WNOHANG, NULL), -1);
    CHECK_EQ(errno, ECHILD);
}

TEST("what a child's children used is the child's, once it has waited for them")
{
    struct rusage alone = wait_use(64, 0), both = wait_use(64, 500);

    CHECK(both.ru_minflt >= alone.ru_minflt + 500);
    CHECK(both.ru_maxrss >= 500 * (FORK_PAGE / 1024));
    CHECK(both.ru_maxrss < (500 + 64) * (FORK_PAGE / 1024) + alone.ru_maxrss);
}

TEST("RUSAGE_CHILDREN is the sum over those that were waited for, and the most of any")
{
    struct rusage before, after, first, second;
    struct tms ticks;

    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &before), 0);
    first = wait_use(40, 0);
    second = wait_use(1500, 0);
    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &after), 0);
    CHECK_EQ(after.ru_minflt, before.ru_minflt + first.ru_minflt + second.ru_minflt);
    CHECK_EQ(after.ru_maxrss, second.ru_maxrss);
    CHECK(wait_us(&after.ru_utime) >= wait_us(&before.ru_utime) + wait_us(&second.ru_utime));
    CHECK(times(&ticks) != (clock_t)-1);
    CHECK_EQ(ticks.tms_cutime, wait_us(&after.ru_utime));
}

static int wait_inherit_nothing(void)
{
    struct rusage children, self;

    CHILD_CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0 && children.ru_minflt == 0);
    CHILD_CHECK(children.ru_maxrss == 0 && wait_us(&children.ru_utime) == 0);
    CHILD_CHECK(getrusage(RUSAGE_SELF, &self) == 0 && self.ru_minflt < 64);
    return 0;
}

static int wait_use_much(void)
{
    wait_touch(64);
    wait_use(64, 0);
    return fork_run(wait_inherit_nothing) == EXITED(0) ? 0 : 97;
}

TEST("a child begins with nothing used, by itself or by children")
{
    CHECK_EQ(fork_run(wait_use_much), EXITED(0));
}

/* The child of a child that nobody waited for: it ends before its parent, or is left behind. */
static int wait_for_nobody(void)
{
    uint64_t spaces = fork_spaces();
    struct rusage usage;
    pid_t pid = fork();

    if (pid == 0) {
        wait_touch(2000);
        _exit(0);
    }
    fork_await_spaces(spaces);
    CHILD_CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0 && usage.ru_minflt == 0);
    return pid > 0 ? 0 : 98;
}

TEST("children that nobody waited for are counted nowhere")
{
    struct rusage usage;
    pid_t pid = fork();

    if (pid == 0)
        _exit(wait_for_nobody());
    CHECK_EQ(wait4(pid, NULL, 0, &usage), pid);
    CHECK(usage.ru_minflt < 2000);
    CHECK(usage.ru_maxrss < 2000 * (FORK_PAGE / 1024));
}

static clock_t wait_parents_time;

/* Ends when it has lived for two hundredths of a second; its parent is older than that. */
static int wait_live(void)
{
    CHILD_CHECK(clock() < wait_parents_time);
    while (clock() < CLOCKS_PER_SEC / 50)
        ;
    return 0;
}

TEST("a child's time begins with it, and its parent is told how long it lived")
{
    struct rusage usage;
    pid_t pid;

    while (clock() < CLOCKS_PER_SEC / 5)
        ;
    wait_parents_time = clock();
    pid = fork();
    if (pid == 0)
        _exit(wait_live());
    CHECK_EQ(wait4(pid, NULL, 0, &usage), pid);
    CHECK(wait_us(&usage.ru_utime) >= 1000000 / 50);
    CHECK(wait_us(&usage.ru_utime) <= (int64_t)(clock() - wait_parents_time) + 1000);
}

/* --- families -----------------------------------------------------------------------------------
 */
static int wait_grandchild(void)
{
    pid_t child = getpid(), pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(getppid() == child ? 30 : 99);
    CHILD_CHECK(pid > 0 && waitpid(-1, &status, 0) == pid);
    return WEXITSTATUS(status) + 1;
}

TEST("a grandchild is the child's to wait for")
{
    CHECK_EQ(fork_run(wait_grandchild), EXITED(31));
    wait_check_wait_error(-1, 0, ECHILD);
}

/* One grandchild outlives its parent, one ended before and was not waited for. */
static int wait_leave_orphans(void)
{
    uint64_t spaces = fork_spaces();
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    CHILD_CHECK(pid > 0);
    fork_await_spaces(spaces);
    pid = fork();
    if (pid == 0) {
        while (getppid() != PROCESS_ROOT)
            sched_yield();
        _exit(0);
    }
    return pid > 0 ? 0 : 98;
}

TEST("orphans become process 1's children, which collects them")
{
    uint64_t spaces = fork_spaces();

    for (int i = 0; i < 70; i++) { /* more than there are records */
        CHECK_EQ(fork_run(wait_leave_orphans), EXITED(0));
        wait_check_wait_error(-1, 0, ECHILD);
        fork_await_spaces(spaces);
    }
}

/* --- limits and what stays behind ---------------------------------------------------------------
 */
TEST("200 children one after the other leave no frame behind")
{
    uint64_t frames = fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES);

    for (int i = 0; i < 200; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            wait_data = i;
            _exit(i & 0x7f);
        }
        CHECK_EQ(fork_wait(pid), EXITED(i & 0x7f));
    }
    CHECK_EQ(fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES), frames);
}

/* Forks children that end at once and are not waited for, until that is refused.
 * Returns: their number. */
static int wait_until_refused(void)
{
    int count = 0;
    pid_t pid;

    errno = 0;
    while ((pid = fork()) > 0)
        count++;
    if (pid == 0)
        _exit(0);
    CHECK_EQ(errno, EAGAIN);
    return count;
}

TEST("as many children as there are processes: EAGAIN, until they are waited for")
{
    int first = wait_until_refused(), second;

    for (int i = 0; i < first; i++)
        CHECK(wait(NULL) > 0);
    wait_check_wait_error(-1, 0, ECHILD);
    second = wait_until_refused();
    for (int i = 0; i < second; i++)
        CHECK(wait(NULL) > 0);
    CHECK(first > 16);
    CHECK_EQ(second, first);
}

/* Each forks the next and waits for it; the last one is refused.  Returns: how many follow. */
static int wait_chain(void)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(wait_chain());
    if (pid < 0)
        return errno == EAGAIN ? 0 : 200;
    CHILD_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status) + 1;
}

TEST("a chain of live processes ends with EAGAIN, and all of it comes back")
{
    int status = fork_run(wait_chain);

    CHECK(WEXITSTATUS(status) > 16 && WEXITSTATUS(status) < 99);
    CHECK_EQ(fork_run(wait_chain), status);
}

static uint64_t wait_left; /* frames that wait_in_want leaves free */

/* Takes all memory but some frames, and forks.  What it meets may end it. */
static int wait_in_want(void)
{
    const size_t bytes = (size_t)1 << 32;
    uint64_t left;
    int status = 0;
    volatile char *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pid_t pid;

    CHILD_CHECK(page != MAP_FAILED);
    while ((left = fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES)) > wait_left)
        for (uint64_t i = left > 512 ? left - 256 : 1; i > 0; i--, page += FORK_PAGE)
            *page = 1; /* tables and records take some of the 256 */
    pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        return waitpid(pid, &status, 0) == pid ? 1 : 2;
    return errno == ENOMEM ? 0 : 3;
}

TEST("a fork without memory is ENOMEM, whatever it was that could not be had")
{
    uint64_t spaces = fork_spaces(), frames;
    int refused = 0;

    frames = fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES);
    for (wait_left = 0; wait_left < 24; wait_left++) {
        int status = fork_run(wait_in_want);

        refused += status == EXITED(0);
        CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) <= 1);
        fork_await_spaces(spaces);
        CHECK_EQ(fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES), frames);
    }
    CHECK(refused > 0);
}

/* Four live processes have begun to name arguments, the fifth wants to start a program. */
static int wait_half_filled(int before)
{
    uint32_t label = FL_PROTOCOL_LABEL(POSIX_VERSION, POSIX_ARGUMENT);
    int status = -1;
    pid_t pid;

    if (before == 4)
        return faultline_spawn((char *[]){"true", NULL}) < 0 ? errno : 98;
    memcpy((char *)FL_BUFFER + FL_BUFFER_DATA, "sl", 2);
    CHILD_CHECK(fl_ipc_call(PROGRAM_SLOT_POSIX, FL_INFO(label, 5), 2, 0, 0, 0).word[0] == 0);
    pid = fork();
    if (pid == 0)
        _exit(wait_half_filled(before + 1));
    CHILD_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WEXITSTATUS(status);
}

static int wait_hold_arguments(void)
{
    return wait_half_filled(0);
}

TEST("arguments that others do not finish are EAGAIN, and go with those who began them")
{
    int status = -1;
    pid_t pid;

    CHECK_EQ(fork_run(wait_hold_arguments), EXITED(EAGAIN));
    pid = faultline_spawn((char *[]){"true", NULL});
    CHECK(pid > 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, EXITED(0));
}
